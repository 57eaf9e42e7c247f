"""Work done by several threads at once, no more of it begun than there are threads."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def done_in_parallel(
    items: Iterable[T], work: Callable[[T], R], *, threads: int, halted: Callable[[], bool]
) -> Generator[R]:
    """Yield results as they are done; the next item is begun only after the caller took one.

    Once `halted()`, or after the first error, nothing more is begun; what is under way is finished
    and yielded, and the error is raised last, so that no result is lost to it.
    """
    left = iter(items)
    running: set[Future[R]] = set()
    failed: BaseException | None = None
    with ThreadPoolExecutor(threads, thread_name_prefix="eval-ask") as pool:
        while True:
            while failed is None and len(running) < threads and not halted():
                try:
                    item = next(left)
                except StopIteration:
                    break
                running.add(pool.submit(work, item))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is None:
                    yield future.result()
                else:
                    failed = failed or error
    if failed is not None:
        raise failed


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Set an event at the first Ctrl-C or SIGTERM; the second ends the process there and then.

    An exception out of a signal handler can strike between any two instructions, half a line
    written; a flag is looked at where stopping is safe. Signals reach the main thread only: in
    another the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            # An exception would wait for the threads, which may hang on a server for a minute.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()
        logger.warning("%s: finishing what is being asked; once more to end at once", _name(number))

    saved = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in saved.items():
            # None: it was set by other means than Python, which cannot put it back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _name(number: int) -> str:
    return signal.Signals(number).name
