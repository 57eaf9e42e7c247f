"""Slow and failing models: an error of its own code, and the service goes on afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from index.errors import (
    CatalogDamagedError,
    EmbedderError,
    GenerationDamagedError,
    QAError,
    StateFolderError,
)
from rag.errors import CalibrationError
from rag.read import PassageScorer
from tests.api.checker import check_record
from tests.api.service import (
    CANARY,
    FailingScorer,
    GatedScorer,
    SmallEngine,
    assert_problem,
    client_of,
    getter,
    post,
    raw,
    settings_for,
)

QUESTION = {"question": "Who was the engineer of the bridge?"}


def serving(state: Path, scorer: PassageScorer, **settings: Any) -> TestClient:
    engine = SmallEngine(state, scorer)
    return client_of(create_app(settings_for(state, **settings), engine=engine))  # type: ignore[arg-type]


def soon(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.01)
    return False


def assert_answers(client: TestClient) -> None:
    reply = post(client, "/v1/ask", QUESTION)
    assert reply.status == 200, reply.body
    check_record(getter(client), reply.json())


def test_what_neither_runs_nor_waits_is_refused_at_once(small_state: Path) -> None:
    scorer = GatedScorer()
    with (
        serving(small_state, scorer, max_running=2, max_waiting=1) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        # Two run, one waits; whichever of the four comes last is the one too many.
        asked = [threads.submit(post, client, "/v1/ask", QUESTION) for _ in range(4)]
        refused = next(as_completed(asked, timeout=10)).result()
        content = assert_problem(refused, 503, "overloaded")
        assert refused["retry-after"] == "2"
        assert "too many" in content["detail"]
        assert all(scorer.begun.acquire(timeout=10) for _ in range(2))
        for _ in range(3):
            assert_problem(post(client, "/v1/search", {"query": "bridge"}), 503, "overloaded")
        assert raw(client, "GET", "/healthz").status == 200
        assert raw(client, "GET", "/d/bridge?quote=0-3").status == 200, "documents need no model"
        scorer.gate.set()
        assert sorted(future.result(20).status for future in asked) == [200, 200, 200, 503]
        for _ in range(5):
            assert_answers(client)


def test_what_is_refused_for_want_of_a_place_is_not_even_read(small_state: Path) -> None:
    scorer = GatedScorer()
    json_headers = [("content-type", "application/json")]
    with (
        serving(small_state, scorer, max_running=1, max_waiting=0) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        asked = threads.submit(post, client, "/v1/ask", QUESTION)
        assert scorer.begun.acquire(timeout=10)
        with capture_logs() as lines:
            for path in ("/v1/ask", "/v1/search"):
                for body in (b"{", b'{"question": 7}', b"\xff"):
                    refused = raw(client, "POST", path, headers=json_headers, body=body)
                    assert_problem(refused, 503, "overloaded")
            chat = raw(client, "POST", "/v1/chat/completions", headers=json_headers, body=b"{")
        assert (chat.status, chat.json()["error"]["code"]) == (503, "overloaded")
        assert chat["retry-after"] == "2"
        assert [(line["route"], line["status"], line["refused"]) for line in lines] == [
            (path, 503, "overloaded")
            for path in ["/v1/ask"] * 3 + ["/v1/search"] * 3 + ["/v1/chat/completions"]
        ]
        # What asks no question has no place to wait for, and what is refused anyway is refused as ever.
        assert raw(client, "GET", "/v1/documents").status == 200
        assert_problem(raw(client, "GET", "/v1/ask"), 405, "method_not_allowed")
        assert_problem(raw(client, "POST", "/v1/ask", body=b"{}"), 415, "unsupported_type")
        scorer.gate.set()
        assert asked.result(20).status == 200
        assert soon(lambda: raw(client, "POST", "/v1/ask", headers=json_headers, body=b"{").status == 400)


def test_a_timeout_is_an_error_and_the_slot_comes_back_when_the_work_is_done(small_state: Path) -> None:
    scorer = GatedScorer()
    with serving(small_state, scorer, max_running=1, max_waiting=0, request_timeout_s=0.2) as client:
        content = assert_problem(post(client, "/v1/ask", QUESTION), 504, "stage_timeout")
        assert "0.2 s" in content["detail"]
        # The thread still works: letting somebody wait behind it would only time out again.
        for _ in range(3):
            assert_problem(post(client, "/v1/ask", QUESTION), 503, "overloaded")
        scorer.gate.set()
        assert soon(lambda: post(client, "/v1/ask", QUESTION).status == 200)
        for _ in range(5):
            assert_answers(client)


def test_what_timed_out_while_it_waited_is_never_begun(small_state: Path) -> None:
    scorer = GatedScorer()
    with (
        serving(small_state, scorer, max_running=1, max_waiting=2, request_timeout_s=0.2) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        replies = [
            f.result(20) for f in [threads.submit(post, client, "/v1/ask", QUESTION) for _ in range(3)]
        ]
        for reply in replies:
            assert_problem(reply, 504, "stage_timeout")
        scorer.gate.set()
        assert soon(lambda: post(client, "/v1/ask", QUESTION).status == 200)
        begun = 0
        while scorer.begun.acquire(blocking=False):
            begun += 1
        assert begun == 2, "the one that ran, and the one after the gate was opened"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EmbedderError(f"OpenVINO failed in {CANARY}"), 503, "model_failed"),
        (CalibrationError(f"{CANARY}/calibration.json"), 503, "model_failed"),
        (GenerationDamagedError(f"{CANARY}/CURRENT"), 503, "index_damaged"),
        (CatalogDamagedError(CANARY), 503, "catalog_damaged"),
        (StateFolderError(f"{CANARY} is read-only"), 503, "store_unavailable"),
        (QAError(CANARY), 500, "internal_error"),
        (RuntimeError(f"no answer about {CANARY}"), 500, "internal_error"),
        (OSError(28, "No space left", f"/{CANARY}"), 500, "internal_error"),
        (KeyError(CANARY), 500, "internal_error"),
        (MemoryError(), 500, "internal_error"),
        (RecursionError(), 500, "internal_error"),
        (TimeoutError(CANARY), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_a_failure_is_an_error_and_tells_nothing(
    small_state: Path,
    error: Exception,
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scorer = FailingScorer(error)
    with serving(small_state, scorer, max_running=1, max_waiting=0) as client:
        for _ in range(4):  # more than there are slots
            assert_problem(post(client, "/v1/ask", QUESTION), status, code)
        # The log names the kind of error, never its text: that may hold what somebody asked.
        assert type(error).__name__ in caplog.text
        assert CANARY not in caplog.text
        assert QUESTION["question"] not in caplog.text
        scorer.error = None
        assert soon(lambda: post(client, "/v1/ask", QUESTION).status == 200)
        assert_answers(client)


def test_many_at_once_all_get_their_own_answer(small_state: Path) -> None:
    questions = {
        "Who was the engineer of the Aldergate bridge?": "bridge",
        "Why did the mint stop striking copper groats?": "100%2Fsure",
        "How many kinds of quince has the orchard?": "../../etc/passwd",
    }
    with (
        serving(small_state, FailingScorer(None), max_running=2, max_waiting=100) as client,
        ThreadPoolExecutor(12) as threads,
    ):
        asked = [question for question in questions for _ in range(12)]
        replies = list(threads.map(lambda q: post(client, "/v1/ask", {"question": q}), asked))
    assert len({reply.json()["id"] for reply in replies}) == len(asked)
    for question, reply in zip(asked, replies, strict=True):
        assert reply.status == 200
        assert reply.json()["question"] == question
        assert reply.json()["citations"][0]["document_id"] == questions[question]


def test_the_service_ends_while_a_question_runs(small_state: Path) -> None:
    scorer = GatedScorer()
    threads = ThreadPoolExecutor(1)
    with serving(small_state, scorer) as client:
        future = threads.submit(post, client, "/v1/ask", QUESTION)
        assert scorer.begun.acquire(timeout=10)
        threading.Timer(0.2, scorer.gate.set).start()
        assert future.result(20).status == 200
    threads.shutdown()
