"""A small service with real answers, and a loopback HTTP server that can break in every way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from eval.datatypes import DataSet, Gold, Question
from index.errors import QAError
from rag.types import Turn

DOCUMENTS = {
    "a b/1?.txt": "Copper lies in the hills. 🙂 Tin lies in the valley.\n",
    "..": "Zinc was found in 1907.\n",
    "gold.txt": "Gold is rare. Gold is heavy.\n",
}
ABSTENTION = "The sources do not say."
RECEIPT = {"index_version": "i1", "models": {"reader": "fake"}, "software": "0.0.0"}
Record = dict[str, Any]


class UnknownDocumentError(QAError):
    """No such document."""


class Library:
    """Answers with the sentences that hold the question's last word, or abstains."""

    name = "in-process"

    def __init__(self) -> None:
        self.calls = 0
        self.raises: dict[str, Exception] = {}

    def describe(self) -> Record:
        return {"models": {"reader": "fake"}, "index_version": "i1"}

    def ask(self, question: str, history: list[Record]) -> Record:
        self.calls += 1
        if question in self.raises:
            raise self.raises[question]
        standalone = f"{history[0]['content']} {question}" if history else question
        citations = [self._citation(number, *hit) for number, hit in enumerate(self._hits(standalone), 1)]
        answer = " ".join(f"{c['cited_text']} [{c['number']}]" for c in citations)
        return {
            "id": f"ans_{self.calls}",
            "status": "answered" if citations else "abstained",
            "question": question,
            "standalone_question": standalone,
            "answer": answer or ABSTENTION,
            "short_answer": None,
            "answer_without_citations": " ".join(c["cited_text"] for c in citations) or ABSTENTION,
            "confidence": 0.75 if citations else None,
            "abstention": None
            if citations
            else {
                "reason": "not_supported",
                "probability": 0.9,
                "closest": [self._citation(None, "..", 0, 4)],
            },
            "citations": citations,
            "missing": [],
            "disagreements": [],
            "withheld": {"not_found": 0, "misattributed": 0, "unsupported": 0},
            "receipt": RECEIPT,
            "timings_ms": {"total": float(self.calls)},
        }

    def search(self, query: str, k: int) -> Record:
        if f"search:{query}" in self.raises:
            raise self.raises[f"search:{query}"]
        return {
            "passages": [
                {
                    "rank": rank,
                    "score": 1 / rank,
                    "document_id": document_id,
                    "text": DOCUMENTS[document_id][start:end],
                    "start_char_index": start,
                    "end_char_index": end,
                }
                for rank, (document_id, start, end) in enumerate(self._hits(query)[:k], 1)
            ]
        }

    def document(self, document_id: str) -> Record:
        if document_id not in DOCUMENTS:
            raise UnknownDocumentError(f"no document {document_id!r}")
        return {
            "document_id": document_id,
            "title": document_id.upper(),
            "document_sha256": sha256(DOCUMENTS[document_id].encode()).hexdigest(),
            "text": DOCUMENTS[document_id],
            "publisher": None,
            "published_at": "2025-11-06",
        }

    def document_ids(self) -> list[str]:
        return list(DOCUMENTS)

    def _hits(self, question: str) -> list[tuple[str, int, int]]:
        word = question.split()[-1].strip("?").lower()
        hits = []
        for document_id, text in DOCUMENTS.items():
            start = 0
            for sentence in text.replace(". ", ".\n").splitlines():
                if word in sentence.lower():
                    hits.append((document_id, start, start + len(sentence)))
                start += len(sentence) + 1
        return hits

    def _citation(self, number: int | None, document_id: str, start: int, end: int) -> Record:
        return {
            "number": number,
            "cited_text": DOCUMENTS[document_id][start:end],
            "start_char_index": start,
            "end_char_index": end,
            "document_id": document_id,
            "answer_spans": [] if number is None else [{"start": 0, "end": 3}],
        }


