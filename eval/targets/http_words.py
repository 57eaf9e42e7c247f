"""What URLs, headers and refusals say: the parts of HTTP that need no connection."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from eval.errors import EvaluationError


def checked_url(url: str) -> str:
    """Return a server's URL without a slash at its end.

    Raises:
        EvaluationError: it is no http(s) URL, or holds a password, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise EvaluationError(f"{url!r} is no URL of a server; write it as http://127.0.0.1:8000")
    if parts.username is not None or parts.query or parts.fragment:
        # The URL is written into the run folder, and a password must not be.
        raise EvaluationError("the URL of a server must have no user, password, query or fragment")
    return url.rstrip("/")


def words_of(body: bytes) -> str:
    """Return what a refusal says for people, without what differs from request to request."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = content.get("detail") if isinstance(content, dict) else None
    if isinstance(content, dict) and isinstance(content.get("error"), dict):
        found = content["error"].get("message")
    if not isinstance(found, str) or not found.strip():
        return ""
    return ": " + " ".join(found.encode("utf-8", "replace").decode()[:200].split())


def retry_after_s(retry_after: str | None, now: datetime) -> float | None:
    """Read a `Retry-After`: seconds or an HTTP date; `None` where there is none or nobody can tell."""
    if retry_after is None:
        return None
    words = retry_after.strip()
    if words.isascii() and words.isdigit():
        return float(words[:9])
    try:
        moment = parsedate_to_datetime(words)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
