"""Dates as they are written, with the parts that are said: year, month, day, weekday, or "last week"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.support.date_words import (
    AFTER_MAY,
    BEFORE_A_YEAR,
    BEFORE_MAY,
    MONTHS,
    PERIOD,
    RELATION,
    RELATIVE,
    WEEKDAYS,
)
from rag.support.text import Token, low_at
from rag.support.units import CURRENCY_SIGNS, UNIT_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """What was said of a date; parts that were not said are `None` or "". `year` may be a decade's."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    relative: str = ""
    decade: bool = False

    @property
    def key(self) -> str:
        """Equal for dates that say the same."""
        parts = (self.year, self.month, self.day, self.weekday)
        return (
            "@" + ".".join("" if p is None else str(p) for p in parts) + self.relative + ("s" * self.decade)
        )

    def backed_by(self, other: Date) -> bool:
        """Tell whether every part that this date says is said by the other, with the same value."""
        return (
            self.year in (None, other.year)
            and self.decade == (other.decade if self.year is not None else self.decade)
            and self.month in (None, other.month)
            and self.day in (None, other.day)
            and self.weekday in (None, other.weekday)
            and self.relative in ("", other.relative)
        )


def dates_at(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    """Return the dates that begin at a token ("16-18 June" is two) and where they end."""
    return (
        _numeric(tokens, at)
        or _day_first(tokens, at)
        or _month_first(tokens, at)
        or _year(tokens, at)
        or _named(tokens, at)
    )


def _number(tokens: Sequence[Token], at: int, low: int, high: int) -> int | None:
    if 0 <= at < len(tokens) and tokens[at].kind == "number" and re.fullmatch(r"\d{1,4}", tokens[at].text):
        value = int(tokens[at].text)
        return value if low <= value <= high else None
    return None


def _numeric(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    if 0 <= at < len(tokens) and tokens[at].kind == "number":
        match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", tokens[at].text)
        if match is not None:
            return _checked(int(match[3]), int(match[2]), int(match[1]), at + 1)
    year, month, day = (_number(tokens, at + n, 1, 9999) for n in (0, 2, 4))
    if year is None or month is None or day is None or at + 4 >= len(tokens):
        return None
    marks = {tokens[at + 1].low, tokens[at + 3].low}
    if not all(token.glued for token in tokens[at + 1 : at + 5]):
        return None
    if marks == {"-"} and year > 999:
        return _checked(year, month, day, at + 5)
    if marks == {"/"} and day > 999:
        # 6/11/2025 is in June or in November: only what is certain is said.
        first, second, year = year, month, day
        if first > 12:
            return _checked(year, second, first, at + 5)
        if second > 12:
            return _checked(year, first, second, at + 5)
        return [Date(year=year, relative=f" {first}/{second}")], at + 5
    return None


def _checked(year: int, month: int, day: int, end: int) -> tuple[list[Date], int] | None:
    if 1 <= month <= 12 and 1 <= day <= 31:
        return [Date(year=year, month=month, day=day)], end
    return None


def _month(tokens: Sequence[Token], at: int) -> int | None:
    low = low_at(tokens, at)
    month = MONTHS.get(low)
    if month is None or tokens[at].kind != "word":
        return None
    if not low.isascii():
        return month
    numbered = _number(tokens, at + 1, 1, 2199) is not None or _number(tokens, at - 1, 1, 31) is not None
    numbered = numbered or low_at(tokens, at - 1) in ("st", "nd", "rd", "th")
    text = tokens[at].text
    if not text[0].isupper():
        return month if numbered and low not in ("may", "march") else None
    if low in ("may", "march"):
        # Where a sentence opens, the capital says nothing: "May I", "March on".
        opens = at == 0 or tokens[at - 1].low in ('"', ".", "!", "?", ":")
        return month if numbered or not opens or low_at(tokens, at + 1) in AFTER_MAY else None
    return (
        month
        if len(low) > 4 or low in ("june", "july") or numbered or low_at(tokens, at - 1) in BEFORE_MAY
        else None
    )


def _day(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """Return the day at a token and where it ends ("6", "6th")."""
    day = _number(tokens, at, 1, 31)
    if day is None:
        return None
    at += 1
    if low_at(tokens, at) in ("st", "nd", "rd", "th") and tokens[at].glued:
        at += 1
    return day, at


def _after(tokens: Sequence[Token], at: int) -> tuple[int | None, int]:
    """Return the year after a day and month, with its comma, and where it ends."""
    step = at + 1 if low_at(tokens, at) in (",", ".") else at
    year = _number(tokens, step, 1000, 2199)
    if year is None:
        return None, at
    step += 1
    if low_at(tokens, step) in ("года", "г", "год", "году"):
        step += 1
    return year, step


def _day_first(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    first = _day(tokens, at)
    if first is None:
        return None
    days, end = [first[0]], first[1]
    while low_at(tokens, end) in ("-", "and", "to", "и", ",") and (more := _day(tokens, end + 1)) is not None:
        days.append(more[0])
        end = more[1]
    if low_at(tokens, end) == "of":
        end += 1
    month = _month(tokens, end)
    if month is None:
        return None
    end += 1
    if low_at(tokens, end) == "." and _number(tokens, end + 1, 1000, 2199) is not None:
        end += 1
    year, end = _after(tokens, end)
    return [Date(year=year, month=month, day=day) for day in days], end


def _month_first(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    month = _month(tokens, at) if at < len(tokens) else None
    if month is None:
        return None
    end = at + 1
    if low_at(tokens, end) == "." and tokens[end].glued and _number(tokens, end + 1, 1, 2199) is not None:
        end += 1
    year, ended = _after(tokens, end)
    if year is not None:
        return [Date(year=year, month=month)], ended
    first = _day(tokens, end)
    if first is None or low_at(tokens, first[1]) in ("%", "percent", "million", "billion"):
        return [Date(month=month)], at + 1
    days, end = [first[0]], first[1]
    while low_at(tokens, end) in ("-", "and", "to") and (more := _day(tokens, end + 1)) is not None:
        days.append(more[0])
        end = more[1]
    year, end = _after(tokens, end)
    return [Date(year=year, month=month, day=day) for day in days], end


def _year(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    year = _number(tokens, at, 1100, 2199)
    if year is None or len(tokens[at].text) != 4:
        return None
    after, end = low_at(tokens, at + 1), at + 1
    if low_at(tokens, at - 1) in CURRENCY_SIGNS or (
        low_at(tokens, at - 1) in (".", "/") and tokens[at].glued
    ):
        return None
    if after == "s" and tokens[end].glued:
        return [Date(year=year, decade=True)], end + 1
    if after == "-" and low_at(tokens, end + 1) in ("е", "х"):
        return [Date(year=year, decade=True)], end + 2
    if after == "'" and low_at(tokens, end + 1) == "s":
        return [Date(year=year, decade=True)], end + 2
    # "1500 people", "2000 km": a count, unless the words before it are those of a date.
    unit = UNIT_OF.get(after) or after in ("%", "thousand", "million", "billion", "млн", "млрд", "тыс")
    plural = (
        after.endswith("s")
        and after not in ("was", "is", "has", "as", "its", "this")
        and tokens[end].kind == "word"
    )
    if unit or (plural and low_at(tokens, at - 1) not in BEFORE_A_YEAR):
        return None
    short = _number(tokens, end + 1, 0, 99)
    if after in ("-", "/") and short is not None and tokens[end + 1].glued and len(tokens[end + 1].text) == 2:
        return [Date(year=year), Date(year=year // 100 * 100 + short)], end + 2
    if after in ("год", "года", "году", "г", "годом"):
        end += 1
    return [Date(year=year)], end


def _named(tokens: Sequence[Token], at: int) -> tuple[list[Date], int] | None:
    low = low_at(tokens, at)
    if low in RELATION:
        after = low_at(tokens, at + 1)
        if after in PERIOD:
            return [Date(relative=f"{RELATION[low]} {PERIOD[after]}")], at + 2
        if after in WEEKDAYS and low in ("last", "next"):
            return [Date(weekday=WEEKDAYS[after], relative=RELATION[low])], at + 2
        month = _month(tokens, at + 1) if low in ("last", "next") and at + 1 < len(tokens) else None
        if month is not None:
            return [Date(month=month, relative=RELATION[low])], at + 2
    if low in WEEKDAYS:
        return [Date(weekday=WEEKDAYS[low])], at + 1
    if low in RELATIVE:
        return [Date(relative=RELATIVE[low])], at + 1
    return None
