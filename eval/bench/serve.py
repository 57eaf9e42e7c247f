"""Measures the service over HTTP on the seeds: start, answers, search, memory.

    python -m eval.bench.serve [--out eval/results/serve.json] [--threads N] [--requests 300]

Everything runs on one machine: the client takes its share of the cores, which the figures include.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.record import (
    ROOT,
    ChildServer,
    Client,
    cores,
    index_with_cli,
    latencies,
    provenance,
    write_json,
)

MODULE = "eval.bench.serve"
QUESTIONS = ROOT / "eval" / "data" / "seeds" / "questions.jsonl"
_WARM_UP = 20


def questions() -> list[dict[str, Any]]:
    """Return the request bodies of the seeds' questions, follow-ups with their history."""
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [{"question": row["question"], "history": row["history"]} for row in rows]


def one_client(port: int, path: str, bodies: Sequence[dict[str, Any]], requests: int) -> dict[str, float]:
    """Post one request after the other over one connection, in turn, and time each.

    Raises:
        RuntimeError: a request failed; a failure must not pass for a fast answer.
    """
    client = Client(port)
    seconds = []
    for number in range(-_WARM_UP, requests):
        status, raw, elapsed = client.post(path, bodies[number % len(bodies)])
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {raw[:300]!r}")
        if number >= 0:
            seconds.append(elapsed)
    client.close()
    return latencies(seconds)


def many_clients(port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Ask from several threads at once for some seconds; runs in a process of its own."""
    bodies = questions()
    done: list[list[float]] = [[] for _ in range(clients)]
    failures = [0] * clients
    started = until = 0.0

    def begin() -> None:
        nonlocal started, until
        started = time.perf_counter()
        until = started + seconds

    # Nobody begins before the last one's warm-up is over, and the clock starts then.
    begun = threading.Barrier(clients, action=begin, timeout=120)

    def work(me: int) -> None:
        client = Client(port)
        place = me * len(bodies) // clients
        client.post("/v1/ask", bodies[place])
        begun.wait()
        while time.perf_counter() < until:
            place += 1
            try:
                status, _, elapsed = client.post("/v1/ask", bodies[place % len(bodies)])
            except OSError:
                status, elapsed = 0, 0.0
            if status == 200:
                done[me].append(elapsed)
            else:
                failures[me] += 1
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    flat = [value for values in done for value in values]
    return {
        "clients": clients,
        "seconds": round(elapsed, 2),
        "answers_per_s": round(len(flat) / elapsed, 2),
        "failures": sum(failures),
        **latencies(flat),
    }


def in_a_process(port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Run `many_clients` in a child, so that its threads do not share our interpreter lock."""
    words = ["--client-of", str(port), "--clients", str(clients), "--seconds", str(seconds)]
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the clients ended with {done.returncode}: {done.stderr[-1000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Index the seeds into a temporary folder, start the service and measure it."""
    record = provenance(MODULE, threads=options.threads)
    bodies = questions()
    searches = [{"query": body["question"], "k": 10} for body in bodies]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        index_with_cli(state, [ROOT / "seeds"], options.threads)
        # The first start converts the reader, once for each state folder: apart from the others.
        with ChildServer(state, threads=options.threads) as server:
            first_start = server.start_s
        starts = []
        for _ in range(options.starts):
            with ChildServer(state, threads=options.threads) as server:
                starts.append(server.start_s)
        with ChildServer(state, threads=options.threads) as server:
            fresh = server.memory()
            ask = one_client(server.port, "/v1/ask", bodies, options.requests)
            search = one_client(server.port, "/v1/search", searches, options.requests)
            load = in_a_process(server.port, options.clients, options.seconds)
            used = server.memory()
    return {
        "what": "the service on the seeds: start to ready, answers and searches over HTTP, memory",
        **record,
        "start_to_ready_s": {
            "median": round(statistics.median(starts), 3),
            "all": [round(value, 3) for value in starts],
            "first_with_conversion_of_the_reader": round(first_start, 3),
        },
        "ask_1_client": ask,
        "search_1_client": search,
        "ask_many_clients": load,
        "memory": {"ready": fresh, "after_load": used},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--requests", type=int, default=372, help="at 1 client; the seeds have 186 questions")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0, help="of asking from several clients")
    parser.add_argument("--client-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.client_of is not None:
        print(json.dumps(many_clients(options.client_of, options.clients, options.seconds)))
        return 0
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
