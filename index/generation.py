"""One published state of all derived files: self-contained, checked, swapped in one step.

A generation folder holds a snapshot of the corpus, the vectors and the lexical index, and a
manifest with the sha256 of every file. `CURRENT` names the folder and the hash of its manifest.
A reader that has a generation open keeps it whole whatever is published meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.access import Viewer
from index.catalog import Catalog, document_of, passage_of
from index.errors import (
    CatalogDamagedError,
    GenerationDamagedError,
    IndexMismatchError,
    IndexMissingError,
)
from index.failpoints import failpoint
from index.lexical import Places, TantivyIndex
from index.models import sha256_file
from index.parts import LEXICAL, SNAPSHOT, TAIL_SNAPSHOT, Before, open_vectors, write_files
from index.row_layout import RowLayout
from index.rules import Rules
from index.settings import IndexSettings
from index.sight import Sight, Sights
from index.signatures import Same
from index.state import StateFolder, replace_file, sync_file, sync_tree
from index.storage import storage_error
from index.types import BoolArray, Document, ExcludedSpan, Passage, ProgressCallback, RowFilter, sha256_text
from index.verified import same_file, sha256_once

# Raise it when the files of a generation change their meaning: older ones are then rebuilt.
GENERATION_FORMAT = 3
_MANIFEST = "manifest.json"
_HEAD = ("document_id", "title", "publisher", "author", "published_at", "url", "language", "sha256")
_STORED = ("version", "stored_at", "first_stored_at")
_CACHED_DOCUMENTS = 256
_CACHED_PASSAGES = 4096
_HEADS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a generation is made of and what made it.

    `parts` says how it is divided (see `index.parts`), and which kind of vector index it has, with the
    recall that was measured.
    """

    index_version: str
    corpus_sha256: str
    versions_sha256: str
    derivation: str
    embedder: str
    settings: dict[str, Any]
    documents: int
    passages: int
    parts: dict[str, Any]
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SameStory:
    """A document that tells another's story; see `index.signatures.Pair`."""

    ordinal: int
    jaccard: float
    same: Same


