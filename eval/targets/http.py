"""One request to a server: a deadline for the whole answer, a limit of size, and named failures.

Requests run on an event loop in a thread of its own, because only there can a deadline end a
request wherever it stands: a server that drips one byte a second never lets a time-out between two
bytes pass.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from eval.errors import EvaluationError, TargetError
from eval.targets.http_words import checked_url, is_loopback, retry_after_s, words_of
from rag.loop_thread import LoopThread

if TYPE_CHECKING:
    import httpx2

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_WAIT_S = 30.0
"""The longest wait before a retry, whatever `Retry-After` asks for."""
_FIRST_WAIT_S = 0.5
_RETRIED = (429, 503)
_MAX_CONNECTIONS = 64
# Shorter than servers keep an idle connection, so that none is used while its server closes it.
_KEEP_ALIVE_S = 2.0
_MAX_PROBLEM_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    retry_after: str | None
    body: bytes


class HttpClient:
    """Asks one server for JSON objects. Thread-safe; `close` ends its thread.

    `timeout_s` is the time for one whole answer, from connecting to the last byte. 429 and 503 are
    tried `retries` times more, after what `Retry-After` says or 0.5 s, 1 s, 2 s …, at most
    `MAX_WAIT_S`. Redirects are not followed. A proxy of the environment is used except for this
    machine itself.

    Raises:
        EvaluationError: the URL or a number is not usable, or httpx2 is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        retries: int,
        api_key: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = checked_url(url)
        if not 0 < timeout_s < float("inf"):
            raise EvaluationError(f"timeout_s is {timeout_s!r}; it must be above 0 and finite")
        if not 0 <= retries <= 20:
            raise EvaluationError(f"retries is {retries!r}; it must be in 0..20")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise EvaluationError("the API key is empty or holds characters that no header may hold")
        try:
            import httpx2
        except ImportError:
            raise EvaluationError(
                "asking a server needs httpx2: pip install 'chapter-and-verse[eval]'"
            ) from None
        self._timeout_s = timeout_s
        self._retries = retries
        self._sleep = sleep
        self._now = now
        # Plain bytes: nothing to unpack, so the limit of size is one of what was sent.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        # No time-out of its own: the deadline around the whole request is the only one.
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=None,
            # Reading all certificates takes a while; without https, trusting none is enough.
            verify=self.url.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=not is_loopback(self.url),
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=_MAX_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE_S),
        )
        self._loop = LoopThread(self._client, name="eval-http")

    def close(self) -> None:
        """End the connections and the thread; more than once is fine."""
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object that a path answers with.

        Raises:
            TargetError: no such object came, with the kind of failure.
        """
        return self._object("GET", path, None)

    def post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object that posting JSON to a path answers with; raises as `get` does."""
        # ASCII escapes carry whatever a question holds; the server is the one to refuse it.
        return self._object("POST", path, json.dumps(content).encode("ascii"))

    def _object(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        attempt = 0
        while True:
            try:
                return self._once(method, path, body)
            except TargetError as error:
                if error.status not in _RETRIED or attempt >= self._retries:
                    raise
                wanted = error.retry_after_s
            self._sleep(min(MAX_WAIT_S, _FIRST_WAIT_S * 2**attempt if wanted is None else wanted))
            attempt += 1

    def _once(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        what = f"{method} {self.url}{path}"
        if self._loop.is_closed:
            raise EvaluationError(f"{what}: this client is closed")
        reply = self._wait_for(method, path, body, what)
        if reply.status != 200:
            raise TargetError(
                f"{what}: status {reply.status}{words_of(reply.body)}",
                kind="rate_limited" if reply.status == 429 else "http_status",
                status=reply.status,
                retry_after_s=retry_after_s(reply.retry_after, self._now()),
            )
        return _parsed(reply.body, what)

    def _wait_for(self, method: str, path: str, body: bytes | None, what: str) -> _Reply:
        import httpx2

        request = _fetch(self._client, method, self.url + path, body, self._timeout_s)
        future = self._loop.start(request)
        try:
            return future.result()
        except TimeoutError:
            raise TargetError(f"{what}: no whole answer in {self._timeout_s:g} s", kind="timeout") from None
        except _TooLargeError:
            raise TargetError(
                f"{what}: a body of more than {MAX_BODY_BYTES} bytes", kind="malformed", status=200
            ) from None
        except httpx2.DecodingError as error:
            raise TargetError(f"{what}: the body cannot be unpacked: {error}", kind="not_json") from error
        except httpx2.TransportError as error:
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise TargetError(f"{what}: {words}", kind="connection") from error
        except CancelledError:
            raise EvaluationError(f"{what}: this client was closed meanwhile") from None
        finally:
            future.cancel()  # a person's Ctrl-C must not leave the request going on


async def _fetch(
    client: httpx2.AsyncClient, method: str, url: str, body: bytes | None, timeout_s: float
) -> _Reply:
    headers = {} if body is None else {"Content-Type": "application/json"}
    async with (
        asyncio.timeout(timeout_s),
        client.stream(method, url, content=body, headers=headers) as response,
    ):
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if response.status_code != 200 and size > _MAX_PROBLEM_BYTES:
                break
            if size > MAX_BODY_BYTES:
                raise _TooLargeError
        return _Reply(
            status=response.status_code,
            retry_after=response.headers.get("retry-after"),
            body=b"".join(parts),
        )


class HttpTarget:
    """What every target behind a URL has: its name, and connections that are closed with it."""

    _http: HttpClient

    @property
    def name(self) -> str:
        """Its URL."""
        return self._http.url

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _TooLargeError(Exception):
    """The body is larger than any answer may be."""


def _parsed(body: bytes, what: str) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{what}: the body is no JSON: {error}", kind="not_json", status=200) from error
    if not isinstance(content, dict):
        raise TargetError(
            f"{what}: the body is JSON, but {type(content).__name__} instead of an object",
            kind="not_json",
            status=200,
        )
    return content


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
