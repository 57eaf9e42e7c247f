"""Signals to odds, and files that must not be used."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.calibrate import load_calibration
from rag.errors import CalibrationError
from rag.signals import PASSAGE_SIGNALS, QUESTION_SIGNALS, SENTENCE_SIGNALS, SHORT_ANSWER_SIGNALS
from tests.rag.fakes_rag import calibration


def content() -> dict[str, Any]:
    return {
        "name": "calibration@test",
        "passage": {"weights": dict(zip(PASSAGE_SIGNALS, (0.5, 0.25), strict=True)), "bias": 0},
        "single": {
            "sentence": {"weights": dict.fromkeys(SENTENCE_SIGNALS, 0.5), "bias": -1},
            "question": {
                "weights": {name: number / 10 for number, name in enumerate(QUESTION_SIGNALS)},
                "bias": 0.25,
            },
            "threshold": 0.4,
        },
        "several": {
            "sentence": {"weights": dict.fromkeys(SENTENCE_SIGNALS, 0.25), "bias": 1},
            "question": {"weights": dict.fromkeys(QUESTION_SIGNALS, 0.0), "bias": -1.5},
            "threshold": 0.6,
        },
        "across": {"weights": dict.fromkeys(QUESTION_SIGNALS, 0.0) | {"best_cosine": 1.0}, "bias": -0.5},
        "short": {"weights": dict(zip(SHORT_ANSWER_SIGNALS, (1, 0.5, 2, 0.25), strict=True)), "bias": -3},
        "short_threshold": 0.55,
        "false_premise": 0.2,
        "margin": 2.5,
    }


def written(folder: Path, text: str) -> Path:
    path = folder / "calibration.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_odds_and_probability_by_hand(tmp_path: Path) -> None:
    found = load_calibration(written(tmp_path, json.dumps(content())))
    assert (found.name, found.margin, found.false_premise) == ("calibration@test", 2.5, 0.2)
    assert [found.of(parts).threshold for parts in (0, 2)] == [0.4, 0.6]
    twos = [2.0] * len(SENTENCE_SIGNALS)
    assert found.of(0).sentence.log_odds(twos) == pytest.approx(len(SENTENCE_SIGNALS) - 1)
    assert found.of(3).sentence.log_odds(twos) == pytest.approx(len(SENTENCE_SIGNALS) / 2 + 1)
    assert found.passage.log_odds([2.0, 4.0]) == 2.0
    assert (found.short.log_odds([1.0, 2.0, 1.0, 1.0]), found.short_threshold) == (1.25, 0.55)
    # 0 · 9 + 0.1 · 1 + 0.2 · (-2) + 0.25 = -0.05
    first_three = [9.0, 1.0, -2.0] + [0.0] * (len(QUESTION_SIGNALS) - 3)
    assert found.probability(first_three) == pytest.approx(1 / (1 + math.exp(0.05)))
    assert found.probability(first_three, parts=2) == pytest.approx(1 / (1 + math.exp(1.5)))
    best_cosine = [0.0] * len(QUESTION_SIGNALS)
    best_cosine[QUESTION_SIGNALS.index("best_cosine")] = 0.75
    assert found.probability(best_cosine, across=True) == pytest.approx(1 / (1 + math.exp(-0.25)))
    # 0.1 · (n - 1) · 2 + 0.25
    only_last = [0.0] * (len(QUESTION_SIGNALS) - 1) + [2.0]
    odds = 0.2 * (len(QUESTION_SIGNALS) - 1) + 0.25
    assert found.probability(only_last) == pytest.approx(1 / (1 + math.exp(-odds)))


def test_the_shipped_file_is_for_these_signals() -> None:
    found = load_calibration()
    for judgement in (found.single, found.several):
        assert len(judgement.sentence.weights) == len(SENTENCE_SIGNALS)
        assert len(judgement.question.weights) == len(QUESTION_SIGNALS)
        assert 0 < judgement.threshold < 1
    # Weights that are all 0 would give one confidence to everything, as across languages, where none could be fitted.
    for fitted in (found.single.question, found.several.question, found.short, found.passage):
        assert any(fitted.weights)


@pytest.mark.parametrize("odds", [-1e308, -31.0, 31.0, 1e308])
def test_extreme_odds_stay_probabilities(odds: float) -> None:
    sure = calibration(bias=odds, best_score=0.0)
    assert 0.0 < sure.probability([0.0] * len(QUESTION_SIGNALS)) < 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_signal_that_is_no_number_is_an_error_and_no_certainty(bad: float) -> None:
    with pytest.raises(CalibrationError, match="no number"):
        calibration(best_score=1.0).probability([bad] + [0.0] * (len(QUESTION_SIGNALS) - 1))


def test_signals_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        calibration().probability([0.0] * (len(QUESTION_SIGNALS) - 1))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"calibration\.json cannot be used") as raised:
        load_calibration(tmp_path / "calibration.json")
    assert "fit_calibration" in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "{}", '{"name": 1}'])
def test_a_broken_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(CalibrationError, match="cannot be used"):
        load_calibration(written(tmp_path, text))


def test_a_file_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(CalibrationError):
        load_calibration(path)


def _drop(found: dict[str, Any]) -> None:
    del found["single"]["question"]["weights"]["is_reason"]


def _swap(found: dict[str, Any]) -> None:
    weights = found["several"]["sentence"]["weights"]
    weights["evidence_mean"] = weights.pop("evidence_mean")  # now the last


def _rename(found: dict[str, Any]) -> None:
    found["single"]["sentence"]["weights"]["other"] = 1.0


@pytest.mark.parametrize("change", [_drop, _swap, _rename])
def test_other_signals_are_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    found = content()
    change(found)
    with pytest.raises(CalibrationError, match="fitted on the signals"):
        load_calibration(written(tmp_path, json.dumps(found)))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("sentence", "bias", None),
        ("sentence", "bias", "x"),
        ("question", "weights", [1.0]),
        ("question", "weights", None),
        ("question", "bias", math.nan),
        ("sentence", "bias", math.inf),
    ],
)
@pytest.mark.parametrize("judgement", ["single", "several"])
def test_parts_of_another_kind_are_refused(
    tmp_path: Path, judgement: str, part: str, key: str, value: object
) -> None:
    found = content()
    found[judgement][part][key] = value
    with pytest.raises(CalibrationError, match="cannot be used"):
        load_calibration(written(tmp_path, json.dumps(found)))


def test_a_weight_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    found = content()
    found["single"]["sentence"]["weights"]["span"] = math.nan
    with pytest.raises(CalibrationError, match="not finite"):
        load_calibration(written(tmp_path, json.dumps(found)))


@pytest.mark.parametrize("judgement", ["single", "several"])
@pytest.mark.parametrize("threshold", [0, 1, -0.1, 1.5, math.nan])
def test_a_threshold_that_is_no_probability(tmp_path: Path, threshold: float, judgement: str) -> None:
    found = content()
    found[judgement]["threshold"] = threshold
    with pytest.raises(CalibrationError, match="no probability"):
        load_calibration(written(tmp_path, json.dumps(found)))


@pytest.mark.parametrize("judgement", ["single", "several"])
def test_a_judgement_that_is_missing_is_refused(tmp_path: Path, judgement: str) -> None:
    found = content()
    del found[judgement]
    with pytest.raises(CalibrationError, match="cannot be used"):
        load_calibration(written(tmp_path, json.dumps(found)))
