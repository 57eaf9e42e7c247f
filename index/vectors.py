"""Exact nearest neighbours: FAISS for serving, NumPy as the reference that it is tested against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import GenerationDamagedError, IndexStoreError
from index.types import BoolArray, FloatArray


class NumpyStore:
    """Brute force in a few lines: what every other store must agree with."""

    def __init__(self, vectors: FloatArray) -> None:
        self._vectors = checked(vectors)

    def __len__(self) -> int:
        return len(self._vectors)

    def reconstruct(self, rows: list[int]) -> FloatArray:
        return self._vectors[rows]

    def search(
        self, queries: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> list[list[tuple[int, float]]]:
        rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        scores = checked(queries) @ self._vectors[rows].T
        return [
            sorted(
                ((int(row), float(score)) for row, score in zip(rows, line, strict=True)),
                key=lambda hit: (-hit[1], hit[0]),
            )[:k]
            for line in scores
        ]


class FaissStore:
    """FAISS with inner products over unit vectors; exact, one thread a query."""

    def __init__(self, index: object) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: FloatArray) -> FaissStore:
        """Index the rows in order; `vectors` is float32 `(rows, dimension)` of unit length."""
        faiss = faiss_library()
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(checked(vectors))
        return cls(index)

    @classmethod
    def load(cls, path: Path, *, mapped: bool = False) -> FaissStore:
        """Read a file whose hash the caller has checked: the format itself has no checksum.

        `mapped` leaves the vectors on the disk and reads those that are asked for; files of a generation
        are never written again.

        Raises:
            GenerationDamagedError: FAISS cannot read it all the same.
        """
        try:
            library = faiss_library()
            return cls(library.read_index(str(path), library.IO_FLAG_MMAP_IFC if mapped else 0))
        except RuntimeError as error:
            raise GenerationDamagedError(f"{path.name} cannot be read: {error}") from error

    def add(self, vectors: FloatArray) -> None:
        """Put rows behind the last one; only while nobody searches."""
        self._index.add(checked(vectors))  # type: ignore[attr-defined]

    def save(self, path: Path) -> None:
        """Write the index; syncing is the caller's part.

        Raises:
            OSError: it cannot be written.
        """
        write_faiss(self._index, path)

    def __len__(self) -> int:
        return int(self._index.ntotal)  # type: ignore[attr-defined]

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)  # type: ignore[attr-defined]

    def reconstruct(self, rows: list[int]) -> FloatArray:
        found: FloatArray = self._index.reconstruct_batch(np.asarray(rows, dtype=np.int64))  # type: ignore[attr-defined]
        return found

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
        """Return rows and cosines of the `k` best of each query, and of all that tie with the last of them."""
        faiss = faiss_library()
        k = min(k, len(self))
        if allowed is not None and len(allowed) != len(self):
            raise IndexStoreError(f"a mask over {len(allowed)} rows for a store of {len(self)}")
        if k < 1 or len(queries) < 1:
            return [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)) for _ in queries]
        parameters = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            parameters = faiss.SearchParameters(sel=selector)
        # Of rows that tie at the edge FAISS keeps any: widen the search until the tie is whole.
        wide = k
        while True:
            wide = min(wide + 1, len(self))
            scores, rows = self._index.search(checked(queries), wide, params=parameters)  # type: ignore[attr-defined]
            whole = (scores[:, k - 1] > scores[:, -1]) | (rows[:, -1] == -1)
            if wide == len(self) or whole.all():
                break
            wide *= 2
        # FAISS fills missing neighbours with row -1, which as a list index is the last.
        return [(line[line != -1], values[line != -1]) for line, values in zip(rows, scores, strict=True)]


def faiss_library() -> Any:
    """Return FAISS, imported when it is needed and held to one thread."""
    import faiss

    # A second OpenMP thread brings a single query nothing and spins while others work.
    faiss.omp_set_num_threads(1)
    return faiss


def write_faiss(index: object, path: Path) -> None:
    """Write an index of FAISS through a file of our own: its writer does not notice when the last bytes do not fit.

    Raises:
        OSError: it cannot be written.
    """
    faiss = faiss_library()
    failed: list[OSError] = []

    with path.open("wb") as file:

        def write(part: bytes) -> None:
            try:
                file.write(part)
            except OSError as error:  # which FAISS would turn into a text
                failed.append(error)
                raise

        try:
            faiss.write_index(index, faiss.PyCallbackIOWriter(write, 1 << 20))
        except Exception as error:
            raise (
                failed[0] if failed else IndexStoreError(f"{path.name} cannot be written: {error}")
            ) from error


def checked(vectors: FloatArray) -> FloatArray:
    """Return vectors as FAISS reads them.

    Raises:
        IndexStoreError: they are not float32 of two axes.
    """
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise IndexStoreError(f"vectors must be float32 of two axes, not {vectors.dtype} {vectors.shape}")
    return np.ascontiguousarray(vectors)
