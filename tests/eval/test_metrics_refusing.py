"""Refusing, confidence, variants and speed: by hand, and against scikit-learn."""

from __future__ import annotations

import random
from fractions import Fraction
from math import isnan
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from eval.datatypes import Timing
from eval.errors import EvaluationError
from eval.metrics import cases_of, measure
from eval.metrics.confidence import aurc, auroc, ece, reliability, risk_coverage
from eval.metrics.quotes import gold_quote_hit
from eval.metrics.refusing import right_outcome
from eval.metrics.robustness import way_of
from eval.metrics.speed import percentile, throughput
from eval.score import score_run
from tests.eval.eval_fakes import (
    Asked,
    abstained,
    answered,
    asked,
    case_of,
    cited,
    failed,
    gold_in,
    ranked,
    run_of,
    source,
)

DOCUMENT = source("d", "Right words. Wrong words.")
GOLD = gold_in(DOCUMENT, "Right words.")
RIGHT, WRONG = cited(DOCUMENT, "Right words."), cited(DOCUMENT, "Wrong words.")


def value(name: str, *pairs: Asked, **fields: Any) -> float | None:
    found = measure(cases_of(run_of(*pairs, documents=[DOCUMENT], **fields)))[name]
    number = found.statistic(found.defined())
    return None if isnan(number) else number


def some(count: int, answerable: bool, silent: bool, **fields: Any) -> list[Asked]:
    make = abstained if silent else answered
    return [make(asked(f"{answerable} {silent} {n}", answerable=answerable), **fields) for n in range(count)]


def test_precision_recall_and_f1_worked_by_hand() -> None:
    pairs = [
        *some(3, False, True),
        *some(2, False, False),
        *some(1, True, True),
        *some(4, True, False),
        abstained(asked("unlabelled", answerable=None)),
        failed(asked("failed", answerable=False)),
        answered(asked("partial", answerable=True), outcome="partial"),
    ]
    assert value("refusal_precision", *pairs) == float(Fraction(3, 4))
    assert value("refusal_recall", *pairs) == float(Fraction(3, 5))
    assert value("refusal_f1", *pairs) == float(Fraction(6, 9))
    assert value("answered_of_answerable", *pairs) == float(Fraction(5, 6))


def test_one_class_only() -> None:
    answerable = [*some(1, True, True), *some(1, True, False)]
    assert [value(f"refusal_{name}", *answerable) for name in ("precision", "recall", "f1")] == [
        0.0,
        None,
        None,
    ]
    assert value("auroc_answerable", *answerable) is None
    impossible = some(2, False, False)
    assert [value(f"refusal_{name}", *impossible) for name in ("precision", "recall", "f1")] == [
        None,
        0.0,
        0.0,
    ]
    assert value("answered_of_answerable", *impossible) is None
    for name in ("refusal_f1", "auroc_answerable", "aurc", "ece", "right_share", "right_when_answered"):
        assert value(name) is None
        assert value(name, failed(asked("q"))) is None


def test_agreement_with_scikit_learn_on_refusing() -> None:
    dice = random.Random(8)
    labels = [dice.random() < 0.4 for _ in range(200)]
    silent = [dice.random() < (0.6 if label else 0.2) for label in labels]
    pairs = [
        (abstained if quiet else answered)(asked(str(n), answerable=not label))
        for n, (label, quiet) in enumerate(zip(labels, silent, strict=True))
    ]
    precision, recall, f1, _ = precision_recall_fscore_support(labels, silent, average="binary")
    assert value("refusal_precision", *pairs) == pytest.approx(precision)
    assert value("refusal_recall", *pairs) == pytest.approx(recall)
    assert value("refusal_f1", *pairs) == pytest.approx(f1)


