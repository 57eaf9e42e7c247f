"""What pages of the listed portals may do from a browser (CORS); everybody else gets no such header.

Never a wildcard, and never credentials: a portal's page shows a token, and cookies stay with our own pages.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Scope

METHODS = ("GET", "POST", "PATCH", "DELETE")
REQUEST_HEADERS = ("Authorization", "Content-Type", "Accept")
EXPOSED_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")
MAX_AGE_S = 600

ELEMENT_FILES = frozenset({"/static/chapter-verse.js"})
"""What a portal's page loads by a script tag: such requests name no origin, so no list can be held against them."""


def concerns_portals(path: str) -> bool:
    """Tell whether a path may be called from portals: the API and the element, not our own pages."""
    return path.startswith("/v1/") or path in ELEMENT_FILES


def is_preflight(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Tell whether a browser asks whether it may ask."""
    return scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def cors_headers(path: str, origin: str | None, portals: frozenset[str]) -> dict[str, str]:
    """Return the CORS headers of an answer; `portals` are origins in lower case."""
    if not concerns_portals(path):
        return {}
    if origin is None or origin.lower() not in portals:
        return {"vary": "Origin"}
    return {
        "vary": "Origin",
        "access-control-allow-origin": origin,
        "access-control-expose-headers": ", ".join(EXPOSED_HEADERS),
    }


def preflight_headers() -> dict[str, str]:
    """Return what the answer to a listed portal's preflight adds to that."""
    return {
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-allow-headers": ", ".join(REQUEST_HEADERS),
        "access-control-max-age": str(MAX_AGE_S),
    }
