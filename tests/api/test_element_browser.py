"""The element on other sites' pages, in a real browser: tokens, events, languages, frames."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.api.browser import Visit, visiting
from tests.api.portal import Sites, sites
from tests.api.scripted_chat import Record, Refuse, ScriptedService, citation, document, record, streamed
from tests.api.test_chat_browser import BRIDGE, OPENED, WHO, abstained, opening

pytestmark = pytest.mark.browser

QUESTION = "When did the bridge open, and who built it?"
# What is seen as one sign and counted as several: combining marks, joined emoji, letters beyond 16 bits.
AWKWARD = "Cafe\u0301 👩🏽‍🚀 𝒳 stands. " * 3
SIGNS = document(
    "signs/№1",
    "Signs 🪧",
    f"{AWKWARD}\n\nThe n\u0303andu\u0301 🏳️‍🌈 weighs 𝟗 kg 👨‍👩‍👧.\n\n{AWKWARD}",
    language="en",
)
WEIGHT = "The n\u0303andu\u0301 🏳️‍🌈 weighs 𝟗 kg 👨‍👩‍👧."


@pytest.fixture(scope="module")
def servers() -> Iterator[Sites]:
    with sites(ScriptedService()) as found:
        yield found


@pytest.fixture
def at(servers: Sites) -> Sites:
    """The servers, as if nothing had happened on them yet."""
    service, gate, portal = servers.service, servers.gate, servers.portal
    for kept in (service.documents, service.scripts, service.conversations, gate.tokens, gate.waiting):
        kept.clear()
    for listed in (service.asked, service.feedback, gate.seen):
        listed.clear()
    portal.asked, portal.refuses, gate.numbers = 0, False, itertools.count(1)
    portal.attributes, gate.expires_at = 'token-url="/token"', "2099-01-01T00:00:00Z"
    gate.frame_ancestors = [portal.home]
    service.add(BRIDGE, SIGNS)
    service.answers(opening())
    service.answers(abstained("What did it cost?"))
    service.answers(record("How heavy?", f"{WEIGHT} [1]", [citation(SIGNS, WEIGHT, 1, (0, len(WEIGHT)))]))
    return servers


@contextmanager
def on(browser: Browser, at: Sites, path: str, **options: Any) -> Iterator[Visit]:
    with visiting(browser, at.portal.home, **options) as visit:
        visit.others = frozenset({urlsplit(at.portal.service).netloc})
        visit.page.goto(at.portal.home + path)
        yield visit


def ask(inside: Page | FrameLocator, question: str) -> None:
    inside.locator("#question").fill(question)
    inside.locator("#question").press("Enter")


def box_of(inside: Page | FrameLocator) -> Locator:
    return inside.locator("chapter-verse")


def listen(page: Page) -> None:
    """Keep what the element tells the page."""
    page.evaluate(
        """() => {
          window.heard = [];
          for (const name of ["cv-answer", "cv-citation", "cv-error", "cv-token-needed"])
            document.addEventListener(name, (event) => window.heard.push([name, event.detail]));
        }"""
    )


def heard(page: Page, name: str) -> list[Any]:
    return [detail for what, detail in page.evaluate("window.heard") if what == name]


def until(holds: Callable[[], bool]) -> None:
    """Wait; a page with a strict policy runs no condition of Playwright's in itself."""
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def test_it_works_under_a_strict_policy_and_opens_each_quote_with_the_token(
    browser: Browser, at: Sites
) -> None:
    with on(browser, at, "/strict") as visit:
        page = visit.page
        listen(page)
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        visit.shot("strict-answer")
        page.locator(".answer .marker").first.click()
        expect(page.locator("mark")).to_have_text(OPENED)
        expect(page.locator("#source-title")).to_be_focused()
        visit.shot("strict-quote")
        # Nothing on the page is a link to the service: it would come without the token.
        links = page.evaluate(
            "[...document.querySelector('chapter-verse').shadowRoot.querySelectorAll('a')].map((one) => one.href)"
        )
        assert links == ["https://press.example/bridge"]
        page.get_by_role("button", name="Close").click()
        expect(page.locator(".answer .marker").first).to_be_focused()
        (answered,) = heard(page, "cv-answer")
        assert answered["answer"]["citations"][0]["cited_text"] == OPENED
        assert [one["citation"]["number"] for one in heard(page, "cv-citation")] == [1]
    assert at.gate.seen
    assert {given for _, given in at.gate.seen} == {"Bearer cvt_canary-1"}
    assert ("/v1/documents/bridge", "Bearer cvt_canary-1") in at.gate.seen


