"""Slows whoever tries credentials: after so many wrong ones from an address, further tries have to wait."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.types import Scope

MOST_FAILURES = 10
WINDOW_S = 60.0
MOST_ADDRESSES = 20_000

# Refusals that whoever finds out who asks leaves for the log under `refused`, and that are no guesses.
_NO_GUESSES = frozenset({"not_authenticated", "credential_expired", "login_over"})
# Routes at which a code is shown in the body or the address.
_EXCHANGES = frozenset({"/v1/embed-tokens/exchange", "/embed", "/login/callback"})


class LoginGuard:
    """Failures by address, of the last minute; thread-safe, and bounded in memory.

    Random keys cannot be guessed; this keeps a guesser from filling the log and the database's time. It
    is for one process, and is forgotten at a restart.
    """

    def __init__(
        self,
        *,
        failures: int = MOST_FAILURES,
        window_s: float = WINDOW_S,
        addresses: int = MOST_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._window_s = window_s
        self._addresses = addresses
        self._clock = clock
        self._guard = threading.Lock()
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Note that credentials from an address were wrong."""
        with self._guard:
            times = self._seen.setdefault(address, deque(maxlen=self._failures))
            times.append(self._clock())
            self._seen.move_to_end(address)
            while len(self._seen) > self._addresses:
                self._seen.popitem(last=False)

    def blocked_for(self, address: str) -> float:
        """Return the seconds for which an address may try no credentials; 0.0: it may."""
        with self._guard:
            times = self._seen.get(address)
            if times is None or len(times) < self._failures:
                return 0.0
            return max(0.0, times[0] + self._window_s - self._clock())


def shows_credentials(scope: Scope) -> bool:
    """Tell whether a request tries credentials, so that a 401 means that they were wrong.

    A session's cookie does not count: browsers send one that has ended with every request of a page, and a
    person would be kept from logging in anew.
    """
    return scope["path"] in _EXCHANGES or any(
        name.lower() == b"authorization" for name, _ in scope["headers"]
    )


def was_wrong(scope: Scope, status: int) -> bool:
    """Tell whether an answer says that credentials were wrong; those that were used, or whose time is over, were right once."""
    wrong = status in (400, 401, 403, 404) if scope["path"] in _EXCHANGES else status == 401
    return wrong and scope.get("log", {}).get("refused") not in _NO_GUESSES
