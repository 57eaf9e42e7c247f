"""Web origins in the one form in which they are compared."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def web_origin(text: str) -> str:
    """Return an origin as browsers send it: lower case, without a port that goes without saying.

    Raises:
        ValueError: it is no http or https origin, or is more than one: a path, a pattern, `null`.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is no origin such as https://portal.example.org") from error
    host = parts.hostname or ""
    named = _NAME.fullmatch(host) is not None or _address(host) is not None
    rest = parts.path.rstrip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in _PORTS or not named or rest or port == 0 or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is no origin such as https://portal.example.org")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def origin_of_url(url: str) -> str:
    """Return the origin of a whole address.

    Raises:
        ValueError: it has none.
    """
    parts = urlsplit(url)
    return web_origin(f"{parts.scheme}://{parts.netloc}")


def is_loopback_host(host: str) -> bool:
    """Tell whether a name or address never leaves this machine."""
    found = _address(host)
    return host == "localhost" if found is None else found.is_loopback


def is_safe_transport(url: str) -> bool:
    """Tell whether what is sent there cannot be read on the way: https, or this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(parts.hostname or ""))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
