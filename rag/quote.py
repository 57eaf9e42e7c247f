"""Copies quotes out of the stored documents and compares them: the last word on what is shown.

Nothing edits a text after this module has let it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from index.errors import SpanError
from index.types import Document, Passage
from rag.types import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Quotes that are in their documents, and how many spans were not."""

    quotes: tuple[Quote, ...]
    not_found: int


def copy_quote(document: Document, start: int, end: int) -> Quote:
    """Return `document.text[start:end]` as a quote.

    Raises:
        SpanError: the span is empty or outside the text.
    """
    if not 0 <= start < end <= len(document.text):
        raise SpanError(
            f"{start}-{end} is no part of document {document.document_id!r}, which has "
            f"{len(document.text)} characters"
        )
    return Quote(document_id=document.document_id, start=start, end=end, text=document.text[start:end])


def verify_quotes(
    quotes: Iterable[Quote],
    document_of: Callable[[str], Document | None],
    read_in: Iterable[Passage],
) -> Verified:
    """Keep the quotes that are in the stored documents, character for character.

    A quote must also lie in a document that was read for this question: a right text from a
    place that nobody looked at is not evidence. What fails is counted, never silently lost.
    """
    known = {passage.document_id for passage in read_in}
    kept: list[Quote] = []
    not_found = 0
    for quote in quotes:
        document = document_of(quote.document_id)
        if (
            document is None
            or quote.document_id not in known
            # Python's slices forgive offsets outside the text; a client's need not.
            or not 0 <= quote.start < quote.end <= len(document.text)
            or document.text[quote.start : quote.end] != quote.text
        ):
            not_found += 1
        else:
            kept.append(quote)
    return Verified(quotes=tuple(kept), not_found=not_found)
