"""`verse serve` that asks who you are, as a process; and the example backends of a portal."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.access.keys import Keys
from api.access.pepper import Pepper
from api.access.principal import Scope
from api.app import create_app
from api.store.database import Database
from tests.api.guarded import PEPPER, PORTAL
from tests.api.loopback import Listening, listening
from tests.api.service import SmallEngine, settings_for
from tests.api.test_clients import EXAMPLES
from tests.api.test_serve import JSON, serving

BACKENDS = {"python": [sys.executable, "portal_backend.py"], "node": ["node", "portal_backend.mjs"]}


def test_a_service_that_asks_who_you_are(
    seeds_state: Path, child_environment: dict[str, str], tmp_path: Path
) -> None:
    variables = {
        "VERSE_AUTH": "required",
        "VERSE_PEPPER": PEPPER,
        "VERSE_DATABASE_URL": f"sqlite:///{tmp_path / 'c.sqlite'}",
    }

    def keys(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", "keys", *words],
            env={**child_environment, "VERSE_STATE_DIR": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    key = keys("create", "test", "--scope", "ask")
    with serving(seeds_state, child_environment, **variables) as server:

        def models(credential: str) -> int:
            return server.request("GET", "/v1/models", None, {"Authorization": f"Bearer {credential}"})[0]

        assert server.get("/healthz")[0] == 200
        assert server.ask("Who?")[0] == 401
        body = json.dumps({"question": "Why do leaders meet in Washington?"}).encode()
        status, _, _ = server.request("POST", "/v1/ask", body, {**JSON, "Authorization": f"Bearer {key}"})
        assert status == 200
        assert models(key + "x") == 401
        keys("revoke", key[:15])
        revoked = time.monotonic()
        while models(key) == 200:
            assert time.monotonic() - revoked < 1, "it still opens after a second"
        assert "refused=credential_invalid" in "".join(server.lines) or "credential_invalid" in "".join(
            server.lines
        )
        said = "".join(server.lines)
    assert key[16:] not in said
    assert PEPPER not in said


def test_a_service_that_nobody_could_enter_says_so(
    seeds_state: Path, child_environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0"],
        env={
            **child_environment,
            "VERSE_STATE_DIR": str(seeds_state),
            "VERSE_DATABASE_URL": f"sqlite:///{tmp_path / 'c.sqlite'}",
            "VERSE_AUTH": "required",
            "VERSE_PEPPER": PEPPER,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "verse keys create" in done.stderr
    assert "Traceback" not in done.stderr
    assert PEPPER not in done.stderr


# The portal's backend


@pytest.fixture(scope="module")
def verse(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Listening, str]]:
    database = Database(tmp_path_factory.mktemp("backend") / "c.sqlite")
    _, key = Keys(database, Pepper(PEPPER)).create("the portal", frozenset({Scope.ASK}), may_embed=True)
    settings = settings_for(small_state, auth="required", pepper=PEPPER, allowed_origins=[PORTAL])
    app = create_app(settings, engine=SmallEngine(small_state), database=database)  # type: ignore[arg-type]
    with listening(app) as found:
        yield found, key


@contextlib.contextmanager
def backend(command: Sequence[str], verse_url: str, key: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "VERSE_URL": verse_url,
        "VERSE_KEY": key,
        "ORIGIN": PORTAL,
    }
    process = subprocess.Popen(command, cwd=EXAMPLES, env=environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            assert process.poll() is None, "the backend ended"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < until, "the backend does not listen"
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def send(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(
            method, path, content, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize("language", BACKENDS)
def test_the_example_backend_gives_its_own_people_tokens(verse: tuple[Listening, str], language: str) -> None:
    if shutil.which(BACKENDS[language][0]) is None:
        pytest.skip(f"{language} is not installed")
    service, key = verse
    with backend(BACKENDS[language], service.url, key) as port:
        status, body = send(port, "POST", "/verse-token", Origin=PORTAL, Cookie="a=b; session=session-of-ada")
        assert status == 200
        assert key.encode() not in body
        made = json.loads(body)
        assert set(made) >= {"token", "expires_at"}
        asked = {"question": "Who built the bridge?"}
        json_type = "application/json"
        status, _ = send(
            service.port, "POST", "/v1/ask", asked,
            Origin=PORTAL, Authorization=f"Bearer {made['token']}", Content_Type=json_type,
        )  # fmt: skip
        assert status == 200
        for method, path, headers in (
            ("POST", "/verse-token", {"Origin": PORTAL}),
            ("POST", "/verse-token", {"Origin": PORTAL, "Cookie": "session=nobody"}),
            ("POST", "/verse-token", {"Origin": PORTAL, "Cookie": "session=__proto__"}),
            ("POST", "/verse-token", {"Origin": "https://evil.example", "Cookie": "session=session-of-ada"}),
            ("POST", "/verse-token", {"Cookie": "session=session-of-ada"}),
            ("POST", "/else", {"Origin": PORTAL, "Cookie": "session=session-of-ada"}),
        ):
            status, body = send(port, method, path, **headers)
            assert status == 403
            assert b"cvt_" not in body


def test_the_examples_are_as_short_as_promised() -> None:
    for name in ("portal_backend.py", "portal_backend.mjs"):
        lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
        assert (
            len([line for line in lines if line.strip() and not line.strip().startswith(("//", '"""'))]) <= 25
        )
