"""Questions proposed by rule: what they are made of, and that they stay proposals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.datatypes import SourceText
from eval.errors import DataSetError
from eval.propose import Proposal, propose
from eval.propose_rules import forms, names, people_and_places


def document(name: str, *lines: str) -> SourceText:
    return SourceText(document_id=name, title=name.upper(), sha256="", text="\n".join(lines))


RIVER = document(
    "river",
    "The river report",
    "In 2013, the council of Almaty opened a bridge across the river. Subscribe to our newsletter for 12 news.",
    "Anna Petrova, a professor at the Water Institute, said that the dam holds 45 million tonnes of water.",
    "He told the council of Almaty that the dam was old in 2012.",
    "The dam in Almaty was closed because the wall had cracks in several places.",
)
STREET = document(
    "street",
    "In 1998, the mayor of Tashkent closed a street in Tashkent for the city's feast.",
    "Boris Ivanov, a spokesman for the mayor, said that the street costs $3 million a year.",
    "Повторяется в каждом документе, сообщил Иван Петров, что вода дорога.",
)


def test_each_question_carries_the_sentence_it_was_made_from() -> None:
    found = list(propose([RIVER, STREET], 50, seed=0))
    texts = {d.document_id: d.text for d in (RIVER, STREET)}
    assert len(found) >= 8
    for proposal in found:
        assert proposal.sentence in texts[proposal.document_id]
        if not proposal.answerable:
            assert (proposal.gold, proposal.answers, proposal.kind) == ((), (), "near_miss")
            continue
        (gold,) = proposal.gold
        assert texts[str(gold.document_id)][gold.start : gold.end] == gold.text == proposal.sentence
        assert all(answer in gold.text for answer in proposal.answers)
    assert {p.document_id for p in found[:2]} == {"river", "street"}


def test_boilerplate_and_sentences_that_point_back_are_left_out() -> None:
    sentences = {p.sentence for p in propose([RIVER, STREET], 50, seed=0)}
    assert not any("newsletter" in text or text.startswith("He told") for text in sentences)
    assert "The river report" not in sentences


def test_what_several_documents_repeat_is_left_out() -> None:
    teaser = "In 2020, the paper of Almaty won a prize for its reports on water."
    one = document("one", teaser, "In 1999, the town of Osh built a school for its children.")
    two = document("two", teaser)
    assert {p.sentence for p in propose([one, two], 50, seed=0)} == {one.text.split("\n")[1]}


def test_a_near_miss_holds_something_that_its_document_lacks() -> None:
    found = [p for p in propose([RIVER, STREET], 50, seed=0) if not p.answerable]
    assert found
    texts = {d.document_id: d.text.casefold() for d in (RIVER, STREET)}
    for proposal in found:
        assert proposal.exchanged is not None
        old, new = proposal.exchanged
        assert new in proposal.question
        assert new.casefold() not in texts[proposal.document_id]
        assert old.casefold() in texts[proposal.document_id]
        assert any(new.casefold() in text for text in texts.values())


def test_one_document_gives_no_near_misses() -> None:
    assert all(p.answerable for p in propose([RIVER], 50, seed=0))


def test_the_same_seed_gives_the_same_and_a_larger_count_goes_on() -> None:
    long = list(propose([RIVER, STREET], 8, seed=5))
    assert list(propose([RIVER, STREET], 3, seed=5)) == long[:3]
    assert len({p.proposal_id for p in long}) == len(long)
    by_question = {p.question: p.proposal_id for p in long}
    other = list(propose([RIVER, STREET], 50, seed=6))
    assert all(by_question.get(p.question, p.proposal_id) == p.proposal_id for p in other)


def test_misuse_is_an_error_before_anything_is_asked() -> None:
    with pytest.raises(DataSetError, match="0 proposals; it must be at least 1"):
        propose([RIVER], 0, seed=0)
    with pytest.raises(DataSetError, match="there are no documents to propose questions from"):
        propose([], 1, seed=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "No sentence here",
        "1234 5678 9012 3456",
        "Ж" * 5000,
        "。" * 50,
        "Aa " * 50_000,
        "1.1" * 50_000,
    ],
)
def test_documents_without_sentences_give_nothing(text: str) -> None:
    assert list(propose([document("d", text)], 5, seed=0)) == []


@settings(deadline=None)
@given(st.text(st.sampled_from("Aa Bб, .\n$12’й\u0306\r🙂\x1b"), max_size=200))
def test_any_text_gives_gold_that_holds(text: str) -> None:
    awkward = document("d", f"In 2001, Almaty City built {text} of it.", text)
    found: list[Proposal] = list(propose([awkward, STREET], 10, seed=0))
    for proposal in found:
        for gold in proposal.gold:
            if gold.document_id == "d":
                assert awkward.text[gold.start : gold.end] == gold.text


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("In 2013, the council opened a bridge.",
         [("When was it that the council opened a bridge?", "when", "2013")]),
        ("The Amu Darya flooded the town on 6 November.",
         [("When was it that the Amu Darya flooded the town?", "when", "6 November")]),
        ("Marco Rubio announced that he would visit in 2026.",
         [("Who announced that he would visit in 2026?", "who_said", "Marco Rubio"),
          ("What did Marco Rubio say?", "what_said", None),
          ("When was it that Marco Rubio announced that he would visit?", "when", "2026")]),
        ("However, the dam was closed because it leaked.",
         [("Why is it that the dam was closed?", "why", None)]),
        ("Erika Marat, a professor at the university, has doubts.",
         [("Who or what is Erika Marat?", "who", "a professor at the university")]),
        ("The planes are worth over $8 billion.",
         [("The planes are worth over how much money?", "how_many", "$8 billion")]),
        ("He visited 5 countries.", [("He visited how many countries?", "how_many", "5")]),
        ("It rose by 12.5 per cent.", [("It rose by what percentage?", "how_many", "12.5 per cent")]),
        ("He visited the 5 countries.", []),  # no “the how many countries”
        ("The sky is blue.", []),
        ("В 2013 году совет открыл мост.", [("В каком году совет открыл мост?", "when", "2013")]),
        ("Сергей Лавров заявил, что вода дорога.",
         [("Кто заявил, что вода дорога?", "who_said", "Сергей Лавров")]),
        ("Мост закрыли, потому что он старый.", [("Почему Мост закрыли?", "why", None)]),
        ("В городе живёт 45 тысяч семей.", [("В городе живёт сколько тысяч семей?", "how_many", "45")]),
        (".", []),
    ],
)  # fmt: skip
def test_rules_worked_by_hand(sentence: str, expected: list[tuple[str, str, str | None]]) -> None:
    assert [(f.question, f.kind, f.answer) for f in forms(sentence)] == expected


def test_names_and_what_they_are() -> None:
    text = "The mayor of New York met Anna Petrova’s son in Osh. Anna Petrova said so in June."
    assert names(text) == ["New York", "Anna Petrova", "Osh", "Anna Petrova"]
    assert people_and_places(text) == {"Anna Petrova": "person", "Osh": "place"}
