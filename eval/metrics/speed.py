"""How long a client waits. Timings are of the machine and the load, not of answers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from eval.errors import EvaluationError
from eval.metrics.base import FloatArray, Measured, Metric, of_rows
from eval.metrics.case import Case

THROUGHPUT = "questions_per_second"
_REQUEST = {"ask": "the whole answer", "search": "the ranking"}


def _percentile(request: str, percent: int) -> Metric:
    return Metric(
        name=f"{request}_p{percent}_ms",
        title=f"{request.capitalize()}, p{percent} (ms)",
        definition=(
            f"The time within which {percent} % of the questions that did not fail had {_REQUEST[request]}, in "
            "milliseconds as the client waited; between two values on the straight line (numpy's default). "
            "Questions for which no such request was made do not count."
        ),
        source="Hyndman and Fan, 1996, definition 7",
        family="speed",
        form="set",
        higher_is_better=False,
    )


METRICS = (
    *(_percentile(request, percent) for request in _REQUEST for percent in (50, 95)),
    Metric(
        name=THROUGHPUT,
        title="Questions per second",
        definition=(
            "Questions that did not fail, divided by the seconds that the whole run took, with as many at a "
            "time as the run asked. One figure of one run, so without an interval; no value where the run "
            "does not say how long it took, or too short a time to be measured."
        ),
        source="this project",
        family="speed",
        form="set",
        interval="none",
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure the percentiles; throughput is not of questions: see `throughput`."""
    waits = {
        "ask": [None if case.timing is None else case.timing.ask_ms for case in cases],
        "search": [None if case.timing is None else case.timing.search_ms for case in cases],
    }
    return {
        f"{request}_p{percent}_ms": of_rows(
            [None if wait is None else (wait,) for wait in values], 1, percentile(percent)
        )
        for request, values in waits.items()
        for percent in (50, 95)
    }


def percentile(percent: float) -> Callable[[FloatArray], float]:
    """Return the function that gives this percentile of column 0; NaN of nothing."""

    def of(rows: FloatArray) -> float:
        if not len(rows):
            return float("nan")
        # `np.percentile` is ten times slower on as few, and a bootstrap asks it thousands of times.
        ordered = np.sort(rows[:, 0])
        below, part = divmod((len(ordered) - 1) * percent / 100, 1)
        low, high = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
        return float(low + part * (high - low))

    return of


def throughput(manifest: Mapping[str, Any], questions: int) -> float | None:
    """Return questions per second; `None` where the run does not say how long it took.

    Raises:
        EvaluationError: what it says is no number of seconds.
    """
    elapsed = manifest.get("elapsed_s")
    if elapsed is None:
        return None
    if isinstance(elapsed, bool) or not isinstance(elapsed, int | float) or not 0 <= elapsed < inf:
        raise EvaluationError(f"run.json: elapsed_s is {elapsed!r}, not a number of seconds")
    return questions / elapsed if elapsed and questions else None
