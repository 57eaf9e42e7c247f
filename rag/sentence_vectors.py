"""Vectors of single sentences, made when first needed and remembered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.types import Embedder, FloatArray
from rag.recent import Recent

# 384 dimensions of four bytes: about 30 MB.
_REMEMBERED = 20_000


class SentenceVectors:
    """A bounded memory of sentence vectors, least recently used out first; for several threads."""

    def __init__(self, embedder: Embedder, remembered: int = _REMEMBERED) -> None:
        self._embedder = embedder
        self._known: Recent[str, FloatArray] = Recent(remembered)

    def of(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order."""
        rows = np.empty((len(texts), self._embedder.dimension), dtype=np.float32)
        missing: dict[str, list[int]] = {}
        for number, text in enumerate(texts):
            vector = self._known.get(text)
            if vector is None:
                missing.setdefault(text, []).append(number)
            else:
                rows[number] = vector
        if missing:
            made = self._embedder.embed_passages(list(missing))
            for (text, numbers), vector in zip(missing.items(), made, strict=True):
                rows[numbers] = vector
                self._known.put(text, vector)
        return rows
