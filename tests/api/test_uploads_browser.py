"""The page to add documents on, in a real browser: choosing, dropping, keys alone, phone, no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from starlette.types import ASGIApp

from api.app import create_app
from index.state import StateFolder
from tests.api.browser import served, visiting
from tests.api.service import SmallEngine, index_rows, settings_for

FILES = Path(__file__).parents[1] / "data" / "documents"
pytestmark = pytest.mark.browser
LIGHT = b"# The lighthouse of Lindow\n\nIt was painted for Ben Cole in 1901. It is white.\n"
ROW = {"id": "mint", "title": "The mint", "publisher": "Aldergate Press", "published_at": "2024-03-01", "text": "The mint was sold in 1841."}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[str]:
    index_rows(tmp_path, [ROW])
    state = tmp_path / "state"

    def make(port: int) -> ASGIApp:
        return create_app(settings_for(state), engine=SmallEngine(state), port=port)  # type: ignore[arg-type]

    with served(make) as address:
        yield address


def test_documents_are_added_seen_and_deleted(browser: Browser, home: str) -> None:
    with visiting(browser, home) as visit:
        page = visit.page
        page.goto(home + "/documents")
        visit.shot("documents-empty")
        page.locator("#files").set_input_files(
            [
                {"name": "light.md", "mimeType": "text/markdown", "buffer": LIGHT},
                {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""},
            ]
        )
        sent = page.locator("#sent > li")
        expect(sent.filter(has_text="The lighthouse of Lindow")).to_contain_text(
            "can be found · added · 78 characters"
        )
        expect(sent.filter(has_text="empty.txt")).to_contain_text("is empty")
        there = page.locator("#documents > li")
        expect(there).to_have_count(2)
        visit.shot("documents-sent")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        # Deleting asks once more; Escape keeps.
        line = there.filter(has_text="The lighthouse of Lindow")
        line.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("button", name="Keep")).to_be_focused()
        visit.shot("documents-sure")
        page.keyboard.press("Escape")
        expect(there).to_have_count(2)
        line.get_by_role("button", name="Delete").press("Enter")
        page.get_by_role("button", name="Yes, delete").click()
        expect(there).to_have_count(1)
        expect(page.locator("#status")).to_have_text("The lighthouse of Lindow was deleted")
        page.reload()
        expect(there).to_have_count(1)


def test_many_files_are_sent_while_the_index_is_busy(browser: Browser, home: str, tmp_path: Path) -> None:
    names = [f"text{n}.txt" for n in range(9)]
    with visiting(browser, home) as visit:
        page = visit.page
        page.goto(home + "/documents")
        sent = page.locator("#sent > li")
        with StateFolder(tmp_path / "state").writing():
            page.locator("#files").set_input_files(
                [
                    {"name": name, "mimeType": "text/plain", "buffer": f"Text {name} of nine.".encode()}
                    for name in names
                ]
            )
            expect(sent).to_have_count(9)
            expect(sent.filter(has_text="is being sent")).to_have_count(0)
            expect(sent.filter(has_text="waits to be sent")).to_have_count(0)
            # The service still answers this browser.
            assert page.evaluate("fetch('/healthz').then(reply => reply.status)") == 200
        expect(sent.filter(has_text="can be found")).to_have_count(9)


def test_files_can_be_dropped(browser: Browser, home: str) -> None:
    with visiting(browser, home) as visit:
        page = visit.page
        page.goto(home + "/documents")
        data = page.evaluate_handle(
            "() => { const found = new DataTransfer();"
            " found.items.add(new File(['The ferry of Marsham is long.'], 'ferry.txt', {type: 'text/plain'}));"
            " return found; }"
        )
        page.locator("#add").dispatch_event("drop", {"dataTransfer": data})
        expect(page.locator("#sent > li")).to_contain_text("can be found")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, home: str, scheme: str) -> None:
    with visiting(browser, home, viewport={"width": 360, "height": 740}, color_scheme=scheme) as visit:
        page = visit.page
        page.goto(home + "/documents")
        name = "a-very-long-name-of-a-file-" * 6 + ".txt"
        page.locator("#files").set_input_files([{"name": name, "mimeType": "text/plain", "buffer": LIGHT}])
        expect(page.locator("#sent > li")).to_contain_text("can be found")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        visit.shot(f"documents-phone-{scheme}")
        page.goto(home + "/")
        expect(page.locator('a[href="/documents"]')).to_have_count(1)


def test_it_works_without_scripts(browser: Browser, home: str) -> None:
    with visiting(browser, home, java_script_enabled=False) as visit:
        page = visit.page
        page.goto(home + "/documents")
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        page.locator("#files").set_input_files(
            [{"name": "light.md", "mimeType": "text/markdown", "buffer": LIGHT}]
        )
        page.get_by_role("button", name="Add").click()
        expect(page.locator("h1")).to_have_text("Documents: can be found", timeout=15_000)
        visit.shot("documents-plain-job")
        page.get_by_role("link", name="The lighthouse of Lindow").click()
        expect(page.locator("#document-text")).to_contain_text("painted for Ben Cole")


def test_a_pdf_a_word_file_and_a_page_are_added_and_opened_at_a_quote(browser: Browser, home: str) -> None:
    files = [FILES / name for name in ("annals-paged.pdf", "annals-writer.docx", "annals-site.html")]
    with visiting(browser, home) as visit:
        page = visit.page
        page.goto(home + "/documents")
        page.locator("#files").set_input_files([str(path) for path in files])
        for path in files:
            expect(
                page.locator(f"#sent a[href^='/d/{path.name}']").locator("xpath=ancestor::li")
            ).to_contain_text("can be found")
        visit.shot("documents-kinds")
        for path in files:
            document = page.request.get(f"{home}/v1/documents/{path.name}").json()
            text = document["text"]
            # The last whole sentence of some length.
            start = max(m.start() for m in re.finditer(r"(?<=[.!?]\s)[A-Z][^.!?\n]{30,}[.!?]", text))
            end = start + len(re.match(r"[^.!?\n]+[.!?]", text[start:])[0])  # type: ignore[index]
            page.goto(f"{home}{document['viewer_url']}?quote={start}-{end}")
            marks = page.locator("mark")
            expect(marks.first).to_be_in_viewport()
            shown = " ".join(" ".join(marks.all_inner_texts()).split())
            assert shown == " ".join(text[start:end].split())
            if path.suffix == ".pdf":
                number = next(
                    p["number"]
                    for p in document["pages"]
                    if p["start_char_index"] <= start < p["end_char_index"]
                )
                assert number > 1
                # The quote stands between the beginning of its page and that of the next.
                order = page.evaluate(
                    "n => [document.getElementById(`page-${n}`), document.querySelector('mark'), "
                    "document.getElementById(`page-${n + 1}`)].filter(e => e).every((e, i, all) => "
                    "!i || all[i - 1].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)",
                    number,
                )
                assert order is True
                expect(page.locator(f"#page-{number}")).to_have_attribute("aria-label", f"Page {number}")
            visit.shot(f"viewer-{path.suffix[1:]}")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
