"""What is read out of a question: its bounds, what it asks for, its names, and what it leans on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import QuestionError
from rag.question import MAX_CHARACTERS, checked_question, read_question
from rag.types import AnswerType, Turn

# Bounds


def test_a_question_is_trimmed_and_composed() -> None:
    assert checked_question(" \n\tWhere is the cafe\u0301?\r\n ") == "Where is the café?"
    assert checked_question("и\u0306од") == "йод"


def test_length_is_counted_in_characters_after_trimming() -> None:
    assert MAX_CHARACTERS == 2000
    assert checked_question("🙂" * 2000) == "🙂" * 2000
    assert len(checked_question("  " + "a" * 2000 + "  ")) == 2000
    with pytest.raises(QuestionError, match="2001 characters"):
        checked_question("a" * 2001)
    # 2,001 characters that compose to 1,001.
    assert len(checked_question("a" + "e\u0301" * 1000)) == 1001


@pytest.mark.parametrize("blank", ["", " ", "\n\t\r\n", "\u00a0\u2003"])
def test_a_blank_question_is_refused(blank: str) -> None:
    with pytest.raises(QuestionError, match="blank"):
        checked_question(blank)


@pytest.mark.parametrize(
    ("char", "named"),
    [
        ("\x00", "U\\+0000"),
        ("\x1b", "U\\+001B"),
        ("\x7f", "U\\+007F"),
        ("\x9f", "U\\+009F"),
        ("\ud800", "U\\+D800"),
        ("\udfff", "U\\+DFFF"),
        ("\ufffe", "U\\+FFFE"),
    ],
)
def test_control_characters_and_surrogates_are_refused_by_place(char: str, named: str) -> None:
    with pytest.raises(QuestionError, match=f"character 3 .*{named}"):
        checked_question(f"Who{char}?")


def test_tabs_and_line_breaks_inside_are_part_of_a_question() -> None:
    assert checked_question("Who\tcame\r\nand why?") == "Who\tcame\r\nand why?"


@given(st.text(max_size=60))
def test_a_question_that_passes_is_trimmed_nfc_and_stays_so(text: str) -> None:
    try:
        question = checked_question(text)
    except QuestionError:
        return  # refused is the other allowed end
    assert question == unicodedata.normalize("NFC", question)
    assert question
    assert question == checked_question(question)


# What is asked for


@pytest.mark.parametrize(
    ("kind", "questions"),
    [
        (
            AnswerType.PERSON,
            [
                "Who signed the treaty?",
                "To whom was it sold?",
                "Whose mine is it?",
                "Which minister resigned?",
                "Кто подписал договор?",
                "Кого он встретил?",
                "Wer hat den Vertrag unterschrieben?",
                "Qui a signé ?",
            ],
        ),
        (
            AnswerType.PLACE,
            [
                "Where was it signed?",
                "In which city do they meet?",
                "What country is the largest producer?",
                "Где находится завод?",
                "Wo liegt die Stadt?",
                "Où est Paris ?",
            ],
        ),
        (
            AnswerType.DATE,
            [
                "When did it open?",
                "In what year was it built?",
                "Since when has it been closed?",
                "How long ago was it built?",
                "Когда открылся мост?",
                "В каком году он родился?",
                "Wann wurde es gebaut?",
                "Quand a-t-il été construit ?",
            ],
        ),
        (
            AnswerType.NUMBER,
            [
                "How many people live there?",
                "How much tin is exported?",
                "How long is the bridge?",
                "How old is the mine?",
                "What percentage is exported?",
                "What total amount was paid?",
                "What is the population of Kazakhstan?",
                "What was the price of tin?",
                "At what price was it sold?",
                "Сколько людей там живёт?",
                "Wie viele Menschen leben dort?",
                "Combien de mines ?",
            ],
        ),
        (
            AnswerType.REASON,
            [
                "Why did the mill close?",
                "What is the reason for the delay?",
                "What caused the fire?",
                "What drives the price?",
                "How come it failed?",
                "What are the motives of the buyers?",
                "Почему закрылся завод?",
                "Зачем им медь?",
                "Warum wurde die Mühle geschlossen?",
                "Pourquoi le moulin ?",
            ],
        ),
        (
            AnswerType.MANNER,
            [
                "How is tin refined?",
                "And how do they travel?",
                "Как добывают цинк?",
                "Wie wird Zinn gewonnen?",
                "Comment ça marche ?",
            ],
        ),
        (
            AnswerType.YES_NO,
            ["Is tin a metal?", "Did the leaders meet?", "Will they return?", "Didn’t they sign?"],
        ),
        (
            AnswerType.OTHER,
            ["What did the leaders discuss?", "Name the five presidents.", "Tin exports", "???"],
        ),
    ],
)
def test_what_a_question_asks_for(kind: AnswerType, questions: list[str]) -> None:
    assert {q: read_question(q).answer_type for q in questions} == dict.fromkeys(questions, kind)


def test_the_kind_is_that_of_the_question_and_not_of_the_one_before() -> None:
    question = read_question(
        "Where was it signed?", [Turn(role="user", content="When was the treaty signed?")]
    )
    assert question.answer_type is AnswerType.PLACE


# Words and names


def test_terms_are_in_order_once_and_without_function_words() -> None:
    question = read_question("How many tons of tin and how many tons of zinc?")
    assert question.terms == ("mani", "ton", "tin", "zinc")


def test_a_question_of_function_words_alone_keeps_them() -> None:
    assert read_question("Who is it?").terms == ("who", "is", "it")


def test_one_name_in_several_spellings_is_one_term() -> None:
    spellings = ["the United States", "the U.S.", "the US", "США"]
    assert {read_question(f"exports of {name}").terms for name in spellings} == {("export", "nnusa")}
    assert "nnusa" not in read_question("who told us?").terms


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What did Ana Brandt sign in Riga?", {"ana", "brandt", "riga"}),
        ("Why did the U.S. buy 8.3 tons?", {"nnusa", "8d3"}),
        ("Why did the United States buy tin?", {"nnusa"}),
        ("When did NATO meet?", {"nato"}),
        ("Treaty of riga", set()),
        ("what did ana brandt sign in 1998", {"1998"}),
        ("WHAT DID ANA SIGN IN 1998", {"1998"}),
        ("Что Токаев сказал в Астане?", {"тока", "астан"}),
    ],
)
def test_names_are_capitalised_words_inside_acronyms_and_numbers(text: str, names: set[str]) -> None:
    found = read_question(text)
    assert found.names <= set(found.terms)
    expected = {term for term in found.terms if any(term.startswith(name) for name in names)}
    assert found.names == expected
    assert len(expected) == len(names)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Who signed?", "en"),
        ("Кто подписал?", "ru"),
        ("Что такое NATO?", "ru"),
        ("What is «мир»?", "en"),
        ("1998?", "en"),
        ("Wer war das?", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert read_question(text).language == language


# Conversations


def user(text: str) -> Turn:
    return Turn(role="user", content=text)


def assistant(text: str) -> Turn:
    return Turn(role="assistant", content=text)


BEFORE = [user("Who leads Kazakhstan?"), assistant("Kassym-Jomart Tokayev does.")]


def test_what_a_leaning_question_needs_is_shown_and_searched_for() -> None:
    found = read_question("When did he meet the other four presidents?", BEFORE)
    assert found.text == "When did he meet the other four presidents?"
    assert found.standalone == f"{found.text} (about: Kassym-Jomart Tokayev; Kazakhstan)"
    assert found.terms == ("meet", "four", "presid", "kassym", "jomart", "tokayev", "kazakhstan")
    assert found.names == {"kassym", "jomart", "tokayev", "kazakhstan"}
    assert found.answer_type is AnswerType.DATE


def test_the_form_itself_adds_no_words_to_search_for() -> None:
    assert read_question("Why?", [user("Where is Riga?")]).terms == ("riga",)
    russian = read_question("Почему?", [user("Где находится Рига?")])
    assert russian.standalone == "Почему? (про: Где находится Рига)"
    assert russian.terms == ("наход", "риг")
    assert russian.language == "ru"


def test_a_question_that_stands_alone_is_left_alone() -> None:
    question = "Which metals does Uzbekistan export through Georgian ports?"
    assert read_question(question, BEFORE).standalone == question


def test_a_follow_up_without_a_kind_of_its_own_has_that_of_the_question_before() -> None:
    before = [user("How many tons of tin did Uzbekistan export in 2023?")]
    assert read_question("And in 2024?", before).answer_type is AnswerType.NUMBER
    assert read_question("Why?", before).answer_type is AnswerType.REASON
    assert read_question("And in 2024?").answer_type is AnswerType.OTHER


def test_a_turn_that_is_no_unicode_text_gives_its_words_all_the_same() -> None:
    assert read_question("Why?", [user("Where is \ud800 Riga?")]).terms == ("riga",)
    assert read_question("Where was it signed?", [user("\ud800")]).standalone == "Where was it signed?"
