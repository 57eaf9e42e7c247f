"""Questions that ask for several things, and the many that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import content_terms
from rag.parts import parts_of, speaks_of_several_reports


@pytest.mark.parametrize(
    "question",
    [
        "why does the US want Central Asian minerals?",
        "Who signed it, and when?",
        "How many tonnes of tungsten did Kazakhstan export to the US in 2024?",
        "Is copper, zinc or tin mined in Chile and Peru?",
        "",
        "???",
        "а, но, или",
    ],
)
def test_a_question_for_a_single_thing_has_no_parts(question: str) -> None:
    assert parts_of(question) == ()


def test_parts_are_cut_where_the_next_thing_is_asked_for() -> None:
    assert parts_of(
        "Does the Guardian article call the mine a threat to the northern river, while the Times article "
        "expects hundreds of jobs for the whole valley?"
    ) == (
        "Does the Guardian article call the mine a threat to the northern river,",
        "while the Times article expects hundreds of jobs for the whole valley?",
    )


def test_a_short_piece_stays_with_what_stands_before_it() -> None:
    assert parts_of(
        "Which minister, in May, opened the second copper mine of Peru, "
        "and who criticised the dirty water of the northern river?"
    ) == (
        "Which minister, in May, opened the second copper mine of Peru,",
        "and who criticised the dirty water of the northern river?",
    )


def test_every_part_of_a_follow_up_keeps_its_topic() -> None:
    question = (
        "Did they call the mine a threat to the northern river, while others expect hundreds of jobs for the "
        "whole valley? (about: Guardian report, of May; Times)"
    )
    first, second = parts_of(question)
    assert (
        first
        == "Did they call the mine a threat to the northern river, (about: Guardian report, of May; Times)"
    )
    assert second.endswith("whole valley? (about: Guardian report, of May; Times)")
    assert parts_of("Where was it? (about: the first treaty, the second treaty, the third treaty)") == ()


@pytest.mark.parametrize(
    "joint",
    [
        "in the same way that",
        "in a similar manner to how",
        "align with",
        "conflicts with",
        "inconsistent with",
        "similar to",
    ],
)
def test_what_is_compared_is_searched_for_by_itself(joint: str) -> None:
    one, other = (
        "Do northern copper mines of Chile pollute rivers",
        "southern silver mines of Bolivia poison lakes",
    )
    assert parts_of(f"{one} {joint} {other}?") == (f"{one} {joint}", f"{other}?")


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Does the article on Peru name the same sums as the article on Chile?", True),
        ("Do the reports of May agree with the later report?", True),
        ("Does the article report a loss?", False),
        ("What does the report say of tin?", False),
        ("Which stories did Ana write?", False),
        ("", False),
        ("Отчёт 🙂", False),
    ],
)
def test_one_report_beside_another(question: str, several: bool) -> None:
    assert speaks_of_several_reports(question) is several


def test_an_enumeration_is_no_list_of_questions() -> None:
    piece = "the copper mines of northern Chile produce metal for foreign markets"
    assert len(parts_of(", ".join([piece] * 6))) == 6
    assert parts_of(", ".join([piece] * 7)) == ()


@given(st.text(alphabet="abс дeж ,;:–é́😀\n\r", max_size=300) | st.text(max_size=200))
def test_parts_are_pieces_of_the_question_in_order(question: str) -> None:
    parts = parts_of(question)
    place = 0
    for part in parts:
        place = question.index(part, place) + len(part)
        assert len(content_terms(part)) >= 4
    assert len(parts) != 1
