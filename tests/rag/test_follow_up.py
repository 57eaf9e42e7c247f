"""Follow-ups: what leans on the conversation, what is added to it, and what is left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import content_terms
from rag.follow_up import MAX_CHARACTERS, MAX_TOPICS, standalone
from rag.types import Turn


def user(text: str) -> Turn:
    return Turn(role="user", content=text)


def assistant(text: str) -> Turn:
    return Turn(role="assistant", content=text)


TIN = [user("How many tons of tin did Uzbekistan export in 2023?"), assistant("It exported 12 tons [1].")]
DEALS = [
    user("Which critical minerals deals did Washington sign with Kazakhstan?"),
    assistant("Washington and Kazakhstan signed a tungsten deal with Cove Kaz Capital."),
]
ACCORDS = [user("When did Kazakhstan join the Abraham Accords?"), assistant("In November 2025.")]


@pytest.mark.parametrize(
    ("history", "question", "topics"),
    [
        # Pronouns and possessives
        (DEALS, "Who signed it?", "critical minerals deals; Washington; Kazakhstan"),
        (ACCORDS, "What are its advantages?", "Kazakhstan; Abraham Accords"),
        (ACCORDS, "Which countries belong to them?", "Kazakhstan; Abraham Accords"),
        (
            [user("How many days does the travel policy allow?"), assistant("It allows 25 days.")],
            "Who approved it?",
            "travel policy",
        ),
        ([user("When was the vote count published?")], "Who published it?", "vote count"),
        ([user("Why did they vote against tungsten tariffs?")], "Who opposed them?", "tungsten tariffs"),
        # Ellipsis
        (TIN, "And in 2024?", "How many tons of tin did Uzbekistan export in 2023"),
        (TIN, "why?", "How many tons of tin did Uzbekistan export in 2023"),
        (ACCORDS, "What about Uzbekistan?", "When did Kazakhstan join the Abraham Accords"),
        (ACCORDS, "How so?", "When did Kazakhstan join the Abraham Accords"),
        (DEALS[:1], "And with Uzbekistan?", "Which critical minerals deals did Washington sign with Kazakhstan"),
        # Demonstratives, and nouns that were said before
        (DEALS, "How much are those deals worth?", "tungsten deal; critical minerals deals; Washington; Kazakhstan"),
        (ACCORDS, "What did the presidents discuss?", "Kazakhstan; Abraham Accords"),
        (ACCORDS, "What is the largest?", "Kazakhstan; Abraham Accords"),
        # Nouns that say little without another
        (ACCORDS, "What are the risks?", "Kazakhstan; Abraham Accords"),
        (ACCORDS, "Are there any critics?", "Kazakhstan; Abraham Accords"),
    ],
)  # fmt: skip
def test_what_a_question_needs_is_put_behind_it(history: list[Turn], question: str, topics: str) -> None:
    assert standalone(question, history) == f"{question} (about: {topics})"


@pytest.mark.parametrize(
    "question",
    [
        "Which metals does Uzbekistan export through Georgian ports?",
        "What is intermittent fasting?",
        "Is China the largest buyer of tungsten?",
        "What is mortadella and where is it from?",
        "If the mine closes, does it open again, and who pays the miners of Almalyk?",
        "What are the side effects of long term aspirin use?",
        "I heard that miners in Navoi strike every winter. Is that true?",
        "Compare tungsten and antimony.",
        "Did Uzbekistan sell its shares?",
        "How do miners get their wages?",
        "Who bought the mine that Cove Kaz owned?",
        "What is there to do in Almaty?",
        "Thanks",
        "ok!",
        "???",
        "Was exportiert Usbekistan nach Deutschland?",
        "Что экспортирует Узбекистан через порты Грузии?",
    ],
)
def test_a_question_that_needs_no_history_is_left_exactly_as_it_is(question: str) -> None:
    for history in (TIN, DEALS, ACCORDS):
        assert standalone(question, history) == question


@pytest.mark.parametrize(
    "history", [[], [assistant("Tokayev leads Kazakhstan.")], [user(" \n "), assistant("x")], [user("???")]]
)
def test_without_an_earlier_question_nothing_is_added(history: list[Turn]) -> None:
    assert standalone("Who signed it?", history) == "Who signed it?"


def test_the_topic_is_carried_over_several_turns() -> None:
    turns = list(ACCORDS)
    for question in ("Who signed it?", "When was that?", "Why?", "Where was it?"):
        found = standalone(question, turns)
        assert "Abraham Accords" in found
        turns.append(user(question))


def test_a_question_that_stands_alone_turns_the_conversation_to_its_own_topic() -> None:
    turns = [*ACCORDS, user("Who owns the Almalyk smelter?")]
    assert standalone("Where is it?", turns) == "Where is it? (about: Almalyk smelter)"


def test_in_a_row_of_short_questions_the_first_whole_one_is_still_asked() -> None:
    turns = [*TIN, user("What about Kazakhstan?")]
    assert standalone("And in 2024?", turns) == (
        "And in 2024? (about: How many tons of tin did Uzbekistan export in 2023; Kazakhstan)"
    )


def test_a_person_is_found_in_what_was_answered() -> None:
    turns = [user("Who leads Kazakhstan?"), assistant("Kassym-Jomart Tokayev leads Kazakhstan [1].")]
    assert standalone("What did he sign?", turns) == (
        "What did he sign? (about: Kassym-Jomart Tokayev; Kazakhstan)"
    )


def test_a_name_in_part_is_given_in_full() -> None:
    turns = [user("Who led the talks?"), assistant("Ana Brandt of the National Alliance on Mining did.")]
    assert standalone("Did Brandt agree?", turns).startswith("Did Brandt agree? (about: Ana Brandt")
    assert standalone("What does the Alliance want?", turns).startswith(
        "What does the Alliance want? (about: National Alliance on Mining"
    )
    africa = [user("Which mines did South Africa close in Limpopo province?")]
    assert standalone("Which mines did Africa open in Lagos harbour?", africa) == (
        "Which mines did Africa open in Lagos harbour?"
    )


def test_an_acronym_is_spelt_out_from_an_earlier_question() -> None:
    turns = [user("What is a virtual machine?")]
    assert (
        standalone("How do VMs differ from it?", turns)
        == "How do VMs differ from it? (about: virtual machine)"
    )


def test_what_an_answer_names_again_and_again_is_a_topic() -> None:
    turns = [
        user("Which milk is best?"),
        assistant("Soy milk is high in protein. We compared soy milk with rice. Choose soy milk."),
    ]
    assert "soy milk" in standalone("Can I make it at home?", turns).casefold()


def test_russian_pronouns_and_ellipsis() -> None:
    turns = [user("Кто руководит Казахстаном?")]
    assert standalone("Когда он встретил президентов?", turns) == (
        "Когда он встретил президентов? (про: руководит Казахстаном)"
    )
    assert standalone("А в 2024 году?", turns) == "А в 2024 году? (про: Кто руководит Казахстаном)"


def test_words_of_the_question_are_not_said_twice() -> None:
    assert standalone("When did Kazakhstan sign them?", ACCORDS) == (
        "When did Kazakhstan sign them? (about: Abraham Accords)"
    )


def test_there_are_few_topics() -> None:
    turns = [
        user(f"Who sold the {name} smelter to Zurich and Oslo and Riga and Baku?")
        for name in ("Navoi", "Almalyk")
    ]
    found = standalone("And those?", turns)
    assert found.count(";") < MAX_TOPICS


# Bounds


def test_a_question_without_room_is_left_as_it_is_and_a_long_topic_gives_way() -> None:
    full = "Why is it " + "x" * (MAX_CHARACTERS - 11) + "?"
    assert len(full) == MAX_CHARACTERS
    assert standalone(full, ACCORDS) == full
    roomy = "Why is it " + "x" * (MAX_CHARACTERS - 40) + "?"
    assert standalone(roomy, ACCORDS) == f"{roomy} (about: Kazakhstan)"


def test_a_huge_history_is_read_from_its_end() -> None:
    turns = [user("Tin. " * 100_000), *(user(f"Where is mine {n}?") for n in range(100)), *ACCORDS]
    assert standalone("Who signed them?", turns) == "Who signed them? (about: Kazakhstan; Abraham Accords)"


def test_line_breaks_marks_and_decomposed_letters_of_a_turn_do_no_harm() -> None:
    assert standalone("Why?", [user("Where is the (old; new)\n\n cafe\u0301?")]) == (
        "Why? (about: Where is the old, new café)"
    )
    assert standalone("Why?", [user("Where is \ud800\x00 Riga?")]).encode()


def test_a_form_that_is_sent_back_is_understood() -> None:
    shown = standalone("Who signed it?", DEALS)
    # As the turn before itself, as an answer record is asked again.
    assert standalone("Who signed it?", [user(shown)]) == shown
    # As the question.
    assert standalone(shown, ACCORDS) == shown
    # As an earlier turn.
    assert standalone("Why?", [user(shown)]) == (
        "Why? (about: Who signed it, critical minerals deals, Washington, Kazakhstan)"
    )


TURNS = st.lists(
    st.builds(Turn, role=st.sampled_from(["user", "assistant"]), content=st.text(max_size=80)), max_size=6
)
# A question with control characters or surrogates never gets here (see `checked_question`).
ASKED = st.one_of(
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60).filter(
        lambda text: text == text.strip()
    ),
    st.sampled_from(["Why?", "Who signed it?", "What about Riga?", "And those deals?", "А он?", "Is IT it?"]),
)


@given(ASKED, TURNS)
def test_own_words_are_kept_and_the_form_holds_for_any_text(question: str, history: list[Turn]) -> None:
    found = standalone(question, history)
    assert found.startswith(question)
    assert len(found) <= MAX_CHARACTERS
    added = found[len(question) :]
    if added:
        assert added.startswith((" (about: ", " (про: "))
        assert added.endswith(")")
        assert added.count("(") == added.count(")") == 1
        assert "\n" not in added
        assert content_terms(added)
        assert standalone(question, [user(found)]) == found
    assert standalone(question, []) == question
