"""Writes the files of a generation: all of them anew, or what is new since the generation before.

What is new goes into the tail: a second snapshot, a second file of vectors, a segment of the lexical index.
The base is shared with the generation before by hard links. When the tail and what is dead in the base have
grown too large a share, all is written anew.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from index.approximate import CellStore, build_cells
from index.catalog import Catalog, document_digest, pack_sentences, row_of
from index.context import titles_above, titles_of
from index.dates import date_words
from index.errors import GenerationDamagedError
from index.failpoints import failpoint
from index.layout import pack_layout, unpack_layout
from index.lexical import LexicalRow, TantivyIndex
from index.lexical_update import update_lexical
from index.row_layout import RowLayout, RowLayoutWriter
from index.schema import SNAPSHOT_TABLES
from index.settings import IndexSettings
from index.types import Document, FloatArray, Passage, ProgressCallback
from index.vector_parts import VectorParts
from index.vectors import FaissStore
from index.verified import link_file

logger = logging.getLogger(__name__)

SNAPSHOT = "snapshot.sqlite"
TAIL_SNAPSHOT = "snapshot.tail.sqlite"
VECTORS = "vectors.faiss"
CELLS = "vectors.cells.faiss"
TAIL_VECTORS = "vectors.tail.faiss"
LEXICAL = "lexical"
# So large a share of the base may be in the tail or dead, and so many passages at most: the tail is compared
# row by row, and read whole whenever something is added.
_TAIL_SHARE = 0.2
_MOST_TAIL = 50_000
_VECTOR_BATCH = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: numbers of documents and passages, and what the manifest says of the parts."""

    documents: int
    passages: int
    parts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The generation before, its files checked."""

    folder: Path
    parts: dict[str, Any]
    layout: RowLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Documents to take out and to put in, by `seq`; one that has changed is in both."""

    gone: NDArray[np.int64]
    new: NDArray[np.int64]
    states: dict[int, bytes]


def write_files(
    folder: Path,
    before: Before | None,
    catalog: Catalog,
    settings: IndexSettings,
    dimension: int,
    progress: ProgressCallback,
) -> Written:
    """Write the files of a generation into an empty folder; syncing is the caller's part."""
    if before is not None:
        change = difference(before.layout, catalog.states())
        if before.parts["base_slots"] >= settings.shared_from and _worth_it(before, change, catalog):
            return _write_tail(folder, before, change, catalog, dimension, progress)
    return _write_all(folder, catalog, settings, dimension, progress)


def difference(layout: RowLayout, states: Iterable[tuple[int, bytes]]) -> Difference:
    """Compare what a generation holds with what the catalog holds now."""
    now = dict(states)
    seqs = np.fromiter(now, np.int64, len(now))
    digests = np.frombuffer(b"".join(now.values()), dtype="<u8").reshape(-1, 2)
    held = np.ascontiguousarray(layout.states).view("<u8").reshape(-1, 2)
    _, mine, theirs = np.intersect1d(layout.seqs, seqs, assume_unique=True, return_indices=True)
    same = (held[mine] == digests[theirs]).all(axis=1)
    gone = np.delete(layout.seqs, mine[same])
    new = np.delete(seqs, theirs[same])
    return Difference(gone=gone, new=new, states={int(seq): now[int(seq)] for seq in new})


def _worth_it(before: Before, change: Difference, catalog: Catalog) -> bool:
    """Tell whether a tail is cheaper than all anew, now and for those who search it."""
    base, tail = before.parts["base_slots"], before.parts["tail_slots"]
    added = catalog.count_passages(change.new.tolist())
    left = int(np.count_nonzero(~np.isin(before.layout.seqs[before.layout.document_of], change.gone)))
    dead = base + tail - left
    return bool(tail + added + dead <= min(_MOST_TAIL, _TAIL_SHARE * base))


