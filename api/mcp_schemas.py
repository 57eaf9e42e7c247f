"""The JSON of the MCP tools `search` and `fetch`, in the shapes that ChatGPT's connectors expect.

`ask` takes and returns the records of `POST /v1/ask` as they are (`api.schemas`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import OFFSET_UNIT, DocumentOut, ExcludedOut, SearchOut, viewer_url


class FetchIn(BaseModel):
    """Which document is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str = Field(
        min_length=1, max_length=512, description="a document's id, as `search` and `ask` give it"
    )


class FoundOut(BaseModel):
    """A passage found; `text == document.text[start_char_index:end_char_index]`."""

    id: str = Field(description="the document's id: what `fetch` takes")
    title: str
    url: str = Field(description="the page that shows the document with this passage highlighted")
    text: str
    start_char_index: int
    end_char_index: int
    offset_unit: Literal["unicode_code_point"] = OFFSET_UNIT
    document_sha256: str
    publisher: str | None
    published_at: str | None
    source_url: str | None
    rank: int
    score: float


class ResultsOut(BaseModel):
    """Passages, best first."""

    results: list[FoundOut]
    notice: str | None = Field(description="why nothing was looked for, and what to do; else null")


class MetadataOut(BaseModel):
    """What is known of a document; `sha256(text as UTF-8) == document_sha256`."""

    document_sha256: str
    version: int
    stored_at: str | None
    offset_unit: Literal["unicode_code_point"] = OFFSET_UNIT
    publisher: str | None
    published_at: str | None
    language: str | None
    source_url: str | None
    excluded: list[ExcludedOut] = Field(description="parts that are never quoted, and why")


class FetchedOut(BaseModel):
    """A document with its canonical text."""

    id: str
    title: str
    text: str
    url: str = Field(description="the page that shows the document")
    metadata: MetadataOut


def results_out(found: SearchOut, public_url: str) -> ResultsOut:
    """Return what `POST /v1/search` found, with absolute addresses."""
    return ResultsOut(
        results=[
            FoundOut(
                id=passage.document_id,
                title=passage.document_title,
                url=public_url + passage.viewer_url,
                text=passage.text,
                start_char_index=passage.start_char_index,
                end_char_index=passage.end_char_index,
                document_sha256=passage.document_sha256,
                publisher=passage.publisher,
                published_at=passage.published_at,
                source_url=passage.url,
                rank=passage.rank,
                score=passage.score,
            )
            for passage in found.passages
        ],
        notice=found.notice,
    )


def fetched_out(document: DocumentOut, public_url: str) -> FetchedOut:
    """Return what `GET /v1/documents/{id}` returns, with an absolute address."""
    return FetchedOut(
        id=document.document_id,
        title=document.title,
        text=document.text,
        url=public_url + viewer_url(document.document_id),
        metadata=MetadataOut(
            document_sha256=document.document_sha256,
            version=document.version,
            stored_at=document.stored_at,
            publisher=document.publisher,
            published_at=document.published_at,
            language=document.language,
            source_url=document.url,
            excluded=document.excluded,
        ),
    )