def test_quotes_among_combining_marks_and_emoji_are_marked_to_the_sign(browser: Browser, at: Sites) -> None:
    with on(browser, at, "/strict") as visit:
        ask(visit.page, "How heavy?")
        visit.page.locator(".answer .marker").click()
        expect(visit.page.locator("mark")).to_have_text(WEIGHT)
        assert visit.page.locator(".document p").all_inner_texts() == [
            AWKWARD.strip() + " ",
            WEIGHT,
            AWKWARD.strip() + " ",
        ]


def test_inside_a_frameworks_shadow_trees_it_is_compact_and_russian(browser: Browser, at: Sites) -> None:
    with on(browser, at, "/framework") as visit:
        page = visit.page
        expect(page.get_by_placeholder("Задайте вопрос")).to_be_visible()
        visit.shot("framework-welcome")
        ask(page, QUESTION)
        expect(page.get_by_role("heading", name="Источники")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("Ответ готов, 2 цитаты")
        expect(page.locator(".sources")).to_contain_text("1 марта 2024 г.")
        visit.shot("framework-answer")
        page.locator(".answer .marker").nth(1).click()
        expect(page.locator("mark")).to_have_text(WHO)
        visit.shot("framework-quote")
        page.keyboard.press("Escape")
        expect(page.locator(".answer .marker").nth(1)).to_be_focused()
        page.evaluate("window.opensItself = true")
        page.locator(".answer .marker").first.click()
        until(lambda: len(heard(page, "cv-citation")) == 2)
        expect(page.locator(".source")).to_have_count(0)
        assert heard(page, "cv-citation")[1]["citation"]["cited_text"] == OPENED
        expect(page.locator(".conversations, .show-list")).to_have_count(0)
        assert (
            page.evaluate(
                "Object.keys(window).filter((name) => /^(lit|reactive|chapter|verse|cv)/i.test(name))"
            )
            == []
        )
        assert page.evaluate("document.adoptedStyleSheets.length + document.styleSheets.length") == 0
    assert [path for path, _ in at.gate.seen if path.startswith("/v1/conv")] == []
    assert at.service.asked == [{"question": QUESTION, "history": []}]


def test_a_token_that_expires_while_a_person_reads_is_renewed_and_the_answer_stays(
    browser: Browser, at: Sites
) -> None:
    with on(browser, at, "/strict") as visit:
        visit.expected = ("401",)
        page = visit.page
        listen(page)
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        before = page.locator(".answer").inner_text()
        at.gate.tokens.clear()
        page.locator(".answer .marker").first.click()
        expect(page.locator("mark")).to_have_text(OPENED)
        assert page.locator(".answer").inner_text() == before
        assert heard(page, "cv-token-needed") == [{"reason": "refused"}]
        assert heard(page, "cv-error") == []
        assert at.gate.seen[-2:] == [
            ("/v1/documents/bridge", "Bearer cvt_canary-1"),
            ("/v1/documents/bridge", "Bearer cvt_canary-2"),
        ]
        page.keyboard.press("Escape")

        # And where the portal has nobody signed in any more, that is said; the answer still stays.
        at.gate.tokens.clear()
        at.portal.refuses = True
        visit.expected = ("401", "403")
        ask(page, QUESTION)
        note = page.get_by_role("alert").first
        expect(note).to_contain_text(
            "This page could not get a new token: token-url answered 403. Sign in again, or reload the page."
        )
        visit.shot("token-refused")
        assert page.locator(".answer").first.inner_text() == before
        assert heard(page, "cv-error")[0]["code"] == "token_failed"
        at.portal.refuses = False
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".sources")).to_have_count(2)


