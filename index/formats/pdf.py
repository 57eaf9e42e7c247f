"""PDF: page by page by PDFium, in the order in which the file draws its text.

How the text is made: lines that a page breaks for want of room are joined to paragraphs; a hyphen at such a break
goes, unless the document writes the word with a hyphen elsewhere; two line ends stand between paragraphs and
between pages. Running headers, footers and page numbers stay in the text and are marked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from index.canonical import canonical_text
from index.errors import DocumentError
from index.formats.kinds import MEDIA_TYPES
from index.formats.made_text import made_line
from index.formats.pdf_lines import Line, lines_of
from index.formats.pdf_running import running_lines
from index.formats.record import Problem, Record, checked_text
from index.layout import MAX_PAGES, MAX_SECTIONS, ExcludedSpan, PageSpan, sections_of

_HEADING_SCALE = 1.15
_LONGEST_HEADING = 120
# Lines before and behind one that tell how wide its column is.
_NEAR = 40
_HYPHENS = ("-", "\u2010", "\u00ad", "\x02", "\ufffe")
_TERMINATED = re.compile(r"[.!?…:;。！？]['\"”’»)\]]*$")
_BULLET = re.compile(r"(?:[-*•‣▪●◦–—\uf0b7o]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))\s+\S")
_JUNK_TITLE = re.compile(
    r"(?:untitled|microsoft word - .*|.*\.(?:docx?|odt|indd|tex|dvi|qxd|pdf|html?)|about:blank)", re.I
)
_HYPHENATED = re.compile(r"\w+-\w+")
_TAIL_WORD = re.compile(r"\w+$")
_HEAD_WORD = re.compile(r"\w+")


def read_pdf(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the one document of a PDF, or the problem with it; pages without text are named."""
    # Imported here: only this reader needs it.
    import pypdfium2  # type: ignore[import-untyped]

    try:
        file = pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise DocumentError(where, "is encrypted; take the password off and add it again") from error
        raise DocumentError(where, f"is no PDF that can be read: {error}") from error
    try:
        if not len(file):
            raise DocumentError(where, "has no pages")
        if len(file) > MAX_PAGES:
            raise DocumentError(where, f"has {len(file)} pages, over the limit of {MAX_PAGES}; split it")
        pages: list[list[Line]] = []
        broken: list[int] = []
        for number in range(len(file)):
            try:
                pages.append(lines_of(file[number]))
            except pypdfium2.PdfiumError:
                pages.append([])
                broken.append(number + 1)
        known = file.get_metadata_dict()
    finally:
        file.close()
    if broken:
        yield Problem(error=DocumentError(where, f"{_numbered(broken)} cannot be read"), fatal=False)
    empty = [n for n, lines in enumerate(pages, start=1) if not lines and n not in broken]
    if len(empty) + len(broken) == len(pages):
        raise DocumentError(where, "has no text layer: it holds pictures of text, which need OCR first")
    if empty:
        yield Problem(error=DocumentError(where, f"{_numbered(empty)} without a text layer"), fatal=False)
    yield _record(pages, known, where)


def _record(pages: Sequence[list[Line]], known: dict[str, str], where: str) -> Record:
    reasons = running_lines(pages)
    words = _hyphenated(pages)
    body = _body_size(pages, reasons)
    levels = _levels(pages, reasons, body)
    text: list[str] = []
    length = 0
    spans: list[PageSpan] = []
    marked: list[ExcludedSpan] = []
    headings: list[tuple[int, str, int]] = []
    for number, lines in enumerate(pages):
        start = length
        blocks = list(_blocks(number, lines, reasons, levels, words))
        for made, reason, level in blocks:
            if length:
                text.append("\n\n")
                length += 2
                if length == start + 2:
                    start = length  # the gap belongs to the page before
            if reason is not None:
                marked.append(ExcludedSpan(start=length, end=length + len(made), reason=reason))
            elif level and len(headings) < MAX_SECTIONS:
                headings.append((level, made, length))
            text.append(made)
            length += len(made)
        if spans and blocks:
            spans[-1] = PageSpan(number=spans[-1].number, start=spans[-1].start, end=start)
        elif not blocks:
            start = length
        spans.append(PageSpan(number=number + 1, start=start, end=length))
    made_text = canonical_text("".join(text), where)
    title = made_line(known.get("Title", ""))[:300]
    first = next((made for level, made, _ in headings if level == 1), None)
    return Record(
        where=where,
        text=checked_text(made_text, where),
        title=title if title and not _JUNK_TITLE.fullmatch(title) else first,
        author=made_line(known.get("Author", ""))[:300] or None,
        media_type=MEDIA_TYPES["pdf"],
        pages=tuple(_tiled(spans, length)),
        sections=sections_of(headings, length),
        marked=tuple(marked),
    )


def _tiled(spans: Sequence[PageSpan], length: int) -> Iterator[PageSpan]:
    """Let each page reach to the beginning of the next, so that the gaps between them belong somewhere."""
    for number, span in enumerate(spans):
        end = spans[number + 1].start if number + 1 < len(spans) else length
        yield PageSpan(number=span.number, start=span.start, end=end)


