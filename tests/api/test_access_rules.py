"""Every route has a rule, and without a credential nothing that is not public answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from api.access.errors import RouteWithoutRuleError
from api.access.gate import Gate
from api.access.principal import Principal, Scope
from api.access.rules import ANYBODY_KNOWN, PUBLIC, RULES, Rule, RuleTable, routes_of
from api.app import create_app
from index.access import ANYBODY
from tests.api.guarded import ASKED, Guarded, guarded
from tests.api.rights import fastapi_of
from tests.api.service import Reply, assert_problem, raw, settings_for
from tests.api.test_guards import PLACES

# What is refused without a code, whoever asks.
FRAME = ("GET", "/embed")
FILLED = {**PLACES, "{document_id:path}": "bridge", "{model:path}": "verse"}


@pytest.fixture(scope="module")
def service(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("rules")
    # Of its own: a key that may deletes a document here.
    with guarded(Path(shutil.copytree(small_state, folder / "state")), folder) as found:
        yield found


def app_of(state: Path) -> FastAPI:
    return fastapi_of(create_app(settings_for(state)))


def address(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    assert "{" not in path, f"fill in {path}"
    return f"{path}/viewer.css" if path == "/static" else path


def test_every_route_has_a_rule_and_every_rule_a_route(small_state: Path) -> None:
    assert set(routes_of(app_of(small_state))) == set(RULES)
    assert ("GET", "/d/{document_id:path}") in set(routes_of(app_of(small_state)))


@pytest.mark.parametrize("document_id", ["%0A", "a%0Ab", "%E2%80%A8", "a%2Fb"])
def test_no_id_is_outside_of_the_rules(service: Guarded, document_id: str) -> None:
    path, body = f"/v1/documents/{document_id}/access", b'{"access": "public"}'
    headers = [("authorization", f"Bearer {service.key('ask')}"), ("content-type", "application/json")]
    assert_problem(raw(service.client, "PATCH", path, headers=headers, body=body), 403, "not_allowed")
    assert raw(service.client, "PATCH", path, headers=headers[1:], body=body).status == 401
    reply = raw(service.client, "GET", f"/v1/documents/{document_id}", headers=headers[:1])
    assert assert_problem(reply, 404, "not_found")["detail"] == "There is no such document."


async def _nothing(_request: Any) -> PlainTextResponse:
    return PlainTextResponse("reached")


@pytest.mark.parametrize("kind", ["decorator", "router", "nested", "plain", "method", "mount"])
def test_an_app_with_a_route_and_no_rule_does_not_start(small_state: Path, kind: str) -> None:
    app = app_of(small_state)
    if kind == "decorator":
        app.get("/v1/secrets")(lambda: None)
    elif kind in ("router", "nested"):
        inner, outer = APIRouter(), APIRouter()
        inner.get("/secrets")(lambda: None)
        outer.include_router(inner, prefix="/v1")
        app.include_router(outer if kind == "nested" else inner)
    elif kind == "plain":
        app.router.routes.append(Route("/v1/secrets", _nothing))
    elif kind == "method":
        app.put("/v1/search")(lambda: None)
    else:
        app.mount("/more", Mount("/", routes=[]))
    with pytest.raises(RouteWithoutRuleError, match=r"nobody said who may call .*api/access/rules\.py"):
        Gate(app, required=True)


@pytest.mark.parametrize(("method", "path"), sorted(RULES.keys() - {FRAME}))
def test_without_a_credential_only_what_is_public_answers(service: Guarded, method: str, path: str) -> None:
    rule = RULES[method, path]
    for credential, code in ((None, "not_authenticated"), ("cv_wrong", "credential_invalid")):
        reply = service.send("GET" if method == "*" else method, address(path), credential, body=ASKED)
        if rule.credentials == "nothing":
            # 409: nobody logs in at this service. 422: the body of this test is no code.
            assert reply.status in (200, 204, 409, 422)
        elif rule.credentials == "if given" and credential is None:
            assert reply.status == 200
        else:
            assert refused(reply, path) == code


def refused(reply: Reply, path: str) -> str:
    assert reply.status == 401
    assert reply["www-authenticate"].startswith('Bearer realm="chapter-and-verse"')
    if path.startswith(("/v1/models", "/v1/chat")):
        assert reply.json()["error"]["type"] == "authentication_error"
        return str(reply.json()["error"]["code"])
    code = str(reply.json()["code"])
    assert_problem(reply, 401, code)
    return code


@pytest.mark.parametrize("scope", [None, *Scope])
def test_a_frame_opens_for_nobody_without_a_code(service: Guarded, scope: Scope | None) -> None:
    reply = service.send("GET", "/embed", None if scope is None else service.key(scope.value))
    assert reply.status == 403
    assert b"chapter-verse.js" not in reply.body


@pytest.mark.parametrize(("method", "path"), sorted(RULES.keys() - {FRAME}))
@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_opens_what_its_scope_says(service: Guarded, method: str, path: str, scope: Scope) -> None:
    rule = RULES[method, path]
    reply = service.send(
        "GET" if method == "*" else method, address(path), service.key(scope.value), body=ASKED
    )
    allowed = rule.credentials == "nothing" or ((rule.scope in (None, scope)) and not rule.embed)
    assert (reply.status == 403) == (not allowed), (reply.status, reply.body)
    assert reply.status not in (401, 500)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/nothing"),
        ("GET", "/v1/ask"),
        ("DELETE", "/v1/documents"),
        ("OPTIONS", "/v1/ask"),
        ("TRACE", "/"),
        ("GET", "//v1/documents"),
        ("GET", "/v1/documents/"),
        ("GET", "/healthz/"),
        ("GET", "/HEALTHZ"),
        ("GET", "/healthz;/v1/documents"),
        ("POST", "/healthz"),
        ("GET", "/v1/%64ocuments"),
        ("HEAD", "/v1/documents"),
    ],
)
def test_strangers_do_not_learn_what_there_is(service: Guarded, method: str, target: str) -> None:
    assert_problem(service.send(method, target, body=ASKED), 401, "not_authenticated")


def test_who_is_known_is_told_what_is_not_there(service: Guarded) -> None:
    assert_problem(service.send("GET", "/nothing", service.key()), 404, "not_found")
    assert_problem(service.send("GET", "/v1/ask", service.key()), 405, "method_not_allowed")
    for public in ("/static/none.css", "/static/../v1/documents", "/static/%2e%2e/v1/documents"):
        assert_problem(service.send("GET", public), 404, "not_found")


def test_a_browser_is_not_sent_to_log_in_where_nobody_can(service: Guarded) -> None:
    for path in ("/", "/d/bridge", "/docs", "/answer"):
        reply = service.send("GET", path, headers=[("accept", "text/html")])
        assert_problem(reply, 401, "not_authenticated")
    assert_problem(service.send("GET", "/login"), 409, "access_not_configured")


def test_on_loopback_nobody_is_asked_as_before(small: TestClient) -> None:
    for path in ("/", "/v1/documents", "/openapi.json", "/d/bridge"):
        assert small.get(path).status_code == 200
    # What clients send who always send something.
    given = {"Authorization": "Bearer unused"}
    assert small.get("/v1/models", headers=given).status_code == 200


def test_the_description_says_what_each_route_asks(service: Guarded) -> None:
    described = service.send("GET", "/openapi.json", service.key()).json()
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "security" not in described["paths"]["/healthz"]["get"]
    assert described["paths"]["/readyz"]["get"]["security"] == [{}, {"bearer": []}]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            if path not in ("/healthz", "/readyz", "/v1/embed-tokens/exchange"):
                assert operation["security"] == [{"bearer": []}], path
                assert {"401", "403"} <= set(operation["responses"]), path
            if "401" in operation["responses"]:
                assert operation["responses"]["401"].get("content"), path


def test_a_socket_of_another_kind_is_closed(small_state: Path) -> None:
    import anyio

    sent: list[dict[str, Any]] = []

    async def call() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        await Gate(app_of(small_state), required=True)(
            {"type": "websocket", "path": "/", "headers": []}, receive, send
        )

    anyio.run(call)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_rule_holds_a_principal() -> None:
    somebody = Principal(kind="key", subject="key:x", scopes=frozenset({Scope.ASK}), viewer=ANYBODY)
    for rule in (PUBLIC, ANYBODY_KNOWN, Rule(scope=Scope.ASK)):
        rule.hold(somebody)
    from api.access.errors import NotAllowedError

    for rule in (Rule(scope=Scope.ADMIN), Rule(embed=True)):
        with pytest.raises(NotAllowedError):
            rule.hold(somebody)


def test_the_table_is_read_as_the_app_reads_its_routes(small_state: Path) -> None:
    table = RuleTable(app_of(small_state))

    def rule(method: str, path: str) -> Rule:
        return table.of({"type": "http", "method": method, "path": path, "root_path": ""})[0]

    assert rule("GET", "/healthz") is PUBLIC
    assert rule("GET", "/static/anything") is PUBLIC
    assert rule("GET", "/d/a/b/c").page
    assert rule("POST", "/v1/embed-tokens").embed
    assert rule("POST", "/v1/embed-tokens/exchange") is PUBLIC
    assert rule("POST", "/healthz") is ANYBODY_KNOWN
