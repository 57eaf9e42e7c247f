"""How far chance alone may go: intervals, paired tests, and what a number of questions can show.

Everything random is seeded. NumPy rather than `scipy.stats`, which has no resample of rows that do
not define a statistic and needs five times as long; the tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]

CONFIDENCE = 0.95
ALPHA = 0.05
POWER = 0.8
RESAMPLES = 2000
PERMUTATIONS = 10_000
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
# Numbers drawn at once, so that 10,000 draws of 10,000 questions fit in memory.
_AT_ONCE = 4_000_000


def wilson(count: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share `count` / `n` (Wilson, 1927, without continuity correction).

    Raises:
        ValueError: `n` is not above 0, or `count` not within 0 and `n`.
    """
    if n <= 0 or not 0 <= count <= n:
        raise ValueError(f"no share of {count!r} in {n!r}")
    share, square = count / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    # Rounding may leave the interval of 0 of n, or n of n, just outside.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return low, 1.0 if count == n else min(1.0, middle + half)


def bootstrap_mean(values: FloatArray, *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean (Efron, 1979), by resampling questions.

    Values that are all one give an interval without width: the bootstrap knows nothing else.

    Raises:
        ValueError: fewer than two values, from which nothing can be said about chance.
    """
    found = percentile_interval(resampled_means(values, resamples=resamples, seed=seed))
    if found is None:
        raise ValueError("a value is no number")
    return found


def resampled_means(values: FloatArray, *, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """Return the means of seeded resamples of the values, of their own number.

    Raises:
        ValueError: fewer than two values.
    """
    n = _enough(len(values))
    random = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // n)
    return np.concatenate(
        [
            values[random.integers(0, n, size=(min(step, resamples - done), n))].mean(axis=1)
            for done in range(0, resamples, step)
        ]
    )


def bootstrap(
    rows: FloatArray, statistic: Statistic, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of any statistic of rows, by resampling rows.

    Resamples that do not define the statistic (NaN) are left out; `None` where fewer than half do.

    Raises:
        ValueError: fewer than two rows.
    """
    return percentile_interval(resampled(rows, statistic, resamples=resamples, seed=seed))


def percentile_interval(found: FloatArray) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of what resamples gave; `None` where most gave NaN."""
    defined = found[~np.isnan(found)]
    if 2 * len(defined) < max(1, len(found)):
        return None
    low, high = np.quantile(defined, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(low), float(high)


def resampled(
    rows: FloatArray, statistic: Statistic, *, resamples: int = RESAMPLES, seed: int = 0
) -> FloatArray:
    """Return a statistic of seeded resamples of rows; NaN where one does not define it.

    Raises:
        ValueError: fewer than two rows.
    """
    n = _enough(len(rows))
    random = np.random.default_rng(seed)
    return np.array([statistic(rows[random.integers(0, n, size=n)]) for _ in range(resamples)])


def sign_flip_p(differences: FloatArray, *, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Return the two-sided p-value of paired differences with mean 0 (Fisher, 1935).

    Under the null hypothesis each question's two values could as well have come the other way round.
    Exact when all ways are no more than `permutations`; else by that many seeded ones, the observed
    way counted among them (Phipson and Smyth, 2010). 1 where no difference is left.
    """
    # A question without a difference is the same both ways round.
    moved = differences[differences != 0]
    n = len(moved)
    if not n:
        return 1.0
    least = abs(moved.sum()) - _slack(moved)
    if 2**n <= permutations:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
        return float(np.mean(np.abs(signs @ moved) >= least))
    random = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // n)
    extreme = 0
    for done in range(0, permutations, step):
        flips = random.integers(0, 2, size=(min(step, permutations - done), n), dtype=np.int8)
        extreme += int(np.sum(np.abs(2 * (flips @ moved) - moved.sum()) >= least))
    return (extreme + 1) / (permutations + 1)


def label_swap_p(
    first: FloatArray,
    second: FloatArray,
    statistic: Statistic,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value of two statistics of paired rows being equal, by swapping pairs.

    As `sign_flip_p`, for a statistic of all rows together. Rows may hold NaN for a question that takes
    no part; a swap that leaves a statistic undefined counts as extreme, so that it never helps.

    Raises:
        ValueError: the rows are not pairs, or the statistic is not defined for them as they are.
    """
    if first.shape != second.shape:
        raise ValueError(f"rows of shape {first.shape} and {second.shape} are no pairs")
    observed = abs(of_defined(second, statistic) - of_defined(first, statistic))
    if np.isnan(observed):
        raise ValueError("the statistic is not defined for one of the two")
    # A question that is the same on both sides, or takes part on neither, changes nothing.
    blank = np.isnan(first).any(axis=1) & np.isnan(second).any(axis=1)
    moved = np.flatnonzero(~blank & ~(first == second).all(axis=1))
    if not len(moved):
        return 1.0
    least = observed - 1e-12 * max(1.0, observed)
    exact = 2 ** len(moved) <= permutations
    extreme = 0
    for swap in _swaps(len(moved), None if exact else permutations, seed):
        chosen = moved[swap]
        one, other = first.copy(), second.copy()
        one[chosen], other[chosen] = second[chosen], first[chosen]
        found = abs(of_defined(other, statistic) - of_defined(one, statistic))
        extreme += int(np.isnan(found) or found >= least)
    return extreme / 2 ** len(moved) if exact else (extreme + 1) / (permutations + 1)


def of_defined(rows: FloatArray, statistic: Statistic) -> float:
    """Return a statistic of the rows without NaN."""
    return statistic(rows[~np.isnan(rows).any(axis=1)])


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many there are (Holm, 1979), in the order given.

    Rejecting those below 0.05 rejects any true null hypothesis at most 5 % of the time.

    Raises:
        ValueError: one is no probability.
    """
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"no p-values: {list(p_values)!r}")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def smallest_detectable(standard_error: float, *, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Return the true difference that a two-sided test finds with this power (0.8) at this level (0.05).

    (z of 1 − alpha/2 + z of power) × standard error, which for the mean of n paired differences is
    their standard deviation by √n: the normal approximation (Chow, Shao and Wang, *Sample Size
    Calculations in Clinical Research*, 2008, section 3.1). `None` where no question differs, so that
    nothing says how far they would.

    Raises:
        ValueError: the standard error is negative or no number.
    """
    if not standard_error >= 0:
        raise ValueError(f"{standard_error!r} is no standard error")
    if standard_error == 0:
        return None
    return (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) * standard_error


def standard_error(values: FloatArray) -> float:
    """Return the standard error of a mean: the sample's standard deviation (n − 1) by √n.

    Raises:
        ValueError: fewer than two values.
    """
    n = _enough(len(values))
    return float(values.std(ddof=1) / sqrt(n))


def _swaps(n: int, draws: int | None, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which of `n` pairs to swap: every way, or this many seeded ones."""
    if draws is None:
        for way in product((False, True), repeat=n):
            yield np.array(way)
        return
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield random.integers(0, 2, size=n, dtype=np.int8).astype(bool)


def _enough(n: int) -> int:
    if n < 2:
        raise ValueError(f"{n} values say nothing about chance; at least two are needed")
    return n


def _slack(values: FloatArray) -> float:
    """Return by how much sums of the same values in another order may differ by rounding."""
    return float(1e-12 * np.abs(values).sum())
