"""Ids of stored things, and times as they are stored and shown."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime

_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID = re.compile(r"(?:conv|turn|fb|ans|job)_[0-9A-HJKMNP-TV-Z]{26}")


def now_ms() -> int:
    """Return the time in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def new_id(kind: str, at_ms: int) -> str:
    """Return `kind`, an underscore and a ULID: 48 bits of milliseconds, then 80 random ones."""
    number = (at_ms << 80) | secrets.randbits(80)
    return f"{kind}_" + "".join(_BASE32[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str, kind: str) -> bool:
    """Tell whether a text has the form of an id of this kind; nothing else reaches the database."""
    return text.startswith(f"{kind}_") and _ID.fullmatch(text) is not None


def shown_time(at_ms: int) -> str:
    """Return a stored time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
