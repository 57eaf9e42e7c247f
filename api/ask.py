"""`POST /v1/ask` and `POST /v1/search`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.access.principal import ThePrincipal
from api.answering import last_of, native_frames, note_answer
from api.audit import note_documents
from api.conversations_routes import TheConversations
from api.documents import head_of
from api.engine import Engine
from api.limits import Workers
from api.recorded import RecordEvent, recorded
from api.schemas import AnswerOut, AskIn, SearchIn, SearchOut, passage_out, problem_responses
from api.settings import Settings
from api.sse import MEDIA_TYPE, EventStream, wants_events
from index.access import Viewer
from rag.answer import Stages, check_mode
from rag.question import read_question
from rag.types import Filters

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


# `async`, like every dependency here: a plain one costs each request a thread and a wait for it.
async def engine_of(request: Request) -> Engine:
    """Return the app's engine."""
    engine: Engine = request.app.state.engine
    return engine


async def workers_of(request: Request) -> Workers:
    """Return the app's bounded thread pool."""
    workers: Workers = request.app.state.workers
    return workers


TheEngine = Annotated[Engine, Depends(engine_of)]
TheWorkers = Annotated[Workers, Depends(workers_of)]


def settings_of(request: Request) -> Settings:
    """Return the app's settings."""
    settings: Settings = request.app.state.settings
    return settings


@router.post(
    "/v1/ask",
    response_model=AnswerOut,
    responses={
        **PROBLEMS,
        200: {
            "description": "The answer; with `Accept: text/event-stream` the events `status`, `delta`, "
            "`citation`, and last `answer` or `error`.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
    },
    tags=["answers"],
)
async def ask(
    body: AskIn,
    request: Request,
    engine: TheEngine,
    workers: TheWorkers,
    stored: TheConversations,
    principal: ThePrincipal,
) -> AnswerOut | EventStream:
    """Answer a question with verified quotes, or say that the sources do not."""
    stages = engine.stages()
    owner = principal.subject
    wanted = replace(body.to_ask(), viewer=principal.viewer)
    check_mode(wanted, stages)
    as_events = wants_events(",".join(request.headers.getlist("accept")))
    if as_events and body.conversation_id is not None:
        # While a status can still say that there is none.
        await asyncio.to_thread(stored.head, owner, body.conversation_id)
    recording = stored.recording(
        owner,
        body.question,
        conversation_id=body.conversation_id,
        store=body.store,
        viewer=principal.viewer,
    )
    running = workers.start(recorded(wanted, stages, recording), recording.abandon)
    if as_events:
        frames = native_frames(request, running, settings_of(request).heartbeat_s)
        return EventStream(frames, running)
    last = await last_of(request, running)
    assert isinstance(last, RecordEvent), "an answer ends its stream"
    note_answer(request, last.answer)
    return last.record


@router.post("/v1/search", responses=PROBLEMS, tags=["answers"])
async def search(
    body: SearchIn, request: Request, engine: TheEngine, workers: TheWorkers, principal: ThePrincipal
) -> SearchOut:
    """Return the passages that fit a query, best first."""
    stages = engine.stages()
    filters = Filters() if body.filters is None else body.filters.to_filters()

    found = await workers.run(lambda: search_out(stages, body.query, body.k, filters, principal.viewer))
    note_documents(request.scope, [p.document_id for p in found.passages])
    request.scope["log"] = {
        "passages": [f"{p.document_id}:{p.start_char_index}" for p in found.passages],
        "index_version": stages.generation.index_version,
    }
    return found


def search_out(stages: Stages, query: str, k: int, filters: Filters, viewer: Viewer) -> SearchOut:
    """Search what a viewer may read of one generation.

    Raises:
        AccessChangedError: what was found may not be shown to them any more.
    """
    sight = stages.generation.sight(viewer)
    allowed, any_allowed = stages.retriever.allowed(filters, sight)
    if not any_allowed:
        return SearchOut(passages=[])
    question = read_question(query)
    hits = stages.search(question, k, allowed)
    sight.check(hit.passage.document_id for hit in hits)
    return SearchOut(
        notice=stages.language_problem(question, allowed),
        passages=[passage_out(hit, head_of(sight, hit.passage.document_id)) for hit in hits],
    )
