"""Who sends documents, which they may write to, and who may read what they send.

Decided here, and why:

* Whoever reads everything, or has the scope `admin`, names documents as they like and may change any.
* Everybody else may change what they may read, and what they sent themselves. An id that they choose gets a
  short hash of who they are behind it: so nobody learns whether a document of that id is there for others.
* A new document may be given to anybody; the rule of one that is there is changed by its own route alone.
* A new document without a rule is the sender's: for that person, else for those groups, else for nobody but
  the operator. A service that asks for no credentials makes it public.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from api.access.principal import Principal, Scope
from api.settings import Settings
from index.access import PUBLIC, AccessRule, Viewer
from index.formats.record import MAX_ID_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sent something, kept with the job: it may be read after they have gone."""

    subject: str
    viewer: Viewer
    admin: bool

    @property
    def unrestricted(self) -> bool:
        """Tell whether any document may be changed, and any id be chosen."""
        return self.admin or self.viewer.everything

    @property
    def tag(self) -> str:
        """What stands behind the ids that this sender chooses."""
        return "~" + hashlib.sha256(self.subject.encode()).hexdigest()[:10]

    def id_for(self, wanted: str) -> str:
        """Return the id that a document gets which this sender calls `wanted`."""
        if self.unrestricted or wanted.endswith(self.tag):
            return wanted
        return wanted[: MAX_ID_CHARACTERS - len(self.tag)] + self.tag

    def may_write(self, document_id: str, rule: AccessRule) -> bool:
        """Tell whether this sender may replace, change or delete a document that is there."""
        return self.viewer.may_read(rule) or self.may_choose(document_id)

    def may_choose(self, document_id: str) -> bool:
        """Tell whether this is an id that a new document of this sender may get."""
        return self.unrestricted or document_id.endswith(self.tag)

    def default_rule(self, public: bool) -> AccessRule:
        """Return the rule of a new document that came with none."""
        if public:
            return PUBLIC
        if self.viewer.user is not None:
            return AccessRule(users=frozenset({self.viewer.user}))
        return AccessRule(groups=self.viewer.groups)

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is stored with a job."""
        return {
            "subject": self.subject,
            "user": self.viewer.user,
            "groups": sorted(self.viewer.groups),
            "everything": self.viewer.everything,
            "admin": self.admin,
        }


def sender_of(principal: Principal) -> Sender:
    """Return who sends what comes with these credentials."""
    return Sender(subject=principal.subject, viewer=principal.viewer, admin=Scope.ADMIN in principal.scopes)


def stored_sender(value: dict[str, Any]) -> Sender:
    """Return the sender that `as_dict` wrote down."""
    return Sender(
        subject=value["subject"],
        viewer=Viewer(user=value["user"], groups=frozenset(value["groups"]), everything=value["everything"]),
        admin=value["admin"],
    )


def is_public_by_default(settings: Settings) -> bool:
    """Tell whether documents that come without a rule are for everybody who may ask."""
    if settings.upload_access is None:
        return settings.auth == "none"
    return settings.upload_access == "public"
