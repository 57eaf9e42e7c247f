"""Nearest neighbours among very many rows: cells and bytes find candidates, stored vectors decide.

The rows are grouped into cells around means. A query looks into the nearest cells, at vectors of one byte
a dimension, and what looks best is compared by the vectors themselves: the cosines are exact, only a row
that the cells or the bytes hid may be missing. How many are missing is measured when the index is built.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import GenerationDamagedError, IndexStoreError
from index.types import BoolArray, FloatArray
from index.vectors import FaissStore, checked, faiss_library, write_faiss

logger = logging.getLogger(__name__)

LEAST_RECALL = 0.98
# What is aimed at is more than what is promised: the measure is of samples.
_WANTED_RECALL = 0.99
_K = 10
_SAMPLES = 200
_SEED = 7
_TRAINED_PER_CELL = 50
_ROUNDS = 10
_FIRST_PROBES = 8
_MARGIN = 2
# So few allowed rows are compared one by one.
_NARROW = 2000
# The bytes order candidates nearly right: of so many more than wanted the best are wanted.
_SPARE = 2
_SPARE_ROWS = 50
# Viewers of so small a share of the rows are measured too.
SHARES = (1.0, 0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What the manifest says of a vector index: its kind, what shapes it, and its measured recall@10.

    `recall` is by the share of the rows that may be seen. `reason` says why it is of this kind.
    """

    kind: str
    reason: str
    cells: int = 0
    probes: int = 0
    recall: dict[str, float] | None = None


class CellStore:
    """Approximate candidates, exact cosines; one thread a query."""

    def __init__(self, exact: FaissStore, index: Any, probes: int) -> None:
        self._exact = exact
        self._index = index
        self.probes = probes

    @classmethod
    def build(cls, exact: FaissStore, *, cells: int | None = None) -> CellStore:
        """Group the rows of an exact store into cells; the same rows give the same cells."""
        faiss = faiss_library()
        rows = len(exact)
        dimension = exact.dimension
        cells = cells or 2 ** round(math.log2(2 * math.sqrt(rows)))
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(dimension), dimension, cells, faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )  # fmt: skip
        index.cp.niter = _ROUNDS
        index.cp.seed = _SEED
        index.cp.max_points_per_centroid = _TRAINED_PER_CELL
        chosen = np.random.default_rng(_SEED).permutation(rows)[: cells * _TRAINED_PER_CELL]
        index.train(exact.reconstruct(np.sort(chosen).tolist()))
        for start in range(0, rows, 65_536):
            index.add(exact.reconstruct(list(range(start, min(start + 65_536, rows)))))
        # The vectors are the exact store's: the index itself need not find one again.
        return cls(exact, index, _FIRST_PROBES)

    @classmethod
    def load(cls, path: Path, exact: FaissStore, probes: int) -> CellStore:
        """Read a file whose hash the caller has checked.

        Raises:
            GenerationDamagedError: FAISS cannot read it all the same, or it is of other rows.
        """
        try:
            index = faiss_library().read_index(str(path))
        except RuntimeError as error:
            raise GenerationDamagedError(f"{path.name} cannot be read: {error}") from error
        if index.ntotal != len(exact):
            raise GenerationDamagedError(f"{path.name} has {index.ntotal} rows for {len(exact)} vectors")
        return cls(exact, index, probes)

    def save(self, path: Path) -> None:
        """Write the cells; syncing is the caller's part.

        Raises:
            OSError: they cannot be written.
        """
        write_faiss(self._index, path)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return int(self._index.nlist)

    def __len__(self) -> int:
        return len(self._exact)

    def reconstruct(self, rows: list[int]) -> FloatArray:
        return self._exact.reconstruct(rows)

    def search(
        self, queries: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> list[list[tuple[int, float]]]:
        return [
            sorted(zip(rows.tolist(), scores.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))[:k]
            for rows, scores in self.found(queries, k, allowed)
        ]

    def found(
        self, queries: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> list[tuple[NDArray[np.int64], FloatArray]]:
        """Return rows and exact cosines of candidates, the `k` best of each query among them."""
        if allowed is not None and len(allowed) != len(self):
            raise IndexStoreError(f"a mask over {len(allowed)} rows for a store of {len(self)}")
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if k < 1 or not count:
            return [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)) for _ in queries]
        if count <= max(_NARROW, k):
            rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
            candidates = [rows for _ in queries]
        else:
            candidates = self._candidates(queries, min(_SPARE * k + _SPARE_ROWS, count), allowed, count)
        return [(rows, self._cosines(rows, query)) for query, rows in zip(queries, candidates, strict=True)]

    def _candidates(
        self, queries: FloatArray, wide: int, allowed: BoolArray | None, count: int
    ) -> list[NDArray[np.int64]]:
        faiss = faiss_library()
        # Of few allowed rows each cell holds few, so more cells are looked into. All of them where the places
        # might not be filled otherwise.
        probes = min(self.cells, math.ceil(self.probes * len(self) / count))
        if probes * count < 4 * wide * self.cells:
            probes = self.cells
        parameters = faiss.SearchParametersIVF(nprobe=probes)
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        _, rows = self._index.search(checked(queries), wide, params=parameters)
        return [line[line != -1] for line in rows]

    def _cosines(self, rows: NDArray[np.int64], query: FloatArray) -> FloatArray:
        # Summed in double precision: the same vector has the same cosine wherever it stands.
        vectors = self.reconstruct(rows.tolist()).astype(np.float64)
        return (vectors @ query.astype(np.float64)).astype(np.float32)


