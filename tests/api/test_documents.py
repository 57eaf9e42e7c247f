"""`/v1/documents` and `/d/`: any id, any range, every page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.checker import Highlighted, check_document
from tests.api.corpus import DOTTED, PERCENT, ROWS, SLASHED, UNICODE
from tests.api.service import (
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    getter,
    index_rows,
    raw,
    settings_for,
)

IDS = ("bridge", SLASHED, UNICODE, DOTTED, PERCENT)


def encoded(document_id: str) -> str:
    return quote(document_id, safe="")


@pytest.mark.parametrize("document_id", IDS)
def test_a_document_is_found_by_its_encoded_id(small: TestClient, document_id: str) -> None:
    path = encoded(document_id)
    document = check_document(getter(small), document_id, f"/d/{path}")
    assert document["viewer_url"] == f"/d/{path}"
    row = next(row for row in ROWS if row["id"] == document_id)
    assert document["title"] == row["title"]
    assert document["publisher"] == row.get("publisher")
    assert document["published_at"] == row.get("published_at")
    assert document["language"] == row.get("language")
    page = raw(small, "GET", f"/d/{path}")
    assert page.status == 200
    assert_clean(page)
    assert page["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page["content-security-policy"]


def test_slashes_need_no_encoding(small: TestClient) -> None:
    found = raw(small, "GET", f"/v1/documents/{quote(SLASHED, safe='/')}").json()
    assert found["document_id"] == SLASHED


@pytest.mark.parametrize("route", ["/v1/documents/", "/d/"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "%20",
        "Bridge",
        "bridge/",
        "/bridge",
        "bridge%00",
        "bridge%2F..",
        "..",
        "../../etc/passwd%00",
        "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cwindows",
        "etc/passwd",
        "reports/2024",
        "100%252Fsure%252F",
        "%D0%BE%D1%82",
        "%ff%fe",
        "%F0%9F%8C%8A",
        "a" * 10_000,
        "bridge%3Fquote=0-3",
        "*",
        "'%20OR%201=1--",
    ],
)
def test_an_id_that_does_not_exist(small: TestClient, route: str, path: str) -> None:
    content = assert_problem(raw(small, "GET", route + path), 404, "not_found")
    assert content["detail"] == "There is no such document."


def test_what_does_not_exist_is_told_the_same_way_everywhere(small: TestClient) -> None:
    contents = [raw(small, "GET", f"/v1/documents/{path}").json() for path in ("x", encoded("é" * 300))]
    for content in contents:
        del content["request_id"]
    assert contents[0] == contents[1]


# Ranges


@pytest.mark.parametrize("document_id", IDS)
@pytest.mark.parametrize("span", [(0, 1), (4, 17), (3, None), (0, None)])
def test_the_viewer_highlights_exactly_the_range(
    small: TestClient, document_id: str, span: tuple[int, int | None]
) -> None:
    text = raw(small, "GET", f"/v1/documents/{encoded(document_id)}").json()["text"]
    start, end = span[0], span[1] or len(text)
    page = raw(small, "GET", f"/d/{encoded(document_id)}?quote={start}-{end}")
    assert page.status == 200
    shown = Highlighted()
    shown.feed(page.body.decode())
    assert shown.text == text[start:end]


@pytest.mark.parametrize(
    "quoted",
    [
        "0-0",
        "5-5",
        "7-3",
        "0-100000",
        "999999999998-999999999999",
        "0-9999999999999999999999",
        "-1-5",
        "1",
        "1-",
        "-",
        "",
        "a-b",
        "0x1-0x5",
        "1.0-5.0",
        "1%20-%205",
        "%2B1-5",
        "1-5-9",
        "1-5%0A",
        "%D9%A1-%D9%A5",
        "1%E2%80%935",
    ],
)
def test_a_range_that_is_none_is_refused(small: TestClient, quoted: str) -> None:
    assert_problem(raw(small, "GET", f"/d/bridge?quote={quoted}"), 422, "span_outside_document")


def test_a_range_too_long_to_be_one(small: TestClient) -> None:
    assert_problem(raw(small, "GET", f"/d/bridge?quote={'1' * 65}"), 422, "invalid_fields")


def test_a_range_of_a_document_that_does_not_exist_is_not_looked_at(small: TestClient) -> None:
    assert_problem(raw(small, "GET", "/d/none?quote=7-3"), 404, "not_found")


def test_the_page_shows_no_address_but_a_web_address(small: TestClient) -> None:
    for document_id in (SLASHED, PERCENT):
        page = raw(small, "GET", f"/d/{encoded(document_id)}").body.decode()
        assert "javascript:" not in page
        assert "data:text" not in page
    assert 'href="https://press.example/bridge"' in raw(small, "GET", "/d/bridge").body.decode()


# The list


def pages(client: TestClient, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        more = "" if cursor is None else f"&cursor={cursor}"
        reply = raw(client, "GET", f"/v1/documents?limit={limit}{more}")
        assert reply.status == 200
        content = reply.json()
        assert set(content) == {"documents", "next_cursor"}
        assert all("text" not in document for document in content["documents"])
        found.append([document["document_id"] for document in content["documents"]])
        cursor = content["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 500])
def test_pages_hold_every_document_once(small: TestClient, limit: int) -> None:
    found = pages(small, limit)
    assert [document_id for page in found for document_id in page] == list(IDS)
    assert all(len(page) == limit for page in found[:-1])
    assert 1 <= len(found[-1]) <= limit


def test_the_list_says_what_the_documents_say(small: TestClient) -> None:
    for head in raw(small, "GET", "/v1/documents").json()["documents"]:
        document = raw(small, "GET", f"/v1/documents/{encoded(head['document_id'])}").json()
        assert head == {name: document[name] for name in head}


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "1.5", "", "9" * 5000])
def test_a_limit_that_is_none(small: TestClient, limit: str) -> None:
    content = assert_problem(raw(small, "GET", f"/v1/documents?limit={limit}"), 422, "invalid_fields")
    assert content["errors"][0]["path"] == ["query", "limit"]


def _cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        "%00",
        "%FF",
        "é".encode().hex(),
        _cursor("bridge"),
        _cursor(":"),
        _cursor("1:"),
        _cursor(":bridge"),
        _cursor("a:bridge"),
        _cursor("-1:bridge"),
        _cursor("1.5:bridge"),
        _cursor("²:bridge"),
        _cursor("9" * 30 + ":nowhere"),
        _cursor("Infinity:nowhere"),
        _cursor('[1, "bridge"]'),
        base64.urlsafe_b64encode(b"1:\xff").decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("="),
    ],
)
def test_a_cursor_of_somebody_else(small: TestClient, cursor: str) -> None:
    assert_problem(raw(small, "GET", f"/v1/documents?cursor={cursor}"), 422, "question_invalid")


def test_a_cursor_too_long_to_be_one(small: TestClient) -> None:
    assert_problem(raw(small, "GET", f"/v1/documents?cursor={'A' * 2801}"), 422, "invalid_fields")


def test_a_cursor_past_the_end_is_an_empty_page(small: TestClient) -> None:
    found = raw(small, "GET", f"/v1/documents?cursor={_cursor('999999999999:nowhere')}").json()
    assert found == {"documents": [], "next_cursor": None}


@pytest.mark.parametrize("length", [512, 400])
def test_a_cursor_of_our_own_is_never_too_long(tmp_path: Path, length: int) -> None:
    # An id of the longest kind, in characters that take the most room.
    ids = [char * length for char in ("\U0001f30a", "я", '"')]
    index_rows(
        tmp_path, [{"id": i, "text": f"The ferry number {n} sails at dawn."} for n, i in enumerate(ids)]
    )
    state = tmp_path / "state"
    with client_of(create_app(settings_for(state), engine=SmallEngine(state))) as client:  # type: ignore[arg-type]
        assert pages(client, 1) == [[i] for i in ids]


# A new generation between two pages


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[TestClient, SmallEngine, Path]]:
    index_rows(tmp_path, _numbered(range(6)))
    engine = SmallEngine(tmp_path / "state")
    with client_of(create_app(settings_for(tmp_path / "state"), engine=engine)) as client:  # type: ignore[arg-type]
        yield client, engine, tmp_path


def _numbered(numbers: range | list[int]) -> list[dict[str, str]]:
    return [{"id": f"d{n}", "text": f"Ferry number {n} sails at dawn from pier {n * 7}."} for n in numbers]


@pytest.mark.parametrize(
    ("left", "rest"), [([0, 1, 3, 4, 5], ["d3", "d4", "d5"]), ([2, 3, 4, 5, 6], ["d3", "d4", "d5", "d6"])]
)
def test_a_cursor_holds_through_a_new_generation(
    changing: tuple[TestClient, SmallEngine, Path], left: list[int], rest: list[str]
) -> None:
    client, engine, folder = changing
    first = raw(client, "GET", "/v1/documents?limit=3").json()
    assert [d["document_id"] for d in first["documents"]] == ["d0", "d1", "d2"]
    index_rows(folder, _numbered(left), prune=True)
    assert engine.refresh()
    found = raw(client, "GET", f"/v1/documents?limit=50&cursor={first['next_cursor']}").json()
    assert [d["document_id"] for d in found["documents"]] == rest
