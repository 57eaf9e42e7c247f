"""Data sets as adapters to one question type; one module each, its licence noted there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from eval.datasets import (
    beir,
    clapnq,
    mtrag,
    multihop_rag,
    own,
    scifact,
    seeds,
    squad2,
    trec_cast,
    xquad_ru_en,
)
from eval.datasets.files import find_file
from eval.datasets.sampling import sample
from eval.datasets.variants import VARIANTS, with_variants
from eval.datatypes import DataSet
from eval.errors import DataSetError

__all__ = ["DATA_SETS", "VARIANTS", "load_data_set", "sample", "with_variants"]

DATA_SETS: Mapping[str, str] = {
    "seeds": f"186 questions about the three seed articles, by hand; {seeds.LICENCE}",
    "seeds+variants": f"the same, 24 of them also said in five other ways; {seeds.LICENCE}",
    "multihop_rag": f"questions over several of 609 news articles; {multihop_rag.LICENCE}",
    "squad2": f"SQuAD 2.0, half of it near-misses, asked of all paragraphs; {squad2.LICENCE}",
    "clapnq": f"CLAP NQ, evidence of several sentences; {clapnq.LICENCE}",
    "xquad_ru_en": f"Russian questions to English paragraphs, beside the English ones; {xquad_ru_en.LICENCE}",
    "scifact": f"scientific claims and abstracts, in BEIR layout; {scifact.LICENCE}",
    "trec_cast": f"turns of conversations with a person's rewrite of each; {trec_cast.LICENCE}",
    "mtrag": f"conversations, a part of them unanswerable or underspecified; {mtrag.LICENCE}",
    "beir:FOLDER": "any folder in BEIR layout; the licence is its own",
    "FILE": "your own questions as .jsonl or .csv; see eval/data/example_questions.jsonl",
}
"""What can be loaded, by name: one line each, with the licence."""

_IN_FOLDER: Mapping[str, Callable[[Path | None], DataSet]] = {
    module.NAME: module.load
    for module in (multihop_rag, squad2, clapnq, xquad_ru_en, scifact, trec_cast, mtrag)
}
_OWN = (".jsonl", ".csv")


def load_data_set(name_or_path: str, folder: Path | None = None) -> DataSet:
    """Load a data set by its name in `DATA_SETS`, or a person's own from its path.

    `folder` holds the public data sets, each in a folder of its name.

    Raises:
        DataSetError: there is no such data set or file, or it is wrong; the message says what to do.
    """
    if name_or_path in ("seeds", "seeds+variants"):
        return seeds.load(variants=name_or_path != "seeds")
    if name_or_path in _IN_FOLDER:
        return _IN_FOLDER[name_or_path](folder)
    if name_or_path.startswith("beir:"):
        return beir.load(Path(name_or_path.removeprefix("beir:")))
    path = Path(name_or_path)
    if name_or_path and path.is_dir():
        find_file(path, "corpus.jsonl")  # says what is missing where it is no such folder
        return beir.load(path)
    if path.suffix.lower() not in _OWN:
        raise DataSetError(_unknown(name_or_path, path))
    if not path.is_file():
        raise DataSetError(f"{path} does not exist")
    return own.load(path)


def _unknown(name: str, path: Path) -> str:
    if name and path.exists():
        return f"{path}: questions are read from {' and '.join(_OWN)} files, or a folder in BEIR layout"
    close = difflib.get_close_matches(name.casefold(), DATA_SETS, n=2, cutoff=0.5)
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    return f"there is no data set {name!r}; {guess}known are {', '.join(DATA_SETS)}"
