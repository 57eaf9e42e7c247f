"""The portal's pages: choose a person, ask, and see what that person's rights show.

Choosing a person stands for a login, which a real portal has. What matters is the rest: the key stays in this
process, and the browser gets tokens that are good for minutes, for one person, on this one origin.
"""

from __future__ import annotations

import html
import json
import urllib.parse
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from api.portal_demo.backend import Backend, NoToken
from api.portal_demo.people import PEOPLE, QUESTIONS, Person, person_called

_WEB = Path(__file__).parent / "web"
_FILES = {"/portal.css": "text/css", "/portal.js": "text/javascript"}
_MAX_BODY = 1000


class Portal(ThreadingHTTPServer):
    """Serves the portal on `localhost`; `origin` is what browsers call it."""

    daemon_threads = True

    def __init__(self, port: int, backend: Backend) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.backend = backend
        self.origin = f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Portal
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        if path in _FILES:
            self._send(HTTPStatus.OK, _FILES[path], (_WEB / path[1:]).read_bytes())
        elif path in ("/", "/frame"):
            self._page(framed=path == "/frame")
        elif path in ("/token", "/frame-token"):
            self._token(self.server.origin if path == "/token" else self.server.backend.service)
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        body = (
            self.rfile.read(int(length))
            if length.isascii() and length.isdigit() and int(length) <= _MAX_BODY
            else b""
        )
        chosen = urllib.parse.parse_qs(body.decode("utf-8", "replace")).get("person", [""])[0]
        if (
            self.path != "/person"
            or person_called(chosen) is None
            or self.headers.get("Origin") != self.server.origin
        ):
            self.close_connection = True
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", b"Choose one of the three people on the page.\n")
            return
        cookie = f"person={chosen}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.SEE_OTHER, "text/plain", b"", {"Location": "/", "Set-Cookie": cookie})

    def _person(self) -> Person | None:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("person")
        except CookieError:
            return None  # nobody's: whoever sent it has not chosen here
        return person_called(cookie.value if cookie is not None else None)

    def _token(self, origin: str) -> None:
        """Answer the portal's own page, and nobody else's, with a token for whoever is signed in."""
        person = self._person()
        if person is None or self.headers.get("Sec-Fetch-Site") != "same-origin":
            self._json(HTTPStatus.FORBIDDEN, {"error": "Nobody is signed in."})
            return
        try:
            made = self.server.backend.token(person, origin)
        except NoToken as error:
            self._json(HTTPStatus.BAD_GATEWAY, {"error": str(error)})
            return
        # The code for a frame stays here: this page has no use for it.
        self._json(HTTPStatus.OK, {"token": made["token"], "expires_at": made["expires_at"]})

    def _page(self, *, framed: bool) -> None:
        person = self._person()
        box, status = "", HTTPStatus.OK
        if person is not None and framed:
            try:
                address = self.server.backend.frame(person, self.server.origin)
            except NoToken as error:
                status = HTTPStatus.BAD_GATEWAY
                box = f'<p role="alert">{html.escape(str(error))} Reload this page to try again.</p>'
            else:
                box = (
                    f'<iframe title="Ask the documents" src="{html.escape(address)}&amp;display=full"'
                    ' allow="clipboard-write"'
                    ' sandbox="allow-scripts allow-same-origin allow-forms allow-downloads allow-popups"></iframe>'
                )
        elif person is not None:
            box = (
                f'<chapter-verse endpoint="{self.server.backend.service}" token-url="/token" display="compact">'
                "</chapter-verse>"
            )
        self._send(status, "text/html", _page_of(person, box, self.server.backend.service, framed).encode())

    def _json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(
        self, status: HTTPStatus, kind: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        service = self.server.backend.service
        policy = (
            f"default-src 'none'; script-src 'self' {service}; connect-src 'self' {service}; frame-src {service}; "
            "style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types lit-html"
        )
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            # With "no-referrer" a browser sends the form's Origin as "null", and nobody could be chosen.
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the frame's address holds a code, and the page tells what happens."""


def _page_of(person: Person | None, box: str, service: str, framed: bool) -> str:
    people = "".join(
        f'<button name="person" value="{one.user}" aria-pressed="{str(one is person).lower()}">'
        f"<b>{one.name}</b> {one.work}<br><small>{', '.join(one.groups) or 'no groups'}</small></button>"
        for one in PEOPLE
    )
    questions = "".join(f"<li>{html.escape(question)}</li>" for question in QUESTIONS)
    ways = (
        '<a href="/">in the page</a> · <b>in a frame</b>'
        if framed
        else '<b>in the page</b> · <a href="/frame">in a frame</a>'
    )
    rest = (
        "<p>Choose who you are. Each of the three may read other documents.</p>"
        if person is None
        else f"<p>You are <b>{person.name}</b>. The box stands {ways}.</p>{box}"
        f"<aside><h2>Ask, and ask again as somebody else</h2><ul>{questions}</ul>"
        '<h2>What happened</h2><ol id="happened" aria-live="polite"></ol></aside>'
    )
    script = (
        ""
        if framed or person is None
        else f'<script type="module" src="{service}/static/chapter-verse.js"></script>'
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<title>Intranet of the Larkfield Institute</title><link rel="stylesheet" href="/portal.css">{script}'
        f'<script type="module" src="/portal.js" data-service="{service}"></script></head><body>'
        f'<header><p>Larkfield Institute</p><form method="post" action="/person">{people}</form></header>'
        f"<main><h1>Ask our documents</h1>{rest}</main></body></html>\n"
    )
