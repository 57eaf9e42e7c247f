"""Hostile texts in every field that a document or a question can carry, in a real browser: none runs, none calls home."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Page, expect

from tests.api.browser import Visit, visiting, visiting_service
from tests.api.hostile import ADDRESSES, BEACONS, XSS
from tests.api.portal import Sites, sites
from tests.api.scripted_chat import Record, Refuse, ScriptedService, document, record
from tests.api.service import index_rows

pytestmark = pytest.mark.browser

HOSTILE = (*XSS, *BEACONS)
ALL = "\n".join(HOSTILE)
# What the element draws; anything else would have come out of a text.
DRAWN = {
    "a", "article", "aside", "button", "dd", "details", "div", "dl", "dt", "form", "h1", "h2", "h3", "header", "label",
    "li", "main", "mark", "nav", "option", "p", "section", "select", "slot", "span", "summary", "textarea", "ul",
}  # fmt: skip
# Before any script of the page: whatever runs is seen.
WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
  Object.defineProperty(window, name, { value: (...given) => window.ran.push([name, String(given)]) });
}
"""


@pytest.fixture(scope="module")
def at() -> Iterator[Sites]:
    service = ScriptedService()
    with sites(service) as found:
        yield found


def questions() -> list[str]:
    """Every text, in as few questions as their limit of length allows."""
    found = [""]
    for text in HOSTILE:
        if len(found[-1]) + len(text) > 1900:
            found.append("")
        found[-1] = f"{found[-1]}\n{text}".strip()
    return found


def id_of(text: str) -> str:
    """An id is one line: routes match no newline in a path."""
    return text.replace("\n", " ")


def quoted(number: int, text: str) -> Record:
    """A citation that carries a text in every field, of a document that does the same."""
    address = ADDRESSES[number % len(ADDRESSES)]
    return {
        "id": text,
        "number": number,
        "type": text,
        "cited_text": text,
        "start_char_index": 0,
        "end_char_index": len(text),
        "offset_unit": "unicode_code_point",
        "prefix": text,
        "suffix": text,
        "document_id": id_of(text),
        "document_title": text,
        "document_sha256": text,
        "publisher": text,
        "published_at": text,
        "url": address if number % 2 else text,
        "viewer_url": address if number % 2 else text,
        "verification": {"status": text, "method": text},
        "answer_spans": [{"start": 0, "end": 1}],
    }


def prepare(service: ScriptedService) -> None:
    for kept in (service.documents, service.scripts, service.conversations):
        kept.clear()
    for text in HOSTILE:
        source = document(
            id_of(text), text, f"{text}\n\nShare {text}", publisher=text, language=text, url=text
        )
        source["document_sha256"] = text
        source["excluded"] = [
            {"start_char_index": len(text) + 2, "end_char_index": 2 * len(text) + 8, "reason": text}
        ]
        service.add(source)
    citations = [quoted(number, text) for number, text in enumerate(HOSTILE, start=1)]
    first, second, *rest = questions()
    service.answers(
        record(
            first,
            "\n\n".join(f"{text} [{number}]" for number, text in enumerate(HOSTILE, start=1)),
            citations,
            standalone_question=ALL,
            short_answer=ALL,
            status="partial",
            missing=list(HOSTILE),
            disagreements=[
                {
                    "about": text,
                    "sides": [{"value": text, "citations": [1]}, {"value": text, "citations": [9999]}],
                }
                for text in HOSTILE
            ],
            receipt={"index_version": ALL, "models": {"generator": ALL}, "software": ALL},
        )
    )
    service.answers(
        record(
            second,
            ALL,
            [],
            status="abstained",
            confidence=None,
            abstention={
                "reason": HOSTILE[0],
                "probability": 0.5,
                "explanation": ALL,
                "closest": [{**one, "number": None} for one in citations],
            },
        )
    )
    for asked in rest:
        service.answers(record(asked, ALL, []))
    service.scripts["refused"] = [Refuse(422, HOSTILE[0], ALL)]


