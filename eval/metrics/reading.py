"""Is the short answer the right one, by the rules of SQuAD 2.0?"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from eval.metrics.base import Measured, Metric, per_case
from eval.metrics.case import Case

_SOURCE = "Rajpurkar et al., 2018 (SQuAD 2.0), evaluation script of the data set"
_RULES = (
    "The prediction is the short answer, or where there is none the whole answer without its markers; the "
    "empty text when abstained. Both texts in lower case, without ASCII punctuation and the words a, an, "
    "the, words parted by one space; the best over the acceptable answers, of which those that are then "
    "empty are dropped unless none is left; an unanswerable question's answer is the empty text."
)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))


def _pair(suffix: str, whom: str, questions: str) -> tuple[Metric, Metric]:
    return (
        Metric(
            name=f"reading_em{suffix}",
            title=f"Exact match{whom}",
            definition=f"1 when the prediction is an acceptable answer, else 0. {_RULES} {questions}",
            source=_SOURCE,
            family="reading",
            form="share",
            interval="wilson",
        ),
        Metric(
            name=f"reading_f1{suffix}",
            title=f"Reading F1{whom}",
            definition=(
                "Harmonic mean of the shares of the prediction's and of the answer's words that the other "
                f"has, repeated words as often; 1 or 0 where either text is empty. {_RULES} {questions}"
            ),
            source=_SOURCE,
            family="reading",
            form="mean",
        ),
    )


METRICS = (
    *_pair("", "", "Over questions with acceptable answers or labelled unanswerable."),
    *_pair(
        "_answerable",
        ", answerable",
        "Over questions with acceptable answers that are not labelled unanswerable; abstaining scores 0.",
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    return {
        "reading_em": per_case(cases, lambda case: _best(case, exact_match)),
        "reading_f1": per_case(cases, lambda case: _best(case, f1)),
        "reading_em_answerable": per_case(
            cases, lambda case: _best(case, exact_match) if _answerable(case) else None
        ),
        "reading_f1_answerable": per_case(cases, lambda case: _best(case, f1) if _answerable(case) else None),
    }


def normalised(text: str) -> str:
    """Return a text in lower case without ASCII punctuation, articles and surplus white space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answer: str) -> float:
    """Return 1 when two texts are the same once normalised, else 0."""
    return float(normalised(prediction) == normalised(answer))


def f1(prediction: str, answer: str) -> float:
    """Return the harmonic mean of the shares of words that each has of the other, in [0, 1]."""
    said, wanted = normalised(prediction).split(), normalised(answer).split()
    if not said or not wanted:
        return float(said == wanted)
    same = (Counter(said) & Counter(wanted)).total()
    return 2.0 * same / (len(said) + len(wanted))


def _answerable(case: Case) -> bool:
    return bool(case.question.answers) and case.question.answerable is not False


def _best(case: Case, score: Callable[[str, str], float]) -> float | None:
    question = case.question
    if question.answerable is False:
        answers = [""]
    elif question.answers:
        # As the script does: an answer of nothing but punctuation or articles is no answer.
        answers = [answer for answer in question.answers if normalised(answer)] or [""]
    else:
        return None
    prediction = case.plain if case.short is None else case.short
    return max(score(prediction, answer) for answer in answers)
