"""A service that asks who you are, for the tests of access: its clock, its keys, and requests to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from starlette.testclient import TestClient

from api.access.keys import Keys
from api.access.pepper import Pepper
from api.access.principal import Scope
from api.app import create_app
from api.store.database import Database
from api.store.ids import now_ms
from tests.api.service import Reply, SmallEngine, client_of, raw, settings_for

PEPPER = "pepper-canary 0123456789abcdefghijklmnop"
PORTAL = "https://portal.example"
OTHER = "https://other.example"
OWN = "http://127.0.0.1:8000"
_NUMBERS = itertools.count(1)
ASKED = b'{"question": "Who built the bridge?", "store": false}'


class MovingClock:
    """The time of day, and what a test has added to it."""

    def __init__(self) -> None:
        self.added_ms = 0

    def __call__(self) -> int:
        return now_ms() + self.added_ms

    def pass_s(self, seconds: float) -> None:
        self.added_ms += int(seconds * 1000)


@dataclass
class Guarded:
    """The service. `keys` writes to its database as another process would."""

    client: TestClient
    keys: Keys
    clock: MovingClock
    database: Database

    def key(self, *scopes: str, embed: bool = False, **more: Any) -> str:
        return self.keys.create("test", frozenset(map(Scope, scopes or ("ask",))), may_embed=embed, **more)[1]

    def send(
        self,
        method: str,
        target: str,
        credential: str | None = None,
        *,
        origin: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: Any = None,
    ) -> Reply:
        # From another address each time: ten wrong credentials from one, and it would have to wait.
        number = next(_NUMBERS)
        sent = [*headers, ("x-forwarded-for", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")]
        if credential is not None:
            sent.append(("authorization", f"Bearer {credential}"))
        if origin is not None:
            sent.append(("origin", origin))
        if (method, target) == ("POST", "/documents"):
            sent.append(("content-type", "multipart/form-data; boundary=x"))
        elif method in ("POST", "PATCH", "PUT"):
            sent.append(("content-type", "application/json"))
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return raw(self.client, method, target, headers=sent, body=content)

    def ask(self, credential: str | None, **more: Any) -> Reply:
        return self.send("POST", "/v1/ask", credential, body=ASKED, **more)

    def token(self, key: str, origin: str = PORTAL, **fields: Any) -> dict[str, Any]:
        reply = self.send(
            "POST",
            "/v1/embed-tokens",
            key,
            body={"user": "ada", "groups": ["engineers"], "origin": origin, **fields},
        )
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json()
        return found


@contextlib.contextmanager
def guarded(state: Path, folder: Path, **settings: Any) -> Iterator[Guarded]:
    """Serve `state`, with keys and sessions in a database of the test's own."""
    values: dict[str, Any] = {
        "auth": "required",
        "pepper": PEPPER,
        "allowed_origins": [PORTAL, OTHER],
        "frame_ancestors": [PORTAL],
        "trusted_proxies": 1,
        "database_url": f"sqlite:///{folder / 'access.sqlite'}",
        **settings,
    }
    clock = MovingClock()
    database = Database(folder / "access.sqlite")
    other = Database(folder / "access.sqlite")
    app = create_app(
        settings_for(state, **values),
        port=8000,
        engine=SmallEngine(state),  # type: ignore[arg-type]
        database=database,
        now=clock,
    )
    try:
        with client_of(app) as client:
            yield Guarded(client, Keys(other, Pepper(PEPPER), now=clock), clock, other)
    finally:
        other.close()


@contextlib.contextmanager
def logging_put_back() -> Iterator[None]:
    """Undo what a command does to the logging of its process, which is the tests' own."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configured)
