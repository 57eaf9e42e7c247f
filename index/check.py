"""Verifies everything in a state folder against its digests, one finding for each thing that is wrong."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from index.catalog import Catalog
from index.errors import CatalogDamagedError, IndexMissingError, IndexStoreError, QAError
from index.generation import check_files, open_current, read_manifest
from index.state import StateFolder

_RESTORE = "restore it from a backup (`verse restore`), or move it away and index the documents again"
_REBUILD = "the service rebuilds it by itself; so does `verse index PATH`"
_NORM_TOLERANCE = 1e-3
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is wrong, and what to do."""

    what: str
    advice: str


@dataclass(slots=True, kw_only=True)
class Checked:
    """How much was looked at, and what was found."""

    counts: Counter[str] = field(default_factory=Counter)
    damages: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def found(self, what: object, advice: str) -> None:
        """Add a finding."""
        self.damages.append(Damage(what=str(what), advice=advice))

    def add(self, other: Checked) -> None:
        """Add what another look has counted and found."""
        self.counts += other.counts
        self.damages += other.damages
        self.notes += other.notes


def check_state(state: StateFolder) -> Checked:
    """Verify the catalog and the current generation; nothing is changed but an older format of the catalog."""
    checked = Checked()
    if not state.catalog.is_file():
        if state.current.exists() or (state.generations.is_dir() and any(state.generations.iterdir())):
            checked.found(f"{state.catalog} is missing, but there is an index", _RESTORE)
        else:
            checked.notes.append(f"there is no index in {state.path}")
        return checked
    corpus = _check_catalog(state, checked)
    _check_generation(state, checked, corpus)
    return checked


def check_database(path: Path, checked: Checked, advice: str) -> bool:
    """Let SQLite verify a whole database, indexes and references too; return whether it is sound."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            wrong = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            wrong += [
                f"row {row[1]} of {row[0]} refers to nothing"
                for row in db.execute("PRAGMA foreign_key_check")
            ]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        wrong = [str(error)]
    for what in wrong:
        checked.found(f"{path.name}: {what}", advice)
    checked.counts["databases"] += 1
    return not wrong


def _check_catalog(state: StateFolder, checked: Checked) -> str | None:
    if not check_database(state.catalog, checked, _RESTORE):
        return None
    try:
        with Catalog(state.catalog) as catalog, catalog.at_one_moment():
            _each(checked, catalog.seqs(), lambda seq: _check_document(catalog, seq, checked))
            try:
                checked.counts["rules"] += catalog.verify_rules()
            except QAError as error:
                checked.found(error, "set the rule anew with `verse access`, or restore from a backup")
            return catalog.corpus_sha256()
    except IndexStoreError as error:
        checked.found(error, _RESTORE)
        return None


def _each(checked: Checked, seqs: list[int], check: Callable[[int], None]) -> None:
    for seq in seqs:
        try:
            check(seq)
        except CatalogDamagedError as error:
            checked.found(error, "index its file again, or restore from a backup")


def _check_document(catalog: Catalog, seq: int, checked: Checked) -> None:
    document = catalog.document(seq)
    checked.counts["documents"] += 1
    if not catalog.is_derived(seq):
        checked.notes.append(
            f"document {document.document_id!r} is stored but not split yet; run `verse index`"
        )
        return
    _, passages = catalog.derived_of(seq, document)
    checked.counts["passages"] += len(passages)
    vectors = catalog.stored_vectors([key for _, key in passages])
    for (passage, _), vector in zip(passages, vectors, strict=True):
        if vector is None:
            checked.notes.append(f"{passage.passage_id} has no vector yet; run `verse index`")
        elif not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) <= _NORM_TOLERANCE:
            checked.found(f"the vector of {passage.passage_id} is no unit vector", _RESTORE)
        else:
            checked.counts["vectors"] += 1


def _check_generation(state: StateFolder, checked: Checked, corpus: str | None) -> None:
    """Check the current generation; one that was replaced and deleted meanwhile was no damage."""
    for _ in range(_TRIES):
        before = _current(state)
        found = Checked()
        _check_one_generation(state, found, corpus)
        if not found.damages or _current(state) == before:
            checked.add(found)
            return
    checked.notes.append(
        f"the index was published anew {_TRIES} times while it was checked; stop what adds documents, and check again"
    )


def _current(state: StateFolder) -> bytes:
    try:
        return state.current.read_bytes()
    except OSError:
        return b""  # what is wrong with it is found by the check


def _check_one_generation(state: StateFolder, checked: Checked, corpus: str | None) -> None:
    try:
        folder, manifest = read_manifest(state)
        check_files(folder, manifest, anew=True)
        checked.counts["index files"] += len(manifest.files)
        generation = open_current(state, embedder=manifest.embedder)
    except IndexMissingError:
        checked.notes.append("no index is published yet; run `verse index PATH`")
        return
    except IndexStoreError as error:
        checked.found(error, _REBUILD)
        return
    with closing(generation):
        try:
            for ordinal in range(manifest.documents):
                generation.document_at(ordinal)
            for row in range(manifest.passages):
                generation.passage(row)
            checked.counts["indexed passages"] += manifest.passages
        except IndexStoreError as error:
            checked.found(error, _REBUILD)
    if corpus is not None and corpus != manifest.corpus_sha256:
        checked.notes.append(
            f"index {manifest.index_version} is older than the documents; run `verse index PATH`"
        )
