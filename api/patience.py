"""The HTTP/1.1 protocol with an end to patience: clients that send slowly, or never finish, are cut off.

The time for a body whose request is being read is `api.guards`'s; here it is the time for a head to
arrive, and for what still comes after the answer was given.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientProtocol(H11Protocol):
    """uvicorn's protocol with one more timer."""

    patience_s: ClassVar[float] = 10.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new client its time for the first request's head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; the time goes on until the head, or the rest of the body, is whole."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Give a client that was answered early its time to end what it sends."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        """Start the timer where nobody reads what the client has begun to send, and stop it where somebody does."""
        if self.transport.is_closing() or not self._owes():
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience_s, self._cut)

    def _owes(self) -> bool:
        if self.conn.their_state is h11.IDLE:
            # Between two requests uvicorn's own timer runs, until the first byte of the next.
            return self.timeout_keep_alive_task is None
        return self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete

    def _cut(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def patient(patience_s: float) -> type[PatientProtocol]:
    """Return the protocol with a patience of so many seconds."""
    return type("Patient", (PatientProtocol,), {"patience_s": patience_s})
