"""`POST /v1/chat/completions` and `GET /v1/models`: OpenAI's protocol, with the citations in it."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request

from api.answering import last_of, note_answer
from api.ask import TheEngine, TheWorkers, settings_of
from api.audit import note_documents
from api.chat_errors import ChatRequestError, chat_error
from api.chat_request import MODEL, ChatIn, read_chat
from api.chat_response import ChatCompletionOut, ChatProblemOut, Completion, ModelOut, ModelsOut
from api.chat_work import ChatEnd, ChatEvent, ChatText, chat_work
from api.conversations_routes import TheConversations, TheOwner
from api.errors import note_failure, told
from api.limits import Running
from api.sse import HEARTBEAT, MEDIA_TYPE, EventStream, frame
from rag.answer import check_mode
from rag.errors import AskCancelledError

router = APIRouter(tags=["chat"])

_CREATED = int(time.time())


def _problems(texts: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ChatProblemOut, "description": text} for status, text in texts.items()}


_REFUSED = {403: "The host or the origin is not allowed.", 404: "There is no such model."}


@router.post(
    "/v1/chat/completions",
    response_model=ChatCompletionOut,
    responses={
        **_problems(
            {
                400: "The body is not UTF-8 JSON, or a parameter cannot be used; `param` names it.",
                403: _REFUSED[403],
                404: "There is no such model, or no such conversation for you.",
                409: "Not possible with this configuration, or the conversation is full.",
                413: "The body is too large.",
                415: "The body is not application/json.",
                422: "Not used: what is wrong with a parameter is a 400.",
                503: "Not ready, or too busy.",
                504: "It took too long.",
            }
        ),
        200: {
            "description": "The answer; with `stream: true` chunks of it, and last `[DONE]`.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
    },
)
async def chat_completions(
    body: ChatIn,
    request: Request,
    engine: TheEngine,
    workers: TheWorkers,
    stored: TheConversations,
    owner: TheOwner,
) -> ChatCompletionOut | EventStream:
    """Answer the last user message; earlier ones are the conversation.

    System and developer messages are accepted and change nothing: what is shown is quoted and checked,
    whatever they say. Parameters that shape a model's output (`temperature`, `max_tokens`, `tools`, …)
    are ignored.
    """
    settings = settings_of(request)
    chat = read_chat(body, open_webui_sources=settings.open_webui_sources)
    stages = engine.stages()
    check_mode(chat.asked, stages)
    if chat.stream and chat.conversation_id is not None:
        # While a status can still say that there is none.
        await asyncio.to_thread(stored.head, owner, chat.conversation_id)
    recording = stored.recording(
        owner, chat.asked.question, conversation_id=chat.conversation_id, store=chat.store
    )
    running = workers.start(chat_work(chat, stages, recording), recording.abandon)
    completion = Completion(chat, f"chatcmpl-{secrets.token_hex(12)}", int(time.time()), settings.public_url)
    if chat.stream:
        return EventStream(_frames(request, running, completion, settings.heartbeat_s), running)
    end = await last_of(request, running)
    assert isinstance(end, ChatEnd), "the answer comes last"
    note_answer(request, end.answer)
    return completion.whole(end)


async def _frames(
    request: Request, running: Running[ChatEvent], completion: Completion, pause_s: float
) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of an answer; the last is `[DONE]` or an error, and never both."""
    yield completion.first()
    try:
        async with aclosing(running.results(pause_s)) as events:
            async for event in events:
                match event:
                    case None:
                        yield HEARTBEAT
                    case ChatText(text=text, documents=documents):
                        note_documents(request.scope, documents)
                        yield completion.text(text)
                    case ChatEnd():
                        note_answer(request, event.answer)
                        for one in completion.last(event):
                            yield one
    except AskCancelledError:
        note_failure(request.scope, "client_gone")
        return
    except Exception as error:  # noqa: BLE001 - the status was sent; what is left is to say what broke
        row = told(error, request.scope)
        note_failure(request.scope, row.code)
        yield frame(json.dumps(chat_error(row.status, row.code, row.detail or "")[1]))


@router.get("/v1/models", responses=_problems({403: _REFUSED[403]}))
async def models() -> ModelsOut:
    """List the one model."""
    return ModelsOut(data=[ModelOut(created=_CREATED)])


@router.get("/v1/models/{model:path}", responses=_problems(_REFUSED))
async def model(model: str) -> ModelOut:
    """Describe the one model."""
    if model != MODEL:
        raise ChatRequestError(
            f"The model {model[:80]!r} does not exist; there is {MODEL!r}.",
            where=["model"],
            code="model_not_found",
            status=404,
        )
    return ModelOut(created=_CREATED)
