"""Named sources take turns: by hand, and that scores never rise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.turns import in_turns


def places(scores: list[float], turns: list[tuple[int, ...]], penalty: float) -> list[tuple[int, float]]:
    return [(place, pytest.approx(score)) for place, score in in_turns(np.array(scores), turns, penalty)]


def test_without_turns_the_best_come_first_and_ties_go_by_place() -> None:
    assert places([0.5, 0.9, 0.5], [], 1.0) == [(1, 0.9), (0, 0.5), (2, 0.5)]


def test_a_source_that_was_heard_waits() -> None:
    # A's passages are 0.9, 0.8, 0.7, B's are 0.5, 0.45; each one heard costs its source 0.3.
    found = places([0.9, 0.8, 0.7, 0.5, 0.45], [(0,), (0,), (0,), (1,), (1,)], 0.3)
    assert found == [(0, 0.9), (1, 0.5), (3, 0.5), (4, 0.15), (2, 0.1)]


def test_what_belongs_to_no_named_source_waits_for_nobody() -> None:
    assert places([0.9, 0.8, 0.7], [(0,), (0,), ()], 0.5) == [(0, 0.9), (2, 0.7), (1, 0.3)]


def test_a_passage_of_two_sources_waits_only_for_the_one_less_heard() -> None:
    # After place 0, source 0 was heard once and source 1 never: place 1 is still owed to source 1.
    assert places([0.9, 0.8, 0.75], [(0,), (0, 1), ()], 0.5) == [(0, 0.9), (1, 0.8), (2, 0.75)]


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.sets(st.integers(0, 2))), max_size=60),
    st.sampled_from([0.0, 0.3, 2.0]),
)
def test_everything_comes_once_and_scores_never_rise(
    items: list[tuple[int, set[int]]], penalty: float
) -> None:
    found = list(
        in_turns(np.array([s / 10 for s, _ in items]), [tuple(sorted(t)) for _, t in items], penalty)
    )
    assert sorted(place for place, _ in found) == list(range(len(items)))
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
