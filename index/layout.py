"""Where the parts of a document stand in its text: pages, sections, and what its reader left out.

All offsets are code points of the canonical text, end exclusive. This module imports nothing heavy: the
process that parses documents loads it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from index.errors import SpanError

RUNNING_HEADER = "running_header"
RUNNING_FOOTER = "running_footer"
PAGE_NUMBER = "page_number"
MAX_SECTION_TITLE = 200
MAX_SECTIONS = 5_000
MAX_PAGES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedSpan:
    """A part of a document that is kept but never quoted, with the reason.

    `repeats_document_id` is set for reason `repeats_other_document`: the span counts again for
    somebody who cannot see that other document.
    """

    start: int
    end: int
    reason: str
    repeats_document_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpan:
    """One page of a document, numbered from 1 as a viewer of the file counts. Pages tile the text; one
    without text has no length."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with all that stands below it, deeper sections included. Level 1 is the highest."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a reader knows of a document's form. `media_type` is the kind of file it was made from; `None`
    for plain text."""

    media_type: str | None = None
    pages: tuple[PageSpan, ...] = ()
    sections: tuple[Section, ...] = ()
    marked: tuple[ExcludedSpan, ...] = ()


def pack_layout(layout: Layout) -> str:
    """Return a layout as the text that `unpack_layout` reads; an empty one is the empty string."""
    if layout == Layout():
        return ""
    return json.dumps(
        {
            "media_type": layout.media_type,
            "pages": [[p.number, p.start, p.end] for p in layout.pages],
            "sections": [[s.level, s.title, s.start, s.end] for s in layout.sections],
            "marked": [[m.start, m.end, m.reason] for m in layout.marked],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def unpack_layout(packed: str) -> Layout:
    """Return the layout that a text describes.

    Raises:
        ValueError: it describes none.
    """
    if not packed:
        return Layout()
    try:
        known = json.loads(packed)
        return Layout(
            media_type=known["media_type"],
            pages=tuple(PageSpan(number=n, start=s, end=e) for n, s, e in known["pages"]),
            sections=tuple(Section(level=v, title=t, start=s, end=e) for v, t, s, e in known["sections"]),
            marked=tuple(ExcludedSpan(start=s, end=e, reason=r) for s, e, r in known["marked"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{packed[:80]!r} is no layout") from error


def check_layout(layout: Layout, length: int) -> None:
    """Hold a layout against a text of `length` characters.

    Raises:
        SpanError: pages do not tile the text, sections do not nest, or a mark lies outside or overlaps.
    """
    reached = 0
    for number, page in enumerate(layout.pages, start=1):
        if page.number != number or page.start != reached or page.end < page.start:
            raise SpanError(f"page {page.number} at {page.start}-{page.end} does not follow on {reached}")
        reached = page.end
    if layout.pages and reached != length:
        raise SpanError(f"the pages end at {reached}, the text at {length}")
    open_sections: list[Section] = []
    before = 0
    for section in layout.sections:
        while open_sections and open_sections[-1].end <= section.start:
            open_sections.pop()
        outer = open_sections[-1] if open_sections else None
        if (
            not before <= section.start < section.end <= length
            or not 1 <= section.level <= 9
            or (outer is not None and (section.end > outer.end or section.level <= outer.level))
        ):
            raise SpanError(f"section {section.title!r} at {section.start}-{section.end} does not nest")
        before = section.start
        open_sections.append(section)
    reached = 0
    for mark in layout.marked:
        if not reached <= mark.start < mark.end <= length:
            raise SpanError(f"mark {mark.reason} at {mark.start}-{mark.end} is outside or overlaps")
        reached = mark.end


def sections_of(headings: Sequence[tuple[int, str, int]], length: int) -> tuple[Section, ...]:
    """Return the sections below these headings, each (level, title, start), in order of their starts.

    A section ends where the next heading of its own or a higher level begins.
    """
    found: list[Section] = []
    following: list[tuple[int, int]] = []  # (level, start) of the headings after this one that may end it
    for level, title, start in reversed(headings):
        while following and following[-1][0] > level:
            following.pop()
        end = following[-1][1] if following else length
        following.append((level, start))
        name = " ".join(title.split())[:MAX_SECTION_TITLE]
        if name and start < end:
            found.append(Section(level=level, title=name, start=start, end=end))
    return tuple(reversed(found))


def page_at(pages: Sequence[PageSpan], position: int) -> int | None:
    """Return the number of the page that holds the character at `position`; `None` without pages."""
    if not pages:
        return None
    # Of several that begin here all but the last are empty.
    return pages[max(0, bisect_right([page.start for page in pages], position) - 1)].number


def section_path(sections: Sequence[Section], start: int, end: int) -> tuple[str, ...]:
    """Return the titles of the sections that hold all of `start`-`end`, the highest first."""
    return tuple(s.title for s in sections if s.start <= start and end <= s.end)
