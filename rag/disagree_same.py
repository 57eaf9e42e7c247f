"""Which values may both be true of one thing.

Two values are the same when one may be the other rounded, said less precisely, or said as a bound.
What cannot be compared (kilometres and miles, 2015 and 6 November) is no difference either: only
what cannot both be true is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rag.disagree_values import Value, is_title, key_of
from rag.support.amounts import Amount
from rag.support.dates import Date
from rag.support.names import same_name
from rag.support.sentence import Item

# A number that is said in round figures may stand for one this much away.
_ROUNDED_SCALE = Fraction(1, 10)
_ROUNDED_DIGITS = Fraction(1, 20)
_MAX_DECIMALS = 6


def comparable(one: Value, other: Value) -> bool:
    """Tell whether two values are of one kind and, for amounts, of one unit or count one thing.

    Dates need a part in common: 2015 and 6 November say nothing of each other.
    """
    if one.kind != other.kind:
        return False
    if one.kind == "date":
        return any(_share_a_part(a, b) for a in one.items for b in other.items)
    if one.amount is None or other.amount is None:
        return True
    units = {one.amount.unit, other.amount.unit}
    if units == {"percent", "part"}:
        return True
    if len(units) > 1:
        return False
    if one.amount.unit == "":
        return bool(one.nouns & other.nouns)
    return not (one.substances and other.substances) or bool(one.substances & other.substances)


def _share_a_part(one: Item, other: Item) -> bool:
    ours, theirs = one.date, other.date
    if ours is None or theirs is None:
        return False
    parts = ((ours.year, theirs.year), (ours.month, theirs.month), (ours.day, theirs.day))
    return any(a is not None and b is not None for a, b in parts)


def may_be_same(one: Value, other: Value) -> bool:
    """Tell whether two comparable values may both be true of one thing."""
    if one.kind == "amount":
        assert one.amount is not None
        assert other.amount is not None
        return _same_amount(one.amount, other.amount)
    if one.kind == "date":
        return _same_dates(one.items, other.items)
    return same_names(one.items, other.items)


def _same_amount(one: Amount, other: Amount) -> bool:
    first, second = _as_share(one), _as_share(other)
    (low, high), (below, above) = _interval(first), _interval(second)
    return low <= second.value <= high or below <= first.value <= above


def _as_share(amount: Amount) -> Amount:
    if amount.unit != "part":
        return amount
    # "Half" and "a third" are said loosely.
    return Amount(value=amount.value * 100, unit="percent", qualifier=f"{amount.qualifier} about")


def _interval(amount: Amount) -> tuple[Fraction, Fraction]:
    """Return the values for which an amount may stand."""
    value, half = amount.value, _half_a_digit(amount)
    low, high = value - half, value + half
    said = amount.qualifier
    size = abs(value)
    if "at most" in said:
        low = min(low, Fraction(0))
    if "under" in said:
        low = min(low, value - size / 2)
    if "nearly" in said or "about" in said:
        low = min(low, value - size / 10)
    if "over" in said or "at least" in said:
        high = max(high, value + size / (10 if "just" in said else 4))
    if "about" in said:
        high = max(high, value + size / 10)
    return low, high


def _half_a_digit(amount: Amount) -> Fraction:
    """Return half of the last digit that was said: what rounding may have taken or given."""
    value, size = amount.value / amount.scale, abs(amount.value)
    decimals = next((d for d in range(_MAX_DECIMALS) if (value * 10**d).denominator == 1), _MAX_DECIMALS)
    if amount.scale > 1 or decimals or amount.unit != "":
        half = Fraction(amount.scale, 2 * 10**decimals)
        return min(half, size * _ROUNDED_SCALE)
    zeros = len(str(size.numerator)) - len(str(size.numerator).rstrip("0")) if size else 0
    return min(Fraction(10**zeros, 2), size * _ROUNDED_DIGITS) if zeros >= 2 else Fraction(0)


def _same_dates(one: Sequence[Item], other: Sequence[Item]) -> bool:
    ours = [item.date for item in one if item.date is not None]
    theirs = [item.date for item in other if item.date is not None]
    if any(_same_date(a, b) for a in ours for b in theirs):
        return True
    return any(_inside(a, theirs) for a in ours) or any(_inside(b, ours) for b in theirs)


def _same_date(one: Date, other: Date) -> bool:
    """Tell whether no part that both say differs; a weekday or "last week" alone compares with nothing."""
    if one.year is not None and other.year is not None:
        years = (one.year // 10, other.year // 10) if one.decade or other.decade else (one.year, other.year)
        if years[0] != years[1]:
            return False
    parts = ((one.month, other.month), (one.day, other.day))
    return all(a is None or b is None or a == b for a, b in parts)


def _inside(date: Date, ends: Sequence[Date]) -> bool:
    """Tell whether a date lies between the two ends of a range."""
    if len(ends) < 2:
        return False
    first, last, here = _position(ends[0]), _position(ends[-1]), _position(date)
    return bool(first and last and here and len(first) == len(last) == len(here) and first <= here <= last)


def _position(date: Date) -> tuple[int, ...]:
    parts = [part for part in (date.month, date.day) if part is not None]
    return tuple(parts) if parts else (() if date.year is None else (date.year,))


def same_names(one: Sequence[Item], other: Sequence[Item]) -> bool:
    """Tell whether two names may be one: the same surname, or one within the other."""
    ours = [item for item in one if not is_title(item)]
    theirs = [item for item in other if not is_title(item)]
    if not ours or not theirs:
        return True
    if len(ours) > 1 and len(theirs) > 1:
        return _alike(ours[-1], theirs[-1])
    return any(_alike(a, b) for a in ours for b in theirs)


def _alike(one: Item, other: Item) -> bool:
    return key_of(one) == key_of(other) or same_name(one.low, other.low) or _initials(one, other)


def _initials(one: Item, other: Item) -> bool:
    short, long = sorted((one.said, other.said), key=len)
    return short.isupper() and len(short) <= 5 and long[:1] == short[:1]
