"""Reads a stream of server-sent events as the specification says, with nothing of the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """One event."""

    name: str
    data: str

    def json(self) -> Any:
        return json.loads(self.data)


def events(body: bytes) -> list[Sent]:
    """Return the events of a whole stream; comments are passed over, an unfinished event does not count."""
    found: list[Sent] = []
    name, data = "message", []
    for line in body.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if data:
                found.append(Sent(name, "\n".join(data)))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        else:
            assert field == "", f"no field is called {field!r}"
    return found


def chunks(body: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the chunks of a chat stream, and whether it ended as a whole one does."""
    found = events(body)
    assert all(event.name == "message" for event in found)
    done = [number for number, event in enumerate(found) if event.data == "[DONE]"]
    assert done in ([], [len(found) - 1]), "[DONE] comes once and last"
    return [event.json() for event in found if event.data != "[DONE]"], bool(done)
