"""Disagreements and order in time as an answer shows them: words, markers, record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.generation import Generation
from rag.answer import Ask, answer_question
from rag.disagree import find_disagreements, told_by
from rag.disagree_words import about
from rag.question import read_question
from rag.types import Answer, Quote
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import calibration, document, index_of, stages_of

ROWS: list[dict[str, object]] = [
    {"id": "courier", "title": "Bridges", "publisher": "Courier", "published_at": "2025-11-06", "language": "en",
     "text": "The Velmar bridge cost €40 million, the council announced [7]."},
    {"id": "ledger", "title": "Works [2]", "language": "en",
     "text": "The Velmar bridge cost €62 million, the council announced."},
    {"id": "plan", "title": "Aid", "publisher": "Herald", "published_at": "2025-11-02", "language": "en",
     "text": "The Nordbank is expected to pledge aid to stricken Sarova."},
    {"id": "event", "title": "Aid", "publisher": "Tribune", "published_at": "2025-11-08", "language": "en",
     "text": "The Nordbank pledged aid to stricken Sarova after the flood there."},
    {"id": "signed", "title": "Treaty", "publisher": "Courier", "language": "en",
     "text": "The Calder treaty was signed by Ana Brandt in the old harbour hall."},
    {"id": "signed too", "title": "Treaty", "publisher": "Ledger", "language": "en",
     "text": "The Calder treaty was signed by Tom Keller in the old harbour hall."},
    {"id": "most", "title": "Мост", "publisher": "Вести", "published_at": "2025-11-06", "language": "ru",
     "text": "Мост в Заречье стоил 3 млрд рублей."},
    {"id": "most too", "title": "Стройка", "language": "ru", "text": "Мост в Заречье стоил 5 млрд рублей."},
]  # fmt: skip
COST = "How much did the Velmar bridge cost?"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("disagree"), ROWS, HashEmbedder())
    yield found
    found.close()


def ask(generation: Generation, question: str, limit: int = 5) -> Answer:
    stages = stages_of(generation, how_sure=calibration(threshold=0.01))
    answer = answer_question(Ask(question=question, max_citations=limit), stages)
    assert answer.status == "answered"
    assert len(answer.citations) <= limit
    numbers = [c.number for c in answer.citations]
    marked = [int(n) for n in re.findall(r"\[(\d+)\]", answer.text)]
    assert numbers == list(range(1, len(numbers) + 1)) == list(dict.fromkeys(marked))
    assert re.sub(r" \[\d+\]", "", answer.text) == answer.text_without_citations
    for citation in answer.citations:
        for span in citation.answer_spans:
            assert answer.text[span.end :].startswith(f" [{citation.number}]")
    text_of = {c.number: c.quote.text for c in answer.citations}
    for item in answer.disagreements:
        for side in json.loads(json.dumps(item))["sides"]:
            assert side["citations"]
            assert side["value"] in text_of[side["citations"][0]]
    return answer


def test_both_sides_are_quoted_cited_and_told(generation: Generation) -> None:
    answer = ask(generation, COST)
    number = {c.quote.document_id: c.number for c in answer.citations}
    by_name = {
        "courier": ("Courier (6 November 2025)", "€40 million"),
        "ledger": ("Works (date unknown)", "€62 million"),
    }
    first, second = sorted(by_name, key=lambda name: number[name])
    assert answer.disagreements == (
        {
            "about": "the cost of the Velmar bridge",
            "sides": [{"value": by_name[name][1], "citations": [number[name]]} for name in (first, second)],
        },
    )
    assert answer.text.split("\n\n")[-1] == (
        f"Sources differ on the cost of the Velmar bridge: {by_name[first][0]} says {by_name[first][1]}; "
        f"[{number[first]}] {by_name[second][0]} says {by_name[second][1]}. [{number[second]}]"
    )


def test_names_in_the_same_words_are_both_quoted(generation: Generation) -> None:
    answer = ask(generation, "Who signed the Calder treaty?")
    (item,) = answer.disagreements
    assert item["about"] == "who signed the Calder treaty"
    assert {s["value"] for s in json.loads(json.dumps(item))["sides"]} == {"Ana Brandt", "Tom Keller"}


SPAN: list[dict[str, object]] = [
    {"id": "one", "title": "One", "publisher": "Courier", "language": "en",
     "text": "From end to end, the Torvik tunnel measures 12 kilometres, engineers of the port told us."},
    {"id": "two", "title": "Two", "publisher": "Ledger", "language": "en",
     "text": "The Torvik tunnel, 14 kilometres behind two gates, is crossed in a quarter of an hour."},
]  # fmt: skip


@pytest.mark.parametrize(("short_threshold", "shown"), [(0.05, True), (1.0, False)])
def test_two_readings_confirm_what_the_words_alone_do_not(
    tmp_path: Path, short_threshold: float, shown: bool
) -> None:
    generation = index_of(tmp_path, SPAN, HashEmbedder())
    how_sure = calibration(threshold=0.01, short_threshold=short_threshold)
    stages = stages_of(generation, how_sure=how_sure)
    answer = answer_question(Ask(question="How many kilometres does the Torvik tunnel have?"), stages)
    assert {c.quote.document_id for c in answer.citations} == {"one", "two"}
    values = [{s["value"] for s in json.loads(json.dumps(item))["sides"]} for item in answer.disagreements]
    assert values == ([{"12 kilometres", "14 kilometres"}] if shown else [])
    generation.close()


def test_one_citation_has_no_other_side(generation: Generation) -> None:
    answer = ask(generation, COST, limit=1)
    assert answer.disagreements == ()
    assert "differ" not in answer.text


def test_a_russian_question_is_answered_in_russian(generation: Generation) -> None:
    answer = ask(generation, "Сколько стоил мост в Заречье?")
    last = answer.text.split("\n\n")[-1]
    assert last.startswith("Источники расходятся (число: «Сколько стоил мост в Заречье»): ")
    assert "Вести (6 ноября 2025) сообщает: 3 млрд рублей" in last
    assert "Стройка (дата неизвестна) сообщает: 5 млрд рублей" in last


def test_a_plan_comes_before_its_outcome(generation: Generation) -> None:
    answer = ask(generation, "Which aid did the Nordbank pledge to stricken Sarova?")
    assert answer.disagreements == ()
    assert answer.text.index("Herald, 2 November 2025") < answer.text.index("Tribune, 8 November 2025")
    assert "order of time" not in answer.text


def test_the_answer_says_that_a_date_is_unknown(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "published_at" or row["id"] != "plan"} for row in ROWS]
    found = index_of(tmp_path, rows, HashEmbedder())
    answer = ask(found, "Which aid did the Nordbank pledge to stricken Sarova?")
    found.close()
    (number,) = [c.number for c in answer.citations if c.quote.document_id == "plan"]
    assert answer.text.endswith(f"Not put in order of time: the date of Herald is unknown. [{number}]")


@pytest.mark.parametrize(
    ("question", "phrase"),
    [
        ("How many workers did Tessel lay off in Brandle?", "the number of workers"),
        ("How many presidents attended?", "the number of presidents"),
        ("What was the value of the trade in 2024?", "the value of the trade in 2024"),
        ("How much is the deal worth?", "the worth of the deal"),
        ("How much did the bridge cost?", "the cost of the bridge"),
        ("How much aid did the bank pledge?", "the amount of aid"),
        ("How high is the Sorrel dam?", "how high the Sorrel dam is"),
        ("What share of voters came?", "the share (“What share of voters came”)"),
        ("Who signed it [3]?", "who signed it"),
        ("When did it open?", "the date (“When did it open”)"),
        ("Where was it signed?", "the place (“Where was it signed”)"),
        ("Когда открылся завод?", "дата: «Когда открылся завод»"),
        (f"When did {'it and ' * 40}it open?", f"the date (“When did {('it and ' * 13).strip()}…”)"),
    ],
)  # fmt: skip
def test_what_it_is_about(question: str, phrase: str) -> None:
    read = read_question(question)
    kind = {"number": "amount", "date": "date"}.get(read.answer_type.value, "name")
    assert about(read, "amount" if question.startswith("What") else kind) == phrase  # type: ignore[arg-type]


def test_sides_are_found_in_quotes_with_markers_of_their_own() -> None:
    texts = {"a": "The Velmar bridge cost €40 million [3].", "b": "The Velmar bridge cost [3] €62 million."}
    quotes = {
        n: Quote(document_id=name, start=0, end=len(text), text=text)
        for n, (name, text) in enumerate(texts.items())
    }
    told = told_by(quotes, lambda name: document(texts[name], name))
    (item,) = find_disagreements(read_question(COST), told)
    assert [side.value for side in item.sides] == ["€40 million", "€62 million"]
