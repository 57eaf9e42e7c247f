"""What every request passes before any route, and what every response carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.service import (
    SECURITY_HEADERS,
    Reply,
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    post,
    raw,
    settings_for,
)

BODY = b'{"question": "Who built the bridge?"}'
JSON = [("content-type", "application/json")]
# Every kind of address: all routes, files, what is not there, what is not taken.
CONVERSATION = "conv_" + 26 * "0"
ANSWER = "ans_" + 26 * "0"
PLACES = {
    "{document_id}": "bridge",
    "{conversation_id}": CONVERSATION,
    "{answer_id}": ANSWER,
    "{model}": "verse",
    "{job_id}": "job_" + 26 * "0",
}
ADDRESSES = (
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("GET", "/v1/documents"),
    ("GET", "/v1/documents/bridge"),
    ("GET", "/v1/documents/none"),
    ("PATCH", "/v1/documents/bridge/access"),
    ("POST", "/v1/documents"),
    ("PUT", "/v1/documents/none"),
    ("PATCH", "/v1/documents/none"),
    ("DELETE", "/v1/documents/none"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/job_" + 26 * "0"),
    ("GET", "/documents"),
    ("GET", "/documents/jobs/none"),
    ("GET", "/d/bridge"),
    ("GET", "/d/none"),
    ("GET", "/d/bridge?quote=9-1"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/v1/conversations"),
    ("GET", f"/v1/conversations/{CONVERSATION}"),
    ("PATCH", f"/v1/conversations/{CONVERSATION}"),
    ("DELETE", f"/v1/conversations/{CONVERSATION}"),
    ("GET", f"/v1/conversations/{CONVERSATION}/export"),
    ("GET", f"/v1/answers/{ANSWER}"),
    ("POST", "/v1/feedback"),
    ("POST", "/v1/embed-tokens"),
    ("POST", "/v1/embed-tokens/exchange"),
    ("GET", "/login"),
    ("GET", "/login/callback"),
    ("POST", "/logout"),
    ("GET", "/docs"),
    ("GET", "/"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/viewer.css"),
    ("GET", "/static/none.css"),
    ("GET", "/nothing"),
    ("POST", "/mcp"),
    ("GET", "/v1/ask"),
    ("HEAD", "/v1/documents"),
    ("OPTIONS", "/v1/ask"),
    ("DELETE", "/nothing"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/verse"),
)


def assert_refused(reply: Reply, path: str, code: str) -> str:
    """Hold that a 403 has the shape of its route, and return what it says."""
    if not path.startswith(("/v1/chat/", "/v1/models")):
        return str(assert_problem(reply, 403, code)["detail"])
    assert reply.status == 403
    assert_clean(reply)
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("permission_error", code)
    return str(error["message"])


@pytest.fixture(scope="module")
def public(small_state: Path) -> Iterator[TestClient]:
    """The service under a public name, with one more host and one more origin."""
    settings = settings_for(
        small_state,
        public_url="https://Verse.Example.org/docs",
        allowed_hosts=["localhost", "127.0.0.1", "::1", "inner.example"],
        allowed_origins=["https://portal.example/"],
    )
    with client_of(create_app(settings, port=8000, engine=SmallEngine(small_state))) as client:  # type: ignore[arg-type]
        yield client


def send(client: TestClient, method: str, path: str, **more: Any) -> Reply:
    headers = [*(JSON if method in ("POST", "PATCH", "PUT") else []), *more.pop("headers", [])]
    return raw(client, method, path, headers=headers, body=BODY if method == "POST" else b"", **more)


def test_the_list_of_addresses_is_whole(small: TestClient) -> None:
    described = small.get("/openapi.json").json()["paths"]
    tried = {path.split("?")[0] for _, path in ADDRESSES}
    for path in described:
        for name, value in PLACES.items():
            path = path.replace(name, value)
        assert path in tried, path


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize("host", [None, "evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example"])
def test_a_foreign_host_is_refused_everywhere(
    small: TestClient, method: str, path: str, host: str | None
) -> None:
    reply = send(small, method, path, host=host)
    assert "VERSE_ALLOWED_HOSTS" in assert_refused(reply, path, "host_not_allowed")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", ""])
def test_a_foreign_origin_is_refused_everywhere(
    small: TestClient, method: str, path: str, origin: str
) -> None:
    reply = send(small, method, path, headers=[("origin", origin)])
    assert_refused(reply, path, "origin_not_allowed")
    assert not reply.all("access-control-allow-origin")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_every_response_carries_the_same_protection(small: TestClient, method: str, path: str) -> None:
    reply = send(small, method, path, headers=[("x-request-id", "my-request.1_A")])
    assert reply.status in (200, 204, 307, 400, 404, 405, 406, 409, 422)
    assert_clean(reply)
    assert reply["x-request-id"] == "my-request.1_A"
    kept = {"/static/viewer.css": ["no-cache"], "/static/none.css": []}
    assert reply.all("cache-control") == kept.get(path, ["no-store"])
    assert not reply.all("server")
    assert not any(name.startswith("access-control-") for name, _ in reply.headers)
    if path == "/mcp":
        # Past the guards it speaks its own protocol, and asks for an Accept header.
        assert (reply.status, reply.json()["error"]["code"]) == (406, -32600)
    elif reply.status >= 400 and not path.startswith("/v1/chat/"):
        assert_problem(reply, reply.status, reply.json()["code"])
    # No inline script or style is allowed anywhere, and nothing from elsewhere.
    policy = reply["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "127.0.0.1:1",
        "localhost",
        "LocalHost:8000",
        "[::1]",
        "[::1]:8000",
    ],
)
def test_our_own_names_are_taken(small: TestClient, host: str) -> None:
    assert send(small, "GET", "/healthz", host=host).json() == {"status": "alive"}


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        ":8000",
        "localhost:",
        "localhost:80a",
        "localhost:8000:8000",
        "localhost:999999",
        "localhost.",
        " localhost",
        "localhost/",
        "localhost#",
        "localhost,evil.example",
        "::1",
        "[::1",
        "[::2]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "127.0.0.2",
        "0.0.0.0",
        "lоcalhost".encode().decode("latin-1"),
        "evil.example?localhost",
    ],
)
def test_names_that_only_look_like_ours_are_not(small: TestClient, host: str) -> None:
    assert_problem(send(small, "GET", "/healthz", host=host), 403, "host_not_allowed")


@pytest.mark.parametrize(
    "hosts", [("localhost", "evil.example"), ("evil.example", "localhost"), ("localhost", "localhost")]
)
def test_two_hosts_are_none(small: TestClient, hosts: tuple[str, str]) -> None:
    reply = raw(small, "GET", "/healthz", host=hosts[0], headers=[("host", hosts[1])])
    assert_problem(reply, 403, "host_not_allowed")


def test_an_empty_name_in_the_list_lets_nobody_in(small_state: Path) -> None:
    settings = settings_for(small_state, allowed_hosts=["", "localhost"])
    with client_of(create_app(settings, engine=SmallEngine(small_state))) as client:  # type: ignore[arg-type]
        for host in (None, "", "not a host", "[", "evil.example"):
            assert_problem(send(client, "GET", "/healthz", host=host), 403, "host_not_allowed")


@pytest.mark.parametrize("host", ["verse.example.org", "VERSE.example.org:443", "inner.example:8000"])
def test_configured_names_are_taken(public: TestClient, host: str) -> None:
    assert send(public, "GET", "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://verse.example.org",
        "https://portal.example",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
    ],
)
def test_configured_origins_are_taken(public: TestClient, origin: str) -> None:
    assert send(public, "POST", "/v1/ask", headers=[("origin", origin)]).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://verse.example.org",
        "https://verse.example.org:8443",
        "https://portal.example.evil.example",
        "https://evil.example",
        "null",
    ],
)
def test_origins_that_only_look_like_ours_are_not(public: TestClient, origin: str) -> None:
    reply = send(public, "POST", "/v1/ask", headers=[("origin", origin)])
    assert_problem(reply, 403, "origin_not_allowed")


def test_two_origins_are_none(public: TestClient) -> None:
    pair = [("origin", "https://portal.example"), ("origin", "https://portal.example")]
    assert_problem(send(public, "POST", "/v1/ask", headers=pair), 403, "origin_not_allowed")


def test_no_address_is_built_from_the_host(public: TestClient) -> None:
    for host in ("inner.example:81", "verse.example.org"):
        for path in (
            "/",
            "/docs",
            "/openapi.json",
            "/d/bridge?quote=0-3",
            "/v1/documents",
            "/v1/ask/",
            "/static",
        ):
            reply = send(public, "GET", path, host=host)
            text = reply.body.decode() + str(reply.headers)
            assert "inner.example" not in text, path
            assert "verse.example.org" not in text.replace("https://verse.example.org", "")


# Request ids


@pytest.mark.parametrize("given", ["a", "A-z_0.9", "x" * 64])
def test_a_request_id_is_echoed(small: TestClient, given: str) -> None:
    reply = send(small, "GET", "/nothing", headers=[("x-request-id", given)])
    assert assert_problem(reply, 404, "not_found")["request_id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "x" * 65, "a b", "a\nb", "a\r\nset-cookie: x=1", "<script>", '"', "é", "a,b", "../x", "\x00"],
)
def test_a_hostile_request_id_is_replaced(small: TestClient, given: str) -> None:
    reply = send(small, "GET", "/nothing", headers=[("x-request-id", given.encode("latin-1"))])  # type: ignore[list-item]
    content = assert_problem(reply, 404, "not_found")
    assert content["request_id"].startswith("req_")
    assert len(content["request_id"]) == 28
    assert not reply.all("set-cookie")


def test_two_request_ids_are_replaced_by_one(small: TestClient) -> None:
    reply = send(small, "GET", "/healthz", headers=[("x-request-id", "a"), ("x-request-id", "b")])
    assert reply["x-request-id"].startswith("req_")


def test_every_request_gets_its_own_id(small: TestClient) -> None:
    ids = {send(small, "GET", "/healthz")["x-request-id"] for _ in range(50)}
    assert len(ids) == 50


# Refusals made before the app carry the protection too


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"host": "evil.example"}, 403, "host_not_allowed"),
        ({"headers": [("origin", "null")]}, 403, "origin_not_allowed"),
        ({"headers": [("content-length", "999999999")]}, 413, "too_large"),
        ({"headers": [("content-length", "x")]}, 400, "malformed"),
        ({"headers": [("content-type", "text/plain")]}, 415, "unsupported_type"),
    ],
)
def test_refusals_carry_the_protection(
    small: TestClient, more: dict[str, Any], status: int, code: str
) -> None:
    reply = send(small, "POST", "/v1/ask", **more)
    assert_problem(reply, status, code)
    assert reply["cache-control"] == "no-store"


def test_an_unexpected_failure_carries_the_protection(small_state: Path) -> None:
    engine = SmallEngine(small_state)
    engine.health = None  # type: ignore[assignment,method-assign] # a part that is not there
    with client_of(create_app(settings_for(small_state), engine=engine)) as client:  # type: ignore[arg-type]
        reply = raw(client, "GET", "/readyz")
        assert_problem(reply, 500, "internal_error")
        assert {name for name in SECURITY_HEADERS if reply.all(name)} == set(SECURITY_HEADERS)


# The description of the API


def test_the_description_names_every_route(small: TestClient) -> None:
    described = small.get("/openapi.json").json()
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == {
        ("/v1/ask", "post"),
        ("/v1/search", "post"),
        ("/v1/chat/completions", "post"),
        ("/v1/models", "get"),
        ("/v1/models/{model}", "get"),
        ("/v1/documents", "get"),
        ("/v1/documents/{document_id}", "get"),
        ("/v1/documents/{document_id}/access", "patch"),
        ("/v1/documents", "post"),
        ("/v1/documents/{document_id}", "put"),
        ("/v1/documents/{document_id}", "patch"),
        ("/v1/documents/{document_id}", "delete"),
        ("/v1/jobs", "get"),
        ("/v1/jobs/{job_id}", "get"),
        ("/v1/conversations", "get"),
        ("/v1/conversations/{conversation_id}", "get"),
        ("/v1/conversations/{conversation_id}", "patch"),
        ("/v1/conversations/{conversation_id}", "delete"),
        ("/v1/conversations/{conversation_id}/export", "get"),
        ("/v1/answers/{answer_id}", "get"),
        ("/v1/feedback", "post"),
        ("/v1/embed-tokens", "post"),
        ("/v1/embed-tokens/exchange", "post"),
        ("/d/{document_id}", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
    }
    for path in ("/v1/ask", "/v1/search"):
        responses = described["paths"][path]["post"]["responses"]
        assert {"200", "400", "403", "409", "413", "415", "422", "503", "504"} <= set(responses)
        for status, response in responses.items():
            kind = "application/json" if status == "200" else "application/problem+json"
            assert kind in response["content"], (path, status)
    fields = described["components"]["schemas"]["ProblemOut"]["properties"]
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(fields)


def test_the_page_of_the_description_needs_nothing_from_elsewhere(small: TestClient) -> None:
    import re

    page = small.get("/docs").text
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page)) == {
        "/static/viewer.css",
        "/static/docs.css",
        "/openapi.json",
    }
    for path in ("/static/viewer.css", "/static/docs.css", "/static/viewer.js"):
        content = small.get(path)
        assert content.status_code == 200
        assert "http://" not in content.text.replace("http://www.w3.org", "")
        assert "https://" not in content.text
        assert "@import" not in content.text
    assert "<script" not in page
    for path in small.get("/openapi.json").json()["paths"]:
        assert path in page
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page


def test_health_says_what_serves(small: TestClient) -> None:
    assert raw(small, "GET", "/healthz").json() == {"status": "alive"}
    ready = raw(small, "GET", "/readyz")
    assert ready.status == 200
    content = ready.json()
    assert content["status"] == "ready"
    assert (content["documents"], content["passages"], content["missing"]) == (5, 5, [])
    assert content["degraded"] is True, "the embedder of this test is no OpenVINO"
    record = post(small, "/v1/ask", {"question": "bridge"}).json()
    assert content["index_version"] == record["receipt"]["index_version"]
    assert content["models"] == record["receipt"]["models"]
