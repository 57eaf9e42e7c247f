"""Two runs held against each other: worked by hand, and by how often the verdicts are wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest

from eval.compare import DEFAULT, compare_runs, comparison_json, comparison_text
from eval.datatypes import Run, Timing
from eval.errors import EvaluationError
from eval.metrics import METRICS
from eval.significance import bootstrap_mean, smallest_detectable, standard_error
from tests.eval.eval_fakes import (
    Asked,
    abstained,
    answered,
    asked,
    cited,
    failed,
    gold_in,
    run_of,
    source,
)

DOCUMENT = source("d", "Right words. Wrong words.")
GOLD = gold_in(DOCUMENT, "Right words.")
RIGHT, WRONG = cited(DOCUMENT, "Right words."), cited(DOCUMENT, "Wrong words.")
HIT = "gold_quote_hit_at_5"


def marked(marks: str, name: str, **fields: Any) -> Run:
    """Make a run of questions with gold: `1` answered rightly, `0` wrongly, `-` abstained, `x` failed."""
    pairs: list[Asked] = []
    for number, mark in enumerate(marks):
        question = asked(f"q{number}", gold=[GOLD])
        if mark in "01":
            pairs.append(answered(question, RIGHT if mark == "1" else WRONG, answer=f"{name} says {mark}."))
        else:
            pairs.append(abstained(question) if mark == "-" else failed(question))
    return run_of(*pairs, documents=[DOCUMENT], name=name, **fields)


def test_a_difference_worked_by_hand() -> None:
    #                                     gains 6, loses none of 10
    found = compare_runs(marked("0000001111", "A"), marked("1111111111", "B"), metrics=[HIT])
    (one,) = found.metrics
    assert (one.name, one.n, one.a, one.b, one.difference) == (HIT, 10, 0.4, 1.0, 0.6)
    # All six changes go one way: 2 of 2⁶ ways of flipping them are as far off.
    assert one.p == one.p_holm == 2 / 64
    differences = np.array([1.0] * 6 + [0.0] * 4)
    assert (one.low, one.high) == bootstrap_mean(differences)
    assert one.smallest_detectable == smallest_detectable(standard_error(differences))
    assert one.verdict == "better"
    assert (found.questions, found.left_out, found.undefined, found.leading) == (10, {}, (), HIT)


def test_the_other_way_round_it_is_worse() -> None:
    (one,) = compare_runs(marked("1111111111", "A"), marked("0000001111", "B"), metrics=[HIT]).metrics
    assert (one.difference, one.p, one.verdict) == (-0.6, 2 / 64, "worse")


def test_a_lower_value_is_better_where_the_metric_says_so() -> None:
    worse, better = marked("0" * 10, "A"), marked("1" * 10, "B")
    (one,) = compare_runs(worse, better, metrics=["needless_characters"]).metrics
    assert (one.a, one.b, one.verdict) == (12.0, 0.0, "better")
    # 12 needless characters fewer, each time: the spread of the differences says nothing.
    assert (one.low, one.high, one.smallest_detectable) == (-12.0, -12.0, None)
    (back,) = compare_runs(better, worse, metrics=["needless_characters"]).metrics
    assert back.verdict == "worse"


def test_holm_takes_a_verdict_back() -> None:
    a, b = marked("000000", "A"), marked("111111", "B")
    (alone,) = compare_runs(a, b, metrics=[HIT]).metrics
    assert (alone.p, alone.p_holm, alone.verdict) == (2 / 64, 2 / 64, "better")
    two = compare_runs(a, b, metrics=[HIT, "quote_recall"]).metrics
    assert [one.p for one in two] == [2 / 64, 2 / 64]
    assert [one.p_holm for one in two] == [4 / 64, 4 / 64]
    assert [one.verdict for one in two] == ["no difference shown"] * 2


def test_a_run_against_itself_shows_no_difference() -> None:
    run = marked("1100-1", "A")
    found = compare_runs(run, run)
    assert {one.verdict for one in found.metrics} == {"no difference shown"}
    assert {(one.p, one.p_holm, one.difference, one.smallest_detectable) for one in found.metrics} == {
        (1.0, 1.0, 0.0, None)
    }
    assert found.changes == ()


def test_defaults_are_those_that_the_runs_define() -> None:
    found = compare_runs(marked("10-1", "A"), marked("1101", "B"))
    assert [one.name for one in found.metrics] == [
        "gold_quote_hit_at_5",
        "gold_quote_hit_at_1",
        "right_share",
        "quote_precision",
        "quote_recall",
    ]
    assert found.undefined == ()
    assert set(DEFAULT) <= METRICS.keys()
    # What both answered: question 2 was abstained on in A.
    assert {one.name: one.n for one in found.metrics}["quote_precision"] == 3


def test_failed_questions_are_left_out_and_counted() -> None:
    found = compare_runs(marked("1x0x1", "A"), marked("01xx1", "B"), metrics=[HIT])
    assert found.left_out == {"q1": "failed in A", "q2": "failed in B", "q3": "failed in both"}
    assert (found.questions, found.metrics[0].n, found.metrics[0].a, found.metrics[0].b) == (2, 2, 1.0, 0.5)


def test_a_run_of_a_part_of_the_questions_is_compared_on_that_part() -> None:
    other_hash = {"data": {"sha256": "e" * 64}}
    found = compare_runs(marked("1100", "A"), marked("01", "B", manifest=other_hash), metrics=[HIT])
    assert found.left_out == {"q2": "asked in A only", "q3": "asked in A only"}
    back = compare_runs(marked("01", "A", manifest=other_hash), marked("1100", "B"), metrics=[HIT])
    assert back.left_out == {"q2": "asked in B only", "q3": "asked in B only"}


def test_runs_of_different_data_are_refused() -> None:
    a = marked("11", "A")
    other = run_of(
        answered(asked("q0", gold=[GOLD])),
        answered(asked("new")),
        documents=[DOCUMENT],
        manifest={"data": {"sha256": "e" * 64}},
        name="B",
    )
    with pytest.raises(
        EvaluationError, match=r"'A' and 'B' are of different data .dddddddddddd and eeeeeeeeeeee"
    ):
        compare_runs(a, other)
    reworded = replace(a, name="B", questions=(replace(a.questions[0], text="Else?"), a.questions[1]))
    with pytest.raises(EvaluationError, match=r"question 'q0' .and 0 more. is not the same"):
        compare_runs(a, reworded)
    with pytest.raises(EvaluationError, match=r"run 'B': run.json does not say the sha256"):
        compare_runs(a, marked("11", "B", manifest={}))


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no question in common that neither failed"):
        compare_runs(marked("1x", "A"), marked("x1", "B"))
    with pytest.raises(EvaluationError, match="no question in common"):
        compare_runs(run_of(name="A"), run_of(name="B"))
    with pytest.raises(EvaluationError, match=r"define none of reading_f1_answerable, ndcg_at_10 on"):
        compare_runs(marked("1", "A"), marked("1", "B"), metrics=["reading_f1_answerable", "ndcg_at_10"])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "name at least one"),
        ([HIT, HIT], "each once"),
        (["accuracy"], "no metric is called 'accuracy'"),
        (["questions_per_second"], "one figure of a whole run"),
    ],
)
def test_what_cannot_be_compared_is_refused(names: list[str], words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        compare_runs(marked("1", "A"), marked("1", "B"), metrics=names)


def test_named_metrics_that_are_not_defined_are_listed() -> None:
    found = compare_runs(marked("11", "A"), marked("10", "B"), metrics=["ndcg_at_10", HIT])
    assert (found.undefined, [one.name for one in found.metrics]) == (("ndcg_at_10",), [HIT])
    assert "no question defines in both: ndcg_at_10" in comparison_text(found)


def test_one_question_says_nothing_about_chance() -> None:
    (one,) = compare_runs(marked("0", "A"), marked("1", "B"), metrics=[HIT]).metrics
    assert (one.n, one.difference, one.low, one.high, one.smallest_detectable) == (1, 1.0, None, None, None)
    assert (one.p, one.verdict) == (1.0, "no difference shown")


def test_wins_and_losses_with_both_answers() -> None:
    found = compare_runs(marked("1001-", "A"), marked("01-11", "B"), metrics=["quote_recall", HIT])
    assert found.leading == "quote_recall"
    assert [(change.question_id, change.won) for change in found.changes] == [
        ("q0", False),
        ("q1", True),
        ("q4", True),
    ]
    loss, _, last = found.changes
    assert (loss.a.value, loss.b.value, loss.a.answer, loss.b.answer) == (1.0, 0.0, "A says 1.", "B says 0.")
    assert (loss.text, loss.kind, loss.a.confidence) == ("What of q0?", "fact", 0.5)
    assert (last.a.outcome, last.b.outcome) == ("abstained", "answered")
    assert last.a.answer == "The sources do not answer this."


def test_the_largest_loss_stands_first() -> None:
    half = cited(DOCUMENT, "Right ")

    def run(name: str, *quotes: dict[str, Any]) -> Run:
        pairs = [answered(asked(f"q{n}", gold=[GOLD]), quote) for n, quote in enumerate(quotes)]
        return run_of(*pairs, documents=[DOCUMENT], name=name)

    found = compare_runs(run("A", RIGHT, RIGHT, WRONG), run("B", half, WRONG, half), metrics=["quote_recall"])
    assert [(change.question_id, change.won) for change in found.changes] == [
        ("q1", False),
        ("q0", False),
        ("q2", True),
    ]


def refusing(marks: str, name: str) -> Run:
    """Make a run of 4 answerable, then unanswerable questions: `-` abstained, else a digit of confidence."""
    pairs = []
    for number, mark in enumerate(marks):
        question = asked(f"q{number}", answerable=number < 4)
        pairs.append(
            abstained(question, probability=1.0)
            if mark == "-"
            else answered(question, confidence=int(mark) / 10)
        )
    return run_of(*pairs, name=name)


def test_metrics_of_the_whole_set_are_tested_by_swapping() -> None:
    a, b = refusing("987-3-", "A"), refusing("9876--", "B")
    found = compare_runs(a, b, metrics=["refusal_f1", "auroc_answerable", "refusal_precision"])
    f1, auroc, precision = found.metrics
    # A: 1 of 2 abstentions right, 1 of 2 found. B: both right, both found.
    assert (f1.a, f1.b, f1.n) == (0.5, 1.0, 6)
    # A: of 8 pairs the abstained answerable question (0) loses to 0.3 and ties with 0.
    assert (auroc.a, auroc.b) == (6.5 / 8, 1.0)
    assert (precision.a, precision.b, precision.n) == (0.5, 1.0, 3)
    # Two questions differ. Swapping both gives −1/2, swapping either alone 2/3 against 4/5, which is less.
    assert f1.p == 0.5
    assert found.leading is None
    assert found.changes == ()
    assert f1.low is not None
    assert f1.smallest_detectable is not None


def test_speed_is_shown_and_not_tested() -> None:
    def timed(name: str, *waits: float) -> Run:
        timings = [Timing(question_id=f"q{n}", ask_ms=ms, search_ms=None) for n, ms in enumerate(waits)]
        return marked("1" * len(waits), name, timings=timings)

    found = compare_runs(timed("A", 10, 20, 30), timed("B", 1, 2, 3), metrics=["ask_p50_ms", HIT])
    one = found.metrics[0]
    assert (one.a, one.b, one.p, one.p_holm, one.verdict) == (20.0, 2.0, None, None, "not tested")
    # A metric that is not tested does not make the others harder to show.
    assert found.metrics[1].p_holm == found.metrics[1].p


def test_json_and_text() -> None:
    found = compare_runs(marked("0000001111x", "A"), marked("11111101111", "B"), metrics=[HIT])
    as_json = comparison_json(found)
    assert json.loads(json.dumps(as_json, allow_nan=False)) == as_json
    assert (as_json["metrics"][0]["difference"], as_json["metrics"][0]["p"]) == (0.5, 0.125)
    assert as_json["left_out"] == {"q10": "failed in A"}
    assert as_json["changes"][0]["a"]["answer"] == "A says 1."
    text = comparison_text(found, changes=2)
    assert "A = A, B = B: 10 questions compared, 1 left out\n    1 failed in A" in text
    assert f"{HIT:<24}    10     0.400     0.900    +0.500" in text
    assert "B wins 6, loses 1" in text
    assert "  − q6: 1.000 → 0.000 (answered → answered)  What of q6?" in text
    assert "  + … and 4 more" in text
    single = comparison_text(compare_runs(marked("0", "A"), marked("0", "B"), metrics=[HIT]))
    assert "  –  " in single


def test_the_same_seed_gives_the_same_comparison() -> None:
    a, b = marked("01" * 20, "A"), marked("0110" * 10, "B")
    assert compare_runs(a, b, seed=4) == compare_runs(a, b, seed=4)


def simulated(random: np.random.Generator, questions: int, chances: tuple[float, float]) -> tuple[Run, Run]:
    """Draw two runs over questions of differing difficulty; `chances` is added to each one's chance."""
    ease = random.random(questions) * 0.6 + 0.2
    marks = [
        "".join("1" if lucky else "0" for lucky in random.random(questions) < ease + chance)
        for chance in chances
    ]
    return marked(marks[0], "A"), marked(marks[1], "B")


def verdicts(tries: int, questions: int, chances: tuple[float, float], seed: int) -> list[set[str]]:
    random = np.random.default_rng(seed)
    found = []
    for number in range(tries):
        a, b = simulated(random, questions, chances)
        compared = compare_runs(
            a, b, metrics=[HIT, "quote_precision", "ndcg_at_10"], seed=number, resamples=20, permutations=500
        )
        found.append({one.verdict for one in compared.metrics})
    return found


def test_two_runs_of_the_same_system_are_rarely_told_apart() -> None:
    tries = 100
    wrong = sum(found != {"no difference shown"} for found in verdicts(tries, 30, (0.0, 0.0), seed=1))
    assert wrong / tries <= 0.05 + 2.326 * sqrt(0.05 * 0.95 / tries)


def test_a_much_worse_run_is_called_worse() -> None:
    assert all("worse" in found for found in verdicts(10, 80, (0.2, -0.2), seed=2))


@pytest.mark.long
def test_verdicts_over_many_tries() -> None:
    tries = 1000
    wrong = sum(found != {"no difference shown"} for found in verdicts(tries, 60, (0.0, 0.0), seed=3))
    assert wrong / tries <= 0.05 + 2.326 * sqrt(0.05 * 0.95 / tries)
