"""The reader given the right paragraph: scores by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eval.bench.given_gold import read, scored
from rag.reader_model import TokenScores


def row(question: str, *answers: str) -> dict[str, Any]:
    return {
        "question": question,
        "context": "Ж Oslo paid 🙂 twice.",
        "answers": [{"text": answer, "start": 0} for answer in answers],
        "unanswerable": not answers,
    }


class Scorer:
    name = "fake"

    def score(self, question: str, passages: Any) -> list[TokenScores]:
        offsets = [(0, 1), (2, 6), (7, 11), (14, 19)]
        start, end = np.zeros(4), np.zeros(4)
        start[1], end[2] = 5.0, 4.0
        return [
            TokenScores(offsets=offsets, start=start, end=end, evidence=start, null=2.0, answerable=0.0)
            for _ in passages
        ]


def test_the_likeliest_stretch_is_read_with_its_odds() -> None:
    assert read(row("Who?", "Oslo"), Scorer()) == ("Oslo paid", 7.0)


def test_scores_by_hand() -> None:
    rows = [row("a", "Oslo"), row("b", "Oslo paid", "paid"), row("c"), row("d", "Riga")]
    said = [("Oslo", 3.0), ("the paid Oslo", 1.0), ("Oslo", 2.0), ("Bergen", -1.0)]
    found = scored(said, rows)
    assert (found["questions"], found["answerable_questions"]) == (4, 3)
    # Of "b" the better of two answers counts: F1 1 of two words in another order, no exact match.
    assert found["answerable"]["exact_match"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["answerable"]["f1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    # Above the one question without an answer (2.0) stands one of three with one (3.0).
    assert found["auroc_answerable"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    # Refusing all but "a": its answer and "c"'s refusal are right.
    assert found["overall"]["best_exact"] == 0.5
    assert found["overall"]["always_refuse"] == 0.25
