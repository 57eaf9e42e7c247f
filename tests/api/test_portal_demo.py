"""The demo's portal, where its service gives no token: the page says so, and nothing else breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from api.portal_demo.backend import Backend
from api.portal_demo.portal import Portal

SIGNED_IN = {"Cookie": "person=ada", "Sec-Fetch-Site": "same-origin"}


class Service(ThreadingHTTPServer):
    """A service that answers every request with the same `reply`."""

    reply: tuple[int, bytes]

    @property
    def home(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.reply
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(service: str, *paths: str) -> list[httpx2.Response]:
    with Portal(0, Backend(service=service, key="cvk_canary")) as portal:
        thread = threading.Thread(target=portal.serve_forever)
        thread.start()
        try:
            with httpx2.Client() as client:
                home = f"http://127.0.0.1:{portal.server_port}"
                return [client.get(home + path, headers=SIGNED_IN) for path in paths]
        finally:
            portal.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ((403, b"{}"), "The service gave no token: HTTP Error 403: Forbidden."),
        ((200, b"<html>"), "The service gave no token: Expecting value: line 1 column 1 (char 0)."),
        ((200, b"[]"), "The service gave no token: it answered list."),
    ],
)
def test_a_service_that_gives_no_token_is_said_to(
    reply: tuple[int, bytes], why: str, service: Service
) -> None:
    service.reply = reply
    token, page = asked(service.home, "/token", "/frame")
    assert (token.status_code, token.json()) == (502, {"error": why})
    assert page.status_code == 502
    assert f'<p role="alert">{why} Reload this page to try again.</p>' in page.text
    assert "<iframe" not in page.text
    assert "canary" not in token.text + page.text


def test_a_portal_that_is_not_listed_gets_no_frame(service: Service) -> None:
    service.reply = (200, b'{"token": "cvt_x", "expires_at": 1}')
    token, page = asked(service.home, "/token", "/frame")
    assert token.json() == {"token": "cvt_x", "expires_at": 1}
    assert page.status_code == 502
    assert "is not in its VERSE_FRAME_ANCESTORS." in page.text


def test_a_service_that_is_not_there() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        (page,) = asked(f"http://127.0.0.1:{held.getsockname()[1]}", "/frame")
    assert page.status_code == 502
    assert "The service gave no token: &lt;urlopen error [Errno 111] Connection refused&gt;." in page.text


def test_a_person_is_chosen_in_a_browser(browser: Browser, service: Service) -> None:
    service.reply = (200, b'{"token": "cvt_t", "expires_at": "2999-01-01T00:00:00Z"}')
    with Portal(0, Backend(service=service.home, key="cvk_canary")) as portal:
        thread = threading.Thread(target=portal.serve_forever)
        thread.start()
        try:
            page = browser.new_page()
            page.goto(portal.origin, wait_until="load")
            page.get_by_role("button", name="Ben").click()
            # Browsers say "null" for a form's origin where a page keeps its address to itself.
            assert page.url == f"{portal.origin}/"
            assert page.get_by_role("button", name="Ben").get_attribute("aria-pressed") == "true"
            page.close()
        finally:
            portal.shutdown()
            thread.join()
