"""Any server that speaks OpenAI's chat completions: ours, or a rival's."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from eval.datatypes import Question, RankedPassage
from eval.errors import EvaluationError, TargetError
from eval.targets.chat_record import ranking_of, record_of
from eval.targets.http import HttpClient, HttpTarget

_OURS = frozenset({"model", "messages", "stream"})


class ChatServer(HttpTarget):
    """Asks `POST …/chat/completions`, the history as earlier messages. Thread-safe.

    `base_url` may hold the path of the API (`https://host/v1`). A URL without a path is tried with
    `/v1` first and, where that is a 404, as it is. `model` is the first of `GET …/models` if left
    out. `options` go into every request (`{"temperature": 0}`). `abstention_pattern` is a regular
    expression; an answer in which it is found abstains (see `chat_record` for what else does).

    Raises:
        EvaluationError: the URL, the pattern or an option is not usable.
    """

    ranking_in_answer = True
    """`search` sends nothing: the ranking came with the answer, and took no time of its own."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 3,
        api_key: str | None = None,
        abstention_pattern: str | None = None,
        options: Mapping[str, Any] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._options = dict(options or {})
        if _OURS & set(self._options):
            raise EvaluationError(f"options may not set {', '.join(sorted(_OURS & set(self._options)))}")
        try:
            self._abstention = None if abstention_pattern is None else re.compile(abstention_pattern)
        except re.error as error:
            raise EvaluationError(
                f"abstention_pattern {abstention_pattern!r} is no regular expression: {error}"
            ) from error
        self._http = HttpClient(
            base_url, timeout_s=timeout_s, retries=retries, api_key=api_key, sleep=sleep, now=now
        )
        # Where the API may lie below the URL, the likelier first.
        self._prefixes = [""] if urlsplit(self._http.url).path else ["/v1", ""]
        self._model = model
        self._lock = threading.Lock()
        self._rankings: dict[str, tuple[RankedPassage, ...] | None] = {}

    def describe(self) -> dict[str, Any]:
        """Return the model and how it is asked.

        Raises:
            TargetError: the model was left out, and the server names none.
        """
        return {
            "protocol": "chat",
            "models": {"generator": self._model_id()},
            "options": self._options,
            "abstention_pattern": None if self._abstention is None else self._abstention.pattern,
        }

    def ask(self, question: Question) -> dict[str, Any]:
        """Return the answer in the native shape.

        Raises:
            TargetError: none came.
        """
        messages = [{"role": turn.role, "content": turn.content} for turn in question.history]
        messages.append({"role": "user", "content": question.text})
        content = {**self._options, "model": self._model_id(), "messages": messages, "stream": False}
        reply = self._below_prefix(lambda prefix: self._http.post(f"{prefix}/chat/completions", content))
        record = record_of(reply, question.text, self._abstention)
        found = ranking_of(reply)
        with self._lock:
            self._rankings[question.question_id] = found
        return record

    def search(self, question: Question, k: int) -> tuple[RankedPassage, ...] | None:
        """Return the first `k` results that came with the answer to this question, which is asked
        now if it was not before; `None` where none come with it. Raises as `ask` does.
        """
        with self._lock:
            asked = question.question_id in self._rankings
        if not asked:
            self.ask(question)
        with self._lock:
            found = self._rankings.pop(question.question_id)
        return None if found is None else found[:k]

    def document(self, document_id: str) -> None:
        """Return nothing: the chat protocol serves no documents."""

    def _model_id(self) -> str:
        with self._lock:
            if self._model is None:
                self._model = self._first_model()
            return self._model

    def _first_model(self) -> str:
        listed = self._below_prefix(lambda prefix: self._http.get(f"{prefix}/models")).get("data")
        first = listed[0] if isinstance(listed, list) and listed else None
        name = first.get("id") if isinstance(first, dict) else None
        if not isinstance(name, str) or not name:
            raise TargetError("GET /models names no model; give its id with --model", kind="malformed")
        return name

    def _below_prefix(self, request: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Send a request below the API's path, which the first answer settles."""
        refused: TargetError | None = None
        for prefix in tuple(self._prefixes):
            try:
                reply = request(prefix)
            except TargetError as error:
                if error.status != 404:
                    raise
                refused = refused or error  # the likelier place is the one to tell of
            else:
                self._prefixes = [prefix]
                return reply
        assert refused is not None
        raise refused
