"""Shows an answer to a person at a terminal: quotes, sources and offsets."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from api.schemas import AlsoPublishedOut, AnswerOut, CitationOut
from rag.cite import plain_line


def show_answer(record: AnswerOut) -> None:
    """Print an answer to stdout; colours on a terminal only."""
    console = Console(highlight=False, soft_wrap=False)
    width = min(console.width, 100)
    if record.short_answer is not None:
        console.print(Text(plain_line(record.short_answer), style="bold"), width=width)
        console.print()
    console.print(Text(record.answer), width=width)
    if record.confidence is not None:
        console.print(Text(f"\nconfidence {record.confidence:.2f}", style="dim"))
    for part in record.missing:
        console.print(Text(f"\nNo quote answers: {plain_line(part)}"), width=width)
    if record.abstention is not None:
        why = record.abstention.explanation or (
            f"{record.abstention.reason} (probability {record.abstention.probability:.2f} that the sources do not answer)"
        )
        console.print(Text(f"\n{why}", style="dim"), width=width)
    shown = record.citations or (record.abstention.closest if record.abstention else [])
    if shown:
        console.print(Text("\nSources" if record.citations else "\nWhat came closest", style="bold"))
    for citation in shown:
        _show_citation(console, citation, width)


def _show_citation(console: Console, citation: CitationOut, width: int) -> None:
    number = "" if citation.number is None else f"[{citation.number}] "
    source = ", ".join(
        part for part in (citation.document_title, citation.publisher, citation.published_at) if part
    )
    console.print(Text(f"{number}{plain_line(source)}", style="cyan"), width=width)
    console.print(Padding(Text(f"“{citation.cited_text}”"), (0, 0, 0, 4)), width=width)
    console.print(
        Padding(
            Text(
                f"{citation.document_id}{_page(citation)}, characters {citation.start_char_index}–{citation.end_char_index} · {citation.viewer_url}",
                style="dim",
            ),
            (0, 0, 0, 4),
        ),
        width=width,
    )
    if citation.also_published_by:
        names = ", ".join(_copy(copy) for copy in citation.also_published_by)
        console.print(Padding(Text(f"also published by {names}", style="dim"), (0, 0, 0, 4)), width=width)


def _copy(copy: AlsoPublishedOut) -> str:
    place = f"({copy.document_id}, characters {copy.start_char_index}–{copy.end_char_index})"
    parts = (copy.publisher or copy.document_title, copy.published_at, place)
    return plain_line(" ".join(part for part in parts if part))


def _page(citation: CitationOut) -> str:
    if citation.page is None:
        return ""
    if citation.page_end in (None, citation.page):
        return f", p. {citation.page}"
    return f", pp. {citation.page}–{citation.page_end}"
