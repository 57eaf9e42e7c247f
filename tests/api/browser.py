"""Servers on loopback for a browser, and what a browser saw: requests, errors, console."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from starlette.types import ASGIApp

from api.app import create_app
from tests.api.service import SmallEngine, settings_for

SHOTS = os.environ.get("VERSE_TEST_SHOTS")
"""A folder for screenshots to look at; unset: none are taken."""


@contextlib.contextmanager
def served(make: Callable[[int], ASGIApp]) -> Iterator[str]:
    """Serve an app, made for its port, and yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(make(port), log_config=None, lifespan="on", timeout_graceful_shutdown=2)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                thread.join(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's or anybody's Chromium; the tests are skipped without one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: install the package chromium to run this")
    with sync_playwright() as playwright:
        # Root has no sandbox of its own; the pages are ours.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page with everything that went wrong on it, and every host it asked."""

    page: Page
    home: str
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    expected: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    """Hosts besides the home's that may be asked."""

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.home + path)
        self.page.wait_for_function("customElements.get('chapter-verse') !== undefined")
        return self.page

    def ask(self, question: str) -> None:
        self.page.locator("#question").fill(question)
        self.page.keyboard.press("Enter")

    def shot(self, name: str) -> None:
        if SHOTS is not None:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))

    def assert_clean(self) -> None:
        """Hold that nothing went wrong that was not expected, and nobody else was asked."""
        found = [text for text in self.problems if not any(words in text for words in self.expected)]
        assert found == []
        assert self.hosts - self.others == {urlsplit(self.home).netloc}


@contextlib.contextmanager
def visiting(browser: Browser, home: str, **options: Any) -> Iterator[Visit]:
    """Yield a visit in a context of its own; at its end everything must have been clean."""
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
    context = browser.new_context(**options)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=home)
    context.set_default_timeout(15_000)
    visit = Visit(page=context.new_page(), home=home)

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visit.problems.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

    context.on("console", said)
    context.on("weberror", lambda error: visit.problems.append(f"thrown: {error.error}"))
    context.on("request", lambda request: visit.hosts.add(urlsplit(request.url).netloc))
    try:
        yield visit
        visit.assert_clean()
    finally:
        context.close()


@contextlib.contextmanager
def visiting_service(
    browser: Browser, state: Path, *, always: bool = True, **options: Any
) -> Iterator[Visit]:
    """Visit the service itself, over the index in `state`, with models that answer everything or nothing."""
    engine = SmallEngine(state, always=always)

    def make(port: int) -> ASGIApp:
        return create_app(settings_for(state), engine=engine, port=port)  # type: ignore[arg-type]

    with served(make) as home, visiting(browser, home, **options) as visit:
        yield visit
