"""Computes every figure of a run anew from its folder, and compares it with the run's scores.

    python eval/recompute.py RUN_FOLDER [--json] [--against scores.json]

It needs the standard library only and imports nothing of this project, so that it can be read,
copied and run by somebody who trusts none of the rest. It follows the definitions that
`verse eval metrics` prints and the sources they name, as plainly as it can, and slowly.

With `--against` (or a `scores.json` in the run folder) every value, every number of questions, the
counts, the risk-coverage curve and the reliability table are compared, of the whole run, of each
kind and of each question, and each difference is printed.

Exit status: 0 when all agree to four decimals or there is nothing to compare with, 1 when one does
not, 2 when the run or the scores cannot be read.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

FORMAT = 1
# Half a unit of the fourth decimal; the scores themselves are rounded to the sixth.
TOLERANCE = 0.00005
BINS = 10
WHOLE = "whole run"
DUPLICATE_JACCARD = 0.85
VARIANTS = ("typo", "paraphrase", "lower_case", "language", "other")

_MARKER = re.compile(r"\[\d+\]")
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"\w+")
# A sentence ends at a line's end, or after a stop and closing quotes or brackets before white space
# and anything but a small letter.
_SENTENCE_END = re.compile(r"\n+|[.!?…。！？]+[\"'”’»)\]]*\s+(?=[^a-zа-яё\s])")

Row = dict[str, Any]
Place = tuple[str, int, int]
"""Document id, start, end."""
Figure = tuple[float | None, int]
"""A value, `None` where nothing defines it, and how many questions it rests on."""


class UnreadableError(Exception):
    """A file of the run or the scores cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question, what came of it, and how long it took."""

    question: Row
    entry: Row
    timing: Row

    @property
    def name(self) -> str:
        """The question's id."""
        return str(self.question["question_id"])

    @property
    def failed(self) -> bool:
        """There is no answer, so that no metric counts this question."""
        return bool(self.entry["outcome"] == "failed")

    @property
    def abstained(self) -> bool:
        """The service said that the sources do not answer."""
        return bool(self.entry["outcome"] == "abstained")

    @property
    def answered(self) -> bool:
        """There is an answer, whole or partial."""
        return self.entry["outcome"] in ("answered", "partial")

    @property
    def answerable(self) -> bool | None:
        """The data set's label; `None` where it does not say."""
        label = self.question["answerable"]
        return None if label is None else bool(label)

    @property
    def golds(self) -> list[Row]:
        """The gold quotes of a question that is not labelled unanswerable."""
        return [] if self.answerable is False else list(self.question["gold"])

    @property
    def citations(self) -> list[Row]:
        """The citations of an answer."""
        return list(self.entry["record"]["citations"]) if self.answered else []

    @property
    def text(self) -> str:
        """The whole answer without its markers."""
        return str(self.entry["record"]["answer_without_citations"])

    @property
    def variant(self) -> str | None:
        """Which of `VARIANTS` this question is; `None` for one that varies no other."""
        how = self.question["variant"]
        if self.question["variant_of"] is None or how is None:
            return None
        if how in VARIANTS:
            return str(how)
        return "language" if _LANGUAGE_CODE.fullmatch(how) else "other"


@dataclass(frozen=True, kw_only=True)
class RunData:
    """A finished run, as its files say."""

    name: str
    manifest: Row
    cases: list[Case]
    documents: dict[str, Row]

    def alive(self) -> list[Case]:
        """The questions that did not fail."""
        return [case for case in self.cases if not case.failed]

    def kinds(self) -> list[str]:
        """The kinds of the questions, in order of first use."""
        return list(dict.fromkeys(case.question["kind"] for case in self.cases))


# --- Reading


def read_run(folder: Path) -> RunData:
    """Read a finished run.

    Raises:
        UnreadableError: a file is missing, damaged, unfinished or of another format.
    """
    manifest = _json_object(folder / "run.json")
    if manifest.get("format") != FORMAT:
        raise UnreadableError(f"{folder / 'run.json'}: format {manifest.get('format')!r}, not {FORMAT}")
    if manifest.get("finished") is not True:
        raise UnreadableError(f"{folder}: the run was not finished; go on with it before recomputing")
    questions = _rows(
        folder / "questions.jsonl",
        ("question_id", "kind", "answerable", "answers", "gold", "relevant", "variant_of", "variant"),
    )
    entries = _rows(folder / "answers.jsonl", ("question_id", "outcome", "record", "ranking", "failure"))
    timings = _rows(folder / "timings.jsonl", ("question_id", "ask_ms", "search_ms"))
    documents = _rows(folder / "documents.jsonl", ("document_id", "text"))
    names = [row["question_id"] for row in questions]
    if names != [row["question_id"] for row in entries]:
        raise UnreadableError(f"{folder}: answers.jsonl does not answer questions.jsonl, in order")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UnreadableError(f"{folder / 'questions.jsonl'}: {twice[0]!r} stands twice")
    timing_of = {row["question_id"]: row for row in timings}
    no_timing = {"ask_ms": None, "search_ms": None}
    return RunData(
        name=folder.resolve().name,
        manifest=manifest,
        cases=[
            Case(question=question, entry=entry, timing=timing_of.get(question["question_id"], no_timing))
            for question, entry in zip(questions, entries, strict=True)
        ],
        documents={row["document_id"]: row for row in documents},
    )


