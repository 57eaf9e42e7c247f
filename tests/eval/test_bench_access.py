"""What credentials cost is measured on pairs that did the same work, and a failure is no fast answer."""

from __future__ import annotations

import contextlib
import json
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eval.bench.access import ask_both, cost, seeds_for_a_group
from eval.bench.record import Client

BODIES = [{"question": f"Who {n}?"} for n in range(4)]


class Scripted(ThreadingHTTPServer):
    """Answers every question by its script, and remembers in which order both servers were asked."""

    def __init__(
        self, name: str, asked: list[tuple[str, str, str | None]], answer: dict[str, Any], status: int
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                asked.append((name, body["question"], self.headers.get("Authorization")))
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True


ANSWER = {
    "status": "answered",
    "answer": "Graves [1]",
    "citations": [{"document_id": "a", "start_char_index": 0, "end_char_index": 4}],
}


@contextlib.contextmanager
def two(
    keyed: dict[str, Any] = ANSWER, status: int = 200
) -> Iterator[tuple[Client, Client, list[tuple[str, str, str | None]]]]:
    asked: list[tuple[str, str, str | None]] = []
    with contextlib.ExitStack() as stack:
        clients = []
        for name, answer, code in (("plain", ANSWER, 200), ("keyed", keyed, status)):
            server = stack.enter_context(Scripted(name, asked, answer, code))
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(server.shutdown)
            headers = {"Authorization": "Bearer key"} if name == "keyed" else None
            client = Client(server.server_address[1], headers=headers, timeout_s=10)
            stack.callback(client.close)
            clients.append(client)
        yield clients[0], clients[1], asked


def test_both_are_asked_the_same_and_each_is_first_as_often() -> None:
    with two() as (plain, keyed, asked):
        first, second = ask_both(plain, keyed, BODIES)
    assert len(first) == len(second) == 4
    assert all(value > 0 for value in first + second)
    assert [name for name, _, _ in asked] == ["keyed", "plain", "plain", "keyed"] * 2
    assert [question for _, question, _ in asked] == [f"Who {n}?" for n in range(4) for _ in range(2)]
    assert {(name, key) for name, _, key in asked} == {("plain", None), ("keyed", "Bearer key")}


def test_a_refusal_is_no_fast_answer() -> None:
    with two(status=401) as (plain, keyed, _), pytest.raises(RuntimeError, match="with a key answered 401"):
        ask_both(plain, keyed, BODIES)


@pytest.mark.parametrize("change", [{"answer": "other"}, {"status": "abstained"}, {"citations": []}])
def test_other_answers_are_no_pair(change: dict[str, Any]) -> None:
    with (
        two({**ANSWER, **change}) as (plain, keyed, _),
        pytest.raises(RuntimeError, match="answered differently"),
    ):
        ask_both(plain, keyed, BODIES)


def test_the_cost_is_the_difference_of_pairs() -> None:
    plain = [0.010 + 0.0001 * n for n in range(100)]
    same = cost(plain, plain)
    assert (same["p95_ms"], same["p95_bootstrap_95"], same["median_of_pairs_ms"]) == (0.0, [0.0, 0.0], 0.0)
    slower = cost(plain, [value + 0.003 for value in plain])
    assert slower["p95_ms"] == slower["median_of_pairs_ms"] == 3.0
    assert slower["p95_bootstrap_95"] == [3.0, 3.0]
    # A few that are much slower show in the percentile and not in the median.
    tail = cost(plain, [value + (0.1 if n >= 90 else 0.0) for n, value in enumerate(plain)])
    assert tail["median_of_pairs_ms"] == 0.0
    assert tail["p95_ms"] == pytest.approx(100.0, abs=0.01)
    assert tail["p95_bootstrap_95"][0] < 101 < tail["p95_bootstrap_95"][1] + 2
    assert cost(plain, plain, seed=3)["pairs"] == 100


@pytest.mark.parametrize("keyed", [[], [0.1, 0.2]])
def test_what_is_no_pairs_has_no_cost(keyed: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no pairs|shorter|longer"):
        cost([0.1][: len(keyed)], keyed)


def test_the_seeds_are_for_a_group(tmp_path: Path) -> None:
    folder = seeds_for_a_group(tmp_path)
    content = tomllib.loads((folder / "sources.toml").read_text(encoding="utf-8"))
    assert content["access"] == {"groups": ["readers"]}
    assert len(content["source"]) == 3
    assert len(list(folder.glob("*.txt"))) == 3
