"""What only the FAISS store has: a file, and a mask that must fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.errors import GenerationDamagedError, IndexStoreError
from index.vectors import FaissStore

VECTORS = np.eye(60, 64, dtype=np.float32)
QUERY = np.full((1, 64), 0.125, dtype=np.float32)


def test_a_saved_store_is_the_same_and_a_cut_one_is_damage(tmp_path: Path) -> None:
    FaissStore.build(VECTORS).save(tmp_path / "v")
    assert FaissStore.load(tmp_path / "v").search(QUERY, 60) == FaissStore.build(VECTORS).search(QUERY, 60)
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:-100])
    with pytest.raises(GenerationDamagedError, match="v cannot be read"):
        FaissStore.load(tmp_path / "v")


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FaissStore.build(VECTORS).save(tmp_path / "nowhere" / "v")


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(IndexStoreError, match="mask over 3 rows for a store of 60"):
        FaissStore.build(VECTORS).search(QUERY, 5, np.ones(3, dtype=np.bool_))
