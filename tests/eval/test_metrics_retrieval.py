"""Documents and evidence in a ranking: by hand, and against a second writing of nDCG and AP."""

from __future__ import annotations

import random
from dataclasses import replace
from math import log2

import pytest

from eval.datatypes import Gold, RankedPassage
from eval.errors import EvaluationError
from eval.metrics import METRICS, cases_of
from eval.metrics.multihop import measure as measure_multihop
from eval.metrics.multihop import scores
from eval.metrics.retrieval import documents_ranked, evidence_recall, measure
from tests.eval.eval_fakes import (
    Asked,
    abstained,
    answered,
    asked,
    case_of,
    failed,
    gold_in,
    passage,
    ranked,
    run_of,
    source,
)

DOCUMENT = source("d", "Alpha one. Beta two. Gamma three.")


def values(*pairs: Asked) -> dict[str, list[float | None]]:
    measured = measure(cases_of(run_of(*pairs, documents=[DOCUMENT])))
    assert measured.keys() == {name for name, metric in METRICS.items() if metric.family == "retrieval"}
    return {
        name: [None if value != value else value for value in one.rows[:, 0].tolist()]
        for name, one in measured.items()
    }


def test_document_metrics_worked_by_hand() -> None:
    question = asked("q", relevant={"a": 1, "b": 2, "c": 0, "z": 1})
    # Documents in order: c (grade 0), b (2), x (unjudged), a (1); z is not found.
    found = values(answered(question, ranking=ranked("c", "b", "b", "x", "c", "a")))
    gain = 2 / log2(3) + 1 / log2(5)
    assert found["ndcg_at_10"] == [pytest.approx(gain / (2 / log2(2) + 1 / log2(3) + 1 / log2(4)))]
    assert found["recall_at_5"] == found["recall_at_10"] == [pytest.approx(2 / 3)]
    assert found["ap_at_10"] == [pytest.approx((1 / 2 + 2 / 4) / 3)]
    assert found["rr_at_10"] == [0.5]
    assert (found["success_at_1"], found["success_at_5"], found["success_at_10"]) == ([0.0], [1.0], [1.0])


def test_ranks_are_of_documents_and_end_at_ten() -> None:
    others = [f"x{n}" for n in range(10)]
    question = asked("q", relevant={"a": 1})
    tenth = values(answered(question, ranking=ranked(*others[:9], others[0], "a")))
    assert (tenth["rr_at_10"], tenth["success_at_10"], tenth["recall_at_5"]) == ([0.1], [1.0], [0.0])
    eleventh = values(answered(question, ranking=ranked(*others, "a")))
    assert [eleventh[name] for name in ("rr_at_10", "success_at_10", "recall_at_10", "ap_at_10")] == [
        [0.0]
    ] * 4


def test_what_defines_nothing_is_not_averaged_in() -> None:
    relevant = {"a": 1}
    found = values(
        answered(asked("no qrels"), ranking=ranked("a")),
        answered(asked("only grade 0", relevant={"a": 0}), ranking=ranked("a")),
        answered(asked("no search", relevant=relevant)),
        answered(
            asked("unknown document", relevant=relevant),
            ranking=(
                *ranked("a"),
                RankedPassage(document_id=None, start=None, end=None, text="t", score=None),
            ),
        ),
        failed(asked("failed", relevant=relevant)),
        answered(asked("found nothing", relevant=relevant), ranking=()),
        abstained(asked("abstained", relevant=relevant), ranking=ranked("a")),
    )
    assert found["ndcg_at_10"] == found["success_at_1"] == [None, None, None, None, 0.0, 1.0]


def test_gold_names_the_relevant_document_where_there_are_no_qrels() -> None:
    question = asked("q", gold=[gold_in(DOCUMENT, "Beta two.")])
    assert values(answered(question, ranking=ranked("e", "d")))["rr_at_10"] == [0.5]


def test_of_a_document_graded_twice_the_last_grade_counts() -> None:
    twice = replace(asked("q"), relevant=(("a", 1), ("b", 1), ("a", 0)))
    assert values(answered(twice, ranking=ranked("a", "b")))["rr_at_10"] == [0.5]


def test_no_questions_and_no_judged_questions_give_no_values() -> None:
    assert values()["ndcg_at_10"] == []
    assert values(answered(asked("q"), ranking=ranked("a")))["ndcg_at_10"] == [None]


def test_documents_stand_where_they_first_stand() -> None:
    assert documents_ranked(ranked("b", "a", "b")) == ["b", "a"]
    assert documents_ranked(()) == []
    assert documents_ranked([RankedPassage(document_id=None, start=0, end=1, text="t", score=1.0)]) is None


def test_agreement_with_a_second_writing_of_ndcg_and_ap() -> None:
    dice = random.Random(5)
    pairs, ndcg, average = [], [], []
    for number in range(60):
        grades = {f"d{n}": dice.randint(0, 3) for n in range(dice.randint(1, 15))} | {"sure": 1}
        order = dice.sample([*grades, "x", "y", "z"], dice.randint(0, len(grades) + 3))
        pairs.append(answered(asked(str(number), relevant=grades), ranking=ranked(*order)))
        gains = [grades.get(name, 0) for name in order[:10]]
        best = sorted(grades.values(), reverse=True)[:10]
        ndcg.append(
            sum(g / log2(rank + 1) for rank, g in enumerate(gains, 1))
            / sum(g / log2(rank + 1) for rank, g in enumerate(best, 1))
        )
        precisions = [sum(g > 0 for g in gains[: r + 1]) / (r + 1) for r, gain in enumerate(gains) if gain]
        average.append(sum(precisions) / sum(grade > 0 for grade in grades.values()))
    found = values(*pairs)
    assert found["ndcg_at_10"] == pytest.approx(ndcg)
    assert found["ap_at_10"] == pytest.approx(average)


