"""The JSON of stored conversations and of feedback."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.schemas import AnswerOut
from api.store.seal import sealed

MAX_TITLE_CHARACTERS = 200
MAX_COMMENT_CHARACTERS = 2000
MAX_QUOTE_CHARACTERS = 20_000

Rating = Literal["up", "down"]
Reason = Literal[
    "wrong_answer", "wrong_quote", "incomplete", "should_have_answered", "should_have_abstained", "outdated",
    "other",
]  # fmt: skip
Interruption = Literal["client_gone", "timed_out", "failed", "server_stopped"]
"""Why a turn has no answer: the client left, it took too long, it failed, the server was stopped."""
TurnStatus = Literal["started", "complete", "interrupted"]


def _clean(text: str, *, lines: bool) -> str:
    """Return a text trimmed and in NFC.

    Raises:
        ValueError: a control character (line ends too, unless `lines`) or a lone surrogate stands in it.
    """
    cleaned = unicodedata.normalize("NFC", text.strip())
    allowed = "\t\n\r" if lines else ""
    for char in cleaned:
        if char not in allowed and unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"holds U+{ord(char):04X}, a control character, line end or lone surrogate")
    return cleaned


class RenameIn(BaseModel):
    """A new title."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(description=f"1 to {MAX_TITLE_CHARACTERS} characters after trimming, on one line")

    @field_validator("title")
    @classmethod
    def _is_title(cls, value: str) -> str:
        title = _clean(value, lines=False)
        if not 1 <= len(title) <= MAX_TITLE_CHARACTERS:
            raise ValueError(f"must have 1 to {MAX_TITLE_CHARACTERS} characters, has {len(title)}")
        return title


class FeedbackIn(BaseModel):
    """What a person makes of an answer. A second one on the same answer replaces the first."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer_id: str = Field(min_length=1, max_length=64, description="the answer record's `id`")
    rating: Rating
    reason: Reason | None = None
    comment: str | None = Field(None, description=f"at most {MAX_COMMENT_CHARACTERS:,} characters")
    citation_number: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="the citation that is meant: the wrong one, or the one that is good",
    )
    quote: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_QUOTE_CHARACTERS,
        description="the words that are meant, exactly as they stand in a citation's `cited_text`",
    )

    @field_validator("comment")
    @classmethod
    def _is_comment(cls, value: str | None) -> str | None:
        if value is None:
            return None
        comment = _clean(value, lines=True)
        if len(comment) > MAX_COMMENT_CHARACTERS:
            raise ValueError(f"must have at most {MAX_COMMENT_CHARACTERS} characters, has {len(comment)}")
        return comment or None


class FeedbackOut(BaseModel):
    """Feedback as it is stored."""

    id: str
    answer_id: str
    rating: Rating
    reason: Reason | None
    comment: str | None
    citation_number: int | None
    quote: str | None
    created_at: str
    updated_at: str


class ConversationHead(BaseModel):
    """A conversation without its turns; times are ISO 8601, UTC."""

    id: str
    title: str
    created_at: str
    updated_at: str = Field(description="when its last turn was begun")
    turns: int = Field(description="how many turns are complete")


class ConversationsOut(BaseModel):
    """A page of conversations, the last used first; `next_cursor` is null on the last page."""

    conversations: list[ConversationHead]
    next_cursor: str | None


class TurnOut(BaseModel):
    """A question and, where the turn is complete, its answer."""

    id: str
    number: int = Field(description="place in the conversation, from 1")
    status: TurnStatus = Field(description="only a complete turn has an answer, and counts for follow-ups")
    question: str
    standalone_question: str | None
    started_at: str
    ended_at: str | None
    interrupted_by: Interruption | None
    answer: dict[str, Any] | None = Field(description="the answer record, as `POST /v1/ask` gave it")
    feedback: FeedbackOut | None


class ConversationOut(BaseModel):
    """A conversation with all of its turns, oldest first."""

    id: str
    title: str
    created_at: str
    updated_at: str
    turns: list[TurnOut]


class ExportOut(ConversationOut):
    """A conversation to take away, with what is needed to check its quotes elsewhere."""

    format: Literal["chapter-and-verse/conversation@1"] = "chapter-and-verse/conversation@1"
    exported_at: str
    public_url: str = Field(description="what the `viewer_url` of each citation is relative to")
    software: str


def answer_text(record: AnswerOut) -> str:
    """Return a record as it is stored, with a seal behind it."""
    return sealed(record.model_dump_json())