def _json_object(path: Path) -> Row:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UnreadableError(f"{path}: {type(content).__name__} instead of an object")
    return content


def _rows(path: Path, fields: Sequence[str]) -> list[Row]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
    if lines.pop() != b"":
        raise UnreadableError(f"{path}: the last line is cut off")
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableError(f"{path}, line {number}: {error}") from error
        if not isinstance(row, dict) or (lacking := [name for name in fields if name not in row]):
            raise UnreadableError(f"{path}, line {number}: no object with {', '.join(fields)}: {lacking}")
        rows.append(row)
    return rows


# --- Texts and places


def squeezed(text: str) -> str:
    """Return a text in NFC without white space."""
    return "".join(unicodedata.normalize("NFC", text).split())


def places(needle: str, haystack: str) -> list[int]:
    """Return every start of one text in another, overlapping ones too; none of the empty text."""
    starts: list[int] = []
    at = haystack.find(needle) if needle else -1
    while at >= 0:
        starts.append(at)
        at = haystack.find(needle, at + 1)
    return starts


def place_of(citation: Row, documents: Mapping[str, Row]) -> Place | None:
    """Return where a citation stands; `None` unless its offsets hold."""
    start, end = citation["start_char_index"], citation["end_char_index"]
    return held_place(citation["cited_text"], citation["document_id"], start, end, documents)


def held_place(
    text: str, document_id: str | None, start: object, end: object, documents: Mapping[str, Row]
) -> Place | None:
    """Return a place if a document that the run keeps has exactly this text there."""
    # Offsets into a document that the run does not keep cannot be shown to hold.
    if document_id is None or document_id not in documents:
        return None
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
        return None
    if end - start != len(text) or documents[document_id]["text"][start:end] != text:
        return None
    return document_id, start, end


def verifies(citation: Row, documents: Mapping[str, Row]) -> bool:
    """Tell whether a citation's offsets hold in a document with the hash that it names."""
    if place_of(citation, documents) is None:
        return False
    try:
        content = documents[citation["document_id"]]["text"].encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair: such a text has no hash
        return False
    return bool(sha256(content).hexdigest() == citation["document_sha256"])


def may_meet(one: Row, gold: Row) -> bool:
    """Tell whether a citation or passage can be of a gold quote's document: either may name none."""
    return one["document_id"] == gold["document_id"] or None in (one["document_id"], gold["document_id"])


def gold_places(gold: Row, document_id: str | None, documents: Mapping[str, Row]) -> list[Place]:
    """Return every place of a gold quote's text in a document, its own place first if it holds."""
    if document_id is None or document_id not in documents:
        return []
    found = places(gold["text"], documents[document_id]["text"])
    found.sort(key=lambda start: (start != gold["start"], start))
    return [(document_id, start, start + len(gold["text"])) for start in found]


def overlap(a: Place, b: Place) -> bool:
    """Tell whether two places share a character."""
    return a[0] == b[0] and a[1] < b[2] and b[1] < a[2]


def shares(citation: Row, gold: Row, documents: Mapping[str, Row]) -> bool:
    """Tell whether a citation shares a character with a gold quote."""
    if not may_meet(citation, gold):
        return False
    here = place_of(citation, documents)
    there = gold_places(gold, citation["document_id"], documents)
    if here is not None and there:
        return any(overlap(here, place) for place in there)
    return touch(citation["cited_text"], gold["text"])


def touch(quote: str, gold: str) -> bool:
    """Tell whether a quote is gold's by its text: it holds gold, or is a half of it or more."""
    said, wanted = squeezed(quote), squeezed(gold)
    if not said or not wanted:
        return False
    return wanted in said or (said in wanted and len(said) >= len(wanted) / 2)


