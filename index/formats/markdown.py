"""Markdown: the text is its source as it is; its headings make sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from index.canonical import decode
from index.clean import front_matter_end
from index.formats.kinds import MEDIA_TYPES
from index.formats.record import Problem, Record, checked_text
from index.layout import MAX_SECTIONS, Section, sections_of

_MARKS = re.compile(r"[*_`~]+|!?\[([^\]]*)\]\([^)]*\)")


def read_markdown(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the one document of a Markdown file, or the problem with it."""
    text = checked_text(decode(raw, where).text, where)
    yield Record(where=where, text=text, media_type=MEDIA_TYPES["markdown"], sections=_sections(text))


def _sections(text: str) -> tuple[Section, ...]:
    # Imported here: only this reader needs it.
    from markdown_it import MarkdownIt

    body = front_matter_end(text)
    tokens = MarkdownIt("commonmark").disable("inline").parse(text[body:])
    starts = [body]
    for line in text[body:].split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: list[tuple[int, str, int]] = []
    for token, inline in pairwise(tokens):
        # Only headings of the document itself: one inside a quotation opens no section.
        if token.type == "heading_open" and token.level == 0 and token.map and len(found) < MAX_SECTIONS:
            title = _MARKS.sub(lambda m: m[1] or "", inline.content)
            found.append((int(token.tag[1:]), title, starts[token.map[0]]))
    return sections_of(found, len(text))
