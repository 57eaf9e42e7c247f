"""A folder and its index kept in step: what is new, changed or gone is taken over soon after."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import watch

from index.build import EventCallback, IndexReport, ignore_event, update_index
from index.errors import IndexBusyError, SourceError
from index.load import walk_once
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Embedder

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 5.0


Changes = Callable[[Path, threading.Event], Iterator[object]]
"""Yields when something below a folder may have changed, until it is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: that a file must stay as it is before it is read, and after which a folder that never rests is."""

    settle_s: float = 1.0
    longest_s: float = 60.0


def changes_of(folder: Path, stop: threading.Event) -> Iterator[object]:
    """Yield as the system tells of changes, a few within a moment as one, and every few seconds."""
    yield from watch(
        folder, stop_event=stop, debounce=800, rust_timeout=3000, yield_on_timeout=True, raise_interrupt=False
    )


def watch_folder(
    state: StateFolder,
    folder: Path,
    embedder: Embedder,
    settings: IndexSettings,
    *,
    stop: threading.Event,
    on_pass: Callable[[IndexReport | SourceError], None],
    on_event: EventCallback = ignore_event,
    changes: Changes = changes_of,
    pace: Pace = Pace(),
) -> None:
    """Index `folder`, and again whenever something in it has changed, until `stop` is set.

    What is gone from the folder is removed from the index; a folder that holds no document at all is taken
    for a mistake, and changes nothing. A file that is being written is waited for. While another process
    writes to the index, this waits.

    Raises:
        SourceError: the folder cannot be used at the start.
        StateFolderError, CatalogDamagedError, EmbedderError: as they say.
    """
    seen = _snapshot(folder)
    on_pass(_indexed(state, folder, embedder, settings, stop, on_event))
    for _ in changes(folder, stop):
        # What the system forgot to tell of, or told before anybody listened, is seen here.
        if _snapshot(folder) == seen:
            continue
        if stop.is_set() or not _settled(folder, stop, pace):
            return
        seen = _snapshot(folder)
        try:
            on_pass(_indexed(state, folder, embedder, settings, stop, on_event))
        except SourceError as error:
            # An emptied folder, or one that is gone for a moment: what is indexed stays.
            on_pass(error)


def _indexed(
    state: StateFolder,
    folder: Path,
    embedder: Embedder,
    settings: IndexSettings,
    stop: threading.Event,
    on_event: EventCallback,
) -> IndexReport:
    pause = 0.2
    while True:
        try:
            return update_index(state, [folder], embedder, settings, prune=True, on_event=on_event)
        except IndexBusyError:
            logger.info("another process is writing to the index; waiting")
            if stop.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _settled(folder: Path, stop: threading.Event, pace: Pace) -> bool:
    """Wait until no file changes any more; return whether to go on."""
    until = time.monotonic() + pace.longest_s
    before = _snapshot(folder)
    while time.monotonic() < until:
        if stop.wait(pace.settle_s):
            return False
        now = _snapshot(folder)
        if now == before:
            return True
        before = now
    return True


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file below a folder; what vanishes meanwhile is left out."""
    found: dict[str, tuple[int, int]] = {}
    for current, _, files in walk_once(folder):
        for name in files:
            path = Path(current, name)
            try:
                state = path.stat()
            except OSError:
                continue
            found[str(path)] = (state.st_size, state.st_mtime_ns)
    return found
