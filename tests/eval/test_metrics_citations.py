"""Which sentences of an answer are cited, and whether from the right place; worked by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from eval.metrics import cases_of
from eval.metrics.citations import (
    citation_precision,
    citation_recall,
    cited_sentence_share,
    cited_sentences,
    every_sentence_supported,
    measure,
)
from eval.metrics.sentences import sentence_starts
from tests.eval.eval_fakes import (
    abstained,
    answered,
    asked,
    case_of,
    cited,
    failed,
    gold_in,
    loose,
    run_of,
    source,
)

DOCUMENT = source("d", "One is here. Two is there. Three goes on.")
ANSWER = "One is here. [1] Two is there. [2]\n\nThree goes on. [1]"
ONE, TWO, THREE = (0, 12), (17, 30), (36, 50)


def spans(*found: tuple[int, int], text: str = "One is here.") -> dict[str, Any]:
    return cited(DOCUMENT, text, spans=found)


def test_spans_are_where_the_sentences_are() -> None:
    assert [ANSWER[left:right] for left, right in (ONE, TWO, THREE)] == [
        "One is here.",
        "Two is there.",
        "Three goes on.",
    ]


@pytest.mark.parametrize(
    ("answer", "pieces"),
    [
        ("", []),
        ("… [1]\n—\n", []),
        ("One. two. Three", ["One. two. ", "Three"]),
        ("Да. нет. ё. Да! 2 … ok", ["Да. нет. ё. ", "Да! ", "2 … ok"]),
        ("«One.» (Two?) “Three!”] four", ["«One.» ", "(Two?) ", "“Three!”] four"]),
        ("One.[1] Two [2]. Three", ["One.[1] ", "Two [2]. ", "Three"]),
        ("3.14 a.B p.m. now", ["3.14 a.B p.m. now"]),
        ("one\ntwo\r\n\n - three", ["one\n", "two\r\n\n ", "- three"]),
        ("One: two; Three", ["One: two; Three"]),
        # What has no letter, digit or underscore is no sentence, and belongs to the one before.
        ("One. ! … \n* * *\n_ x", ["One. ! … \n* * *\n", "_ x"]),
        ("  . \nOne", ["One"]),
        ("[1] One", ["One"]),
        # A fragment is a piece like any other, as after "U.S." and "Mr.".
        ("The U.S. President met Mr. Putin.", ["The U.S. ", "President met Mr. ", "Putin."]),
        ("Да。 Да？\u2028Нет", ["Да。 ", "Да？\u2028", "Нет"]),
    ],
)
def test_where_sentences_start(answer: str, pieces: list[str]) -> None:
    starts = sentence_starts(answer)
    assert [answer[left:right] for left, right in pairwise([*starts, len(answer)])] == pieces


def test_fragments_of_a_cited_sentence_are_cited_too() -> None:
    answer = "The U.S. President met Mr. Putin. [1] He left."
    case = case_of(answered(asked("q"), spans((0, 33)), answer=answer), DOCUMENT)
    assert cited_sentences(case) == [True, True, True, False]


def test_every_sentence_is_cited() -> None:
    case = case_of(answered(asked("q"), spans(ONE, THREE), spans(TWO), answer=ANSWER), DOCUMENT)
    assert cited_sentences(case) == [True, True, True]
    assert (cited_sentence_share(case), every_sentence_supported(case)) == (1.0, 1.0)


def test_one_of_three_sentences_is_not() -> None:
    case = case_of(answered(asked("q"), spans(ONE, (36, 40)), answer=ANSWER), DOCUMENT)
    assert cited_sentences(case) == [True, False, True]
    assert cited_sentence_share(case) == float(Fraction(2, 3))
    assert every_sentence_supported(case) == 0.0


def test_a_span_on_the_marker_alone_belongs_to_the_sentence_before() -> None:
    case = case_of(answered(asked("q"), spans((13, 16)), spans((51, 54)), answer=ANSWER), DOCUMENT)
    assert cited_sentences(case) == [True, False, True]


def test_a_citation_that_does_not_verify_supports_nothing() -> None:
    false = {**spans(ONE, TWO, THREE), "document_sha256": "0" * 64}
    case = case_of(answered(asked("q"), spans(ONE), false, answer=ANSWER), DOCUMENT)
    assert (cited_sentence_share(case), every_sentence_supported(case)) == (1.0, 0.0)


def test_answers_without_citations_or_without_sentences_and_abstentions() -> None:
    bare = case_of(answered(asked("q"), answer=ANSWER))
    assert (cited_sentence_share(bare), every_sentence_supported(bare)) == (0.0, 0.0)
    for empty in (abstained(asked("q")), answered(asked("q"), answer=" [1] \n")):
        case = case_of(empty)
        assert (cited_sentence_share(case), every_sentence_supported(case)) == (None, None)


def test_unanswerable_questions_that_were_answered_count_too() -> None:
    question = asked("q", answerable=False)
    case = case_of(answered(question, spans(ONE), answer="One is here. [1]"), DOCUMENT)
    assert (cited_sentence_share(case), every_sentence_supported(case)) == (1.0, 1.0)
    assert (citation_precision(case), citation_recall(case)) == (None, None)


def test_precision_and_recall_worked_by_hand() -> None:
    gold = [gold_in(DOCUMENT, text) for text in ("One is here.", "Three goes on.")]
    question = asked("q", gold=gold)
    quotes = [spans(text="here. Two"), spans(text="Two is"), spans(text="One")]
    case = case_of(answered(question, *quotes), DOCUMENT)
    assert (citation_precision(case), citation_recall(case)) == (float(Fraction(2, 3)), 0.5)
    silent = case_of(abstained(question), DOCUMENT)
    assert (citation_precision(silent), citation_recall(silent)) == (None, 0.0)
    bare = case_of(answered(question), DOCUMENT)
    assert (citation_precision(bare), citation_recall(bare)) == (0.0, 0.0)
    by_text = case_of(answered(question, loose("Three\ngoes")), DOCUMENT)
    assert (citation_precision(by_text), citation_recall(by_text)) == (1.0, 0.5)


def test_the_family_is_measured_over_what_defines_it() -> None:
    run = run_of(
        answered(asked("a"), spans(ONE), answer="One is here. [1]"),
        answered(asked("b"), answer="One is here."),
        abstained(asked("c")),
        failed(asked("d")),
        documents=[DOCUMENT],
    )
    found = measure(cases_of(run))
    assert found["cited_sentence_share"].defined()[:, 0].tolist() == [1.0, 0.0]
    assert found["citation_recall"].defined().shape == (0, 1)