def _write_all(
    folder: Path,
    catalog: Catalog,
    settings: IndexSettings,
    dimension: int,
    progress: ProgressCallback,
) -> Written:
    writer = RowLayoutWriter(0)
    keys: list[bytes] = []
    tokens: dict[str, int] = {}
    total = catalog.count()
    states = dict(catalog.states())
    with _snapshot(folder / SNAPSHOT, new=True) as db:
        rows = _added(db, writer, keys, catalog, catalog.all_documents(), states, total, progress)
        TantivyIndex.build(folder / LEXICAL, rows, settings.field_weights, tokens)
        _insert_pairs(db, catalog)
    failpoint("publish.snapshot_written")
    layout = writer.made(tail=False)
    layout.save(folder)
    exact = FaissStore.build(np.empty((0, dimension), dtype=np.float32))
    for vectors in _vectors(catalog, keys, dimension):
        exact.add(vectors)
        progress("vectors", len(exact), len(keys))
    exact.save(folder / VECTORS)
    cells, built = build_cells(exact, settings.exact_rows)
    if cells is not None:
        cells.save(folder / CELLS)
    failpoint("publish.vectors_written")
    logger.info("vector_index kind=%s rows=%d probes=%d", built.kind, len(exact), built.probes)
    parts = {
        "base_slots": len(keys),
        "tail_slots": 0,
        "words": tokens,
        "vectors": asdict(built),
    }
    return Written(documents=len(layout.seqs), passages=len(layout.slots), parts=parts)


def _write_tail(
    folder: Path,
    before: Before,
    change: Difference,
    catalog: Catalog,
    dimension: int,
    progress: ProgressCallback,
) -> Written:
    for name in (SNAPSHOT, VECTORS, CELLS):
        if (before.folder / name).exists():
            link_file(before.folder / name, folder / name)
    (folder / LEXICAL).mkdir()
    for path in (before.folder / LEXICAL).iterdir():
        # tantivy writes new files and renames them into place, but its locks are its own.
        if not path.name.startswith(".tantivy-"):
            link_file(path, folder / LEXICAL / path.name)
    failpoint("publish.files_shared")
    parts = before.parts
    writer = RowLayoutWriter(parts["base_slots"] + parts["tail_slots"], before.layout, change.gone)
    first = writer.slot
    keys: list[bytes] = []
    old = before.folder / TAIL_SNAPSHOT
    if old.exists():
        shutil.copyfile(old, folder / TAIL_SNAPSHOT)
    with _snapshot(folder / TAIL_SNAPSHOT, new=not old.exists()) as db:
        for table, column in (("documents", "seq"), ("excluded", "document"), ("passages", "document")):
            db.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",
                (json.dumps(change.gone.tolist()),),
            )
        documents = catalog.documents_of(change.new.tolist())
        added = _added(db, writer, keys, catalog, documents, change.states, len(change.new), progress)
        words = update_lexical(
            folder / LEXICAL,
            change.gone.tolist(),
            _removed(before, change.gone),
            added,
            parts["words"],
            writer.kept_passages + catalog.count_passages(change.new.tolist()),
        )
        _insert_pairs(db, catalog)
    failpoint("publish.snapshot_written")
    layout = writer.made(tail=True)
    layout.save(folder)
    if writer.slot > parts["base_slots"]:
        held = before.folder / TAIL_VECTORS
        empty = np.empty((0, dimension), dtype=np.float32)
        exact = FaissStore.load(held) if held.exists() else FaissStore.build(empty)
        for vectors in _vectors(catalog, keys, dimension):
            exact.add(vectors)
        exact.save(folder / TAIL_VECTORS)
    failpoint("publish.vectors_written")
    parts = parts | {"tail_slots": parts["tail_slots"] + writer.slot - first, "words": words}
    return Written(documents=len(layout.seqs), passages=len(layout.slots), parts=parts)


@contextmanager
def _snapshot(path: Path, *, new: bool) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        # Synced with the whole folder later; until then nobody reads it.
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("BEGIN")
        for statement in SNAPSHOT_TABLES if new else ():
            db.execute(statement)
        yield db
        db.execute("COMMIT")
    finally:
        db.close()


def _added(
    db: sqlite3.Connection,
    layout: RowLayoutWriter,
    keys: list[bytes],
    catalog: Catalog,
    documents: Iterable[tuple[int, Document]],
    states: dict[int, bytes],
    total: int,
    progress: ProgressCallback,
) -> Iterator[LexicalRow]:
    """Write documents to a snapshot and yield their passages for the lexical index."""
    for number, (seq, document) in enumerate(documents, start=1):
        layout.document(seq, states[seq])
        _insert_document(db, seq, document)
        excluded, passages = catalog.derived_of(seq, document)
        db.executemany(
            "INSERT INTO excluded VALUES (?,?,?,?,?)",
            [(seq, s.start, s.end, s.reason, s.repeats_document_id) for s in excluded],
        )
        for passage, key in passages:
            original = passage.repeats_document_id
            repeats = None if original is None else catalog.seq_of(original)
            slot = layout.passage(repeats)
            _insert_passage(db, slot, seq, passage, repeats)
            keys.append(key)
            yield LexicalRow(
                row=slot,
                document=seq,
                repeats=repeats,
                title=titles_above(document, passage),
                publisher=document.publisher or "",
                date=date_words(document.published_at),
                body=passage.text,
            )
        progress("writing", number, total)


