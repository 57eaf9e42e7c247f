"""Credentials → principal: a key, an embed token, a token of the identity provider, or a person's session."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers

from api.access import embed
from api.access.embed import EmbedTokens, FrameCodes
from api.access.errors import (
    CredentialError,
    CrossSiteError,
    NotAuthenticatedError,
    WrongOriginError,
)
from api.access.id_claims import IdClaims
from api.access.keys import Keys
from api.access.login_state import LoginStates
from api.access.principal import ANONYMOUS, LOCAL, Principal, Scope
from api.access.provider import Provider
from api.access.rules import Rule
from api.access.sessions import Sessions

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE)
# In an address a key is in logs, histories and other sites' Referer headers before anybody can refuse it.
_KEY_IN_ADDRESS = re.compile(rb"cv_[0-9A-HJKMNP-TV-Z]{12}_|cvt_ey")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What decides who asks. `origin` is the service's own, `listed` those that may hold embed tokens.

    `provider`, `claims` and `audience` are there as far as an identity provider is configured.
    """

    keys: Keys
    sessions: Sessions
    logins: LoginStates
    tokens: EmbedTokens
    codes: FrameCodes
    origin: str
    public_url: str
    listed: frozenset[str]
    frame_ancestors: frozenset[str]
    provider: Provider | None = None
    claims: IdClaims | None = None
    audience: str | None = None
    ingest_groups: frozenset[str] = frozenset()

    @property
    def people_log_in(self) -> bool:
        """Tell whether people can log in with a browser."""
        return self.provider is not None and self.provider.settings.client_id is not None

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; behind TLS one that no other host can set."""
        return "__Host-cv_session" if self.origin.startswith("https:") else "cv_session"

    @property
    def login_cookie(self) -> str:
        """The name of the cookie that ties a login to its browser."""
        return "__Host-cv_login" if self.origin.startswith("https:") else "cv_login"

    async def principal(self, rule: Rule, method: str, query: bytes, headers: Headers) -> Principal:
        """Return who asks. An `Authorization` header counts alone: where it is no good, no cookie helps.

        Raises:
            NotAuthenticatedError: there is no credential.
            CredentialError: it is not good.
            CrossSiteError: another site sent a person's cookie.
            ProviderError, StoreError: it cannot be checked.
        """
        if rule.credentials == "nothing":
            return ANONYMOUS
        if _KEY_IN_ADDRESS.search(unquote_to_bytes(query)):
            raise CredentialError(
                "a credential in an address is in logs and histories by now; revoke it, and send it as "
                "`Authorization: Bearer` only"
            )
        given = headers.getlist("authorization")
        if given:
            return await self._bearer(given, headers)
        cookie = one_cookie(headers, self.cookie)
        if cookie is not None:
            hold_same_site(self.origin, method, headers)
            session = self.sessions.known(cookie)
            if session is None:
                session = await asyncio.to_thread(self.sessions.check, cookie)
            return self._with_ingest(session.principal())
        if rule.credentials == "if given":
            return ANONYMOUS
        or_else = ", or log in at /login" if self.people_log_in else ""
        raise NotAuthenticatedError(f"send a credential as `Authorization: Bearer …`{or_else}")

    def _with_ingest(self, principal: Principal) -> Principal:
        """Return a person with the scope `ingest` where one of their groups may add documents."""
        if principal.viewer.groups.isdisjoint(self.ingest_groups):
            return principal
        return replace(principal, scopes=principal.scopes | {Scope.INGEST})

    async def _bearer(self, given: list[str], headers: Headers) -> Principal:
        match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            raise CredentialError("send one Authorization header, as `Authorization: Bearer …`")
        token = match.group(1)
        if token.startswith("cv_"):
            key = self.keys.known(token)
            if key is None:
                key = await asyncio.to_thread(self.keys.check, token)
            return key.principal()
        if token.startswith(embed.PREFIX):
            return await self._embedded(token, headers)
        if self.claims is None or self.audience is None:
            raise CredentialError("this is no API key and no embed token, and no other tokens are configured")
        return self._with_ingest((await self.claims.of_bearer(token, self.audience)).bearer())

    async def _embedded(self, token: str, headers: Headers) -> Principal:
        said = self.tokens.read(token)
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site") == "same-origin":
            # Browsers send no Origin when a page reads from its own; then the page is one of ours.
            origin = self.origin
        if origin is None or origin.lower() != said.origin:
            raise WrongOriginError(
                "this token is bound to another web origin than the page that sent it; ask for one for this page"
            )
        if said.origin != self.origin and said.origin not in self.listed:
            raise WrongOriginError("this token's web origin is not in VERSE_ALLOWED_ORIGINS any more")
        # A token is worth what the key is that asked for it: revoking that ends both.
        if self.keys.known_id(said.key_id) is None:
            await asyncio.to_thread(self.keys.check_id, said.key_id)
        return said.principal()


async def local_principal(rule: Rule) -> Principal:
    """Return who asks a service on loopback that is configured to need no key."""
    return ANONYMOUS if rule.credentials == "nothing" else LOCAL


def one_cookie(headers: Headers, name: str) -> str | None:
    """Return a cookie's value; of one that is there twice none, for one of the two is somebody else's."""
    found = [
        value.strip().strip('"')
        for header in headers.getlist("cookie")
        for key, equals, value in (part.partition("=") for part in header.split(";"))
        if equals and key.strip() == name
    ]
    return found[0] if len(found) == 1 and re.fullmatch(r"[A-Za-z0-9_-]{43}", found[0]) else None


def hold_same_site(origin: str, method: str, headers: Headers) -> None:
    """Refuse what another site's page sends with a person's cookie.

    What changes something needs our own page's Origin, which every browser sends then. What only reads may
    also be a person who follows a link to us; but no script, image or frame of another page.

    Raises:
        CrossSiteError: it was not our page.
    """
    sent = headers.get("origin")
    site = headers.get("sec-fetch-site")
    problem = CrossSiteError(
        "this request comes from another site's page, or from another address of this service than "
        "VERSE_PUBLIC_URL; open the service there"
    )
    if sent is not None and sent.lower() != origin:
        raise problem
    if method not in _SAFE:
        if sent is None or site not in (None, "same-origin"):
            raise problem
    elif site not in (None, "same-origin", "none") and (
        headers.get("sec-fetch-mode") != "navigate" or headers.get("sec-fetch-dest") != "document"
    ):
        raise problem
