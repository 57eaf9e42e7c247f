"""Bounded work: so many questions run, so many wait, and each has a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.errors import OverloadedError, StageTimeoutError

T = TypeVar("T")


class Workers:
    """A thread pool with a short queue.

    A call that runs over its time is answered at once, but its thread is counted as busy until it
    is really done: the bound is on work, not on promises.
    """

    def __init__(self, *, running: int, waiting: int, timeout_s: float) -> None:
        self._pool = ThreadPoolExecutor(max_workers=running, thread_name_prefix="answer")
        self._capacity = running + waiting
        self._timeout_s = timeout_s
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread; for the event loop's thread only.

        Raises:
            OverloadedError: the queue is full.
            StageTimeoutError: it took too long, waiting included.
        """
        if self._inside >= self._capacity:
            raise OverloadedError("too many questions at once; try again in a moment")
        self._inside += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._left)
        try:
            # Shielded: a timeout must not mark a running thread as finished.
            return await asyncio.wait_for(asyncio.shield(future), self._timeout_s)
        except TimeoutError as error:
            future.cancel()
            raise StageTimeoutError(f"no answer within {self._timeout_s:g} s") from error

    def close(self) -> None:
        """Let running work end and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self, future: asyncio.Future[T]) -> None:
        self._inside -= 1
        if not future.cancelled():
            future.exception()  # taken note of, also when nobody waits for it any more
