"""The shell of the page to chat on, the plain pages beside it, and their files."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote as percent_encoded

import pytest
from starlette.testclient import TestClient

from api import assets
from api.app import create_app
from api.chat_page import render_answer_page, render_chat_page
from api.schemas import AnswerOut
from tests.api.scripted_chat import citation, document, record
from tests.api.service import SmallEngine, assert_clean, client_of, raw, settings_for

WEB = assets.FOLDER
ELEMENT = WEB / "element"


class Page(HTMLParser):
    """A page as a browser reads it: tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def silent(small_state: Path) -> Iterator[TestClient]:
    """The service with models that answer nothing."""
    engine = SmallEngine(small_state, always=False)
    with client_of(create_app(settings_for(small_state), engine=engine)) as client:  # type: ignore[arg-type]
        yield client


def plain(client: TestClient, question: str) -> tuple[int, Page]:
    reply = raw(client, "GET", f"/answer?question={percent_encoded(question)}")
    assert_clean(reply)
    return reply.status, Page(reply.body.decode())


def test_the_page_asks_nobody_else_and_runs_no_inline_code(small: TestClient) -> None:
    reply = raw(small, "GET", "/")
    assert reply.status == 200
    assert_clean(reply)
    assert reply["cache-control"] == "no-store"
    assert "unsafe" not in reply["content-security-policy"]
    for part in (
        "connect-src 'self'",
        "script-src 'self'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
    ):
        assert part in reply["content-security-policy"]
    page = Page(reply.body.decode())
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "link", "script", "body", "chapter-verse", "main", "h1", "form", "label",
        "textarea", "button", "footer", "a",
    }  # fmt: skip
    assert not [
        name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"
    ]
    addresses = [*page.values("src"), *page.values("href"), *page.values("action")]
    assert len(addresses) == 6
    assert all(re.match(r"/[a-z]", address) for address in addresses)


def test_files_are_kept_for_good_by_their_hash_and_asked_for_again_without(small: TestClient) -> None:
    for address in Page(render_chat_page()).values("src") + Page(render_chat_page()).values("href"):
        if not address.startswith("/static/"):
            continue
        name = address.removeprefix("/static/").partition("?")[0]
        content = (WEB / name).read_bytes()
        assert address == f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:16]}"
        kept = raw(small, "GET", address)
        assert (kept.status, kept.body) == (200, content)
        assert kept["cache-control"] == "public, max-age=31536000, immutable"
        for stale in (f"/static/{name}", f"/static/{name}?v=0123456789abcdef", f"{address}&v=0"):
            reply = raw(small, "GET", stale)
            assert (reply.status, reply["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["element/package.json", "element/src/client.ts", "element", "element%2Fpackage.json", "."]
)
def test_sources_are_not_served(path: str, small: TestClient) -> None:
    assert raw(small, "GET", f"/static/{path}").status == 404


def test_the_built_file_is_that_of_the_sources() -> None:
    """As `vite.config.ts` makes it: a change of the sources without a build fails here, without npm."""
    files = [ELEMENT / name for name in ("package.json", "tsconfig.json", "vite.config.ts")]
    files += [path for path in (ELEMENT / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(ELEMENT).as_posix(), path) for path in files):
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    built = (WEB / "chapter-verse.js").read_text(encoding="utf-8")
    assert built.startswith(
        f"/*! <chapter-verse>, built from api/web/element; sources sha256 {digest.hexdigest()};"
    )


def test_the_built_file_names_no_address_and_makes_no_code() -> None:
    built = (WEB / "chapter-verse.js").read_text(encoding="utf-8")
    code = built.partition("*/")[2]
    # Namespaces of SVG and MathML, and a base for addresses outside of a page: nothing is fetched from them.
    found = set(re.findall(r"https?://[^\s\"'`)\\$]+", code))
    assert found <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1998/Math/MathML",
        "http://page.invalid",
    }
    for maker in ("eval(", "new Function", "document.write", "insertAdjacentHTML", "outerHTML"):
        assert maker not in code
    assert "unsafeHTML" not in "".join(path.read_text() for path in (ELEMENT / "src").rglob("*.ts"))
    assert code.count("http://page.invalid") == 1
    licences = (WEB / "chapter-verse.licences.txt").read_text(encoding="utf-8")
    assert "chapter-verse.licences.txt" in built.partition("*/")[0]
    assert "BSD 3-Clause" in licences
    assert "MIT License" in licences


def test_the_script_is_small_enough_to_be_on_every_page() -> None:
    """What a portal's page loads, at the level at which servers compress."""
    assert len(gzip.compress((WEB / "chapter-verse.js").read_bytes(), 6, mtime=0)) <= 30_000


def test_versions_for_the_build_are_exact() -> None:
    for path in (ELEMENT / "package.json", ELEMENT / "package-lock.json"):
        assert "registry" not in path.read_text()
    wanted = re.findall(
        r'"([^"]+)": "([^"]+)"', (ELEMENT / "package.json").read_text().partition("devDependencies")[2]
    )
    assert [name for name, version in wanted if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert len(wanted) == 4


def test_a_question_is_answered_without_scripts(small: TestClient) -> None:
    status, page = plain(small, "Who refused every honour at the Aldergate bridge?")
    assert status == 200
    assert "Ottoline Graves" in page.text
    assert "script" not in {tag for tag, _ in page.tags}
    markers = [href for href in page.values("href") if href.startswith("/d/")]
    assert markers
    for href in markers:
        assert raw(small, "GET", href).status == 200


def test_an_abstention_without_scripts_says_why(silent: TestClient) -> None:
    status, page = plain(silent, "Who refused every honour?")
    assert status == 200
    assert "The sources do not say." in page.text
    assert "Why was nothing found?" in page.text
    assert "Sources" not in page.text


@pytest.mark.parametrize(
    ("question", "status"),
    [("", 200), ("   ", 200), ("x" * 2001, 422), ("\x00?", 422), ("🌊" * 2001, 422), ("🌊" * 9000, 414)],
)
def test_bad_questions_get_a_page_or_a_problem_and_no_answer(
    question: str, status: int, small: TestClient
) -> None:
    reply = raw(small, "GET", f"/answer?question={percent_encoded(question)}")
    assert reply.status == status
    assert_clean(reply)
    assert "Sources" not in reply.body.decode()


def test_what_is_asked_and_quoted_is_text(small: TestClient) -> None:
    hostile = '</textarea></title><script>alert(1)</script>" onfocus=alert(1) x="&amp;'
    _, page = plain(small, hostile)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.text.count(hostile) == 3  # title, box and heading

    source = document(
        'd"<1>', "<b>title</b>", "<img src=x> [1] & 'quote'", publisher="<i>P</i>", published_at="2024-03-01"
    )
    quoted = citation(source, source["text"], 1)
    found = AnswerOut.model_validate(
        record(
            "?",
            "<img src=x> & 'quote' [1] and [2]",
            [quoted],
            status="partial",
            missing=["<u>this</u>"],
            disagreements=[{"about": "<s>it</s>", "sides": [{"value": "<q>1</q>", "citations": [1]}]}],
        )
    )
    page = Page(render_answer_page("?", found))
    assert not {"img", "b", "i", "u", "s", "q"} & {tag for tag, _ in page.tags}
    for words in (
        "<img src=x> & 'quote' [1] and [2]",
        "<b>title</b>",
        "<i>P</i>",
        "1 March 2024",
        "<u>this</u>",
        "<s>it</s>",
        "<q>1</q> [1]",
    ):
        assert words in page.text
    assert [href for href in page.values("href") if href.startswith("/d/")] == [quoted["viewer_url"]] * 3
