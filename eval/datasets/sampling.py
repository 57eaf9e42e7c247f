"""A seeded sample of a data set."""

from __future__ import annotations

import random

from eval.datasets.making import with_questions
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError


def sample(data_set: DataSet, limit: int | None, seed: int) -> DataSet:
    """Return `limit` questions, in their original order, with all documents.

    No variant comes without its original: originals are drawn by chance, each followed by its
    variants until the limit is reached. `None`, or a limit that is no less than the set, keeps all.

    Raises:
        DataSetError: the limit is below 1.
    """
    if limit is None:
        return data_set
    if limit < 1:
        raise DataSetError(f"a sample of {limit} questions; it must be at least 1")
    if limit >= len(data_set.questions):
        return data_set
    families: dict[str, list[Question]] = {}
    # Originals first, so that in each family the original stands before its variants.
    for question in sorted(data_set.questions, key=lambda question: question.variant_of is not None):
        families.setdefault(question.variant_of or question.question_id, []).append(question)
    drawn = list(families.values())
    random.Random(seed).shuffle(drawn)
    kept = {q.question_id for q in [q for family in drawn for q in family][:limit]}
    return with_questions(data_set, (q for q in data_set.questions if q.question_id in kept))
