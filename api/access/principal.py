"""Who a request comes from: what the credentials were worth, once, for all that follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from fastapi import Depends, Request

from index.access import ANYBODY, OPERATOR, Viewer


class Scope(StrEnum):
    """What a credential may be used for."""

    ASK = "ask"
    INGEST = "ingest"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller. `subject` owns conversations and feedback; `viewer` decides what is read.

    `origin` is the one web origin an embed token may be used from, `credential` the id of the key, token
    or session, for the audit log; neither is secret. `may_embed` is whether it may ask for embed tokens.
    """

    kind: Literal["local", "session", "key", "bearer", "embed", "anonymous"]
    subject: str
    scopes: frozenset[Scope]
    viewer: Viewer
    origin: str | None = None
    credential: str | None = None
    may_embed: bool = False


LOCAL = Principal(kind="local", subject="local", scopes=frozenset(Scope), viewer=OPERATOR, may_embed=True)
"""Whoever asks a service on loopback that is configured to need no key."""

ANONYMOUS = Principal(kind="anonymous", subject="anonymous", scopes=frozenset(), viewer=ANYBODY)
"""Somebody on a public route, where nobody is asked who they are."""


def subject_of(user: str) -> str:
    """Return what owns a person's conversations, however they came: by session, key or token."""
    return f"user:{user}"


async def principal_of(request: Request) -> Principal:
    """Return who asks; the middleware before every route has put it there."""
    principal: Principal = request.state.principal
    return principal


ThePrincipal = Annotated[Principal, Depends(principal_of)]
