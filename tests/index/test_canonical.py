"""Bytes → canonical text: what is decoded how, what is refused, and that nothing else changes."""

from __future__ import annotations

import codecs
import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.canonical import canonical_text, decode
from index.errors import DocumentError, EncodingError
from index.types import sha256_text

RUSSIAN = "Министр заявил, что переговоры продолжатся в Москве после саммита. Экспорт меди вырос на 4 %."
FRENCH = "Le ministre a déclaré que l’été à Paris serait calme — « peut-être », a-t-il ajouté, naïf."
DIALOGUE = "“No…” — “Yes!” — “Why?” — ‘So.’ — “é.”"

# Letters whose composed forms differ, marks in orders that NFC changes, emoji with joiners, line ends.
awkward = st.text(
    alphabet=st.sampled_from(
        "aАйёИ\u0306e\u0301\u0323\u030aÅ\u212bﬁ가각\u1100\u1161\u11a8🙂👩\u200d🚀\ufe0f\ufeff"
        " \u00a0\t\r\n\x85\u2028।"
    )
    | st.characters(codec="utf-8", exclude_characters="\x00"),
    max_size=60,
)


@given(awkward)
@settings(deadline=None)
def test_canonical_text_is_nfc_without_carriage_returns_and_stays_so(text: str) -> None:
    once = canonical_text(text, "x")
    assert unicodedata.is_normalized("NFC", once)
    assert "\r" not in once
    assert canonical_text(once, "x") == once


@given(awkward)
@settings(deadline=None)
def test_nothing_but_marks_line_ends_and_composition_changes(text: str) -> None:
    expected = unicodedata.normalize("NFC", text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    assert canonical_text(text, "x") == expected


@given(awkward)
@settings(deadline=None)
def test_utf8_bytes_give_the_same_text_as_the_string(text: str) -> None:
    if sum(ord(c) < 32 and c not in "\t\n\x0b\x0c\r\x1a\x1b" for c in text) <= 8:
        assert decode(text.encode(), "x").text == canonical_text(text, "x")


def test_line_ends_by_hand() -> None:
    assert canonical_text("a\r\nb\rc\n\r\nd\r\r", "x") == "a\nb\nc\n\nd\n\n"


def test_nothing_is_stripped_or_repaired() -> None:
    text = "  \n\t“a”  ' \u00a0\u200b\x0c â€™ \n\n\n "
    assert canonical_text(text, "x") == text


def test_composition_by_hand() -> None:
    assert canonical_text("e\u0301 и\u0306 \u212b ﬁ", "x") == "é й Å ﬁ"  # NFC keeps the ligature


def test_two_marks_in_front_are_both_taken_off() -> None:
    assert canonical_text("\ufeff\ufeffa\ufeff", "x") == "a\ufeff"


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("text", ["plain words\n", RUSSIAN, "🙂 e\u0301\r\n"])
def test_a_byte_order_mark_decides(bom: bytes, encoding: str, text: str) -> None:
    found = decode(bom + text.encode(encoding), "x")
    assert (found.text, found.encoding) == (canonical_text(text, "x"), encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told_by_its_nuls(encoding: str) -> None:
    text = "The airline ordered 22 aircraft — worth over $8 billion.\r\n"
    found = decode(text.encode(encoding), "x")
    assert (found.text, found.encoding) == (text.replace("\r\n", "\n"), encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_cyrillic_utf16_without_a_mark_is_refused_rather_than_guessed(encoding: str) -> None:
    with pytest.raises(EncodingError, match="binary"):
        decode(RUSSIAN.encode(encoding), "x")


@pytest.mark.parametrize("text", [FRENCH, DIALOGUE])
def test_western_text_is_cp1252(text: str) -> None:
    found = decode(text.encode("cp1252"), "x")
    assert (found.text, found.encoding) == (text, "cp1252")


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "iso8859-5"])
def test_russian_single_byte_text_is_detected(encoding: str) -> None:
    text = RUSSIAN.replace(" %", " percent")
    assert decode(text.encode(encoding), "x").text == text


def test_mixed_encodings_are_refused_with_byte_and_line() -> None:
    raw = "Первая строка.\nВторая: ".encode() + "ещё".encode("cp1251") + "\nТретья строка.\n".encode()
    at = len("Первая строка.\nВторая: ".encode())
    with pytest.raises(EncodingError, match=rf"mixes encodings.* byte {at} \(line 2\)") as caught:
        decode(raw, "notes.txt")
    assert str(caught.value).startswith("notes.txt: ")
    assert caught.value.where == "notes.txt"


def test_binary_data_is_refused() -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8
    with pytest.raises(EncodingError, match="binary"):
        decode(png, "x")
    with pytest.raises(EncodingError, match="binary"):
        decode(bytes(range(1, 32)) * 50 + b"\xff\xfe\xfd", "x")


def test_one_nul_makes_a_file_binary() -> None:
    with pytest.raises(EncodingError, match="NUL"):
        decode(b"good text with one \x00 in it", "x")


def test_control_characters_in_utf8_are_named_as_such() -> None:
    # 3 in 993 characters are too many, though they are few of the bytes.
    raw = ("ж" * 990 + "\x01" * 3).encode() * 9
    with pytest.raises(EncodingError, match="27 control characters"):
        decode(raw, "x")


def test_text_controls_are_text() -> None:
    text = "page one\x0cpage two\x1a\x1b[0m\x0b\t\n" * 20
    assert decode(text.encode(), "x").text == text


@pytest.mark.parametrize(("bad", "name"), [("\x00", "NUL"), ("\ud800", "surrogate")])
def test_what_no_client_can_carry_is_refused_with_its_place(bad: str, name: str) -> None:
    with pytest.raises(DocumentError, match=f"{name}.* at character 4;"):
        canonical_text(f"abc\n{bad}d", "x")


def test_a_surrogate_written_as_utf8_is_no_utf8() -> None:
    with pytest.raises(EncodingError):
        decode("слово слово ".encode() + b"\xed\xa0\x80", "x")


def test_utf16_with_half_a_character_names_the_byte() -> None:
    with pytest.raises(EncodingError, match=r"byte 4 .*utf-16-le"):
        decode(codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"\x41", "x")


def test_empty_bytes_are_empty_text() -> None:
    assert decode(b"", "x").text == ""
    assert decode(codecs.BOM_UTF8, "x").text == ""


def test_the_hash_is_that_of_utf8() -> None:
    assert sha256_text("é🙂") == hashlib.sha256(b"\xc3\xa9\xf0\x9f\x99\x82").hexdigest()
