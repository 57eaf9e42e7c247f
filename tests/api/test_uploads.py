"""`POST`, `PUT`, `PATCH` and `DELETE` of documents: what is taken, refused, and what became of it."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api import maintenance
from api.app import create_app
from api.uploads.errors import StillReadingError
from api.uploads.jobs import Jobs, Part
from api.uploads.reading import given_up
from index.build import IndexReport, store_document, update_index
from index.errors import DocumentError, IndexBusyError, StorageFullError
from index.formats import Problem, Record
from index.settings import IndexSettings
from index.state import StateFolder
from tests.api.loopback import listening
from tests.api.service import SmallEngine, assert_problem, index_rows, raw, settings_for, write_jsonl
from tests.api.sse_reader import events as read_events
from tests.api.test_audit import disk_of
from tests.api.uploading import BOUNDARY, ROW, Uploads, form, uploads
from tests.fakes import HashEmbedder

LIGHT = b"The lighthouse of Lindow was painted for Ben Cole in 1901. It is white."
FERRY = b"The ferry of Marsham was measured by Eve Dunn in 1955. It is long."


def indexed(*arguments: Any, **more: Any) -> IndexReport:
    """Index files as soon as the worker has let go of the lock, a moment after it says that it is done."""
    until = time.monotonic() + 20
    while True:
        try:
            return update_index(*arguments, **more)
        except IndexBusyError:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Uploads]:
    with uploads(tmp_path) as found:
        yield found


def test_files_are_stored_understood_and_found(service: Uploads) -> None:
    said = {
        "light.txt": {
            "title": "The light",
            "published_at": "2020-05-06",
            "language": "en",
            "labels": {"a": "b"},
        }
    }
    reply = service.send({"light.txt": LIGHT, "ferry.md": b"# Ferries\n\n" + FERRY}, said)
    assert reply["location"] == f"/v1/jobs/{reply.json()['job_id']}"
    job = service.done(reply)
    assert (job["state"], job["errors"]) == ("searchable", [])
    light, ferry = job["documents"]
    assert light == {
        "document_id": "light.txt",
        "name": "light.txt",
        "state": "searchable",
        "change": "added",
        "title": "The light",
        "publisher": None,
        "published_at": "2020-05-06",
        "language": "en",
        "characters": len(LIGHT),
        "excluded_characters": 0,
        "pages": None,
        "document_sha256": hashlib.sha256(LIGHT).hexdigest(),
        "viewer_url": "/d/light.txt",
    }
    assert (ferry["document_id"], ferry["title"]) == ("ferry.md", "Ferries")
    found = service.call("POST", "/v1/search", {"query": "Who painted the lighthouse of Lindow?"}).json()
    assert found["passages"][0]["document_id"] == "light.txt"
    assert found["passages"][0]["text"] in LIGHT.decode()
    assert service.ids() == ["mint", "light.txt", "ferry.md"]
    assert service.spooled() == [], "what was read is not kept twice"


def test_documents_as_json_are_stored_word_for_word(service: Uploads) -> None:
    text = "Мост построил Иван 🛶 в 1841 году.\r\nЙ is й."
    body = {"documents": [{"id": "реки/1", "title": "Реки", "text": text, "url": "https://a.example/1"}]}
    job = service.done(service.call("POST", "/v1/documents", body))
    assert job["documents"][0]["document_id"] == "реки/1"
    stored = service.text("%D1%80%D0%B5%D0%BA%D0%B8%2F1")
    assert stored == "Мост построил Иван 🛶 в 1841 году.\nЙ is й."


def test_the_same_again_changes_nothing_and_another_text_replaces(service: Uploads) -> None:
    first = service.done(service.send({"light.txt": LIGHT}))
    again = service.done(service.send({"light.txt": LIGHT}))
    assert [d["change"] for d in first["documents"] + again["documents"]] == ["added", "unchanged"]
    other = service.done(service.send({"light.txt": FERRY}))
    assert other["documents"][0]["change"] == "replaced"
    assert service.text("light.txt") == FERRY.decode()
    assert service.ids() == ["mint", "light.txt"]


def test_an_idempotency_key_gets_the_first_job_again(service: Uploads) -> None:
    key = [("idempotency-key", "k-1")]
    first = service.send({"light.txt": LIGHT}, headers=key)
    service.done(first)
    again = service.send({"light.txt": LIGHT}, headers=key)
    assert (again.status, again.json()["job_id"]) == (202, first.json()["job_id"])
    assert_problem(service.send({"light.txt": FERRY}, headers=key), 422, "idempotency_key_reused")
    assert service.text("light.txt") == LIGHT.decode()
    for bad in ("", "a" * 256, "two words"):
        assert_problem(
            service.send({"a.txt": LIGHT}, headers=[("idempotency-key", bad)]), 422, "invalid_fields"
        )
    deleted = service.call("DELETE", "/v1/documents/light.txt", headers=[("idempotency-key", "d")])
    service.done(deleted)
    again = service.call("DELETE", "/v1/documents/light.txt", headers=[("idempotency-key", "d")])
    assert again.json()["job_id"] == deleted.json()["job_id"]
    assert_problem(service.call("DELETE", "/v1/documents/light.txt"), 404, "not_found")


def test_put_replaces_creates_and_takes_files_and_raw_bodies(service: Uploads) -> None:
    to = "/v1/documents/tower"
    assert (
        service.done(service.call("PUT", to, {"text": LIGHT.decode(), "title": "T"}))["documents"][0][
            "change"
        ]
        == "added"
    )
    job = service.done(service.send({"any name.txt": FERRY}, method="PUT", to=to))
    assert (job["documents"][0]["change"], job["documents"][0]["document_id"]) == ("replaced", "tower")
    assert service.text("tower") == FERRY.decode()
    reply = raw(
        service.client, "PUT", to, headers=[("content-type", "text/plain; charset=utf-8")], body=LIGHT
    )
    service.done(reply)
    assert service.text("tower") == LIGHT.decode()
    assert_problem(service.call("PUT", to, {"text": "A text.", "id": "other"}), 422, "invalid_fields")
    assert_problem(service.send({"a.txt": LIGHT, "b.txt": FERRY}, method="PUT", to=to), 422, "invalid_fields")


def test_patch_changes_metadata_and_nothing_else(service: Uploads) -> None:
    service.done(service.send({"light.txt": LIGHT}, {"light.txt": {"author": "Ben", "labels": {"a": "b"}}}))
    to = "/v1/documents/light.txt"
    job = service.done(
        service.call("PATCH", to, {"title": "Lights", "author": None, "published_at": "2021-01-02"})
    )
    assert job["kind"] == "change"
    found = service.call("GET", to).json()
    assert (found["title"], found["published_at"], found["text"]) == ("Lights", "2021-01-02", LIGHT.decode())
    for body in (
        {},
        {"title": None},
        {"access": "public"},
        {"titel": "x"},
        {"published_at": "soon"},
        {"url": "ftp://x"},
    ):
        assert_problem(service.call("PATCH", to, body), 422, "invalid_fields")
    assert_problem(service.call("PATCH", "/v1/documents/none", {"title": "x"}), 404, "not_found")
    assert_problem(service.call("PATCH", "/v1/documents/mint", {"title": "x"}), 409, "other_source")


def test_what_is_deleted_is_gone_at_once_everywhere(service: Uploads) -> None:
    service.done(service.send({"light.txt": LIGHT}))
    asked = service.call(
        "POST", "/v1/ask", {"question": "Who was the lighthouse of Lindow painted for?", "store": True}
    ).json()
    assert asked["citations"][0]["document_id"] == "light.txt"
    with StateFolder(service.state).writing():  # so that nothing can be published
        reply = service.call("DELETE", "/v1/documents/light.txt")
        assert reply.status == 202
        for path in ("/v1/documents/light.txt", "/d/light.txt"):
            assert service.call("GET", path).status == 404
        found = service.call("POST", "/v1/search", {"query": "lighthouse of Lindow"}).json()
        assert "light.txt" not in json.dumps(found)
        kept = service.call("GET", f"/v1/conversations/{asked['conversation_id']}").body.decode()
        assert "painted for Ben Cole" not in kept
        assert "light.txt" not in service.ids()
        listed = service.call("GET", "/v1/jobs").body.decode()
        assert hashlib.sha256(LIGHT).hexdigest() not in listed
        time.sleep(0.7)
        assert "another process is writing" in str(service.call("GET", reply["location"]).json()["waiting"])
    assert service.done(reply)["documents"][0]["change"] == "removed"
    assert service.text("light.txt") is None
    assert_problem(service.call("DELETE", "/v1/documents/light.txt"), 404, "not_found")


def test_a_deleted_document_is_not_brought_back_by_what_was_sent_before(tmp_path: Path) -> None:
    """Out of order: the upload is read only after its deletion was acknowledged."""
    with uploads(tmp_path) as service:
        service.done(service.send({"light.txt": LIGHT}))
        with StateFolder(service.state).writing():
            late = service.send({"light.txt": FERRY})
            gone = service.call("DELETE", "/v1/documents/light.txt")
            assert gone.status == 202
        job = service.done(late)
        assert (job["state"], job["errors"][0]["code"]) == ("failed", "deleted")
        service.done(gone)
        assert service.text("light.txt") is None
        assert service.done(service.send({"light.txt": FERRY}))["documents"][0]["change"] == "added"
        assert service.text("light.txt") == FERRY.decode()


def test_a_document_that_was_not_read_yet_can_be_deleted(tmp_path: Path) -> None:
    """A new document, deleted before anybody had time to read it, does not appear afterwards."""
    with uploads(tmp_path) as service:
        with StateFolder(service.state).writing():
            sent = service.send({"light.txt": LIGHT, "ferry.txt": FERRY})
            gone = service.call("DELETE", "/v1/documents/light.txt")
            assert gone.status == 202
        job = service.done(sent)
        assert [d["document_id"] for d in job["documents"]] == ["ferry.txt"]
        assert [(e["name"], e["code"]) for e in job["errors"]] == [("light.txt", "deleted")]
        assert service.done(gone)["state"] == "searchable"
        assert (service.text("light.txt"), service.text("ferry.txt")) == (None, FERRY.decode())
        # Nothing is on its way any more.
        assert_problem(service.call("DELETE", "/v1/documents/light.txt"), 404, "not_found")


def test_an_id_of_another_source_is_refused_and_both_are_named(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        reply = service.call("PUT", "/v1/documents/mint", {"text": "Mine."})
        said = assert_problem(reply, 409, "other_source")["detail"]
        assert "'mint'" in said
        assert "'rows.jsonl'" in said
        assert str(tmp_path) not in said
        job = service.done(
            service.call("POST", "/v1/documents", {"documents": [{"id": "mint", "text": "Mine."}]})
        )
        assert (job["state"], job["errors"][0]["code"]) == ("failed", "other_source")
        assert service.text("mint") == ROW["text"]
        service.done(service.send({"light.txt": LIGHT}))
        # And the other way round: a file may not take the id of an upload.
        path = write_jsonl(tmp_path / "more.jsonl", [{"id": "light.txt", "text": "A file's text."}])
        report = indexed(StateFolder(service.state), [path], HashEmbedder(), IndexSettings())
        assert "'light.txt' already belongs to a document of upload" in str(report.problems[0])


def test_pruning_a_folder_leaves_uploads_alone(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        service.done(service.send({"light.txt": LIGHT}))
        index_rows(tmp_path, [{"id": "other", "text": "Another document."}], prune=True)
        service.done(service.send({"ferry.txt": FERRY}))
        assert service.ids() == ["light.txt", "other", "ferry.txt"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form({}), 422, "invalid_fields"),
        (form({"a.txt": LIGHT}, end=False), 400, "malformed"),
        (b"", 400, "malformed"),
        (b"no form at all", 400, "malformed"),
        (form({"a.exe": b"MZ"}), 415, "unsupported_type"),
        (form({"a.txt": LIGHT}, b"{"), 400, "malformed"),
        (form({"a.txt": LIGHT}, []), 422, "invalid_fields"),
        (form({"a.txt": LIGHT}, {"b.txt": {}}), 422, "invalid_fields"),
        (form({"a.txt": LIGHT}, {"a.txt": {"titel": "x"}}), 422, "invalid_fields"),
        (form({"a.txt": LIGHT}, {"a.txt": {"access": "Public"}}), 422, "invalid_fields"),
        (form({"a.txt": LIGHT}, {"a.txt": {"id": ".."}}), 422, "invalid_fields"),
        (form({"a.txt": LIGHT, "b.txt": FERRY}, {"a.txt": {"id": "x"}, "b.txt": {"id": "x"}}), 422, "invalid_fields"),
        (form([(b"a.txt", LIGHT), (b"x/a.txt", FERRY)]), 422, "invalid_fields"),
        (form({f"{n}.txt": LIGHT for n in range(101)}), 413, "too_large"),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_is_refused_whole(body: bytes, status: int, code: str, service: Uploads) -> None:
    content = assert_problem(service.send(body), status, code)
    if status == 422:
        assert content["errors"][0]["path"][0] == "body"
    if status == 415:
        assert ".txt" in content["detail"]
    assert service.call("GET", "/v1/jobs").json()["jobs"] == []
    assert service.spooled() == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"documents": []}, ["body", "documents"]),
        ({"documents": [{"id": "a", "text": "x"}, {"id": "b"}]}, ["body", "documents", "1", "text"]),
        ({"documents": [{"id": "a", "text": " \n"}]}, ["body", "documents", "0", "text"]),
        ({"documents": [{"id": "a", "text": "\ud800"}]}, ["body", "documents", "0", "text"]),
        ({"documents": [{"id": 7, "text": "x"}]}, ["body", "documents", "0", "id"]),
        ({"documents": [{"id": "a", "text": "x", "Access": "public"}]}, ["body", "documents", "0", "Access"]),
        ({"documents": [{"id": "a", "text": "x"}] * 2}, ["body"]),
        ([], ["body"]),
    ],
)
def test_json_that_is_wrong_names_the_field(body: object, path: list[str], service: Uploads) -> None:
    content = assert_problem(service.call("POST", "/v1/documents", body), 422, "invalid_fields")
    assert content["errors"][0]["path"] == path


def test_types_that_no_route_takes_are_refused_before_they_are_read(service: Uploads) -> None:
    for kind in ("text/plain", "application/pdf", "", "multipart/mixed"):
        reply = raw(service.client, "POST", "/v1/documents", headers=[("content-type", kind)], body=LIGHT)
        assert_problem(reply, 415, "unsupported_type")
    put = raw(service.client, "PUT", "/v1/documents/a", headers=[("content-type", "image/png")], body=b"x")
    assert "text/plain" in assert_problem(put, 415, "unsupported_type")["detail"]
    multipart = [("content-type", f"multipart/form-data; boundary={BOUNDARY}")]
    for route in ("/v1/ask", "/v1/search", "/v1/feedback", "/mcp"):
        reply = raw(service.client, "POST", route, headers=multipart, body=form({"a.txt": LIGHT}))
        assert reply.status == 415


def test_what_is_too_large_is_refused_by_its_length_and_by_its_bytes(tmp_path: Path) -> None:
    with uploads(tmp_path, upload_max_mib=1) as service:
        many = form({"a.txt": b"x" * 1024 * 1024})
        length = [("content-length", str(len(many)))]
        assert_problem(service.send(many, headers=length), 413, "too_large")
        assert_problem(service.send(b"", body=[many[:600_000], many[600_000:]]), 413, "too_large")
        assert service.spooled() == []
        service.done(service.send({"a.txt": b"A line of a text. " * 50_000}))


def test_one_bad_file_of_several_is_named_and_the_rest_stored(service: Uploads) -> None:
    files = {"a.txt": LIGHT, "empty.txt": b"", "odd.txt": b"\x00\x01\x02\xff" * 40, "x.exe": b"MZ"}
    job = service.done(service.send(files))
    assert job["state"] == "searchable"
    assert [d["name"] for d in job["documents"]] == ["a.txt"]
    assert {e["name"]: e["code"] for e in job["errors"]} == {
        "empty.txt": "unreadable", "odd.txt": "encoding", "x.exe": "unsupported_type",
    }  # fmt: skip
    nothing = service.done(service.send({"empty.txt": b""}))
    assert (nothing["state"], nothing["documents"]) == ("failed", [])


def test_lines_of_one_file_are_documents_of_one_job(service: Uploads) -> None:
    rows = [{"id": f"r{n}", "text": f"Row {n} tells of the orchard."} for n in range(5)]
    lines = "".join(json.dumps(row) + "\n" for row in rows) + "{broken\n"
    job = service.done(service.send({"rows.jsonl": lines.encode()}))
    assert [d["document_id"] for d in job["documents"]] == ["r0", "r1", "r2", "r3", "r4"]
    assert "line 6" in job["errors"][0]["detail"]
    named = service.done(service.send({"rows.jsonl": lines.encode()}, {"rows.jsonl": {"id": "one"}}))
    assert named["errors"][-1]["code"] == "many_documents"
    # One id is for one document: of several, none takes the place of the others.
    put = service.done(service.send({"rows.jsonl": lines.encode()}, method="PUT", to="/v1/documents/tower"))
    assert (put["state"], put["errors"][-1]["code"]) == ("failed", "many_documents")
    assert service.call("GET", "/v1/documents/tower").status == 404


TRAVERSAL = [
    (up * depth + name).encode()
    for up in ("../", "..\\", "/", "%2e%2e/", "....//", "..%2f", "C:\\", "\\\\host\\share\\")
    for depth in (1, 6)
    for name in ("etc/passwd.txt", "CURRENT.txt", "state/catalog.sqlite.txt", "a/../../b.txt", "~root.txt")
]


def test_names_of_80_hostile_files_write_nowhere_else(service: Uploads, tmp_path: Path) -> None:
    assert len(TRAVERSAL) == 80
    before = {p for p in tmp_path.rglob("*") if p.is_file() and "state" not in p.relative_to(tmp_path).parts}
    jobs = []
    for number, name in enumerate(TRAVERSAL):
        jobs.append(service.send([(name, b"Text number %d of a hostile file." % number)]))
    for job in jobs:
        for document in service.done(job)["documents"]:
            assert not {"/", "\\"} & set(document["name"])
            assert document["document_id"] not in (".", "..")
    assert {
        p for p in tmp_path.rglob("*") if p.is_file() and "state" not in p.relative_to(tmp_path).parts
    } == before
    top = {p.name.removesuffix("-wal").removesuffix("-shm") for p in service.state.iterdir()}
    assert top <= {
        "catalog.sqlite",
        "jobs.sqlite",
        "conversations.sqlite",
        "uploads",
        "generations",
        "models",
        "CURRENT",
        "writer.lock",
    } | {p for p in top if p.startswith("conversations")}
    assert service.spooled() == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\xff\xfe\xfa.txt", "\ufffd\ufffd\ufffd.txt"),
        (b"", "file"),
        (b"..", "file"),
        ("отчёт № 7.txt".encode(), "отчёт № 7.txt"),
        ("a\u202eb\x01.txt".encode(), "ab.txt"),
        (b"n" * 5000 + b".txt", "n" * 196 + ".txt"),
        (b"a%22b.txt", 'a"b.txt'),
    ],
)
def test_odd_names_are_shown_in_a_form_that_harms_nobody(name: bytes, shown: str, service: Uploads) -> None:
    reply = service.send([(name, LIGHT)], headers=[])
    if len(name) > 4000:
        assert_problem(reply, 400, "malformed")
        return
    if not shown.endswith(".txt"):
        assert reply.status == 415
        return
    assert service.done(reply)["documents"][0]["name"] == shown


def test_a_client_that_leaves_in_the_middle_leaves_nothing(service: Uploads) -> None:
    body = form({"a.txt": LIGHT * 2000})
    with listening(create_app(settings_for(service.state), engine=SmallEngine(service.state))) as server:  # type: ignore[arg-type]
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            head = (
                f"POST /v1/documents HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body[: len(body) // 2])
            time.sleep(0.3)
        until = time.monotonic() + 10
        while service.spooled() and time.monotonic() < until:
            time.sleep(0.05)
        assert service.spooled() == []
        assert service.call("GET", "/v1/jobs").json()["jobs"] == []


def test_a_job_can_be_watched(service: Uploads) -> None:
    reply = service.send({"light.txt": LIGHT, "empty.txt": b""})
    watched = raw(service.client, "GET", reply["location"], headers=[("accept", "text/event-stream")])
    assert watched["content-type"].startswith("text/event-stream")
    events = read_events(watched.body)
    names = [event.name for event in events]
    assert names.count("document") == 1
    assert names.count("error") == 1
    assert names[-2:] == ["state", "done"]
    assert json.loads(events[-2].data) == {"state": "searchable", "waiting": None}
    assert json.loads(events[-1].data) == service.call("GET", reply["location"]).json()
    for path in ("/v1/jobs/none", "/v1/jobs/job_" + "0" * 26):
        assert_problem(service.call("GET", path), 404, "not_found")


def test_jobs_are_listed_page_by_page_the_newest_first(service: Uploads) -> None:
    sent = []
    for number in range(5):
        sent.append(service.done(service.send({f"{number}.txt": LIGHT}))["job_id"])
        time.sleep(0.002)
    first = service.call("GET", "/v1/jobs?limit=3").json()
    assert [job["job_id"] for job in first["jobs"]] == sent[:1:-1]
    rest = service.call("GET", f"/v1/jobs?limit=3&cursor={first['next_cursor']}").json()
    assert ([job["job_id"] for job in rest["jobs"]], rest["next_cursor"]) == (sent[1::-1], None)


def same_documents_from(clients: int, documents: int, folder: Path) -> None:
    with uploads(folder) as service:
        sizes = range(0, documents, 20)

        def client(number: int) -> list[dict[str, Any]]:
            found = []
            for start in sizes:
                files = {
                    f"{n}.txt": f"Text {n} tells of the granary of Quillby {n}.".encode()
                    for n in range(start, start + 20)
                }
                while (reply := service.send(files)).status == 503:
                    time.sleep(0.1)
                found.append(service.done(reply))
            return found

        with ThreadPoolExecutor(clients) as pool:
            jobs = [job for found in pool.map(client, range(clients)) for job in found]
        assert {job["state"] for job in jobs} == {"searchable"}
        changes = [d["change"] for job in {j["job_id"]: j for j in jobs}.values() for d in job["documents"]]
        assert changes.count("added") == documents
        assert set(changes) <= {"added", "unchanged"}
        assert sorted(service.ids()) == sorted(["mint", *(f"{n}.txt" for n in range(documents))])
        assert service.spooled() == []


def test_two_clients_send_the_same_documents_at_once(tmp_path: Path) -> None:
    same_documents_from(2, 40, tmp_path)


@pytest.mark.long
def test_sixteen_clients_send_the_same_200_documents_at_once(tmp_path: Path) -> None:
    same_documents_from(16, 200, tmp_path)


def test_too_much_that_waits_is_refused_and_said_so(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.sqlite")
    sender = {"subject": "s"}
    jobs.add("add", sender, "1", [Part(number=0, name="a", sha256="1", count=1000)])
    with uploads(tmp_path, [ROW]) as service, StateFolder(service.state).writing():
        body = {"documents": [{"id": f"d{n}", "text": f"Text {n}."} for n in range(1000)]}
        assert service.call("POST", "/v1/documents", body).status == 202
        reply = service.send({"a.txt": LIGHT})
        assert_problem(reply, 503, "queue_full")
        assert service.spooled() != []
    jobs.close()


def test_nothing_is_acknowledged_that_cannot_be_written(
    service: Uploads,
) -> None:
    service.done(service.send({"light.txt": LIGHT}))
    with disk_of(4096):
        assert_problem(service.send({"big.txt": b"A long text. " * 5000}), 507, "storage_full")
    assert service.text("light.txt") == LIGHT.decode()
    assert service.spooled() == []
    service.done(service.send({"big.txt": b"A long text. " * 5000}))


def test_a_damaged_file_of_jobs_is_said_and_questions_go_on(tmp_path: Path) -> None:
    index_rows(tmp_path, [ROW])
    (tmp_path / "state" / "jobs.sqlite").write_bytes(b"no database at all, but long enough to be one" * 30)
    with uploads(tmp_path, []) as service:
        assert_problem(service.send({"a.txt": LIGHT}), 503, "jobs_damaged")
        assert_problem(service.call("GET", "/v1/jobs"), 503, "jobs_damaged")
        assert service.text("mint") == ROW["text"]


def test_what_waits_when_the_service_stops_is_done_at_the_next_start(tmp_path: Path) -> None:
    with uploads(tmp_path) as service, StateFolder(service.state).writing():
        replies = [service.send({f"{n}.txt": b"Text %d of the ferry." % n}) for n in range(3)]
        assert {reply.json()["state"] for reply in replies} == {"received"}
        service.intake.close(5)
    with uploads(tmp_path, []) as again:
        for number, reply in enumerate(replies):
            job = again.done(reply)
            assert (job["state"], job["documents"][0]["document_id"]) == ("searchable", f"{number}.txt")
        assert again.spooled() == []


def test_a_kill_between_storing_and_saying_so_stores_nothing_twice(tmp_path: Path) -> None:
    """As after SIGKILL: the document is in the catalog, its job still says that it is being read."""
    with uploads(tmp_path) as service, StateFolder(service.state).writing():
        reply = service.send({"light.txt": LIGHT})
        job = service.intake.jobs.next()
        assert job is not None
        service.intake.worker.stop(5)
        service.intake.jobs.begin(job)
    with uploads(tmp_path, []) as again:
        assert again.done(reply)["documents"][0]["change"] == "added"
        assert again.ids() == ["mint", "light.txt"]


def test_a_file_that_was_damaged_in_the_spool_is_refused(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        with StateFolder(service.state).writing():
            reply = service.send({"light.txt": LIGHT})
            (name,) = service.spooled()
            assert name == hashlib.sha256(LIGHT).hexdigest()
            (service.state / "uploads" / name).write_bytes(FERRY)
        job = service.done(reply)
        assert (job["state"], "damaged" in job["errors"][0]["detail"]) == ("failed", True)


def test_a_file_on_which_the_service_dies_is_given_up(tmp_path: Path) -> None:
    with uploads(tmp_path) as service, StateFolder(service.state).writing():
        reply = service.send({"light.txt": LIGHT})
        service.intake.worker.stop(5)
        job = service.intake.jobs.next()
        assert job is not None
        for _ in range(3):
            service.intake.jobs.begin(job)
    with uploads(tmp_path, []) as again:
        job_now = again.done(reply)
        assert (job_now["state"], job_now["errors"][0]["code"]) == ("failed", "unreadable")


def test_a_full_disk_a_stop_and_a_deletion_never_use_up_the_attempts(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        service.done(service.send({"light.txt": LIGHT}))
        jobs = service.intake.jobs
        with StateFolder(service.state).writing():
            deletion = service.call("DELETE", "/v1/documents/light.txt")
            sent = service.send({"ferry.txt": FERRY})
            service.intake.worker.stop(5)
            waiting = jobs.next()
            assert waiting is not None
            for _ in range(5):
                jobs.begin(waiting)
            ferry = jobs.find(sent.json()["job_id"])
            assert ferry is not None
            for _ in range(5):
                jobs.begin(ferry)
                jobs.take_back(ferry)
    with uploads(tmp_path, []) as again:
        assert [d["change"] for d in again.done(deletion)["documents"]] == ["removed"]
        assert [d["change"] for d in again.done(sent)["documents"]] == ["added"]


def test_what_failed_at_the_disk_is_stored_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = store_document, [StorageFullError("the disk is full")] * 6

    def store(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments)

    monkeypatch.setattr("api.uploads.worker.store_document", store)
    with uploads(tmp_path) as service:
        job = service.done(service.send({"light.txt": LIGHT}))
        assert (job["state"], job["errors"], failures) == ("searchable", [], [])


def test_a_part_that_was_read_begins_the_count_anew_and_what_was_stored_is_told(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.sqlite")
    jobs.add("add", {"subject": "s"}, "1", [Part(number=0, name="a"), Part(number=1, name="b")])
    job = jobs.next()
    assert job is not None
    assert [jobs.begin(job) for _ in range(3)] == [1, 2, 3]
    jobs.note(job, job.parts[0], [{"document_id": "a"}], [], done=False)
    assert jobs.begin(job) == 4
    jobs.note(job, job.parts[0], [{"document_id": "a"}], [], done=True)
    assert jobs.begin(job) == 2


def test_nothing_is_kept_of_a_file_that_was_given_up() -> None:
    read = Record(where="a.zip, member x.txt", text="A text.")
    of_a_member = Problem(error=DocumentError("a.zip, member y.txt", "is empty"))
    note = Problem(error=DocumentError("a.zip", "is PDF, whatever its name says; read as that"), fatal=False)
    late = Problem(error=DocumentError("a.zip", "took longer than 6 s and was given up"))
    assert not given_up([read, of_a_member, note], "a.zip")
    assert given_up([read, late], "a.zip")


def test_ended_jobs_are_deleted_after_their_time(tmp_path: Path) -> None:
    now = [1_000_000_000_000]
    jobs = Jobs(tmp_path / "jobs.sqlite", now=lambda: now[0])
    sender = {"subject": "s"}
    first = jobs.add("add", sender, "1", [Part(number=0, name="a", done=True)])
    waits = jobs.add("add", sender, "2", [Part(number=0, name="b")], key="k")
    now[0] += 31 * 24 * 3600 * 1000
    assert (jobs.expire(0), jobs.expire(31), jobs.expire(30)) == (0, 0, 1)
    assert jobs.find(first) is None
    assert jobs.find(waits) is not None
    # And a key counts for a day.
    third = jobs.add("add", sender, "3", [Part(number=0, name="c")], key="k")
    assert third != waits
    jobs.close()


def test_forgetting_takes_a_document_out_of_the_jobs_too(tmp_path: Path) -> None:
    rows = (
        b'{"id": "one", "title": "Quicksilver", "text": "One text."}\n{"id": "two", "text": "Two texts."}\n'
    )
    with uploads(tmp_path) as service:
        secret = service.send(
            {"orsova.txt": LIGHT}, {"orsova.txt": {"title": "Ottoline", "publisher": "Graves"}}
        )
        both = service.send({"both.jsonl": rows})
        service.done(secret)
        service.done(both)
    settings = settings_for(tmp_path / "state")
    done = maintenance.forget(settings, ["orsova.txt", "one"], HashEmbedder())
    assert done.left_in == ()
    held = b"".join(path.read_bytes() for path in tmp_path.joinpath("state").rglob("jobs.sqlite*"))
    assert [word for word in (b"Ottoline", b"Graves", b"Quicksilver") if word in held] == []
    assert b"both.jsonl" in held
    with uploads(tmp_path, []) as service:
        told = service.call("GET", secret["location"]).json()
        assert (told["state"], told["documents"][0]["document_id"]) == ("searchable", "orsova.txt")
        assert (told["documents"][0]["name"], told["documents"][0]["title"]) == ("", None)
        told = service.call("GET", both["location"]).json()
        assert [(d["name"], d["characters"]) for d in told["documents"]] == [("", None), ("both.jsonl", 10)]


def test_nothing_is_forgotten_while_an_upload_may_bring_it_back(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        service.done(service.send({"light.txt": LIGHT}))
        with StateFolder(service.state).writing():
            late = service.send({"light.txt": FERRY})
            with pytest.raises(StillReadingError, match="1 uploads still wait to be read"):
                maintenance.forget(settings_for(tmp_path / "state"), ["light.txt"], HashEmbedder())
        service.done(late)
        assert service.text("light.txt") == FERRY.decode()


def test_an_index_that_was_emptied_takes_a_document_again(tmp_path: Path) -> None:
    with uploads(tmp_path) as service:
        service.done(service.call("DELETE", "/v1/documents/mint"))
        assert service.ids() == []
        service.done(service.send({"light.txt": LIGHT}))
        assert service.ids() == ["light.txt"]