def ask(inside: Page | FrameLocator, question: str, turns: int) -> None:
    inside.locator("#question").fill(question)
    inside.locator("#question").press("Enter")
    expect(inside.locator(".turn")).to_have_count(turns)
    expect(inside.get_by_role("button", name="Stop")).to_have_count(0)


# Opens quotes of an answer, each `step`-th, in their documents, and waits until the document is there.
OPEN_ALL = """
async (step) => {
  const root = document.querySelector("chapter-verse").shadowRoot;
  // A text that says "[1]" itself reads as a marker of the first quote: one opener for each quote is enough.
  const every = [...root.querySelector(".turn").querySelectorAll(".answer .marker")];
  const names = every.map((one) => one.dataset.citation);
  const openers = every.filter((one, index) => names.indexOf(one.dataset.citation) === index)
    .filter((_, index) => index % step === 0);
  const shown = [];
  for (const opener of openers) {
    opener.click();
    let there = false;
    for (let wait = 0; wait < 600 && !there; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const mark = root.querySelector(".document mark");
      if (mark !== null && root.querySelector("#source-title").textContent === opener.dataset.citation.trim()) {
        shown.push([...root.querySelectorAll(".document mark")].map((one) => one.textContent).join("\\n"));
        there = true;
      }
    }
    if (!there) return [...shown, root.querySelector(".source").textContent];
    root.querySelector(".source .close").click();
    await document.querySelector("chapter-verse").updateComplete;
  }
  return shown;
}
"""

LOOK = """
() => {
  const root = document.querySelector("chapter-verse").shadowRoot;
  const all = [...root.querySelectorAll("*")];
  return {
    kinds: [...new Set(all.map((one) => one.localName))],
    attributes: [...new Set(all.flatMap((one) => one.getAttributeNames()))],
    addresses: all.flatMap((one) => [one.getAttribute("href"), one.getAttribute("src")]).filter((one) => one !== null),
    text: root.querySelector(".turns").textContent,
  };
}
"""


def hold_inert(frame: Page | Frame) -> dict[str, Any]:
    """Hold that the texts are texts, and return what was drawn."""
    assert frame.evaluate("window.ran") == []
    found: dict[str, Any] = frame.evaluate(LOOK)
    assert set(found["kinds"]) <= DRAWN
    assert [
        name for name in found["attributes"] if name.startswith("on") or name in ("style", "srcdoc")
    ] == []
    assert [one for one in found["addresses"] if not one.startswith(("http://", "https://"))] == []
    return found


def through_everything(
    visit: Visit, at: Sites, inside: Page | FrameLocator, frame: Page | Frame, step: int
) -> None:
    visit.expected = ("422",)
    asked = questions()
    for turns, question in enumerate(asked, start=1):
        ask(inside, question, turns)
    found = hold_inert(frame)
    for text in HOSTILE:
        assert text.strip() in found["text"]
    # The only addresses are those of sources that are on the web; nothing follows them but a click.
    assert {urlsplit(one).hostname for one in found["addresses"]} <= {None}
    ask(inside, "refused", len(asked) + 1)
    expect(inside.get_by_role("alert").last).to_contain_text("steal-0.example")
    shown = frame.evaluate(OPEN_ALL, step)
    # A paragraph is a line that is not blank.
    assert shown == [re.sub(r"\n\s*\n", "\n", text) for text in HOSTILE[::step]]
    hold_inert(frame)
    inside.locator(".turn").first.locator(".made summary").click()
    inside.locator(".turn").first.get_by_role("button", name="Not right").click()
    hold_inert(frame)
    frame.wait_for_timeout(200)
    assert frame.evaluate("window.ran") == []


def test_there_are_as_many_as_promised() -> None:
    assert len(set(XSS)) >= 150
    assert len(set(BEACONS)) >= 60