def test_evidence_counts_where_it_is_wholly_inside_a_passage() -> None:
    question = asked("q", gold=[gold_in(DOCUMENT, "Beta two."), gold_in(DOCUMENT, "Gamma three.")])
    # The first passage holds the second sentence, the second cuts the third short.
    ranking = (passage(DOCUMENT, 0, 20), passage(DOCUMENT, 21, 30))
    assert evidence_recall(case_of(answered(question, ranking=ranking), DOCUMENT), 10) == 0.5
    below = (*(passage(DOCUMENT, 0, 5) for _ in range(4)), passage(DOCUMENT, 0, 33))
    case = case_of(answered(question, ranking=below), DOCUMENT)
    assert (evidence_recall(case, 4), evidence_recall(case, 5)) == (0.0, 1.0)


def test_evidence_is_compared_by_text_where_one_side_has_no_place() -> None:
    question = asked("q", gold=[Gold(text="Beta  two."), Gold(text="Delta.")])
    foreign = RankedPassage(document_id=None, start=None, end=None, text="… Beta\ntwo. …", score=None)
    assert evidence_recall(case_of(answered(question, ranking=(foreign,))), 10) == 0.5
    # The document is named but not kept: offsets into it are not trusted, those of gold neither.
    placed = asked("p", gold=[gold_in(DOCUMENT, "Beta two.")])
    for text, expected in (("?", 0.0), ("x Beta\ntwo.", 1.0)):
        unkept = passage(DOCUMENT, 0, 20, text=text)
        assert evidence_recall(case_of(answered(placed, ranking=(unkept,))), 10) == expected
    # Kept, but without that text there.
    for start, end in ((0, 20), (0, 99)):
        false = passage(DOCUMENT, start, end, text="Alpha one.")
        assert evidence_recall(case_of(answered(placed, ranking=(false,)), DOCUMENT), 10) == 0.0
    elsewhere = source("e", DOCUMENT.text)
    case = case_of(answered(placed, ranking=(passage(elsewhere, 0, 33),)), DOCUMENT, elsewhere)
    assert evidence_recall(case, 10) == 0.0


def test_evidence_counts_at_every_place_of_its_text() -> None:
    again = source("d", "Beta two. Alpha one. Beta two.")
    late = (passage(again, 21, 30),)
    for gold in (gold_in(again, "Beta two."), Gold(text="Beta two.", document_id="d")):
        assert evidence_recall(case_of(answered(asked("q", gold=[gold]), ranking=late), again), 10) == 1.0
    # It stands in the document, so that its text in a passage that cuts it does not count.
    cut = (passage(again, 22, 30),)
    assert (
        evidence_recall(case_of(answered(asked("q", gold=[Gold(text="Beta two.")]), ranking=cut), again), 4)
        == 0
    )


def test_evidence_is_not_defined_without_gold_or_ranking() -> None:
    gold = [gold_in(DOCUMENT, "Beta two.")]
    assert evidence_recall(case_of(answered(asked("q"), ranking=ranked("d"))), 10) is None
    assert evidence_recall(case_of(answered(asked("q", gold=gold))), 10) is None
    labelled = asked("q", gold=gold, answerable=False)
    assert evidence_recall(case_of(answered(labelled, ranking=ranked("d")), DOCUMENT), 10) is None
    assert evidence_recall(case_of(answered(asked("q", gold=gold), ranking=())), 10) == 0.0


def test_a_passage_without_text_and_document_is_an_error() -> None:
    question = asked("q7", gold=[gold_in(DOCUMENT, "Beta two.")])
    case = case_of(answered(question, ranking=(passage(DOCUMENT, 0, 20),)))
    with pytest.raises(EvaluationError, match=r"'q7'.*neither the text of a ranked passage"):
        evidence_recall(case, 10)


def test_multihop_measures_worked_by_hand() -> None:
    texts = ["nothing", "… The  price\nrose. …", "again: The price rose.", "no", "x Ann said so. y"]
    found = scores(texts, ["The price rose.", "Ann said so.", "Ann said so."])
    assert found == {
        "hits_at_4": 1.0,
        "hits_at_10": 1.0,
        "mrr_at_10": 0.5,
        "map_at_10": pytest.approx((1 / 2 + 1 / 5) / 2),
    }
    assert scores(["-"] * 4 + ["fact"], ["fact"])["hits_at_4"] == 0.0
    assert scores(["-"] * 10 + ["fact"], ["fact"]) == dict.fromkeys(found, 0.0)
    assert scores([], ["fact"]) == dict.fromkeys(found, 0.0)
    with pytest.raises(ValueError, match="without facts"):
        scores(["x"], [])


def test_multihop_takes_texts_from_passages_or_documents() -> None:
    question = asked("q", gold=[Gold(text="Gamma\u00a0three.")])
    blank = asked("blank", gold=[Gold(text="Gamma three.")])
    cases = cases_of(
        run_of(
            answered(question, ranking=(passage(DOCUMENT, 0, 33),)),
            answered(blank, ranking=(passage(DOCUMENT, 0, 20), passage(DOCUMENT, 11, 33))),
            answered(asked("no gold"), ranking=ranked("d")),
            documents=[DOCUMENT],
        )
    )
    # A no-break space is neither a space nor a newline, so the first fact is not found.
    assert measure_multihop(cases)["mrr_at_10"].rows[:2, 0].tolist() == [0.0, 0.5]
    assert measure_multihop(cases)["mrr_at_10"].defined().shape == (2, 1)
