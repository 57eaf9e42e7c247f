"""Damaged files: noticed before anything is served from them, and mended from the record of truth."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

import api.engine
from api.engine import Engine
from api.settings import Settings
from eval.bench.crash_harness import (
    MUTATIONS,
    SETTINGS,
    catalog_content,
    content_of,
    fake_embedder,
    file_kind,
    generation_files,
    mutate,
    run_catalog_damage,
    run_damage,
    small_state,
)
from index.catalog import Catalog
from index.errors import CatalogDamagedError, GenerationDamagedError
from index.state import StateFolder
from rag.retrieve import Retrieved
from rag.types import Question, Reading


def test_every_damage_to_a_generation_is_noticed_and_mended(tmp_path: Path) -> None:
    outcome = run_damage(tmp_path, mutations=100, seed=1)
    assert outcome.mutations == 100
    assert (outcome.undetected, outcome.crashes) == (0, 0), outcome.findings
    assert outcome.detected + outcome.harmless == 100
    # Harmless is only white space around what CURRENT says.
    assert outcome.harmless <= 2
    assert outcome.rebuilt_equal == outcome.detected
    assert outcome.embedded_again == 0
    assert set(outcome.by_kind) == set(MUTATIONS)
    assert {"CURRENT", "manifest.json", "snapshot.sqlite", "vectors.faiss", "meta.json"} <= set(
        outcome.by_file
    )


@pytest.mark.long
def test_a_thousand_damages_are_noticed_and_mended(tmp_path: Path) -> None:
    outcome = run_damage(tmp_path, mutations=1000, seed=2)
    assert (outcome.undetected, outcome.crashes) == (0, 0), outcome.findings
    assert outcome.rebuilt_equal == outcome.detected


@pytest.mark.parametrize("mutations", [100, pytest.param(2000, marks=pytest.mark.long)])
def test_damage_to_the_catalog_never_changes_a_text_in_silence(tmp_path: Path, mutations: int) -> None:
    outcome = run_catalog_damage(tmp_path, mutations=mutations, seed=1)
    assert (outcome.text_differs, outcome.documents_missing, outcome.crashes) == (0, 0, 0), outcome.findings
    clean = sum(outcome.errors.values())
    assert clean + outcome.identical + outcome.other_differs == mutations
    assert clean > mutations / 3


def _in_catalog(state: StateFolder, old: bytes, new: bytes) -> None:
    raw = state.catalog.read_bytes()
    assert old in raw
    assert len(old) == len(new)
    state.catalog.write_bytes(raw.replace(old, new, 1))


def test_a_damaged_schema_is_a_damaged_catalog(tmp_path: Path) -> None:
    state = small_state(tmp_path, documents=3)
    _in_catalog(state, b"STRICT, WITHOUT ROWID", b"\xf6TRICT, WITHOUT ROWID")
    with pytest.raises(CatalogDamagedError):
        catalog_content(state, fake_embedder().dimension)


@pytest.mark.parametrize("what", ["title", "vector"])
def test_damage_to_what_is_not_a_text_is_noticed_too(tmp_path: Path, what: str) -> None:
    state = small_state(tmp_path, documents=3)
    if what == "title":
        _in_catalog(state, b"Document j/002", b"Document j/009")
    else:
        with Catalog(state.catalog) as catalog:
            seq, document = next(catalog.all_documents())
            key = catalog.passages_of(seq, document)[0][1]
            vector = catalog.vectors([key], fake_embedder().dimension).tobytes()
        place = next(n for n in range(1, len(vector), 4) if vector[n])
        changed = vector[:place] + bytes([vector[place] ^ 1]) + vector[place + 1 :]
        _in_catalog(state, vector, changed)
    with pytest.raises(CatalogDamagedError):
        catalog_content(state, fake_embedder().dimension)


class _Reader:
    """Stands where the reading model does; nothing is read here."""

    name = "reader-of-nothing"

    def __init__(self, *_: object) -> None:
        pass

    def settled(self, question: Question, *__: object) -> Question:
        return question

    def rerank(self, retrieved: Retrieved, *__: object) -> Retrieved:
        return retrieved

    def read(self, *_: object, **__: object) -> Reading:
        return Reading(candidates=(), signals=())


@pytest.fixture
def without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.engine, "find_model", lambda *_: None)
    monkeypatch.setattr(api.engine, "open_embedder", lambda *_, **__: fake_embedder())
    monkeypatch.setattr(
        api.engine, "find_reader", lambda *_: SimpleNamespace(fingerprint="none", max_tokens=1)
    )
    monkeypatch.setattr(api.engine, "ensure_reader_conversion", lambda *_: Path())
    monkeypatch.setattr(api.engine, "ReaderModel", lambda *_, **__: None)
    monkeypatch.setattr(api.engine, "load_calibration", lambda *_: None)
    monkeypatch.setattr(api.engine, "Reader", _Reader)


@pytest.mark.usefixtures("without_models")
@pytest.mark.parametrize(
    "name", ["vectors.faiss", "snapshot.sqlite", "manifest.json", "meta.json", "CURRENT"]
)
def test_the_service_mends_a_damaged_generation_by_itself(tmp_path: Path, name: str) -> None:
    state = small_state(tmp_path, documents=4)
    embedder = fake_embedder()
    whole = content_of(state, embedder)
    path = next(path for path in generation_files(state) if file_kind(path) == name)
    assert mutate(path, "bit_flip", random.Random(5))
    with pytest.raises(GenerationDamagedError):
        content_of(state, embedder)
    engine = Engine(Settings(state_dir=state.path, passage_tokens=SETTINGS.passage_tokens))
    assert engine.refresh()
    health = engine.health()
    assert health.ready
    assert health.documents == len(whole["documents"])
    served = engine.stages().generation
    assert [served.passage(row) for row in range(len(served))] == whole["passages"]
    served.close()
    assert content_of(StateFolder(state.path), embedder) == whole
    assert not engine.refresh()


def test_a_mutation_is_a_real_one_and_leaves_an_open_file_alone(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    for number in range(40):
        for kind in MUTATIONS:
            path.write_bytes(bytes(range(1, 200)))
            other.write_bytes(b"other")
            with path.open("rb") as held:
                changed = mutate(path, kind, random.Random(number), [path, other])
                assert os.pread(held.fileno(), 500, 0) == bytes(range(1, 200))
            assert changed
            assert kind == "extra" or not path.exists() or path.read_bytes() != bytes(range(1, 200))
            if kind in ("bit_flip", "overwrite_8", "zero_fill"):
                assert len(path.read_bytes()) == 199
