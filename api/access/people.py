"""Names of people and groups as a provider, a portal or the operator gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable

MAX_NAME = 200
MAX_GROUPS = 1000


def checked_name(text: object) -> str:
    """Return a name of a person or group; it is compared character by character, and never changed.

    Raises:
        ValueError: it is no text, empty, too long, or holds what cannot be seen.
    """
    if not isinstance(text, str):
        raise ValueError(f"a name must be a text, not {type(text).__name__}")
    if not 1 <= len(text) <= MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} characters, not {len(text)}")
    if not text.isprintable() or text != text.strip():
        raise ValueError("a name must not hold control characters, nor begin or end with a space")
    return text


def checked_groups(texts: Iterable[object]) -> frozenset[str]:
    """Return names of groups.

    Raises:
        ValueError: one of them is no name, or they are too many.
    """
    found = frozenset(checked_name(text) for text in texts)
    if len(found) > MAX_GROUPS:
        raise ValueError(f"{len(found)} groups are more than {MAX_GROUPS}")
    return found


def stored_groups(groups: frozenset[str]) -> str:
    """Return groups as they are stored."""
    return json.dumps(sorted(groups), ensure_ascii=False)


def read_groups(stored: str) -> frozenset[str]:
    """Return groups that were stored."""
    return frozenset(json.loads(stored))
