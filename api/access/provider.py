"""The identity provider: what its discovery document says, its keys, and its token endpoint.

Everything is fetched from the configured issuer, or from an origin that the operator has named beside it;
redirects are not followed, proxies of the environment are not used, and nothing is fetched before
somebody wants to log in.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import jwt

from api.access.errors import CredentialError, LoginError, ProviderError
from api.access.login_state import LoginState
from api.access.origins import is_safe_transport, origin_of_url

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
MAX_BYTES = 512 * 1024
FRESH_S = 600.0
"""How long a fetched document is taken as it is."""
HOLDS_S = 3600.0
"""How long it holds where the provider cannot be reached to fetch it again."""
COOL_DOWN_S = 10.0
"""Between two fetches, whatever tokens name: made-up key ids must not make us knock at the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """Which provider, and who we are there. `origins` are those of its addresses beside the issuer's own."""

    issuer: str
    client_id: str | None
    client_secret: str | None
    scopes: str
    origins: frozenset[str] = frozenset()


class Provider:
    """Talks to the provider, on one event loop. `clock` counts seconds and never goes back."""

    def __init__(self, settings: ProviderSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._origins = settings.origins | {origin_of_url(settings.issuer)}
        self._client = httpx2.AsyncClient(
            timeout=TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
            verify=settings.issuer.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._discovered = _Kept("discovery document", self._fetch_discovery, clock)
        self._keys = _Kept("key set", self._fetch_keys, clock)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def login_address(self, login: LoginState, redirect_uri: str) -> str:
        """Return where a browser is sent to log in.

        Raises:
            ProviderError: the provider cannot be reached or used.
        """
        discovered = await self._discovered.get()
        address = self._endpoint(discovered, "authorization_endpoint")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.settings.client_id,
                "redirect_uri": redirect_uri,
                "scope": self.settings.scopes,
                "state": login.state,
                "nonce": login.nonce,
                "code_challenge": login.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{address}{'&' if '?' in address else '?'}{query}"

    async def id_token(self, code: str, login: LoginState, redirect_uri: str) -> str:
        """Return the ID token for a code; nothing in it has been checked.

        Raises:
            LoginError: the provider refuses the code.
            ProviderError: it cannot be reached, or its answer cannot be used.
        """
        discovered = await self._discovered.get()
        address = self._endpoint(discovered, "token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": login.verifier,
        }
        client_id, secret = self.settings.client_id or "", self.settings.client_secret
        credentials: tuple[str, str] | None = None
        methods = discovered.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret is None:
            form["client_id"] = client_id
        elif isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            credentials = (quote(client_id, safe=""), quote(secret, safe=""))
        status, content = await self._request("POST", address, form, credentials)
        if status in (400, 401):
            # `invalid_grant` is the person's: a code that was used or is too old. All else is the operator's.
            if content.get("error") == "invalid_grant":
                raise LoginError(
                    "the identity provider does not take this code any more; begin again at /login"
                )
            raise ProviderError(
                "the identity provider refuses this service's client id, secret or redirect address; the "
                "operator has to compare VERSE_OIDC_CLIENT_ID, VERSE_OIDC_CLIENT_SECRET and VERSE_PUBLIC_URL "
                "with what is registered there"
            )
        token = content.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderError(f"the identity provider answered {status} and no ID token")
        return token

    async def key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the key that a token names; where there is none, the key set is fetched again first.

        Raises:
            CredentialError: the provider has no such key.
            ProviderError: it cannot be reached, and what was fetched earlier is too old.
        """
        found = _key_in(await self._keys.get(), key_id, algorithm)
        if found is None and await self._keys.renew():
            found = _key_in(await self._keys.get(), key_id, algorithm)
        if found is None:
            raise CredentialError(
                "this token is signed with a key that the identity provider does not publish"
            )
        return found

    async def _fetch_discovery(self) -> dict[str, Any]:
        issuer = self.settings.issuer
        content = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if content.get("issuer") != issuer:
            raise ProviderError(
                f"the discovery document of {issuer} names another issuer; set VERSE_OIDC_ISSUER to it, "
                "character by character"
            )
        return content

    async def _fetch_keys(self) -> dict[str, Any]:
        content = await self._get(self._endpoint(await self._discovered.get(), "jwks_uri"))
        if not isinstance(content.get("keys"), list):
            raise ProviderError("the key set of the identity provider is no key set")
        return content

    def _endpoint(self, discovered: Mapping[str, Any], name: str) -> str:
        address = discovered.get(name)
        try:
            fits = isinstance(address, str) and is_safe_transport(address)
            origin = origin_of_url(address) if fits and isinstance(address, str) else ""
        except ValueError:
            origin = ""
        if not origin:
            raise ProviderError(f"the discovery document's {name} is no https address")
        if origin not in self._origins:
            raise ProviderError(
                f"the discovery document's {name} is at {origin}, another origin than the issuer's; where that "
                "is right, the operator adds it to VERSE_OIDC_ORIGINS"
            )
        return str(address)

    async def _get(self, address: str) -> dict[str, Any]:
        status, content = await self._request("GET", address)
        if status != 200:
            raise ProviderError(f"the identity provider answered {status} for {address}")
        return content

    async def _request(
        self,
        method: str,
        address: str,
        form: dict[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        parts: list[bytes] = []
        try:
            # Over all of it: a server that drips a byte a second never lets a time-out between two bytes pass.
            async with (
                asyncio.timeout(2 * TIMEOUT_S),
                self._client.stream(method, address, data=form, auth=credentials) as reply,
            ):
                async for part in reply.aiter_bytes():
                    parts.append(part)
                    if sum(map(len, parts)) > MAX_BYTES:
                        raise ProviderError(
                            f"the identity provider's answer is longer than {MAX_BYTES} bytes"
                        )
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise ProviderError(
                f"the identity provider cannot be reached ({type(error).__name__}); try again in a moment"
            ) from error
        try:
            content = json.loads(b"".join(parts))
        except ValueError as error:
            raise ProviderError(f"the identity provider answered {reply.status_code} and no JSON") from error
        if not isinstance(content, dict):
            raise ProviderError(f"the identity provider answered {reply.status_code} and no JSON object")
        return reply.status_code, content


class _Kept:
    """A document that is fetched when it is wanted, and again when it is no longer fresh."""

    def __init__(self, name: str, fetch: Callable[[], Any], clock: Callable[[], float]) -> None:
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._content: dict[str, Any] | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._problem: ProviderError | None = None

    async def get(self) -> dict[str, Any]:
        """Return it, not older than `HOLDS_S`.

        Raises:
            ProviderError: it cannot be fetched.
        """
        if self._content is None or self._clock() - self._fetched_at >= FRESH_S:
            await self.renew()
        if self._content is not None and self._clock() - self._fetched_at < HOLDS_S:
            return self._content
        assert self._problem is not None, "it was fetched, or there is a reason"
        raise ProviderError(str(self._problem)) from self._problem

    async def renew(self) -> bool:
        """Fetch it again, unless that was tried a moment ago; tell whether it is newer now."""
        before = self._fetched_at
        async with self._fetching:
            if self._fetched_at > before:
                return True  # another request has fetched it meanwhile
            if self._clock() - self._tried_at < COOL_DOWN_S:
                return False
            self._tried_at = self._clock()
            try:
                self._content = await self._fetch()
            except ProviderError as error:
                self._problem = error
                logger.error("provider_unusable what=%s error=%s", self._name, error)
                return False
            except BaseException:
                self._tried_at = float("-inf")  # whoever asked left; the next one may try at once
                raise
            self._fetched_at = self._clock()
            self._problem = None
            return True


def _key_in(content: dict[str, Any], key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
    """Return the signing key with an id; without one, the only key that there is."""
    fits = [
        key
        for key in content["keys"]
        if isinstance(key, dict)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]
    if len(fits) != 1:
        return None
    try:
        return jwt.PyJWK.from_dict(fits[0], algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise CredentialError("this token's key cannot be used with its algorithm") from error
