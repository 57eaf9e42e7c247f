"""Settings → what decides who asks."""

from __future__ import annotations

from collections.abc import Callable

from api.access.embed import EmbedTokens, FrameCodes
from api.access.id_claims import IdClaims
from api.access.identify import Access
from api.access.keys import Keys
from api.access.login_state import LoginStates
from api.access.origins import origin_of_url, web_origin
from api.access.pepper import Pepper
from api.access.provider import Provider, ProviderSettings
from api.access.sessions import Sessions
from api.settings import Settings
from api.store.database import Database
from api.store.ids import now_ms


def login_origins(settings: Settings) -> frozenset[str]:
    """Return the web origins where people are sent to log in; none where nobody logs in.

    The settings have passed `check_configuration`.
    """
    if settings.auth == "none" or settings.oidc_issuer is None or settings.oidc_client_id is None:
        return frozenset()
    return frozenset({origin_of_url(settings.oidc_issuer), *map(web_origin, settings.oidc_origins)})


def open_access(settings: Settings, database: Database, *, now: Callable[[], int] = now_ms) -> Access | None:
    """Return what decides who asks, or nothing where nobody is asked; reaches for nothing yet.

    The settings have passed `check_configuration`.
    """
    if settings.auth == "none":
        return None
    assert settings.pepper is not None, "checked before"
    pepper = Pepper(settings.pepper.get_secret_value())
    provider = claims = None
    if settings.oidc_issuer is not None:
        secret = settings.oidc_client_secret
        provider = Provider(
            ProviderSettings(
                issuer=settings.oidc_issuer,
                client_id=settings.oidc_client_id,
                client_secret=None if secret is None else secret.get_secret_value(),
                scopes=settings.oidc_scopes,
                origins=frozenset(map(web_origin, settings.oidc_origins)),
            )
        )
        claims = IdClaims(
            provider,
            algorithms=settings.oidc_algorithms,
            user_claim=settings.oidc_user_claim,
            groups_claim=settings.oidc_groups_claim,
            now=now,
        )
    return Access(
        keys=Keys(database, pepper, now=now),
        sessions=Sessions(
            database, pepper, idle_s=settings.session_idle_s, absolute_s=settings.session_s, now=now
        ),
        logins=LoginStates(database, pepper, now=now),
        tokens=EmbedTokens(pepper, settings.public_url, now=now),
        codes=FrameCodes(database, pepper, now=now),
        origin=origin_of_url(settings.public_url),
        public_url=settings.public_url,
        listed=frozenset(map(web_origin, settings.allowed_origins)),
        frame_ancestors=frozenset(map(web_origin, settings.frame_ancestors)),
        provider=provider,
        claims=claims,
        audience=settings.oidc_audience,
        ingest_groups=frozenset(settings.ingest_groups),
    )
