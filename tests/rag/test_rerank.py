"""Reading the first hits: which order comes of it, who takes turns, and what stays where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rag.calibrate import Logistic
from rag.reader_model import TokenScores
from rag.rerank import MAX_ANSWER_TOKENS, UNREAD, best_span, passage_signals, reranked
from rag.retrieve import Hit, Retrieved


def tokens(answerable: float, start: Sequence[float] = (0.0,), end: Sequence[float] = (0.0,)) -> TokenScores:
    return TokenScores(
        offsets=[(2 * n, 2 * n + 1) for n in range(len(start))],
        start=np.array(start, dtype=np.float32),
        end=np.array(end, dtype=np.float32),
        evidence=np.zeros(len(start), dtype=np.float32),
        null=1.0,
        answerable=answerable,
    )


class Scripted:
    """Gives each text the answerability that its own number says; keeps what it read."""

    name = "scripted"

    def __init__(self) -> None:
        self.read: list[str] = []

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        self.read.extend(passages)
        return [tokens(float(passage)) for passage in passages]


def found(*hits: tuple[float, float, tuple[int, ...]]) -> tuple[Retrieved, Any]:
    """Hits by (fused score, answerability, named sources), and a generation whose texts are the latter."""
    generation = SimpleNamespace(passage=lambda row: SimpleNamespace(text=str(hits[row][1])))
    retrieved = Retrieved(
        hits=tuple(
            Hit(row=row, score=fused, bm25=0.0, cosine=0.0, fused=fused, turns=turns)
            for row, (fused, _, turns) in enumerate(hits)
        ),
        asked="q",
        vector=np.zeros((1, 2), dtype=np.float32),
        terms=(),
        corrections={},
    )
    return retrieved, generation


def order(
    retrieved: Retrieved, generation: Any, depth: int, weight: float = 0.5, penalty: float = 0.3
) -> Any:
    scorer = Scripted()
    result = reranked(
        retrieved,
        generation,
        scorer=scorer,
        weights=Logistic(weights=(weight, 0.0), bias=0.0),
        depth=depth,
        turn_penalty=penalty,
    )
    return [(hit.row, pytest.approx(hit.score)) for hit in result.hits], result, scorer


def test_what_is_read_to_answer_goes_first() -> None:
    ranking, result, scorer = order(*found((1.0, -2.0, ()), (0.8, 4.0, ()), (0.5, 0.0, ())), depth=3)
    assert ranking == [(1, 2.8), (2, 0.5), (0, 0.0)]
    assert scorer.read == ["-2.0", "4.0", "0.0"]
    assert [hit.tokens is not None for hit in result.hits] == [True] * 3
    assert [hit.fused for hit in result.hits] == [0.8, 0.5, 1.0]


def test_what_was_not_read_stays_below_in_its_order() -> None:
    ranking, result, scorer = order(
        *found((1.0, -6.0, ()), (0.9, 1.0, ()), (0.8, 9.0, ()), (0.2, 9.0, ())), depth=2
    )
    # The last one read has -2.0; the first unread had 0.8 and is moved down by 2.8.
    assert ranking == [(1, 1.4), (0, -2.0), (2, -2.0), (3, -2.6)]
    assert scorer.read == ["-6.0", "1.0"]
    assert [hit.tokens is None for hit in result.hits] == [False, False, True, True]


def test_scores_that_are_low_enough_are_not_moved() -> None:
    ranking, _, _ = order(*found((1.0, 2.0, ()), (0.1, 0.0, ())), depth=1)
    assert ranking == [(0, 2.0), (1, 0.1)]


def test_named_sources_take_turns_after_reading_too() -> None:
    ranking, _, _ = order(
        *found((1.0, 1.0, (0,)), (0.9, 1.0, (0,)), (0.85, 0.0, (1,)), (0.1, 1.0, (1,))), depth=4
    )
    # 1.5 (source 0), then 1.4 less 0.3 = 1.1 against 0.85: source 0 again, now 0.6 off.
    assert [row for row, _ in ranking] == [0, 1, 2, 3]
    ranking, _, _ = order(
        *found((1.0, 1.0, (0,)), (0.9, 1.0, (0,)), (0.85, 1.0, (1,)), (0.1, 1.0, (1,))), depth=4
    )
    assert ranking[:3] == [(0, 1.5), (2, 1.35), (1, 1.1)]


def test_a_question_that_asks_for_several_things_keeps_the_order_of_the_search() -> None:
    retrieved, generation = found((1.0, -6.0, ()), (0.8, 9.0, ()))
    ranking, result, scorer = order(replace(retrieved, parts=2), generation, depth=2)
    assert ranking == [(0, 1.0), (1, 0.8)]
    assert scorer.read == []  # an answer reads them later, a search need not
    assert result.hits == retrieved.hits


def test_nothing_found_and_nothing_to_read() -> None:
    retrieved, generation = found()
    assert order(retrieved, generation, depth=5)[1].hits == ()
    retrieved, generation = found((1.0, 5.0, ()))
    ranking, result, scorer = order(retrieved, generation, depth=0)
    assert ranking == [(0, 1.0)]
    assert scorer.read == []
    assert result is retrieved


def test_the_best_span_by_hand() -> None:
    one = tokens(0.0, start=[-5.0, 5.0, 1.0, 4.0], end=[9.0, 0.0, 3.0, 2.0])
    # 5 + 3 - 1; the end before its start does not count, though it is higher.
    assert best_span(one) == (pytest.approx(7.0), 1, 2)
    assert passage_signals(one) == (0.0, pytest.approx(7.0))


def test_an_answer_is_never_longer_than_allowed() -> None:
    count = MAX_ANSWER_TOKENS + 5
    start, end = [-9.0] * count, [-9.0] * count
    start[0], end[-1], end[MAX_ANSWER_TOKENS - 1] = 9.0, 9.0, 1.0
    assert best_span(tokens(0.0, start=start, end=end)) == (pytest.approx(9.0), 0, MAX_ANSWER_TOKENS - 1)


def test_a_passage_without_tokens_has_no_answer() -> None:
    assert best_span(tokens(0.0, start=[], end=[])) == (UNREAD, 0, 0)