def _blocks(
    page: int,
    lines: Sequence[Line],
    reasons: dict[tuple[int, int], str],
    levels: dict[float, int],
    words: frozenset[str],
) -> Iterator[tuple[str, str | None, int]]:
    """Yield (text, reason to exclude it, heading level) of the paragraphs of a page."""
    held: list[Line] = []
    held_level = 0

    def flush() -> Iterator[tuple[str, str | None, int]]:
        made = _joined_lines(held, words)
        if made:
            yield made, None, held_level if len(made) <= _LONGEST_HEADING else 0
        held.clear()

    pitch = _pitches(lines)
    for number, line in enumerate(lines):
        reason = reasons.get((page, number))
        if reason is not None:
            yield from flush()
            yield made_line(line.text), reason, 0
            continue
        level = levels.get(line.size, 0)
        if held and (
            level != held_level
            or _begins_anew(
                held[-1], line, _right_edge(lines, number - 1), pitch.get(line.size, 1.1 * line.height)
            )
        ):
            yield from flush()
        held_level = level
        held.append(line)
    yield from flush()


def _pitches(lines: Sequence[Line]) -> dict[float, float]:
    """Return how far apart the lines of a paragraph stand, for each size: the lower quartile of all distances."""
    found: dict[float, list[float]] = {}
    for before, line in pairwise(lines):
        apart = before.top - line.top
        if before.size == line.size and 0.5 * line.height < apart < 4 * line.height:
            found.setdefault(line.size, []).append(apart)
    return {
        size: sorted(values)[len(values) // 4]
        for size, values in found.items()
        # Two lines may be two headings: how far the lines of one stand apart they do not tell.
        if len(values) >= 3
    }


def _begins_anew(before: Line, line: Line, right: float, pitch: float) -> bool:
    """Tell whether a line opens a paragraph rather than go on with the one before; `pitch` is their usual distance."""
    if _BULLET.match(line.text) or abs(before.size - line.size) > 0.5:
        return True
    height = max(before.height, 1.0)
    if line.top > before.top + height:  # up the page: another column
        return bool(_TERMINATED.search(before.text)) or not line.text[:1].islower()
    if before.top - line.top > 1.25 * max(pitch, 0.8 * height):
        return True
    if line.left - before.left > 1.2 * height and _TERMINATED.search(before.text):
        return True  # indented
    short = right - before.right > 0.25 * max(right - min(before.left, line.left), 1.0)
    return short and (bool(_TERMINATED.search(before.text)) or not line.text[:1].islower())


def _right_edge(lines: Sequence[Line], number: int) -> float:
    """Return how far the lines of a line's column reach to the right: nine in ten of those around it."""
    line = lines[number]
    around = lines[max(0, number - _NEAR) : number + _NEAR]
    edges = sorted(other.right for other in around if other.left <= line.right and line.left <= other.right)
    return edges[len(edges) * 9 // 10]


def _joined_lines(lines: Sequence[Line], words: frozenset[str]) -> str:
    text = ""
    for line in lines:
        piece = line.text.strip()
        tail = text.rstrip()
        if tail.endswith(_HYPHENS) and piece[:1].isalpha():
            stem = tail[:-1]
            one, other = _TAIL_WORD.search(stem), _HEAD_WORD.match(piece)
            whole = f"{one[0]}-{other[0]}".casefold() if one and other else ""
            if one is None or whole in words or not piece[:1].islower():
                text = f"{stem}-{piece}"
            else:
                text = stem + piece
        else:
            text = f"{text} {piece}" if text else piece
    return made_line(_with_hyphens(text))


def _with_hyphens(text: str) -> str:
    # PDFium's own signs for a hyphen at the end of a line.
    return text.replace("\x02", "-").replace("\ufffe", "-")


def _hyphenated(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """Return the words that the document writes with a hyphen inside a line."""
    return frozenset(
        word.casefold() for lines in pages for line in lines for word in _HYPHENATED.findall(line.text)
    )


def _body_size(pages: Sequence[Sequence[Line]], reasons: dict[tuple[int, int], str]) -> float:
    """Return the size in which most characters are set."""
    sizes: Counter[float] = Counter()
    for page, lines in enumerate(pages):
        for number, line in enumerate(lines):
            if (page, number) not in reasons:
                sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _levels(
    pages: Sequence[Sequence[Line]], reasons: dict[tuple[int, int], str], body: float
) -> dict[float, int]:
    """Return the heading level of each size that is clearly larger than the body's; the largest is 1."""
    larger: Counter[float] = Counter()
    for page, lines in enumerate(pages):
        for number, line in enumerate(lines):
            if (
                (page, number) not in reasons
                and line.size >= _HEADING_SCALE * body
                and any(map(str.isalpha, line.text))
            ):
                larger[line.size] += 1
    return {size: min(level, 6) for level, size in enumerate(sorted(larger, reverse=True), start=1)}


def _numbered(pages: Sequence[int]) -> str:
    shown = ", ".join(map(str, pages[:20])) + (" …" if len(pages) > 20 else "")
    return f"page{'s' if len(pages) > 1 else ''} {shown}"
