"""Bytes → the canonical text of a document: decoded, NFC, `\\n` line ends, and nothing else.

Everything that clients check rests on this module: offsets count code points of what it returns.
It strips nothing and repairs nothing.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from index.errors import DocumentError, EncodingError

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# C0 controls that occur in honest text files: tab, newline, form feed, carriage return, and the
# end-of-file mark of old DOS editors.
_TEXT_CONTROLS = frozenset(b"\t\n\x0c\r\x1a\x1b\x0b")
_MAX_CONTROL_SHARE = 0.002
# A western text in cp1252 has few letters beyond ASCII; where they are the rule rather than the
# exception the text is in another alphabet, and cp1252 would "succeed" with gibberish.
_MAX_CP1252_SHARE = 0.15
_NUL = re.compile("\x00")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Canonical text, and the encoding that the bytes were read with."""

    text: str
    encoding: str


def canonical_text(text: str, where: str) -> str:
    """Return `text` in NFC with `\\n` line ends and no byte order mark.

    Raises:
        DocumentError: it holds a lone surrogate or a NUL, which no store or client can carry.
    """
    # Every mark in front goes, or a second pass would find another one to take off.
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    for pattern, name in ((_NUL, "a NUL character"), (_SURROGATE, "a lone surrogate")):
        if found := pattern.search(text):
            raise DocumentError(
                where, f"holds {name} at character {found.start()}; remove it and index again"
            )
    return text


def decode(raw: bytes, where: str) -> Decoded:
    """Decode by rule and detect last: byte order mark, strict UTF-8, UTF-16, cp1252, a detector.

    Raises:
        EncodingError: binary data, several encodings in one file, or none that can be told.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return _decoded(raw[len(bom) :], encoding, where)
    if b"\x00" in raw:
        return _decoded(raw, _utf16_without_mark(raw, where), where)
    try:
        return _decoded(raw, "utf-8", where)
    except EncodingError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise  # it is UTF-8, and what it says is no text
        _refuse_binary(raw, where)
        _refuse_mixed(raw, where)
    # Below 0xc0 cp1252 has quotation marks and dashes; a dialogue is full of them in any language.
    high = sum(byte >= 0xC0 for byte in raw)
    letters = high + sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in raw)
    if high <= _MAX_CP1252_SHARE * letters:
        try:
            return _decoded(raw, "cp1252", where)
        except EncodingError:
            pass  # five byte values mean nothing in cp1252: ask the detector
    return _decoded(raw, _detect(raw, where), where)


def _decoded(raw: bytes, encoding: str, where: str) -> Decoded:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise EncodingError(
            where,
            f"byte {error.start} (0x{raw[error.start]:02x}) is not {encoding}; convert the file to UTF-8",
        ) from error
    _refuse_control_characters(text, where)
    return Decoded(text=canonical_text(text, where), encoding=encoding)


def _utf16_without_mark(raw: bytes, where: str) -> str:
    """UTF-16 text without a mark shows as NULs on one side of each pair of bytes."""
    sample = raw[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if len(raw) % 2 == 0 and half and max(even, odd) >= 0.4 * half and min(even, odd) <= 0.05 * half:
        return "utf-16-le" if odd > even else "utf-16-be"
    raise EncodingError(where, "is binary, not text (it holds NUL bytes)")


def _refuse_binary(raw: bytes, where: str) -> None:
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in raw)
    if controls > _MAX_CONTROL_SHARE * len(raw):
        raise EncodingError(where, f"is binary, not text ({controls} control bytes)")


def _refuse_control_characters(text: str, where: str) -> None:
    controls = sum(ord(c) < 32 and ord(c) not in _TEXT_CONTROLS for c in text)
    if controls > max(8, _MAX_CONTROL_SHARE * len(text)):
        raise EncodingError(where, f"is binary, not text ({controls} control characters)")


def _refuse_mixed(raw: bytes, where: str) -> None:
    """Refuse a file that is UTF-8 in some places and something else in others.

    A single-byte reading would turn its valid UTF-8 into gibberish without an error. Three or
    more whole multi-byte sequences are next to impossible by chance in another encoding.
    """
    good, bad, first_bad = 0, 0, -1
    position = 0
    while position < len(raw):
        byte = raw[position]
        length = 1 if byte < 0x80 else 2 if 0xC2 <= byte < 0xE0 else 3 if 0xE0 <= byte < 0xF0 else 4
        if length > 1:
            try:
                raw[position : position + length].decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad, first_bad, length = bad + 1, position if bad == 0 else first_bad, 1
        position += length
    if good >= 3 and good >= bad:
        line = raw.count(b"\n", 0, first_bad) + 1
        raise EncodingError(
            where,
            f"mixes encodings: UTF-8 in most places, but not at byte {first_bad} (line {line}); "
            "convert it to UTF-8 as a whole",
        )


def _detect(raw: bytes, where: str) -> str:
    # Imported here: it loads slowly and almost no file needs it.
    from charset_normalizer import from_bytes

    best = from_bytes(raw).best()
    if best is None:
        raise EncodingError(where, "is in no encoding that can be told; convert it to UTF-8")
    return str(best.encoding)
