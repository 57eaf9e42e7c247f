"""The server's secret, and what is derived from it: a key a purpose, so that no two uses can be mixed up."""

from __future__ import annotations

import hashlib
import hmac
import secrets


class Pepper:
    """Keyed digests of random 256-bit credentials.

    HMAC-SHA256 and no slow hash: what is hashed cannot be guessed, and a slow one could be used to
    keep the service busy. Who steals the database alone can neither use nor recognise a credential.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode("utf-8")

    def __repr__(self) -> str:
        return "Pepper(…)"

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes that are used for this purpose alone."""
        return hmac.digest(self._secret, b"chapter-and-verse 1 " + purpose.encode(), hashlib.sha256)

    def digest(self, purpose: str, credential: str) -> str:
        """Return what is stored of a credential, 64 hexadecimal digits."""
        return hmac.new(self.key(purpose), credential.encode("utf-8"), hashlib.sha256).hexdigest()

    def fits(self, purpose: str, credential: str, digest: str) -> bool:
        """Tell whether a digest is this credential's, in the same time for every wrong one."""
        return hmac.compare_digest(self.digest(purpose, credential).encode(), digest.encode())


def random_credential() -> str:
    """Return 256 random bits, 43 characters of `A-Za-z0-9_-`."""
    return secrets.token_urlsafe(32)
