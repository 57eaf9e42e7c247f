"""What every request passes before any route: id, host and origin, size and type, headers, one log line.

Plain ASGI, so that nothing is read or answered before it was checked.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import refusal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VIEWER_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# The page to chat on may also ask this service, and what it shows is set as text or not at all.
_CHAT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
_QUIET = frozenset({"/healthz", "/readyz"})

log = structlog.get_logger("api.requests")


class Guards:
    """Wraps the app. `hosts` are names without ports, `origins` whole web origins."""

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str], origins: Collection[str], max_body_bytes: int
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _single_headers(scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = "req_" + secrets.token_hex(12)
        scope["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])  # some libraries send an enumeration
                message["headers"] = [*message.get("headers", ()), *_headers_for(scope, request_id)]
            await send(message)

        refused = self._refusal(scope, headers)
        try:
            if refused is not None:
                code, name, detail = refused
                await refusal(scope["path"], code, name, detail, request_id)(scope, receive, answer)
            else:
                await self._limited(scope, receive, answer, request_id)
        finally:
            if scope["path"] not in _QUIET:
                log.info(
                    "request",
                    method=scope["method"],
                    route=_route_of(scope),
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                    **scope.get("log", {}),
                )

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        """Return (status, code, detail) for a request that goes no further."""
        host = headers.get("host", "")
        name = _host_name(host)
        if not name or name not in self._hosts:
            return (
                403,
                "host_not_allowed",
                ("This service is not called by that name; the operator can add it to VERSE_ALLOWED_HOSTS."),
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            return (
                403,
                "origin_not_allowed",
                (
                    "Pages of that origin may not call this service; the operator can add it to VERSE_ALLOWED_ORIGINS."
                ),
            )
        if scope["method"] == "POST":
            media_type = headers.get("content-type", "").split(";")[0].strip().lower()
            if media_type != "application/json":
                return 415, "unsupported_type", "Send the body as application/json."
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]+", length):  # not isdigit(): "²" is a digit and no number
            return 400, "malformed", "Content-Length is not a number."
        # Longer numbers are not even converted: Python refuses to from 4,300 digits on.
        if len(length.lstrip("0")) > 18 or int(length) > self._max_body_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> tuple[int, str, str]:
        return 413, "too_large", f"The body is longer than {self._max_body_bytes} bytes."

    async def _limited(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Run the app, counting the bytes of a body that came without an honest length."""
        received, begun = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not begun:
                await refusal(scope["path"], *self._too_large(), request_id)(scope, receive, send)
        except Exception:
            # Answered and logged by `api.errors`; passed on, the server would log it with its text.
            if "error" not in scope.get("log", {}):
                raise


class _TooLarge(BaseException):
    """Not an `Exception`: nothing between here and the reading of the body may swallow it."""


def allowed_origins(public_url: str, configured: Iterable[str], port: int | None) -> list[str]:
    """Return the origins that may call: our own, the loopback ones, and the configured ones."""
    parts = urlsplit(public_url)
    found = [f"{parts.scheme}://{parts.netloc}", *configured]
    ports = {port, parts.port} - {None}
    found += [f"http://{name}:{number}" for name in ("localhost", "127.0.0.1", "[::1]") for number in ports]
    return found


def _single_headers(scope: Scope) -> dict[str, str]:
    """Return the headers; of one sent twice, both, so that no check sees only the harmless one."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _host_name(host: str) -> str:
    """Return the name of a Host header without its port, or nothing where it is not one."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host)
    return (match.group(1) or match.group(2)).lower() if match else ""


def _headers_for(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    policy = "default-src 'none'; frame-ancestors 'none'"
    if scope["path"] in ("/", "/answer"):
        policy = _CHAT_POLICY
    elif scope["path"].startswith("/d/") or scope["path"] == "/docs":
        policy = _VIEWER_POLICY
    headers = {
        "x-request-id": request_id,
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
    if not scope["path"].startswith("/static/"):
        headers["cache-control"] = "no-store"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _route_of(scope: Scope) -> str:
    """Return the route's pattern: a path may hold the id of a document that is nobody's business."""
    route = scope.get("route")
    return str(getattr(route, "path", "unmatched"))
