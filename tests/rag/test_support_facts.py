"""Lies and truths over facts made up here: each fact is told in two ways, and one slot at a time is changed.

This is another generator than `eval.bench.support_mutations`, over other text: the statement is a
retelling, not the quote with a change, so that the rules cannot lean on equal words alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rag.support import supports


@dataclass(frozen=True, kw_only=True)
class Fact:
    """`quote` and each of `retold` have slots; `slots` give the true filling, `lies` the false ones.

    A lie is (kind, slot, filling); a slot of the same name is filled with the truth in the quote.
    """

    quote: str
    retold: tuple[str, ...]
    slots: dict[str, str]
    lies: tuple[tuple[str, str, str], ...]

    def told(self, template: str, **changed: str) -> str:
        return " ".join(template.format(**(self.slots | changed)).split())

    def true_pairs(self) -> Iterator[tuple[str, str]]:
        quote = self.told(self.quote)
        yield from ((self.told(template), quote) for template in self.retold)

    def false_pairs(self) -> Iterator[tuple[str, str, str]]:
        quote = self.told(self.quote)
        for kind, slot, filling in self.lies:
            for template in (self.quote, *self.retold):
                if "{" + slot + "}" in template:
                    statement = self.told(template, **{slot: filling})
                    if statement != self.told(template):
                        yield kind, statement, quote


def fact(quote: str, *retold: str, slots: dict[str, str], lies: str) -> Fact:
    """Read lies as "kind slot=filling; …"."""
    read = []
    for lie in lies.split(";"):
        kind, rest = lie.strip().split(" ", 1)
        slot, filling = rest.split("=", 1)
        read.append((kind, slot, filling))
    return Fact(quote=quote, retold=retold, slots=slots, lies=tuple(read))


FACTS = (
    fact(
        "{who} {did} {kind} of its {n} plants in {where} in {when}, cutting {jobs} jobs and saving {sum} a year.",
        "In {when} {who} {did} {kind} of its {n} plants in {where}.",
        "{who} saved {sum} a year by cutting {jobs} jobs.",
        slots={"who": "Norvane Steel", "did": "closed", "kind": "two", "n": "seven", "where": "Belgium", "when": "March 2019",
               "jobs": "1,450", "sum": "€38 million"},
        lies="number kind=three; number n=nine; number jobs=1,540; number jobs=14,500; number sum=€83 million; number sum=€38 billion;"
             "unit sum=$38 million; unit sum=£38 million; date when=May 2019; date when=March 2018; name where=Denmark;"
             "name who=Halden Steel; negation did=did not close; negation did=opened; quantifier kind=all; quantifier kind=most;"
             "quantifier jobs=more than 1,450; quantifier sum=nearly €38 million; quantifier jobs=at most 1,450",
    ),
    fact(
        "The {treaty}, which {n} states {did} on {when} in {where}, {verb} into force {wait} later.",
        "{n} states {did} the {treaty} in {where} on {when}.",
        "The {treaty} {verb} into force {wait} later.",
        slots={"treaty": "Orlan Treaty", "n": "Fourteen", "did": "signed", "when": "12 May 1987", "where": "Lisbon",
               "verb": "entered", "wait": "three years"},
        lies="number n=Forty; number n=Fifteen; date when=12 May 1978; date when=21 May 1987; date when=12 June 1987; name where=Madrid;"
             "name treaty=Tavor Treaty; negation did=did not sign; negation did=rejected; negation did=refused to sign;"
             "negation verb=never entered; negation verb=did not enter; unit wait=three months; unit wait=three decades;"
             "number wait=five years; quantifier n=Nearly fourteen; quantifier n=Only fourteen; quantifier n=At least fourteen;"
             "quantifier verb=may enter",
    ),
    fact(
        "{team} beat {other} {score} in the final at {place} on {day}, with {player} scoring {goals} goals before {crowd} fans.",
        "{player} scored {goals} goals as {team} beat {other} {score}.",
        "{team} beat {other} {score} at {place} on {day}.",
        slots={"team": "Arvika", "other": "Leden", "score": "4-1", "place": "Solna", "day": "Sunday", "player": "Johan Melk",
               "goals": "three", "crowd": "52,300"},
        lies="name team=Leden; name other=Torsby; name place=Malmo; name player=Erik Melk; name player=Johan Sand; number score=4-2;"
             "number score=1-4; number goals=two; number crowd=53,200; date day=Saturday; quantifier crowd=over 52,300;"
             "quantifier goals=at least three; quantifier crowd=fewer than 52,300",
    ),
    fact(
        "Researchers at {uni} found that {drug} {verb} tumours by {pct} in {who} of the {n} mice after {dose} a day for {time}.",
        "{drug} {verb} tumours by {pct} in {who} of the {n} mice, researchers at {uni} found.",
        "After {time} on {dose} a day, {who} of the {n} mice had smaller tumours.",
        slots={"uni": "Delmar University", "drug": "Relvotin", "verb": "shrank", "pct": "41 percent", "who": "most", "n": "120",
               "dose": "5 mg", "time": "six weeks"},
        lies="unit dose=5 g; unit dose=5 kg; unit dose=5 ml; unit time=six months; unit time=six days; unit pct=41 percentage points;"
             "number pct=14 percent; number pct=4.1 percent; number n=210; number dose=50 mg; number time=nine weeks;"
             "quantifier who=all; quantifier who=few; quantifier who=none; quantifier pct=more than 41 percent; name drug=Serotan;"
             "name uni=Halston University; negation verb=did not shrink; negation verb=enlarged; negation verb=failed to shrink;"
             "quantifier verb=may shrink",
    ),
    fact(
        "{city} will {do} its {line} tram line by {when}; the {len} track will cost {sum}, {who} said.",
        "By {when} {city} will {do} its {line} tram line.",
        "The {len} track will cost {sum}.",
        slots={"city": "Karsten", "do": "open", "line": "second", "when": "2031", "len": "12.5 km", "sum": "$640 million",
               "who": "Mayor Ilse Brandt"},
        lies="number line=third; number line=fourth; number len=15.2 km; number len=125 km; unit len=12.5 miles; unit len=12.5 metres;"
             "unit sum=€640 million; unit sum=640 million yen; number sum=$460 million; number sum=$640 billion; number sum=$64 million;"
             "date when=2030; date when=2013; name city=Hollen; name who=Mayor Anke Brandt; negation do=not open; negation do=close;"
             "negation do=fail to open; quantifier sum=over $640 million; quantifier sum=about $640 million; quantifier line=last",
    ),
    fact(
        "{who} {may} sell {what} of its shares in {firm} to {buyer} this year, {src} reported on {day}.",
        "{who} {may} sell {what} of its shares in {firm} to {buyer}.",
        slots={"who": "Quenby Holdings", "may": "may", "what": "half", "firm": "Altmar Mining", "buyer": "Rosdal Group",
               "src": "Reuters", "day": "Friday"},
        lies="quantifier may=will; quantifier may=must; quantifier what=all; quantifier what=most; number what=a quarter;"
             "number what=two-thirds; negation may=may not; negation may=will never; name who=Rosdal Holdings; name firm=Vantor Mining;"
             "name buyer=Pelham Group; name src=Bloomberg; date day=Monday",
    ),
    fact(
        "Under the accord of {when}, {a} must deliver {amt} of gas a year to {b}, and {b} {pay} in {cur}.",
        "{a} must deliver {amt} of gas a year to {b} under the accord of {when}.",
        "Under the accord {b} {pay} in {cur}.",
        slots={"when": "October 2008", "a": "Turkmenistan", "amt": "30 billion cubic metres", "b": "Iran", "pay": "pays", "cur": "euros"},
        lies="date when=November 2008; date when=October 2018; name a=Armenia; name b=Iraq; number amt=13 billion cubic metres;"
             "number amt=30 million cubic metres; unit amt=30 billion cubic feet; unit amt=30 billion litres; unit cur=dollars;"
             "unit cur=yen; negation pay=does not pay; negation pay=never pays; quantifier amt=up to 30 billion cubic metres;"
             "quantifier amt=at least 30 billion cubic metres",
    ),
    fact(
        "The probe {name} passed {body} at {v} on {when} and {sent} {n} images, {q} of them in colour.",
        "On {when} the probe {name} passed {body} at {v}.",
        "{name} {sent} {n} images of {body}, {q} of them in colour.",
        slots={"name": "Cassia", "body": "Titan", "v": "21 km/s", "when": "3 July 2014", "sent": "returned", "n": "2,300", "q": "all"},
        lies="name name=Vesper; name body=Triton; number v=12 km/s; unit v=21 km/h; unit v=21 m/s; date when=13 July 2014;"
             "date when=3 June 2014; date when=3 July 2004; negation sent=did not return; negation sent=lost; number n=3,200;"
             "number n=230; quantifier q=some; quantifier q=most; quantifier q=none; quantifier n=almost 2,300; quantifier n=around 2,300",
    ),
    fact(
        "{who} {has} {verb} the merger with {b}, and {q} shareholders backed the {sum} offer at the meeting in {where}.",
        "{who} {has} {verb} the merger with {b}.",
        "At the meeting in {where}, {q} shareholders backed the {sum} offer.",
        slots={"who": "Palmer Foods", "has": "has", "verb": "approved", "b": "Lindt Mills", "q": "some", "sum": "£2.4bn", "where": "Leeds"},
        lies="negation has=has not; negation verb=rejected; negation verb=blocked; negation has=has never; quantifier q=all; quantifier q=most;"
             "quantifier q=no; quantifier has=will have; unit sum=$2.4bn; unit sum=€2.4bn; number sum=£4.2bn; number sum=£2.4m;"
             "name who=Turner Foods; name b=Carr Mills; name where=Hull",
    ),
    fact(
        "The {n} edition of the race was won by {a} ahead of {b}, {gap} faster than the record of {when}.",
        "{a} won the {n} edition of the race ahead of {b}.",
        slots={"n": "21st", "a": "Marta Dolen", "b": "Ines Faro", "gap": "14 seconds", "when": "1998"},
        lies="number n=22nd; number n=12th; name a=Ines Dolen; name a=Sofia Dolen; name b=Ana Faro; number gap=41 seconds; unit gap=14 minutes;"
             "unit gap=14 hours; date when=1989; date when=1999; quantifier gap=over 14 seconds; quantifier gap=less than 14 seconds",
    ),
    fact(
        "{q} reactors at {where} {are} safe, and the regulator has {verb} the {n}-year licence until {when}.",
        "The regulator has {verb} the {n}-year licence until {when}.",
        "{q} reactors at {where} {are} safe.",
        slots={"q": "Most", "where": "Brenhill", "are": "are", "verb": "extended", "n": "20", "when": "2044"},
        lies="quantifier q=All; quantifier q=Few; quantifier q=Only; quantifier q=Some; name where=Stanmore; negation are=are not;"
             "negation are=were never; negation verb=not extended; negation verb=revoked; negation verb=refused to extend; number n=30;"
             "number n=12; date when=2034; date when=2045",
    ),
    fact(
        "{who} {do} nuclear weapons, its foreign minister {m} told the {body} on {when}.",
        "{who} {do} nuclear weapons, {m} told the {body}.",
        slots={"who": "Meridia", "do": "does not possess", "m": "Lena Osk", "body": "UN", "when": "Tuesday"},
        lies="negation do=possesses; negation do=does possess; name who=Vostra; name m=Olga Osk; name m=Lena Park; name body=EU;"
             "name body=NATO; date when=Thursday; quantifier do=may possess",
    ),
    fact(
        "Exports of {a} rose {x} to {sum} in {y}, while exports of {b} fell {z}.",
        "In {y} exports of {a} rose {x} to {sum}.",
        "Exports of {b} fell {z}.",
        slots={"a": "wheat", "b": "barley", "x": "8.5%", "z": "11%", "sum": "$1.9 billion", "y": "2022"},
        lies="number x=11%; number z=8.5%; number x=5.8%; number z=1.1%; number sum=$9.1 billion; number sum=$1.9 million;"
             "unit sum=¥1.9 billion; unit x=8.5 percentage points; date y=2021; date y=2020; quantifier x=at least 8.5%;"
             "quantifier z=almost 11%; quantifier sum=just under $1.9 billion; unit z=11 points",
    ),
    fact(
        "{when} {a} {did} соглашение с {b} на {sum}, и {q} статьи вступили в силу через {t}.",
        "{a} {did} соглашение с {b} на {sum} {when}.",
        slots={"when": "14 марта 2021 года", "a": "Таджикистан", "did": "подписал", "b": "Ираном", "sum": "300 млн долларов",
               "q": "некоторые", "t": "два года"},
        lies="date when=14 мая 2021 года; date when=24 марта 2021 года; date when=14 марта 2012 года; name a=Кыргызстан; name b=Ираком;"
             "negation did=не подписал; negation did=отменил; negation did=отказался подписать; number sum=200 млн долларов; number sum=300 млрд долларов;"
             "unit sum=300 млн евро; unit sum=300 млн рублей; quantifier q=все; quantifier sum=более 300 млн долларов;"
             "quantifier sum=почти 300 млн долларов; number t=три года; unit t=два месяца; quantifier q=большинство",
    ),
    fact(
        "Компания {a} {did} {n} вагонов для {b} и {will} построить завод в {c} к {y} году.",
        "{a} {did} {n} вагонов для {b}.",
        "Компания {will} построить завод в {c} к {y} году.",
        slots={"a": "«Вагонмаш»", "did": "поставила", "n": "1 200", "b": "Узбекистана", "will": "планирует", "c": "Алматы", "y": "2027"},
        lies="name a=«Трансмаш»; name b=Казахстана; name c=Ташкенте; negation did=не поставила; number n=2 100; number n=12 000;"
             "quantifier n=около 1 200; quantifier n=не менее 1 200; quantifier will=может; date y=2028; date y=2017; negation will=не планирует",
    ),
)  # fmt: skip

FALSE = [pair for one in FACTS for pair in one.false_pairs()]
TRUE = [pair for one in FACTS for pair in one.true_pairs()]


@pytest.mark.parametrize(("kind", "statement", "quote"), FALSE, ids=[f"{k} {s[:70]}" for k, s, _ in FALSE])
def test_no_changed_fact_is_supported(kind: str, statement: str, quote: str) -> None:
    assert not supports(statement, [quote]).supported


@pytest.mark.parametrize(("statement", "quote"), TRUE, ids=[s[:70] for s, _ in TRUE])
def test_a_fact_told_in_another_order_is_supported(statement: str, quote: str) -> None:
    assert supports(statement, [quote]).problems == ()


def test_there_are_enough() -> None:
    assert len(FALSE) >= 300
