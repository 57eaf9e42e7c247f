"""The gate: promises read with clear errors, and scores held against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eval.check import EXPECTED, findings, read_promises
from eval.datatypes import Counts, Estimate, Scores
from eval.errors import EvaluationError
from eval.metrics import METRICS

BETTER = {"hit": True, "ece": False, "recall": True}
GOOD = """
[[promise]]
name = "seeds"
command = "verse eval run --data seeds --limit 20 --seed 3"
[promise.scores]
hit = { reached = 0.64, tolerance = 0.02 }
ece = { reached = 0.10, tolerance = 0.03 }
"""


def scores(failed: int = 0, questions: int = 10, **values: float | None) -> Scores:
    counts = Counts(
        questions=questions,
        answerable=6,
        unanswerable=4,
        unlabelled=0,
        answered=questions - failed,
        partial=0,
        abstained=0,
        failed=failed,
        failures={"timeout": failed} if failed else {},
    )
    return Scores(
        run="r",
        counts=counts,
        metrics={
            name: Estimate(value=value, low=None, high=None, n=10, method="none")
            for name, value in values.items()
        },
        by_kind={},
        counts_by_kind={},
        per_question={},
        risk_coverage=(),
        reliability=(),
    )


def promise_of(tmp_path: Path, text: str = GOOD) -> Any:
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    (promise,) = read_promises(path, BETTER)
    return promise


def test_a_promise_is_read_with_the_options_of_its_command(tmp_path: Path) -> None:
    promise = promise_of(tmp_path)
    assert (promise.name, promise.data, promise.limit, promise.seed) == ("seeds", "seeds", 20, 3)
    assert not promise.needs_folder
    assert [(s.metric, s.reached, s.tolerance, s.higher_is_better) for s in promise.scores] == [
        ("hit", 0.64, 0.02, True),
        ("ece", 0.10, 0.03, False),
    ]


@pytest.mark.parametrize(
    ("hit", "ece", "kept"),
    [
        (0.64, 0.10, [True, True, True]),
        (0.62, 0.13, [True, True, True]),  # as far as the tolerance goes
        (0.61995, 0.13005, [True, True, True]),  # equal as printed
        (0.6198, 0.10, [True, False, True]),
        (0.64, 0.1302, [True, True, False]),
        (1.0, 0.0, [True, True, True]),
        (None, 0.10, [True, False, True]),
    ],
)
def test_a_loss_beyond_the_tolerance_breaks_a_promise(
    tmp_path: Path, hit: float | None, ece: float, kept: list[bool]
) -> None:
    found = findings(promise_of(tmp_path), scores(hit=hit, ece=ece))
    assert [finding.kept for finding in found] == kept
    assert [finding.metric for finding in found] == ["failed", "hit", "ece"]


def test_the_words_say_what_was_promised_and_what_came(tmp_path: Path) -> None:
    found = findings(promise_of(tmp_path), scores(hit=0.5, ece=0.01))
    assert [finding.line() for finding in found] == [
        "OK   seeds: 0 of 10 questions failed",
        "FAIL seeds: hit 0.5000, promised at least 0.6200",
        "OK   seeds: ece 0.0100, promised at most 0.1300 (reached was 0.1000: promise more)",
    ]


def test_a_failed_question_breaks_the_promise_whatever_the_scores(tmp_path: Path) -> None:
    found = findings(promise_of(tmp_path), scores(failed=1, hit=1.0, ece=0.0))
    assert (found[0].kept, found[0].words) == (False, "1 of 10 questions failed (timeout: 1)")


def test_nothing_asked_is_no_success(tmp_path: Path) -> None:
    assert not findings(promise_of(tmp_path), scores(questions=0, hit=1.0, ece=0.0))[0].kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it promises nothing"),
        ("promise = 3", "it promises nothing"),
        ("promise = []", "it promises nothing"),
        ("[[promises]]\nname='x'", "unknown key 'promises'"),
        ("[[promise]", "cannot be read"),
        (GOOD + GOOD, "two promises have one name"),
        (GOOD.replace('name = "seeds"', ""), "name, command and at least one score"),
        (GOOD.replace("hit", "hitt"), "no metric is called 'hitt'"),
        (GOOD.replace("reached = 0.64, ", ""), "write { reached"),
        (GOOD.replace("0.64", "'0.64'"), "write { reached"),
        (GOOD.replace("0.64", "true"), "write { reached"),
        (GOOD.replace("0.02", "-0.02"), "below 0"),
        (GOOD.replace("verse eval run", "rm -rf"), "has to begin with `verse eval run`"),
        (GOOD.replace("--limit 20", "--limit many"), "invalid int value"),
        (GOOD.replace("--limit 20", "--target http://x"), "unrecognized arguments"),
        (GOOD.replace("--data seeds", ""), "--data"),
        (GOOD.replace("[promise.scores]", "tolerance = 1\n[promise.scores]"), "unknown keys"),
        (GOOD.split("[promise.scores]")[0], "at least one score"),
    ],
)
def test_a_file_that_cannot_be_held_to_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        read_promises(path, BETTER)


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_promises(tmp_path / "none.toml", BETTER)
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_promises(tmp_path / "bad.toml", BETTER)


def test_the_shipped_promises_can_be_read() -> None:
    promises = read_promises(EXPECTED, {name: metric.higher_is_better for name, metric in METRICS.items()})
    assert promises[0].data == "seeds"
    assert not promises[0].needs_folder
    assert any(expected.metric == "verified_share" for expected in promises[0].scores)
