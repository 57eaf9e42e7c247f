"""The whole way from files to a published generation, interrupted and damaged in every place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.build import IndexReport, rebuild, update_index
from index.catalog import Catalog
from index.context import embedded_text
from index.errors import (
    CatalogDamagedError,
    DuplicateIdError,
    EmbedderError,
    GenerationDamagedError,
    IndexBusyError,
    IndexMismatchError,
    IndexMissingError,
    SourceError,
    StateFolderError,
)
from index.generation import Generation, open_current
from index.models import sha256_file
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import terms
from index.types import FloatArray
from tests.fakes import HashEmbedder

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "The five presidents agreed on Thursday that the exports of copper, tin and zinc will be counted anew."
)


class Place:
    """A folder of documents beside a state folder, with the fake embedder."""

    def __init__(self, folder: Path) -> None:
        self.texts = folder / "texts"
        self.texts.mkdir(parents=True)
        self.state = StateFolder(folder / "state")
        self.embedder = HashEmbedder()
        self.settings = IndexSettings()

    def write(self, name: str, text: str) -> Path:
        path = self.texts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def update(self, *paths: Path, **more: object) -> IndexReport:
        return update_index(self.state, paths or [self.texts], self.embedder, self.settings, **more)  # type: ignore[arg-type]

    def open(self) -> Generation:
        return open_current(self.state, embedder=self.embedder.name)

    def ids(self) -> list[str]:
        generation = self.open()
        found = [str(row["document_id"]) for _, row in generation.documents(start=0, limit=-1)]
        generation.close()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def filled(place: Place) -> Place:
    place.write("a.txt", f"Summit of the five\n\nThe leaders met in Washington.\n{SHARED}\n")
    place.write("b.txt", f"{SHARED}\n\nNothing else was signed, e\u0301 🙂.\n")
    rows = [
        {"id": "j/1", "text": "Tin came by ship. Zinc did not.", "title": "Ships", "publisher": "Port News",
         "published_at": "2025-11-06", "url": "https://example.org/1", "language": "en",
         "author": "A. Writer", "section": "World"},
        {"id": 2, "text": "Министр заявил, что переговоры продолжатся."},
    ]  # fmt: skip
    place.write("c.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    place.update()
    return place


def summary(report: IndexReport) -> tuple[int, int, int, int, int, bool]:
    return (
        report.added,
        report.replaced,
        report.unchanged,
        report.removed,
        report.embedded,
        report.published,
    )


def content(generation: Generation) -> list[tuple[str, str, str | None]]:
    passages = [generation.passage(row) for row in range(len(generation))]
    return [(p.passage_id, p.text, p.repeats_document_id) for p in passages]


# What a generation holds


def test_every_passage_is_a_slice_of_its_document_and_is_found(filled: Place) -> None:
    generation = filled.open()
    assert len(generation) > 4
    for row in range(len(generation)):
        passage = generation.passage(row)
        document = generation.document_at(generation.document_ordinal(row))
        assert document.document_id == passage.document_id
        assert document.text[passage.start : passage.end] == passage.text
        for sentence in passage.sentences:
            assert passage.sentence_text(sentence) == document.text[sentence.start : sentence.end]
        query = filled.embedder.embed_queries([embedded_text(document, passage, filled.settings)])
        assert generation.vectors.search(query, 1)[0][0][1] == pytest.approx(1.0, abs=1e-5)
    hits = generation.lexical.search(terms("zinc ship"), 3)
    assert generation.passage(hits[0][0]).document_id == "j/1"
    generation.close()


def test_everything_known_of_a_document_arrives(filled: Place) -> None:
    generation = filled.open()
    ordinal = generation.ordinal("j/1")
    assert ordinal is not None
    document = generation.document_at(ordinal)
    assert document.text == "Tin came by ship. Zinc did not."
    assert (document.title, document.publisher, document.author) == ("Ships", "Port News", "A. Writer")
    assert (document.published_at, document.url, document.language) == (
        "2025-11-06",
        "https://example.org/1",
        "en",
    )
    assert document.labels == {"section": "World"}
    assert document.source == str(filled.texts / "c.jsonl")
    assert [n for n, _ in generation.documents(start=1, limit=2)] == [1, 2]
    english = {n for n, row in generation.documents(start=0, limit=-1) if row["language"] == "en"}
    assert english == {ordinal}
    assert generation.ordinal("nowhere") is None
    assert filled.ids() == ["a.txt", "b.txt", "j/1", "2"]
    generation.close()


def test_neighbours_and_rows_stay_inside_their_document(place: Place) -> None:
    place.write(
        "a.txt", "\n".join(f"Line {n} of the first tells of copper and of much else." for n in range(60))
    )
    place.write("b.txt", "Only one here.")
    place.update()
    generation = place.open()
    rows = generation.rows_of_document(0)
    assert rows == list(range(len(generation) - 1))
    assert len(rows) > 2
    assert generation.neighbours(0) == (None, 1)
    assert generation.neighbours(rows[-1]) == (rows[-2], None)
    assert generation.neighbours(len(generation) - 1) == (None, None)
    generation.close()


# Runs


def test_a_second_run_with_nothing_changed_does_nothing(filled: Place) -> None:
    first = filled.open()
    calls = filled.embedder.calls
    events: list[str] = []
    report = filled.update(on_event=lambda event, _: events.append(event))
    assert summary(report) == (0, 0, 4, 0, 0, False)
    assert filled.embedder.calls == calls
    assert events == ["unchanged"] * 4
    assert report.index_version == first.index_version
    assert (report.documents, report.problems) == (4, [])
    first.close()


def test_a_changed_file_replaces_its_document_and_only_its_passages_are_embedded(filled: Place) -> None:
    before = filled.embedder.calls
    filled.write("b.txt", "Something new was signed.")
    report = filled.update()
    assert summary(report) == (0, 1, 3, 0, 1, True)
    assert filled.embedder.calls == before + 1
    generation = filled.open()
    assert [t for i, t, _ in content(generation) if i.startswith("b.txt:")] == ["Something new was signed."]
    generation.close()


def test_prune_removes_what_came_from_the_same_path_and_is_gone(filled: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "o.txt").write_text("Copper elsewhere.")
    filled.update(other)
    (filled.texts / "a.txt").unlink()
    (other / "o.txt").rename(tmp_path / "moved.txt")
    filled.write("c.jsonl", '{"id": "j/1", "text": "Tin came by ship."}\n')
    assert filled.update().removed == 0  # not without being told
    events: list[tuple[str, str]] = []
    report = filled.update(prune=True, on_event=lambda *event: events.append(event))
    assert [event for event in events if event[0] == "removed"] == [("removed", "a.txt"), ("removed", "2")]
    assert (report.removed, report.published) == (2, True)
    assert sorted(filled.ids()) == ["b.txt", "j/1", "o.txt"]


def test_prune_removes_a_file_that_was_last_indexed_by_its_own_name(filled: Place) -> None:
    filled.write("a.txt", "Now it reads otherwise.")
    filled.update(filled.texts / "a.txt")
    (filled.texts / "a.txt").unlink()
    assert filled.update(prune=True).removed == 1
    assert "a.txt" not in filled.ids()


def test_prune_knows_a_path_however_it_is_written(filled: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (filled.texts / "a.txt").unlink()
    monkeypatch.chdir(filled.texts)
    assert filled.update(Path("..") / "texts", prune=True).removed == 1


@pytest.mark.parametrize("name", ["bad.txt", "with, line 4.txt"])
@pytest.mark.parametrize("roundabout", [False, True])
def test_prune_keeps_a_document_whose_file_has_a_problem_now(
    place: Place, name: str, roundabout: bool
) -> None:
    path = place.write(name, "It was good once.")
    place.write("other.txt", "Another.")
    place.update()
    path.write_bytes(b"\x00\x01\x02 binary now")
    indexed = place.texts / ".." / "texts" if roundabout else place.texts
    report = place.update(indexed, prune=True)
    assert (report.removed, len(report.problems)) == (0, 1)
    assert len(place.ids()) == 2


def test_prune_keeps_the_documents_of_a_file_with_a_broken_line(filled: Place) -> None:
    filled.write("c.jsonl", '{"id": "j/1", "text": "Tin came by ship."}\n{"id": 2, "text"\n')
    report = filled.update(prune=True)
    assert report.removed == 0
    assert str(report.problems[0]).startswith(f"{filled.texts / 'c.jsonl'}, line 2: is not JSON")
    assert "2" in filled.ids()


def test_a_document_may_go_from_one_file_to_another_with_prune(place: Place) -> None:
    place.write("a.jsonl", '{"id": "x", "text": "Here."}\n{"id": "y", "text": "Stays."}\n')
    place.update()
    place.write("a.jsonl", '{"id": "y", "text": "Stays."}\n')
    place.write("b.jsonl", '{"id": "x", "text": "Here."}\n')
    (problem,) = place.update().problems
    assert isinstance(problem, DuplicateIdError)
    report = place.update(prune=True)
    assert not report.problems
    assert sorted(place.ids()) == ["x", "y"]
    with Catalog(place.state.catalog) as catalog:
        assert {d.document_id: Path(d.source).name for _, d in catalog.all_documents()} == {
            "x": "b.jsonl",
            "y": "a.jsonl",
        }


def test_one_id_from_two_sources_is_a_problem_that_names_both_and_the_first_stays(place: Place) -> None:
    place.write("one/same.txt", "The first.")
    place.write("two/same.txt", "The second.")
    one, two = place.texts / "one", place.texts / "two"
    for prune in (False, True):
        report = place.update(one, two, prune=prune)
        (problem,) = report.problems
        assert isinstance(problem, DuplicateIdError)
        assert str(one / "same.txt") in str(problem)
        assert str(two / "same.txt") in str(problem)
    assert place.ids() == ["same.txt"]
    generation = place.open()
    assert generation.document_at(0).text == "The first."
    generation.close()


def test_a_bad_path_changes_nothing_at_all(filled: Place, tmp_path: Path) -> None:
    filled.write("new.txt", "New words.")
    with pytest.raises(SourceError, match="does not exist"):
        filled.update(filled.texts, tmp_path / "nowhere", prune=True)
    with Catalog(filled.state.catalog) as catalog:
        assert catalog.count() == 4


def test_problems_and_skipped_files_are_reported_and_the_rest_indexed(place: Place) -> None:
    place.write("a.txt", "Good.")
    place.write("b.txt", "  ")
    place.write("c.xlsx", "x")
    report = place.update()
    assert [str(p) for p in report.problems] == [f"{place.texts / 'b.txt'}: is empty"]
    assert len(report.skipped) == 1
    assert "c.xlsx: unsupported format" in report.skipped[0]
    assert place.ids() == ["a.txt"]


def test_other_settings_make_passages_anew_and_weights_only_the_lexical_index(filled: Place) -> None:
    filled.settings = IndexSettings(field_weights={"body": 1.0})
    report = filled.update()
    assert (report.embedded, report.published) == (0, True)
    filled.settings = IndexSettings(context_tokens=0)
    report = filled.update()
    assert report.published
    assert report.embedded == len(filled.open())


# Repeats


def test_a_repeat_is_hidden_until_its_original_is_out_of_sight(filled: Place) -> None:
    generation = filled.open()
    a, b = generation.ordinal("a.txt"), generation.ordinal("b.txt")
    assert a is not None
    assert b is not None
    query = filled.embedder.embed_queries([SHARED])

    def seen(documents: frozenset[int] | None) -> tuple[set[str], set[str]]:
        chosen = generation.row_filter(documents)
        near = generation.vectors.search(query, 99, None if chosen is None else chosen.rows)[0]
        lexical = generation.lexical.search(terms("presidents agreed zinc"), 99, chosen)
        return tuple(
            {p.document_id for n, _ in hits if SHARED in (p := generation.passage(n)).text}
            for hits in (near, lexical)
        )  # type: ignore[return-value]

    assert seen(None) == ({"a.txt"}, {"a.txt"})
    assert seen(frozenset({a, b})) == ({"a.txt"}, {"a.txt"})
    assert seen(frozenset({b})) == ({"b.txt"}, {"b.txt"})
    assert seen(frozenset()) == (set(), set())
    ((start, end, reason, other),) = [
        (s.start, s.end, s.reason, s.repeats_document_id) for s in generation.excluded_of(b)
    ]
    assert (start, end, reason, other) == (0, len(SHARED), "repeats_other_document", "a.txt")
    generation.close()


def test_a_generation_without_repeats_filters_nothing(place: Place) -> None:
    place.write("a.txt", "Copper.")
    place.update()
    generation = place.open()
    assert generation.row_filter(None) is None
    generation.close()


def test_when_the_original_goes_the_repeat_takes_its_place(filled: Place) -> None:
    (filled.texts / "a.txt").unlink()
    filled.update(prune=True)
    generation = filled.open()
    assert [(i, r) for i, t, r in content(generation) if SHARED in t] == [
        (f"b.txt:0-{len(generation.passage(0).text)}", None)
    ]
    assert generation.row_filter(None) is None
    generation.close()


def test_what_a_document_excludes_it_does_not_hold_for_others(place: Place) -> None:
    # The teaser under "Read also" is the first paragraph of the article that it points to.
    teaser = "Five presidents meet in Washington to talk of copper, tin and zinc, and of a good deal more"
    place.write(
        "a.txt",
        "The port was closed on Monday. Ships waited outside it for a day and a night.\n\n"
        f"Read also\n{teaser}\n",
    )
    place.write("b.txt", f"{teaser}\n\nThe meeting began on Thursday.\n")
    report = place.update(list_excluded=True)
    assert next((name, text) for name, _, text in report.excluded if teaser in text)[0] == "a.txt"
    generation = place.open()
    assert [(i.split(":")[0], r) for i, t, r in content(generation) if teaser in t] == [("b.txt", None)]
    generation.close()


# Damage

FILES = ["snapshot.sqlite", "vectors.faiss", "lexical/meta.json", "lexical/*.store", "lexical/*.idx"]


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    _replace(path, bytes(raw))


def _truncate(path: Path) -> None:
    _replace(path, path.read_bytes()[:-1])


def _replace(path: Path, content: bytes) -> None:
    # Not in place: an index that is still open has the file mapped into memory.
    aside = path.with_name("aside")
    aside.write_bytes(content)
    os.replace(aside, path)


def _add(path: Path) -> None:
    (path.parent / "extra.bin").write_bytes(b"x")


def _folder(place: Place) -> Path:
    return place.state.generations / place.state.current.read_text().split()[0]


@pytest.mark.parametrize("mend", ["update", "rebuild"])
@pytest.mark.parametrize("damage", [_flip, _truncate, Path.unlink, _add])
@pytest.mark.parametrize("pattern", FILES)
def test_a_damaged_file_is_noticed_and_mended_without_embedding(
    filled: Place, pattern: str, damage: Callable[[Path], None], mend: str
) -> None:
    before = filled.open()
    kept = content(before)
    before.close()
    damage(sorted(_folder(filled).glob(pattern))[0])
    with pytest.raises(GenerationDamagedError, match="missing or damaged"):
        filled.open()
    calls = filled.embedder.calls
    if mend == "update":
        assert filled.update().published
    else:
        rebuild(filled.state, filled.embedder, filled.settings)
    after = filled.open()
    assert content(after) == kept
    assert filled.embedder.calls == calls
    after.close()


def _garbage_manifest(place: Place) -> None:
    (_folder(place) / "manifest.json").write_text("{}")


def _no_manifest(place: Place) -> None:
    (_folder(place) / "manifest.json").unlink()


def _no_generation(place: Place) -> None:
    shutil.rmtree(_folder(place))


def _current(content: bytes) -> Callable[[Place], None]:
    def damage(place: Place) -> None:
        place.state.current.write_bytes(content)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _garbage_manifest,
        _no_manifest,
        _no_generation,
        _current(b""),
        _current(b"\xff\xfe"),
        _current(b"../../etc 00"),
        _current(b"000001-deadbeef 00\n"),
        _current(b"one\x00 two"),
        _current(b".hidden x"),
    ],
)
def test_a_damaged_pointer_or_manifest_is_noticed_and_mended(
    filled: Place, damage: Callable[[Place], None]
) -> None:
    damage(filled)
    with pytest.raises(GenerationDamagedError):
        filled.open()
    assert filled.update().published
    assert filled.ids() == ["a.txt", "b.txt", "j/1", "2"]


def test_a_missing_pointer_is_damage_and_is_mended(filled: Place) -> None:
    filled.state.current.unlink()
    with pytest.raises(GenerationDamagedError, match="missing, but there are generations"):
        filled.open()
    assert filled.update().published
    assert len(filled.ids()) == 4


def test_a_damaged_record_of_truth_leaves_the_generation_serving(filled: Place) -> None:
    filled.state.catalog.write_bytes(b"garbage " * 1000)
    for run in (filled.update, lambda: rebuild(filled.state, filled.embedder, filled.settings)):
        with pytest.raises(CatalogDamagedError, match="restore it from a backup"):
            run()
    assert len(filled.ids()) == 4


def test_a_snapshot_that_lies_about_a_text_is_damage_when_read(filled: Place) -> None:
    # Somebody who can edit the snapshot can write the hashes too; the text still has its own.
    import sqlite3

    folder = _folder(filled)
    db = sqlite3.connect(folder / "snapshot.sqlite")
    with db:
        db.execute("UPDATE documents SET text = replace(text, 'ship', 'boat')")
    db.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["snapshot.sqlite"] = sha256_file(folder / "snapshot.sqlite")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    filled.state.current.write_text(f"{folder.name} {sha256_file(folder / 'manifest.json')}\n")
    generation = filled.open()
    with pytest.raises(GenerationDamagedError, match="'j/1' does not match its sha256"):
        generation.document_at(generation.ordinal("j/1") or 0)
    generation.close()


def test_rebuild_of_nothing_is_an_error(place: Place) -> None:
    with pytest.raises(IndexMissingError):
        rebuild(place.state, place.embedder, place.settings)


# Mismatch, locks, folders


def test_another_embedder_is_a_mismatch_until_indexed_again(filled: Place) -> None:
    filled.embedder = HashEmbedder(dimension=32, name="hash-32")
    with pytest.raises(IndexMismatchError, match="made with the embedder hash-64, but hash-32 is configured"):
        filled.open()
    assert filled.update().embedded > 0
    generation = filled.open()
    assert generation.vectors.search(filled.embedder.embed_queries(["zinc ship"]), 1)[0][0][1] > 0
    generation.close()


def test_another_generation_format_is_a_mismatch_and_is_mended(filled: Place) -> None:
    path = _folder(filled) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    filled.state.current.write_text(f"{path.parent.name} {sha256_file(path)}\n")
    with pytest.raises(IndexMismatchError, match="another format than this program's"):
        filled.open()
    assert filled.update().published
    assert len(filled.ids()) == 4


def test_two_writers_at_once_is_busy_and_harms_nothing(filled: Place) -> None:
    with filled.state.writing():
        with pytest.raises(IndexBusyError, match=rf"another process \({os.getpid()}\) is writing"):
            filled.update()
        with pytest.raises(IndexBusyError):
            rebuild(filled.state, filled.embedder, filled.settings)
        assert len(filled.ids()) == 4  # reading needs no lock
    assert not filled.update().published


def test_a_state_folder_that_cannot_be_made_says_so(place: Place, tmp_path: Path) -> None:
    place.write("a.txt", "Words.")
    (tmp_path / "file").write_text("in the way")
    for state in (tmp_path / "file", tmp_path / "file" / "below"):
        place.state = StateFolder(state)
        with pytest.raises(StateFolderError, match="set VERSE_STATE_DIR to another folder"):
            place.update()
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to every folder whatever its mode")
def test_a_read_only_state_folder_says_so_and_still_reads(filled: Place) -> None:
    filled.state.path.chmod(0o555)
    try:
        with pytest.raises(StateFolderError):
            filled.update()
        assert len(filled.ids()) == 4
    finally:
        filled.state.path.chmod(0o755)


def test_a_disk_that_is_full_while_publishing_says_so_and_the_old_index_serves(place: Place) -> None:
    for n in range(40):
        place.write(f"{n}.txt", f"Text {n}: " + " ".join(f"word{n}x{i}." for i in range(400)))
    place.update()
    version = place.open().index_version
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from index.build import rebuild\nfrom index.errors import StateFolderError\n"
        "from index.settings import IndexSettings\nfrom index.state import StateFolder\n"
        "from tests.fakes import HashEmbedder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try:\n    rebuild(StateFolder(Path(sys.argv[1])), HashEmbedder(), IndexSettings())\n"
        "except StateFolderError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place.state.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "the one before it still serves" in done.stdout, done.stderr
    generation = place.open()
    assert generation.index_version == version
    assert len(generation) > 40
    generation.close()


# Interruptions


class Failing(HashEmbedder):
    """Embeds so many batches, then fails."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        if not self.left:
            raise EmbedderError("out of order")
        self.left -= 1
        return super().embed_passages(texts)


