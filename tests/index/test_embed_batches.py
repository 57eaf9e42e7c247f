"""How texts are cut into batches: every text once, and as cheaply as can be."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import _BATCH_TOKENS, _CALL_TOKENS, _MAX_BATCH, _width, batches

lengths = st.lists(st.integers(1, 256), max_size=80).map(sorted)


def cost(cut: list[tuple[int, int]], texts: list[int]) -> int:
    return sum(_CALL_TOKENS + (end - start) * _width(texts[end - 1]) for start, end in cut)


@given(lengths)
def test_every_text_is_in_one_batch_and_no_batch_is_too_large(texts: list[int]) -> None:
    cut = batches(texts)
    assert [n for start, end in cut for n in range(start, end)] == list(range(len(texts)))
    for start, end in cut:
        assert 1 <= end - start <= _MAX_BATCH
        assert (end - start) * _width(texts[end - 1]) <= _BATCH_TOKENS


@given(st.lists(st.integers(1, 256), min_size=1, max_size=8).map(sorted))
def test_no_other_cut_is_cheaper(texts: list[int]) -> None:
    inside = range(1, len(texts))
    every = [
        list(pairwise((0, *places, len(texts))))
        for count in range(len(texts))
        for places in combinations(inside, count)
    ]
    assert cost(batches(texts), texts) == min(cost(cut, texts) for cut in every)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        ([9], [(0, 1)]),
        ([9_000], [(0, 1)]),  # one text is never cut
        ([10, 12, 30], [(0, 3)]),  # 3 · 32 beside 2 · 16 + 32 and a call
        ([10, 12, 14, 120], [(0, 3), (3, 4)]),
        ([100] * 40, [(0, 8), (8, 40)]),
    ],
)
def test_cuts_by_hand(texts: list[int], expected: list[tuple[int, int]]) -> None:
    assert cost(batches(texts), texts) == cost(expected, texts)
    assert len(batches(texts)) == len(expected)
