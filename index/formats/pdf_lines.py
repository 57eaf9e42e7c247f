"""The lines of a PDF page with their places, as PDFium reads them. Points, from the lower left corner."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from index.errors import DocumentError

_MAX_CHARACTERS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a page. `size` is the font's, rounded to half a point; `height` that of the page for `at`."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    at: float
    """How high its middle stands on the page, 0 at the foot and 1 at the head."""

    @property
    def height(self) -> float:
        """Its height in points."""
        return self.top - self.bottom


def lines_of(page: Any) -> list[Line]:
    """Return the lines of a page that hold anything, in the order in which the file draws them.

    Raises:
        DocumentError: one page holds more than any honest one.
    """
    from pypdfium2 import raw  # type: ignore[import-untyped]

    low, high = page.get_mediabox()[1::2]
    tall = max(high - low, 1.0)
    textpage = page.get_textpage()
    try:
        count = raw.FPDFText_CountChars(textpage)
        if count > _MAX_CHARACTERS:
            raise DocumentError("", f"holds {count} characters on one page")
        box = raw.FS_RECTF()
        found: list[Line] = []
        start = 0
        codes = [raw.FPDFText_GetUnicode(textpage, n) for n in range(count)]
        for n in range(count + 1):
            if n < count and codes[n] not in (10, 13):
                continue
            if n > start:
                line = _line(raw, textpage, codes, start, n, box, low, tall)
                if line is not None:
                    found.append(line)
            start = n + 1
        return found
    finally:
        textpage.close()
        page.close()


def _line(
    raw: Any, textpage: Any, codes: list[int], start: int, end: int, box: Any, low: float, tall: float
) -> Line | None:
    text = _text(codes[start:end])
    if not text.strip():
        return None
    left, right, bottom, top = float("inf"), float("-inf"), float("inf"), float("-inf")
    seen = [n for n in range(start, end) if codes[n] > 32]
    # The ends and a few between tell a line's place; asking for each character is slow.
    for n in {*seen[:2], *seen[-2:], *seen[:: max(1, len(seen) // 6)]}:
        # The loose box is the font's, so that a line of small letters is as high as its neighbours.
        if raw.FPDFText_GetLooseCharBox(textpage, n, ctypes.byref(box)):
            left, right = min(left, box.left), max(right, box.right)
            bottom, top = min(bottom, box.bottom), max(top, box.top)
    if left > right:
        left = right = bottom = top = 0.0
    size = round(2 * raw.FPDFText_GetFontSize(textpage, seen[len(seen) // 2])) / 2 if seen else 0.0
    middle = min(1.0, max(0.0, ((bottom + top) / 2 - low) / tall))
    return Line(text=text, left=left, right=right, bottom=bottom, top=top, size=size, at=middle)


def _text(codes: list[int]) -> str:
    """Return these codes as text; two halves of a surrogate pair are one character."""
    units = "".join(chr(code) for code in codes if 0 < code <= 0x10FFFF)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
