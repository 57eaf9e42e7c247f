"""Copies of one story: they count as evidence once, and a quote names who else published it.

Two documents tell one story where the index found it (`index.duplicates`), or where one repeats a
paragraph of the other's. Whatever is said of a document here, its text was compared character for
character, and whoever asks may read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from index.clean import REPEATS_OTHER, REPEATS_SAME
from index.sight import Sight
from index.types import Document, RowFilter
from rag.cite import web_address
from rag.extract import Span
from rag.types import AlsoPublished, Quote

MOST_SHOWN = 20
_MOST_COMPARED = 50


class Stories:
    """What of one generation tells the same story, for one request: of documents in sight that may be used."""

    def __init__(self, sight: Sight, allowed: RowFilter | None) -> None:
        self._sight = sight
        self._documents = None if allowed is None else allowed.documents
        self._alike: dict[str, frozenset[str]] = {}
        self._also: dict[Quote, tuple[AlsoPublished, ...]] = {}

    def alike(self, one: str, other: str) -> bool:
        """Tell whether two documents as wholes tell the same story."""
        if one not in self._alike:
            self._alike[one] = frozenset(
                self._sight.generation.document_at(found.ordinal).document_id
                for found in self._sight.same_story(self._ordinal(one))
            )
        return other in self._alike[one]

    def is_copy(self, one: Quote, other: Quote) -> bool:
        """Tell whether two quotes of different documents are one piece of evidence: the same words of one story."""
        return (
            one.document_id != other.document_id
            and self.alike(one.document_id, other.document_id)
            and _plain(one.text) == _plain(other.text)
        )

    def once(self, spans: Sequence[Span], document_of: Callable[[str], Document]) -> list[Span]:
        """Leave out spans that say again what an earlier one of the same story says."""
        kept: list[tuple[Span, str]] = []
        for span in spans:
            said = _plain(document_of(span.document_id).text[span.start : span.end])
            if not any(
                span.document_id != other.document_id
                and said in before
                and self.alike(span.document_id, other.document_id)
                for other, before in kept
            ):
                kept.append((span, said))
        return [span for span, _ in kept]

    def sources(self, quotes: Mapping[int, Quote], document_of: Callable[[str], Document]) -> dict[int, str]:
        """Return whose word each quote is, by its number: of copies of one story the first document's.

        Two quotes are of one source where either stands in the other's document too: whatever two sentences
        of one text say, they are not two sides. A sentence that was edited in one of the copies is its own.
        """
        source = {number: quote.document_id for number, quote in quotes.items()}
        numbers = list(quotes)
        for place, number in enumerate(numbers):
            for earlier in numbers[:place]:
                one, other = quotes[earlier], quotes[number]
                if source[earlier] == source[number] or not self.alike(one.document_id, other.document_id):
                    continue
                if (
                    other.text in document_of(one.document_id).text
                    or one.text in document_of(other.document_id).text
                ):
                    joined = source[number]
                    source = {n: source[earlier] if s == joined else s for n, s in source.items()}
        return source

    def also_published(self, quote: Quote) -> tuple[AlsoPublished, ...]:
        """Return where else the quote stands verbatim, in the order in which documents were stored."""
        if quote not in self._also:
            self._also[quote] = self._found_elsewhere(quote)
        return self._also[quote]

    def _found_elsewhere(self, quote: Quote) -> tuple[AlsoPublished, ...]:
        found: list[AlsoPublished] = []
        generation = self._sight.generation
        for ordinal in self._sharing(quote):
            document = generation.document_at(ordinal)
            place = self._place(ordinal, document.text, quote.text)
            if place is not None:
                found.append(
                    AlsoPublished(
                        document_id=document.document_id,
                        document_title=document.title,
                        document_sha256=document.sha256,
                        publisher=document.publisher,
                        published_at=document.published_at,
                        url=web_address(document.url),
                        start=place,
                        end=place + len(quote.text),
                    )
                )
            if len(found) == MOST_SHOWN:
                break
        return tuple(found)

    def _sharing(self, quote: Quote) -> list[int]:
        """Return the documents that may hold a quote as well: a bounded number, in order."""
        sight, generation = self._sight, self._sight.generation
        mine = self._ordinal(quote.document_id)
        near = {found.ordinal for found in sight.same_story(mine)}
        near.update(generation.repeating(quote.document_id))
        for span in generation.excluded_of(mine):
            # The quote's own paragraph may be another's that is out of sight, or was filtered out.
            original = span.repeats_document_id
            if original is not None and span.start < quote.end and quote.start < span.end:
                near.update(generation.repeating(original))
                first = generation.ordinal(original)
                near |= set() if first is None else {first}
        usable = self._documents
        return [
            ordinal
            for ordinal in sorted(near)
            if ordinal != mine and sight.sees(ordinal) and (usable is None or ordinal in usable)
        ][:_MOST_COMPARED]

    def _place(self, ordinal: int, text: str, quoted: str) -> int | None:
        """Return the first place of a quote that is no boilerplate there: a teaser is not the article."""
        own = [
            span
            for span in self._sight.generation.excluded_of(ordinal)
            if span.reason not in (REPEATS_OTHER, REPEATS_SAME)
        ]
        for start in _places(text, quoted):
            if not any(span.start < start + len(quoted) and start < span.end for span in own):
                return start
        return None

    def _ordinal(self, document_id: str) -> int:
        found = self._sight.ordinal(document_id)
        assert found is not None, "a quote is of a document in sight"
        return found


def _places(text: str, quoted: str) -> Iterator[int]:
    start = text.find(quoted)
    while start >= 0:
        yield start
        start = text.find(quoted, start + 1)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
