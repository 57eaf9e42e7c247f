"""What every adapter ends in: checked questions and documents, and their hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.datatypes import DataSet, Gold, Question
from eval.errors import DataSetError
from eval.run_folder import line_of, question_row

MAX_QUESTION_CHARACTERS = 2000
"""What the service takes, see the contract."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def question_problem(text: str) -> str | None:
    """Return what is wrong with a question's text, or `None`."""
    if not text.strip():
        return "is empty"
    if len(text.strip()) > MAX_QUESTION_CHARACTERS:
        return f"has {len(text.strip())} characters; at most {MAX_QUESTION_CHARACTERS} are asked"
    if _SURROGATE.search(text):
        return "holds a lone surrogate, which no client can send"
    return None


def question_text(text: str, where: str) -> str:
    """Return a question without white space at its ends.

    Raises:
        DataSetError: it is empty, too long, or cannot be sent.
    """
    if problem := question_problem(text):
        raise DataSetError(f"{where}: the question {problem}")
    return text.strip()


def safe_name(name: str) -> str:
    """Return a name that can be part of a folder's name."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "questions"


def make_data_set(
    *,
    name: str,
    licence: str,
    questions: Iterable[Question],
    documents: Iterable[Mapping[str, Any]] = (),
    corpus: Sequence[Path] = (),
    notes: Sequence[str] = (),
) -> DataSet:
    """Check that a data set holds together, and hash it.

    Raises:
        DataSetError: no questions, an id twice, a variant of none of the originals, or gold offsets that do not
            hold in the documents.
    """
    asked, rows = tuple(questions), tuple(documents)
    if not asked:
        raise DataSetError(f"{name} holds no questions")
    _refuse_repeated(name, "question", (question.question_id for question in asked))
    _refuse_repeated(name, "document", (row["id"] for row in rows))
    originals = {question.question_id for question in asked if question.variant_of is None}
    for question in asked:
        if question.variant_of is not None and question.variant_of not in originals:
            raise DataSetError(
                f"{name}: question {question.question_id!r} is a variant of {question.variant_of!r}, "
                "which is not in the set, or is a variant itself"
            )
    if rows:
        check_gold(name, asked, {row["id"]: row["text"] for row in rows})
    vague = sum(gold.start is None for question in asked for gold in question.gold)
    if vague and rows:
        notes = [*notes, f"{vague} gold texts could not be located; they count by their text"]
    return DataSet(
        name=name,
        questions=asked,
        sha256=digest(asked, rows, corpus),
        licence=licence,
        corpus=tuple(corpus),
        documents=rows,
        notes=tuple(notes),
    )


def with_questions(data_set: DataSet, questions: Iterable[Question]) -> DataSet:
    """Return the data set with other questions, hashed again."""
    asked = tuple(questions)
    return replace(data_set, questions=asked, sha256=digest(asked, data_set.documents, data_set.corpus))


def left_out(count: int, what: str) -> tuple[str, ...]:
    """Return the note that says how many are left out, so that nobody takes them for asked."""
    return (f"left out: {count} {what}",) if count else ()


def check_gold(name: str, questions: Iterable[Question], texts: Mapping[str, str]) -> None:
    """Raise `DataSetError` unless every gold with offsets is `text[start:end]` of its document."""
    for question in questions:
        for gold in question.gold:
            if problem := _gold_problem(gold, texts):
                raise DataSetError(f"{name}, question {question.question_id!r}: {problem}")


def digest(
    questions: Iterable[Question], documents: Iterable[Mapping[str, Any]], corpus: Iterable[Path]
) -> str:
    """Return the sha256 of questions, document rows and corpus files, wherever the files lie.

    Raises:
        DataSetError: a file of the corpus cannot be read.
    """
    total = hashlib.sha256()
    parts = (("questions", map(question_row, questions)), ("documents", documents))
    for heading, rows in parts:
        total.update(f"{heading}\n".encode())
        for row in rows:
            try:
                total.update(line_of(row))
            except UnicodeEncodeError as error:
                name = row.get("id") or row.get("question_id")
                raise DataSetError(f"{heading}: {name!r} holds a lone surrogate; remove it") from error
    for place in corpus:
        total.update(b"corpus\n")
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if not path.is_file() or path.name.startswith("."):
                continue
            try:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise DataSetError(f"{path} cannot be read: {error.strerror}") from error
            inside = path.relative_to(place).as_posix() if path != place else path.name
            total.update(line_of({"file": inside, "sha256": content}))
    return total.hexdigest()


def _gold_problem(gold: Gold, texts: Mapping[str, str]) -> str | None:
    if gold.document_id is not None and gold.document_id not in texts:
        return f"its gold is in {gold.document_id!r}, which is no document of the set"
    if gold.document_id is None or gold.start is None:
        return None
    found = texts[gold.document_id][gold.start : gold.end]
    if found != gold.text:
        return f"{gold.document_id} {gold.start}-{gold.end} reads {found!r}, not {gold.text!r}"
    return None


def _refuse_repeated(name: str, what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for item in ids:
        if item in seen:
            raise DataSetError(f"{name}: {what} id {item!r} stands twice; ids must be unique")
        seen.add(item)
