"""Web pages: trafilatura says which blocks are the text, resiliparse where it finds too little.

Neither makes the text: both only choose among the blocks of the page, so that headings, lists and tables keep
their places. A page of which both find next to nothing is taken whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import html  # type: ignore[import-untyped]

from index.canonical import canonical_text, decode
from index.errors import DocumentError, EncodingError
from index.formats.kinds import MEDIA_TYPES
from index.formats.made_text import Block, joined, made_line
from index.formats.record import Problem, Record, checked_text
from index.formats.tree import blocks_of, parsed

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_DECLARED_WITHIN = 4096
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")
_WORD = re.compile(r"\w+")
_SHINGLE = 4
_MOSTLY = 0.6
# Letters and digits of a text that is too little for a page with this much more.
_LITTLE = 200
_NOTHING = 60
_SHARE_OF_OTHER = 0.25
_SHARE_OF_PAGE = 0.5
# A shorter block that is a link from end to end leads to another page.
_LONGEST_LINK = 120
_LINKED = 0.8
_LONGEST_LABEL = 25
_BARE_LINKED = 0.1
_MAX_FIELD = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    title: str | None = None
    publisher: str | None = None
    author: str | None = None
    published_at: str | None = None
    url: str | None = None


def read_webpage(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the one document of a page, or the problem with it."""
    text, replaced = decoded_page(raw, where)
    if not text.strip():
        raise DocumentError(where, "is empty")
    if replaced:
        yield Problem(
            error=DocumentError(where, f"{replaced} characters are in another encoding and show as \ufffd"),
            fatal=False,
        )
    tree = parsed(text, where)
    main, known = _extracted(text)
    title = known.title or _tag_title(tree)
    blocks = _without_title(_chosen(blocks_of(tree), main, text, tree), title)
    body, sections = joined(blocks)
    yield Record(
        where=where,
        text=checked_text(canonical_text(body, where), where),
        title=title,
        publisher=known.publisher,
        author=known.author,
        published_at=known.published_at,
        url=known.url,
        language=_language(tree),
        media_type=MEDIA_TYPES["html"],
        sections=sections,
    )


def decoded_page(raw: bytes, where: str) -> tuple[str, int]:
    """Decode a page: mark, UTF-8, the encoding that it names, then as any text.

    Returns the text, and how many characters could not be told.
    """
    match = _CHARSET.search(raw[:_DECLARED_WITHIN])
    declared = match[1].decode("ascii").lower() if match else None
    try:
        return canonical_text(raw.decode("utf-8"), where), 0
    except (UnicodeDecodeError, DocumentError):
        pass
    if declared is not None and declared.replace("-", "") not in ("utf8", "utf16"):
        try:
            return canonical_text(raw.decode(declared), where), 0
        except (UnicodeDecodeError, LookupError, DocumentError):
            pass
    try:
        return decode(raw, where).text, 0
    except EncodingError:
        if b"\x00" in raw[:_DECLARED_WITHIN]:
            raise
    # A browser shows such a page too, with signs for what it cannot tell.
    text = canonical_text(raw.decode("utf-8", "replace").replace("\x00", "\ufffd"), where)
    return text, text.count("\ufffd")


