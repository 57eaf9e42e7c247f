"""What a token of the identity provider says, once all of it has been checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from api.access.errors import CredentialError, CredentialExpiredError, LoginError
from api.access.people import checked_groups, checked_name
from api.access.principal import Principal, Scope, subject_of
from api.access.provider import Provider
from api.store.ids import now_ms
from index.access import Viewer

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures by a private key that only the provider has; nothing that a public key can make, and never none."""
LEEWAY_S = 30
"""How far the provider's clock and ours may be apart."""
_MAX_TOKEN = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the provider vouches for, until when (milliseconds since 1970)."""

    user: str
    groups: frozenset[str]
    expires_at: int

    def bearer(self) -> Principal:
        """Return the principal of a program that comes with a token of this person's."""
        return Principal(
            kind="bearer",
            subject=subject_of(self.user),
            scopes=frozenset({Scope.ASK}),
            viewer=Viewer(user=self.user, groups=self.groups),
            credential="bearer",
        )


class IdClaims:
    """Checks tokens: signature, algorithm, issuer, audience, time, and that a person is named."""

    def __init__(
        self,
        provider: Provider,
        *,
        algorithms: Sequence[str],
        user_claim: str,
        groups_claim: str,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._provider = provider
        self._algorithms = list(algorithms)
        self._user_claim = user_claim
        self._groups_claim = groups_claim
        self._now = now

    async def of_bearer(self, token: str, audience: str) -> Person:
        """Return whom an access token was given to.

        Raises:
            CredentialError: the token is not good, or not for this service.
            CredentialExpiredError: its time is over.
            ProviderError: the provider's keys cannot be fetched.
        """
        return self._person(await self._claims(token, audience))

    async def of_login(self, token: str, nonce: str) -> Person:
        """Return who logged in, from the ID token of that login.

        Raises:
            LoginError: the token is not good, or belongs to another login.
            ProviderError: the provider's keys cannot be fetched.
        """
        client_id = self._provider.settings.client_id or ""
        try:
            claims = await self._claims(token, client_id)
            if not isinstance(claims.get("nonce"), str) or claims["nonce"] != nonce:
                raise LoginError(
                    "the identity provider's answer belongs to another login; begin again at /login"
                )
            several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
            if claims.get("azp", None if several else client_id) != client_id:
                raise CredentialError("the token was given to another client")
            return self._person(claims)
        except CredentialError as error:
            raise LoginError(f"the identity provider's answer cannot be used: {error}") from error

    async def _claims(self, token: str, audience: str) -> dict[str, Any]:
        if len(token) > _MAX_TOKEN:
            raise CredentialError(f"this token is longer than {_MAX_TOKEN} characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise CredentialError("this is no token of the identity provider") from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        # Before the key is looked for: what the token itself says chooses nothing.
        if algorithm not in self._algorithms:
            raise CredentialError("this token is signed in a way that this service does not take")
        if key_id is not None and not isinstance(key_id, str):
            raise CredentialError("this token names no key")
        key = await self._provider.key(key_id, algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self._provider.settings.issuer,
                # Times are held against our own clock below.
                options={
                    "require": ["iss", "aud", "exp", "iat", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise CredentialError(
                "this token is meant for another service, or comes from another issuer"
            ) from error
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise CredentialError("this token was altered, or lacks what every token has") from error
        now_s = self._now() / 1000
        times = {name: _time(claims, name) for name in ("exp", "iat", "nbf")}
        if (times["exp"] or 0) + LEEWAY_S <= now_s:
            raise CredentialExpiredError("this token has expired; get a new one from the identity provider")
        if any((times[name] or 0) - LEEWAY_S > now_s for name in ("iat", "nbf")):
            raise CredentialError("this token does not hold yet; compare the clocks")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        try:
            user = checked_name(_claim(claims, self._user_claim))
            groups = self._groups(claims)
        except ValueError as error:
            raise CredentialError(
                f"this token's {self._user_claim!r} or {self._groups_claim!r} cannot be used: {error}; the operator has to "
                "compare VERSE_OIDC_USER_CLAIM and VERSE_OIDC_GROUPS_CLAIM with what the provider sends"
            ) from error
        if self._user_claim == "email" and claims.get("email_verified") is not True:
            # Whoever may write any address into a profile would otherwise be that person here.
            raise CredentialError("this token's e-mail address was not verified by the identity provider")
        return Person(user=user, groups=groups, expires_at=int(claims["exp"] * 1000))

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        elsewhere = claims.get("_claim_names")
        if isinstance(elsewhere, dict) and self._groups_claim in elsewhere:
            # Without them the person would silently see less than is theirs.
            raise ValueError("the provider left the groups out, for they are too many")
        found = _claim(claims, self._groups_claim)
        if found is None:
            return frozenset()
        if isinstance(found, str):
            return checked_groups([found])
        if not isinstance(found, list):
            raise ValueError(f"groups are a list of names, not {type(found).__name__}")
        return checked_groups(found)


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim by its name, or by a path of names with dots between them; `None` where there is none."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    # `True` is an int, and what is not finite compares as it likes.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise CredentialError(f"this token's {name!r} is no time")
    return float(value)