def test_auroc_takes_confidence_or_one_less_the_abstention() -> None:
    pairs = [
        answered(asked("a"), confidence=0.9),
        abstained(asked("b"), probability=0.6),  # scores 0.4
        answered(asked("c", answerable=False), confidence=0.4),
        abstained(asked("d", answerable=False), probability=0.9),  # scores 0.1
        abstained(asked("e", answerable=None), probability=None),
    ]
    # Pairs of answerable and not: (.9, .4), (.9, .1), (.4, .1) won, (.4, .4) tied.
    assert value("auroc_answerable", *pairs) == float(Fraction(7, 8))
    # One labelled question without a probability: no fair sample, no value.
    assert value("auroc_answerable", *pairs, answered(asked("f"), confidence=None)) is None


def test_auroc_agrees_with_scikit_learn_with_ties() -> None:
    random_numbers = np.random.default_rng(4)
    for _ in range(20):
        rows = np.column_stack([random_numbers.integers(0, 8, 60) / 8, random_numbers.integers(0, 2, 60)])
        assert auroc(rows) == pytest.approx(roc_auc_score(rows[:, 1], rows[:, 0]))
    assert auroc(np.array([[0.5, 1.0], [0.5, 0.0]])) == 0.5
    assert isnan(auroc(np.empty((0, 2))))


def test_right_by_gold_then_by_acceptable_answers() -> None:
    both = asked("q", gold=[GOLD], answers=["Wrong"])
    assert right_outcome(case_of(answered(both, RIGHT), DOCUMENT)) == 1.0
    assert right_outcome(case_of(answered(both, WRONG, answer="Wrong."), DOCUMENT)) == 0.0
    short = asked("q", answers=["the Eight-Billion", "the"])
    assert right_outcome(case_of(answered(short, answer="It cost eightbillion dollars."))) == 1.0
    assert right_outcome(case_of(answered(short, answer="It cost weightbillion."))) == 0.0
    assert right_outcome(case_of(answered(asked("q", answers=["one two"]), answer="One, the two."))) == 1.0
    assert right_outcome(case_of(answered(asked("q", answers=["one two"]), answer="one or two"))) == 0.0
    assert right_outcome(case_of(answered(asked("q", answerable=None, gold=[GOLD]), RIGHT), DOCUMENT)) == 1.0


def test_right_where_the_question_is_unanswerable_or_says_nothing() -> None:
    assert right_outcome(case_of(answered(asked("q", answerable=False)))) == 0.0
    assert right_outcome(case_of(abstained(asked("q", answerable=False)))) == 1.0
    assert right_outcome(case_of(abstained(asked("q", gold=[GOLD])))) == 0.0
    for nothing in (asked("q"), asked("q", answerable=None), asked("q", answers=["the"])):
        assert right_outcome(case_of(answered(nothing))) is None
        assert right_outcome(case_of(abstained(nothing))) is None


def judged(right: str, confidences: list[float | None]) -> list[Asked]:
    """Answer questions with gold: `1` rightly, `0` wrongly."""
    return [
        answered(asked(str(n), gold=[GOLD]), RIGHT if mark == "1" else WRONG, confidence=sure)
        for n, (mark, sure) in enumerate(zip(right, confidences, strict=True))
    ]


def test_the_risk_coverage_curve_worked_by_hand() -> None:
    pairs = [
        *judged("1011", [0.9, 0.8, 0.7, 0.6]),
        abstained(asked("silent", gold=[GOLD])),
        answered(asked("cannot be judged")),
        failed(asked("failed", gold=[GOLD])),
    ]
    cases = cases_of(run_of(*pairs, documents=[DOCUMENT]))
    # Of 5 questions that can be judged 4 were answered: the curve ends at 0.8.
    assert risk_coverage(cases) == (
        (0.2, 0.0),
        (0.4, 0.5),
        (0.6, pytest.approx(1 / 3)),
        (0.8, 0.25),
    )
    assert value("aurc", *pairs) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert value("right_share", *pairs) == 0.6
    assert value("right_when_answered", *pairs) == 0.75
    assert risk_coverage([]) == ()


