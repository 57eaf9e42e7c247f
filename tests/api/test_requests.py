"""Requests that cannot be taken: each gets its status and code, and nothing breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.api.service import assert_clean, assert_problem, post, raw

JSON = [("content-type", "application/json")]
LIMIT = 262_144


@pytest.mark.parametrize("route", [("/v1/ask", "question"), ("/v1/search", "query")])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\t\r\n\u00a0\u2003\u3000",
        "x" * 2001,
        "🌊" * 2001,
        "a\x00b",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\ufffeb",
    ],
)
def test_a_question_that_is_none(small: TestClient, route: tuple[str, str], text: str) -> None:
    path, field = route
    content = assert_problem(post(small, path, {field: text}), 422, "invalid_fields")
    assert content["errors"][0]["path"] == ["body", field]
    assert len(content["detail"]) < 400


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2000,
        "  " + "🌊" * 2000 + "\n",
        "a\tb\nc\r\nd",
        # 2,000 characters once composed; the limit is on what is asked, not on how it was typed.
        "e\u0301" * 2000,
        "\u202eright to left\u202c",
        "?",
        "[1] [2]",
        "<script>alert(1)</script>",
        "'; DROP TABLE documents; --",
        'title:* AND ( "unclosed',
    ],
)
def test_a_question_that_is_unusual(small: TestClient, text: str) -> None:
    for path, field in (("/v1/ask", "question"), ("/v1/search", "query")):
        reply = post(small, path, {field: text})
        assert reply.status == 200, reply.body
        assert_clean(reply)


# Fields


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["question"]),
        ({"question": None}, ["question"]),
        ({"question": 7}, ["question"]),
        ({"question": ["x"]}, ["question"]),
        ({"question": "x", "max_citations": "5"}, ["max_citations"]),
        ({"question": "x", "max_citations": True}, ["max_citations"]),
        ({"question": "x", "max_citations": 5.0}, ["max_citations"]),
        ({"question": "x", "max_citations": None}, ["max_citations"]),
        ({"question": "x", "max_citations": 10**40}, ["max_citations"]),
        ({"question": "x", "mode": "fast"}, ["mode"]),
        ({"question": "x", "mode": 1}, ["mode"]),
        ({"question": "x", "history": "before"}, ["history"]),
        ({"question": "x", "history": None}, ["history"]),
        ({"question": "x", "history": ["before"]}, ["history", "0"]),
        ({"question": "x", "history": [{"role": "system", "content": "y"}]}, ["history", "0", "role"]),
        ({"question": "x", "history": [{"role": "user"}]}, ["history", "0", "content"]),
        ({"question": "x", "history": [{"role": "user", "content": 3}]}, ["history", "0", "content"]),
        (
            {"question": "x", "history": [{"role": "user", "content": "y" * 20_001}]},
            ["history", "0", "content"],
        ),
        ({"question": "x", "filters": []}, ["filters"]),
        ({"question": "x", "filters": {"document_ids": "bridge"}}, ["filters", "document_ids"]),
        ({"question": "x", "filters": {"document_ids": []}}, ["filters", "document_ids"]),
        ({"question": "x", "filters": {"document_ids": [""]}}, ["filters", "document_ids", "0"]),
        ({"question": "x", "filters": {"document_ids": [1]}}, ["filters", "document_ids", "0"]),
        ({"question": "x", "filters": {"publishers": ["y" * 513]}}, ["filters", "publishers", "0"]),
        ({"question": "x", "filters": {"published_from": "yesterday"}}, ["filters", "published_from"]),
        ({"question": "x", "filters": {"published_to": "2024-02-30"}}, ["filters", "published_to"]),
        ({"question": "x", "filters": {"published_to": ""}}, ["filters", "published_to"]),
        ({"question": "x", "filters": {"published_to": 20240230}}, ["filters", "published_to"]),
        # Unknown fields, at every level.
        ({"question": "x", "stream": True}, ["stream"]),
        ({"question": "x", "filters": {"author": ["y"]}}, ["filters", "author"]),
        (
            {"question": "x", "history": [{"role": "user", "content": "y", "name": "z"}]},
            ["history", "0", "name"],
        ),
        # What no UTF-8 can carry, in every kind of place.
        ({"question": "\ud800"}, ["question"]),
        ({"question": "x", "mode": "\udfff"}, ["mode"]),
        ({"question": "x", "history": [{"role": "user", "content": "a\ud83d"}]}, ["history", "0", "content"]),
        ({"question": "x", "filters": {"document_ids": ["\udc80"]}}, ["filters", "document_ids", "0"]),
        ({"question": "x", "filters": {"publishers": ["\udc80"]}}, ["filters", "publishers", "0"]),
        ({"question": "x", "filters": {"published_from": "\udc80"}}, ["filters", "published_from"]),
        ({"question": "x", "\ud800": 1}, []),
        ({"question": "x", "filters": {"\udfff": 1}}, ["filters"]),
    ],
)
def test_a_wrong_field_is_named_by_its_path(small: TestClient, body: dict[str, Any], path: list[str]) -> None:
    content = assert_problem(post(small, "/v1/ask", body), 422, "invalid_fields")
    assert [error["path"] for error in content["errors"]] == [["body", *path]]
    assert content["errors"][0]["message"]


@pytest.mark.parametrize("value", ["text", 7, [], [1, 2], None, True])
def test_a_body_that_is_no_object(small: TestClient, value: Any) -> None:
    content = assert_problem(post(small, "/v1/ask", value), 422, "invalid_fields")
    assert content["errors"][0]["path"] == ["body"]


def test_many_wrong_fields_are_not_all_told(small: TestClient) -> None:
    body = {"question": "x"} | {f"unknown_{n}" * 40: n for n in range(200)}
    content = assert_problem(post(small, "/v1/ask", body), 422, "invalid_fields")
    assert len(content["errors"]) == 20
    assert len(content["detail"]) < 600


# Bodies


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"question": "x",}', 400),
        (b"question=x", 400),
        (b'{"question": "x"} {}', 400),
        (b"[" * 100_000, 400),
        (b'{"question": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"filters":' * 20_000, 400),
        (b'{"question": "\xff\xfe"}', 400),
        (b'{"question": "\xd0"}', 400),
        (b"\x00\x01\x02", 400),
        (b'{"question": "a\nb"}', 400),
        (b'{"question": "x", "max_citations": ' + b"9" * 5000 + b"}", 400),
        (b"", 422),
        # json.loads takes these three; no field does.
        (b'{"question": "x", "max_citations": NaN}', 422),
        (b'{"question": "x", "max_citations": Infinity}', 422),
        (b'{"question": NaN}', 422),
        (b'{"question": "\xed\xa0\x80"}', 422),
    ],
)
def test_a_body_that_cannot_be_read(small: TestClient, body: bytes, status: int) -> None:
    for path in ("/v1/ask", "/v1/search"):
        assert_problem(post(small, path, body), status, {400: "malformed", 422: "invalid_fields"}[status])


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
    ],
)
def test_a_type_other_than_json(small: TestClient, media_type: str | None) -> None:
    headers = [] if media_type is None else [("content-type", media_type)]
    body = b'{"question": "Who built the bridge?"}'
    assert_problem(raw(small, "POST", "/v1/ask", headers=headers, body=body), 415, "unsupported_type")


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
def test_json_however_it_is_written(small: TestClient, media_type: str) -> None:
    body = b'{"question": "Who built the bridge?"}'
    assert raw(small, "POST", "/v1/ask", headers=[("content-type", media_type)], body=body).status == 200


def _padded(length: int) -> bytes:
    start = b'{"question": "Who built the bridge?"'
    return start + b" " * (length - len(start) - 1) + b"}"


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_up_to_the_limit_is_read(small: TestClient, declared: bool) -> None:
    headers = JSON + ([("content-length", str(LIMIT))] if declared else [])
    reply = raw(small, "POST", "/v1/ask", headers=headers, body=_padded(LIMIT))
    assert reply.status == 200


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search"])
@pytest.mark.parametrize("declared", [str(LIMIT + 1), "10", None, "9" * 400])
def test_a_body_over_the_limit_is_refused(small: TestClient, path: str, declared: str | None) -> None:
    headers = JSON + ([("content-length", declared)] if declared else [])
    body = _padded(LIMIT + 1)
    pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]
    content = assert_problem(raw(small, "POST", path, headers=headers, body=pieces), 413, "too_large")
    assert str(LIMIT) in content["detail"]


@pytest.mark.parametrize("length", ["-1", "many", "1, 1", "0x10", "²", "", " "])
def test_a_length_that_is_no_number(small: TestClient, length: str) -> None:
    reply = raw(small, "POST", "/v1/ask", headers=[*JSON, ("content-length", length)], body=b"{}")
    assert_problem(reply, 400, "malformed")


def test_a_length_longer_than_python_reads_as_a_number(small: TestClient) -> None:
    reply = raw(small, "POST", "/v1/ask", headers=[*JSON, ("content-length", "9" * 5000)], body=b"{}")
    assert_problem(reply, 413, "too_large")


# Addresses and methods


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1",
        "/v1/",
        "/v2/ask",
        "/static/none.css",
        "/static/",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/v1/ask/",
        "/%00",
    ],
)
def test_an_address_that_does_not_exist(small: TestClient, path: str) -> None:
    assert_problem(raw(small, "GET", path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/ask"),
        ("PUT", "/v1/ask"),
        ("DELETE", "/v1/documents"),
        ("OPTIONS", "/v1/ask"),
        ("PATCH", "/v1/search"),
        ("BREW", "/readyz"),
        ("PUT", "/static/viewer.css"),
    ],
)
def test_a_method_that_is_not_taken(small: TestClient, method: str, path: str) -> None:
    assert_problem(raw(small, method, path), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/v1/models", "GET"), ("/v1/documents/bridge", "DELETE, GET, PATCH, PUT")],
)
def test_a_refused_method_comes_with_those_that_are_taken(small: TestClient, path: str, methods: str) -> None:
    reply = post(small, path, {})
    assert reply.status == 405
    assert reply["allow"] == methods


# Anything at all

_hostile_text = st.text(
    st.characters() | st.sampled_from("\x00\ud800\udfff\u202e\ufeff🌊\u0301[]"), max_size=12
) | st.sampled_from(["bridge", "2024-01-01", "user"])
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _hostile_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_hostile_text, inner, max_size=3),
    max_leaves=6,
)
_filters = st.dictionaries(
    st.sampled_from(["document_ids", "publishers", "languages", "published_from", "published_to"])
    | _hostile_text,
    _any_json | st.lists(_hostile_text, max_size=2) | st.dates().map(str),
    max_size=3,
)
_turn = (
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _hostile_text})
    | _any_json
)
_nearly_right = st.fixed_dictionaries(
    {},
    optional={
        "question": _hostile_text | _any_json,
        "query": _hostile_text | _any_json,
        "history": st.lists(_turn, max_size=3) | _any_json,
        "filters": _filters | _any_json,
        "max_citations": st.integers(-1, 25) | _any_json,
        "k": st.integers(-1, 110) | _any_json,
        "mode": st.sampled_from(["auto", "extractive", "generative"]) | _any_json,
    },
)
_well_formed = st.fixed_dictionaries(
    {"question": st.text(min_size=1, max_size=60)},
    optional={
        "history": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant"]), "content": st.text(max_size=40)}
            ),
            max_size=3,
        ),
        "filters": st.fixed_dictionaries(
            {},
            optional={
                "published_from": st.datetimes().map(lambda d: d.isoformat()),
                "languages": st.lists(st.sampled_from(["en", "ru", "xx"]), min_size=1),
            },
        ),
        "max_citations": st.integers(1, 20),
    },
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=_nearly_right | _any_json | _well_formed, path=st.sampled_from(["/v1/ask", "/v1/search"]))
@example(body={"question": "x", "\ud800\x00": {"\udfff": "\ud800"}}, path="/v1/ask")
@example(body={"question": "\u0130\u0307" * 900}, path="/v1/ask")
def test_no_json_breaks_the_service(small: TestClient, body: Any, path: str) -> None:
    reply = post(small, path, json.dumps(body).encode())
    assert reply.status in {200, 400, 409, 413, 415, 422, 503, 504}, reply.body
    if reply.status == 200:
        assert_clean(reply)
    else:
        assert_problem(reply, reply.status, reply.json()["code"])


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=80))
def test_no_bytes_break_the_service(small: TestClient, body: bytes) -> None:
    assert post(small, "/v1/ask", body).status in {200, 400, 422}
