"""What a portal's backend has to do: ask the service for a token, with a key that browsers never see."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from api.portal_demo.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """`service` is the service's address, `key` an API key that may ask for embed tokens."""

    service: str
    key: str

    def token(self, person: Person, origin: str) -> dict[str, Any]:
        """Return `{token, expires_at}` for one person on one page's origin, and a frame's address if that is listed.

        Raises:
            urllib.error.URLError: the service refuses, or cannot be reached.
        """
        request = urllib.request.Request(
            f"{self.service}/v1/embed-tokens",
            data=json.dumps({"user": person.user, "groups": list(person.groups), "origin": origin}).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer
