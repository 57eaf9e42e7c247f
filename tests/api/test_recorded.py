"""Turns of stored conversations on every route that answers: whole, or interrupted and shown as such."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.app import create_app
from api.store.database import Database
from index.errors import EmbedderError
from rag.read import PassageScorer
from tests.api.loopback import listening, read_all, read_until
from tests.api.service import (
    FailingScorer,
    GatedScorer,
    SmallEngine,
    assert_problem,
    client_of,
    post,
    raw,
    settings_for,
)
from tests.api.sse_reader import chunks, events

ASK = "/v1/ask"
CHAT = "/v1/chat/completions"
ENGINEER = "Who was the engineer of the Aldergate bridge?"
EVENTS = [("accept", "text/event-stream")]


def app_of(state: Path, file: Path, scorer: PassageScorer | None = None, **settings: Any) -> Any:
    engine: Any = SmallEngine(state, scorer)
    return create_app(settings_for(state, **settings), engine=engine, database=Database(file))


@contextlib.contextmanager
def service(
    state: Path, file: Path, scorer: PassageScorer | None = None, **settings: Any
) -> Iterator[TestClient]:
    with client_of(app_of(state, file, scorer, **settings)) as client:
        yield client


def get(client: TestClient, path: str) -> Any:
    reply = raw(client, "GET", path)
    assert reply.status == 200, reply.body
    return reply.json()


def turns(client: TestClient) -> list[dict[str, Any]]:
    """The turns of the one conversation that there is."""
    (head,) = get(client, "/v1/conversations")["conversations"]
    found: list[dict[str, Any]] = get(client, f"/v1/conversations/{head['id']}")["turns"]
    return found


def left_in(state: Path, file: Path) -> list[tuple[str, str | None, Any]]:
    """What another service finds in the same file: state, reason and answer of each turn."""
    with service(state, file) as client:
        return [(turn["status"], turn["interrupted_by"], turn["answer"]) for turn in turns(client)]


def hearing(app: ASGIApp, heard: threading.Event) -> ASGIApp:
    """An app that says when it was told that a client has left."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        async def told() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                heard.set()
            return message

        await app(scope, told, send)

    return noted


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "verse", "messages": [{"role": "user", "content": ENGINEER}], **more}


def test_a_turn_is_complete_when_its_last_event_is_seen(small_state: Path, tmp_path: Path) -> None:
    with service(small_state, tmp_path / "c.sqlite") as client:
        asked = {"question": ENGINEER, "store": True}
        record = events(post(client, ASK, asked, headers=EVENTS).body)[-1].json()
        (turn,) = turns(client)
        assert (turn["status"], turn["answer"]) == ("complete", record)
        follow_up = {"question": "When did it open?", "conversation_id": record["conversation_id"]}
        second = events(post(client, ASK, follow_up, headers=EVENTS).body)[-1].json()
        assert second["standalone_question"] != second["question"]
        assert [turn["answer"] for turn in turns(client)] == [record, second]


def test_chat_stores_where_it_is_asked_to(small_state: Path, tmp_path: Path) -> None:
    with service(small_state, tmp_path / "c.sqlite") as client:
        loose = post(client, CHAT, chat()).json()["answer_record"]
        assert loose["conversation_id"] is None
        assert get(client, f"/v1/answers/{loose['id']}") == loose
        assert get(client, "/v1/conversations")["conversations"] == []

        first = post(client, CHAT, chat(store=True)).json()["answer_record"]
        named = chat(conversation_id=first["conversation_id"], stream=True)
        # What the messages say of before does not count: the conversation is the stored one.
        named["messages"] = [
            {"role": "user", "content": "How many kinds of quince has the orchard?"},
            {"role": "assistant", "content": "Eleven."},
            {"role": "user", "content": "When did it open?"},
        ]
        streamed, done = chunks(post(client, CHAT, named).body)
        assert done
        second = streamed[-1]["answer_record"]
        assert second["conversation_id"] == first["conversation_id"]
        assert "quince" not in second["standalone_question"]
        assert [turn["answer"] for turn in turns(client)] == [first, second]


