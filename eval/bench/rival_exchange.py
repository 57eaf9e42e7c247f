"""What goes to a rival and what comes back: its files, and a run that we can score.

A rival is a program started with a Python of its own. It is given a folder with `documents.jsonl`
(id, title, text, publisher, published_at) and `queries.jsonl` (id, text), and leaves
`rankings.jsonl` and `meta.json` there; `rival_child.py` says what they hold. Nothing that it leaves
is taken on trust: every query must be answered, in order, and every offset must give the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.datatypes import DataSet, Entry, Question, RankedPassage, Run, SourceText, Timing
from eval.errors import DataSetError, RunFolderError
from eval.run_folder import read_rows, write_rows
from index.canonical import canonical_text
from index.types import sha256_text

DOCUMENTS, QUERIES, RANKINGS, META = "documents.jsonl", "queries.jsonl", "rankings.jsonl", "meta.json"
K = 10
WARM_UP = 20

# A run's entries carry an answer; a system that only retrieves gives none. This stands in its place,
# so that the ranking can be scored. Nothing but measures of retrieval may be read from such a run.
RETRIEVAL_ONLY: Mapping[str, Any] = {
    "status": "answered",
    "answer": "",
    "answer_without_citations": "",
    "short_answer": None,
    "confidence": None,
    "abstention": None,
    "citations": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What one system found, with what it took. `rankings` and `latency_ms` go by question id.

    `load_s` is the time to load the program's model, `index_s` from the file of documents to an
    index that can be searched. `details` are versions and settings, as the system tells them.
    """

    name: str
    rankings: Mapping[str, tuple[RankedPassage, ...]]
    latency_ms: Mapping[str, float]
    load_s: float
    index_s: float
    passages: int
    details: Mapping[str, Any]


def source_texts(data: DataSet) -> dict[str, SourceText]:
    """Return the data set's documents with their canonical texts, by id.

    Raises:
        DataSetError: it has none of its own, or the same id twice.
    """
    if not data.documents:
        raise DataSetError(f"{data.name} brings no documents: there is nothing that both could index")
    texts: dict[str, SourceText] = {}
    for row in data.documents:
        name = str(row["id"])
        if name in texts:
            raise DataSetError(f"{data.name} has two documents with the id {name!r}")
        text = canonical_text(row["text"], f"{data.name}, document {name!r}")
        texts[name] = SourceText(
            document_id=name,
            title=row.get("title") or "",
            sha256=sha256_text(text),
            text=text,
            publisher=row.get("publisher"),
            published_at=row.get("published_at"),
        )
    return texts


def write_exchange(folder: Path, documents: Mapping[str, SourceText], questions: Sequence[Question]) -> None:
    """Write what the rival reads: the same texts and the same questions that we search."""
    write_rows(
        folder / DOCUMENTS,
        (
            {
                "id": document.document_id,
                "title": document.title,
                "text": document.text,
                "publisher": document.publisher,
                "published_at": document.published_at,
            }
            for document in documents.values()
        ),
    )
    write_rows(
        folder / QUERIES, ({"id": question.question_id, "text": question.text} for question in questions)
    )


def read_searched(
    folder: Path, name: str, documents: Mapping[str, SourceText], questions: Sequence[Question]
) -> Searched:
    """Read what the rival left, checked against what it was given.

    Raises:
        RunFolderError: a file is missing or damaged, a question is missing or not asked, a passage
            is of no document that was given, or its offsets do not give its text.
    """
    path = folder / RANKINGS
    rankings: dict[str, tuple[RankedPassage, ...]] = {}
    latency_ms: dict[str, float] = {}
    for row in read_rows(path):
        try:
            question_id = row["question_id"]
            passages = tuple(_passage(item, documents) for item in row["passages"])
            latency_ms[question_id] = _positive(row, "latency_ms")
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{path}, question {row.get('question_id')!r}: {_words(error)}") from error
        if question_id in rankings:
            raise RunFolderError(f"{path}: two rankings for question {question_id!r}")
        if len(passages) > K:
            raise RunFolderError(
                f"{path}, question {question_id!r}: {len(passages)} passages; {K} were asked for"
            )
        rankings[question_id] = passages
    asked = [question.question_id for question in questions]
    if missing := [question_id for question_id in asked if question_id not in rankings]:
        raise RunFolderError(
            f"{path}: {len(missing)} of {len(asked)} questions have no ranking, the first is {missing[0]!r}"
        )
    if others := sorted(set(rankings) - set(asked)):
        raise RunFolderError(f"{path}: a ranking for {others[0]!r}, which was not asked")
    meta = _read_meta(folder / META)
    try:
        return Searched(
            name=name,
            rankings=rankings,
            latency_ms=latency_ms,
            load_s=_positive(meta, "load_s"),
            index_s=_positive(meta, "index_s"),
            passages=int(_positive(meta, "passages")),
            details={
                key: value for key, value in meta.items() if key not in ("load_s", "index_s", "passages")
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{folder / META}: {_words(error)}") from error


def as_run(
    searched: Searched, questions: Sequence[Question], documents: Mapping[str, SourceText], data: DataSet
) -> Run:
    """Return the rankings as a run. Only measures of retrieval may be read from it."""
    return Run(
        name=searched.name,
        manifest={
            "target": searched.name,
            "data": {"name": data.name, "sha256": data.sha256, "licence": data.licence},
            "retrieval_only": True,
        },
        questions=tuple(questions),
        entries=tuple(
            Entry(
                question_id=question.question_id,
                outcome="answered",
                record=RETRIEVAL_ONLY,
                ranking=searched.rankings[question.question_id],
                failure=None,
            )
            for question in questions
        ),
        timings={
            question_id: Timing(question_id=question_id, ask_ms=None, search_ms=milliseconds)
            for question_id, milliseconds in searched.latency_ms.items()
        },
        documents=documents,
    )


def _passage(row: Mapping[str, Any], documents: Mapping[str, SourceText]) -> RankedPassage:
    document = documents.get(row["document_id"])
    if document is None:
        raise ValueError(f"a passage of document {row['document_id']!r}, which was not given")
    start, end, text, score = row["start"], row["end"], row["text"], row["score"]
    if not isinstance(text, str) or not text:
        raise ValueError(f"a passage of document {document.document_id!r} has the text {text!r}")
    # Null offsets are allowed: a splitter may not know them, and the text alone can be scored.
    if (start, end) != (None, None) and (not 0 <= start < end or document.text[start:end] != text):
        raise ValueError(
            f"document {document.document_id!r} does not hold the passage's text at {start}-{end}"
        )
    return RankedPassage(
        document_id=document.document_id, start=start, end=end, text=text, score=float(score)
    )


def _positive(row: Mapping[str, Any], name: str) -> float:
    value = float(row[name])
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value}; it must be above 0")
    return value


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path}: {type(content).__name__} instead of an object")
    return content


def _words(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
