"""What every benchmark writes beside its figures, and the server that some of them measure."""

from __future__ import annotations

import http.client
import importlib.metadata
import json
import math
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "torch",
    "sentence-transformers",
    "transformers",
    "openvino",
    "faiss-cpu",
    "tantivy",
    "numpy",
    "tokenizers",
    "fastapi",
    "starlette",
    "uvicorn",
)
# What decides how fast a matrix is multiplied; the rest of the flags would only fill the file.
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lie, linear between ranks.

    The same as `numpy.percentile(values, 100 * share)`.

    Raises:
        ValueError: no values, or a share outside [0, 1].
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"no percentile {share!r} of {len(values)} values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Summarise request times, in milliseconds."""
    return {
        "requests": len(seconds),
        "p50_ms": round(1000 * percentile(seconds, 0.5), 3),
        "p95_ms": round(1000 * percentile(seconds, 0.95), 3),
        "p99_ms": round(1000 * percentile(seconds, 0.99), 3),
        "mean_ms": round(1000 * sum(seconds) / len(seconds), 3),
        "max_ms": round(1000 * max(seconds), 3),
    }


def machine() -> dict[str, Any]:
    """Describe what it ran on, as far as it shapes a timing."""
    cpu = _fields(Path("/proc/cpuinfo"))
    memory = _fields(Path("/proc/meminfo"))
    flags = set(cpu.get("flags", "").split())
    return {
        "cpu": cpu.get("model name", platform.processor() or "unknown"),
        "cores": cores(),
        "flags": {flag: flag in flags for flag in _FLAGS},
        "memory_mib": int(memory.get("MemTotal", "0 kB").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.release()}",
        # Above 0 at the start means that something else ran: the timings are then upper bounds.
        "load_average_1m": round(os.getloadavg()[0], 2),
    }


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that do the work."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit() -> dict[str, Any]:
    """Return the commit that was measured, and whether files differed from it."""
    head = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain")
    return {"commit": head or "unknown", "dirty": bool(changed)}


def command_line(module: str) -> str:
    """Return the command, folders of this machine reduced to their names."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return " ".join(["python", "-m", module, *words])


def provenance(module: str, *, threads: int) -> dict[str, Any]:
    """Return what a reader needs in order to judge and to repeat a figure."""
    return {
        "command": command_line(module),
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        **commit(),
        "machine": machine(),
        "versions": versions(),
        "threads": threads,
    }


def write_json(content: Mapping[str, Any], out: Path | None) -> None:
    """Print the figures, and write them to a file where one is named."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    print(text)


def child_environment(state: Path, threads: int) -> dict[str, str]:
    """Return the environment of a `verse` process: ours, with no setting left over from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("VERSE_")}
    return {
        **kept,
        "VERSE_STATE_DIR": str(state),
        "VERSE_THREADS": str(threads),
        "PYTHONPATH": str(ROOT),
    }


def index_with_cli(state: Path, paths: Sequence[Path], threads: int) -> float:
    """Run `verse index` in a process of its own and return the seconds it took.

    Raises:
        RuntimeError: it failed; the message holds its last words.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "index", *map(str, paths)],
        cwd=ROOT,
        env=child_environment(state, threads),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"verse index ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - started


class ChildServer:
    """`verse serve` in a process of its own, from its start to SIGTERM.

    `start_s` is the time from starting the process to the first 200 of `/readyz`. `settings` are further
    `VERSE_` variables.

    Raises:
        RuntimeError: it ended, or was not ready in time; the message holds its last words.
    """

    def __init__(
        self,
        state: Path,
        *,
        threads: int,
        timeout_s: float = 300.0,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self.port = free_port()
        self._state = state
        self._threads = threads
        self._timeout_s = timeout_s
        self._log = state.parent / f"serve-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start_s = 0.0

    def start(self) -> None:
        """Start the process, and do not wait for it."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api.cli", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env={**child_environment(self._state, self._threads), **self._settings},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Send SIGKILL and wait for the end.

        Raises:
            RuntimeError: it had ended by itself; the message holds its last words.
        """
        assert self._process is not None
        self._process.kill()
        if self._process.wait() != -signal.SIGKILL:
            raise RuntimeError(f"the server ended with {self._process.returncode}: {self._words()}")

    def __enter__(self) -> Self:
        started = time.perf_counter()
        self.start()
        assert self._process is not None
        try:
            while not self._is_ready():
                if self._process.poll() is not None:
                    raise RuntimeError(f"the server ended with {self._process.returncode}: {self._words()}")
                if time.perf_counter() - started > self._timeout_s:
                    raise RuntimeError(f"the server was not ready in {self._timeout_s} s: {self._words()}")
                time.sleep(0.005)
        except BaseException:
            self._stop()
            raise
        self.start_s = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> dict[str, float]:
        """Return what it holds now and what it held at most, in MiB."""
        assert self._process is not None
        fields = _fields(Path(f"/proc/{self._process.pid}/status"))
        return {
            "rss_mib": round(int(fields["VmRSS"].split()[0]) / 1024, 1),
            "peak_mib": round(int(fields["VmHWM"].split()[0]) / 1024, 1),
        }

    def cpu_s(self) -> float:
        """Return the seconds of a core that all of its threads have used since its start."""
        assert self._process is not None
        # The name of the process may hold spaces and brackets; the numbers stand after its last bracket.
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def _stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Client:
    """One kept-alive connection that posts JSON; for one thread."""

    def __init__(
        self, port: int, *, timeout_s: float = 120.0, headers: Mapping[str, str] | None = None
    ) -> None:
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)

    def post(self, path: str, content: Mapping[str, Any]) -> tuple[int, bytes, float]:
        """Return (status, body, seconds from the first byte sent to the last one read)."""
        body = json.dumps(content).encode()
        started = time.perf_counter()
        try:
            self._connection.request("POST", path, body, self._headers)
            response = self._connection.getresponse()
            raw = response.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()  # the next request opens it anew
            raise
        return response.status, raw, time.perf_counter() - started

    def get(self, path: str) -> tuple[int, bytes]:
        """Return (status, body)."""
        try:
            self._connection.request("GET", path, headers=self._headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def free_port() -> int:
    """Return a port of the loopback address on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fields(path: Path) -> dict[str, str]:
    """Read `name : value` lines, the first of each name."""
    found: dict[str, str] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    except OSError:
        return {}
    return found


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
