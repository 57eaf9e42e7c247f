"""`verse serve` as a process: the socket, the log, the end."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.api.checker import check_record

QUESTION = "Why do Central Asian leaders zebra-canary meet Trump in Washington?"
POST = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
JSON = {"Content-Type": "application/json"}


@dataclass
class Server:
    """A server in a process of its own, and what it has said."""

    process: subprocess.Popen[str]
    port: int = 0
    lines: list[str] = field(default_factory=list)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read().decode(), {k.lower(): v for k, v in reply.getheaders()}
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        return self.request("GET", path)[:2]

    def ask(self, question: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"question": question, **fields}).encode()
        status, text, _ = self.request("POST", "/v1/ask", body, JSON)
        return status, json.loads(text)

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes as they are and return all that comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(sent)
            parts = []
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65_536):
                    parts.append(part)
            return b"".join(parts)

    def said(self, words: str, within_s: float = 5) -> str:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            for line in self.lines:
                if words in line:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the server never said {words!r}: {self.lines}")


@contextlib.contextmanager
def serving(state: Path, environment: dict[str, str], *arguments: str, **variables: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", *arguments],
        env={**environment, "VERSE_STATE_DIR": str(state), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    server = Server(process)
    assert process.stderr is not None

    # Line by line, so that what was said can be seen while it runs.
    def follow() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            server.lines.append(line.rstrip("\n"))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        started = server.said("serving on http://127.0.0.1:", within_s=30)
        server.port = int(started.split("serving on http://127.0.0.1:")[1].split('"')[0].split()[0])
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        thread.join(5)
        assert process.stdout is not None
        process.stdout.close()
        process.stderr.close()


@pytest.fixture(scope="module")
def server(seeds_state: Path, child_environment: dict[str, str]) -> Iterator[Server]:
    with serving(seeds_state, child_environment) as found:
        yield found


def test_over_the_socket_every_promise_holds(server: Server) -> None:
    for question in (QUESTION, "Какие соглашения подписал Казахстан? 🌊"):
        status, record = server.ask(question)
        assert status == 200
        check_record(server.get, record)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403),
        (b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET /d/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /static/../app.py HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (
            b"GET /v1/documents/"
            + b"a" * 20_000
            + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            404,
        ),
        (
            POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
            400,
        ),
        (
            POST + b"Content-Length: 999999\r\nConnection: close\r\n\r\n{",
            413,
        ),
        (
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a\x01b\r\nConnection: close\r\n\r\n",
            200,
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_raw_requests(server: Server, sent: bytes, status: int) -> None:
    reply = server.exchange(sent)
    assert reply.split(b" ")[1] == str(status).encode(), reply[:300]
    assert b"Traceback" not in reply
    assert server.get("/healthz")[0] == 200


def test_a_chunked_body_over_the_limit_is_refused_before_its_end(server: Server) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + chunk * 5)  # and no end
        reply = connection.recv(65_536)
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"x-content-type-options: nosniff" in reply
    assert server.get("/healthz")[0] == 200


def test_our_own_origin_is_taken_also_on_a_port_that_the_system_chose(server: Server) -> None:
    for origin, status in ((f"http://127.0.0.1:{server.port}", 200), ("http://127.0.0.1:1", 403)):
        assert server.request("GET", "/healthz", headers={"Origin": origin})[0] == status


def test_the_log_has_a_line_a_request_and_nobody_s_texts(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    with serving(seeds_state, child_environment) as server:
        status, record = server.ask(QUESTION, history=[{"role": "user", "content": "quagga-canary before"}])
        assert status == 200
        server.request("POST", "/v1/search", json.dumps({"query": "okapi-canary"}).encode(), JSON)
        server.request("POST", "/v1/ask", b'{"question": "x", "numbat-canary": 1}', JSON)
        server.request("POST", "/v1/ask", b'{"question": "tapir-canary', JSON)
        server.get("/v1/documents/gecko-canary")
        server.get("/d/002_07660cdc68c3866e.txt?quote=skink-canary")
        server.get("/nothing/egret-canary?stoat-canary=1")
        server.request("GET", "/v1/documents", headers={"X-Request-ID": "known-id"})
        server.request(
            "GET",
            "/v1/documents",
            headers={
                "X-Request-ID": "heron canary",
                "User-Agent": "lemur-canary",
                "Host": "evil-canary.example",
            },
        )
        server.get("/healthz")
        server.said("known-id")
        server.process.terminate()
        assert server.process.wait(20) == 0
        time.sleep(0.1)
        entries = [json.loads(line) for line in server.lines]
        text = "\n".join(server.lines)
    assert "canary" not in text.replace(str(seeds_state), "")
    asked = [e for e in entries if e["event"] == "request"]
    assert [(e["route"], e["status"]) for e in asked] == [
        ("/v1/ask", 200),
        ("/v1/search", 200),
        ("/v1/ask", 422),
        ("/v1/ask", 400),
        ("/v1/documents/{document_id:path}", 404),
        ("/d/{document_id:path}", 422),
        ("unmatched", 404),
        ("/v1/documents", 200),
        ("unmatched", 403),
    ]
    assert len({e["request_id"] for e in asked}) == len(asked)
    assert asked[0]["answer_id"] == record["id"]
    assert asked[0]["index_version"] == record["receipt"]["index_version"]
    assert {"total", "retrieve", "read", "verify"} <= set(asked[0]["timings_ms"])
    assert asked[7]["request_id"] == "known-id"
    quoted = [c["cited_text"] for c in record["citations"]] or [
        c["cited_text"] for c in record["abstention"]["closest"]
    ]
    assert quoted
    assert not any(part[:40] in text for part in quoted)
    for entry in entries:
        assert {"timestamp", "level"} <= set(entry)
    assert server.process.returncode == 0


def test_what_is_asked_when_the_end_comes_is_answered(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    with serving(seeds_state, child_environment) as server:
        assert server.ask("warm")[0] == 200
        head = POST + b"Content-Length: %d\r\n\r\n"
        body = json.dumps({"question": QUESTION}).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            # The request has begun when the signal comes, and its last byte comes after.
            connection.sendall(head % len(body) + body[:-1])
            time.sleep(0.3)
            started = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            server.said("Shutting down")
            connection.sendall(body[-1:])
            reply = b""
            while part := connection.recv(65_536):
                reply += part
        assert server.process.wait(10) == 0
        assert time.monotonic() - started < 8
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert json.loads(reply.split(b"\r\n\r\n", maxsplit=1)[1])["question"] == QUESTION


def test_an_interrupt_ends_it_as_well(seeds_state: Path, child_environment: dict[str, str]) -> None:
    with serving(seeds_state, child_environment, VERSE_LOG_FORMAT="console") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
        assert "Traceback" not in "\n".join(server.lines)


def _serve(
    environment: dict[str, str], *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_what_is_not_loopback_is_refused(child_environment: dict[str, str], host: str) -> None:
    done = _serve(child_environment, "--host", host)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no authentication" in done.stderr
    assert repr(host) in done.stderr


def test_a_port_in_use_is_said_at_once(child_environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _serve(child_environment, "--port", str(port), VERSE_STATE_DIR=str(tmp_path / "state"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(
        rf"verse: cannot listen on 127\.0\.0\.1:{port}: .*in use; choose another with --port\n", done.stderr
    )
    assert not (tmp_path / "state").exists(), "found before anything was done"


def test_a_state_folder_that_is_a_file_is_said_plainly(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("not a folder")
    done = _serve(child_environment, "--port", "0", VERSE_STATE_DIR=str(tmp_path / "state"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"verse: {tmp_path / 'state'} is no folder; set VERSE_STATE_DIR to one\n"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
