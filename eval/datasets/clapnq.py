"""CLAP NQ (Rosenthal and others, 2024): long answers from Natural Questions, with their evidence.

Licence: Apache-2.0. File: `clapnq/questions.dev.jsonl[.gz]`. Gold is the evidence sentences; the
answers are written in whole sentences and are no short answers, so there are none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.datasets.files import find_file, flag, items, optional_string, read_rows, string, sub_folder
from eval.datasets.making import make_data_set, question_text
from eval.datasets.offsets import distinct, located
from eval.datasets.reading import Contexts
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError

NAME, LICENCE = "clapnq", "Apache-2.0"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    path = find_file(sub_folder(folder, NAME), "questions.dev.jsonl")
    contexts = Contexts(NAME)
    questions = [_question(row, where, contexts) for where, row in read_rows(path)]
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=contexts.documents())


def _question(row: Mapping[str, Any], where: str, contexts: Contexts) -> Question:
    context = string(row, "context", where)
    document_id = contexts.add(context, optional_string(row, "title", where), where)
    answerable = not flag(row, "unanswerable", where)
    evidence = _evidence(row, where)
    if evidence and not answerable:
        raise DataSetError(f"{where}: unanswerable is true, but it has evidence_sentences; one is wrong")
    return Question(
        question_id=string(row, "id", where),
        text=question_text(string(row, "question", where), where),
        kind="answerable" if answerable else "unanswerable",
        source_set=NAME,
        answerable=answerable,
        gold=distinct(located(document_id, context, -1, text, where) for text in evidence),
        relevant=((document_id, 1),) if answerable else (),
    )


def _evidence(row: Mapping[str, Any], where: str) -> list[str]:
    found = items(row, "evidence_sentences", where)
    if not all(isinstance(text, str) and text.strip() for text in found):
        raise DataSetError(f"{where}: evidence_sentences holds something that is no text")
    return list(dict.fromkeys(found))
