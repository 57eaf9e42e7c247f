"""How often one may ask: counted by address and by key, told in headers, bounded in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.login_guard import LoginGuard
from api.access.principal import LOCAL, Principal
from api.addresses import client_address, counted_as
from api.app import create_app
from api.guards import Guards
from api.rates import AddressRates, BoundedMemory, KeyRates, Rate
from api.settings import Settings
from index.access import ANYBODY
from tests.api.service import Reply, SmallEngine, assert_problem, client_of, post, raw, settings_for

MINUTE = 60


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 1_000_020.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


# Counting


def test_a_window_slides() -> None:
    clock = Clock(60 * 1000)  # the first moment of a window
    memory = BoundedMemory(clock=clock)

    def taken(count: int) -> int:
        return sum(memory.acquire_sliding_window_entry("a", 10, MINUTE) for _ in range(count))

    assert taken(12) == 10
    assert memory.get_sliding_window("a", MINUTE) == (0, 0.0, 10, 120.0)
    clock.now += 59.9
    assert taken(1) == 0
    # A quarter into the next window, three quarters of the last one still count.
    clock.now = 60 * 1001 + 15
    assert taken(10) == 3
    assert memory.get_sliding_window("a", MINUTE) == (10, 45.0, 3, 105.0)
    # Two windows later nothing counts any more, though there were none in between.
    clock.now = 60 * 1003
    assert taken(12) == 10


def test_a_client_that_comes_back_after_long_or_from_the_future_starts_anew() -> None:
    clock = Clock()
    memory = BoundedMemory(clock=clock)
    for _ in range(3):
        assert memory.acquire_sliding_window_entry("a", 3, MINUTE)
    for jump in (10_000, -20_000):
        assert not memory.acquire_sliding_window_entry("a", 3, MINUTE)
        clock.now += jump
        assert [memory.acquire_sliding_window_entry("a", 3, MINUTE) for _ in range(4)] == [
            True,
            True,
            True,
            False,
        ]


def test_memory_is_bounded_and_forgets_whom_it_has_not_heard_of_longest() -> None:
    clock = Clock()
    memory = BoundedMemory(most=100, clock=clock)
    for number in range(5000):
        memory.acquire_sliding_window_entry(f"address-{number}", 10, MINUTE)
        memory.acquire_sliding_window_entry("busy", 10_000, MINUTE)
    assert len(memory) == 100
    assert memory.get("busy") == 5000
    assert memory.get("address-4999") == 1
    assert memory.get("address-1") == 0


def test_one_too_many_is_not_counted_and_an_unknown_client_is_not_kept() -> None:
    memory = BoundedMemory()
    rate = Rate("key", "2/hour", memory)
    assert [rate.count("a").allowed for _ in range(5)] == [True, True, False, False, False]
    assert memory.get_sliding_window("nobody", MINUTE)[0] == 0
    assert len(memory) == 1
    assert memory.reset() == 1
    assert rate.count("a").allowed


def test_a_standing_says_what_is_left_and_when_there_is_more() -> None:
    rate = Rate("key", "3/hour")
    found = [rate.count("a") for _ in range(5)]
    assert [s.left for s in found] == [2, 1, 0, 0, 0]
    assert [s.allowed for s in found] == [True, True, True, False, False]
    until_the_next_hour = 3600 - time.time() % 3600
    assert all(abs(s.reset_s - until_the_next_hour) <= 2 for s in found)
    assert rate.count("b").left == 2


# Addresses


def scope_of(peer: str | None, *forwarded: str) -> Scope:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": None if peer is None else (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, ("6.6.6.6",), "10.0.0.1"),
        (1, (), "10.0.0.1"),
        (1, ("203.0.113.7",), "203.0.113.7"),
        (1, ("6.6.6.6, 203.0.113.7",), "203.0.113.7"),
        (1, ("6.6.6.6", "203.0.113.7"), "203.0.113.7"),
        (1, ("6.6.6.6, 203.0.113.7:4711",), "203.0.113.7"),
        (1, ("[2001:db8::1]:4711",), "2001:db8::1"),
        (1, ("2001:db8::1",), "2001:db8::1"),
        (1, ("6.6.6.6, unknown",), "10.0.0.1"),
        (1, ("6.6.6.6,",), "10.0.0.1"),
        (1, ("",), "10.0.0.1"),
        (1, ("a" * 10_000,), "10.0.0.1"),
        (1, ("\xff\x00",), "10.0.0.1"),
        (2, ("203.0.113.7, 10.0.0.2",), "203.0.113.7"),
        (2, ("6.6.6.6, 203.0.113.7, 10.0.0.2",), "203.0.113.7"),
        # It came past one of the two: what it says of itself is not believed.
        (2, ("6.6.6.6",), "10.0.0.1"),
    ],
)
def test_a_client_s_address_is_what_the_trusted_proxies_say(
    hops: int, forwarded: tuple[str, ...], address: str
) -> None:
    assert client_address(scope_of("10.0.0.1", *forwarded), hops) == address


def test_a_connection_without_an_address_has_none() -> None:
    assert client_address(scope_of(None), 0) == ""
    assert client_address(scope_of(None, "203.0.113.7"), 1) == "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, counted: str) -> None:
    assert counted_as(address) == counted


# The two limits around an app

WRONG = [("authorization", "Bearer wrong")]


class Login:
    """Lets in by the key `good`, and by none; anything else is a 401, as the service's own login answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self.seen += 1
        shown = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        if shown.startswith("expired"):
            scope.setdefault("log", {})["refused"] = "credential_expired"
        if shown and not shown.startswith("good"):
            await JSONResponse({"code": "unauthorized"}, status_code=401)(scope, receive, send)
            return
        if shown:
            scope["state"]["principal"] = principal(shown)
        await self._app(scope, receive, send)


