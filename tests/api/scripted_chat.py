"""A service that answers by script, over the real protocol: for what a real one does rarely."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote as percent_encoded

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from api.assets import Assets
from api.chat_page import render_chat_page
from api.guards import Guards, allowed_origins

Record = dict[str, Any]


@dataclass(frozen=True)
class Send:
    """One event."""

    event: str
    data: Any


@dataclass(frozen=True)
class Wait:
    """Nothing, until the gate is open."""

    gate: threading.Event


@dataclass(frozen=True)
class Break:
    """The connection is cut."""


@dataclass(frozen=True)
class Refuse:
    """No stream at all: a problem."""

    status: int
    code: str
    detail: str
    retry_after: int | None = None


Step = Send | Wait | Break | Refuse


def document(document_id: str, title: str, text: str, **more: Any) -> Record:
    return {
        "document_id": document_id,
        "title": title,
        "publisher": None,
        "published_at": None,
        "language": None,
        "url": None,
        "viewer_url": f"/d/{percent_encoded(document_id, safe='')}",
        "document_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "text": text,
        "excluded": [],
        **more,
    }


def citation(source: Mapping[str, Any], words: str, number: int | None, *spans: tuple[int, int]) -> Record:
    """Quote `words` where they stand in the document; Python's offsets are the contract's."""
    start = source["text"].index(words)
    end = start + len(words)
    return {
        "id": f"cit_{source['document_id']}_{start}",
        "number": number,
        "type": "char_location",
        "cited_text": words,
        "start_char_index": start,
        "end_char_index": end,
        "offset_unit": "unicode_code_point",
        "prefix": source["text"][max(0, start - 64) : start],
        "suffix": source["text"][end : end + 64],
        "document_id": source["document_id"],
        "document_title": source["title"],
        "document_sha256": source["document_sha256"],
        "publisher": source["publisher"],
        "published_at": source["published_at"],
        "url": source["url"],
        "viewer_url": f"{source['viewer_url']}?quote={start}-{end}",
        "verification": {"status": "verified", "method": "exact"},
        "answer_spans": [{"start": a, "end": b} for a, b in spans],
    }


_NUMBERS = itertools.count(1)


def record(question: str, answer: str, citations: list[Record], **more: Any) -> Record:
    plain = answer
    for one in citations:
        plain = plain.replace(f" [{one['number']}]", "")
    return {
        "id": f"ans_{next(_NUMBERS)}",
        "status": "answered",
        "question": question,
        "standalone_question": question,
        "asked": {"max_citations": 5, "mode": "auto", "filters": None},
        "answer": answer,
        "short_answer": None,
        "answer_without_citations": plain,
        "confidence": 0.93,
        "abstention": None,
        "citations": citations,
        "missing": [],
        "disagreements": [],
        "withheld": {"not_found": 0, "misattributed": 0, "unsupported": 0},
        "receipt": {
            "index_version": "000001-abc",
            "corpus_sha256": "0" * 64,
            "models": {"embedder": "e", "reader": "r", "generator": None},
            "settings_sha256": "0" * 64,
            "software": "0.1.0",
        },
        "timings_ms": {"total": 31.2},
        **more,
    }


def streamed(whole: Record) -> list[Step]:
    """Return the usual steps to an answer: each sentence after its citations."""
    steps: list[Step] = [Send("status", {"stage": stage}) for stage in ("queued", "retrieve", "read")]
    steps += [Send("citation", one) for one in whole["citations"]]
    pieces = whole["answer"].split(". ")
    steps += [
        Send("delta", {"text": piece + (". " if index < len(pieces) - 1 else "")})
        for index, piece in enumerate(pieces)
    ]
    return [*steps, Send("answer", whole)]


@dataclass
class ScriptedService:
    """Documents, a script for each question, and conversations and feedback kept in memory."""

    documents: dict[str, Record] = field(default_factory=dict)
    scripts: dict[str, list[Step]] = field(default_factory=dict)
    conversations: dict[str, Record] = field(default_factory=dict)
    feedback: list[Record] = field(default_factory=list)
    asked: list[Record] = field(default_factory=list)
    streams: bool = True
    keeps: bool = True
    portals: tuple[str, ...] = ()
    within: Callable[[ASGIApp], ASGIApp] = lambda app: app
    """What stands between the guards and the routes, such as a gate that asks for tokens."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client left before its answer was whole."""

    def add(self, *documents: Record) -> None:
        for one in documents:
            self.documents[one["document_id"]] = one

    def answers(self, whole: Record) -> None:
        self.scripts[whole["question"]] = streamed(whole)

    def app(self, port: int) -> ASGIApp:
        kept = [
            Route("/v1/conversations", self._list),
            Route("/v1/conversations/{id}", self._conversation, methods=["GET", "PATCH", "DELETE"]),
            Route("/v1/conversations/{id}/export", self._conversation),
            Route("/v1/feedback", self._feedback, methods=["POST"]),
        ]
        routes = [
            Route("/", self._page),
            Route("/favicon.ico", lambda _request: Response(status_code=204)),
            Route("/v1/ask", self._ask, methods=["POST"]),
            Route("/v1/documents", self._documents),
            Route("/v1/documents/{id:path}", self._document),
            *(kept if self.keeps else ()),
            Mount("/static", Assets()),
        ]
        home = f"http://127.0.0.1:{port}"
        return Guards(
            self.within(Starlette(routes=routes)),
            hosts=["127.0.0.1"],
            origins=allowed_origins(home, (), port),
            portals=self.portals,
            max_body_bytes=1_000_000,
        )

    async def _page(self, _request: Request) -> Response:
        return HTMLResponse(render_chat_page())

    async def _documents(self, _request: Request) -> Response:
        heads = [{k: v for k, v in one.items() if k != "text"} for one in self.documents.values()]
        return JSONResponse({"documents": heads[:5], "next_cursor": "more" if len(heads) > 5 else None})

    async def _document(self, request: Request) -> Response:
        found = self.documents.get(request.path_params["id"])
        return (
            _problem(Refuse(404, "not_found", "There is no such document."))
            if found is None
            else JSONResponse(found)
        )

    async def _ask(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(body)
        steps = self.scripts[body["question"]]
        if isinstance(steps[0], Refuse):
            return _problem(steps[0])
        kept = self._begin(body)
        if self.streams:
            return StreamingResponse(self._events(steps, kept), media_type="text/event-stream")
        last = steps[-1]
        assert isinstance(last, Send)
        return JSONResponse(self._complete(last.data, kept))

    async def _events(self, steps: list[Step], kept: Record | None) -> AsyncIterator[bytes]:
        whole = False
        try:
            for step in steps:
                match step:
                    case Wait(gate):
                        while not gate.is_set():
                            yield b": waiting\n\n"
                            await asyncio.sleep(0.02)
                    case Break():
                        return
                    case Send(event, data):
                        shown = self._complete(data, kept) if event == "answer" else data
                        text = json.dumps(shown, ensure_ascii=False)
                        sent = f"event: {event}\ndata: {text}\n\n".encode()
                        # In two pieces, through whatever character stands there.
                        yield sent[: len(sent) // 2]
                        await asyncio.sleep(0)
                        yield sent[len(sent) // 2 :]
                        whole = whole or event in ("answer", "error")
        finally:
            if not whole:
                self.gone.set()

    def _begin(self, body: Record) -> Record | None:
        if not self.keeps:
            return None
        kept = "conversation_id" in body or "store" in body
        assert not (kept and "history" in body), "a kept conversation is its own history"
        if "conversation_id" in body:
            talk = self.conversations[body["conversation_id"]]
        elif body.get("store"):
            talk = {"id": f"conv_{len(self.conversations) + 1}", "title": body["question"], "turns": []}
            self.conversations[talk["id"]] = talk
        else:
            return None
        turn = {
            "question": body["question"],
            "status": "interrupted",
            "interrupted_by": "client_gone",
            "answer": None,
            "feedback": None,
            "conversation_id": talk["id"],
        }
        talk["turns"].append(turn)
        return turn

    def _complete(self, whole: Record, turn: Record | None) -> Record:
        if turn is None:
            return whole
        stored = {**whole, "conversation_id": turn["conversation_id"]}
        turn |= {"status": "complete", "interrupted_by": None, "answer": stored}
        return stored

    async def _list(self, request: Request) -> Response:
        heads = [{"id": t["id"], "title": t["title"]} for t in reversed(self.conversations.values())]
        start = int(request.query_params.get("cursor", "0"))
        return JSONResponse(
            {
                "conversations": heads[start : start + 50],
                "next_cursor": str(start + 50) if len(heads) > start + 50 else None,
            }
        )

    async def _conversation(self, request: Request) -> Response:
        talk = self.conversations.get(request.path_params["id"])
        if talk is None:
            return _problem(Refuse(404, "not_found", "There is no such conversation."))
        if request.method == "DELETE":
            del self.conversations[talk["id"]]
            return Response(status_code=204)
        if request.method == "PATCH":
            talk["title"] = (await request.json())["title"]
        return JSONResponse(talk)

    async def _feedback(self, request: Request) -> Response:
        body = await request.json()
        turns = [turn for talk in self.conversations.values() for turn in talk["turns"]]
        for turn in turns:
            if turn["answer"] is not None and turn["answer"]["id"] == body["answer_id"]:
                turn["feedback"] = body
                self.feedback.append(body)
                return JSONResponse(body)
        return _problem(Refuse(404, "not_found", "There is no such answer."))


def _problem(refused: Refuse) -> Response:
    headers = {} if refused.retry_after is None else {"retry-after": str(refused.retry_after)}
    return JSONResponse(
        {"status": refused.status, "code": refused.code, "detail": refused.detail, "request_id": "req_7"},
        status_code=refused.status,
        headers=headers,
        media_type="application/problem+json",
    )
