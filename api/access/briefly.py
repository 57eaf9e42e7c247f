"""What was looked up a moment ago, so that a busy caller does not cost a query each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LASTS_MS = 500
"""Half of the second within which what is revoked must be refused; other processes revoke too."""
_MOST = 10_000


class Briefly(Generic[T]):
    """A cache of found things; what was not found is never in it. Threads may share it."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._found: dict[str, tuple[int, T]] = {}

    def get(self, key: str) -> T | None:
        """Return what was put under `key` within the last half second."""
        found = self._found.get(key)
        # A clock that was set back makes everything old, and never anything young.
        if found is None or not 0 <= self._now() - found[0] < LASTS_MS:
            return None
        return found[1]

    def put(self, key: str, value: T, at_ms: int) -> None:
        """Keep a thing that was true at `at_ms`: the time before it was looked up, not after."""
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[key] = (at_ms, value)

    def drop(self, key: str) -> None:
        """Forget a thing at once."""
        self._found.pop(key, None)
