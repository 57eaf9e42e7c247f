"""Asks one OpenAI-compatible server for a completion and hands on its text as it comes.

Requests run on an event loop in a thread of its own, because only there can a deadline, or whoever
asked, end a request wherever it stands: a server that drips one byte a second never lets a time-out
between two bytes pass. Redirects are not followed, proxies of the environment are not used, and the
key is in no message and no log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpx2

from rag.errors import (
    AskCancelledError,
    GeneratorError,
    GeneratorOutputError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
)
from rag.loop_thread import LoopThread
from rag.write.prompt import SCHEMA, Message
from rag.write.settings import Server

logger = logging.getLogger(__name__)

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""Of one response, as it was sent; a thousand tokens take about a tenth of it."""
_MAX_LINE = 256 * 1024
_MAX_PROBLEM_BYTES = 16 * 1024
_POLL_S = 0.05
_REFUSED_PARAMETER = (400, 422)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one request may take; `deadline` is a `time.monotonic` moment."""

    connect_timeout_s: float
    read_timeout_s: float
    deadline: float
    max_tokens: int


class ModelClient:
    """Streams completions of one server. Thread-safe; `close` ends its thread.

    Where a server refuses the JSON schema, or a parameter's older name, it is asked once without, and
    not again for the life of the client.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        headers = {
            "Accept": "text/event-stream, application/json",
            # Plain bytes: nothing to unpack, so the limit of size is one of what was sent.
            "Accept-Encoding": "identity",
        }
        if server.api_key is not None:
            headers["Authorization"] = f"Bearer {server.api_key}"
        self._form = 0
        self._client = httpx2.AsyncClient(
            headers=headers,
            # Reading all certificates takes a while; without https, trusting none is enough.
            verify=server.base_url.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=64, keepalive_expiry=2.0),
        )
        self._loop = LoopThread(self._client, name="model-client")

    def close(self) -> None:
        """End the connections and the thread; more than once is fine."""
        self._loop.close()

    def stream(
        self, messages: Sequence[Message], limits: Limits, cancelled: Callable[[], bool]
    ) -> Iterator[str]:
        """Yield the pieces of the completion's text.

        Closing the iterator ends the request. A text that was cut at `max_tokens` ends like any other:
        its last sentence is not whole, and is not taken for one.

        Raises:
            GeneratorUnavailableError: not reached, refused, broken off, or no completion at all.
            GeneratorTimeoutError: a time-out has passed.
            GeneratorOutputError: refused by the model's own filter, or too long.
            AskCancelledError: `cancelled()` became true.
        """
        for form in range(self._form, len(_FORMS)):
            try:
                body = _body(self.server.model, messages, limits.max_tokens, form)
                for piece in self._once(body, limits, cancelled):
                    self._form = form
                    yield piece
                return
            except GeneratorUnavailableError as error:
                # Refused before anything was said: nothing was yielded yet.
                if error.status not in _REFUSED_PARAMETER or form == len(_FORMS) - 1:
                    raise

    def _once(self, body: bytes, limits: Limits, cancelled: Callable[[], bool]) -> Iterator[str]:
        if self._loop.is_closed:
            raise GeneratorUnavailableError("the client of the model server is closed")
        pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        future = self._loop.start(self._request(body, limits, pieces.put))
        future.add_done_callback(lambda _: pieces.put(None))
        try:
            while True:
                if cancelled():
                    raise AskCancelledError("the question was given up while a model was writing")
                try:
                    piece = pieces.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if piece is None:
                    break
                yield piece
            self._raise_what_went_wrong(future, limits)
        finally:
            future.cancel()

    def _raise_what_went_wrong(self, future: Future[None], limits: Limits) -> None:
        name = f"the model server {self.server.base_url}"
        if future.cancelled():
            raise GeneratorUnavailableError(f"{name}: the client was closed meanwhile")
        error = future.exception()
        if error is None:
            return
        if isinstance(error, GeneratorError):
            raise error
        if isinstance(error, TimeoutError):
            raise GeneratorTimeoutError(f"{name}: no whole answer in the time for writing") from error
        if isinstance(error, httpx2.ConnectTimeout):
            raise GeneratorTimeoutError(f"{name}: not reached in {limits.connect_timeout_s:g} s") from error
        if isinstance(error, httpx2.TimeoutException):
            raise GeneratorTimeoutError(f"{name}: nothing came for {limits.read_timeout_s:g} s") from error
        if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
            raise GeneratorUnavailableError(f"{name}: {type(error).__name__}: {str(error)[:200]}") from error
        raise error

    async def _request(self, body: bytes, limits: Limits, put: Callable[[str], None]) -> None:
        left = limits.deadline - time.monotonic()
        name = f"the model server {self.server.base_url}"
        if left <= 0:
            raise GeneratorTimeoutError(f"{name}: the time for writing was over before it was asked")
        timeout = httpx2.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s)
        async with (
            asyncio.timeout(left),
            self._client.stream(
                "POST",
                self.server.address,
                content=body,
                headers={"Content-Type": "application/json"},
                timeout=timeout,
            ) as response,
        ):
            if response.status_code != 200:
                # What the server says of it may repeat the prompt: it is read by nobody.
                raise GeneratorUnavailableError(
                    f"{name}: status {response.status_code}{_hint(response.status_code)}",
                    status=response.status_code,
                )
            kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
            if kind == "application/json":
                put(_whole(b"".join([part async for part in _bounded(response, name)]), name))
                return
            ended = False
            async for line in _lines(_bounded(response, name), name):
                if not line.startswith(b"data:"):
                    continue
                data = line[5:].strip()
                if data == b"[DONE]":
                    return
                if data:
                    piece, end = _piece(data, name)
                    ended = ended or end
                    if piece:
                        put(piece)
            if not ended:
                raise GeneratorUnavailableError(f"{name}: broke off before the end of its answer")


