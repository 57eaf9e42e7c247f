"""Shingles and sketches, against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.shingles import (
    PERMUTATIONS,
    WORDS,
    band_keys,
    jaccard,
    rows_in_band,
    same_words_key,
    shingle_hashes,
    words_of,
)

WORDS_OF_ALL_KINDS = st.sampled_from(
    ["the", "mill", "Ёлка", "e\u0301te\u0301", "7", "№", "🌊", "x", "burned", "مرحبا"]
)
TEXTS = st.lists(WORDS_OF_ALL_KINDS, max_size=40).map(" ".join)


def by_definition(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    if not words:
        return set()
    if len(words) < WORDS:
        return {tuple(words)}
    return {tuple(words[n : n + WORDS]) for n in range(len(words) - WORDS + 1)}


def oracle(one: str, other: str) -> float:
    ours, theirs = by_definition(one), by_definition(other)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


@given(TEXTS, TEXTS)
def test_jaccard_is_that_of_the_sets(one: str, other: str) -> None:
    value = jaccard(words_of(one), words_of(other))
    assert value == pytest.approx(oracle(one, other), abs=1e-12)
    assert value == jaccard(words_of(other), words_of(one))


@given(TEXTS)
def test_a_text_is_wholly_like_itself_in_any_dress(text: str) -> None:
    dressed = "\r\n" + text.upper().lower().replace(" ", " \t ") + "!"
    if words_of(text):
        assert jaccard(words_of(text), words_of(text)) == 1.0
        assert jaccard(words_of(text), words_of(dressed)) == 1.0
    assert band_keys(shingle_hashes(words_of(text)), 0.8) == band_keys(shingle_hashes(words_of(dressed)), 0.8)


@given(TEXTS)
def test_there_is_a_hash_for_each_shingle(text: str) -> None:
    assert len(shingle_hashes(words_of(text))) == len(by_definition(text))


def test_worked_by_hand() -> None:
    # Two of three shingles each, one shared of all three.
    assert jaccard(["a", "b", "c", "d", "e", "f"], ["b", "c", "d", "e", "f", "g"]) == pytest.approx(1 / 3)
    # Fewer than five words are one shingle, and another than that of a longer text.
    assert jaccard(["a", "b"], ["a", "b"]) == 1.0
    assert jaccard(["a", "b"], ["a", "b", "c", "d", "e"]) == 0.0
    assert jaccard(["a", "b"], ["b", "a"]) == 0.0
    assert jaccard([], []) == 0.0
    assert words_of("Don't — СТОП, 1,5 %!") == ["don", "t", "стоп", "1", "5"]


def test_case_and_white_space_alone_make_no_other_words() -> None:
    assert same_words_key("The  Mill\nburned.") == same_words_key("the mill burned. ")
    assert same_words_key("The mill burned.") != same_words_key("The mill burned")


def test_the_order_of_words_counts() -> None:
    assert set(shingle_hashes(["a", "b", "c", "d", "e"])).isdisjoint(
        shingle_hashes(["e", "d", "c", "b", "a"])
    )


def test_bands_are_as_wide_as_the_threshold_allows() -> None:
    assert {t: rows_in_band(t) for t in (0.5, 0.7, 0.8, 0.9, 1.0)} == {
        0.5: 2,
        0.7: 4,
        0.8: 6,
        0.9: 9,
        1.0: 128,
    }
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        rows = rows_in_band(threshold)
        assert 1 - (1 - threshold**rows) ** (PERMUTATIONS // rows) >= 0.997


def test_keys_are_the_same_on_every_machine() -> None:
    keys = band_keys(shingle_hashes(words_of("The mill burned on Tuesday night, and nobody saw it.")), 0.8)
    assert len(keys) == 21
    assert len(set(keys)) == 21
    assert keys[0].hex() == "df31dbb81518d4a6"
    assert band_keys(np.array([], dtype=np.uint64), 0.8) == []


def test_strangers_share_no_key_and_copies_almost_always_one() -> None:
    rng = np.random.default_rng(7)

    def keys(hashes: np.ndarray) -> set[bytes]:
        return set(band_keys(hashes, 0.8))

    met = strangers = 0
    for _ in range(300):
        every = rng.integers(1, 2**63, size=667, dtype=np.uint64)
        # 533 of 667 shared: a Jaccard of 0.799.
        met += bool(keys(every[:600]) & keys(np.concatenate([every[:533], every[600:]])))
        strangers += bool(keys(every) & keys(rng.integers(1, 2**63, size=667, dtype=np.uint64)))
    assert met >= 296
    assert strangers == 0
