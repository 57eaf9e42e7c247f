"""The work for one client's question: fetched whole or as events, given up when the client leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar

from fastapi import Request

from api.audit import note_documents
from api.errors import note_failure, problem_content, request_id_of, told
from api.limits import Running
from api.recorded import RecordedEvent, RecordEvent
from api.schemas import citation_out
from api.sse import HEARTBEAT, frame
from rag.errors import AskCancelledError
from rag.events import CitationEvent, DeltaEvent
from rag.types import Answer, Citation

T = TypeVar("T")


async def last_of(request: Request, running: Running[T]) -> T:
    """Return the last of what some work gives.

    Raises:
        AskCancelledError: the client left, and the work was given up between two of its steps.
        QAError: a stage failed, or it took too long.
    """
    watch = asyncio.create_task(_give_up_when_gone(request, running))
    try:
        async with aclosing(running.results()) as results:
            found = [result async for result in results]
    except asyncio.CancelledError:
        running.give_up("server_stopped")
        raise
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    last = found[-1]
    assert last is not None, "there are no pauses where none were asked for"
    return last


async def _give_up_when_gone(request: Request, running: Running[T]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    running.give_up()


async def native_frames(
    request: Request, running: Running[RecordedEvent], pause_s: float
) -> AsyncGenerator[bytes, None]:
    """Yield the events of `POST /v1/ask`; the last is `answer` or `error`, and never both."""
    # At once, whoever waits before: the client sees that it was heard.
    yield frame(json.dumps({"stage": "queued"}), "status")
    try:
        async with aclosing(running.results(pause_s)) as events:
            async for event in events:
                yield HEARTBEAT if event is None else _native_frame(request, event)
    except AskCancelledError:
        note_failure(request.scope, "client_gone")
        return
    except Exception as error:  # noqa: BLE001 - the status was sent; what is left is to say what broke
        yield error_frame(request, error)


def error_frame(request: Request, error: Exception) -> bytes:
    """Return the event that ends a stream which broke, and note in the log what broke it."""
    row = told(error, request.scope)
    note_failure(request.scope, row.code)
    content = problem_content(row.status, row.code, row.detail or "", request_id_of(request))
    return frame(json.dumps(content), "error")


def _native_frame(request: Request, event: RecordedEvent) -> bytes:
    match event:
        case DeltaEvent(text=text):
            return frame(json.dumps({"text": text}, ensure_ascii=False), "delta")
        case CitationEvent(citation=citation):
            note_documents(request.scope, shown_by([citation]))
            return frame(citation_out(citation).model_dump_json(), "citation")
        case RecordEvent(answer=answer, record=record):
            note_answer(request, answer)
            return frame(record.model_dump_json(), "answer")
        case _:
            return frame(json.dumps({"stage": event.stage}), "status")


def shown_by(citations: Sequence[Citation]) -> list[str]:
    """Return the documents that citations show: the quoted ones, and those that hold the quote too."""
    return [
        document_id
        for citation in citations
        for document_id in (citation.quote.document_id, *(c.document_id for c in citation.also_published))
    ]


def note_answer(request: Request, answer: Answer) -> None:
    """Leave what the log line of this request says of its answer: ids and times, never texts."""
    closest = () if answer.abstention is None else answer.abstention.closest
    note_documents(request.scope, shown_by([*answer.citations, *closest]))
    request.scope["log"] = {
        "answer_id": answer.answer_id,
        "status_of_answer": answer.status,
        "reason": None if answer.abstention is None else answer.abstention.reason.value,
        "citations": [f"{c.quote.document_id}:{c.quote.start}-{c.quote.end}" for c in answer.citations],
        "index_version": answer.receipt.index_version,
        "timings_ms": dict(answer.timings_ms),
    }
