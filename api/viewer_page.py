"""The page that shows a document word for word, with one passage marked.

The page is plain HTML made of escaped text: no inline style, no inline script,
no event attributes, so it works under a policy that only allows files of the
same origin.  The joined text of the element with the id ``document-text`` is
the document's text, character for character.

HTML has no way to write U+0000 or half of a surrogate pair.  Such a character is
shown as U+FFFD, which keeps every offset where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from itertools import pairwise

__all__ = ["CopyLink", "DocumentPage", "ExcludedPart", "date_words", "escaped", "render_document_page"]

_REASON_WORDS = {
    "share_buttons": "share buttons",
    "read_also": "links to other articles",
    "comments": "comments",
    "follow_us": "invitation to follow",
    "teaser": "teaser of another article",
    "repeats_same_document": "repeats an earlier part of this document",
    "repeats_other_document": "repeats another document",
    "running_header": "running header",
    "running_footer": "running footer",
    "page_number": "page number",
}

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)
_WEB_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_NOT_IN_HTML = re.compile("[\x00\ud800-\udfff]")
_BREAK = re.compile(r"\n(?:[ \t]*\n)*")
_BLANK = " \t\n"
_FEW_SECTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedPart:
    """A part of the text that answers never quote, and why.

    The offsets are Unicode code points into the text, the end exclusive.
    """

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLink:
    """Another document that tells the same story, and the path of its page."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """Everything the page shows of one document."""

    document_id: str
    title: str
    text: str
    publisher: str | None
    published_at: str | None
    language: str | None
    url: str | None
    document_sha256: str
    excluded: tuple[ExcludedPart, ...]
    version: int = 1
    stored_at: str | None = None
    copies: tuple[CopyLink, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()
    """(number, where it starts) of each page, in order."""
    sections: tuple[tuple[int, str, int], ...] = ()
    """(level from 1, title, where it starts) of each section, in order."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph of the text, or the blank space between two of them."""

    start: int
    end: int
    is_paragraph: bool
    after_blank_line: bool


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stretch of text to which the same marks apply from end to end."""

    start: int
    end: int
    quoted: bool
    parts: tuple[int, ...]


def render_document_page(page: DocumentPage, *, quote: tuple[int, int] | None, changed: bool = False) -> str:
    """Return the whole HTML page of a document; `changed` says that a link meant another text than this.

    ``quote`` is the passage to mark: start and end in Unicode code points of
    ``page.text``, the end exclusive; ``None`` marks nothing.

    Raises ``ValueError`` when the quote or an excluded part is empty or does not
    lie inside the text.
    """
    length = len(page.text)
    if quote is not None:
        _check_range("quote", quote[0], quote[1], length)
    for part in page.excluded:
        _check_range(f"excluded part ({part.reason!r})", part.start, part.end, length)

    title = page.title.strip() or page.document_id
    # The words around the document are English, the document may be anything:
    # an empty tag says "unknown" where the default would wrongly say English.
    language = _language_tag(page.language)
    article = (
        f'<article id="document-text" lang="{language}" dir="auto" tabindex="-1">'
        f"{_text_html(page, quote)}</article>"
    )
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escaped(title)} – source</title>",
        '<link rel="stylesheet" href="/static/viewer.css">',
        '<script src="/static/viewer.js" defer></script>',
        "</head>",
        "<body>",
        '<a class="skip-link" href="#document-text">Skip to the text</a>',
        '<header class="document-header">',
        '<p class="kicker">Source document</p>',
        f'<h1 lang="{language}" dir="auto">{escaped(title)}</h1>',
        *_meta_lines(page),
        *_copies_lines(page),
        "</header>",
        *(_changed_lines(page) if changed else _quote_bar_lines(quote)),
        "<main>",
        *_outline_lines(page.sections, language),
        *_legend_lines(page.excluded),
        article,
        "</main>",
        *_footer_lines(page),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _check_range(name: str, start: int, end: int, length: int) -> None:
    """Raise ``ValueError`` unless ``0 <= start < end <= length``."""
    if not 0 <= start < end <= length:
        raise ValueError(
            f"{name}: characters {start} to {end} do not lie inside a text of {length} characters"
        )


def escaped(text: str) -> str:
    """Return ``text`` as HTML that reads back as the same characters.

    A carriage return is written as a reference, because a parser turns a bare
    one into a newline.
    """
    safe = escape(_NOT_IN_HTML.sub("\N{REPLACEMENT CHARACTER}", text))
    return safe.replace("\r", "&#13;")


def _language_tag(language: str | None) -> str:
    """Return the tag when it has the form of a language tag, else ``""``."""
    if language is not None and _LANGUAGE_TAG.fullmatch(language):
        return language
    return ""


def _reason_words(reason: str) -> str:
    """Return the words a reader sees for the name of a reason."""
    known = _REASON_WORDS.get(reason)
    return known if known is not None else " ".join(reason.split("_")).strip()


def date_words(published_at: str) -> str:
    """Return the date in words when it is an ISO 8601 date, else as it stands."""
    try:
        day: date = datetime.fromisoformat(published_at.strip()).date()
    except ValueError:
        return f'<span dir="auto">{escaped(published_at)}</span>'
    words = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f'<time datetime="{day.isoformat()}">{words}</time>'


def _meta_lines(page: DocumentPage) -> list[str]:
    """Return the line with publisher, date and the link to the original."""
    items: list[str] = []
    if page.publisher and page.publisher.strip():
        items.append(f'<span class="publisher" dir="auto">{escaped(page.publisher)}</span>')
    if page.published_at and page.published_at.strip():
        items.append(date_words(page.published_at))
    if page.url and _WEB_ADDRESS.match(page.url):
        items.append(
            f'<a class="original" href="{escaped(page.url)}" rel="noopener noreferrer nofollow">Original</a>'
        )
    if not items:
        return []
    return [f'<p class="meta">{" · ".join(items)}</p>']


def _quote_bar_lines(quote: tuple[int, int] | None) -> list[str]:
    """Return the bar that names the quote, leads to it and copies it."""
    if quote is None:
        return []
    return [
        '<section class="quote-bar" aria-label="Quoted passage">',
        '<p class="quote-range">Quoted passage:',
        f'<span class="offsets">characters {quote[0]}–{quote[1]}</span></p>',
        '<p class="quote-actions"><a href="#quote">Go to the quote</a>',
        '<button type="button" id="copy-quote" hidden>Copy quote</button>',
        '<span id="copy-status" role="status" aria-live="polite"></span></p>',
        "</section>",
    ]


def _changed_lines(page: DocumentPage) -> list[str]:
    """Return the bar that says why nothing is marked: offsets of another text mean nothing in this one."""
    stored = "" if page.stored_at is None else f", stored {date_words(page.stored_at)}"
    return [
        '<section class="quote-bar" role="status" aria-label="The source has changed">',
        '<p class="quote-range"><strong>The source has changed</strong> since this was quoted:',
        f"the text below is version {page.version}{stored}. Nothing is marked in it.</p>",
        "</section>",
    ]


def _copies_lines(page: DocumentPage) -> list[str]:
    """Return the line that links to the documents that tell the same story, if there are any."""
    if not page.copies:
        return []
    links = ", ".join(
        f'<a href="{escaped(copy.path)}" dir="auto">{escaped(copy.name)}</a>' for copy in page.copies
    )
    return [f'<p class="meta also-published">Also published by {links}</p>']


def _legend_lines(excluded: tuple[ExcludedPart, ...]) -> list[str]:
    """Return the line that explains the dimmed parts, if there are any."""
    if not excluded:
        return []
    return [
        '<p class="legend">Dimmed parts with a dotted line belong to the page',
        "as it was found, but are left out of answers.</p>",
    ]


def _footer_lines(page: DocumentPage) -> list[str]:
    """Return the footer: what identifies the text, and how to check a quote."""
    stored = "" if page.stored_at is None else f", stored {date_words(page.stored_at)}"
    return [
        '<footer class="document-footer">',
        "<p>To check a quote, count Unicode code points from the start of the text,",
        "the first being 0: a quote runs from its first number up to, but not",
        "including, its second.</p>",
        "<dl>",
        f'<div><dt>Document</dt><dd class="mono">{escaped(page.document_id)}</dd></div>',
        f"<div><dt>Version</dt><dd>{page.version}{stored}</dd></div>",
        f'<div><dt>SHA-256</dt><dd class="mono">{escaped(page.document_sha256)}</dd></div>',
        "</dl>",
        "</footer>",
    ]


def _blocks(text: str) -> Iterator[_Block]:
    """Cut the text into paragraphs and the line breaks between them."""
    position = 0
    after_blank_line = False
    for found in _BREAK.finditer(text):
        if found.start() > position:
            yield _block(text, position, found.start(), after_blank_line)
        yield _Block(found.start(), found.end(), False, False)
        after_blank_line = found.group().count("\n") > 1
        position = found.end()
    if position < len(text):
        yield _block(text, position, len(text), after_blank_line)


def _block(text: str, start: int, end: int, after_blank_line: bool) -> _Block:
    """Return the block of one line, a paragraph unless it is blank."""
    return _Block(start, end, bool(text[start:end].strip(_BLANK)), after_blank_line)


def _segments(
    length: int,
    excluded: tuple[ExcludedPart, ...],
    quote: tuple[int, int] | None,
    boundaries: list[int],
) -> list[_Segment]:
    """Cut the text wherever a block, the quote or an excluded part begins or ends.

    ``parts`` of a segment holds the indexes of the excluded parts that cover it.
    """
    cuts = {0, length, *boundaries}
    for part in excluded:
        cuts.update((part.start, part.end))
    if quote is not None:
        cuts.update(quote)
    points = sorted(cuts)

    waiting = sorted(range(len(excluded)), key=lambda index: excluded[index].start)
    waiting.reverse()
    covering: list[int] = []
    segments: list[_Segment] = []
    for start, end in pairwise(points):
        covering = [index for index in covering if excluded[index].end > start]
        while waiting and excluded[waiting[-1]].start <= start:
            covering.append(waiting.pop())
        quoted = quote is not None and quote[0] <= start and end <= quote[1]
        segments.append(_Segment(start, end, quoted, tuple(covering)))
    return segments


def _outline_lines(sections: tuple[tuple[int, str, int], ...], language: str) -> list[str]:
    """Return the list of sections, if there are so many that it helps."""
    if len(sections) <= _FEW_SECTIONS:
        return []
    lines = [
        f'<li class="level-{min(level, 6)}"><a href="#section-{number}">{escaped(title)}</a></li>'
        for number, (level, title, _) in enumerate(sections, start=1)
    ]
    return [
        '<nav class="outline" aria-label="Sections">',
        "<details><summary>Sections</summary>",
        f'<ol lang="{language}" dir="auto">',
        *lines,
        "</ol></details></nav>",
    ]


def _text_html(page: DocumentPage, quote: tuple[int, int] | None) -> str:
    """Return the text as paragraphs, with the quote and excluded parts marked.

    A page of the document begins at an empty element, which adds nothing to the text.

    Line breaks stand between the paragraphs, where they take no room, so that
    the page sets the distance and the text keeps its characters.
    """
    text, excluded = page.text, page.excluded
    blocks = list(_blocks(text))
    pages = list(reversed(page.pages))
    starts = list(reversed(list(enumerate((start for *_, start in page.sections), start=1))))
    segments = _segments(len(text), excluded, quote, [block.end for block in blocks])
    output: list[str] = []
    named: set[int] = set()
    quote_begun = False
    position = 0
    for block in blocks:
        inside: list[_Segment] = []
        while position < len(segments) and segments[position].end <= block.end:
            inside.append(segments[position])
            position += 1

        pieces: list[str] = []
        in_mark = False
        for segment in inside:
            if segment.quoted and not in_mark:
                pieces.append("<mark>" if quote_begun else '<mark id="quote" tabindex="-1">')
                quote_begun = True
            elif in_mark and not segment.quoted:
                pieces.append("</mark>")
            in_mark = segment.quoted
            pieces.append(_segment_html(text, segment, excluded, named))
        if in_mark:
            pieces.append("</mark>")

        while pages and pages[-1][1] <= block.start:
            output.append(_page_break(pages.pop()[0]))
        if block.is_paragraph:
            opened: list[int] = []
            while starts and starts[-1][1] < block.end:
                opened.append(starts.pop()[0])
            output.extend(f'<a id="section-{number}"></a>' for number in opened)
            output.append(f"<p{_paragraph_class(text, block, inside)}>")
        output.extend(pieces)
        if block.is_paragraph:
            output.append("</p>")
    output.extend(_page_break(number) for number, _ in reversed(pages))
    return "".join(output)


def _page_break(number: int) -> str:
    """Return the separator before a page; its words are drawn by the style sheet, so that it holds no text."""
    return (
        f'<div class="page-break" id="page-{number}" role="separator" aria-label="Page {number}" '
        f'data-page="{number}"></div>'
    )


def _paragraph_class(text: str, block: _Block, segments: list[_Segment]) -> str:
    """Return the class attribute of a paragraph, or ``""``."""
    names: list[str] = []
    if block.after_blank_line:
        names.append("after-blank-line")
    if all(segment.parts for segment in segments if text[segment.start : segment.end].strip(_BLANK)):
        names.append("left-out")
    return f' class="{" ".join(names)}"' if names else ""


def _segment_html(
    text: str,
    segment: _Segment,
    excluded: tuple[ExcludedPart, ...],
    named: set[int],
) -> str:
    """Return one segment; a part's first visible segment also names its reason.

    ``named`` holds the parts whose reason already stands on the page, and grows.
    """
    content = text[segment.start : segment.end]
    if not segment.parts:
        return escaped(content)
    title = _joined_reasons(excluded, segment.parts)
    label = ""
    fresh = tuple(index for index in segment.parts if index not in named)
    if fresh and content.strip():
        named.update(fresh)
        label = f' data-reason="{escaped(_joined_reasons(excluded, fresh))}"'
    return (
        f'<span class="excluded" title="left out of answers: {escaped(title)}"{label}>'
        f"{escaped(content)}</span>"
    )


def _joined_reasons(excluded: tuple[ExcludedPart, ...], parts: tuple[int, ...]) -> str:
    """Return the words of the parts' reasons, each once."""
    return ", ".join(dict.fromkeys(_reason_words(excluded[index].reason) for index in parts))
