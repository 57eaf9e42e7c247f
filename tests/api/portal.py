"""A portal's pages for the tests of the element, and a gate of tokens and codes before the scripted service."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import embed_page
from api.errors import refusal
from tests.api.browser import served
from tests.api.scripted_chat import ScriptedService


@dataclass
class TokenGate:
    """Lets pass what carries a token of the page's origin; codes are good once. Both are plain words here."""

    tokens: dict[str, str] = field(default_factory=dict)
    """Token → the origin it is bound to; one that expired is taken out."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Code → the parent's origin."""
    frame_ancestors: list[str] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of every request that wants a token."""
    expires_at: str | float = "2099-01-01T00:00:00Z"
    home: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def codes(self) -> TokenGate:
        return self

    def parent_origin(self, text: str) -> str | None:
        return self.waiting.get(text)

    def made_here(self, text: str) -> bool:
        return text.startswith("code-canary-")

    def mint(self, origin: str) -> dict[str, Any]:
        token = f"cvt_canary-{next(self.numbers)}"
        self.tokens[token] = origin
        return {"token": token, "expires_at": self.expires_at}

    def code(self, parent: str) -> str:
        text = f"code-canary-{next(self.numbers)}"
        self.waiting[text] = parent
        return text

    def around(self, routes: ASGIApp) -> ASGIApp:
        """Return the app: the frame's page and the exchange before the routes that want a token."""
        app = FastAPI()
        app.state.access = self
        app.include_router(embed_page.router)
        app.router.routes.append(Route("/v1/embed-tokens/exchange", self._exchange, methods=["POST"]))
        app.mount("/", self._gated(routes))
        return app

    def _gated(self, routes: ASGIApp) -> ASGIApp:
        async def gate(scope: Scope, receive: Receive, send: Send) -> None:
            # A mount at "/" hands the path on as it is.
            if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
                await routes(scope, receive, send)
                return
            headers = Headers(scope=scope)
            given = headers.get("authorization", "")
            self.seen.append((scope["path"], given))
            origin = headers.get("origin")
            if origin is None and headers.get("sec-fetch-site") == "same-origin":
                origin = self.home
            bound = self.tokens.get(given.removeprefix("Bearer "))
            if bound is not None and bound == origin:
                await routes(scope, receive, send)
                return
            words = (
                "this token has expired; ask the portal for a new one"
                if bound is None
                else "this token is bound to another web origin than the page that sent it; ask for one for this page"
            )
            await refusal(scope["path"], 401, "credential_refused", words, "req_gate")(scope, receive, send)

        return gate

    async def _exchange(self, request: Request) -> Response:
        parent = self.waiting.pop((await request.json())["code"], None)
        if parent is None:
            return refusal(request.url.path, 401, "credential_refused", "this code was used already", "req_x")
        return JSONResponse({**self.mint(self.home), "parent_origin": parent})


