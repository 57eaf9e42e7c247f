"""What people ask, show and read is in no log: canaries go through every route, and none may come out there."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api.settings import Settings
from tests.api.service import index_rows

ASK = "/v1/ask"
CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}
EVENTS = {**JSON, "Accept": "text/event-stream"}


@dataclass
class Canaries:
    """Words that stand nowhere else, by what they stand for."""

    made: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, what: str) -> str:
        return self.made.setdefault(what, "Zq" + secrets.token_hex(8))

    def found_in(self, text: str) -> list[str]:
        folded = text.casefold()
        return sorted(what for what, word in self.made.items() if word.casefold() in folded)


def rows(canary: Canaries) -> list[dict[str, Any]]:
    return [
        {
            "id": f"doc-{number}",
            "title": f"Bridges {canary[f'title {number}']}",
            "publisher": f"Press {canary[f'publisher {number}']}",
            "url": f"https://press.example/{canary[f'url {number}']}",
            "language": "en",
            "text": f"The bridge of {canary[f'text {number}']} opened in 19{number}0. Its engineer was Graves.",
        }
        for number in range(1, 4)
    ]


def requests(canary: Canaries, known: dict[str, str]) -> Iterable[tuple[str, str, Any, dict[str, str]]]:
    """Yield requests to every route: right ones, wrong ones, and those that break within."""

    def question(what: str, words: str = "Who built the bridge") -> str:
        return f"{words} {canary[what]}?"

    def messages(what: str, words: str = "Who built the bridge") -> list[dict[str, str]]:
        return [{"role": "user", "content": question(what, words)}]

    for name, headers in (("whole", JSON), ("stream", EVENTS)):
        yield "POST", ASK, {"question": question(f"question {name}")}, headers
        yield "POST", ASK, {"question": question(f"exploding {name}", "explode bridge")}, headers
        yield "POST", ASK, {"question": question(f"overheating {name}", "overheat bridge")}, headers
        streamed = name == "stream"
        for kind, words in (
            ("chat", "bridge"),
            ("exploding chat", "explode bridge"),
            ("hot chat", "overheat bridge"),
        ):
            content = {"model": "verse", "stream": streamed, "messages": messages(f"{kind} {name}", words)}
            yield "POST", CHAT, content, JSON
    history = [
        {"role": "user", "content": question("history")},
        {"role": "assistant", "content": canary["said"]},
    ]
    yield "POST", ASK, {"question": "And who else?", "history": history}, JSON
    yield "POST", ASK, {"question": "bridge?", "filters": {"publishers": [canary["filter"]]}}, JSON
    yield "POST", ASK, {"question": "bridge?", canary["field name"]: 1}, JSON
    yield "POST", ASK, {"question": "bridge?", "mode": canary["mode"]}, JSON
    yield "POST", ASK, {"question": "bridge?", "mode": "generative"}, JSON
    yield "POST", ASK, f'{{"question": "{canary["broken body"]}'.encode(), JSON
    yield "POST", ASK, f"question={canary['form']}".encode(), {"Content-Type": canary["content type"]}
    yield "POST", ASK, {"question": canary["long"] * 400}, JSON
    yield (
        "POST",
        ASK,
        {"question": "bridge?", "conversation_id": f"conv_{canary['foreign conversation']}"},
        JSON,
    )
    yield "POST", "/v1/search", {"query": question("query")}, JSON
    yield "POST", "/v1/search", {"query": "bridge", "k": canary["k"]}, JSON
    yield "POST", CHAT, {"model": canary["model"], "messages": messages("other model")}, JSON
    system = [{"role": "system", "content": canary["system"]}, *messages("after system")]
    yield (
        "POST",
        CHAT,
        {"model": "verse", "messages": system, "user": canary["user"], "stop": canary["stop"]},
        JSON,
    )
    mcp = {**JSON, "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    for tool, arguments in (
        ("ask", {"question": question("mcp question")}),
        ("ask", {"question": question("mcp exploding", "explode bridge")}),
        ("ask", {"question": question("mcp overheating", "overheat bridge")}),
        ("search", {"query": question("mcp query")}),
        ("fetch", {"id": canary["mcp id"]}),
        ("fetch", {"id": "doc-1", canary["mcp field"]: 1}),
        (canary["mcp tool"], {}),
    ):
        params = {"name": tool, "arguments": arguments}
        yield "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, mcp
    yield "POST", "/mcp", canary["mcp body"].encode(), mcp
    for path in (
        "/v1/documents",
        "/v1/documents/doc-1",
        "/d/doc-2?quote=0-9",
        f"/v1/documents/{canary['document id']}",
        f"/d/{canary['viewer id']}",
        f"/d/doc-1?quote={canary['range']}",
        f"/v1/documents?cursor={canary['cursor']}",
        f"/v1/documents?limit={canary['limit']}",
        f"/v1/models/{canary['model id']}",
        f"/v1/conversations/{canary['conversation id']}",
        f"/v1/conversations/conv_{canary['likely conversation id']}",
        f"/v1/conversations/{known['conversation']}",
        f"/v1/conversations/{known['conversation']}/export?format=markdown",
        f"/v1/conversations/{known['conversation']}/export?format={canary['format']}",
        f"/v1/answers/{known['answer']}",
        f"/v1/answers/ans_{canary['likely answer id']}",
        f"/answer?question={quote(question('form question'))}",
        f"/answer?question={quote(question('exploding form', 'explode bridge'))}",
        f"/nothing/{canary['path']}?{canary['parameter']}={canary['value']}",
        f"/static/{canary['file']}.js?v={canary['version']}",
        f"/embed?code={canary['frame code']}",
        f"/login?next=/{canary['next']}",
        f"/login/callback?code={canary['login code']}&state={canary['login state']}",
        f"/#{canary['fragment']}",
        "/docs",
        "/openapi.json",
        "/readyz",
    ):
        yield "GET", path, None, {}
    yield "PATCH", f"/v1/conversations/{known['conversation']}", {"title": canary["new title"]}, JSON
    yield "PATCH", f"/v1/conversations/{known['conversation']}", {"title": canary["wrong title"] + "\n"}, JSON
    given = {"answer_id": known["answer"], "rating": "down"}
    yield "POST", "/v1/feedback", {**given, "comment": canary["comment"]}, JSON
    yield "POST", "/v1/feedback", {**given, "quote": canary["wrong quote"]}, JSON
    yield "POST", "/v1/embed-tokens/exchange", {"code": canary["exchanged code"]}, JSON
    asked = {
        "user": canary["embed user"],
        "groups": [canary["embed group"]],
        "origin": f"https://{canary['embed origin']}",
    }
    yield "POST", "/v1/embed-tokens", asked, JSON
    for name, value in (
        ("Authorization", f"Bearer {canary['bearer']}"),
        ("Authorization", f"Bearer cv_{canary['key']}"),
        ("Authorization", f"Bearer cvt_{canary['embed token']}"),
        ("Authorization", f"Basic {canary['basic']}"),
        ("Cookie", f"cv_session={canary['session']}; other={canary['cookie']}"),
        ("User-Agent", canary["agent"]),
        ("Referer", f"https://portal.example/{canary['referer']}"),
        ("Accept-Language", canary["language"]),
        ("X-Forwarded-For", canary["forwarded"]),
        ("X-Request-ID", f"not an id {canary['request id']}"),
        ("Origin", f"https://{canary['origin']}.example"),
        ("Host", f"{canary['host']}.example"),
        ("X-Unknown", canary["header"]),
        ("X-Huge", canary["huge header"] * 1500),
        ("Range", f"bytes={canary['ranges']}"),
    ):
        yield "GET", "/v1/documents", None, {name: value}
    yield canary["method"].upper(), "/v1/documents", None, {}
    yield "DELETE", f"/v1/conversations/conv_{canary['deleted']}", None, {}
    yield "DELETE", f"/v1/conversations/{known['conversation']}", None, {}


def send(port: int, method: str, path: str, content: Any, headers: dict[str, str]) -> tuple[int, bytes]:
    body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def key_for(state: Path, pepper: str) -> str:
    """Make a key with every scope, as `verse keys create` does."""
    from contextlib import closing

    from api.access.keys import Keys
    from api.access.pepper import Pepper
    from api.access.principal import Scope
    from api.store.database import Database

    with closing(Database(state / "conversations.sqlite")) as database:
        return str(Keys(database, Pepper(pepper)).create("test", frozenset(Scope), may_embed=True)[1])


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("auth", ["none", "required"])
def test_no_canary_comes_out_in_a_log(
    tmp_path: Path, child_environment: dict[str, str], auth: str, log_format: str
) -> None:
    canary = Canaries()
    index_rows(tmp_path, rows(canary))
    state, audit = tmp_path / "state", tmp_path / "audit.jsonl"
    variables = {
        "VERSE_STATE_DIR": str(state),
        "VERSE_AUDIT_FILE": str(audit),
        "VERSE_LOG_FORMAT": log_format,
        "VERSE_LOG_LEVEL": "debug",
        "VERSE_AUTH": auth,
    }
    shown: dict[str, str] = {}
    if auth == "required":
        assert "pepper" in Settings.model_fields, (
            "credentials (api/access/keys.py, VERSE_PEPPER) are not merged yet"
        )
        variables["VERSE_PEPPER"] = canary["pepper"] + "0" * 32
        key = key_for(state, variables["VERSE_PEPPER"])
        # The secret itself holds underscores now and then: cut at the first two.
        canary.made["right key"] = key.split("_", 2)[2]
        shown = {"Authorization": f"Bearer {key}"}
    out, err = tmp_path / "out", tmp_path / "err"
    statuses = []
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.canary_server"],
            env={**child_environment, **variables},
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.strip().isdigit(), err.read_text(errors="replace")[-2000:]
            port = int(first)
            status, body = send(
                port, "POST", ASK, {"question": f"bridge {canary['kept']}?", "store": True}, {**JSON, **shown}
            )
            assert status == 200, body
            listed = json.loads(send(port, "GET", "/v1/conversations", None, shown)[1])
            known = {"answer": json.loads(body)["id"], "conversation": listed["conversations"][0]["id"]}
            for method, path, content, headers in requests(canary, known):
                statuses.append(send(port, method, path, content, {**shown, **headers})[0])
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=30)
            stdout.write(rest)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
    logged = out.read_text(errors="replace") + err.read_text(errors="replace")
    recorded = audit.read_text()
    assert len(canary.made) >= 80
    assert canary.found_in(logged) == []
    assert canary.found_in(recorded) == []
    # What should be there is: the test looked at logs in which these requests are.
    assert {200, 204, 403, 404, 415, 422, 431, 500, 503} <= set(statuses), sorted(set(statuses))
    assert "doc-1" in recorded
    assert recorded.count('"route"') >= 20
    assert "request_broke" in logged
    if log_format == "json":
        lines = [json.loads(line) for line in err.read_text().splitlines()]
        told = [line for line in lines if line.get("event") == "request"]
        # `/readyz` is not logged.
        assert len(told) == len(statuses) + 2 - 1
        failed = {line["failed"] for line in told if line["status"] == 200 and "failed" in line}
        assert failed == {"internal_error", "model_failed"}, (
            "a stream that broke does not look like an answer"
        )
        assert all(line["level"] == "error" for line in told if "failed" in line)
