"""Amounts: a value, its unit, and whether it was said to be about, over or under that.

"1,000", "1 000", "a thousand" and "1k" are one value; "$8bn" is "8 billion US dollars"; "third" is
"3rd". A percentage is no percentage point, and dollars are no euros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from rag.support.numerals import number_in_digits, number_in_words, scale_at
from rag.support.text import Token, kind_at, low_at
from rag.support.units import CURRENCY_SIGNS, MONEY, UNIT_OF, unit_at

_QUALIFIERS: tuple[tuple[str, str], ...] = (
    ("at least", "at least"), ("not less than", "at least"), ("no less than", "at least"), ("no fewer than", "at least"),
    ("not fewer than", "at least"), ("a minimum of", "at least"), ("minimum of", "at least"), ("не менее", "at least"),
    ("at most", "at most"), ("no more than", "at most"), ("not more than", "at most"), ("up to", "at most"),
    ("a maximum of", "at most"), ("maximum of", "at most"), ("не более", "at most"), ("as many as", "at most"),
    ("as much as", "at most"), ("more than", "over"), ("greater than", "over"), ("higher than", "over"),
    ("over", "over"), ("above", "over"), ("exceeding", "over"), ("upwards of", "over"), ("in excess of", "over"),
    ("more", "over"), ("свыше", "over"), ("более чем", "over"), ("более", "over"), ("больше", "over"),
    ("just over", "just over"), ("slightly more than", "just over"), ("just more than", "just over"), ("just less than", "nearly"), ("a little over", "just over"),
    ("less than", "under"), ("fewer than", "under"), ("lower than", "under"), ("under", "under"), ("below", "under"),
    ("менее чем", "under"), ("менее", "under"), ("меньше", "under"),
    ("nearly", "nearly"), ("almost", "nearly"), ("close to", "nearly"), ("just under", "nearly"), ("почти", "nearly"),
    ("about", "about"), ("around", "about"), ("approximately", "about"), ("roughly", "about"), ("circa", "about"),
    ("some", "about"), ("an estimated", "about"), ("estimated", "about"), ("около", "about"), ("примерно", "about"),
    ("приблизительно", "about"), ("порядка", "about"), ("~", "about"), ("≈", "about"),
    (">", "over"), ("<", "under"), ("≥", "at least"), ("≤", "at most"), ("exactly", ""), ("precisely", ""), ("ровно", ""),
)  # fmt: skip
_BY_FIRST: dict[str, list[tuple[list[str], str]]] = {}
for _phrase, _meaning in sorted(_QUALIFIERS, key=lambda pair: -len(pair[0].split())):
    if _phrase != "more":
        _BY_FIRST.setdefault(_phrase.split()[0], []).append((_phrase.split(), _meaning))


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number with what it counts in. `unit` is "" for a bare count, "ordinal" for a rank.

    `vague` amounts ("millions of") have the scale as their value. `scale` is the power that was
    said in a word, 1 where none was.
    """

    value: Fraction
    unit: str
    qualifier: str
    scale: int = 1
    vague: bool = False

    @property
    def key(self) -> str:
        """Value and unit in one word; equal for amounts that are the same."""
        return f"#{self.value}{'s' if self.vague else ''} {self.unit}".strip()


def amount_at(tokens: Sequence[Token], start: int, *, english: bool) -> tuple[Amount, int] | None:
    """Return the amount that begins at a token, its qualifier included, and where it ends."""
    qualifier, at = _qualifier(tokens, start)
    while (more := _qualifier(tokens, at))[1] > at:  # "over more than two": not the same as "over two"
        qualifier, at = f"{qualifier} {more[0]}".strip(), more[1]
    found = _bare_amount(tokens, at, english=english)
    if found is None:
        return None
    amount, end = found
    after = low_at(tokens, end), low_at(tokens, end + 1)
    if after in (("or", "more"), ("or", "higher"), ("и", "более"), ("или", "более"), ("and", "more")):
        qualifier, end = f"{qualifier} at least".strip(), end + 2
    elif after in (("or", "less"), ("or", "fewer"), ("или", "менее")):
        qualifier, end = f"{qualifier} at most".strip(), end + 2
    elif after[0] == "+" and tokens[end].glued and not amount.unit:
        qualifier, end = f"{qualifier} at least".strip(), end + 1
    if amount.unit == "ordinal" and qualifier:
        return None  # "above second", "about third": the word is not the amount's
    return replace(amount, qualifier=qualifier), end


