"""The values of a quote, verbatim, and which of them may be the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.disagree_same import comparable, may_be_same
from rag.disagree_time import tells_otherwise
from rag.disagree_values import _span, values_in


def said(text: str) -> list[tuple[str, str]]:
    found = values_in(text)
    assert all(text[v.start : v.end] == v.text for v in found)
    return [(v.kind, v.text) for v in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost over $8 billion.", [("amount", "over $8 billion")]),
        ("It cost over\u00a0$8\u00a0billion 🙂.", [("amount", "over\u00a0$8\u00a0billion")]),
        ("They met on 16–18 June 2025.", [("date", "16–18 June 2025")]),
        ("On November 6 Ana Brandt signed it in Riga.", [("date", "November 6"), ("name", "Ana Brandt"), ("name", "Riga")]),
        ("President Kassym-Jomart Tokayev spoke.", [("name", "Kassym"), ("name", "Jomart Tokayev")]),
        ("Сделка стоит 8 млрд долларов.", [("amount", "8 млрд долларов")]),
        ("He came on Thursday, at 10:30, for the second time.", []),
        ("Millions of people came; one in five stayed.", []),
        ("", []),
        ("🙂 —", []),
    ],
)  # fmt: skip
def test_values_are_the_quotes_own_characters(text: str, expected: list[tuple[str, str]]) -> None:
    assert said(text) == expected


def pair(one: str, other: str) -> bool | None:
    """Whether the first values may be the same; None where they do not compare."""
    a, b = values_in(one)[0], values_in(other)[0]
    assert comparable(a, b) == comparable(b, a)
    if not comparable(a, b):
        return None
    assert may_be_same(a, b) == may_be_same(b, a)
    return may_be_same(a, b)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("It cost over $8 billion.", "It cost $8 billion.", True),
        ("It cost 17 billion dollars.", "It cost $17bn.", True),
        ("It cost $17 billion.", "It cost $16.8 billion.", True),  # rounded
        ("It cost $4 billion.", "It cost $4.4 billion.", True),  # half a digit is 0.5, at most a tenth is taken
        ("It cost $4 billion.", "It cost $4.5 billion.", False),
        ("It cost $1 billion.", "It cost $1.4 billion.", False),
        ("It cost over $8 billion.", "It cost over $12 billion.", False),
        ("It cost over $8 billion.", "It cost nearly $9 billion.", True),
        ("It cost $8 billion.", "It cost €8 billion.", None),
        ("It is 8 km long.", "It is 5 miles long.", None),
        ("Half of the voters came.", "50% of the voters came.", True),
        ("A third of the voters came.", "34% of the voters came.", True),
        ("He met five presidents.", "He met 5 presidents.", True),
        ("He met five presidents.", "He met six presidents.", False),
        ("He met five presidents.", "He signed six agreements.", None),
        ("He saw 1,200 workers.", "He saw 1,240 workers.", True),  # 1,200 is said in round figures: ± 50
        ("He saw 1,200 workers.", "He saw 1,300 workers.", False),
        ("He saw 12 workers.", "He saw 13 workers.", False),
        ("At least 12 people died.", "14 people died.", True),
        ("At least 12 people died.", "30 people died.", False),
        ("Up to 500 jobs went.", "300 jobs went.", True),
        ("He sold 3 million tonnes of wheat.", "He sold 11,634 tonnes of seafood.", None),
        ("It was on 6 November.", "It was on November 6, 2025.", True),
        ("It was in 2025.", "It was on November 6, 2025.", True),
        ("It was in 2024.", "It was on November 6, 2025.", False),
        ("It was on 6 November.", "It was on 7 November.", False),
        ("It was on 16–18 June.", "It was on 17 June.", True),
        ("It was on 16–18 June.", "It was on 19 June.", False),
        ("It was in the 1990s.", "It was in 1995.", True),
        ("It was in the 1990s.", "It was in 2005.", False),
        ("Then Ana Brandt came.", "Then Brandt came.", True),
        ("Then Ana Brandt came.", "Then Ana Keller came.", False),
        ("Then Shavkat Mirziyoyev came.", "Then Shavkat Mirziyoev came.", True),
        ("Then Moscow came.", "Then Russia came.", True),
        ("It was 6 November.", "It cost $6.", None),
        ("It was on 6 November.", "It was in 2015.", None),
    ],
)  # fmt: skip
def test_which_values_may_be_the_same(one: str, other: str, same: bool | None) -> None:
    assert pair(one, other) is same


def test_a_text_that_only_adds_says_nothing_else() -> None:
    assert tells_otherwise("Ana Brandt signed it for $8 million.", "Ana Brandt signed it for $9 million.")
    assert tells_otherwise("It was signed by Ana Brandt.", "It was signed by Tom Keller.")
    assert not tells_otherwise("It was signed for $8 million.", "It was signed for $8m on 6 November.")
    assert not tells_otherwise("It was signed.", "It was signed for $8m.")
    assert tells_otherwise("It will be signed for $8m.", "It was signed for $8m.")
    assert not tells_otherwise("", "")


@given(
    st.text(alphabet="a1é_.,- \u00a0’Ж🙂", max_size=40), st.text(alphabet="a1é_.,-’Ж", min_size=1, max_size=4)
)
def test_words_are_found_as_one_pattern_finds_them(text: str, word: str) -> None:
    before = r"(?<!\w)" if word[0].isalnum() else ""
    after = r"(?!\d|[.,]\d)" if word[-1].isdigit() else r"(?!\w)" if word[-1].isalnum() else ""
    marks = {"-": "[-‐‑‒–—―−]", "’": "’"}
    pattern = before + "".join(marks.get(c, re.escape(c)) for c in word) + after
    match = re.search(pattern, text)
    assert _span(word, text, 0) == (match.span() if match else None)
