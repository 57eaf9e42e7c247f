"""Calibration over corpora of different sizes: articles made of paragraphs, and what chance does to the error."""

from __future__ import annotations

import random

import numpy as np
import pytest

from eval.bench.calibration import as_articles, error_by_chance
from eval.datatypes import DataSet, Gold, Question
from eval.metrics.confidence import ece


def question(number: int, gold: tuple[Gold, ...]) -> Question:
    return Question(
        question_id=f"q{number}", text="?", kind="fact", source_set="x", answerable=bool(gold), gold=gold
    )


def test_paragraphs_become_articles_and_the_gold_goes_with_them() -> None:
    paragraphs = [
        {"id": "p1", "title": "Ж", "text": "Один 🙂."},
        {"id": "p2", "title": "Other", "text": "Not asked of."},
        {"id": "p3", "title": "Ж", "text": "Cafe\u0301 stands."},
    ]
    data_set = DataSet(
        name="x", sha256="", licence="", documents=tuple(paragraphs),
        questions=(
            question(1, (Gold(text="🙂", document_id="p1", start=5, end=6),)),
            question(2, (Gold(text="stands", document_id="p3", start=6, end=12),)),
            question(3, ()),
            question(4, (Gold(text="Not", document_id="p2", start=0, end=3),)),
        ),
    )  # fmt: skip
    title_of = {"q1": "Ж", "q2": "Ж", "q3": "Ж", "q4": "Other"}
    documents, questions = as_articles(data_set, title_of, {"Ж"})
    assert documents == [{"id": "Ж", "title": "Ж", "text": "Один 🙂.\n\nCafe\u0301 stands."}]
    assert [one.question_id for one in questions] == ["q1", "q2", "q3"]
    for one, said in zip(questions, ("🙂", "stands"), strict=False):
        gold = one.gold[0]
        assert (gold.document_id, documents[0]["text"][gold.start : gold.end]) == ("Ж", said)


def test_the_error_is_the_mean_distance_of_the_bins() -> None:
    # Two answers at .75, one right: .25 off; two at .25, none right: .25 off; one at .95, right: .05 off.
    confidences = np.array([0.75, 0.75, 0.25, 0.25, 0.95])
    right = np.array([True, False, False, False, True])
    assert ece(np.column_stack([confidences, right])) == pytest.approx((4 * 0.25 + 0.05) / 5)
    assert np.isnan(ece(np.empty((0, 2)))), "of no answers nothing is known"


def test_chance_alone_makes_an_error_that_falls_with_the_answers() -> None:
    assert error_by_chance(np.ones(50), random.Random(1)) == 0.0
    few, many = (error_by_chance(np.full(n, 0.55), random.Random(1)) for n in (10, 1000))
    # The mean distance of a share of n from its probability p is about sqrt(2 p (1 - p) / (pi n)).
    assert few == pytest.approx(0.1255, abs=0.01)
    assert many == pytest.approx(0.01255, abs=0.002)
