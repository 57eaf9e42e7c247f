"""TREC CAsT 2019–2021 (Dalton and others): turns of conversations with a person's rewrite of each.

Licence: MIT. File: `trec_cast/turns.dev.jsonl[.gz]`. Only turns of 2021 come with the passage that
was shown in response; those passages are the documents, and the rest is for the rewriting alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.datasets.files import (
    find_file,
    items,
    optional_string,
    read_rows,
    string,
    sub_folder,
    whole_number,
)
from eval.datasets.making import make_data_set, question_text
from eval.datasets.offsets import canonical
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError
from rag.types import Turn

NAME, LICENCE = "trec_cast", "MIT"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    path = find_file(sub_folder(folder, NAME), "turns.dev.jsonl", "turns.jsonl")
    documents: dict[str, dict[str, Any]] = {}
    questions = [_question(row, where, documents) for where, row in read_rows(path)]
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=documents.values())


def _question(row: Mapping[str, Any], where: str, documents: dict[str, dict[str, Any]]) -> Question:
    history = items(row, "history", where)
    if not all(isinstance(text, str) for text in history):
        raise DataSetError(f"{where}: history holds something that is no text")
    return Question(
        question_id=string(row, "id", where),
        text=question_text(string(row, "text", where), where),
        kind=str(whole_number(row, "year", where)),
        source_set=NAME,
        answerable=None,
        history=tuple(Turn(role="user", content=text) for text in history),
        relevant=_response(row, where, documents),
        standalone=question_text(string(row, "rewritten", where), where),
    )


def _response(
    row: Mapping[str, Any], where: str, documents: dict[str, dict[str, Any]]
) -> tuple[tuple[str, int], ...]:
    passage = optional_string(row, "response_passage", where)
    if passage is None:
        return ()
    text = canonical(passage, where)
    # One page gave several passages under its one id.
    base = canonical(string(row, "canonical_result_id", where), where)
    document_id = f"{base}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    documents.setdefault(document_id, {"id": document_id, "title": base, "text": text})
    return ((document_id, 1),)
