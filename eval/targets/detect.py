"""Which protocol a URL speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.errors import EvaluationError, TargetError
from eval.targets.chat import ChatServer
from eval.targets.http import HttpClient
from eval.targets.http_native import NativeServer

_NOT_THERE = ("connection", "timeout")


def detect_target(
    url: str,
    *,
    model: str | None = None,
    timeout_s: float = 60.0,
    retries: int = 3,
    api_key: str | None = None,
    abstention_pattern: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> NativeServer | ChatServer:
    """Return the server at `url`: native where `/healthz` answers and `/openapi.json` names
    `/v1/ask`, else a chat server. The other arguments are those of the two classes.

    Raises:
        EvaluationError: nothing answers there, or only 429 and 5xx (a `TargetError`), or what does
            answer speaks neither protocol.
    """
    with HttpClient(url, timeout_s=timeout_s, retries=retries, api_key=api_key) as http:
        native = _is_native(http)
    if native:
        return NativeServer(url, timeout_s=timeout_s, retries=retries, api_key=api_key)
    chat = ChatServer(
        url,
        model=model,
        timeout_s=timeout_s,
        retries=retries,
        api_key=api_key,
        abstention_pattern=abstention_pattern,
        options=options,
    )
    try:
        chat.describe()
    except TargetError as error:
        chat.close()
        if _says_nothing(error) or error.status in (401, 403):
            raise
        raise EvaluationError(
            f"{url} speaks neither /v1/ask nor chat completions ({error}); if it is a chat server that "
            "lists no models, name one with --model"
        ) from error
    except BaseException:
        chat.close()
        raise
    return chat


def _is_native(http: HttpClient) -> bool:
    try:
        http.get("/healthz")
        paths = http.get("/openapi.json").get("paths")
    except TargetError as error:
        if _says_nothing(error):
            raise TargetError(
                f"{http.url} does not answer ({error}); is the server running?",
                kind=error.kind,
                status=error.status,
            ) from error
        return False
    return isinstance(paths, dict) and "/v1/ask" in paths


def _says_nothing(error: TargetError) -> bool:
    """Tell whether a failure leaves open which protocol the server speaks: it is not well now."""
    return error.kind in _NOT_THERE or error.status == 429 or (error.status or 0) >= 500
