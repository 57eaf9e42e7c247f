"""One table: our error → status, code and what the client is told. Nothing else reaches a client.

Messages of the index layer may name folders of the server, so most rows carry a text of their own.
The shape is that of the route: problem details, and OpenAI's on the routes that speak its protocol.
"""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Scope

from api.access.errors import (
    AccessError,
    CredentialError,
    CredentialExpiredError,
    CrossSiteError,
    LoginError,
    LoginOverError,
    NotAllowedError,
    NotAuthenticatedError,
    NotConfiguredError,
    ProviderError,
    TokenTooLongError,
    UnlistedOriginError,
    WrongOriginError,
)
from api.access.rules import routes_of
from api.chat_errors import ChatRequestError, chat_error, speaks_openai
from api.store.errors import (
    ConversationFullError,
    FeedbackError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreMismatchError,
    TurnEndedError,
)
from api.uploads.errors import (
    JobsDamagedError,
    KeyReusedError,
    OtherSourceError,
    QueueFullError,
    StorageError,
    UnsupportedUploadError,
    UploadMalformedError,
    UploadTooLargeError,
)
from index.errors import (
    AccessChangedError,
    AccessUnreadableError,
    CatalogDamagedError,
    EmbedderError,
    GenerationDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexStoreError,
    ParserError,
    QAError,
    SpanError,
    StorageFailedError,
    StorageFullError,
    StorageReadOnlyError,
)
from rag.errors import (
    AskCancelledError,
    CalibrationError,
    GeneratorError,
    GeneratorNotConfiguredError,
    GeneratorOutputError,
    GeneratorTimeoutError,
    QuestionError,
)

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = {503: 2, 429: 2}
# What the log calls a request whose client left; nobody is there to read an answer.
CLIENT_GONE = 499


class NotFoundError(QAError):
    """No such thing for this client."""


class OverloadedError(QAError):
    """Too many questions at once; try again."""


class StageTimeoutError(QAError):
    """A question took longer than it may."""


class ChangeNotRecordedError(QAError):
    """A change was not made, because it could not be recorded that it would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one error is told. `detail` replaces the error's own message where that is not for clients."""

    status: int
    code: str
    detail: str | None = None


