"""Web origins in one form, and what is no origin."""

from __future__ import annotations

import pytest

from api.access.origins import is_loopback_host, is_safe_transport, origin_of_url, web_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://portal.example", "https://portal.example"),
        ("HTTPS://Portal.EXAMPLE:443/", "https://portal.example"),
        ("https://portal.example:8443", "https://portal.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://xn--portl-6ra.example", "https://xn--portl-6ra.example"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(text: str, origin: str) -> None:
    assert web_origin(text) == origin
    assert web_origin(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "null", "portal.example", "//portal.example", "https://", "https://*", "https://*.example",
        "https://a.example/b", "https://a.example?b", "https://a.example#b", "https://u@a.example", "https://@a.example",
        "https://a.example:0", "https://a.example:99999", "https://a.example:x", "https://a.example b", "https:// a.example",
        "https://a.example\n", "https://a.example;b", "https://a.example,https://b.example", "ftp://a.example",
        "javascript:alert(1)", "data:text/html,x", "https://[::1", "https://.a", "https://a_b.example", "https://é.example",
        "'self'", "https:", "https://a.example:443:443",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin such as"):
        web_origin(text)


def test_an_address_has_an_origin() -> None:
    assert origin_of_url("https://a.example:443/b/c?d#e") == "https://a.example"
    with pytest.raises(ValueError, match="no origin"):
        origin_of_url("file:///etc/passwd")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False),
        ("localhost.example.org", False), ("127.0.0.1.example.org", False), ("10.0.0.1", False), ("", False),
        ("::ffff:10.0.0.1", False),
    ],
)  # fmt: skip
def test_loopback_is_this_machine_alone(host: str, is_loopback: bool) -> None:
    assert is_loopback_host(host) == is_loopback


def test_only_tls_and_this_machine_are_safe() -> None:
    assert is_safe_transport("https://a.example")
    assert is_safe_transport("http://[::1]:9/x")
    for url in ("http://a.example", "ws://127.0.0.1", "a.example", "http://127.0.0.1.example.org"):
        assert not is_safe_transport(url)