def common(text: str, other: str) -> set[int]:
    """Return the places of `text` that `other` has, of two texts that touch."""
    mine, others = squeezed(text), squeezed(other)
    # In a text that is not in NFC, characters have no places of their own.
    if mine in others or not unicodedata.is_normalized("NFC", text):
        return set(range(len(text)))
    solid = [at for at, character in enumerate(text) if not character.isspace()]
    return {
        at for start in places(others, mine) for at in range(solid[start], solid[start + len(others) - 1] + 1)
    }


def quoted_characters(case: Case, documents: Mapping[str, Row]) -> dict[tuple[str, int], bool]:
    """Return the quoted characters of an answer, each once, and whether it lies in a gold quote."""
    inside: dict[tuple[str, int], bool] = {}
    for citation in case.citations:
        here = place_of(citation, documents)
        text = citation["cited_text"]
        hit: set[int] = set()
        for gold in case.golds:
            there = gold_places(gold, citation["document_id"], documents)
            if not may_meet(citation, gold):
                continue
            if here is None or not there:
                hit |= common(text, gold["text"]) if touch(text, gold["text"]) else set()
                continue
            for _, start, end in there:
                hit |= set(range(max(start, here[1]) - here[1], min(end, here[2]) - here[1]))
        for at in range(len(text)):
            # Without a place, a character is known by the text that it stands in.
            key = ("text " + text, at) if here is None else ("document " + here[0], here[1] + at)
            inside[key] = inside.get(key, False) or at in hit
    return inside


def gold_characters(case: Case, documents: Mapping[str, Row]) -> dict[tuple[str, str | None, int], bool]:
    """Return the characters of the gold quotes, each once, and whether it was quoted."""
    quoted: dict[tuple[str, str | None, int], bool] = {}
    for gold in case.golds:
        own = gold_places(gold, gold["document_id"], documents)
        text = gold["text"]
        hit: set[int] = set()
        for citation in case.citations:
            here = place_of(citation, documents)
            there = gold_places(gold, citation["document_id"], documents)
            if not may_meet(citation, gold):
                continue
            if here is None or not there:
                quote = citation["cited_text"]
                hit |= common(text, quote) if touch(quote, text) else set()
                continue
            for _, start, end in there:
                hit |= set(range(max(start, here[1]) - start, min(end, here[2]) - start))
        for at in range(len(text)):
            # Without a place, a character is known by the text that it stands in and the document named.
            key = (
                ("document", own[0][0], own[0][1] + at) if own else ("text " + text, gold["document_id"], at)
            )
            quoted[key] = quoted.get(key, False) or at in hit
    return quoted


# --- Retrieval


def ranked_documents(case: Case) -> list[str] | None:
    """Return the documents of a ranking by their first passage; `None` where it has none."""
    ranking = case.entry["ranking"]
    if ranking is None or any(passage["document_id"] is None for passage in ranking):
        return None
    return list(dict.fromkeys(passage["document_id"] for passage in ranking))


def grades(case: Case) -> dict[str, int]:
    """Return the grade of each relevant document; grade 1 for gold's where none is given."""
    if case.question["relevant"]:
        rows = dict(case.question["relevant"])  # of a document that stands twice, the last grade counts
        return {name: int(grade) for name, grade in rows.items() if grade >= 1}
    golds = case.question["gold"]
    return {gold["document_id"]: 1 for gold in golds if gold["document_id"] is not None}


def graded_ranking(case: Case) -> tuple[list[int], list[int]] | None:
    """Return the grades of the ranked documents and, highest first, those of all relevant ones."""
    wanted, found = grades(case), ranked_documents(case)
    if not wanted or found is None:
        return None
    return [wanted.get(name, 0) for name in found], sorted(wanted.values(), reverse=True)


def ndcg(found: list[int], wanted: list[int], k: int) -> float:
    """Järvelin and Kekäläinen, 2002, with the grade itself as gain, as trec_eval has it."""

    def gain(row: list[int]) -> float:
        return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(row[:k], 1))

    return gain(found) / gain(wanted)


def average_precision(found: list[int], wanted: list[int], k: int) -> float:
    """Precision at each relevant document's rank, by the number of all relevant ones."""
    ranks = [rank for rank, grade in enumerate(found[:k], 1) if grade]
    return math.fsum(place / rank for place, rank in enumerate(ranks, 1)) / len(wanted)


def reciprocal_rank(found: Sequence[object], k: int) -> float:
    """1 by the rank of the first true item among the first k, else 0."""
    return next((1 / rank for rank, item in enumerate(found[:k], 1) if item), 0.0)


