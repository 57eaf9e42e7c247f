"""Nothing that a document says may act on whoever reads the answer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.inert import inert

ACTS = re.compile(
    r"<[A-Za-z/!?]|\]\(|\]\[|!\[|\]:|\w://|\bjavascript:\S|\bdata:\S|(?<![\w.])www\.|\w@\w+\.\w",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see [here](http://x.y/z?q=1) now", "see here now"),
        ("![a](http://x/y.png) hi", "a hi"),
        ("![a][b] then\n[b]: //evil.example/x.png", "a then\n[b] : …"),
        ("![x](![y](http://q.w/e))", "x"),
        ("[[a](b)](c)", "a"),
        ("<script>alert(1)</script>ok", "alert(1)ok"),
        ("<<b>script>x", "x"),
        ("<img src=x onerror=alert(1)", "‹img src=x onerror=alert(1)"),
        ("<!-- hidden to the end", ""),
        ("ht<b>tp://evil.example/x</b>", "…"),
        ("visit https://evil.example/a.png, please (http://a.b/c).", "visit …, please (…)."),
        ("java\u200bscript:alert(1) data:text/html,x", "…) …"),
        ("\\href{https://e.example}{x}", "{…}"),
        ("Прочтите WWW.evil.example/сайт!", "Прочтите …!"),
        ("write to a.b@c.org.", "write to a.b (at) c.org."),
        ("\u202etxet\u202c \U000e0041hidden", "txet hidden"),
    ],
)
def test_what_acts_is_taken_out(text: str, shown: str) -> None:
    assert inert(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a < b and 3<4, 2>1",
        "Ratio 3:4 at 10:30; and/or; 5//6",
        "He said: data: the end. The file: it was gone.",
        "U.S.-led talks [7] cost $8 billion (8,000 m)",
        "*both* _sides_ `said` # so",
        "На переговорах 👩‍👩‍👧 была «тишина»",
        "نمی‌خواهم",
        "Twitter: @name",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert inert(text) == text


@given(st.text(st.sampled_from("<>[]()!:/@\\abhtp.w-… \u200bs\n"), max_size=60) | st.text(max_size=80))
def test_it_is_a_fixed_point_and_nothing_acts(text: str) -> None:
    shown = inert(text)
    assert inert(shown) == shown
    assert not ACTS.search(shown)


@pytest.mark.parametrize(
    "piece",
    ["[a](b", "[[", "<a", "<!--", "http:..", "](", "//a.", "www.", "a@", "<a>", "[a](b)", "https://x.y,"],
)
def test_long_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    # No time is measured: a pattern that backtracks would not end within the run at all.
    assert isinstance(inert(piece * 40_000), str)
    nested = "[" * 20_000 + "a" + "](b)" * 20_000
    assert "](" not in inert(nested)
