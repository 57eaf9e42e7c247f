"""Parts for the tests of the service: small corpora, engines with controlled models, raw requests."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from api.engine import Health
from api.settings import Settings
from index.build import IndexReport, update_index
from index.generation import current_name, open_current
from index.settings import IndexSettings
from index.state import StateFolder
from rag.answer import Stages
from rag.calibrate import Calibration, Judgement, Logistic
from rag.read import PassageScorer, Reader
from rag.reader_model import TokenScores
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.signals import PASSAGE_SIGNALS, QUESTION_SIGNALS, SENTENCE_SIGNALS
from tests.fakes import HashEmbedder

CANARY = "canary-7f3a-in-a-secret-place"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class WordScorer:
    """Finds evidence where a passage's words are the question's; every passage is answerable."""

    name = "words@1"

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        asked = set(re.findall(r"\w+", question.casefold()))
        return [self._one(asked, passage) for passage in passages]

    def _one(self, asked: set[str], passage: str) -> TokenScores:
        words = list(re.finditer(r"\w+", passage))
        hits = np.array([float(w.group().casefold() in asked) for w in words], dtype=np.float32)
        return TokenScores(
            offsets=[w.span() for w in words],
            start=hits,
            end=hits,
            evidence=hits,
            null=0.5,
            answerable=float(hits.sum()),
        )


class GatedScorer(WordScorer):
    """Works once the gate is open; `begun` counts the calls that came in."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        self.begun.release()
        assert self.gate.wait(30), "the test never opened the gate"
        return super().score(question, passages)


