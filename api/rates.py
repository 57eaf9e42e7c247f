"""How often one client may ask: per address before anything is done, per key or person once that is known.

The limits are of this process. Where they are reached the answer is a 429 that says when to come again.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.login_guard import LoginGuard, shows_credentials
from api.access.principal import Principal
from api.addresses import counted_as
from api.errors import refusal

UNLIMITED = frozenset({"/healthz", "/readyz"})
"""What load balancers ask, often, and what must not fail because of it."""
MOST_CLIENTS = 20_000

_STANDINGS = "rate_standings"  # where the two limits leave in the scope what the headers say


class BoundedMemory(Storage, SlidingWindowCounterSupport):
    """Counts for so many clients at most; beyond them, the one longest unheard of is forgotten.

    The library's own memory has no bound, and walks over all it holds with every request.
    """

    STORAGE_SCHEME: ClassVar[list[str] | None] = ["bounded-memory"]  # type: ignore[misc]

    def __init__(self, most: int = MOST_CLIENTS, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._guard = threading.Lock()
        # A client → the number of its window, what came in the one before, what came in it.
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def base_exceptions(self) -> type[Exception]:
        """None of a memory's own."""
        return ValueError

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count a request, unless that makes more than the limit; the window before counts by what is left of it."""
        with self._guard:
            window, before, now, left = self._window(key, expiry)
            if math.floor(before * left + now) + amount > limit:
                return False
            self._counts[key] = (window, before, now + amount)
            self._counts.move_to_end(key)
            while len(self._counts) > self._most:
                self._counts.popitem(last=False)
            return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return what came in the window before and how long that counts, and the same of the present one."""
        with self._guard:
            _, before, now, left = self._window(key, expiry)
        return before, left * expiry if before else 0.0, now, (1 + left) * expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - as the library calls it
        """Forget a client."""
        self.clear(key)

    def _window(self, key: str, expiry: int) -> tuple[int, int, int, float]:
        place = self._clock() / expiry
        window = math.floor(place)
        stored, before, now = self._counts.get(key, (window, 0, 0))
        if stored == window - 1:
            before, now = now, 0
        elif stored != window:
            before, now = 0, 0
        return window, before, now, 1 - place % 1

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count in a window that begins when it is first counted in: not offered."""
        raise NotImplementedError("only sliding windows are counted here")

    def get(self, key: str) -> int:
        """Return what came in a client's newest window."""
        return self._counts.get(key, (0, 0, 0))[2]

    def get_expiry(self, key: str) -> float:
        """Return when a fixed window ends: not offered."""
        raise NotImplementedError("only sliding windows are counted here")

    def check(self) -> bool:
        """Tell whether this can be reached: always."""
        return True

    def reset(self) -> int:
        """Forget everybody; return how many they were."""
        with self._guard:
            count = len(self._counts)
            self._counts.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a client."""
        with self._guard:
            self._counts.pop(key, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a client stands with one limit: so many of `limit` requests in `window_s` are left."""

    policy: str
    limit: int
    window_s: int
    left: int
    reset_s: int  # until there is more, whole seconds, at least 1 where nothing is left
    allowed: bool = True


class Rate:
    """One limit for many clients. `policy` is its name in the headers, `rate` such as `300/minute`."""

    def __init__(self, policy: str, rate: str, memory: Storage | None = None) -> None:
        self._policy = policy
        self._item: RateLimitItem = parse(rate)
        self._limiter = SlidingWindowCounterRateLimiter(memory or BoundedMemory())

    def count(self, client: str) -> Standing:
        """Count a request of a client, and say where that leaves them; one too many is not counted."""
        allowed = self._limiter.hit(self._item, client)
        found = self._limiter.get_window_stats(self._item, client)
        reset_s = max(0, math.ceil(found.reset_time - time.time()))
        return Standing(
            policy=self._policy,
            limit=self._item.amount,
            window_s=self._item.get_expiry(),
            left=found.remaining if allowed else 0,
            reset_s=reset_s if allowed else max(1, reset_s),
            allowed=allowed,
        )


class AddressRates:
    """Limits requests by address, and after too many wrong credentials from one, further tries."""

    def __init__(self, app: ASGIApp, rate: Rate, logins: LoginGuard) -> None:
        self._app = app
        self._rate = rate
        self._logins = logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        client = counted_as(scope.get("client_address", ""))
        standing = self._rate.count(client)
        standings = scope[_STANDINGS] = [standing]
        tries = shows_credentials(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if (
                    message["status"] == 401
                    and tries
                    and not scope.get("state", {}).get("credentials_expired")
                ):
                    self._logins.failed(client)
                message["headers"] = [*message.get("headers", ()), *_headers(standings)]
            await send(message)

        if not standing.allowed:
            await _refused(scope, receive, answer, standing)
            return
        blocked_s = self._logins.blocked_for(client) if tries else 0.0
        if blocked_s > 0:
            detail = "Too many wrong credentials came from this address; wait before trying again."
            await _too_many(scope, receive, answer, "too_many_failures", detail, math.ceil(blocked_s))
            return
        await self._app(scope, receive, answer)


class KeyRates:
    """Limits requests by the key they are made with, or the person who makes them; stands behind the login."""

    def __init__(self, app: ASGIApp, rate: Rate) -> None:
        self._app = app
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        # Nobody in particular, as on public routes, is limited by address alone.
        if scope["type"] == "http" and principal is not None and scope["path"] not in UNLIMITED:
            standing = self._rate.count(_whom(principal))
            scope.setdefault(_STANDINGS, []).append(standing)
            if not standing.allowed:
                await _refused(scope, receive, send, standing)
                return
        await self._app(scope, receive, send)


def _whom(principal: Principal) -> str:
    """Return whom a request is counted for: a key by itself; a person whatever their token or session."""
    who = principal.subject
    if principal.kind == "key" and principal.credential is not None:
        who = principal.credential
    return f"{principal.kind} {who}"


async def _refused(scope: Scope, receive: Receive, send: Send, standing: Standing) -> None:
    window = "second" if standing.window_s == 1 else f"{standing.window_s} seconds"
    whose = "this address" if standing.policy == "address" else "this key or person"
    detail = f"More than {standing.limit} requests in {window} from {whose}; wait before asking again."
    await _too_many(scope, receive, send, "rate_limited", detail, standing.reset_s)


async def _too_many(
    scope: Scope, receive: Receive, send: Send, code: str, detail: str, retry_after_s: int
) -> None:
    request_id = str(scope.get("request_id", ""))
    response = refusal(scope["path"], 429, code, detail, request_id, retry_after_s=retry_after_s)
    await response(scope, receive, send)


def _headers(standings: list[Standing]) -> list[tuple[bytes, bytes]]:
    """Return `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, structured fields)."""
    policies = ", ".join(f'"{s.policy}";q={s.limit};w={s.window_s}' for s in standings)
    left = ", ".join(f'"{s.policy}";r={s.left};t={s.reset_s}' for s in standings)
    return [(b"ratelimit-policy", policies.encode("ascii")), (b"ratelimit", left.encode("ascii"))]
