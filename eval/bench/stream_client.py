"""Clients of the streaming routes: many at once in one thread, each stream read to its last event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_LINE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What came of one request. Times are seconds from the first byte of the connection.

    `whole` is true where the stream ended as one should: with the answer, or with `[DONE]`.
    `own_ms` is what the server says that its answer took.
    """

    status: int
    retry_after: str | None
    whole: bool
    first_event_s: float | None
    first_text_s: float | None
    total_s: float
    own_ms: float | None


async def exchange(port: int, route: str, question: Mapping[str, Any]) -> Exchange:
    """Ask on a connection of its own; `route` is `native` or `chat`.

    Raises:
        OSError: there was no connection, or it broke before a status came.
    """
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LONGEST_LINE)
    try:
        writer.write(_request(port, route, question))
        await writer.drain()
        status_line = await reader.readline()
        if not status_line:
            raise ConnectionResetError("the server closed without a word")
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(status_line.split()[1])
        found = _Stream(started, route)
        try:
            while raw := await reader.readline():
                found.line(raw.decode())
        except ConnectionError:
            pass  # a stream that breaks off is one that did not end: `whole` says so
        return Exchange(
            status=status,
            retry_after=headers.get("retry-after"),
            whole=status == 200 and found.whole,
            first_event_s=found.first_event_s,
            first_text_s=found.first_text_s,
            total_s=time.perf_counter() - started,
            own_ms=found.own_ms,
        )
    finally:
        writer.close()


class _Stream:
    """What is seen of a stream, line by line; lines of chunked transfer between them are passed over."""

    def __init__(self, started: float, route: str) -> None:
        self._started = started
        self._route = route
        self._event = ""
        self.whole = False
        self.first_event_s: float | None = None
        self.first_text_s: float | None = None
        self.own_ms: float | None = None

    def line(self, line: str) -> None:
        name, _, value = line.rstrip("\r\n").partition(":")
        if name == "event":
            self._event = value.strip()
        elif name == "data":
            now = time.perf_counter() - self._started
            self.first_event_s = self.first_event_s or now
            if self._route == "native":
                self._native(value.strip(), now)
            else:
                self._chat(value.strip(), now)

    def _native(self, data: str, now: float) -> None:
        if self._event == "delta":
            self.first_text_s = self.first_text_s or now
        elif self._event in ("answer", "error"):
            self.whole = self._event == "answer"
            self.own_ms = json.loads(data)["timings_ms"]["total"] if self.whole else None

    def _chat(self, data: str, now: float) -> None:
        if data == "[DONE]":
            self.whole = self.own_ms is not None
            return
        chunk = json.loads(data)
        if "error" not in chunk and chunk["choices"][0]["delta"].get("content"):
            self.first_text_s = self.first_text_s or now
        if "answer_record" in chunk:
            self.own_ms = chunk["answer_record"]["timings_ms"]["total"]


def _request(port: int, route: str, question: Mapping[str, Any]) -> bytes:
    if route == "native":
        path, accept = "/v1/ask", "text/event-stream"
        content = dict(question)
    else:
        path, accept = "/v1/chat/completions", "*/*"
        last = {"role": "user", "content": question["question"]}
        content = {"model": "verse", "stream": True, "messages": [*question["history"], last]}
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def steady(
    port: int, clients: int, seconds: float, questions: Sequence[Mapping[str, Any]]
) -> list[Exchange | None]:
    """Let some clients ask one question after the other; `None` is a connection that broke.

    Half of them speak the native route, half the chat route.
    """
    until = time.perf_counter() + seconds
    found: list[Exchange | None] = []

    async def client(me: int) -> None:
        place = me * len(questions) // clients
        while time.perf_counter() < until:
            found.append(
                await _or_broken(port, ("native", "chat")[me % 2], questions[place % len(questions)])
            )
            place += 1

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def flood(
    port: int, per_second: float, seconds: float, questions: Sequence[Mapping[str, Any]]
) -> list[Exchange | None]:
    """Let requests arrive at a rate, whatever becomes of those before; `None` as in `steady`."""
    started = time.perf_counter()
    tasks: list[asyncio.Task[Exchange | None]] = []
    while (elapsed := time.perf_counter() - started) < seconds:
        while len(tasks) < per_second * elapsed:
            number = len(tasks)
            work = _or_broken(port, ("native", "chat")[number % 2], questions[number % len(questions)])
            tasks.append(asyncio.create_task(work))
        await asyncio.sleep(0.002)
    return list(await asyncio.gather(*tasks))


async def _or_broken(port: int, route: str, question: Mapping[str, Any]) -> Exchange | None:
    try:
        return await exchange(port, route, question)
    except OSError:
        return None
