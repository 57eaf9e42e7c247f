"""Measures readers while documents arrive: errors, mixed generations, latency, time until a document is found.

    python -m eval.bench.readers [--out eval/results/readers.json] [--seconds 60] [--readers 8] [--rate 10]

`--rate` documents a second arrive in small batches, once as uploads to the service that is asked, once indexed by a
process of its own. In every batch a pair of documents is replaced, both of which carry the number of the batch: an
answer of two generations would show two numbers. Readers ask and search over HTTP, first with nothing arriving
(idle) and then meanwhile; each quote is held against the text that was stored. A prober searches for the word that
only the newest document holds, from when its upload's job was `searchable`, or the index was published; what became
searchable together with a newer one is looked for at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.bench.record import (
    ROOT,
    ChildServer,
    Client,
    child_environment,
    cores,
    index_with_cli,
    latencies,
    provenance,
    write_json,
)
from eval.bench.sending import call

MODULE = "eval.bench.readers"
WAYS = ("upload", "index")
_BATCHES_PER_S = 1.0
_NUMBER = re.compile(r"batch number (\d+)")
_TOPICS = ("copper", "harbour", "railway", "summit", "energy", "border", "treaty", "school")
_QUESTIONS = (
    "Why do Central Asian leaders meet Trump in Washington?",
    "How much is the Boeing deal worth?",
    "Which countries take part in the summit?",
    "What did the minister say about the copper railway?",
)


def document(number: int) -> dict[str, str]:
    """Return a document of a few sentences, with a word that no other holds."""
    dice = random.Random(number)
    sentences = [
        f"The {dice.choice(_TOPICS)} office wrote report {dice.randrange(1000)} about the {dice.choice(_TOPICS)}."
        for _ in range(8)
    ]
    text = f"{word(number)} is the mark of this report. " + " ".join(sentences)
    return {"id": f"arrived-{number}", "title": f"Report {number}", "text": text}


def word(number: int) -> str:
    """Return the word of a document."""
    return f"zq{number:05d}xv"


def pair(batch: int) -> list[dict[str, str]]:
    """Return the two documents that change together."""
    return [
        {
            "id": f"pair-{side}",
            "title": f"Lantern ledger {side}",
            "text": f"The lantern ledger {side} has batch number {batch}.",
        }
        for side in ("left", "right")
    ]


@dataclass
class Seen:
    """What the readers of one phase saw."""

    ask_s: list[float] = field(default_factory=list)
    search_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    wrong_quotes: list[str] = field(default_factory=list)
    quotes: int = 0
    versions: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def writer(folder: Path, rate: float, seconds: float, threads: int) -> None:
    """Be the writing process: a line on stdout for each batch that was published."""
    from index.build import update_index
    from index.embed import open_embedder
    from index.models import find_model
    from index.settings import IndexSettings
    from index.state import StateFolder

    state = StateFolder(folder / "state")
    embedder = open_embedder(find_model(), state.models, threads=threads)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    begun, number, batch = time.monotonic(), 0, 0
    while (now := time.monotonic() - begun) < seconds:
        due = int(now * rate)
        if due <= number:
            time.sleep(0.01)
            continue
        batch += 1
        rows = [document(n) for n in range(number, due)]
        source = folder / "arriving" / f"{number}.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        changing = folder / "arriving" / "pair.jsonl"
        changing.write_text("".join(json.dumps(row) + "\n" for row in pair(batch)), encoding="utf-8")
        stored: list[float] = []

        def on_event(_event: str, _document_id: str, stored: list[float] = stored) -> None:
            stored.append(time.time())

        update_index(state, [source, changing], embedder, IndexSettings(), on_event=on_event)
        number = due
        line = {
            "last": number - 1,
            "documents": len(rows),
            "stored": stored[len(rows) - 1],
            "published": time.time(),
        }
        print(json.dumps(line), flush=True)
        time.sleep(max(0.0, begun + batch / _BATCHES_PER_S - time.monotonic()))


def read(port: int, number: int, stop: Callable[[], bool], seen: Seen) -> None:
    """Ask and search until told to stop."""
    client, dice = Client(port), random.Random(number)
    while not stop():
        asks = dice.random() < 0.5
        try:
            if asks:
                status, raw, took = client.post("/v1/ask", {"question": dice.choice(_QUESTIONS)})
            else:
                status, raw, took = client.post(
                    "/v1/search", {"query": "lantern ledger batch number", "k": 2}
                )
        except OSError as error:
            with seen.lock:
                seen.errors.append(type(error).__name__)
            continue
        with seen.lock:
            if status != 200:
                seen.errors.append(f"{status} {raw[:200]!r}")
                continue
            content = json.loads(raw)
            if asks:
                seen.ask_s.append(took)
                seen.versions.add(content["receipt"]["index_version"])
                _check_quotes(content, seen)
            else:
                seen.search_s.append(took)
                numbers = {
                    match.group(1) for p in content["passages"] if (match := _NUMBER.search(p["text"]))
                }
                if len(numbers) > 1:
                    seen.mixed.append(f"batches {sorted(numbers)} in one answer")
    client.close()


def _check_quotes(record: dict[str, Any], seen: Seen) -> None:
    for citation in record["citations"]:
        seen.quotes += 1
        name, _, number = citation["document_id"].partition("-")
        if name != "arrived":
            continue
        text = document(int(number))["text"]
        if text[citation["start_char_index"] : citation["end_char_index"]] != citation["cited_text"]:
            seen.wrong_quotes.append(citation["document_id"])


def phase(port: int, readers: int, seconds: float, meanwhile: Callable[[], None]) -> Seen:
    """Let readers work for a while."""
    seen, end = Seen(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=read, args=(port, number, lambda: time.monotonic() > end, seen))
        for number in range(readers)
    ]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join()
    return seen


def send(port: int, rows: Sequence[dict[str, str]]) -> str:
    """Upload documents and return the id of the job.

    Raises:
        RuntimeError: they were not taken.
    """
    status, raw = call(port, "POST", "/v1/documents", json.dumps({"documents": list(rows)}).encode())
    if status != 202:
        raise RuntimeError(f"an upload was answered {status}: {raw[:300]!r}")
    return str(json.loads(raw)["job_id"])


def follow(port: int, job_id: str, timeout_s: float = 60.0) -> dict[str, float]:
    """Return when a job was first seen to be stored, and when to be searchable.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    client, until = Client(port), time.monotonic() + timeout_s
    seen: dict[str, float] = {}
    try:
        while time.monotonic() < until:
            status, raw = client.get(f"/v1/jobs/{job_id}")
            state = json.loads(raw)["state"] if status == 200 else str(status)
            if state in ("stored", "searchable"):
                seen.setdefault("stored", time.time())
            if state == "searchable":
                return {**seen, "published": time.time()}
            if state not in ("received", "reading", "stored"):
                raise RuntimeError(f"job {job_id} is {state}: {raw[:300]!r}")
            time.sleep(0.02)
    finally:
        client.close()
    raise RuntimeError(f"job {job_id} was not searchable after {timeout_s} s")


