"""One record on every transport: JSON, events, chat, MCP, stored conversations and the viewer agree.

The server and the MCP server on stdio are processes of their own; the MCP client is the official one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from api.mcp_text import answer_text
from api.schemas import AnswerOut
from eval.datasets.seeds import load
from eval.datatypes import Question
from tests.api.checker import canonical, check_record
from tests.api.mcp_service import MODES, record_of, talk, text_of
from tests.api.sse_reader import chunks, events
from tests.api.test_mcp_stdio import parameters
from tests.api.test_serve import JSON, Server, serving

PUBLIC = "https://verse.example.org"
FEW = 8
MANY = 100

Record = dict[str, Any]


def spread(found: Sequence[Question], count: int) -> list[Question]:
    """Return `count` of them, as far apart as may be; they are ordered by kind."""
    assert count <= len(found)
    return [found[number * len(found) // count] for number in range(count)]


def questions(count: int) -> list[Record]:
    """Return `count` of the seeds' questions: a quarter unanswerable, some with the conversation before them."""
    found = load().questions
    follow_ups = max(1, count // 16)
    chosen = [
        *spread(
            [one for one in found if one.answerable and not one.history], count - count // 4 - follow_ups
        ),
        *spread([one for one in found if one.history], follow_ups),
        *spread([one for one in found if not one.answerable and not one.history], count // 4),
    ]
    return [
        {
            "question": one.text,
            "history": [{"role": turn.role, "content": turn.content} for turn in one.history],
        }
        for one in chosen
    ]


def sent_events(body: str) -> Record:
    """Hold the events of `POST /v1/ask` against their record, and return it."""
    sent = events(body.encode())
    assert sent[-1].name == "answer", sent[-1]
    record: Record = sent[-1].json()
    assert [e.json() for e in sent if e.name == "citation"] == record["citations"]
    assert "".join(e.json()["text"] for e in sent if e.name == "delta") == record["answer"]
    return record


def from_chat(answer: str, annotations: Any, content: Record) -> Record:
    """Hold what stands beside a chat answer against its record, and return the record."""
    record: Record = content["answer_record"]
    assert answer == record["answer"]
    urls = [PUBLIC + citation["viewer_url"] for citation in record["citations"]]
    assert content["citations"] == urls
    assert [(r["title"], r["url"], r["date"], r["snippet"]) for r in content["search_results"]] == [
        (c["document_title"], url, c["published_at"], c["cited_text"])
        for c, url in zip(record["citations"], urls, strict=True)
    ]
    assert [
        (a["url_citation"]["url"], a["url_citation"]["start_index"], a["url_citation"]["end_index"])
        for a in annotations
    ] == [
        (url, span["start"], span["end"])
        for c, url in zip(record["citations"], urls, strict=True)
        for span in c["answer_spans"]
    ]
    return record


def sent_chunks(body: str) -> Record:
    """Hold the chunks of a chat stream against their record, and return it."""
    streamed, done = chunks(body.encode())
    assert done
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed)
    last = streamed[-1]
    return from_chat(text, last["choices"][0]["delta"]["annotations"], last)


def stored(server: Server, record: Record) -> Record:
    """Return the record of the last turn of an answer's conversation, and hold that its parts agree."""
    status, body = server.get(f"/v1/conversations/{record['conversation_id']}")
    assert status == 200
    turn = json.loads(body)["turns"][-1]
    assert (turn["status"], turn["answer"]) == ("complete", record)
    assert json.loads(server.get(f"/v1/answers/{record['id']}")[1]) == record
    kept: Record = turn["answer"]
    return kept


def by_http(server: Server, asked: Record) -> dict[str, Record]:
    """Ask one question on every HTTP transport but MCP; return the record that each gives."""

    def post(path: str, content: Record, accept: str = "*/*") -> str:
        body = json.dumps(content).encode()
        status, text, _ = server.request("POST", path, body, {**JSON, "Accept": accept})
        assert status == 200, text
        return text

    chat = {
        "model": "verse",
        "messages": [*asked["history"], {"role": "user", "content": asked["question"]}],
    }
    found: dict[str, Record] = {"json": json.loads(post("/v1/ask", asked))}
    found["events"] = sent_events(post("/v1/ask", asked, "text/event-stream"))
    whole = json.loads(post("/v1/chat/completions", chat))
    message = whole["choices"][0]["message"]
    found["chat"] = from_chat(message["content"], message["annotations"], whole)
    found["chat streamed"] = sent_chunks(post("/v1/chat/completions", {**chat, "stream": True}))
    begun = sent_chunks(post("/v1/chat/completions", {**chat, "stream": True, "store": True}))
    found["stored by chat"] = stored(server, begun)
    if not asked["history"]:
        storing = {"question": asked["question"], "store": True}
        found["stored"] = stored(server, sent_events(post("/v1/ask", storing, "text/event-stream")))
    return found


def differences(
    state: Path, environment: dict[str, str], folder: Path, asked: list[Record]
) -> tuple[list[str], set[str]]:
    """Ask everywhere; return where a record is not that of the native JSON route, and the statuses seen."""
    found: list[str] = []

    async def ask_all(client: Client) -> list[tuple[Record, str]]:
        await client.list_tools()  # so that the client checks each record against the tool's schema
        results = [await client.call_tool("ask", one) for one in asked]
        return [(record_of(result), text_of(result)) for result in results]

    variables = {
        "VERSE_PUBLIC_URL": PUBLIC,
        "VERSE_DATABASE_URL": f"sqlite:///{folder / 'conversations.sqlite'}",
    }
    with serving(state, environment, **variables) as server:
        native: list[Record] = []
        for one in asked:
            records = by_http(server, one)
            native.append(records["json"])
            # Each quote in the document as it is given, and on the page that its address opens.
            check_record(server.get, records["json"])
            found += [
                f"{transport}: {one['question']}"
                for transport, record in records.items()
                if canonical(record) != canonical(records["json"])
            ]
        address = f"http://127.0.0.1:{server.port}/mcp"
        told = {f"mcp {mode}": talk(address, ask_all, mode) for mode in MODES}
    told["mcp stdio"] = talk(parameters(state, environment, VERSE_PUBLIC_URL=PUBLIC), ask_all)
    for transport, answers in told.items():
        for one, expected, (record, text) in zip(asked, native, answers, strict=True):
            same = text == answer_text(AnswerOut.model_validate(expected), PUBLIC)
            if not same or canonical(record) != canonical(expected):
                found.append(f"{transport}: {one['question']}")
    return found, {record["status"] for record in native}


def test_every_transport_gives_the_same_record(
    seeds_state: Path, child_environment: dict[str, str], tmp_path: Path
) -> None:
    asked = questions(FEW)
    assert any(one["history"] for one in asked)
    found, statuses = differences(seeds_state, child_environment, tmp_path, asked)
    assert found == []
    # Answers and abstentions are both among them, or the test would say less than it seems to.
    assert {"answered", "abstained"} <= statuses


@pytest.mark.long
def test_every_transport_gives_the_same_record_to_a_hundred_questions(
    seeds_state: Path, child_environment: dict[str, str], tmp_path: Path
) -> None:
    asked = questions(MANY)
    assert len({one["question"] for one in asked}) == MANY
    found, statuses = differences(seeds_state, child_environment, tmp_path, asked)
    assert found == []
    assert {"answered", "abstained"} <= statuses


def test_a_difference_would_be_seen() -> None:
    citation = {"document_id": "d", "start_char_index": 1, "end_char_index": 4}
    record = {"id": "ans_1", "conversation_id": None, "timings_ms": {}, "citations": [citation]}
    same = {**record, "id": "ans_2", "conversation_id": "conv_1", "timings_ms": {"total": 1.0}}
    assert canonical(record) == canonical(same)
    assert canonical(record) != canonical({**record, "citations": [{**citation, "start_char_index": 2}]})