def passages(case: Case, documents: Mapping[str, Row]) -> list[tuple[Row, str]] | None:
    """Return the first ten passages of a ranking with their texts."""
    ranking = case.entry["ranking"]
    if ranking is None or not case.golds:
        return None
    found = []
    for passage in ranking[:10]:
        text = passage["text"]
        if text is None:
            if passage["document_id"] not in documents or None in (passage["start"], passage["end"]):
                raise UnreadableError(
                    f"{case.name}: the run keeps no text of a passage of {passage['document_id']!r}"
                )
            text = documents[passage["document_id"]]["text"][passage["start"] : passage["end"]]
        found.append((passage, text))
    return found


def evidence_recall(case: Case, documents: Mapping[str, Row], k: int) -> float | None:
    """Share of the gold quotes that stand wholly in one of the first k passages."""
    found = passages(case, documents)
    if found is None:
        return None

    def holds(passage: Row, text: str, gold: Row) -> bool:
        if not may_meet(passage, gold):
            return False
        here = held_place(text, passage["document_id"], passage["start"], passage["end"], documents)
        there = gold_places(gold, passage["document_id"], documents)
        if here is not None and there:
            return any(here[1] <= start and end <= here[2] for _, start, end in there)
        return squeezed(gold["text"]) in squeezed(text)

    held = [any(holds(passage, text, gold) for passage, text in found[:k]) for gold in case.golds]
    return sum(held) / len(held)


def facts_held(case: Case, documents: Mapping[str, Row]) -> tuple[list[set[str]], int] | None:
    """Return the facts that each passage holds, and how many facts there are (MultiHop-RAG)."""
    found = passages(case, documents)
    if found is None:
        return None

    def bare(text: str) -> str:
        return unicodedata.normalize("NFC", text).replace(" ", "").replace("\n", "")

    # The paper's script counts facts as they are written, and finds them without spaces.
    written = {gold["text"] for gold in case.golds}
    facts = {bare(fact) for fact in written}
    return [{fact for fact in facts if fact in bare(text)} for _, text in found], len(written)


def multihop_map(held: list[set[str]], facts: int, k: int) -> float:
    """Facts first found at each rank by the rank, by the number of facts (MultiHop-RAG)."""
    seen: set[str] = set()
    total = 0.0
    for rank, here in enumerate(held[:k], 1):
        total += len(here - seen) / rank
        seen |= here
    return total / min(facts, 10)


# --- Reading, by SQuAD's rules


def normalised(text: str) -> str:
    """Return a text in lower case without punctuation and articles, words parted by one space."""
    bare = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def word_f1(prediction: str, answer: str) -> float:
    """Harmonic mean of word precision and recall; exact where either text is empty."""
    mine, theirs = normalised(prediction).split(), normalised(answer).split()
    if not mine or not theirs:
        return float(mine == theirs)
    both = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * both / (len(mine) + len(theirs))


def exact(prediction: str, answer: str) -> float:
    """1 when both texts are equal after normalisation."""
    return float(normalised(prediction) == normalised(answer))


def reading(case: Case, score: Callable[[str, str], float]) -> float | None:
    """Score the prediction against the best of the acceptable answers."""
    answers = [text for text in case.question["answers"] if normalised(text)] or [""]
    if case.answerable is False:
        answers = [""]
    elif not case.question["answers"]:
        return None
    if case.abstained:
        prediction = ""
    else:
        short = case.entry["record"]["short_answer"]
        prediction = case.text if short is None else short
    return max(score(prediction, answer) for answer in answers)


# --- Quotes and citations


def hit_at(case: Case, documents: Mapping[str, Row], k: int) -> float | None:
    """1 when one of the first k citations shares a character with a gold quote."""
    if not case.golds:
        return None
    return float(
        any(shares(citation, gold, documents) for citation in case.citations[:k] for gold in case.golds)
    )


def quote_precision(case: Case, documents: Mapping[str, Row]) -> float | None:
    """Share of the quoted characters that lie in gold."""
    if not case.golds or not case.answered:
        return None
    return share(quoted_characters(case, documents).values())


def quote_recall(case: Case, documents: Mapping[str, Row]) -> float | None:
    """Share of the gold characters that were quoted."""
    return share(gold_characters(case, documents).values()) if case.golds else None


def needless(case: Case, documents: Mapping[str, Row]) -> float | None:
    """How many quoted characters lie in no gold quote."""
    if not case.golds or not case.citations:
        return None
    return float(sum(not inside for inside in quoted_characters(case, documents).values()))


def duplicates(citations: Sequence[Row], documents: Mapping[str, Row]) -> int:
    """How many citations repeat an earlier one, by their places or by their words."""
    words = [set(_WORD.findall(citation["cited_text"].lower())) for citation in citations]
    spots = [place_of(citation, documents) for citation in citations]

    def repeats(late: int, early: int) -> bool:
        here, there = spots[late], spots[early]
        if here is not None and there is not None and overlap(here, there):
            return True
        union = words[late] | words[early]
        return bool(union) and len(words[late] & words[early]) / len(union) >= DUPLICATE_JACCARD

    return sum(any(repeats(late, early) for early in range(late)) for late in range(len(citations)))