TABLE: tuple[tuple[type[QAError], Row], ...] = (
    (QuestionError, Row(status=422, code="question_invalid")),
    (AskCancelledError, Row(status=CLIENT_GONE, code="client_gone")),
    (AccessChangedError, Row(status=503, code="access_changed", detail="Who may read what was changed meanwhile; ask again.")),
    (SpanError, Row(status=422, code="span_outside_document")),
    (NotFoundError, Row(status=404, code="not_found")),
    (UploadMalformedError, Row(status=400, code="malformed")),
    (UploadTooLargeError, Row(status=413, code="too_large")),
    (UnsupportedUploadError, Row(status=415, code="unsupported_type")),
    (KeyReusedError, Row(status=422, code="idempotency_key_reused")),
    (OtherSourceError, Row(status=409, code="other_source")),
    (QueueFullError, Row(status=503, code="queue_full")),
    # Their own messages name files of the server's.
    (JobsDamagedError, Row(status=503, code="jobs_damaged", detail="The stored jobs are damaged; the operator must move their file away.")),
    (StorageError, Row(status=503, code="storage_unavailable", detail="Documents cannot be written down now; nothing was taken.")),
    (NotAuthenticatedError, Row(status=401, code="not_authenticated")),
    (CredentialExpiredError, Row(status=401, code="credential_expired")),
    (WrongOriginError, Row(status=401, code="wrong_origin")),
    (CredentialError, Row(status=401, code="credential_invalid")),
    (NotAllowedError, Row(status=403, code="not_allowed")),
    (CrossSiteError, Row(status=403, code="cross_site")),
    (LoginOverError, Row(status=400, code="login_over")),
    (LoginError, Row(status=400, code="login_failed")),
    (NotConfiguredError, Row(status=409, code="access_not_configured")),
    (UnlistedOriginError, Row(status=422, code="origin_not_listed")),
    (TokenTooLongError, Row(status=422, code="token_too_long")),
    # Its own message names addresses of the operator's.
    (ProviderError, Row(status=503, code="provider_unavailable", detail="The identity provider cannot be used right now; try again in a moment.")),
    (GeneratorNotConfiguredError, Row(status=409, code="generator_not_configured")),
    (FeedbackError, Row(status=422, code="feedback_invalid")),
    (ConversationFullError, Row(status=409, code="conversation_full")),
    (TurnEndedError, Row(status=409, code="turn_ended")),
    (StoreBusyError, Row(status=503, code="conversations_busy", detail="Too much is being stored at once; try again in a moment.")),
    (StoreDamagedError, Row(status=503, code="conversations_damaged", detail="The stored conversations are damaged; the operator must restore them.")),
    (StoreMismatchError, Row(status=503, code="conversations_mismatch", detail="The stored conversations were made by another version.")),
    (StoreFullError, Row(status=507, code="storage_full", detail="The disk is full, so nothing more can be stored; what is stored goes on being served.")),
    (StoreError, Row(status=503, code="conversations_unavailable", detail="The stored conversations cannot be reached or written.")),
    # Their own messages name the model's server, which is nobody's business but the operator's.
    (GeneratorTimeoutError, Row(status=504, code="generator_timeout", detail="The language model took too long; ask again, or in extractive mode.")),
    (GeneratorOutputError, Row(status=502, code="generator_output", detail="The language model wrote nothing that can be shown; ask in extractive mode.")),
    (GeneratorError, Row(status=502, code="generator_unavailable", detail="The language model cannot be reached; ask again, or in extractive mode.")),
    (ChangeNotRecordedError, Row(status=503, code="audit_unavailable")),
    (OverloadedError, Row(status=503, code="overloaded")),
    (StageTimeoutError, Row(status=504, code="stage_timeout")),
    (IndexMissingError, Row(status=503, code="index_empty", detail="Nothing is indexed yet; run `verse index PATH`.")),
    (IndexMismatchError, Row(status=503, code="index_mismatch", detail="The index was made by another version or embedder; run `verse index` again.")),
    (GenerationDamagedError, Row(status=503, code="index_damaged", detail="The index is damaged and is being rebuilt.")),
    (AccessUnreadableError, Row(status=503, code="access_unreadable", detail="Who may read what cannot be told, so nothing is shown; the operator must look.")),
    (CatalogDamagedError, Row(status=503, code="catalog_damaged", detail="The stored documents are damaged; the operator must restore them.")),
    (StorageFullError, Row(status=507, code="storage_full", detail="The disk is full, so nothing more can be stored; what is stored goes on being served.")),
    (StorageReadOnlyError, Row(status=503, code="storage_read_only", detail="Nothing can be stored, since the service may not write; what is stored goes on being served.")),
    (StorageFailedError, Row(status=503, code="storage_failed", detail="The disk failed, so this was not stored; what is stored goes on being served.")),
    (IndexStoreError, Row(status=503, code="store_unavailable", detail="The stored documents cannot be reached.")),
    (ParserError, Row(status=503, code="reader_unavailable", detail="Documents cannot be read now; the operator must look.")),
    (EmbedderError, Row(status=503, code="model_failed", detail="A model failed on this request.")),
    (CalibrationError, Row(status=503, code="model_failed", detail="A model failed on this request.")),
)  # fmt: skip
_HTTP_CODES = {
    400: "malformed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_type",
}


def row_of(error: QAError) -> Row:
    """Return the first row that fits an error."""
    for kind, row in TABLE:
        if isinstance(error, kind):
            return row
    return Row(status=500, code="internal_error", detail="Something broke on our side.")


def told(error: Exception, scope: Scope) -> Row:
    """Return what a client is told of an error, and log what is ours to mend."""
    if isinstance(error, QAError):
        row = row_of(error)
        if row.status >= 500:
            logger.error("request_failed code=%s error=%s", row.code, type(error).__name__)
        if isinstance(error, AccessError):
            # For the log, and for whoever slows down those that fail often; never with what.
            scope.setdefault("log", {})["refused"] = row.code
        return replace(row, detail=row.detail or str(error))
    # Where, but not what: an exception's text may hold what somebody asked or a document says.
    logger.error("request_broke error=%s at=%s", type(error).__name__, where_it_broke(error))
    scope.setdefault("log", {})["error"] = type(error).__name__
    return Row(status=500, code="internal_error", detail="Something broke on our side.")


