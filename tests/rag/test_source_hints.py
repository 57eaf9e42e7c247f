"""What a question says of its sources, in the catalogue's own names."""

from __future__ import annotations

from typing import Any

import pytest

from rag.source_hints import SourceHints, SourceNames


def row(publisher: str | None, title: str = "", published_at: str | None = None) -> dict[str, Any]:
    return {"publisher": publisher, "title": title, "published_at": published_at}


DOCUMENTS = [
    row("The Verge", "Phones are back", "2023-10-07T10:00:00+00:00"),
    row("TechCrunch", "A small startup counts every phone", "2023-10-07"),
    row("The Independent - Travel", "Islands", "2022-10-07"),
    row("The Independent - Sports", "Rivers of gold for the champions", None),
    row("Fortune", "Chips", "2023-11-01"),
    row(None, "A small startup counts every phone again", "2023-11-02"),
]
NAMES = SourceNames(enumerate(DOCUMENTS))


def hints(question: str) -> tuple[list[set[int]], set[int]]:
    found = NAMES.hints(question)
    return [set(group) for group in found.named], set(found.dated)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What does The Verge say?", [{0}]),
        ("what does the verge say?", [{0}]),
        ("According to 'The Verge' and TechCrunch, …", [{0}, {1}]),
        ("TechCrunch, the Verge, TechCrunch", [{1}, {0}]),
        ("The Independent - Travel on islands", [{2}]),
        ("What did the Independent write?", [{2, 3}]),
        ("What did Fortune write?", [{4}]),
        ("How large is his fortune?", []),
        ("techcrunch", []),
        ("Is “Rivers of Gold for the Champions” about sport?", [{3}]),
        ("A small startup counts every phone again", [{5}]),
        ("Phones are back", []),  # too short a title: three words may be anything
        ("The Vergeous", []),
        ("", []),
    ],
)
def test_publishers_and_titles_by_their_own_names(question: str, named: list[set[int]]) -> None:
    assert hints(question)[0] == named


@pytest.mark.parametrize(
    ("question", "dated"),
    [
        ("the TechCrunch report of October 7", {0, 1, 2}),  # of any year
        ("the report of October 7, 2023", {0, 1}),
        ("the article published on 2023-11-01", {4}),
        ("сообщил 7 октября 2023", {0, 1}),
        ("What happened on October 7, 2023?", set()),  # the day of the event, as far as anyone knows
        ("the report of February 30", set()),
        ("the report of 2023-13-45", set()),
    ],
)
def test_days_count_where_the_question_speaks_of_a_source(question: str, dated: set[int]) -> None:
    assert hints(question)[1] == dated


def test_no_documents_name_nothing() -> None:
    assert SourceNames([]).hints("The Verge of October 7") == SourceHints()
