"""SIGKILL of the serving process while documents are sent to it; and that the harness would see a loss."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import pytest

from eval.bench.crash_harness import expected_text
from eval.bench.server_kills import History, Sender, checked, run_server_kills


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.long)])
def test_a_killed_service_keeps_what_it_acknowledged(tmp_path: Path, kills: int) -> None:
    outcome = run_server_kills(tmp_path, kills=kills, seed=3, threads=1)
    assert outcome.findings == []
    assert outcome.kills == kills
    assert outcome.checks == kills - outcome.while_recovering + 1
    assert outcome.accepted > 0
    assert outcome.seen_stored > 0


def test_a_request_without_an_answer_may_have_been_taken_or_not() -> None:
    history = History()
    history.sent(1)
    history.answered(1, taken=True)
    history.sent(2)
    assert history.may_be() == {1, 2}
    history.found(2)
    assert (history.may_be(), history.replaced) == ({2}, [1])
    history.sent(None)
    history.answered(None, taken=False)
    assert history.may_be() == {2}
    history.sent(None)
    history.answered(None, taken=True)
    assert (history.may_be(), history.replaced) == ({None}, [1, 2])


class Shelf(BaseHTTPRequestHandler):
    """A service that takes everything and keeps what a test lets it keep."""

    texts: ClassVar[dict[str, str]] = {}
    jobs: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        kind, _, name = self.path.removeprefix("/v1/").partition("/")
        if kind.startswith("jobs?"):
            self._say(200, {"jobs": [{"state": state} for state in self.jobs.values()]})
        elif kind == "jobs":
            self._say(*((200, {"state": self.jobs[name], "errors": []}) if name in self.jobs else (404, {})))
        else:
            text = self.texts.get(unquote(name))
            self._say(*((404, {}) if text is None else (200, {"text": text})))

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        held = [t for t in self.texts.values() if query in t]
        passages = [{"text": t, "start_char_index": 0, "end_char_index": len(t)} for t in held]
        self._say(200, {"passages": passages})

    def _say(self, status: int, content: object) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def shelf(texts: dict[str, str], jobs: dict[str, str]) -> Iterator[int]:
    handler = type("Held", (Shelf,), {"texts": texts, "jobs": jobs})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def stored() -> tuple[Sender, dict[str, str]]:
    """Return a client that had all of its documents accepted, but one deleted, and their texts."""
    sender = Sender(0, 0)
    texts = {}
    for number, (document_id, history) in enumerate(sender.histories.items()):
        history.found(number + 1)
        texts[document_id] = expected_text(document_id, number + 1)
    sender.histories["c0/0"].found(None)
    del texts["c0/0"]
    sender.jobs.append("job_1")
    return sender, texts


Damage = Callable[[dict[str, str], dict[str, str]], None]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "lost": (lambda texts, _: texts.pop("c0/3") and None, "c0/3: 404, not one of the versions"),
    "changed": (lambda texts, _: texts.update({"c0/3": "x"}), "c0/3: 200, not one of the versions"),
    "back": (
        lambda texts, _: texts.update({"c0/0": expected_text("c0/0", 1)}),
        "c0/0 is back after its deletion",
    ),
    "job lost": (lambda _, jobs: jobs.clear(), "accepted job job_1 is 404"),
    "job failed": (lambda _, jobs: jobs.update({"job_1": "failed"}), "accepted job job_1 is failed"),
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_the_harness_sees_what_is_not_as_acknowledged(damage: str) -> None:
    sender, texts = stored()
    jobs = {"job_1": "searchable"}
    with shelf(texts, jobs) as port:
        assert checked(port, [sender], random.Random(1)) == []
        sender.jobs.append("job_1")
        change, said = DAMAGES[damage]
        change(texts, jobs)
        assert any(said in finding for finding in checked(port, [sender], random.Random(1)))
