"""What every request passes before any route: id, host and origin, size and type, headers, one log line.

Plain ASGI, so that nothing is read or answered before it was checked.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.addresses import client_address
from api.cors import ELEMENT_FILES, concerns_portals, cors_headers, is_preflight, preflight_headers
from api.errors import refusal
from api.uploads.limits import body_types

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VIEWER_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# The page to chat on may also ask this service, and what it shows is set as text or not at all. Its form is
# sent here alone; but where its session is over, it is sent on to log in, and browsers hold that against it too.
_CHAT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action {forms}; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
# The page to add documents on asks this service too, and makes no HTML of anything.
_ADD_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# Others may be anybody's text, and so are not logged.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# How a stream ends whose client leaves: nothing of ours to mend.
_LEFT = frozenset({"cut", "client_gone"})
_QUIET = frozenset({"/healthz", "/readyz"})
# Pages that say themselves who may frame them; what any other route says of that is overwritten.
_CSP = "content-security-policy"
_OWN_POLICY = frozenset({"/embed"})
MAX_HEADER_BYTES = 16_384
"""The longest headers, all of them together."""
MAX_TARGET_BYTES = 32_768
"""The longest address as it is sent: a question of 2,000 characters fits, each as twelve."""
_HSTS = "max-age=31536000"
# The methods that may carry a body; what is sent with others is never read.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_JSON_ALONE = frozenset({"application/json"})
_FILES_TIMEOUT_S = 600.0

log = structlog.get_logger("api.requests")


class Guards:
    """Wraps the app. `hosts` are names without ports, `origins` whole web origins, and so are `portals`.

    Portals are other sites' pages that may call it as well and read the answers (`api.cors`).
    `logins` are the origins where people are sent to log in. `receive_timeout_s` is the time for a body to
    arrive, `https` whether it is reached over TLS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        max_body_bytes: int,
        portals: Collection[str] = (),
        logins: Collection[str] = (),
        trusted_proxies: int = 0,
        receive_timeout_s: float = 10.0,
        https: bool = False,
        max_upload_bytes: int = 67_108_864,
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._portals = frozenset(_origin(portal) for portal in portals)
        self._origins = frozenset(_origin(origin) for origin in origins) | self._portals
        self._chat_policy = _CHAT_POLICY.format(forms=" ".join(["'self'", *sorted(logins)]))
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._trusted_proxies = trusted_proxies
        self._receive_timeout_s = receive_timeout_s
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _single_headers(scope)
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = "req_" + secrets.token_hex(12)
        scope["request_id"] = request_id
        scope["client_address"] = client_address(scope, self._trusted_proxies)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status, ended = time.perf_counter(), 0, False

        async def answer(message: Message) -> None:
            nonlocal status, ended
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                status = int(message["status"])  # some libraries send an enumeration
                message["headers"] = self._headers(scope, request_id, headers, message.get("headers", ()))
            await send(message)

        refused = self._refusal(scope, headers)
        try:
            if refused is not None:
                code, name, detail = refused
                await refusal(scope["path"], code, name, detail, request_id)(scope, receive, answer)
            elif self._is_answerable_preflight(scope, headers):
                await Response(status_code=204, headers=preflight_headers())(scope, receive, answer)
            else:
                await self._limited(scope, receive, answer, request_id)
        finally:
            known = scope.get("log", {})
            if status and not ended:
                known = {"failed": "cut", **known}  # whoever waited for it did not see its end
            if scope["path"] not in _QUIET:
                # A stream's status was sent before it failed: without this it would look like an answer.
                level = "info" if known.get("failed", "cut") in _LEFT else "error"
                getattr(log, level)(
                    "request",
                    method=scope["method"] if scope["method"] in _METHODS else "other",
                    route=_route_of(scope),
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                    **known,
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
        if _header_bytes(scope) > MAX_HEADER_BYTES:
            return 431, "headers_too_large", f"The headers are longer than {MAX_HEADER_BYTES} bytes."
        if (
            len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
            > MAX_TARGET_BYTES
        ):
            return 414, "address_too_long", f"The address is longer than {MAX_TARGET_BYTES} bytes."
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if scope["method"] == "POST" or (has_body and scope["method"] in _WITH_BODY):
            media_type = headers.get("content-type", "").split(";")[0].strip().lower()
            taken = body_types(scope["method"], scope["path"]) or _JSON_ALONE
            if media_type not in taken:
                return 415, "unsupported_type", f"Send the body as {' or '.join(sorted(taken))}."
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]+", length):  # not isdigit(): "²" is a digit and no number
            return 400, "malformed", "Content-Length is not a number."
        # Longer numbers are not even converted: Python refuses to from 4,300 digits on.
        if len(length.lstrip("0")) > 18 or int(length) > self._longest(scope):
            return self._too_large(scope)
        return None

    def _longest(self, scope: Scope) -> int:
        takes_files = body_types(scope["method"], scope["path"]) is not None
        return self._max_upload_bytes if takes_files else self._max_body_bytes

    def _too_large(self, scope: Scope) -> tuple[int, str, str]:
        return 413, "too_large", f"The body is longer than {self._longest(scope)} bytes."

    async def _limited(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Run the app, counting the bytes of a body that came without an honest length, and its time."""
        received, begun, whole, until = 0, False, False, 0.0
        longest = self._longest(scope)
        # Files may take long in all, as long as something comes.
        files = body_types(scope["method"], scope["path"]) is not None

        async def counted() -> Message:
            nonlocal received, whole, until
            if whole:
                return await receive()  # what it waits for now is that the client leaves
            now = asyncio.get_running_loop().time()
            until = until or now + (_FILES_TIMEOUT_S if files else self._receive_timeout_s)
            left = min(until - now, self._receive_timeout_s)
            try:
                # What has come already is taken, however late it is asked for.
                message = await asyncio.wait_for(receive(), max(left, 0.001))
            except TimeoutError:
                raise _TooSlow from None
            received += len(message.get("body", b""))
            if received > longest:
                raise _TooLarge
            whole = not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not begun:
                await refusal(scope["path"], *self._too_large(scope), request_id)(scope, receive, send)
        except _TooSlow:
            if not begun:
                detail = f"The body did not arrive within {self._receive_timeout_s:g} seconds."
                response = refusal(scope["path"], 408, "request_timeout", detail, request_id)
                response.headers["connection"] = "close"
                await response(scope, receive, send)
        except Exception:
            # Answered and logged by `api.errors`; passed on, the server would log it with its text.
            if "error" not in scope.get("log", {}):
                raise

    def _is_answerable_preflight(self, scope: Scope, headers: dict[str, str]) -> bool:
        return (
            is_preflight(scope, headers)
            and concerns_portals(scope["path"])
            and headers["origin"].lower() in self._portals
        )

    def _headers(
        self,
        scope: Scope,
        request_id: str,
        asked: dict[str, str],
        given: Iterable[tuple[bytes, bytes]],
    ) -> list[tuple[bytes, bytes]]:
        """Return a route's headers with ours; of a name in both, ours."""
        path = scope["path"]
        ours = {
            "x-request-id": request_id,
            _CSP: self._policy(path),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-resource-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
            **cors_headers(path, asked.get("origin"), self._portals),
        }
        if path in ELEMENT_FILES and self._portals:
            ours["cross-origin-resource-policy"] = "cross-origin"
        if self._https:
            ours["strict-transport-security"] = _HSTS
        if not path.startswith("/static/"):
            ours["cache-control"] = "no-store"
        theirs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in given]
        if path in _OWN_POLICY and any(_is_strict(value) for name, value in theirs if name == _CSP):
            del ours[_CSP]
        # Two `Vary` lines are one list; whatever a route depends on still counts.
        kept = [(name, value) for name, value in theirs if name not in ours or name == "vary"]
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [*kept, *ours.items()]]

    def _policy(self, path: str) -> str:
        if path in ("/", "/answer"):
            return self._chat_policy
        if _takes_forms(path):
            return _ADD_POLICY
        if path.startswith("/d/") or path == "/docs":
            return _VIEWER_POLICY
        return "default-src 'none'; frame-ancestors 'none'"


class _TooLarge(BaseException):
    """Not an `Exception`: nothing between here and the reading of the body may swallow it."""


class _TooSlow(BaseException):
    """The same, of a body that takes too long."""


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


def _takes_forms(path: str) -> bool:
    """Tell whether a path is a page for adding documents."""
    return path == "/documents" or path.startswith("/documents/")


def _is_strict(policy: str) -> bool:
    """Tell whether a page's own policy says who may frame it and allows nothing that ours never do."""
    return "frame-ancestors" in policy and "unsafe-" not in policy and "*" not in policy


def _origin(text: str) -> str:
    return text.lower().rstrip("/")


def _header_bytes(scope: Scope) -> int:
    return sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


def _route_of(scope: Scope) -> str:
    """Return the route's pattern: a path may hold the id of a document that is nobody's business."""
    route = scope.get("route")
    return str(getattr(route, "path", "unmatched"))
