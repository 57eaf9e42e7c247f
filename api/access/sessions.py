"""Sessions of people who logged in: an opaque cookie, of which only a digest is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import RowMapping, delete, insert, select, update

from api.access.briefly import Briefly
from api.access.errors import CredentialError, CredentialExpiredError
from api.access.people import read_groups, stored_groups
from api.access.pepper import Pepper, random_credential
from api.access.principal import Principal, Scope, subject_of
from api.store.database import Database
from api.store.errors import StoreError
from api.store.ids import now_ms
from api.store.tables import sessions
from index.access import Viewer

logger = logging.getLogger(__name__)

_PURPOSE = "session"
SEEN_EVERY_MS = 60_000
"""How exact the idle time is; a person who works costs one write a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is logged in, and until when at most. Times are milliseconds since 1970."""

    digest: str
    user: str
    groups: frozenset[str]
    created_at: int
    seen_at: int
    expires_at: int

    def principal(self) -> Principal:
        """Return whoever comes with this session."""
        return Principal(
            kind="session",
            subject=subject_of(self.user),
            scopes=frozenset({Scope.ASK}),
            viewer=Viewer(user=self.user, groups=self.groups),
            # Of the digest, not of the cookie: enough to follow it through a log, and useless else.
            credential=f"session:{self.digest[:12]}",
        )


class Sessions:
    """The sessions in the database; `known` is for the event loop, all else may block on the disk."""

    def __init__(
        self,
        database: Database,
        pepper: Pepper,
        *,
        idle_s: int,
        absolute_s: int,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._database = database
        self._pepper = pepper
        self._idle_ms = idle_s * 1000
        self._absolute_ms = absolute_s * 1000
        self._now = now
        self._seen: Briefly[Session] = Briefly(now)

    def begin(self, user: str, groups: frozenset[str]) -> str:
        """Begin a session and return what its cookie holds; what has expired is deleted.

        Raises:
            StoreError: it cannot be written.
        """
        now = self._now()
        cookie = random_credential()
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(
                insert(sessions).values(
                    digest=self._pepper.digest(_PURPOSE, cookie),
                    user=user,
                    groups=stored_groups(groups),
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self._absolute_ms,
                )
            )
        return cookie

    def known(self, cookie: str) -> Session | None:
        """Return the session of a cookie that was checked within the last half second, or nothing.

        Raises:
            CredentialExpiredError: it has expired since.
        """
        found = self._seen.get(self._pepper.digest(_PURPOSE, cookie))
        return None if found is None else self._usable(found, self._now())

    def check(self, cookie: str) -> Session:
        """Return the session of a cookie, which is no longer idle from now on.

        Raises:
            CredentialError: there is none.
            CredentialExpiredError: it was idle for too long, or has lasted as long as it may.
            StoreError: the sessions cannot be read.
        """
        now = self._now()
        # Looked up by a keyed digest, so that the time of the search tells nothing of the cookie.
        digest = self._pepper.digest(_PURPOSE, cookie)
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.digest == digest)).mappings().first()
        if row is None:
            raise CredentialError("this session does not exist, or was ended; log in again")
        found = self._usable(_session_of(row), now)
        if not 0 <= now - found.seen_at < SEEN_EVERY_MS:
            self._note(digest, now)
        self._seen.put(digest, found, now)
        return found

    def end(self, cookie: str) -> None:
        """End a session; one that does not exist has ended.

        Raises:
            StoreError: it cannot be written.
        """
        digest = self._pepper.digest(_PURPOSE, cookie)
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))
        self._seen.drop(digest)

    def all(self) -> Iterator[Session]:
        """Yield the sessions that still let somebody in, by person, the oldest first.

        Raises:
            StoreError: they cannot be read.
        """
        now = self._now()
        with self._database.reading() as connection:
            rows = (
                connection.execute(
                    select(sessions)
                    .where(sessions.c.expires_at > now, sessions.c.seen_at > now - self._idle_ms)
                    .order_by(sessions.c.user, sessions.c.created_at, sessions.c.digest)
                )
                .mappings()
                .all()
            )
        for row in rows:
            yield _session_of(row)

    def end_all_of(self, user: str) -> int:
        """End every session of a person and return how many there were; a running service knows within a second.

        Raises:
            StoreError: it cannot be written.
        """
        with self._database.writing() as connection:
            return connection.execute(delete(sessions).where(sessions.c.user == user)).rowcount

    def _usable(self, session: Session, now: int) -> Session:
        if session.expires_at <= now or session.seen_at + self._idle_ms <= now:
            raise CredentialExpiredError("this session is over; log in again")
        return session

    def _note(self, digest: str, now: int) -> None:
        try:
            with self._database.writing() as connection:
                connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=now))
        except StoreError as error:
            # At worst the person has to log in again earlier.
            logger.warning("session_use_not_noted error=%s", type(error).__name__)


def _session_of(row: RowMapping) -> Session:
    return Session(
        digest=row["digest"],
        user=row["user"],
        groups=read_groups(row["groups"]),
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
    )
