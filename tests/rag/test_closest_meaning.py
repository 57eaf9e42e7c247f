"""The order of passages by the sentence of each that comes closest in meaning: by hand, and over an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from index.types import FloatArray
from rag.closest_meaning import by_meaning
from rag.question import read_question
from rag.retrieve import Hit, Retrieved, Retriever
from rag.sentence_vectors import SentenceVectors
from rag.settings import RagSettings
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of, passage_with

FAR = (0.0, 1.0)


class Vectors:
    """Vectors from a table; keeps which texts it was asked for."""

    name = "table"
    dimension = 2

    def __init__(self, table: Mapping[str, tuple[float, float]]) -> None:
        self._table = table
        self.asked: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        self.asked += texts
        return np.array([self._table.get(text, FAR) for text in texts], dtype=np.float32)


def ordered(
    passages: Sequence[Sequence[str]],
    table: Mapping[str, tuple[float, float]],
    *,
    asked: str = "Who opened the harbour?",
    vector: Sequence[tuple[float, float]] = ((1.0, 0.0),),
    turns: Sequence[tuple[int, ...]] = (),
    depth: int = 10,
    weight: float = 1.0,
) -> tuple[list[tuple[int, float]], list[str]]:
    """Hits with scores 1.0, 0.9, 0.8, … in the order of the passages, put in order."""
    texts = [
        passage_with(" ".join(own) or "Harbour", own or [("heading", "Harbour")], document_id=str(n))
        for n, own in enumerate(passages)
    ]
    generation: Any = SimpleNamespace(passage=texts.__getitem__)
    hits = tuple(
        Hit(
            row=n,
            score=1.0 - n / 10,
            fused=1.0 - n / 10,
            bm25=0.0,
            cosine=0.0,
            turns=turns[n] if turns else (),
        )
        for n in range(len(texts))
    )
    vectors = Vectors(table)
    found = by_meaning(
        Retrieved(
            hits=hits, asked=asked, vector=np.array(vector, dtype=np.float32), terms=(), corrections={}
        ),
        generation,
        SentenceVectors(vectors),  # type: ignore[arg-type]
        RagSettings(meaning_weight=weight, meaning_k=depth, turn_penalty=0.3),
    )
    return [(hit.row, pytest.approx(hit.score)) for hit in found.hits], vectors.asked


def test_the_closest_sentence_counts_beside_the_score() -> None:
    passages = [["Rain fell."], ["Ana opened the harbour.", "It was cold."], ["Wind blew."]]
    found, _ = ordered(passages, {"Ana opened the harbour.": (0.6, 0.8)})
    assert found == [(1, 1.5), (0, 1.0), (2, 0.8)]  # 0.9 + 0.6, and nothing for the others


def test_what_all_have_alike_changes_nothing() -> None:
    table = {"One.": (0.6, 0.8), "Two.": (0.6, 0.8), "Three.": (0.8, 0.6)}
    found, _ = ordered([["One."], ["Two."], ["Three."], ["Four."]], table, depth=3)
    assert found == [(0, 1.0), (2, 1.0), (1, 0.9), (3, 0.7)]  # 0.8 + 0.8 − 0.6


def test_of_a_question_for_several_things_the_closest_part_counts_too() -> None:
    table = {"One.": (0.0, 1.0), "Two.": (1.0, 0.0)}
    found, _ = ordered([["One."], ["Two."]], table, vector=[(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)])
    # "One." has 0 with the whole and 1 with its first part, "Two." 1 and 0.
    assert found == [(0, 1.0), (1, 0.9)]


def test_turns_are_taken_again() -> None:
    table = {"One.": (0.0, 1.0), "Two.": (0.8, 0.6), "Three.": (0.6, 0.8)}
    found, _ = ordered([["One."], ["Two."], ["Three."]], table, turns=[(1,), (0,), (0,)])
    assert found == [(1, 1.7), (2, 1.1), (0, 1.0)]
    # Without the penalty "Three." would have 1.4; it costs a turn of its source.


def test_below_the_depth_nothing_moves_and_nothing_passes() -> None:
    table = {"Four.": (1.0, 0.0), "Two.": (0.6, 0.8)}
    found, asked = ordered([["One."], ["Two."], ["Three."], ["Four."]], table, depth=2)
    assert found == [(1, 1.5), (0, 1.0), (2, 0.8), (3, 0.7)]
    assert asked == ["One.", "Two."]


@pytest.mark.parametrize(("weight", "depth"), [(0.0, 10), (1.0, 0), (1.0, 1)])
def test_without_weight_or_depth_no_vector_is_made(weight: float, depth: int) -> None:
    found, asked = ordered([["One."], ["Two."]], {"Two.": (1.0, 0.0)}, weight=weight, depth=depth)
    assert (found, asked) == ([(0, 1.0), (1, 0.9)], [])


def test_only_sentences_that_share_most_words_get_a_vector() -> None:
    own = ["Cold.", "The harbour froze.", "Ana opened the harbour.", "Bo opened the gate.", "Wet."]
    _, asked = ordered([own, ["Rain."]], {})
    assert asked == ["Ana opened the harbour.", "The harbour froze.", "Rain."]


def test_a_passage_without_sentences_gets_nothing_and_no_hits_are_no_error() -> None:
    found, _ = ordered([[], ["Two."]], {"Two.": (0.6, 0.8)})
    assert found == [(1, 1.5), (0, 1.0)]
    assert ordered([], {}) == ([], [])


@pytest.mark.parametrize("text", ["Ж🙂 открыла гавань.", "e\u0301tait le port 🙂", "一二三"])
def test_any_script_is_compared(text: str) -> None:
    found, _ = ordered([["One."], [text]], {text: (1.0, 0.0)}, asked=text)
    assert found == [(1, 1.9), (0, 1.0)]


def test_over_an_index_the_vectors_are_those_of_the_embedder(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "a", "title": "A", "text": "The harbour froze. Ships wait for spring in the harbour."},
        {"id": "b", "title": "B", "text": "Ana opened the harbour in May. Nobody came."},
    ]
    embedder = HashEmbedder()
    generation = index_of(tmp_path, rows, embedder)
    question = read_question("Who opened the harbour in May?")
    retrieved = Retriever(generation, embedder, RagSettings()).retrieve(question, 5, None)
    settings = RagSettings(meaning_weight=2.0, meaning_k=8, turn_penalty=0.3)
    found = by_meaning(retrieved, generation, SentenceVectors(embedder), settings)
    best = {
        hit.row: max(
            float(embedder.embed_passages([text])[0] @ retrieved.vector[0])
            for text in map(generation.passage(hit.row).sentence_text, generation.passage(hit.row).sentences)
        )
        for hit in retrieved.hits
    }
    least = min(best.values())
    expected = {hit.row: hit.fused + 2.0 * (best[hit.row] - least) for hit in retrieved.hits}
    assert {hit.row: hit.fused for hit in found.hits} == pytest.approx(expected)
    assert [hit.row for hit in found.hits] == sorted(expected, key=lambda row: -expected[row])
    generation.close()
