"""Who may read a document: the rule a document carries, and the person it is held against.

Deny by default: a rule names who may read, and everybody else may not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from index.errors import AccessRuleError

MAX_NAMES = 1000
MAX_NAME_CHARACTERS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """Who may read a document: everybody who may ask at all, or these people and these groups."""

    public: bool = False
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


PUBLIC = AccessRule(public=True)
"""The rule of a document that came with none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose eyes a request has. `everything` is the operator's own command line and local use."""

    user: str | None = None
    groups: frozenset[str] = frozenset()
    everything: bool = False

    def may_read(self, rule: AccessRule) -> bool:
        """Tell whether this viewer may read a document with that rule."""
        return (
            self.everything
            or rule.public
            or (self.user is not None and self.user in rule.users)
            or not self.groups.isdisjoint(rule.groups)
        )


ANYBODY = Viewer()
"""Somebody of whom nothing is known: public documents only."""

OPERATOR = Viewer(everything=True)
"""Whoever runs the command line, or a service on loopback that asks for no key."""


def read_rule(value: object) -> AccessRule:
    """Return the rule that a source states: `"public"`, or an object with `users`, `groups` or both.

    Empty lists are a rule too: then nobody may read but the operator. Names are compared character for
    character with those of the identity provider.

    Raises:
        AccessRuleError: it is anything else. It is never taken for public.
    """
    if value == "public" and isinstance(value, str):
        return PUBLIC
    if not isinstance(value, dict):
        raise AccessRuleError(
            f'access is {_shown(value)}; write "public", or an object with lists under users and groups'
        )
    unknown = [key for key in value if key not in ("users", "groups")]
    if unknown:
        raise AccessRuleError(f"access has the unknown key {_shown(unknown[0])}; known are users and groups")
    if not value:
        raise AccessRuleError("access names neither users nor groups; for nobody write empty lists")
    return AccessRule(users=_names(value, "users"), groups=_names(value, "groups"))


def _names(value: dict[object, object], key: str) -> frozenset[str]:
    names = value.get(key, [])
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise AccessRuleError(
            f"access.{key} is {_shown(names)}; it must be a list of at most {MAX_NAMES} names"
        )
    for name in names:
        if (
            not isinstance(name, str)
            or not 1 <= len(name) <= MAX_NAME_CHARACTERS
            or name != name.strip()
            or not name.isprintable()
        ):
            raise AccessRuleError(
                f"access.{key} holds {_shown(name)}; a name has 1 to {MAX_NAME_CHARACTERS} printable "
                "characters, and no white space around them"
            )
    return frozenset(names)


def _shown(value: object) -> str:
    return ascii(value)[:80]


def rule_value(rule: AccessRule) -> str | dict[str, list[str]]:
    """Return a rule as `read_rule` takes it, names in order."""
    if rule.public:
        return "public"
    return {"users": sorted(rule.users), "groups": sorted(rule.groups)}


def rule_text(rule: AccessRule) -> str:
    """Return a rule as it is stored: one text a rule."""
    return json.dumps(rule_value(rule), ensure_ascii=True, separators=(",", ":"))
