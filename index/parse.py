"""Reads files in a process of its own, which may hang, bloat or die without harm.

One process serves many files; it is started when it is first needed, and anew after a death, a limit, or a few
hundred files. What a file did to it is that file's problem; the next one goes on.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from index.errors import DocumentError, ParserError
from index.formats.record import Problem, Record
from index.parse_frames import FrameError, read_frame, unpack_item, write_frame

_START_S = 60.0
_PIECE = 2**20
_PATH = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseLimits:
    """What one file may cost. Seconds grow with its size, since a long book takes longer than a bomb.

    `memory_bytes` bounds the address space of the process, `output_characters` all texts of one file.
    """

    file_bytes: int = 100 * 2**20
    memory_bytes: int = 1536 * 2**20
    output_characters: int = 100_000_000
    seconds: float = 6.0
    seconds_per_mebibyte: float = 4.0
    most_seconds: float = 300.0

    def seconds_for(self, size: int) -> float:
        """Return how long a file of so many bytes may take."""
        return min(self.most_seconds, self.seconds + self.seconds_per_mebibyte * size / 2**20)


DEFAULT_LIMITS = ParseLimits()


class _Gone(Exception):
    """The process went before it had answered."""


class _Late(Exception):
    """The process took longer than the file may."""


class ParsePool:
    """One parsing process, started when needed. For any thread; files wait for each other."""

    def __init__(self, limits: ParseLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None

    def parse(
        self, path: Path | str, name: str, where: str, media_type: str | None = None
    ) -> Iterator[Record | Problem]:
        """Yield the documents of a file that is called `name`, and a problem for each part that is none.

        Raises:
            ParserError: the process cannot be started.
        """
        try:
            size = Path(path).stat().st_size
        except OSError as error:
            yield Problem(error=DocumentError(where, f"cannot be read: {error.strerror or error}"))
            return
        if size > self.limits.file_bytes:
            yield Problem(
                error=DocumentError(
                    where,
                    f"has {size} bytes, over the limit of {self.limits.file_bytes} for one file; split it",
                )
            )
            return
        seconds = self.limits.seconds_for(size)
        request = {
            "path": os.path.abspath(path),
            "name": name,
            "where": where,
            "media_type": media_type,
            "max_bytes": self.limits.file_bytes,
            "cpu_s": seconds,
        }
        with self._lock:
            finished = False
            try:
                self._ask(request)
                yield from self._answers(seconds)
                finished = True
            except _Late:
                yield Problem(
                    error=DocumentError(where, f"took longer than {seconds:.0f} s and was given up")
                )
            except _Gone:
                yield Problem(error=DocumentError(where, self._why(seconds)))
            except FrameError as error:
                yield Problem(error=DocumentError(where, f"made its reader answer nonsense: {error}"))
            finally:
                if not finished:  # also where whoever asked went away half-way
                    self._stop()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return None if self._process is None else self._process.pid

    def _ask(self, request: dict[str, Any]) -> None:
        for attempt in (1, 2):
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._process is not None
            try:
                write_frame(cast(BinaryIO, self._process.stdin), request)
                return
            except OSError:
                # It went while it was idle, which is nobody's fault; but only once.
                self._stop()
                if attempt == 2:
                    raise _Gone from None

    def _answers(self, seconds: float) -> Iterator[Record | Problem]:
        waited = 0.0
        while True:
            began = time.monotonic()
            message, text = self._frame(seconds - waited)
            # Only the process's own time counts, not what is done with its answers.
            waited += time.monotonic() - began
            if "done" in message:
                if message.get("last"):
                    self._stop()
                return
            yield unpack_item(message, text)

    def _frame(self, seconds: float) -> tuple[dict[str, Any], str]:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        until = time.monotonic() + seconds

        def read(size: int) -> bytes:
            pieces: list[bytes] = []
            while size:
                left = until - time.monotonic()
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                if left <= 0 or not poll.poll(left * 1000):
                    raise _Late
                piece = os.read(descriptor, min(size, _PIECE))
                if not piece:
                    raise _Gone
                pieces.append(piece)
                size -= len(piece)
            return b"".join(pieces)

        return read_frame(read)

    def _start(self) -> None:
        self._stop()
        self._errors = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed by _stop
        environment = {
            "PYTHONPATH": str(_PATH),
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "TZ": "UTC",
        }
        command = [sys.executable, "-P", "-s", "-m", "index.parse_worker"]
        limits = [str(self.limits.memory_bytes), str(self.limits.output_characters)]
        try:
            self._process = subprocess.Popen(
                command + limits,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment,
                cwd="/",
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends it
            )
            message, _ = self._frame(_START_S)
        except (OSError, _Gone, _Late, FrameError) as error:
            said = self._said()
            self._stop()
            raise ParserError(
                f"the process that reads documents cannot be started: {said or error}"
            ) from error
        if "ready" not in message:
            self._stop()
            raise ParserError("the process that reads documents does not answer as it should")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _said(self) -> str:
        """Return the last line that the process wrote about itself."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read(65_536).decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def _why(self, seconds: float) -> str:
        """Say how the process ended, for the one whose file it was."""
        process = self._process
        code = None if process is None else process.wait()
        if code == -signal.SIGXCPU:
            return f"took longer than {seconds:.0f} s and was given up"
        if code is not None and code < 0:
            return f"ended its reader (signal {signal.Signals(-code).name}); the file is damaged or hostile"
        if "MemoryError" in self._said() or "bad_alloc" in self._said():
            return "needs more memory than one file may"
        return f"ended its reader (exit {code}); the file is damaged or hostile"


_pool: ParsePool | None = None
_pool_lock = threading.Lock()


def shared_pool() -> ParsePool:
    """Return the process's own pool; its child ends with it."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ParsePool()
            atexit.register(_pool.close)
        return _pool
