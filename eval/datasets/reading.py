"""Rows of reading-comprehension sets: each distinct context becomes a document, each answer gold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from eval.datasets.files import flag, objects, optional_string, string, whole_number
from eval.datasets.making import question_text
from eval.datasets.offsets import canonical, distinct, located
from eval.datatypes import Gold, Question
from eval.errors import DataSetError
from index.split import paragraphs, sentences


class Contexts:
    """The documents made of contexts, each once, in order of first appearance."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._rows: dict[str, dict[str, Any]] = {}
        self._sentences: dict[str, list[tuple[int, int]]] = {}

    def add(self, context: str, title: str | None, where: str) -> str:
        """Take a context in, if it is new; return its document id, a piece of its hash."""
        text = canonical(context, where)
        document_id = f"{self._prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        self._rows.setdefault(
            document_id, {"id": document_id, "title": (title or "").replace("_", " "), "text": text}
        )
        return document_id

    def documents(self) -> tuple[dict[str, Any], ...]:
        """Return the documents as rows of a `.jsonl`."""
        return tuple(self._rows.values())

    def sentence_around(self, gold: Gold) -> Gold:
        """Return the sentence, or the run of sentences, that holds a located gold; others as they are."""
        if gold.document_id is None or gold.start is None or gold.end is None:
            return gold
        text = self._rows[gold.document_id]["text"]
        if gold.document_id not in self._sentences:
            self._sentences[gold.document_id] = [
                (sentence.start, sentence.end)
                for paragraph in paragraphs(text)
                for sentence in sentences(text, paragraph)
            ]
        inside = [s for s in self._sentences[gold.document_id] if s[0] < gold.end and s[1] > gold.start]
        if not inside:
            return gold
        start, end = min(inside[0][0], gold.start), max(inside[-1][1], gold.end)
        return Gold(document_id=gold.document_id, start=start, end=end, text=text[start:end])


def reading_question(row: Mapping[str, Any], where: str, contexts: Contexts, source_set: str) -> Question:
    """Convert a row `id, title, context, question, answers[{text, start}], unanswerable`.

    Gold is the sentence around each answer, each sentence once.
    """
    context = string(row, "context", where)
    document_id = contexts.add(context, optional_string(row, "title", where), where)
    answerable = not flag(row, "unanswerable", where)
    answers = [answer for answer in objects(row, "answers", where) if string(answer, "text", where)]
    if answerable != bool(answers):
        raise DataSetError(
            f"{where}: unanswerable is {not answerable}, but it has {len(answers)} answers; one is wrong"
        )
    golds = [
        contexts.sentence_around(
            located(document_id, context, whole_number(answer, "start", where), answer["text"], where)
        )
        for answer in answers
    ]
    return Question(
        question_id=string(row, "id", where),
        text=question_text(string(row, "question", where), where),
        kind="answerable" if answerable else "unanswerable",
        source_set=source_set,
        answerable=answerable,
        answers=tuple(dict.fromkeys(answer["text"] for answer in answers)),
        gold=distinct(golds),
        relevant=((document_id, 1),) if answerable else (),
    )
