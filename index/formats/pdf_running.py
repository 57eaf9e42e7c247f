"""Which lines of a PDF are running headers, running footers and page numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from index.formats.pdf_lines import Line
from index.layout import PAGE_NUMBER, RUNNING_FOOTER, RUNNING_HEADER

_HEAD = 0.8
_FOOT = 0.2
_EDGE_LINES = 3
_NUMBER = re.compile(
    r"(?:[-–—•|\[(]\s*)?(?:(?:page|p\.|стр\.|страница|seite|s\.)\s*)?(\d{1,5}|[ivxlc]{1,7})"
    r"(?:\s*(?:/|of|из|von|\|)\s*\d{1,5})?(?:\s*[-–—•|\])])?",
    re.IGNORECASE,
)
_OF_ALL = re.compile(r"\b(\d{1,5})\s*(?:/|of|из|von)\s*(\d{1,5})$", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
# How far apart two lines may stand on their pages and still be the same running line.
_SAME_PLACE = 0.02


def running_lines(pages: Sequence[Sequence[Line]]) -> dict[tuple[int, int], str]:
    """Return {(page from 0, line from 0): reason} of the lines that belong to the page and not to its text.

    A running line stands at the head or foot of its page, and so it does, digits apart, on another page at the
    same height; with more than five pages on a fifth of them. A number is one if it goes up with the pages.
    """
    found: dict[tuple[int, int], str] = {}
    places: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
    numbers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for page, lines in enumerate(pages):
        for number, line in _edges(lines):
            text = " ".join(line.text.split())
            match = _NUMBER.fullmatch(text)
            if match is not None and match[1].isdigit():
                numbers[int(match[1]) - page].append((page, number))
            of_all = _OF_ALL.search(text)
            if of_all and (int(of_all[1]), int(of_all[2])) == (page + 1, len(pages)):
                found[page, number] = PAGE_NUMBER if match else _reason(line)
            places[_DIGITS.sub("#", text).casefold()].append((page, number, line.at))
    needed = max(2, len(pages) // 5)
    for seen in places.values():
        for page, number, at in seen:
            others = {p for p, _, height in seen if abs(height - at) <= _SAME_PLACE}
            if len(others) >= needed:
                line = pages[page][number]
                is_number = _NUMBER.fullmatch(" ".join(line.text.split())) is not None
                found.setdefault((page, number), PAGE_NUMBER if is_number else _reason(line))
    for places_of_shift in numbers.values():
        if len({page for page, _ in places_of_shift}) >= 2:
            for key in places_of_shift:
                found[key] = PAGE_NUMBER
    return found


def _edges(lines: Sequence[Line]) -> list[tuple[int, Line]]:
    """Return the few lines nearest to the head and to the foot of a page."""
    order = sorted(range(len(lines)), key=lambda n: -lines[n].at)
    head = [n for n in order[:_EDGE_LINES] if lines[n].at >= _HEAD]
    foot = [n for n in order[-_EDGE_LINES:] if lines[n].at <= _FOOT]
    return [(n, lines[n]) for n in dict.fromkeys(head + foot)]


def _reason(line: Line) -> str:
    return RUNNING_HEADER if line.at >= 0.5 else RUNNING_FOOTER