def sentence_starts(answer: str) -> list[int]:
    """Return where each sentence of an answer starts; markers count as spaces."""
    plain = _MARKER.sub(lambda found: " " * len(found.group()), answer)
    edges = [0, *(found.end() for found in _SENTENCE_END.finditer(plain)), len(plain)]
    return [
        start + len(plain[start:end]) - len(plain[start:end].lstrip())
        for start, end in itertools.pairwise(edges)
        if _WORD.search(plain[start:end])
    ]


def cited_sentences(case: Case) -> float | None:
    """Share of an answer's sentences in which a part lies that a citation supports."""
    if not case.answered:
        return None
    answer = case.entry["record"]["answer"]
    starts = sentence_starts(answer)
    spans = [span for citation in case.citations for span in citation["answer_spans"]]
    return (
        share(
            any(span["start"] < end and start < span["end"] for span in spans)
            for start, end in zip(starts, [*starts[1:], len(answer)], strict=False)
        )
        if starts
        else None
    )


def every_sentence(case: Case, documents: Mapping[str, Row]) -> float | None:
    """1 when every sentence is cited and every citation verifies."""
    cited = cited_sentences(case)
    if cited is None:
        return None
    return float(cited == 1 and all(verifies(citation, documents) for citation in case.citations))


def citation_precision(case: Case, documents: Mapping[str, Row]) -> float | None:
    """Share of the citations that share a character with gold."""
    if not case.golds or not case.answered:
        return None
    return share(any(shares(citation, gold, documents) for gold in case.golds) for citation in case.citations)


def citation_recall(case: Case, documents: Mapping[str, Row]) -> float | None:
    """Share of the gold quotes that share a character with a citation."""
    if not case.golds:
        return None
    return share(any(shares(citation, gold, documents) for citation in case.citations) for gold in case.golds)


# --- Refusing


def right(case: Case, documents: Mapping[str, Row]) -> float | None:
    """1 when the question was answered rightly, or rightly abstained on; `None` where nobody can say."""
    if case.answerable is False:
        return float(case.abstained)
    if case.golds:
        return hit_at(case, documents, len(case.citations))
    answers = [words for words in map(normalised, case.question["answers"]) if words]
    if not answers:
        return None
    if case.abstained:
        return 0.0
    said = f" {normalised(case.text)} "
    return float(any(f" {words} " in said for words in answers))


def auroc(scored: Sequence[tuple[float, bool]]) -> float | None:
    """Probability that a true item scores above a false one, ties half."""
    high = [score for score, label in scored if label]
    low = [score for score, label in scored if not label]
    if not high or not low:
        return None
    wins = sum((a > b) + (a == b) / 2 for a in high for b in low)
    return wins / (len(high) * len(low))


def risks(judged: Sequence[tuple[float, bool]]) -> list[float]:
    """Return the share of wrong answers after each answer, most confident first, ties shared evenly."""
    found: list[float] = []
    wrong_before = 0
    for confidence in sorted({confidence for confidence, _ in judged}, reverse=True):
        group = [is_right for other, is_right in judged if other == confidence]
        wrong, before = group.count(False), len(found)
        found += [
            (wrong_before + wrong * place / len(group)) / (before + place)
            for place in range(1, len(group) + 1)
        ]
        wrong_before += wrong
    return found


def reliability(judged: Sequence[tuple[float, bool]]) -> list[Row]:
    """Return the bins of confidence; the last one is closed."""
    table = []
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        group = [pair for pair in judged if low <= pair[0] and (pair[0] < high or number == BINS - 1)]
        table.append(
            {
                "low": low,
                "high": high,
                "count": len(group),
                "mean_confidence": mean([confidence for confidence, _ in group]),
                "share_right": mean([float(is_right) for _, is_right in group]),
            }
        )
    return table


def calibration_error(judged: Sequence[tuple[float, bool]]) -> float | None:
    """Distance of mean confidence and share right, weighted by answers."""
    if not judged:
        return None
    parts = [
        row["count"] * abs(row["mean_confidence"] - row["share_right"])
        for row in reliability(judged)
        if row["count"]
    ]
    return math.fsum(parts) / len(judged)


# --- Every figure


def share(flags: Iterable[bool]) -> float:
    """Share of the true ones; 0 of none."""
    row = list(flags)
    return sum(row) / len(row) if row else 0.0


