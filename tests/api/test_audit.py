"""The audit log: who read what, a line a request; and what happens where it cannot be written."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.principal import Principal
from api.access.rules import RULES
from api.app import create_app
from api.audit import Audited, AuditError, AuditLog, begin_change, documents_of, note_documents
from api.errors import note_failure
from index.access import ANYBODY, AccessRule
from index.errors import EmbedderError
from index.rules import Rules
from index.state import StateFolder
from tests.api.corpus import ROWS
from tests.api.service import (
    FailingScorer,
    Reply,
    SmallEngine,
    assert_problem,
    client_of,
    post,
    raw,
    settings_for,
)

QUESTION = "Who was the engineer of the Aldergate bridge?"
EVENTS = [("accept", "text/event-stream")]
JSON = [("content-type", "application/json")]
DOCUMENT = "/v1/documents/{document_id:path}"
FORM = [("content-type", "multipart/form-data; boundary=cut"), ("origin", "http://127.0.0.1:8000")]
FILE = (
    b'--cut\r\nContent-Disposition: form-data; name="files"; filename="form.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nLead rose.\r\n--cut--\r\n"
)
ANNA = Principal(
    kind="embed", subject="portal/anna", scopes=frozenset(), viewer=ANYBODY, credential="tok_1234567890"
)


def log_at(path: Path, *, max_bytes: int = 1_000_000, keep: int = 3) -> AuditLog:
    return AuditLog(path, max_bytes=max_bytes, keep=keep)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines() if line]


def requests_of(path: Path) -> list[dict[str, Any]]:
    return [line for line in lines_of(path) if "route" in line]


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file of this process grow over a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def unwritable(file: Path) -> Iterator[None]:
    """Put a folder where a log's file was, for a while."""
    file.rename(file.with_suffix(".before"))
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()


# The file


