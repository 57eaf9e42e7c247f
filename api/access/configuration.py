"""Configurations that would let in the wrong people, or nobody: refused at the start, with what to do.

Each check is one function that returns what is wrong and how it is mended, or nothing. None of them shows a
secret. What is wrong is told all at once, so that nobody mends one thing a start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from api.access.id_claims import ALGORITHMS
from api.access.origins import is_loopback_host, is_safe_transport, origin_of_url, web_origin
from api.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

MIN_PEPPER = 32
_MIN_DIFFERENT = 10
Check = Callable[[Settings], str | None]


class ConfigurationError(SettingsError):
    """Settings that are each possible, and together dangerous or useless."""


def check_configuration(settings: Settings) -> None:
    """Refuse settings that could let in the wrong people.

    Raises:
        ConfigurationError: naming every problem, each with what to do.
    """
    _refuse([found for check in CHECKS if (found := check(settings)) is not None])


def check_served(settings: Settings, host: str) -> None:
    """Refuse to listen on `host` where these settings do not protect it.

    Raises:
        ConfigurationError: naming every problem, each with what to do.
    """
    found = list(_about_serving(settings, host))
    found += [problem for check in CHECKS if (problem := check(settings)) is not None]
    _refuse(found)


def check_way_in(settings: Settings, any_key: bool) -> None:
    """Refuse to serve where credentials are asked for and nobody can have one.

    Raises:
        ConfigurationError: there is no identity provider and no key.
    """
    if settings.auth == "required" and settings.oidc_issuer is None and not any_key:
        _refuse(
            [
                "VERSE_AUTH is required, but nobody could come in: there is no API key and no VERSE_OIDC_ISSUER; make a "
                "key with `verse keys create NAME --scope ask`"
            ]
        )


def _about_serving(settings: Settings, host: str) -> Iterator[str]:
    if not is_loopback_host(host):
        if settings.auth == "none":
            yield (
                f"refusing to listen on {host!r}: there is no authentication, so only loopback addresses (127.0.0.1, ::1, "
                "localhost) are served; set VERSE_AUTH=required, or leave --host out"
            )
        elif "public_url" not in settings.model_fields_set:
            yield (
                f"listening on {host!r}, but VERSE_PUBLIC_URL is not set; set it to the https address at which people "
                "reach the service, such as https://verse.example.org"
            )
    elif settings.auth == "none" and not is_loopback_host(urlsplit(settings.public_url).hostname or ""):
        # Links may be meant for a proxy that asks for credentials itself: nobody but it reaches loopback.
        logger.warning(
            "public_url_without_auth: VERSE_PUBLIC_URL is %r and VERSE_AUTH is none: whoever reaches this service may "
            "read everything; set VERSE_AUTH=required unless a proxy in front asks for credentials",
            settings.public_url,
        )


def _pepper_missing(settings: Settings) -> str | None:
    if settings.auth == "required" and settings.pepper is None:
        return (
            "VERSE_AUTH is required, but VERSE_PEPPER is not set; set it to a random text that only this service "
            "knows, such as `openssl rand -base64 32` prints, and keep it: another one makes every key worthless"
        )
    return None


def _pepper_short(settings: Settings) -> str | None:
    length = MIN_PEPPER if settings.pepper is None else len(settings.pepper.get_secret_value())
    if length < MIN_PEPPER:
        return f"VERSE_PEPPER has {length} characters and needs {MIN_PEPPER}; use what `openssl rand -base64 32` prints"
    return None


def _pepper_guessable(settings: Settings) -> str | None:
    text = "" if settings.pepper is None else settings.pepper.get_secret_value()
    if len(text) >= MIN_PEPPER and len(set(text)) < _MIN_DIFFERENT:
        return (
            f"VERSE_PEPPER has {len(set(text))} different characters and could be guessed; use what "
            "`openssl rand -base64 32` prints"
        )
    return None


def _public_url_plain(settings: Settings) -> str | None:
    if settings.auth == "required" and not is_safe_transport(settings.public_url):
        return (
            f"VERSE_PUBLIC_URL is {settings.public_url!r}: keys and sessions would be sent in the clear; put a proxy with "
            "TLS in front, and write https"
        )
    return None


def _hosts_wild(settings: Settings) -> str | None:
    wild = [host for host in settings.allowed_hosts if "*" in host]
    if wild:
        return f"VERSE_ALLOWED_HOSTS holds {wild[0]!r}; write each name by which the service is called"
    return None


def _origins_wild(settings: Settings) -> str | None:
    return _origins(settings.allowed_origins, "VERSE_ALLOWED_ORIGINS", settings)


def _frames_wild(settings: Settings) -> str | None:
    return _origins(settings.frame_ancestors, "VERSE_FRAME_ANCESTORS", settings)


def _oidc_origins_wild(settings: Settings) -> str | None:
    return _origins(settings.oidc_origins, "VERSE_OIDC_ORIGINS", settings)


def _origins(texts: list[str], name: str, settings: Settings) -> str | None:
    for text in texts:
        if "*" in text:
            return f"{name} holds {text!r}, which would let in pages of anybody; write each origin out"
        try:
            web_origin(text)
        except ValueError:
            return f"{name} holds {text!r}; write a whole origin and nothing behind it, such as https://portal.example.org"
        if settings.auth == "required" and not is_safe_transport(text):
            return f"{name} holds {text!r}, whose pages can be changed on the way; serve that site over https"
    return None


def _frames_without_auth(settings: Settings) -> str | None:
    if settings.frame_ancestors and settings.auth == "none":
        return "VERSE_FRAME_ANCESTORS is set, but VERSE_AUTH is none, and a frame gets a token; set VERSE_AUTH=required"
    return None


def _oidc_without_auth(settings: Settings) -> str | None:
    if settings.oidc_issuer is not None and settings.auth == "none":
        return "VERSE_OIDC_ISSUER is set, but VERSE_AUTH is none and nobody would be asked; set VERSE_AUTH=required"
    return None


def _oidc_without_issuer(settings: Settings) -> str | None:
    given = [
        name
        for name in ("oidc_client_id", "oidc_client_secret", "oidc_audience")
        if getattr(settings, name) is not None
    ]
    if settings.oidc_issuer is None and given:
        return (
            f"VERSE_{given[0].upper()} is set, but VERSE_OIDC_ISSUER is not; set it to the provider's issuer"
        )
    return None


def _oidc_for_nothing(settings: Settings) -> str | None:
    if (
        settings.oidc_issuer is not None
        and settings.oidc_client_id is None
        and settings.oidc_audience is None
    ):
        return (
            "VERSE_OIDC_ISSUER is set, but neither VERSE_OIDC_CLIENT_ID (people log in) nor VERSE_OIDC_AUDIENCE "
            "(programs bring tokens) is; set one of them"
        )
    return None


def _oidc_issuer_wrong(settings: Settings) -> str | None:
    issuer = settings.oidc_issuer
    if issuer is None:
        return None
    try:
        origin_of_url(issuer)
        parts = urlsplit(issuer)
        whole = not parts.query and not parts.fragment and "@" not in parts.netloc
    except ValueError:
        whole = False
    if not whole:
        return f"VERSE_OIDC_ISSUER is {issuer!r}; write the issuer as the provider does, such as https://login.example.org"
    if not is_safe_transport(issuer):
        return f"VERSE_OIDC_ISSUER is {issuer!r}: whoever is on the way could log in as anybody; it must be https"
    return None


def _oidc_algorithms_wrong(settings: Settings) -> str | None:
    wrong = [name for name in settings.oidc_algorithms if name not in ALGORITHMS]
    if wrong or not settings.oidc_algorithms:
        what = f"holds {wrong[0]!r}, with which others than the provider could sign" if wrong else "is empty"
        return f"VERSE_OIDC_ALGORITHMS {what}; allowed are {', '.join(sorted(ALGORITHMS))}"
    return None


def _oidc_audience_is_client(settings: Settings) -> str | None:
    if settings.oidc_audience is not None and settings.oidc_audience == settings.oidc_client_id:
        return (
            "VERSE_OIDC_AUDIENCE and VERSE_OIDC_CLIENT_ID are the same, so an ID token, which any page that logs people in "
            "gets, would open the API; register the API with an audience of its own"
        )
    return None


def _oidc_scope_missing(settings: Settings) -> str | None:
    if settings.oidc_issuer is not None and "openid" not in settings.oidc_scopes.split():
        return f"VERSE_OIDC_SCOPES is {settings.oidc_scopes!r} and lacks openid, without which there is no ID token; add it"
    return None


def _idle_too_long(settings: Settings) -> str | None:
    if settings.session_idle_s > settings.session_s:
        return (
            f"VERSE_SESSION_IDLE_S is {settings.session_idle_s} and VERSE_SESSION_S {settings.session_s}; a session cannot "
            "be idle for longer than it lasts: lower the first"
        )
    return None


CHECKS: tuple[Check, ...] = (
    _pepper_missing,
    _pepper_short,
    _pepper_guessable,
    _public_url_plain,
    _hosts_wild,
    _origins_wild,
    _frames_wild,
    _oidc_origins_wild,
    _frames_without_auth,
    _oidc_without_auth,
    _oidc_without_issuer,
    _oidc_for_nothing,
    _oidc_issuer_wrong,
    _oidc_algorithms_wrong,
    _oidc_audience_is_client,
    _oidc_scope_missing,
    _idle_too_long,
)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise ConfigurationError("; also: ".join(problems))
