"""Stored conversations over their routes: begun and gone on with by asking, never half an answer."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from api.app import create_app
from api.conversations import Conversations, title_from
from api.conversations_markdown import markdown_of
from api.conversations_schemas import MAX_TITLE_CHARACTERS, ExportOut
from api.housekeeping import Housekeeping
from api.store.database import Database
from api.store.errors import StoreBusyError, TurnEndedError
from api.store.retention import DAY_MS
from index.errors import EmbedderError
from rag.answer import Ask
from tests.api.checker import check_record
from tests.api.service import (
    FailingScorer,
    GatedScorer,
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    getter,
    post,
    raw,
    settings_for,
)
from tests.api.stored import Clock, abstained, answered, cited

ENGINEER = "Who was the engineer of the Aldergate bridge?"
FOLLOW_UP = "When did it open?"
NONE = "conv_" + 26 * "0"


@contextmanager
def service(
    state: Path, file: Path, scorer: Any = None, *, always: bool = True, **settings: Any
) -> Iterator[TestClient]:
    """The small service with its conversations in `file`."""
    engine: Any = SmallEngine(state, scorer, always=always)
    with client_of(
        create_app(settings_for(state, database_url=f"sqlite:///{file}", **settings), engine=engine)
    ) as found:
        yield found


@pytest.fixture
def client(small_state: Path, tmp_path: Path) -> Iterator[TestClient]:
    with service(small_state, tmp_path / "c.sqlite") as found:
        yield found


def ask(client: TestClient, question: str, **fields: Any) -> dict[str, Any]:
    reply = post(client, "/v1/ask", {"question": question, **fields})
    assert reply.status == 200, reply.body
    record: dict[str, Any] = reply.json()
    check_record(getter(client), record)
    return record


def get(client: TestClient, path: str) -> Any:
    reply = raw(client, "GET", path)
    assert reply.status == 200, reply.body
    assert_clean(reply)
    return reply.json()


def patch(client: TestClient, path: str, content: Any, kind: str = "application/json") -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return raw(client, "PATCH", path, headers=[("content-type", kind)], body=body)


# Asking


def test_a_conversation_is_begun_and_gone_on_with(client: TestClient) -> None:
    first = ask(client, ENGINEER, store=True)
    conversation_id = first["conversation_id"]
    second = ask(client, FOLLOW_UP, conversation_id=conversation_id)
    assert second["conversation_id"] == conversation_id
    # The stored turn is the history: nothing was sent along.
    assert second["question"] == FOLLOW_UP
    assert second["standalone_question"] == f"{FOLLOW_UP} (about: engineer; Aldergate bridge)"
    sent = ask(
        client,
        FOLLOW_UP,
        history=[
            {"role": "user", "content": ENGINEER},
            {"role": "assistant", "content": first["answer_without_citations"]},
        ],
    )
    assert sent["standalone_question"] == second["standalone_question"]
    assert sent["citations"] == second["citations"]

    read = get(client, f"/v1/conversations/{conversation_id}")
    assert (read["id"], read["title"]) == (conversation_id, ENGINEER)
    assert [turn["answer"] for turn in read["turns"]] == [first, second], "to the last field"
    assert [
        (
            t["number"],
            t["status"],
            t["question"],
            t["standalone_question"],
            t["interrupted_by"],
            t["feedback"],
        )
        for t in read["turns"]
    ] == [
        (1, "complete", ENGINEER, ENGINEER, None, None),
        (2, "complete", FOLLOW_UP, second["standalone_question"], None, None),
    ]
    (head,) = get(client, "/v1/conversations")["conversations"]
    assert head["turns"] == 2
    assert head["updated_at"] == read["updated_at"] == read["turns"][1]["started_at"] > head["created_at"]


def test_an_answer_outside_of_conversations_is_kept_for_feedback_but_not_listed(client: TestClient) -> None:
    record = ask(client, ENGINEER)
    assert record["conversation_id"] is None
    assert get(client, f"/v1/answers/{record['id']}") == record
    assert get(client, "/v1/conversations") == {"conversations": [], "next_cursor": None}


def test_where_answers_are_not_kept_there_are_none(small_state: Path, tmp_path: Path) -> None:
    with service(small_state, tmp_path / "c.sqlite", keep_answers=False) as client:
        record = ask(client, ENGINEER)
        assert_problem(raw(client, "GET", f"/v1/answers/{record['id']}"), 404, "not_found")
        stored = ask(client, ENGINEER, store=True)
        assert get(client, f"/v1/answers/{stored['id']}") == stored


def test_an_abstention_is_a_whole_turn_too(small_state: Path, tmp_path: Path) -> None:
    with service(small_state, tmp_path / "c.sqlite", always=False) as client:
        record = ask(client, ENGINEER, store=True)
        assert record["status"] == "abstained"
        (turn,) = get(client, f"/v1/conversations/{record['conversation_id']}")["turns"]
        assert (turn["status"], turn["answer"]) == ("complete", record)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"conversation_id": ""}, "at least 1 character"),
        ({"conversation_id": "x" * 65}, "at most 64"),
        ({"conversation_id": 7}, "valid string"),
        ({"conversation_id": "\ud800"}, "valid string"),
        ({"store": 1}, "valid boolean"),
        ({"store": "true"}, "valid boolean"),
        ({"store": False, "conversation_id": NONE}, "leave one of them out"),
        ({"store": True, "history": [{"role": "user", "content": "x"}]}, "history comes from the stored"),
        ({"conversation_id": NONE, "history": [{"role": "user", "content": "x"}]}, "history comes from"),
        ({"stored": True}, "not permitted"),
    ],
)
def test_a_wrong_request_stores_nothing(client: TestClient, fields: dict[str, Any], words: str) -> None:
    content = assert_problem(post(client, "/v1/ask", {"question": ENGINEER, **fields}), 422, "invalid_fields")
    assert words in content["detail"]
    assert get(client, "/v1/conversations")["conversations"] == []


@pytest.mark.parametrize("name", [NONE, "nope", "conv_'; DROP TABLE turns --", "ans_" + 26 * "0", "\x00"])
def test_a_conversation_that_is_not_there_is_a_404_for_asking(client: TestClient, name: str) -> None:
    body = {"question": ENGINEER, "conversation_id": name}
    assert_problem(post(client, "/v1/ask", body), 404, "not_found")


# What was cut


def test_a_failure_leaves_an_interrupted_turn_that_is_no_history(small_state: Path, tmp_path: Path) -> None:
    scorer = FailingScorer(None)
    with service(small_state, tmp_path / "c.sqlite", scorer) as client:
        first = ask(client, ENGINEER, store=True)
        conversation_id = first["conversation_id"]
        for error, code, status in (
            (EmbedderError("broken"), "model_failed", 503),
            (RuntimeError("bug"), "internal_error", 500),
        ):
            scorer.error = error
            body = {"question": "What did the lighthouse at Corran burn?", "conversation_id": conversation_id}
            assert_problem(post(client, "/v1/ask", body), status, code)
        scorer.error = None
        after = ask(client, FOLLOW_UP, conversation_id=conversation_id)
        assert after["standalone_question"] == f"{FOLLOW_UP} (about: engineer; Aldergate bridge)"
        turns = get(client, f"/v1/conversations/{conversation_id}")["turns"]
        assert [(t["status"], t["interrupted_by"], t["answer"] is None) for t in turns] == [
            ("complete", None, False),
            ("interrupted", "failed", True),
            ("interrupted", "failed", True),
            ("complete", None, False),
        ]
        assert get(client, "/v1/conversations")["conversations"][0]["turns"] == 2


def eventually(look: Callable[[], bool]) -> None:
    for _ in range(500):
        if look():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never came to that")


def test_a_turn_that_took_too_long_is_interrupted_though_its_answer_comes(
    small_state: Path, tmp_path: Path
) -> None:
    scorer = GatedScorer()
    with service(small_state, tmp_path / "c.sqlite", scorer, request_timeout_s=0.2) as client:
        assert_problem(post(client, "/v1/ask", {"question": ENGINEER, "store": True}), 504, "stage_timeout")
        (head,) = get(client, "/v1/conversations")["conversations"]
        path = f"/v1/conversations/{head['id']}"
        (turn,) = get(client, path)["turns"]
        assert (turn["status"], turn["answer"]) == ("started", None)
        scorer.gate.set()
        eventually(lambda: get(client, path)["turns"][0]["status"] != "started")
        (turn,) = get(client, path)["turns"]
        assert (turn["status"], turn["interrupted_by"], turn["answer"]) == ("interrupted", "timed_out", None)


def test_what_is_refused_for_overload_is_not_stored(small_state: Path, tmp_path: Path) -> None:
    scorer = GatedScorer()
    with service(small_state, tmp_path / "c.sqlite", scorer, max_running=1, max_waiting=0) as client:
        busy = threading.Thread(target=lambda: post(client, "/v1/ask", {"question": ENGINEER, "store": True}))
        busy.start()
        assert scorer.begun.acquire(timeout=20)
        assert_problem(post(client, "/v1/ask", {"question": FOLLOW_UP, "store": True}), 503, "overloaded")
        scorer.gate.set()
        busy.join(20)
        (head,) = get(client, "/v1/conversations")["conversations"]
        assert (head["title"], head["turns"]) == (ENGINEER, 1)


def test_a_conversation_that_is_deleted_while_it_is_answered_stays_deleted(
    small_state: Path, tmp_path: Path
) -> None:
    scorer = GatedScorer()
    replies: list[Any] = []
    with service(small_state, tmp_path / "c.sqlite", scorer) as client:
        asking = threading.Thread(
            target=lambda: replies.append(post(client, "/v1/ask", {"question": ENGINEER, "store": True}))
        )
        asking.start()
        assert scorer.begun.acquire(timeout=20)
        (head,) = get(client, "/v1/conversations")["conversations"]
        assert raw(client, "DELETE", f"/v1/conversations/{head['id']}").status == 204
        scorer.gate.set()
        asking.join(20)
        assert_problem(replies[0], 404, "not_found")
        assert get(client, "/v1/conversations")["conversations"] == []


def test_a_database_that_is_held_is_a_503_and_nothing_else(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    engine: Any = SmallEngine(small_state)
    with client_of(
        create_app(settings_for(small_state), engine=engine, database=Database(file, busy_s=0.1))
    ) as client:
        holding = sqlite3.connect(file, isolation_level=None)
        holding.execute("BEGIN IMMEDIATE")
        reply = post(client, "/v1/ask", {"question": ENGINEER, "store": True})
        assert_problem(reply, 503, "conversations_busy")
        assert int(reply["retry-after"]) > 0
        # Nobody was promised that this one is kept, and the sources can be read.
        record = ask(client, ENGINEER)
        holding.execute("ROLLBACK")
        holding.close()
        assert_problem(raw(client, "GET", f"/v1/answers/{record['id']}"), 404, "not_found")
        assert get(client, "/v1/conversations")["conversations"] == []
        assert ask(client, ENGINEER, store=True)["status"] == "answered"


def test_an_abandoned_recording_never_becomes_whole(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database)

    def cut() -> None:
        with conversations.recording("local", "Who?", store=True) as one:
            assert one.asked(Ask(question="Who?")).history == ()
            one.abandon("client_gone")
            one.abandon("timed_out")
            one.complete(answered("Who?"))

    def late() -> None:
        with conversations.recording("local", "Who?", store=True) as one:
            conversations.interrupt_leftovers()
            one.complete(answered("Who?"))

    with pytest.raises(TurnEndedError, match="client_gone"):
        cut()
    with conversations.recording("local", "Who?", store=True) as other:
        record = other.complete(answered("Who?"))
        assert record.conversation_id == other.conversation_id
        other.abandon("client_gone")  # too late to undo what is whole
    with conversations.recording("local", "Who?", store=True):
        pass  # nothing came
    with pytest.raises(TurnEndedError, match="interrupted already"):
        late()
    heads = conversations.page("local", limit=9).conversations
    found = [conversations.read("local", head.id).turns[0] for head in reversed(heads)]
    assert [(turn.status, turn.interrupted_by) for turn in found] == [
        ("interrupted", "client_gone"),
        ("complete", None),
        ("interrupted", "failed"),
        ("interrupted", "server_stopped"),
    ]
    assert [turn.answer is None for turn in found] == [True, False, True, True]
    begun = conversations.begin("local", "Twice?")
    conversations.complete(begun, answered("Twice?"))
    with pytest.raises(TurnEndedError, match="complete already"):
        conversations.complete(begun, answered("Twice?"))
    assert conversations.interrupt(begun, "failed") is False
    database.close()


# Reading


def test_pages_list_every_conversation_once_the_last_used_first(client: TestClient) -> None:
    ids = [
        ask(client, f"Who kept lighthouse {number}?", store=True)["conversation_id"] for number in range(5)
    ]
    ask(client, FOLLOW_UP, conversation_id=ids[1])
    wanted = [ids[1], ids[4], ids[3], ids[2], ids[0]]
    for limit in (1, 2, 3, 5, 200):
        found: list[str] = []
        cursor = ""
        while True:
            page = get(client, f"/v1/conversations?limit={limit}{cursor}")
            found += [head["id"] for head in page["conversations"]]
            assert len(page["conversations"]) <= limit
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert found == wanted


def test_pages_hold_when_times_are_equal_and_the_clock_goes_back(tmp_path: Path) -> None:
    clock = Clock()
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database, now=clock)
    ids = [conversations.begin("local", f"{number}?").conversation_id for number in range(7)]
    found, cursor = [], None
    while True:
        page = conversations.page("local", limit=2, cursor=cursor)
        found += [head.id for head in page.conversations]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == sorted(ids, reverse=True)
    before = conversations.head("local", ids[0]).updated_at
    clock.at_ms -= DAY_MS
    conversations.begin("local", "Again?", ids[0])
    assert conversations.head("local", ids[0]).updated_at == before
    database.close()


@pytest.mark.parametrize(
    "cursor", ["x", "MTox", "%00", "é", "MTpjb252Xw", "OTk5OTk5OTk5OTk5OTk5OTk5OTpjb252XzAw"]
)
def test_a_cursor_of_somebody_else_is_refused(client: TestClient, cursor: str) -> None:
    reply = raw(client, "GET", f"/v1/conversations?cursor={quote(cursor, safe='%')}")
    content = assert_problem(reply, 422, "question_invalid")
    assert "leave it out" in content["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=" + "x" * 121])
def test_a_wrong_parameter_is_refused(client: TestClient, query: str) -> None:
    assert_problem(raw(client, "GET", f"/v1/conversations?{query}"), 422, "invalid_fields")


@pytest.mark.parametrize("name", [NONE, "nope", "%00", "a%20b", "%ED%A0%80", "x" * 3000, "conv_%27%3B--"])
def test_an_id_of_nothing_is_the_same_404_everywhere(client: TestClient, name: str) -> None:
    ask(client, ENGINEER, store=True)
    replies = [
        raw(client, "GET", f"/v1/conversations/{name}"),
        raw(client, "GET", f"/v1/conversations/{name}/export"),
        raw(client, "DELETE", f"/v1/conversations/{name}"),
        patch(client, f"/v1/conversations/{name}", {"title": "x"}),
    ]
    details = {assert_problem(reply, 404, "not_found")["detail"] for reply in replies}
    assert details == {"There is no such conversation."}
    assert_problem(raw(client, "GET", f"/v1/answers/{name}"), 404, "not_found")
    assert len(get(client, "/v1/conversations")["conversations"]) == 1


def test_nobody_sees_what_is_somebody_else_s(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database)
    begun = conversations.begin("anna", "Who?")
    record = conversations.complete(begun, answered("Who?"))
    mine = begun.conversation_id
    assert [head.id for head in conversations.page("anna", limit=9).conversations] == [mine]
    assert conversations.page("boris", limit=9).conversations == []
    for try_it in (
        lambda: conversations.read("boris", mine),
        lambda: conversations.head("boris", mine),
        lambda: conversations.rename("boris", mine, "x"),
        lambda: conversations.delete("boris", mine),
        lambda: conversations.begin("boris", "And?", mine),
        lambda: conversations.answer("boris", record.id),
    ):
        with pytest.raises(Exception, match=r"There is no such (conversation|answer)\."):
            try_it()
    read = conversations.read("anna", mine)
    assert (read.title, len(read.turns)) == ("Who?", 1)
    database.close()


# Renaming and deleting


def test_a_conversation_is_renamed_and_stays_where_it_is(client: TestClient) -> None:
    first = ask(client, ENGINEER, store=True)["conversation_id"]
    second = ask(client, ENGINEER, store=True)["conversation_id"]
    reply = patch(client, f"/v1/conversations/{first}", {"title": "  Мост: cafe\u0301 🌊 "})
    assert reply.status == 200
    assert reply.json()["title"] == "Мост: café 🌊"
    heads = get(client, "/v1/conversations")["conversations"]
    assert [(head["id"], head["title"]) for head in heads] == [(second, ENGINEER), (first, "Мост: café 🌊")]


@pytest.mark.parametrize(
    "content",
    [
        {}, {"title": ""}, {"title": " \t "}, {"title": "x" * (MAX_TITLE_CHARACTERS + 1)}, {"title": 7},
        {"title": None}, {"title": "a\nb"}, {"title": "a\x00b"}, {"title": "\ud800"}, {"title": "a\u2028b"},
        {"title": "x", "owner": "me"}, [], "x", None,
    ],
)  # fmt: skip
def test_a_wrong_title_is_refused(client: TestClient, content: Any) -> None:
    conversation_id = ask(client, ENGINEER, store=True)["conversation_id"]
    assert_problem(patch(client, f"/v1/conversations/{conversation_id}", content), 422, "invalid_fields")
    assert get(client, f"/v1/conversations/{conversation_id}")["title"] == ENGINEER


def test_a_body_that_is_none_is_refused(client: TestClient) -> None:
    path = f"/v1/conversations/{ask(client, ENGINEER, store=True)['conversation_id']}"
    assert_problem(patch(client, path, b"{"), 400, "malformed")
    assert_problem(patch(client, path, b"\xff"), 400, "malformed")
    assert_problem(patch(client, path, {"title": "x"}, "text/plain"), 415, "unsupported_type")
    assert patch(client, path, {"title": "x" * MAX_TITLE_CHARACTERS}).status == 200


def test_what_is_deleted_is_gone_everywhere(client: TestClient, tmp_path: Path) -> None:
    record = ask(client, ENGINEER, store=True)
    path = f"/v1/conversations/{record['conversation_id']}"
    assert (
        post(client, "/v1/feedback", {"answer_id": record["id"], "rating": "up", "comment": "C-9914"}).status
        == 200
    )
    reply = raw(client, "DELETE", path)
    assert (reply.status, reply.body) == (204, b"")
    assert_clean(reply)
    for again in (
        raw(client, "GET", path),
        raw(client, "DELETE", path),
        raw(client, "GET", f"/v1/answers/{record['id']}"),
    ):
        assert_problem(again, 404, "not_found")
    assert_problem(
        post(client, "/v1/feedback", {"answer_id": record["id"], "rating": "up"}), 404, "not_found"
    )
    assert_problem(
        post(client, "/v1/ask", {"question": FOLLOW_UP, "conversation_id": record["conversation_id"]}),
        404,
        "not_found",
    )
    left = b"".join(found.read_bytes() for found in tmp_path.glob("c.sqlite*"))
    for trace in (ENGINEER, record["id"], record["conversation_id"], "C-9914"):
        assert trace.encode() not in left, trace


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Who\n was\t it?", "Who was it?"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("word " * 20 + "end", ("word " * 15).strip() + "…"),
        ("ж" * 100 + " конец", "ж" * 79 + "…"),
    ],
)
def test_a_title_comes_from_the_first_question(question: str, title: str) -> None:
    assert title_from(question) == title
    assert len(title_from(question)) <= 80


# Over restarts


def test_conversations_outlive_the_service_and_old_ones_do_not(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    with service(small_state, file) as client:
        first = ask(client, ENGINEER, store=True)
        old = ask(client, ENGINEER, store=True)["conversation_id"]
    with sqlite3.connect(file) as other:
        other.execute("UPDATE conversations SET updated_at = updated_at - ? WHERE id = ?", (11 * DAY_MS, old))
    other.close()
    with service(small_state, file, retention_days=10) as client:
        (head,) = get(client, "/v1/conversations")["conversations"]
        assert head["id"] == first["conversation_id"]
        assert get(client, f"/v1/conversations/{head['id']}")["turns"][0]["answer"] == first
        assert ask(client, FOLLOW_UP, conversation_id=head["id"])["standalone_question"] != FOLLOW_UP


def test_the_service_does_not_start_with_damaged_conversations(small_state: Path, tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"no database")
    with (
        pytest.raises(Exception, match=r"damaged .*restore the file"),
        service(small_state, tmp_path / "c.sqlite"),
    ):
        pass


def test_housekeeping_comes_again_and_outlives_a_failure(tmp_path: Path) -> None:
    clock = Clock()
    database = Database(tmp_path / "c.sqlite", busy_s=0.05)
    conversations = Conversations(database, now=clock)
    house = Housekeeping(database, conversations, retention_days=1, every_s=0.01, now=clock)
    house.begin()
    gone = conversations.begin("local", "Who?").conversation_id

    async def keep() -> None:
        holding = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
        holding.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(house.keep())
        await asyncio.sleep(0.3)  # several tries fail
        assert [head.id for head in conversations.page("local", limit=9).conversations] == [gone]
        clock.at_ms += 2 * DAY_MS
        holding.execute("ROLLBACK")
        holding.close()
        for _ in range(500):
            if not conversations.page("local", limit=9).conversations:
                break
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(keep())
    assert conversations.page("local", limit=9).conversations == []
    database.close()


# Export


def test_the_export_as_json_is_the_conversation(client: TestClient) -> None:
    record = ask(client, ENGINEER, store=True)
    path = f"/v1/conversations/{record['conversation_id']}"
    reply = raw(client, "GET", f"{path}/export")
    assert reply["content-type"] == "application/json"
    assert reply["content-disposition"] == f'attachment; filename="{record["conversation_id"]}.json"'
    assert_clean(reply)
    content = reply.json()
    assert {name: content[name] for name in ("id", "title", "created_at", "updated_at", "turns")} == get(
        client, path
    )
    assert content["format"] == "chapter-and-verse/conversation@1"
    assert content["public_url"] == "http://127.0.0.1:8000"
    assert content["turns"][0]["answer"] == record


def test_the_export_as_markdown_has_every_quote_with_its_place(client: TestClient) -> None:
    record = ask(client, ENGINEER, store=True, max_citations=1)
    reply = raw(client, "GET", f"/v1/conversations/{record['conversation_id']}/export?format=markdown")
    assert reply["content-type"] == "text/markdown; charset=utf-8"
    assert_clean(reply)
    lines = reply.body.decode().split("\n")
    (citation,) = record["citations"]
    assert lines[0] == f"# {ENGINEER}"
    assert f"## 1. {ENGINEER}" in lines
    place = f"{citation['start_char_index']}–{citation['end_char_index']}"
    assert (
        f"**\\[1\\]** The bridge, Example Press, 2024\\-03\\-01, [characters {place}]"
        f"(<http://127.0.0.1:8000{citation['viewer_url']}>), [source](<https://press.example/bridge>), "
        f"document sha256 `{citation['document_sha256']}`"
    ) in lines
    assert "> The Aldergate bridge opened in 1911 and carries nine thousand carts a week \\[7\\]." in lines
    assert lines[-1] == ""


def test_a_wrong_form_of_export_is_refused(client: TestClient) -> None:
    path = f"/v1/conversations/{ask(client, ENGINEER, store=True)['conversation_id']}/export?format="
    for form in ("pdf", "", "JSON"):
        assert_problem(raw(client, "GET", path + form), 422, "invalid_fields")


def test_an_export_says_what_was_cut(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database)
    first = conversations.begin("local", "Who?")
    conversations.complete(first, abstained("Who?"))
    conversations.interrupt(conversations.begin("local", "And then?", first.conversation_id), "client_gone")
    conversations.begin("local", "Now?", first.conversation_id)
    read = conversations.read("local", first.conversation_id)
    text = markdown_of(
        ExportOut(
            **read.model_dump(), exported_at="now", public_url="https://verse.example.org", software="1"
        )
    )
    assert text.count("**No answer**") == 2
    assert "## 1. Who?\n\nAsked at " in text
    assert "\n\nThe sources do not say.\n" in text
    assert "**No answer**: the client left before the answer was whole." in text
    assert "**No answer**: it is still being made." in text
    database.close()


def test_a_database_that_breaks_cannot_make_a_recording_lie(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite", busy_s=0.05)
    conversations = Conversations(database)
    holding = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)

    def broken() -> None:
        with conversations.recording("local", "Who?", store=True) as one:
            holding.execute("BEGIN IMMEDIATE")
            one.complete(answered("Who?"))

    with pytest.raises(StoreBusyError):
        broken()
    # It could not even be marked; it is no whole answer all the same, and the next start marks it.
    holding.execute("ROLLBACK")
    holding.close()
    (head,) = conversations.page("local", limit=9).conversations
    (turn,) = conversations.read("local", head.id).turns
    assert (turn.status, turn.answer) == ("started", None)
    database.close()


HOSTILE = (
    "<script>alert(1)</script> ![x](https://evil.example/i.png) [click](javascript:alert(1)) <https://evil.example>",
    "[ref]: https://evil.example\n\n[ref]",
    "https://evil.example www.evil.example me@evil.example",
    "a\n===\n\n# h\n\n- l\n\n1. l\n\n1) l\n\n    code\n\n\tcode\n\n> q\n\n***\n\n~~~\nx\n~~~\n\n```\nx\n```",
    "|a|b|\n|-|-|\n|1|2|\n\n~~s~~ `c` **b** _i_ &lt; &#60;img src=x&#62; $x$",
    "back\\slash \\",
    "> </blockquote>\r\n\u2028# h\x0b# h\x85- l",
)


class Tags(HTMLParser):
    """The elements and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.addresses: set[str | None] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses |= {value for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_text_means_anything_in_markdown(tmp_path: Path, text: str) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database)
    begun = conversations.begin("local", text)
    citation = cited(1, 0, 36, cited_text=text, document_title=text, publisher=text)
    record = answered(text, answer=text, citations=[citation], missing=[text])
    conversations.complete(begun, record.model_copy(update={"standalone_question": text + "?"}))
    conversations.rename("local", begun.conversation_id, title_from(text))
    read = conversations.read("local", begun.conversation_id)
    markdown = markdown_of(
        ExportOut(
            **read.model_dump(), exported_at="now", public_url="https://verse.example.org", software="1"
        )
    )
    tags = Tags()
    tags.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
    assert tags.names - {"br"} == {"h1", "h2", "p", "strong", "blockquote", "a", "code"}
    assert tags.addresses == {"https://verse.example.org/d/bridge?quote=0-36", "https://press.example/bridge"}
    # It reads as it was, white space apart: question, understood, answer, missing, title, publisher, quote.
    assert "".join(tags.text.split()).count("".join(text.split())) >= 7
    # What some programs make links of without any mark.
    assert not re.search(r"https?://evil|www\.evil|me@evil", markdown)
    database.close()


@pytest.mark.parametrize(
    "url", ["https://e.example/a b>)(<x>", "https://e.example/\n[x](y)", 'https://e.example/ы?q="`']
)
def test_an_address_ends_only_at_its_end(tmp_path: Path, url: str) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations = Conversations(database)
    begun = conversations.begin("local", "Who?")
    conversations.complete(begun, answered("Who?", citations=[cited(1, 0, 36, url=url)]))
    read = conversations.read("local", begun.conversation_id)
    markdown = markdown_of(
        ExportOut(
            **read.model_dump(), exported_at="now", public_url="https://verse.example.org", software="1"
        )
    )
    tags = Tags()
    tags.feed(MarkdownIt("commonmark").render(markdown))
    (address,) = tags.addresses - {"https://verse.example.org/d/bridge?quote=0-36"}
    assert unquote(address or "") == url
    database.close()