WORDS = ("copper", "tin", "zinc", "gold", "lead", "heavy")


def data_set(count: int = 6) -> DataSet:
    """Questions in turn answered and, about lead, not; the last one a follow-up."""
    questions = [
        Question(
            question_id=f"q{number}",
            text=f"{number}: what of {WORDS[number % len(WORDS)]}?",
            kind="fact",
            source_set="fake",
            answerable=WORDS[number % len(WORDS)] != "lead",
            gold=(Gold(text="Gold is rare.", document_id="gold.txt", start=0, end=13),)
            if number == 0
            else (),
            history=(Turn(role="user", content="Tell me."),) if number == count - 1 else (),
        )
        for number in range(count)
    ]
    return DataSet(name="fake", questions=tuple(questions), sha256="ab" * 32, licence="CC0")


class Reply:
    """A whole, well-formed HTTP answer."""

    def __init__(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.headers = {"Content-Type": "application/json", **(headers or {})}


Fault = Callable[["Handler"], None]
Answer = Callable[[str, str, bytes], "Reply | Fault"]


class Handler(BaseHTTPRequestHandler):
    """Sends what the server's `answer` says."""

    protocol_version = "HTTP/1.1"
    server: LoopbackServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        # The client may be gone: that is what half of these tests are about.
        with suppress(BrokenPipeError, ConnectionResetError):
            answer = self.server.answer(self.command, self.path, body)
            if isinstance(answer, Reply):
                self.whole(answer)
            else:
                answer(self)

    def whole(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


class LoopbackServer(ThreadingHTTPServer):
    """Serves on a free port of the loopback address until the block ends."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class NativeFake:
    """The native routes over a `Library`; `faults` says which request breaks, and how, in order.

    A key is a question's text, `search:` with a query, `document:` with an id, or a path. The last
    fault of a list stays.
    """

    def __init__(self) -> None:
        self.library = Library()
        self.faults: dict[str, list[str]] = {}
        self.gate: Callable[[str], None] = lambda _key: None
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str, body: bytes) -> Reply | Fault:
        content = json.loads(body) if body else {}
        if path == "/v1/ask":
            key = content["question"]
        elif path == "/v1/search":
            key = f"search:{content['query']}"
        elif path.startswith("/v1/documents/"):
            key = f"document:{unquote(path.removeprefix('/v1/documents/'))}"
        else:
            key = path
        self.gate(key)
        right = self._right(path, key, content)
        with self._lock:
            left = self.faults.get(key, ["ok"])
            fault = left[0] if len(left) == 1 else left.pop(0)
        return broken(fault, right)

    def _right(self, path: str, key: str, content: Record) -> Reply:
        try:
            if path == "/v1/ask":
                return Reply(200, self.library.ask(content["question"], content["history"]))
            if path == "/v1/search":
                return Reply(200, self.library.search(content["query"], content["k"]))
            if key.startswith("document:"):
                return Reply(200, self.library.document(key.removeprefix("document:")))
        except UnknownDocumentError as error:
            return Reply(404, {"detail": str(error), "request_id": "req_1"})
        known: dict[str, Record] = {
            "/healthz": {"status": "alive"},
            "/readyz": {"status": "ready", "index_version": "i1", "models": {"reader": "fake"}, "load": 1},
            "/openapi.json": {"paths": {"/v1/ask": {}}},
        }
        return Reply(200, known[path]) if path in known else Reply(404, {"detail": "There is nothing here."})


def broken(fault: str, right: Reply) -> Reply | Fault:
    """Return the right answer, broken as `fault` names it; `STATUS:VALUE` is one with Retry-After."""
    name, _, value = fault.partition(":")
    if name.isdigit():
        said = {"detail": f"broken on purpose ({name})", "request_id": "req_1"}
        return Reply(int(name), said, {"Retry-After": value} if value else {})
    if name == "redirect":
        return Reply(302, b"", {"Location": "/v1/ask"})
    if name in BODIES:
        return Reply(200, BODIES[name](right.body))
    if name in FAULTS:
        return lambda handler: FAULTS[name](handler, right)
    assert name == "ok", f"no fault {name!r}"
    return right


def _changed(**fields: object) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps({**json.loads(body), **fields}).encode()


def _without(name: str) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps({k: v for k, v in json.loads(body).items() if k != name}).encode()


BODIES: dict[str, Callable[[bytes], bytes]] = {
    "html": lambda _: b"<!doctype html><p>Welcome</p>",
    "empty": lambda _: b"",
    "truncated": lambda body: body[: len(body) // 2],
    "list": lambda body: b"[" + body + b"]",
    "not_utf8": lambda body: body[:-1] + b', "x": "\xff"}',
    "nan": lambda body: body[:-1] + b', "x": NaN}',
    "deep": lambda _: b"[" * 200_000,
    "surrogate": _changed(answer="\ud800"),
    "no_citations": _without("citations"),
    "no_status": _without("status"),
    "new_status": _changed(status="maybe"),
    "text_confidence": _changed(confidence="high"),
    "high_confidence": _changed(confidence=1.5),
    "true_confidence": _changed(confidence=True),
    "citations_object": _changed(citations={"1": "x"}),
    "citation_text": _changed(citations=["x"]),
    "float_offset": _changed(
        citations=[
            {
                "number": 1,
                "cited_text": "x",
                "document_id": "d",
                "start_char_index": 0.0,
                "end_char_index": 1,
                "answer_spans": [],
            }
        ]
    ),
    "blank_answer": _changed(answer=" "),
    "abstained_with_citations": _changed(
        status="abstained", abstention={"reason": "x", "probability": None, "closest": []}
    ),
    "answered_and_abstained": _changed(abstention={"reason": "x", "probability": 0.5, "closest": []}),
    "negative_timing": _changed(timings_ms={"total": -1}),
    "no_object": _changed(abstention="none", status="abstained", citations=[]),
    "citation_zero": lambda body: body.replace(b'"number": 1', b'"number": 0'),
    "citation_nowhere": lambda body: body.replace(b'"document_id": "a b/1?.txt"', b'"document_id": ""'),
    "numbered_closest": lambda body: body.replace(b'"number": null', b'"number": 1'),
    "no_passages": _without("passages"),
    "text_score": lambda body: body.replace(b'"score": 1.0', b'"score": "1"'),
    "wrong_rank": lambda body: body.replace(b'"rank": 1', b'"rank": 2'),
    "backwards": lambda body: body.replace(b'"end_char_index"', b'"x": 0, "end_char_index": -1, "y"'),
    "other_document": _changed(document_id="another"),
    "number_text": _changed(text=7),
}


def _cut(handler: Handler, right: Reply) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(right.body)))
    handler.end_headers()
    handler.wfile.write(right.body[: len(right.body) // 2])
    handler.close_connection = True


def _close(handler: Handler, _: Reply) -> None:
    handler.close_connection = True


def _hang(handler: Handler, _: Reply) -> None:
    handler.server.over.wait()
    handler.close_connection = True


def _drip(handler: Handler, right: Reply) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b" ")
    handler.close_connection = True


def _drip_headers(handler: Handler, _: Reply) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")
    handler.close_connection = True


def _huge(handler: Handler, _right: Reply) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")  # no length: only counting tells
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" " * (1 << 20))
    handler.close_connection = True


def _gzip(handler: Handler, right: Reply) -> None:
    handler.whole(Reply(200, right.body, {"Content-Encoding": "gzip"}))


def _no_http(handler: Handler, _: Reply) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")
    handler.close_connection = True


FAULTS: dict[str, Callable[[Handler, Reply], None]] = {
    "cut": _cut,
    "close": _close,
    "hang": _hang,
    "drip": _drip,
    "drip_headers": _drip_headers,
    "huge": _huge,
    "gzip": _gzip,
    "no_http": _no_http,
}