class FailingScorer(WordScorer):
    """Fails with the error it was given while it has one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        if self.error is not None:
            raise self.error
        return super().score(question, passages)


def calibration(*, always: bool, threshold: float = 0.5) -> Calibration:
    """A calibration that answers everything, or nothing; sentences rank by evidence and words."""
    weights = dict.fromkeys(SENTENCE_SIGNALS, 0.0) | {"evidence_mean": 1.0, "coverage": 3.0, "retrieval": 1.0}
    judgement = Judgement(
        sentence=Logistic(weights=tuple(weights.values()), bias=0.0),
        question=Logistic(weights=(0.0,) * len(QUESTION_SIGNALS), bias=8.0 if always else -8.0),
        threshold=threshold,
    )
    return Calibration(
        name="always" if always else "never",
        passage=Logistic(weights=(0.0,) * len(PASSAGE_SIGNALS), bias=0.0),
        single=judgement,
        several=judgement,
        across=Logistic(weights=(0.0,) * len(QUESTION_SIGNALS), bias=-8.0),
        short=Logistic(weights=(0.0, 1.0, 0.0, 0.0), bias=4.0),
        short_threshold=0.5,
    )


class SmallEngine:
    """An engine over a state folder whose models are the test's; it reopens as the real one does."""

    def __init__(
        self,
        folder: Path,
        scorer: PassageScorer | None = None,
        *,
        always: bool = True,
        threshold: float = 0.5,
    ) -> None:
        self.state = StateFolder(folder)
        self.embedder = HashEmbedder()
        self._calibration = calibration(always=always, threshold=threshold)
        self._reader = Reader(scorer or WordScorer(), self._calibration, self.embedder)
        self._seen = ""
        self._stages: Stages | None = None

    def close(self) -> None: ...

    def stages(self) -> Stages:
        assert self._stages is not None
        return self._stages

    def refresh(self) -> bool:
        name = current_name(self.state)
        if name == self._seen:
            return False
        settings = RagSettings(evidence_passages=6)
        self._stages = Stages(
            retriever=Retriever(
                open_current(self.state, embedder=self.embedder.name), self.embedder, settings
            ),
            reader=self._reader,
            calibration=self._calibration,
            settings=settings,
            embedder_name=self.embedder.name,
        )
        self._seen = name
        return True

    def health(self) -> Health:
        manifest = self.stages().generation.manifest
        return Health(
            ready=True,
            embedder=self.embedder.name,
            embedder_backend="fake",
            reader=self._reader.name,
            index_version=manifest.index_version,
            documents=manifest.documents,
            passages=manifest.passages,
            problem=None,
        )


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def index_rows(folder: Path, rows: Iterable[dict[str, Any]], *, prune: bool = False) -> IndexReport:
    """Index rows into `folder/state` with the hashing embedder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = write_jsonl(folder / "rows.jsonl", rows)
    report = update_index(StateFolder(folder / "state"), [path], HashEmbedder(), IndexSettings(), prune=prune)
    assert report.problems == []
    return report


def settings_for(state: Path, **values: Any) -> Settings:
    return Settings(state_dir=state, threads=1, refresh_s=values.pop("refresh_s", 60.0), **values)


def client_of(app: ASGIApp) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def getter(client: TestClient) -> Callable[[str], tuple[int, str]]:
    def get(path: str) -> tuple[int, str]:
        reply = raw(client, "GET", path)
        return reply.status, reply.body.decode("utf-8")

    return get


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response as the server sent it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def json(self) -> Any:
        return json.loads(self.body)


def raw(
    client: TestClient,
    method: str,
    target: str,
    *,
    headers: Iterable[tuple[str, str | bytes]] = (),
    host: str | None = "127.0.0.1:8000",
    body: bytes | Iterable[bytes] = b"",
) -> Reply:
    """Send exactly this, past a client's good manners, the way a server would hand it to the app."""
    from urllib.parse import unquote

    path, _, query = target.partition("?")
    sent = [
        (name.lower().encode("latin-1"), value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in headers
    ]
    if host is not None:
        sent.insert(0, (b"host", host.encode("latin-1")))
    chunks = [body] if isinstance(body, bytes) else list(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": sent,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    status, got, parts = 0, [], []

    async def call() -> None:
        nonlocal status
        waiting = list(enumerate(chunks, start=1))
        answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                number, chunk = waiting.pop(0)
                return {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
            # As a server does: a client that waits for its answer has not gone.
            await answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                assert status == 0, "answered twice"
                status = message["status"]
                got.extend((n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"])
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    answered.set()

        try:
            await client.app(scope, receive, send)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - a server would log it; what was answered counts
            assert status, "it broke and answered nothing"

    client.portal.call(call)  # type: ignore[union-attr]
    return Reply(status=status, headers=got, body=b"".join(parts))


def post(client: TestClient, path: str, content: Any, **more: Any) -> Reply:
    """POST a value as JSON; bytes go as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return raw(
        client,
        "POST",
        path,
        headers=[("content-type", "application/json"), *more.pop("headers", [])],
        body=body,
        **more,
    )


def assert_clean(reply: Reply) -> None:
    """Hold what every response keeps to."""
    for name, value in SECURITY_HEADERS.items():
        assert reply.all(name) == [value], name
    assert "default-src 'none'" in reply["content-security-policy"]
    assert "frame-ancestors 'none'" in reply["content-security-policy"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", reply["x-request-id"])
    text = reply.body.decode("utf-8", "replace")
    for secret in (CANARY, "canary-in-the-state-folder", "Traceback", "site-packages", ".sqlite", '.py"'):
        assert secret not in text, secret


def assert_problem(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """Hold that a response is this problem, whole, and tells nothing it should not."""
    assert reply.status == status, (reply.status, reply.body[:300])
    assert_clean(reply)
    assert reply["content-type"] == "application/problem+json"
    content: dict[str, Any] = reply.json()
    assert set(content) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert content["code"] == code
    assert content["status"] == status
    assert content["type"] == f"urn:chapter-and-verse:problem:{code}"
    assert content["title"]
    assert content["detail"]
    assert content["request_id"] == reply["x-request-id"]
    assert bool(reply.all("retry-after")) == (status in (429, 503))
    return content