def test_equal_confidences_share_their_errors_in_any_order() -> None:
    rows = np.array([[0.5, 1.0], [0.5, 0.0], [0.9, 1.0]])
    # After 0.9: 0; then each of the two tied answers brings half an error.
    assert aurc(rows) == pytest.approx((0 + 0.5 / 2 + 1 / 3) / 3)
    assert aurc(rows[::-1]) == aurc(rows)


def test_calibration_worked_by_hand() -> None:
    pairs = judged("1101", [1.0, 0.9, 0.15, 0.1])
    cases = cases_of(run_of(*pairs, documents=[DOCUMENT]))
    bins = reliability(cases)
    assert len(bins) == 10
    assert (bins[9].low, bins[9].high, bins[9].count, bins[9].share_right) == (0.9, 1.0, 2, 1.0)
    assert bins[9].mean_confidence == pytest.approx(0.95)
    assert (bins[1].count, bins[1].mean_confidence, bins[1].share_right) == (2, 0.125, 0.5)
    assert (bins[0].count, bins[0].mean_confidence, bins[0].share_right) == (0, None, None)
    # Half of the answers are off by 0.05, half by 0.375.
    assert value("ece", *pairs) == pytest.approx(0.5 * 0.05 + 0.5 * 0.375)
    missing = judged("11", [0.5, None])
    assert (value("ece", *missing), value("aurc", *missing)) == (None, None)
    assert sum(one.count for one in reliability(cases_of(run_of(*missing, documents=[DOCUMENT])))) == 0


def test_calibration_agrees_with_scikit_learn() -> None:
    random_numbers = np.random.default_rng(6)
    sure = random_numbers.random(500)
    right = (random_numbers.random(500) < sure**2).astype(float)
    shares, means = calibration_curve(right, sure, n_bins=10)
    counts = np.histogram(sure, bins=10, range=(0, 1))[0]
    assert ece(np.column_stack([sure, right])) == pytest.approx(
        float(np.sum(counts * np.abs(shares - means)) / 500)
    )


def test_score_kept_by_variants() -> None:
    def pair(name: str, quote: Any, **fields: Any) -> Asked:
        return answered(asked(name, gold=[GOLD], **fields), quote)

    pairs = [
        pair("a", RIGHT),
        pair("b", RIGHT),
        pair("c", WRONG),
        pair("a typo", RIGHT, variant_of="a", variant="typo"),
        pair("b typo", WRONG, variant_of="b", variant="typo"),
        pair("c typo", RIGHT, variant_of="c", variant="typo"),
        pair("b ru", WRONG, variant_of="b", variant="ru"),
        pair("a kk", RIGHT, variant_of="a", variant="kk"),
        pair("c shouted", WRONG, variant_of="c", variant="upper case"),
        pair("no original", RIGHT, variant_of="gone", variant="paraphrase"),
        failed(asked("f", gold=[GOLD])),
        pair("f typo", WRONG, variant_of="f", variant="typo"),
    ]
    assert value("variant_kept_typo", *pairs) == 1.0
    assert value("variant_kept_language", *pairs) == 0.5
    # The original scores 0; no original was asked; nothing was asked in lower case.
    assert value("variant_kept_other", *pairs) is None
    assert value("variant_kept_paraphrase", *pairs) is None
    assert value("variant_kept_lower_case", *pairs) is None


def test_a_pair_is_of_the_variants_kind_and_the_whole_run_chooses_the_score() -> None:
    relevant = {"a": 1}
    pairs = [
        answered(asked("o", kind="k", gold=[GOLD], relevant=relevant), RIGHT, ranking=ranked("a")),
        answered(asked("p", relevant=relevant), ranking=ranked("a")),
        answered(asked("o ru", kind="l", gold=[GOLD], variant_of="o", variant="ru"), WRONG),
        answered(
            asked("p ru", kind="m", relevant=relevant, variant_of="p", variant="ru"), ranking=ranked("x", "a")
        ),
        answered(asked("no sort", kind="l", gold=[GOLD], variant_of="o"), RIGHT),
    ]
    kinds = score_run(run_of(*pairs, documents=[DOCUMENT]), resamples=10).by_kind
    found = {kind: metrics.get("variant_kept_language") for kind, metrics in kinds.items()}
    # Kind m has ranks only, but the run has a pair with gold.
    assert {kind: one and one.value for kind, one in found.items()} == {
        "k": None,
        "fact": None,
        "l": 0.0,
        "m": None,
    }


