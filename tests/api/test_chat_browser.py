"""The page to chat on, in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.api.browser import Visit, served, visiting, visiting_service
from tests.api.corpus import ROWS, UNICODE
from tests.api.scripted_chat import (
    Break,
    Refuse,
    ScriptedService,
    Send,
    Wait,
    citation,
    document,
    record,
    streamed,
)

pytestmark = pytest.mark.browser

BRIDGE = document(
    "bridge",
    "The bridge",
    "Opening words 🌉 of the page.\n\nThe bridge opened in 1911 👩‍👩‍👧‍👦 and is long. Its engineer was Ottoline Graves.\n"
    "Share this page!\n",
    publisher="Example Press",
    published_at="2024-03-01",
    url="https://press.example/bridge",
    language="en",
)
BRIDGE["excluded"] = [
    {
        "start_char_index": BRIDGE["text"].index("Share"),
        "end_char_index": len(BRIDGE["text"]) - 1,
        "reason": "share_buttons",
    }
]
TOLL = document("toll/№1 🪙", "", "The bridge opened in 1912, says the toll book.")
HOSTILE = document(
    "hostile",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script> [click](javascript:alert(1)) **bold** ![x](https://evil.example/x.png) [9] `tick`",
    publisher="<b>Press</b>",
    url="javascript:alert(1)",
)
OPENED = "The bridge opened in 1911 👩‍👩‍👧‍👦 and is long."
WHO = "Its engineer was Ottoline Graves."


def opening() -> dict[str, object]:
    answer = f"{OPENED} [1] {WHO} [2]"
    return record(
        "When did the bridge open, and who built it?",
        answer,
        [
            citation(BRIDGE, OPENED, 1, (0, len(OPENED))),
            citation(BRIDGE, WHO, 2, (len(OPENED) + 5, len(OPENED) + 5 + len(WHO))),
        ],
        short_answer="1911",
    )


def abstained(question: str) -> dict[str, object]:
    return record(
        question,
        "The sources do not say.",
        [],
        status="abstained",
        confidence=None,
        abstention={
            "reason": "not_supported",
            "probability": 0.97,
            "closest": [citation(BRIDGE, WHO, None)],
            "explanation": None,
        },
    )


@pytest.fixture
def service() -> ScriptedService:
    found = ScriptedService()
    found.add(BRIDGE, TOLL, HOSTILE)
    found.answers(opening())
    return found


@pytest.fixture
def home(service: ScriptedService) -> Iterator[str]:
    with served(service.app) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, home: str) -> Iterator[Visit]:
    with visiting(browser, home) as found:
        yield found


def paragraphs(page: Page) -> list[str]:
    return page.locator(".answer p").all_inner_texts()


def no_sideways_scroll(page: Page) -> None:
    """Hold that nothing is wider than the window, inside the element too."""
    wide = page.evaluate(
        """() => {
          const found = [];
          const look = (root) => {
            for (const one of root.querySelectorAll('*')) {
              const style = getComputedStyle(one);
              const hidden = one.closest('.visually-hidden') !== null;
              if (!hidden && one.getBoundingClientRect().right > innerWidth + 0.5) found.push(one.className || one.tagName);
              if (!hidden && one.scrollWidth > one.clientWidth + 1 && /auto|scroll/.test(style.overflowX)) found.push('scrolls: ' + (one.className || one.tagName));
              if (one.shadowRoot) look(one.shadowRoot);
            }
          };
          look(document);
          if (document.documentElement.scrollWidth > innerWidth) found.push('document');
          return found;
        }"""
    )
    assert wide == []


def test_a_question_is_answered_and_each_quote_opens_where_it_stands(visit: Visit) -> None:
    page = visit.open()
    expect(page.get_by_role("heading", name="Ask the documents")).to_be_visible()
    visit.shot("welcome")
    visit.ask("When did the bridge open, and who built it?")
    expect(page.get_by_text("Sources", exact=True)).to_be_visible()
    assert paragraphs(page) == [f"{OPENED} [1] {WHO} [2]"]
    expect(page.locator(".short")).to_have_text("1911")
    visit.shot("answer")

    page.locator(".answer a.marker").first.click()
    expect(page.locator("mark")).to_have_text(OPENED)
    expect(page.locator(".answer .supported")).to_have_text(OPENED)
    expect(page.locator(".document .excluded")).to_have_text("Share this page!")
    expect(page.locator("#source-title")).to_be_focused()
    visit.shot("quote")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("mark")).to_have_text(WHO)
    expect(page.locator(".answer .supported")).to_have_text(WHO)
    assert page.get_by_role("link", name="Original").get_attribute("href") == "https://press.example/bridge"
    assert (page.get_by_role("link", name="Whole page").get_attribute("href") or "").endswith(
        f"/d/bridge?quote={BRIDGE['text'].index(WHO)}-{BRIDGE['text'].index(WHO) + len(WHO)}"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".source")).to_have_count(0)
    expect(page.locator(".answer a.marker").first).to_be_focused()


def test_the_answer_is_shown_and_spoken_sentence_by_sentence_as_it_comes(
    service: ScriptedService, visit: Visit
) -> None:
    whole, gate = opening(), threading.Event()
    steps = streamed(whole)
    service.scripts["slow"] = [*steps[:6], Wait(gate), *steps[6:]]
    page = visit.open()
    visit.ask("slow")
    expect(page.locator(".answer")).to_contain_text("1911")
    expect(page.locator(".stage")).to_have_text("Reading what was found …")
    expect(page.get_by_role("status")).to_have_text("Reading what was found")
    assert page.locator('[role="log"][aria-live="polite"] p').all_text_contents() == [OPENED]
    expect(page.locator(".sources")).to_have_count(0)
    visit.shot("streaming")
    gate.set()
    expect(page.locator(".sources")).to_be_visible()
    spoken = page.locator('[role="log"] p').all_text_contents()
    assert " ".join(spoken) == f"{OPENED} (quote 1) {WHO} (quote 2)"
    expect(page.get_by_role("status")).to_have_text("The answer is there, with 2 quotes")


def test_a_follow_up_belongs_to_its_conversation_which_a_reload_finds(
    service: ScriptedService, visit: Visit
) -> None:
    service.answers(record("And who?", f"{WHO} [1]", [citation(BRIDGE, WHO, 1, (0, len(WHO)))]))
    page = visit.open()
    visit.ask("When did the bridge open, and who built it?")
    expect(page.locator(".conversation .open")).to_have_text("When did the bridge open, and who built it?")
    visit.ask("And who?")
    expect(page.locator(".sources")).to_have_count(2)
    assert service.asked == [
        {"question": "When did the bridge open, and who built it?", "store": True},
        {"question": "And who?", "conversation_id": "conv_1"},
    ]
    before = paragraphs(page)
    page.reload()
    expect(page.locator(".sources")).to_have_count(2)
    assert paragraphs(page) == before
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#question")).to_be_focused()
    assert page.url == visit.home + "/"
    page.locator(".conversation .open").click()
    expect(page.locator(".turn")).to_have_count(2)


def test_a_service_that_keeps_nothing_is_told_what_was_said(browser: Browser) -> None:
    service = ScriptedService(keeps=False, streams=False)
    service.add(BRIDGE)
    service.answers(opening())
    service.answers(record("And who?", f"{WHO} [1]", [citation(BRIDGE, WHO, 1)]))
    with served(service.app) as home, visiting(browser, home) as visit:
        visit.expected = ("404",)
        page = visit.open()
        expect(page.get_by_text("does not keep conversations")).to_be_visible()
        visit.ask("When did the bridge open, and who built it?")
        expect(page.locator(".sources")).to_have_count(1)
        visit.ask("And who?")
        expect(page.locator(".sources")).to_have_count(2)
    assert service.asked[0]["history"] == []
    assert service.asked[1]["history"] == [
        {"role": "user", "content": "When did the bridge open, and who built it?"},
        {"role": "assistant", "content": f"{OPENED} [1] {WHO} [2]"},
    ]


def test_an_abstention_says_why_and_opens_what_came_closest(service: ScriptedService, visit: Visit) -> None:
    service.answers(abstained("What did it cost?"))
    page = visit.open()
    visit.ask("What did it cost?")
    expect(page.get_by_text("Why was nothing found?")).to_be_visible()
    assert paragraphs(page) == ["The sources do not say."]
    expect(page.locator(".why")).to_contain_text("none of them says what was asked")
    expect(page.locator(".why")).to_contain_text("97\u00a0%")
    expect(page.locator(".sources")).to_have_count(0)
    visit.shot("abstained")
    page.locator(".closest a").click()
    expect(page.locator("mark")).to_have_text(WHO)


def test_partial_answers_name_what_is_missing_and_disagreements_their_sides(
    service: ScriptedService, visit: Visit
) -> None:
    toll = "The bridge opened in 1912, says the toll book."
    service.answers(
        record(
            "When did it open, and at what cost?",
            f"{OPENED} [1] {toll} [2]",
            [citation(BRIDGE, OPENED, 1, (0, len(OPENED))), citation(TOLL, toll, 2)],
            status="partial",
            missing=["at what cost"],
            disagreements=[
                {
                    "about": "when the bridge opened",
                    "sides": [{"value": "1911", "citations": [1]}, {"value": "1912", "citations": [2]}],
                }
            ],
        )
    )
    page = visit.open()
    visit.ask("When did it open, and at what cost?")
    expect(page.locator(".missing li")).to_have_text("at what cost")
    expect(page.locator(".disagreement h3")).to_have_text("The sources disagree: when the bridge opened")
    assert page.locator(".disagreement li").all_inner_texts() == ["1911 [1]", "1912 [2]"]
    visit.shot("partial")
    page.locator(".disagreement a.marker").nth(1).click()
    # A document without a title goes by its id, and its id is no address.
    expect(page.locator("#source-title")).to_have_text("toll/№1 🪙")
    expect(page.locator("mark")).to_have_text(toll)


def test_feedback_names_the_wrong_quote_and_is_still_there_after_a_reload(
    service: ScriptedService, visit: Visit
) -> None:
    page = visit.open()
    visit.ask("When did the bridge open, and who built it?")
    page.get_by_role("button", name="Not right").click()
    expect(page.get_by_label("What was wrong?")).to_be_focused()
    page.get_by_label("What was wrong?").select_option("wrong_quote")
    page.get_by_label("Which quote?").select_option("2")
    page.get_by_label("Anything to add?").fill("It was Ada.")
    visit.shot("feedback")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "true")
    (given,) = service.feedback
    assert {name: given[name] for name in ("rating", "reason", "comment", "citation_number")} == {
        "rating": "down",
        "reason": "wrong_quote",
        "comment": "It was Ada.",
        "citation_number": 2,
    }
    page.reload()
    expect(page.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Helpful").click()
    expect(page.get_by_role("button", name="Helpful")).to_have_attribute("aria-pressed", "true")
    assert [one["rating"] for one in service.feedback] == ["down", "up"]


def test_answers_are_copied_with_their_citations(visit: Visit) -> None:
    page = visit.open()
    visit.ask("When did the bridge open, and who built it?")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Copied", exact=True).last).to_be_visible()
    start = BRIDGE["text"].index(OPENED)
    address = f"{visit.home}/d/bridge?quote={start}-{start + len(OPENED)}"
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(
        f"{OPENED} [1] {WHO} [2]\n\nSources\n\n[1] “{OPENED}”\n    The bridge, Example Press, 1 March 2024, {address}\n"
    )
    page.get_by_role("button", name="Copy as Markdown").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('**Sources**'))")
    markdown = page.evaluate("navigator.clipboard.readText()")
    assert markdown.startswith(f"{OPENED} [\\[1\\]]({address})")
    assert f"**\\[1\\]** [The bridge]({address}), Example Press, 1 March 2024\n\n> {OPENED}\n" in markdown


def test_whatever_a_document_says_is_text(service: ScriptedService, visit: Visit) -> None:
    words = HOSTILE["text"]
    bad = citation(HOSTILE, words, 1)
    answer = f"{words.replace(' [9]', '')} [1]"
    service.answers(record("<b>hostile?</b>", answer, [bad]))
    stray = {**bad, "viewer_url": "https://evil.example/d/x"}
    service.answers(record("stray?", answer, [stray]))
    page = visit.open()
    visit.ask("<b>hostile?</b>")
    expect(page.locator(".question")).to_have_text("<b>hostile?</b>")
    expect(page.locator(".sources li")).to_contain_text("<img src=x onerror=alert(1)>")
    assert paragraphs(page) == [answer]
    page.locator(".answer a.marker").click()
    expect(page.locator("mark")).to_have_text(words)
    expect(page.get_by_role("link", name="Original")).to_have_count(0)
    page.get_by_role("button", name="Copy as Markdown").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('**Sources**'))")
    markdown = page.evaluate("navigator.clipboard.readText()")
    assert (
        "\\<script\\>alert\\(1\\)\\</script\\> \\[click\\]\\(javascript\\:alert\\(1\\)\\) \\*\\*bold\\*\\* \\!\\[x\\]"
        in markdown
    )
    visit.ask("stray?")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").nth(1).locator(".sources")).to_be_visible()
    hrefs = page.evaluate(
        "[...document.querySelector('chapter-verse').shadowRoot.querySelectorAll('[href], [src]')]"
        ".map((one) => one.href || one.src)"
    )
    assert all(href.startswith(visit.home + "/") for href in hrefs), hrefs
    kinds = page.evaluate(
        "[...new Set([...document.querySelector('chapter-verse').shadowRoot.querySelectorAll('*')].map((one) => one.localName))]"
    )
    assert not {"img", "script", "iframe", "object", "b", "style", "svg", "link"} & set(kinds)
    # An address that is none of ours is no link: the quote opens all the same.
    page.locator(".turn").nth(1).locator(".answer button.marker").click()
    expect(page.locator("mark")).to_have_text(words)
    expect(page.get_by_role("link", name="Whole page")).to_have_count(0)


@pytest.mark.parametrize("how", ["cut", "error", "malformed", "half"])
def test_a_stream_that_breaks_is_never_an_answer(how: str, service: ScriptedService, visit: Visit) -> None:
    begun = streamed(opening())[:6]
    last = {
        "cut": Break(),
        "error": Send(
            "error",
            {
                "status": 503,
                "code": "model_failed",
                "detail": "A model failed on this request.",
                "request_id": "req_9",
            },
        ),
        "malformed": Send("answer", {"id": "ans_1", "answer": "Half"}),
        "half": Send("delta", {"text": "and then"}),
    }[how]
    service.scripts["broken"] = [*begun, last]
    page = visit.open()
    visit.ask("broken")
    expect(page.get_by_role("alert")).to_contain_text("No answer was given")
    expect(page.get_by_role("alert")).to_contain_text(
        "A model failed on this request." if how == "error" else "broke off before it was whole"
    )
    expect(page.locator(".answer.unfinished")).to_be_visible()
    expect(page.locator(".sources, .actions")).to_have_count(0)
    visit.shot(f"broken-{how}")
    service.scripts["broken"] = streamed(opening())
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".sources")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(1)


def test_a_busy_service_says_when_to_come_back(service: ScriptedService, visit: Visit) -> None:
    visit.expected = ("503",)
    service.scripts["busy"] = [Refuse(503, "overloaded", "Too many questions at once.", retry_after=2)]
    page = visit.open()
    visit.ask("busy")
    expect(page.get_by_role("alert")).to_contain_text("Too many questions at once. Try again in 2 seconds.")
    expect(page.get_by_role("alert")).to_contain_text("req_7")


def test_a_service_that_is_gone_is_said_to_be(service: ScriptedService, visit: Visit) -> None:
    visit.expected = ("ERR_INTERNET_DISCONNECTED",)
    page = visit.open()
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.context.set_offline(True)
    visit.ask("When did the bridge open, and who built it?")
    expect(page.get_by_role("alert").first).to_contain_text("The server cannot be reached.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".sources")).to_be_visible()


def test_stopping_ends_the_work_and_shows_no_answer(service: ScriptedService, visit: Visit) -> None:
    service.scripts["endless"] = [*streamed(opening())[:6], Wait(threading.Event())]
    page = visit.open()
    visit.ask("endless")
    expect(page.locator(".answer")).to_contain_text("1911")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("not the whole answer")).to_be_visible()
    assert service.gone.wait(10)
    expect(page.locator(".conversation .open")).to_have_text("endless")
    page.locator(".conversation .open").click()
    expect(page.get_by_text("There is no answer. It was stopped")).to_be_visible()


def test_conversations_are_renamed_and_deleted_with_the_keyboard(
    service: ScriptedService, visit: Visit
) -> None:
    page = visit.open()
    visit.ask("When did the bridge open, and who built it?")
    page.get_by_role("button", name="Rename").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("The bridge <1911>")
    page.keyboard.press("Enter")
    expect(page.locator(".conversation .open")).to_have_text("The bridge <1911>")
    assert service.conversations["conv_1"]["title"] == "The bridge <1911>"
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Yes, delete")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert service.conversations == {}
    expect(page.locator(".turn")).to_have_count(0)


def test_everything_can_be_done_with_the_keyboard_alone(service: ScriptedService, visit: Visit) -> None:
    page = visit.open()
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("When did the bridge open,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and who built it?")
    expect(page.locator("#question")).to_have_value("When did the bridge open,\nand who built it?")
    page.locator("#question").fill("")
    page.keyboard.type("When did the bridge open, and who built it?")
    page.keyboard.press("Enter")
    expect(page.locator(".sources")).to_be_visible()
    expect(page.locator("#question")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.shadowRoot?.activeElement?.classList.contains('marker')"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#source-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".source")).to_have_count(0)


def test_questions_that_are_empty_or_too_long_are_not_sent(service: ScriptedService, visit: Visit) -> None:
    page = visit.open()
    visit.ask("   \n ")
    page.locator("#question").fill("🌊" * 2001)
    expect(page.get_by_text("2001 of 2000 characters: too long to be asked")).to_be_visible()
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(0)
    service.answers(record("🌊" * 2000, f"{WHO} [1]", [citation(BRIDGE, WHO, 1)]))
    visit.ask("🌊" * 2000)
    expect(page.locator(".sources")).to_be_visible()
    assert [len(body["question"]) for body in service.asked] == [2000]


def test_a_document_that_changed_or_went_is_not_shown_as_if_it_had_not(
    service: ScriptedService, visit: Visit
) -> None:
    visit.expected = ("404",)
    page = visit.open()
    visit.ask("When did the bridge open, and who built it?")
    expect(page.locator(".sources")).to_be_visible()
    service.add(document("bridge", "The bridge", "All is new 🌉."))
    page.locator(".answer a.marker").first.click()
    expect(page.get_by_role("alert")).to_contain_text("The document has changed")
    expect(page.locator(".document .quoted")).to_have_text(OPENED)
    expect(page.locator("mark")).to_have_count(0)
    page.keyboard.press("Escape")
    del service.documents["bridge"]
    page.locator(".answer a.marker").nth(1).click()
    expect(page.get_by_role("alert")).to_contain_text("no longer among the sources")


def test_a_long_document_is_shown_around_its_quote(service: ScriptedService, visit: Visit) -> None:
    quote = "Here it is 🪙 at last."
    long = document("long", "Long", "Ваза 🏺 стоит.\n" * 20_000 + quote + "\n" + "Ваза 🏺 стоит.\n" * 20_000)
    service.add(long)
    service.answers(record("long?", f"{quote} [1]", [citation(long, quote, 1)]))
    page = visit.open()
    visit.ask("long?")
    page.locator(".answer a.marker").click()
    expect(page.locator("mark")).to_have_text(quote)
    expect(page.locator("mark")).to_be_in_viewport()
    expect(page.get_by_text("the text before this is left out")).to_be_attached()
    expect(page.get_by_text("the text goes on")).to_be_attached()
    assert page.locator(".document p").count() < 15_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_width_needs_no_sideways_scrolling(
    scheme: str, browser: Browser, service: ScriptedService, home: str
) -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
    long = document("long", word, f"{word} {WHO}")
    service.add(long)
    service.answers(
        record(
            f"{word}?",
            f"{word} {WHO} [1] {OPENED} [2]",
            [citation(long, f"{word} {WHO}", 1), citation(BRIDGE, OPENED, 2)],
            status="partial",
            missing=[word],
            disagreements=[
                {
                    "about": word,
                    "sides": [{"value": word, "citations": [1]}, {"value": "1", "citations": [2]}],
                }
            ],
        )
    )
    with visiting(browser, home, viewport={"width": 320, "height": 640}, color_scheme=scheme) as visit:
        page = visit.open()
        no_sideways_scroll(page)
        visit.shot(f"phone-{scheme}-welcome")
        visit.ask(f"{word}?")
        expect(page.locator(".sources")).to_be_visible()
        no_sideways_scroll(page)
        visit.shot(f"phone-{scheme}-answer")
        page.get_by_role("button", name="Not right").click()
        no_sideways_scroll(page)
        page.keyboard.press("Escape")
        page.locator(".answer a.marker").first.click()
        expect(page.locator("mark")).to_have_text(f"{word} {WHO}")
        no_sideways_scroll(page)
        visit.shot(f"phone-{scheme}-quote")
        # What is covered cannot be reached.
        assert page.locator(".talk").get_attribute("inert") is not None
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Conversations").click()
        expect(page.locator(".conversation .open")).to_have_text(f"{word}?")
        no_sideways_scroll(page)
        visit.shot(f"phone-{scheme}-list")
        page.keyboard.press("Escape")
        expect(page.locator(".conversations")).to_have_count(0)
        background = page.evaluate(
            "getComputedStyle(document.querySelector('chapter-verse')).backgroundColor"
        )
        assert background == {"light": "rgb(251, 250, 247)", "dark": "rgb(22, 24, 28)"}[scheme]


def test_dark_mode_and_a_middle_width(browser: Browser, service: ScriptedService, home: str) -> None:
    service.answers(abstained("What did it cost?"))
    with visiting(browser, home, viewport={"width": 900, "height": 700}, color_scheme="dark") as visit:
        page = visit.open()
        visit.ask("When did the bridge open, and who built it?")
        expect(page.locator(".sources")).to_be_visible()
        visit.ask("What did it cost?")
        expect(page.locator(".why")).to_be_visible()
        page.locator(".answer a.marker").first.click()
        expect(page.locator("mark")).to_have_text(OPENED)
        visit.shot("dark-medium")
        no_sideways_scroll(page)


def test_while_the_script_is_on_its_way_there_is_a_form(visit: Visit) -> None:
    arrived = threading.Event()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)
        arrived.set()

    visit.page.route("**/chapter-verse.js*", hold)
    visit.page.goto(visit.home + "/", wait_until="commit")
    expect(visit.page.get_by_label("Question")).to_be_visible()
    expect(visit.page.get_by_role("link", name="For programs: the API")).to_be_visible()
    assert arrived.is_set()
    held[0].continue_()
    expect(visit.page.get_by_placeholder("Ask a question")).to_be_visible()
    expect(visit.page.locator("#plain-question")).to_be_hidden()


def test_without_scripts_the_form_still_answers(browser: Browser, small_state: Path) -> None:
    with visiting_service(browser, small_state, java_script_enabled=False) as visit:
        visit.page.goto(visit.home + "/")
        visit.shot("noscript")
        visit.page.get_by_label("Question").fill("Who refused every honour at the bridge?")
        visit.page.get_by_role("button", name="Ask").click()
        expect(visit.page.get_by_role("heading", name="Sources")).to_be_visible()
        visit.shot("noscript-answer")
        visit.page.locator(".answer a").first.click()
        expect(visit.page.locator("mark#quote")).to_be_visible()


def test_a_conversation_with_the_real_service(browser: Browser, small_state: Path) -> None:
    text = next(row["text"] for row in ROWS if row["id"] == UNICODE)
    with visiting_service(browser, small_state) as visit:
        page = visit.open()
        visit.ask("Сколько мешков муки спас мельник Прохор Ёлкин?")
        expect(page.locator(".sources")).to_be_visible()
        page.locator(".answer a.marker").first.click()
        expect(page.locator("mark").first).to_be_visible()
        marked = "".join(page.locator("mark").all_text_contents())
        href = page.get_by_role("link", name="Whole page").get_attribute("href") or ""
        start, end = map(int, re.findall(r"\d+", href.rpartition("quote=")[2]))
        assert marked == page.request.get(f"{visit.home}/v1/documents/{UNICODE}").json()["text"][start:end]
        assert "Прохор" in marked
        assert text.startswith("Река")
        visit.ask("When did the Aldergate bridge open?")
        expect(page.locator(".sources")).to_have_count(2)
