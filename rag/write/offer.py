"""The numbered sentences that a model may use: those of the passages that were read for a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.types import Document, Passage
from rag.cite import shown_safely
from rag.extract import shown_text
from rag.types import Candidate, Quote
from rag.write.orders import is_covert, is_order

MAX_SENTENCES = 100
MAX_CHARACTERS = 16_000
"""Of all offered sentences together: what a small model's window holds beside the instructions."""
_MAX_SENTENCE = 1_500
_MAX_NAME = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A sentence of a document under its number in the prompt; `text` is the document's own."""

    number: int
    document_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """All that a model is shown of the documents. `names` says of each document what it is, as data."""

    sentences: tuple[Offered, ...]
    names: dict[str, str]

    def get(self, number: int) -> Offered | None:
        """Return the sentence of a number, `None` where none was offered under it."""
        return self.sentences[number - 1] if 1 <= number <= len(self.sentences) else None


def offer(
    candidates: Sequence[Candidate],
    document_of: Callable[[str], Document],
    is_copy: Callable[[Quote, Quote], bool] = lambda _one, _other: False,
) -> Offer:
    """Number the sentences of the passages that the candidates stand in, the best passage first.

    Whole passages are offered, in the order of their text, so that a sentence stands in its context.
    Headings are not, nor orders to a reader or covert text (`rag.write.orders`), nor what is over `_MAX_SENTENCE` characters or beyond the limits of all together.
    Nor is a sentence again whose copy in the same story was offered: it would look like a second source.
    """
    passages: dict[str, Passage] = {}
    for candidate in candidates:
        passages.setdefault(candidate.passage.passage_id, candidate.passage)
    found: list[Offered] = []
    seen: set[tuple[str, int, int]] = set()
    quotes: list[Quote] = []
    left = MAX_CHARACTERS
    for passage in passages.values():
        for sentence in passage.sentences:
            text = passage.sentence_text(sentence)
            place = (passage.document_id, sentence.start, sentence.end)
            if sentence.kind == "heading" or place in seen or len(text) > min(_MAX_SENTENCE, left):
                continue
            if len(found) == MAX_SENTENCES or not shown_text(text) or is_order(text) or is_covert(text):
                continue
            seen.add(place)
            said = Quote(document_id=passage.document_id, start=sentence.start, end=sentence.end, text=text)
            if any(is_copy(said, other) for other in quotes):
                continue
            quotes.append(said)
            left -= len(text)
            found.append(
                Offered(
                    number=len(found) + 1,
                    document_id=passage.document_id,
                    start=sentence.start,
                    end=sentence.end,
                    text=text,
                )
            )
    return Offer(
        sentences=tuple(found), names={s.document_id: _name(document_of(s.document_id)) for s in found}
    )


def _name(document: Document) -> str:
    parts = [document.title, document.publisher or "", document.published_at or ""]
    return shown_text(shown_safely(", ".join(part for part in parts if part)))[:_MAX_NAME]
