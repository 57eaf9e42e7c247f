"""An OpenAI-compatible server on loopback that does what a script says, request by request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Record = dict[str, Any]
Script = Callable[["Handler", Record], None]


class Handler(BaseHTTPRequestHandler):
    """One connection; `stopped` is set when the test is over, so that nothing that hangs outlives it."""

    protocol_version = "HTTP/1.1"
    owner: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.owner.lock:
            self.owner.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
            place = min(len(self.owner.requests), len(self.owner.scripts)) - 1
        try:
            self.owner.scripts[place](self, body)
        except (BrokenPipeError, ConnectionResetError):
            self.owner.cut.set()
            self.close_connection = True

    def start(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Send the head of a response whose end is the end of the connection."""
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def event(self, content: Record) -> None:
        self.wfile.write(f"data: {json.dumps(content)}\n\n".encode())
        self.wfile.flush()

    def say(self, text: str) -> None:
        self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})

    def end(self, reason: str = "stop") -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


class ModelServer:
    """Serves its scripts in order, the last one again and again; keeps what it was asked."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.requests: list[Record] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.cut = threading.Event()
        handler = type("ScriptedHandler", (Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def prompt_of(body: Record) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def number_of(body: Record, words: str) -> int:
    """The number under which a sentence that holds some words is offered."""
    for number, text in re.findall(r"^\[(\d+)\] (.*)$", prompt_of(body), re.MULTILINE):
        if words in text:
            return int(number)
    raise AssertionError(f"no source sentence holds {words!r}")


def answers(*said: tuple[str, str | Sequence[int]], pieces: int = 7) -> Script:
    """Write sentences, each with the numbers of the source sentence that holds some words, or with given ones."""

    def script(handler: Handler, body: Record) -> None:
        rows = [
            {"text": text, "ids": [number_of(body, where)] if isinstance(where, str) else list(where)}
            for text, where in said
        ]
        text = json.dumps({"sentences": rows}, ensure_ascii=False)
        handler.start()
        for at in range(0, len(text), pieces):
            handler.say(text[at : at + pieces])
        handler.end()

    return script


def says(text: str, *, pieces: int = 5, reason: str = "stop") -> Script:
    """Write any text."""

    def script(handler: Handler, body: Record) -> None:
        handler.start()
        for at in range(0, len(text), pieces):
            handler.say(text[at : at + pieces])
        handler.end(reason)

    return script


def whole(content: Record | str, kind: str = "application/json") -> Script:
    """Answer with one JSON document, not a stream."""

    def script(handler: Handler, body: Record) -> None:
        handler.start(kind=kind)
        handler.wfile.write((content if isinstance(content, str) else json.dumps(content)).encode())

    return script


def status(code: int, **headers: str) -> Script:
    """Refuse with a status, and say the prompt and the key back, as some servers do."""

    def script(handler: Handler, body: Record) -> None:
        handler.start(code, "application/json", **headers)
        told = {"message": f"{handler.headers['Authorization']} {prompt_of(body)}"}
        handler.wfile.write(json.dumps({"error": told}).encode())

    return script


def hangs(before: str | None = None, *, head: bool = True) -> Script:
    """Send nothing more, for as long as the test runs; `head=False`: not even the head of a response."""

    def script(handler: Handler, body: Record) -> None:
        if head:
            handler.start()
        if before is not None:
            handler.say(before)
        handler.owner.stopped.wait(30)
        handler.close_connection = True

    return script


def drips(handler: Handler, body: Record) -> None:
    """Send a comment again and again: no time-out between two bytes ever passes."""
    handler.start()
    while not handler.owner.stopped.wait(0.02):
        handler.wfile.write(b": still here\n\n")
        handler.wfile.flush()


def drips_head(handler: Handler, body: Record) -> None:
    """The same inside the head of the response."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while not handler.owner.stopped.wait(0.02):
        number += 1
        handler.wfile.write(f"X-{number}: y\r\n".encode())
        handler.wfile.flush()
    handler.close_connection = True


def breaks_off(*said: tuple[str, str]) -> Script:
    """Write some whole sentences and the beginning of another, and close the connection."""

    def script(handler: Handler, body: Record) -> None:
        rows = [{"text": text, "ids": [number_of(body, where)]} for text, where in said]
        handler.start()
        handler.say(json.dumps({"sentences": rows})[:-2] + ', {"text": "And then')

    return script


def floods(text: str) -> Script:
    """Say one thing without end."""

    def script(handler: Handler, body: Record) -> None:
        handler.start()
        while not handler.owner.stopped.is_set():
            handler.say(text)

    return script


def raw(data: bytes) -> Script:
    """Send these bytes as an event stream."""

    def script(handler: Handler, body: Record) -> None:
        handler.start()
        handler.wfile.write(data)

    return script
