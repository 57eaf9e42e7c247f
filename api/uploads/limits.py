"""Which routes take files, of which types: every other route takes JSON alone."""

from __future__ import annotations

from api.uploads.reading import supported_types

_FORM = frozenset({"multipart/form-data"})
_JSON = frozenset({"application/json"})


def body_types(method: str, path: str) -> frozenset[str] | None:
    """Return the media types of a body that an upload route takes; `None` for other routes."""
    if method == "POST" and path == "/v1/documents":
        return _FORM | _JSON
    if method == "POST" and path == "/documents":
        return _FORM
    if method == "PUT" and path.startswith("/v1/documents/"):
        return _FORM | _JSON | frozenset(supported_types())
    return None
