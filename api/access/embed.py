"""Embed tokens: a quarter of an hour for one person on one web origin; and single-use codes for frames."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import delete, insert, select

from api.access.errors import CredentialError, CredentialExpiredError, TokenTooLongError
from api.access.people import checked_groups, checked_name, read_groups, stored_groups
from api.access.pepper import Pepper, random_credential
from api.access.principal import Principal, Scope, subject_of
from api.store.database import Database
from api.store.ids import now_ms
from api.store.tables import frame_codes
from index.access import Viewer

PREFIX = "cvt_"
MAX_TTL_S = 900
CODE_LASTS_MS = 60_000
MAX_TOKEN = 6000
"""Characters of a token: it is a header of every request, and headers have a limit."""
_MARK = 32
"""Hexadecimal digits at the end of a code, 128 bits: who has not seen the code cannot make them."""
_ALGORITHM = "HS256"
_ISSUER = "chapter-and-verse"
_CLAIMS = ["iss", "aud", "sub", "exp", "groups", "origin", "key", "jti"]
_ALTERED = "this token is none of this service's, or was altered; ask the portal for a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedToken:
    """What a token says: who asks, from which origin, and which key vouched for that.

    `expires_at` in milliseconds since 1970.
    """

    token_id: str
    key_id: str
    user: str
    groups: frozenset[str]
    origin: str
    expires_at: int

    def principal(self) -> Principal:
        """Return whoever comes with this token."""
        return Principal(
            kind="embed",
            subject=subject_of(self.user),
            scopes=frozenset({Scope.ASK}),
            viewer=Viewer(user=self.user, groups=self.groups),
            origin=self.origin,
            credential=f"embed:{self.key_id}:{self.token_id}",
        )


class EmbedTokens:
    """Signs and reads tokens for one audience, the public address of this service."""

    def __init__(self, pepper: Pepper, audience: str, *, now: Callable[[], int] = now_ms) -> None:
        self._key = pepper.key("embed token")
        self._audience = audience
        self._now = now

    def sign(
        self, key_id: str, user: str, groups: frozenset[str], origin: str, ttl_s: int
    ) -> tuple[str, EmbedToken]:
        """Return a token as text, and what it says.

        Raises:
            ValueError: a name cannot be used, or it would hold for too long.
            TokenTooLongError: it could not be sent.
        """
        if not 1 <= ttl_s <= MAX_TTL_S:
            raise ValueError(f"a token holds for 1 to {MAX_TTL_S} s, not {ttl_s}")
        expires_s = self._now() // 1000 + ttl_s
        made = EmbedToken(
            token_id=random_credential()[:16],
            key_id=key_id,
            user=checked_name(user),
            groups=checked_groups(groups),
            origin=origin,
            expires_at=expires_s * 1000,
        )
        claims = {
            "iss": _ISSUER,
            "aud": self._audience,
            "sub": made.user,
            "groups": sorted(made.groups),
            "origin": origin,
            "key": key_id,
            "jti": made.token_id,
            "exp": expires_s,
        }
        text = PREFIX + jwt.encode(claims, self._key, algorithm=_ALGORITHM)
        if len(text) > MAX_TOKEN:
            raise TokenTooLongError(
                f"a token with these {len(groups)} groups has {len(text)} characters, more than the {MAX_TOKEN} that a "
                "header can hold; name only the groups that documents are shared with"
            )
        return text, made

    def read(self, text: str) -> EmbedToken:
        """Return what a token says.

        Raises:
            CredentialError: it is not signed by us, or not for this service.
            CredentialExpiredError: its time is over.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                text.removeprefix(PREFIX),
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=_ISSUER,
                # The time is held against our own clock below.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise CredentialError("this token is meant for another service") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise CredentialError(_ALTERED) from error
        if claims["exp"] * 1000 <= self._now():
            raise CredentialExpiredError("this token has expired; ask the portal for a new one")
        return EmbedToken(
            token_id=claims["jti"],
            key_id=claims["key"],
            user=claims["sub"],
            groups=frozenset(claims["groups"]),
            origin=claims["origin"],
            expires_at=claims["exp"] * 1000,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCode:
    """What a code stands for: whose token the frame gets, and which origin may hold the frame."""

    key_id: str
    user: str
    groups: frozenset[str]
    parent_origin: str
    ttl_s: int


class FrameCodes:
    """Codes for the `src` of a frame: good once, for a minute. Every method but `made_here` may block on the disk.

    A code ends in a keyed digest of what stands before it. So one that was used or has expired can be told
    from one that somebody guesses, though nothing is stored of it any more.
    """

    def __init__(self, database: Database, pepper: Pepper, *, now: Callable[[], int] = now_ms) -> None:
        self._database = database
        self._pepper = pepper
        self._now = now

    def make(self, code: FrameCode) -> str:
        """Store a code and return its text; what has expired is deleted.

        Raises:
            StoreError: it cannot be written.
        """
        now = self._now()
        text = random_credential()
        text += self._mark(text)
        with self._database.writing() as connection:
            connection.execute(delete(frame_codes).where(frame_codes.c.expires_at <= now))
            connection.execute(
                insert(frame_codes).values(
                    digest=self._digest(text),
                    key_id=code.key_id,
                    user=code.user,
                    groups=stored_groups(code.groups),
                    parent_origin=code.parent_origin,
                    ttl_s=code.ttl_s,
                    expires_at=now + CODE_LASTS_MS,
                )
            )
        return text

    def made_here(self, text: str) -> bool:
        """Tell whether a code was made here once; it may have been used, or have expired, since."""
        return hmac.compare_digest(
            self._mark(text[:-_MARK]).encode(), text[-_MARK:].encode("utf-8", "replace")
        )

    def parent_origin(self, text: str) -> str | None:
        """Return which origin may hold the frame of a code that is still good; the code stays so."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(frame_codes.c.parent_origin, frame_codes.c.expires_at).where(
                    frame_codes.c.digest == self._digest(text)
                )
            ).first()
        return None if row is None or row.expires_at <= self._now() else str(row.parent_origin)

    def take(self, text: str) -> FrameCode:
        """Return what a code stands for, and make it worthless; of several at once, one gets it.

        Raises:
            CredentialError: it is no code of ours.
            CredentialExpiredError: its minute is over, or it was used.
            StoreError: it cannot be used up.
        """
        if not self.made_here(text):
            raise CredentialError("this code is none of ours; load the page again")
        digest = self._digest(text)
        # The transaction holds the write lock from its beginning: nobody else reads the row before it is gone.
        with self._database.writing() as connection:
            row = (
                connection.execute(select(frame_codes).where(frame_codes.c.digest == digest))
                .mappings()
                .first()
            )
            connection.execute(delete(frame_codes).where(frame_codes.c.digest == digest))
        if row is None:
            raise CredentialExpiredError("this code was used already, or has expired; load the page again")
        if row["expires_at"] <= self._now():
            raise CredentialExpiredError("this code has expired; load the page again")
        return FrameCode(
            key_id=row["key_id"],
            user=row["user"],
            groups=read_groups(row["groups"]),
            parent_origin=row["parent_origin"],
            ttl_s=row["ttl_s"],
        )

    def _mark(self, text: str) -> str:
        return self._pepper.digest("frame code made here", text.encode("utf-8", "replace").decode())[:_MARK]

    def _digest(self, text: str) -> str:
        return self._pepper.digest("frame code", text)
