"""People who log in: code, PKCE, state and nonce against a provider that signs; their sessions; other sites."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.access.login_state import own_path
from api.cli import app as command_line
from tests.api.guarded import OWN, PEPPER, PORTAL, Guarded, guarded, logging_put_back
from tests.api.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ScriptedProvider,
    identity_provider,
    private_key,
)
from tests.api.service import Reply, assert_problem

COOKIE = re.compile(
    r"(cv_session|cv_login)=([A-Za-z0-9_-]{43}); HttpOnly; Max-Age=(\d+); Path=/; SameSite=lax"
)


class Browser:
    """Keeps cookies and sends what browsers send."""

    def __init__(self, service: Guarded) -> None:
        self.service = service
        self.cookies: dict[str, str] = {}

    def send(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        given = {
            "sec-fetch-site": "none",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = [(name, value) for name, value in given.items() if value]
        reply = self.service.send(method, target.removeprefix(OWN), headers=sent, body=body)
        for line in reply.all("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return reply

    def fetch(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        """Send what a script of our own page sends."""
        own = {"sec_fetch_site": "same-origin", "sec_fetch_mode": "cors", "sec_fetch_dest": "empty"}
        if method not in ("GET", "HEAD"):
            own["origin"] = OWN
        return self.send(method, target, body, **{**own, **headers})

    def log_in(self, provider: ScriptedProvider, target: str = "/login", **claims: Any) -> Reply:
        away = self.send("GET", target)
        assert away.status == 303, away.body
        return self.send("GET", provider.log_in(away["location"], **claims))


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with identity_provider() as found:
        yield found


def settings(provider: ScriptedProvider, **more: Any) -> dict[str, Any]:
    return {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        **more,
    }


@pytest.fixture
def service(small_state: Path, tmp_path: Path, provider: ScriptedProvider) -> Iterator[Guarded]:
    with guarded(small_state, tmp_path, **settings(provider)) as found:
        yield found


@pytest.fixture
def browser(service: Guarded) -> Browser:
    return Browser(service)


def not_logged_in(reply: Reply, status: int, said: str) -> None:
    assert reply.status == status, reply.body
    text = reply.body.decode()
    assert "You are not logged in" in text
    assert said in text
    assert not [line for line in reply.all("set-cookie") if line.startswith("cv_session")]
    for secret in (CLIENT_SECRET, "client-secret", "eyJ"):
        assert secret not in text


def test_nothing_is_fetched_before_somebody_logs_in(service: Guarded, provider: ScriptedProvider) -> None:
    assert service.ask(service.key()).status == 200
    assert service.send("GET", "/").status == 303
    assert provider.asked == []


def test_a_person_logs_in_and_comes_back_to_where_they_wanted(
    browser: Browser, provider: ScriptedProvider
) -> None:
    turned_away = browser.send("GET", "/d/bridge?quote=0-12")
    assert turned_away.status == 303
    assert turned_away["location"] == "/login?next=%2Fd%2Fbridge%3Fquote%3D0-12"
    away = browser.send("GET", turned_away["location"])
    query = parse_qs(urlsplit(away["location"]).query)
    assert query["redirect_uri"] == [f"{OWN}/login/callback"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", query["code_challenge"][0])
    assert "bridge" not in away["location"], "what somebody reads is not the provider's business"
    (login_cookie,) = away.all("set-cookie")
    assert COOKIE.fullmatch(login_cookie)
    back = browser.send("GET", provider.log_in(away["location"]))
    assert (back.status, back["location"]) == (303, "/d/bridge?quote=0-12")
    (cookie,) = back.all("set-cookie")
    match = COOKIE.fullmatch(cookie)
    assert match is not None
    assert match.group(1, 3) == ("cv_session", "28800")
    assert browser.send("GET", back["location"]).status == 200
    assert browser.send("GET", "/").status == 200
    asked = browser.fetch("POST", "/v1/ask", {"question": "Who built the bridge?"})
    assert asked.status == 200
    answer = asked.json()["id"]
    assert browser.fetch("GET", f"/v1/answers/{answer}").status == 200
    key = browser.service.key(user="ada")
    assert browser.service.send("GET", f"/v1/answers/{answer}", key).status == 200
    assert_problem(
        browser.fetch("GET", "/readyz", sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
        403,
        "cross_site",
    )
    body = {"user": "ben", "groups": [], "origin": PORTAL}
    assert_problem(browser.fetch("POST", "/v1/embed-tokens", body), 403, "not_allowed")


def test_behind_tls_the_cookie_is_secure_and_nobody_else_s(
    small_state: Path, tmp_path: Path, provider: ScriptedProvider
) -> None:
    with guarded(
        small_state, tmp_path, **settings(provider, public_url="https://verse.example.org")
    ) as service:
        browser = Browser(service)
        away = browser.send("GET", "/login")
        back = browser.send(
            "GET", provider.log_in(away["location"]).removeprefix("https://verse.example.org")
        )
        for line in (*away.all("set-cookie"), *back.all("set-cookie")):
            assert re.fullmatch(
                r"__Host-cv_(login|session)=[^;]+; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax; Secure", line
            )
        assert browser.send("GET", "/").status == 200


def test_the_database_holds_no_cookie(browser: Browser, provider: ScriptedProvider, tmp_path: Path) -> None:
    browser.log_in(provider)
    browser.service.database.checkpoint()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("access.sqlite*"))
    for cookie in browser.cookies.values():
        assert cookie.encode() not in stored
    with sqlite3.connect(tmp_path / "access.sqlite") as other:
        rows = other.execute('SELECT "user", "groups" FROM sessions').fetchall()
    other.close()
    assert rows == [("ada", '["engineers", "staff"]')]


# What is replayed, altered, or another's


def test_an_answer_of_the_provider_is_good_once(browser: Browser, provider: ScriptedProvider) -> None:
    address = provider.log_in(browser.send("GET", "/login")["location"])
    assert browser.send("GET", address).status == 303
    not_logged_in(browser.send("GET", address), 400, "finished already")
    code = parse_qs(urlsplit(address).query)["code"][0]
    state = parse_qs(urlsplit(browser.send("GET", "/login")["location"]).query)["state"][0]
    not_logged_in(
        browser.send("GET", f"/login/callback?code={code}&state={state}"), 400, "does not take this code"
    )


def test_of_many_who_bring_the_same_answer_one_gets_in(browser: Browser, provider: ScriptedProvider) -> None:
    address = provider.log_in(browser.send("GET", "/login")["location"]).removeprefix(OWN)
    cookie = [("cookie", f"cv_login={browser.cookies['cv_login']}")]
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: browser.service.send("GET", address, headers=cookie), range(6)))
    assert sorted(reply.status for reply in replies) == [303] + [400] * 5


def test_an_answer_for_another_browser_is_refused(service: Guarded, provider: ScriptedProvider) -> None:
    attacker, victim = Browser(service), Browser(service)
    address = provider.log_in(attacker.send("GET", "/login")["location"])
    not_logged_in(victim.send("GET", address), 400, "this browser has begun no login")
    victim.send("GET", "/login")
    not_logged_in(victim.send("GET", address), 400, "in another browser")
    # It was not used up by that.
    assert attacker.send("GET", address).status == 303


def test_several_tabs_log_in_at_once(browser: Browser, provider: ScriptedProvider) -> None:
    first = browser.send("GET", "/login?next=/docs")["location"]
    second = browser.send("GET", "/login?next=/answer")["location"]
    assert browser.send("GET", provider.log_in(second))["location"] == "/answer"
    assert browser.send("GET", provider.log_in(first))["location"] == "/docs"


def test_an_old_login_is_refused(browser: Browser, provider: ScriptedProvider) -> None:
    address = provider.log_in(browser.send("GET", "/login")["location"])
    browser.service.clock.pass_s(602)
    not_logged_in(browser.send("GET", address), 400, "too long ago")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: a.replace("state=", "state=x"),
        lambda a: a.partition("&state=")[0],
        lambda a: a.partition("&state=")[0] + "&state=" + "A" * 300,
        lambda a: a.partition("&state=")[0] + "&state=%C3%A9",
        lambda a: re.sub("code=[^&]*", "code=", a),
        lambda a: re.sub("code=[^&]*", "code=guessed", a),
        lambda a: re.sub("code=[^&]*", "error=access_denied", a),
        lambda a: a + "&iss=https://evil.example",
    ],
)
def test_an_altered_answer_is_refused(browser: Browser, provider: ScriptedProvider, spoil: Any) -> None:
    address = provider.log_in(browser.send("GET", "/login")["location"])
    not_logged_in(browser.send("GET", spoil(address)), 400, "again")


def test_an_answer_that_names_our_provider_is_taken(browser: Browser, provider: ScriptedProvider) -> None:
    address = provider.log_in(browser.send("GET", "/login")["location"])
    assert browser.send("GET", f"{address}&iss={provider.issuer}").status == 303


def test_a_verifier_of_another_login_is_refused_by_the_provider(
    browser: Browser, provider: ScriptedProvider
) -> None:
    first = provider.log_in(browser.send("GET", "/login")["location"])
    second = browser.send("GET", "/login")["location"]
    state = parse_qs(urlsplit(second).query)["state"][0]
    code = parse_qs(urlsplit(first).query)["code"][0]
    not_logged_in(
        browser.send("GET", f"/login/callback?code={code}&state={state}"), 400, "does not take this code"
    )


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "another"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"nonce": 7}, "another login"),
        ({"aud": "another client"}, "another service"),
        ({"aud": [CLIENT_ID, "another client"]}, "another client"),
        ({"aud": [CLIENT_ID], "azp": "another client"}, "another client"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "lacks what every token has"),
        ({"iat": 32503680000}, "does not hold yet"),
        ({"nbf": 32503680000}, "does not hold yet"),
        ({"exp": True}, "is no time"),
        ({"sub": None}, "lacks what every token has"),
        ({"sub": ""}, "1 to 200 characters"),
        ({"sub": "a\nb"}, "control characters"),
        ({"groups": {"a": 1}}, "not dict"),
        ({"groups": [7]}, "not int"),
        ({"groups": None, "_claim_names": {"groups": "src1"}}, "left the groups out"),
    ],
)
def test_a_token_that_does_not_fit_lets_nobody_in(
    browser: Browser, provider: ScriptedProvider, claims: dict[str, Any], said: str
) -> None:
    not_logged_in(browser.log_in(provider, **claims), 400, said)


def test_several_audiences_are_good_where_we_are_the_client(
    browser: Browser, provider: ScriptedProvider
) -> None:
    reply = browser.log_in(provider, aud=[CLIENT_ID, "more"], azp=CLIENT_ID)
    assert reply.status == 303


def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(
    browser: Browser, provider: ScriptedProvider
) -> None:
    for make in (
        lambda claims: jwt.encode(claims, private_key(9), algorithm="RS256", headers={"kid": "key-1"}),
        lambda claims: jwt.encode(claims, None, algorithm="none", headers={"kid": "key-1"}),
        lambda claims: jwt.encode(claims, "k" * 40, algorithm="HS256", headers={"kid": "key-1"}),
        lambda _claims: "no.token",
    ):
        address = browser.send("GET", "/login")["location"]
        nonce = parse_qs(urlsplit(address).query)["nonce"][0]
        good = jwt.decode(provider.token(aud=CLIENT_ID, nonce=nonce), options={"verify_signature": False})
        provider.answers["/token"] = (200, json.dumps({"id_token": make(good)}).encode())
        not_logged_in(browser.send("GET", provider.log_in(address)), 400, "cannot be used")


# Where one is sent afterwards


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "",
        "evil", "/a\nb", "/a\r\nLocation: x", "/é", "/" + "a" * 2001, "/\t/evil.example", "http:/evil.example",
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert own_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["/", "/d/a%2Fb?quote=1-2", "/answer?question=who%3F", "/x//y"])
def test_a_path_of_ours_is_kept(wanted: str) -> None:
    assert own_path(wanted) == wanted


@given(st.text(st.sampled_from("/\\.:@?#%aevil\t\n é"), max_size=12))
def test_whatever_is_wanted_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert urljoin(OWN, own_path(wanted)).startswith(OWN + "/")


def test_an_open_redirect_is_none(browser: Browser, provider: ScriptedProvider) -> None:
    assert browser.log_in(provider, "/login?next=//evil.example/x")["location"] == "/"


# Sessions


def test_a_session_ends_when_it_is_idle_and_after_its_time(
    browser: Browser, provider: ScriptedProvider
) -> None:
    browser.log_in(provider)
    clock = browser.service.clock
    for _ in range(3):
        clock.pass_s(7100)
        assert browser.fetch("GET", "/v1/documents").status == 200
    clock.pass_s(7201)
    assert_problem(browser.fetch("GET", "/v1/documents"), 401, "credential_expired")
    assert browser.send("GET", "/d/bridge").status == 303, "a page is sent to log in"
    provider.ahead_s = clock.added_ms / 1000
    browser.log_in(provider)
    for _ in range(4):
        assert browser.fetch("GET", "/v1/documents").status == 200
        clock.pass_s(7000)
    assert browser.fetch("GET", "/v1/documents").status == 200, "800 s are left"
    clock.pass_s(801)
    assert_problem(browser.fetch("GET", "/v1/documents"), 401, "credential_expired")


def test_logging_out_ends_the_session_everywhere_at_once(
    browser: Browser, provider: ScriptedProvider
) -> None:
    browser.log_in(provider)
    kept = dict(browser.cookies)
    assert browser.fetch("GET", "/v1/documents").status == 200
    assert browser.fetch("POST", "/logout").status == 204
    assert "cv_session" not in browser.cookies
    browser.cookies = kept
    assert_problem(browser.fetch("GET", "/v1/documents"), 401, "credential_invalid")
    assert browser.fetch("POST", "/logout").status == 204, "once more is as good"


def test_a_login_ends_the_session_before_it(browser: Browser, provider: ScriptedProvider) -> None:
    browser.log_in(provider)
    before = browser.cookies["cv_session"]
    browser.log_in(provider, sub="ben")
    assert browser.cookies["cv_session"] != before
    browser.cookies["cv_session"] = before
    assert_problem(browser.fetch("GET", "/v1/documents"), 401, "credential_invalid")


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "../../etc/passwd", '"', "a" * 5000])
def test_a_made_up_cookie_lets_nobody_in(browser: Browser, value: str) -> None:
    browser.cookies["cv_session"] = value
    assert browser.fetch("GET", "/v1/documents").status == 401
    assert browser.send("GET", "/").status == 303


def test_two_cookies_of_one_name_are_none(browser: Browser, provider: ScriptedProvider) -> None:
    browser.log_in(provider)
    cookie = browser.cookies["cv_session"]
    reply = browser.service.send(
        "GET", "/v1/documents", headers=[("cookie", f"cv_session={cookie}; cv_session={'a' * 43}")]
    )
    assert_problem(reply, 401, "not_authenticated")


def test_a_bad_header_is_not_made_good_by_a_cookie(browser: Browser, provider: ScriptedProvider) -> None:
    browser.log_in(provider)
    assert_problem(
        browser.fetch("GET", "/v1/documents", authorization="Bearer cv_x"), 401, "credential_invalid"
    )
    assert_problem(browser.send("GET", "/", authorization="Bearer cv_x"), 401, "credential_invalid")


# Other sites

EVERY_WRITE = (
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("POST", "/v1/feedback"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/mcp"),
    ("POST", "/logout"),
    ("PATCH", "/v1/conversations/conv_00000000000000000000000000"),
    ("DELETE", "/v1/conversations/conv_00000000000000000000000000"),
)


@pytest.mark.parametrize(("method", "target"), EVERY_WRITE)
def test_no_other_page_writes_with_a_person_s_cookie(
    browser: Browser, provider: ScriptedProvider, method: str, target: str
) -> None:
    browser.log_in(provider)
    for headers in (
        {"origin": PORTAL, "sec_fetch_site": "cross-site"},
        {"origin": PORTAL, "sec_fetch_site": "same-site"},
        {"origin": PORTAL, "sec_fetch_site": ""},
        {"origin": PORTAL},
        {"origin": "http://localhost:8000"},
        {"origin": "", "sec_fetch_site": "same-origin"},
        {"origin": "", "sec_fetch_site": "none"},
        {"origin": "", "sec_fetch_site": ""},
        {"origin": OWN, "sec_fetch_site": "same-site"},
        {"origin": OWN, "sec_fetch_site": "cross-site"},
    ):
        reply = browser.fetch(method, target, {"question": "x"}, **headers)
        assert reply.status == 403, headers
        assert b"cross_site" in reply.body
    assert browser.fetch(method, target, {"question": "x"}, sec_fetch_site="").status != 403, (
        "an older browser"
    )
    assert browser.fetch(method, target, {"question": "x"}).status not in (401, 403) or target == "/logout"


def test_no_other_page_reads_with_a_person_s_cookie_but_links_work(
    browser: Browser, provider: ScriptedProvider
) -> None:
    browser.log_in(provider)
    for headers in (
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
        {
            "sec_fetch_site": "same-site",
            "sec_fetch_mode": "cors",
            "sec_fetch_dest": "empty",
            "origin": PORTAL,
        },
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
        {"sec_fetch_site": "", "origin": PORTAL},
    ):
        assert_problem(browser.send("GET", "/v1/documents", **headers), 403, "cross_site")
    assert browser.send("GET", "/d/bridge", sec_fetch_site="cross-site").status == 200
    assert (
        browser.send("GET", "/d/bridge", sec_fetch_site="", sec_fetch_mode="", sec_fetch_dest="").status
        == 200
    )


# A provider that is not well


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"{}")),
        ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, b"[]")),
        ("/.well-known/openid-configuration", (200, b"\xff\xfe")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": "https://evil.example"}')),
        ("/.well-known/openid-configuration", (302, b"http://127.0.0.1:1/")),
        ("/.well-known/openid-configuration", (200, b" " * 600_000)),
    ],
)
def test_a_provider_that_answers_nonsense_is_an_outage(
    browser: Browser, provider: ScriptedProvider, path: str, answer: tuple[int, bytes]
) -> None:
    provider.answers[path] = answer
    problem = assert_problem(browser.send("GET", "/login"), 503, "provider_unavailable")
    assert "127.0.0.1" not in problem["detail"]
    assert_problem(browser.send("GET", "/login"), 503, "provider_unavailable")
    assert provider.asked.count(path) == 1, "it is left alone for a while"


def test_a_whole_document_of_another_issuer_is_not_taken(
    browser: Browser, provider: ScriptedProvider
) -> None:
    provider.discovery["issuer"] = "https://evil.example"
    assert_problem(browser.send("GET", "/login"), 503, "provider_unavailable")


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address", ["http://192.0.2.1/x", "https://evil.example/x", "file:///etc/passwd", None, 7]
)
def test_addresses_elsewhere_are_not_followed(
    browser: Browser, provider: ScriptedProvider, name: str, address: Any
) -> None:
    provider.discovery[name] = address
    away = browser.send("GET", "/login")
    if name == "authorization_endpoint":
        assert_problem(away, 503, "provider_unavailable")
    else:
        not_logged_in(browser.send("GET", provider.log_in(away["location"])), 503, "cannot be used right now")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, b'{"error": "invalid_grant"}'), 400),
        ((401, b'{"error": "invalid_client"}'), 503),
        ((500, b"{}"), 503),
        ((200, b"{}"), 503),
        ((200, b'{"id_token": 7}'), 503),
        ((200, b"nonsense"), 503),
        ((302, b"http://127.0.0.1:1/"), 503),
    ],
)
def test_a_token_endpoint_that_refuses_lets_nobody_in(
    browser: Browser, provider: ScriptedProvider, answer: tuple[int, bytes], status: int
) -> None:
    provider.answers["/token"] = answer
    not_logged_in(browser.log_in(provider), status, "")


def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(
    browser: Browser, provider: ScriptedProvider
) -> None:
    provider.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert browser.log_in(provider).status == 303


def test_the_e_mail_address_is_a_name_only_where_it_was_verified(
    small_state: Path, tmp_path: Path, provider: ScriptedProvider
) -> None:
    with guarded(small_state, tmp_path, **settings(provider, oidc_user_claim="email")) as service:
        for verified in (None, False, "true", 1):
            reply = Browser(service).log_in(provider, email="ada@example.org", email_verified=verified)
            not_logged_in(reply, 400, "was not verified")
        assert Browser(service).log_in(provider, email="ada@example.org", email_verified=True).status == 303


def test_logins_that_are_over_are_no_guesses_and_made_up_ones_are(
    small_state: Path, tmp_path: Path, provider: ScriptedProvider
) -> None:
    # One address for everybody, as behind a company's proxy.
    with guarded(small_state, tmp_path, **settings(provider, trusted_proxies=0)) as service:
        browser, other = Browser(service), Browser(service)
        finished = provider.log_in(browser.send("GET", "/login")["location"])
        assert browser.send("GET", finished).status == 303
        for _ in range(12):
            not_logged_in(browser.send("GET", finished), 400, "finished already")
            not_logged_in(other.send("GET", finished), 400, "has begun no login")
        assert browser.log_in(provider).status == 303, "nobody has to wait"
        other.send("GET", "/login")
        for number in range(10):
            not_logged_in(
                other.send("GET", f"/login/callback?code=x&state=guess{number}"), 400, "not begun here"
            )
        away = browser.send("GET", "/login")["location"]
        assert_problem(browser.send("GET", provider.log_in(away)), 429, "too_many_failures")


def test_a_guessed_code_of_the_provider_counts_though_its_login_was_begun_here(
    small_state: Path, tmp_path: Path, provider: ScriptedProvider
) -> None:
    with guarded(small_state, tmp_path, **settings(provider, trusted_proxies=0)) as service:
        browser = Browser(service)
        for number in range(10):
            state = parse_qs(urlsplit(browser.send("GET", "/login")["location"]).query)["state"][0]
            guessed = browser.send("GET", f"/login/callback?code=guess{number}&state={state}")
            not_logged_in(guessed, 400, "does not take this code")
        assert browser.send("GET", f"/login/callback?code=x&state={state}").status == 429


# The command


def sessions_command(folder: Path, *words: str, **more: str | None) -> Any:
    environment: dict[str, str | None] = {
        "VERSE_STATE_DIR": str(folder),
        "VERSE_PEPPER": PEPPER,
        "VERSE_DATABASE_URL": f"sqlite:///{folder / 'access.sqlite'}",
        **more,
    }
    with logging_put_back():
        return CliRunner().invoke(command_line, ["sessions", *words], env=environment)


def test_the_operator_sees_who_is_logged_in_and_ends_a_person_s_sessions(
    browser: Browser, provider: ScriptedProvider, tmp_path: Path
) -> None:
    second, ben = Browser(browser.service), Browser(browser.service)
    browser.log_in(provider)
    second.log_in(provider)
    ben.log_in(provider, sub="ben", groups=[])
    rows = [json.loads(line) for line in sessions_command(tmp_path, "list", "--json").stdout.splitlines()]
    assert [(row["user"], row["groups"]) for row in rows] == [
        ("ada", ["engineers", "staff"]),
        ("ada", ["engineers", "staff"]),
        ("ben", []),
    ]
    shown = sessions_command(tmp_path, "list").stdout
    assert shown.count("ada  group=engineers group=staff  began=") == 2
    for cookie in (*browser.cookies.values(), *ben.cookies.values()):
        assert cookie not in shown + json.dumps(rows)
    assert browser.fetch("GET", "/v1/documents").status == 200
    assert sessions_command(tmp_path, "revoke", "ada").stdout == "ended 2 sessions of ada\n"
    revoked = time.monotonic()
    while browser.fetch("GET", "/v1/documents").status == 200:
        assert time.monotonic() - revoked < 1, "it still lets her in after a second"
        time.sleep(0.01)
    assert_problem(second.fetch("GET", "/v1/documents"), 401, "credential_invalid")
    assert ben.fetch("GET", "/v1/documents").status == 200
    assert json.loads(sessions_command(tmp_path, "revoke", "nobody", "--json").stdout) == {
        "user": "nobody",
        "ended": 0,
    }
    assert browser.log_in(provider).status == 303, "she may log in anew"


def test_the_command_needs_the_pepper(tmp_path: Path) -> None:
    failed = sessions_command(tmp_path, "list", VERSE_PEPPER=None)
    assert failed.exit_code == 2
    assert "VERSE_PEPPER" in failed.stderr
