"""Versions of documents: numbers that only rise, hashes and times of texts that are not kept."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.clean import fingerprints
from index.errors import AccessUnreadableError, CatalogDamagedError
from index.schema import APPLICATION_ID, MIGRATIONS, access_seal
from index.types import Document, sha256_text
from index.versions import Change, StoredVersion, Versions, versions_of
from tests.index.test_build import Place

FIRST = "The mill burned on Tuesday night."
SECOND = "The mill burned on Wednesday night 🌊."
THIRD = "Мельница сгорела в среду.\nCafe\u0301 «Вода».\x00"


def document(text: str, document_id: str = "mill", **more: object) -> Document:
    fields = {"title": "The mill", "source": f"/t/{document_id}", "root": "/t", **more}
    return Document(document_id=document_id, text=text, **fields)  # type: ignore[arg-type]


def put(catalog: Catalog, *texts: str, **more: object) -> list[str]:
    return [catalog.put(found := document(text, **more), [], fingerprints(found.text)) for text in texts]


def stored(path: Path, document_id: str = "mill") -> list[StoredVersion]:
    with sqlite3.connect(path) as db:
        return versions_of(db.execute, document_id)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


def test_each_text_is_a_version_with_its_hash_time_and_length(path: Path) -> None:
    before = time.time_ns() // 1_000_000
    with Catalog(path) as catalog:
        assert put(catalog, FIRST, FIRST, SECOND, THIRD, THIRD) == [
            "added", "unchanged", "replaced", "replaced", "unchanged",
        ]  # fmt: skip
        ((_, found),) = catalog.all_documents()
    versions = stored(path)
    assert [(v.version, v.sha256, v.length) for v in versions] == [
        (number, sha256_text(text), len(text)) for number, text in enumerate((FIRST, SECOND, THIRD), start=1)
    ]
    times = [v.stored_at for v in versions]
    assert all(at is not None and before <= at <= time.time_ns() // 1_000_000 for at in times)
    assert (found.version, found.stored_at, found.first_stored_at) == (3, times[2], times[0])
    # Of a text that was replaced nothing is left in the file's tables.
    with sqlite3.connect(path) as db:
        assert [row[0] for row in db.execute("SELECT text FROM documents")] == [THIRD]


def test_a_text_that_comes_back_is_a_new_version_with_the_old_hash(path: Path) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND, FIRST)
    versions = stored(path)
    assert [v.version for v in versions] == [1, 2, 3]
    assert versions[2].sha256 == versions[0].sha256 == sha256_text(FIRST)


def test_another_title_is_no_new_version(path: Path) -> None:
    with Catalog(path) as catalog:
        assert put(catalog, FIRST) == ["added"]
        assert put(catalog, FIRST, title="Fire!", publisher="Press") == ["replaced"]
        ((_, found),) = catalog.all_documents()
    assert (found.title, found.version) == ("Fire!", 1)
    assert len(stored(path)) == 1


def test_numbers_go_on_across_removal_and_no_hash_stays_of_what_was_removed(path: Path) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND)
        catalog.remove("mill")
        catalog.remove("mill")
        gone = stored(path)
        assert [(v.version, v.sha256, v.length) for v in gone] == [(1, None, None), (2, None, None)]
        assert all(v.stored_at is not None for v in gone)
        assert put(catalog, SECOND) == ["added"]
        ((_, found),) = catalog.all_documents()
    assert (found.version, found.first_stored_at) == (3, gone[0].stored_at)


def test_documents_do_not_share_numbers(path: Path) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND)
        put(catalog, FIRST, document_id="other")
        found = {d.document_id: d.version for _, d in catalog.all_documents()}
    assert found == {"mill": 2, "other": 1}


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE versions SET version = 7 WHERE version = 2",
        "DELETE FROM versions WHERE version = 1",
        "DELETE FROM versions",
        "UPDATE versions SET stored_at = 5 WHERE version = 2",
        f"UPDATE versions SET sha256 = '{'0' * 64}' WHERE version = 2",
        "UPDATE versions SET length = length + 1 WHERE version = 1",
        "UPDATE versions SET sha256 = NULL WHERE version = 2",
    ],
)
def test_a_version_that_changed_by_itself_is_damage(path: Path, edit: str) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND)
    with sqlite3.connect(path) as db:
        db.execute(edit)
    with Catalog(path) as catalog, pytest.raises(CatalogDamagedError, match="versions of document 'mill'"):
        list(catalog.all_documents())
    with pytest.raises(CatalogDamagedError):
        Versions(path).since({("mill", sha256_text(FIRST))})


def test_documents_of_an_older_catalog_are_version_1_of_unknown_time(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.create_function("access_seal", 3, access_seal, deterministic=True)
        for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        db.execute(
            "INSERT INTO documents (document_id, title, source, root, labels, sha256, record_sha256, derivation, "
            "derived_sha256, text) VALUES ('mill','The mill','/t/mill','/t','{}',?,'','','',?)",
            (sha256_text(THIRD), THIRD),
        )
        db.execute(
            "INSERT INTO access VALUES ('mill', NULL, '\"public\"', NULL, 1, access_seal('mill', '\"public\"', 0))"
        )
    with Catalog(path) as catalog:
        assert stored(path) == [
            StoredVersion(version=1, sha256=sha256_text(THIRD), stored_at=None, length=len(THIRD))
        ]
        assert put(catalog, FIRST) == ["replaced"]
        ((_, found),) = catalog.all_documents()
    assert (found.version, found.first_stored_at) == (2, None)


def test_what_became_of_quoted_texts(path: Path) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND)
        put(catalog, FIRST, document_id="same")
    first, second = stored(path)
    unknown = "f" * 64
    asked = {
        ("mill", sha256_text(FIRST)), ("mill", sha256_text(SECOND)), ("mill", unknown),
        ("same", sha256_text(FIRST)), ("never here", unknown),
    }  # fmt: skip
    assert Versions(path).since(asked) == {
        ("mill", sha256_text(FIRST)): Change(before=first, now=second, text=SECOND),
        ("mill", unknown): Change(before=None, now=second, text=SECOND),
    }
    assert Versions(path).since(set()) == {}
    assert Versions(path.with_name("none")).since(asked) == {}


def test_a_text_that_came_back_has_not_changed(path: Path) -> None:
    with Catalog(path) as catalog:
        put(catalog, FIRST, SECOND, FIRST)
    assert Versions(path).since({("mill", sha256_text(FIRST))}) == {}


def test_a_catalog_that_cannot_be_read_vouches_for_nothing(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(AccessUnreadableError, match="quoted sources"):
        Versions(path).since({("mill", sha256_text(FIRST))})


def test_a_generation_has_the_versions_and_is_published_when_they_alone_change(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write("a.txt", f"{FIRST}\r\n{SECOND}")
    place.update()
    generation = place.open()
    one = generation.document_at(0)
    assert (one.version, one.stored_at) == (1, one.first_stored_at)
    assert one.text == f"{FIRST}\n{SECOND}"
    generation.close()
    # Away and back while nothing was published: the same corpus, and yet another version.
    name = place.texts / "a.txt"
    with place.state.writing(), Catalog(place.state.catalog) as catalog:
        (found,) = [d for _, d in catalog.all_documents()]
        catalog.remove(found.document_id)
        catalog.put(found, [], fingerprints(found.text))
    report = place.update(name)
    assert report.published
    generation = place.open()
    two = generation.document_at(0)
    assert (two.version, two.sha256, two.first_stored_at) == (2, one.sha256, one.first_stored_at)
    assert [row["version"] for row in generation.heads([0])] == [2]
    generation.close()
    assert not place.update(name).published