def test_chat_that_stores_keeps_the_messages_before(small_state: Path, tmp_path: Path) -> None:
    with service(small_state, tmp_path / "c.sqlite") as client:
        asked = chat()
        asked["messages"] += [
            {"role": "assistant", "content": "Ottoline Graves."},
            {"role": "user", "content": "When did it open?"},
        ]
        loose = post(client, CHAT, asked).json()["answer_record"]
        record = post(client, CHAT, {**asked, "store": True}).json()["answer_record"]
        assert loose["standalone_question"] == record["standalone_question"] != record["question"]
        assert [turn["answer"] for turn in turns(client)] == [record]


@pytest.mark.parametrize("conversation", ["conv_" + 26 * "0", "x"])
def test_a_conversation_that_is_not_there_is_a_404_on_streams_too(
    small_state: Path, tmp_path: Path, conversation: str
) -> None:
    with service(small_state, tmp_path / "c.sqlite") as client:
        asked = {"question": ENGINEER, "conversation_id": conversation}
        assert_problem(post(client, ASK, asked, headers=EVENTS), 404, "not_found")
        for stream in (False, True):
            reply = post(client, CHAT, chat(conversation_id=conversation, stream=stream))
            assert (reply.status, reply.json()["error"]["code"]) == (404, "not_found")
        assert get(client, "/v1/conversations")["conversations"] == []


def test_a_turn_whose_work_fails_is_interrupted(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    with service(small_state, file, FailingScorer(EmbedderError("it broke"))) as client:
        sent = events(post(client, ASK, {"question": ENGINEER, "store": True}, headers=EVENTS).body)
        assert sent[-1].name == "error"
        assert sent[-1].json()["code"] == "model_failed"
        (turn,) = turns(client)
        assert (turn["status"], turn["interrupted_by"], turn["answer"]) == ("interrupted", "failed", None)


@pytest.mark.parametrize(
    ("path", "content", "accept"),
    [
        (ASK, {"question": ENGINEER, "store": True}, "text/event-stream"),
        (ASK, {"question": ENGINEER, "store": True}, "application/json"),
        (CHAT, chat(store=True, stream=True), "*/*"),
        (CHAT, chat(store=True), "*/*"),
    ],
)
def test_a_turn_whose_client_leaves_is_interrupted(
    small_state: Path, tmp_path: Path, path: str, content: dict[str, Any], accept: str
) -> None:
    file, scorer, heard = tmp_path / "c.sqlite", GatedScorer(), threading.Event()
    with listening(hearing(app_of(small_state, file, scorer), heard)) as server:
        with server.posting(path, content, accept):
            assert scorer.begun.acquire(timeout=20)
        assert heard.wait(20)
        assert server.healthy()  # by now what heard it has acted on it
        scorer.gate.set()
    assert left_in(small_state, file) == [("interrupted", "client_gone", None)]


def test_a_stream_that_takes_too_long_is_interrupted(small_state: Path, tmp_path: Path) -> None:
    file, scorer = tmp_path / "c.sqlite", GatedScorer()
    with service(small_state, file, scorer, request_timeout_s=0.2) as client:
        sent = events(post(client, ASK, {"question": ENGINEER, "store": True}, headers=EVENTS).body)
        assert sent[-1].json()["code"] == "stage_timeout"
        scorer.gate.set()
    assert left_in(small_state, file) == [("interrupted", "timed_out", None)]


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_a_turn_that_a_stop_cuts_is_interrupted(small_state: Path, tmp_path: Path, accept: str) -> None:
    file, scorer = tmp_path / "c.sqlite", GatedScorer()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(listening(app_of(small_state, file, scorer), stopping_s=1))
        connection = stack.enter_context(server.posting(ASK, {"question": ENGINEER, "store": True}, accept))
        assert scorer.begun.acquire(timeout=20)
        if accept == "text/event-stream":
            read_until(connection, b'"read"}\n\n')
        stopping = threading.Thread(target=stack.pop_all().__exit__, args=(None, None, None))
        held = connection.dup()
        held.settimeout(20)
        stopping.start()
        with held, contextlib.suppress(ConnectionError):
            assert b"event: answer" not in read_all(held)
        scorer.gate.set()
        stopping.join(30)
        assert not stopping.is_alive()
    assert left_in(small_state, file) == [("interrupted", "server_stopped", None)]
