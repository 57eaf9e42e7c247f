"""Jobs: what was sent, how far it is, and what became of it.

They lie in a small SQLite of their own, and not in the catalog: taking a document in waits neither for the
writer's lock nor for the check of a large catalog, and a restored catalog brings no old jobs back. A job is a
promise until its documents are stored; from then on the catalog is the truth, and the job a receipt.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from api.store.ids import new_id, now_ms
from api.store.retention import DAY_MS
from api.uploads.errors import (
    JobsDamagedError,
    KeyReusedError,
    QueueFullError,
    StillReadingError,
    StorageError,
    writing_down,
)

Kind = Literal["add", "change", "delete"]
State = Literal["received", "reading", "stored", "searchable", "failed"]
ENDED = ("searchable", "failed")
JOBS = "jobs.sqlite"
"""The file's name in the state folder."""

MAX_WAITING_DOCUMENTS = 1000
MAX_WAITING_BYTES = 64 * 1024 * 1024
KEY_MS = 24 * 3600 * 1000
_APPLICATION_ID = 0x5645524A  # "VERJ"
_VERSION = 1
_TABLES = (
    """CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        owner TEXT NOT NULL,
        sender TEXT NOT NULL,
        digest TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX jobs_by_state ON jobs(state, seq)",
    "CREATE INDEX jobs_by_owner ON jobs(owner, seq)",
    """CREATE TABLE parts (
        job_seq INTEGER NOT NULL REFERENCES jobs(seq) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        media_type TEXT,
        sha256 TEXT,
        bytes INTEGER NOT NULL,
        count INTEGER NOT NULL,
        target TEXT,
        details TEXT NOT NULL,
        done INTEGER NOT NULL,
        documents TEXT NOT NULL,
        errors TEXT NOT NULL,
        PRIMARY KEY (job_seq, number)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX parts_by_content ON parts(sha256)",
    "CREATE INDEX parts_by_target ON parts(target)",
    """CREATE TABLE keys (
        owner TEXT NOT NULL,
        key TEXT NOT NULL,
        job_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (owner, key)
    ) STRICT, WITHOUT ROWID""",
)
_FORGOTTEN = "forgotten"
_OF_A_RECEIPT = ("document_id", "change", "code")
_PART = "number, name, media_type, sha256, bytes, count, target, details, done, documents, errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a job, or one change. `details` is what was said of it, `target` the one document it is for.

    `sha256` names its bytes; a change has none. `count` is how many documents it counts as while it waits.
    """

    number: int
    name: str
    media_type: str | None = None
    sha256: str | None = None
    bytes: int = 0
    count: int = 1
    target: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    done: bool = False
    documents: Sequence[dict[str, Any]] = ()
    errors: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request to add, change or delete. Times are milliseconds since 1970."""

    seq: int
    job_id: str
    kind: Kind
    owner: str
    sender: dict[str, Any]
    state: State
    attempts: int
    created_at: int
    updated_at: int
    parts: Sequence[Part]

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen to it."""
        return self.state in ENDED

    @property
    def documents(self) -> list[dict[str, Any]]:
        """What became of its documents so far, in order."""
        return [document for part in self.parts for document in part.documents]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What failed so far, in order."""
        return [error for part in self.parts for error in part.errors]


class Jobs:
    """The jobs of one state folder; for several threads. The file is made when the first job comes.

    Every method raises:
        StorageError, JobsDamagedError: it cannot be read or written.
    """

    def __init__(self, path: Path, *, now: Callable[[], int] = now_ms) -> None:
        self._path = path
        self._now = now
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # Taking in

    def add(
        self,
        kind: Kind,
        sender: dict[str, Any],
        digest: str,
        parts: Sequence[Part],
        *,
        key: str | None = None,
    ) -> str:
        """Store a job durably and return its id: of a key's first request, if this one is that again.

        The very same, sent again while the first still waits and nothing else came after it, is the same job.

        Raises:
            KeyReusedError: the key came with something else in the last 24 hours.
            QueueFullError: too much waits already; nothing was stored.
        """
        owner, now = sender["subject"], self._now()
        with self._writing() as db:
            if key is not None:
                db.execute("DELETE FROM keys WHERE created_at < ?", (now - KEY_MS,))
                row = db.execute(
                    "SELECT job_id, digest FROM keys WHERE owner = ? AND key = ?", (owner, key)
                ).fetchone()
                if row is not None:
                    if row[1] != digest:
                        raise KeyReusedError(
                            "this Idempotency-Key came with something else before; send a new key, or the same "
                            "request again"
                        )
                    return str(row[0])
            last = db.execute(
                "SELECT job_id, owner, digest, state FROM jobs ORDER BY seq DESC LIMIT 1"
            ).fetchone()
            if last is not None and last[1:3] == (owner, digest) and last[3] not in ENDED:
                job_id = str(last[0])
            else:
                self._refuse_overfull(db, parts)
                job_id = new_id("job", now)
                self._insert(db, job_id, kind, sender, digest, parts, now)
            if key is not None:
                db.execute("INSERT INTO keys VALUES (?,?,?,?,?)", (owner, key, job_id, digest, now))
            return job_id

    def knows(self, owner: str, key: str) -> bool:
        """Tell whether somebody's Idempotency-Key came before."""
        with self._reading() as db:
            return (
                db is not None
                and db.execute("SELECT 1 FROM keys WHERE owner = ? AND key = ?", (owner, key)).fetchone()
                is not None
            )

    def brings_documents(self, owner: str) -> bool:
        """Tell whether something that this owner sent is still to be read."""
        with self._reading() as db:
            return (
                db is not None
                and db.execute(
                    "SELECT 1 FROM jobs WHERE owner = ? AND kind = 'add' AND state IN ('received', 'reading') LIMIT 1",
                    (owner,),
                ).fetchone()
                is not None
            )

    def refuse_if_full(self) -> None:
        """Refuse before a body is read what could not be taken afterwards.

        Raises:
            QueueFullError: too much waits already.
        """
        with self._reading() as db:
            if db is not None:
                self._refuse_overfull(db, ())

    def _refuse_overfull(self, db: sqlite3.Connection, parts: Sequence[Part]) -> None:
        documents, size = db.execute(
            "SELECT coalesce(sum(p.count), 0), coalesce(sum(p.bytes), 0) FROM parts p "
            "JOIN jobs j ON j.seq = p.job_seq WHERE j.state IN ('received', 'reading') AND p.done = 0"
        ).fetchone()
        more = sum(part.count for part in parts), sum(part.bytes for part in parts)
        # One that is too large by itself is taken when nothing else waits: another limit is for that.
        if (documents >= MAX_WAITING_DOCUMENTS or size >= MAX_WAITING_BYTES) or (
            documents and (documents + more[0] > MAX_WAITING_DOCUMENTS or size + more[1] > MAX_WAITING_BYTES)
        ):
            raise QueueFullError(
                f"{documents} documents wait to be read already; send this again in a moment"
            )

    def _insert(
        self,
        db: sqlite3.Connection,
        job_id: str,
        kind: Kind,
        sender: dict[str, Any],
        digest: str,
        parts: Sequence[Part],
        now: int,
    ) -> None:
        failed = all(part.done for part in parts)
        cursor = db.execute(
            "INSERT INTO jobs (job_id, kind, owner, sender, digest, state, created_at, updated_at) "
            "VALUES (?,?,?,?,?,?,?,?)",
            (
                job_id,
                kind,
                sender["subject"],
                json.dumps(sender),
                digest,
                "failed" if failed else "received",
                now,
                now,
            ),
        )
        db.executemany(
            f"INSERT INTO parts (job_seq, {_PART}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    cursor.lastrowid,
                    p.number,
                    p.name,
                    p.media_type,
                    p.sha256,
                    p.bytes,
                    p.count,
                    p.target,
                    json.dumps(p.details),
                    int(p.done),
                    json.dumps(list(p.documents)),
                    json.dumps(list(p.errors)),
                )
                for p in parts
            ],
        )

    # Looking

    def find(self, job_id: str) -> Job | None:
        """Return a job, or `None`."""
        found = self._where("job_id = ?", (job_id,))
        return found[0] if found else None

    def of_owner(self, owner: str | None, *, before: str | None, limit: int) -> list[Job]:
        """Return jobs, the newest first; `owner` `None` means everybody's. `before` is the last one seen."""
        return self._where(
            "(:owner IS NULL OR owner = :owner) AND (:before IS NULL OR job_id < :before) "
            "ORDER BY job_id DESC LIMIT :limit",
            {"owner": owner, "before": before, "limit": limit},
        )

    def next(self) -> Job | None:
        """Return the first job that is not read to its end."""
        found = self._where("state IN ('received', 'reading') ORDER BY seq LIMIT 1")
        return found[0] if found else None

    def deleted_after(self, document_id: str, seq: int) -> bool:
        """Tell whether a later job deletes this document: what came before must not bring it back."""
        with self._reading() as db:
            return (
                db is not None
                and db.execute(
                    "SELECT 1 FROM parts p JOIN jobs j ON j.seq = p.job_seq "
                    "WHERE p.target = ? AND j.kind = 'delete' AND j.seq > ? LIMIT 1",
                    (document_id, seq),
                ).fetchone()
                is not None
            )

    def needed(self, contents: Iterable[str] | None = None) -> set[str]:
        """Return those of these contents (`None`: of all) that an unfinished job still has to read."""
        with self._reading() as db:
            if db is None:
                return set()
            rows = db.execute(
                "SELECT DISTINCT p.sha256 FROM parts p JOIN jobs j ON j.seq = p.job_seq "
                "WHERE j.state IN ('received', 'reading') AND p.done = 0 AND p.sha256 IS NOT NULL"
            )
            found = {str(sha256) for (sha256,) in rows}
        return found if contents is None else found & set(contents)

    # Working

    def begin(self, job: Job) -> int:
        """Note that a job is being read; return how often that was begun."""
        with self._writing() as db:
            (attempts,) = db.execute(
                "UPDATE jobs SET state = 'reading', attempts = attempts + 1, updated_at = ? WHERE seq = ? "
                "RETURNING attempts",
                (self._now(), job.seq),
            ).fetchone()
            return int(attempts)

    def take_back(self, job: Job) -> None:
        """Note that what stopped the reading of a job says nothing of it: it does not count as an attempt."""
        with self._writing() as db:
            db.execute("UPDATE jobs SET attempts = max(0, attempts - 1) WHERE seq = ?", (job.seq,))

    def note(
        self,
        job: Job,
        part: Part,
        documents: Sequence[dict[str, Any]],
        errors: Sequence[dict[str, Any]],
        *,
        done: bool,
    ) -> None:
        """Write down what became of a part so far."""
        with self._writing() as db:
            db.execute(
                "UPDATE parts SET documents = ?, errors = ?, done = ? WHERE job_seq = ? AND number = ?",
                (json.dumps(list(documents)), json.dumps(list(errors)), int(done), job.seq, part.number),
            )
            # Once a part is done, the attempt is one at the next.
            db.execute(
                "UPDATE jobs SET updated_at = ?, attempts = iif(?, 1, attempts) WHERE seq = ?",
                (self._now(), done, job.seq),
            )

    def end_reading(self, job: Job) -> None:
        """Note that all of a job was read: `stored`, or `failed` where nothing of it could be stored."""
        with self._writing() as db:
            any_document = db.execute(
                "SELECT 1 FROM parts WHERE job_seq = ? AND documents <> '[]' LIMIT 1", (job.seq,)
            ).fetchone()
            db.execute(
                "UPDATE jobs SET state = ?, attempts = 0, updated_at = ? WHERE seq = ?",
                ("failed" if any_document is None else "stored", self._now(), job.seq),
            )

    def stored_until(self) -> int:
        """Return the number of the last job that is stored and not searchable; 0 where there is none."""
        with self._reading() as db:
            if db is None:
                return 0
            return int(
                db.execute("SELECT coalesce(max(seq), 0) FROM jobs WHERE state = 'stored'").fetchone()[0]
            )

    def searchable(self, until: int) -> None:
        """Note that what these jobs stored is in the generation that the server serves."""
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET state = 'searchable', updated_at = ? WHERE state = 'stored' AND seq <= ?",
                (self._now(), until),
            )

    def expire(self, days: int) -> int:
        """Delete ended jobs that are older than so many days (0: none), and return how many."""
        if days == 0 or not self._path.exists():
            return 0
        with self._writing() as db:
            return db.execute(
                "DELETE FROM jobs WHERE state IN ('searchable', 'failed') AND updated_at < ?",
                (self._now() - days * DAY_MS,),
            ).rowcount

    def refuse_if_reading(self) -> None:
        """Refuse while something that was sent is still to be read: nobody knows yet what documents it holds.

        Raises:
            StillReadingError: that is so.
        """
        waiting = self._where("state IN ('received', 'reading')")
        if waiting:
            raise StillReadingError(
                f"{len(waiting)} uploads still wait to be read, and may hold such a document; let `verse serve` read "
                "them first (GET /v1/jobs names them). Nothing was removed"
            )

    def forget(self, document_ids: Collection[str]) -> int:
        """Take out what the jobs say of these documents but their ids, and write the file anew; return how many rows.

        Titles, publishers, file names and texts of errors are of the document too.
        """
        if not self._path.exists():
            return 0
        gone, changed = set(document_ids), 0
        with self._writing() as db:
            for seq, number, target, documents, errors in db.execute(
                "SELECT job_seq, number, target, documents, errors FROM parts"
            ).fetchall():
                rows, wrong = json.loads(documents), json.loads(errors)
                named = [row["document_id"] for row in (*rows, *wrong) if row.get("document_id") is not None]
                if not gone & {target, *named}:
                    continue
                # A file that others came from too keeps its name.
                whole = {target or "", *named} - {""} <= gone
                rows = [_emptied(row, whole=whole) if row["document_id"] in gone else row for row in rows]
                wrong = [
                    _emptied(row, whole=whole) if row.get("document_id") in gone else row for row in wrong
                ]
                db.execute(
                    "UPDATE parts SET documents = ?, errors = ? WHERE job_seq = ? AND number = ?",
                    (json.dumps(rows), json.dumps(wrong), seq, number),
                )
                if whole:
                    db.execute(
                        "UPDATE parts SET name = ?, details = '{}' WHERE job_seq = ? AND number = ?",
                        (_FORGOTTEN, seq, number),
                    )
                changed += 1
        with self._lock, writing_down(self._path.parent):
            db = self._open()
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed

    # Helpers

    def _where(self, clause: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Job]:
        with self._reading() as db:
            if db is None:
                return []
            rows = db.execute(
                "SELECT seq, job_id, kind, owner, sender, state, attempts, created_at, updated_at "
                f"FROM jobs WHERE {clause}",
                values,
            ).fetchall()
            return [self._job(db, row) for row in rows]

    def _job(self, db: sqlite3.Connection, row: Sequence[Any]) -> Job:
        try:
            return Job(
                seq=row[0],
                job_id=row[1],
                kind=row[2],
                owner=row[3],
                sender=json.loads(row[4]),
                state=row[5],
                attempts=row[6],
                created_at=row[7],
                updated_at=row[8],
                parts=[
                    Part(
                        number=part[0],
                        name=part[1],
                        media_type=part[2],
                        sha256=part[3],
                        bytes=part[4],
                        count=part[5],
                        target=part[6],
                        details=json.loads(part[7]),
                        done=bool(part[8]),
                        documents=json.loads(part[9]),
                        errors=json.loads(part[10]),
                    )
                    for part in db.execute(
                        f"SELECT {_PART} FROM parts WHERE job_seq = ? ORDER BY number", (row[0],)
                    )
                ],
            )
        except ValueError as error:
            raise JobsDamagedError(
                f"job {row[1]!r} in {self._path.name} is damaged; move the file away"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._lock, writing_down(self._path.parent):
            yield self._open() if self._db is not None or self._path.exists() else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, writing_down(self._path.parent):
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, timeout=10, check_same_thread=False)
            try:
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA foreign_keys = ON")
                if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                    raise JobsDamagedError(f"{self._path.name} is damaged; move it away")
                self._make_tables(db)
                db.execute("PRAGMA journal_mode = WAL")
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _make_tables(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            owner = db.execute("PRAGMA application_id").fetchone()[0]
            if version == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _TABLES:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {_VERSION}")
            elif (version, owner) != (_VERSION, _APPLICATION_ID):
                raise StorageError(f"{self._path.name} was made by another program or version; move it away")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _emptied(row: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return a row of a receipt with nothing of its document but the id and what was done."""
    kept = {key: row[key] for key in _OF_A_RECEIPT if key in row}
    if "code" in kept:
        kept["detail"] = _FORGOTTEN
    return {**kept, "name": _FORGOTTEN if whole else row["name"]}
