"""XQuAD (Artetxe and others, 2020), Russian questions to English paragraphs.

Licence: CC BY-SA 4.0. File: `xquad_ru_en/questions.dev.jsonl[.gz]`. Every question is asked twice,
in English (kind en) and, as a variant of that, in Russian (kind ru).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from eval.datasets.files import find_file, read_rows, string, sub_folder
from eval.datasets.making import make_data_set, question_text
from eval.datasets.reading import Contexts, reading_question
from eval.datatypes import DataSet, Question

NAME, LICENCE = "xquad_ru_en", "CC BY-SA 4.0"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    path = find_file(sub_folder(folder, NAME), "questions.dev.jsonl")
    contexts = Contexts("xquad")
    questions = list(_questions(path, contexts))
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=contexts.documents())


def _questions(path: Path, contexts: Contexts) -> Iterator[Question]:
    for where, row in read_rows(path):
        russian = reading_question(row, where, contexts, NAME)
        english = question_text(string(row, "question_en", where), where)
        yield replace(russian, text=english, kind="en")
        yield replace(
            russian,
            question_id=f"{russian.question_id}-ru",
            kind="ru",
            variant_of=russian.question_id,
            variant="ru",
        )
