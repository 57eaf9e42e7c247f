"""Gold offsets of a data set → offsets into the canonical text that the index keeps.

A data set counts in its own text; NFC and `\\n` line ends may make ours shorter or longer. What
cannot be found without doubt keeps its text and gets no offsets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from eval.datatypes import Gold
from eval.errors import DataSetError
from index.canonical import canonical_text
from index.errors import DocumentError

_MARK = "\ufeff"


def canonical(text: str, where: str) -> str:
    """Return the canonical text of a document, a gold text or an id.

    Raises:
        DataSetError: it holds what no document may hold.
    """
    try:
        return canonical_text(text, where)
    except DocumentError as error:
        raise DataSetError(str(error)) from error


def canonical_span(original: str, start: int, end: int) -> tuple[int, int] | None:
    """Map `original[start:end]` into the canonical text of `original`; both ends are exclusive there.

    `None` when it has no place of its own there: it is empty or outside, or an end of it falls
    inside what becomes one character (a letter and its accent, `\\r\\n`).
    """
    if not 0 <= start < end <= len(original):
        return None
    marks = len(original) - len(original.lstrip(_MARK))
    text = original[marks:]
    start, end = max(0, start - marks), end - marks
    if start >= end:
        return None
    whole = _folded(text)
    if whole == text:
        return start, end
    ends = []
    for cut in (start, end):
        before = _folded(text[:cut])
        # A cut is a place in the canonical text only if nothing grows together across it.
        if before + _folded(text[cut:]) != whole:
            return None
        ends.append(len(before))
    left, right = ends
    if whole[left:right] != _folded(text[start:end]) or left == right:
        return None
    return left, right


def located(document_id: str, original: str, start: int, text: str, where: str) -> Gold:
    """Return gold for `text`, which a data set says begins at `start` of `original`.

    Where it does not stand there (`start` may be -1), it is looked for; only a text that occurs
    exactly once is found. Otherwise the gold names the document and has no offsets.
    """
    wanted, held = canonical(text, where), canonical(original, where)
    span = canonical_span(original, start, start + len(text))
    if span is not None and held[span[0] : span[1]] == wanted:
        return Gold(document_id=document_id, start=span[0], end=span[1], text=wanted)
    place = held.find(wanted) if wanted else -1
    if place < 0 or held.find(wanted, place + 1) >= 0:
        return Gold(document_id=document_id, text=wanted)
    return Gold(document_id=document_id, start=place, end=place + len(wanted), text=wanted)


def distinct(golds: Iterable[Gold]) -> tuple[Gold, ...]:
    """Return each gold once, in order of first appearance."""
    return tuple(dict.fromkeys(golds))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
