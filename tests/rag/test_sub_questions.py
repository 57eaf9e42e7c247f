"""Messages that ask several questions, and the many that look so and ask one."""

from __future__ import annotations

import pytest

from rag.sub_questions import sub_questions


@pytest.mark.parametrize(
    ("message", "questions"),
    [
        (
            "Who hosted the summit, and how many planes did Uzbekistan order?",
            ("Who hosted the summit?", "how many planes did Uzbekistan order?"),
        ),
        (
            "Who is Erika Marat? Where does she teach?",
            ("Who is Erika Marat?", "Where does she teach? (about: Erika Marat)"),
        ),
        (
            "what is the function of insulin and where is it produced",
            ("what is the function of insulin?", "where is it produced? (about: insulin)"),
        ),
        (
            "What is the notice period, and is severance paid?",
            ("What is the notice period?", "is severance paid? (about: notice period)"),
        ),
        (
            "Is remote work allowed on Fridays? Do I need my manager's approval?",
            ("Is remote work allowed on Fridays?", "Do I need my manager's approval?"),
        ),
        (
            "Who wrote the report and why was it withdrawn?",
            ("Who wrote the report?", "why was it withdrawn? (about: Who wrote the report)"),
        ),
        (
            "Did the bank raise its rate; what did Fortune write of the bank's rate?",
            ("Did the bank raise its rate?", "what did Fortune write of the bank's rate?"),
        ),
        (
            "Кто принял президентов и сколько самолётов заказал Узбекистан?",
            ("Кто принял президентов?", "сколько самолётов заказал Узбекистан?"),
        ),
    ],
)
def test_several_questions_are_taken_apart(message: str, questions: tuple[str, ...]) -> None:
    assert sub_questions(message) == questions


@pytest.mark.parametrize(
    "message",
    [
        "Why does the US want Central Asian minerals?",
        "When and where was the summit held?",
        "What and why?",
        "What is the difference between gross margin and what analysts call net margin?",
        "What is the effect of interest rates on savings and how banks lend?",
        "What do the US, China and Russia want?",
        "Which bank, which opened in 1998, lends to farmers?",
        "When American firms rolled out new cars, which policy ended?",
        "Does TechCrunch say that it failed, while The Verge says who paid?",
        "who, what, where",
        "",
        "?",
        "   ? ? ?",
        "and and and who",
        "Who a b c? Who d e f? Who g h i? Who j k l?",
        "Which plan "
        + "that was described at length in the report of the year before " * 4
        + "and who paid?",
    ],
)
def test_one_question_stays_whole(message: str) -> None:
    assert sub_questions(message) == (message,)


def test_a_piece_that_says_nothing_by_itself_gets_its_topic() -> None:
    first, second = sub_questions(
        "Was Kazakh trade with America larger in 2022 or in 2024, and what were the two figures?"
    )
    assert first == "Was Kazakh trade with America larger in 2022 or in 2024?"
    assert second.startswith("what were the two figures? (about: Kazakh trade")
