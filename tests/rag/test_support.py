"""Quotes back a statement, or they do not: tricky cases both ways, worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rag.support import Problem, ProblemKind, Support, supports

YES = ""
DEAL = (
    "Tashkent has recently signed, among other documents, an agreement for the purchase of Boeing aircraft worth over $8 billion "
    "for its national airline, and has also decided to lift visa requirements for US citizens from 2026."
)
TRADE = "Meanwhile, the value of Kazakh–American trade increased from $3.1 billion in 2022 to $4.2 billion in 2024."
RUBIO = "Secretary of State Marco Rubio announced that he would visit all five countries in 2026."
PUTIN = (
    "The meeting will take place shortly after the summit in Moscow, where Putin emphasized the strategic importance of the "
    "region for the Kremlin, but no major agreements were reached."
)
ACCORDS = (
    "President Trump stated that Kazakhstan would join the so-called Abraham Accords, initiated in 2020."
)
SUMMIT = "On 6 November 2025 President Donald Trump received the presidents of the five Central Asian states at the White House."
SALE = "Russia sold 200 tonnes of uranium to Kazakhstan in 2019."
METALS = "Last year steel output rose 5%, while copper output fell 3%."
DENIED = "The ministry denied that Kazakhstan had joined the accords."
UNTRUE = "It is not true that Kazakhstan joined the accords in 2020."
SOME = "Some of the five countries signed the treaty on water."
RU = "6 ноября 2025 года Казахстан подписал соглашение на 8 млрд долларов, но не вступил в союз."
KERRY = "In 2013, U.S. Secretary of State John Kerry made a slip in his first speech."
VACCINE = "The vaccine reduced infections by 62 percent in 1,204 patients, and 3 of them died."
LAKE = "The lake is 636 km long, covers 31,722 square kilometres and lies 1,642 metres above sea level."

CASES: list[tuple[str, Sequence[str], str]] = [
    # numbers
    ("Tashkent signed an agreement worth over US$8bn.", [DEAL], YES),
    ("Tashkent signed an agreement worth more than 8 billion US dollars.", [DEAL], YES),
    ("Tashkent signed an agreement worth over $8,000,000,000.", [DEAL], YES),
    ("Tashkent signed an agreement worth over $8 million.", [DEAL], "number"),
    ("Tashkent signed an agreement worth over eighty billion dollars.", [DEAL], "number"),
    ("Trade increased to $4.2 billion in 2024.", [TRADE], YES),
    ("Trade increased from $4.2 billion in 2022 to $3.1 billion in 2024.", [TRADE], "number"),
    ("Trade was worth $4,2 billion in 2024.", [TRADE], YES),
    ("Infections fell by 62%.", ["Infections fell by 62 per cent in the trial."], YES),
    ("Infections fell by 62 percentage points.", ["Infections fell by 62 percent in the trial."], "unit"),
    ("The vaccine reduced infections by 62 % in 1204 patients.", [VACCINE], YES),
    ("The vaccine reduced infections by 62 percent in 1 204 patients.", [VACCINE], YES),
    ("Three of them died.", [VACCINE], YES),
    ("Four of them died.", [VACCINE], "number"),
    ("Twenty-two ministers met in Geneva.", ["In Geneva, 22 ministers met behind closed doors."], YES),
    ("Half a million people fled the town.", ["About the war: 500,000 people fled the town in May."], YES),
    ("A dozen ships left the port.", ["Twelve ships left the port on Monday."], YES),
    ("It was the third summit of the group.", ["It was the 3rd summit of the group."], YES),
    ("It was the third summit of the group.", ["It was the second summit of the group."], "number"),
    ("Two-thirds of the members voted for it.", ["Of the members, 2/3 voted for it."], YES),
    ("Half of the members voted for it.", ["50 % of the members voted for it."], YES),
    ("Copper output fell 3 percent.", [METALS], YES),
    ("Copper output fell 5 percent.", [METALS], "number"),
    ("The temperature fell to -5 °C.", ["The temperature fell to minus 5 degrees Celsius."], YES),
    ("The temperature fell to 5 °C.", ["The temperature fell to −5 °C."], "number"),
    ("Between 10 and 15 km of road were built.", ["Workers built 10–15 km of road."], YES),
    ("Workers built 10 to 15 miles of road.", ["Workers built 10–15 km of road."], "unit"),
    ("One country left the pact.", ["A country left the pact last month."], YES),
    ("The plant makes 1.000 cars.", ["The plant makes 1,000 cars."], "number"),
    ("Das Werk baut 1.000 Autos.", ["Das Werk baut 1000 Autos und Busse."], YES),
    # approximations
    ("The deal is worth about $8 billion.", ["The deal is worth over $8 billion."], "quantifier"),
    ("The deal is worth $8 billion.", ["The deal is worth nearly $8 billion."], "quantifier"),
    ("The deal is worth more than $8 billion.", ["The deal is worth over $8 billion."], YES),
    ("At least 40 people were hurt.", ["More than 40 people were hurt."], "quantifier"),
    ("At least 40 people were hurt.", ["No fewer than 40 people were hurt in the fire."], YES),
    # units
    ("The lake is 636 kilometres long.", [LAKE], YES),
    ("The lake is 636 miles long.", [LAKE], "unit"),
    ("The lake covers 31,722 km².", [LAKE], YES),
    ("The lake covers 31,722 kilometres.", [LAKE], "unit"),
    ("The lake lies 1642 m above sea level.", [LAKE], YES),
    ("The lake lies 1,642 metres below sea level.", [LAKE], "negation"),
    ("Tashkent signed an agreement worth over €8 billion.", [DEAL], "unit"),
    ("Russia sold 200 t of uranium to Kazakhstan.", [SALE], YES),
    ("Russia sold 200 kilograms of uranium to Kazakhstan.", [SALE], "unit"),
    # dates
    ("On November 6, 2025, Trump received the presidents of the five states.", [SUMMIT], YES),
    ("Trump received the presidents of the five states on 2025-11-06.", [SUMMIT], YES),
    ("In November 2025 Trump received the presidents.", [SUMMIT], YES),
    ("Trump received the presidents in 2025.", [SUMMIT], YES),
    ("Trump received the presidents on 16 November 2025.", [SUMMIT], "date"),
    ("Trump received the presidents in October 2025.", [SUMMIT], "date"),
    ("Trump received the presidents on 6 November.", ["In November 2025 Trump received the presidents."], "date"),
    ("Trump received them on Thursday.", ["Trump received them on Wednesday."], "date"),
    ("The talks began last month.", ["The talks began last week."], "date"),
    ("The town grew in the 1990s.", ["The town grew quickly in the 1990s."], YES),
    ("The town grew in 1990.", ["The town grew quickly in the 1990s."], "date"),
    ("It ran from 16 to 18 June.", ["It ran from June 16 to June 18."], YES),
    # names
    ("In 2013 Kerry made a slip in his first speech.", [KERRY], YES),
    ("In 2013, US Secretary of State John Kerry made a slip.", [KERRY], YES),
    ("In 2013, U.S. Secretary of State Bill Kerry made a slip in his first speech.", [KERRY], "name"),
    ("Bill Clinton spoke in Boston.", ["Hillary Clinton and Bill Gates spoke in Boston."], "name"),
    ("Hillary Clinton spoke in Boston.", ["Hillary Clinton and Bill Gates spoke in Boston."], YES),
    ("Samarkand has recently signed an agreement for the purchase of Boeing aircraft.", [DEAL], "name"),
    ("Tashkent has recently signed an agreement for the purchase of Airbus aircraft.", [DEAL], "name"),
    ("Visa requirements for citizens of the United States will be lifted.", ["Visa requirements for U.S. citizens will be lifted."], YES),
    ("The EU paid for it.", ["The European Union paid for it."], YES),
    ("Kazakhstan sold 200 tonnes of uranium to Russia in 2019.", [SALE], "name"),
    ("In 2019 Russia sold uranium to Kazakhstan.", [SALE], YES),
    ("Türkiye signed the treaty.", ["Turkiye signed the treaty."], YES),
    ("Mirziyoev met Trump in Samarkand.", ["Shavkat Mirziyoyev met Trump in Samarkand."], YES),
    ("Kazakhstan’s president met Putin.", ["The president of Kazakhstan met Putin."], YES),
    # negation
    ("No major agreements were reached.", [PUTIN], YES),
    ("Major agreements were reached.", [PUTIN], "negation"),
    ("The meeting will not take place shortly after the summit in Moscow.", [PUTIN], "negation"),
    ("The meeting will take place shortly after the summit in Moscow.", [PUTIN], YES),
    ("Kazakhstan had joined the accords.", [DENIED], "negation"),
    ("Kazakhstan joined the accords in 2020.", [UNTRUE], "negation"),
    ("The ministry denied that Kazakhstan joined the accords.", [DENIED], YES),
    ("Uzbekistan joined the pact.", ["Kazakhstan joined the pact, but Uzbekistan did not."], "negation"),
    ("Kazakhstan joined the pact.", ["Kazakhstan joined the pact, but Uzbekistan did not."], YES),
    ("The bank didn’t raise rates.", ["The bank did not raise rates in June."], YES),
    ("The bank raised rates.", ["The bank refused to raise rates in June."], "negation"),
    ("The talks were official.", ["The talks were unofficial."], "negation"),
    ("Tashkent has recently cancelled an agreement for the purchase of Boeing aircraft.", [DEAL], "negation"),
    ("Prices fell in spring.", ["Prices rose in spring."], "negation"),
    ("The treaty covers water.", ["The treaty covers not only water but also land."], YES),
    # quantifiers and modals
    ("All of the five countries signed the treaty on water.", [SOME], "quantifier"),
    ("Five countries signed the treaty on water.", [SOME], "quantifier"),
    ("Rubio would visit five countries in 2026, he announced.", [RUBIO], YES),
    ("Marco Rubio announced that he would visit some of the five countries in 2026.", [RUBIO], "quantifier"),
    ("Only five states sent their presidents.", ["Five states sent their presidents."], "quantifier"),
    ("All members signed.", ["Not all members signed."], "quantifier"),
    ("Every member signed the text.", ["All members signed the text."], YES),
    ("The company will buy the mine.", ["The company may buy the mine."], "quantifier"),
    ("The company bought the mine.", ["The company plans to buy the mine."], "quantifier"),
    ("Kazakhstan would join the Abraham Accords.", [ACCORDS], YES),
    ("Kazakhstan has joined the Abraham Accords.", [ACCORDS], "quantifier"),
    ("The bank will raise rates.", ["The bank will raise rates if prices go on rising."], "quantifier"),
    ("He stole the money.", ["He allegedly stole the money."], "quantifier"),
    ("It is the smallest lake of the country.", ["It is the largest lake of the country."], "negation"),
    ("It is the largest lake of the country.", ["It is a large lake of the country."], "quantifier"),
    # other words, other languages, several quotes
    ("The treaty bans whaling near Iceland.", ["Cod prices in Norway doubled."], "unrelated"),
    ("Tashkent purchased Boeing aircraft.", ["Tashkent bought Boeing aircraft for its airline."], YES),
    ("Kerry spoke in 2013. Rubio would visit all five countries.", [KERRY.replace("made a slip", "spoke"), RUBIO], YES),
    ("6.11.2025 Казахстан подписал соглашение на 8 миллиардов долларов.", [RU], YES),
    ("6 ноября 2025 года Узбекистан подписал соглашение на 8 млрд долларов.", [RU], "name"),
    ("6 октября 2025 года Казахстан подписал соглашение.", [RU], "date"),
    ("Казахстан вступил в союз.", [RU], "negation"),
    ("Казахстан не вступил в союз.", [RU], YES),
    ("Казахстан подписал соглашение на 8 млн долларов.", [RU], "number"),
    ("Казахстан подписал соглашение на 8 млрд евро.", [RU], "unit"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "quotes", "wrong"), CASES, ids=[case[0][:60] for case in CASES])
def test_worked_cases(statement: str, quotes: Sequence[str], wrong: str) -> None:
    support = supports(statement, quotes)
    kinds = {problem.kind.value for problem in support.problems}
    if wrong:
        assert not support.supported
        assert wrong in kinds
    else:
        assert support == Support(supported=True, problems=(), score=None)


def test_there_are_enough_worked_cases() -> None:
    assert len(CASES) >= 80


class Reader:
    """Answers with one probability, and remembers what it was asked."""

    def __init__(self, score: float) -> None:
        self.score = score
        self.asked: list[tuple[str, Sequence[str]]] = []

    def __call__(self, sentence: str, quotes: Sequence[str]) -> float:
        self.asked.append((sentence, quotes))
        return self.score


def test_the_reader_has_the_last_word_where_the_rules_find_nothing() -> None:
    statement = "Tashkent purchased Boeing aircraft."
    quotes = ["Tashkent bought Boeing aircraft for its airline."]
    sure, unsure = Reader(0.5), Reader(0.49)
    assert supports(statement, quotes, reader=sure) == Support(supported=True, problems=(), score=0.5)
    doubt = Problem(kind=ProblemKind.READER, said=statement, found="0.49 < 0.50")
    assert supports(statement, quotes, reader=unsure) == Support(
        supported=False, problems=(doubt,), score=0.49
    )
    assert unsure.asked == [(statement, quotes)]
    assert supports(statement, quotes, reader=unsure, threshold=0.4).supported


def test_the_reader_overrules_no_rule_and_no_whole_quote() -> None:
    reader = Reader(1.0)
    assert not supports(
        "Tashkent bought Airbus aircraft.", ["Tashkent bought Boeing aircraft."], reader=reader
    ).supported
    assert supports(DEAL, [DEAL], reader=Reader(0.0)) == Support(supported=True, problems=(), score=None)
    assert reader.asked == []


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_reader_that_gives_no_probability_is_an_error(score: float) -> None:
    with pytest.raises(ValueError, match="which is no probability"):
        supports("Tashkent bought aircraft.", ["Tashkent bought Boeing aircraft."], reader=Reader(score))


@pytest.mark.parametrize("statement", ["", "   \n", "…", "—", "\u200b\u202e", "🙂"])
def test_a_statement_without_words_is_not_supported(statement: str) -> None:
    assert [p.found for p in supports(statement, [DEAL]).problems] == ["the statement has no words"]


@pytest.mark.parametrize("quotes", [[], [""], ["  ", "\u200b", "..."]])
def test_nothing_is_supported_by_no_quotes(quotes: list[str]) -> None:
    assert [p.found for p in supports(DEAL[:20], quotes).problems] == ["there are no quotes"]


def test_one_string_is_no_list_of_quotes() -> None:
    with pytest.raises(TypeError, match=r"give a list of quotes"):
        supports(DEAL, DEAL)


@pytest.mark.parametrize(
    "statement",
    [
        DEAL.replace("Boeing", "B\u043eeing"),  # Cyrillic о
        DEAL.replace("Tashkent", "\u0422\u0430shk\u0435nt"),
        DEAL.replace("Boeing", "Bo\u200be\u00ading"),
        DEAL.replace(" ", "\u00a0"),
        DEAL.replace("8", "８"),
        DEAL.replace("2026", "\u202a2026\u202c"),
        DEAL.replace("2026", "٢٠٢٦"),
    ],
)
def test_what_looks_the_same_is_read_as_the_same(statement: str) -> None:
    assert supports(statement, [DEAL]).supported


def test_a_text_turned_round_by_marks_is_read_as_it_is_stored() -> None:
    assert [
        p.kind
        for p in supports("Tashkent paid $\u202e82\u202c billion.", ["Tashkent paid $28 billion."]).problems
    ][:1] == ["number"]


def test_a_lie_in_look_alike_letters_is_still_one() -> None:
    lie = DEAL.replace("Boeing", "\u0410irbus")
    assert "name" in {p.kind for p in supports(lie, [DEAL]).problems}


def test_a_huge_statement_is_supported_only_where_it_is_quoted_whole() -> None:
    text = " ".join(f"In {1900 + n % 100} the town of Orlan had {n} people." for n in range(2500))
    assert len(text) > 90_000
    assert supports(text, [text]).supported
    support = supports(text + " It grew.", [text])
    assert [p.found for p in support.problems] == [
        f"{len(text) + 9} characters; at most 5000 can be judged, sentence by sentence"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a " * 50_000,
        "not " * 25_000,
        "1 000 " * 16_000,
        "Aa. " * 25_000,
        "U." * 50_000,
        "«" * 50_000 + "x",
        "и " * 50_000,
        "a" * 100_000,
    ],
)
def test_huge_quotes_are_read_through(text: str) -> None:
    assert supports("In 1990 the town had 12 people.", [text]).problems
    support = supports(
        "In 1990 the town had 12 people.", [text, "In 1990 the town had 12 people and a mill."]
    )
    assert support.problems == ()


def test_long_statements_of_one_word_are_judged() -> None:
    assert not supports("not " * 1200 + "signed", ["signed " * 10_000 + "not"]).supported


def test_the_same_judgement_every_time() -> None:
    lie = DEAL.replace("8", "9").replace("2026", "2027")
    assert supports(lie, [DEAL]) == supports(lie, [DEAL])
    assert supports(lie, [DEAL]).problems[0] == Problem(
        kind=ProblemKind.NUMBER, said="over $9 billion", found="over $8 billion"
    )


@pytest.mark.parametrize(
    ("quote", "part"),
    [
        (PUTIN, "Putin emphasized the strategic importance of the region for the Kremlin"),
        (PUTIN, "no major agreements were reached"),
        (DEAL, "an agreement for the purchase of Boeing aircraft worth over $8 billion"),
        (TRADE, "the value of Kazakh–American trade increased from $3.1 billion in 2022"),
        (RUBIO, "he would visit all five countries in 2026"),
    ],
)
def test_a_part_that_nothing_outside_it_changes_is_supported(quote: str, part: str) -> None:
    assert supports(part, [quote]).problems == ()


@pytest.mark.parametrize(
    ("quote", "part"),
    [
        (PUTIN, "major agreements were reached"),
        (DEAL, "Boeing aircraft worth $8 billion"),
        ("It grew by 5 percent.", "It grew by 5"),
        ("It grew by 5.5 percent.", "It grew by 5 percent"),
        ("He is said to doubt that the bank is sound.", "the bank is sound"),
        ("Nobody believes that the bank is sound.", "the bank is sound"),
        ("If rates fall, the bank will lend more.", "the bank will lend more"),
        ("Hardly any bank was sound.", "bank was sound"),
    ],
)
def test_a_part_that_what_was_cut_off_changes_is_not(quote: str, part: str) -> None:
    assert not supports(part, [quote]).supported


@pytest.mark.parametrize(
    ("statement", "quote"),
    [
        # Who does and who suffers it.
        ("The tenant was sued by the landlord for rent.", "The tenant sued the landlord for rent."),
        ("The tenant sued the landlord.", "The tenant was sued by the landlord."),
        ("Google was acquired by Motorola in 2012.", "Google acquired Motorola in 2012."),
        # Until when.
        ("The claim must be filed within 30 days.", "The claim must be filed after 30 days."),
        ("The contract ends in 2030.", "The contract ends by 2030."),
        # One word of a short sentence.
        ("Acme fired Lee.", "Acme hired Lee."),
        ("Aspirin prevents strokes.", "Aspirin causes strokes."),
        ("Sales tripled last year.", "Sales doubled last year."),
        ("Lee resigned.", "Lee died."),
        # What is not done.
        ("The firm sells the drug.", "The firm stopped selling the drug."),
        ("The company closed the plant.", "The company avoided closing the plant."),
        ("Coffee causes cancer.", "It is a myth that coffee causes cancer."),
        ("The minister has resigned.", "The minister has yet to resign."),
    ],
)
def test_roles_deadlines_short_sentences_and_what_is_not_done(statement: str, quote: str) -> None:
    assert not supports(statement, [quote]).supported
    assert supports(quote, [quote]).supported


@pytest.mark.parametrize(
    ("statement", "quote"),
    [
        ("The landlord sued the tenant.", "The tenant was sued by the landlord."),
        ("The report was written by Ann Lee.", "Ann Lee wrote the report."),
        ("Output rose by 5 percent.", "Output rose 5 percent."),
        ("Acme employed Lee.", "Acme employed Lee in May."),
        ("The firm stopped selling the drug.", "On Monday the firm stopped selling the drug."),
    ],
)
def test_the_same_told_otherwise_stays_supported(statement: str, quote: str) -> None:
    assert supports(statement, [quote]).supported
