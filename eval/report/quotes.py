"""Quotes as a report shows them: marked in the text around them, the gold sentences underlined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from eval.datatypes import Gold, Run, SourceText
from eval.metrics.overlap import occurrences
from eval.report.html import bidi, clipped, html

AROUND = 300
"""Characters shown before and after a quote."""
LONGEST = 4000
"""Characters of one text that the page shows; what is left out is said."""

Span = tuple[int, int]
_GAP = re.compile(r"\s+")
_LONGEST_WORD = 30


def citation_html(run: Run, citation: Mapping[str, Any], gold: Sequence[Gold], anchor: str) -> str:
    """Return one citation: its source, and the quote in its context.

    A quote that the run's own text does not bear out is shown beside that text, and said to be wrong.
    """
    number = citation.get("number")
    document_id = citation.get("document_id")
    document = run.documents.get(document_id) if isinstance(document_id, str) else None
    start, end = citation.get("start_char_index"), citation.get("end_char_index")
    cited = str(citation.get("cited_text") or "")
    head = (
        f'<p class="source"><span class="cite-number">{html(f"[{number}]") if number is not None else "closest"}'
        f"</span> {_source(citation, document)}{_place(start, end)}</p>"
    )
    note = ""
    if document is None:
        body = _cited_only(cited)
        note = "The run keeps no text of this document: the quote stands here as the target gave it."
    elif type(start) is not int or type(end) is not int:
        body = _cited_only(cited)
        note = "The target gave no offsets: the quote stands here as it gave it."
    elif not 0 <= start < end <= len(document.text):
        body = _cited_only(cited)
        note = f"Does not verify: the document has {len(document.text):,} characters."
    else:
        body = context_html(document.text, (start, end), gold_spans(gold, document))
        if document.text[start:end] != cited:
            note = "Does not verify: above, what the document says there; below, what was cited."
            body += _cited_only(cited)
    wrong = " wrong" if note.startswith("Does not") else ""
    said = f'<p class="note{wrong}">{html(note)}</p>' if note else ""
    return f'<div class="citation" id="{anchor}">{head}{body}{said}</div>'


def gold_spans(gold: Sequence[Gold], document: SourceText) -> list[Span]:
    """Return every place where gold stands in this document: the same words elsewhere say the same."""
    return sorted(
        {
            place
            for item in gold
            if item.document_id in (None, document.document_id)
            for place in occurrences(document.text, item.text)
        }
    )


def context_html(text: str, quote: Span, gold: Sequence[Span]) -> str:
    """Return a quote marked in its context, with the gold in it underlined."""
    start, end = quote
    low, high = _whole_words(text, start - AROUND, end + AROUND, quote)
    shown_end = min(end, start + LONGEST)
    cuts = {low, high, start, end, shown_end}
    cuts.update(point for span in gold for point in span if low < point < high)
    pieces = ["… "] if low > 0 else []
    for left, right in pairwise(sorted(cuts)):
        if shown_end <= left < end:
            if left == shown_end:
                pieces.append(f'<span class="note">… {end - shown_end:,} more characters quoted</span>')
            continue
        piece = html(text[left:right])
        if any(a <= left and right <= b for a, b in gold):
            piece = f'<span class="gold">{piece}</span>'
        pieces.append(f"<mark>{piece}</mark>" if start <= left < end else piece)
    if high < len(text):
        pieces.append(" …")
    return f'<blockquote dir="auto">{"".join(pieces)}</blockquote>'


def _whole_words(text: str, low: int, high: int, quote: Span) -> Span:
    """Return a context that begins and ends between words, where one ends near enough."""
    low, high = max(0, low), min(len(text), high)
    if low > 0 and not text[low - 1].isspace():
        gap = _GAP.search(text, low, min(low + _LONGEST_WORD, quote[0]))
        low = gap.end() if gap is not None else low
    if high < len(text) and not text[high].isspace():
        gaps = list(_GAP.finditer(text, max(high - _LONGEST_WORD, quote[1]), high))
        high = gaps[-1].start() if gaps else high
    return low, high


def _source(citation: Mapping[str, Any], document: SourceText | None) -> str:
    title = document.title if document is not None else citation.get("document_title")
    publisher = document.publisher if document is not None else citation.get("publisher")
    published = document.published_at if document is not None else citation.get("published_at")
    name = title or citation.get("document_id") or citation.get("url") or "source not named"
    parts = [bidi(str(name)), *(bidi(str(part)) for part in (publisher, published) if part)]
    return " · ".join(parts)


def _place(start: object, end: object) -> str:
    if type(start) is not int or type(end) is not int:
        return ""
    return f' · <span class="offsets">characters {start:,}–{end:,}</span>'


def _cited_only(cited: str) -> str:
    return f'<blockquote dir="auto"><mark>{clipped(cited, LONGEST, "answers.jsonl")}</mark></blockquote>'
