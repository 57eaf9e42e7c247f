"""Our own HTTP routes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote as percent_encoded

from eval.datatypes import Question, RankedPassage, SourceText
from eval.errors import TargetError
from eval.targets import shapes
from eval.targets.http import HttpClient, HttpTarget

# What `GET /readyz` says that an answer may depend on; the rest of it changes by the minute.
_DESCRIBED = ("index_version", "documents", "passages", "models", "embedder_backend")


class NativeServer(HttpTarget):
    """A server that speaks `POST /v1/ask`, `POST /v1/search` and `GET /v1/documents/{id}`.

    Thread-safe. Time-outs, retries and errors are those of `HttpClient`; an answer that is not of
    the contract's shape is malformed.
    """

    ranking_in_answer = False

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 60.0,
        retries: int = 3,
        api_key: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = HttpClient(
            url, timeout_s=timeout_s, retries=retries, api_key=api_key, sleep=sleep, now=now
        )

    def describe(self) -> dict[str, Any]:
        """Return what `/readyz` says of index and models, or that only `/healthz` is there.

        Software and models stand in the receipt of every answer too, and the run keeps those.

        Raises:
            TargetError: it is not ready, or not there.
        """
        try:
            ready = self._http.get("/readyz")
        except TargetError as error:
            if error.status != 404:
                raise
            self._http.get("/healthz")
            return {"protocol": "native"}
        return {"protocol": "native", **{name: ready[name] for name in _DESCRIBED if name in ready}}

    def ask(self, question: Question) -> dict[str, Any]:
        """Return the answer record.

        Raises:
            TargetError: none came.
        """
        history = [{"role": turn.role, "content": turn.content} for turn in question.history]
        return shapes.answer_record(
            self._http.post("/v1/ask", {"question": question.text, "history": history})
        )

    def search(self, question: Question, k: int) -> tuple[RankedPassage, ...]:
        """Return the ranking of the question's own text: the route takes no history.

        Raises:
            TargetError: none came.
        """
        return shapes.ranking(self._http.post("/v1/search", {"query": question.text, "k": k}), k)

    def document(self, document_id: str) -> SourceText:
        """Return a document with its text.

        Raises:
            TargetError: none came; `status` 404 where the server has no such document.
        """
        encoded = percent_encoded(document_id, safe="")
        if not encoded.strip("."):
            encoded = encoded.replace(".", "%2E")  # else the id is taken for a step up the path
        return shapes.source_text(self._http.get(f"/v1/documents/{encoded}"), document_id)