def note_failure(scope: Scope, code: str) -> None:
    """Leave for the log line that a stream failed, though its status had been sent before."""
    scope.setdefault("log", {})["failed"] = code


def problem_content(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    errors: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the fields of a problem (RFC 9457)."""
    content: dict[str, Any] = {
        "type": f"urn:chapter-and-verse:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    if errors is not None:
        content["errors"] = errors
    return content


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    """Return an `application/problem+json` response."""
    content = problem_content(status, code, detail, request_id, errors)
    # ASCII escapes carry whatever a hostile field name holds, lone surrogates included.
    body = json.dumps(content, ensure_ascii=True).encode("ascii")
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=_headers(status, code))


def refusal(
    path: str,
    status: int,
    code: str,
    detail: str,
    request_id: str,
    errors: list[dict[str, Any]] | None = None,
) -> Response:
    """Return an error in the shape of the route at `path`."""
    if speaks_openai(path):
        status, content = chat_error(status, code, detail, None if errors is None else errors[0]["path"])
        return Response(
            json.dumps(content).encode("ascii"),
            status_code=status,
            media_type="application/json",
            headers=_headers(status, code),
        )
    return problem(status, code, detail, request_id, errors)


def _headers(status: int, code: str) -> dict[str, str]:
    """Return what an error of this kind says to a client's library: when to come again, or with what."""
    if status in RETRY_AFTER_S:
        return {"Retry-After": str(RETRY_AFTER_S[status])}
    if status == 401:
        # RFC 6750: who sent nothing is told nothing more.
        reason = "" if code == "not_authenticated" else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="chapter-and-verse"{reason}'}
    if code == "not_allowed":
        return {"WWW-Authenticate": 'Bearer realm="chapter-and-verse", error="insufficient_scope"'}
    return {}


def request_id_of(request: Request) -> str:
    """Return the request's id, as the outermost middleware set it."""
    return str(request.scope.get("request_id", ""))


def where_it_broke(error: BaseException) -> str:
    """Return the innermost places of an error and of what caused it, on one line."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    cause = error.__cause__ or error.__context__
    return places if cause is None else f"{places}; after {type(cause).__name__} at {where_it_broke(cause)}"


def _methods_here(request: Request) -> list[str]:
    """Return what an address takes: several routes may share it, and the framework tells of the first alone."""
    path = request.scope["path"]
    found = {method for method, pattern in routes_of(request.app) if compile_path(pattern)[0].match(path)}
    return sorted(found)


def install(app: FastAPI) -> None:
    """Answer every error of this app with problem details."""

    @app.exception_handler(QAError)
    async def _ours(request: Request, error: QAError) -> Response:
        row = told(error, request.scope)
        return _refusal(request, row.status, row.code, row.detail or "")

    @app.exception_handler(AskCancelledError)
    async def _gone(_request: Request, _error: AskCancelledError) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(ChatRequestError)
    async def _unusable(_request: Request, error: ChatRequestError) -> Response:
        status, content = chat_error(error.status, error.code, str(error), error.where)
        return Response(
            json.dumps(content).encode("ascii"), status_code=status, media_type="application/json"
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return _refusal(request, 400, "malformed", "The body is not valid JSON.")
        fields = [
            {
                "path": [str(part) for part in item["loc"]],
                "message": str(item["msg"]).removeprefix("Value error, ")[:300],
            }
            for item in found[:20]
        ]
        where = ".".join(fields[0]["path"])
        detail = f"{where[:200]}: {fields[0]['message']}"
        return _refusal(request, 422, "invalid_fields", detail, fields)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        detail = {
            400: "The body cannot be read as UTF-8 JSON.",
            404: "There is nothing here.",
            405: "This address does not take that method.",
        }.get(error.status_code, HTTPStatus(error.status_code).phrase)
        response = _refusal(request, error.status_code, code, detail)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods_here(request))
        return response

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        row = told(error, request.scope)
        return _refusal(request, row.status, row.code, row.detail or "")


def _refusal(
    request: Request, status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None
) -> Response:
    return refusal(request.scope["path"], status, code, detail, request_id_of(request), errors)
