"""Pages and sections: they fit the text whatever it is made of."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.canonical import canonical_text
from index.clean import own_excluded
from index.errors import SpanError
from index.formats.made_text import Block, joined, made_line, made_lines
from index.layout import (
    ExcludedSpan,
    Layout,
    PageSpan,
    Section,
    check_layout,
    pack_layout,
    page_at,
    section_path,
    sections_of,
    unpack_layout,
)
from index.types import Document

AWKWARD = st.text(
    st.sampled_from("aБ😀e\u0301\u0308\u200d\u00ad\ufeff\r\n\t .,مش\x00\x0b\u2028👩\ud800"), max_size=30
)
BLOCKS = st.lists(
    st.builds(
        lambda kind, text, level, group: Block(
            kind=kind,
            text=made_line(text) if kind == "heading" else made_lines(text),
            level=level,
            group=group,
        ),
        st.sampled_from(["heading", "text", "item", "row"]),
        AWKWARD,
        st.integers(1, 6),
        st.integers(0, 2),
    ),
    max_size=20,
)


@given(AWKWARD)
def test_what_is_made_is_canonical_already(text: str) -> None:
    made = made_lines(text)
    assert canonical_text(made, "x") == made
    assert unicodedata.is_normalized("NFC", made)


@given(BLOCKS)
def test_sections_nest_and_begin_at_their_headings(blocks: list[Block]) -> None:
    text, sections = joined(blocks)
    assert canonical_text(text, "x") == text
    check_layout(Layout(sections=sections), len(text))
    headings = [b for b in blocks if b.kind == "heading" and b.text]
    assert [(s.level, s.title) for s in sections] == [(b.level, b.text) for b in headings]
    for section in sections:
        assert text[section.start :].startswith(section.title)
        assert section.title in section_path(sections, section.start, section.start + 1)


@given(BLOCKS, st.lists(st.integers(0, 400), max_size=6))
def test_a_layout_comes_back_as_it_was_stored(blocks: list[Block], cuts: list[int]) -> None:
    text, sections = joined(blocks)
    ends = sorted(min(cut, len(text)) for cut in cuts)
    starts = [0, *ends]
    pages = tuple(
        PageSpan(number=n, start=s, end=e)
        for n, (s, e) in enumerate(zip(starts, [*ends, len(text)], strict=True), start=1)
    )
    layout = Layout(media_type="application/pdf", pages=pages, sections=sections)
    check_layout(layout, len(text))
    assert unpack_layout(pack_layout(layout)) == layout
    for position in range(len(text)):
        page = next(p for p in pages if p.start <= position < p.end)
        assert page_at(pages, position) == page.number


def test_no_layout_is_the_empty_string() -> None:
    assert pack_layout(Layout()) == ""
    assert unpack_layout("") == Layout()


@pytest.mark.parametrize(
    "layout",
    [
        Layout(pages=(PageSpan(number=1, start=0, end=4),)),
        Layout(pages=(PageSpan(number=2, start=0, end=5),)),
        Layout(pages=(PageSpan(number=1, start=1, end=5),)),
        Layout(sections=(Section(level=1, title="a", start=0, end=6),)),
        Layout(
            sections=(
                Section(level=2, title="a", start=0, end=3),
                Section(level=2, title="b", start=1, end=3),
            )
        ),
        Layout(
            sections=(
                Section(level=1, title="a", start=0, end=3),
                Section(level=2, title="b", start=1, end=4),
            )
        ),
        Layout(marked=(ExcludedSpan(start=3, end=3, reason="x"),)),
        Layout(marked=(ExcludedSpan(start=0, end=3, reason="x"), ExcludedSpan(start=2, end=4, reason="y"))),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(layout: Layout) -> None:
    with pytest.raises(SpanError):
        check_layout(layout, 5)


@pytest.mark.parametrize(
    "packed", ["{}", "[]", "1", '{"media_type":null,"pages":[[1]],"sections":[],"marked":[]}', "x"]
)
def test_damaged_layouts_are_errors(packed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own too
        unpack_layout(packed)


def test_a_section_ends_at_the_next_of_its_level_or_higher() -> None:
    sections = sections_of([(1, "A", 0), (3, "B", 10), (2, "C", 20), (1, "D", 30)], 40)
    assert [(s.title, s.start, s.end) for s in sections] == [
        ("A", 0, 30), ("B", 10, 20), ("C", 20, 30), ("D", 30, 40)
    ]  # fmt: skip
    assert section_path(sections, 12, 15) == ("A", "B")
    assert section_path(sections, 12, 25) == ("A",)
    assert section_path(sections, 25, 35) == ()


def test_a_readers_mark_stands_where_both_mark() -> None:
    text = "Share on Facebook\n\nA line.\n\n7"
    document = Document(
        document_id="d", title="t", text=text, source="", root="",
        marked=(ExcludedSpan(start=6, end=8, reason="running_header"), ExcludedSpan(start=28, end=29, reason="page_number")),
    )  # fmt: skip
    assert [(s.start, s.end, s.reason) for s in own_excluded(document)] == [
        (0, 6, "share_buttons"), (6, 8, "running_header"), (8, 17, "share_buttons"), (28, 29, "page_number")
    ]  # fmt: skip
