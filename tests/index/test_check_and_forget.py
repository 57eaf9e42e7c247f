"""`check` finds what is wrong, one finding each; `forget` leaves no byte of a text."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from index.build import rebuild, update_index
from index.catalog import Catalog
from index.check import check_state
from index.errors import IndexBusyError, SourceError, StateFolderError, StorageFailedError, StorageFullError
from index.forget import files_with, forget_documents
from index.generation import Manifest, check_files, open_current
from index.mend import open_mended
from index.settings import IndexSettings
from index.state import StateFolder
from index.storage import storage_error
from tests.fakes import HashEmbedder

SETTINGS = IndexSettings()
ROOT = Path(__file__).resolve().parents[2]
SECRET = "Тайная гавань 🙂 quicksilver harbour opens at dawn, says nobody else."
SHARED = "This paragraph stands in two documents and is long enough to be found in both of them."


def index(state: StateFolder, folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    update_index(state, [folder], HashEmbedder(), SETTINGS)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    texts = {
        "a.txt": f"Zinc rose on Monday.\n\n{SHARED}",
        "b.txt": f"{SECRET}\n\n{SHARED}\n\n" + " ".join(f"Word{n}." for n in range(900)),
        "c.txt": "Copper fell on Tuesday.",
    }
    index(state, tmp_path / "texts", texts)
    index(state, tmp_path / "texts", {**texts, "c.txt": "Copper fell on Friday."})
    return state


def change(state: StateFolder, statement: str) -> None:
    db = sqlite3.connect(state.catalog)
    db.execute(statement)
    db.commit()
    db.close()


def test_a_whole_state_has_counts_and_no_findings(state: StateFolder) -> None:
    found = check_state(state)
    assert (found.damages, found.notes) == ([], [])
    assert found.counts["documents"] == found.counts["rules"] == 3
    assert found.counts["passages"] == found.counts["vectors"] == found.counts["indexed passages"] > 3


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE documents SET text = text || ' ' WHERE document_id = 'a.txt'", "does not match its sha256"),
        ("UPDATE documents SET title = 'x' WHERE document_id = 'a.txt'", "what is known of document 'a.txt'"),
        ("UPDATE passages SET end = end - 1 WHERE start = 0", "passage"),
        ("UPDATE vectors SET vector = zeroblob(length(vector))", "a stored vector has changed"),
        ("UPDATE access SET rule = '\"public\" ' WHERE document_id = 'a.txt'", "rule of document 'a.txt'"),
        ("DELETE FROM access WHERE document_id = 'a.txt'", "rule of document 'a.txt' is missing"),
    ],
)
def test_each_kind_of_damage_is_found(state: StateFolder, statement: str, words: str) -> None:
    change(state, statement)
    found = check_state(state)
    assert any(words in damage.what for damage in found.damages), found.damages
    assert all(damage.advice for damage in found.damages)


def test_what_changes_while_it_is_checked_is_no_damage(state: StateFolder, tmp_path: Path) -> None:
    texts, stop = tmp_path / "texts", threading.Event()

    def keep_changing() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (texts / "c.txt").unlink(missing_ok=True)
            (texts / f"n{number}.txt").write_text(f"Text {number} of many.", encoding="utf-8")
            (texts / f"n{number - 3}.txt").unlink(missing_ok=True)
            update_index(state, [texts], HashEmbedder(), SETTINGS, prune=True)

    writer = threading.Thread(target=keep_changing)
    writer.start()
    try:
        found = [check_state(state) for _ in range(40)]
    finally:
        stop.set()
        writer.join()
    assert [one.damages for one in found] == [[]] * 40


def test_a_document_that_goes_while_it_is_checked_is_still_seen_as_it_was(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Catalog.seqs

    def and_then_one_goes(catalog: Catalog) -> list[int]:
        found = real(catalog)
        with state.writing(), Catalog(state.catalog) as other:
            other.remove("c.txt")
        return found

    monkeypatch.setattr(Catalog, "seqs", and_then_one_goes)
    checked = check_state(state)
    assert (checked.damages, checked.counts["documents"], checked.counts["rules"]) == ([], 3, 3)


def test_a_generation_that_is_replaced_while_it_is_checked_is_no_damage(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    def replaced_at_first(folder: Path, manifest: Manifest, *, anew: bool) -> None:
        folders.append(folder)
        for number in range(3 if len(folders) == 1 else 0):
            index(state, tmp_path / "texts", {"d.txt": f"Tin fell by {number}."})
        check_files(folder, manifest, anew=anew)

    monkeypatch.setattr("index.check.check_files", replaced_at_first)
    assert check_state(state).damages == []
    assert len(folders) == 2
    assert not folders[0].exists()


def test_one_damaged_document_hides_no_other(state: StateFolder) -> None:
    change(state, "UPDATE documents SET text = 'x' WHERE document_id <> 'c.txt'")
    found = check_state(state)
    assert len(found.damages) == 2
    assert found.counts["documents"] == 1


def test_a_damaged_or_lost_index_is_found_and_made_anew(state: StateFolder) -> None:
    whole = open_current(state, embedder="hash-64")
    vectors = state.generations / whole.index_version / "vectors.faiss"
    whole.close()
    vectors.write_bytes(vectors.read_bytes()[:-1])
    (damage,) = check_state(state).damages
    assert "vectors.faiss" in damage.what
    open_mended(state, HashEmbedder(), SETTINGS).close()
    assert check_state(state).damages == []
    state.current.unlink()
    for folder in sorted(state.generations.iterdir()):
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
    mended = open_mended(state, HashEmbedder(), SETTINGS)
    assert mended.manifest.documents == 3
    mended.close()


def test_an_index_without_its_catalog_is_a_finding_and_nothing_at_all_is_none(
    state: StateFolder, tmp_path: Path
) -> None:
    state.catalog.unlink()
    assert "is missing" in check_state(state).damages[0].what
    assert check_state(StateFolder(tmp_path / "none")).damages == []


def test_no_byte_of_a_forgotten_text_is_left(state: StateFolder) -> None:
    assert len(files_with(state.path, ["quicksilver"])) >= 3, "the catalog, and two generations"
    reader = open_current(state, embedder="hash-64")  # a service that has the old index open
    done = forget_documents(state, ["b.txt"], HashEmbedder(), SETTINGS)
    assert done.removed == 1
    assert files_with(state.path, [SECRET, SECRET[:24], "Word55. Word56.", "quicksilver", "гавань"]) == []
    assert files_with(state.path, done.probes) == []
    assert files_with(state.path, [SHARED]), "it stands in another document too"
    assert SHARED[:24] not in done.probes
    assert reader.document_at(1).text.startswith(SECRET), "whoever has it open is not cut off"
    reader.close()
    generation = open_current(state, embedder="hash-64")
    assert [row["document_id"] for _, row in generation.documents(start=0, limit=-1)] == ["a.txt", "c.txt"]
    generation.close()
    assert len(list(state.generations.iterdir())) == 1
    assert check_state(state).damages == []


def test_forgetting_again_ends_what_was_not_done_and_unknown_ids_change_nothing(state: StateFolder) -> None:
    with pytest.raises(SourceError, match="'nothing'"):
        forget_documents(state, ["b.txt", "nothing"], HashEmbedder(), SETTINGS)
    with Catalog(state.catalog) as catalog:
        assert catalog.document_by_id("b.txt") is not None
        catalog.remove("b.txt")  # and then killed
    assert forget_documents(state, ["b.txt", "b.txt"], HashEmbedder(), SETTINGS).removed == 0
    assert files_with(state.path, [SECRET]) == []


def test_a_reader_of_an_older_state_is_named_as_the_reason(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.catalog._EMPTYING_S", 0.2)
    reader = sqlite3.connect(state.catalog, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    with pytest.raises((IndexBusyError, StateFolderError)):
        forget_documents(state, ["b.txt"], HashEmbedder(), SETTINGS)
    reader.close()
    forget_documents(state, ["b.txt"], HashEmbedder(), SETTINGS)
    assert files_with(state.path, [SECRET]) == []


# The writer's lock.

_HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom index.state import StateFolder\n"
    "with StateFolder(Path(sys.argv[1])).writing():\n    print('held', flush=True)\n    time.sleep(60)\n"
)


def _holder(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_the_lock_names_its_holder_and_is_gone_with_it(state: StateFolder) -> None:
    child = _holder(state.path)
    try:
        with pytest.raises(IndexBusyError, match=rf"\({child.pid}\)"), state.writing():
            pass
        began = time.monotonic()
        open_current(state, embedder="hash-64").close()
        assert time.monotonic() - began < 5, "readers do not wait for the writer"
    finally:
        child.kill()
        child.communicate()
    with state.writing():
        pass
    assert rebuild(state, HashEmbedder(), SETTINGS)


def test_the_lock_goes_with_a_folder_that_is_moved(state: StateFolder, tmp_path: Path) -> None:
    child = _holder(state.path)
    try:
        moved = StateFolder(state.path.rename(tmp_path / "moved"))
        with pytest.raises(IndexBusyError), moved.writing():
            pass
    finally:
        child.kill()
        child.communicate()
    assert rebuild(moved, HashEmbedder(), SETTINGS)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (OSError(28, "No space left on device"), StorageFullError),
        (OSError(5, "Input/output error"), StorageFailedError),
        (OSError(24, "Too many open files"), StorageFailedError),
        (ValueError("IO error: No space left on device (os error 28)"), StorageFullError),
        (
            ValueError("Failed to acquire Lockfile: IoError(Os { code: 28, kind: StorageFull })"),
            StorageFullError,
        ),
        (OSError(20, "Not a directory"), StateFolderError),
    ],
)
def test_a_failed_write_is_named_by_what_can_be_done(
    cause: Exception, kind: type[StateFolderError], tmp_path: Path
) -> None:
    error = storage_error("the index cannot be written", tmp_path, cause)
    assert type(error) is kind
    assert str(tmp_path) in str(error)
