"""Days that a text names."""

from __future__ import annotations

from datetime import date

import pytest

from index.dates import NamedDay, days_in


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on October 7, 2023", [(2023, 10, 7)]),
        ("on 7 October 2023 and October 7th, 2023", [(2023, 10, 7)]),
        ("the 1st of May", [(None, 5, 1)]),
        ("MAY 1", [(None, 5, 1)]),
        ("7 октября 2023", [(2023, 10, 7)]),
        ("at 2023-12-12T22:38:05+00:00, 2023-12-123", [(2023, 12, 12)]),
        ("on 2023-12-12, then 2023-12-11", [(2023, 12, 12), (2023, 12, 11)]),
        ("29 February", [(None, 2, 29)]),
        ("29 February 2023, February 30, 2023-13-45, 0 May, 32 May", []),
        ("in May 2023", []),  # a month: "20" is no day of it
        ("Mayor 7, 17 Maypoles", []),
        ("", []),
    ],
)
def test_days_in(text: str, days: list[tuple[int | None, int, int]]) -> None:
    assert [(day.year, day.month, day.day) for day in days_in(text)] == days


def test_a_day_without_a_year_may_be_of_any() -> None:
    assert NamedDay(year=None, month=2, day=29).matches(date(2024, 2, 29))
    assert NamedDay(year=2024, month=2, day=29).matches(date(2024, 2, 29))
    assert not NamedDay(year=2020, month=2, day=29).matches(date(2024, 2, 29))
    assert not NamedDay(year=None, month=2, day=28).matches(date(2024, 2, 29))