def mean(values: Sequence[float]) -> float | None:
    """Mean; `None` of nothing."""
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], per_cent: float) -> float | None:
    """Hyndman and Fan's definition 7: on the straight line between two values."""
    if not values:
        return None
    row = sorted(values)
    place = (len(row) - 1) * per_cent / 100
    below = math.floor(place)
    above = min(below + 1, len(row) - 1)
    return row[below] + (row[above] - row[below]) * (place - below)


def per_question(case: Case, documents: Mapping[str, Row]) -> dict[str, float]:
    """Return the value of each metric that is a mean over questions, where this one defines it."""
    if case.failed:
        return {}
    values: dict[str, float | None] = {
        "reading_em": reading(case, exact),
        "reading_f1": reading(case, word_f1),
        "reading_em_answerable": None if case.answerable is False else reading(case, exact),
        "reading_f1_answerable": None if case.answerable is False else reading(case, word_f1),
        "quote_precision": quote_precision(case, documents),
        "quote_recall": quote_recall(case, documents),
        "needless_characters": needless(case, documents),
        "cited_sentence_share": cited_sentences(case),
        "every_sentence_supported": every_sentence(case, documents),
        "citation_precision": citation_precision(case, documents),
        "citation_recall": citation_recall(case, documents),
        "right_share": right(case, documents),
        "answered_of_answerable": float(case.answered) if case.answerable else None,
        **{f"gold_quote_hit_at_{k}": hit_at(case, documents, k) for k in (1, 3, 5)},
        **{f"evidence_recall_at_{k}": evidence_recall(case, documents, k) for k in (4, 10)},
    }
    graded = graded_ranking(case)
    if graded is not None:
        found, wanted = graded
        values |= {
            "ndcg_at_10": ndcg(found, wanted, 10),
            "ap_at_10": average_precision(found, wanted, 10),
            "rr_at_10": reciprocal_rank(found, 10),
            **{f"recall_at_{k}": sum(map(bool, found[:k])) / len(wanted) for k in (5, 10)},
            **{f"success_at_{k}": float(any(found[:k])) for k in (1, 5, 10)},
        }
    held = facts_held(case, documents)
    if held is not None:
        facts, count = held
        values |= {
            **{f"hits_at_{k}": float(any(facts[:k])) for k in (4, 10)},
            "mrr_at_10": reciprocal_rank(facts, 10),
            "map_at_10": multihop_map(facts, count, 10),
        }
    return {name: value for name, value in values.items() if value is not None}


PER_QUESTION = (
    *("ndcg_at_10", "recall_at_5", "recall_at_10", "ap_at_10", "rr_at_10"),
    *("success_at_1", "success_at_5", "success_at_10", "evidence_recall_at_4", "evidence_recall_at_10"),
    *("hits_at_4", "hits_at_10", "mrr_at_10", "map_at_10"),
    *("reading_em", "reading_f1", "reading_em_answerable", "reading_f1_answerable"),
    *("gold_quote_hit_at_1", "gold_quote_hit_at_3", "gold_quote_hit_at_5"),
    *("quote_precision", "quote_recall", "needless_characters"),
    *("cited_sentence_share", "every_sentence_supported", "citation_precision", "citation_recall"),
    *("right_share", "answered_of_answerable"),
)


def probability(case: Case) -> float | None:
    """Return how sure the service was that there is an answer; `None` where it does not say."""
    record = case.entry["record"]
    if case.answered:
        return None if record["confidence"] is None else float(record["confidence"])
    refusal = record["abstention"]
    if refusal is None or refusal.get("probability") is None:
        return None
    return 1 - float(refusal["probability"])


def figures(
    cases: Sequence[Case], run: RunData, values: Mapping[str, Mapping[str, float]]
) -> dict[str, Figure]:
    """Return every metric of these questions; `values` are those of each question."""
    alive = [case for case in cases if not case.failed]
    answers = [case for case in alive if case.answered]
    found: dict[str, Figure] = {}
    for name in PER_QUESTION:
        row = [values[case.name][name] for case in alive if name in values[case.name]]
        found[name] = mean(row), len(row)
    citing = [case for case in answers if case.citations]
    citations = [citation for case in citing for citation in case.citations]
    found["verified_share"] = (
        mean([float(verifies(citation, run.documents)) for citation in citations]),
        len(citing),
    )
    repeated = sum(duplicates(case.citations, run.documents) for case in citing)
    found["duplicate_share"] = (repeated / len(citations) if citations else None), len(citing)
    found |= refusal_figures(alive, run, values)
    for how in VARIANTS:
        found[f"variant_kept_{how}"] = kept(how, alive, run, values)
    for request in ("ask", "search"):
        times = [time for case in alive if (time := case.timing[f"{request}_ms"]) is not None]
        for per_cent in (50, 95):
            found[f"{request}_p{per_cent}_ms"] = percentile(times, per_cent), len(times)
    return found


