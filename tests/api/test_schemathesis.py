"""The OpenAPI file is the truth: whatever fits or breaks it is answered as it says, for every kind of caller.

schemathesis makes the requests from the file itself, so a route that is added is tested by being in it.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.settings import Settings
from index.state import StateFolder
from tests.api.loopback import listening
from tests.api.service import SmallEngine, settings_for

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
PEPPER = "a pepper of the tests, long enough to be one"
# What answers anybody: the process's health, and the exchange of codes that are credentials themselves.
PUBLIC = frozenset({"/healthz", "/readyz", "/v1/embed-tokens/exchange", "/embed"})
SCOPES = ("ask", "ingest", "admin")
# What each route that is not public wants: nearly all want `ask`.
OTHER_SCOPE = {
    "POST /v1/embed-tokens": None,
    "PATCH /v1/documents/{document_id}/access": "admin",
    "POST /v1/documents": "ingest",
    "PUT /v1/documents/{document_id}": "ingest",
    "PATCH /v1/documents/{document_id}": "ingest",
    "DELETE /v1/documents/{document_id}": "ingest",
    "GET /v1/jobs": "ingest",
    "GET /v1/jobs/{job_id}": "ingest",
}
_NUMBERS = itertools.count(1)
_PLACE = re.compile(r"\{[^}]+\}")

few = pytest.param(12, id="few")
many = pytest.param(30, id="many", marks=pytest.mark.long)


@dataclass
class Fuzzed:
    """A service on a socket, and its OpenAPI file."""

    url: str
    description: dict[str, Any]
    keys: dict[str, str]

    def statuses(
        self,
        examples: int,
        headers: dict[str, str],
        *,
        modes: tuple[GenerationMode, ...] = MODES,
        hold: Callable[[str, int], None] = lambda _path, _status: None,
    ) -> dict[str, Counter[int]]:
        """Send requests to every operation, check each answer against the file, and count the statuses."""
        schema = schemathesis.openapi.from_dict(self.description)
        found: dict[str, Counter[int]] = {}
        with requests.Session() as session:
            session.headers.update(headers)
            for result in schema.get_all_operations():
                operation = result.ok()
                seen = found.setdefault(operation.label, Counter())
                for mode in modes:
                    with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                        self._one(operation, mode, examples, session, seen, hold)
        assert len(found) == sum(len(methods) for methods in self.description["paths"].values())
        return found

    def _one(
        self,
        operation: Any,
        mode: GenerationMode,
        examples: int,
        session: requests.Session,
        seen: Counter[int],
        hold: Callable[[str, int], None],
    ) -> None:
        @hypothesis.settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def work(case: Any) -> None:
            # From another address each time: ten wrong credentials from one, and it would have to wait.
            number = next(_NUMBERS)
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            response = case.call_and_validate(
                base_url=self.url, session=session, checks=CHECKS, headers={"X-Forwarded-For": address}
            )
            seen[response.status_code] += 1
            hold(operation.label, response.status_code)

        work()


@contextlib.contextmanager
def fuzzed(state: Path, folder: Path, auth: str) -> Iterator[Fuzzed]:
    # Of its own: documents are added to it.
    state = Path(shutil.copytree(state, folder / "state"))
    values: dict[str, Any] = {"auth": auth, "database_url": f"sqlite:///{folder}/conversations.sqlite"}
    values["audit_file"] = folder / "audit.jsonl"
    values["trusted_proxies"] = 1
    values["rate_per_key"] = values["rate_per_address"] = "1000000/minute"
    keys: dict[str, str] = {}
    if auth == "required":
        assert "pepper" in Settings.model_fields, (
            "credentials (api/access/keys.py, VERSE_PEPPER) are not merged yet"
        )
        values["pepper"] = PEPPER
        keys = _keys(folder)
    settings = settings_for(state, **values)
    # What is sent is taken in and waits: an index that grows meanwhile would make this slow.
    with (
        StateFolder(state).writing(),
        listening(create_app(settings, engine=SmallEngine(state))) as server,  # type: ignore[arg-type]
    ):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", "/openapi.json", headers=_with(keys.get("ask")))
        description = json.loads(connection.getresponse().read())
        connection.close()
        yield Fuzzed(server.url, description, keys)


def _keys(folder: Path) -> dict[str, str]:
    from api.access.keys import Keys
    from api.access.pepper import Pepper
    from api.access.principal import Scope
    from api.store.database import Database

    with closing(Database(folder / "conversations.sqlite")) as database:
        keys = Keys(database, Pepper(PEPPER))
        return {scope: str(keys.create(scope, frozenset({Scope(scope)}))[1]) for scope in SCOPES}


def _with(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def open_service(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(small_state, tmp_path_factory.mktemp("open"), "none") as found:
        yield found


@pytest.fixture(scope="module")
def guarded(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(small_state, tmp_path_factory.mktemp("guarded"), "required") as found:
        yield found


@pytest.mark.parametrize("examples", [few, many])
def test_without_keys_every_answer_is_a_documented_one(open_service: Fuzzed, examples: int) -> None:
    found = open_service.statuses(examples, {})
    asked = found["POST /v1/ask"]
    assert found["POST /v1/search"][200] > 0, f"some requests were right: {found}"
    assert asked[422] > 0, "and some were not"
    assert not {status for seen in found.values() for status in seen} & {401, 429}


def _refused(label: str, status: int) -> None:
    if label.split(" ")[1] not in PUBLIC:
        assert status in (401, 403), f"{label} answered {status}"


@pytest.mark.parametrize("examples", [pytest.param(2, id="few"), many])
@pytest.mark.parametrize("caller", ["nobody", "a wrong key", "no bearer at all"])
def test_who_is_not_known_is_told_nothing(guarded: Fuzzed, caller: str, examples: int) -> None:
    headers = {
        "nobody": {},
        "a wrong key": _with("cv_000000000000_" + "A" * 43),
        "no bearer at all": {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
    }[caller]
    # What cannot even be read may be refused as that; here what is asked is right, but for who asks.
    guarded.statuses(examples, headers, modes=(GenerationMode.POSITIVE,), hold=_refused)


@pytest.mark.parametrize("examples", [pytest.param(2, id="few"), many])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_is_good_for_its_scope_alone(guarded: Fuzzed, scope: str, examples: int) -> None:
    def hold(label: str, status: int) -> None:
        path = label
        if label.split(" ")[1] in PUBLIC:
            return  # a code that is none is a 401 there, whoever brings it
        if OTHER_SCOPE.get(path, "ask") == scope:
            assert status not in (401, 403), f"{path} answered {status} to a key with the scope {scope}"
        else:
            assert status == 403, f"{path} answered {status} to a key with the scope {scope}"

    guarded.statuses(examples, _with(guarded.keys[scope]), modes=(GenerationMode.POSITIVE,), hold=hold)


def test_what_is_in_no_file_wants_credentials_too(guarded: Fuzzed) -> None:
    from api.access.rules import RULES

    shown: Counter[int] = Counter()
    for (method, path), rule in RULES.items():
        if rule.credentials != "always" or method == "*":
            continue
        response = requests.request(
            method,
            guarded.url + _PLACE.sub("x", path),
            json={} if method in ("POST", "PATCH", "PUT") and path != "/documents" else None,
            files={"files": b""} if (method, path) == ("POST", "/documents") else None,
            allow_redirects=False,
            timeout=30,
        )
        assert response.status_code in (401, 403), (method, path)
        shown[response.status_code] += 1
    assert shown[401] > 15


def test_the_shared_answers_are_described_on_every_route(open_service: Fuzzed) -> None:
    """One place says them (`api/openapi.py`); here is what the issue lists."""
    everywhere = {"400", "403", "431", "500"}
    limited = {"401", "429", "503"}
    with_body = {"409", "413", "415", "422"}
    for path, methods in open_service.description["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"]
            wanted = set(everywhere)
            if path not in ("/healthz", "/readyz"):
                wanted |= limited
            if "requestBody" in operation:
                wanted |= with_body
            if path in ("/v1/ask", "/v1/search", "/v1/chat/completions"):
                wanted |= {"502", "504"}
            assert wanted <= set(answers), (method, path, wanted - set(answers))
            problem = (
                "application/json"
                if path.startswith(("/v1/chat/", "/v1/models"))
                else "application/problem+json"
            )
            for status in wanted - ({"503"} if path == "/readyz" else set()):
                assert list(answers[status]["content"]) == [problem], (path, status)
                assert answers[status]["description"]
            assert (
                "X-Request-Id" in answers[next(s for s in ("200", "202", "204") if s in answers)]["headers"]
            )
