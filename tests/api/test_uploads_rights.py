"""Who may add, replace, change and delete which documents, and what nobody learns by trying."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.access.principal import Principal, Scope
from api.uploads.sender import is_public_by_default
from index.access import AccessRule, Viewer
from index.rules import Rules
from tests.api.guarded import Guarded, guarded
from tests.api.rights import WHO, Doc, Service, serving, serving_state
from tests.api.service import Reply, assert_problem, index_rows, raw, settings_for
from tests.api.uploading import BOUNDARY, form

MAY = frozenset({Scope.ASK, Scope.INGEST})
PEOPLE = {
    "ada": Principal(kind="key", subject="user:ada", scopes=MAY, viewer=Viewer(user="ada", groups=frozenset({"board"}))),
    "bob": Principal(kind="key", subject="user:bob", scopes=MAY, viewer=Viewer(user="bob", groups=frozenset({"board"}))),
    "connector": Principal(kind="key", subject="key:1", scopes=MAY, viewer=Viewer()),
    "admin": Principal(kind="key", subject="key:2", scopes=frozenset(Scope), viewer=Viewer()),
    "reader": Principal(kind="key", subject="user:eve", scopes=frozenset({Scope.ASK}), viewer=Viewer(user="eve")),
}  # fmt: skip
SECRET = {"id": "secret", "text": "The vault of Thornbury holds nine barrels.", "access": {"users": ["ada"]}}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    doc = Doc(row=SECRET, sentences=(str(SECRET["text"]),), marks=("vault",))
    with serving(tmp_path, [doc], PEOPLE, auth="none", upload_access="uploader") as found:
        yield found


def done(service: Service, who: str, reply: Reply) -> dict[str, Any]:
    assert reply.status == 202, reply.body
    until = time.monotonic() + 20
    while time.monotonic() < until:
        job: dict[str, Any] = service.get(who, reply["location"]).json()
        if job["state"] in ("searchable", "failed"):
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def add(service: Service, who: str, document_id: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"documents": [{"id": document_id, "text": text, **more}]}
    return done(service, who, service.send(who, "/v1/documents", body))


def rule(service: Service, document_id: str) -> AccessRule | None:
    return Rules(service.state / "catalog.sqlite").rule_of(document_id)


def test_a_new_document_is_its_senders_alone(service: Service) -> None:
    mine = add(service, "ada", "plan", "The plan of Ada for the orchard.")["documents"][0]["document_id"]
    assert mine.startswith("plan~")
    assert rule(service, mine) == AccessRule(users=frozenset({"ada"}))
    assert service.get("ada", f"/v1/documents/{mine}").status == 200
    assert service.get("bob", f"/v1/documents/{mine}").status == 404
    of_nobody = add(service, "connector", "plan", "A plan that a program sent.")["documents"][0][
        "document_id"
    ]
    assert of_nobody != mine
    assert rule(service, of_nobody) == AccessRule()
    assert add(service, "admin", "exact", "The very id.")["documents"][0]["document_id"] == "exact"
    shared = add(service, "ada", "notes", "Notes of the board.", access={"groups": ["board"]})
    assert service.get("bob", f"/v1/documents/{shared['documents'][0]['document_id']}").status == 200


def test_nobody_learns_whether_an_id_is_taken(service: Service) -> None:
    for number, taken in enumerate(("secret", "never-there")):
        job = add(service, "bob", taken, f"Something else, number {number}.")
        (row,) = job["documents"]
        assert (row["document_id"].partition("~")[0], row["change"], job["errors"]) == (taken, "added", [])
    assert service.get("ada", "/v1/documents/secret").json()["text"] == SECRET["text"]
    assert rule(service, "secret") == AccessRule(users=frozenset({"ada"}))


def test_a_foreign_document_is_neither_replaced_changed_nor_deleted(service: Service) -> None:
    mine = add(service, "ada", "plan", "The plan of Ada for the orchard.")["documents"][0]["document_id"]
    for document_id in ("secret", mine, "never-there"):
        path = f"/v1/documents/{document_id}"
        for reply in (
            service.send("bob", path, {"text": "Bob's."}, "PUT"),
            service.send("bob", path, {"title": "Bob's"}, "PATCH"),
            service.get("bob", path, "DELETE"),
        ):
            assert assert_problem(reply, 404, "not_found")["detail"] == "There is no such document."
    assert service.get("ada", f"/v1/documents/{mine}").json()["text"] == "The plan of Ada for the orchard."


def test_what_may_be_read_may_be_replaced_but_its_rule_not_changed(service: Service) -> None:
    shared = add(service, "ada", "notes", "Notes of the board.", access={"groups": ["board"]})
    path = f"/v1/documents/{shared['documents'][0]['document_id']}"
    assert done(service, "bob", service.send("bob", path, {"text": "Notes, by Bob."}, "PUT"))["errors"] == []
    assert service.get("ada", path).json()["text"] == "Notes, by Bob."
    wider = done(service, "bob", service.send("bob", path, {"text": "For all.", "access": "public"}, "PUT"))
    assert wider["errors"][0]["code"] == "access_not_allowed"
    assert service.get("ada", path).json()["text"] == "Notes, by Bob."
    assert (
        done(service, "admin", service.send("admin", path, {"text": "All.", "access": "public"}, "PUT"))[
            "errors"
        ]
        == []
    )
    assert service.get("reader", path).json()["text"] == "All."


def test_a_program_that_reads_nothing_keeps_what_it_sent_in_step(service: Service) -> None:
    first = add(service, "connector", "wiki", "The first text.", access={"groups": ["board"]})
    document_id = first["documents"][0]["document_id"]
    again = add(service, "connector", "wiki", "The second text.", access={"groups": ["board"]})
    assert (again["documents"][0]["document_id"], again["documents"][0]["change"]) == (
        document_id,
        "replaced",
    )
    assert service.get("bob", f"/v1/documents/{document_id}").json()["text"] == "The second text."
    gone = service.get("connector", f"/v1/documents/{document_id}", "DELETE")
    done(service, "connector", gone)
    assert service.get("bob", f"/v1/documents/{document_id}").status == 404


def test_jobs_are_their_senders_and_the_administrators(service: Service) -> None:
    job = add(service, "ada", "plan", "The plan of Ada for the orchard.")
    path = f"/v1/jobs/{job['job_id']}"
    assert [service.get(who, path).status for who in ("ada", "bob", "admin", "reader")] == [
        200,
        404,
        200,
        403,
    ]
    assert service.get("bob", f"/documents/jobs/{job['job_id']}").status == 404
    assert [j["job_id"] for j in service.get("admin", "/v1/jobs").json()["jobs"]] == [job["job_id"]]
    assert service.get("bob", "/v1/jobs").json()["jobs"] == []
    events = service.get("bob", path, accept="text/event-stream")
    assert_problem(events, 404, "not_found")


def test_without_the_scope_nothing_is_taken(service: Service) -> None:
    for method, path in (("POST", "/v1/documents"), ("PUT", "/v1/documents/a"), ("PATCH", "/v1/documents/a")):
        assert_problem(service.send("reader", path, {"text": "x"}, method), 403, "not_allowed")
    assert_problem(service.get("reader", "/v1/documents/secret", "DELETE"), 403, "not_allowed")
    assert service.get("reader", "/documents").status == 403


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Guarded]:
    index_rows(tmp_path, [{"id": "a", "text": "A public text."}])
    with guarded(tmp_path / "state", tmp_path, audit_file=tmp_path / "audit.jsonl") as found:
        yield found


def test_a_key_of_the_scope_ingest_adds_and_is_written_down(asked: Guarded, tmp_path: Path) -> None:
    key = asked.key("ask", "ingest", user="ada")
    body = {"documents": [{"id": "plan", "text": "The plan of Ada."}]}
    reply = asked.send("POST", "/v1/documents", key, body=body)
    assert reply.status == 202
    until = time.monotonic() + 20
    while asked.send("GET", reply["location"], key).json()["state"] != "searchable":
        assert time.monotonic() < until
        time.sleep(0.05)
    (document_id,) = [d["document_id"] for d in asked.send("GET", reply["location"], key).json()["documents"]]
    asked.send("DELETE", f"/v1/documents/{document_id}", key)
    assert_problem(asked.send("POST", "/v1/documents", asked.key("ask"), body=body), 403, "not_allowed")
    assert_problem(asked.send("POST", "/v1/documents", body=body), 401, "not_authenticated")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    changed = [
        line for line in lines if line.get("method") in ("POST", "DELETE") and line.get("event") != "begun"
    ]
    assert [(line["method"], line["route"], line["status"], line["subject"]) for line in changed] == [
        ("POST", "/v1/documents", 202, "user:ada"),
        ("DELETE", "/v1/documents/{document_id:path}", 202, "user:ada"),
    ]
    assert changed[1]["documents"] == [document_id]
    assert "The plan of Ada" not in (tmp_path / "audit.jsonl").read_text()


def test_the_default_rule_is_safe(tmp_path: Path) -> None:
    assert is_public_by_default(settings_for(tmp_path))
    assert not is_public_by_default(settings_for(tmp_path, upload_access="uploader"))
    required = {"auth": "required", "pepper": "a pepper that is long enough for one"}
    assert not is_public_by_default(settings_for(tmp_path, **required))
    assert is_public_by_default(settings_for(tmp_path, **required, upload_access="public"))


def test_a_form_of_another_site_is_refused(tmp_path: Path) -> None:
    index_rows(tmp_path, [SECRET])
    with serving_state(tmp_path / "state", [], PEOPLE) as service:
        for origin, status in (("https://evil.example", 403), ("null", 403), ("http://127.0.0.1:8000", 303)):
            headers = [
                (WHO, "admin"),
                ("content-type", f"multipart/form-data; boundary={BOUNDARY}"),
                ("origin", origin),
            ]
            reply = raw(
                service.client, "POST", "/documents", headers=headers, body=form({"a.txt": b"A text."})
            )
            assert reply.status == status, reply.body
        page = service.get("admin", reply["location"])
        assert b"Documents:" in page.body
