"""Does it answer rightly where the sources do, and abstain where they do not?"""

from __future__ import annotations

from collections.abc import Sequence

from eval.metrics.base import FloatArray, Measured, Metric, of_rows, per_case
from eval.metrics.case import Case
from eval.metrics.reading import normalised

LABELLED = "Over questions labelled answerable or unanswerable; a partial answer is an answer."
RIGHT = (
    "An answer is right when the question has gold quotes and any citation, not only of the first five, "
    "shares a character with one (see gold_quote_hit_at_5); without gold, when the words of an acceptable "
    "answer stand in it one after another (both normalised as for reading_em; what is then empty is no "
    "acceptable answer). An answer to a question labelled unanswerable is wrong. Other questions without gold "
    "and acceptable answers do not count."
)

METRICS = (
    Metric(
        name="right_share",
        title="Right outcome",
        definition=(
            "1 when the question was answered rightly, or abstained on and labelled unanswerable; else 0. "
            f"{RIGHT}"
        ),
        source="this project",
        family="refusing",
        form="share",
        interval="wilson",
    ),
    Metric(
        name="right_when_answered",
        title="Answers that are right",
        definition=f"Share of the answers given that are right. {RIGHT}",
        source="this project; 1 − selective risk (Geifman and El-Yaniv, 2017)",
        family="refusing",
        form="set",
        interval="wilson",
    ),
    Metric(
        name="answered_of_answerable",
        title="Answerable questions answered",
        definition="1 when a question labelled answerable was answered, rightly or not; 0 when abstained on.",
        source="this project",
        family="refusing",
        form="share",
        interval="wilson",
    ),
    Metric(
        name="refusal_precision",
        title="Refusal precision",
        definition=f"Share of the questions abstained on that are labelled unanswerable. {LABELLED}",
        source="precision with abstaining as the finding of unanswerable questions",
        family="refusing",
        form="set",
        interval="wilson",
    ),
    Metric(
        name="refusal_recall",
        title="Refusal recall",
        definition=f"Share of the questions labelled unanswerable that were abstained on. {LABELLED}",
        source="recall with abstaining as the finding of unanswerable questions",
        family="refusing",
        form="set",
        interval="wilson",
    ),
    Metric(
        name="refusal_f1",
        title="Refusal F1",
        definition=(
            "Harmonic mean of refusal precision and recall: 2 × rightly abstained, by abstained + unanswerable; "
            f"0 when none was abstained on, no value when none is unanswerable. {LABELLED}"
        ),
        source="van Rijsbergen, 1979",
        family="refusing",
        form="set",
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    labels = [case.question.answerable for case in cases]
    return {
        "right_share": per_case(cases, right_outcome),
        "right_when_answered": per_case(cases, lambda case: None if case.abstained else right_outcome(case)),
        "answered_of_answerable": per_case(
            cases, lambda case: float(not case.abstained) if case.question.answerable else None
        ),
        "refusal_precision": per_case(
            cases,
            lambda case: (
                float(case.question.answerable is False)
                if case.abstained and case.question.answerable is not None
                else None
            ),
        ),
        "refusal_recall": per_case(
            cases, lambda case: float(case.abstained) if case.question.answerable is False else None
        ),
        "refusal_f1": of_rows(
            [
                None if label is None else (not label, case.abstained)
                for label, case in zip(labels, cases, strict=True)
            ],
            2,
            f1,
        ),
    }


def right_outcome(case: Case) -> float | None:
    """Return 1 when answered rightly or rightly abstained on, 0 when not, `None` when nobody can say."""
    question = case.question
    if question.answerable is False:
        return float(case.abstained)
    if question.gold:
        return float(case.touches_gold())
    answers = [words for answer in question.answers if (words := normalised(answer))]
    if answers:
        said = f" {normalised(case.plain)} "
        return float(any(f" {words} " in said for words in answers))
    return None


def f1(rows: FloatArray) -> float:
    """Return F1 from columns unanswerable, abstained; NaN when none is unanswerable."""
    wanted = rows[:, 0].sum()
    return (
        float(2 * (rows[:, 0] * rows[:, 1]).sum() / (wanted + rows[:, 1].sum())) if wanted else float("nan")
    )
