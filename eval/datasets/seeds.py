"""The project's own questions about the three articles of `seeds/`, with variants of 24 of them.

Licence: the questions are this project's; the articles belong to their publishers. See
`eval/data/seeds/README.md`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eval.datasets import own
from eval.datasets.files import read_rows, string
from eval.datasets.making import check_gold, make_data_set, question_text
from eval.datasets.variants import with_variants
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError
from index.formats import Problem
from index.load import load_paths

NAME = "seeds"
LICENCE = "Apache-2.0 (questions; the articles belong to their publishers)"
GENERATED = ("typo", "lower_case")
VARIANT_SEED = 0

_DATA = Path(__file__).resolve().parents[1] / "data" / "seeds"
_SEEDS = Path(__file__).resolve().parents[2] / "seeds"


def load(*, variants: bool = False, seeds: Path = _SEEDS) -> DataSet:
    """Load the questions, with `variants` also those of `variants.jsonl` and generated ones.

    Raises:
        DataSetError: the articles are not there or were changed, or a row is wrong.
    """
    if not (seeds / "sources.toml").is_file():
        raise DataSetError(
            f"{seeds} is not there: the seed articles come with the repository, not with the installed "
            "package; run this from a clone, or name another data set"
        )
    originals = tuple(replace(q, source_set=NAME) for q in own.load(_DATA / "questions.jsonl").questions)
    said_otherwise = _variants(_DATA / "variants.jsonl", originals) if variants else ()
    check_gold(NAME, originals, _texts(seeds))
    data_set = make_data_set(
        name=f"{NAME}+variants" if variants else NAME,
        licence=LICENCE,
        questions=(*originals, *said_otherwise),
        corpus=(seeds,),
    )
    if not variants:
        return data_set
    varied = {q.variant_of for q in said_otherwise if q.variant_of is not None}
    return with_variants(data_set, GENERATED, VARIANT_SEED, of=varied)


def _variants(path: Path, originals: tuple[Question, ...]) -> tuple[Question, ...]:
    """Return the hand-written variants; all but the words is the original's."""
    by_id = {question.question_id: question for question in originals}
    found = []
    for where, row in read_rows(path):
        original = by_id.get(string(row, "variant_of", where))
        if original is None:
            raise DataSetError(f"{where}: variant_of {row['variant_of']!r} is the id of no question")
        found.append(
            replace(
                original,
                question_id=string(row, "id", where),
                text=question_text(string(row, "question", where), where),
                variant_of=original.question_id,
                variant=string(row, "variant", where),
            )
        )
    return tuple(found)


def _texts(seeds: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for item in load_paths([seeds]):
        if isinstance(item, Problem):
            raise DataSetError(f"the seed articles cannot be used: {item.error}")
        texts[item.document_id] = item.text
    return texts
