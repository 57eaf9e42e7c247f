"""Kills the serving process while documents are sent to it, and holds it to what it had acknowledged.

    python -m eval.bench.server_kills [--out eval/results/server_kills.json] [--kills 100]

`verse serve` runs as it ships. Clients add, replace and delete documents over HTTP, each its own; some wait until a job
is stored, some send on at once. SIGKILL comes at a random moment, in one of four rounds while the service is
still recovering from the kill before. After each recovery every document must be what was last accepted (or a request
that got no answer, sent after that), every accepted job must have ended as searchable (or have been
superseded by a deletion), and search must find the words
of what is there and none of what was replaced or deleted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eval.bench.crash_harness import expected_text, raw_text, token
from eval.bench.record import ROOT, ChildServer, cores, index_with_cli, provenance, write_json
from eval.bench.sending import call, form, job_state

MODULE = "eval.bench.server_kills"
_CLIENTS = 3
_DOCUMENTS_EACH = 8
_LONGEST_S = 2.5
_SETTLE_S = 120.0
_SEARCHED = 4
Version = int | None
"""`None`: there is no such document."""


@dataclass
class History:
    """What one document may be: the last version that was accepted, and those sent since without an answer."""

    accepted: Version = None
    unanswered: list[Version] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)

    def may_be(self) -> set[Version]:
        """Return the versions that may be found now."""
        return {self.accepted, *self.unanswered}

    def sent(self, version: Version) -> None:
        """Note a request before it is sent."""
        self.unanswered.append(version)

    def answered(self, version: Version, *, taken: bool) -> None:
        """Note the answer to the last request."""
        self.unanswered.pop()
        if taken:
            self.found(version)

    def found(self, version: Version) -> None:
        """Note what it is from now on."""
        gone = {self.accepted, *self.unanswered} - {version, None}
        self.replaced = [*self.replaced, *(old for old in gone if old is not None)][-20:]
        self.accepted, self.unanswered = version, []


@dataclass
class Outcome:
    """What the kills did."""

    kills: int = 0
    while_recovering: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    seen_stored: int = 0
    without_answer: int = 0
    checks: int = 0
    longest_recovery_s: float = 0.0
    findings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a result file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def document_path(document_id: str) -> str:
    """Return the path of a document."""
    return f"/v1/documents/{quote(document_id, safe='')}"


class Sender:
    """One client: changes its own documents until the connection breaks."""

    def __init__(self, number: int, seed: int) -> None:
        self.histories = {f"c{number}/{n}": History() for n in range(_DOCUMENTS_EACH)}
        self.jobs: list[str] = []
        self.requests: dict[str, int] = {}
        self.seen_stored = self.without_answer = 0
        self.wrong: list[str] = []
        self._dice = random.Random(f"{seed}/{number}")

    def work(self, port: int) -> None:
        """Send until the service is gone."""
        try:
            while True:
                self._one(port)
        except (OSError, http.client.HTTPException):
            return

    def _one(self, port: int) -> None:
        document_id = self._dice.choice(sorted(self.histories))
        history = self.histories[document_id]
        deletes = history.accepted is not None and not history.unanswered and self._dice.random() < 0.25
        version = None if deletes else self._dice.randrange(1, 10**9)
        what, method, path, body, kind = self._request(document_id, version)
        self.requests[what] = self.requests.get(what, 0) + 1
        history.sent(version)
        try:
            status, raw = call(port, method, path, body, kind)
        except (OSError, http.client.HTTPException):
            self.without_answer += 1
            raise
        history.answered(version, taken=status == 202)
        if status == 202:
            self.jobs.append(json.loads(raw)["job_id"])
            if self._dice.random() < 0.6:
                self._wait(port, self.jobs[-1])
        elif status == 503:
            time.sleep(0.2)
        else:
            self.wrong.append(f"{what} {document_id}: {status} {raw[:200]!r}")

    def _request(self, document_id: str, version: Version) -> tuple[str, str, str, bytes, str]:
        path = document_path(document_id)
        if version is None:
            return "delete", "DELETE", path, b"", ""
        row = {"title": f"Document {document_id}", "text": raw_text(document_id, version)}
        way = self._dice.random()
        if way < 0.4:
            return "put", "PUT", path, json.dumps(row).encode(), "application/json"
        if way < 0.7:
            body = json.dumps({"documents": [{"id": document_id, **row}]}).encode()
            return "post_json", "POST", "/v1/documents", body, "application/json"
        said = {"it.txt": {"id": document_id, "title": row["title"]}}
        return "post_file", "POST", "/v1/documents", *form("it.txt", row["text"].encode(), said)

    def _wait(self, port: int, job_id: str) -> None:
        until = time.monotonic() + _SETTLE_S
        while time.monotonic() < until:
            state, raw = job_state(port, job_id)
            if state == "superseded":
                return
            if state in ("stored", "searchable"):
                self.seen_stored += 1
                return
            if state not in ("received", "reading"):
                self.wrong.append(f"job {job_id} is {state}: {raw[:300]!r}")
                return
            time.sleep(0.01)
        self.wrong.append(f"job {job_id} is not stored after {_SETTLE_S} s")


def checked(port: int, senders: Sequence[Sender], dice: random.Random) -> list[str]:
    """Return what is not as it was acknowledged, and note what the unanswered requests came to.

    Raises:
        OSError, http.client.HTTPException: the service does not answer.
    """
    wrong = []
    # Before the jobs are worked off: what was deleted is out of sight at once.
    for sender in senders:
        for document_id, history in sender.histories.items():
            if history.may_be() == {None} and call(port, "GET", document_path(document_id))[0] != 404:
                wrong.append(f"{document_id} is back after its deletion was accepted")
    for sender in senders:
        wrong += _jobs_ended(port, sender.jobs)
        sender.jobs.clear()
    # A request without an answer may have become a job too, which nobody has the id of.
    _nothing_waits(port)
    for sender in senders:
        for document_id, history in sender.histories.items():
            status, raw = call(port, "GET", document_path(document_id))
            found = json.loads(raw)["text"] if status == 200 else None
            versions = [v for v in history.may_be() if _text(document_id, v) == found]
            if status not in (200, 404) or not versions:
                allowed = sorted(str(v) for v in history.may_be())
                wrong.append(f"{document_id}: {status}, not one of the versions {allowed}")
            else:
                history.found(versions[0])
        for document_id in dice.sample(sorted(sender.histories), _SEARCHED):
            wrong += _found_as_stored(port, document_id, sender.histories[document_id])
    return wrong


def _jobs_ended(port: int, jobs: Sequence[str]) -> list[str]:
    wrong, until = [], time.monotonic() + _SETTLE_S
    for job_id in jobs:
        while True:
            state, raw = job_state(port, job_id)
            if state in ("searchable", "superseded"):
                break
            if state not in ("received", "reading", "stored") or time.monotonic() > until:
                wrong.append(f"accepted job {job_id} is {state}: {raw[:300]!r}")
                break
            time.sleep(0.02)
    return wrong


def _nothing_waits(port: int) -> None:
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        jobs = json.loads(call(port, "GET", "/v1/jobs?limit=200")[1])["jobs"]
        if all(job["state"] in ("searchable", "failed") for job in jobs):
            return
        time.sleep(0.02)
    raise RuntimeError(f"jobs still wait {_SETTLE_S} s after a start")


def _text(document_id: str, version: Version) -> str | None:
    return None if version is None else expected_text(document_id, version)


def _found_as_stored(port: int, document_id: str, history: History) -> list[str]:
    """Search for the words of what is there and of what is not any more."""
    wrong = []
    for version in {*history.replaced[-3:], history.accepted} - {None}:
        assert version is not None
        word, wanted = token(document_id, version), version == history.accepted
        body = json.dumps({"query": word, "k": 10}).encode()
        status, raw = call(port, "POST", "/v1/search", body)
        passages = json.loads(raw)["passages"] if status == 200 else []
        holding = [p for p in passages if word in p["text"]]
        if status != 200 or bool(holding) != wanted:
            wrong.append(
                f"{document_id}: search for {word} ({wanted=}) gave {status}, {len(holding)} passages"
            )
        text = expected_text(document_id, version)
        if wanted and any(text[p["start_char_index"] : p["end_char_index"]] != p["text"] for p in holding):
            wrong.append(f"{document_id}: a passage is not the text at its offsets")
    return wrong


def run_server_kills(
    folder: Path, *, kills: int, seed: int, threads: int, settings: Mapping[str, str] | None = None
) -> Outcome:
    """Kill the service so many times, and let it recover once more at the end.

    Raises:
        RuntimeError: the service does not start any more.
    """
    dice, outcome = random.Random(seed), Outcome()
    senders = [Sender(number, seed) for number in range(_CLIENTS)]
    state = folder / "state"
    index_with_cli(state, [ROOT / "seeds"], threads)
    for number in range(kills + 1):
        server = ChildServer(state, threads=threads, settings=settings or {})
        if 0 < number < kills and dice.random() < 0.25:
            server.start()
            time.sleep(dice.uniform(0.0, 3.0))
            server.kill()
            outcome.kills += 1
            outcome.while_recovering += 1
            continue
        with server:
            begun = time.monotonic()
            outcome.findings += checked(server.port, senders, dice)
            outcome.longest_recovery_s = max(
                outcome.longest_recovery_s, server.start_s + time.monotonic() - begun
            )
            outcome.checks += 1
            if number == kills:
                break
            threads_of = [threading.Thread(target=s.work, args=(server.port,)) for s in senders]
            for thread in threads_of:
                thread.start()
            time.sleep(dice.uniform(0.0, _LONGEST_S))
            server.kill()
            outcome.kills += 1
            for thread in threads_of:
                thread.join()
            outcome.accepted += sum(len(s.jobs) for s in senders)
    for sender in senders:
        outcome.findings += sender.wrong
        outcome.seen_stored += sender.seen_stored
        outcome.without_answer += sender.without_answer
        for what, count in sender.requests.items():
            outcome.requests[what] = outcome.requests.get(what, 0) + count
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 1 when anything was not as acknowledged."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=max(1, cores() // 2))
    options = parser.parse_args(arguments)
    record = provenance(MODULE, threads=options.threads)
    with tempfile.TemporaryDirectory() as name:
        outcome = run_server_kills(
            Path(name), kills=options.kills, seed=options.seed, threads=options.threads
        )
    content = {
        "what": "SIGKILL of `verse serve` while documents are sent to it",
        **record,
        "seed": options.seed,
    }
    write_json({**content, **outcome.as_dict()}, options.out)
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
