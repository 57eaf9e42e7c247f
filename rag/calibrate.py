"""Signals → log-odds and probabilities, by logistic regressions that were fitted once and shipped.

`models/calibration.json` is written by `python -m rag.training.fit_calibration`; it names the signals it was
fitted on, so that code and numbers cannot drift apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import CalibrationError
from rag.signals import PASSAGE_SIGNALS, QUESTION_SIGNALS, SENTENCE_SIGNALS, SHORT_ANSWER_SIGNALS

DEFAULT_MARGIN = 3.0
DEFAULT_FALSE_PREMISE = 0.1
DEFAULT_FILE = Path(__file__).parent / "models" / "calibration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A logistic regression over named signals."""

    weights: tuple[float, ...]
    bias: float

    def log_odds(self, signals: Sequence[float]) -> float:
        """Return the log-odds of these signals."""
        return self.bias + sum(w * s for w, s in zip(self.weights, signals, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How one kind of question is judged: its sentences, the whole, and from where on it is answered."""

    sentence: Logistic
    question: Logistic
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How much a sentence is worth, how sure an answer is, and from where on we answer.

    A question that asks for several things (`Retrieved.parts`) is judged apart: no one sentence answers it,
    so that its words tell more than the reader, which was taught to look for one that does.
    """

    name: str
    passage: Logistic
    """What reading a passage adds to its place in the search, in units of the search's score."""
    single: Judgement
    several: Judgement
    across: Logistic
    """As the others' `question`, for one in another language than the documents: by vectors alone."""
    short: Logistic
    """How likely a stretch of a few words is the answer, where the question wants one."""
    short_threshold: float
    """From which probability on a short answer is given; below it the quotes stand alone."""
    false_premise: float = DEFAULT_FALSE_PREMISE
    """How likely a sentence answers at all that says of others what is asked (see `rag.premise`)."""
    margin: float = DEFAULT_MARGIN
    """How much worse than the best a sentence may score (log-odds) and still be quoted."""

    def of(self, parts: int) -> Judgement:
        """Return how a question of so many parts is judged."""
        return self.several if parts else self.single

    def probability(self, signals: Sequence[float], *, parts: int = 0, across: bool = False) -> float:
        """Return the probability that the documents answer and the best quotes show it, in (0, 1).

        Raises:
            CalibrationError: a signal is not finite; that is a failure, not a probability.
        """
        odds = (self.across if across else self.of(parts).question).log_odds(signals)
        if not math.isfinite(odds):  # clamped, it would pass for certainty
            raise CalibrationError(f"the log-odds are {odds}: a signal among {tuple(signals)} is no number")
        return probability_of(odds)


def probability_of(odds: float) -> float:
    """Return the probability of log-odds, in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


def load_calibration(path: Path = DEFAULT_FILE) -> Calibration:
    """Read a calibration and check that it is for these signals.

    Raises:
        CalibrationError: missing, damaged, or fitted on other signals.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Calibration(
            name=str(content["name"]),
            passage=_logistic(content["passage"], PASSAGE_SIGNALS),
            single=_judgement(content["single"]),
            several=_judgement(content["several"]),
            across=_logistic(content["across"], QUESTION_SIGNALS),
            short=_logistic(content["short"], SHORT_ANSWER_SIGNALS),
            short_threshold=float(content["short_threshold"]),
            false_premise=float(content["false_premise"]),
            margin=float(content["margin"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CalibrationError(
            f"{path.name} cannot be used: {error}; reinstall the package or fit it again with "
            "python -m rag.training.fit_calibration"
        ) from error
    for number in (
        found.single.threshold,
        found.several.threshold,
        found.short_threshold,
        found.false_premise,
    ):
        if not 0.0 < number < 1.0:
            raise CalibrationError(f"{path.name}: {number} is no probability")
    return found


def _judgement(content: dict[str, Any]) -> Judgement:
    return Judgement(
        sentence=_logistic(content["sentence"], SENTENCE_SIGNALS),
        question=_logistic(content["question"], QUESTION_SIGNALS),
        threshold=float(content["threshold"]),
    )


def _logistic(content: dict[str, object], signals: Sequence[str]) -> Logistic:
    weights = content["weights"]
    bias = content["bias"]
    if not isinstance(weights, dict) or not isinstance(bias, int | float):
        raise ValueError("weights or bias are missing")
    if tuple(weights) != tuple(signals):
        raise ValueError(f"it was fitted on the signals {tuple(weights)}, not {tuple(signals)}")
    found = Logistic(weights=tuple(float(w) for w in weights.values()), bias=float(bias))
    if not all(map(math.isfinite, (*found.weights, found.bias))):
        raise ValueError("a weight or the bias is not finite")
    return found