def test_a_line_has_its_time_first_and_the_file_is_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "audit.jsonl"
    log = log_at(path)
    log.write({"subject": "зина\n\u2028", "documents": ["a", "b"]})
    log.close()
    started, line = lines_of(path)
    assert started["event"] == "started"
    assert list(line) == ["at", "subject", "documents"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])
    assert line["subject"] == "зина\n\u2028"
    assert len(path.read_bytes().splitlines()) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"at": "before"}\n')
    path.chmod(0o666)
    log_at(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert lines_of(path)[0] == {"at": "before"}


def test_a_line_that_a_crash_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"at": "2026"}\n{"at": "20')
    log = log_at(path)
    log.write({"number": 1})
    log.close()
    raw_lines = path.read_bytes().splitlines()
    assert raw_lines[1] == b'{"at": "20'
    assert [json.loads(line).get("number") for line in raw_lines[2:]] == [None, 1]


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "under a file", "not ours to write"])
def test_a_file_that_cannot_be_one_is_an_error_at_the_start(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "audit.jsonl"
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(path)
        case "under a file":
            (tmp_path / "file").write_text("")
            path = tmp_path / "file" / "audit.jsonl"
        case _:
            path = Path("/proc/audit.jsonl")  # not even for the superuser, whom modes do not stop
    with pytest.raises(AuditError, match=r"cannot be opened: .+; set VERSE_AUDIT_FILE"):
        log_at(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_an_error_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"at": "before"}\n' * 100)
    with (
        disk_of(path.stat().st_size + 5),
        pytest.raises(AuditError, match="cannot be opened: File too large"),
    ):
        log_at(path)
    assert path.read_bytes() == b'{"at": "before"}\n' * 100


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit.jsonl")
    log.write({"number": 1})
    before = log.path.read_bytes()
    with disk_of(len(before) + 30), pytest.raises(AuditError, match="cannot be written: File too large"):
        log.write({"documents": ["d" * 100]})
    assert log.path.read_bytes() == before
    assert log.failing
    log.write({"number": 2})
    assert not log.failing
    log.close()
    assert [line.get("number") for line in lines_of(log.path)] == [None, 1, 2]


def test_it_rotates_by_size_and_keeps_so_many(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit.jsonl", max_bytes=4096, keep=2)
    for number in range(200):
        log.write({"number": number, "documents": ["d" * 40]})
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert all(file.stat().st_size <= 4096 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    kept = [line["number"] for file in (files[2], files[1], files[0]) for line in lines_of(file)]
    assert kept == list(range(kept[0], 200)), "oldest last, none missing between them"
    assert len(kept) > 80


def test_a_line_longer_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit.jsonl", max_bytes=4096, keep=1)
    log.write({"documents": [f"document-{n}" for n in range(1000)]})
    log.write({"number": 2})
    log.close()
    assert len(lines_of(tmp_path / "audit.jsonl.1")[-1]["documents"]) == 1000
    assert [line["number"] for line in lines_of(log.path)] == [2]


def test_lines_of_many_threads_and_two_writers_are_whole_and_in_order(tmp_path: Path) -> None:
    # Two logs on one file are what two processes are: each has its own lock and descriptor.
    logs = [log_at(tmp_path / "audit.jsonl", max_bytes=20_000, keep=100) for _ in range(2)]

    def work(me: int) -> None:
        for number in range(100):
            logs[me % 2].write({"thread": me, "number": number, "documents": ["d" * (number % 50)]})

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        log.close()
    files = [tmp_path / "audit.jsonl", *(tmp_path / f"audit.jsonl.{n}" for n in range(1, 100))]
    lines = [line for file in reversed(files) if file.exists() for line in lines_of(file)]
    written = [line for line in lines if "thread" in line]
    assert len(written) == 800
    assert len({(line["thread"], line["number"]) for line in written}) == 800
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    for me in range(8):
        assert [line["number"] for line in written if line["thread"] == me] == list(range(100))


def test_a_file_that_another_process_holds_on_to_stops_nobody_for_long(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit.jsonl")
    with log.path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(AuditError, match="cannot be written: Resource temporarily unavailable"):
            log.write({"number": 1})
        assert log.failing
    log.write({"number": 2})
    log.close()
    assert [line.get("number") for line in lines_of(log.path)] == [None, 2]


def test_a_file_that_the_operator_moved_away_is_begun_anew(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit.jsonl")
    log.write({"number": 1})
    log.path.rename(tmp_path / "taken")
    log.write({"number": 2})
    log.path.unlink()
    log.write({"number": 3})
    log.close()
    assert [line.get("number") for line in lines_of(tmp_path / "taken")] == [None, 1]
    assert [line["number"] for line in lines_of(log.path)] == [3]


# A line a request


class As:
    """Every request is somebody's, as behind a login."""

    def __init__(self, app: ASGIApp, who: Principal | None) -> None:
        self._app, self._who = app, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["request_id"] = "req_1"
            if self._who is not None:
                scope["state"]["principal"] = self._who
        await self._app(scope, receive, send)


async def _reads(request: Request) -> Response:
    note_documents(request.scope, ["a", "b", "a"])
    note_documents(request.scope, ["c"])
    return JSONResponse({}, status_code=int(request.query_params.get("status", 200)))


async def _nothing(request: Request) -> Response:
    return JSONResponse({}, status_code=int(request.query_params.get("status", 200)))


async def _breaks(_request: Request) -> Response:
    raise RuntimeError("it broke")


async def _streams(request: Request) -> Response:
    async def parts() -> Any:
        yield b"one"
        note_documents(request.scope, ["late"])
        if "failed" in request.query_params:
            note_failure(request.scope, "model_failed")
        yield b"two"

    return StreamingResponse(parts(), media_type="text/event-stream")


def small_app(log: AuditLog, who: Principal | None = ANNA) -> TestClient:
    routes = [
        Route("/v1/reads", _reads, methods=["GET", "POST"]),
        Route("/v1/things/{thing}", _nothing, methods=["GET", "DELETE"]),
        Route("/v1/streams", _streams, methods=["POST"]),
        Route("/v1/documents/{document_id:path}", _nothing, methods=["PUT"]),
        Route("/v1/breaks", _breaks, methods=["GET", "DELETE"]),
        Route("/healthz", _nothing),
    ]
    return client_of(As(Audited(Starlette(routes=routes), log), who))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    found = log_at(tmp_path / "audit.jsonl")
    yield found
    found.close()


def test_a_line_says_who_when_and_which_documents(log: AuditLog) -> None:
    with small_app(log) as client:
        raw(client, "GET", "/v1/reads?secret=canary")
    (line,) = requests_of(log.path)
    del line["at"]
    assert line == {
        "request_id": "req_1",
        "kind": "embed",
        "subject": "portal/anna",
        "credential": "tok_1234567890",
        "method": "GET",
        "route": "/v1/reads",
        "status": 200,
        "documents": ["a", "b", "c"],
    }


@pytest.mark.parametrize(
    ("method", "path", "written"),
    [
        ("GET", "/v1/reads?status=404", True),
        ("GET", "/v1/things/x", True),
        ("GET", "/v1/things/x?status=404", False),
        ("GET", "/v1/things/x?status=500", False),
        ("DELETE", "/v1/things/x", True),
        ("DELETE", "/v1/things/x?status=403", False),
        # It may have been deleted before it failed.
        ("DELETE", "/v1/things/x?status=500", True),
        ("GET", "/healthz", False),
        ("GET", "/no/such/route", False),
        ("POST", "/v1/things/x", False),
    ],
)
def test_what_reads_or_changes_is_written(log: AuditLog, method: str, path: str, written: bool) -> None:
    with small_app(log) as client:
        raw(client, method, path, headers=JSON, body=b"{}")
    assert bool(requests_of(log.path)) == written


def test_of_an_address_only_ids_of_our_making_are_kept(log: AuditLog) -> None:
    with small_app(log) as client:
        raw(client, "DELETE", "/v1/things/conv_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        for text in ("anything at all", "conv_", "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV ", "Bearer", "sk-1234"):
            raw(client, "DELETE", f"/v1/things/{text.replace(' ', '%20')}")
    first, *others = requests_of(log.path)
    assert first["on"] == {"thing": "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    assert len(others) == 5
    assert not any("on" in line for line in others)


def test_a_document_that_is_changed_is_named(log: AuditLog) -> None:
    with small_app(log) as client:
        raw(client, "PUT", "/v1/documents/reports/2024", headers=JSON, body=b"{}")
        raw(client, "PUT", "/v1/documents/anything?status=404", headers=JSON, body=b"{}")
        raw(client, "PUT", "/v1/documents/anything?status=500", headers=JSON, body=b"{}")
    changed, broken = requests_of(log.path)
    assert (changed["documents"], changed["route"]) == (["reports/2024"], "/v1/documents/{document_id:path}")
    assert (broken["documents"], broken["status"]) == ([], 500)


def test_nobody_in_particular_is_said_to_be_nobody(log: AuditLog) -> None:
    with small_app(log, None) as client:
        raw(client, "GET", "/v1/things/x")
        raw(client, "GET", "/v1/reads")
    (line,) = requests_of(log.path)
    assert (line["kind"], line["subject"], line["credential"]) == ("anonymous", "anonymous", None)


def test_a_stream_is_written_at_its_end_with_how_it_ended(log: AuditLog) -> None:
    with small_app(log) as client:
        raw(client, "POST", "/v1/streams", headers=JSON, body=b"{}")
        raw(client, "POST", "/v1/streams?failed=1", headers=JSON, body=b"{}")
    lines = requests_of(log.path)
    assert [(line["status"], line["outcome"]) for line in lines] == [(200, "complete"), (200, "model_failed")]
    assert [line["documents"] for line in lines] == [["late"], ["late"]]


def test_a_change_that_broke_is_recorded_as_one_that_may_have_been_made(log: AuditLog) -> None:
    with small_app(log) as client:
        raw(client, "DELETE", "/v1/breaks")
        raw(client, "GET", "/v1/breaks")
    (line,) = requests_of(log.path)
    assert (line["method"], line["route"], line["status"]) == ("DELETE", "/v1/breaks", 500)


def test_what_cannot_be_recorded_is_not_shown(log: AuditLog) -> None:
    with small_app(log) as client:
        with unwritable(log.path):
            for _ in range(3):
                reply = raw(client, "GET", "/v1/reads")
                assert (reply.status, reply.json()["code"]) == (503, "audit_unavailable")
                assert reply["retry-after"] == "2"
            # Nothing is begun any more: a stream's documents could not be recorded either.
            assert raw(client, "POST", "/v1/streams", headers=JSON, body=b"{}").status == 503
            assert raw(client, "GET", "/healthz").status == 200
        assert raw(client, "GET", "/v1/reads").status == 200
    assert [line.get("event") or line["route"] for line in lines_of(log.path)] == ["resumed", "/v1/reads"]


# Changes


async def _changes(request: Request) -> Response:
    begin_change(request.scope, request.query_params.getlist("of"))
    note_documents(request.scope, request.query_params.getlist("shows"))
    if "then" in request.query_params:  # the disk fails in the middle of the change
        Path(request.query_params["then"]).rename(request.query_params["then"] + ".before")
        Path(request.query_params["then"]).mkdir()
    return JSONResponse({"done": True}, status_code=int(request.query_params.get("status", 200)))


def changing_app(log: AuditLog) -> TestClient:
    return client_of(
        As(Audited(Starlette(routes=[Route("/v1/things/{thing}", _changes, methods=["PATCH"])]), log), ANNA)
    )


def change(client: TestClient, query: str = "", thing: str = "x") -> Reply:
    return raw(client, "PATCH", f"/v1/things/{thing}{query}", headers=JSON, body=b"{}")


def test_a_change_is_recorded_before_it_is_made_and_when_it_is_done(log: AuditLog) -> None:
    with changing_app(log) as client:
        assert change(client, "?of=a&of=b", "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV").status == 200
        # Whatever came of it: else a line would say that something was begun, and none how it ended.
        assert change(client, "?status=404").status == 404
    begun, done, tried, failed = requests_of(log.path)
    assert (begun["event"], begun["documents"], "status" in begun) == ("begun", ["a", "b"], False)
    assert begun["on"] == done["on"] == {"thing": "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    assert (begun["subject"], begun["route"]) == ("portal/anna", "/v1/things/{thing}")
    assert (done["status"], done["request_id"], "event" in done) == (200, begun["request_id"], False)
    assert (tried["event"], failed["status"]) == ("begun", 404)


def test_a_change_that_was_recorded_and_made_is_answered_as_made(log: AuditLog) -> None:
    with changing_app(log) as client:
        reply = change(client, f"?of=a&shows=a&then={log.path}")
        assert (reply.status, reply.json()) == (200, {"done": True})
        assert change(client, "?of=a").status == 503, "the next one is not begun"
        log.path.rmdir()
        assert change(client, "?of=a").status == 200
    assert [(line["event"], line["documents"]) for line in requests_of(Path(f"{log.path}.before"))] == [
        ("begun", ["a"])
    ]
    assert [line.get("event") for line in lines_of(log.path)] == ["resumed", "begun", None]


def test_what_a_change_shows_besides_is_not_shown_unrecorded(log: AuditLog) -> None:
    with changing_app(log) as client:
        reply = change(client, f"?of=a&shows=b&then={log.path}")
        assert (reply.status, reply.json()["code"]) == (503, "audit_unavailable")
        log.path.rmdir()


# In the service


@contextlib.contextmanager
def serving(state: Path, file: Path | None, scorer: Any = None, **values: Any) -> Iterator[TestClient]:
    settings = settings_for(state, audit_file=file, **values)
    with client_of(create_app(settings, engine=SmallEngine(state, scorer))) as client:  # type: ignore[arg-type]
        yield client


def chat(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "verse", "messages": [{"role": "user", "content": question}], **more}


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


MCP = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-06-18")]


def test_every_way_to_read_a_document_is_recorded(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with serving(small_state, file) as client:

        def line_of(reply: Reply) -> dict[str, Any]:
            assert reply.status == 200, reply.body
            line = requests_of(file)[-1]
            assert line["request_id"] == reply["x-request-id"]
            return line

        asked = post(client, "/v1/ask", {"question": QUESTION, "store": True})
        record = asked.json()
        quoted = list(dict.fromkeys(c["document_id"] for c in record["citations"]))
        assert quoted
        line = line_of(asked)
        assert (line["route"], line["documents"]) == ("/v1/ask", quoted)
        for path, content in (
            ("/v1/ask", {"question": QUESTION}),
            ("/v1/chat/completions", chat(QUESTION, stream=True)),
        ):
            line = line_of(post(client, path, content, headers=EVENTS))
            assert (line["route"], line["documents"], line["outcome"]) == (path, quoted, "complete")
        assert line_of(post(client, "/v1/chat/completions", chat(QUESTION)))["documents"] == quoted
        found = post(client, "/v1/search", {"query": QUESTION, "k": 3})
        assert line_of(found)["documents"] == list(
            dict.fromkeys(p["document_id"] for p in found.json()["passages"])
        )
        everything = [row["id"] for row in ROWS]
        assert sorted(line_of(raw(client, "GET", "/v1/documents"))["documents"]) == sorted(everything)
        assert line_of(raw(client, "GET", "/v1/documents?limit=1"))["documents"] == everything[:1]
        assert line_of(raw(client, "GET", "/v1/documents/bridge"))["documents"] == ["bridge"]
        assert line_of(raw(client, "GET", "/d/bridge?quote=0-9"))["documents"] == ["bridge"]
        page = raw(client, "GET", f"/answer?question={QUESTION.replace(' ', '+')}")
        assert line_of(page)["documents"] == quoted
        assert (
            line_of(post(client, "/mcp", tool("ask", question=QUESTION), headers=MCP))["documents"] == quoted
        )
        assert line_of(post(client, "/mcp", tool("fetch", id="bridge"), headers=MCP))["documents"] == [
            "bridge"
        ]
        assert line_of(post(client, "/mcp", tool("search", query=QUESTION, k=3), headers=MCP))["documents"]
        answer = f"/v1/answers/{record['id']}"
        line = line_of(raw(client, "GET", answer))
        assert (line["documents"], line["on"]) == (quoted, {"answer_id": record["id"]})
        (kept,) = raw(client, "GET", "/v1/conversations").json()["conversations"]
        for path in (f"/v1/conversations/{kept['id']}", f"/v1/conversations/{kept['id']}/export"):
            line = line_of(raw(client, "GET", path))
            assert (line["documents"], line["on"]) == (quoted, {"conversation_id": kept["id"]})
        line = line_of(post(client, "/v1/feedback", {"answer_id": record["id"], "rating": "up"}))
        assert (line["method"], line["route"], line["documents"]) == ("POST", "/v1/feedback", [])
        deleted = raw(client, "DELETE", f"/v1/conversations/{kept['id']}")
        assert deleted.status == 204
        line = requests_of(file)[-1]
        assert (line["method"], line["on"]) == ("DELETE", {"conversation_id": kept["id"]})
        count = len(requests_of(file))
        for path in (
            "/",
            "/docs",
            "/healthz",
            "/readyz",
            "/openapi.json",
            "/static/viewer.css",
            "/v1/models",
        ):
            assert raw(client, "GET", path).status == 200
        assert raw(client, "GET", "/v1/documents/none").status == 404
        assert raw(client, "GET", "/d/bridge?quote=9-1").status == 422
        assert len(requests_of(file)) == count
    text = file.read_text()
    for row in ROWS:
        assert row["title"] not in text
        assert row["text"][:20] not in text
    assert "engineer" not in text


def test_what_came_closest_was_shown_too(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    settings = settings_for(small_state, audit_file=file)
    engine = SmallEngine(small_state, always=False)
    with client_of(create_app(settings, engine=engine)) as client:  # type: ignore[arg-type]
        record = post(client, "/v1/ask", {"question": QUESTION}).json()
    closest = [c["document_id"] for c in record["abstention"]["closest"]]
    assert closest
    assert documents_of(record) == closest
    assert requests_of(file)[-1]["documents"] == list(dict.fromkeys(closest))


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions"])
def test_a_stream_that_breaks_is_recorded_as_broken(small_state: Path, tmp_path: Path, path: str) -> None:
    file = tmp_path / "audit.jsonl"
    content = {"question": QUESTION} if path == "/v1/ask" else chat(QUESTION, stream=True)
    with serving(small_state, file, FailingScorer(EmbedderError("it broke"))) as client:
        assert post(client, path, content, headers=EVENTS).status == 200
    (line,) = requests_of(file)
    assert (line["status"], line["outcome"], line["documents"]) == (200, "model_failed", [])


def test_the_service_answers_nothing_that_it_cannot_record(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with serving(small_state, file) as client:
        with unwritable(file):
            for _ in range(2):
                reply = raw(client, "GET", "/v1/documents/bridge")
                assert_problem(reply, 503, "audit_unavailable")
                assert b"Aldergate" not in reply.body
            assert raw(client, "GET", "/readyz").status == 200
        assert raw(client, "GET", "/v1/documents/bridge").status == 200


def test_it_is_kept_where_credentials_are_needed(small_state: Path, tmp_path: Path) -> None:
    assert settings_for(tmp_path, auth="required").audit_to == tmp_path / "audit.jsonl"
    assert settings_for(tmp_path).audit_to is None
    assert settings_for(tmp_path, audit_file=tmp_path / "a").audit_to == tmp_path / "a"
    # Other tests serve that state with credentials, and leave a log there.
    state = Path(shutil.copytree(small_state, tmp_path / "state", symlinks=True))
    (state / "audit.jsonl").unlink(missing_ok=True)
    with serving(state, None) as client:
        assert raw(client, "GET", "/v1/documents/bridge").status == 200
    assert not (state / "audit.jsonl").exists()


def test_a_service_that_could_record_nothing_does_not_start(small_state: Path, tmp_path: Path) -> None:
    settings = settings_for(small_state, audit_file=tmp_path)
    with pytest.raises(AuditError, match="VERSE_AUDIT_FILE"):
        create_app(settings, engine=SmallEngine(small_state))  # type: ignore[arg-type]


# Reads, and gives what is worth nothing unless it arrives; a stored turn is its asker's own.
CHANGES_NOTHING = {
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/mcp"),
    ("POST", "/v1/embed-tokens"),
    ("POST", "/v1/embed-tokens/exchange"),
    ("POST", "/logout"),
}


def change_everything(client: TestClient, answer: str, kept: str) -> dict[tuple[str, str], Reply]:
    def patch(path: str, content: Any) -> Reply:
        return raw(client, "PATCH", path, headers=JSON, body=json.dumps(content).encode())

    return {
        ("POST", "/v1/feedback"): post(client, "/v1/feedback", {"answer_id": answer, "rating": "up"}),
        ("PATCH", "/v1/conversations/{conversation_id}"): patch(
            f"/v1/conversations/{kept}", {"title": "Renamed"}
        ),
        ("PATCH", "/v1/documents/{document_id:path}/access"): patch(
            "/v1/documents/bridge/access", {"access": {"groups": ["board"]}}
        ),
        ("DELETE", "/v1/conversations/{conversation_id}"): raw(client, "DELETE", f"/v1/conversations/{kept}"),
        ("POST", "/v1/documents"): post(
            client, "/v1/documents", {"documents": [{"id": "new", "title": "New", "text": "Tin rose."}]}
        ),
        ("POST", "/documents"): raw(client, "POST", "/documents", headers=FORM, body=FILE),
        ("PUT", DOCUMENT): raw(
            client,
            "PUT",
            "/v1/documents/other",
            headers=JSON,
            body=b'{"title": "Other", "text": "Zinc fell."}',
        ),
        ("PATCH", DOCUMENT): patch("/v1/documents/sent", {"title": "Renamed"}),
        ("DELETE", DOCUMENT): raw(client, "DELETE", "/v1/documents/sent"),
    }


def test_nothing_is_changed_that_cannot_be_recorded(small_state: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    state = Path(shutil.copytree(small_state, tmp_path / "state", symlinks=True))
    for name in ("conversations.sqlite", "conversations.sqlite-wal", "conversations.sqlite-shm"):
        (state / name).unlink(missing_ok=True)
    rules = Rules(StateFolder(state).catalog)
    with serving(state, file) as client:
        asked = post(client, "/v1/ask", {"question": QUESTION, "store": True}).json()
        kept = asked["conversation_id"]
        sent = {"documents": [{"id": "sent", "title": "Sent", "text": "Copper fell."}]}
        to = post(client, "/v1/documents", sent)["location"]
        deadline = time.monotonic() + 30
        while raw(client, "GET", to).json()["state"] != "searchable":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = raw(client, "GET", f"/v1/conversations/{kept}").json()
        file.rename(tmp_path / "before")
        file.mkdir()
        for place, reply in change_everything(client, asked["id"], kept).items():
            assert reply.status == 503, place
            assert_problem(reply, 503, "audit_unavailable")
        file.rmdir()
        assert raw(client, "GET", f"/v1/conversations/{kept}").json() == before
        assert rules.rule_of("bridge") == AccessRule(public=True)
        count = len(requests_of(file))
        done = change_everything(client, asked["id"], kept)
        assert [reply.status for reply in done.values()] == [200, 200, 200, 204, 202, 303, 202, 202, 202]
        assert rules.rule_of("bridge") == AccessRule(groups=frozenset({"board"}))
        lines = requests_of(file)[count:]
        assert [(line.get("event"), line["method"], line["route"]) for line in lines] == [
            (event, *place) for place in done for event in ("begun", None)
        ]
        access = [line for line in lines if line["route"].endswith("/access")]
        assert [line["documents"] for line in access] == [["bridge"], ["bridge"]]
        # Of an id that leads nowhere nothing is kept: it may be anybody's text.
        nowhere = raw(
            client, "PATCH", "/v1/documents/canary/access", headers=JSON, body=b'{"access": "public"}'
        )
        assert nowhere.status == 404
        for nowhere in (
            raw(client, "DELETE", f"/v1/conversations/{kept}"),
            post(client, "/v1/feedback", {"answer_id": asked["id"], "rating": "up"}),
        ):
            assert nowhere.status == 404
        assert len(requests_of(file)) == count + len(lines)
    assert "canary" not in file.read_text()
    changing = {place for place in RULES if place[0] in ("POST", "PUT", "PATCH", "DELETE")}
    assert changing - CHANGES_NOTHING == set(done), "a route that changes something calls begin_change"


@pytest.mark.parametrize("first", [True, False])
def test_the_first_that_cannot_be_recorded_is_not_made_either(
    small_state: Path, tmp_path: Path, first: bool
) -> None:
    """`first`: the log is not known to fail yet, so that the request reaches its route."""
    file = tmp_path / "audit.jsonl"
    state = Path(shutil.copytree(small_state, tmp_path / "state", symlinks=True))
    with serving(state, file) as client, unwritable(file):
        if not first:
            assert raw(client, "GET", "/v1/documents/bridge").status == 503
        body = b'{"access": {"users": []}}'
        reply = raw(client, "PATCH", "/v1/documents/bridge/access", headers=JSON, body=body)
        assert_problem(reply, 503, "audit_unavailable")
        assert Rules(StateFolder(state).catalog).rule_of("bridge") == AccessRule(public=True)
