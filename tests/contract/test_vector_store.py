"""Every vector store gives what brute force gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.approximate import CellStore
from index.errors import IndexStoreError
from index.types import FloatArray, VectorStore
from index.vector_parts import VectorParts
from index.vectors import FaissStore, NumpyStore


def in_cells(vectors: FloatArray) -> VectorStore:
    """Cells compare rows one by one where there are few; tests/index/test_approximate.py has many."""
    exact = FaissStore.build(vectors)
    return exact if len(exact) < 4 else CellStore.build(exact, cells=4)


def in_parts(vectors: FloatArray) -> VectorStore:
    """Two parts, the rows in another order than in the files, and some vectors that are of no row."""
    FaissStore.build(vectors)  # refuses what every store refuses
    rows = len(vectors)
    order = np.random.default_rng(rows).permutation(rows)
    slots = (order + (order >= rows // 2)).astype(np.int32)
    held = np.ones((rows + 1, vectors.shape[1]), dtype=np.float32)
    held[slots] = vectors
    half = (rows + 1) // 2
    return VectorParts([FaissStore.build(held[:half]), FaissStore.build(held[half:])], slots)


STORES: dict[str, Callable[[FloatArray], VectorStore]] = {
    "faiss": FaissStore.build,
    "numpy": NumpyStore,
    "cells": in_cells,
    "parts": in_parts,
}
pytestmark = pytest.mark.parametrize("build", STORES.values(), ids=STORES.keys())
Build = Callable[[FloatArray], VectorStore]


def unit(rows: int, dimension: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 5, 200, 1000])
def test_rows_and_cosines_are_exact(build: Build, k: int) -> None:
    vectors, queries = unit(200, 16, 1), unit(7, 16, 2)
    store = build(vectors)
    assert len(store) == 200
    found = store.search(queries, k)
    assert len(found) == 7
    for query, hits in zip(queries, found, strict=True):
        cosines = vectors.astype(np.float64) @ query.astype(np.float64)
        exact = np.argsort(-cosines, kind="stable")[:k]
        assert [row for row, _ in hits] == exact.tolist()  # and no row -1 when k > len(store)
        assert [score for _, score in hits] == pytest.approx(cosines[exact].tolist(), abs=1e-5)


def test_a_vector_is_nearest_to_itself_with_cosine_one(build: Build) -> None:
    vectors = unit(50, 8, 3)
    for row, hits in enumerate(build(vectors).search(vectors, 1)):
        assert hits == [(row, pytest.approx(1.0, abs=1e-6))]


def test_a_mask_is_applied_inside_the_search(build: Build) -> None:
    vectors, query = unit(300, 8, 4), unit(1, 8, 5)
    allowed = np.zeros(300, dtype=np.bool_)
    order = np.argsort(-(vectors @ query[0]), kind="stable")
    allowed[order[-3:]] = True  # the three farthest
    store = build(vectors)
    assert [row for row, _ in store.search(query, 3, allowed)[0]] == order[-3:].tolist()
    assert [row for row, _ in store.search(query, 50, allowed)[0]] == order[-3:].tolist()
    assert store.search(query, 5, np.zeros(300, dtype=np.bool_)) == [[]]
    assert store.search(query, 9, np.ones(300, dtype=np.bool_)) == store.search(query, 9)


@pytest.mark.parametrize("k", range(1, 9))
def test_ties_are_ordered_by_row_and_cut_by_row(build: Build, k: int) -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 1, 1, 1, 0, 2]]
    query = np.array([[0.6, 0.8, 0, 0]], dtype=np.float32)
    assert [row for row, _ in build(vectors).search(query, k)[0]] == [1, 2, 3, 4, 0, 5, 6][:k]


@given(seed=st.integers(0, 999), rows=st.integers(1, 40), k=st.integers(1, 45))
@settings(max_examples=60, deadline=None)
def test_many_ties_and_masks_agree_with_brute_force(build: Build, seed: int, rows: int, k: int) -> None:
    source = np.random.default_rng(seed)
    # Axis vectors: every cosine is one of three values, so most of them tie, exactly.
    vectors = np.eye(3, dtype=np.float32)[source.integers(0, 3, rows)]
    query = np.array([[0.0, 0.6, 0.8]], dtype=np.float32)
    allowed = source.random(rows) < 0.6
    cosines = vectors @ query[0]
    exact = [int(row) for row in np.argsort(-cosines, kind="stable") if allowed[row]][:k]
    assert [row for row, _ in build(vectors).search(query, k, allowed)[0]] == exact


def test_empty_stores_and_empty_questions(build: Build) -> None:
    empty = build(np.empty((0, 4), dtype=np.float32))
    assert len(empty) == 0
    assert empty.search(unit(2, 4, 1), 3) == [[], []]
    assert build(unit(3, 4, 1)).search(np.empty((0, 4), dtype=np.float32), 3) == []


def test_vectors_come_back_as_they_were_stored(build: Build) -> None:
    vectors = unit(9, 8, 6)
    assert np.array_equal(build(vectors).reconstruct([3, 0, 8]), vectors[[3, 0, 8]])


def test_wrong_types_are_refused(build: Build) -> None:
    with pytest.raises(IndexStoreError, match="float32 of two axes, not float64"):
        build(np.eye(3))  # type: ignore[arg-type]
    with pytest.raises(IndexStoreError, match="float32"):
        build(unit(3, 4, 1)).search(np.eye(4)[:1], 1)  # type: ignore[arg-type]
