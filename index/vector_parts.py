"""The vectors of one generation: those of the part that many generations share, and those added since.

Files count vectors in the order in which they were added, and keep those that are of no passage any more.
A generation counts its passages in the order of the documents: `slots` leads from the one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.approximate import CellStore
from index.errors import GenerationDamagedError, IndexStoreError
from index.types import BoolArray, FloatArray
from index.vectors import FaissStore, checked

Slots = NDArray[np.int32]


class VectorParts:
    """One store made of several; see `VectorStore`.

    `slots` are the places of the rows in the parts, one after another.

    Raises:
        GenerationDamagedError: there are rows without a vector.
    """

    def __init__(self, parts: Sequence[FaissStore | CellStore], slots: Slots) -> None:
        self._parts = [part for part in parts if len(part)]
        self._slots = slots
        total = sum(len(part) for part in self._parts)
        if len(slots) and not 0 <= slots.min() <= slots.max() < total:
            raise GenerationDamagedError(f"{len(slots)} passages do not fit {total} vectors")
        # The usual case costs nothing: every vector is of the passage with the same number.
        self._plain = len(slots) == total and bool((slots == np.arange(total)).all())
        self._rows = np.full(total, -1, dtype=np.int32)
        self._rows[slots] = np.arange(len(slots), dtype=np.int32)
        self._living: BoolArray | None = None if len(slots) == total else self._rows >= 0

    def __len__(self) -> int:
        return len(self._slots)

    def reconstruct(self, rows: list[int]) -> FloatArray:
        """Return the stored vectors of these rows, in order."""
        slots = self._slots[rows].astype(np.int64)
        if len(self._parts) == 1:
            return self._parts[0].reconstruct(slots.tolist())
        found: FloatArray | None = None
        start = 0
        for part in self._parts:
            here = np.flatnonzero((slots >= start) & (slots < start + len(part)))
            vectors = part.reconstruct((slots[here] - start).tolist())
            if found is None:
                found = np.empty((len(slots), vectors.shape[1]), dtype=np.float32)
            found[here] = vectors
            start += len(part)
        return np.empty((0, 0), dtype=np.float32) if found is None else found

    def search(
        self, queries: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> list[list[tuple[int, float]]]:
        """Return at most `k` (row, cosine) pairs a query, best first, ties by row."""
        if allowed is not None and len(allowed) != len(self):
            raise IndexStoreError(f"a mask over {len(allowed)} rows for a store of {len(self)}")
        if len(self._parts) == 1 and self._plain:
            return self._parts[0].search(queries, k, allowed)
        mask = self._living
        if allowed is not None and not self._plain:
            mask = np.zeros(len(self._rows), dtype=np.bool_)
            mask[self._slots[allowed]] = True
        elif allowed is not None:
            mask = allowed
        hits: list[list[tuple[int, float]]] = [[] for _ in checked(queries)]
        start = 0
        for part in self._parts:
            end = start + len(part)
            found = part.found(queries, k, None if mask is None else mask[start:end])
            for number, (slots, scores) in enumerate(found):
                hits[number] += zip(self._rows[slots + start].tolist(), scores.tolist(), strict=True)
            start = end
        return [sorted(one, key=lambda hit: (-hit[1], hit[0]))[:k] for one in hits]