def refusal_figures(
    alive: Sequence[Case], run: RunData, values: Mapping[str, Mapping[str, float]]
) -> dict[str, Figure]:
    """Return the metrics of refusing that are no mean over questions."""
    judged = judged_answers(alive, values)
    confident = confident_answers(alive, run, values)
    labelled = [case for case in alive if case.answerable is not None]
    refused = [case for case in labelled if case.abstained]
    impossible = [case for case in labelled if case.answerable is False]
    rightly = sum(case.abstained for case in impossible)
    scored = [(probability(case), case.answerable) for case in labelled]
    # Whether the service says how sure it is is asked of the whole run, for its kinds too.
    sure = all(probability(case) is not None for case in run.alive() if case.answerable is not None)
    area = auroc([(score or 0.0, label is True) for score, label in scored]) if sure else None
    return {
        "right_when_answered": (mean([float(is_right) for _, is_right in judged]), len(judged)),
        "refusal_precision": ((rightly / len(refused) if refused else None), len(refused)),
        "refusal_recall": ((rightly / len(impossible) if impossible else None), len(impossible)),
        "refusal_f1": (
            (2 * rightly / (len(refused) + len(impossible)), len(labelled)) if impossible else (None, 0)
        ),
        "auroc_answerable": (area, 0 if area is None else len(labelled)),
        "aurc": (mean(risks(confident)), len(confident)),
        "ece": (calibration_error(confident), len(confident)),
    }


def judged_answers(
    alive: Sequence[Case], values: Mapping[str, Mapping[str, float]]
) -> list[tuple[float | None, bool]]:
    """Return confidence and rightness of each answer of which somebody can say whether it is right."""
    return [
        (probability(case), values[case.name]["right_share"] == 1)
        for case in alive
        if case.answered and "right_share" in values[case.name]
    ]


def confident_answers(
    alive: Sequence[Case], run: RunData, values: Mapping[str, Mapping[str, float]]
) -> list[tuple[float, bool]]:
    """Return `judged_answers` with their confidence; none where one of the run's has none."""
    if any(score is None for score, _ in judged_answers(run.alive(), values)):
        return []
    return [(score or 0.0, is_right) for score, is_right in judged_answers(alive, values)]


def kept(how: str, alive: Sequence[Case], run: RunData, values: Mapping[str, Mapping[str, float]]) -> Figure:
    """Return what of the originals' mean score the variants of one sort keep."""

    def pairs(cases: Sequence[Case], score: str) -> list[tuple[float, float]]:
        scored = [(values[case.name], values.get(case.question["variant_of"], {})) for case in cases]
        return [(late[score], early[score]) for late, early in scored if score in late and score in early]

    # Which score it is holds for the whole run, so that its kinds can be compared.
    varied = [case for case in run.alive() if case.variant == how]
    score = "gold_quote_hit_at_5" if pairs(varied, "gold_quote_hit_at_5") else "rr_at_10"
    both = pairs([case for case in alive if case.variant == how], score)
    before = math.fsum(early for _, early in both)
    return (math.fsum(late for late, _ in both) / before, len(both)) if before else (None, 0)


def counts(cases: Sequence[Case]) -> Row:
    """Return how many questions came to what."""
    labels = Counter(case.answerable for case in cases)
    outcomes = Counter(case.entry["outcome"] for case in cases)
    return {
        "questions": len(cases),
        "answerable": labels[True],
        "unanswerable": labels[False],
        "unlabelled": labels[None],
        **{name: outcomes[name] for name in ("answered", "partial", "abstained", "failed")},
        "failures": dict(Counter(case.entry["failure"]["kind"] for case in cases if case.failed)),
    }


def recompute(run: RunData) -> Row:
    """Return everything that is known of a run.

    Raises:
        UnreadableError: a row lacks something, or has it of the wrong type.
    """
    values: dict[str, dict[str, float]] = {}
    for case in run.cases:
        try:
            values[case.name] = per_question(case, run.documents)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableError(f"question {case.name!r}: {type(error).__name__}: {error}") from error
    whole = figures(run.cases, run, values)
    whole["questions_per_second"] = throughput(run)
    confident = confident_answers(run.alive(), run, values)
    by_kind = {kind: [case for case in run.cases if case.question["kind"] == kind] for kind in run.kinds()}
    rated = sum("right_share" in row for row in values.values())
    return {
        "run": run.name,
        "counts": counts(run.cases),
        "metrics": _named(whole),
        "by_kind": {kind: _named(figures(cases, run, values)) for kind, cases in by_kind.items()},
        "counts_by_kind": {kind: counts(cases) for kind, cases in by_kind.items()},
        "per_question": {
            name: {key: row[name] for key, row in values.items() if name in row} for name in PER_QUESTION
        },
        "risk_coverage": [[place / rated, risk] for place, risk in enumerate(risks(confident), 1)],
        "reliability": reliability(confident),
    }


