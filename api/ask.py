"""`POST /v1/ask` and `POST /v1/search`."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.conversations_routes import TheConversations, TheOwner
from api.documents import head_of
from api.engine import Engine
from api.errors import StageTimeoutError
from api.limits import Workers
from api.schemas import AnswerOut, AskIn, SearchIn, SearchOut, answer_out, passage_out, problem_responses
from rag.answer import Stages, answer_question
from rag.question import read_question
from rag.types import Answer, Filters

router = APIRouter()

PROBLEMS = problem_responses(
    {
        400: "The body is not UTF-8 JSON.",
        403: "The host or the origin is not allowed.",
        404: "There is no such conversation for you.",
        409: "Not possible with this configuration, or the conversation is full.",
        413: "The body is too large.",
        415: "The body is not application/json.",
        422: "A field is wrong or unknown.",
        503: "Not ready, or too busy.",
        504: "It took too long.",
    }
)


def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


def workers_of(request: Request) -> Workers:
    """Return the app's bounded thread pool."""
    workers: Workers = request.app.state.workers
    return workers


TheEngine = Annotated[Engine, Depends(engine_of)]
TheWorkers = Annotated[Workers, Depends(workers_of)]


@router.post("/v1/ask", responses=PROBLEMS, tags=["answers"])
async def ask(
    body: AskIn,
    request: Request,
    engine: TheEngine,
    workers: TheWorkers,
    stored: TheConversations,
    owner: TheOwner,
) -> AnswerOut:
    """Answer a question with verified quotes, or say that the sources do not."""
    stages = engine.stages()
    wanted = body.to_ask()
    recording = stored.recording(owner, body.question, conversation_id=body.conversation_id, store=body.store)

    def make() -> tuple[Answer, AnswerOut]:
        with recording:
            asked = recording.asked(wanted)
            answer = answer_question(asked, stages)
            return answer, recording.complete(answer_out(answer, asked))

    try:
        answer, record = await workers.run(make)
    except StageTimeoutError:
        recording.abandon("timed_out")
        raise
    except asyncio.CancelledError:
        recording.abandon("client_gone")
        raise
    request.scope["log"] = {
        "answer_id": answer.answer_id,
        "status_of_answer": answer.status,
        "reason": None if answer.abstention is None else answer.abstention.reason.value,
        "citations": [f"{c.quote.document_id}:{c.quote.start}-{c.quote.end}" for c in answer.citations],
        "index_version": answer.receipt.index_version,
        "timings_ms": dict(answer.timings_ms),
    }
    return record


@router.post("/v1/search", responses=PROBLEMS, tags=["answers"])
async def search(body: SearchIn, request: Request, engine: TheEngine, workers: TheWorkers) -> SearchOut:
    """Return the passages that fit a query, best first."""
    stages = engine.stages()
    filters = Filters() if body.filters is None else body.filters.to_filters()

    found = await workers.run(lambda: search_out(stages, body.query, body.k, filters))
    request.scope["log"] = {
        "passages": [f"{p.document_id}:{p.start_char_index}" for p in found.passages],
        "index_version": stages.generation.index_version,
    }
    return found


def search_out(stages: Stages, query: str, k: int, filters: Filters) -> SearchOut:
    """Search one generation."""
    allowed, any_allowed = stages.retriever.allowed(filters)
    if not any_allowed:
        return SearchOut(passages=[])
    question = read_question(query)
    hits = stages.search(question, k, allowed)
    return SearchOut(
        notice=stages.language_problem(question),
        passages=[passage_out(hit, head_of(stages.generation, hit.passage.document_id)) for hit in hits],
    )
