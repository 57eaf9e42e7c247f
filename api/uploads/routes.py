"""`POST /v1/documents`, `PUT`, `PATCH` and `DELETE /v1/documents/{id}`, and the jobs that come of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.responses import StreamingResponse

from api.access.errors import NotAllowedError
from api.access.principal import Principal, Scope, ThePrincipal
from api.answering import error_frame
from api.audit import note_documents
from api.errors import NotFoundError
from api.schemas import problem_responses
from api.sse import HEARTBEAT, MEDIA_TYPE, frame, wants_events
from api.store.ids import is_id
from api.uploads.intake import Intake, known_ids
from api.uploads.jobs import Job
from api.uploads.metadata import ChangesIn, DocumentsIn, MetadataIn, ReplacementIn
from api.uploads.reading import supported_types
from api.uploads.schemas import JobOut, JobsOut
from api.uploads.sender import Sender, sender_of

router = APIRouter(tags=["documents"])

_LOOK_S = 0.2
_LONGEST_STREAM_S = 600.0
_PROBLEMS = {
    400: "The body cannot be read.",
    403: "The host or the origin is not allowed, or the credential may not add documents.",
    404: "No such document.",
    408: "The body did not arrive in time.",
    409: "The document came from an indexed folder, and is changed there.",
    413: "The body is too large, or has too many parts.",
    415: "No file of a supported type; `detail` lists them.",
    422: "A field is wrong or unknown, or the Idempotency-Key came with something else before.",
    503: "Too much waits already, or nothing can be written now; `Retry-After` says when to come again.",
    507: "No room is left; nothing was taken.",
}
_OF_WRITING = problem_responses(_PROBLEMS)
_OF_READING = problem_responses(
    {
        403: "The host or the origin is not allowed, or the credential may not add documents.",
        404: "No such job.",
        422: "A parameter is wrong.",
        503: "The jobs cannot be read.",
    }
)
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Sent again with the same request within 24 hours, it gets the first one's job.",
}


def _schema(model: type[Any]) -> dict[str, Any]:
    """Return a model's schema with everything in it, for a body that FastAPI does not read itself."""
    found = model.model_json_schema()
    parts = found.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return whole(parts[value["$ref"].rpartition("/")[2]])
            return {key: whole(inner) for key, inner in value.items()}
        return [whole(inner) for inner in value] if isinstance(value, list) else value

    return dict(whole(found))


def _form(many: bool) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    files = {"type": "array", "items": file, "minItems": 1} if many else file
    return {
        "schema": {
            "type": "object",
            "properties": {
                "files" if many else "file": files,
                "metadata": {
                    "type": "object",
                    "additionalProperties": _schema(MetadataIn),
                    "description": "what is said of each file, by its name",
                },
            },
            "required": ["files" if many else "file"],
        },
        "encoding": {"metadata": {"contentType": "application/json"}},
    }


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [_KEY_PARAMETER], "requestBody": {"required": True, "content": content}}


async def may_add(principal: ThePrincipal) -> Sender:
    """Return who sends, if they may add documents.

    Raises:
        NotAllowedError: they may not.
    """
    if Scope.INGEST not in principal.scopes:
        raise NotAllowedError("this needs a credential with the scope 'ingest'")
    return sender_of(principal)


async def intake_of(request: Request) -> Intake:
    """Return the app's door for documents."""
    found: Intake = request.app.state.intake
    return found


TheSender = Annotated[Sender, Depends(may_add)]
TheIntake = Annotated[Intake, Depends(intake_of)]


@router.post(
    "/v1/documents",
    status_code=202,
    response_model=JobOut,
    responses=_OF_WRITING,
    openapi_extra=_body(
        {"multipart/form-data": _form(True), "application/json": {"schema": _schema(DocumentsIn)}}
    ),
)
async def add_documents(request: Request, sender: TheSender, intake: TheIntake) -> Response:
    """Add documents, as files or as JSON. They are on the disk when this answers; the job says when they are found."""
    return await _accepted(request, intake, sender, await intake.add(request, sender))


@router.put(
    "/v1/documents/{document_id:path}",
    status_code=202,
    response_model=JobOut,
    responses=_OF_WRITING,
    openapi_extra=_body(
        {
            "multipart/form-data": _form(False),
            "application/json": {"schema": _schema(ReplacementIn)},
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in supported_types()},
        }
    ),
)
async def put_document(request: Request, sender: TheSender, intake: TheIntake, document_id: str) -> Response:
    """Put a document in the place of the one of this id; who may choose ids also makes a new one."""
    return await _accepted(request, intake, sender, await intake.add(request, sender, document_id))


@router.patch(
    "/v1/documents/{document_id:path}",
    status_code=202,
    response_model=JobOut,
    responses=_OF_WRITING,
    openapi_extra=_body({"application/json": {"schema": _schema(ChangesIn)}}),
)
async def change_document(
    request: Request, sender: TheSender, intake: TheIntake, document_id: str
) -> Response:
    """Change what is known of a document; who may read it is changed at `…/access`."""
    return await _accepted(request, intake, sender, await intake.change(request, sender, document_id))


