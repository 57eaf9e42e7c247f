"""`POST /v1/feedback`: one an answer and owner, on known answers only, about what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.conversations import Conversations
from api.conversations_schemas import MAX_COMMENT_CHARACTERS, FeedbackIn
from api.feedback import Feedback
from api.store.database import Database
from tests.api.service import (
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    post,
    raw,
    settings_for,
)
from tests.api.stored import TEXT, Clock, answered

UNKNOWN = "ans_" + 26 * "0"
ENGINEER = "Who was the engineer of the Aldergate bridge?"


@pytest.fixture
def client(small_state: Path, tmp_path: Path) -> Iterator[TestClient]:
    engine: Any = SmallEngine(small_state)
    settings = settings_for(small_state, database_url=f"sqlite:///{tmp_path / 'c.sqlite'}")
    with client_of(create_app(settings, engine=engine)) as found:
        yield found


def ask(client: TestClient, **fields: Any) -> dict[str, Any]:
    record: dict[str, Any] = post(client, "/v1/ask", {"question": ENGINEER, **fields}).json()
    return record


def give(client: TestClient, answer_id: str, **fields: Any) -> Any:
    return post(client, "/v1/feedback", {"answer_id": answer_id, "rating": "down", **fields})


def test_feedback_is_stored_and_shown_with_its_turn(client: TestClient) -> None:
    record = ask(client, store=True)
    quote = record["citations"][0]["cited_text"][4:20]
    reply = give(
        client,
        record["id"],
        reason="wrong_quote",
        comment=" Not this\none: cafe\u0301 🌊 ",
        citation_number=1,
        quote=quote,
    )
    assert reply.status == 200
    assert_clean(reply)
    stored = reply.json()
    assert {name: stored[name] for name in stored if name not in ("id", "created_at", "updated_at")} == {
        "answer_id": record["id"],
        "rating": "down",
        "reason": "wrong_quote",
        "comment": "Not this\none: café 🌊",
        "citation_number": 1,
        "quote": quote,
    }
    path = f"/v1/conversations/{record['conversation_id']}"
    (turn,) = raw(client, "GET", path).json()["turns"]
    assert turn["feedback"] == stored
    assert turn["answer"] == record, "the record stays as it was given"


def test_a_second_one_replaces_the_first_as_a_whole(client: TestClient) -> None:
    record = ask(client)
    first = give(client, record["id"], reason="incomplete", comment="x", citation_number=1).json()
    second = give(client, record["id"], rating="up").json()
    assert second["id"] == first["id"]
    assert second["created_at"] == first["created_at"] <= second["updated_at"]
    assert [second[name] for name in ("rating", "reason", "comment", "citation_number", "quote")] == [
        "up", None, None, None, None,
    ]  # fmt: skip


def test_a_quote_alone_finds_its_citation(client: TestClient) -> None:
    record = ask(client, max_citations=2)
    last = record["citations"][-1]
    assert last["number"] == 2
    assert give(client, record["id"], quote=last["cited_text"]).json()["citation_number"] == 2


@pytest.mark.parametrize("answer_id", [UNKNOWN, "nope", "x" * 64, "'; DROP TABLE feedback --", "\x00"])
def test_an_unknown_answer_is_a_404(client: TestClient, answer_id: str) -> None:
    ask(client)
    content = assert_problem(give(client, answer_id), 404, "not_found")
    assert content["detail"] == "There is no such answer."


@pytest.mark.parametrize(
    "fields",
    [
        {"rating": "meh"}, {"rating": None}, {"rating": True}, {"reason": "because"}, {"reason": 1},
        {"comment": "x" * (MAX_COMMENT_CHARACTERS + 1)}, {"comment": 5}, {"comment": "a\x00b"},
        {"comment": "\ud800"}, {"citation_number": 0}, {"citation_number": "1"}, {"citation_number": 1.5},
        {"citation_number": True}, {"citation_number": 10**12}, {"quote": ""}, {"quote": 1}, {"quote": "\ud800"},
        {"answer_id": None}, {"answer_id": ""}, {"answer_id": "x" * 65}, {"owner": "me"},
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused(client: TestClient, fields: dict[str, Any]) -> None:
    record = ask(client)
    assert_problem(give(client, **{"answer_id": record["id"], **fields}), 422, "invalid_fields")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"citation_number": 9}, "citation_number is 9; the answer's citations are: 1"),
        ({"quote": "no such words"}, "stands in no cited_text"),
        ({"quote": "the aldergate bridge"}, "stands in no cited_text"),  # not in this spelling
    ],
)
def test_what_the_answer_does_not_hold_is_refused(
    client: TestClient, fields: dict[str, Any], words: str
) -> None:
    record = ask(client, max_citations=1)
    content = assert_problem(give(client, record["id"], **fields), 422, "feedback_invalid")
    assert words in content["detail"]


def test_a_quote_of_another_citation_is_refused_for_this_one(client: TestClient) -> None:
    record = ask(client, max_citations=2)
    quote = record["citations"][1]["cited_text"]
    assert_problem(give(client, record["id"], citation_number=1, quote=quote), 422, "feedback_invalid")


def test_bodies_that_are_none_are_refused(client: TestClient) -> None:
    assert_problem(post(client, "/v1/feedback", b"{"), 400, "malformed")
    assert_problem(post(client, "/v1/feedback", b"\xff"), 400, "malformed")
    assert_problem(post(client, "/v1/feedback", []), 422, "invalid_fields")
    assert_problem(raw(client, "POST", "/v1/feedback", body=b"{}"), 415, "unsupported_type")
    assert_problem(post(client, "/v1/feedback", b" " * 300_000), 413, "too_large")
    assert_problem(raw(client, "GET", "/v1/feedback"), 405, "method_not_allowed")


def test_owners_give_their_own_and_only_on_their_own_answers(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations, feedback = Conversations(database), Feedback(database)
    record = answered("Who?")
    conversations.keep("anna", record)
    assert feedback.give("anna", FeedbackIn(answer_id=record.id, rating="up")).rating == "up"
    with pytest.raises(Exception, match=r"There is no such answer\."):
        feedback.give("boris", FeedbackIn(answer_id=record.id, rating="down"))
    assert [row["rating"] for row in feedback.rows()] == ["up"]
    database.close()


def test_twice_at_the_same_time_is_once(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.sqlite")
    conversations, feedback = Conversations(database), Feedback(database)
    record = answered("Who?")
    conversations.keep("local", record)

    def one(number: int) -> str:
        given = FeedbackIn(answer_id=record.id, rating="up", comment=str(number))
        return feedback.give("local", given).id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(one, range(40)))
    (row,) = feedback.rows()
    assert ids == {row["id"]}
    database.close()


def test_rows_come_in_order_with_their_answer_and_what_was_said_before(tmp_path: Path) -> None:
    clock = Clock()
    database = Database(tmp_path / "c.sqlite")
    conversations, feedback = Conversations(database, now=clock), Feedback(database, now=clock)
    conversation_id, records = None, []
    for number in range(4):
        begun = conversations.begin("local", f"Question {number}?", conversation_id)
        conversation_id = begun.conversation_id
        if number == 1:
            conversations.interrupt(begun, "failed")  # no part of the history
        else:
            records.append(conversations.complete(begun, answered(f"Question {number}?")))
    loose = answered("Loose?")
    conversations.keep("local", loose)
    for record in (records[2], loose, records[0]):
        clock.at_ms += 1
        feedback.give("local", FeedbackIn(answer_id=record.id, rating="up", citation_number=2))
    rows = list(feedback.rows())
    assert [row["record"]["question"] for row in rows] == ["Question 3?", "Loose?", "Question 0?"]
    assert rows[0]["record"] == records[2].model_dump(mode="json")
    assert rows[0]["history"] == [
        {"role": "user", "content": "Question 0?"},
        {"role": "assistant", "content": TEXT},
        {"role": "user", "content": "Question 2?"},
        {"role": "assistant", "content": TEXT},
    ]
    assert rows[1]["history"] == rows[2]["history"] == []
    database.close()
