"""Bounded work: so many questions run, so many wait, and each has a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
        self._counting = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread.

        Raises:
            OverloadedError: the queue is full.
            StageTimeoutError: it took too long, waiting included.
        """
        with self._counting:
            if self._inside >= self._capacity:
                raise OverloadedError("too many questions at once; try again in a moment")
            self._inside += 1
        future = self._pool.submit(work)
        # On the pool's own future: the loop's would call back at a timeout, with the thread still busy.
        future.add_done_callback(self._left)
        waited = asyncio.wrap_future(future)
        # Not `wait_for`: a TimeoutError that the work itself raises is no timeout of ours.
        try:
            done, _ = await asyncio.wait([waited], timeout=self._timeout_s)
        except asyncio.CancelledError:
            waited.cancel()  # the client left; what still waits for a thread need not begin
            raise
        if not done:
            waited.cancel()  # takes back what still waits; what runs cannot be stopped
            raise StageTimeoutError(f"no answer within {self._timeout_s:g} s")
        return waited.result()

    def close(self) -> None:
        """Let running work end and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self, _future: Future[T]) -> None:
        with self._counting:
            self._inside -= 1