def test_an_interrupted_reading_keeps_what_was_reported_and_goes_on(place: Place) -> None:
    for name in "abcd":
        place.write(f"{name}.txt", f"Text {name} tells of copper.")
    heard: list[str] = []

    def interrupt(event: str, document_id: str) -> None:
        heard.append(document_id)
        if len(heard) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.update(on_event=interrupt)
    with Catalog(place.state.catalog) as catalog:
        assert [d.document_id for _, d in catalog.all_documents()] == heard == ["a.txt", "b.txt"]
    assert summary(place.update()) == (2, 0, 2, 0, 4, True)


def test_an_embedder_that_fails_midway_costs_only_the_batch(place: Place) -> None:
    place.settings = IndexSettings(passage_tokens=32)
    text = " ".join(
        f"Sentence number {n} tells of copper and of tin and zinc and of much else besides that."
        for n in range(700)
    )
    place.write("a.txt", text)
    place.embedder = Failing(1)
    with pytest.raises(EmbedderError, match="out of order"):
        place.update()
    with pytest.raises(IndexMissingError):
        place.open()
    place.embedder = HashEmbedder()
    report = place.update()
    generation = place.open()
    assert len(generation) > 256
    assert report.embedded == place.embedder.calls == len(generation) - 256
    assert report.unchanged == 1
    generation.close()


