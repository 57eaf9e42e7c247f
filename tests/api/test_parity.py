"""One record on every transport: the seeds' questions, JSON, native events, chat whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.checker import check_record
from tests.api.service import client_of, getter, post, settings_for
from tests.api.sse_reader import chunks, events

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://verse.example.org"
# Of each kind some, the follow-ups and those that nothing answers among them.
FEW = 10
MANY = 100


def questions() -> list[dict[str, Any]]:
    path = ROOT / "eval" / "data" / "seeds" / "questions.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@pytest.fixture(scope="module")
def seeds(seeds_state: Path) -> Iterator[TestClient]:
    with client_of(create_app(settings_for(seeds_state, public_url=PUBLIC))) as client:
        yield client


def canonical(record: dict[str, Any]) -> str:
    """A record as text, without what differs between two askings: its id and its times."""
    lasting = {name: value for name, value in record.items() if name not in ("id", "timings_ms")}
    return json.dumps(lasting, ensure_ascii=False, sort_keys=True)


def from_chat(answer: str, annotations: Any, content: dict[str, Any]) -> dict[str, Any]:
    """Hold what stands beside a chat answer against its record, and return the record."""
    record: dict[str, Any] = content["answer_record"]
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


def by_transport(client: TestClient, row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Ask one question on every transport and return the record that each gives."""
    asked = {"question": row["question"], "history": row["history"]}
    messages = [*row["history"], {"role": "user", "content": row["question"]}]
    found = {"json": post(client, "/v1/ask", asked).json()}

    sent = events(post(client, "/v1/ask", asked, headers=[("accept", "text/event-stream")]).body)
    found["events"] = sent[-1].json()
    assert sent[-1].name == "answer"
    assert [e.json() for e in sent if e.name == "citation"] == found["events"]["citations"]
    assert "".join(e.json()["text"] for e in sent if e.name == "delta") == found["events"]["answer"]

    whole = post(client, "/v1/chat/completions", {"model": "verse", "messages": messages}).json()
    message = whole["choices"][0]["message"]
    found["chat"] = from_chat(message["content"], message["annotations"], whole)

    streamed, done = chunks(
        post(client, "/v1/chat/completions", {"model": "verse", "messages": messages, "stream": True}).body
    )
    assert done
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed)
    last = streamed[-1]
    found["chat streamed"] = from_chat(text, last["choices"][0]["delta"]["annotations"], last)
    return found


def differences(client: TestClient, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return (question, transport) wherever a record is not that of the native JSON route."""
    found: list[tuple[str, str]] = []
    for row in rows:
        records = by_transport(client, row)
        check_record(getter(client), records["json"])
        first = canonical(records["json"])
        found += [(row["id"], name) for name, record in records.items() if canonical(record) != first]
    return found


def spread(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return `count` questions from all over the list, which is ordered by kind."""
    return [rows[number * len(rows) // count] for number in range(count)]


def test_every_transport_gives_the_same_record(seeds: TestClient) -> None:
    rows = spread(questions(), FEW)
    assert any(row["history"] for row in rows)
    assert any(not row["answerable"] for row in rows)
    assert differences(seeds, rows) == []


@pytest.mark.long
def test_every_transport_gives_the_same_record_to_all_questions(seeds: TestClient) -> None:
    rows = questions()
    assert len(rows) >= MANY
    assert differences(seeds, rows) == []


def test_a_difference_would_be_seen(seeds: TestClient) -> None:
    record = post(seeds, "/v1/ask", {"question": "Why does the US want Central Asian minerals?"}).json()
    assert record["citations"]
    moved = json.loads(json.dumps(record))
    moved["citations"][0]["start_char_index"] += 1
    assert canonical(record) != canonical(moved)
    assert canonical(record) == canonical({**moved, "citations": record["citations"], "id": "ans_other"})
