"""The text that a reader makes of a page, a Word file or a PDF: blocks, one after the other.

What is made here is the canonical text and is never edited again. The rules: characters in NFC; runs of white
space are one space, but line breaks of a block that is set line by line stay; control characters, soft hyphens,
zero-width spaces and lone surrogates are left out; two line ends stand between blocks, one between the items of a
list and the rows of a table.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from index.layout import MAX_SECTIONS, Section, sections_of

BlockKind = Literal["heading", "text", "item", "row"]

# Zero-width joiners stay: emoji and several scripts need them.
_LEFT_OUT = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, heading (`level` from 1), list item or table row. `linked` counts its characters inside links.

    `group` is the same for the items of one list and the rows of one table.
    """

    kind: BlockKind
    text: str
    level: int = 0
    linked: int = 0
    group: int = 0


def made_line(text: str) -> str:
    """Return a piece of text as one line, by the rules of this module."""
    return unicodedata.normalize("NFC", " ".join(_LEFT_OUT.sub("", text).split()))


def made_lines(text: str) -> str:
    """Return a piece of text with its line breaks, by the rules of this module; blank lines at its ends go."""
    lines = [made_line(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n")


def joined(blocks: list[Block]) -> tuple[str, tuple[Section, ...]]:
    """Return the text of these blocks, and the sections that their headings open."""
    pieces: list[str] = []
    headings: list[tuple[int, str, int]] = []
    length = 0
    before: Block | None = None
    for block in blocks:
        if not block.text:
            continue
        if before is not None:
            close = (
                block.kind == before.kind and block.kind in ("item", "row") and block.group == before.group
            )
            pieces.append("\n" if close else "\n\n")
            length += len(pieces[-1])
        if block.kind == "heading" and len(headings) < MAX_SECTIONS:
            headings.append((block.level, block.text, length))
        pieces.append(block.text)
        length += len(block.text)
        before = block
    return "".join(pieces), sections_of(headings, length)