def test_a_token_near_its_end_is_renewed_before_it_is_refused(browser: Browser, at: Sites) -> None:
    at.gate.expires_at = time.time() + 20
    with on(browser, at, "/strict") as visit:
        listen(visit.page)
        ask(visit.page, QUESTION)
        expect(visit.page.locator(".sources")).to_be_visible()
        at.gate.expires_at = time.time() + 900
        visit.page.locator(".answer .marker").first.click()
        expect(visit.page.locator("mark")).to_have_text(OPENED)
        assert {"reason": "expiring"} in heard(visit.page, "cv-token-needed")
    assert at.portal.asked >= 2
    assert at.gate.seen[-1] == ("/v1/documents/bridge", f"Bearer cvt_canary-{at.portal.asked}")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("foreign", "bound to another web origin than the page that sent it"),
        ("altered", "this token has expired; ask the portal for a new one"),
        ("none", "This page did not say who is asking."),
        ("malformed", "This page could not get a new token"),
    ],
)
def test_a_token_that_is_not_good_here_is_refused_in_clear_words(
    how: str, words: str, browser: Browser, at: Sites
) -> None:
    at.portal.attributes = 'display="compact"'
    token = {"foreign": at.gate.mint("http://elsewhere.example")["token"], "altered": "cvt_x", "none": None}
    with on(browser, at, "/strict") as visit:
        visit.expected = ("401",)
        page = visit.page
        listen(page)
        expect(page.locator("#question")).to_be_visible()
        if how != "none":
            given = token.get(how, "not a\r\nheader")
            page.evaluate(
                "(token) => { document.querySelector('chapter-verse').getToken = () => token; }", given
            )
        ask(page, QUESTION)
        expect(page.get_by_role("alert")).to_contain_text(words)
        expect(page.locator(".answer")).to_have_count(0)
        assert len(heard(page, "cv-error")) == 1
        assert len(heard(page, "cv-token-needed")) == {"none": 1, "malformed": 1}.get(how, 2)
    assert at.service.asked == []


def test_a_source_of_tokens_elsewhere_is_refused(browser: Browser, at: Sites) -> None:
    at.portal.attributes = f'display="compact" token-url="{at.portal.service}/token"'
    with on(browser, at, "/strict") as visit:
        ask(visit.page, QUESTION)
        expect(visit.page.get_by_role("alert")).to_contain_text("token-url is not of this page's own origin.")
    assert at.gate.seen == []


def test_nothing_of_a_token_is_left_where_others_could_find_it(browser: Browser, at: Sites) -> None:
    with on(browser, at, "/strict") as visit:
        page = visit.page
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        assert at.gate.tokens
        kept = page.evaluate(
            """async () => JSON.stringify([
              document.documentElement.getHTML({ serializableShadowRoots: true }),
              document.querySelector('chapter-verse').shadowRoot.innerHTML,
              { ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state, history.length,
              await indexedDB.databases(), await caches.keys(), Object.keys(window).map((name) => String(window[name])),
              Object.entries(document.querySelector('chapter-verse')).map(String),
              Object.entries(document.querySelector('chapter-verse').tokens).map(String),
            ])"""
        )
        assert "canary" not in kept
        assert page.context.cookies() == []


def test_filters_go_with_every_question_and_are_never_dropped(browser: Browser, at: Sites) -> None:
    at.portal.attributes = (
        'token-url="/token" placeholder="Ask the handbook" filters=\'{"publishers": ["Example Press"]}\''
    )
    with on(browser, at, "/strict") as visit:
        page = visit.page
        listen(page)
        expect(page.locator("#question")).to_have_attribute("placeholder", "Ask the handbook")
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        assert at.service.asked[-1]["filters"] == {"publishers": ["Example Press"]}
        page.locator("chapter-verse").evaluate("(box) => box.setAttribute('filters', '{\"publishers\": [')")
        ask(page, QUESTION)
        expect(page.get_by_role("alert")).to_contain_text(
            "The attribute filters of this box is no JSON object"
        )
        assert heard(page, "cv-error")[0]["code"] == "attribute_malformed"
    assert len(at.service.asked) == 1
    assert "/v1/documents" not in {path for path, _ in at.gate.seen}


