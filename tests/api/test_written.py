"""Written answers on every route: the same record, errors with their codes, and nothing that acts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from eval.bench.hostile_documents import HARMFUL, attacks
from index.build import update_index
from index.settings import IndexSettings
from index.state import StateFolder
from rag.answer import Stages
from rag.write import obedient
from rag.write.settings import OnFailure, Server, WriteSettings
from rag.write.writer import Writer
from tests.api.checker import canonical, check_record
from tests.api.mcp_service import MODES, problem_of, record_of, serving_mcp
from tests.api.service import SmallEngine, client_of, post, settings_for
from tests.api.sse_reader import chunks, events
from tests.fakes import HashEmbedder
from tests.rag.write import model_server as m
from tests.rag.write.model_server import ModelServer

SIGNED = "The copper treaty was signed by Ana Brandt in Riga."
LIE = "The copper treaty was signed by Ana Brandt in Paris."
QUESTION = "Who signed the copper treaty in Riga?"
GOOD = m.answers((SIGNED, "Ana Brandt"), (LIE, "Ana Brandt"))


class WritingEngine(SmallEngine):
    """The small engine with a model that writes."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        super().__init__(folder)
        self._writer = writer

    def stages(self) -> Stages:
        return replace(super().stages(), writer=self._writer)


def indexed(folder: Path, rows: list[dict[str, object]]) -> Path:
    source = folder / "texts" / "rows.jsonl"
    source.parent.mkdir()
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    update_index(StateFolder(folder / "state"), [source], HashEmbedder(), IndexSettings())
    return folder / "state"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows: list[dict[str, object]] = [{"id": "treaty", "title": "The treaty", "text": SIGNED}]
    return indexed(tmp_path_factory.mktemp("written"), rows)


@contextmanager
def served(
    state: Path, url: str, on_failure: OnFailure = "extractive", total_s: float = 10.0, **settings: str
) -> Iterator[TestClient]:
    server = Server(base_url=url, model="m", api_key="k-secret")
    writer = Writer(WriteSettings(servers=(server,), on_failure=on_failure, total_timeout_s=total_s))
    try:
        with client_of(
            create_app(settings_for(state, **settings), engine=WritingEngine(state, writer))
        ) as client:  # type: ignore[arg-type]
            yield client
    finally:
        writer.close()


def test_the_record_says_who_wrote_and_what_was_withheld(state: Path) -> None:
    with ModelServer(GOOD) as model, served(state, model.url) as client:
        asked = {"question": QUESTION, "mode": "generative"}
        record = post(client, "/v1/ask", asked).json()
        sent = events(post(client, "/v1/ask", asked, headers=[("accept", "text/event-stream")]).body)
        messages = {"model": "verse", "messages": [{"role": "user", "content": QUESTION}]}
        whole = post(client, "/v1/chat/completions", messages).json()
    assert record["answer"] == f"{SIGNED} [1]"
    assert record["withheld"] == {"not_found": 0, "misattributed": 0, "unsupported": 1}
    assert record["receipt"]["models"]["generator"] == "m"
    assert record["receipt"]["writing"] | {"prompt_sha256": ""} == {
        "prompt_sha256": "",
        "uses": [
            {"server": 1, "model": "m", "purpose": "write", "outcome": "written"},
            {"server": 1, "model": "m", "purpose": "retry", "outcome": "unsupported"},
        ],
        "fallback": None,
    }
    assert sent[-1].json()["answer"] == whole["choices"][0]["message"]["content"] == record["answer"]
    assert "write" in [event.json()["stage"] for event in sent if event.name == "status"]


def test_a_written_answer_is_the_same_record_on_every_transport(state: Path, tmp_path: Path) -> None:
    asked = {"question": QUESTION, "mode": "generative"}
    chat = {"model": "verse", "messages": [{"role": "user", "content": QUESTION}], "mode": "generative"}
    with ModelServer(GOOD) as model:
        writer = Writer(WriteSettings(servers=(Server(base_url=model.url, model="m"),)))
        engine = WritingEngine(state, writer)
        stored_in = f"sqlite:///{tmp_path / 'c.sqlite'}"
        with serving_mcp(state, engine, database_url=stored_in) as server:

            def sent(path: str, content: dict[str, object], accept: str = "*/*") -> bytes:
                body, kind = json.dumps(content).encode(), "application/json"
                status, reply, _ = server.request(
                    "POST", path, body, {"Content-Type": kind, "Accept": accept}
                )
                assert status == 200, reply
                return reply

            first = json.loads(sent("/v1/ask", asked))
            check_record(server.get, first)
            told = events(sent("/v1/ask", {**asked, "store": True}, "text/event-stream"))
            _, kept = server.get(f"/v1/conversations/{told[-1].json()['conversation_id']}")
            whole = json.loads(sent("/v1/chat/completions", chat))
            streamed, done = chunks(sent("/v1/chat/completions", {**chat, "stream": True}))
            by_agent = [record_of(server.call("ask", asked, mode)) for mode in MODES]
        writer.close()
    assert done
    assert "".join(e.json()["text"] for e in told if e.name == "delta") == first["answer"]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in streamed) == first["answer"]
    records = [
        told[-1].json(),
        json.loads(kept)["turns"][-1]["answer"],
        whole["answer_record"],
        streamed[-1]["answer_record"],
        *by_agent,
    ]
    assert first["receipt"]["models"]["generator"] == "m"
    assert [canonical(record) for record in records] == [canonical(first)] * len(records)


