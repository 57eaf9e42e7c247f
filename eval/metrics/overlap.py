"""Where a quote and a gold quote have the same characters.

A gold quote counts wherever its text stands in its document, since documents repeat paragraphs. By
offsets where both have a place in one document; else by their text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eval.datatypes import Gold, SourceText

Range = tuple[int, int]
ONE_DOCUMENT = "Where gold and a {quoted} both name a document, it must be the same one."
HOLDING = (
    "Offsets hold when the run keeps the document and its text there is exactly the {text}; those that do not "
    "are not used."
)
SAME = (
    f"{ONE_DOCUMENT.format(quoted='citation')} {HOLDING.format(text='cited text')} Gold, whether it has offsets or not, counts at every "
    "place of its text in the cited document. Where the citation's offsets do not hold or gold's text does not "
    "stand in that document, the two are compared by text, in NFC without white space: they touch when the "
    "quote holds the whole gold, or gold holds the whole quote and the quote is at least half as long as gold."
)
"""What it is that a citation shares a character with a gold quote."""
PARTS = (
    "Of two texts that touch, the one that the other holds counts whole; the other one counts from the first "
    "to the last matched character wherever they stand in it, inner white space included, or whole where it "
    "is not in NFC."
)
"""Which characters two texts share, where they are compared by text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A text that was quoted or ranked; its place in a document where that is shown to hold."""

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


def quoted_at(
    text: str, document_id: str | None, place: Range | None, documents: Mapping[str, SourceText]
) -> Quoted:
    """Return a text with its place if a kept document has it exactly there; else by its text alone."""
    document = None if document_id is None else documents.get(document_id)
    if document is None or place is None or not stands(text, document.text, place):
        return Quoted(text=text, document_id=document_id, start=None, end=None)
    return Quoted(text=text, document_id=document_id, start=place[0], end=place[1])


def stands(text: str, whole: str, place: Range) -> bool:
    """Tell whether a text, which may not be empty, stands in another at exactly that place."""
    return 0 <= place[0] < place[1] <= len(whole) and whole[place[0] : place[1]] == text


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
    if document is None or gold.text not in document.text:
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
    said, wanted = squeezed(quote), squeezed(gold)
    if not said or not wanted:
        return NO_MATCH
    # Less than half is no evidence: "a" stands in every gold quote.
    if wanted not in said and not (said in wanted and 2 * len(said) >= len(wanted)):
        return NO_MATCH
    return Match(in_quote=tuple(_raw(quote, wanted)), in_gold=tuple(_raw(gold, said)))


def _raw(text: str, part: str) -> Iterator[Range]:
    """Yield where a squeezed part stands in a text, or the whole text where the part holds it.

    The offsets are of the text as it is. Where NFC changes it, only the whole can be pointed at.
    """
    if squeezed(text) in part or unicodedata.normalize("NFC", text) != text:
        yield 0, len(text)
        return
    offsets = [offset for offset, char in enumerate(text) if not char.isspace()]
    for start, end in occurrences(squeezed(text), part):
        yield offsets[start], offsets[end - 1] + 1
