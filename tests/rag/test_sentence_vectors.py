"""Sentence vectors are those of the embedder, each made once while it is remembered."""

from __future__ import annotations

import numpy as np

from rag.sentence_vectors import SentenceVectors
from tests.fakes import HashEmbedder


def test_rows_are_the_embedders_in_order() -> None:
    embedder, texts = HashEmbedder(), ["Tin rose.", "Цинк упал 🙂.", "Tin rose.", "Lead."]
    found = SentenceVectors(embedder).of(texts)
    assert found.dtype == np.float32
    assert np.array_equal(found, HashEmbedder().embed_passages(texts))
    assert embedder.calls == 3


def test_no_texts_give_no_rows() -> None:
    assert SentenceVectors(HashEmbedder()).of([]).shape == (0, 64)


def test_what_is_remembered_is_not_made_again_and_the_oldest_goes_first() -> None:
    embedder = HashEmbedder()
    vectors = SentenceVectors(embedder, remembered=2)
    vectors.of(["a", "b"])
    vectors.of(["a"])  # b is now the one used longest ago
    vectors.of(["c"])
    assert embedder.calls == 3
    vectors.of(["a", "c"])
    assert embedder.calls == 3
    vectors.of(["b"])
    assert embedder.calls == 4


def test_more_at_once_than_is_remembered() -> None:
    texts = [f"t{n}" for n in range(10)]
    vectors = SentenceVectors(HashEmbedder(), remembered=3)
    for _ in range(2):
        assert np.array_equal(vectors.of(texts), HashEmbedder().embed_passages(texts))