_FORMS: tuple[Mapping[str, Any], ...] = (
    {"response_format": SCHEMA, "temperature": 0},
    {"temperature": 0},
    # Newer models of OpenAI refuse the older name, and any temperature but their own.
    {"_tokens": "max_completion_tokens"},
)


def _body(model: str, messages: Sequence[Message], max_tokens: int, form: int) -> bytes:
    more = dict(_FORMS[form])
    content = {
        "model": model,
        "messages": list(messages),
        "stream": True,
        more.pop("_tokens", "max_tokens"): max_tokens,
        **more,
    }
    # ASCII escapes carry whatever a document holds, lone surrogates included.
    return json.dumps(content).encode("ascii")


def _hint(status: int) -> str:
    hints = {
        401: "; check VERSE_LLM_API_KEY",
        403: "; check VERSE_LLM_API_KEY",
        404: "; check VERSE_LLM_BASE_URL (it usually ends in /v1) and VERSE_LLM_MODEL",
        429: "; it takes no more requests for now",
    }
    return hints.get(status, "; a redirect is not followed" if 300 <= status < 400 else "")


async def _bounded(response: httpx2.Response, name: str) -> AsyncIterator[bytes]:
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_RESPONSE_BYTES:
            raise GeneratorOutputError(f"{name}: sent more than {MAX_RESPONSE_BYTES} bytes", fault="too_long")
        yield part


async def _lines(parts: AsyncIterator[bytes], name: str) -> AsyncIterator[bytes]:
    """Yield the lines of an event stream, without their ends."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > _MAX_LINE:
            raise GeneratorOutputError(f"{name}: sent a line of over {_MAX_LINE} bytes", fault="too_long")
    if rest:
        yield rest


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise GeneratorUnavailableError(f"{name}: sent what is no JSON") from error
    if not isinstance(content, dict):
        raise GeneratorUnavailableError(f"{name}: sent JSON that is no object")
    if content.get("error"):
        raise GeneratorUnavailableError(f"{name}: reported an error while writing")
    return content


def _choice(content: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = content.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}


def _text(message: object, name: str) -> str:
    if not isinstance(message, dict):
        return ""
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        raise GeneratorOutputError(f"{name}: the model refused", fault="refusal")
    text = message.get("content")
    return text if isinstance(text, str) else ""


def _piece(data: bytes, name: str) -> tuple[str, bool]:
    choice = _choice(_object(data, name))
    if choice.get("finish_reason") == "content_filter":
        raise GeneratorOutputError(f"{name}: its filter stopped the answer", fault="refusal")
    return _text(choice.get("delta"), name), choice.get("finish_reason") is not None


def _whole(data: bytes, name: str) -> str:
    """Return the text of a completion that did not come as a stream, though it was to."""
    choice = _choice(_object(data, name))
    if not choice:
        raise GeneratorUnavailableError(f"{name}: sent JSON that is no completion")
    if choice.get("finish_reason") == "content_filter":
        raise GeneratorOutputError(f"{name}: its filter stopped the answer", fault="refusal")
    return _text(choice.get("message"), name)
