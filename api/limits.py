"""Bounded work: so many questions run, so many wait, and each has a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Literal, NamedTuple, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import OverloadedError, StageTimeoutError, refusal
from rag.errors import AskCancelledError

T = TypeVar("T")
_TOO_MANY = "too many questions at once; try again in a moment"
QUESTIONS = frozenset({"/v1/ask", "/v1/search", "/v1/chat/completions"})
Unwanted = Literal["client_gone", "timed_out", "server_stopped"]
"""Why nobody waits for some work any more."""


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
        future = self._submitted(work)
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

    def start(
        self,
        work: Callable[[Callable[[], bool]], Iterable[T]],
        unwanted: Callable[[Unwanted], None] | None = None,
    ) -> Running[T]:
        """Begin `work` in a thread; what it yields arrives at the returned `Running`.

        `work` is given a function that tells whether it is still wanted. What comes is kept until it
        is fetched, so a client that reads slowly holds no thread. `unwanted` is called, on the event loop,
        when nobody waits any more, with the reason.

        Raises:
            OverloadedError: the queue is full.
        """
        running: Running[T] = Running(self._timeout_s, unwanted)
        running.future = self._submitted(lambda: running.deliver(work))
        running.future.add_done_callback(running.ended)
        return running

    def _submitted(self, work: Callable[[], T]) -> Future[T]:
        with self._counting:
            if self._inside >= self._capacity:
                raise OverloadedError(_TOO_MANY)
            self._inside += 1
        future = self._pool.submit(work)
        # On the pool's own future: the loop's would call back at a timeout, with the thread still busy.
        future.add_done_callback(self._left)
        return future

    @property
    def full(self) -> bool:
        """Whether one more would be refused at this moment."""
        with self._counting:
            return self._inside >= self._capacity

    @property
    def busy(self) -> bool:
        """Tell whether anything runs or waits."""
        return self._inside > 0

    def close(self) -> None:
        """Let running work end and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self, _future: Future[T]) -> None:
        with self._counting:
            self._inside -= 1


class Running(Generic[T]):
    """Work in a thread whose results come one by one; made by `Workers.start` on the event loop."""

    future: Future[None]

    def __init__(self, timeout_s: float, unwanted: Callable[[Unwanted], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + timeout_s
        self._timeout_s = timeout_s
        self._arrived: asyncio.Queue[_Item[T] | None] = asyncio.Queue()
        self._unwanted = threading.Event()
        self._tell = unwanted

    async def results(self, pause_s: float | None = None) -> AsyncGenerator[T | None, None]:
        """Yield what comes; `None` after each `pause_s` seconds in which nothing did.

        However it ends, the work is told that it is not wanted any more; only who cancels has to `give_up`
        as well, knowing why.

        Raises:
            StageTimeoutError: it took too long, waiting included.
            AskCancelledError: `give_up` was called.
            Exception: whatever the work raised.
        """
        cancelled = False
        try:
            while True:
                left = self._deadline - self._loop.time()
                if left <= 0:
                    self.give_up("timed_out")
                    raise StageTimeoutError(f"no answer within {self._timeout_s:g} s")
                try:
                    item = await asyncio.wait_for(
                        self._arrived.get(), left if pause_s is None else min(left, pause_s)
                    )
                except TimeoutError:
                    if left > (pause_s or left):
                        yield None
                    continue
                if item is None:
                    break
                yield item.value
            if self.future.cancelled():
                raise AskCancelledError("nobody waits for this answer any more")
            self.future.result()
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            if not cancelled:
                self.give_up()

    def give_up(self, reason: Unwanted = "client_gone") -> None:
        """Tell the work that it is not wanted; what still waits for a thread is never begun.

        The first reason counts.
        """
        if self._tell is not None and not self._unwanted.is_set():
            self._tell(reason)
        self._unwanted.set()
        self.future.cancel()

    def deliver(self, work: Callable[[Callable[[], bool]], Iterable[T]]) -> None:
        """Do the work; runs in a thread."""
        for value in work(self._unwanted.is_set):
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, _Item(value))

    def ended(self, _future: Future[None]) -> None:
        """Let the loop know; runs in a thread."""
        self._loop.call_soon_threadsafe(self._arrived.put_nowait, None)


class _Item(Generic[T]):
    """Something that came, apart from the end, which is `None`."""

    def __init__(self, value: T) -> None:
        self.value = value


class Full:
    """Refuses questions while the queue is full, before their bodies are read and checked.

    That costs 0.3 ms of a core where a refusal by the route costs 2.1, and what refusals cost is lost to the
    answers under way.
    Where the last place goes meanwhile, `Workers` refuses all the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in QUESTIONS:
            await self._app(scope, receive, send)
            return
        workers: Workers = scope["app"].state.workers
        if not workers.full:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route(scope["path"])
        scope.setdefault("log", {})["refused"] = "overloaded"
        response = refusal(scope["path"], 503, "overloaded", _TOO_MANY, str(scope.get("request_id", "")))
        await response(scope, receive, send)


class _Route(NamedTuple):
    """What the log asks of a route."""

    path: str
