"""The service in this process, without HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from eval.datatypes import Question, RankedPassage, SourceText
from eval.errors import TargetError
from eval.targets import shapes
from index.errors import QAError


class InProcessService(Protocol):
    """What the API lends to an evaluation: its routes as functions. Thread-safe."""

    @property
    def name(self) -> str:
        """`in-process`."""

    def describe(self) -> dict[str, Any]:
        """Return what its answers depend on: the same each time, as long as those are."""

    def ask(self, question: str, history: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the record that `POST /v1/ask` returns; `history` holds `{role, content}`.

        Raises:
            QAError: a stage failed.
        """

    def search(self, query: str, k: int) -> dict[str, Any]:
        """Return what `POST /v1/search` returns; raises as `ask` does."""

    def document(self, document_id: str) -> dict[str, Any]:
        """Return what `GET /v1/documents/{id}` returns; raises as `ask` does, of an unknown id too."""

    def document_ids(self) -> list[str]:
        """Return the ids of all documents, in the order in which they were first stored."""


class InProcess:
    """Asks the service in this process. An error of the project is a failure of one question;
    anything else is a mistake in the code, and ends the run.
    """

    ranking_in_answer = False

    def __init__(self, service: InProcessService) -> None:
        self._service = service

    @property
    def name(self) -> str:
        """The service's name."""
        return self._service.name

    def describe(self) -> dict[str, Any]:
        """Return what its answers depend on."""
        return {"protocol": "in-process", **self._service.describe()}

    def ask(self, question: Question) -> dict[str, Any]:
        """Return the answer record.

        Raises:
            TargetError: a stage failed (`engine`), or what came back is not of the contract's shape.
        """
        history = [{"role": turn.role, "content": turn.content} for turn in question.history]
        with _engine_failures():
            record = self._service.ask(question.text, history)
        return shapes.answer_record(record)

    def search(self, question: Question, k: int) -> tuple[RankedPassage, ...]:
        """Return the ranking of the question's own text; raises as `ask` does."""
        with _engine_failures():
            found = self._service.search(question.text, k)
        return shapes.ranking(found, k)

    def document(self, document_id: str) -> SourceText:
        """Return a document with its text; raises as `ask` does."""
        with _engine_failures():
            found = self._service.document(document_id)
        return shapes.source_text(found, document_id)

    def documents(self) -> Iterator[SourceText]:
        """Yield every document with its text; raises as `ask` does."""
        with _engine_failures():
            names = self._service.document_ids()
        for name in names:
            yield self.document(name)


@contextmanager
def _engine_failures() -> Iterator[None]:
    try:
        yield
    except QAError as error:
        raise TargetError(f"{type(error).__name__}: {error}", kind="engine") from error