def _extracted(text: str) -> tuple[str, _Known]:
    """Ask trafilatura for the page's text and for what the page says of itself."""
    # Imported here: it takes long to load, and only this reader needs it.
    from trafilatura import bare_extraction

    found = bare_extraction(
        text,
        favor_precision=True,
        include_comments=False,
        include_tables=True,
        deduplicate=False,
        with_metadata=True,
        # The date that the page states; one that stands somewhere in its text would be guessed.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    if found is None or isinstance(found, dict):
        return "", _Known()
    return "\n".join(found.body.itertext()) if found.body is not None else "", _Known(
        title=_field(found.title),
        publisher=_field(found.sitename),
        author=_field(found.author),
        published_at=_date(found.date),
        url=_field(found.url),
    )


def _is_bare(blocks: Sequence[Block], tree: html.HtmlElement) -> bool:
    """Tell a page that is nothing but its text, as word processors write it: no navigation and hardly a link."""
    if next(tree.iter("nav", "aside", "footer", "form", "script", "iframe"), None) is not None:
        return False
    return sum(block.linked for block in blocks) <= _BARE_LINKED * sum(len(block.text) for block in blocks)


def _chosen(blocks: Sequence[Block], main: str, page: str, tree: html.HtmlElement) -> list[Block]:
    if _is_bare(blocks, tree):
        return list(blocks)
    chosen = _main_blocks(blocks, main)
    if _size(chosen) >= _LITTLE and _size(chosen) >= _SHARE_OF_PAGE * sum(
        len(_letters(b.text)) for b in blocks
    ):
        return chosen
    from resiliparse.extract.html2text import extract_plain_text

    other = _main_blocks(
        blocks, extract_plain_text(page, main_content=True, alt_texts=False, list_bullets=False)
    )
    if _size(chosen) < _LITTLE < _size(other) or _size(chosen) < _SHARE_OF_OTHER * _size(other):
        chosen = other
    return chosen if _size(chosen) >= _NOTHING else list(blocks)


def _main_blocks(blocks: Sequence[Block], main: str) -> list[Block]:
    """Return the blocks that an extractor's text holds, with the headings right above them."""
    letters = _letters(main)
    lines = {_letters(line) for line in main.split("\n")}
    shingles = set(_shingles(main))
    chosen: list[Block] = []
    waiting: list[Block] = []
    # Items and rows since the last block of the text: they belong to it if it goes on right behind them.
    between: list[Block] = []
    for block in blocks:
        if block.kind == "heading":
            between.clear()
            while waiting and waiting[-1].level >= block.level:
                waiting.pop()
            waiting.append(block)
            continue
        goes_on = bool(chosen) and block.group > 0 and chosen[-1].group == block.group and not between
        if _is_main(block, letters, lines, shingles) or (goes_on and _letters(_unbulleted(block)) in letters):
            if chosen and 10 * sum(b.linked for b in between) <= _size(between):
                chosen += between
            chosen += waiting
            chosen.append(block)
            waiting.clear()
            between.clear()
        elif block.kind in ("item", "row") and not waiting:
            between.append(block)
        elif len(_letters(block.text)) > 40:
            # The text goes on elsewhere: these headings stood above something else.
            waiting.clear()
            between.clear()
    while chosen and chosen[-1].kind in ("text", "heading") and _is_label(chosen[-1].text):
        chosen.pop()  # "Comments", "Tags": what they stood above is no text of this page
    return chosen


def _without_title(blocks: list[Block], title: str | None) -> list[Block]:
    """Leave out a heading in front that is the page's title: that is kept as the title."""
    name = _letters(title or "")
    if len(blocks) > 1 and blocks[0].kind == "heading":
        own = _letters(blocks[0].text)
        if (own and own in name and 2 * len(own) >= len(name)) or (
            name and name in own and 2 * len(name) >= len(own)
        ):
            return blocks[1:]
    return blocks


def _is_label(text: str) -> bool:
    return len(text) < _LONGEST_LABEL and not text.rstrip("\"'”’»)]").endswith(
        (".", "!", "?", "…", "。", ":")
    )


def _is_main(block: Block, letters: str, lines: set[str], shingles: set[tuple[str, ...]]) -> bool:
    own = _letters(_unbulleted(block))
    if not own or (len(block.text) < _LONGEST_LINK and block.linked >= _LINKED * len(_unbulleted(block))):
        return False
    if own in lines:
        return True
    if len(own) < 16:
        return False
    if own in letters:
        return True
    pieces = list(_shingles(block.text))
    return bool(pieces) and sum(piece in shingles for piece in pieces) >= _MOSTLY * len(pieces)


def _unbulleted(block: Block) -> str:
    return block.text.partition(" ")[2] if block.kind == "item" else block.text


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[shift:] for shift in range(_SHINGLE)), strict=False)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _size(blocks: Sequence[Block]) -> int:
    return sum(len(_letters(block.text)) for block in blocks)


def _field(value: str | None) -> str | None:
    return made_line(value)[:_MAX_FIELD] or None if value else None


def _date(value: str | None) -> str | None:
    if not value:
        return None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return None  # not a date that we could show: unknown
    return value


def _tag_title(tree: html.HtmlElement) -> str | None:
    return _field(tree.findtext(".//title"))


def _language(tree: html.HtmlElement) -> str | None:
    match = _LANGUAGE.fullmatch((tree.get("lang") or "").strip())
    return match[1].lower() if match else None
