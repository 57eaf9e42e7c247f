"""Requests that are too long, too slow or never end, over a real socket: answered or cut, and nobody else waits."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from api.guards import MAX_HEADER_BYTES, MAX_TARGET_BYTES
from api.patience import patient
from tests.api.service import SmallEngine, settings_for

PATIENCE_S = 0.4
HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODY = b'{"question": "Who built the bridge?"}'


@dataclass(frozen=True)
class Served:
    port: int

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes and return what comes until the server closes."""
        with self.open() as connection:
            connection.sendall(sent)
            return rest(connection)

    def healthy(self) -> bool:
        head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        return self.exchange(head).startswith(b"HTTP/1.1 200 ")


def rest(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@pytest.fixture(scope="module")
def served(small_state: Path) -> Iterator[Served]:
    """The service as `verse serve` runs it, with little patience."""
    settings = settings_for(small_state, receive_timeout_s=PATIENCE_S)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, engine=SmallEngine(small_state)),  # type: ignore[arg-type]
                log_config=None,
                access_log=False,
                timeout_keep_alive=1,
                http=patient(PATIENCE_S),
                h11_max_incomplete_event_size=2 * (MAX_HEADER_BYTES + MAX_TARGET_BYTES),
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server ended before it served"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        yield Served(bound.getsockname()[1])
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "a cut connection kept the server from its end"


# Slow


def test_a_head_that_does_not_end_is_cut(served: Served) -> None:
    with served.open() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        assert served.healthy(), "nobody else waits for it"
        reply = rest(connection)
    assert status(reply) == 408
    assert b"connection: close" in reply


def test_a_head_that_drips_is_cut_however_regularly(served: Served) -> None:
    with served.open() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: ")
        for _ in range(1000):
            connection.sendall(b"a")
            time.sleep(PATIENCE_S / 10)
        raise AssertionError("it was never cut")


def test_a_connection_on_which_nothing_comes_is_closed(served: Served) -> None:
    with served.open() as connection:
        assert rest(connection) == b""


def test_a_body_that_does_not_end_is_answered_and_cut(served: Served) -> None:
    for head in (b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
        with served.open() as connection:
            connection.sendall(b"POST /v1/ask HTTP/1.1\r\n" + HEAD + head)
            assert served.healthy()
            reply = rest(connection)
        assert status(reply) == 408
        assert b"application/problem+json" in reply
        assert b'"code": "request_timeout"' in reply
        assert b"x-content-type-options: nosniff" in reply


def test_a_body_that_drips_is_cut_however_regularly(served: Served) -> None:
    with served.open() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"POST /v1/ask HTTP/1.1\r\n" + HEAD + b"Content-Length: 2000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b" ")
            time.sleep(PATIENCE_S / 10)
        raise AssertionError("it was never cut")


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (
            b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\n",
            415,
        ),
        (b"POST /v1/ask HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 99\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n", 200),
    ],
)
def test_what_was_answered_early_is_not_waited_for(served: Served, sent: bytes, answer: int) -> None:
    with served.open() as connection:
        connection.sendall(sent + b"x")
        reply = rest(connection)
    assert status(reply) == answer


def test_a_client_in_its_own_time_is_served(served: Served) -> None:
    """Pauses between requests, heads in pieces and two requests at once are none of these."""
    with served.open() as connection:
        for piece in (b"GET /healthz HT", b"TP/1.1\r\nHost: 127", b".0.0.1\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(PATIENCE_S / 8)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        # Longer than the patience with a head, but within the time for keeping alive.
        time.sleep(PATIENCE_S * 1.5)
        post = b"POST /v1/ask HTTP/1.1\r\n" + HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
        connection.sendall(post + post.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost", 1))
        replies = rest(connection)
    assert replies.count(b"HTTP/1.1 200 ") == 2
    assert replies.count(b'"status":"answered"') == 2


def test_many_slow_clients_hold_nobody_up(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(served.open()) for _ in range(100)]
        for number, connection in enumerate(slow):
            if number % 2:
                connection.sendall(b"POST /v1/ask HTTP/1.1\r\n" + HEAD + b"Content-Length: 50\r\n\r\n{")
            else:
                connection.sendall(b"GET / HTTP/1.1\r\nHos")
        assert served.healthy()
        assert {status(rest(connection)) for connection in slow} == {408}
    assert served.healthy()


# Long


def test_heads_have_a_limit(served: Served) -> None:
    end = b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
    room = MAX_HEADER_BYTES - 200
    for long, answer in (
        (b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * room + b"\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * MAX_HEADER_BYTES + b"\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + b"X-A: b\r\n" * 2500, 431),
        (b"GET /healthz?" + b"a" * 32_000 + b" HTTP/1.1\r\n", 200),
        (b"GET /healthz?" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\n", 414),
        (b"GET /v1/documents/" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\n", 414),
        (b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * 300_000 + b"\r\n", 400),
    ):
        reply = served.exchange(long + end)
        if answer != 400 or reply:  # too much is cut before all of it was taken: a client may see a reset
            assert status(reply) == answer, long[:60]
        if answer in (414, 431):
            assert {414: b'"address_too_long"', 431: b'"headers_too_large"'}[answer] in reply
            assert b"x-content-type-options: nosniff" in reply
    assert served.healthy()


def test_a_body_of_many_parts_is_not_even_read(served: Served) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = part * 2000 + b"--x--\r\n"
    head = b"Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    for method in (b"POST", b"PATCH", b"PUT", b"DELETE"):
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        with served.open() as connection:
            connection.sendall(method + b" /v1/ask HTTP/1.1\r\n" + head + length)
            # Answered before a single part was sent.
            assert status(rest(connection)) == 415


@pytest.mark.parametrize(
    "ranges",
    [
        b"bytes=0-9",
        b"bytes=" + b",".join(b"%d-" % n for n in range(3000)),
        b"bytes=" + b",".join([b"0-"] * 3000),
        b"bytes=9-1",
        b"bytes=99999999-",
        b"bytes=-",
        b"lines=1",
        b"\xff",
    ],
)
def test_a_file_is_sent_whole_whatever_ranges_are_asked_for(served: Served, ranges: bytes) -> None:
    head = b"GET /static/viewer.css HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    whole = served.exchange(head + b"\r\n")
    reply = served.exchange(head + b"Range: " + ranges + b"\r\n\r\n")
    if len(ranges) > MAX_HEADER_BYTES:
        assert status(reply) == 431
        return
    assert status(reply) == 200
    assert b"accept-ranges: none" in reply
    assert reply.split(b"\r\n\r\n", 1)[1] == whole.split(b"\r\n\r\n", 1)[1] != b""
