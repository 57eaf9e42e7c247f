"""What the parsing process and its parent say to each other: frames of JSON, each after its length.

A document's text follows its frame as bare UTF-8, so that it is copied once and never escaped. Nothing is unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from index.access import read_rule, rule_text
from index.errors import (
    AccessRuleError,
    DocumentError,
    DuplicateIdError,
    EncodingError,
    SpanError,
    UnsupportedFormatError,
)
from index.formats.record import Problem, Record
from index.layout import Layout, check_layout, pack_layout, unpack_layout

_LENGTH = struct.Struct(">II")  # of the JSON, of the text behind it
HEAD = _LENGTH.size
MAX_JSON = 8 * 2**20
MAX_TEXT = 16 * 2**20
_ERRORS = {
    kind.__name__: kind for kind in (DocumentError, EncodingError, UnsupportedFormatError, DuplicateIdError)
}
_FIELDS = (
    "where",
    "document_id",
    "title",
    "publisher",
    "author",
    "published_at",
    "url",
    "language",
    "member",
)


class FrameError(Exception):
    """What came is no frame of ours."""


def write_frame(file: BinaryIO, message: dict[str, Any], text: str = "") -> None:
    """Write one frame.

    Raises:
        FrameError: it is larger than a frame may be.
    """
    # A path may hold bytes that are no text, which Python keeps as lone surrogates.
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    raw = text.encode()
    if len(body) > MAX_JSON or len(raw) > MAX_TEXT:
        raise FrameError(f"{len(body) + len(raw)} bytes of output for one document")
    file.write(_LENGTH.pack(len(body), len(raw)) + body)
    file.write(raw)
    file.flush()


def read_frame(read: Callable[[int], bytes]) -> tuple[dict[str, Any], str]:
    """Read one frame; `read(n)` returns exactly n bytes.

    Raises:
        FrameError: it is none.
    """
    size, text_size = _LENGTH.unpack(read(HEAD))
    if size > MAX_JSON or text_size > MAX_TEXT:
        raise FrameError(f"a frame of {size} and {text_size} bytes")
    try:
        message = json.loads(read(size))
        text = read(text_size).decode() if text_size else ""
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame that is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("a frame that is no object")
    return message, text


def pack_item(item: Record | Problem) -> tuple[dict[str, Any], str]:
    """Return a document or a problem as a message and its text."""
    if isinstance(item, Problem):
        kind = type(item.error).__name__
        return {
            "problem": {
                "kind": kind if kind in _ERRORS else "DocumentError",
                "where": item.error.where[:2000],
                "what": item.error.what[:2000],
                "fatal": item.fatal,
            }
        }, ""
    known: dict[str, Any] = {name: getattr(item, name) for name in _FIELDS}
    known["labels"] = dict(item.labels)
    known["access"] = None if item.access is None else rule_text(item.access)
    known["layout"] = pack_layout(
        Layout(media_type=item.media_type, pages=item.pages, sections=item.sections, marked=item.marked)
    )
    return {"record": known}, item.text


def unpack_item(message: dict[str, Any], text: str) -> Record | Problem:
    """Return what a message says, checked: what comes from a process that read a hostile file is hostile.

    Raises:
        FrameError: it says nothing of ours.
    """
    try:
        if "problem" in message:
            said = message["problem"]
            error = _ERRORS[said["kind"]](str(said["where"]), str(said["what"]))
            return Problem(error=error, fatal=bool(said["fatal"]))
        known = dict(message["record"])
        labels, access, packed = known.pop("labels"), known.pop("access"), known.pop("layout")
        layout = unpack_layout(packed)
        check_layout(layout, len(text))
        for name in _FIELDS:
            if not isinstance(known[name], str | None):
                raise FrameError(f"{name} is no text")
        return Record(
            **known,
            text=text,
            labels={str(key): str(value) for key, value in labels.items()},
            access=None if access is None else read_rule(json.loads(access)),
            media_type=layout.media_type,
            pages=layout.pages,
            sections=layout.sections,
            marked=layout.marked,
        )
    except (KeyError, TypeError, AttributeError, ValueError, SpanError, AccessRuleError) as error:
        raise FrameError(f"a message that is none of ours: {error}") from error