def test_a_stored_turn_whose_model_fails_is_interrupted(state: Path, tmp_path: Path) -> None:
    stored_in = f"sqlite:///{tmp_path / 'c.sqlite'}"
    with (
        ModelServer(m.status(500)) as model,
        served(state, model.url, "error", database_url=stored_in) as client,
    ):
        asked = {"question": QUESTION, "store": True}
        told = events(post(client, "/v1/ask", asked, headers=[("accept", "text/event-stream")]).body)
        (head,) = client.get("/v1/conversations").json()["conversations"]
        (turn,) = client.get(f"/v1/conversations/{head['id']}").json()["turns"]
    assert (told[-1].name, told[-1].json()["code"]) == ("error", "generator_unavailable")
    assert (turn["status"], turn["interrupted_by"], turn["answer"]) == ("interrupted", "failed", None)


def test_generative_without_a_model_is_a_409_everywhere(state: Path) -> None:
    asked = {"question": QUESTION, "mode": "generative"}
    chat = {"model": "verse", "messages": [{"role": "user", "content": QUESTION}], "mode": "generative"}
    with serving_mcp(state, SmallEngine(state)) as server:
        status, problem = server.native("/v1/ask", asked)
        assert (status, problem["code"]) == (409, "generator_not_configured")
        for stream in (False, True):
            status, refused = server.native("/v1/chat/completions", {**chat, "stream": stream})
            assert (status, refused["error"]["code"]) == (409, "generator_not_configured")
        assert problem_of(server.call("ask", asked))["code"] == "generator_not_configured"


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (m.status(401), 502, "generator_unavailable"),
        (m.says("I'm sorry, no."), 502, "generator_output"),
        (m.hangs(), 504, "generator_timeout"),
    ],
)
def test_a_model_that_fails_has_a_code_and_its_server_no_name(
    state: Path, script: m.Script, status: int, code: str
) -> None:
    with ModelServer(script) as model, served(state, model.url, "error", 0.5) as client:
        response = post(client, "/v1/ask", {"question": QUESTION})
    assert (response.status, response.json()["code"]) == (status, code)
    body = json.dumps(response.json())
    assert "k-secret" not in body
    assert model.url.split("/")[2] not in body


def test_the_same_model_falls_back_where_the_settings_say_so(state: Path) -> None:
    with ModelServer(m.status(500)) as model, served(state, model.url) as client:
        record = post(client, "/v1/ask", {"question": QUESTION}).json()
    assert record["answer"] == f"The treaty: “{SIGNED}” [1]"
    assert record["receipt"]["models"]["generator"] is None
    assert record["receipt"]["writing"]["fallback"] == "unavailable"


def test_what_a_model_obeys_harms_nobody_on_any_route(tmp_path: Path) -> None:
    few = [attack for n, attack in enumerate(attacks()) if n % 97 == 0]
    state = indexed(tmp_path, [attack.row for attack in few])
    form = 0
    with obedient.server(form=lambda: form) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            with served(state, f"http://127.0.0.1:{running.server_address[1]}/v1") as client:
                for n, attack in enumerate(few):
                    form = n % 4
                    shown = shown_on_every_route(client, attack.question)
                    assert [text for text in shown if HARMFUL.search(text)] == []
                    assert all(shown)
        finally:
            running.shutdown()
            thread.join()


def shown_on_every_route(client: TestClient, question: str) -> list[str]:
    """The running text as each transport gives it."""
    asked = {"question": question}
    record = post(client, "/v1/ask", asked).json()
    sent = events(post(client, "/v1/ask", asked, headers=[("accept", "text/event-stream")]).body)
    messages = {"model": "verse", "messages": [{"role": "user", "content": question}]}
    whole = post(client, "/v1/chat/completions", messages).json()
    streamed, _ = chunks(post(client, "/v1/chat/completions", messages | {"stream": True}).body)
    return [
        record["answer"],
        record["answer_without_citations"],
        "".join(event.json()["text"] for event in sent if event.name == "delta"),
        whole["choices"][0]["message"]["content"],
        "".join(
            choice["delta"].get("content") or "" for chunk in streamed for choice in chunk.get("choices", [])
        ),
    ]
