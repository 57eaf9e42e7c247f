"""Stand-ins with real behaviour: they can be wrong about meaning, but not about their contract."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from index.types import FloatArray


class HashEmbedder:
    """Bag of words hashed into a vector: texts that share words are near each other.

    Deterministic over processes and machines. `calls` counts the texts embedded as passages.
    """

    def __init__(self, dimension: int = 64, name: str = "hash-64") -> None:
        self._dimension = dimension
        self._name = name
        self.calls = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return 254

    @property
    def backend(self) -> str:
        return "fake"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self._encode(texts)

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        self.calls += len(texts)
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> FloatArray:
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.casefold()) or [text]:
                digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                number = int.from_bytes(digest, "little")
                vectors[row, number % self._dimension] += 1.0 if number & (1 << 40) else -1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
