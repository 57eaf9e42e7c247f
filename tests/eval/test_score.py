"""A run from its folder to scores: counts, kinds, intervals, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.datatypes import Counts, Estimate, Run, Timing
from eval.errors import EvaluationError
from eval.metrics import METRICS, find_metric
from eval.run_folder import (
    ANSWERS,
    DOCUMENTS,
    FORMAT,
    QUESTIONS,
    TIMINGS,
    document_row,
    entry_row,
    question_row,
    read_run,
    timing_row,
    write_manifest,
    write_rows,
)
from eval.score import rounded, score_run, scores_json
from eval.significance import bootstrap, bootstrap_mean, wilson
from tests.eval.eval_fakes import (
    Asked,
    abstained,
    answered,
    asked,
    cited,
    failed,
    gold_in,
    passage,
    run_of,
    source,
)

DOCUMENT = source("d", "Right words. Wrong words.")
GOLD = gold_in(DOCUMENT, "Right words.")
NOTHING = Estimate(value=None, low=None, high=None, n=0, method="none")


def small_run() -> Run:
    right = cited(DOCUMENT, "Right words.", spans=[(0, 12)])
    half = cited(DOCUMENT, "words. Wrong", spans=[(0, 12)])
    ranking = (passage(DOCUMENT, 0, 12), passage(DOCUMENT, 13, 25))
    pairs = [
        answered(asked("a", gold=[GOLD]), right, answer="Right words. [1]", confidence=0.9, ranking=ranking),
        answered(asked("b", gold=[GOLD]), half, answer="Right words. [1]", confidence=0.6, ranking=ranking),
        answered(asked("c", kind="why", gold=[GOLD]), cited(DOCUMENT, "Wrong words."), outcome="partial"),
        abstained(asked("d", kind="unanswerable", answerable=False), probability=0.8),
        answered(asked("e", kind="unanswerable", answerable=False), right, confidence=0.4),
        failed(asked("f", gold=[GOLD]), "timeout"),
        failed(asked("g", kind="broken", answerable=None), "not_json"),
        failed(asked("h", gold=[GOLD]), "timeout"),
    ]
    timings = [Timing(question_id=name, ask_ms=10.0, search_ms=None) for name in "abcdefgh"]
    return run_of(
        *pairs,
        documents=[DOCUMENT],
        timings=timings,
        manifest={"format": FORMAT, "finished": True, "data": {"sha256": "0" * 64}, "elapsed_s": 2},
    )


def test_counts() -> None:
    scores = score_run(small_run(), resamples=50)
    assert scores.counts == Counts(
        questions=8,
        answerable=5,
        unanswerable=2,
        unlabelled=1,
        answered=3,
        partial=1,
        abstained=1,
        failed=3,
        failures={"not_json": 1, "timeout": 2},
    )
    assert list(scores.counts_by_kind) == ["fact", "why", "unanswerable", "broken"]
    assert (scores.counts_by_kind["fact"].failed, scores.counts_by_kind["broken"].failures) == (
        2,
        {"not_json": 1},
    )


def test_every_metric_is_there_with_its_interval() -> None:
    scores = score_run(small_run(), resamples=500, seed=3)
    assert list(scores.metrics) == list(METRICS)
    assert scores.metrics["gold_quote_hit_at_1"] == Estimate(
        value=2 / 3, low=wilson(2, 3)[0], high=wilson(2, 3)[1], n=3, method="wilson"
    )
    recalls = np.array([1.0, 0.5, 0.0])
    low, high = bootstrap_mean(recalls, resamples=500, seed=3)
    assert scores.metrics["quote_recall"] == Estimate(value=0.5, low=low, high=high, n=3, method="bootstrap")
    assert scores.metrics["refusal_precision"] == Estimate(
        value=1.0, low=wilson(1, 1)[0], high=1.0, n=1, method="wilson"
    )
    # Failed questions are in no metric: 5 questions were answered or abstained on, in 2 seconds.
    assert scores.metrics["questions_per_second"] == Estimate(
        value=2.5, low=None, high=None, n=5, method="none"
    )
    assert scores.metrics["ask_p50_ms"].n == 5
    assert scores.metrics["reading_em_answerable"] == scores.metrics["variant_kept_typo"] == NOTHING


def test_set_metrics_have_a_bootstrap_over_questions() -> None:
    scores = score_run(small_run(), resamples=400, seed=7)
    found = scores.metrics["verified_share"]
    rows = np.array([[1.0, 1.0]] * 4)
    expected = bootstrap(rows, lambda some: float(some[:, 0].sum() / some[:, 1].sum()), resamples=400, seed=7)
    assert (found.value, (found.low, found.high), found.n, found.method) == (1.0, expected, 4, "bootstrap")


def test_one_question_has_a_value_and_no_bootstrap_interval() -> None:
    pair = answered(asked("a", gold=[GOLD]), cited(DOCUMENT, "Right words."), confidence=0.7)
    scores = score_run(run_of(pair, documents=[DOCUMENT]))
    assert scores.metrics["quote_precision"] == Estimate(value=1.0, low=None, high=None, n=1, method="none")
    assert scores.metrics["ece"] == Estimate(
        value=pytest.approx(0.3), low=None, high=None, n=1, method="none"
    )
    assert scores.metrics["gold_quote_hit_at_1"].method == "wilson"


def test_kinds_hold_what_their_questions_define() -> None:
    scores = score_run(small_run(), resamples=50)
    assert scores.by_kind["broken"] == {}
    assert scores.by_kind["why"]["gold_quote_hit_at_5"].value == 0.0
    assert scores.by_kind["fact"]["quote_recall"].value == 0.75
    assert "quote_recall" not in scores.by_kind["unanswerable"]
    assert scores.by_kind["unanswerable"]["refusal_recall"].value == 0.5
    assert "questions_per_second" not in scores.by_kind["fact"]


def test_values_of_single_questions() -> None:
    scores = score_run(small_run(), resamples=50)
    assert scores.per_question["quote_recall"] == {"a": 1.0, "b": 0.5, "c": 0.0}
    assert scores.per_question["right_share"] == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 1.0, "e": 0.0}
    assert scores.per_question["reading_em_answerable"] == {}
    assert {METRICS[name].form for name in scores.per_question} == {"share", "mean"}
    for name, values in scores.per_question.items():
        found = scores.metrics[name]
        assert found.n == len(values)
        if found.value is not None:
            assert found.value == pytest.approx(sum(values.values()) / len(values))


def test_curve_and_table() -> None:
    scores = score_run(small_run(), resamples=50)
    # Confidences 0.9 (right), 0.6 (right), 0.5 (wrong), 0.4 (answered what nothing answers), of 5 questions.
    assert scores.risk_coverage == ((0.2, 0.0), (0.4, 0.0), (0.6, pytest.approx(1 / 3)), (0.8, 0.5))
    assert [one.count for one in scores.reliability] == [0, 0, 0, 0, 1, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("pairs", [(), (failed(asked("a")), failed(asked("b"), "connection"))])
def test_nothing_asked_and_all_failed_have_no_values(pairs: tuple[Asked, ...]) -> None:
    scores = score_run(run_of(*pairs, manifest={"elapsed_s": 3.0}))
    assert scores.counts.failed == scores.counts.questions == len(pairs)
    assert set(scores.metrics.values()) == {NOTHING}
    assert (scores.risk_coverage, [one.count for one in scores.reliability]) == ((), [0] * 10)
    assert json.loads(json.dumps(scores_json(scores), allow_nan=False))["run"] == "hand"


def test_scores_are_seeded() -> None:
    run = small_run()
    assert scores_json(score_run(run, resamples=50, seed=1)) == scores_json(
        score_run(run, resamples=50, seed=1)
    )


def test_json_has_six_digits_and_lists() -> None:
    found = scores_json(score_run(small_run(), resamples=50))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["metrics"]["gold_quote_hit_at_1"]["value"] == 0.666667
    assert found["risk_coverage"][2] == [0.6, 0.333333]
    assert found["counts"]["failures"] == {"not_json": 1, "timeout": 2}
    assert rounded({"a": (1, 0.12345678, None, True, "x")}) == {"a": [1, 0.123457, None, True, "x"]}


def test_a_run_read_from_its_folder_scores_the_same(tmp_path: Path) -> None:
    run = small_run()
    write_rows(tmp_path / QUESTIONS, map(question_row, run.questions))
    write_rows(tmp_path / ANSWERS, map(entry_row, run.entries))
    write_rows(tmp_path / TIMINGS, map(timing_row, run.timings.values()))
    write_rows(tmp_path / DOCUMENTS, map(document_row, run.documents.values()))
    write_manifest(tmp_path, run.manifest)
    found = scores_json(score_run(read_run(tmp_path), resamples=50))
    assert found == {**scores_json(score_run(run, resamples=50)), "run": tmp_path.name}


def test_a_record_of_another_shape_stops_the_scoring() -> None:
    pair = answered(asked("q9"))
    pair[1].record["citations"] = "none"  # type: ignore[index]
    with pytest.raises(EvaluationError, match="'q9': citations is 'none' instead of a list"):
        score_run(run_of(pair))


def test_metrics_are_said_in_words_and_unknown_ones_are_named() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.title
        assert metric.source
        assert metric.definition.endswith(".")
        assert metric.interval == "wilson" or metric.form != "share"
    lower = {name for name, metric in METRICS.items() if not metric.higher_is_better}
    assert lower == {
        "needless_characters", "duplicate_share", "aurc", "ece",
        "ask_p50_ms", "ask_p95_ms", "search_p50_ms", "search_p95_ms",
    }  # fmt: skip
    with pytest.raises(EvaluationError, match="no metric is called 'accuracy'; there are ndcg_at_10,"):
        find_metric("accuracy")
