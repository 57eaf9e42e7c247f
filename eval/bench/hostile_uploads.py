"""Sends hostile files to the running service, and measures what it notices of them.

    python -m eval.bench.hostile_uploads [--out eval/results/hostile_uploads.json]

Each file of `eval.bench.hostile_files` is uploaded to `verse serve` by itself, and its job followed to its end, while
`/healthz` is asked twenty times a second. At the end a good page must be read and found. Memory is that of the
serving process; what reads the files is another one, with limits of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.hostile_files import GOOD, HOSTILE, ODD
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
from eval.bench.sending import call, form, job_state

MODULE = "eval.bench.hostile_uploads"
_LONGEST_S = 120.0


def sent(port: int, name: str, raw: bytes) -> tuple[str, float]:
    """Upload one file; return what became of it (a state, or an HTTP status) and the seconds until then."""
    began = time.monotonic()
    body, kind = form(name, raw)
    status, answer = call(port, "POST", "/v1/documents", body, kind)
    if status != 202:
        return str(status), time.monotonic() - began
    job_id = json.loads(answer)["job_id"]
    while time.monotonic() < began + _LONGEST_S:
        state, _ = job_state(port, job_id)
        if state in ("searchable", "failed"):
            return state, time.monotonic() - began
        time.sleep(0.05)
    return "not ended", time.monotonic() - began


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Send all of them, one after the other."""
    record = provenance(MODULE, threads=options.threads)
    healthy: list[float] = []
    unhealthy: list[str] = []
    stop = threading.Event()

    def watch(port: int) -> None:
        client = Client(port)
        while not stop.wait(0.05):
            began = time.perf_counter()
            try:
                status, _ = client.get("/healthz")
            except OSError as error:
                unhealthy.append(type(error).__name__)
                continue
            healthy.append(time.perf_counter() - began)
            if status != 200:
                unhealthy.append(str(status))
        client.close()

    files: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        state = Path(name) / "state"
        index_with_cli(state, [ROOT / "seeds"], options.threads)
        with ChildServer(state, threads=options.threads) as server:
            # What the first good file takes is not of the hostile ones.
            sent(server.port, "first.html", GOOD.replace(b"good page", b"first page"))
            before = server.memory()
            watcher = threading.Thread(target=watch, args=(server.port,))
            watcher.start()
            for file_name, make in {**HOSTILE, **ODD}.items():
                raw = make()
                outcome, seconds = sent(server.port, file_name, raw)
                files[file_name] = {
                    "bytes": len(raw),
                    "outcome": outcome,
                    "seconds": round(seconds, 2),
                    "rss_mib": server.memory()["rss_mib"],
                }
            # Not the words of a page that was among the odd files: a repeat is found under that one's name.
            good, _ = sent(
                server.port, "good.html", GOOD.replace(b"A good page", b"The lighthouse keeper's page")
            )
            found = call(server.port, "POST", "/v1/search", b'{"query": "the lighthouse keeper"}')
            stop.set()
            watcher.join()
            after = server.memory()
    passages = json.loads(found[1])["passages"] if found[0] == 200 else []
    hostile = [files[file_name] for file_name in HOSTILE]
    return {
        "what": "hostile files sent to the running service, one after the other, and then odd ones, which may be read",
        **record,
        "files": len(files),
        "hostile": len(hostile),
        "outcomes": dict(Counter(one["outcome"] for one in files.values())),
        "hostile_taken": [
            n for n in HOSTILE if files[n]["outcome"] not in ("failed", "415", "413", "422", "400")
        ],
        "longest_s": max(one["seconds"] for one in hostile),
        "longest_of_odd_s": max(files[file_name]["seconds"] for file_name in ODD),
        "slowest": dict(sorted(files.items(), key=lambda one: -one[1]["seconds"])[:6]),
        "memory_before": before,
        "memory_after": after,
        "most_memory_more_mib": round(max(one["rss_mib"] for one in hostile) - before["rss_mib"], 1),
        "healthz": latencies(healthy),
        "healthz_failures": unhealthy,
        "good_page_afterwards": good,
        "good_page_found": any(p["document_id"] == "good.html" for p in passages),
        "by_file": files,
    }


def passed(found: dict[str, Any]) -> bool:
    """Tell whether nothing hostile was taken and the service lived on; times are judged by people."""
    return (
        not found["hostile_taken"]
        and not found["healthz_failures"]
        and found["outcomes"].get("not ended", 0) == 0
        and found["good_page_found"]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 1 when something hostile was taken or the service did not live on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=max(1, cores() // 2))
    options = parser.parse_args(arguments)
    found = bench(options)
    write_json(found, options.out)
    return 0 if passed(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
