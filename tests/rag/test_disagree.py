"""Which quotes are taken to disagree, and which are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rag.disagree import Told, find_disagreements, plans_and_events, told_by
from rag.disagree_time import Stage, TimeOrder, stage_of
from rag.disagree_values import parsed
from rag.question import read_question
from rag.types import AnswerText, Quote
from tests.rag.fakes_rag import document

WORTH = "How much is the Boeing deal of Uzbekistan worth?"
EIGHT = (
    "Tashkent has recently signed, among other documents, an agreement for the purchase of Boeing aircraft "
    "worth over $8 billion for its national airline."
)


def told(number: int, text: str, **more: Any) -> Told:
    fields: dict[str, Any] = {
        "document_id": f"d{number}",
        "title": "T",
        "publisher": None,
        "published_at": None,
    } | more
    return Told(number=number, text=text, **fields)


def sides(question: str, *quotes: str | Told) -> list[list[tuple[str, tuple[int, ...]]]]:
    given = [q if isinstance(q, Told) else told(n, q) for n, q in enumerate(quotes)]
    found = find_disagreements(read_question(question), given)
    by_number = {t.number: t for t in given}
    for item in found:
        assert all(side.value in by_number[side.quotes[0]].text for side in item.sides)
    return [[(side.value, side.quotes) for side in item.sides] for item in found]


def test_two_publishers_with_two_values() -> None:
    other = "The Boeing deal that Uzbekistan signed is worth $12 billion."
    assert sides(WORTH, EIGHT, other) == [[("over $8 billion", (0,)), ("$12 billion", (1,))]]
    assert sides(WORTH, other, EIGHT) == [[("$12 billion", (0,)), ("over $8 billion", (1,))]]


def test_quotes_with_one_value_stand_on_one_side() -> None:
    found = sides(
        WORTH,
        EIGHT,
        "The Boeing deal that Uzbekistan signed is worth $12 billion.",
        "Uzbekistan has a Boeing deal worth $8.1bn.",
        "A deal with Boeing worth $5bn was signed by Uzbekistan, officials said.",
    )
    assert found == [[("over $8 billion", (0, 2)), ("$12 billion", (1,)), ("$5bn", (3,))]]


@pytest.mark.parametrize(
    ("question", "one", "other", "values"),
    [
        ("When did Trump receive the presidents at the White House?",
         "On 6 November President Donald Trump received the presidents at the White House.",
         "President Trump received the presidents at the White House on 8 November.", ("6 November", "8 November")),
        ("Who signed the treaty in Riga?", "The treaty was signed in Riga by Ana Brandt.",
         "Tom Keller signed the treaty in Riga.", ("Ana Brandt", "Tom Keller")),
        ("Where was the Amber accord signed?", "The Amber accord was signed in Geneva by both sides.",
         "The Amber accord was signed in Vienna by both sides.", ("Geneva", "Vienna")),
        ("What was the value of Kazakh–American trade in 2024?",
         "The value of Kazakh–American trade increased from $3.1 billion in 2022 to $4.2 billion in 2024.",
         "The value of Kazakh–American trade increased from $3.1 billion in 2022 to $5 billion in 2024.",
         ("$4.2 billion", "$5 billion")),
        ("Сколько стоит сделка с Boeing?", "Сделка с Boeing стоит 8 млрд долларов.",
         "Сделка с Boeing стоит 9 млрд долларов.", ("8 млрд долларов", "9 млрд долларов")),
    ],
)  # fmt: skip
def test_numbers_dates_and_names(question: str, one: str, other: str, values: tuple[str, str]) -> None:
    assert sides(question, one, other) == [[(values[0], (0,)), (values[1], (1,))]]


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # The same value in another form.
        (WORTH, EIGHT, "The Boeing deal that Uzbekistan signed is worth $8bn."),
        # Another subject, time, quantity or unit.
        (WORTH, EIGHT, "The Boeing deal that Kazakhstan signed is worth $4 billion."),
        ("What was the trade in 2024?", "The trade was $4 billion in 2024.", "The trade was $3 billion in 2023."),
        ("What was the trade in 2024?", "The trade was $4 billion.", "The trade was $3 billion in 2023."),
        ("How many people died in the fire in Riga?", "20 people died in the fire in Riga.",
         "12 people were injured in the fire in Riga."),
        ("How large was trade with Riga?", "Exports to Riga in trade were worth $5bn.",
         "Imports from Riga in trade were worth $7bn."),
        ("What did the firm make last year?", "The firm had a profit of $5bn last year.",
         "The firm had a revenue of $9bn last year."),
        ("How long is the tunnel?", "The tunnel is 12 km long.", "The tunnel is 9 miles long."),
        # A plan and what came of it.
        (WORTH, EIGHT, "Uzbekistan is expected to sign a Boeing deal worth $6 billion."),
        # Denied.
        (WORTH, EIGHT, "The Boeing deal that Uzbekistan signed is not worth $12 billion."),
        # Two of several, not one against the other.
        ("Which officials visited Riga in May?", "In May Ana Brandt visited Riga.", "In May Tom Keller visited Riga."),
        # A city and its country.
        ("Where was the Amber accord signed?", "The Amber accord was signed in Samarkand by both sides.",
         "The Amber accord was signed in Uzbekistan by both sides."),
        # Of things that a word before tells apart, and of another time.
        ("How many days of leave do employees get?", "Full-time employees get 25 days of leave.",
         "Part-time employees get 15 days of leave."),
        ("How much does the plan cost?", "The basic plan costs $10 a month.", "The premium plan costs $30 a month."),
        ("When did the strike begin?", "The rail strike began on 3 May.", "The postal strike began on 9 May."),
        ("What is the interest rate?", "The interest rate was 3 percent in 2021.", "The interest rate is 5 percent."),
        # Nothing of the question.
        ("How many towers are there?", "The dam has 4 gates.", "The dam has 6 gates."),
        ("Why was it signed?", "It was signed.", "It was not."),
    ],
)  # fmt: skip
def test_what_is_no_disagreement(question: str, one: str, other: str) -> None:
    assert sides(question, one, other) == []
    assert sides(question, other, one) == []


def test_values_of_one_document_do_not_disagree() -> None:
    other = "The Boeing deal that Uzbekistan signed is worth $12 billion."
    assert sides(WORTH, told(0, EIGHT, document_id="d"), told(1, other, document_id="d")) == []


def test_a_repeated_story_counts_once() -> None:
    other = "The Boeing deal that Uzbekistan signed is worth $12 billion."
    assert sides(WORTH, EIGHT, other, other, EIGHT) == [[("over $8 billion", (0,)), ("$12 billion", (1,))]]


def test_the_readers_answers_are_what_is_compared() -> None:
    question = "How much is the deal worth?"
    one = told(0, "The deal, worth $8bn, came after a loan of $2bn.", answer="$8bn")
    other = told(1, "Its price for this deal is $11bn, and $3bn for parts.", answer="$11bn")
    assert sides(question, one, other) == [[("$8bn", (0,)), ("$11bn", (1,))]]
    assert sides(question, one, told(1, other.text, answer="words that are not there")) == sides(question, one, told(1, other.text))  # fmt: skip


@pytest.mark.parametrize("texts", [(), ("",), ("", ""), ("🙂", "—"), ("x" * 9_000, "1 " * 3_000)])
def test_quotes_of_nothing(texts: tuple[str, ...]) -> None:
    assert sides(WORTH, *texts) == []
    assert plans_and_events(read_question(WORTH), [told(n, t) for n, t in enumerate(texts)]) is None


def test_answers_are_given_to_the_quotes_that_hold_them() -> None:
    found = document("It cost $8bn. It cost $9bn.", title="Ships", publisher="P", published_at="2025-11-06")
    quotes = {
        4: Quote(document_id="d", start=0, end=13, text="It cost $8bn."),
        7: Quote(document_id="d", start=14, end=27, text="It cost $9bn."),
    }
    answers = [
        AnswerText(document_id="d", start=22, end=26, score=2.0),
        AnswerText(document_id="d", start=14, end=16, score=1.0),
        AnswerText(document_id="other", start=8, end=12, score=9.0),
    ]
    first, second = told_by(quotes, lambda _: found, answers)
    assert (first.number, first.answer) == (4, None)
    assert (second.number, second.answer, second.publisher) == (7, "$9bn", "P")


def test_a_reading_that_stands_in_the_place_of_the_asked_name_is_no_side() -> None:
    quotes = [
        "The Orun accord was signed by Ana Brandt in Riga.",
        "The Velm accord was signed by Ana Brandt in Riga.",
    ]
    sure = [
        replace(told(n, text), answer=a)
        for n, (text, a) in enumerate(zip(quotes, ("Ana Brandt", "Velm"), strict=True))
    ]
    assert sides("Who signed the Orun accord in Riga?", *sure) == []


RULE = "How much do applicants pay for a permit?"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # A rule and a rule
        ("Applicants shall pay €50 for a permit.", "Applicants pay €60 for a permit.", ["€50", "€60"]),
        ("Applicants will pay €50 for a permit.", "Applicants pay €60 for a permit.", ["€50", "€60"]),
        # A plan and what came of it
        ("Applicants will pay €50 for a permit.", "Applicants paid €60 for a permit.", []),
        ("Applicants are expected to pay €50 for a permit.", "Applicants pay €60 for a permit.", []),
        ("Applicants might pay €50 for a permit.", "Applicants pay €60 for a permit.", []),
    ],
)
def test_a_rule_is_no_plan(one: str, other: str, expected: list[str]) -> None:
    assert [value for found in sides(RULE, one, other) for value, _ in found] == expected
    assert [value for found in sides(RULE, other, one) for value, _ in found] == expected[::-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A permit will cost €50.", "A permit cost €60."),
        ("Applicants will pay €50 for a permit.", "The court found that applicants paid dearly for a permit (€60)."),
    ],
)  # fmt: skip
def test_what_may_be_of_the_past_is_no_rule(one: str, other: str) -> None:
    assert sides("How much is a permit?", one, other) == []


def test_two_readings_of_two_things_are_no_disagreement() -> None:
    bridge = "The Velmar bridge over the Ord cost €40 million, the town council announced."
    tunnel = "The Velmar tunnel under the railway cost €9 million."
    sure = [
        replace(told(n, text), answer=a)
        for n, (text, a) in enumerate([(bridge, "€40 million"), (tunnel, "€9 million")])
    ]
    assert sides("How much did the Velmar bridge cost?", *sure) == []


# Order in time


@pytest.mark.parametrize(
    ("sentence", "stage"),
    [
        ("The summit will take place on 6 November.", Stage.WILL),
        ("The Riga summit will take place on 6 November.", Stage.PLAN),
        ("The Riga summit shall take place on 6 November.", Stage.WILL),
        ("The summit would take place on 6 November.", Stage.PLAN),
        ("Refunds are usually paid within 30 days.", Stage.OPEN),
        ("Refunds were paid within 30 days.", Stage.EVENT),
        ("The bank is expected to pledge $2 billion.", Stage.PLAN),
        ("The presidents signed an agreement.", Stage.EVENT),
        ("Саммит состоится в Астане, ожидается, что приедут все.", Stage.PLAN),
        ("Президенты подписали соглашение и уехали.", Stage.EVENT),
        ("The tunnel is 12 km long.", Stage.OPEN),
    ],
)
def test_plan_or_event(sentence: str, stage: Stage) -> None:
    assert stage_of(parsed(sentence)[0]) is stage


PLAN = "The Nordbank is expected to pledge aid to Sarova."
EVENT = "The Nordbank pledged aid to Sarova."
AID = "What aid did the Nordbank pledge to Sarova?"


def order(*dates: str | None) -> TimeOrder | None:
    texts = (EVENT, PLAN, "Sarova is a river port with nine wharves.")
    given = [told(n, text, published_at=day) for n, (text, day) in enumerate(zip(texts, dates, strict=True))]
    return plans_and_events(read_question(AID), given)


def test_plans_and_events_are_put_in_order_where_all_dates_are_known() -> None:
    assert order("2025-11-09", "2025-11-02", None) == TimeOrder(order=(1, 0), undated=())
    assert order("2025-11-02", "2025-11-09T10:00:00Z", None) == TimeOrder(order=(0, 1), undated=())
    assert order("2025-11-09T01:00:00+05:00", "2025-11-09", None) == TimeOrder(order=(0, 1), undated=())


def test_an_unknown_date_leaves_all_in_their_places() -> None:
    assert order(None, "2025-11-02", None) == TimeOrder(order=(0, 1), undated=(0,))
    assert order(None, None, "2025-11-02") == TimeOrder(order=(0, 1), undated=(0, 1))


def test_plans_of_other_things_have_no_order() -> None:
    given = [told(0, "The Sudbank will open a hall in Belmora."), told(1, EVENT)]
    assert plans_and_events(read_question(AID), given) is None
    assert plans_and_events(read_question(AID), [told(0, PLAN, document_id="d"), told(1, EVENT, document_id="d")]) is None  # fmt: skip


def test_a_question_of_before_and_after_needs_less_in_common() -> None:
    given = [told(0, "Water will be high on the agenda of the ministers."), told(1, "The five presidents signed nine papers on water in Riga.")]  # fmt: skip
    assert plans_and_events(read_question("What was said of water in Riga?"), given) is None
    asked = read_question("Water was expected to be discussed: what came of it in the end?")
    assert plans_and_events(asked, given) == TimeOrder(order=(0, 1), undated=(0, 1))


def test_a_name_in_the_place_of_the_asked_one_is_no_answer() -> None:
    """Nothing was found of what was asked; what was found is of other things, which do not disagree about it."""
    one, other = (
        told(n, f"The {name} accord was signed by Ana Brandt in Riga on 6 November 2025.", answer=name)
        for n, name in enumerate(("Bazotaba", "Bazorere"))
    )
    assert sides("Who signed the Bazomiba accord in Riga?", one, other) == []
    assert sides("Which accord was signed by Ana Brandt in Riga?", one, other) == [
        [("Bazotaba", (0,)), ("Bazorere", (1,))]
    ]
