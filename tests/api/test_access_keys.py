"""API keys: shown once, stored as digests, held to their scopes, dead within a second of being revoked."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.access.briefly import LASTS_MS
from api.access.errors import CredentialError, CredentialExpiredError
from api.access.keys import Keys
from api.access.pepper import Pepper
from api.access.principal import Scope
from api.cli import app as command_line
from api.errors import NotFoundError
from api.store.database import Database
from tests.api.guarded import OWN, PEPPER, PORTAL, Guarded, guarded, logging_put_back
from tests.api.service import assert_problem
from tests.api.stored import Clock

ASK = frozenset({Scope.ASK})
PATTERN = re.compile(r"cv_[0-9A-HJKMNP-TV-Z]{12}_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def service(small_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(small_state, tmp_path_factory.mktemp("keys")) as found:
        yield found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "c.sqlite")
    yield opened
    opened.close()


def test_a_key_lets_in_and_nothing_lets_in_nobody(service: Guarded) -> None:
    problem = assert_problem(service.ask(None), 401, "not_authenticated")
    assert problem["detail"] == "send a credential as `Authorization: Bearer …`"
    reply = service.ask(service.key())
    assert (reply.status, reply.json()["status"]) == (200, "answered")


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key.lower(),
        lambda key: key.replace("cv_", "cv-", 1),
        lambda key: "cv_000000000000_" + key[16:],
        lambda key: "cv_",
        lambda key: "cv_" + "9" * 9000,
        lambda key: "x.y.z",
        lambda key: "unused",
    ],
)
def test_a_key_that_is_not_whole_is_refused(service: Guarded, spoilt: Any) -> None:
    key = service.key()
    reply = service.ask(spoilt(key))
    problem = assert_problem(reply, 401, "credential_invalid")
    assert reply["www-authenticate"] == 'Bearer realm="chapter-and-verse", error="invalid_token"'
    assert key not in problem["detail"]


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer {key} {key}", "Bearer {key},", "Bearer \x00"],
)
def test_a_header_of_another_shape_is_refused(service: Guarded, header: str) -> None:
    sent = header.replace("{key}", service.key())
    assert_problem(service.ask(None, headers=[("authorization", sent)]), 401, "credential_invalid")


def test_two_headers_are_none(service: Guarded) -> None:
    pair = [("authorization", f"Bearer {service.key()}")] * 2
    assert_problem(service.ask(None, headers=pair), 401, "credential_invalid")


def test_a_key_in_an_address_is_refused_whatever_else_is_sent(service: Guarded) -> None:
    key = service.key()
    hidden = key.replace("_", "%5F").replace("c", "%63")
    for target in (f"/v1/documents?key={key}", f"/v1/documents?access_token={hidden}"):
        assert (
            "revoke it"
            in assert_problem(service.send("GET", target, key), 401, "credential_invalid")["detail"]
        )
        assert_problem(service.send("GET", target), 401, "credential_invalid")


def test_a_key_with_another_scope_may_not_ask(service: Guarded) -> None:
    reply = service.ask(service.key("ingest", "admin"))
    assert "'ask'" in assert_problem(reply, 403, "not_allowed")["detail"]
    assert reply["www-authenticate"] == 'Bearer realm="chapter-and-verse", error="insufficient_scope"'


def test_a_chat_client_is_refused_in_its_own_shape(service: Guarded) -> None:
    for key, status, kind in (
        (None, 401, "authentication_error"),
        (service.key("ingest"), 403, "permission_error"),
    ):
        reply = service.send("GET", "/v1/models", key)
        assert (reply.status, reply.json()["error"]["type"]) == (status, kind)
        assert reply["www-authenticate"].startswith("Bearer ")


def test_only_an_administrator_is_told_what_serves(service: Guarded) -> None:
    for key in (None, service.key()):
        assert service.send("GET", "/readyz", key).json() == {"status": "ready"}
    assert service.send("GET", "/readyz", service.key("admin")).json()["documents"] == 5
    assert_problem(service.send("GET", "/readyz", "cv_none"), 401, "credential_invalid")


def test_a_revoked_key_is_dead_within_a_second(service: Guarded) -> None:
    key = service.key()
    assert service.ask(key).status == 200
    service.keys.revoke(key[3:15])  # through a connection of its own, as another process does
    revoked = time.monotonic()
    while (reply := service.send("GET", "/v1/models", key)).status == 200:
        assert time.monotonic() - revoked < 1, "it still opens after a second"
        time.sleep(0.01)
    assert "revoked" in reply.json()["error"]["message"]


def test_a_key_ends_on_its_day_even_where_it_was_just_seen(service: Guarded) -> None:
    key = service.key(expires_at=service.clock() + LASTS_MS - 100)
    assert service.ask(key).status == 200
    service.clock.pass_s((LASTS_MS - 100) / 1000)
    assert_problem(service.ask(key), 401, "credential_expired")


def test_conversations_belong_to_the_person_whoever_brings_them(service: Guarded) -> None:
    def ask(key: str) -> str:
        reply = service.send("POST", "/v1/ask", key, body={"question": "Who built the bridge?"})
        found: str = reply.json()["id"]
        return found

    ada, again, ben = service.key(user="ada"), service.key(user="ada"), service.key(user="ben")
    nobody, nobody_else = service.key(), service.key()
    answer = ask(ada)
    assert service.send("GET", f"/v1/answers/{answer}", again).json()["id"] == answer
    for other in (ben, nobody):
        assert_problem(service.send("GET", f"/v1/answers/{answer}", other), 404, "not_found")
    answer = ask(nobody)
    assert service.send("GET", f"/v1/answers/{answer}", nobody).status == 200
    assert_problem(service.send("GET", f"/v1/answers/{answer}", nobody_else), 404, "not_found")
    # A person whose name looks like a key's does not get what is that key's.
    assert_problem(
        service.send("GET", f"/v1/answers/{answer}", service.key(user=f"key:{nobody[3:15]}")),
        404,
        "not_found",
    )


def test_the_database_holds_no_key(database: Database, tmp_path: Path) -> None:
    made, text = Keys(database, Pepper(PEPPER)).create("portal", ASK)
    assert PATTERN.fullmatch(text)
    assert made.key_id == text[3:15]
    database.checkpoint()
    stored = (tmp_path / "c.sqlite").read_bytes()
    assert made.key_id.encode() in stored
    assert text[16:].encode() not in stored
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        (digest,) = other.execute("SELECT digest FROM api_keys").fetchone()
    other.close()
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest == Pepper(PEPPER).digest("api key", text)
    assert digest != Pepper(PEPPER + "x").digest("api key", text)
    assert digest != Pepper(PEPPER).digest("session", text)


def test_another_pepper_opens_nothing(database: Database) -> None:
    _, text = Keys(database, Pepper(PEPPER)).create("portal", ASK)
    assert Keys(database, Pepper(PEPPER)).check(text).name == "portal"
    with pytest.raises(CredentialError, match="no API key of this service"):
        Keys(database, Pepper(PEPPER + "x")).check(text)
    assert PEPPER not in repr(Pepper(PEPPER))


def test_a_digest_from_the_database_is_no_key(database: Database) -> None:
    keys = Keys(database, Pepper(PEPPER))
    made, text = keys.create("portal", ASK)
    with pytest.raises(CredentialError):
        keys.check(f"cv_{made.key_id}_{Pepper(PEPPER).digest('api key', text)[:43]}")


def test_use_is_noted_once_a_minute(database: Database) -> None:
    clock = Clock()
    keys = Keys(database, Pepper(PEPPER), now=clock)
    _, text = keys.create("portal", ASK)
    began, noted = clock.at_ms, []
    for passed in (0, 1, 59_999, 60_000, 60_001, 130_000):
        clock.at_ms = began + passed
        keys.check(text)
        noted.append(keys.all()[0].last_used_at)
    assert [None if at is None else at - began for at in noted] == [0, 0, 0, 60_000, 60_000, 130_000]


def test_a_key_that_was_just_seen_is_not_looked_up_and_one_of_half_a_second_ago_is(
    database: Database,
) -> None:
    clock = Clock()
    keys = Keys(database, Pepper(PEPPER), now=clock)
    _, text = keys.create("portal", ASK)
    assert keys.known(text) is None
    keys.check(text)
    clock.at_ms += LASTS_MS - 1
    assert keys.known(text) is not None
    clock.at_ms += 1
    assert keys.known(text) is None
    keys.check(text)
    clock.at_ms -= 10
    assert keys.known(text) is None, "a clock that was set back makes nothing younger"


def test_expiry_is_to_the_millisecond(database: Database) -> None:
    clock = Clock()
    keys = Keys(database, Pepper(PEPPER), now=clock)
    _, text = keys.create("portal", ASK, expires_at=clock.at_ms + 1000)
    assert keys.any_usable()
    clock.at_ms += 999
    keys.check(text)
    clock.at_ms += 1
    with pytest.raises(CredentialExpiredError):
        keys.check(text)
    with pytest.raises(CredentialExpiredError):
        keys.known(text)
    assert not keys.any_usable()


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("", {}, "1 to 200 characters, not 0"),
        ("x" * 201, {}, "not 201"),
        ("two\nlines", {}, "control characters"),
        (" x", {}, "begin or end with a space"),
        ("x", {"scopes": frozenset()}, "needs a scope"),
        ("x", {"scopes": frozenset({Scope.INGEST}), "may_embed": True}, "needs the scope ask"),
        ("x", {"user": "\ud800"}, "control characters"),
        ("x", {"groups": frozenset({""})}, "not 0"),
        ("x", {"groups": frozenset(map(str, range(1001)))}, "1001 groups are more than 1000"),
        ("x", {"expires_at": 1}, "expired already"),
    ],
)
def test_what_makes_no_sense_is_not_made(
    database: Database, name: str, values: dict[str, Any], said: str
) -> None:
    keys = Keys(database, Pepper(PEPPER))
    with pytest.raises(ValueError, match=said):
        keys.create(name, values.pop("scopes", ASK), **values)
    assert keys.all() == []


def test_revoking_twice_keeps_the_first_time_and_of_none_is_an_error(database: Database) -> None:
    clock = Clock()
    keys = Keys(database, Pepper(PEPPER), now=clock)
    made, text = keys.create("portal", ASK)
    first = keys.revoke(made.key_id).revoked_at
    clock.at_ms += 5
    assert keys.revoke(made.key_id).revoked_at == first == clock.at_ms - 5
    with pytest.raises(CredentialError, match="revoked"):
        keys.check(text)
    with pytest.raises(NotFoundError, match="'XYZ'"):
        keys.revoke("XYZ")


def test_many_threads_check_and_make_keys_at_once(database: Database) -> None:
    keys = Keys(database, Pepper(PEPPER))
    with ThreadPoolExecutor(8) as pool:
        texts = [text for _, text in pool.map(lambda n: keys.create(f"k{n}", ASK), range(24))]
        assert [key.name for key in pool.map(keys.check, texts)] == [f"k{n}" for n in range(24)]


# The command


def run(folder: Path, *words: str, **more: str) -> Any:
    environment = {"VERSE_STATE_DIR": str(folder), "VERSE_PEPPER": PEPPER, **more}
    with logging_put_back():
        return CliRunner().invoke(command_line, ["keys", *words], env=environment)


def test_the_command_makes_lists_and_revokes(tmp_path: Path) -> None:
    made = run(
        tmp_path, "create", "the portal", "--scope", "ask", "--scope", "admin", "--embed", "--user", "ada",
        "--group", "staff", "--group", "engineers", "--expires-days", "2",
    )  # fmt: skip
    assert made.exit_code == 0, made.stderr
    text = made.stdout.strip()
    assert PATTERN.fullmatch(text)
    assert "only time" in made.stderr
    assert text not in made.stderr
    (listed,) = map(json.loads, run(tmp_path, "list", "--json").stdout.splitlines())
    assert {
        name: listed[name] for name in ("id", "prefix", "name", "scopes", "may_embed", "user", "groups")
    } == {
        "id": text[3:15],
        "prefix": text[:15],
        "name": "the portal",
        "scopes": ["admin", "ask"],
        "may_embed": True,
        "user": "ada",
        "groups": ["engineers", "staff"],
    }
    assert (listed["last_used_at"], listed["revoked_at"]) == (None, None)
    assert listed["expires_at"] > listed["created_at"]
    shown = run(tmp_path, "list").stdout
    assert shown.startswith(
        f"{text[:15]}  the portal  admin,ask,embed  user=ada group=engineers group=staff  created="
    )
    assert text[16:] not in shown
    assert run(tmp_path, "revoke", text[:15]).stdout == f"revoked {text[3:15]} (the portal)\n"
    assert "REVOKED=" in run(tmp_path, "list").stdout


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (("list",), {"VERSE_PEPPER": ""}, "VERSE_PEPPER"),
        (("list",), {"VERSE_PEPPER": "short"}, "VERSE_PEPPER has 5 characters and needs 32"),
        (("create", "x", "--scope", "everything"), {}, "'everything'"),
        (("create", "", "--scope", "ask"), {}, "1 to 200 characters"),
        (("create", "x", "--scope", "ingest", "--embed"), {}, "needs the scope ask"),
        (("revoke", "cv_NONE"), {}, "there is no key 'NONE'"),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, words: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    done = run(tmp_path, *words, **more)
    assert done.exit_code in (1, 2)
    assert said in done.stderr
    assert "short" not in done.stderr
    assert done.stdout == ""


def test_without_a_pepper_the_command_says_how_to_make_one(tmp_path: Path) -> None:
    with logging_put_back():
        done = CliRunner().invoke(command_line, ["keys", "list"], env={"VERSE_STATE_DIR": str(tmp_path)})
    assert (done.exit_code, done.stdout) == (2, "")
    assert "openssl rand -base64 32" in done.stderr


def test_a_browser_may_bring_a_key_from_a_listed_page_only(service: Guarded) -> None:
    assert service.ask(service.key(), origin=PORTAL).status == 200
    assert service.ask(service.key(), origin=OWN).status == 200
    assert_problem(service.ask(service.key(), origin="https://evil.example"), 403, "origin_not_allowed")
