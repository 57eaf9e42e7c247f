"""Dates as words, the way questions say them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHS_RU = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip


def date_words(published_at: str | None) -> str:
    """Return "November 6 2025 2025-11-06" for an ISO 8601 date; nothing for an unknown one."""
    if published_at is None:
        return ""
    moment = datetime.fromisoformat(published_at)
    return f"{_MONTHS[moment.month - 1]} {moment.day} {moment.year} {moment.date().isoformat()}"


def date_for_readers(published_at: str, language: str = "en") -> str:
    """Return "6 November 2025" for an ISO 8601 date or date-time, as it was written, in no time zone.

    In Russian for "ru", in English for every other language.
    """
    moment = datetime.fromisoformat(published_at)
    months = _MONTHS_RU if language == "ru" else _MONTHS
    return f"{moment.day} {months[moment.month - 1]} {moment.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDay:
    """A day as somebody named it; `None` where no year was given."""

    year: int | None
    month: int
    day: int

    def matches(self, other: date) -> bool:
        """Tell whether a date is, or may be, this day."""
        return (self.month, self.day) == (other.month, other.day) and self.year in (None, other.year)


_NUMBER_OF_MONTH = {
    name.casefold(): number for months in (_MONTHS, _MONTHS_RU) for number, name in enumerate(months, start=1)
}
_NAME_OF_MONTH = "|".join(sorted(_NUMBER_OF_MONTH, key=len, reverse=True))
_DAY = re.compile(
    r"\b(?P<y1>\d{4})-(?P<m1>\d{2})-(?P<d1>\d{2})(?!\d)|"
    rf"\b(?P<m2>{_NAME_OF_MONTH})\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}})\b)?|"
    rf"\b(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m3>{_NAME_OF_MONTH})\b(?:,?\s+(?P<y3>\d{{4}})\b)?",
    re.IGNORECASE,
)


def days_in(text: str) -> tuple[NamedDay, ...]:
    """Return the days that a text names, in English, in Russian or as ISO 8601, each once, in order."""
    found: dict[NamedDay, None] = {}
    for match in _DAY.finditer(text):
        form = next(number for number in "123" if match[f"d{number}"])
        year, month, day = match[f"y{form}"], match[f"m{form}"], int(match[f"d{form}"])
        number = int(month) if month.isdigit() else _NUMBER_OF_MONTH[month.casefold()]
        try:
            date(int(year) if year else 2024, number, day)  # 2024 has a 29 February
        except ValueError:
            continue  # "2023-13-45" and "February 30" are no days
        found[NamedDay(year=int(year) if year else None, month=number, day=day)] = None
    return tuple(found)
