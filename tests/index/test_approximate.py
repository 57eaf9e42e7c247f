"""Cells give exact cosines and nearly every row that is nearest, or are rejected."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from index.approximate import LEAST_RECALL, CellStore, build_cells, measured, sample_queries
from index.errors import GenerationDamagedError, IndexStoreError
from index.types import FloatArray
from index.vectors import FaissStore, NumpyStore

FULL = Path("/dev/full")

ROWS = 6000
DIMENSION = 32


def subjects(rows: int, seed: int) -> FloatArray:
    """Vectors around a hundred means, as texts about a hundred subjects have them."""
    source = np.random.default_rng(seed)
    means = np.random.default_rng(0).standard_normal((100, DIMENSION))
    made = means[source.integers(0, 100, rows)] + 0.6 * source.standard_normal((rows, DIMENSION))
    unit: FloatArray = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


VECTORS = subjects(ROWS, 1)
QUERIES = subjects(100, 2)


@pytest.fixture(scope="module")
def cells() -> CellStore:
    store, built = build_cells(FaissStore.build(VECTORS), 1000)
    assert store is not None
    assert built.kind == "cells"
    assert (built.cells, built.probes) == (store.cells, store.probes)
    assert built.recall is not None
    assert set(built.recall) == {"1", "0.1", "0.01", "0.001"}
    assert min(built.recall.values()) >= LEAST_RECALL
    return store


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.01, 0.001])
def test_what_is_nearest_is_found_and_its_cosine_is_exact(cells: CellStore, share: float) -> None:
    allowed = np.random.default_rng(3).random(ROWS) < share
    found = cells.search(QUERIES, 10, None if share == 1.0 else allowed)
    exact = NumpyStore(VECTORS).search(QUERIES, 10, allowed)
    recall = measured([{r for r, _ in one} for one in exact], [{r for r, _ in one} for one in found])
    assert recall >= LEAST_RECALL
    for query, hits in zip(QUERIES, found, strict=True):
        assert len(hits) == min(10, np.count_nonzero(allowed))
        assert all(share == 1.0 or allowed[row] for row, _ in hits)
        cosines = VECTORS.astype(np.float64) @ query.astype(np.float64)
        assert [score for _, score in hits] == pytest.approx([cosines[row] for row, _ in hits], abs=1e-6)
        assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def test_the_same_rows_give_the_same_answers_after_a_rebuild_and_after_loading(
    cells: CellStore, tmp_path: Path
) -> None:
    again, _ = build_cells(FaissStore.build(VECTORS), 1000)
    assert again is not None
    assert again.search(QUERIES, 10) == cells.search(QUERIES, 10)
    FaissStore.build(VECTORS).save(tmp_path / "v")
    cells.save(tmp_path / "c")
    exact = FaissStore.load(tmp_path / "v", mapped=True)
    loaded = CellStore.load(tmp_path / "c", exact, cells.probes)
    assert loaded.search(QUERIES, 10) == cells.search(QUERIES, 10)
    assert np.array_equal(loaded.reconstruct([5, 0]), VECTORS[[5, 0]])


def test_rows_with_the_same_vector_tie_exactly_and_are_ordered_by_row() -> None:
    vectors = VECTORS.copy()
    vectors[[17, 2500, 5999]] = vectors[40]
    store, _ = build_cells(FaissStore.build(vectors), 1000)
    assert store is not None
    hits = store.search(vectors[[40]], 4)[0]
    assert [row for row, _ in hits] == [17, 40, 2500, 5999]
    assert len({score for _, score in hits}) == 1


def test_up_to_the_bound_all_rows_are_compared() -> None:
    store, built = build_cells(FaissStore.build(VECTORS), ROWS)
    assert store is None
    assert (built.kind, built.recall) == ("exact", None)
    assert built.reason == "6000 rows; up to 6000 all are compared"


def test_cells_that_hide_what_is_nearest_are_rejected_and_the_reason_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # All but the same, beside two far ones that stretch the bytes: one byte cannot tell the others apart.
    source = np.random.default_rng(4)
    vectors = np.ones((ROWS, DIMENSION)) + 1e-4 * source.standard_normal((ROWS, DIMENSION))
    vectors[0], vectors[1] = -1, np.where(np.arange(DIMENSION) % 2, 3, -3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with caplog.at_level(logging.WARNING):
        store, built = build_cells(FaissStore.build(vectors.astype(np.float32)), 1000)
    assert store is None
    assert built.kind == "exact"
    assert "cells were rejected: recall@10 0." in built.reason
    assert built.recall is not None
    assert min(built.recall.values()) < LEAST_RECALL
    assert "vector_index_rejected" in caplog.text


def test_sample_queries_are_of_unit_length_and_always_the_same() -> None:
    exact = FaissStore.build(VECTORS)
    queries = sample_queries(exact)
    assert queries.shape == (200, DIMENSION)
    assert np.linalg.norm(queries, axis=1) == pytest.approx(np.ones(200), abs=1e-5)
    assert np.array_equal(queries, sample_queries(exact))


def test_a_cut_file_and_one_of_other_rows_are_damage(cells: CellStore, tmp_path: Path) -> None:
    cells.save(tmp_path / "c")
    with pytest.raises(GenerationDamagedError, match="c has 6000 rows for 10 vectors"):
        CellStore.load(tmp_path / "c", FaissStore.build(VECTORS[:10]), 8)
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:-100])
    with pytest.raises(GenerationDamagedError, match="c cannot be read"):
        CellStore.load(tmp_path / "c", FaissStore.build(VECTORS), 8)


def test_a_mask_of_another_length_is_refused_and_nothing_allowed_finds_nothing(cells: CellStore) -> None:
    with pytest.raises(IndexStoreError, match="mask over 3 rows for a store of 6000"):
        cells.search(QUERIES[:1], 5, np.ones(3, dtype=np.bool_))
    assert cells.search(QUERIES[:2], 5, np.zeros(ROWS, dtype=np.bool_)) == [[], []]
    assert cells.search(QUERIES[:1], 0) == [[]]


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_cells_that_do_not_fit_on_the_disk_are_not_taken_for_written(cells: CellStore) -> None:
    with pytest.raises(OSError, match="No space left"):
        cells.save(FULL)
