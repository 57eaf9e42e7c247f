"""An event loop in a thread of its own, for asynchronous clients behind ordinary functions."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Closable(Protocol):
    """What is closed with the loop, such as a client with its connections."""

    async def aclose(self) -> None:
        """Close it."""


class LoopThread:
    """A running loop; it ends when it is closed, or when nobody holds this object any more."""

    def __init__(self, client: Closable, *, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_serve, args=(self._loop, client), name=name, daemon=True)
        thread.start()
        self._end = weakref.finalize(self, _stop, self._loop, thread)

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._loop.is_closed()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin some work on the loop; what still runs when the loop ends is cancelled."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancel what runs, close the client, end the thread; more than once is fine."""
        self._end()


def _serve(loop: asyncio.AbstractEventLoop, client: Closable) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        # Whoever still waits for an answer must not wait for ever.
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():  # the collector may run anywhere
        thread.join(timeout=5)
