"""An answer as text for an agent to read: the answer, then its quotes, numbered, with their addresses.

Every quote stands in lines that begin with "> ", so that no line of a document can pass for one of
ours: taking that prefix away gives the quote back character for character. Whatever else comes from a
document (titles, publishers, ids) is one line without links, images or HTML.
"""

from __future__ import annotations

from api.schemas import AnswerOut, CitationOut
from rag.cite import plain_line, shown_safely


def answer_text(record: AnswerOut, public_url: str) -> str:
    """Return an answer's record as text; addresses begin with `public_url`."""
    parts = [record.answer]
    if record.short_answer is not None:
        parts.append(f"Short answer: {_label(record.short_answer)}")
    parts += [f"No quote answers: {_label(part)}" for part in record.missing]
    shown = record.citations
    if record.abstention is not None:
        if record.abstention.explanation is not None:
            parts.append(record.abstention.explanation)
        shown = record.abstention.closest
    if shown:
        parts.append("Quotes:" if record.citations else "What came closest, and does not answer:")
    parts += [_quoted(citation, public_url) for citation in shown]
    return "\n\n".join(parts)


def _quoted(citation: CitationOut, public_url: str) -> str:
    number = "" if citation.number is None else f"[{citation.number}] "
    source = ", ".join(
        _label(part) for part in (citation.document_title, citation.publisher, citation.published_at) if part
    )
    place = (
        f"document {_label(citation.document_id)}, "
        f"characters {citation.start_char_index}-{citation.end_char_index}"
    )
    lines = [f"{number}{source} ({place})", public_url + citation.viewer_url, as_quote(citation.cited_text)]
    if citation.also_published_by:
        copies = (_label(copy.publisher or copy.document_title) for copy in citation.also_published_by)
        lines.append(f"Also published by, and no second source: {', '.join(copies)}")
    return "\n".join(lines)


def _label(text: str) -> str:
    return plain_line(shown_safely(text))


def as_quote(text: str) -> str:
    """Return a text with "> " before each of its lines."""
    return "> " + text.replace("\n", "\n> ")
