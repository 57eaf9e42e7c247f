"""Wrong configurations: each is refused at the start, and what is said names what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.access.configuration import (
    CHECKS,
    ConfigurationError,
    check_configuration,
    check_served,
    check_way_in,
)
from api.app import create_app
from api.cli import app as command_line
from api.settings import Settings
from tests.api.guarded import logging_put_back

PEPPER = "0123456789abcdefghijklmnopqrstuvwxyz"
GOOD: dict[str, Any] = {
    "auth": "required",
    "pepper": PEPPER,
    "public_url": "https://verse.example.org",
    "allowed_origins": ["https://portal.example.org"],
    "frame_ancestors": ["https://portal.example.org"],
    "oidc_issuer": "https://login.example.org/realm",
    "oidc_client_id": "verse",
    "oidc_client_secret": "client-secret-canary",
    "oidc_audience": "https://verse.example.org",
}
NONE = {"auth": "none", "pepper": None, "frame_ancestors": [], "oidc_issuer": None, "oidc_client_id": None,
        "oidc_client_secret": None, "oidc_audience": None}  # fmt: skip


def test_a_good_one_is_taken_and_so_is_the_default() -> None:
    check_configuration(Settings(**GOOD))
    check_served(Settings(**GOOD), "0.0.0.0")
    check_served(Settings(**GOOD), "127.0.0.1")
    check_way_in(Settings(**GOOD), any_key=False)
    check_configuration(Settings())
    check_served(Settings(), "127.0.0.1")
    check_served(Settings(), "::1")
    check_way_in(Settings(), any_key=False)
    local = {**GOOD, "public_url": "http://127.0.0.1:8000", "oidc_issuer": "http://127.0.0.1:9/"}
    check_served(Settings(**local), "localhost")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "pepper_missing": ({"pepper": None}, "VERSE_PEPPER is not set; set it to .*openssl rand"),
    "pepper_short": ({"pepper": "q7" * 10}, "VERSE_PEPPER has 20 characters and needs 32; use"),
    "pepper_short_by_one": ({"pepper": PEPPER[:31]}, "has 31 characters"),
    "pepper_empty": ({"pepper": ""}, "has 0 characters"),
    "pepper_guessable": ({"pepper": "changeme" * 8}, "VERSE_PEPPER has 7 different characters"),
    "public_url_plain": ({"public_url": "http://verse.example.org"}, "in the clear; put a proxy with TLS in front"),
    "hosts_wild": ({"allowed_hosts": ["*"]}, "VERSE_ALLOWED_HOSTS holds '\\*'; write each name"),
    "hosts_half_wild": ({"allowed_hosts": ["*.example.org"]}, "write each name"),
    "origins_wild": ({"allowed_origins": ["*"]}, "VERSE_ALLOWED_ORIGINS holds '\\*'.*write each origin out"),
    "origins_half_wild": ({"allowed_origins": ["https://*.example.org"]}, "write each origin out"),
    "origins_null": ({"allowed_origins": ["null"]}, "VERSE_ALLOWED_ORIGINS holds 'null'; write a whole origin"),
    "origins_path": ({"allowed_origins": ["https://portal.example.org/intranet"]}, "nothing behind it"),
    "origins_plain": ({"allowed_origins": ["http://portal.example.org"]}, "serve that site over https"),
    "frames_wild": ({"frame_ancestors": ["https://*"]}, "VERSE_FRAME_ANCESTORS holds .*write each origin out"),
    "frames_path": ({"frame_ancestors": ["https://portal.example.org/a"]}, "VERSE_FRAME_ANCESTORS .*nothing behind"),
    "frames_keyword": ({"frame_ancestors": ["'self'"]}, "write a whole origin"),
    "frames_injected": ({"frame_ancestors": ["https://a.example; script-src *"]}, "write each origin out"),
    "frames_two_in_one": ({"frame_ancestors": ["https://a.example https://b.example"]}, "write a whole origin"),
    "frames_plain": ({"frame_ancestors": ["http://portal.example.org"]}, "serve that site over https"),
    "frames_without_auth": ({**NONE, "frame_ancestors": ["https://a.example"]}, "FRAME_ANCESTORS.*set VERSE_AUTH=required"),
    "oidc_without_auth": ({**NONE, "oidc_issuer": "https://a.example", "oidc_audience": "b"}, "VERSE_AUTH=required"),
    "oidc_without_issuer": ({"oidc_issuer": None}, "VERSE_OIDC_CLIENT_ID is set, but VERSE_OIDC_ISSUER is not; set it"),
    "oidc_for_nothing": (
        {"oidc_client_id": None, "oidc_client_secret": None, "oidc_audience": None},
        "neither VERSE_OIDC_CLIENT_ID .*set one of them",
    ),
    "oidc_issuer_plain": ({"oidc_issuer": "http://login.example.org"}, "VERSE_OIDC_ISSUER .*must be https"),
    "oidc_issuer_query": ({"oidc_issuer": "https://login.example.org/?a=b"}, "write the issuer as the provider does"),
    "oidc_issuer_user": ({"oidc_issuer": "https://ada@login.example.org"}, "write the issuer as the provider does"),
    "oidc_issuer_name": ({"oidc_issuer": "login.example.org"}, "write the issuer as the provider does"),
    "oidc_hs256": ({"oidc_algorithms": ["RS256", "HS256"]}, "VERSE_OIDC_ALGORITHMS holds 'HS256'.*allowed are"),
    "oidc_none": ({"oidc_algorithms": ["none"]}, "holds 'none'"),
    "oidc_no_algorithm": ({"oidc_algorithms": []}, "VERSE_OIDC_ALGORITHMS is empty; allowed are"),
    "oidc_audience_is_client": ({"oidc_audience": "verse"}, "register the API with an audience of its own"),
    "oidc_scope_missing": ({"oidc_scopes": "profile email"}, "lacks openid.*add it"),
    "oidc_origins_wild": ({"oidc_origins": ["https://*.example.org"]}, "VERSE_OIDC_ORIGINS .*write each origin out"),
    "idle_too_long": ({"session_idle_s": 28_801}, "VERSE_SESSION_IDLE_S is 28801 .*lower the first"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_refused_with_what_to_do(name: str) -> None:
    changes, said = WRONG[name]
    settings = Settings(**{**GOOD, **changes})
    with pytest.raises(ConfigurationError, match=said) as refused:
        check_configuration(settings)
    with pytest.raises(ConfigurationError, match=said):
        create_app(settings)
    with pytest.raises(ConfigurationError, match=said):
        check_served(settings, "127.0.0.1")
    assert "; also: " not in str(refused.value), "one thing is wrong and one is told"
    for secret in (GOOD["oidc_client_secret"], changes.get("pepper")):
        assert not secret or secret not in str(refused.value)


def test_every_check_is_tried() -> None:
    found = {
        check.__name__
        for changes, _ in WRONG.values()
        for check in CHECKS
        if check(Settings(**{**GOOD, **changes})) is not None
    }
    assert found == {check.__name__ for check in CHECKS}
    assert len(CHECKS) + 4 >= 12


def test_all_that_is_wrong_is_told_at_once() -> None:
    settings = Settings(**{**GOOD, "pepper": None, "oidc_algorithms": ["none"], "allowed_hosts": ["*"]})
    with pytest.raises(ConfigurationError) as refused:
        check_configuration(settings)
    assert str(refused.value).count("; also: ") == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "", "127.0.0.1.example.org"])
def test_others_are_not_served_without_asking_who_they_are(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no authentication.*set VERSE_AUTH=required"):
        check_served(Settings(), host)


def test_others_are_not_served_at_an_address_that_nobody_gave() -> None:
    settings = Settings(auth="required", pepper=PEPPER)
    with pytest.raises(ConfigurationError, match=r"VERSE_PUBLIC_URL is not set; set it to the https address"):
        check_served(settings, "0.0.0.0")
    check_served(settings, "127.0.0.1")


def test_a_public_address_without_authentication_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    check_served(Settings(**NONE, public_url="https://verse.example.org"), "127.0.0.1")
    (warned,) = caplog.messages
    assert "https://verse.example.org" in warned
    assert "set VERSE_AUTH=required" in warned
    caplog.clear()
    check_served(Settings(), "127.0.0.1")
    assert caplog.messages == []


def test_a_service_into_which_nobody_could_come_is_not_served() -> None:
    settings = Settings(auth="required", pepper=PEPPER)
    with pytest.raises(ConfigurationError, match="make a key with `verse keys create NAME --scope ask`"):
        check_way_in(settings, any_key=False)
    check_way_in(settings, any_key=True)


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["--host", "0.0.0.0"], {}, "there is no authentication"),
        ([], {"VERSE_AUTH": "required"}, "VERSE_PEPPER is not set"),
        ([], {"VERSE_AUTH": "required", "VERSE_PEPPER": "pepper-canary"}, "has 13 characters"),
        ([], {"VERSE_AUTH": "on"}, "auth"),
    ],
)
def test_the_command_ends_with_one_line(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    state = tmp_path / "state"
    with logging_put_back():
        done = CliRunner().invoke(
            command_line,
            ["serve", "--port", "0", *arguments],
            env={"VERSE_STATE_DIR": str(state), **variables},
        )
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr
    assert not state.exists(), "found before anything was done"