def test_an_interruption_after_a_change_leaves_the_old_generation_serving(filled: Place) -> None:
    filled.write("b.txt", "Something new was signed.")
    filled.embedder = Failing(0)
    with pytest.raises(EmbedderError):
        filled.update()
    generation = filled.open()
    assert any("Nothing else was signed" in text for _, text, _ in content(generation))
    generation.close()
    filled.embedder = HashEmbedder()
    assert summary(filled.update()) == (0, 0, 4, 0, 1, True)


def test_an_interrupted_writing_is_swept_up(filled: Place) -> None:
    filled.write("d.txt", "One more.")

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "writing" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled.update(progress=interrupt)
    assert len(filled.ids()) == 4
    report = filled.update()
    assert (report.embedded, report.published) == (0, True)
    assert not [p.name for p in filled.state.generations.iterdir() if p.name.startswith(".")]
    assert len(filled.ids()) == 5


def test_an_open_generation_stays_whole_while_others_are_published(filled: Place) -> None:
    generation = filled.open()
    before = content(generation)
    generation.passage.cache_clear()  # type: ignore[attr-defined]
    generation.document_at.cache_clear()  # type: ignore[attr-defined]
    for n in range(4):
        filled.write("b.txt", f"Version {n} of the text.")
        filled.update()
    assert content(generation) == before
    hits = generation.lexical.search(terms("nothing else signed"), 1)
    assert "Nothing else was signed" in generation.passage(hits[0][0]).text
    near = generation.vectors.search(filled.embedder.embed_queries([generation.passage(0).text]), 1)
    assert np.isclose(near[0][0][1], 1.0, atol=0.3)
    kept = sorted(p.name.split("-")[0] for p in filled.state.generations.iterdir())
    assert kept == ["000004", "000005"]  # the one before stays for whoever is opening it
    generation.close()


def test_opening_leaves_the_generation_as_it_was(filled: Place) -> None:
    for _ in range(2):
        filled.open().close()
    assert not filled.update().published
