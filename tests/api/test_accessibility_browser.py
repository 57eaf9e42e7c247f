"""axe-core finds nothing on the chat page, the document page, the element and the frame, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Page, expect

from tests.api.browser import visiting, visiting_service
from tests.api.portal import Sites, sites
from tests.api.scripted_chat import ScriptedService
from tests.api.service import index_rows
from tests.api.test_chat_browser import BRIDGE, abstained, opening

pytestmark = pytest.mark.browser

ROWS = [
    {
        "id": "bridge",
        "title": "The bridge",
        "publisher": "Example Press",
        "url": "https://press.example/bridge",
        "language": "en",
        "text": "The Aldergate bridge opened in 1911.\n\nIts engineer was Ottoline Graves.",
    }
]
ASKED = ("When did the bridge open, and who built it?", "What did it cost?")
RUN = """
async () => (await axe.run(document)).violations.flatMap((found) =>
  found.nodes.map((node) => [found.id, node.target.flat().join(" "), node.failureSummary]))
"""


@pytest.fixture(scope="module")
def at() -> Iterator[Sites]:
    service = ScriptedService()
    service.add(BRIDGE)
    service.answers(opening())
    service.answers(abstained(ASKED[1]))
    with sites(service) as found:
        yield found


def violations(inside: Page | Frame) -> list[list[str]]:
    inside.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[list[str]] = inside.evaluate(RUN)
    return found


def hold_the_box_accessible(inside: Page | FrameLocator, frame: Page | Frame) -> None:
    """Look at the box empty, answered, with a form open, and with a quote open."""
    expect(inside.locator(".welcome")).to_be_visible()
    assert violations(frame) == []
    for turns, question in enumerate(ASKED, start=1):
        inside.locator("#question").fill(question)
        inside.locator("#question").press("Enter")
        expect(inside.locator(".actions")).to_have_count(turns)
    inside.locator(".actions .down").first.click()
    inside.locator(".made summary").first.click()
    assert violations(frame) == []
    inside.locator(".answer .marker").first.click()
    expect(inside.locator(".document mark").first).to_be_visible()
    assert violations(frame) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
# The chat page is the full one, too.
@pytest.mark.parametrize("display", ["compact", pytest.param("full", marks=pytest.mark.long)])
def test_the_element_on_a_page(display: str, scheme: str, browser: Browser, at: Sites) -> None:
    at.portal.attributes = f'token-url="/token" display="{display}"'
    with visiting(browser, at.portal.home, color_scheme=scheme) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.goto(at.portal.home + "/bare")
        hold_the_box_accessible(visit.page, visit.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame(scheme: str, browser: Browser, at: Sites) -> None:
    at.portal.frame = f"{at.portal.service}/embed?code={at.gate.code(at.portal.home)}&language=ru"
    with visiting(browser, at.portal.home, color_scheme=scheme) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.goto(at.portal.home + "/frame")
        inside = visit.page.frame_locator("iframe")
        expect(inside.locator("#question")).to_be_visible()
        hold_the_box_accessible(inside, visit.page.frames[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_service(scheme: str, browser: Browser, tmp_path: Path) -> None:
    index_rows(tmp_path, ROWS)
    with visiting_service(browser, tmp_path / "state", color_scheme=scheme) as visit:
        visit.page.goto(f"{visit.home}/d/bridge?quote=0-36")
        expect(visit.page.locator("mark#quote")).to_be_visible()
        assert violations(visit.page) == []
        visit.open()
        assert violations(visit.page) == []
        visit.ask("When did the Aldergate bridge open?")
        expect(visit.page.locator(".sources")).to_be_visible()
        visit.page.locator(".answer .marker").first.click()
        expect(visit.page.locator(".document mark").first).to_be_visible()
        assert violations(visit.page) == []


def test_it_finds_what_is_wrong(browser: Browser, at: Sites) -> None:
    with visiting(browser, at.portal.home) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.goto(at.portal.home + "/bare")
        expect(visit.page.locator("#question")).to_be_visible()
        visit.page.evaluate(
            "document.querySelector('chapter-verse').shadowRoot.querySelector('form').append(new Image())"
        )
        assert [name for name, *_ in violations(visit.page)] == ["image-alt"]
