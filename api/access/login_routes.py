"""`/login`, `/login/callback` and `/logout`: people come in by the identity provider, and leave."""

from __future__ import annotations

import asyncio
import hmac
from html import escape
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access.errors import LoginError, LoginOverError, NotConfiguredError
from api.access.identify import Access, hold_same_site, one_cookie
from api.access.login_state import LASTS_S, own_path
from api.access.pepper import random_credential
from api.access.provider import Provider
from api.errors import told
from index.errors import QAError

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login(
    request: Request, wanted: Annotated[str, Query(alias="next", max_length=8000)] = "/"
) -> Response:
    """Send a browser to the identity provider, and note where it wanted to go."""
    access, provider = _of(request)
    browser = one_cookie(request.headers, access.login_cookie) or random_credential()
    state = access.logins.begin(browser, own_path(wanted))
    response = RedirectResponse(await provider.login_address(state, _redirect_uri(access)), status_code=303)
    _set_cookie(response, access, access.login_cookie, browser, max_age_s=LASTS_S)
    return response


@router.get("/login/callback")
async def callback(
    request: Request,
    state: str = "",
    code: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """Take a browser back from the identity provider, begin its session, and send it where it wanted to go."""
    access, provider = _of(request)
    assert access.claims is not None, "who can log in can be checked"
    try:
        browser = one_cookie(request.headers, access.login_cookie)
        if browser is None:
            words = "this browser has begun no login, or has waited too long; begin again at /login"
            raise LoginOverError(words) if access.logins.begun_here(state) else LoginError(words)
        begun = await asyncio.to_thread(access.logins.take, browser, state)
        if iss is not None and not hmac.compare_digest(iss.encode(), provider.settings.issuer.encode()):
            raise LoginError("this answer comes from another identity provider; begin again at /login")
        if error or not code:
            raise LoginError("the identity provider did not let you in; ask whoever runs it, or try again")
        token = await provider.id_token(code, begun, _redirect_uri(access))
        person = await access.claims.of_login(token, begun.nonce)
        # A new one at each login: what somebody slipped into this browser before is worth nothing after.
        session = await asyncio.to_thread(access.sessions.begin, person.user, person.groups)
        before = one_cookie(request.headers, access.cookie)
        if before is not None:
            await asyncio.to_thread(access.sessions.end, before)
    except QAError as problem:
        return _failed(request, problem)
    response = RedirectResponse(begun.return_to, status_code=303)
    _set_cookie(response, access, access.cookie, session, max_age_s=request.app.state.settings.session_s)
    return response


@router.post("/logout", status_code=204)
async def logout(request: Request) -> Response:
    """End the session of this browser, if it has one."""
    access, _ = _of(request)
    hold_same_site(access.origin, "POST", request.headers)
    cookie = one_cookie(request.headers, access.cookie)
    if cookie is not None:
        await asyncio.to_thread(access.sessions.end, cookie)
    response = Response(status_code=204)
    _set_cookie(response, access, access.cookie, "", max_age_s=0)
    return response


def _of(request: Request) -> tuple[Access, Provider]:
    access: Access | None = request.app.state.access
    if access is None or access.provider is None or not access.people_log_in:
        raise NotConfiguredError(
            "nobody logs in here: no identity provider is configured (VERSE_OIDC_ISSUER, VERSE_OIDC_CLIENT_ID)"
        )
    return access, access.provider


def _redirect_uri(access: Access) -> str:
    return f"{access.public_url}/login/callback"


def _set_cookie(response: Response, access: Access, name: str, value: str, *, max_age_s: int) -> None:
    secure = access.origin.startswith("https:")
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=secure, httponly=True, samesite="lax"
    )


def _failed(request: Request, problem: QAError) -> HTMLResponse:
    row = told(problem, request.scope)
    request.scope.setdefault("log", {})["refused"] = row.code
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Not logged in</title></head><body><main>'
        f"<h1>You are not logged in</h1><p>{escape(row.detail or '')}</p>"
        '<p><a href="/login">Log in</a></p></main></body></html>',
        status_code=row.status,
        headers={"Retry-After": "2"} if row.status == 503 else None,
    )
