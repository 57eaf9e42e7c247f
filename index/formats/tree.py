"""An HTML tree → blocks: headings, paragraphs, list items and table rows. For web pages and for Word files."""

from __future__ import annotations

from itertools import count

from lxml import etree, html  # type: ignore[import-untyped]

from index.errors import DocumentError
from index.formats.made_text import Block, BlockKind, made_line, made_lines

_SKIPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "iframe",
        "object",
        "head",
        "button",
        "select",
        "input",
        "textarea",
        "canvas",
        "audio",
        "video",
        "map",
        "dialog",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "hr",
        "html",
        "main",
        "nav",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "td",
        "th",
        "tr",
        "ul",
        "ol",
        "li",
        "menu",
        "pre",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# A cell that is longer holds prose, and its table only sets the page.
_LONGEST_CELL = 400
_MAX_CELLS = 1_000
_MAX_DEPTH = 250


def parsed(text: str, where: str) -> html.HtmlElement:
    """Return the tree of a page.

    Raises:
        DocumentError: there is none in it.
    """
    # The page is decoded: an encoding that it names itself would be applied a second time.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        tree = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise DocumentError(where, f"holds no page: {error}") from error
    return tree


def blocks_of(tree: html.HtmlElement) -> list[Block]:
    """Return the blocks below an element in the order of the page; what the page hides is left out."""
    walker = _Walker()
    walker.visit(tree, 0)
    walker.flush()
    return walker.blocks


class _Walker:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._pieces: list[str] = []
        self._linked = 0
        self._inside_link = 0
        self._kind: BlockKind = "text"
        self._level = 0
        self._prefix = ""
        self._group = 0
        self._groups = count(1)
        self._lists: list[tuple[int, count[int] | None]] = []

    def visit(self, element: html.HtmlElement, depth: int) -> None:
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED or _is_hidden(element) or depth > _MAX_DEPTH:
            return
        if tag == "br":
            self._add("\n")
            return
        if tag == "pre":
            self.flush()
            self._emit("text", made_lines("".join(element.itertext())))
            return
        if tag == "table" and _is_data(element):
            self.flush()
            self._table(element)
            return
        if tag not in _BLOCKS:
            self._inside_link += tag == "a"
            self._children(element, depth)
            self._inside_link -= tag == "a"
            return
        self.flush()
        if tag in ("ul", "ol", "menu"):
            self._lists.append((next(self._groups), count(1) if tag == "ol" else None))
            self._children(element, depth)
            self.flush()
            self._lists.pop()
            return
        outer = self._kind, self._level, self._group
        if tag == "li":
            self._kind = "item"
            self._group, number = self._lists[-1] if self._lists else (0, None)
            self._prefix = "- " if number is None else f"{next(number)}. "
        elif tag in _HEADINGS:
            self._kind, self._level = "heading", _HEADINGS[tag]
        self._children(element, depth)
        self.flush()
        self._kind, self._level, self._group = outer

    def flush(self) -> None:
        """End the block that is being read."""
        text, linked = made_lines("".join(self._pieces)), self._linked
        self._pieces.clear()
        self._linked = 0
        if text:
            if self._kind == "heading":
                text = made_line(text)
            self._emit(self._kind, self._prefix + text, linked)
            self._prefix = ""

    def _children(self, element: html.HtmlElement, depth: int) -> None:
        self._add(_spaced(element.text))
        for child in element:
            self.visit(child, depth + 1)
            self._add(_spaced(child.tail))

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        if self._inside_link:
            self._linked += len(text.strip())

    def _emit(self, kind: BlockKind, text: str, linked: int = 0) -> None:
        if text:
            self.blocks.append(
                Block(kind=kind, text=text, level=self._level, linked=linked, group=self._group)
            )

    def _table(self, table: html.HtmlElement) -> None:
        outer, self._group = self._group, next(self._groups)
        for caption in table.iter("caption"):
            self._emit("text", made_line("".join(caption.itertext())))
        for row in table.iter("tr"):
            cells = [made_line(_cell_text(cell)) for cell in row.iter("td", "th")][:_MAX_CELLS]
            linked = sum(len("".join(link.itertext()).strip()) for link in row.iter("a"))
            while cells and not cells[-1]:
                cells.pop()
            self._emit("row", " | ".join(cells), linked)
        self._group = outer


def _spaced(text: str | None) -> str:
    """Return a text node: its own line ends are white space, and only `<br>` breaks a line."""
    return (text or "").replace("\r", " ").replace("\n", " ")


def _cell_text(cell: html.HtmlElement) -> str:
    return " ".join(cell.itertext())


def _is_hidden(element: html.HtmlElement) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return (
        "display:none" in style
        or "visibility:hidden" in style
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
    )


def _is_data(table: html.HtmlElement) -> bool:
    """Tell a table of data from one that only arranges a page."""
    rows = 0
    for inner in table.iter("table"):
        if inner is not table:
            return False
    for _ in table.iter("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol"):
        return False
    for row in table.iter("tr"):
        rows += 1
        for cell in row.iter("td", "th"):
            if sum(map(len, cell.itertext())) > _LONGEST_CELL:
                return False
    return rows > 0
