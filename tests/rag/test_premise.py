"""Questions that ask of one what the sources say of another."""

from __future__ import annotations

import pytest

from index.terms import content_terms
from rag.premise import as_written, unsaid_names
from rag.question import read_question

ACCORDS = "Kazakhstan joined the Abraham Accords on 6 November."
BOEING = "Uzbekistan has ordered 22 aircraft from Boeing for its national airline."


def unsaid(
    asked: str, sentence: str, *, around: str | None = None, passage: str | None = None, titles: str = ""
) -> set[str]:
    question = read_question(asked)
    near = f"{titles}\n{around or sentence}"
    return set(
        unsaid_names(question.names, content_terms(question.standalone), sentence, near, passage or near)
    )


@pytest.mark.parametrize(
    ("asked", "sentence", "name"),
    [
        ("When did Uzbekistan join the Abraham Accords?", ACCORDS, "Uzbekistan"),
        ("How many aircraft has Uzbekistan ordered from Airbus?", BOEING, "Airbus"),
        (
            "Who opened the Danube bridge in 1962?",
            "Ana Brandt opened the Danube bridge in 1998.",
            "1962",
        ),
        (
            "Когда Узбекистан присоединился к Авраамовым соглашениям?",
            "Казахстан присоединился к Авраамовым соглашениям 6 ноября.",
            "Узбекистан",
        ),
        (
            "Who was the second president of Kazakhstan, Nursultan Wallenberg?",
            "The second president of Kazakhstan was Kassym-Jomart Tokayev, after Nursultan Nazarbayev.",
            "Wallenberg",
        ),
    ],
)
def test_what_is_said_of_another_is_no_answer(asked: str, sentence: str, name: str) -> None:
    found = unsaid(asked, sentence)
    assert as_written(found, asked) == (name,)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("When did Kazakhstan join the Abraham Accords?", ACCORDS),
        # Another form, spelling or shortening of the same name.
        ("When did the Kazakhs join the Abraham Accords?", ACCORDS),
        ("When did Kazakstan join the Abraham Accords?", ACCORDS),
        (
            "What campaign did the regime start after WWII?",
            "After World War II the regime started the Bricks campaign.",
        ),
        ("Who was Genghis's 3rd son?", "Genghis' third son was Ögedei Khan."),
        ("How did Celeron reach Logstown?", "Céloron reached Logstown by canoe with Joncaire."),
        ("How many of the 5 leaders came to Samarkand?", "All five leaders came to Samarkand, Tokayev too."),
        # It holds too little of what is asked to say it of anybody.
        ("When did Uzbekistan join the Abraham Accords?", "Kazakhstan opened an embassy in May."),
        # No other name stands there that it could be said of.
        ("When did Uzbekistan join the accords?", "The country joined the accords in November."),
        ("When was it joined?", ACCORDS),
        ("???", ACCORDS),
    ],
)
def test_what_may_answer_is_left_alone(asked: str, sentence: str) -> None:
    assert unsaid(asked, sentence) == set()


@pytest.mark.parametrize(
    ("asked", "titles", "sentence"),
    [
        # What stands in the title, or in a heading, is not said again in every sentence.
        ("How many days of leave do Acme employees get?", "Acme staff handbook", "Employees get 25 days of leave a year."),
        ("Who founded Acme?", "The history of Acme", "Ann Lee founded the company in 1990."),
        ("What is the maximum dose of Tylenol?", "Leaflet > Tylenol", "The maximum dose is 4 g a day."),
        # A number is not said of another where there is only a name, nor a name where there is only a number.
        ("Who won the 2018 World Cup?", "Football", "France won the World Cup in Moscow."),
        ("How many employees did Tesla have?", "Report", "The company had 127,855 employees in March."),
        # By office nobody is another.
        ("When did President Obama visit Cuba?", "Cuba", "Obama visited Cuba in March 2016."),
        ("When did Prime Minister Kishida visit Kyiv?", "Kyiv", "Kishida visited Kyiv in March 2023."),
    ],
)  # fmt: skip
def test_what_the_title_the_kind_or_the_office_explains_is_left_alone(
    asked: str, titles: str, sentence: str
) -> None:
    assert unsaid(asked, sentence, titles=titles) == set()


def test_the_word_that_opens_a_sentence_is_no_name_where_it_is_a_common_word() -> None:
    asked = "How many days of leave do Acme staff get?"
    sentence = "Workers of the staff get 25 days of leave."
    assert unsaid(asked, sentence, passage=f"Rules for workers. {sentence}") == set()
    assert unsaid(asked, "Globex staff get 25 days of leave.") == {"acm"}


def test_a_name_beside_the_sentence_counts() -> None:
    asked = "When did Lempicka move to Paris?"
    sentence = "The painter moved to Paris in 1918 with Tadeusz."
    assert unsaid(asked, sentence) == {"lempicka"}
    assert unsaid(asked, sentence, around=f"Lempicka was born in Warsaw. {sentence}") == set()


def test_a_sentence_that_points_back_may_speak_of_a_name_further_up() -> None:
    asked = "When did Lempicka move to Paris?"
    sentence = "She moved to Paris in 1918 with Tadeusz."
    above = f"Lempicka was born in Warsaw. Her father was a lawyer. Her mother played the piano. {sentence}"
    assert unsaid(asked, sentence, passage=above) == set()
    # One of whom nothing is said anywhere stays unsaid.
    assert unsaid("When did Tamara move to Paris?", sentence, passage=above) == {"tamara"}


def test_names_are_told_as_the_question_writes_them() -> None:
    asked = "Did Uzbekistan’s airline or UZBEKISTAN itself order from Airbus, and Airbus alone?"
    assert as_written({"uzbekistan", "airbus"}, asked) == ("Uzbekistan’s", "UZBEKISTAN", "Airbus")
    assert as_written(set(), asked) == ()
