"""SciFact (Wadden and others, 2020) as BEIR has it: claims, and abstracts that bear on them.

Licence: CC BY-NC 2.0 (not for commercial use). Folder: `scifact/` in BEIR layout; the claims of the
test judgements are asked.
"""

from __future__ import annotations

from pathlib import Path

from eval.datasets import beir
from eval.datasets.files import sub_folder
from eval.datatypes import DataSet

NAME, LICENCE = "scifact", "CC BY-NC 2.0"


def load(folder: Path | None) -> DataSet:
    """Load it from below the folder of public data sets.

    Raises:
        DataSetError: it is not there, or a line is wrong.
    """
    return beir.load(sub_folder(folder, NAME), name=NAME, licence=LICENCE, kind="claim")