def test_texts_of_another_language_come_from_the_page(browser: Browser, at: Sites) -> None:
    at.portal.attributes = (
        'token-url="/token" display="compact" language="de" texts=\'{"ask": "Fragen", "sources": "Quellen", '
        '"answer_there": {"one": "{n} Zitat", "other": "{n} Zitate"}, "stop": 7, "constructor": "x"}\''
    )
    with on(browser, at, "/strict") as visit:
        page = visit.page
        expect(page.get_by_role("button", name="Fragen")).to_be_visible()
        ask(page, QUESTION)
        expect(page.get_by_role("heading", name="Quellen")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("2 Zitate")
        expect(page.locator(".sources")).to_contain_text("1. März 2024")
        page.locator("chapter-verse").evaluate("(box) => box.setAttribute('language', 'ru-RU')")
        expect(page.get_by_role("button", name="Новая беседа")).to_be_visible()
        expect(page.get_by_role("button", name="Fragen")).to_be_visible()


def test_conversations_are_saved_by_the_token_and_not_by_a_link(browser: Browser, at: Sites) -> None:
    with on(browser, at, "/strict") as visit:
        page = visit.page
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        if page.locator(".show-list").is_visible():
            page.locator(".show-list").click()
        page.locator(".conversation .open").click()
        if page.locator(".show-list").is_visible():
            page.locator(".show-list").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        assert download.value.suggested_filename == "conv_1.json"
        assert '"conv_1"' in download.value.path().read_text()


def withdrawn(number: int | None) -> Record:
    """What is left of a citation whose source the reader may not see any more."""
    gone = citation(BRIDGE, WHO, number, (0, 17))
    left = {
        "id": f"cit_withdrawn_{number}",
        "cited_text": "",
        "start_char_index": 0,
        "end_char_index": 0,
        "prefix": "",
        "suffix": "",
        "document_id": "",
        "document_title": "Source withdrawn.",
        "document_sha256": "",
        "publisher": None,
        "published_at": None,
        "url": None,
        "viewer_url": "",
        "verification": {"status": "withdrawn", "method": "exact"},
        "withdrawn": True,
    }
    return {**gone, **left}


def test_of_a_changed_source_its_name_and_a_note_are_shown_and_of_a_copied_one_who_else_has_it(
    browser: Browser, at: Sites
) -> None:
    words = "The source has changed since."
    start = len(f"{words} [1] ")
    changed = {
        **citation(BRIDGE, WHO, 1, (0, len(words))),
        "cited_text": "",
        "verification": {"status": "changed", "method": "exact"},
        "withdrawn": True,
        "note": words,
    }
    copied = {
        **citation(BRIDGE, WHO, 2, (start, start + len(WHO))),
        "document_id": "copied",
        "also_published_by": [
            {"document_title": "A copy", "publisher": "Courier"},
            {"document_title": "Another <b>copy</b>", "publisher": None},
        ],
    }
    answered = record("Who built it?", f"{words} [1] {WHO} [2]", [changed, copied])
    turn = {
        "question": "Who built it?",
        "status": "complete",
        "interrupted_by": None,
        "answer": answered,
        "feedback": None,
    }
    at.service.conversations["conv_1"] = {"id": "conv_1", "title": "Who built it?", "turns": [turn]}
    with on(browser, at, "/strict") as visit:
        page = visit.page
        page.locator(".conversation .open").click()
        expect(page.locator(".turn")).to_have_count(1)
        visit.shot("changed")
        assert page.locator(".sources li").all_inner_texts() == [
            f"[1] The bridge · Example Press · 1 March 2024 · {words}",
            "[2] The bridge · Example Press · 1 March 2024 · also in Courier, Another <b>copy</b>",
        ]
        # No quote of the changed one opens: it would be compared with another text.
        assert page.locator("[data-citation]").all_inner_texts() == ["[2]", "[2]", "The bridge"]


def test_of_a_withdrawn_source_nothing_opens(browser: Browser, at: Sites) -> None:
    start = len("Source withdrawn. [1] ")
    answered = record(
        "Who built it?",
        f"Source withdrawn. [1] {WHO} [2]",
        [withdrawn(1), citation(BRIDGE, WHO, 2, (start, start + len(WHO)))],
    )
    nothing_left: Record = abstained("What did it cost?")
    nothing_left["abstention"]["closest"] = [withdrawn(None)]
    at.service.conversations["conv_1"] = {
        "id": "conv_1",
        "title": "Who built it?",
        "turns": [
            {
                "question": one["question"],
                "status": "complete",
                "interrupted_by": None,
                "answer": one,
                "feedback": None,
            }
            for one in (answered, nothing_left)
        ],
    }
    with on(browser, at, "/strict") as visit:
        page = visit.page
        page.locator(".conversation .open").click()
        expect(page.locator(".turn")).to_have_count(2)
        visit.shot("withdrawn")
        first, second = page.locator(".turn").all()
        assert first.locator(".sources li").all_inner_texts() == [
            "[1] Source withdrawn.",
            "[2] The bridge · Example Press · 1 March 2024",
        ]
        assert second.locator(".closest li").all_inner_texts() == ["Source withdrawn."]
        # What can be opened is the other source, by its markers and its title.
        openers = page.locator("[data-citation]")
        assert openers.all_inner_texts() == ["[2]", "[2]", "The bridge"]
        page.get_by_text("[1]", exact=True).first.click()
        page.get_by_text("Source withdrawn.", exact=True).first.click()
        expect(page.locator(".source")).to_have_count(0)
        openers.first.click()
        expect(page.locator("mark")).to_have_text(WHO)
        expect(page.get_by_role("button", name="Previous")).to_have_count(0)
    assert [path for path, _ in at.gate.seen if path.startswith("/v1/documents/")] == ["/v1/documents/bridge"]


def test_its_look_is_the_pages_to_set(browser: Browser, at: Sites) -> None:
    at.portal.attributes = 'token-url="/token" display="compact"'
    with on(browser, at, "/bare", color_scheme="dark") as visit:
        page = visit.page
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        page.add_style_tag(
            content="chapter-verse { --cv-paper: rgb(1, 2, 3); --cv-link: rgb(4, 5, 6); --cv-color-scheme: light }"
            "chapter-verse::part(question) { color: rgb(7, 8, 9) }"
            "chapter-verse::part(marker) { letter-spacing: 3px }"
        )

        def style(selector: str, name: str) -> str:
            found: str = page.locator(selector).first.evaluate(
                "(one, name) => getComputedStyle(one)[name]", name
            )
            return found

        assert style("chapter-verse", "backgroundColor") == "rgb(1, 2, 3)"
        assert style("chapter-verse .answer .marker", "color") == "rgb(4, 5, 6)"
        assert style("chapter-verse .answer .marker", "letterSpacing") == "3px"
        assert style("chapter-verse .question", "color") == "rgb(7, 8, 9)"
        # The page is light, whatever the reader's system is.
        assert style("chapter-verse .answer", "color") == "rgb(31, 33, 38)"


def test_another_person_finds_nothing_of_the_one_before(browser: Browser, at: Sites) -> None:
    with on(browser, at, "/strict") as visit:
        page = visit.page
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        page.locator(".answer .marker").first.click()
        expect(page.locator("mark")).to_be_visible()
        asked = at.portal.asked
        page.locator("chapter-verse").evaluate("(box) => box.forget()")
        expect(page.locator(".turn, .source")).to_have_count(0)
        ask(page, "How heavy?")
        expect(page.locator(".sources")).to_be_visible()
        assert at.portal.asked == asked + 1
        assert "1911" not in page.locator("chapter-verse").inner_text()


def framed(visit: Visit) -> FrameLocator:
    return visit.page.frame_locator("iframe")


def test_in_a_frame_the_code_is_gone_at_once_and_the_portal_renews_the_token(
    browser: Browser, at: Sites
) -> None:
    code = at.gate.code(at.portal.home)
    at.portal.frame = f"{at.portal.service}/embed?code={code}&language=ru&placeholder=%3Cb%3E&display=full"
    with on(browser, at, "/frame") as visit:
        visit.expected = ("401",)
        page, frame = visit.page, framed(visit)
        ask(frame, QUESTION)
        expect(frame.get_by_role("heading", name="Источники")).to_be_visible()
        visit.shot("frame-answer")
        inside = page.frames[1]
        assert inside.url == f"{at.portal.service}/embed"
        assert code not in inside.content()
        kept = inside.evaluate(
            """() => ["localStorage", "sessionStorage"].map((name) => {
              try { return JSON.stringify({ ...window[name] }); } catch (error) { return error.name; }
            }).concat(document.cookie, JSON.stringify(history.state), location.href)"""
        )
        # Chromium keeps no storage for another site's frame; where a browser does, nothing is in it.
        assert all(one in ("SecurityError", "{}") for one in kept[:2])
        assert kept[2:] == ["", "null", f"{at.portal.service}/embed"]
        before = frame.locator(".answer").inner_text()
        at.gate.tokens.clear()
        frame.locator(".answer .marker").first.click()
        expect(frame.locator("mark")).to_have_text(OPENED)
        assert frame.locator(".answer").inner_text() == before
        visit.shot("frame-quote")
        assert heard(page, "message") == [{"type": "cv-token-needed", "reason": "refused"}]
    assert at.portal.asked == 1
    assert {given for _, given in at.gate.seen} == {"Bearer cvt_canary-2", "Bearer cvt_canary-3"}


@pytest.mark.long
def test_messages_of_anybody_else_are_no_tokens(browser: Browser, at: Sites) -> None:
    code = at.gate.code(at.portal.home)
    at.portal.frame = f"{at.portal.service}/embed?code={code}&display=compact"
    with on(browser, at, "/frame") as visit:
        visit.expected = ("401",)
        page, frame = visit.page, framed(visit)
        ask(frame, QUESTION)
        expect(frame.locator(".sources")).to_be_visible()
        page.evaluate("window.silent = true")
        at.gate.tokens.clear()
        # From within the frame itself: the right shape, the wrong source.
        forged = at.gate.mint(at.portal.service)["token"]
        page.frames[1].evaluate("(token) => window.postMessage({ type: 'cv-token', token }, '*')", forged)
        frame.locator(".answer .marker").first.click()
        until(lambda: len(heard(page, "message")) == 1)
        page.frames[1].evaluate("(token) => window.postMessage({ type: 'cv-token', token }, '*')", forged)
        page.evaluate(
            "document.querySelector('iframe').contentWindow.postMessage({ type: 'cv-token', token: 5 }, '*')"
        )
        expect(frame.get_by_role("alert")).to_contain_text("The page did not answer.", timeout=20_000)
    assert f"Bearer {forged}" not in {given for _, given in at.gate.seen}


@pytest.mark.parametrize("how", ["used", "unknown", "unlisted", "none"])
def test_a_code_that_is_not_good_gives_no_box_and_says_so(how: str, browser: Browser, at: Sites) -> None:
    code = at.gate.code("https://other.example" if how == "unlisted" else at.portal.home)
    if how == "used":
        at.gate.waiting.clear()
    at.portal.frame = f"{at.portal.service}/embed" + {"unknown": "?code=nonsense", "none": ""}.get(
        how, f"?code={code}"
    )
    with on(browser, at, "/frame") as visit:
        visit.expected = ("403",)
        frame = framed(visit)
        expect(frame.get_by_text("Reload the page it stands on.")).to_be_visible()
        expect(frame.locator("chapter-verse")).to_have_count(0)
        visit.shot("frame-spent")
    assert at.gate.seen == []


def test_a_portal_that_is_not_listed_frames_nothing(browser: Browser, at: Sites) -> None:
    at.gate.frame_ancestors = ["https://other.example"]
    at.portal.frame = f"{at.portal.service}/embed?code={at.gate.code('https://other.example')}"
    with on(browser, at, "/frame") as visit:
        visit.expected = ("frame-ancestors",)
        visit.page.wait_for_timeout(300)
        assert not visit.page.frames[1].url.startswith(at.portal.service)
    assert at.gate.seen == []
    assert len(at.gate.waiting) == 1


def test_opened_by_itself_a_frames_page_keeps_its_code_to_itself(browser: Browser, at: Sites) -> None:
    code = at.gate.code(at.portal.home)
    with visiting(browser, at.portal.service) as visit:
        visit.page.goto(f"{at.portal.service}/embed?code={code}")
        expect(visit.page.get_by_role("alert")).to_have_text("This page is only opened inside a portal.")
        assert visit.page.url == f"{at.portal.service}/embed"
    assert at.gate.seen == []


def test_keyboard_alone_asks_reads_opens_a_quote_and_returns_with_a_token(
    browser: Browser, at: Sites
) -> None:
    with on(browser, at, "/strict") as visit:
        page = visit.page
        active = "document.activeElement.shadowRoot?.activeElement"
        for _ in range(10):
            page.keyboard.press("Tab")
            if page.evaluate(f"{active}?.id") == "question":
                break
        page.keyboard.type(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".sources")).to_be_visible()
        for _ in range(40):
            page.keyboard.press("Shift+Tab")
            if page.evaluate(f"{active}?.matches('.answer .marker')"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("mark")).to_be_visible()
        expect(page.locator("#source-title")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".source")).to_have_count(0)
        assert page.evaluate(f"{active}.matches('.answer .marker')")
        page.keyboard.press("Space")
        expect(page.locator("mark")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(scheme: str, browser: Browser, at: Sites) -> None:
    at.portal.attributes = 'token-url="/token" display="compact"'
    with on(browser, at, "/strict", viewport={"width": 320, "height": 640}, color_scheme=scheme) as visit:
        page = visit.page
        ask(page, QUESTION)
        expect(page.locator(".sources")).to_be_visible()
        visit.shot(f"compact-phone-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.locator(".answer .marker").first.click()
        expect(page.locator("mark")).to_be_in_viewport()
        visit.shot(f"compact-phone-{scheme}-quote")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_service_that_is_out_of_reach_says_that_the_page_may_not_be_listed(
    browser: Browser, at: Sites
) -> None:
    at.portal.attributes = 'token-url="/token" display="compact" endpoint="http://127.0.0.1:9"'
    with on(browser, at, "/strict") as visit:
        visit.expected = ("Content Security Policy", "Fetch API cannot load", "Refused")
        ask(visit.page, QUESTION)
        expect(visit.page.get_by_role("alert")).to_contain_text(
            re.compile(
                r"The server cannot be reached, or does not allow pages of http://localhost:\d+ to ask it."
            )
        )


def test_an_overloaded_service_is_said_to_be_in_the_pages_language(browser: Browser, at: Sites) -> None:
    at.portal.attributes = 'token-url="/token" display="compact" language="ru"'
    at.service.scripts["busy"] = [Refuse(503, "overloaded", "Too many questions at once.", retry_after=2)]
    with on(browser, at, "/strict") as visit:
        visit.expected = ("503",)
        ask(visit.page, "busy")
        expect(visit.page.get_by_role("alert")).to_contain_text(
            "Сейчас слишком много вопросов. Попробуйте через 2 секунды."
        )
        at.service.scripts["busy"] = streamed(opening())
        visit.page.get_by_role("button", name="Попробовать снова").click()
        expect(visit.page.locator(".sources")).to_be_visible()
