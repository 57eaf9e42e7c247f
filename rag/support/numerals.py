"""Numbers in digits and in words: the value that begins at a token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from rag.support.number_words import GLUED_SCALES, ONES_RU, ORDINAL_RU, ORDINALS, PARTS, SCALES, SMALL, VAGUE
from rag.support.text import Token, kind_at, low_at

_GROUPED = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?$|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?$|\d{1,3}(?:\.\d{3})+,\d+$"
)

Core = tuple[Fraction, str, int, bool, int]


def number_in_digits(tokens: Sequence[Token], at: int, *, english: bool) -> Core | None:
    if kind_at(tokens, at) != "number":
        return None
    text, end = tokens[at].text, at + 1
    if text.isdigit() and len(text) <= 3:
        while (
            kind_at(tokens, end) == "number"
            and re.fullmatch(r"\d{3}", tokens[end].text)
            and not tokens[end].glued
            and text != "0"
        ):
            text, end = text + tokens[end].text, end + 1
    value = _value(text, english=english)
    if value is None:
        return None
    if low_at(tokens, end) in ("/", "⁄") and kind_at(tokens, end + 1) == "number" and tokens[end].glued:
        below = _value(tokens[end + 1].text, english=english)
        if below and re.fullmatch(r"\d{1,3}", tokens[end + 1].text):
            return value / below, "part", 1, False, end + 2
    if end < len(tokens) and tokens[end].glued and tokens[end].low in ("st", "nd", "rd", "th"):
        return value, "ordinal", 1, False, end + 1
    if low_at(tokens, end) == "-" and low_at(tokens, end + 1) in ("й", "я", "е", "го", "м", "му", "ю", "х"):
        return value, "ordinal", 1, False, end + 2
    if ":" in text:
        half = low_at(tokens, end)
        return (
            value,
            f"clock {half}" if half in ("am", "pm") else "clock",
            1,
            False,
            end + (half in ("am", "pm")),
        )
    return value, "", 1, False, end


def _value(text: str, *, english: bool) -> Fraction | None:
    """Return the value of digits with separators; `None` for what is no number, such as 1.2.3."""
    if len(text) > 60:
        return None
    if ":" in text:
        parts = text.split(":")
        if not all(part.isdigit() for part in parts):
            return None
        return sum((Fraction(int(part), 60**n) for n, part in enumerate(parts)), Fraction(0))
    if _GROUPED.match(text) and (english or text.count(",") != 1 or "." in text):
        decimal = max(text.rfind(","), text.rfind("."))
        tail = text[decimal + 1 :]
        marks = {c for c in text if not c.isdigit()}
        if len(marks) == 2:
            whole = re.sub(r"\D", "", text[:decimal])
            return Fraction(f"{whole}.{tail}")
        return Fraction(re.sub(r"\D", "", text))
    if not english and re.fullmatch(r"\d{1,3}\.\d{3}", text):
        return Fraction(text.replace(".", ""))
    if re.fullmatch(r"\d+(?:[.,]\d+)?", text):
        return Fraction(text.replace(",", "."))
    return None


def number_in_words(tokens: Sequence[Token], at: int) -> Core | None:
    low = low_at(tokens, at)
    if low in VAGUE and low_at(tokens, at + 1) == "of" and low_at(tokens, at + 2) in VAGUE:
        return Fraction(VAGUE[low] * VAGUE[low_at(tokens, at + 2)]), "", 1, True, at + 3
    if low in VAGUE:
        return Fraction(VAGUE[low]), "", 1, True, at + 1
    if low in ("a", "an") and low_at(tokens, at + 1) in SCALES:
        return Fraction(1), "", 1, False, at + 1
    if low in ("a", "one") and low_at(tokens, at + 1) == "-":
        low = "one"
    if (
        low in ("a", "one")
        and low_at(tokens, at + 1) in ("third", "quarter", "fifth")
        and low_at(tokens, at + 2) == "of"
    ):
        return Fraction(1, PARTS[low_at(tokens, at + 1)]), "part", 1, False, at + 2
    if low == "half" and low_at(tokens, at + 1) in ("a", "an") and low_at(tokens, at + 2) in SCALES:
        return Fraction(1, 2), "", 1, False, at + 2
    if low == "half" and low_at(tokens, at + 1) not in ("-", "marathon", "time"):
        return Fraction(1, 2), "part", 1, False, at + 1
    if low in ("once", "twice", "thrice"):
        return Fraction(("once", "twice", "thrice").index(low) + 1), "times", 1, False, at + 1
    if low in ORDINALS:
        return Fraction(ORDINALS[low]), "ordinal", 1, False, at + 1
    if (match := ORDINAL_RU.match(low)) is not None:
        return Fraction(ONES_RU.index(match.group(1)) + 1), "ordinal", 1, False, at + 1
    if SCALES.get(low, 0) > 100 and kind_at(tokens, at) == "word":
        return Fraction(1), "", 1, False, at
    return _cardinal(tokens, at)


def _cardinal(tokens: Sequence[Token], at: int) -> Core | None:
    low = low_at(tokens, at)
    if low not in SMALL or (low == "one" and not _counts(tokens, at)):
        return None
    total, end = SMALL[low], at + 1
    while end < len(tokens):
        step = end + 1 if tokens[end].low in ("-", "and") else end
        after = low_at(tokens, step)
        if after in PARTS and after != "quarter" and (after.endswith("s") or tokens[end].low == "-"):
            return Fraction(total, PARTS[after]), "part", 1, False, step + 1
        if after == "quarters":
            return Fraction(total, 4), "part", 1, False, step + 1
        if after in ORDINALS and tokens[end].low == "-" and total >= 20 and 0 < ORDINALS[after] < 10:
            return Fraction(total + ORDINALS[after]), "ordinal", 1, False, step + 1
        if (
            step == end + 1
            and tokens[end].low == "and"
            and after == "a"
            and low_at(tokens, step + 1) == "half"
        ):
            return Fraction(2 * total + 1, 2), "", 1, False, step + 2
        size = SMALL.get(after, 0)
        if tokens[end].low == "and" and total % 100:
            break
        if (0 < size < 10 and total % 10 == 0 and total >= 20) or (
            10 <= size < 100 and total >= 100 and not total % 100
        ):
            total, end = total + size, step + 1
        elif after == "hundred" and step == end:
            total, end = total * 100, end + 1
        elif (
            after in ("thousand", "тысяч", "тысячи") and step == end and SMALL.get(low_at(tokens, end + 1), 0)
        ):
            rest = _cardinal(tokens, end + 1)
            if rest is None or rest[1]:
                break
            return total * 1000 + rest[0], "", 1, False, rest[4]
        else:
            break
    return Fraction(total), "", 1, False, end


def _counts(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether "one" is a number here, and no pronoun ("the one who", "one of", "no one")."""
    after = low_at(tokens, at + 1)
    if low_at(tokens, at - 1) in ("no", "the", "this", "that", "another", "any", "only"):
        return after in SCALES
    return kind_at(tokens, at + 1) == "word" and after not in (
        "of", "who", "that", "which", "another", "is", "was", "has", "and", "or", "to", "can", "may", "must", "in",
    )  # fmt: skip


def scale_at(tokens: Sequence[Token], at: int, money: bool) -> int | None:
    low = low_at(tokens, at)
    if low in SCALES and kind_at(tokens, at) == "word":
        return SCALES[low]
    if (
        low in GLUED_SCALES
        and tokens[at].glued
        and (money or low == "k")
        and kind_at(tokens, at - 1) == "number"
    ):
        return GLUED_SCALES[low]
    return None
