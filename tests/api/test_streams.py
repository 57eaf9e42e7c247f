"""Streams: native events, failures in the middle, overload, clients that leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.errors import OverloadedError, StageTimeoutError
from api.limits import Workers
from api.sse import wants_events
from index.errors import EmbedderError
from rag.errors import AskCancelledError
from rag.read import PassageScorer
from tests.api.checker import check_record
from tests.api.loopback import Listening, listening, read_all, read_until
from tests.api.service import (
    CANARY,
    FailingScorer,
    GatedScorer,
    Reply,
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    getter,
    post,
    settings_for,
)
from tests.api.sse_reader import Sent, chunks, events

QUESTION = "Who was the engineer of the Aldergate bridge?"
TWO_QUESTIONS = "Who was the engineer of the Aldergate bridge? How many kinds of quince has the orchard?"
EVENTS = [("accept", "text/event-stream")]
ASK = "/v1/ask"
CHAT = "/v1/chat/completions"


def app_of(state: Path, scorer: PassageScorer | None = None, **settings: Any) -> Any:
    return create_app(settings_for(state, **settings), engine=SmallEngine(state, scorer))  # type: ignore[arg-type]


def chat(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "verse", "messages": [{"role": "user", "content": question}], **more}


def native(reply: Reply) -> list[Sent]:
    assert reply.status == 200, reply.body
    assert_clean(reply)
    assert reply["content-type"] == "text/event-stream; charset=utf-8"
    assert reply["cache-control"] == "no-store"
    assert reply["x-accel-buffering"] == "no"
    return events(reply.body)


@pytest.mark.parametrize("question", [QUESTION, TWO_QUESTIONS, "Когда Ольшанка разлилась?", "???"])
def test_native_events_are_the_answer(small: TestClient, question: str) -> None:
    whole = post(small, ASK, {"question": question}).json()
    found = native(post(small, ASK, {"question": question}, headers=EVENTS))
    assert found[0] == Sent("status", '{"stage": "queued"}')
    assert found[-1].name == "answer"
    record = found[-1].json()
    check_record(getter(small), record)
    assert {k: v for k, v in record.items() if k not in ("id", "timings_ms")} == {
        k: v for k, v in whole.items() if k not in ("id", "timings_ms")
    }
    assert [e.name for e in found].count("answer") == 1
    assert {e.name for e in found} <= {"status", "delta", "citation", "answer"}
    assert "".join(e.json()["text"] for e in found if e.name == "delta") == record["answer"]
    assert [e.json() for e in found if e.name == "citation"] == record["citations"]
    shown = ""
    numbers: set[int] = set()
    for event in found:
        if event.name == "citation":
            numbers.add(event.json()["number"])
        elif event.name == "delta":
            shown += event.json()["text"]
            assert all(n in numbers for n in range(1, 21) if f"[{n}]" in shown)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8", True),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", False),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=much", False),
        ("text/event-stream;q=nan", False),
        ("text/html, text/event-stream, */*;q=0.1", True),
        (";;,,=", False),
    ],
)
def test_events_are_sent_to_whom_they_are_named_by(accept: str, expected: bool) -> None:
    assert wants_events(accept) is expected


def test_what_is_wrong_is_told_before_a_stream_begins(small: TestClient) -> None:
    assert_problem(post(small, ASK, {"question": ""}, headers=EVENTS), 422, "invalid_fields")
    unable = post(small, ASK, {"question": "Who?", "mode": "generative"}, headers=EVENTS)
    assert_problem(unable, 409, "generator_not_configured")
    assert_problem(post(small, ASK, b"{", headers=EVENTS), 400, "malformed")


FAILURES = [
    (EmbedderError(f"OpenVINO failed in {CANARY}"), 503, "model_failed"),
    (RuntimeError(f"no answer about {CANARY}"), 500, "internal_error"),
    (TimeoutError(CANARY), 500, "internal_error"),
    (MemoryError(), 500, "internal_error"),
]


@pytest.mark.parametrize(("error", "status", "code"), FAILURES)
def test_a_failure_in_the_middle_ends_a_native_stream(
    small_state: Path, error: Exception, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = FailingScorer(error)
    with client_of(app_of(small_state, scorer)) as client:
        reply = post(client, ASK, {"question": QUESTION}, headers=EVENTS)
        found = native(reply)
        assert [event.name for event in found] == ["status", "status", "status", "error"]
        content = found[-1].json()
        assert (content["status"], content["code"]) == (status, code)
        assert content["request_id"] == reply["x-request-id"]
        assert content["type"] == f"urn:chapter-and-verse:problem:{code}"
        assert type(error).__name__ in caplog.text
        assert CANARY not in caplog.text
        scorer.error = None
        assert native(post(client, ASK, {"question": QUESTION}, headers=EVENTS))[-1].name == "answer"


@pytest.mark.parametrize(("error", "status", "code"), FAILURES)
def test_a_failure_in_the_middle_ends_a_chat_stream_without_done(
    small_state: Path, error: Exception, status: int, code: str
) -> None:
    scorer = FailingScorer(error)
    with client_of(app_of(small_state, scorer)) as client:
        whole = post(client, CHAT, chat())
        assert (whole.status, whole.json()["error"]["code"]) == (status, code)
        reply = post(client, CHAT, chat(stream=True))
        assert_clean(reply)
        found, done = chunks(reply.body)
        assert not done
        assert [chunk.get("choices", [{}])[0].get("delta") for chunk in found] == [
            {"role": "assistant", "content": "", "refusal": None},
            None,
        ]
        assert found[-1] == whole.json()
        assert found[-1]["error"]["type"] == "server_error"


def test_a_stream_says_that_it_waits_and_then_that_it_took_too_long(small_state: Path) -> None:
    scorer = GatedScorer()
    settings = {"request_timeout_s": 0.5, "heartbeat_s": 0.05, "max_running": 1}
    with client_of(app_of(small_state, scorer, **settings)) as client:
        reply = post(client, ASK, {"question": QUESTION}, headers=EVENTS)
        found = native(reply)
        assert found[0].name == "status"
        assert (found[-1].name, found[-1].json()["code"]) == ("error", "stage_timeout")
        assert reply.body.count(b"\n: waiting\n") >= 2
        # The next one waits behind the thread that still works, and was heard all the same.
        found, done = chunks(post(client, CHAT, chat(stream=True)).body)
        assert not done
        assert [chunk["error"]["code"] for chunk in found if "error" in chunk] == ["stage_timeout"]
        scorer.gate.set()


@pytest.mark.parametrize("streamed", [False, True])
def test_overload_is_refused_at_once_and_passes(small_state: Path, streamed: bool) -> None:
    scorer = GatedScorer()
    app = app_of(small_state, scorer, max_running=1, max_waiting=1)
    headers = EVENTS if streamed else []

    def ask() -> Reply:
        return post(client, ASK, {"question": QUESTION}, headers=headers)

    def complete() -> Reply:
        return post(client, CHAT, chat(stream=streamed))

    with client_of(app) as client, ThreadPoolExecutor(3) as threads:
        # One runs, one waits; whichever comes last is the one too many.
        asked = [threads.submit(work) for work in (ask, complete, complete)]
        assert next(as_completed(asked, timeout=10)).result().status == 503
        for reply, shape in ((complete(), "application/json"), (ask(), "application/problem+json")):
            assert_clean(reply)
            assert (reply.status, reply["retry-after"]) == (503, "2")
            assert reply["content-type"] == shape
            content = reply.json()
            assert content.get("error", content)["code"] == "overloaded"
        scorer.gate.set()
        assert sorted(future.result(20).status for future in asked) == [200, 200, 503]
        for _ in range(4):
            assert (complete().status, ask().status) == (200, 200)


def leave_after(server: Listening, path: str, content: Any, accept: str, ready: Callable[[], bool]) -> None:
    """Ask, wait until the work is where it should be, and hang up."""
    with server.posting(path, content, accept):
        assert ready()
    for _ in range(3):
        assert server.healthy()


LEAVING = [
    (ASK, {"question": TWO_QUESTIONS}, "text/event-stream"),
    (ASK, {"question": TWO_QUESTIONS}, "application/json"),
    (CHAT, chat(TWO_QUESTIONS, stream=True), "*/*"),
    (CHAT, chat(TWO_QUESTIONS), "*/*"),
]


@pytest.mark.parametrize(("path", "content", "accept"), LEAVING)
def test_a_client_that_leaves_ends_the_work(
    small_state: Path, path: str, content: Any, accept: str, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = GatedScorer()
    with listening(app_of(small_state, scorer, max_running=1, max_waiting=0)) as server:
        leave_after(server, path, content, accept, lambda: scorer.begun.acquire(timeout=10))
        scorer.gate.set()
        # The place comes free when the step under way has ended, and no other was begun.
        while True:
            with server.posting(ASK, {"question": QUESTION}) as connection:
                reply = read_all(connection)
            if not reply.startswith(b"HTTP/1.1 503"):
                break
        assert reply.startswith(b"HTTP/1.1 200")
        begun = 1
        while scorer.begun.acquire(blocking=False):
            begun += 1
    assert begun == 2, "the first question of the message that was left, and the one after it"
    assert "Traceback" not in caplog.text
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not [message for message in errors if "code=overloaded" not in message]


@pytest.mark.parametrize(
    ("error", "failed"), [(EmbedderError("it broke"), "model_failed"), (ValueError("x"), "internal_error")]
)
@pytest.mark.parametrize(("path", "content"), [(ASK, {"question": QUESTION}), (CHAT, chat(stream=True))])
def test_the_log_says_of_a_stream_that_it_failed(
    small_state: Path, path: str, content: Any, error: Exception, failed: str
) -> None:
    with client_of(app_of(small_state, FailingScorer(error))) as client, capture_logs() as logged:
        assert post(client, path, content, headers=EVENTS).status == 200
    (line,) = [entry for entry in logged if entry["event"] == "request"]
    assert (line["status"], line["failed"], line["log_level"]) == (200, failed, "error")


def test_the_log_says_of_a_stream_that_nobody_saw_its_end(small_state: Path) -> None:
    scorer = GatedScorer()
    with listening(app_of(small_state, scorer)) as server, capture_logs() as logged:
        leave_after(
            server, ASK, {"question": QUESTION}, "text/event-stream", lambda: scorer.begun.acquire(timeout=10)
        )
        scorer.gate.set()
        until = time.monotonic() + 10
        while not (lines := [e for e in logged if e["event"] == "request" and e["route"] == ASK]):
            assert time.monotonic() < until, "the request never ended"
            time.sleep(0.01)
    assert lines[0]["status"] == 200
    assert lines[0]["failed"] in ("cut", "client_gone")
    assert lines[0]["log_level"] == "info", "nothing of ours to mend"


def test_a_client_that_leaves_while_it_waits_is_never_begun(small_state: Path) -> None:
    scorer = GatedScorer()
    with (
        listening(app_of(small_state, scorer, max_running=1, max_waiting=1)) as server,
        server.posting(ASK, {"question": QUESTION}) as first,
    ):
        assert scorer.begun.acquire(timeout=10)
        for path, content, accept in LEAVING:
            with server.posting(path, content, accept) as connection:
                if b"stream" in repr((content, accept)).encode():
                    read_until(connection, b"data: ")  # heard at once, though it waits
                else:
                    assert server.healthy()
            for _ in range(3):
                assert server.healthy()
        scorer.gate.set()
        assert read_all(first).startswith(b"HTTP/1.1 200")
    assert not scorer.begun.acquire(blocking=False), "none of the four was begun"


def test_a_client_that_does_not_read_holds_no_thread(small_state: Path) -> None:
    scorer = GatedScorer()
    with listening(app_of(small_state, scorer, max_running=1, max_waiting=0)) as server:
        scorer.gate.set()
        with server.posting(CHAT, chat(stream=True)):
            assert scorer.begun.acquire(timeout=10)
            while True:
                with server.posting(ASK, {"question": QUESTION}) as connection:
                    reply = read_all(connection)
                if not reply.startswith(b"HTTP/1.1 503"):
                    break
            assert reply.startswith(b"HTTP/1.1 200")


def test_the_first_event_does_not_wait_for_the_answer(small_state: Path) -> None:
    scorer = GatedScorer()
    with listening(app_of(small_state, scorer)) as server:
        with server.posting(ASK, {"question": QUESTION}, "text/event-stream") as connection:
            heard = read_until(connection, b'"read"}\n\n')
            assert b'event: status\ndata: {"stage": "queued"}\n\n' in heard
            assert b"event: answer" not in heard
            scorer.gate.set()
            assert b"event: answer\n" in read_all(connection)
        scorer.gate.clear()
        with server.posting(CHAT, chat(stream=True)) as connection:
            assert b'"role": "assistant"' in read_until(connection, b"}\n\n")
            scorer.gate.set()
            assert b"data: [DONE]\n\n" in read_all(connection)


def run_on(work: Callable[[Workers], Any], **limits: Any) -> Any:
    async def go() -> Any:
        workers = Workers(**({"running": 1, "waiting": 1, "timeout_s": 5.0} | limits))
        try:
            return await work(workers)
        finally:
            await asyncio.to_thread(workers.close)

    return asyncio.run(go())


def test_results_come_in_order_and_an_error_after_them() -> None:
    def three(_unwanted: Callable[[], bool]) -> Iterator[int | None]:
        yield 1
        yield None
        yield 3
        raise KeyError("broke")

    async def work(workers: Workers) -> tuple[list[int | None], str]:
        found: list[int | None] = []
        try:
            async for value in workers.start(three).results():
                found.append(value)
        except KeyError as error:
            return found, str(error)
        raise AssertionError("no error came")

    assert run_on(work) == ([1, None, 3], "'broke'")


def test_work_that_is_given_up_is_told_and_work_that_waits_is_not_begun() -> None:
    told: list[bool] = []
    begun: list[str] = []

    def until_unwanted(unwanted: Callable[[], bool]) -> Iterator[str]:
        begun.append("first")
        yield "begun"
        while not unwanted():
            pass
        told.append(True)

    def second(_unwanted: Callable[[], bool]) -> Iterator[str]:
        begun.append("second")
        yield "never"

    async def work(workers: Workers) -> None:
        running, waiting = workers.start(until_unwanted), workers.start(second)
        with pytest.raises(OverloadedError):
            workers.start(second)
        results = running.results()
        assert await anext(results) == "begun"
        waiting.give_up()
        with pytest.raises(AskCancelledError):
            await anext(waiting.results())
        await results.aclose()  # as a response does that ends early

    run_on(work)
    assert (told, begun) == ([True], ["first"])


def test_results_that_do_not_come_in_time_are_a_timeout_and_the_work_is_given_up() -> None:
    def slow(unwanted: Callable[[], bool]) -> Iterator[int]:
        while not unwanted():
            pass
        yield 1

    async def work(workers: Workers) -> list[None]:
        pauses = []
        with pytest.raises(StageTimeoutError, match="no answer within"):  # noqa: PT012 - what came before counts
            async for value in workers.start(slow).results(0.05):
                pauses.append(value)
        return pauses

    assert set(run_on(work, timeout_s=0.2)) == {None}


def test_nothing_of_a_question_is_logged(small_state: Path, caplog: pytest.LogCaptureFixture) -> None:
    with client_of(app_of(small_state)) as client, caplog.at_level(logging.DEBUG):
        post(client, CHAT, chat(stream=True))
        post(client, ASK, {"question": QUESTION}, headers=EVENTS)
        post(client, CHAT, chat(n=3))
    assert "Aldergate" not in caplog.text
