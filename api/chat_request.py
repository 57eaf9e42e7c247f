"""What a client of OpenAI's protocol sends, and the question in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from api.chat_errors import ChatRequestError
from api.schemas import MAX_TURN_CHARACTERS, MAX_TURNS
from index.access import Viewer
from rag.answer import Ask
from rag.errors import QuestionError
from rag.question import checked_question
from rag.types import Turn

MODEL = "verse"
MAX_MESSAGES = 2048
_MAX_STOPS = 4
_MAX_STOP_CHARACTERS = 200


class _Lenient(BaseModel):
    """Parameters that are not known here are ignored, as OpenAI's servers do; known ones have their type."""

    model_config = ConfigDict(extra="ignore", strict=True)


def _text_of(content: object) -> object:
    """Return the text of a message: itself, or its text parts, a line each."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get(kind) if isinstance(part, dict) and kind in ("text", "refusal") else None
        if not isinstance(text, str):
            raise ValueError(
                f"part {number} is of type {str(kind)[:40]!r} or holds no text; only parts of type 'text' are read"
            )
        texts.append(text)
    return "\n".join(texts)


_Content = Annotated[
    str,
    BeforeValidator(_text_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                        "required": ["type", "text"],
                    },
                },
                {"type": "null"},
            ]
        }
    ),
]


class MessageIn(_Lenient):
    """One message. What tools said is passed over, and so are system messages."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: _Content = ""


class StreamOptionsIn(_Lenient):
    """How to stream."""

    include_usage: bool | None = None


class ChatIn(_Lenient):
    """A chat request. The last user message is the question, what is before it the conversation."""

    model: str = Field(max_length=256)
    messages: list[MessageIn] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    n: int | None = None
    stop: str | list[str] | None = Field(
        None, description="the text shown ends before the first of these; `answer_record` stays whole"
    )
    tool_choice: Any = None
    response_format: Any = None
    open_webui_sources: bool | None = Field(
        None, description="on a stream, send the quotes as Open WebUI's `source` events too"
    )
    mode: Literal["auto", "extractive", "generative"] | None = Field(
        None, description="who writes the answer, as in `POST /v1/ask`"
    )
    store: bool | None = Field(None, description="begin a stored conversation with this turn")
    conversation_id: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="go on with a stored conversation: its turns are the history, whatever `messages` hold before the question",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat request that can be answered."""

    asked: Ask
    texts: tuple[str, ...]
    """Of all messages, for the count of tokens."""
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool
    open_webui_sources: bool
    store: bool
    conversation_id: str | None


def read_chat(body: ChatIn, *, open_webui_sources: bool, viewer: Viewer) -> Chat:
    """Return the question of a chat request and how it is to be answered.

    Raises:
        ChatRequestError: naming the parameter that cannot be used.
    """
    if body.model != MODEL:
        raise ChatRequestError(
            f"The model {body.model[:80]!r} does not exist; there is {MODEL!r}.",
            where=["model"],
            code="model_not_found",
            status=404,
        )
    _refuse_what_would_be_ignored(body)
    stream = bool(body.stream)
    if body.stream_options is not None and not stream:
        raise ChatRequestError(
            "stream_options is only allowed when stream is true.",
            where=["stream_options"],
            code="invalid_value",
        )
    question, history = _conversation(body.messages)
    asked_for = body.open_webui_sources
    return Chat(
        asked=Ask(question=question, history=history, mode=body.mode or "auto", viewer=viewer),
        texts=tuple(message.content for message in body.messages),
        stops=_stops(body.stop),
        stream=stream,
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        open_webui_sources=open_webui_sources if asked_for is None else asked_for,
        store=bool(body.store),
        conversation_id=body.conversation_id,
    )


def _refuse_what_would_be_ignored(body: ChatIn) -> None:
    """Refuse what a client relies on: ignoring it would hand over something else than it expects."""
    if body.n not in (None, 1):
        raise ChatRequestError(
            f"n is {body.n}; there is one answer to a question, so only 1 is possible.",
            where=["n"],
            code="unsupported_value",
        )
    if body.tool_choice not in (None, "none", "auto"):
        raise ChatRequestError(
            "No tool is ever called here; leave tool_choice out, or set it to 'none' or 'auto'.",
            where=["tool_choice"],
            code="unsupported_value",
        )
    wanted = body.response_format
    if wanted is not None and not (isinstance(wanted, dict) and wanted.get("type") == "text"):
        raise ChatRequestError(
            "Answers are text; leave response_format out, or read the JSON under answer_record.",
            where=["response_format"],
            code="unsupported_value",
        )


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = () if stop is None else (stop,) if isinstance(stop, str) else tuple(stop)
    if len(stops) > _MAX_STOPS or not all(1 <= len(one) <= _MAX_STOP_CHARACTERS for one in stops):
        raise ChatRequestError(
            f"stop takes at most {_MAX_STOPS} texts of 1 to {_MAX_STOP_CHARACTERS} characters.",
            where=["stop"],
            code="invalid_value",
        )
    return stops


def _conversation(messages: list[MessageIn]) -> tuple[str, tuple[Turn, ...]]:
    """Return the question and the turns before it, at most the last `MAX_TURNS`, oldest first."""
    place = max((i for i, message in enumerate(messages) if message.role == "user"), default=None)
    if place is None:
        raise ChatRequestError(
            "There is no user message, so no question.", where=["messages"], code="invalid_value"
        )
    try:
        question = checked_question(messages[place].content)
    except QuestionError as error:
        raise ChatRequestError(
            str(error), where=["messages", str(place), "content"], code="question_invalid"
        ) from error
    turns: list[Turn] = []
    for number in range(place - 1, -1, -1):
        message = messages[number]
        if len(turns) == MAX_TURNS:
            break
        if message.role not in ("user", "assistant") or not message.content.strip():
            continue
        if len(message.content) > MAX_TURN_CHARACTERS:
            raise ChatRequestError(
                f"The message has {len(message.content)} characters; an earlier turn may have "
                f"{MAX_TURN_CHARACTERS}.",
                where=["messages", str(number), "content"],
                code="string_above_max_length",
            )
        turns.append(Turn(role=message.role, content=message.content))
    return question, tuple(reversed(turns))
