"""Training examples for the reader, from question-answering files of one common shape.

Rows are `id, title, context, question, answers[{text, start}], unanswerable`; offsets are code
points. What has no answer comes from three places: questions written to be unanswerable, passages
of the same corpus that share words but not the answer, and questions in which a name or a number
was exchanged for one that the passage does not hold.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.split import paragraphs, sentences
from index.terms import content_terms

# Articles kept out of training, for the calibration to be fitted on questions never seen.
CALIBRATION_ARTICLES = 4
_NAME = re.compile(r"(?<!^)\b(?:[A-Z][\w’'-]+)(?:\s+[A-Z][\w’'-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")


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


def exchanged_questions(rows: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[Example]:
    """Yield answerable questions in which one name or number was exchanged for a foreign one."""
    answerable = [row for row in rows if not row["unanswerable"]]
    names = sorted({m.group() for row in answerable for m in _NAME.finditer(row["question"])})
    numbers = sorted({m.group() for row in answerable for m in _NUMBER.finditer(row["question"])})
    for row in answerable:
        for pattern, pool in ((_NUMBER, numbers), (_NAME, names)):
            matches = list(pattern.finditer(row["question"]))
            if not matches or len(pool) < 20:
                continue
            match = rng.choice(matches)
            other = rng.choice(pool)
            if other.casefold() in row["context"].casefold() or other in row["question"]:
                continue
            question = row["question"][: match.start()] + other + row["question"][match.end() :]
            yield Example(question=question, passage=row["context"], answer=None, evidence=None)
            break
