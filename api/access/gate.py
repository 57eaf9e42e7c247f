"""The one door: before any route, who asks is found out and held against the route's rule."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.errors import CredentialError, NotAuthenticatedError
from api.access.identify import Access, local_principal
from api.access.rules import Rule, RuleTable
from api.errors import refusal, told
from index.errors import QAError


class Gate:
    """Wraps the app; sets `request.state.principal`. `required` is false on loopback without keys."""

    def __init__(self, app: FastAPI, *, required: bool) -> None:
        self._app: ASGIApp = app
        self._state = app.state
        self._rules = RuleTable(app)
        self._required = required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        rule, route = self._rules.of(scope)
        headers = Headers(scope=scope)
        try:
            if self._required:
                access: Access = self._state.access
                principal = await access.principal(rule, scope["method"], scope["query_string"], headers)
            else:
                principal = await local_principal(rule)
            rule.hold(principal)
        except QAError as error:
            if route is not None:
                scope["route"] = route  # for the log, as the app's own routes do
            await self._refused(error, rule, scope, headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)

    def _refused(self, error: QAError, rule: Rule, scope: Scope, headers: Headers) -> Response:
        row = told(error, scope)
        # What failed, for the log and for whoever slows down those that fail often; never with what.
        scope.setdefault("log", {})["refused"] = row.code
        shown = rule.page and scope["method"] in ("GET", "HEAD") and "authorization" not in headers
        if (
            shown
            and isinstance(error, NotAuthenticatedError | CredentialError)
            and self._required
            and self._state.access.people_log_in
        ):
            path, query = scope.get("raw_path") or scope["path"].encode(), scope["query_string"]
            wanted = path.partition(b"?")[0] + (b"?" + query if query else b"")
            return RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=303)
        return refusal(
            scope["path"], row.status, row.code, row.detail or "", str(scope.get("request_id", ""))
        )
