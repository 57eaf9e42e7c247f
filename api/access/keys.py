"""API keys: made once, shown once, stored as a keyed digest."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from api.access.briefly import Briefly
from api.access.errors import CredentialError, CredentialExpiredError
from api.access.people import checked_groups, checked_name, read_groups, stored_groups
from api.access.pepper import Pepper, random_credential
from api.access.principal import Principal, Scope, subject_of
from api.errors import NotFoundError
from api.store.database import Database
from api.store.errors import StoreError
from api.store.ids import now_ms
from api.store.tables import api_keys
from index.access import Viewer

logger = logging.getLogger(__name__)

_KEY = re.compile(r"cv_([0-9A-HJKMNP-TV-Z]{12})_[A-Za-z0-9_-]{43}")
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PURPOSE = "api key"
USED_EVERY_MS = 60_000
"""How exact `last_used_at` is: a key in constant use costs one write a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key; the key itself is not. Times are milliseconds since 1970.

    `user` and `groups` are whose eyes it reads with; without any it reads what is public. `may_embed` lets it
    ask for embed tokens for any person: only a portal's backend should have such a key.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    may_embed: bool
    user: str | None
    groups: frozenset[str]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None

    def principal(self) -> Principal:
        """Return whoever comes with this key."""
        return Principal(
            kind="key",
            subject=f"key:{self.key_id}" if self.user is None else subject_of(self.user),
            scopes=self.scopes,
            viewer=Viewer(user=self.user, groups=self.groups),
            credential=f"key:{self.key_id}",
            may_embed=self.may_embed,
        )


class Keys:
    """The keys in the database. Every method may block on the disk; `known` alone is for the event loop."""

    def __init__(self, database: Database, pepper: Pepper, *, now: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._pepper = pepper
        self._now = now
        self._seen: Briefly[ApiKey] = Briefly(now)

    def create(
        self,
        name: str,
        scopes: frozenset[Scope],
        *,
        may_embed: bool = False,
        user: str | None = None,
        groups: frozenset[str] = frozenset(),
        expires_at: int | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key and return it with its text, which nobody can be shown again.

        Raises:
            ValueError: a name cannot be used, there is no scope, or it would have expired already.
            StoreError: it cannot be written.
        """
        now = self._now()
        if not scopes:
            raise ValueError("a key needs a scope: ask, ingest or admin")
        if may_embed and Scope.ASK not in scopes:
            raise ValueError("a key that asks for embed tokens needs the scope ask, which they pass on")
        if expires_at is not None and expires_at <= now:
            raise ValueError("the key would have expired already")
        made = ApiKey(
            key_id="".join(secrets.choice(_LETTERS) for _ in range(12)),
            name=checked_name(name),
            scopes=scopes,
            may_embed=may_embed,
            user=None if user is None else checked_name(user),
            groups=checked_groups(groups),
            created_at=now,
            expires_at=expires_at,
            last_used_at=None,
            revoked_at=None,
        )
        text = f"cv_{made.key_id}_{random_credential()}"
        with self._database.writing() as connection:
            connection.execute(
                insert(api_keys).values(
                    id=made.key_id,
                    digest=self._pepper.digest(_PURPOSE, text),
                    name=made.name,
                    scopes=" ".join(sorted(made.scopes)),
                    may_embed=int(made.may_embed),
                    user=made.user,
                    groups=stored_groups(made.groups),
                    created_at=made.created_at,
                    expires_at=made.expires_at,
                )
            )
        return made, text

    def all(self) -> list[ApiKey]:
        """Return every key, revoked ones too, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
            return [_key_of(row) for row in rows.mappings()]

    def any_usable(self) -> bool:
        """Tell whether anybody could come in with a key."""
        now = self._now()
        return any(_problem(key, now) is None for key in self.all())

    def revoke(self, key_id: str) -> ApiKey:
        """Make a key worthless, and with it the embed tokens that it asked for; it stays listed.

        Raises:
            NotFoundError: there is no such key.
            StoreError: it cannot be written.
        """
        with self._database.writing() as connection:
            connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=self._now())
            )
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().first()
        if row is None:
            raise NotFoundError(f"there is no key {key_id!r}; `verse keys list` shows them all")
        return _key_of(row)

    def known(self, text: str) -> ApiKey | None:
        """Return the key of a text that was checked within the last half second, or nothing.

        Raises:
            CredentialExpiredError: it has expired since.
        """
        return self._still_good(self._seen.get(self._pepper.digest(_PURPOSE, text)))

    def known_id(self, key_id: str) -> ApiKey | None:
        """Return the key with an id that was looked up within the last half second, or nothing.

        Raises:
            CredentialExpiredError: it has expired since.
        """
        return self._still_good(self._seen.get(key_id))

    def check(self, text: str) -> ApiKey:
        """Return the key with this text, and note that it was used.

        Raises:
            CredentialError: there is none, or it was revoked.
            CredentialExpiredError: its time is over.
            StoreError: the keys cannot be read.
        """
        match = _KEY.fullmatch(text)
        if match is None:
            raise CredentialError("this is no API key of this service; check that it was copied whole")
        now = self._now()
        row = self._row(match.group(1))
        # Compared even where there is none, so that the time tells nothing of which ids there are.
        stored = "" if row is None else row["digest"]
        if not self._pepper.fits(_PURPOSE, text, stored) or row is None:
            raise CredentialError("this is no API key of this service; check that it was copied whole")
        found = _usable(_key_of(row), now)
        self._note_use(found, now)
        self._seen.put(stored, found, now)
        return found

    def check_id(self, key_id: str) -> ApiKey:
        """Return the key with an id, for what was made with it.

        Raises:
            CredentialError: there is none, or it was revoked.
            CredentialExpiredError: its time is over.
            StoreError: the keys cannot be read.
        """
        now = self._now()
        row = self._row(key_id)
        if row is None:
            raise CredentialError("the key that asked for this token does not exist")
        found = _usable(_key_of(row), now)
        self._seen.put(key_id, found, now)
        return found

    def _still_good(self, found: ApiKey | None) -> ApiKey | None:
        return None if found is None else _usable(found, self._now())

    def _row(self, key_id: str) -> Any:
        with self._database.reading() as connection:
            return connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().first()

    def _note_use(self, key: ApiKey, now: int) -> None:
        if key.last_used_at is not None and 0 <= now - key.last_used_at < USED_EVERY_MS:
            return
        try:
            with self._database.writing() as connection:
                connection.execute(
                    update(api_keys).where(api_keys.c.id == key.key_id).values(last_used_at=now)
                )
        except StoreError as error:
            # Only the operator's list is less exact for it; the caller is who he is.
            logger.warning("key_use_not_noted error=%s", type(error).__name__)


def _problem(key: ApiKey, now: int) -> CredentialError | None:
    if key.revoked_at is not None:
        return CredentialError("this key was revoked; ask the operator for another one")
    if key.expires_at is not None and key.expires_at <= now:
        return CredentialExpiredError("this key has expired; ask the operator for another one")
    return None


def _usable(key: ApiKey, now: int) -> ApiKey:
    problem = _problem(key, now)
    if problem is not None:
        raise problem
    return key


def _key_of(row: Any) -> ApiKey:
    return ApiKey(
        key_id=row["id"],
        name=row["name"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        may_embed=bool(row["may_embed"]),
        user=row["user"],
        groups=read_groups(row["groups"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
