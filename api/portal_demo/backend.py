"""What a portal's backend has to do: ask the service for a token, with a key that browsers never see."""

from __future__ import annotations

import http.client
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from api.portal_demo.people import Person


class NoToken(RuntimeError):
    """The service gave no token; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """`service` is the service's address, `key` an API key that may ask for embed tokens."""

    service: str
    key: str

    def token(self, person: Person, origin: str) -> dict[str, Any]:
        """Return `{token, expires_at}` for one person on one page's origin, and a frame's address if that is listed.

        Raises:
            NoToken: the service refuses, cannot be reached, or answers something else.
        """
        request = urllib.request.Request(
            f"{self.service}/v1/embed-tokens",
            data=json.dumps({"user": person.user, "groups": list(person.groups), "origin": origin}).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                answer: object = json.load(reply)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NoToken(f"The service gave no token: {error}.") from error
        if not isinstance(answer, dict) or not {"token", "expires_at"} <= answer.keys():
            raise NoToken(f"The service gave no token: it answered {type(answer).__name__}.")
        return answer

    def frame(self, person: Person, origin: str) -> str:
        """Return the address of a frame for one person on one page, good for 60 seconds and one opening.

        Raises:
            NoToken: as for a token, or the portal is not listed in VERSE_FRAME_ANCESTORS.
        """
        address: str | None = self.token(person, origin).get("frame_url")
        if address is None:
            raise NoToken(f"The service gave no frame: {origin} is not in its VERSE_FRAME_ANCESTORS.")
        return address
