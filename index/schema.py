"""The tables of the record of truth and of its snapshots, with the steps between versions."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from index.errors import IndexMismatchError

APPLICATION_ID = 0x56455253  # "VERS": tells our files from other SQLite files

# One entry a format version: the statements that lead to it from the one before.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE documents (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            document_id TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            source TEXT NOT NULL,
            root TEXT NOT NULL,
            publisher TEXT,
            author TEXT,
            published_at TEXT,
            url TEXT,
            language TEXT,
            labels TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            record_sha256 TEXT NOT NULL,
            derivation TEXT NOT NULL,
            derived_sha256 TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE excluded (
            document_seq INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            reason TEXT NOT NULL,
            repeats_document_id TEXT,
            CHECK (0 <= start AND start < end)
        ) STRICT""",
        "CREATE INDEX excluded_of ON excluded(document_seq)",
        """CREATE TABLE fingerprints (
            digest BLOB NOT NULL,
            document_seq INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE
        ) STRICT""",
        "CREATE INDEX fingerprints_by_digest ON fingerprints(digest, document_seq)",
        "CREATE INDEX fingerprints_of ON fingerprints(document_seq)",
        """CREATE TABLE passages (
            document_seq INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            sentences TEXT NOT NULL,
            repeats_document_id TEXT,
            vector_key BLOB NOT NULL,
            PRIMARY KEY (document_seq, start),
            CHECK (0 <= start AND start < end)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX passages_by_vector ON passages(vector_key)",
        "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ),
    (
        # A row outlives its document: with `removed_at` (milliseconds since 1970) it is a tombstone.
        # `declared` is what the source said when it was last read, `rule` what holds; `changed` is
        # the version of all rules that changed this one.
        """CREATE TABLE access (
            document_id TEXT PRIMARY KEY,
            declared TEXT,
            rule TEXT NOT NULL,
            removed_at INTEGER,
            changed INTEGER NOT NULL,
            seal TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX access_by_change ON access(changed)",
        # Rules of texts that were replaced: generations up to this number still hold such a text.
        # `purged` is the version of all rules at which rows were last taken out or renumbered.
        """CREATE TABLE access_before (
            document_id TEXT NOT NULL,
            rule TEXT NOT NULL,
            generation INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            seal TEXT NOT NULL,
            PRIMARY KEY (document_id, rule)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX access_before_by_change ON access_before(changed)",
        """CREATE TABLE access_state (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            version INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            purged INTEGER NOT NULL
        ) STRICT""",
        "INSERT INTO access_state VALUES (1, 1, 0, 0)",
        """INSERT INTO access
            SELECT document_id, NULL, '"public"', NULL, 1, access_seal(document_id, '"public"', 0)
            FROM documents""",
    ),
    (
        # Every text that was ever stored under an id, by number; no text. The rows outlive the document:
        # of a removed one `sha256` and `length` go. Times are milliseconds since 1970, unknown at first.
        """CREATE TABLE versions (
            document_id TEXT NOT NULL,
            version INTEGER NOT NULL,
            sha256 TEXT,
            stored_at INTEGER,
            length INTEGER,
            seal TEXT NOT NULL,
            PRIMARY KEY (document_id, version)
        ) STRICT, WITHOUT ROWID""",
        """INSERT INTO versions
            SELECT document_id, 1, sha256, NULL, text_length(text),
                version_seal(document_id, 1, sha256, NULL, text_length(text))
            FROM documents""",
        # Derived: what near duplicates are looked up by, made with `made_with`, and the pairs found.
        """CREATE TABLE signatures (
            document_seq INTEGER PRIMARY KEY REFERENCES documents(seq) ON DELETE CASCADE,
            made_with TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE signature_bands (
            key BLOB NOT NULL,
            document_seq INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
            PRIMARY KEY (key, document_seq)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX signature_bands_of ON signature_bands(document_seq)",
        """CREATE TABLE same_story (
            one INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
            other INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
            jaccard REAL NOT NULL,
            same TEXT NOT NULL,
            seal TEXT NOT NULL,
            PRIMARY KEY (one, other),
            CHECK (one < other)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX same_story_by_other ON same_story(other)",
    ),
    (
        # Pages, sections, the reader's exclusions and the media type as JSON; empty where there are none.
        "ALTER TABLE documents ADD COLUMN layout TEXT NOT NULL DEFAULT ''",
    ),
)
# How long one waits for another connection's transaction.
_BUSY_S = 5.0
FORMAT_VERSION = len(MIGRATIONS)

# `document`, `repeats`, `one` and `other` are the seq of a document, as in the catalog.
SNAPSHOT_TABLES = (
    """CREATE TABLE documents (
        seq INTEGER PRIMARY KEY,
        document_id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        source TEXT NOT NULL,
        root TEXT NOT NULL,
        publisher TEXT,
        author TEXT,
        published_at TEXT,
        url TEXT,
        language TEXT,
        labels TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        record_sha256 TEXT NOT NULL,
        text TEXT NOT NULL,
        layout TEXT NOT NULL,
        version INTEGER NOT NULL,
        stored_at INTEGER,
        first_stored_at INTEGER
    ) STRICT""",
    """CREATE TABLE excluded (
        document INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
        reason TEXT NOT NULL, repeats_document_id TEXT
    ) STRICT""",
    "CREATE INDEX excluded_of ON excluded(document)",
    """CREATE TABLE passages (
        slot INTEGER PRIMARY KEY,
        document INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
        sentences TEXT NOT NULL, repeats INTEGER
    ) STRICT""",
    "CREATE INDEX passages_of ON passages(document)",
    "CREATE INDEX excluded_by_original ON excluded(repeats_document_id, document)",
    """CREATE TABLE same_story (
        one INTEGER NOT NULL, other INTEGER NOT NULL, jaccard REAL NOT NULL, same TEXT NOT NULL,
        PRIMARY KEY (one, other)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX same_story_by_other ON same_story(other)",
)


def access_seal(document_id: str, rule: str, number: int) -> str:
    """Return the digest that a stored rule carries: one that has changed by itself is no rule.

    `number` is the time of the removal (0: none) or, of a rule of before, the generation.
    """
    return hashlib.sha256(f"{document_id}\0{rule}\0{number}".encode()).hexdigest()


def version_seal(
    document_id: str, version: int, sha256: str | None, stored_at: int | None, length: int | None
) -> str:
    """Return the digest that a stored version carries."""
    return hashlib.sha256(f"{document_id}\0{version}\0{sha256}\0{stored_at}\0{length}".encode()).hexdigest()


def connect_to(path: Path, *, across_threads: bool = False) -> sqlite3.Connection:
    """Open a catalog that is there, beside whoever else reads or writes it.

    What it raises:
        sqlite3.Error: it is not there, or cannot be opened.
        IndexMismatchError: as `migrate` does.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_S,
        check_same_thread=not across_threads,
    )
    try:
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a catalog to this program's format, one version a transaction.

    Raises:
        IndexMismatchError: it was made by a newer program, or is no catalog of ours.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and owner != APPLICATION_ID:
        raise IndexMismatchError("catalog.sqlite is an SQLite file of some other program")
    if version > FORMAT_VERSION:
        raise IndexMismatchError(
            f"the catalog has format {version}, this program reads up to {FORMAT_VERSION}; "
            "update the program, or use another VERSE_STATE_DIR"
        )
    if version == FORMAT_VERSION:
        return
    connection.create_function("access_seal", 3, access_seal, deterministic=True)
    connection.create_function("version_seal", 5, version_seal, deterministic=True)
    # SQLite's own length() ends at the first U+0000.
    connection.create_function("text_length", 1, len, deterministic=True)
    for number in range(version, FORMAT_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] > number:
                connection.execute("ROLLBACK")  # another process was faster
                continue
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
