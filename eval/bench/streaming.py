"""Measures streams over HTTP on the seeds: the first event, 8 clients for a minute, overload, recovery.

    python -m eval.bench.streaming [--out eval/results/streaming.json] [--threads N] [--seconds 60]

Everything runs on one machine: the clients take their share of the cores, which the times include. So for the
overload the seconds of a core that the server and the clients used are given too: answers by the server's
seconds show what refusing costs the server itself, whatever the clients take from it.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.bench.record import ROOT, ChildServer, cores, index_with_cli, latencies, provenance, write_json
from eval.bench.serve import questions
from eval.bench.stream_client import Exchange, exchange, flood, steady

MODULE = "eval.bench.streaming"
OVERLOAD = 10
_WARM_UP = 20
_PROBE_S = 0.05
_RECOVERY_LIMIT_S = 30.0


class Watch:
    """Asks for `/healthz` twenty times a second and notes the server's memory, until it is left."""

    def __init__(self, server: ChildServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._seconds: list[float] = []
        self._failures = 0
        self._memory: list[tuple[float, float]] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=10)
        begun = time.perf_counter()
        while not self._stop.wait(_PROBE_S):
            started = time.perf_counter()
            try:
                connection.request("GET", "/healthz")
                reply = connection.getresponse()
                reply.read()
                good = reply.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                good = False
            self._seconds.append(time.perf_counter() - started)
            self._failures += not good
            if len(self._memory) < time.perf_counter() - begun:
                self._memory.append((time.perf_counter() - begun, self._server.memory()["rss_mib"]))

    def health(self) -> dict[str, float]:
        """Summarise the probes; one that failed counts with the time it took."""
        return {**latencies(self._seconds), "failures": self._failures}

    def memory(self) -> dict[str, float]:
        """Return MiB at the start, after a sixth of the time and at the end, and the slope since then."""
        later = self._memory[len(self._memory) // 6 :]
        slope = (
            statistics.linear_regression([at for at, _ in later], [mib for _, mib in later]).slope
            if len(later) > 1
            else 0.0
        )
        return {
            "start_mib": self._memory[0][1],
            "settled_mib": later[0][1],
            "end_mib": later[-1][1],
            "max_mib": max(mib for _, mib in self._memory),
            "growth_mib_per_minute": round(60 * slope, 2),
        }


def asked_anew(time_round: int) -> list[dict[str, Any]]:
    """Return the seeds' questions written as in no other round, so that none is remembered as read before.

    Only the spaces between words differ: the same words, the same work.
    """
    found = []
    for body in questions():
        words = body["question"].split(" ")
        gaps = [" " * (1 + (time_round >> place & 1)) for place in range(len(words) - 1)]
        text = "".join(word + gap for word, gap in zip(words, [*gaps, ""], strict=True))
        found.append({**body, "question": text})
    return found


def first_events(port: int, requests: int) -> dict[str, Any]:
    """Ask one after the other on both routes, and compare with what the server says an answer took.

    Raises:
        RuntimeError: a request failed; a failure must not pass for a fast answer.
    """
    found: dict[str, Any] = {}
    for time_round, route in enumerate(("native", "chat")):
        bodies = asked_anew(time_round)
        seen: list[Exchange] = []
        for number in range(-_WARM_UP, requests):
            one = asyncio.run(exchange(port, route, bodies[number % len(bodies)]))
            if not one.whole:
                raise RuntimeError(f"{route} answered {one.status}, and not to the end")
            if number >= 0:
                seen.append(one)
        found[route] = {
            "first_event": latencies([one.first_event_s or 0.0 for one in seen]),
            "first_text": latencies([one.first_text_s or 0.0 for one in seen]),
            "whole": latencies([one.total_s for one in seen]),
            "first_text_over_own_time": latencies(
                [(one.first_text_s or 0.0) - (one.own_ms or 0.0) / 1000 for one in seen]
            ),
        }
    return found


def summary(found: Sequence[Exchange | None], seconds: float) -> dict[str, Any]:
    """Count what came of many requests; an answer counts only if its stream came to its end."""
    whole = [one for one in found if one is not None and one.whole]
    refused = [one for one in found if one is not None and one.status in (429, 503)]
    errors = [one for one in found if one is None or not (one.whole or one in refused)]
    return {
        "requests": len(found),
        "answers": len(whole),
        "answers_per_s": round(len(whole) / seconds, 2),
        "refused": len(refused),
        "refused_without_retry_after": sum(one.retry_after is None for one in refused),
        "errors": len(errors),
        "error_statuses": sorted({0 if one is None else one.status for one in errors}),
        "answer": latencies([one.total_s for one in whole]) if whole else None,
        "first_event": latencies([one.first_event_s or 0.0 for one in whole]) if whole else None,
        "refusal": latencies([one.total_s for one in refused]) if refused else None,
    }


def in_a_process(
    job: str, port: int, seconds: float, many: float, time_round: int
) -> tuple[list[Exchange | None], float, float]:
    """Run clients in a child, so that they do not share our interpreter lock.

    Returns what came, the time, and the seconds of a core that the clients used.


    Raises:
        RuntimeError: the child failed; the message holds its last words.
    """
    words = ["--job", job, "--client-of", str(port), "--seconds", str(seconds), "--many", str(many)]
    words += ["--round", str(time_round)]
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the clients ended with {done.returncode}: {done.stderr[-1000:]}")
    content = json.loads(done.stdout)
    rows = [None if row is None else Exchange(**row) for row in content["exchanges"]]
    return rows, content["seconds"], content["cpu_s"]


def child(job: str, port: int, seconds: float, many: float, time_round: int) -> None:
    """Be the clients: print what came of every request."""
    bodies = asked_anew(time_round)
    started, used = time.perf_counter(), time.process_time()
    if job == "steady":
        found = asyncio.run(steady(port, int(many), seconds, bodies))
    else:
        found = asyncio.run(flood(port, many, seconds, bodies))
    elapsed, cpu_s = time.perf_counter() - started, time.process_time() - used
    rows = [None if one is None else asdict(one) for one in found]
    json.dump({"seconds": elapsed, "cpu_s": cpu_s, "exchanges": rows}, sys.stdout)


def recovery_s(port: int, usual_s: float) -> float:
    """Ask until an answer comes whole and within twice the usual time; return the seconds until then.

    Raises:
        RuntimeError: none did within half a minute.
    """
    body = questions()[0]
    started = time.perf_counter()
    while time.perf_counter() - started < _RECOVERY_LIMIT_S:
        one = asyncio.run(exchange(port, "native", body))
        if one.whole and one.total_s <= 2 * usual_s:
            return time.perf_counter() - started
    raise RuntimeError(f"no usual answer within {_RECOVERY_LIMIT_S:g} s after the overload")


def cores_used(server_s: float, clients_s: float, elapsed_s: float, answers: int) -> dict[str, float]:
    """Say how much of a core each side used on average, and how many answers a second of the server's made."""
    return {
        "server": round(server_s / elapsed_s, 3),
        "clients": round(clients_s / elapsed_s, 3),
        "answers_per_server_core_s": round(answers / server_s, 2),
    }


def overload(server: ChildServer, seconds: float, usual_s: float) -> dict[str, Any]:
    """Find the peak of answers a second, then let ten times as many requests arrive."""
    peaks: dict[int, float] = {}
    used: dict[int, dict[str, float]] = {}
    for time_round, clients in enumerate((2, 4, 8), start=3):
        before = server.cpu_s()
        rows, elapsed, clients_s = in_a_process("steady", server.port, seconds / 2, clients, time_round)
        found = summary(rows, elapsed)
        peaks[clients] = found["answers_per_s"]
        used[clients] = cores_used(server.cpu_s() - before, clients_s, elapsed, found["answers"])
    peak = max(peaks.values())
    at_peak = used[max(peaks, key=peaks.__getitem__)]
    with Watch(server) as watch:
        before = server.cpu_s()
        rows, elapsed, clients_s = in_a_process("flood", server.port, seconds, OVERLOAD * peak, 6)
        server_s = server.cpu_s() - before
        recovered = recovery_s(server.port, usual_s)
    # What waited at the end was answered after the last request came: the time is that of all of it.
    found = summary(rows, elapsed)
    in_overload = cores_used(server_s, clients_s, elapsed, found["answers"])
    return {
        "peak_answers_per_s": peak,
        "peaks_by_clients": peaks,
        "cores_at_peak": at_peak,
        "cores_in_overload": in_overload,
        "goodput_share_by_server_core": round(
            in_overload["answers_per_server_core_s"] / at_peak["answers_per_server_core_s"], 3
        ),
        "arrivals_per_s": round(len(rows) / seconds, 2),
        "seconds": round(elapsed, 2),
        **found,
        "goodput_share_of_peak": round(found["answers_per_s"] / peak, 3),
        "recovery_s": round(recovered, 3),
        "healthz": watch.health(),
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Index the seeds into a temporary folder, start the service and measure it."""
    record = provenance(MODULE, threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        index_with_cli(state, [ROOT / "seeds"], options.threads)
        with ChildServer(state, threads=options.threads) as server:
            first = first_events(server.port, options.requests)
            with Watch(server) as watch:
                rows, elapsed, _ = in_a_process("steady", server.port, options.seconds, options.clients, 2)
            many = {
                "clients": options.clients,
                "seconds": round(elapsed, 2),
                **summary(rows, elapsed),
                "healthz": watch.health(),
                "memory": watch.memory(),
            }
            usual_s = first["native"]["whole"]["p95_ms"] / 1000
            too_many = overload(server, options.overload_seconds, usual_s)
    return {
        "what": "streams on the seeds: time to the first event, several clients, overload and recovery",
        **record,
        "one_client": first,
        "steady": many,
        "overload": too_many,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    parser.add_argument("--requests", type=int, default=186, help="of one client, on each route")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="of several clients")
    parser.add_argument("--overload-seconds", type=float, default=20.0)
    parser.add_argument("--client-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--job", choices=["steady", "flood"], help=argparse.SUPPRESS)
    parser.add_argument("--many", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--round", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.client_of is not None:
        child(options.job, options.client_of, options.seconds, options.many, options.round)
        return 0
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