@router.delete(
    "/v1/documents/{document_id:path}",
    status_code=202,
    response_model=JobOut,
    responses=_OF_WRITING,
    openapi_extra={"parameters": [_KEY_PARAMETER]},
)
async def delete_document(
    request: Request, sender: TheSender, intake: TheIntake, document_id: str
) -> Response:
    """Delete a document. Nobody sees anything of it any more when this answers; the job says when its text is gone.

    One that came from an indexed folder comes back if its file is still there when that is indexed again.
    """
    job = await asyncio.to_thread(intake.delete, request, sender, document_id)
    return await _accepted(request, intake, sender, job)


@router.get("/v1/jobs", responses=_OF_READING, tags=["jobs"])
def jobs(
    request: Request,
    principal: ThePrincipal,
    sender: TheSender,
    intake: TheIntake,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
) -> JobsOut:
    """List one's own jobs, the newest first; with the scope admin everybody's."""
    found = intake.jobs.of_owner(
        None if sees_all(principal) else sender.subject, before=cursor, limit=limit + 1
    )
    shown = [intake.shown(job, sender) for job in found[:limit]]
    note_documents(request.scope, [one.document_id for job in shown for one in job.documents])
    return JobsOut(jobs=shown, next_cursor=shown[-1].job_id if len(found) > limit else None)


@router.get(
    "/v1/jobs/{job_id}",
    response_model=JobOut,
    responses={
        **_OF_READING,
        200: {
            "model": JobOut,
            "description": "The job; with `Accept: text/event-stream` the events `state`, `document`, `error` and `done`.",
            "content": {MEDIA_TYPE: {}},
        },
    },
    tags=["jobs"],
)
async def job(
    request: Request, principal: ThePrincipal, sender: TheSender, intake: TheIntake, job_id: str
) -> Response:
    """Say how far a job is, or tell it as it goes on."""
    found = await asyncio.to_thread(own_job, intake, principal, job_id)
    if wants_events(request.headers.get("accept", "")):
        return StreamingResponse(
            _events(request, intake, sender, found.job_id),
            media_type=MEDIA_TYPE,
            headers={"X-Accel-Buffering": "no"},
        )
    return JSONResponse((await _shown(request, intake, sender, found)).model_dump(mode="json"))


def sees_all(principal: Principal) -> bool:
    """Tell whether somebody sees the jobs of others."""
    return Scope.ADMIN in principal.scopes


def own_job(intake: Intake, principal: Principal, job_id: str) -> Job:
    """Return somebody's job.

    Raises:
        NotFoundError: there is no such job for them.
    """
    found = intake.jobs.find(job_id) if is_id(job_id, "job") else None
    if found is None or not (found.owner == principal.subject or sees_all(principal)):
        raise NotFoundError("There is no such job.")
    return found


async def _shown(request: Request, intake: Intake, sender: Sender, found: Job) -> JobOut:
    shown = await asyncio.to_thread(intake.shown, found, sender)
    note_documents(request.scope, [one.document_id for one in shown.documents])
    return shown


async def _accepted(request: Request, intake: Intake, sender: Sender, found: Job) -> Response:
    note_documents(request.scope, known_ids(found, sender))
    request.scope.setdefault("log", {})["job_id"] = found.job_id
    shown = await _shown(request, intake, sender, found)
    return JSONResponse(
        shown.model_dump(mode="json"),
        status_code=202,
        headers={"Location": f"/v1/jobs/{quote(found.job_id)}"},
    )


async def _events(
    request: Request, intake: Intake, sender: Sender, job_id: str
) -> AsyncGenerator[bytes, None]:
    """Yield what happens to a job, from its beginning; the last event is `done`."""
    state, documents, errors = "", 0, 0
    heartbeat_s = request.app.state.settings.heartbeat_s
    begun = said = time.monotonic()
    try:
        while time.monotonic() - begun < _LONGEST_STREAM_S:
            found = await asyncio.to_thread(intake.jobs.find, job_id)
            if found is None:
                raise NotFoundError("There is no such job any more.")
            shown = await _shown(request, intake, sender, found)
            for document in shown.documents[documents:]:
                yield frame(document.model_dump_json(), "document")
            for error in shown.errors[errors:]:
                yield frame(error.model_dump_json(), "error")
            documents, errors = len(shown.documents), len(shown.errors)
            if shown.state != state:
                state, said = shown.state, time.monotonic()
                yield frame(json.dumps({"state": state, "waiting": shown.waiting}), "state")
            if found.ended:
                yield frame(shown.model_dump_json(), "done")
                return
            if time.monotonic() - said > heartbeat_s:
                said = time.monotonic()
                yield HEARTBEAT
            await asyncio.sleep(_LOOK_S)
    except Exception as error:  # noqa: BLE001 - the status was sent; what is left is to say what broke
        yield error_frame(request, error)
