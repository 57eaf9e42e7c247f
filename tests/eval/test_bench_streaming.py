"""The clients that measure streams count as an answer only what came to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from eval.bench.stream_client import Exchange, exchange, flood, steady
from eval.bench.streaming import asked_anew, summary

RECORD = json.dumps({"timings_ms": {"total": 12.5}})
CHUNK = json.dumps({"choices": [{"delta": {"content": "The"}}]})
LAST = json.dumps({"choices": [{"delta": {}}], "answer_record": {"timings_ms": {"total": 7}}})
OK = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SCRIPTS = {
    "native": f"{OK}1f\r\nevent: status\ndata: {{}}\n\n\r\nevent: delta\ndata: {{}}\n\n\r\nevent: answer\ndata: {RECORD}\n\n\r\n0\r\n\r\n",
    "native cut": f"{OK}event: delta\ndata: {{}}\n\n",
    "native failed": f'{OK}event: status\ndata: {{}}\n\nevent: error\ndata: {{"code": "model_failed"}}\n\n',
    "chat": f"{OK}data: {CHUNK}\n\ndata: {LAST}\n\ndata: [DONE]\n\n",
    "chat cut": f"{OK}data: {CHUNK}\n\ndata: {LAST}\n\n",
    "chat failed": f'{OK}data: {CHUNK}\n\ndata: {{"error": {{"code": "model_failed"}}}}\n\n',
    "native refused": "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\n\r\n{}",
    "native refused badly": "HTTP/1.1 503 Busy\r\n\r\n{}",
    "native broken": "",
}


async def scripted(script: str, work: Any) -> tuple[Any, list[bytes]]:
    """Serve a script to every connection while some work runs; return what it gave, and the requests."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        asked.append(head + await reader.readexactly(length))
        writer.write(script.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        return await work(server.sockets[0].getsockname()[1]), asked


QUESTION: Mapping[str, Any] = {"question": "Who?", "history": [{"role": "user", "content": "Hm"}]}


@pytest.mark.parametrize(
    ("name", "status", "whole", "own_ms", "retry_after"),
    [
        ("native", 200, True, 12.5, None),
        ("native cut", 200, False, None, None),
        ("native failed", 200, False, None, None),
        ("chat", 200, True, 7, None),
        ("chat cut", 200, False, 7, None),
        ("chat failed", 200, False, None, None),
        ("native refused", 503, False, None, "2"),
        ("native refused badly", 503, False, None, None),
    ],
)
def test_only_a_stream_that_came_to_its_end_is_an_answer(
    name: str, status: int, whole: bool, own_ms: float | None, retry_after: str | None
) -> None:
    route = name.split()[0]
    one, asked = asyncio.run(scripted(SCRIPTS[name], lambda port: exchange(port, route, QUESTION)))
    assert (one.status, one.whole, one.own_ms, one.retry_after) == (status, whole, own_ms, retry_after)
    head, body = asked[0].split(b"\r\n\r\n")
    if route == "native":
        assert head.startswith(b"POST /v1/ask ")
        assert b"Accept: text/event-stream" in head
        assert json.loads(body) == QUESTION
    else:
        assert head.startswith(b"POST /v1/chat/completions ")
        assert json.loads(body)["messages"] == [
            {"role": "user", "content": "Hm"},
            {"role": "user", "content": "Who?"},
        ]
    if whole:
        assert 0 < one.first_event_s <= one.first_text_s <= one.total_s


def test_a_connection_that_breaks_is_an_error_and_nothing_else() -> None:
    with pytest.raises(ConnectionError):
        asyncio.run(scripted(SCRIPTS["native broken"], lambda port: exchange(port, "native", QUESTION)))
    found, _ = asyncio.run(
        scripted(SCRIPTS["native broken"], lambda port: flood(port, 100, 0.05, [QUESTION]))
    )
    assert set(found) == {None}
    assert summary(found, 1.0)["errors"] == len(found) > 0


def test_clients_use_both_routes_and_every_question() -> None:
    questions = [{"question": f"Who {n}?", "history": []} for n in range(3)]
    _, asked = asyncio.run(scripted(SCRIPTS["native refused"], lambda port: steady(port, 4, 0.2, questions)))
    assert {request.split(b" ")[1] for request in asked} == {b"/v1/ask", b"/v1/chat/completions"}
    assert all(any(f"Who {n}?".encode() in request for request in asked) for n in range(3))


def test_the_summary_counts_what_came() -> None:
    def one(status: int, *, whole: bool = False, retry_after: str | None = None, total_s: float) -> Exchange:
        return Exchange(
            status=status,
            retry_after=retry_after,
            whole=whole,
            first_event_s=0.001,
            first_text_s=0.002,
            total_s=total_s,
            own_ms=1.0,
        )

    found = summary(
        [
            one(200, whole=True, total_s=0.1),
            one(200, whole=True, total_s=0.3),
            one(200, total_s=0.2),
            one(503, retry_after="2", total_s=0.01),
            one(503, total_s=0.05),
            one(500, total_s=0.1),
            None,
        ],
        4.0,
    )
    assert (found["requests"], found["answers"], found["answers_per_s"]) == (7, 2, 0.5)
    assert (found["refused"], found["refused_without_retry_after"]) == (2, 1)
    assert (found["errors"], found["error_statuses"]) == (3, [0, 200, 500])
    assert found["refusal"]["max_ms"] == 50.0
    assert found["answer"]["p50_ms"] == 200.0


def test_every_round_asks_the_same_words_in_other_spaces() -> None:
    first, second = asked_anew(0), asked_anew(5)
    assert len(first) == len(second) == 186
    assert [body["question"].split() for body in first] == [body["question"].split() for body in second]
    same = [a for a, b in zip(first, second, strict=True) if a["question"] == b["question"]]
    assert len(same) <= 2, [body["question"] for body in same]
