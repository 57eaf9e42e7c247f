"""An answer as a client of OpenAI's protocol gets it, with the native record beside it."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel

from api.chat_request import MODEL, Chat
from api.chat_work import ChatEnd
from api.schemas import AnswerOut, CitationOut
from api.sse import frame


class UrlCitationOut(BaseModel):
    """What a quote supports: code points of the message's content, end exclusive, as in `answer_spans`."""

    start_index: int
    end_index: int
    title: str
    url: str


class AnnotationOut(BaseModel):
    """OpenAI's annotation; `url` opens the quote in its document."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitationOut


class ChatMessageOut(BaseModel):
    """The answer with its markers; `[n]` is the nth of `citations` and of `search_results`."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[AnnotationOut]


class ChoiceOut(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: ChatMessageOut
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class UsageOut(BaseModel):
    """Tokens in `cl100k_base`: of the messages' texts, and of the text shown."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class SearchResultOut(BaseModel):
    """A citation as Perplexity's clients know it; `snippet` is the quote, word for word."""

    title: str
    url: str
    date: str | None
    snippet: str


class ChatCompletionOut(BaseModel):
    """A chat completion; `answer_record` is the answer as `POST /v1/ask` gives it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[ChoiceOut]
    usage: UsageOut
    citations: list[str]
    search_results: list[SearchResultOut]
    answer_record: AnswerOut


class ModelOut(BaseModel):
    """A model that can be asked for."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "chapter-and-verse"


class ModelsOut(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ChatErrorOut(BaseModel):
    """What is wrong; `param` names the parameter, `code` is stable."""

    message: str
    type: str
    param: str | None
    code: str


class ChatProblemOut(BaseModel):
    """An error as OpenAI's servers answer it."""

    error: ChatErrorOut


class Completion:
    """Writes one answer for one request, whole or in chunks. `public_url` is what links begin with."""

    def __init__(self, chat: Chat, completion_id: str, created: int, public_url: str) -> None:
        self._chat = chat
        self._id = completion_id
        self._created = created
        self._public_url = public_url

    def whole(self, end: ChatEnd) -> ChatCompletionOut:
        """Return the answer in one piece."""
        record = end.record
        message = ChatMessageOut(content=end.text, annotations=self._annotations(record, end.text))
        return ChatCompletionOut(
            id=self._id,
            created=self._created,
            choices=[ChoiceOut(message=message)],
            usage=usage_of(end),
            citations=self._urls(record),
            search_results=self._results(record),
            answer_record=record,
        )

    def first(self) -> bytes:
        """Return the chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def text(self, text: str) -> bytes:
        """Return a chunk of text."""
        return self._chunk({"content": text})

    def last(self, end: ChatEnd) -> list[bytes]:
        """Return what comes after the text: the sources with the record, the usage if it was asked for."""
        record = end.record
        sources = [self._open_webui(citation) for citation in record.citations]
        annotations = [one.model_dump(mode="json") for one in self._annotations(record, end.text)]
        to_open_webui = self._chat.open_webui_sources
        frames = [frame(_json(source)) for source in sources] if to_open_webui else []
        frames.append(
            self._chunk(
                # It makes a source of each annotation too, with the title for a text: every one twice.
                {} if to_open_webui else {"annotations": annotations},
                finish_reason="stop",
                citations=self._urls(record),
                search_results=[one.model_dump(mode="json") for one in self._results(record)],
                answer_record=record.model_dump(mode="json"),
            )
        )
        if self._chat.include_usage:
            frames.append(frame(_json({**self._head(), "choices": [], "usage": usage_of(end).model_dump()})))
        return [*frames, frame("[DONE]")]

    def _head(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": MODEL,
        }

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        # As OpenAI's servers do: where usage will come, every other chunk says that it is not this one.
        usage = {"usage": None} if self._chat.include_usage else {}
        return frame(_json({**self._head(), "choices": [choice], **usage, **more}))

    def _url(self, citation: CitationOut) -> str:
        return self._public_url + citation.viewer_url

    def _urls(self, record: AnswerOut) -> list[str]:
        return [self._url(citation) for citation in record.citations]

    def _annotations(self, record: AnswerOut, text: str) -> list[AnnotationOut]:
        """Return an annotation for each part that a quote supports and that was shown whole."""
        return [
            AnnotationOut(
                url_citation=UrlCitationOut(
                    start_index=span.start,
                    end_index=span.end,
                    title=citation.document_title,
                    url=self._url(citation),
                )
            )
            for citation in record.citations
            for span in citation.answer_spans
            if span.end <= len(text)
        ]

    def _results(self, record: AnswerOut) -> list[SearchResultOut]:
        return [
            SearchResultOut(
                title=citation.document_title,
                url=self._url(citation),
                date=citation.published_at,
                snippet=citation.cited_text,
            )
            for citation in record.citations
        ]

    def _open_webui(self, citation: CitationOut) -> dict[str, Any]:
        # It numbers sources by their ids, so each quote has one of its own: the address it is shown at.
        url, name = self._url(citation), citation.document_title
        return {
            "event": {
                "type": "source",
                "data": {
                    "source": {"id": url, "name": name, "url": url},
                    "document": [citation.cited_text],
                    "metadata": [{"source": url, "name": name, "url": url}],
                },
            }
        }


def usage_of(end: ChatEnd) -> UsageOut:
    """Return what an answer cost."""
    return UsageOut(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
    )


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
