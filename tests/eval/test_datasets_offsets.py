"""Offsets that a data set counts in its own text, mapped into the canonical text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.datasets.offsets import canonical, canonical_span, distinct, located
from eval.datatypes import Gold
from eval.errors import DataSetError

# Cyrillic with and without composed letters, accents in both orders, emoji of several code points,
# Hangul in pieces (which NFC joins without any combining class), line ends, a byte order mark.
_PIECES = (*"aeEбеиЕИ и\u0306\u0301\u0323\u0308\r\n🙂👩\u200d\u1112\u1161\u11ab\ufeffёй\u212b\u0344",)
AWKWARD = st.text(st.sampled_from(_PIECES), max_size=12)


@settings(deadline=None)
@given(AWKWARD, AWKWARD.filter(bool), AWKWARD)
def test_a_span_between_plain_letters_is_found_where_its_parts_say(
    before: str, inside: str, after: str
) -> None:
    # Nothing grows together with "|", so that each part becomes canonical by itself.
    original = f"{before}|{inside}|{after}"
    start = len(before) + 1
    folded = unicodedata.normalize("NFC", inside.replace("\r\n", "\n").replace("\r", "\n"))
    left = len(canonical(f"{before}|", "test"))
    assert canonical_span(original, start, start + len(inside)) == (left, left + len(folded))
    assert canonical(original, "test")[left : left + len(folded)] == folded


@settings(deadline=None)
@given(AWKWARD, st.integers(0, 12), st.integers(0, 12))
def test_what_is_mapped_reads_the_same(original: str, start: int, end: int) -> None:
    span = canonical_span(original, start, end)
    if span is not None:
        held = original[start:end]
        if start <= len(original) - len(original.lstrip("\ufeff")):
            held = held.lstrip("\ufeff")
        expected = unicodedata.normalize("NFC", held.replace("\r\n", "\n").replace("\r", "\n"))
        assert canonical(original, "test")[span[0] : span[1]] == expected != ""


@pytest.mark.parametrize(
    ("original", "start", "end", "expected"),
    [
        ("plain text", 6, 10, (6, 10)),
        ("\ufeffab", 1, 3, (0, 2)),
        ("\ufeffab", 0, 2, (0, 1)),
        ("\ufeffab", 0, 1, None),  # nothing but the mark
        ("a\r\nb", 3, 4, (2, 3)),
        ("a\r\nb", 0, 2, None),  # between \r and \n
        ("e\u0301t", 2, 3, (1, 2)),
        ("e\u0301t", 0, 1, None),  # between a letter and its accent
        ("🙂 e\u0301 да", 5, 7, (4, 6)),
        ("ab", 1, 1, None),
        ("ab", 1, 3, None),
        ("ab", -1, 1, None),
    ],
)
def test_spans_worked_by_hand(original: str, start: int, end: int, expected: tuple[int, int] | None) -> None:
    assert canonical_span(original, start, end) == expected


def test_gold_is_taken_where_it_stands() -> None:
    assert located("d", "да e\u0301 да", 6, "да", "here") == Gold(document_id="d", start=5, end=7, text="да")


def test_gold_that_stands_elsewhere_is_found_if_it_occurs_once() -> None:
    assert located("d", "one two", -1, "two", "here") == Gold(document_id="d", start=4, end=7, text="two")
    assert located("d", "one two", 1, "two", "here") == Gold(document_id="d", start=4, end=7, text="two")


@pytest.mark.parametrize("text", ["one", "three", "on"])
def test_gold_in_two_places_or_none_has_no_offsets(text: str) -> None:
    assert located("d", "one, one", -1, text, "here") == Gold(document_id="d", text=text)


def test_overlapping_places_are_two() -> None:
    assert located("d", "ababa", -1, "aba", "here").start is None


def test_a_text_that_no_document_may_hold_is_an_error() -> None:
    with pytest.raises(DataSetError, match="line 3: holds a lone surrogate at character 1"):
        canonical("a\ud800", "line 3")


def test_gold_is_kept_once_in_order() -> None:
    one, two = Gold(text="a"), Gold(text="b")
    assert distinct([two, one, two]) == (two, one)
