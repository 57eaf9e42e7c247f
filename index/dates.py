"""Dates as words, the way questions say them."""

from __future__ import annotations

from datetime import datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def date_words(published_at: str | None) -> str:
    """Return "November 6 2025 2025-11-06" for an ISO 8601 date; nothing for an unknown one."""
    if published_at is None:
        return ""
    moment = datetime.fromisoformat(published_at)
    return f"{_MONTHS[moment.month - 1]} {moment.day} {moment.year} {moment.date().isoformat()}"


def date_for_readers(published_at: str) -> str:
    """Return "6 November 2025" for an ISO 8601 date or date-time, as it was written, in no time zone."""
    moment = datetime.fromisoformat(published_at)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
