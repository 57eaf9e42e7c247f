"""`verse backup`, `restore`, `check` and `forget` over documents and what was answered from them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import index.embed
from api import maintenance
from api.app import create_app
from api.cli import app
from api.errors import row_of
from api.settings import Settings
from api.store.errors import StoreFullError
from api.store.seal import sealed, unsealed
from index.errors import BackupError, StorageFailedError, StorageFullError, StorageReadOnlyError
from index.forget import files_with
from tests.api.service import SmallEngine, client_of, index_rows, post, settings_for
from tests.fakes import HashEmbedder

SECRET = "The quicksilver harbour of Orsova opened in 1911."
ROWS = [
    {"id": "harbour", "title": "Harbour", "text": f"{SECRET} Its engineer was Ottoline Graves."},
    {"id": "mill", "title": "Mill", "text": "The paper mill of Tarn burned in 1923. Nobody rebuilt it."},
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    index_rows(tmp_path, ROWS)
    return settings_for(tmp_path / "state")


def _client(settings: Settings) -> TestClient:
    return client_of(create_app(settings, engine=SmallEngine(settings.state_dir)))  # type: ignore[arg-type]


def _ask(client: TestClient, question: str, **fields: Any) -> dict[str, Any]:
    reply = post(client, "/v1/ask", {"question": question, **fields})
    assert reply.status == 200, reply.body
    record: dict[str, Any] = json.loads(reply.body)
    return record


@pytest.fixture
def answered(settings: Settings) -> dict[str, Any]:
    """Both documents were quoted, in one conversation and outside of any; a quote was judged."""
    with _client(settings) as client:
        first = _ask(client, "When did the quicksilver harbour of Orsova open?", store=True)
        _ask(client, "When did the paper mill of Tarn burn?", conversation_id=first["conversation_id"])
        loose = _ask(client, "Which harbour opened in 1911?")
        quote = loose["citations"][0]
        judged = post(
            client,
            "/v1/feedback",
            {
                "answer_id": loose["id"],
                "rating": "down",
                "citation_number": quote["number"],
                "quote": quote["cited_text"],
            },
        )
        assert judged.status < 300, judged.body
    assert first["citations"][0]["document_id"] == "harbour"
    return first


def test_check_counts_everything_and_finds_nothing_wrong(
    settings: Settings, answered: dict[str, Any]
) -> None:
    found = maintenance.check(settings)
    assert found.damages == []
    assert (found.counts["documents"], found.counts["answers"]) == (2, 3)
    assert found.counts["quotes"] >= 3
    assert found.counts["quotes of withdrawn sources"] == 0


def test_check_finds_a_stored_quote_that_does_not_stand_in_its_source(
    settings: Settings, answered: dict[str, Any]
) -> None:
    _rewrite(settings, answered["id"], seal=True)
    (damage,) = maintenance.check(settings).damages
    assert "words that do not stand there" in damage.what


def test_a_letter_that_the_disk_changed_is_no_answer(settings: Settings, answered: dict[str, Any]) -> None:
    _rewrite(settings, answered["id"], seal=False)
    (damage,) = maintenance.check(settings).damages
    assert answered["id"] in damage.what
    with _client(settings) as client:
        reply = client.get(f"/v1/conversations/{answered['conversation_id']}")
    assert (reply.status_code, reply.json()["code"]) == (503, "conversations_damaged")


def _rewrite(settings: Settings, answer_id: str, *, seal: bool) -> None:
    with closing(sqlite3.connect(settings.conversations_file)) as db:
        (stored,) = db.execute("SELECT record FROM answers WHERE id = ?", (answer_id,)).fetchone()
        assert "quicksilver" in stored
        text, digest = stored.split("\n#")
        changed = text.replace("quicksilver", "quicksilber")
        stored = sealed(changed) if seal else f"{changed}\n#{digest}"
        db.execute("UPDATE answers SET record = ? WHERE id = ?", (stored, answer_id))
        db.commit()


def test_forgetting_leaves_no_byte_and_answers_say_withdrawn(
    settings: Settings, answered: dict[str, Any]
) -> None:
    pieces = ["quicksilver harbour of Orsova opened in", "Ottoline Graves", SECRET[4:40]]
    assert files_with(settings.state_dir, pieces)
    done = maintenance.forget(settings, ["harbour"], HashEmbedder())
    assert (done.removed, done.answers_changed, done.left_in) == (1, 2, ())
    assert files_with(settings.state_dir, pieces) == []
    with _client(settings) as client:
        turns = client.get(f"/v1/conversations/{answered['conversation_id']}").json()["turns"]
        assert "Source withdrawn." in turns[0]["answer"]["answer"]
        assert turns[0]["question"] == answered["question"], "what a person asked is theirs"
        assert "1923" in turns[1]["answer"]["answer"]
        assert client.get("/v1/documents/harbour").status_code == 404
    found = maintenance.check(settings)
    assert found.damages == []
    assert found.counts["quotes of withdrawn sources"] >= 2


def test_a_backup_holds_conversations_but_no_quote_of_what_was_removed(
    settings: Settings, answered: dict[str, Any], tmp_path: Path
) -> None:
    maintenance.backup(settings, tmp_path / "before")
    assert files_with(tmp_path / "before", ["Ottoline Graves"])
    index_rows(tmp_path, ROWS[1:], prune=True)  # removed, but not forgotten
    manifest = maintenance.backup(settings, tmp_path / "after")
    assert sorted(manifest.files) == ["catalog.sqlite", "conversations.sqlite"]
    assert files_with(tmp_path / "after", ["Ottoline Graves", "harbour of Orsova opened in"]) == []
    assert files_with(settings.state_dir, ["Ottoline Graves"]), "only `forget` does that to the state folder"
    restored = settings_for(tmp_path / "restored")
    assert maintenance.restore(restored, tmp_path / "after", HashEmbedder()) == manifest
    assert maintenance.check(restored).damages == []
    with _client(restored) as client:
        turns = client.get(f"/v1/conversations/{answered['conversation_id']}").json()["turns"]
        assert "Source withdrawn." in turns[0]["answer"]["answer"]
        assert "1923" in _ask(client, "When did the paper mill of Tarn burn?")["answer"]


def test_a_backup_is_made_while_the_service_works(settings: Settings, tmp_path: Path) -> None:
    with _client(settings) as client:
        kept = [_ask(client, "When did the mill burn?", store=True)["id"]]
        maintenance.backup(settings, tmp_path / "one")
        _ask(client, "When did the mill burn?", store=True)
    with closing(sqlite3.connect(tmp_path / "one" / "conversations.sqlite")) as db:
        assert [row[0] for row in db.execute("SELECT id FROM answers")] == kept


def test_conversations_elsewhere_are_not_restored_over(settings: Settings, tmp_path: Path) -> None:
    maintenance.backup(settings, tmp_path / "one")
    other = settings_for(tmp_path / "new", database_url=f"sqlite:///{tmp_path / 'c.sqlite'}")
    with pytest.raises(BackupError, match="VERSE_DATABASE_URL"):
        maintenance.restore(other, tmp_path / "one", HashEmbedder())


def test_the_commands_say_what_they_did_and_exit_as_they_should(
    settings: Settings, answered: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERSE_STATE_DIR", str(settings.state_dir))
    # The models would take seconds; what is run is the command.
    monkeypatch.setattr(index.embed, "open_embedder", lambda *_args, **_named: HashEmbedder())
    run = CliRunner()
    made = run.invoke(app, ["backup", str(tmp_path / "one")])
    assert made.exit_code == 0
    assert "2 documents" in made.stdout
    again = run.invoke(app, ["backup", str(tmp_path / "one")])
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    assert run.invoke(app, ["check"]).exit_code == 0
    assert json.loads(run.invoke(app, ["check", "--json"]).stdout)["counts"]["documents"] == 2
    assert run.invoke(app, ["forget", "nobody"]).exit_code == 2
    forgotten = run.invoke(app, ["forget", "harbour"])
    assert (forgotten.exit_code, "1 documents forgotten, 2 stored answers" in forgotten.stdout) == (0, True)
    back = run.invoke(app, ["restore", str(tmp_path / "one"), "--state", str(tmp_path / "new")])
    assert (back.exit_code, "2 documents restored" in back.stdout) == (0, True), back.output
    over = run.invoke(app, ["restore", str(tmp_path / "one")])
    assert (over.exit_code, "nothing is written over" in over.stderr) == (1, True)
    snapshot = next((settings.state_dir / "generations").glob("*/snapshot.sqlite"))
    snapshot.write_bytes(b"")
    wrong = run.invoke(app, ["check"])
    assert (wrong.exit_code, "BAD " in wrong.stdout) == (1, True)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageFullError("x"), 507, "storage_full"),
        (StoreFullError("x"), 507, "storage_full"),
        (StorageReadOnlyError("x"), 503, "storage_read_only"),
        (StorageFailedError("x"), 503, "storage_failed"),
    ],
)
def test_states_of_the_disk_have_codes_of_their_own(error: Any, status: int, code: str) -> None:
    row = row_of(error)
    assert (row.status, row.code) == (status, code)
    assert row.detail is not None, "the message itself names folders"


def test_a_seal_fits_one_text_only() -> None:
    assert unsealed(sealed('{"a": 1}')) == '{"a": 1}'
    assert unsealed(sealed('{"a": 1}').replace("1", "2", 1)) is None
    assert unsealed('{"from": "before seals"}') == '{"from": "before seals"}'