def same_amount(one: Amount, other: Amount) -> bool:
    """Tell whether value and unit agree; a half is 50 %, nothing else is converted."""
    if one.vague != other.vague:
        return False
    if one.value == other.value and one.unit == other.unit:
        return True
    share = {one.unit, other.unit} == {"percent", "part"}
    return share and _as_share(one) == _as_share(other)


def _as_share(amount: Amount) -> Fraction:
    return amount.value / 100 if amount.unit == "percent" else amount.value


def shared_units(amounts: list[Amount], links: list[str]) -> list[Amount]:
    """Give the amounts of ranges and lists the unit that is said once: "10-15 km", "$10-15 million".

    `links[n]` is what stands between amounts n and n+1: "range", "list", or "" for anything else.
    """
    found = list(amounts)
    for n in range(len(found) - 2, -1, -1):
        one, other = found[n], found[n + 1]
        if not links[n] or "ordinal" in (one.unit, other.unit):
            continue
        if links[n] == "list" and (one.scale > 1 or other.unit in ("part", "times")):
            continue
        if not one.unit and other.unit and other.unit != "part":
            one = replace(one, unit=other.unit)
        if links[n] == "range" and one.scale == 1 < other.scale and one.value < 1000:
            one = replace(one, value=one.value * other.scale, scale=other.scale)
        found[n] = one
    for n in range(1, len(found)):
        if links[n - 1] == "range" and found[n - 1].unit in MONEY and not found[n].unit:
            found[n] = replace(found[n], unit=found[n - 1].unit)
    return found


def _qualifier(tokens: Sequence[Token], start: int) -> tuple[str, int]:
    for words, meaning in _BY_FIRST.get(low_at(tokens, start), ()):
        if all(low_at(tokens, start + n) == word for n, word in enumerate(words)):
            return meaning, start + len(words)
    return "", start


def _bare_amount(tokens: Sequence[Token], at: int, *, english: bool) -> tuple[Amount, int] | None:
    start, sign, prefix = at, 1, ""
    if low_at(tokens, at) in ("minus", "минус"):
        sign, at = -1, at + 1
    elif low_at(tokens, at) in ("-", "+") and kind_at(tokens, at + 1) == "number" and tokens[at + 1].glued:
        if tokens[at].glued and kind_at(tokens, at - 1) in ("number", "word", "code"):
            return None
        sign, at = (-1 if tokens[at].low == "-" else 1), at + 1
    prefix, at = _currency(tokens, at)
    if prefix and sign == 1 and low_at(tokens, at) == "-" and kind_at(tokens, at + 1) == "number":
        sign, at = -1, at + 1
    core = number_in_digits(tokens, at, english=english) or number_in_words(tokens, at)
    if core is None:
        return None
    value, unit, scale, vague, at = core
    while (size := scale_at(tokens, at, bool(prefix))) is not None:
        value, scale, at = value * size, scale * size, at + 1
    if not unit:
        unit, at = unit_at(tokens, at, digits=kind_at(tokens, start) != "word" or scale > 1)
        if prefix:
            unit = prefix
    return Amount(value=sign * value, unit=unit, qualifier="", scale=scale, vague=vague), at


def _currency(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    low = low_at(tokens, at)
    if (
        low in ("us", "a", "c", "hk", "nz", "s", "r")
        and low_at(tokens, at + 1) == "$"
        and tokens[at + 1].glued
    ):
        return ("$" if low == "us" else f"{low}$"), at + 2
    if low in CURRENCY_SIGNS and (kind_at(tokens, at + 1) == "number" or low_at(tokens, at + 1) == "-"):
        return UNIT_OF[low], at + 1
    return "", at
