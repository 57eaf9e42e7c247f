"""Which kind of file is it? The ending says so, and the first bytes where they leave no doubt.

A PDF or a ZIP archive is known by its first bytes whatever it is called, and so is a web page that is called
a PDF or a Word file: it is read as what it is, with a note. A text is what its ending says, also where it begins
like a web page: a text may show HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from index.errors import UnsupportedFormatError

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "text": "text/plain",
        "markdown": "text/markdown",
        "jsonl": "application/x-ndjson",
        "json": "application/json",
        "html": "text/html",
        "pdf": "application/pdf",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "eml": "message/rfc822",
        "csv": "text/csv",
        "zip": "application/zip",
    }
)
"""Kind of file → its media type."""

ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        ".txt": "text",
        ".text": "text",
        ".md": "markdown",
        ".markdown": "markdown",
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".json": "json",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".pdf": "pdf",
        ".docx": "docx",
        ".eml": "eml",
        ".csv": "csv",
        ".tsv": "csv",
        ".zip": "zip",
    }
)
"""File name ending (lower case) → kind of file."""

HEAD_BYTES = 1024
TYPE_ENDINGS: Mapping[str, str] = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/json": ".json",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    MEDIA_TYPES["docx"]: ".docx",
    "message/rfc822": ".eml",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/zip": ".zip",
}
"""Media type → file name ending, where a name has no known one."""
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xd0\xcf\x11\xe0", "a file of an old Office (.doc, .xls, .ppt, .msg)"),
    (b"{\\rtf", "RTF"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"SQLite format 3", "an SQLite database"),
)
_BINARY = frozenset({"pdf", "docx", "zip"})


def supported_endings() -> str:
    """Return the file name endings that can be read, for messages."""
    return ", ".join(sorted(ENDINGS))


def kind_of(name: str, head: bytes, where: str, media_type: str | None = None) -> str:
    """Return the kind of file, a key of `MEDIA_TYPES`, by its name and its first bytes.

    `media_type` counts where the name has no known ending. "zip" is still to be looked into: a Word file is
    one too.

    Raises:
        UnsupportedFormatError: nobody here reads this kind of file.
    """
    ending = said_to_be(name, media_type) or ""
    said = ENDINGS.get(ending)
    if b"%PDF-" in head[:HEAD_BYTES] and (said is None or said in _BINARY or head.startswith(b"%PDF-")):
        return "pdf"
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return "docx" if said == "docx" else "zip"
    if said in _BINARY or said == "html":
        if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
            return "html"
        for magic, what in _FOREIGN:
            if head.startswith(magic):
                raise UnsupportedFormatError(
                    where, f"is {what}, not {ending}; readable are {supported_endings()}"
                )
    if said in _BINARY:
        raise UnsupportedFormatError(
            where,
            f"is no {ending[1:].upper()} file, whatever its name says; readable are {supported_endings()}",
        )
    if said is None:
        raise UnsupportedFormatError(where, f"unsupported format; readable are {supported_endings()}")
    return said


def said_to_be(name: str, media_type: str | None = None) -> str | None:
    """Return the ending that a name has, or its media type where the name has no known one; `None` without both."""
    ending = PurePosixPath(name).suffix.lower()
    if ending not in ENDINGS and media_type is not None:
        ending = TYPE_ENDINGS.get(media_type.partition(";")[0].strip().lower(), ending)
    return ending or None


def is_packed(head: bytes) -> bool:
    """Tell a PDF or a ZIP archive by its first bytes."""
    return head.startswith((b"%PDF-", _ZIP, _EMPTY_ZIP))
