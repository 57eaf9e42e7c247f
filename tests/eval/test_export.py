"""Rows for other tools: exact fields, failures left out and counted, what is missing said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eval.datatypes import Gold, RankedPassage, Run
from eval.errors import EvaluationError
from eval.export import export_rows, export_text, trec_qrels, trec_run
from tests.eval.eval_fakes import (
    abstained,
    answered,
    asked,
    cited,
    failed,
    gold_in,
    passage,
    ranked,
    run_of,
    source,
)

DOC = source("d1", "Zinc was found in 1907. It is “soft”.\nTin is not.")


def run() -> Run:
    return run_of(
        answered(
            asked("q1", gold=[gold_in(DOC, "Zinc was found in 1907.")], answers=["1907", "in 1907"]),
            cited(DOC, "Zinc was found in 1907."),
            answer="Zinc was found in 1907. [1]",
            ranking=[passage(DOC, 0, 23), passage(DOC, 24, 37, text="It is “soft”.")],
        ),
        failed(asked("q2", gold=[gold_in(DOC, "Tin is not.")])),
        abstained(asked("q3", answerable=False), ranking=[]),
        answered(
            asked("q4", gold=[Gold(text="It is “soft”."), Gold(text="Tin is not.")]),
            cited(DOC, "Tin is not."),
            answer="Tin is not. [1]",
        ),
        documents=[DOC],
        name="my run",
    )


def test_ragas_rows_hold_what_was_asked_found_said_and_wanted() -> None:
    made = export_rows(run(), "ragas")
    assert [json.loads(line) for line in made.lines] == [
        {
            "user_input": "What of q1?",
            "response": "Zinc was found in 1907. [1]",
            "reference": "1907",
            "reference_contexts": ["Zinc was found in 1907."],
            "retrieved_contexts": ["Zinc was found in 1907.", "It is “soft”."],
        },
        {
            "user_input": "What of q3?",
            "response": "The sources do not answer this.",
            "reference": None,
            "reference_contexts": [],
            "retrieved_contexts": [],
        },
        {
            "user_input": "What of q4?",
            "response": "Tin is not. [1]",
            "reference": "It is “soft”. Tin is not.",
            "reference_contexts": ["It is “soft”.", "Tin is not."],
            "retrieved_contexts": ["Tin is not."],  # no search: what it cited
        },
    ]
    assert made.left_out == {"failed": 1}


def test_deepeval_rows_have_its_names() -> None:
    first = json.loads(export_rows(run(), "deepeval").lines[0])
    assert first == {
        "input": "What of q1?",
        "actual_output": "Zinc was found in 1907. [1]",
        "expected_output": "1907",
        "context": ["Zinc was found in 1907."],
        "retrieval_context": ["Zinc was found in 1907.", "It is “soft”."],
    }


def test_a_run_without_failures_leaves_nothing_out_and_twice_gives_equal_bytes() -> None:
    whole = run_of(abstained(asked("q1")))
    assert export_rows(whole, "ragas").left_out == {}
    assert export_text(run(), "ragas") == export_text(run(), "ragas")
    text, left_out = export_text(run(), "ragas")
    assert left_out == 1
    assert text.count("\n") == 3
    assert text.endswith("}\n")


def test_a_run_of_failures_alone_exports_nothing_and_says_so() -> None:
    assert export_text(run_of(failed(asked("q1")), failed(asked("q2"))), "deepeval") == ("", 2)


def test_a_ranked_passage_without_text_is_an_error_that_names_it() -> None:
    lost = RankedPassage(document_id="gone", start=0, end=4, text=None, score=None)
    with pytest.raises(EvaluationError, match=r"question 'q1'.*document 'gone' has no text"):
        export_rows(run_of(answered(asked("q1"), ranking=[lost])), "ragas")


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(
        EvaluationError, match=r"'csv'; it must be one of ragas, deepeval, trec-run, trec-qrels"
    ):
        export_text(run(), "csv")
    with pytest.raises(EvaluationError, match="'csv'; it must be ragas or deepeval"):
        export_rows(run(), "csv")  # type: ignore[arg-type]


def test_trec_run_ranks_documents_at_their_first_passage() -> None:
    made = trec_run(
        run_of(
            answered(asked("q 1"), ranking=ranked("b", "a", "b", "c%")),
            failed(asked("q2")),
            answered(asked("q3")),
            name="my run",
        )
    )
    assert made.lines == (
        "q%201 Q0 b 1 1.0 my%20run",
        "q%201 Q0 a 2 0.5 my%20run",
        "q%201 Q0 c%25 3 0.3333333333333333 my%20run",
    )
    assert made.left_out == {"failed": 1, "no ranking": 1}


def test_trec_run_keeps_scores_that_fall_and_replaces_those_that_do_not() -> None:
    down = [replace(one, score=score) for one, score in zip(ranked("a", "b"), (7.5, -2.0), strict=True)]
    tied = [replace(one, score=1.0) for one in ranked("b", "a")]  # trec_eval would turn these round
    made = trec_run(run_of(answered(asked("q1"), ranking=down), answered(asked("q2"), ranking=tied)))
    assert made.lines == (
        "q1 Q0 a 1 7.5 hand",
        "q1 Q0 b 2 -2.0 hand",
        "q2 Q0 b 1 1.0 hand",
        "q2 Q0 a 2 0.5 hand",
    )


def test_trec_run_needs_a_search_and_documents() -> None:
    with pytest.raises(EvaluationError, match="its target has no search"):
        trec_run(run_of(answered(asked("q1"))))
    nameless = RankedPassage(document_id=None, start=None, end=None, text="words", score=None)
    with pytest.raises(EvaluationError, match="'q1': a passage names no document"):
        trec_run(run_of(answered(asked("q1"), ranking=[nameless])))


def test_trec_qrels_are_grades_or_the_documents_of_gold() -> None:
    made = trec_qrels(
        run_of(
            answered(asked("q1", relevant={"a": 2, "b": 0})),
            failed(asked("q2", gold=[gold_in(DOC, "Tin is not.")])),
            abstained(asked("q3", answerable=False)),
            documents=[DOC],
        )
    )
    assert made.lines == ("q1 0 a 2", "q1 0 b 0", "q2 0 d1 1")
    assert made.left_out == {"no relevant document": 1}
    with pytest.raises(EvaluationError, match="no question names a relevant document"):
        trec_qrels(run_of(abstained(asked("q1"))))


def test_ir_measures_reads_what_is_written() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    made = run_of(
        answered(asked("q1", relevant={"a": 1}), ranking=ranked("b", "a")),
        answered(asked("q2", relevant={"b": 1}), ranking=ranked("b")),
    )
    found = ir_measures.calc_aggregate(
        [ir_measures.RR],
        list(ir_measures.read_trec_qrels(trec_qrels(made).text)),
        list(ir_measures.read_trec_run(trec_run(made).text)),
    )
    assert found[ir_measures.RR] == 0.75
