"""Embed tokens and frame codes: one person, one origin, a quarter of an hour, and a code only once."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest

from api.access.embed import EmbedTokens
from api.access.errors import CredentialError
from api.access.pepper import Pepper
from index.access import Viewer
from tests.api.guarded import OTHER, OWN, PEPPER, PORTAL, Guarded, guarded
from tests.api.rights import fastapi_of
from tests.api.service import assert_problem, post

SAME_ORIGIN = [("sec-fetch-site", "same-origin")]


@pytest.fixture(scope="module")
def service(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(small_state, tmp_path_factory.mktemp("embed")) as found:
        yield found


@pytest.fixture(scope="module")
def key(service: Guarded) -> str:
    return service.key(embed=True)


def exchange(service: Guarded, code: Any, origin: str | None = OWN) -> Any:
    return service.send("POST", "/v1/embed-tokens/exchange", origin=origin, body={"code": code})


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found


def test_a_token_opens_what_its_person_may_and_from_its_page_only(service: Guarded, key: str) -> None:
    token = service.token(key)["token"]
    assert service.ask(token, origin=PORTAL).status == 200
    assert service.send("GET", "/v1/documents/bridge", token, origin=PORTAL).status == 200
    for origin in (OTHER, OWN, None):
        assert_problem(service.ask(token, origin=origin), 401, "wrong_origin")
    assert_problem(service.ask(token, origin="https://evil.example"), 403, "origin_not_allowed")
    # Read by one of our own pages: such a page is not the portal's.
    assert_problem(service.send("GET", "/v1/documents", token, headers=SAME_ORIGIN), 401, "wrong_origin")


def test_it_says_who_asks_for_what_and_until_when(service: Guarded, key: str) -> None:
    made = service.token(key, ttl_s=60)
    claims = claims_of(made["token"])
    assert (claims["sub"], claims["groups"], claims["origin"], claims["aud"], claims["key"]) == (
        "ada",
        ["engineers"],
        PORTAL,
        OWN,
        key[3:15],
    )
    assert 58 <= claims["exp"] - service.clock() / 1000 <= 60
    principal = EmbedTokens(Pepper(PEPPER), OWN, now=service.clock).read(made["token"]).principal()
    assert principal.viewer == Viewer(user="ada", groups=frozenset({"engineers"}))
    assert principal.subject == "user:ada"
    assert key[16:] not in made["token"]


def test_it_expires_and_the_portal_gets_another(service: Guarded, key: str) -> None:
    token = service.token(key, ttl_s=30)["token"]
    service.clock.pass_s(28)
    assert service.ask(token, origin=PORTAL).status == 200
    service.clock.pass_s(2)
    reply = service.ask(token, origin=PORTAL)
    assert "ask the portal" in assert_problem(reply, 401, "credential_expired")["detail"]
    assert service.ask(service.token(key, ttl_s=30)["token"], origin=PORTAL).status == 200


def altered(token: str, **changes: Any) -> str:
    head, _, signature = token.split(".")
    body = (
        base64.urlsafe_b64encode(json.dumps({**claims_of(token), **changes}).encode()).rstrip(b"=").decode()
    )
    return f"{head}.{body}.{signature}"


def unsigned(token: str, algorithm: str) -> str:
    head = (
        base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    return f"cvt_{head}.{token.split('.')[1]}."


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: altered(t, sub="ben"),
        lambda t: altered(t, groups=["staff"]),
        lambda t: altered(t, exp=claims_of(t)["exp"] + 1),
        lambda t: altered(t, origin=OTHER),
        lambda t: unsigned(t, "none"),
        lambda t: unsigned(t, "None"),
        lambda t: unsigned(t, "RS256"),
        lambda t: t[:-1] + ("A" if t[-2] != "A" else "B") + t[-1],
        lambda t: t.rpartition(".")[0] + ".",
        lambda t: "cvt_",
        lambda t: "cvt_a.b.c",
        lambda t: "cvt_" + "a" * 9000,
        lambda t: "cvt_" + t,
    ],
)
def test_an_altered_token_is_refused(service: Guarded, key: str, spoil: Any) -> None:
    token = service.token(key)["token"]
    spoilt = spoil(token)
    assert spoilt != token
    assert_problem(service.ask(spoilt, origin=PORTAL), 401, "credential_invalid")


def test_a_token_signed_with_the_pepper_itself_or_lacking_something_is_refused(
    service: Guarded, key: str
) -> None:
    claims = claims_of(service.token(key)["token"])
    right = Pepper(PEPPER).key("embed token")
    assert service.ask("cvt_" + jwt.encode(claims, right, "HS256"), origin=PORTAL).status == 200
    wrong = [
        jwt.encode(claims, PEPPER, "HS256"),
        jwt.encode(claims, Pepper(PEPPER).key("api key"), "HS256"),
        *(jwt.encode({k: v for k, v in claims.items() if k != name}, right, "HS256") for name in claims),
    ]
    for token in wrong:
        assert_problem(service.ask("cvt_" + token, origin=PORTAL), 401, "credential_invalid")


def test_a_token_of_another_service_with_the_same_pepper_is_refused(service: Guarded, key: str) -> None:
    elsewhere = EmbedTokens(Pepper(PEPPER), "https://elsewhere.example")
    token, _ = elsewhere.sign(key[3:15], "ada", frozenset(), PORTAL, 60)
    reply = service.ask(token, origin=PORTAL)
    assert "another service" in assert_problem(reply, 401, "credential_invalid")["detail"]
    with pytest.raises(CredentialError, match="another service"):
        elsewhere.read(service.token(key)["token"])


def test_revoking_the_key_ends_its_tokens_and_codes(service: Guarded) -> None:
    own = service.key(embed=True)
    made = service.token(own)
    assert service.ask(made["token"], origin=PORTAL).status == 200
    service.keys.revoke(own[3:15])
    service.clock.pass_s(0.5)
    assert_problem(service.ask(made["token"], origin=PORTAL), 401, "credential_invalid")
    assert_problem(exchange(service, made["code"]), 401, "credential_invalid")


def test_a_token_gets_no_further_tokens_and_no_page(service: Guarded, key: str) -> None:
    token = service.token(key)["token"]
    body = {"user": "ben", "groups": [], "origin": PORTAL}
    reply = service.send("POST", "/v1/embed-tokens", token, origin=PORTAL, body=body)
    assert "--embed" in assert_problem(reply, 403, "not_allowed")["detail"]
    assert_problem(service.send("POST", "/v1/embed-tokens", service.key(), body=body), 403, "not_allowed")
    assert_problem(service.send("POST", "/v1/embed-tokens", body=body), 401, "not_authenticated")
    assert_problem(
        service.send("GET", f"/v1/documents?token={token}", token, origin=PORTAL), 401, "credential_invalid"
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"origin": "https://evil.example"}, 422, "origin_not_listed"),
        ({"origin": "http://portal.example"}, 422, "origin_not_listed"),
        ({"origin": "https://portal.example:8443"}, 422, "origin_not_listed"),
        ({"origin": "https://sub.portal.example"}, 422, "origin_not_listed"),
        ({"origin": "*"}, 422, "invalid_fields"),
        ({"origin": "null"}, 422, "invalid_fields"),
        ({"origin": ""}, 422, "invalid_fields"),
        ({"origin": "https://portal.example/page"}, 422, "invalid_fields"),
        ({"origin": "https://ada@portal.example"}, 422, "invalid_fields"),
        ({"origin": "https://portal.example "}, 422, "invalid_fields"),
        ({"origin": "javascript:alert(1)"}, 422, "invalid_fields"),
        ({"ttl_s": 901}, 422, "invalid_fields"),
        ({"ttl_s": 29}, 422, "invalid_fields"),
        ({"ttl_s": "60"}, 422, "invalid_fields"),
        ({"ttl_s": True}, 422, "invalid_fields"),
        ({"user": ""}, 422, "invalid_fields"),
        ({"user": "a\x00"}, 422, "invalid_fields"),
        ({"user": None}, 422, "invalid_fields"),
        ({"groups": "engineers"}, 422, "invalid_fields"),
        ({"groups": [""]}, 422, "invalid_fields"),
        ({"groups": [7]}, 422, "invalid_fields"),
        ({"groups": [f"{n:0200}" for n in range(40)]}, 422, "token_too_long"),
        ({"scopes": ["admin"]}, 422, "invalid_fields"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(
    service: Guarded, key: str, changes: dict[str, Any], status: int, code: str
) -> None:
    body = {"user": "ada", "groups": [], "origin": PORTAL, **changes}
    assert_problem(service.send("POST", "/v1/embed-tokens", key, body=body), status, code)


def test_an_origin_is_taken_as_browsers_send_it(service: Guarded, key: str) -> None:
    token = service.token(key, origin="HTTPS://Portal.Example:443/")["token"]
    assert service.ask(token, origin=PORTAL).status == 200


def test_a_frame_gets_its_token_once(service: Guarded, key: str) -> None:
    made = service.token(key, ttl_s=120)
    assert made["frame_url"] == f"{OWN}/embed?code={made['code']}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}[0-9a-f]{32}", made["code"])
    reply = exchange(service, made["code"])
    assert reply.status == 200
    frame = reply.json()
    assert frame["parent_origin"] == PORTAL
    assert claims_of(frame["token"])["origin"] == OWN
    assert claims_of(frame["token"])["sub"] == "ada"
    assert service.ask(frame["token"], origin=OWN).status == 200
    # What the frame reads from its own origin comes without Origin.
    assert service.send("GET", "/v1/documents", frame["token"], headers=SAME_ORIGIN).status == 200
    assert_problem(service.send("GET", "/v1/documents", frame["token"]), 401, "wrong_origin")
    assert_problem(service.ask(frame["token"], origin=PORTAL), 401, "wrong_origin")
    assert (
        "used already" in assert_problem(exchange(service, made["code"]), 401, "credential_expired")["detail"]
    )


def test_a_frame_s_page_renews_with_a_token_for_the_frame(service: Guarded, key: str) -> None:
    made = service.token(key, origin=OWN)
    assert (made["code"], made["frame_url"]) == (None, None)
    assert service.ask(made["token"], origin=OWN).status == 200


def test_only_one_of_many_who_exchange_a_code_gets_a_token(service: Guarded, key: str) -> None:
    for _ in range(5):
        code = service.token(key)["code"]
        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(
                reply.status for reply in pool.map(lambda one: exchange(service, one), [code] * 8)
            )
        assert statuses == [200] + [401] * 7


def test_a_code_lasts_a_minute_and_is_for_our_frame(service: Guarded, key: str) -> None:
    code = service.token(key)["code"]
    for origin in (PORTAL, OTHER, None):
        assert_problem(exchange(service, code, origin), 401, "wrong_origin")
    access = fastapi_of(service.client.app).state.access
    assert access.codes.parent_origin(code) == PORTAL
    service.clock.pass_s(59)
    assert access.codes.parent_origin(code) == PORTAL
    service.clock.pass_s(1)
    assert access.codes.parent_origin(code) is None
    assert_problem(exchange(service, code), 401, "credential_expired")
    assert access.codes.parent_origin("nonsense") is None


@pytest.mark.parametrize("code", ["", "x", "é", "\ud800", "a" * 201, None, 7, ["a"]])
def test_what_is_no_code_is_refused(service: Guarded, code: Any) -> None:
    assert exchange(service, code).status in (400, 401, 422)


def test_a_code_is_made_for_those_alone_who_may_hold_a_frame(service: Guarded, key: str) -> None:
    assert service.token(key, origin=OTHER)["code"] is None


def test_the_database_holds_no_code(small_state: Path, tmp_path: Path) -> None:
    with guarded(small_state, tmp_path) as service:
        code = service.token(service.key(embed=True))["code"]
        service.database.checkpoint()
        with sqlite3.connect(tmp_path / "access.sqlite") as other:
            (digest,) = other.execute("SELECT digest FROM frame_codes").fetchone()
        other.close()
        assert digest == Pepper(PEPPER).digest("frame code", code)
        assert code.encode() not in (tmp_path / "access.sqlite").read_bytes()
        service.clock.pass_s(61)
        service.token(service.key(embed=True))
        with service.database.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM frame_codes").scalar() == 1


def test_an_origin_that_is_no_longer_listed_ends_its_tokens(small_state: Path, tmp_path: Path) -> None:
    with guarded(small_state, tmp_path) as service:
        embedding = service.key(embed=True)
        token = service.token(embedding, origin=OTHER)["token"]
    with guarded(small_state, tmp_path, allowed_origins=[PORTAL]) as service:
        assert_problem(service.ask(token, origin=OTHER), 403, "origin_not_allowed")
    with guarded(small_state, tmp_path, allowed_origins=[]) as service:
        # Listed for frames only: the element on that page has no business here.
        token = service.token(embedding)["token"]
        assert_problem(service.ask(token, origin=PORTAL), 403, "origin_not_allowed")


def test_a_service_that_asks_nobody_makes_no_tokens(small: Any) -> None:
    body = {"user": "ada", "groups": [], "origin": PORTAL}
    problem = assert_problem(post(small, "/v1/embed-tokens", body), 409, "access_not_configured")
    assert "VERSE_AUTH" in problem["detail"]
    assert_problem(post(small, "/v1/embed-tokens/exchange", {"code": "x"}), 409, "access_not_configured")


def test_codes_that_are_over_are_no_guesses_and_guessed_ones_are(small_state: Path, tmp_path: Path) -> None:
    # One address for everybody, as behind a company's proxy.
    with guarded(small_state, tmp_path, trusted_proxies=0) as service:
        key = service.key(embed=True)
        made = service.token(key)
        assert exchange(service, made["code"]).status == 200
        expired = service.token(key)["code"]
        service.clock.pass_s(61)
        for _ in range(12):
            for code in (made["code"], expired):
                assert_problem(exchange(service, code), 401, "credential_expired")
                assert service.send("GET", f"/embed?code={code}").status == 403
            assert service.send("GET", "/embed").status == 403
        assert exchange(service, service.token(key)["code"]).status == 200, "nobody has to wait"
        good = service.token(key)["code"]
        flipped = ("a" if good[0] != "a" else "b") + good[1:]
        for number, code in enumerate([flipped, good[:-1], good + "0", good[:43], "x" * 75]):
            assert_problem(exchange(service, code), 401, "credential_invalid")
            assert service.send("GET", f"/embed?code={number}{good}").status == 403
        assert_problem(exchange(service, good), 429, "too_many_failures")
        assert_problem(service.send("GET", f"/embed?code={good}"), 429, "too_many_failures")
