"""Vectors of single sentences, made when first needed and remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from index.types import Embedder, FloatArray

# 384 dimensions of four bytes: about 30 MB.
_REMEMBERED = 20_000


class SentenceVectors:
    """A bounded memory of sentence vectors, least recently used out first; for several threads."""

    def __init__(self, embedder: Embedder, remembered: int = _REMEMBERED) -> None:
        self._embedder = embedder
        self._remembered = remembered
        self._known: OrderedDict[str, FloatArray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order."""
        rows = np.empty((len(texts), self._embedder.dimension), dtype=np.float32)
        missing: dict[str, list[int]] = {}
        with self._lock:
            for number, text in enumerate(texts):
                vector = self._known.get(text)
                if vector is None:
                    missing.setdefault(text, []).append(number)
                else:
                    self._known.move_to_end(text)
                    rows[number] = vector
        if missing:
            made = self._embedder.embed_passages(list(missing))
            with self._lock:
                for (text, numbers), vector in zip(missing.items(), made, strict=True):
                    rows[numbers] = vector
                    self._known[text] = vector
                while len(self._known) > self._remembered:
                    self._known.popitem(last=False)
        return rows
