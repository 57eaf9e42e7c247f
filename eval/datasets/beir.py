"""Any folder in BEIR layout: corpus, queries, and graded judgements (qrels).

The licence is the data set's own. Files: `corpus.jsonl[.gz]` and `queries.jsonl[.gz]` with `_id` or
`id`, `text` and perhaps `title`; `qrels/test.tsv`, `qrels.tsv` or `qrels/dev.tsv`, the first that is
there. Questions that no document is judged relevant to are left out, as BEIR's own evaluation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.datasets.files import find_file, optional_string, read_lines, read_rows, string
from eval.datasets.making import left_out, make_data_set, question_text, safe_name
from eval.datasets.offsets import canonical
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError

QRELS = ("qrels/test.tsv", "qrels.tsv", "qrels/dev.tsv")


def load(
    folder: Path, *, name: str | None = None, licence: str | None = None, kind: str = "query"
) -> DataSet:
    """Load a folder; without a name it is called like the folder.

    Raises:
        DataSetError: a file is missing, or a line is wrong.
    """
    if not folder.is_dir():
        raise DataSetError(f"{folder} is no folder; beir: wants a folder in BEIR layout")
    name = name or safe_name(folder.resolve().name)
    documents, blank = _documents(find_file(folder, "corpus.jsonl"))
    judged = read_qrels(find_file(folder, *QRELS))
    questions, unjudged = [], 0
    for where, row in read_rows(find_file(folder, "queries.jsonl")):
        question_id = _id(row, where)
        relevant = judged.pop(question_id, None)
        if not relevant:
            unjudged += 1
            continue
        questions.append(
            Question(
                question_id=question_id,
                text=question_text(string(row, "text", where), where),
                kind=kind,
                source_set=name,
                answerable=None,
                relevant=tuple(relevant.items()),
            )
        )
    if unknown := [question_id for question_id, relevant in judged.items() if relevant]:
        raise DataSetError(
            f"{folder}: the qrels judge {len(unknown)} questions that queries.jsonl lacks, {unknown[0]!r} first"
        )
    return make_data_set(
        name=name,
        licence=licence or "the data set's own; see where it came from",
        questions=questions,
        documents=documents,
        notes=[
            *left_out(unjudged, "questions that no document is judged relevant to"),
            *left_out(blank, "documents without title or text"),
        ],
    )


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return by question the documents judged relevant, with their grades (1 and more).

    Lines are `query-id corpus-id score`, tab-separated, with or without that heading.

    Raises:
        DataSetError: naming file and line.
    """
    judged: dict[str, dict[str, int]] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, (where, line) in enumerate(read_lines(path)):
        cells = line.rstrip("\r\n").split("\t")
        if len(cells) != 3:
            raise DataSetError(
                f"{where}: has {len(cells)} tab-separated cells; it must be 3: query, document, score"
            )
        if number == 0 and cells[2].strip().casefold() == "score":
            continue
        try:
            grade = int(cells[2])
        except ValueError as error:
            raise DataSetError(f"{where}: score {cells[2]!r} is no whole number") from error
        question_id, document_id = cells[0], canonical(cells[1], where)
        if seen.setdefault((question_id, document_id), grade) != grade:
            raise DataSetError(f"{where}: {document_id!r} is judged again for {question_id!r}, differently")
        relevant = judged.setdefault(question_id, {})
        if grade > 0:
            relevant[document_id] = grade
    if not judged:
        raise DataSetError(f"{path} holds no judgements")
    return judged


def _documents(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the documents, and how many have neither title nor text."""
    found, blank = [], 0
    for where, row in read_rows(path):
        title = optional_string(row, "title", where) or ""
        text = canonical(string(row, "text", where), where)
        # Some corpora have entries that are nothing but a title; the index takes no blank text.
        text = text if text.strip() else canonical(title, where)
        if not text.strip():
            blank += 1
            continue
        found.append({"id": canonical(_id(row, where), where), "title": title, "text": text})
    return found, blank


def _id(row: Mapping[str, Any], where: str) -> str:
    for key in ("_id", "id"):
        value = row.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value
    raise DataSetError(f"{where}: has no _id or id that is a text or a whole number")
