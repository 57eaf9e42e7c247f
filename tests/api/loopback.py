"""An app behind a real server on a real socket, in a thread of the test's own process."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def posting(self, path: str, content: Any, accept: str = "*/*") -> Iterator[socket.socket]:
        """Send a POST and lend the socket on which the answer comes."""
        body = json.dumps(content).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
            f"Accept: {accept}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(head.encode() + body)
            yield connection

    def healthy(self) -> bool:
        """Ask for `/healthz`: once it has answered, the loop has seen all that came before."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return read_all(connection).startswith(b"HTTP/1.1 200")


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    """Return what comes up to and with some bytes."""
    found = b""
    while wanted not in found:
        part = connection.recv(65_536)
        assert part, f"the server closed after {found!r}"
        found += part
    return found


@contextlib.contextmanager
def listening(app: ASGIApp, *, stopping_s: int | None = None) -> Iterator[Listening]:
    """Serve an app on a free port of the loopback address; `stopping_s` is what requests get at the end."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            timeout_graceful_shutdown=stopping_s,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server ended before it served"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        try:
            yield Listening(bound.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the server did not end"
