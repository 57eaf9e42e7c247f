"""People log in with a real browser, scripts or none; the provider is another origin than ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from tests.api.browser import served
from tests.api.guarded import PEPPER
from tests.api.identity_provider import CLIENT_ID, CLIENT_SECRET, ScriptedProvider, identity_provider
from tests.api.service import SmallEngine, settings_for

pytestmark = pytest.mark.browser
QUESTION = "Who was the engineer of the Aldergate bridge?"


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with identity_provider() as found:
        found.agrees = True
        yield found


@pytest.fixture
def home(small_state: Path, tmp_path: Path, provider: ScriptedProvider) -> Iterator[str]:
    def make(port: int) -> object:
        settings = settings_for(
            small_state,
            public_url=f"http://127.0.0.1:{port}",
            auth="required",
            pepper=PEPPER,
            database_url=f"sqlite:///{tmp_path / 'access.sqlite'}",
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
        )
        return create_app(settings, port=port, engine=SmallEngine(small_state))  # type: ignore[arg-type]

    with served(make) as url:  # type: ignore[arg-type]
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_form_whose_session_is_over_leads_through_the_provider_to_its_answer(
    home: str, page: Page, provider: ScriptedProvider
) -> None:
    shown = page.goto(f"{home}/")
    assert shown is not None
    assert f"form-action 'self' {provider.issuer};" in shown.headers["content-security-policy"]
    assert page.url == f"{home}/", "through the provider, and back"
    assert [path.partition("?")[0] for path in provider.asked].count("/authorize") == 1
    page.context.clear_cookies()
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_role("button", name="Ask").click()
    # Browsers hold form-action against every redirect of a form, the one to the provider too.
    page.wait_for_url(re.compile(r"/answer\?question="), timeout=10_000)
    expect(page.get_by_text("Aldergate").first).to_be_visible()
    assert page.url.startswith(f"{home}/answer?")
    assert [path.partition("?")[0] for path in provider.asked].count("/authorize") == 2


def test_a_link_to_a_document_leads_there_through_the_provider(home: str, page: Page) -> None:
    page.goto(f"{home}/d/bridge?quote=0-9")
    assert page.url == f"{home}/d/bridge?quote=0-9"
    expect(page.locator("mark").first).to_be_visible()