# Every text stands in every field either way; what takes long is to open all of their documents.
@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.long)])
def test_outside_of_a_frame_on_a_page_without_any_policy(step: int, browser: Browser, at: Sites) -> None:
    prepare(at.service)
    with visiting(browser, at.portal.home) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.context.add_init_script(WATCH)
        visit.page.goto(at.portal.home + "/bare")
        through_everything(visit, at, visit.page, visit.page, step)
        visit.shot("hostile")
        # And as the names of conversations, read again from the service.
        visit.page.reload()
        expect(visit.page.locator(".conversation .open").first).to_be_visible()
        assert len(at.service.conversations) == 1
        hold_inert(visit.page)


@pytest.mark.long
def test_inside_the_frame_where_no_policy_has_to_step_in(browser: Browser, at: Sites) -> None:
    prepare(at.service)
    code = at.gate.code(at.portal.home)
    at.portal.frame = f"{at.portal.service}/embed?code={code}&display=full"
    with visiting(browser, at.portal.home) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.context.add_init_script(WATCH)
        visit.page.goto(at.portal.home + "/frame")
        inside = visit.page.frame_locator("iframe")
        expect(inside.locator("#question")).to_be_visible()
        through_everything(visit, at, inside, visit.page.frames[1], 1)
        assert visit.page.evaluate("window.ran") == []


def test_the_frames_address_says_nothing_but_texts(browser: Browser, at: Sites) -> None:
    prepare(at.service)
    for text in (XSS[0], XSS[-1], BEACONS[0]):
        said = percent_encoded(text, safe="")
        code = at.gate.code(at.portal.home)
        at.portal.frame = (
            f"{at.portal.service}/embed?code={code}&language={said}&placeholder={said}&display={said}"
            f"&filters={said}&endpoint={said}&token-url={said}&texts={said}&onclick={said}&style={said}"
        )
        with visiting(browser, at.portal.home) as visit:
            visit.others = frozenset({urlsplit(at.portal.service).netloc})
            visit.page.context.add_init_script(WATCH)
            visit.page.goto(at.portal.home + "/frame")
            inside = visit.page.frame_locator("iframe")
            expect(inside.locator("#question")).to_have_attribute("placeholder", text)
            names = visit.page.frames[1].evaluate(
                "document.querySelector('chapter-verse').getAttributeNames()"
            )
            assert set(names) == {"language", "placeholder", "display", "filters", "size"}
            hold_inert(visit.page.frames[1])


def test_the_pages_that_the_service_makes_itself(browser: Browser, tmp_path: Path) -> None:
    groups = [HOSTILE[start : start + 40] for start in range(0, len(HOSTILE), 40)]
    rows = [
        {
            "id": f"{number}<img src=x onerror=alert(1)>",
            "title": " ".join(group)[:900],
            "publisher": " ".join(group)[:400],
            "url": ADDRESSES[number],
            "language": "en",
            "text": "The Aldergate bridge.\n\n" + "\n\n".join(group),
        }
        for number, group in enumerate(groups)
    ]
    index_rows(tmp_path, rows)
    with visiting_service(browser, tmp_path / "state") as visit:
        visit.page.context.add_init_script(WATCH)
        for row in rows:
            visit.page.goto(f"{visit.home}/d/{percent_encoded(row['id'], safe='')}?quote=0-3")
            expect(visit.page.locator("mark#quote")).to_have_text("The")
            for text in groups[rows.index(row)]:
                assert " ".join(text.split()) in " ".join(visit.page.locator("article").inner_text().split())
            assert visit.page.evaluate("window.ran") == []
            assert visit.page.locator("img, iframe, svg, style, object, embed, form, video").count() == 0
        visit.page.goto(f"{visit.home}/answer?question={percent_encoded(questions()[0], safe='')}")
        expect(visit.page.locator(".plain-ask")).to_be_visible()
        assert visit.page.evaluate("window.ran") == []
        visit.open()
        visit.ask("What is the Aldergate bridge?")
        expect(visit.page.locator(".sources, .why")).to_be_visible()
        visit.page.locator(".answer .marker, .closest a").first.click()
        expect(visit.page.locator(".document mark").first).to_be_visible()
        hold_inert(visit.page)
    assert json.dumps(rows)
