"""`/v1/conversations`: list, read, rename, export, delete; and the answers that were kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from api.access.principal import ThePrincipal
from api.audit import begin_change, documents_of, note_documents
from api.conversations import Conversations
from api.conversations_markdown import markdown_of
from api.conversations_schemas import (
    ConversationHead,
    ConversationOut,
    ConversationsOut,
    ExportOut,
    RenameIn,
)
from api.schemas import problem_responses
from api.settings import Settings
from api.store.ids import now_ms, shown_time
from rag import SOFTWARE_VERSION

router = APIRouter(tags=["conversations"])

_MAX_CURSOR = 120
_PROBLEMS = {
    403: "The host or the origin is not allowed.",
    404: "There is no such thing for you.",
    422: "A field or parameter is wrong or unknown.",
    503: "The conversations cannot be reached.",
}
_OF_READING = problem_responses(_PROBLEMS)
_OF_WRITING = problem_responses(
    {
        400: "The body is not UTF-8 JSON.",
        413: "The body is too large.",
        415: "The body is not application/json.",
        **_PROBLEMS,
    }
)


async def owner_of(principal: ThePrincipal) -> str:
    """Return whom what is stored belongs to: who is asking."""
    return principal.subject


async def conversations_of(request: Request) -> Conversations:
    """Return the app's stored conversations."""
    found: Conversations = request.app.state.conversations
    return found


async def is_json(request: Request) -> None:
    """Refuse what the guards refuse for POST alone."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415)


TheOwner = Annotated[str, Depends(owner_of)]
TheConversations = Annotated[Conversations, Depends(conversations_of)]


@router.get("/v1/conversations", responses=_OF_READING)
def conversations(
    stored: TheConversations,
    owner: TheOwner,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR)] = None,
) -> ConversationsOut:
    """List conversations, the last used first, without their turns."""
    return stored.page(owner, limit=limit, cursor=cursor)


@router.get("/v1/conversations/{conversation_id}", responses=_OF_READING)
def conversation(
    request: Request, stored: TheConversations, principal: ThePrincipal, conversation_id: str
) -> ConversationOut:
    """Return a conversation with all of its turns; only complete ones have answers."""
    found = stored.read(principal.subject, conversation_id, principal.viewer)
    _note(request, found)
    return found


@router.patch("/v1/conversations/{conversation_id}", responses=_OF_WRITING, dependencies=[Depends(is_json)])
def rename(
    body: RenameIn, request: Request, stored: TheConversations, owner: TheOwner, conversation_id: str
) -> ConversationHead:
    """Give a conversation another title."""
    return stored.rename(owner, conversation_id, body.title, lambda: begin_change(request.scope))


@router.delete("/v1/conversations/{conversation_id}", status_code=204, responses=_OF_READING)
def delete(request: Request, stored: TheConversations, owner: TheOwner, conversation_id: str) -> None:
    """Delete a conversation with its answers and the feedback on them; it cannot be undone."""
    stored.delete(owner, conversation_id, lambda: begin_change(request.scope))


@router.get(
    "/v1/conversations/{conversation_id}/export",
    responses={
        **_OF_READING,
        200: {"model": ExportOut, "content": {"text/markdown": {}}, "description": "The whole conversation."},
    },
)
def export(
    request: Request,
    stored: TheConversations,
    principal: ThePrincipal,
    conversation_id: str,
    form: Annotated[Literal["json", "markdown"], Query(alias="format")] = "json",
) -> Response:
    """Return a conversation as a file to keep, with every quote and its place."""
    settings: Settings = request.app.state.settings
    found = stored.read(principal.subject, conversation_id, principal.viewer)
    _note(request, found)
    exported = ExportOut(
        **found.model_dump(),
        exported_at=shown_time(now_ms()),
        public_url=settings.public_url,
        software=SOFTWARE_VERSION,
    )
    suffix = "json" if form == "json" else "md"
    # The id and not the title: a header takes no text of anybody's.
    headers = {"Content-Disposition": f'attachment; filename="{exported.id}.{suffix}"'}
    if form == "json":
        return JSONResponse(exported.model_dump(mode="json"), headers=headers)
    return Response(markdown_of(exported), media_type="text/markdown", headers=headers)


@router.get("/v1/answers/{answer_id}", responses=_OF_READING, tags=["answers"])
def answer(
    request: Request, stored: TheConversations, principal: ThePrincipal, answer_id: str
) -> dict[str, Any]:
    """Return an answer record as it was given, where it was kept; of withdrawn sources it shows nothing."""
    record = stored.answer(principal.subject, answer_id, principal.viewer)
    note_documents(request.scope, documents_of(record))
    return record


def _note(request: Request, found: ConversationOut) -> None:
    for turn in found.turns:
        if turn.answer is not None:
            note_documents(request.scope, documents_of(turn.answer))
