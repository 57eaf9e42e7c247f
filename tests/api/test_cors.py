"""Which other sites' pages may call, from a browser: the listed ones, and what is theirs to call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from api.app import create_app
from api.guards import Guards
from tests.api.service import Reply, SmallEngine, client_of, raw, settings_for

PORTAL = "https://portal.example"
ORIGINS = (
    PORTAL,
    "http://portal.example",
    "https://portal.example:8443",
    "https://evil.portal.example",
    "https://portal.example.evil.example",
    "https://portal.exampl",
    "null",
    "https://evil.example",
)
BODY = b'{"question": "Who built the bridge?"}'
CALLS = (
    ("POST", "/v1/ask", BODY),
    ("POST", "/v1/search", b'{"query": "bridge"}'),
    ("POST", "/v1/chat/completions", b'{"model":"verse","messages":[{"role":"user","content":"bridge?"}]}'),
    ("GET", "/v1/documents", b""),
    ("GET", "/v1/documents/bridge", b""),
    ("GET", "/v1/conversations", b""),
)


@pytest.fixture(scope="module")
def portal(small_state: Path) -> Iterator[TestClient]:
    settings = settings_for(
        small_state,
        public_url="https://verse.example",
        allowed_hosts=["127.0.0.1"],
        allowed_origins=[PORTAL + "/"],
    )
    with client_of(create_app(settings, port=8000, engine=SmallEngine(small_state))) as client:  # type: ignore[arg-type]
        yield client


def call(client: TestClient, method: str, path: str, body: bytes, origin: str | None) -> Reply:
    headers = [("content-type", "application/json")] if body else []
    if origin is not None:
        headers.append(("origin", origin))
    return raw(client, method, path, headers=headers, body=body)


def preflight(client: TestClient, path: str, origin: str, method: str = "POST", ask: str = "") -> Reply:
    headers = [("origin", origin), ("access-control-request-method", method)]
    if ask:
        headers.append(("access-control-request-headers", ask))
    return raw(client, "OPTIONS", path, headers=headers)


def cors_of(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers if name.startswith("access-control-")}


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_only_the_listed_origin_passes(
    portal: TestClient, origin: str, method: str, path: str, body: bytes
) -> None:
    before, reply = preflight(portal, path, origin, method), call(portal, method, path, body, origin)
    assert reply["vary"] == before["vary"] == "Origin"
    if origin == PORTAL:
        assert (before.status, before.body) == (204, b"")
        assert cors_of(before) == {
            "access-control-allow-origin": PORTAL,
            "access-control-allow-methods": "GET, POST, PATCH, DELETE",
            "access-control-allow-headers": "Authorization, Content-Type, Accept",
            "access-control-max-age": "600",
            "access-control-expose-headers": "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
        }
        assert reply.status == 200
        assert cors_of(reply) == {
            "access-control-allow-origin": PORTAL,
            "access-control-expose-headers": "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
        }
    else:
        for refused in (before, reply):
            assert refused.status == 403
            assert cors_of(refused) == {}
            assert b"origin_not_allowed" in refused.body
            assert b"bridge" not in refused.body


def test_a_page_of_ours_needs_no_such_headers(portal: TestClient) -> None:
    for origin in ("https://verse.example", "http://127.0.0.1:8000", None):
        reply = call(portal, "POST", "/v1/ask", BODY, origin)
        assert (reply.status, reply["vary"], cors_of(reply)) == (200, "Origin", {})


def test_an_error_can_be_read_by_the_portal(portal: TestClient) -> None:
    for method, path, body, status in (
        ("POST", "/v1/ask", b"{", 400),
        ("POST", "/v1/ask", b"{}", 422),
        ("GET", "/v1/documents/none", b"", 404),
        ("POST", "/v1/models", b"{}", 405),
    ):
        reply = call(portal, method, path, body, PORTAL)
        assert (reply.status, reply["access-control-allow-origin"]) == (status, PORTAL)


@pytest.mark.parametrize("path", ["/", "/d/bridge", "/answer", "/docs", "/readyz", "/mcp", "/openapi.json"])
def test_what_is_not_for_portals_is_shown_to_none(portal: TestClient, path: str) -> None:
    for reply in (call(portal, "GET", path, b"", PORTAL), preflight(portal, path, PORTAL, "GET")):
        assert cors_of(reply) == {}, reply.status


def test_no_wildcard_and_no_credentials_ever(portal: TestClient) -> None:
    for origin in (*ORIGINS, "*", f"{PORTAL}, {PORTAL}", PORTAL.upper()):
        for reply in (
            call(portal, "GET", "/v1/models", b"", origin),
            preflight(portal, "/v1/ask", origin, "DELETE", "cookie, x-anything"),
        ):
            found = cors_of(reply)
            assert "access-control-allow-credentials" not in found
            assert "*" not in found.values()
            assert "x-anything" not in str(found)


def test_options_that_is_no_preflight_is_answered_as_before(portal: TestClient) -> None:
    reply = raw(portal, "OPTIONS", "/v1/ask", headers=[("origin", PORTAL)])
    assert (reply.status, reply["allow"]) == (405, "POST")
    # Without an origin nobody asks for a browser.
    reply = raw(portal, "OPTIONS", "/v1/ask", headers=[("access-control-request-method", "POST")])
    assert (reply.status, cors_of(reply)) == (405, {})


def test_the_element_can_be_loaded_by_portals_and_nothing_else_can(
    portal: TestClient, small: TestClient
) -> None:
    policy = "cross-origin-resource-policy"
    # A script tag names no origin: with portals listed the file is for everybody, and holds no secret.
    assert call(portal, "GET", "/static/chapter-verse.js", b"", None)[policy] == "cross-origin"
    assert call(portal, "GET", "/static/chapter-verse.js", b"", PORTAL)[policy] == "cross-origin"
    for path in ("/static/viewer.css", "/static/viewer.js", "/v1/documents", "/d/bridge", "/", "/docs"):
        assert call(portal, "GET", path, b"", None)[policy] == "same-origin", path
    # Without portals in the configuration it is our own pages' alone.
    assert call(small, "GET", "/static/chapter-verse.js", b"", None)[policy] == "same-origin"
    # A module script is fetched with CORS.
    module = call(portal, "GET", "/static/chapter-verse.js", b"", PORTAL)
    assert module["access-control-allow-origin"] == PORTAL


def test_the_browser_is_told_to_insist_on_tls_only_where_there_is_tls(
    portal: TestClient, small: TestClient
) -> None:
    for path in ("/", "/healthz", "/v1/documents", "/nothing", "/static/viewer.css"):
        assert call(portal, "GET", path, b"", None)["strict-transport-security"] == "max-age=31536000"
        assert call(small, "GET", path, b"", None).all("strict-transport-security") == []
    assert call(portal, "GET", "/", b"", "https://evil.example")["strict-transport-security"]


# What a route may say of its own page


def saying(policy: str) -> TestClient:
    async def page(_request: Request) -> Response:
        headers = {
            "content-security-policy": policy,
            "x-content-type-options": "none",
            "vary": "Cookie",
            "cache-control": "public",
            "cross-origin-resource-policy": "cross-origin",
        }
        response = PlainTextResponse("page", headers=headers)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    routes = [Route(path, page) for path in ("/embed", "/embed/other", "/d/x", "/", "/v1/x")]
    guards = Guards(
        Starlette(routes=routes), hosts=["127.0.0.1"], origins=[], portals=[PORTAL], max_body_bytes=1024
    )
    return client_of(guards)


def test_only_the_frame_s_page_says_who_may_frame_it() -> None:
    policy = f"default-src 'none'; script-src 'self'; frame-ancestors {PORTAL}"
    with saying(policy) as client:
        for path in ("/embed", "/embed/other", "/d/x", "/", "/v1/x"):
            reply = raw(client, "GET", path)
            assert reply.status == 200
            assert (reply["content-security-policy"] == policy) == (path == "/embed"), path
            assert reply["x-content-type-options"] == "nosniff"
            assert reply["cache-control"] == "no-store"
            assert reply["cross-origin-resource-policy"] == "same-origin"
            assert [value.split(";")[0] for value in reply.all("set-cookie")] == ["a=1", "b=2"]
            assert reply.all("vary") == (["Cookie", "Origin"] if path == "/v1/x" else ["Cookie"])


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "default-src 'none'",
        "frame-ancestors *",
        "script-src 'unsafe-inline'; frame-ancestors 'none'",
        "script-src 'unsafe-eval'; frame-ancestors https://portal.example",
        "frame-ancestors https://*.example",
    ],
)
def test_a_page_s_own_policy_that_is_not_strict_is_overwritten(policy: str) -> None:
    with saying(policy) as client:
        assert raw(client, "GET", "/embed")["content-security-policy"] == (
            "default-src 'none'; frame-ancestors 'none'"
        )
