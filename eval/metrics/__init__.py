"""Every metric, defined in words in one place and measured by pure functions, one file a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.errors import EvaluationError
from eval.metrics import (
    citations,
    confidence,
    multihop,
    quotes,
    reading,
    refusing,
    retrieval,
    robustness,
    speed,
)
from eval.metrics.base import Measured, Metric, catalogue
from eval.metrics.case import Case, cases_of

__all__ = ["METRICS", "Case", "Measured", "Metric", "cases_of", "find_metric", "measure"]

METRICS: Mapping[str, Metric] = catalogue(
    [
        *retrieval.METRICS,
        *multihop.METRICS,
        *reading.METRICS,
        *quotes.METRICS,
        *citations.METRICS,
        *refusing.METRICS,
        *confidence.METRICS,
        *robustness.METRICS,
        *speed.METRICS,
    ]
)
"""By name, in the order in which they are shown."""


def find_metric(name: str) -> Metric:
    """Return a metric by its name.

    Raises:
        EvaluationError: there is none of that name.
    """
    if name not in METRICS:
        raise EvaluationError(f"no metric is called {name!r}; there are {', '.join(METRICS)}")
    return METRICS[name]


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure everything that is of questions, in the order of `METRICS`: all but throughput.

    Raises:
        EvaluationError: a record is not what the contract says.
    """
    found = {
        **retrieval.measure(cases),
        **multihop.measure(cases),
        **reading.measure(cases),
        **quotes.measure(cases),
        **citations.measure(cases),
        **refusing.measure(cases),
        **confidence.measure(cases),
    }
    variants = robustness.measure(cases, found["gold_quote_hit_at_5"], found["rr_at_10"])
    return {**found, **variants, **speed.measure(cases)}
