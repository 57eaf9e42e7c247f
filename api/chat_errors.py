"""Errors in OpenAI's shape, for the routes that speak its protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from index.errors import QAError

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ChatRequestError(QAError):
    """A chat request that cannot be answered: `where` names the parameter, by the keys that lead to it."""

    def __init__(self, message: str, *, where: Sequence[str] | None, code: str, status: int = 400) -> None:
        super().__init__(message)
        self.where = where
        self.code = code
        self.status = status


def speaks_openai(path: str) -> bool:
    """Tell whether the route at a path answers errors as OpenAI's servers do."""
    return path == "/v1/models" or path.startswith(("/v1/models/", "/v1/chat/"))


def chat_error(
    status: int, code: str, detail: str, where: Sequence[str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of an error as an `openai` client expects them.

    What is wrong with a request is a 400 there, never a 422.
    """
    status = 400 if status == 422 else status
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return status, {"error": {"message": detail, "type": kind, "param": parameter(where), "code": code}}


def parameter(where: Sequence[str] | None) -> str | None:
    """Return a parameter's name as OpenAI writes it: `messages[0].content`; `None` where there is none."""
    if where is None:
        return None
    parts = [part for number, part in enumerate(where) if number or part != "body"]
    joined = "".join(f"[{part}]" if re.fullmatch(r"[0-9]+", part) else f".{part}" for part in parts)
    return joined.removeprefix(".")[:200] or None
