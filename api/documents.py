"""`GET /v1/documents` and `GET /v1/documents/{id}`: what any quote can be checked against."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.access.principal import Principal, ThePrincipal
from api.audit import note_documents
from api.engine import Engine
from api.errors import NotFoundError
from api.schemas import (
    DocumentHead,
    DocumentOut,
    DocumentsOut,
    ExcludedOut,
    PageOut,
    SameStoryOut,
    SectionOut,
    problem_responses,
    viewer_url,
)
from api.store.ids import shown_time
from index.sight import Sight
from index.types import Document
from rag.cite import web_address
from rag.errors import QuestionError

router = APIRouter(tags=["documents"])

_CURSOR = re.compile(r"([0-9]{1,12}):(.+)", re.DOTALL)
# An id of 512 characters of four bytes, in base64.
_MAX_CURSOR = 2800
_MOST_SAME = 50

_PROBLEMS = problem_responses(
    {
        403: "The host or the origin is not allowed.",
        404: "No such document.",
        422: "A parameter is wrong.",
        503: "Not ready.",
    }
)


def head_of(sight: Sight, document_id: str) -> DocumentHead:
    """Return what is known of a document, without its text."""
    return _head(find_document(sight, document_id)[1])


def find_document(sight: Sight, document_id: str) -> tuple[int, Document]:
    """Return a document and its number.

    Raises:
        NotFoundError: there is no such document for this client.
    """
    ordinal = sight.ordinal(document_id)
    if ordinal is None:
        raise NotFoundError("There is no such document.")
    sight.check([document_id])
    return ordinal, sight.generation.document_at(ordinal)


def _head(document: Document) -> DocumentHead:
    return DocumentHead(
        document_id=document.document_id,
        title=document.title,
        publisher=document.publisher,
        published_at=document.published_at,
        language=document.language,
        url=web_address(document.url),
        viewer_url=viewer_url(document.document_id),
        document_sha256=document.sha256,
        version=document.version,
        stored_at=_time(document.stored_at),
        first_stored_at=_time(document.first_stored_at),
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else shown_time(at_ms)


@router.get("/v1/documents", responses=_PROBLEMS)
def documents(
    request: Request,
    principal: ThePrincipal,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=_MAX_CURSOR)] = None,
) -> DocumentsOut:
    """List documents in the order in which they were first stored, without their texts."""
    sight = _sight(request, principal)
    ordinals = sight.ordinals()
    start = 0 if cursor is None else _start_of(sight, ordinals, cursor)
    rows = sight.generation.heads(ordinals[start : start + limit])
    sight.check(row["document_id"] for row in rows)
    heads = [
        DocumentHead(
            document_id=row["document_id"],
            title=row["title"],
            publisher=row["publisher"],
            published_at=row["published_at"],
            language=row["language"],
            url=web_address(row["url"]),
            viewer_url=viewer_url(row["document_id"]),
            document_sha256=row["sha256"],
            version=row["version"],
            stored_at=_time(row["stored_at"]),
            first_stored_at=_time(row["first_stored_at"]),
        )
        for row in rows
    ]
    note_documents(request.scope, [head.document_id for head in heads])
    after = start + len(rows)
    return DocumentsOut(
        documents=heads,
        next_cursor=_cursor(after - 1, heads[-1].document_id) if after < len(ordinals) and heads else None,
    )


@router.get("/v1/documents/{document_id:path}", responses=_PROBLEMS)
def document(request: Request, principal: ThePrincipal, document_id: str) -> DocumentOut:
    """Return a document's canonical text and what of it is left out of answers."""
    found = document_out(_sight(request, principal), document_id)
    note_documents(
        request.scope, [found.document_id, *(other.document_id for other in found.also_published_by)]
    )
    return found


def document_out(sight: Sight, document_id: str) -> DocumentOut:
    """Return a document as the route shows it.

    Raises:
        NotFoundError: there is no such document for this client.
    """
    ordinal, found = find_document(sight, document_id)
    same = same_story_out(sight, ordinal)
    return DocumentOut(
        **_head(found).model_dump(),
        text=found.text,
        media_type=found.media_type or "text/plain",
        pages=[
            PageOut(number=page.number, start_char_index=page.start, end_char_index=page.end)
            for page in found.pages
        ],
        sections=[
            SectionOut(level=s.level, title=s.title, start_char_index=s.start, end_char_index=s.end)
            for s in found.sections
        ],
        excluded=[
            ExcludedOut(start_char_index=span.start, end_char_index=span.end, reason=span.reason)
            for span in sight.excluded_of(ordinal)
        ],
        also_published_by=same,
    )


def same_story_out(sight: Sight, ordinal: int) -> list[SameStoryOut]:
    """Return the documents that tell the story of this one, of those that may be read; at most `_MOST_SAME`."""
    found: list[SameStoryOut] = []
    for other in sight.same_story(ordinal)[:_MOST_SAME]:
        document = sight.generation.document_at(other.ordinal)
        found.append(
            SameStoryOut(
                document_id=document.document_id,
                document_title=document.title,
                publisher=document.publisher,
                published_at=document.published_at,
                url=web_address(document.url),
                viewer_url=viewer_url(document.document_id),
                jaccard=round(other.jaccard, 4),
                same=other.same,
            )
        )
    sight.check(other.document_id for other in found)
    return found


def _sight(request: Request, principal: Principal) -> Sight:
    engine: Engine = request.app.state.engine
    return engine.stages().generation.sight(principal.viewer)


def _cursor(place: int, document_id: str) -> str:
    """Return a cursor behind a document; `place` counts what its reader may see, and nothing else."""
    return base64.urlsafe_b64encode(f"{place}:{document_id}".encode()).decode().rstrip("=")


def _start_of(sight: Sight, ordinals: Sequence[int], cursor: str) -> int:
    """Return where among these documents the page after a cursor begins; it holds through a new generation."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not UTF-8
        content = ""
    match = _CURSOR.fullmatch(content)
    if match is None:
        raise QuestionError(
            f"cursor {cursor[:40]!r} was not made by this service; leave it out to begin anew"
        )
    now = sight.ordinal(match.group(2))
    return int(match.group(1)) if now is None else bisect_right(ordinals, now)