def _insert_document(db: sqlite3.Connection, seq: int, document: Document) -> None:
    db.execute(
        "INSERT INTO documents VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            seq,
            *row_of(document),
            document.sha256,
            document_digest(document),
            document.text,
            pack_layout(document.layout),
            document.version,
            document.stored_at,
            document.first_stored_at,
        ),
    )


def _insert_passage(
    db: sqlite3.Connection, slot: int, seq: int, passage: Passage, repeats: int | None
) -> None:
    db.execute(
        "INSERT INTO passages VALUES (?,?,?,?,?,?)",
        (slot, seq, passage.start, passage.end, pack_sentences(passage.sentences), repeats),
    )


def _insert_pairs(db: sqlite3.Connection, catalog: Catalog) -> None:
    """Write all pairs of copies: there are few, and a pair of old documents may be new."""
    db.execute("DELETE FROM same_story")
    db.executemany(
        "INSERT INTO same_story VALUES (?,?,?,?)",
        ((one, other, pair.jaccard, pair.same) for one, other, pair in catalog.signatures.numbered()),
    )


def _removed(before: Before, gone: NDArray[np.int64]) -> Iterator[LexicalRow]:
    """Yield the passages of these documents as the lexical index was given them."""
    rows = before.layout
    for tail, name in ((False, SNAPSHOT), (True, TAIL_SNAPSHOT)):
        seqs = np.intersect1d(rows.seqs[rows.tails == tail], gone)
        if not len(seqs):
            continue
        db = sqlite3.connect(f"{(before.folder / name).absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            for seq, title, layout, publisher, published_at, text, slot, start, end in db.execute(
                "SELECT d.seq, title, layout, publisher, published_at, text, slot, start, end "
                "FROM documents d JOIN passages p ON p.document = d.seq "
                "WHERE d.seq IN (SELECT value FROM json_each(?))",
                (json.dumps(seqs.tolist()),),
            ):
                yield LexicalRow(
                    row=slot,
                    document=seq,
                    repeats=None,
                    title=titles_of(title, unpack_layout(layout).sections, start, end),
                    publisher=publisher or "",
                    date=date_words(published_at),
                    body=text[start:end],
                )
        except sqlite3.DatabaseError as error:
            raise GenerationDamagedError(f"the snapshot cannot be read: {error}") from error
        finally:
            db.close()


def _vectors(catalog: Catalog, keys: Sequence[bytes], dimension: int) -> Iterator[FloatArray]:
    for start in range(0, len(keys), _VECTOR_BATCH):
        yield catalog.vectors(keys[start : start + _VECTOR_BATCH], dimension)


# The vectors of a base, by the hash of its files: generations that share the files share them in memory.
_loaded: WeakValueDictionary[str, FaissStore | CellStore] = WeakValueDictionary()


def open_vectors(
    folder: Path, files: dict[str, str], parts: dict[str, Any], layout: RowLayout
) -> VectorParts:
    """Open the vectors of a generation whose files were checked.

    Raises:
        GenerationDamagedError: they do not fit each other.
    """
    held = f"{files[VECTORS]} {files.get(CELLS)}"
    base = _loaded.get(held)
    if base is None:
        if CELLS in files:
            exact = FaissStore.load(folder / VECTORS, mapped=True)
            base = CellStore.load(folder / CELLS, exact, int(parts["vectors"]["probes"]))
        else:
            base = FaissStore.load(folder / VECTORS)
        _loaded[held] = base
    stores: list[FaissStore | CellStore] = [base]
    if TAIL_VECTORS in files:
        stores.append(FaissStore.load(folder / TAIL_VECTORS))
    sizes = [len(store) for store in stores]
    wanted = [parts["base_slots"], parts["tail_slots"]][: len(sizes)]
    if sizes != wanted:
        raise GenerationDamagedError(f"the vectors are {sizes} where the manifest says {wanted}")
    return VectorParts(stores, layout.slots)
