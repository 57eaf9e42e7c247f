"""MTRAG (Katsis and others, 2025): conversations with an assistant over four collections.

Licence: Apache-2.0. File: `mtrag/tasks.dev.jsonl[.gz]`. Documents are the contexts of all tasks
together; each task's own contexts are relevant to it. The reference answers are long and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.datasets.files import find_file, items, objects, optional_string, read_rows, string, sub_folder
from eval.datasets.making import make_data_set, question_text
from eval.datasets.offsets import canonical
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError
from rag.types import Role, Turn

NAME, LICENCE = "mtrag", "Apache-2.0"
MAX_TURNS = 20
"""What the service takes, see the contract; the last ones are kept."""

_ANSWERABLE = {"ANSWERABLE": True, "PARTIAL": True, "UNANSWERABLE": False, "UNDERSPECIFIED": None}
_ROLES: dict[str, Role] = {"user": "user", "agent": "assistant"}


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    path = find_file(sub_folder(folder, NAME), "tasks.dev.jsonl", "tasks.jsonl")
    documents: dict[str, dict[str, Any]] = {}
    questions = [_question(row, where, documents) for where, row in read_rows(path)]
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=documents.values())


def _question(row: Mapping[str, Any], where: str, documents: dict[str, dict[str, Any]]) -> Question:
    labels = items(row, "answerability", where)
    if len(labels) != 1 or not isinstance(labels[0], str) or labels[0] not in _ANSWERABLE:
        raise DataSetError(
            f"{where}: answerability is {labels!r}; it must be one of {', '.join(_ANSWERABLE)}"
        )
    return Question(
        question_id=string(row, "id", where),
        text=question_text(string(row, "question", where), where),
        kind=labels[0].lower(),
        source_set=NAME,
        answerable=_ANSWERABLE[labels[0]],
        history=tuple(_turn(turn, where) for turn in objects(row, "history", where)[-MAX_TURNS:]),
        relevant=tuple(dict.fromkeys(_contexts(row, where, documents))),
    )


def _turn(turn: Mapping[str, Any], where: str) -> Turn:
    speaker = string(turn, "speaker", where)
    if speaker not in _ROLES:
        raise DataSetError(f"{where}: speaker {speaker!r}; it must be user or agent")
    return Turn(role=_ROLES[speaker], content=string(turn, "text", where))


def _contexts(
    row: Mapping[str, Any], where: str, documents: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, int]]:
    for context in objects(row, "contexts", where):
        document_id = canonical(string(context, "id", where), where)
        text = canonical(string(context, "text", where), where)
        document = {"id": document_id, "title": optional_string(context, "title", where) or "", "text": text}
        if documents.setdefault(document_id, document)["text"] != text:
            raise DataSetError(f"{where}: context {document_id!r} reads otherwise than on an earlier line")
        yield document_id, 1