def principal(key: str, kind: Any = "key", subject: str = "service") -> Principal:
    return Principal(kind=kind, subject=subject, scopes=frozenset(), viewer=ANYBODY, credential=key)


async def _fine(_request: Request) -> Response:
    return JSONResponse({})


@contextmanager
def limited(
    *, key: str = "1000/minute", address: str = "1000/minute", proxies: int = 0, clock: Clock | None = None
) -> Iterator[tuple[TestClient, Login]]:
    inner = Starlette(
        routes=[Route(path, _fine, methods=["GET", "POST"]) for path in ("/x", "/healthz", "/v1/models")]
    )
    login = Login(KeyRates(inner, Rate("key", key)))
    guard = LoginGuard(clock=clock or time.monotonic)
    app = Guards(
        AddressRates(login, Rate("address", address), guard),
        hosts=["127.0.0.1"],
        origins=[],
        max_body_bytes=1024,
        trusted_proxies=proxies,
    )
    with client_of(app) as client:
        yield client, login


def bearer(key: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {key}")]


def test_the_headers_say_what_is_left_of_each_limit() -> None:
    with limited(key="5/hour", address="20/day") as (client, _):
        first = raw(client, "GET", "/x", headers=bearer("good"))
        second = raw(client, "GET", "/x", headers=bearer("good-other"))
        nobody = raw(client, "GET", "/x")
    assert first["ratelimit-policy"] == '"address";q=20;w=86400, "key";q=5;w=3600'
    left = _left(first)
    assert (left["address"][0], left["key"][0]) == (19, 4)
    assert 0 < left["key"][1] <= 3600
    assert {name: r for name, (r, _) in _left(second).items()} == {"address": 18, "key": 4}
    assert nobody["ratelimit-policy"] == '"address";q=20;w=86400'
    assert first.all("retry-after") == []


def _left(reply: Reply) -> dict[str, tuple[int, int]]:
    found = {}
    for item in reply["ratelimit"].split(", "):
        name, left, reset = item.split(";")
        found[name.strip('"')] = (int(left.removeprefix("r=")), int(reset.removeprefix("t=")))
    return found


@pytest.mark.parametrize("path", ["/x", "/v1/models"])
def test_one_too_many_of_an_address_is_refused_before_any_work(path: str) -> None:
    with limited(address="3/hour") as (client, login):
        assert [raw(client, "GET", path).status for _ in range(3)] == [200] * 3
        reply = raw(client, "GET", path)
        assert login.seen == 3
        assert raw(client, "GET", "/healthz").status == 200
        # The body of what is refused is not even read.
        unread = raw(client, "POST", path, headers=[("content-type", "application/json")], body=[b"{", b"}"])
    for refused in (reply, unread):
        assert refused.status == 429
        assert 1 <= int(refused["retry-after"]) <= 3600
        assert _left(refused)["address"] == (0, int(refused["retry-after"]))
    if path == "/x":
        content = assert_problem(reply, 429, "rate_limited")
        assert (
            content["detail"]
            == "More than 3 requests in 3600 seconds from this address; wait before asking again."
        )
    else:
        error = reply.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limited")


def test_a_key_s_limit_is_its_own() -> None:
    with limited(key="2/hour") as (client, _):
        used = [raw(client, "GET", "/x", headers=bearer("good-a")).status for _ in range(3)]
        other = raw(client, "GET", "/x", headers=bearer("good-b"))
        assert used == [200, 200, 429]
        assert other.status == 200
        reply = raw(client, "GET", "/x", headers=bearer("good-a"))
        assert "this key or person" in assert_problem(reply, 429, "rate_limited")["detail"]
        assert _left(reply)["key"][0] == 0
        assert _left(reply)["address"][0] > 0


def _counted(kind: Any, *credentials: str, subject: str = "anna") -> list[int]:
    """Return the statuses of one request with each credential, at one request an hour."""

    class As:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                shown = dict(scope["headers"])[b"authorization"].decode()
                scope["state"]["principal"] = principal(shown, kind, subject)
            await self._app(scope, receive, send)

    app = As(KeyRates(Starlette(routes=[Route("/x", _fine)]), Rate("key", "1/day")))
    with client_of(app) as client:
        return [raw(client, "GET", "/x", headers=[("authorization", c)]).status for c in credentials]


def test_a_key_counts_by_itself_and_a_person_by_who_they_are() -> None:
    assert _counted("key", "key_1", "key_2", "key_1") == [200, 200, 429]
    # A new token is not a new person: embed tokens are renewed every few minutes.
    for kind in ("embed", "bearer", "session"):
        assert _counted(kind, "token_1", "token_2") == [200, 429]
    assert _counted("local", "", "", subject=LOCAL.subject) == [200, 429]


def test_behind_a_proxy_the_client_is_whom_the_proxy_saw() -> None:
    def ask(client: TestClient, forwarded: str) -> int:
        return raw(client, "GET", "/x", headers=[("x-forwarded-for", forwarded)]).status

    with limited(address="1/day", proxies=1) as (client, _):
        assert ask(client, "203.0.113.1") == 200
        assert ask(client, "203.0.113.2") == 200
        # What a client writes into the header itself stands further left, and changes nothing.
        assert ask(client, "198.51.100.9, 203.0.113.1") == 429
    with limited(address="1/day") as (client, _):
        assert ask(client, "203.0.113.1") == 200
        assert ask(client, "203.0.113.2") == 429


# Wrong credentials


def test_after_ten_wrong_credentials_an_address_has_to_wait() -> None:
    clock = Clock()
    with limited(clock=clock) as (client, login):
        for number in range(10):
            assert raw(client, "GET", "/x", headers=bearer(f"wrong-{number}")).status == 401
            clock.now += 1
        seen = login.seen
        # The right one has to wait as well: else it would tell which one it is.
        for key in ("wrong", "good"):
            reply = raw(client, "GET", "/x", headers=bearer(key))
            assert_problem(reply, 429, "too_many_failures")
            assert reply["retry-after"] == "50"
        assert login.seen == seen, "no credentials were looked at"
        assert raw(client, "GET", "/x").status == 200, "who shows none is not trying any"
        clock.now += 50.5
        assert raw(client, "GET", "/x", headers=bearer("good")).status == 200
        # One place is free, not ten.
        assert raw(client, "GET", "/x", headers=bearer("wrong")).status == 401
        assert raw(client, "GET", "/x", headers=bearer("good")).status == 429


def test_credentials_that_have_only_ended_are_no_guesses() -> None:
    with limited() as (client, _):
        statuses = {raw(client, "GET", "/x", headers=bearer(f"expired-{n}")).status for n in range(30)}
        assert statuses == {401}
        assert raw(client, "GET", "/x", headers=bearer("good")).status == 200


def test_another_address_does_not_wait() -> None:
    guard = LoginGuard(clock=(clock := Clock()))
    for _ in range(9):
        guard.failed("a")
    assert guard.blocked_for("a") == 0.0
    guard.failed("a")
    assert guard.blocked_for("a") == 60.0
    assert guard.blocked_for("b") == 0.0
    clock.now += 59
    assert guard.blocked_for("a") == 1.0
    clock.now += 1
    assert guard.blocked_for("a") == 0.0
    # Slow enough is allowed for ever.
    for _ in range(100):
        clock.now += 6.1
        assert guard.blocked_for("a") == 0.0
        guard.failed("a")


def test_failures_are_remembered_of_so_many_addresses() -> None:
    guard = LoginGuard(addresses=50, clock=Clock())
    for _ in range(10):
        guard.failed("busy")
    for number in range(49):
        guard.failed(str(number))
    assert guard.blocked_for("busy") == 60.0
    guard.failed("one more")
    assert guard.blocked_for("busy") == 0.0


# In the service


@pytest.fixture
def serving(small_state: Path) -> Iterator[Callable[..., TestClient]]:
    opened: list[Any] = []

    def serve(**values: Any) -> TestClient:
        app = create_app(settings_for(small_state, **values), engine=SmallEngine(small_state))  # type: ignore[arg-type]
        context = client_of(app)
        opened.append(context)
        return context.__enter__()

    yield serve
    for context in opened:
        context.__exit__(None, None, None)


def test_the_service_limits_as_configured(serving: Callable[..., TestClient]) -> None:
    client = serving(rate_per_address="4/day")
    statuses = [post(client, "/v1/ask", {"question": "bridge"}).status for _ in range(5)]
    assert statuses == [200] * 4 + [429]
    assert raw(client, "GET", "/healthz").status == 200
    assert raw(client, "GET", "/readyz").status == 200
    reply = post(client, "/v1/chat/completions", {})
    assert (reply.status, reply.json()["error"]["type"]) == (429, "rate_limit_error")
    assert raw(client, "GET", "/").status == 429


def test_without_keys_the_limits_are_out_of_the_way(serving: Callable[..., TestClient]) -> None:
    reply = raw(serving(), "GET", "/v1/documents")
    assert '"address";q=60000;w=60' in reply["ratelimit-policy"]


@pytest.mark.parametrize(
    "value", ["", "fast", "0/minute", "-1/minute", "10", "10/fortnight", "1/second,2/minute"]
)
def test_a_limit_that_is_none_is_refused_at_the_start(value: str) -> None:
    for name in ("rate_per_key", "rate_per_address"):
        with pytest.raises(ValidationError, match=r"such as 300/minute or 20/second"):
            Settings(**{name: value})


def test_limits_are_stricter_where_credentials_are_needed() -> None:
    assert Settings(auth="required").rates == ("600/minute", "1200/minute")
    assert Settings(auth="none").rates == ("60000/minute", "60000/minute")
    assert Settings(auth="required", rate_per_key="7/second").rates == ("7/second", "1200/minute")
