"""`POST /v1/embed-tokens` for a portal's backend, and the exchange of a frame's code for its token."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.access.embed import MAX_TTL_S, FrameCode
from api.access.errors import NotConfiguredError, UnlistedOriginError, WrongOriginError
from api.access.identify import Access
from api.access.origins import web_origin
from api.access.people import MAX_GROUPS, checked_name
from api.access.principal import ThePrincipal
from api.schemas import problem_responses
from api.store.ids import shown_time

router = APIRouter(tags=["access"])

_PROBLEMS = problem_responses(
    {
        400: "The body is not UTF-8 JSON.",
        401: "No credential, or one that is not good.",
        403: "The host or the origin is not allowed, or the key may not ask for tokens.",
        409: "This service asks nobody for credentials.",
        413: "The body is too large.",
        415: "The body is not application/json.",
        422: "A field is wrong or unknown, or the origin is not listed.",
        503: "Keys or codes cannot be read or written.",
    }
)
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class EmbedTokenIn(_In):
    """For whom a token is, and from which page's origin it will be used."""

    user: _Name = Field(description="who asks; owns the conversations")
    groups: Annotated[list[_Name], Field(max_length=MAX_GROUPS)] = Field(
        description="the groups of that person, as documents name them"
    )
    origin: str = Field(
        max_length=300,
        description="origin of the page that will send the token, such as `https://portal.example.org`; for the "
        "renewal inside a frame, this service's own",
    )
    ttl_s: int = Field(600, ge=30, le=MAX_TTL_S, description="seconds until it expires")

    @field_validator("user")
    @classmethod
    def _is_name(cls, value: str) -> str:
        return checked_name(value)

    @field_validator("groups")
    @classmethod
    def _are_names(cls, value: list[str]) -> list[str]:
        return [checked_name(name) for name in value]

    @field_validator("origin")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return web_origin(value)


class EmbedTokenOut(BaseModel):
    """A token for the element; and for a frame, a code that is good once, for a minute."""

    token: str
    expires_at: str = Field(description="ISO 8601, UTC")
    code: str | None = Field(None, description="where the origin is in VERSE_FRAME_ANCESTORS")
    frame_url: str | None = Field(None, description="the `src` of a frame with that code in it")


class ExchangeIn(_In):
    """A frame's code."""

    code: str = Field(min_length=1, max_length=200)


class FrameTokenOut(BaseModel):
    """The frame's token, and the one origin with which it talks."""

    token: str
    expires_at: str = Field(description="ISO 8601, UTC")
    parent_origin: str


def access_of(request: Request) -> Access:
    """Return what decides who asks.

    Raises:
        NotConfiguredError: this service asks nobody.
    """
    access: Access | None = request.app.state.access
    if access is None:
        raise NotConfiguredError("this service asks nobody for credentials; set VERSE_AUTH to required")
    return access


@router.post("/v1/embed-tokens", responses=_PROBLEMS)
async def embed_token(body: EmbedTokenIn, request: Request, principal: ThePrincipal) -> EmbedTokenOut:
    """Give a portal's backend a short-lived token for one person on one page's origin."""
    access = access_of(request)
    kind, _, key_id = (principal.credential or "").partition(":")
    assert kind == "key", "only keys may ask for embed tokens"
    if body.origin not in {access.origin, *access.listed, *access.frame_ancestors}:
        raise UnlistedOriginError(
            f"{body.origin} is not a listed origin; the operator adds it to VERSE_ALLOWED_ORIGINS for the "
            "element, or to VERSE_FRAME_ANCESTORS for a frame"
        )
    groups = frozenset(body.groups)
    token, made = access.tokens.sign(key_id, body.user, groups, body.origin, body.ttl_s)
    code = None
    if body.origin in access.frame_ancestors:
        wanted = FrameCode(
            key_id=key_id, user=body.user, groups=groups, parent_origin=body.origin, ttl_s=body.ttl_s
        )
        code = await asyncio.to_thread(access.codes.make, wanted)
    return EmbedTokenOut(
        token=token,
        expires_at=shown_time(made.expires_at),
        code=code,
        frame_url=None if code is None else f"{access.public_url}/embed?code={code}",
    )


@router.post("/v1/embed-tokens/exchange", responses=_PROBLEMS)
async def exchange(body: ExchangeIn, request: Request) -> FrameTokenOut:
    """Give a frame its token for the code in its address; the code is worthless from then on."""
    access = access_of(request)
    if request.headers.get("origin", "").lower() != access.origin:
        # Before the code is used up: a page that merely learned it must not spoil it for the frame.
        raise WrongOriginError("only this service's own frame exchanges a code")
    code = await asyncio.to_thread(access.codes.take, body.code)
    await asyncio.to_thread(access.keys.check_id, code.key_id)
    token, made = access.tokens.sign(code.key_id, code.user, code.groups, access.origin, code.ttl_s)
    return FrameTokenOut(
        token=token, expires_at=shown_time(made.expires_at), parent_origin=code.parent_origin
    )