@dataclass
class Portal:
    """Another site, whose pages hold the element."""

    gate: TokenGate
    service: str = ""
    home: str = ""
    attributes: str = ""
    """More attributes of the element on the pages."""
    frame: str = ""
    """The frame's address on `/frame`."""
    refuses: bool = False
    """Whether the session of whoever reads has ended, so that there are no more tokens."""
    asked: int = 0
    """How many tokens the pages asked for."""

    def app(self, _port: int) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/strict", self._strict),
                Route("/bare", self._bare),
                Route("/framework", self._framework),
                Route("/frame", self._frame),
                Route("/token", self._token),
                Route("/frame-token", self._frame_token),
                Route("/portal.js", self._script),
                Route("/favicon.ico", lambda _request: Response(status_code=204)),
            ]
        )

    def _page(self, body: str, policy: str | None, head: str = "") -> Response:
        text = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Intranet</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{head}</head><body>{body}</body></html>"
        )
        headers = {} if policy is None else {"content-security-policy": policy}
        return Response(text, media_type="text/html", headers=headers)

    @property
    def _element(self) -> str:
        return f"<main><h1>Intranet</h1><chapter-verse {self.attributes}></chapter-verse></main>"

    @property
    def _loader(self) -> str:
        return f'<script type="module" src="{self.service}/static/chapter-verse.js"></script>'

    async def _strict(self, _request: Request) -> Response:
        policy = (
            f"default-src 'none'; script-src {self.service}; connect-src {self.service} 'self'; "
            "require-trusted-types-for 'script'; trusted-types lit-html"
        )
        return self._page(self._element, policy, self._loader)

    async def _bare(self, _request: Request) -> Response:
        return self._page(self._element, None, self._loader)

    async def _framework(self, _request: Request) -> Response:
        policy = f"default-src 'none'; script-src 'self' {self.service}; connect-src 'self' {self.service}"
        script = '<script type="module" src="/portal.js"></script>'
        return self._page("<portal-app></portal-app>", policy, script)

    async def _frame(self, _request: Request) -> Response:
        policy = f"default-src 'none'; script-src 'self'; connect-src 'self'; frame-src {self.service}"
        body = (
            "<main><h1>Intranet</h1>"
            f'<iframe title="Ask" src="{self.frame}" width="700" height="620"'
            ' sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe></main>'
        )
        return self._page(body, policy, '<script type="module" src="/portal.js"></script>')

    async def _token(self, _request: Request) -> Response:
        self.asked += 1
        return JSONResponse({}, status_code=403) if self.refuses else JSONResponse(self.gate.mint(self.home))

    async def _frame_token(self, _request: Request) -> Response:
        self.asked += 1
        return JSONResponse(self.gate.mint(self.service))

    async def _script(self, _request: Request) -> Response:
        text = _PORTAL_SCRIPT.replace("SERVICE", json.dumps(self.service))
        return Response(text, media_type="text/javascript")


# A framework's page: elements in shadow trees that nobody outside can look into; and a frame's parent.
_PORTAL_SCRIPT = """
const service = SERVICE;
const heard = [];
window.heard = heard;
for (const name of ["cv-answer", "cv-citation", "cv-error", "cv-token-needed"]) {
  document.addEventListener(name, (event) => {
    heard.push([name, JSON.parse(JSON.stringify(event.detail))]);
    if (name === "cv-citation" && window.opensItself) event.preventDefault();
  });
}
class PortalCard extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: "open" });
    const box = document.createElement("chapter-verse");
    box.setAttribute("language", "ru");
    box.display = "compact";
    root.append(box);
    // As some frameworks do: properties come after the element is on the page.
    box.endpoint = service;
    box.getToken = async (reason) => {
      heard.push(["asked", reason]);
      return (await fetch("/token")).json();
    };
  }
}
class PortalApp extends HTMLElement {
  connectedCallback() {
    this.attachShadow({ mode: "open" }).append(document.createElement("portal-card"));
  }
}
customElements.define("portal-card", PortalCard);
customElements.define("portal-app", PortalApp);
const frame = document.querySelector("iframe");
if (frame === null) {
  await import(`${service}/static/chapter-verse.js`);
}
window.addEventListener("message", async (event) => {
  if (event.origin !== service || event.source !== frame?.contentWindow) return;
  heard.push(["message", event.data]);
  if (event.data.type === "cv-token-needed" && !window.silent) {
    const { token, expires_at } = await (await fetch("/frame-token")).json();
    frame.contentWindow.postMessage({ type: "cv-token", token, expires_at }, service);
  }
});
"""


@dataclass(frozen=True)
class Sites:
    """Both servers, on different sites for a browser."""

    portal: Portal
    gate: TokenGate
    service: ScriptedService


@contextlib.contextmanager
def sites(service: ScriptedService) -> Iterator[Sites]:
    """Serve a portal on `localhost` and the service on `127.0.0.1`, which asks for tokens."""
    gate = TokenGate()
    portal = Portal(gate)
    with served(portal.app) as at:
        portal.home = at.replace("127.0.0.1", "localhost")
        service.portals = (portal.home,)
        service.within = gate.around
        with served(service.app) as home:
            portal.service = gate.home = home
            gate.frame_ancestors = [portal.home]
            portal.attributes = 'token-url="/token"'
            yield Sites(portal, gate, service)
