"""The service without HTTP: the records of the native routes, made in this process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api.ask import search_out
from api.documents import document_out
from api.engine import Engine
from api.schemas import AskIn, SearchIn, answer_out
from api.settings import Settings
from index.access import OPERATOR
from index.build import update_index
from index.errors import SourceError
from index.state import StateFolder, replace_file
from index.types import ProgressCallback
from rag.answer import answer_question
from rag.errors import QuestionError
from rag.types import Filters


def _no_progress(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


class InProcess:
    """Answers, searches and documents of one index, as the routes would give them. Thread-safe."""

    name = "in-process"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._engine.refresh()

    def describe(self) -> dict[str, Any]:
        """Return the receipt of every answer, and what was loaded."""
        stages = self._engine.stages()
        receipt = stages.receipt()
        health = self._engine.health()
        return {
            "software": receipt.software,
            "models": {**receipt.models, "calibration": stages.calibration.name},
            "embedder_backend": health.embedder_backend,
            "index_version": receipt.index_version,
            "corpus_sha256": receipt.corpus_sha256,
            "settings_sha256": receipt.settings_sha256,
            "documents": health.documents,
            "passages": health.passages,
        }

    def ask(self, question: str, history: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Return the record of `POST /v1/ask`."""
        try:
            asked = AskIn.model_validate({"question": question, "history": list(history)}).to_ask()
            asked = replace(asked, viewer=OPERATOR)
        except ValidationError as error:
            raise QuestionError(error.errors()[0]["msg"]) from error
        return answer_out(answer_question(asked, self._engine.stages()), asked).model_dump(mode="json")

    def search(self, query: str, k: int) -> dict[str, Any]:
        """Return the record of `POST /v1/search`."""
        try:
            asked = SearchIn.model_validate({"query": query, "k": k})
        except ValidationError as error:
            raise QuestionError(error.errors()[0]["msg"]) from error
        return search_out(self._engine.stages(), asked.query, asked.k, Filters(), OPERATOR).model_dump(
            mode="json"
        )

    def document(self, document_id: str) -> dict[str, Any]:
        """Return the record of `GET /v1/documents/{id}`."""
        return document_out(self._engine.stages().generation.sight(OPERATOR), document_id).model_dump(
            mode="json"
        )

    def document_ids(self) -> list[str]:
        """Return the ids of all documents, in the order in which they were first stored."""
        generation = self._engine.stages().generation
        return [
            row["document_id"]
            for _, row in generation.documents(start=0, limit=generation.manifest.documents)
        ]


def open_corpus(
    settings: Settings,
    name: str,
    corpus: Sequence[Path],
    documents: Iterable[Mapping[str, Any]],
    progress: ProgressCallback = _no_progress,
    on_problem: Callable[[str], None] = lambda _: None,
) -> InProcess:
    """Index a corpus apart from the person's own, or find it indexed, and open it.

    It lies in `eval/` below the state folder, named by what it is made of, so that a second run with
    the same documents and settings indexes nothing.

    Raises:
        SourceError: a document of the corpus cannot be read; scores over the rest would mislead.
    """
    rows = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in documents]
    digest = hashlib.sha256("".join(rows).encode())
    digest.update(json.dumps([str(path.resolve()) for path in corpus]).encode())
    digest.update(repr(settings.index_settings()).encode())
    models = StateFolder(settings.state_dir).models
    place = settings.state_dir / "eval" / f"{name}-{digest.hexdigest()[:12]}"
    state = StateFolder(place)
    paths = list(corpus)
    if rows:
        place.mkdir(parents=True, exist_ok=True)
        file = place / "documents.jsonl"
        replace_file(file, "".join(rows))
        paths.append(file)
    engine = Engine(settings.model_copy(update={"state_dir": place}), models=models)
    done = update_index(
        state, paths, engine.embedder, settings.index_settings(), prune=True, progress=progress
    )
    for problem in done.problems:
        on_problem(str(problem))
    if done.problems:
        raise SourceError(f"{len(done.problems)} documents of {name} could not be read; nothing was asked")
    return InProcess(engine)