def build_cells(exact: FaissStore, exact_rows: int) -> tuple[CellStore | None, Built]:
    """Return cells for these rows, where there are many and the cells find what is nearest.

    More and more cells are looked into until recall@10 of `_SAMPLES` queries is high enough, and then
    `_MARGIN` times as many; an index that stays below `LEAST_RECALL` is rejected, and the reason recorded.
    """
    rows = len(exact)
    if rows <= exact_rows:
        return None, Built(kind="exact", reason=f"{rows} rows; up to {exact_rows} all are compared")
    store = CellStore.build(exact)
    queries = sample_queries(exact)
    masks = _masks(rows)
    wanted = {share: _firsts(exact, queries, mask) for share, mask in masks.items()}
    while True:
        recall = {
            f"{share:g}": measured(wanted[share], _firsts(store, queries, mask))
            for share, mask in masks.items()
        }
        if min(recall.values()) >= _WANTED_RECALL or store.probes >= store.cells:
            break
        store.probes = min(2 * store.probes, store.cells)
    # Questions lie further from passages than the sample does: a wider look costs little.
    store.probes = min(_MARGIN * store.probes, store.cells)
    worst = min(recall.values())
    if worst < LEAST_RECALL:
        reason = (
            f"cells were rejected: recall@{_K} {worst:.3f} is below {LEAST_RECALL}, so all rows are compared"
        )
        logger.warning("vector_index_rejected rows=%d recall=%.4f probes=%d", rows, worst, store.probes)
        return None, Built(kind="exact", reason=reason, cells=store.cells, recall=recall)
    return store, Built(
        kind="cells",
        reason=f"{rows} rows; more than {exact_rows}",
        cells=store.cells,
        probes=store.probes,
        recall=recall,
    )


def sample_queries(exact: FaissStore) -> FloatArray:
    """Return queries between stored vectors: each a row, bent towards another, with some noise."""
    source = np.random.default_rng(_SEED)
    near, far = (exact.reconstruct(source.integers(0, len(exact), _SAMPLES).tolist()) for _ in range(2))
    noise = source.standard_normal(near.shape)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    mixed = near + 0.5 * far + 0.4 * noise
    found: FloatArray = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    return found


def measured(wanted: list[set[int]], found: list[set[int]]) -> float:
    """Return the mean share of the wanted rows that were found; where none is wanted nothing is missing."""
    shares = [len(one & other) / len(one) if one else 1.0 for one, other in zip(wanted, found, strict=True)]
    return float(np.mean(shares))


def _firsts(store: FaissStore | CellStore, queries: FloatArray, mask: BoolArray | None) -> list[set[int]]:
    return [{row for row, _ in hits} for hits in store.search(queries, _K, mask)]


def _masks(rows: int) -> dict[float, BoolArray | None]:
    source = np.random.default_rng(_SEED)
    return {share: None if share == 1.0 else source.random(rows) < share for share in SHARES}
