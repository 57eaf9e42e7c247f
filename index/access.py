"""Who may read a document: the rule a document carries, and the person it is held against.

Deny by default: a rule names who may read, and everybody else may not.
"""

from __future__ import annotations

from dataclasses import dataclass


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
