"""Asks one question, and tells what came of it: an answer, an abstention, or why there is neither."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from eval.datatypes import Entry, Failure, Question, Target, Timing
from eval.errors import TargetError

# What differs from one asking to the next.
_VARYING = ("id", "timings_ms")


def ask_one(
    target: Target, question: Question, search_k: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[Entry, Timing]:
    """Ask and search once. A `TargetError` of either makes the entry a failure; all else propagates.

    A follow-up is searched for as the answer made it stand alone, since a search takes no history.
    """
    ask_ms: float | None = None
    search_ms: float | None = None
    stages: Mapping[str, float] = {}
    started = clock()
    try:
        record = target.ask(question)
        ask_ms = _ms(clock() - started)
        stages = record.get("timings_ms") or {}
        standalone = record.get("standalone_question") if question.history else None
        started = clock()
        found = target.search(replace(question, text=standalone or question.text, history=()), search_k)
        # Chat servers send a ranking with the answer, or none: nothing was waited for.
        if found is not None and not target.ranking_in_answer:
            search_ms = _ms(clock() - started)
    except TargetError as error:
        waited = _ms(clock() - started)
        entry = Entry(
            question_id=question.question_id,
            outcome="failed",
            record=None,
            ranking=None,
            failure=Failure(kind=error.kind, status=error.status, detail=str(error)),
        )
        ask_ms, search_ms = (waited, None) if ask_ms is None else (ask_ms, waited)
    else:
        entry = Entry(
            question_id=question.question_id,
            outcome=record["status"],
            record={name: value for name, value in record.items() if name not in _VARYING},
            ranking=None if found is None else tuple(found),
            failure=None,
        )
    return entry, Timing(
        question_id=question.question_id, ask_ms=ask_ms, search_ms=search_ms, stages_ms=dict(stages)
    )


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
