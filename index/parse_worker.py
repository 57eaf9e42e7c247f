"""The process that reads documents: `python -m index.parse_worker`, started by `index.parse`.

It holds itself to limits before it reads anything, and answers on its standard output. What a library raises on a
damaged file is reported as that file's problem; what kills the process is told by the parent.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from index.errors import DocumentError
from index.formats.record import Problem
from index.parse_frames import FrameError, pack_item, read_frame, write_frame

_IDLE_S = 120
_MAX_FILES = 300
_RESET_EVERY = 100
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve requests until the parent goes, the process has been idle, or it has read enough."""
    memory, written = int(sys.argv[1]), int(sys.argv[2])
    _limit(memory)
    # Libraries may write to what they take for a terminal; answers go to a descriptor that they do not know.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    _load()
    write_frame(answers, {"ready": os.getpid()})
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number in range(1, _MAX_FILES + 1):
        signal.alarm(_IDLE_S)
        try:
            request, _ = read_frame(lambda n: _exactly(requests, n))
        except EOFError:
            return 0
        signal.alarm(0)
        healthy = _serve(request, answers, written)
        write_frame(answers, {"done": True, "last": not healthy or number == _MAX_FILES})
        if not healthy:
            return 0
        if number % _RESET_EVERY == 0:
            from trafilatura.meta import reset_caches

            reset_caches()
    return 0


def _limit(memory: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    sys.setrecursionlimit(2_000)


def _load() -> None:
    # Before the first file, so that no file pays for it and a missing library is an error of the start.
    import lxml.html  # type: ignore[import-untyped]  # noqa: F401
    import trafilatura  # noqa: F401

    import index.formats.dispatch  # noqa: F401


def _serve(request: dict[str, Any], answers: BinaryIO, written: int) -> bool:
    """Answer one request; return whether the process is fit for another."""
    from index.formats.dispatch import read_bytes

    where = request["where"]
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + int(request["cpu_s"]), resource.RLIM_INFINITY))
    try:
        with open(request["path"], "rb") as file:  # noqa: PTH123 - the name may hold bytes that are no text
            raw = file.read(int(request["max_bytes"]) + 1)
        if len(raw) > int(request["max_bytes"]):
            raise DocumentError(where, f"has more than {request['max_bytes']} bytes; split it")
        for item in read_bytes(raw, request["name"], where, media_type=request["media_type"]):
            message, text = pack_item(item)
            written -= len(text)
            if written < 0:
                raise DocumentError(where, "gives more text than one file may; split it")
            write_frame(answers, message, text)
    except DocumentError as error:
        _report(answers, error)
    except OSError as error:
        _report(answers, DocumentError(where, f"cannot be read: {error.strerror or error}"))
    except MemoryError:
        _report(answers, DocumentError(where, "needs more memory than one file may"))
        return False
    except FrameError as error:
        _report(answers, DocumentError(where, f"is too much for one document: {error}"))
    except RecursionError:
        _report(answers, DocumentError(where, "is nested too deeply"))
        return False
    except Exception as error:  # noqa: BLE001 - libraries raise anything on a damaged file, and each is its problem
        _report(answers, DocumentError(where, f"cannot be read ({type(error).__name__}: {str(error)[:200]})"))
        return False
    return True


def _report(answers: BinaryIO, error: DocumentError) -> None:
    message, _ = pack_item(Problem(error=error))
    write_frame(answers, message)


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise EOFError
    return found


if __name__ == "__main__":
    sys.exit(main())
