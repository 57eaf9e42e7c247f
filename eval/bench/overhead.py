"""What the service adds around a language model: before its first request, and from its text to ours.

    python -m eval.bench.overhead [--out eval/results/overhead.json] [--threads N]

The service answers the seeds' questions by a model of the real protocol that takes no time: it copies
offered sentences, letter by letter true, and notes when it is asked and when each sentence is whole. The
client is in the same process, so that one clock times both. A sentence is ours when its text arrives.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from eval.bench.record import ROOT, ChildServer, cores, index_with_cli, latencies, provenance, write_json
from eval.bench.serve import questions

MODULE = "eval.bench.overhead"
_SENTENCES = 4
_PAUSE_S = 0.08  # longer than checking one sentence takes, or the next would wait for it
_WARM_UP = 10
_OFFERED = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)


class Model:
    """A model server that copies sentences it is offered, and when: `time.perf_counter` moments.

    One request at a time; `begin` forgets what was noted of the one before.
    """

    def __init__(self) -> None:
        self.asked: float | None = None
        self.written: list[tuple[str, float]] = []
        handler = type("CopyingHandler", (_Handler,), {"model": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, for `VERSE_LLM_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def begin(self) -> None:
        """Forget the request before."""
        self.asked, self.written = None, []

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    model: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.model.asked is None:
            self.model.asked = time.perf_counter()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        offered = _OFFERED.findall("\n".join(str(message["content"]) for message in body["messages"]))
        # Alternate ones: two that follow each other may be the same quote.
        for number, text in offered[: 2 * _SENTENCES : 2]:
            line = json.dumps({"text": text, "ids": [int(number)]}) + "\n"
            self._say(line[:-2])
            self.model.written.append((text, time.perf_counter()))
            self._say(line[-2:])
            time.sleep(_PAUSE_S)
        self._send({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _say(self, text: str) -> None:
        self._send({"choices": [{"delta": {"content": text}, "finish_reason": None}]})

    def _send(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def ask(port: int, body: dict[str, Any]) -> tuple[float, list[tuple[str, float]], str]:
    """Return when the question was sent, every piece of text with its moment, and the answer's status.

    Raises:
        RuntimeError: the stream ended without an answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    sent = time.perf_counter()
    connection.request("POST", "/v1/ask", json.dumps(body), headers)
    reply = connection.getresponse()
    event, pieces, record = "", [], None
    for raw in reply:
        name, _, value = raw.decode().rstrip("\r\n").partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "delta":
            pieces.append((str(json.loads(value)["text"]), time.perf_counter()))
        elif name == "data" and event == "answer":
            record = json.loads(value)
    connection.close()
    if record is None:
        raise RuntimeError(f"{body['question']!r}: status {reply.status} and no answer at the end")
    return sent, pieces, str(record["status"])


def measure(port: int, model: Model, bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Ask every question; time what lies before the model's first request, and behind its sentences."""
    before: list[float] = []
    behind: list[float] = []
    written = 0
    for number, body in enumerate([*bodies[:_WARM_UP], *bodies]):
        model.begin()
        sent, pieces, _ = ask(port, body)
        if number < _WARM_UP or model.asked is None:
            continue  # what is abstained from is not written
        before.append(model.asked - sent)
        written += len(model.written)
        for text, whole in model.written:
            arrived = next((at for said, at in pieces if text in " ".join(said.split())), None)
            if arrived is not None:
                behind.append(arrived - whole)
    return {
        "questions": len(bodies),
        "written": len(before),
        "before_the_first_request": latencies(before),
        "sentences": written,
        "sentences_shown": len(behind),
        "from_a_sentence_to_ours": latencies(behind),
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Index the seeds, start the model and the service, and measure."""
    record = provenance(MODULE, threads=options.threads)
    model = Model()
    settings = {"VERSE_LLM_BASE_URL": model.url, "VERSE_LLM_MODEL": "copying"}
    bodies = questions()[: options.questions]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        index_with_cli(state, [ROOT / "seeds"], options.threads)
        with ChildServer(state, threads=options.threads, settings=settings) as server:
            found = measure(server.port, model, bodies)
    model.close()
    return {"what": "own time around a language model, on the seeds' questions", **record, **found}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--questions", type=int, help="only so many, to try the script")
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    options = parser.parse_args(arguments)
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
