"""Our side of the measurement beside a rival: index, then search, as the service does it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from eval.bench.rival_exchange import WARM_UP, K, Searched
from eval.datatypes import Question, RankedPassage
from eval.errors import EvaluationError
from index.build import update_index
from index.generation import open_current
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Embedder
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings

OURS = "verse"


@contextmanager
def held_to(threads: int) -> Iterator[None]:
    """Hold this process and its children to so many cores: some pools take all that they see.

    Raises:
        EvaluationError: there are not so many.
    """
    before = os.sched_getaffinity(0)
    if not 1 <= threads <= len(before):
        raise EvaluationError(f"--threads is {threads}; this process may use 1 to {len(before)} cores")
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def search_ours(
    folder: Path,
    documents: Path,
    questions: Sequence[Question],
    *,
    open_model: Callable[[], Embedder],
    threads: int,
) -> Searched:
    """Index the documents into a folder of its own and search for each question, one after the other.

    Raises:
        EvaluationError: a document could not be indexed; the rival would have more to find.
    """
    started = time.perf_counter()
    embedder = open_model()
    embedder.embed_queries(["warm"])
    load_s = time.perf_counter() - started

    state, index_settings, settings = StateFolder(folder / "state"), IndexSettings(), RagSettings()
    started = time.perf_counter()
    report = update_index(state, [documents], embedder, index_settings)
    index_s = time.perf_counter() - started
    if report.problems or report.skipped:
        raise EvaluationError(f"not every document was indexed: {[*report.problems, *report.skipped][0]}")

    started = time.perf_counter()
    generation = open_current(state, embedder=embedder.name)
    open_s = time.perf_counter() - started
    retriever, allowed = Retriever(generation, embedder, settings), generation.row_filter(None)

    def search(text: str) -> tuple[RankedPassage, ...]:
        return tuple(
            RankedPassage(
                document_id=hit.passage.document_id,
                start=hit.passage.start,
                end=hit.passage.end,
                text=hit.passage.text,
                score=hit.score,
            )
            for hit in retriever.search(read_question(text), K, allowed)
        )

    try:
        rankings, latency_ms = timed(search, questions)
        passages = len(generation)
    finally:
        generation.close()
    return Searched(
        name=OURS,
        rankings=rankings,
        latency_ms=latency_ms,
        load_s=load_s,
        index_s=index_s,
        passages=passages,
        details={
            "embedder": embedder.name,
            "backend": getattr(embedder, "backend", "unknown"),
            "settings": {"retrieval": asdict(settings), "index": index_settings.as_dict(), "k": K},
            "threads": threads,
            "open_index_s": round(open_s, 3),
        },
    )


def timed(
    search: Callable[[str], tuple[RankedPassage, ...]], questions: Sequence[Question]
) -> tuple[dict[str, tuple[RankedPassage, ...]], dict[str, float]]:
    """Search for each question in turn; return rankings and milliseconds by question id."""
    for question in questions[:WARM_UP]:
        search(question.text)
    rankings, latency_ms = {}, {}
    for question in questions:
        started = time.perf_counter()
        rankings[question.question_id] = search(question.text)
        latency_ms[question.question_id] = 1000 * (time.perf_counter() - started)
    return rankings, latency_ms
