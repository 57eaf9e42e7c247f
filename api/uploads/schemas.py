"""A job as its sender sees it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from api.schemas import viewer_url
from api.store.ids import shown_time
from api.uploads.jobs import Job, State


class JobDocumentOut(BaseModel):
    """What became of one document, and what was understood of it. What may not be shown any more is null."""

    document_id: str
    name: str
    state: State
    change: Literal["added", "replaced", "access", "unchanged", "removed"]
    title: str | None = None
    publisher: str | None = None
    published_at: str | None = None
    language: str | None = None
    characters: int | None = None
    excluded_characters: int | None = None
    pages: int | None = None
    document_sha256: str | None = None
    viewer_url: str | None = None


class JobErrorOut(BaseModel):
    """Why a file, or one document of it, was not taken."""

    name: str
    code: str
    detail: str
    document_id: str | None = None


class JobOut(BaseModel):
    """A job: `received`, `reading`, `stored` (survives anything from then on), `searchable`, or `failed`.

    One that ended as `searchable` may name errors of single files too. `waiting` says what it waits for.
    """

    job_id: str
    kind: Literal["add", "change", "delete"]
    state: State
    created_at: str
    updated_at: str
    documents: list[JobDocumentOut]
    errors: list[JobErrorOut]
    waiting: str | None = None


class JobsOut(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobOut]
    next_cursor: str | None


def job_out(job: Job, *, withheld: frozenset[str] = frozenset(), waiting: str | None = None) -> JobOut:
    """Return a job as it is shown; of documents that are `withheld` now nothing but their ids."""
    state: State = job.state if job.ended else "stored"
    return JobOut(
        job_id=job.job_id,
        kind=job.kind,
        state=job.state,
        created_at=shown_time(job.created_at),
        updated_at=shown_time(job.updated_at),
        documents=[_document(row, state, row["document_id"] in withheld) for row in job.documents],
        errors=[JobErrorOut(**error) for error in job.errors],
        waiting=None if job.ended else waiting,
    )


def _document(row: dict[str, Any], state: State, withheld: bool) -> JobDocumentOut:
    if withheld:
        kept = {key: row[key] for key in ("document_id", "change")}
        return JobDocumentOut(**kept, name="" if row["change"] != "removed" else row["name"], state=state)
    gone = row["change"] == "removed"
    return JobDocumentOut(**row, state=state, viewer_url=None if gone else viewer_url(row["document_id"]))
