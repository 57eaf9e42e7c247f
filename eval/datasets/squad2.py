"""SQuAD 2.0 (Rajpurkar and others, 2018), asked of all its paragraphs at once.

Licence: CC BY-SA 4.0. Files: `squad2/questions.dev.jsonl[.gz]`, whose questions are asked, and
`squad2/questions.train.jsonl[.gz]`, whose paragraphs only stand in the way.
"""

from __future__ import annotations

from pathlib import Path

from eval.datasets.files import find_file, optional_string, read_rows, string, sub_folder
from eval.datasets.making import make_data_set
from eval.datasets.reading import Contexts, reading_question
from eval.datatypes import DataSet

NAME, LICENCE = "squad2", "CC BY-SA 4.0"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a row is wrong.
    """
    place = sub_folder(folder, NAME)
    contexts = Contexts(NAME)
    questions = [
        reading_question(row, where, contexts, NAME)
        for where, row in read_rows(find_file(place, "questions.dev.jsonl"))
    ]
    for where, row in read_rows(find_file(place, "questions.train.jsonl")):
        contexts.add(string(row, "context", where), optional_string(row, "title", where), where)
    return make_data_set(name=NAME, licence=LICENCE, questions=questions, documents=contexts.documents())
