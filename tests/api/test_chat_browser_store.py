"""A whole conversation in a real browser, with the service as it is: stored, read again, thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.api.browser import visiting_service
from tests.api.corpus import ROWS
from tests.api.service import index_rows

pytestmark = pytest.mark.browser

OPEN = "When did the Aldergate bridge open?"
ENGINEER = "Who refused every honour?"


def test_ask_follow_up_open_a_quote_give_feedback_reload_and_find_it(
    browser: Browser, tmp_path: Path
) -> None:
    index_rows(tmp_path, ROWS)
    state = tmp_path / "state"
    with visiting_service(browser, state) as visit:
        page = visit.open()
        expect(page.get_by_text("None yet.")).to_be_visible()
        visit.ask(OPEN)
        expect(page.locator(".sources")).to_have_count(1)
        visit.ask(ENGINEER)
        expect(page.locator(".sources")).to_have_count(2)
        answers = page.locator(".answer").all_inner_texts()
        assert "1911" in answers[0]
        assert "Ottoline Graves" in answers[1]

        page.locator(".turn").nth(1).locator(".answer a.marker").first.click()
        expect(page.locator("mark").first).to_contain_text("Ottoline Graves")
        page.keyboard.press("Escape")

        last = page.locator(".turn").nth(1)
        last.get_by_role("button", name="Not right").click()
        page.get_by_label("What was wrong?").select_option("wrong_quote")
        page.get_by_label("Which quote?").select_option("1")
        page.get_by_label("Anything to add?").fill("“Ottoline” <b>or</b> Ada? 🌊")
        page.get_by_role("button", name="Send").click()
        expect(last.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "true")

        page.reload()
        expect(page.locator(".sources")).to_have_count(2)
        assert page.locator(".answer").all_inner_texts() == answers
        expect(last.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".turn").nth(0).get_by_role("button", name="Not right")).to_have_attribute(
            "aria-pressed", "false"
        )
        visit.shot("real-reloaded")

        ((given,),) = [
            [
                turn["feedback"]
                for turn in page.request.get(f"{visit.home}/v1/conversations/{one['id']}").json()["turns"]
                if turn["feedback"]
            ]
            for one in page.request.get(f"{visit.home}/v1/conversations").json()["conversations"]
        ]
        assert (given["rating"], given["reason"], given["citation_number"], given["comment"]) == (
            "down",
            "wrong_quote",
            1,
            "“Ottoline” <b>or</b> Ada? 🌊",
        )

        with page.expect_download() as download:
            page.get_by_role("link", name="Export").click()
        assert download.value.suggested_filename.startswith("conv_")

        page.get_by_role("button", name="Rename").click()
        page.get_by_label("Title").fill("The bridge")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="New conversation").click()
        page.reload()
        expect(page.locator(".turn")).to_have_count(0)
        page.get_by_role("button", name="The bridge").click()
        expect(page.locator(".turn")).to_have_count(2)
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Yes, delete").click()
        expect(page.get_by_text("None yet.")).to_be_visible()
        assert page.request.get(f"{visit.home}/v1/conversations").json()["conversations"] == []


def test_an_abstention_is_stored_and_shown_again_as_one(browser: Browser, tmp_path: Path) -> None:
    index_rows(tmp_path, ROWS)
    state = tmp_path / "state"
    with visiting_service(browser, state, always=False) as visit:
        page = visit.open()
        visit.ask(OPEN)
        expect(page.get_by_text("Why was nothing found?")).to_be_visible()
        closest = page.locator(".closest li").all_inner_texts()
        page.get_by_role("button", name="They do say it").click()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("button", name="They do say it")).to_have_attribute("aria-pressed", "true")
        page.reload()
        expect(page.get_by_text("Why was nothing found?")).to_be_visible()
        assert page.locator(".closest li").all_inner_texts() == closest
        assert page.locator(".answer").all_inner_texts() == ["The sources do not say."]
        visit.shot("real-abstained")


def test_a_conversation_that_is_gone_is_said_to_be(browser: Browser, tmp_path: Path) -> None:
    index_rows(tmp_path, ROWS)
    state = tmp_path / "state"
    with visiting_service(browser, state) as visit:
        visit.expected = ("404",)
        page = visit.open("/#c=conv_00000000000000000000000000")
        expect(page.get_by_role("alert")).to_contain_text("There is no such conversation.")
