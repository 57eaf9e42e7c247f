"""Training examples for the reader, from question-answering files of one common shape.

Rows are `id, title, context, question, answers[{text, start}], unanswerable`; offsets are code
points. What has no answer comes from five places: questions written to be unanswerable; passages of
the same corpus that share words but not the answer; passages from which the sentence with the answer
was taken out; questions in which a name or a number was exchanged for a foreign one or for another
of the passage; and questions turned into their opposite.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.split import paragraphs, sentences
from index.terms import content_terms

# Articles kept out of training, for the calibration to be fitted on questions never seen.
CALIBRATION_ARTICLES = 2
_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]+)(?:\s+[A-Z][\w’'-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_OPPOSITES = {
    one: other
    for pair in (
        ("largest", "smallest"),
        ("highest", "lowest"),
        ("most", "least"),
        ("first", "last"),
        ("oldest", "newest"),
        ("before", "after"),
        ("increase", "decrease"),
        ("increased", "decreased"),
        ("began", "ended"),
        ("begin", "end"),
        ("start", "end"),
        ("started", "ended"),
        ("open", "close"),
        ("opened", "closed"),
        ("more", "less"),
        ("early", "late"),
        ("north", "south"),
        ("northern", "southern"),
        ("east", "west"),
        ("eastern", "western"),
        ("won", "lost"),
        ("win", "lose"),
        ("gain", "lose"),
        ("support", "oppose"),
        ("supported", "opposed"),
        ("legal", "illegal"),
        ("best", "worst"),
        ("positive", "negative"),
        ("up", "down"),
        ("male", "female"),
        ("possible", "impossible"),
        ("allowed", "forbidden"),
    )
    for one, other in (pair, pair[::-1])
}
_OPPOSITE = re.compile(r"\b(?:" + "|".join(sorted(_OPPOSITES, key=len, reverse=True)) + r")\b", re.IGNORECASE)
# After these a "not" turns the question round.
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should|must)\b", re.IGNORECASE
)

_OPEN_ENDED = re.compile(
    r"\bwhy\b|\b(?:reasons?|causes?|caused|purpose|effects?|consequences?|because|explain\w*|lead to|leads to"
    r"|led to|motivat\w+|significance|advantages?|benefits?|problems?)\b|\bhow\b(?!\s+(?:many|much|long|old"
    r"|often|far|big|large|tall|high|deep|fast|few|close|wide|heavy|late|early)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question and passage; `answer` and `evidence` are character spans, `None` if there are none."""

    question: str
    passage: str
    answer: tuple[int, int] | None
    evidence: tuple[int, int] | None


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a gzipped JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def split_squad(rows: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (training rows, calibration rows), split by article, the last ones in order of name."""
    titles = sorted({row["title"] for row in rows})
    held_out = set(titles[-CALIBRATION_ARTICLES:])
    return (
        [row for row in rows if row["title"] not in held_out],
        [row for row in rows if row["title"] in held_out],
    )


def is_open_ended(question: str) -> bool:
    """Return whether a question asks for a reason, a way or a consequence, not for a name or a number."""
    return _OPEN_ENDED.search(question) is not None


def letters(text: str) -> str:
    """Return what of a text is compared when looking for the same text elsewhere."""
    return "".join(char for char in text.casefold() if char.isalnum())


def without_texts_of(
    rows: Sequence[dict[str, Any]], others: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows whose question and passage are in none of the others, compared by letters."""
    seen = {letters(other[key]) for other in others for key in ("question", "context")}
    return [
        row for row in rows if letters(row["question"]) not in seen and letters(row["context"]) not in seen
    ]


def sentence_around(context: str, start: int, end: int) -> tuple[int, int]:
    """Return the sentence, or the run of sentences, that holds a span."""
    found = [
        sentence
        for paragraph in paragraphs(context)
        for sentence in sentences(context, paragraph)
        if sentence.start < end and sentence.end > start
    ]
    return (found[0].start, found[-1].end) if found else (start, end)


def plain_examples(rows: Sequence[dict[str, Any]]) -> Iterator[Example]:
    """Yield the rows themselves, answerable and not."""
    for row in rows:
        if row["unanswerable"]:
            yield Example(question=row["question"], passage=row["context"], answer=None, evidence=None)
            continue
        for answer in row["answers"]:
            start, end = answer["start"], answer["start"] + len(answer["text"])
            if answer["start"] >= 0 and row["context"][start:end] == answer["text"]:
                yield Example(
                    question=row["question"],
                    passage=row["context"],
                    answer=(start, end),
                    evidence=sentence_around(row["context"], start, end),
                )
                break


def mined_negatives(rows: Sequence[dict[str, Any]], per_question: int) -> Iterator[Example]:
    """Yield answerable questions with other passages that share most words but hold no answer."""
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    words = [frozenset(content_terms(context)) for context in contexts]
    postings: dict[str, list[int]] = defaultdict(list)
    for number, terms in enumerate(words):
        for term in terms:
            postings[term].append(number)
    for row in rows:
        if row["unanswerable"]:
            continue
        scores: dict[int, float] = defaultdict(float)
        for term in set(content_terms(row["question"])):
            holders = postings.get(term, ())
            if len(holders) <= len(contexts) // 4:
                for number in holders:
                    scores[number] += 1.0 / (1 + len(holders)) ** 0.5
        answers = [answer["text"].casefold() for answer in row["answers"] if answer["text"]]
        ranked = sorted(scores, key=lambda number: (-scores[number], number))[:8]
        usable = [
            number
            for number in ranked
            if contexts[number] != row["context"]
            and not any(answer in contexts[number].casefold() for answer in answers)
        ]
        for number in usable[:per_question]:
            yield Example(question=row["question"], passage=contexts[number], answer=None, evidence=None)


def bereft_passages(rows: Sequence[dict[str, Any]]) -> Iterator[Example]:
    """Yield answerable questions with their passage less the sentence that answers.

    Nothing else in it may hold the answer's text, and two sentences at least must be left.
    """
    for example in plain_examples(rows):
        if example.answer is None or example.evidence is None:
            continue
        answer = example.passage[slice(*example.answer)].casefold()
        start, end = example.evidence
        rest = f"{example.passage[:start].rstrip()} {example.passage[end:].lstrip()}".strip()
        if answer in rest.casefold() or len(_sentences(rest)) < 2:
            continue
        yield Example(question=example.question, passage=rest, answer=None, evidence=None)


def exchanged_questions(
    rows: Sequence[dict[str, Any]], rng: random.Random, *, inside: float = 0.0
) -> Iterator[Example]:
    """Yield answerable questions in which one name or number was exchanged.

    With probability `inside` for another of the same passage (not the answer), which makes the harder
    ones; otherwise for a foreign one that the passage does not hold.
    """
    answerable = [row for row in rows if not row["unanswerable"]]
    names = sorted({m.group() for row in answerable for m in _NAME.finditer(row["question"])})
    numbers = sorted({m.group() for row in answerable for m in _NUMBER.finditer(row["question"])})
    for row in answerable:
        context, asked = row["context"], row["question"]
        answers = " ".join(answer["text"] for answer in row["answers"])
        for pattern, pool in ((_NUMBER, numbers), (_NAME, names)):
            matches = list(pattern.finditer(asked))
            if not matches or len(pool) < 20:
                continue
            match = rng.choice(matches)
            if rng.random() < inside:
                own = sorted({m.group() for m in pattern.finditer(context)})
                own = [
                    one for one in own if one not in asked and one not in answers and match.group() not in one
                ]
                if not own:
                    continue
                other = rng.choice(own)
            else:
                other = rng.choice(pool)
                if other.casefold() in context.casefold() or other in asked:
                    continue
            question = asked[: match.start()] + other + asked[match.end() :]
            yield Example(question=question, passage=context, answer=None, evidence=None)
            break


def opposite_questions(rows: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[Example]:
    """Yield answerable questions that ask for the opposite: a word's, or the whole with a "not"."""
    for row in rows:
        asked = row["question"]
        if row["unanswerable"]:
            continue
        found = list(_OPPOSITE.finditer(asked))
        if found:
            match = rng.choice(found)
            question = asked[: match.start()] + _OPPOSITES[match.group().casefold()] + asked[match.end() :]
        elif (auxiliary := _AUXILIARY.search(asked)) and rng.random() < 0.15:
            question = f"{asked[: auxiliary.end()]} not{asked[auxiliary.end() :]}"
        else:
            continue
        yield Example(question=question, passage=row["context"], answer=None, evidence=None)


def cropped(example: Example, rng: random.Random, characters: int) -> Example:
    """Return an example with a run of its passage's sentences of about so many characters.

    The run holds the evidence, at a place drawn by `rng`; a passage short enough stays as it is.
    """
    if len(example.passage) <= characters:
        return example
    spans = _sentences(example.passage)
    if not spans:
        return example
    first = last = rng.randrange(len(spans))
    if example.evidence is not None:
        held = [n for n, (a, b) in enumerate(spans) if a < example.evidence[1] and b > example.evidence[0]]
        if not held:
            return example
        first, last = held[0], held[-1]
    while True:
        sides = [first > 0, last + 1 < len(spans)]
        if not any(sides):
            break
        left = sides[0] and (not sides[1] or rng.random() < 0.5)
        start, end = (spans[first - 1][0], spans[last][1]) if left else (spans[first][0], spans[last + 1][1])
        if end - start > characters:
            break
        first, last = (first - 1, last) if left else (first, last + 1)
    start, end = spans[first][0], spans[last][1]
    return Example(
        question=example.question,
        passage=example.passage[start:end],
        answer=None if example.answer is None else (example.answer[0] - start, example.answer[1] - start),
        evidence=None
        if example.evidence is None
        else (example.evidence[0] - start, example.evidence[1] - start),
    )


def _sentences(text: str) -> list[tuple[int, int]]:
    return [(s.start, s.end) for paragraph in paragraphs(text) for s in sentences(text, paragraph)]