class Arrivals:
    """Documents that arrive; `batches` and `found` tell of them, `failures` of what was not taken."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.found: list[dict[str, float]] = []
        self.not_found = 0
        self.failures: list[str] = []
        self._published: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def uploaded(self, port: int, rate: float, seconds: float) -> None:
        """Upload batches, each as soon as it is due, and follow every one."""
        begun, number, batch = time.monotonic(), 0, 0
        threads = []
        prober = threading.Thread(target=self._probe_newest, args=(port,))
        prober.start()
        while (now := time.monotonic() - begun) < seconds:
            due = int(now * rate)
            if due <= number:
                time.sleep(0.01)
                continue
            batch += 1
            rows = [document(n) for n in range(number, due)]
            thread = threading.Thread(
                target=self._one, args=(port, [*rows, *pair(batch)], due - 1, len(rows))
            )
            thread.start()
            threads.append(thread)
            number = due
            time.sleep(max(0.0, begun + batch / _BATCHES_PER_S - time.monotonic()))
        for thread in threads:
            thread.join()
        self._published.put(None)
        prober.join()

    def _probe_newest(self, port: int) -> None:
        """Look for the newest of what became searchable meanwhile, one at a time: more would be a load of their own."""
        left: list[dict[str, Any]] = []
        ended = False
        while not ended:
            come = [self._published.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    come.append(self._published.get_nowait())
            ended = None in come
            batches = sorted((one for one in come if one is not None), key=lambda one: int(one["last"]))
            if batches:
                self._note(probe(port, batches[-1]), timed=True)
                left += batches[:-1]
        for batch in left:
            self._note(probe(port, {**batch, "published": time.time()}), timed=False)

    def _note(self, found: dict[str, float] | None, *, timed: bool) -> None:
        if found is None:
            self.not_found += 1
        elif timed:
            self.found.append(found)

    def _one(self, port: int, rows: Sequence[dict[str, str]], last: int, documents: int) -> None:
        try:
            times = follow(port, send(port, rows))
            batch = {"last": last, "documents": documents, **times}
            self.batches.append(batch)
            self._published.put(batch)
        except (RuntimeError, OSError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def indexed(self, port: int, writing: subprocess.Popen[str]) -> None:
        """Let the writing process begin, and look for what it says that it published."""
        assert writing.stdout is not None
        assert writing.stdin is not None
        writing.stdin.write("go\n")
        writing.stdin.flush()
        for line in writing.stdout:
            self.batches.append(json.loads(line))
            self._note(probe(port, self.batches[-1]), timed=True)


def probe(port: int, published: dict[str, Any], timeout_s: float = 10.0) -> dict[str, float] | None:
    """Search for the last document of a batch until it is found; return the seconds since stored and published."""
    client = Client(port)
    wanted = f"arrived-{published['last']}"
    try:
        while time.time() < published["published"] + timeout_s:
            status, raw, _ = client.post("/v1/search", {"query": word(published["last"]), "k": 3})
            if status == 200 and any(p["document_id"] == wanted for p in json.loads(raw)["passages"]):
                now = time.time()
                return {"stored_s": now - published["stored"], "published_s": now - published["published"]}
            time.sleep(0.02)
        return None
    finally:
        client.close()


def measured(options: argparse.Namespace, folder: Path, way: str) -> dict[str, Any]:
    """Index the seeds, serve them, and let readers work idle and while documents arrive in one way."""
    (folder / "arriving").mkdir()
    state, before = folder / "state", [ROOT / "seeds"]
    if way == "index":
        changing = folder / "arriving" / "pair.jsonl"
        changing.write_text("".join(json.dumps(row) + "\n" for row in pair(0)), encoding="utf-8")
        before.append(changing)
    index_with_cli(state, before, options.threads)
    arrivals = Arrivals()
    with contextlib.ExitStack() as stack:
        writing = stack.enter_context(writing_process(options, folder)) if way == "index" else None
        server = stack.enter_context(ChildServer(state, threads=options.threads))
        port = server.port
        if writing is None:
            follow(port, send(port, pair(0)))
        phase(port, options.readers, 3.0, lambda: None)  # warm-up
        idle = phase(port, options.readers, max(5.0, options.seconds / 4), lambda: None)
        if writing is None:
            during = phase(
                port,
                options.readers,
                options.seconds,
                lambda: arrivals.uploaded(port, options.rate, options.seconds),
            )
        else:
            child = writing
            during = phase(port, options.readers, options.seconds, lambda: arrivals.indexed(port, child))
        memory = server.memory()
    batches, found = arrivals.batches, arrivals.found
    return {
        "documents": sum(batch["documents"] for batch in batches),
        "batches": len(batches),
        "generations_seen": len(during.versions),
        "idle": _summary(idle),
        "during": _summary(during),
        "ask_p95_ratio": _ratio(idle.ask_s, during.ask_s),
        "search_p95_ratio": _ratio(idle.search_s, during.search_s),
        "stored_until_published_s": latencies([b["published"] - b["stored"] for b in batches])
        if batches
        else None,
        "found_after_stored": latencies([one["stored_s"] for one in found]) if found else None,
        "found_after_published": latencies([one["published_s"] for one in found]) if found else None,
        "not_found": arrivals.not_found,
        "failures": arrivals.failures,
        "memory": memory,
    }


@contextlib.contextmanager
def writing_process(options: argparse.Namespace, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Lend the process that indexes what arrives, its model loaded."""
    writing = subprocess.Popen(
        [
            *(sys.executable, "-m", MODULE, "--writer", str(folder)),
            *("--seconds", str(options.seconds), "--rate", str(options.rate), "--threads", "1"),
        ],
        cwd=ROOT,
        env=child_environment(folder / "state", 1),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writing.stdout is not None
        writing.stdout.readline()
        yield writing
    finally:
        writing.kill()
        writing.communicate()


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Measure both ways, one after the other."""
    record = provenance(MODULE, threads=options.threads)
    found = {}
    for way in options.by:
        with tempfile.TemporaryDirectory() as name:
            found[way] = measured(options, Path(name), way)
    return {
        "what": f"{options.readers} readers while {options.rate:g} documents a second arrive",
        **record,
        "seconds": options.seconds,
        "by": found,
    }


def _summary(seen: Seen) -> dict[str, Any]:
    return {
        "ask": latencies(seen.ask_s),
        "search": latencies(seen.search_s),
        "errors": len(seen.errors),
        "first_errors": seen.errors[:5],
        "mixed": len(seen.mixed),
        "quotes": seen.quotes,
        "wrong_quotes": len(seen.wrong_quotes),
    }


def _ratio(idle: Sequence[float], during: Sequence[float]) -> float:
    return round(float(latencies(during)["p95_ms"] / latencies(idle)["p95_ms"]), 2)


def passed(found: dict[str, Any]) -> bool:
    """Tell whether nothing failed, was mixed, misquoted or not found; latencies are judged by people."""
    return not any(
        one["not_found"]
        or one["failures"]
        or any(one[when][what] for when in ("idle", "during") for what in ("errors", "mixed", "wrong_quotes"))
        for one in found["by"].values()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 1 when anything failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=max(1, cores() // 2))
    parser.add_argument("--by", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--writer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.writer is not None:
        writer(options.writer, options.rate, options.seconds, options.threads)
        return 0
    found = bench(options)
    write_json(found, options.out)
    return 0 if passed(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
