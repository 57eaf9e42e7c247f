"""Numbers quotes and writes markers: the only place that numbers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from index.layout import page_at, section_path
from index.types import Document
from rag.inert import inert
from rag.types import AnswerSpan, Citation, Draft, Quote

_CONTEXT_CHARACTERS = 64
_MARKER = re.compile(r"\s?\[\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An answer's text with and without markers, and its citations numbered by first use."""

    text: str
    text_without_citations: str
    citations: tuple[Citation, ...]


def compose(draft: Draft, quotes: Mapping[int, Quote], document_of: Callable[[str], Document]) -> Composed:
    """Write the draft's sentences with `[n]` after each, in the order in which quotes are used.

    `quotes` maps a number in the draft to its verified quote. A sentence none of whose quotes
    verified is left out with its marker. A sentence's own "[7]" is taken out: every `[n]` is ours. So is
    what could act on a reader's screen (`rag.inert`), whoever said it.
    """
    numbers: dict[int, int] = {}
    spans: dict[int, list[AnswerSpan]] = {}
    text, plain = "", ""
    opens = False
    for sentence in draft.sentences:
        # A paragraph whose first sentence fell out must not run on from another document's.
        opens = opens or sentence.opens_paragraph
        used = [key for key in dict.fromkeys(sentence.quotes) if key in quotes]
        shown = shown_safely(sentence.text)
        if not used or not shown.strip():
            continue
        gap = "" if not text else "\n\n" if opens else " "
        opens = False
        text += gap
        plain += gap + shown
        span = AnswerSpan(start=len(text), end=len(text) + len(shown))
        text += shown
        for key in used:
            number = numbers.setdefault(key, len(numbers) + 1)
            spans.setdefault(key, []).append(span)
            text += f" [{number}]"
    citations = tuple(
        replace(
            citation_of(quotes[key], document_of(quotes[key].document_id), number),
            answer_spans=tuple(spans[key]),
        )
        for key, number in numbers.items()
    )
    return Composed(text=text, text_without_citations=plain, citations=citations)


def shown_safely(text: str) -> str:
    """Return a text without markers of its own, and without links, images or HTML."""
    while (plainer := inert(without_markers(text))) != text:
        text = plainer
    return text


def without_markers(text: str) -> str:
    """Return a text without anything that would read as one of our markers, also when nested."""
    while (shorter := _MARKER.sub("", text)) != text:
        text = shorter
    return text


def citation_of(quote: Quote, document: Document, number: int | None) -> Citation:
    """Describe a quote with its surroundings and its document."""
    digest = document.sha256
    prefix, suffix = context_of(document.text, quote.start, quote.end)
    key = hashlib.sha256(f"{document.document_id}\0{digest}\0{quote.start}-{quote.end}".encode())
    return Citation(
        citation_id=f"cit_{key.hexdigest()[:20]}",
        number=number,
        quote=quote,
        prefix=prefix,
        suffix=suffix,
        document_title=document.title,
        document_sha256=digest,
        publisher=document.publisher,
        published_at=document.published_at,
        url=web_address(document.url),
        document_version=document.version,
        page=page_at(document.pages, quote.start),
        page_end=page_at(document.pages, quote.end - 1),
        section=section_path(document.sections, quote.start, quote.end) or None,
    )


def context_of(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and after a stretch of a text, by which it can be found again."""
    return text[max(0, start - _CONTEXT_CHARACTERS) : start], text[end : end + _CONTEXT_CHARACTERS]


def web_address(url: str | None) -> str | None:
    """Return a source's address if it is http or https, else nothing: no other kind is ever shown."""
    if url is None or not url.lower().startswith(("http://", "https://")):
        return None
    return url


def closest(quotes: Sequence[Quote], document_of: Callable[[str], Document]) -> tuple[Citation, ...]:
    """Describe what came closest when there is no answer; such citations have no number."""
    return tuple(citation_of(quote, document_of(quote.document_id), None) for quote in quotes)


def plain_line(text: str) -> str:
    """Return a text on one line, for places that show it as a label."""
    return " ".join(text.split())
