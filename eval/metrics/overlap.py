"""Where a quote and a gold quote have the same characters.

A gold quote counts wherever its text stands in its document, since documents repeat paragraphs. By
offsets where both have a place in one document; else by their text: one of the two holds the other
once both are in NFC and without white space.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eval.types import Gold, SourceText

Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A text that was quoted or ranked; its place in a document where that is known."""

    text: str
    document_id: str | None
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The same characters in a quote and in a gold quote, as ranges counted from the start of each.

    Ranges of one side may touch the same characters twice. False when there are none.
    """

    in_quote: tuple[Range, ...] = ()
    in_gold: tuple[Range, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.in_gold)


NO_MATCH = Match()


def match(quoted: Quoted, gold: Gold, documents: Mapping[str, SourceText]) -> Match:
    """Return where a quote and a gold quote have the same characters."""
    if _of_another_document(quoted, gold):
        return NO_MATCH
    places = places_near(quoted, gold, documents)
    if places is None or quoted.start is None or quoted.end is None:
        return _by_text(quoted.text, gold.text)
    return _by_place((quoted.start, quoted.end), places)


def holds(quoted: Quoted, gold: Gold, documents: Mapping[str, SourceText]) -> bool:
    """Tell whether the whole of a gold quote is in a quote or passage."""
    if _of_another_document(quoted, gold):
        return False
    places = places_near(quoted, gold, documents)
    if places is None or quoted.start is None or quoted.end is None:
        return squeezed(gold.text) in squeezed(quoted.text)
    return any(quoted.start <= start and end <= quoted.end for start, end in places)


def places_near(quoted: Quoted, gold: Gold, documents: Mapping[str, SourceText]) -> list[Range] | None:
    """Return where gold stands in the document of a quote, so near that the two could touch.

    `None` when one of them has no place there: they are then compared by their text.
    """
    if quoted.document_id is None or quoted.start is None or quoted.end is None:
        return None
    document = documents.get(quoted.document_id)
    if document is None:
        return None if gold.start is None or gold.end is None else [(gold.start, gold.end)]
    if gold.text not in document.text:
        return None
    # Not the whole document: a text of one character again and again stands everywhere.
    left = max(0, quoted.start - len(gold.text))
    window = document.text[left : quoted.end + len(gold.text)]
    return [(left + start, left + end) for start, end in occurrences(window, gold.text)]


def occurrences(text: str, part: str) -> Iterator[Range]:
    """Yield every place where `part` stands in `text`, also where they overlap."""
    found = text.find(part)
    while found >= 0:
        yield found, found + len(part)
        found = text.find(part, found + 1)


def squeezed(text: str) -> str:
    """Return a text in NFC without white space."""
    return "".join(unicodedata.normalize("NFC", text).split())


def characters(ranges: tuple[Range, ...], start: int = 0) -> set[int]:
    """Return every offset of some ranges, counted on from `start`."""
    return {offset for left, right in ranges for offset in range(start + left, start + right)}


def _of_another_document(quoted: Quoted, gold: Gold) -> bool:
    return None not in (quoted.document_id, gold.document_id) and quoted.document_id != gold.document_id


def _by_place(quote: Range, places: list[Range]) -> Match:
    shared = [
        (max(quote[0], start), min(quote[1], end), start)
        for start, end in places
        if max(quote[0], start) < min(quote[1], end)
    ]
    return Match(
        in_quote=tuple((left - quote[0], right - quote[0]) for left, right, _ in shared),
        in_gold=tuple((left - start, right - start) for left, right, start in shared),
    )


def _by_text(quote: str, gold: str) -> Match:
    inner, outer = squeezed(quote), squeezed(gold)
    if not inner or not outer:
        return NO_MATCH
    if inner in outer:
        return Match(in_quote=((0, len(quote)),), in_gold=tuple(_raw(gold, inner)))
    if outer in inner:
        return Match(in_quote=tuple(_raw(quote, outer)), in_gold=((0, len(gold)),))
    return NO_MATCH


def _raw(text: str, part: str) -> Iterator[Range]:
    """Yield where a squeezed part stands in a text, as offsets into the text as it is.

    Where NFC changes the text's length, only the whole text can be pointed at.
    """
    if unicodedata.normalize("NFC", text) != text:
        yield 0, len(text)
        return
    offsets = [offset for offset, char in enumerate(text) if not char.isspace()]
    for start, end in occurrences(squeezed(text), part):
        yield offsets[start], offsets[end - 1] + 1
