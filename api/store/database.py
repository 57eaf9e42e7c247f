"""The database of conversations: opened, checked, migrated, and written by one thread at a time.

SQLite so far. The statements keep to what PostgreSQL has too; what is SQLite's own (pragmas, the lock
beside the file, what its errors mean) stands in this module alone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy import exc as sql_errors

from api.store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMismatchError,
    StoreUnavailableError,
)

logger = logging.getLogger(__name__)

APPLICATION_ID = 0x56455243  # "VERC": tells our conversations from other SQLite files
BUSY_S = 5.0
_HEAD = b"SQLite format 3\x00"
_CONNECTIONS = 8
_MIGRATIONS = Path(__file__).parent / "migrations"
# Alembic's context is one per process.
_migrating = threading.Lock()


class Database:
    """One file of conversations, at the newest format. Safe for many threads and several processes.

    `busy_s` is how long a writer waits for the others before it gives up.

    Raises:
        StoreDamagedError: the file fails SQLite's checks.
        StoreMismatchError: a newer version or another program made it.
        StoreUnavailableError: it cannot be made, opened or written.
        StoreBusyError: somebody else holds it for too long.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self.path = path
        self._busy_s = busy_s
        self._writing = threading.Lock()
        self._lock: int | None = None
        self._claim()
        self._engine = _engine(path, busy_s)
        # Shares the connections; its transactions take the write lock when they begin.
        self._writer = self._engine.execution_options(writing=True)
        try:
            self._migrate()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database.

        Raises:
            StoreError: what the class names, found while reading.
        """
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that may write: all of it is kept, on the disk, or nothing.

        It holds the write lock from its beginning, so that what it reads cannot change before it
        writes.

        Raises:
            StoreError: what the class names, found while writing.
        """
        # SQLite lets waiting writers poll and has no queue; between our own threads there is one.
        if not self._writing.acquire(timeout=self._busy_s):
            raise self._busy()
        try:
            with self._told(), self._writer.begin() as connection:
                yield connection
        finally:
            self._writing.release()

    def checkpoint(self) -> bool:
        """Empty the write-ahead log, where what was deleted still stands; tell whether it could be.

        It cannot while somebody reads an older state; then the next call does it.
        """
        with self._told(), self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            (busy, _, _) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def compact(self) -> None:
        """Write the file anew without what was deleted, and empty the log beside it.

        Raises:
            StoreBusyError: somebody reads or writes for too long.
        """
        until = time.monotonic() + 2 * self._busy_s
        with self._told(), self._engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.execute("VACUUM")
        while not self.checkpoint():
            if time.monotonic() > until:
                raise self._busy()
            time.sleep(0.05)

    def serve(self) -> bool:
        """Say that this process serves from here until `close`; return whether no other one does.

        Where it is alone, whatever another process left unfinished stays unfinished for good.
        """
        try:
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unavailable(str(error.strerror)) from error
        self._lock = descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return False
        except OSError as error:  # a file system without locks
            raise self._unavailable(str(error.strerror)) from error
        return True

    def share(self) -> None:
        """Let other processes serve too, after `serve` and whatever only one may do."""
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _claim(self) -> None:
        """Look at the file before anything is changed in it; mark an empty one as ours."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Nobody else's business: not left to the umask.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with self.path.open("rb") as file:
                head = file.read(len(_HEAD))
        except OSError as error:
            raise self._unavailable(str(error.strerror)) from error
        # What is shorter than a page SQLite takes for an empty file, and writes over.
        if head not in (b"", _HEAD):
            raise self._damaged("it is no SQLite file")
        with self._told():
            connection = sqlite3.connect(self.path, timeout=self._busy_s, isolation_level=None)
            try:
                (owner,) = connection.execute("PRAGMA application_id").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if owner != APPLICATION_ID:
                    if tables or owner:
                        raise StoreMismatchError(
                            f"{self.path} is an SQLite file of some other program; name another one in "
                            "VERSE_DATABASE_URL"
                        )
                    # Before the write-ahead log is switched on, so that it stands in the file itself.
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if result != "ok":
                    raise self._damaged(str(result))
            finally:
                connection.close()

    def _migrate(self) -> None:
        config = Config()
        # `%` is a mark of the configuration's own.
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        script = ScriptDirectory.from_config(config)
        with _migrating, self.writing() as connection:
            now = MigrationContext.configure(connection).get_current_revision()
            if now == script.get_current_head():
                return
            if now is not None and now not in {found.revision for found in script.walk_revisions()}:
                raise StoreMismatchError(
                    f"the conversations in {self.path} have format {now}, which this version does not know "
                    f"(it knows up to {script.get_current_head()}); update the software, or name another "
                    "file in VERSE_DATABASE_URL"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        logger.info("conversations_migrated from=%s to=%s", now, script.get_current_head())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the errors of SQLite into ours."""
        try:
            yield
        except sql_errors.IntegrityError:
            raise
        except sql_errors.TimeoutError as error:  # no free connection
            raise self._busy() from error
        except sql_errors.DBAPIError as error:
            raise self._error(error.orig) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            # Of a damaged schema even SQLite's own message may be no UTF-8.
            raise self._error(error) from error

    def _error(self, cause: BaseException | None) -> StoreError:
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None:
            # Python's own complaint: bytes that are no UTF-8, where we only ever wrote UTF-8.
            return self._damaged(str(cause))
        primary = code & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._busy()
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            # Statements are fixed, so one that does not fit finds another schema than it left.
            return self._damaged(str(cause))
        if primary == sqlite3.SQLITE_FULL:
            return StoreFullError(
                f"the disk of {self.path} is full ({cause}); free some space. What is stored can be read"
            )
        return self._unavailable(str(cause))

    def _busy(self) -> StoreBusyError:
        return StoreBusyError(
            f"{self.path} was busy for more than {self._busy_s:g} s; try again, and see whether another "
            "program holds it open"
        )

    def _damaged(self, what: str) -> StoreDamagedError:
        return StoreDamagedError(
            f"the conversations in {self.path} are damaged ({' '.join(what.split())}); restore the file from a backup, or move "
            "it away to begin without them: documents and index are not in it"
        )

    def _unavailable(self, what: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the conversations in {self.path} cannot be opened or written ({what}); free the disk, make the "
            "file and its folder writable, or name another file in VERSE_DATABASE_URL"
        )


def _engine(path: Path, busy_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=busy_s,
        connect_args={"timeout": busy_s},
        hide_parameters=True,  # an error's text must not hold what somebody asked
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun below, not by guesses of the driver's.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # an answer that was told to be kept outlives a power cut
            "foreign_keys = ON",
            "secure_delete = ON",  # what is deleted is overwritten
            "temp_store = MEMORY",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
