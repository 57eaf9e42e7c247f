"""Which address a request comes from: the connection's, or what a known number of proxies say of it."""

from __future__ import annotations

import ipaddress

from starlette.types import Scope


def client_address(scope: Scope, trusted_proxies: int) -> str:
    """Return the client's address, `""` where the connection has none, as on a Unix socket.

    With `trusted_proxies` N, the Nth entry of `X-Forwarded-For` from the right: each trusted proxy appends
    the address that it was called from, and whatever stands further left was sent by anybody. A header with
    fewer entries, or with no address in that place, did not come through these proxies, and the
    connection's own address counts.
    """
    peer = scope.get("client")
    own = str(peer[0]) if peer else ""
    if not trusted_proxies:
        return own
    entries = [
        entry
        for name, value in scope["headers"]
        if name.lower() == b"x-forwarded-for"
        for entry in value.decode("latin-1").split(",")
    ]
    if len(entries) < trusted_proxies:
        return own
    return _address(entries[-trusted_proxies]) or own


def counted_as(address: str) -> str:
    """Return whom an address is counted as: itself, or in IPv6 its network of 64 bits.

    One household or one rented server has all of such a network, and could else be a new client every time.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def _address(entry: str) -> str:
    """Return the address of an entry, which some proxies write with its port; `""` where it is none."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
