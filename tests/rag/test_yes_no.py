"""Yes and no: only from a quote that says so in the question's own words."""

from __future__ import annotations

import pytest

from rag.question import read_question
from rag.types import Draft, DraftSentence
from rag.yes_no import verdict, with_verdict


def said(question: str, *quotes: str) -> tuple[bool, tuple[int, ...]] | None:
    return verdict(read_question(question), dict(enumerate(quotes)))


@pytest.mark.parametrize(
    ("question", "quote", "answer"),
    [
        ("Did Uzbekistan order Boeing planes?", "Uzbekistan has ordered 22 Boeing planes.", True),
        ("Is remote work allowed?", "Remote work is allowed on Fridays.", True),
        ("Did Oslo raise the toll?", "In May 2024 Oslo raised the toll.", True),
        ("Is overtime paid?", "Overtime is not paid.", False),
        ("Заказал ли Узбекистан самолёты Boeing?", "Узбекистан заказал 22 самолёта Boeing.", None),
        ("Did Uzbekistan order Boeing planes?", "Uzbekistan did not order Boeing planes.", False),
        ("Is Tashkent the capital of Uzbekistan?", "Tashkent is the capital of Uzbekistan.", True),
        ("Has Kazakhstan joined the Abraham Accords?", "Kazakhstan joined the Abraham Accords.", True),
        ("Was the deal signed in October?", "The deal was signed in October.", True),
        ("Was the deal signed in October?", "The deal was never signed in October.", False),
    ],
)
def test_a_quote_that_says_so(question: str, quote: str, answer: bool | None) -> None:
    assert said(question, quote) == (None if answer is None else (answer, (0,)))


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        ("Has Kazakhstan joined the Abraham Accords?", "Kazakhstan may join the Abraham Accords."),
        ("Did Trump meet Putin?", "Putin met Trump."),
        ("Did Trump defeat Harris?", "Harris defeated Trump in the debate."),
        ("Was the deal signed in October?", "The deal was signed in November."),
        ("Was the deal worth $8 billion?", "The deal was worth $9 billion."),
        ("Did Uzbekistan order Boeing planes?", "Uzbekistan ordered planes."),
        ("Is it A330 or A350 planes that Airbus sold?", "Airbus sold A330 or A350 planes."),
        ("Did Uzbekistan ever order Boeing planes?", "Uzbekistan ordered Boeing planes."),
        ("Who ordered Boeing planes?", "Uzbekistan ordered Boeing planes."),
        ("Why is Tashkent the capital?", "Tashkent is the capital."),
        ("Could Uzbekistan order Boeing planes?", "Uzbekistan ordered Boeing planes."),
        ("Did Uzbekistan order Boeing planes?", "Uzbekistan Airways ordered 22 Boeing planes."),
        ("Is the vaccine approved for children?", "The vaccine is approved for adults, and a version for children is under review."),
        ("Is the vaccine approved for children?", "The vaccine was approved for adults in May. Trials in children go on."),
        ("Does the plan cover dental care for dependants?", "The plan covers dental care for employees but excludes it for dependants."),
        ("Did the bank approve the loan?", "The bank said it had not decided whether to approve the loan."),
        ("Does aspirin reduce fever?", "No evidence was found that aspirin does reduce fever in infants."),
        ("Did Maria Silva resign?", "Reports that Maria Silva resigned are wrong."),
        ("Did Russia sign the treaty?", "Russia is among the countries that have yet to sign the treaty."),
        ("Did Russia sign the treaty?", "Russia has yet to sign the treaty."),
        ("Did the firm bribe officials?", "The firm was acquitted of charges that it bribed officials."),
        ("Is the contract void?", "The claimant argued that the contract is void."),
        ("Is the contract void?", "The contract is void if it is not signed."),
        ("Are employees eligible for the annual bonus?", "Only employees in grade A are eligible for the annual bonus."),
        ("Is Paris the capital of Germany?", "Paris is the capital of France and Berlin of Germany."),
        ("Is overtime paid?", "Overtime is not paid to managers."),
        ("Is overtime paid?", "Overtime is paid to managers."),
        ("Is overtime paid?", "Is overtime paid?"),
        ("Did Google acquire Motorola?", "Google was acquired by Motorola."),
        ("Is it?", "It is."),
        ("Did it?", ""),
    ],
)  # fmt: skip
def test_neither_yes_nor_no(question: str, quote: str) -> None:
    assert said(question, quote) is None


def test_quotes_that_contradict_each_other_decide_nothing() -> None:
    assert said("Did Oslo repair it?", "Oslo did not repair it in May.", "Oslo repaired it in May.") is None
    yes = said(
        "Did Oslo raise the toll?",
        "Nobody knows.",
        "Oslo raised the toll.",
        "In spring 2024 Oslo raised the toll.",
    )
    assert yes == (True, (1, 2))
    assert said("Did Oslo raise the toll?") is None


def test_the_word_stands_in_front_with_the_quotes_that_say_it() -> None:
    draft = Draft(
        sentences=(
            DraftSentence(text="Herald: “Oslo paid.”", quotes=(0,), opens_paragraph=True),
            DraftSentence(text="“It did.”", quotes=(1,)),
        ),
        spans=(("a", 0, 10), ("a", 11, 18)),
    )
    found = with_verdict(draft, True, (1,), "en")
    assert [(s.text, s.quotes, s.opens_paragraph) for s in found.sentences] == [
        ("Yes.", (1,), False),
        ("Herald: “Oslo paid.”", (0,), True),
        ("“It did.”", (1,), False),
    ]
    assert found.spans == draft.spans
    assert with_verdict(draft, False, (0,), "ru").sentences[0].text == "Нет."
    assert with_verdict(draft, False, (0,), "de").sentences[0].text == "No."
