"""An identity provider on loopback: it signs, rotates its keys, remembers its codes, and misbehaves when told to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "verse client"
CLIENT_SECRET = "client-secret/canary 7+1"
AUDIENCE = "https://api.verse.example.org"


@cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    """The number-th key; made once a session, for that takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(number: int) -> dict[str, Any]:
    found: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(private_key(number).public_key(), as_dict=True)
    return {**found, "kid": f"key-{number}", "use": "sig", "alg": "RS256"}


@dataclass
class Grant:
    """A code that was given out, and what it was given for."""

    nonce: str
    challenge: str
    redirect_uri: str
    claims: dict[str, Any]


@dataclass
class ScriptedProvider:
    """The provider's state. `answers` replaces status and body at a path; `ahead_s` moves its clock."""

    port: int = 0
    keys: list[int] = field(default_factory=lambda: [1])
    signs_with: int = 1
    grants: dict[str, Grant] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "ada", "groups": ["engineers", "staff"]})
    changes: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    delay_s: float = 0.0
    ahead_s: float = 0.0
    agrees: bool = False
    """Whether whoever comes to log in is sent back at once, as where they are logged in there already."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, *, key: int | None = None, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """An access token as programs bring them; a claim that is `None` is left out."""
        now = int(time.time() + self.ahead_s)
        content = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            **self.claims,
            **claims,
        }
        number = self.signs_with if key is None else key
        return jwt.encode(
            {name: value for name, value in content.items() if value is not None},
            private_key(number),
            algorithm="RS256",
            headers={"kid": f"key-{number}", **(headers or {})},
        )

    def log_in(self, address: str, **claims: Any) -> str:
        """What a person does at the provider: follow `address`, agree, and be sent back to the returned one."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        assert parts.path == "/authorize"
        query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(
            nonce=query["nonce"],
            challenge=query["code_challenge"],
            redirect_uri=query["redirect_uri"],
            claims=claims,
        )
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def _discovered(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.discovery,
        }

    def _exchanged(self, form: dict[str, str], credentials: tuple[str, str] | None) -> tuple[int, Any]:
        if credentials != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or form.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != grant.challenge or form.get("redirect_uri") != grant.redirect_uri:
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT_ID, "nonce": grant.nonce, **grant.claims, **self.changes}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(**claims)}

    def answer(self, method: str, path: str, body: bytes, authorization: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        time.sleep(self.delay_s)
        if path in self.answers:
            return self.answers[path]
        if self.agrees and path.startswith("/authorize?"):
            return 303, self.log_in(f"{self.issuer}{path}").encode()
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps(self._discovered()).encode()
        if path == "/keys":
            return 200, json.dumps({"keys": [public_jwk(number) for number in self.keys]}).encode()
        if path == "/token" and method == "POST":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            credentials = None
            if authorization is not None:
                name, _, secret = (
                    base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
                )
                credentials = (unquote(name), unquote(secret))
            elif "client_secret" in form:
                credentials = (form["client_id"], form["client_secret"])
            status, content = self._exchanged(form, credentials)
            return status, json.dumps(content).encode()
        return 404, b"{}"


@contextlib.contextmanager
def identity_provider() -> Iterator[ScriptedProvider]:
    """Serve a provider on a port of the system's choice."""
    scripted = ScriptedProvider()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status, content = scripted.answer(
                self.command, self.path, body, self.headers.get("authorization")
            )
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", content.decode())
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join(10)
