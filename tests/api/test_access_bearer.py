"""Access tokens of the identity provider, as programs bring them; and its keys, which change."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from api.access.errors import CredentialError, ProviderError
from api.access.id_claims import IdClaims, Person
from api.access.provider import COOL_DOWN_S, FRESH_S, HOLDS_S, Provider, ProviderSettings
from tests.api.guarded import Guarded, guarded
from tests.api.identity_provider import (
    AUDIENCE,
    ScriptedProvider,
    identity_provider,
    private_key,
    public_jwk,
)
from tests.api.service import assert_problem


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with identity_provider() as found:
        yield found


@pytest.fixture
def service(small_state: Path, tmp_path: Path, provider: ScriptedProvider) -> Iterator[Guarded]:
    with guarded(small_state, tmp_path, oidc_issuer=provider.issuer, oidc_audience=AUDIENCE) as found:
        yield found


def test_a_token_of_the_provider_opens_what_its_person_may(
    service: Guarded, provider: ScriptedProvider
) -> None:
    assert service.ask(provider.token()).status == 200
    assert service.ask(provider.token(aud=["more", AUDIENCE])).status == 200
    assert_problem(service.send("POST", "/v1/embed-tokens", provider.token(), body={}), 403, "not_allowed")
    assert service.send("GET", "/readyz", provider.token()).json() == {"status": "ready"}
    assert_problem(service.send("GET", "/login"), 409, "access_not_configured")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "another"}, "credential_invalid"),
        ({"aud": None}, "credential_invalid"),
        ({"aud": []}, "credential_invalid"),
        ({"aud": AUDIENCE + "/"}, "credential_invalid"),
        ({"iss": "https://evil.example"}, "credential_invalid"),
        ({"iss": None}, "credential_invalid"),
        ({"exp": None}, "credential_invalid"),
        ({"exp": 1_700_000_000}, "credential_expired"),
        ({"exp": 1e300}, "credential_invalid"),
        ({"exp": "soon"}, "credential_invalid"),
        ({"iat": 32_503_680_000}, "credential_invalid"),
        ({"nbf": 32_503_680_000}, "credential_invalid"),
        ({"sub": None}, "credential_invalid"),
        ({"sub": 7}, "credential_invalid"),
        ({"sub": "x" * 201}, "credential_invalid"),
        ({"groups": [f"g{n}" for n in range(1001)]}, "credential_invalid"),
        ({"groups": 7}, "credential_invalid"),
    ],
)
def test_what_a_token_says_must_fit(
    service: Guarded, provider: ScriptedProvider, claims: dict[str, Any], code: str
) -> None:
    assert_problem(service.ask(provider.token(**claims)), 401, code)


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def changed(token: str, **claims: Any) -> str:
    head, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}.{part({**said, **claims})}.{signature}"


def headed(token: str, **head: Any) -> str:
    return f"{part({'typ': 'JWT', **head})}.{token.split('.', 1)[1]}"


def signed_with_the_public_key(token: str) -> str:
    """The old trick: the public key as the secret of an HMAC."""
    import hashlib
    import hmac

    public = private_key(1).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'typ': 'JWT', 'alg': 'HS256', 'kid': 'key-1'})}.{token.split('.')[1]}"
    made = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{signed}.{made}"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: changed(t, sub="ben"),
        lambda t: changed(t, groups=["board"]),
        lambda t: changed(t, exp=32_503_680_000),
        lambda t: headed(t, alg="none", kid="key-1"),
        lambda t: headed(t, alg="none", kid="key-1").rpartition(".")[0] + ".",
        lambda t: headed(t, alg="RS512", kid="key-1"),
        lambda t: headed(t, kid="key-1"),
        lambda t: headed(t, alg="RS256", kid="key-1", crit=["x"], x=1),
        lambda t: headed(t, alg="RS256", kid=7),
        lambda t: headed(t, alg=["RS256"], kid="key-1"),
        signed_with_the_public_key,
        lambda t: t.rpartition(".")[0] + ".",
        lambda t: t + "A",
        lambda t: t.replace(".", ".."),
        lambda t: t.split(".")[0],
        lambda t: "a.b.c",
        lambda t: "a" * 13_000,
    ],
)
def test_an_altered_token_is_refused(
    service: Guarded, provider: ScriptedProvider, spoil: Callable[[str], str]
) -> None:
    problem = assert_problem(service.ask(spoil(provider.token())), 401, "credential_invalid")
    assert "ada" not in problem["detail"]


def test_another_algorithm_is_refused_even_where_the_key_would_take_it(
    service: Guarded, provider: ScriptedProvider
) -> None:
    key = {name: value for name, value in public_jwk(1).items() if name != "alg"}
    provider.answers["/keys"] = (200, json.dumps({"keys": [key]}).encode())
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    for algorithm, code in (("RS256", 200), ("RS512", 401), ("PS256", 401)):
        token = jwt.encode(claims, private_key(1), algorithm=algorithm, headers={"kid": "key-1"})
        assert service.ask(token).status == code, algorithm


def test_a_key_that_comes_with_the_token_is_not_used(service: Guarded, provider: ScriptedProvider) -> None:
    own = {"jwk": public_jwk(9), "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/"}
    for kid in ("key-1", "key-9"):
        token = provider.token(key=9, headers={**own, "kid": kid})
        assert_problem(service.ask(token), 401, "credential_invalid")


def test_a_provider_that_is_down_is_an_outage_and_no_refusal(
    service: Guarded, provider: ScriptedProvider
) -> None:
    provider.answers["/keys"] = (500, b"{}")
    assert_problem(service.ask(provider.token()), 503, "provider_unavailable")
    # Keys of our own need no provider.
    assert service.ask(service.key()).status == 200


def test_tokens_are_refused_where_no_audience_is_set(
    small_state: Path, tmp_path: Path, provider: ScriptedProvider
) -> None:
    with guarded(small_state, tmp_path, oidc_issuer=provider.issuer, oidc_client_id="verse") as service:
        assert_problem(service.ask(provider.token(aud="verse")), 401, "credential_invalid")
        assert provider.asked == []


# Keys that change


class Seconds:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Reader:
    """Reads tokens with a provider whose clock the test moves."""

    def __init__(self, scripted: ScriptedProvider, clock: Seconds, **more: Any) -> None:
        self.provider = Provider(
            ProviderSettings(
                issuer=scripted.issuer,
                client_id=None,
                client_secret=None,
                scopes="openid",
                **more.pop("settings", {}),
            ),
            clock=clock,
        )
        self.claims = IdClaims(
            self.provider, **{"algorithms": ["RS256"], "user_claim": "sub", "groups_claim": "groups", **more}
        )

    async def read(self, token: str) -> Person:
        return await self.claims.of_bearer(token, AUDIENCE)


def running(work: Callable[[], Any]) -> None:
    anyio.run(work)


def test_new_keys_are_found_and_old_ones_end(provider: ScriptedProvider) -> None:
    async def work() -> None:
        clock = Seconds()
        reader = Reader(provider, clock)
        assert (await reader.read(provider.token())).user == "ada"
        provider.keys, provider.signs_with = [1, 2], 2
        with pytest.raises(CredentialError, match="does not publish"):
            await reader.read(provider.token())
        clock.at += COOL_DOWN_S
        assert (await reader.read(provider.token())).groups == {"engineers", "staff"}
        assert (await reader.read(provider.token(key=1))).user == "ada"
        provider.keys = [2]
        clock.at += FRESH_S
        with pytest.raises(CredentialError, match="does not publish"):
            await reader.read(provider.token(key=1))
        assert (await reader.read(provider.token())).user == "ada"
        await reader.provider.aclose()

    running(work)


def test_made_up_key_ids_do_not_make_us_knock(provider: ScriptedProvider) -> None:
    async def work() -> None:
        clock = Seconds()
        reader = Reader(provider, clock)
        await reader.read(provider.token())
        for number in range(50):
            with pytest.raises(CredentialError):
                await reader.read(provider.token(headers={"kid": f"made-up-{number}"}))
            clock.at += COOL_DOWN_S / 50
        assert provider.asked.count("/keys") <= 2
        await reader.provider.aclose()

    running(work)


def test_many_at_once_fetch_once(provider: ScriptedProvider) -> None:
    async def work() -> None:
        provider.delay_s = 0.05
        reader = Reader(provider, Seconds())
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(reader.read, provider.token())
        assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
        await reader.provider.aclose()

    running(work)


def test_keys_hold_for_a_while_where_the_provider_is_away(provider: ScriptedProvider) -> None:
    async def work() -> None:
        clock = Seconds()
        reader = Reader(provider, clock)
        await reader.read(provider.token())
        provider.answers["/keys"] = (503, b"{}")
        clock.at += HOLDS_S - 1
        assert (await reader.read(provider.token())).user == "ada"
        clock.at += 1 + COOL_DOWN_S
        with pytest.raises(ProviderError, match="503"):
            await reader.read(provider.token())
        del provider.answers["/keys"]
        clock.at += COOL_DOWN_S
        assert (await reader.read(provider.token())).user == "ada"
        await reader.provider.aclose()

    running(work)


def test_whoever_leaves_during_a_fetch_does_not_stop_the_next(provider: ScriptedProvider) -> None:
    async def work() -> None:
        reader = Reader(provider, Seconds())
        provider.delay_s = 0.3
        with anyio.move_on_after(0.05):
            await reader.read(provider.token())
        provider.delay_s = 0
        assert (await reader.read(provider.token())).user == "ada"
        await reader.provider.aclose()

    running(work)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"keys": None},
        {"keys": [7, None, {}]},
        {"keys": [{"kid": "key-1", "kty": "RSA", "n": "AQAB", "e": "x"}]},
        {"keys": [{"kid": "key-1", "kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [{**public_jwk(1), "use": "enc"}]},
        {"keys": [{**public_jwk(1), "alg": "RS512"}]},
        {"keys": [public_jwk(1), public_jwk(1)]},
    ],
)
def test_keys_that_cannot_be_used_open_nothing(provider: ScriptedProvider, keys: Any) -> None:
    async def work() -> None:
        provider.answers["/keys"] = (200, json.dumps(keys).encode())
        reader = Reader(provider, Seconds())
        with pytest.raises((CredentialError, ProviderError)):
            await reader.read(provider.token())
        await reader.provider.aclose()

    running(work)


@pytest.mark.parametrize(
    ("claim", "claims", "groups"),
    [
        ("groups", {"groups": None}, set()),
        ("groups", {"groups": []}, set()),
        ("groups", {"groups": "staff"}, {"staff"}),
        ("groups", {"groups": ["a", "a", "b"]}, {"a", "b"}),
        ("realm_access.roles", {"realm_access": {"roles": ["x"]}}, {"x"}),
        ("realm_access.roles", {"realm_access": ["x"]}, set()),
        ("https://a.example/groups", {"https://a.example/groups": ["y"]}, {"y"}),
    ],
)
def test_groups_come_from_the_claim_that_is_configured(
    provider: ScriptedProvider, claim: str, claims: dict[str, Any], groups: set[str]
) -> None:
    async def work() -> None:
        reader = Reader(provider, Seconds(), groups_claim=claim)
        assert (await reader.read(provider.token(**claims))).groups == groups
        await reader.provider.aclose()

    running(work)


def test_keys_at_another_origin_are_fetched_where_the_operator_named_it(provider: ScriptedProvider) -> None:
    async def work() -> None:
        with identity_provider() as elsewhere:
            provider.discovery["jwks_uri"] = f"{elsewhere.issuer}/keys"
            reader = Reader(provider, Seconds())
            with pytest.raises(ProviderError, match=r"another origin than the issuer's.*VERSE_OIDC_ORIGINS"):
                await reader.read(provider.token())
            await reader.provider.aclose()
            assert elsewhere.asked == []
            reader = Reader(provider, Seconds(), settings={"origins": frozenset({elsewhere.issuer})})
            assert (await reader.read(provider.token())).user == "ada"
            await reader.provider.aclose()

    running(work)


def test_the_scripted_provider_signs_what_another_library_s_rules_take(provider: ScriptedProvider) -> None:
    # The signature checked by hand, so that a provider and a reader that are wrong alike do not agree.
    import hashlib

    head, body, signature = provider.token().split(".")
    number = int.from_bytes(base64.urlsafe_b64decode(signature + "=="), "big")
    public = private_key(1).public_key().public_numbers()
    padded = pow(number, public.e, public.n).to_bytes(256, "big")
    assert padded.startswith(b"\x00\x01\xff\xff")
    assert padded.endswith(hashlib.sha256(f"{head}.{body}".encode()).digest())
    assert jwt.get_unverified_header(provider.token())["alg"] == "RS256"