def throughput(run: RunData) -> Figure:
    """Return how many questions a second the run answered."""
    seconds, done = run.manifest.get("elapsed_s"), len(run.alive())
    if not isinstance(seconds, int | float) or seconds <= 0 or not done:
        return None, 0
    return done / seconds, done


def _named(found: Mapping[str, Figure]) -> dict[str, Row]:
    return {name: {"value": value, "n": n} for name, (value, n) in found.items()}


# --- Comparing


def differences(mine: Row, theirs: Row) -> Iterator[str | None]:
    """Yield a line for each figure that differs, and `None` for each that agrees.

    Raises:
        UnreadableError: the scores are not in the form that `verse eval score` writes.
    """
    try:
        yield from _tree("counts", mine["counts"], theirs["counts"])
        yield from _metrics(WHOLE, mine["metrics"], theirs["metrics"])
        for kind in {**mine["by_kind"], **theirs["by_kind"]}:
            group = mine["by_kind"].get(kind, {}), theirs["by_kind"].get(kind, {})
            yield from _metrics(f"kind {kind}", *group)
        yield from _tree("counts_by_kind", mine["counts_by_kind"], theirs["counts_by_kind"])
        yield from _tree("per_question", mine["per_question"], theirs["per_question"])
        yield from _tree("risk_coverage", mine["risk_coverage"], theirs["risk_coverage"])
        yield from _tree("reliability", mine["reliability"], theirs["reliability"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"the scores are malformed: {type(error).__name__}: {error}") from error


def _metrics(where: str, mine: Mapping[str, Row], theirs: Mapping[str, Row]) -> Iterator[str | None]:
    for name in {**mine, **theirs}:
        here = mine.get(name, {"value": None, "n": 0})
        # A kind leaves out what nothing in it defines, so that its number is not known either.
        there = theirs.get(name, {"value": None, "n": here["n"] if where != WHOLE else None})
        if same(here["value"], there["value"]) and here["n"] == there["n"]:
            yield None
        else:
            yield f"{where}: {name}: recomputed {_shown(here)}, scores {_shown(there)}"


def _tree(where: str, mine: Any, theirs: Any) -> Iterator[str | None]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in {**mine, **theirs}:
            yield from _tree(f"{where}: {key}", mine.get(key), theirs.get(key))
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for number, (here, there) in enumerate(zip(mine, theirs, strict=True), 1):
            yield from _tree(f"{where}: {number}", here, there)
    elif same(mine, theirs):
        yield None
    else:
        yield f"{where}: recomputed {_short(mine)}, scores {_short(theirs)}"


def same(mine: object, theirs: object) -> bool:
    """Tell whether two figures agree to four decimals."""
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        return abs(mine - theirs) <= TOLERANCE
    return mine == theirs


def _shown(figure: Row) -> str:
    return f"{_short(figure['value'])} (n {figure['n']})"


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return f"{len(value)} items" if isinstance(value, list | dict) else repr(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Recompute a run, compare, and return the exit status."""
    parser = argparse.ArgumentParser(description="Compute every figure of a run anew from its folder.")
    parser.add_argument("run", type=Path, help="the run folder")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--against", type=Path, help="scores to compare with; RUN/scores.json if it is there")
    given = parser.parse_args(arguments)
    against = given.against
    if against is None and (given.run / "scores.json").exists():
        against = given.run / "scores.json"
    try:
        found = recompute(read_run(given.run))
        compared = [] if against is None else list(differences(found, _json_object(against)))
    except UnreadableError as error:
        print(f"recompute: {error}", file=sys.stderr)
        return 2
    lines = [line for line in compared if line is not None]
    if given.json:
        report = {**found, "compared": len(compared), "differences": lines}
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        for name, figure in found["metrics"].items():
            print(
                f"{name:28} {'–' if figure['value'] is None else format(figure['value'], '.4f'):>12} "
                f"n {figure['n']}"
            )
        for line in lines:
            print(f"differs: {line}")
        if against is not None:
            print(f"{len(compared) - len(lines)} of {len(compared)} figures agree with {against}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
