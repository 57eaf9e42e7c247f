"""Intervals and tests: by hand, against scipy, and by how often they are wrong."""

from __future__ import annotations

from itertools import product
from math import ceil, isnan, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from eval.metrics.base import mean_of, pooled
from eval.metrics.confidence import auroc
from eval.significance import (
    bootstrap,
    bootstrap_mean,
    holm,
    label_swap_p,
    percentile_interval,
    resampled,
    resampled_means,
    sign_flip_p,
    smallest_detectable,
    standard_error,
    wilson,
)

FloatArray = NDArray[np.float64]


def slack(share: float, tries: int) -> float:
    """Return how far the share of so many tries may lie above its true value, in 99 of 100 simulations."""
    return 2.326 * sqrt(share * (1 - share) / tries)


@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 1), (0, 40), (7, 40), (20, 40), (40, 40), (2995, 3000)])
def test_wilson_agrees_with_scipy(count: int, n: int) -> None:
    expected = stats.binomtest(count, n).proportion_ci(method="wilson")
    assert wilson(count, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_worked_by_hand() -> None:
    # With z² = 3.8415 and 0 of 10: z² / (10 + z²) is the upper end.
    assert wilson(0, 10) == (0.0, pytest.approx(3.841459 / 13.841459, abs=1e-6))
    assert wilson(10, 10) == (pytest.approx(10 / 13.841459, abs=1e-6), 1.0)


@pytest.mark.parametrize(("count", "n"), [(0, 0), (1, 0), (3, 2), (-1, 2), (float("nan"), 2)])
def test_wilson_of_what_is_no_share(count: float, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(count, n)


def test_bootstrap_of_a_mean_is_scipys() -> None:
    values = np.random.default_rng(1).exponential(size=57)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert bootstrap_mean(values, resamples=2000, seed=5) == pytest.approx((expected.low, expected.high))


def test_bootstrap_of_a_statistic_is_that_of_the_mean_where_it_is_the_mean() -> None:
    values = np.random.default_rng(2).random(80)
    low, high = bootstrap_mean(values, seed=3)
    found = bootstrap(values.reshape(-1, 1), mean_of, seed=3)
    # Other draws of the same distribution: near, not equal.
    assert found == pytest.approx((low, high), abs=0.02)
    assert found == bootstrap(values.reshape(-1, 1), mean_of, seed=3)
    assert found != bootstrap(values.reshape(-1, 1), mean_of, seed=4)


def test_a_pooled_share_varies_by_questions_and_not_by_citations() -> None:
    # Two questions, one with all of its 9 citations right and one with none of 1: shares 0, 0.9 and 1.
    rows = np.array([[9.0, 9.0], [0.0, 1.0]])
    assert pooled(rows) == 0.9
    assert set(resampled(rows, pooled, resamples=200)) == {0.0, 0.9, 1.0}


def test_resamples_that_define_nothing_are_left_out() -> None:
    # AUROC needs both classes: half of the resamples of two rows have them.
    rows = np.array([[0.9, 1.0], [0.1, 0.0]])
    found = resampled(rows, auroc, resamples=1000)
    assert set(found[~np.isnan(found)]) == {1.0}
    assert np.isnan(found).mean() == pytest.approx(0.5, abs=0.06)
    assert percentile_interval(np.array([np.nan, np.nan, 1.0])) is None
    assert percentile_interval(np.array([np.nan, 1.0])) == (1.0, 1.0)
    assert percentile_interval(np.empty(0)) is None


@pytest.mark.parametrize("n", [0, 1])
def test_one_value_says_nothing_about_chance(n: int) -> None:
    values = np.zeros(n)
    with pytest.raises(ValueError, match=f"{n} values say nothing"):
        bootstrap_mean(values)
    with pytest.raises(ValueError, match=f"{n} values say nothing"):
        resampled_means(values)
    with pytest.raises(ValueError, match=f"{n} values say nothing"):
        bootstrap(values.reshape(-1, 1), mean_of)
    with pytest.raises(ValueError, match=f"{n} values say nothing"):
        standard_error(values)


def test_large_inputs_are_drawn_in_parts_and_small_ones_at_once() -> None:
    values = np.random.default_rng(1).random(5000)  # 2,000 resamples do not fit in one part
    found = resampled_means(values, resamples=2000)
    assert found.shape == (2000,)
    assert found.std() == pytest.approx(standard_error(values), rel=0.1)


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        bootstrap_mean(np.array([np.nan, np.nan]))


def test_sign_flips_worked_by_hand() -> None:
    # 8 ways of 1, 2, 3: sums ±6, ±4, ±2, 0, 0. |6| is reached by 2 of 8, |4| by 4 of 8.
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.array([-1.0, 2.0, 3.0])) == 4 / 8
    # Questions without a difference change nothing.
    assert sign_flip_p(np.array([0.0, 1.0, 0.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.zeros(5)) == sign_flip_p(np.empty(0)) == 1.0
    assert sign_flip_p(np.array([0.3])) == 1.0


def test_sign_flips_do_not_lose_ties_to_rounding() -> None:
    # All ways reach |0.3| or stay below it; the sum of 0.1 + 0.2 is not 0.3 in binary.
    assert sign_flip_p(np.array([0.1, 0.2, -0.3, 0.3])) == np.mean(
        [
            abs(sum(s * d for s, d in zip(signs, (1, 2, 3, 3), strict=True))) >= 3
            for signs in product((1, -1), repeat=4)
        ]
    )


@pytest.mark.parametrize("n", [8, 40])
def test_sign_flips_agree_with_scipy(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1.0, n)
    expected = stats.permutation_test(
        (differences,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=np.random.default_rng(0),
    ).pvalue
    # Exact for 8; for 40 both draw, and may differ by chance.
    assert sign_flip_p(differences) == pytest.approx(expected, abs=1e-12 if n == 8 else 0.015)


def test_drawn_sign_flips_agree_with_all_of_them_and_are_seeded() -> None:
    differences = np.random.default_rng(3).normal(0.4, 1.0, 12)
    exact = sign_flip_p(differences)
    drawn = sign_flip_p(differences, permutations=4000, seed=1)
    assert drawn == pytest.approx(exact, abs=0.03)
    assert drawn == sign_flip_p(differences, permutations=4000, seed=1)
    # The smallest p that draws can give is 1 by their number and one more.
    assert sign_flip_p(np.ones(60), permutations=999) == 1 / 1000


def test_label_swaps_of_a_mean_are_sign_flips() -> None:
    random = np.random.default_rng(9)
    first, second = random.random((7, 1)), random.random((7, 1))
    assert label_swap_p(first, second, mean_of) == sign_flip_p((second - first)[:, 0])


def test_label_swaps_worked_by_hand() -> None:
    # Score and label of a positive and a negative: A orders them rightly (1), B wrongly (0). Swapping one
    # of the two gives ties (0.5 each), swapping both gives −1: 2 of 4 ways are as far apart.
    first = np.array([[0.9, 1.0], [0.1, 0.0]])
    second = np.array([[0.1, 1.0], [0.9, 0.0]])
    assert label_swap_p(first, second, auroc) == 0.5
    assert label_swap_p(first, first, auroc) == 1.0


def test_label_swaps_where_a_question_takes_part_in_one_run_only() -> None:
    blank = np.nan
    first = np.array([[1.0], [blank], [blank]])
    second = np.array([[0.0], [0.0], [blank]])
    # Means 1 and 0; swapping the first pair alone gives 0 and 1/2, the second alone 1/2 and 0; both 0 and 1.
    assert label_swap_p(first, second, mean_of) == 0.5
    # Swapping one of the two leaves a run with nothing: such ways count as extreme.
    assert label_swap_p(np.array([[1.0], [blank]]), np.array([[blank], [0.0]]), mean_of) == 1.0
    with pytest.raises(ValueError, match="not defined"):
        label_swap_p(np.array([[blank]]), np.array([[1.0]]), mean_of)
    with pytest.raises(ValueError, match="no pairs"):
        label_swap_p(np.zeros((2, 1)), np.zeros((3, 1)), mean_of)


def test_drawn_label_swaps_are_seeded() -> None:
    random = np.random.default_rng(9)
    first, second = random.random((30, 1)), random.random((30, 1)) + 0.1
    drawn = label_swap_p(first, second, mean_of, permutations=1000, seed=2)
    assert drawn == label_swap_p(first, second, mean_of, permutations=1000, seed=2)
    assert drawn == pytest.approx(sign_flip_p((second - first)[:, 0]), abs=0.05)


def test_holm_worked_by_hand() -> None:
    # In order: 0.01 × 4, then 0.02 × 3 = 0.06, 0.03 × 2 = 0.06, and 0.04, never below the one before.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    with pytest.raises(ValueError, match="no p-values"):
        holm([0.1, 1.2])


def test_smallest_detectable_worked_by_hand() -> None:
    # 1.959964 + 0.841621 = 2.801585 standard errors.
    assert smallest_detectable(0.01) == pytest.approx(0.02801585, abs=1e-8)
    assert smallest_detectable(0.01, power=0.5) == pytest.approx(0.01959964, abs=1e-8)
    assert smallest_detectable(0.0) is None
    for wrong in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="no standard error"):
            smallest_detectable(wrong)
    assert standard_error(np.array([1.0, 2.0, 3.0])) == pytest.approx(1 / sqrt(3))


def paired(random: np.random.Generator, n: int, lost: float, won: float) -> FloatArray:
    """Draw differences of two 0/1 scores: −1 and 1 with these probabilities, else 0."""
    return random.choice([-1.0, 1.0, 0.0], size=n, p=[lost, won, 1 - lost - won])


def reject_share(tries: int, n: int, lost: float, won: float, seed: int) -> float:
    random = np.random.default_rng(seed)
    found = [
        sign_flip_p(paired(random, n, lost, won), permutations=2000, seed=seed + number) < 0.05
        for number in range(tries)
    ]
    return float(np.mean(found))


def test_two_runs_of_the_same_rarely_differ() -> None:
    for n in (20, 120):
        assert reject_share(400, n, 0.15, 0.15, seed=n) <= 0.05 + slack(0.05, 400)


def test_two_runs_of_the_same_rarely_differ_in_any_of_many_metrics() -> None:
    random = np.random.default_rng(12)
    wrong = 0
    for number in range(400):
        # Five metrics that go together, as those of one answer do.
        shared = random.normal(size=(60, 1))
        differences = shared + random.normal(size=(60, 5))
        p_values = [sign_flip_p(differences[:, place], permutations=1000, seed=number) for place in range(5)]
        wrong += min(holm(p_values)) < 0.05
    assert wrong / 400 <= 0.05 + slack(0.05, 400)


def test_two_runs_of_the_same_rarely_differ_in_a_metric_of_the_whole_set() -> None:
    random = np.random.default_rng(13)
    wrong = 0
    for number in range(100):
        labels = random.integers(0, 2, 30).astype(float)
        common = labels + random.normal(size=30)
        runs = [np.column_stack([common + random.normal(size=30), labels]) for _ in range(2)]
        wrong += label_swap_p(*runs, auroc, permutations=99, seed=number) < 0.05
    assert wrong / 100 <= 0.05 + slack(0.05, 100)


LOST, WON = 0.08, 0.03  # a planted loss of 5 points: B loses 8 questions of 100 and wins 3
SPREAD = sqrt(LOST + WON - (WON - LOST) ** 2)  # the standard deviation of one difference


def questions_for(power: float) -> int:
    """Return how many questions show 5 points with this power, by the formula of `smallest_detectable`."""
    per_question = smallest_detectable(SPREAD, power=power)
    assert per_question is not None
    return ceil((per_question / 0.05) ** 2)


def test_a_planted_loss_of_five_points_is_caught_with_the_stated_power() -> None:
    n = questions_for(0.8)
    assert n == 338
    caught = reject_share(300, n, LOST, WON, seed=21)
    # 0.8 is stated; the formula is an approximation, the share of 300 tries an estimate.
    assert 0.8 - 0.02 - slack(0.8, 300) <= caught <= 0.8 + 0.05 + slack(0.8, 300)


@pytest.mark.long
def test_rejections_and_power_over_many_tries() -> None:
    assert reject_share(4000, 120, 0.15, 0.15, seed=31) <= 0.05 + slack(0.05, 4000)
    for power in (0.8, 0.95):
        caught = reject_share(2000, questions_for(power), LOST, WON, seed=32)
        assert caught >= power - 0.02 - slack(power, 2000)


def test_statistics_of_nothing_are_not_numbers() -> None:
    assert isnan(mean_of(np.empty((0, 1))))
    assert isnan(pooled(np.zeros((2, 2))))
