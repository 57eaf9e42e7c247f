"""A digest behind a stored text: a disk that changes a letter of an answer must not go unnoticed."""

from __future__ import annotations

import hashlib

_MARK = "\n#"


def sealed(text: str) -> str:
    """Return a text of one line with its digest behind it."""
    return f"{text}{_MARK}{_digest(text)}"


def unsealed(stored: str) -> str | None:
    """Return the text without its digest; `None` where they do not fit. One from before seals has none."""
    text, mark, digest = stored.rpartition(_MARK)
    if not mark:
        return stored
    return text if digest == _digest(text) else None


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
