"""Backups: whole or absent, without what was deleted, verified before anything is made of them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from index.backup import BackupManifest, read_backup, restore_backup, write_backup
from index.build import rebuild, update_index
from index.catalog import Catalog
from index.check import check_state
from index.errors import BackupError, CatalogDamagedError, IndexMissingError
from index.forget import files_with
from index.generation import open_current
from index.rules import withdraw
from index.settings import IndexSettings
from index.state import StateFolder
from tests.fakes import HashEmbedder

SECRET = "Only this document says quicksilver harbour, and nobody else does."
TEXTS = {
    "a.txt": "The summit opened on Monday. 🙂 Қазақстан hosted it.",
    "b.txt": SECRET,
    "c.txt": "Zinc rose.",
}


def fill(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def index(state: StateFolder, folder: Path, texts: dict[str, str]) -> None:
    fill(folder, texts)
    update_index(state, [folder], HashEmbedder(), IndexSettings(), prune=True)


def texts_of(state: StateFolder) -> dict[str, str]:
    with Catalog(state.catalog) as catalog:
        return {document.document_id: document.text for _, document in catalog.all_documents()}


def make_index(state: StateFolder) -> None:
    rebuild(state, HashEmbedder(), IndexSettings())


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    index(state, tmp_path / "texts", TEXTS)
    return state


def test_what_is_restored_is_what_was_backed_up_and_is_indexed(state: StateFolder, tmp_path: Path) -> None:
    manifest = write_backup(state, tmp_path / "backups" / "one", {})
    assert (manifest.documents, list(manifest.files)) == (3, ["catalog.sqlite"])
    assert read_backup(tmp_path / "backups" / "one") == manifest
    restored = StateFolder(tmp_path / "new" / "state")
    assert restore_backup(tmp_path / "backups" / "one", restored, rebuild_with=make_index) == manifest
    assert texts_of(restored) == TEXTS
    generation = open_current(restored, embedder="hash-64")
    assert generation.manifest.corpus_sha256 == manifest.corpus_sha256
    generation.close()
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["state"], "nothing is left beside it"


def test_a_backup_can_only_be_read_by_its_owner(state: StateFolder, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "one", {})
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0
    assert (tmp_path / "one" / "catalog.sqlite").stat().st_mode & 0o077 == 0


def test_a_removed_document_is_in_no_later_backup(state: StateFolder, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "before", {})
    assert files_with(tmp_path / "before", [SECRET])
    index(state, tmp_path / "texts", {name: text for name, text in TEXTS.items() if text != SECRET})
    write_backup(state, tmp_path / "after", {})
    assert files_with(tmp_path / "after", [SECRET]) == []


def test_a_document_that_was_withdrawn_and_not_removed_yet_is_no_damage_and_in_no_backup(
    state: StateFolder, tmp_path: Path
) -> None:
    assert withdraw(state.catalog, "b.txt")
    checked = check_state(state)
    assert (checked.damages, checked.counts["rules"]) == ([], 3)
    manifest = write_backup(state, tmp_path / "one", {})
    assert manifest.documents == 2
    assert files_with(tmp_path / "one", [SECRET]) == []
    assert texts_of(state) == TEXTS, "the service removes it when its turn comes"
    restored = StateFolder(tmp_path / "restored")
    restore_backup(tmp_path / "one", restored, rebuild_with=make_index)
    assert sorted(texts_of(restored)) == ["a.txt", "c.txt"]


def test_a_backup_under_writes_is_one_state(state: StateFolder, tmp_path: Path) -> None:
    stop = threading.Event()
    problems: list[BaseException] = []

    def write() -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                # Both or neither: a cut between the two is no state that there ever was.
                index(state, tmp_path / "texts", {"x.txt": f"Round {number}.", "y.txt": "Same."})
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            manifest = write_backup(state, tmp_path / f"backup-{number}", {})
            assert read_backup(tmp_path / f"backup-{number}") == manifest
    finally:
        stop.set()
        writer.join()
    assert problems == []


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_nothing_is_written_over(state: StateFolder, tmp_path: Path, there: str) -> None:
    target = tmp_path / "target"
    if there == "file":
        target.write_text("mine")
    elif there == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BackupError, match="is there already"):
        write_backup(state, target, {})


def test_a_state_folder_with_anything_in_it_is_not_restored_over(state: StateFolder, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "one", {})
    with pytest.raises(BackupError, match="move it away"):
        restore_backup(tmp_path / "one", state, rebuild_with=make_index)
    assert texts_of(state) == TEXTS
    (tmp_path / "empty").mkdir()
    restore_backup(tmp_path / "one", StateFolder(tmp_path / "empty"), rebuild_with=make_index)
    assert texts_of(StateFolder(tmp_path / "empty")) == TEXTS


def test_without_an_index_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="make a backup of"):
        write_backup(StateFolder(tmp_path / "nothing"), tmp_path / "one", {})


def test_a_damaged_catalog_gives_no_backup(state: StateFolder, tmp_path: Path) -> None:
    db = sqlite3.connect(state.catalog)
    db.execute("UPDATE documents SET text = 'other words' WHERE document_id = 'b.txt'")
    db.commit()
    db.close()
    with pytest.raises(CatalogDamagedError, match=r"b\.txt"):
        write_backup(state, tmp_path / "one", {})
    assert not (tmp_path / "one").exists()
    assert not (tmp_path / ".one.backup").exists()


def test_what_a_killed_backup_left_is_no_obstacle(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / ".one.backup" / "below").mkdir(parents=True)
    (tmp_path / ".one.backup" / "catalog.sqlite").write_text("half")
    write_backup(state, tmp_path / "one", {})
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["catalog.sqlite", "manifest.json"]


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a manifest as somebody would who knows how it is sealed."""
    content = json.loads((folder / "manifest.json").read_text())
    del content["sha256"]
    change(content)
    digest = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**content, "sha256": digest}))


