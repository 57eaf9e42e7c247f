"""Writes texts into HTML. Everything of a page that comes from outside goes through here.

Documents, questions and answers are somebody else's: they may hold tags, scripts, characters that
turn the direction of what follows, or bytes that HTML cannot write. None of it may change the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

# Embeddings, overrides and isolates reorder the text around them; the other characters have no look
# of their own or cannot stand in HTML. Tab and line feed are ordinary.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def plain(text: str) -> str:
    """Return text for an attribute or a title: escaped, hidden characters as `⟨U+202E⟩`."""
    return escape(visible(text))


def visible(text: str) -> str:
    """Return text in which hidden characters are written out as `⟨U+202E⟩`; not escaped."""
    return _HIDDEN.sub(lambda found: f"⟨{_code(found.group())}⟩", text)


def html(text: str) -> str:
    """Return text for an element's content: escaped, hidden characters written out and labelled."""
    parts, at = [], 0
    for found in _HIDDEN.finditer(text):
        parts.append(escape(text[at : found.start()]))
        name = unicodedata.name(found.group(), "control character")
        parts.append(f'<span class="hidden-char" title="{name}">{_code(found.group())}</span>')
        at = found.end()
    parts.append(escape(text[at:]))
    return "".join(parts)


def clipped(text: str, limit: int, where: str) -> str:
    """Return text as HTML, cut after `limit` characters with a note that says so and where the rest is."""
    if len(text) <= limit:
        return html(text)
    rest = f"… {len(text) - limit:,} more characters in {where}"
    return f'{html(text[:limit])} <span class="note">{escape(rest)}</span>'


def bidi(text: str, tag: str = "bdi") -> str:
    """Return text in an element of its own direction, so that it cannot turn what stands beside it."""
    return f'<{tag} dir="auto">{html(text)}</{tag}>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; `numeric` ones are set right, in figures of equal width."""

    title: str
    numeric: bool = False
    hint: str = ""
    """What the heading means, shown under it in small."""


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], *, name: str = "") -> str:
    """Return a table whose first column heads its rows. Cells are HTML already; caption and titles not.

    It scrolls in a container of its own, which the keyboard reaches.
    """
    head = "".join(
        f'<th scope="col"{_class(column)}>{html(column.title)}'
        + (f'<span class="hint">{html(column.hint)}</span>' if column.hint else "")
        + "</th>"
        for column in columns
    )
    body = []
    for row in rows:
        first, *rest = row
        cells = "".join(
            f"<td{_class(column)}>{cell}</td>" for column, cell in zip(columns[1:], rest, strict=True)
        )
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    marked = f' class="{name}"' if name else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{plain(caption)}">'
        f"<table{marked}><caption>{html(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def details(summary: str, content: str, *, name: str = "", open_: bool = False) -> str:
    """Return a part that opens without a script. `summary` and `content` are HTML already."""
    marked = f' class="{name}"' if name else ""
    return f"<details{marked}{' open' if open_ else ''}><summary>{summary}</summary>{content}</details>"


def _class(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
