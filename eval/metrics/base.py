"""What a metric is, and what measuring it on the questions of a run gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.metrics.case import Case

FloatArray = NDArray[np.float64]
Family = Literal["retrieval", "multihop", "reading", "quotes", "citations", "refusing", "robustness", "speed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric in words.

    `form` says what it is made of. "share": a mean over questions of 0 or 1, with a Wilson interval.
    "mean": a mean over questions of any numbers. "set": a function of all questions together, such
    as AUROC or a share whose unit is a citation. `interval` is how chance is reckoned: the last two
    forms by a bootstrap over questions, but for shares of a set of questions that depends on the
    run, which have Wilson's. Questions that failed count in none.
    """

    name: str
    title: str
    definition: str
    source: str
    family: Family
    form: Literal["mean", "share", "set"]
    higher_is_better: bool = True
    interval: Literal["wilson", "bootstrap", "none"] = "bootstrap"


def mean_of(rows: FloatArray) -> float:
    """Return the mean of a one-column array; NaN of nothing."""
    return float(rows[:, 0].mean()) if len(rows) else float("nan")


def pooled(rows: FloatArray) -> float:
    """Return the sum of column 0 by the sum of column 1: a share whose unit is smaller than a row."""
    whole = rows[:, 1].sum()
    return float(rows[:, 0].sum() / whole) if whole else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric measured on cases: one row for each case, in their order, shape (n, columns).

    A row that holds NaN says that its question does not define the metric. `statistic` takes the
    other rows, any number of them in any order, and gives NaN where they do not define it.
    """

    rows: FloatArray
    statistic: Callable[[FloatArray], float] = mean_of

    def defined(self) -> FloatArray:
        """Return the rows of the questions that define the metric."""
        return self.rows[~np.isnan(self.rows).any(axis=1)]

    def take(self, places: Sequence[int]) -> Measured:
        """Return the same metric on some of the cases."""
        return Measured(rows=self.rows[list(places)], statistic=self.statistic)


def per_case(cases: Sequence[Case], value: Callable[[Case], float | None]) -> Measured:
    """Measure a mean over questions; `None` says that a question does not define it."""
    return of_values([value(case) for case in cases])


def of_values(values: Sequence[float | None]) -> Measured:
    """Return a mean over questions from its values, one for each case."""
    column = [float("nan") if value is None else float(value) for value in values]
    return Measured(rows=np.array(column, dtype=np.float64).reshape(-1, 1))


def of_rows(
    rows: Sequence[Sequence[float] | None], columns: int, statistic: Callable[[FloatArray], float]
) -> Measured:
    """Return a metric of all questions together; `None` says that a question takes no part."""
    nothing = [float("nan")] * columns
    table = np.array([nothing if row is None else list(row) for row in rows], dtype=np.float64)
    return Measured(rows=table.reshape(-1, columns), statistic=statistic)


def catalogue(metrics: Sequence[Metric]) -> Mapping[str, Metric]:
    """Return metrics by name.

    Raises:
        ValueError: two have one name.
    """
    found = {metric.name: metric for metric in metrics}
    if len(found) != len(metrics):
        raise ValueError(f"two metrics have one name: {sorted(metric.name for metric in metrics)}")
    return found