@pytest.mark.parametrize(
    "name",
    [
        "../outside.sqlite",
        "/etc/passwd",
        ".hidden.sqlite",
        "a/b.sqlite",
        "manifest.json",
        "",
        "a.sqlite\0",
        "x.db",
    ],
)
def test_crafted_names_are_refused_before_anything_is_opened(
    state: StateFolder, tmp_path: Path, name: str
) -> None:
    write_backup(state, tmp_path / "one", {})
    reseal(tmp_path / "one", lambda c: c["files"].update({name: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(BackupError, match="names files that no backup holds"):
        read_backup(tmp_path / "one")


def test_links_pipes_and_folders_are_not_opened(state: StateFolder, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "one", {})
    file = tmp_path / "one" / "catalog.sqlite"
    file.rename(tmp_path / "elsewhere")
    ways: list[Callable[[], object]] = [
        lambda: file.symlink_to(tmp_path / "elsewhere"),
        lambda: os.mkfifo(file),
        file.mkdir,
    ]
    for make in ways:
        make()
        with pytest.raises(BackupError, match="cannot be opened"):
            read_backup(tmp_path / "one")
        file.rmdir() if file.is_dir() else file.unlink()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 2}', b"\xff\xfe", b"[" * 100_000, b"null", b'{"format": 1}']
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BackupError):
        read_backup(tmp_path)


def test_every_damage_to_a_backup_is_found_and_nothing_is_made_of_it(
    state: StateFolder, tmp_path: Path
) -> None:
    write_backup(state, tmp_path / "one", {})
    for name in ("catalog.sqlite", "manifest.json"):
        raw = (tmp_path / "one" / name).read_bytes()
        for number in range(8):
            place = (len(raw) * number) // 8 + 3
            damaged = raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :] if number % 2 else raw[:place]
            (tmp_path / "one" / name).write_bytes(damaged)
            with pytest.raises(BackupError):
                restore_backup(tmp_path / "one", StateFolder(tmp_path / "new"), rebuild_with=make_index)
            assert not (tmp_path / "new").exists()
        (tmp_path / "one" / name).write_bytes(raw)
    (tmp_path / "one" / "extra.sqlite").write_text("never opened")
    restore_backup(tmp_path / "one", StateFolder(tmp_path / "new"), rebuild_with=make_index)
    assert not (tmp_path / "new" / "extra.sqlite").exists()


def test_a_manifest_that_promises_other_documents_is_refused(state: StateFolder, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "one", {})
    reseal(tmp_path / "one", lambda c: c.update(documents=4))
    with pytest.raises(BackupError, match="does not hold what its manifest says"):
        restore_backup(tmp_path / "one", StateFolder(tmp_path / "new"), rebuild_with=make_index)
    assert not (tmp_path / "new").exists()


def test_a_restore_that_cannot_index_leaves_nothing(state: StateFolder, tmp_path: Path) -> None:
    made: BackupManifest = write_backup(state, tmp_path / "one", {})

    def broken(_state: StateFolder) -> None:
        raise OSError(28, os.strerror(28))

    from index.errors import StorageFullError

    with pytest.raises(StorageFullError, match="free some space"):
        restore_backup(tmp_path / "one", StateFolder(tmp_path / "new"), rebuild_with=broken)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "state", "texts"]
    assert read_backup(tmp_path / "one") == made
    shutil.rmtree(tmp_path / "one")
