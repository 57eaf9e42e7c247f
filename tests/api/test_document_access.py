"""`PATCH /v1/documents/{id}/access` and `verse access`: who may say it, what is refused, when it holds."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from api.access.principal import LOCAL, Principal, Scope
from index.access import AccessRule, Viewer
from index.errors import AccessChangedError
from index.rules import Rules, set_access
from index.state import StateFolder
from rag.answer import Ask, answer_steps
from rag.events import DeltaEvent
from tests.api.rights import WHO, Doc, make_doc, people, seen_of, serving
from tests.api.service import GatedScorer, SmallEngine, assert_problem, index_rows, raw

SLASHED = "reports/2024/№ 7 ?x=1#y/access"
SLASHED_IN_URL = "reports%2F2024%2F%E2%84%96%207%20%3Fx%3D1%23y%2Faccess"


@pytest.fixture
def docs() -> list[Doc]:
    rng = random.Random(10)
    found = [
        make_doc(number, rng, access) for number, access in enumerate(["public", {"groups": ["group-1"]}])
    ]
    odd = make_doc(2, rng, "public")
    return [*found, Doc(row={**odd.row, "id": SLASHED}, sentences=odd.sentences, marks=odd.marks)]


def rule(folder: Path, document_id: str) -> AccessRule | None:
    return Rules(StateFolder(folder / "state").catalog).rule_of(document_id)


def test_a_rule_holds_for_the_very_next_request(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        path = f"/v1/documents/{docs[0].id}"
        for _ in range(20):
            names = {"users": ["user-1"], "groups": []}
            done = service.send("operator", f"{path}/access", {"access": names}, "PATCH")
            assert done.json() == {"document_id": docs[0].id, "access": names}
            assert [service.get(who, path).status for who in ("user-1", "user-2", "nobody")] == [
                200,
                404,
                404,
            ]
            assert (
                seen_of([docs[0]], service.send("user-2", "/v1/search", {"query": "keeper"}).body.decode())
                == []
            )
            done = service.send("operator", f"{path}/access", {"access": "public"}, "PATCH")
            assert done.json() == {"document_id": docs[0].id, "access": "public"}
            assert service.get("nobody", path).status == 200


def test_an_id_of_any_form_can_be_named(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        path = f"/v1/documents/{SLASHED_IN_URL}"
        assert service.get("nobody", path).status == 200
        assert service.send("operator", f"{path}/access", {"access": {"users": []}}, "PATCH").status == 200
        assert service.get("nobody", path).status == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"access": null}', 422, "invalid_fields"),
        (b'{"access": "Public"}', 422, "invalid_fields"),
        (b'{"access": {}}', 422, "invalid_fields"),
        (b'{"access": {"users": "ada"}}', 422, "invalid_fields"),
        (b'{"access": {"users": ["ada"], "all": true}}', 422, "invalid_fields"),
        (b'{"access": "public", "more": 1}', 422, "invalid_fields"),
        (b"{}", 422, "invalid_fields"),
        (b"", 422, "invalid_fields"),
        (b"{", 400, "malformed"),
        (b'"public"', 422, "invalid_fields"),
    ],
)
def test_a_malformed_rule_changes_nothing(
    body: bytes, status: int, code: str, docs: list[Doc], tmp_path: Path
) -> None:
    with serving(tmp_path, docs) as service:
        headers = [(WHO, "operator"), ("content-type", "application/json")]
        path = f"/v1/documents/{docs[1].id}/access"
        assert_problem(raw(service.client, "PATCH", path, headers=headers, body=body), status, code)
        assert rule(tmp_path, docs[1].id) == AccessRule(groups=frozenset({"group-1"}))


def test_only_an_administrator_may_say_it(docs: list[Doc], tmp_path: Path) -> None:
    known = people()
    known["reader"] = Principal(
        kind="key", subject="r", scopes=frozenset({Scope.ASK, Scope.INGEST}), viewer=Viewer(everything=True)
    )
    known["admin"] = Principal(kind="key", subject="a", scopes=frozenset({Scope.ADMIN}), viewer=Viewer())
    with serving(tmp_path, docs, known) as service:
        path = f"/v1/documents/{docs[1].id}/access"
        assert_problem(service.send("reader", path, {"access": "public"}, "PATCH"), 403, "not_allowed")
        assert service.send("admin", path, {"access": "public"}, "PATCH").status == 200
        absent = service.send("admin", "/v1/documents/none/access", {"access": "public"}, "PATCH")
        assert_problem(absent, 404, "not_found")
        headers = [(WHO, "admin"), ("content-type", "text/plain")]
        plain = raw(service.client, "PATCH", path, headers=headers, body=b'{"access": "public"}')
        assert_problem(plain, 415, "unsupported_type")


def test_a_rule_can_be_set_while_documents_are_being_indexed(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service, StateFolder(service.state).writing():
        path = f"/v1/documents/{docs[0].id}"
        assert service.send("operator", f"{path}/access", {"access": {"users": []}}, "PATCH").status == 200
        assert service.get("nobody", path).status == 404


def test_many_changes_at_once_are_all_kept(docs: list[Doc], tmp_path: Path) -> None:
    rng = random.Random(11)
    many = [make_doc(number, rng, "public") for number in range(24)]
    with serving(tmp_path, many) as service:

        def revoke(doc: Doc) -> None:
            done = service.send(
                "operator", f"/v1/documents/{doc.id}/access", {"access": {"users": []}}, "PATCH"
            )
            assert done.status == 200

        threads = [threading.Thread(target=revoke, args=(doc,)) for doc in many]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert service.get("nobody", "/v1/documents").json()["documents"] == []


def test_an_answer_that_is_being_made_when_a_source_is_revoked_is_an_error(
    docs: list[Doc], tmp_path: Path
) -> None:
    index_rows(tmp_path, [doc.row for doc in docs])
    scorer = GatedScorer()
    engine = SmallEngine(tmp_path / "state", scorer)
    engine.refresh()
    viewer = Viewer(groups=frozenset({"group-1"}))
    found: list[Any] = []

    def work() -> None:
        try:
            for event in answer_steps(Ask(question=docs[1].sentences[0], viewer=viewer), engine.stages()):
                found.append(event)
        except AccessChangedError as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert scorer.begun.acquire(timeout=20)
    set_access(StateFolder(tmp_path / "state").catalog, docs[1].id, AccessRule())
    scorer.gate.set()
    thread.join(20)
    assert isinstance(found[-1], AccessChangedError)
    assert not any(isinstance(event, DeltaEvent) for event in found)
    assert seen_of([docs[1]], str(found[-1])) == []


def test_the_local_principal_may_do_everything() -> None:
    assert LOCAL.viewer.everything
    assert LOCAL.scopes == frozenset(Scope)


def verse(state: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "VERSE_STATE_DIR": str(state)},
    )


def test_the_command_line_shows_and_sets_rules(
    docs: list[Doc], tmp_path: Path, child_environment: dict[str, str]
) -> None:
    index_rows(tmp_path, [doc.row for doc in docs])
    state = tmp_path / "state"

    def run(*arguments: str) -> tuple[int, str]:
        done = verse(state, child_environment, "access", *arguments)
        return done.returncode, done.stdout or done.stderr

    assert run(docs[1].id) == (0, "group group-1\n")
    assert run(docs[1].id, "--user", "b", "--user", "a", "--group", "g") == (0, "user a\nuser b\ngroup g\n")
    status, printed = run(docs[1].id, "--nobody", "--json")
    assert (status, json.loads(printed)) == (
        0,
        {"document_id": docs[1].id, "access": {"users": [], "groups": []}},
    )
    assert rule(tmp_path, docs[1].id) == AccessRule()
    assert run(docs[1].id, "--public") == (0, "everybody who may ask\n")
    status, printed = run(docs[1].id, "--public", "--user", "a")
    assert status == 2
    assert "exclude each other" in printed
    status, printed = run("none", "--public")
    assert status == 2
    assert "no document 'none'" in printed
    status, printed = run(docs[1].id, "--user", " a")
    assert status == 2
    assert "white space" in printed
    assert rule(tmp_path, docs[1].id) == AccessRule(public=True)
