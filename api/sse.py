"""Server-sent events: their frames, and a response that ends its work when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.limits import Running

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": waiting\n\n"
"""A comment, which every reader of such streams passes over; it keeps proxies from hanging up."""


def frame(data: str, event: str | None = None) -> bytes:
    """Return one event, its data over as many lines as it has."""
    return format_sse_event(data_str=data, event=event)


class EventStream(StreamingResponse):
    """A stream of frames made by work in a thread; however it ends, that work is given up."""

    media_type = MEDIA_TYPE

    def __init__(self, frames: AsyncIterator[bytes], running: Running[Any]) -> None:
        # Without this header nginx collects a response before it sends any of it.
        super().__init__(frames, headers={"X-Accel-Buffering": "no"})
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            # A client that leaves ends the call without this: it is the server that stops.
            self._running.give_up("server_stopped")
            raise
        finally:
            # A client that left while bytes were on their way has not told the generator of it.
            self._running.give_up()


def wants_events(accept: str) -> bool:
    """Tell whether an Accept header asks for events by name, and not rather for JSON.

    Of two that are wanted alike the one named first counts; wildcards mean JSON.
    """
    best = 0.0
    events = False
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        if name not in (MEDIA_TYPE, "application/json"):
            continue
        quality = _quality(parameters)
        if quality > best:
            best, events = quality, name == MEDIA_TYPE
    return events


def _quality(parameters: list[str]) -> float:
    """Return the `q` of a media range; what cannot be read as a number wants nothing."""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