class Generation:
    """An open generation. Every method may be called from several threads.

    Documents are numbered by `ordinal` and passages by `row`, both from 0.
    """

    def __init__(self, folder: Path, manifest: Manifest, rules: Rules) -> None:
        self.manifest = manifest
        self.rules = rules
        self.number = _number_of(manifest.index_version)
        self._lock = threading.Lock()
        self._layout = layout = RowLayout.load(folder)
        self._dbs = [_opened(folder / SNAPSHOT)]
        if TAIL_SNAPSHOT in manifest.files:
            self._dbs.append(_opened(folder / TAIL_SNAPSHOT))
        self.vectors = open_vectors(folder, manifest.files, manifest.parts, layout)
        weights = IndexSettings().field_weights | manifest.settings["field_weights"]
        row_of = np.full(manifest.parts["base_slots"] + manifest.parts["tail_slots"], -1, dtype=np.int32)
        row_of[layout.slots] = np.arange(len(layout.slots), dtype=np.int32)
        self.lexical = TantivyIndex.load(
            folder / LEXICAL, weights, Places(row_of=row_of, document_of=layout.seqs)
        )
        if not len(self.vectors) == len(self.lexical) == len(layout.slots) == manifest.passages:
            raise GenerationDamagedError(
                f"generation {manifest.index_version} has {len(self.vectors)} vectors and "
                f"{len(self.lexical)} lexical rows for {manifest.passages} passages"
            )
        if len(layout.seqs) != manifest.documents:
            raise GenerationDamagedError(
                f"generation {manifest.index_version} has {len(layout.seqs)} of {manifest.documents} documents"
            )
        self._document_of_row: NDArray[np.int32] = layout.document_of
        self._repeats_of_row: NDArray[np.int32] = layout.repeats_of
        self._ordinals = {
            str(document_id): ordinal
            for ordinal, (document_id,) in self._of_documents("document_id", range(manifest.documents))
        }
        unfiltered = self._repeats_of_row < 0
        self._everything = None if unfiltered.all() else RowFilter(rows=unfiltered, documents=None)
        self.document_at: Callable[[int], Document] = lru_cache(_CACHED_DOCUMENTS)(self._document_at)
        self.passage: Callable[[int], Passage] = lru_cache(_CACHED_PASSAGES)(self._passage)
        self._sights = Sights(self, self._ordinals, rules)

    @property
    def index_version(self) -> str:
        """The generation's name, as receipts carry it."""
        return self.manifest.index_version

    def close(self) -> None:
        """Close the snapshots; the rest is memory."""
        for db in self._dbs:
            db.close()

    def __len__(self) -> int:
        return self.manifest.passages

    def sight(self, viewer: Viewer) -> Sight:
        """Return what a viewer sees, by the rules as they are now.

        Raises:
            AccessUnreadableError: the rules cannot be read.
        """
        return self._sights.of(viewer)

    def corpus_sha256_of(self, documents: BoolArray) -> str:
        """Return what `corpus_sha256` would be if there were only these documents."""
        digest = hashlib.sha256()
        for ordinal, line in self._corpus_lines:
            if documents[ordinal]:
                digest.update(line)
        return digest.hexdigest()

    @cached_property
    def _corpus_lines(self) -> list[tuple[int, bytes]]:
        rows = self._of_documents("document_id, record_sha256", range(self.manifest.documents))
        lines = sorted((document_id, ordinal, record) for ordinal, (document_id, record) in rows)
        return [(ordinal, f"{document_id}\0{record}\n".encode()) for document_id, ordinal, record in lines]

    def ordinal(self, document_id: str) -> int | None:
        """Return a document's number, or `None` when there is no such document."""
        return self._ordinals.get(document_id)

    def document_ordinal(self, row: int) -> int:
        """Return the number of the document that a passage belongs to."""
        return int(self._document_of_row[row])

    def rows_of(self, documents: BoolArray) -> BoolArray:
        """Return the mask over all passages of these documents."""
        rows: BoolArray = documents[self._document_of_row]
        return rows

    def rows_of_document(self, ordinal: int) -> list[int]:
        """Return a document's passages in the order of the text."""
        first, last = np.searchsorted(self._document_of_row, [ordinal, ordinal + 1]).tolist()
        return list(range(first, last))

    def neighbours(self, row: int) -> tuple[int | None, int | None]:
        """Return the passages before and after one in the same document."""
        before = row - 1 if row > 0 and self._same_document(row - 1, row) else None
        after = row + 1 if row + 1 < len(self) and self._same_document(row, row + 1) else None
        return before, after

    def excluded_of(self, ordinal: int) -> list[ExcludedSpan]:
        """Return a document's excluded spans in order."""
        return [
            ExcludedSpan(start=start, end=end, reason=reason, repeats_document_id=repeats)
            for start, end, reason, repeats in self._all(
                "SELECT start, end, reason, repeats_document_id FROM excluded "
                "WHERE document = ? ORDER BY start",
                (int(self._layout.seqs[ordinal]),),
                tail=bool(self._layout.tails[ordinal]),
            )
        ]

    def documents(self, *, start: int, limit: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (ordinal, metadata without text) of up to `limit` documents from `start` on."""
        total = self.manifest.documents
        end = total if limit < 0 else min(total, start + limit)
        for first in range(start, end, _HEADS_AT_ONCE):
            for ordinal, values in self._of_documents(
                ", ".join(_HEAD), range(first, min(end, first + _HEADS_AT_ONCE))
            ):
                yield ordinal, dict(zip(_HEAD, values, strict=True))

    def heads(self, ordinals: Sequence[int]) -> list[dict[str, Any]]:
        """Return the metadata of these documents, in the order of their numbers."""
        found = self._of_documents(", ".join(_HEAD + _STORED), sorted(set(ordinals)))
        return [dict(zip(_HEAD + _STORED, values, strict=True)) for _, values in found]

    def same_story(self, ordinal: int) -> list[SameStory]:
        """Return the documents that tell the same story as a whole, in order."""
        found = self._all(
            "SELECT other, jaccard, same FROM same_story WHERE one = ?1 UNION ALL "
            "SELECT one, jaccard, same FROM same_story WHERE other = ?1 ORDER BY 1",
            (int(self._layout.seqs[ordinal]),),
            # Each publication writes all pairs anew, into the snapshot that it writes.
            tail=len(self._dbs) > 1,
        )
        return [
            SameStory(ordinal=self._ordinal_of(seq), jaccard=value, same=same) for seq, value, same in found
        ]

    def repeating(self, document_id: str) -> list[int]:
        """Return the documents that repeat paragraphs of this one, in order."""
        ordinals: list[int] = []
        for tail in range(len(self._dbs)):
            rows = self._all(
                "SELECT DISTINCT document FROM excluded WHERE repeats_document_id = ?",
                (document_id,),
                tail=bool(tail),
            )
            seqs = np.array([seq for (seq,) in rows], dtype=np.int64)
            # The base still has those that are gone, or that stand in the tail since.
            live = np.isin(self._layout.seqs, seqs) & (self._layout.tails == bool(tail))
            ordinals += np.flatnonzero(live).tolist()
        return sorted(ordinals)

    def _ordinal_of(self, seq: int) -> int:
        at = int(np.searchsorted(self._layout.seqs, seq))
        if at == len(self._layout.seqs) or self._layout.seqs[at] != seq:
            raise GenerationDamagedError(f"the snapshot has no document {seq}")
        return at

    def _of_documents(self, columns: str, ordinals: Sequence[int]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield (ordinal, columns) of these documents, whose numbers rise."""
        numbers = np.asarray(ordinals, dtype=np.int64)
        seqs, tails = self._layout.seqs[numbers], self._layout.tails[numbers]
        rows: dict[int, tuple[Any, ...]] = {}
        for tail in range(len(self._dbs)):
            wanted = seqs[tails == bool(tail)]
            found = self._all(
                f"SELECT seq, {columns} FROM documents WHERE seq BETWEEN ? AND ? ORDER BY seq"
                if len(wanted) > _HEADS_AT_ONCE
                else f"SELECT seq, {columns} FROM documents WHERE seq IN (SELECT value FROM json_each(?))",
                ((int(wanted[0]), int(wanted[-1])) if len(wanted) > _HEADS_AT_ONCE else (json.dumps(wanted.tolist()),)),
                tail=bool(tail),
            )  # fmt: skip
            rows |= {row[0]: row[1:] for row in found}
        for ordinal, seq in zip(numbers.tolist(), seqs.tolist(), strict=True):
            if seq not in rows:
                raise GenerationDamagedError(f"the snapshot has no document {seq}")
            yield ordinal, rows[seq]

    def row_filter(self, documents: frozenset[int] | None) -> RowFilter | None:
        """Return the filter for these documents (`None`: all); `None` when nothing is left out.

        A passage that repeats another document's counts only where that document is out of
        sight, so that narrow rights neither hide a text nor show it twice.
        """
        if documents is None:
            return self._everything
        allowed = np.zeros(self.manifest.documents + 1, dtype=np.bool_)
        allowed[list(documents)] = True
        # Repeats of nothing are row -1, which is the spare last entry and always false.
        rows = allowed[self._document_of_row] & ~allowed[self._repeats_of_row]
        return RowFilter(rows=rows, documents=documents)

    def _same_document(self, one: int, other: int) -> bool:
        return bool(self._document_of_row[one] == self._document_of_row[other])

    def _document_at(self, ordinal: int) -> Document:
        rows = self._all(
            "SELECT document_id, title, source, root, publisher, author, published_at, url, language, "
            "labels, text, sha256, layout, version, stored_at, first_stored_at FROM documents WHERE seq = ?",
            (int(self._layout.seqs[ordinal]),),
            tail=bool(self._layout.tails[ordinal]),
        )
        try:
            found = document_of(rows[0][:10], rows[0][10], rows[0][11], rows[0][12])
            version, stored_at, first_stored_at = rows[0][13:]
            return replace(found, version=version, stored_at=stored_at, first_stored_at=first_stored_at)
        except CatalogDamagedError as error:
            raise GenerationDamagedError(str(error)) from error

    def _passage(self, row: int) -> Passage:
        ordinal, repeats = int(self._document_of_row[row]), int(self._repeats_of_row[row])
        ((start, end, packed),) = self._all(
            "SELECT start, end, sentences FROM passages WHERE slot = ?",
            (int(self._layout.slots[row]),),
            tail=bool(self._layout.tails[ordinal]),
        )
        document = self.document_at(ordinal)
        original = None if repeats < 0 else self.document_at(repeats).document_id
        try:
            return passage_of(document.document_id, document.text, start, end, packed, original)
        except CatalogDamagedError as error:
            raise GenerationDamagedError(str(error)) from error

    def _all(self, statement: str, values: Sequence[object] = (), *, tail: bool = False) -> list[Any]:
        with self._lock:
            try:
                return self._dbs[tail].execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise GenerationDamagedError(f"the snapshot cannot be read: {error}") from error


def publish(
    state: StateFolder,
    catalog: Catalog,
    settings: IndexSettings,
    *,
    embedder: str,
    dimension: int,
    progress: ProgressCallback,
    anew: bool = False,
) -> str:
    """Write a generation from the catalog, sync it, and make it the current one.

    What the generation before has already is shared with it, unless all is to be written `anew`. The
    caller holds the writer's lock. Returns the generation's name.
    """
    derivation = settings.derivation(embedder)
    corpus = catalog.corpus_sha256()
    number = 1 + max((_number(folder) for folder in _folders(state)), default=0)
    name = f"{number:06d}-{sha256_text(corpus + derivation)[:8]}"
    aside = state.generations / f".{name}.new"
    try:
        _remove_leftovers(state)
        failpoint("publish.leftovers_removed")
        aside.mkdir()
        failpoint("publish.folder_made")
        before = None if anew else _before(state, settings, derivation, embedder)
        base = None if before is None else Before(folder=before[0], parts=before[1].parts, layout=before[2])
        written = write_files(aside, base, catalog, settings, dimension, progress)
        manifest = {
            "format": GENERATION_FORMAT,
            "index_version": name,
            "corpus_sha256": corpus,
            "versions_sha256": catalog.versions_sha256(),
            "derivation": derivation,
            "embedder": embedder,
            "settings": settings.as_dict(),
            "documents": written.documents,
            "passages": written.passages,
            "parts": written.parts,
            "files": {path: _digest(aside, path, before) for path in _files(aside)},
        }
        (aside / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        failpoint("publish.manifest_written")
        sync_tree(aside)
        failpoint("publish.synced")
        os.replace(aside, state.generations / name)
        failpoint("publish.renamed")
        sync_file(state.generations)
        failpoint("publish.rename_synced")
        digest = sha256_file(state.generations / name / _MANIFEST)
        previous = _previous(state)
        catalog.publishing(number)
        replace_file(state.current, f"{name} {digest}\n")
        catalog.published(number, _number_of(previous or ""))
    except (OSError, sqlite3.OperationalError) as error:
        raise storage_error(
            "the index cannot be published, the one before it still serves", state.path, error
        ) from error
    for folder in _folders(state):
        # The one before stays: a reader may be opening it at this moment.
        if folder.name not in (name, previous):
            shutil.rmtree(folder, ignore_errors=True)
            failpoint("publish.old_discarded")
    return name


def confirm_current(state: StateFolder) -> None:
    """Put `CURRENT` on the disk anew, as it is: whoever published it may have ended before it was synced.

    Raises:
        StateFolderError: it cannot be written.
    """
    try:
        replace_file(state.current, current_name(state))
    except OSError as error:
        raise storage_error("the index cannot be confirmed", state.path, error) from error


def discard_other_generations(state: StateFolder) -> None:
    """Remove every generation but the current one, and what unfinished publications left.

    Raises:
        StateFolderError: one cannot be removed.
    """
    current = current_name(state).split()[0]
    try:
        for folder in list(state.generations.iterdir()):
            if folder.name != current:
                shutil.rmtree(folder)
        sync_file(state.generations)
    except OSError as error:
        raise storage_error("old generations cannot be removed", state.path, error) from error


def current_name(state: StateFolder) -> str:
    """Return the content of `CURRENT`: it changes with every publication.

    Raises:
        IndexMissingError: nothing was published yet.
    """
    try:
        return state.current.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if state.generations.is_dir() and _folders(state):
            raise GenerationDamagedError(f"{state.current} is missing, but there are generations") from error
        raise IndexMissingError(f"there is no index in {state.path}; run `verse index PATH` first") from error
    except (OSError, UnicodeDecodeError) as error:
        raise GenerationDamagedError(f"{state.current} cannot be read: {error}") from error


def read_manifest(state: StateFolder) -> tuple[Path, Manifest]:
    """Return the current generation's folder and manifest, checked against `CURRENT`.

    Raises:
        IndexMissingError: nothing was published yet.
        GenerationDamagedError: the manifest is missing or is not the published one.
        IndexMismatchError: it has another format.
    """
    parts = current_name(state).split()
    if len(parts) != 2 or "/" in parts[0] or parts[0].startswith("."):
        raise GenerationDamagedError(f"{state.current} does not name a generation")
    folder = state.generations / parts[0]
    path = folder / _MANIFEST
    if not path.is_file() or sha256_file(path) != parts[1]:
        raise GenerationDamagedError(f"the manifest of generation {parts[0]} is missing or damaged")
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("format") != GENERATION_FORMAT:
        raise IndexMismatchError(
            f"generation {parts[0]} has another format than this program's; run `verse index` again"
        )
    return folder, Manifest(**content)


def open_current(state: StateFolder, *, embedder: str) -> Generation:
    """Check every file of the current generation, then open it.

    Raises:
        IndexMissingError: nothing was published yet.
        IndexMismatchError: it was made by another format version or another embedder.
        GenerationDamagedError: a file is missing, added or changed.
    """
    folder, manifest = read_manifest(state)
    if manifest.embedder != embedder:
        raise IndexMismatchError(
            f"the index was made with the embedder {manifest.embedder}, but {embedder} is configured; "
            "run `verse index` again, or set VERSE_EMBEDDER back"
        )
    check_files(folder, manifest)
    try:
        return Generation(folder, manifest, Rules(state.catalog))
    except (sqlite3.DatabaseError, OSError, ValueError) as error:
        raise GenerationDamagedError(
            f"generation {manifest.index_version} cannot be opened: {error}"
        ) from error


def check_files(folder: Path, manifest: Manifest, *, anew: bool = False) -> None:
    """Compare a generation's files with its manifest, each by sha256.

    A file that this process has checked, and that looks as it did, is read again only with `anew`.

    Raises:
        GenerationDamagedError: naming the first file that differs.
    """
    present = set(_files(folder)) - {_MANIFEST}
    hashed = sha256_file if anew else sha256_once
    for path in sorted(present | set(manifest.files)):
        try:
            damaged = path not in present or hashed(folder / path) != manifest.files.get(path)
        except OSError as error:
            raise GenerationDamagedError(f"{path} cannot be read: {error}") from error
        if damaged:
            raise GenerationDamagedError(
                f"{path} of generation {manifest.index_version} is missing or damaged"
            )


def _before(
    state: StateFolder, settings: IndexSettings, derivation: str, embedder: str
) -> tuple[Path, Manifest, RowLayout] | None:
    """Return the current generation where a new one can share its files, checked; else `None`."""
    try:
        folder, manifest = read_manifest(state)
        if (manifest.derivation, manifest.embedder) != (derivation, embedder):
            return None
        if manifest.settings != settings.as_dict():
            return None
        check_files(folder, manifest)
        return folder, manifest, RowLayout.load(folder)
    except (IndexMissingError, IndexMismatchError, GenerationDamagedError):
        return None  # all three are mended by writing anew


def _digest(folder: Path, path: str, before: tuple[Path, Manifest, RowLayout] | None) -> str:
    """Return the hash of a file; that of one which the generation before shares was checked already."""
    if before is not None and path in before[1].files and same_file(folder / path, before[0] / path):
        return before[1].files[path]
    return sha256_file(folder / path)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )


def _files(folder: Path) -> list[str]:
    # tantivy leaves an empty lock file behind wherever it opens an index.
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".tantivy-")
    )


def _folders(state: StateFolder) -> list[Path]:
    return [p for p in state.generations.iterdir() if p.is_dir() and not p.name.startswith(".")]


def _number(folder: Path) -> int:
    return _number_of(folder.name)


def _number_of(name: str) -> int:
    head = name.split("-", maxsplit=1)[0]
    return int(head) if head.isdigit() else 0


def _previous(state: StateFolder) -> str | None:
    try:
        return current_name(state).split()[0]
    except (IndexMissingError, GenerationDamagedError, IndexError):
        return None  # nothing to keep


def _remove_leftovers(state: StateFolder) -> None:
    for path in state.generations.iterdir():
        if path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)