def test_one_answer_without_a_probability_leaves_every_kind_without_a_value() -> None:
    pairs = [
        answered(asked("a", kind="k", gold=[GOLD]), RIGHT, confidence=0.9),
        answered(asked("b", kind="k", answerable=False), confidence=0.2),
        answered(asked("c", kind="l", gold=[GOLD]), RIGHT, confidence=None),
    ]

    def names(*some: Asked) -> set[str]:
        found = score_run(run_of(*some, documents=[DOCUMENT]), resamples=10).by_kind["k"]
        return {"auroc_answerable", "aurc", "ece"} & found.keys()

    assert names(*pairs[:2]) == {"auroc_answerable", "aurc", "ece"}
    assert names(*pairs) == set()


def test_a_citation_after_the_fifth_makes_an_answer_right() -> None:
    late = case_of(answered(asked("q", gold=[GOLD]), *[WRONG] * 5, RIGHT), DOCUMENT)
    assert (gold_quote_hit(late, 5), right_outcome(late)) == (0.0, 1.0)


def test_score_kept_is_of_ranks_where_there_is_no_gold() -> None:
    relevant = {"a": 1}
    pairs = [
        answered(asked("o", relevant=relevant), ranking=ranked("x", "a")),
        answered(
            asked("v", relevant=relevant, variant_of="o", variant="lower_case"), ranking=ranked("x", "y", "a")
        ),
    ]
    assert value("variant_kept_lower_case", *pairs) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("variant", "way"),
    [
        ("typo", "typo"),
        ("lower_case", "lower_case"),
        ("language", "language"),
        ("ru", "language"),
        ("pt-BR", "language"),
        ("zh_Hant", "language"),
        ("en-x", "other"),
        ("upper case", "other"),
        ("RU", "other"),
        ("", "other"),
    ],
)
def test_languages_are_told_by_their_codes(variant: str, way: str) -> None:
    assert way_of(variant) == way


def test_percentiles_of_waiting() -> None:
    pairs = [answered(asked(str(n))) for n in range(5)] + [failed(asked("failed"))]
    waits = [Timing(question_id=str(n), ask_ms=10.0 * (n + 1), search_ms=None) for n in range(4)]
    waits.append(Timing(question_id="failed", ask_ms=9999.0, search_ms=9999.0))
    # 10, 20, 30, 40: the median lies between 20 and 30, p95 at place 2.85.
    assert value("ask_p50_ms", *pairs, timings=waits) == 25.0
    assert value("ask_p95_ms", *pairs, timings=waits) == pytest.approx(38.5)
    assert value("search_p50_ms", *pairs, timings=waits) is None


@pytest.mark.parametrize("percent", [0, 50, 95, 100])
def test_percentiles_agree_with_numpy(percent: float) -> None:
    for n in (1, 2, 7, 100):
        waits = np.random.default_rng(n).exponential(size=n)
        found = percentile(percent)(waits.reshape(-1, 1))
        assert found == pytest.approx(np.percentile(waits, percent))
    assert isnan(percentile(percent)(np.empty((0, 1))))


def test_throughput() -> None:
    assert throughput({"elapsed_s": 2.5}, 10) == 4.0
    assert throughput({}, 10) is None
    assert throughput({"elapsed_s": 0.0}, 10) is None
    assert throughput({"elapsed_s": 2.5}, 0) is None
    for wrong in (-1, "2", True, float("nan"), float("inf")):
        with pytest.raises(EvaluationError, match="not a number of seconds"):
            throughput({"elapsed_s": wrong}, 10)
