"""The files of one run. Everything that scoring and the report need lies in this folder.

    run.json          what was asked of what: commit, settings, models, data hash, machine, seed, counts
    questions.jsonl   the questions with their gold, in the data set's order
    answers.jsonl     what came of each, in the same order; equal bytes whenever the answers are equal
    timings.jsonl     how long each took: apart, since no two runs agree on it
    documents.jsonl   every document that an answer, a ranking or gold names, as the target serves it
    journal.jsonl     only while the run goes on: one line a question, synced before the next is asked
    run.lock          only while the run goes on: keeps a second process out

A run is finished when `run.json` says so; until then only `journal.jsonl` counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.datatypes import Entry, Failure, Gold, Question, RankedPassage, Run, SourceText, Timing
from eval.errors import RunFolderError
from index.state import replace_file
from rag.types import Turn

FORMAT = 1
MANIFEST, QUESTIONS, ANSWERS = "run.json", "questions.jsonl", "answers.jsonl"
TIMINGS, DOCUMENTS, JOURNAL = "timings.jsonl", "documents.jsonl", "journal.jsonl"


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        RunFolderError: it is missing, unfinished, damaged, or of another format.
    """
    manifest = read_manifest(folder)
    if not manifest.get("finished"):
        raise RunFolderError(
            f"{folder}: the run was not finished; go on with `verse eval run --out {folder.name} --resume`"
        )
    questions = tuple(question_from(row) for row in read_rows(folder / QUESTIONS))
    entries = tuple(_guarded(entry_from, row, folder / ANSWERS) for row in read_rows(folder / ANSWERS))
    if [q.question_id for q in questions] != [e.question_id for e in entries]:
        raise RunFolderError(f"{folder}: {ANSWERS} does not answer the questions of {QUESTIONS}, in order")
    timings = [_guarded(timing_from, row, folder / TIMINGS) for row in read_rows(folder / TIMINGS)]
    documents = [_guarded(document_from, row, folder / DOCUMENTS) for row in read_rows(folder / DOCUMENTS)]
    return Run(
        name=folder.name,
        manifest=manifest,
        questions=questions,
        entries=entries,
        timings={timing.question_id: timing for timing in timings},
        documents={document.document_id: document for document in documents},
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `run.json`, of a finished or unfinished run.

    Raises:
        RunFolderError: there is none, or it is damaged or of another format.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(f"{folder} is no run folder: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise RunFolderError(f"{path}: format {found!r}; this version reads format {FORMAT}")
    return content


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file.

    Raises:
        RunFolderError: naming file and line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
    if lines.pop() != b"":
        raise RunFolderError(f"{path}: the last line is cut off")
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RunFolderError(f"{path}, line {number}: {error}") from error
        if not isinstance(row, dict):
            raise RunFolderError(f"{path}, line {number}: {type(row).__name__} instead of an object")
        yield row


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines beside the file and put it in its place at once, synced."""
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        for row in rows:
            file.write(line_of(row))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write `run.json` at once, synced."""
    text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    replace_file(folder / MANIFEST, text)


def line_of(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line; equal rows give equal bytes."""
    return (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n").encode()


def question_row(question: Question) -> dict[str, Any]:
    """Return a question as JSON."""
    return asdict(question)


def question_from(row: Mapping[str, Any]) -> Question:
    """Return the question that `question_row` wrote.

    Raises:
        RunFolderError: a field is missing, unknown or of the wrong type.
    """
    try:
        return Question(
            **{
                **row,
                "history": tuple(Turn(**turn) for turn in row["history"]),
                "answers": tuple(row["answers"]),
                "gold": tuple(Gold(**gold) for gold in row["gold"]),
                "relevant": tuple((str(name), int(grade)) for name, grade in row["relevant"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{QUESTIONS}: question {row.get('question_id')!r}: {error}") from error


def entry_row(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON."""
    return {
        "question_id": entry.question_id,
        "outcome": entry.outcome,
        "record": entry.record,
        "ranking": None if entry.ranking is None else [asdict(passage) for passage in entry.ranking],
        "failure": None if entry.failure is None else asdict(entry.failure),
    }


def entry_from(row: Mapping[str, Any]) -> Entry:
    """Return the entry that `entry_row` wrote."""
    return Entry(
        question_id=row["question_id"],
        outcome=row["outcome"],
        record=row["record"],
        ranking=None if row["ranking"] is None else tuple(RankedPassage(**item) for item in row["ranking"]),
        failure=None if row["failure"] is None else Failure(**row["failure"]),
    )


def timing_row(timing: Timing) -> dict[str, Any]:
    """Return a timing as JSON."""
    return asdict(timing)


def timing_from(row: Mapping[str, Any]) -> Timing:
    """Return the timing that `timing_row` wrote."""
    return Timing(**row)


def document_row(document: SourceText) -> dict[str, Any]:
    """Return a document as JSON."""
    return asdict(document)


def document_from(row: Mapping[str, Any]) -> SourceText:
    """Return the document that `document_row` wrote."""
    return SourceText(**row)


def _guarded(read: Any, row: Mapping[str, Any], path: Path) -> Any:
    try:
        return read(row)
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{path}: {row.get('question_id') or row.get('document_id')!r}: {error}"
        ) from error
