"""BM25 by tantivy against the formula worked out here, and what a filter may and may not do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from index.lexical import LexicalRow, TantivyIndex
from index.terms import terms
from index.types import RowFilter

BODY = {"body": 1.0}


def row(
    number: int,
    body: str,
    *,
    document: int | None = None,
    repeats: int | None = None,
    title: str = "",
    publisher: str = "",
    date: str = "",
) -> LexicalRow:
    return LexicalRow(
        row=number,
        document=number if document is None else document,
        repeats=repeats,
        title=title,
        publisher=publisher,
        date=date,
        body=body,
    )


def build(folder: Path, *rows: LexicalRow, weights: Mapping[str, float] = BODY) -> TantivyIndex:
    return TantivyIndex.build(folder / "lexical", rows, weights)


def only(total: int, *documents: int) -> RowFilter:
    return RowFilter(rows=np.ones(total, dtype=np.bool_), documents=frozenset(documents))


def bm25(bodies: list[str], question: str) -> list[tuple[int, float]]:
    """Robertson's BM25 with k1 = 1.2 and b = 0.75, idf = ln(1 + (N - n + 0.5) / (n + 0.5))."""
    counts = [Counter(terms(body)) for body in bodies]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / len(lengths)
    scores = []
    for number, count in enumerate(counts):
        score = 0.0
        for term in dict.fromkeys(terms(question)):
            n = sum(term in other for other in counts)
            idf = math.log(1 + (len(bodies) - n + 0.5) / (n + 0.5))
            tf = count[term]
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[number] / average))
        if score > 0:
            scores.append((number, score))
    return sorted(scores, key=lambda hit: (-hit[1], hit[0]))


def test_scores_and_order_are_those_of_the_formula(tmp_path: Path) -> None:
    bodies = [
        "copper exports grew",
        "copper copper tin",
        "tin exports fell while zinc exports grew and copper stood still in the port",
        "nothing of the kind",
        "zinc",
    ]
    index = build(tmp_path, *(row(n, body) for n, body in enumerate(bodies)))
    for question in ("copper", "tin exports", "zinc copper exports", "grew"):
        found = index.search(terms(question), 10)
        expected = bm25(bodies, question)
        assert [hit[0] for hit in found] == [hit[0] for hit in expected]
        assert [hit[1] for hit in found] == pytest.approx([hit[1] for hit in expected], rel=1e-4)


def test_facts_worked_by_hand(tmp_path: Path) -> None:
    index = build(
        tmp_path, row(0, "copper and tin"), row(1, "copper copper and tin tin"), row(2, "zinc and lead")
    )
    assert len(index) == 3
    # Rarer words weigh more, more of them weigh more, and what has neither is no hit.
    assert [n for n, _ in index.search(terms("zinc copper"), 9)] == [2, 1, 0]
    assert [n for n, _ in index.search(terms("copper"), 9)] == [1, 0]
    assert index.document_frequency(terms("copper")[0]) == 2
    assert index.document_frequency("nowhere") == 0


def test_a_word_said_twice_in_the_question_counts_once(tmp_path: Path) -> None:
    index = build(tmp_path, row(0, "copper"), row(1, "tin"))
    assert index.search(terms("copper copper copper"), 5) == index.search(terms("copper"), 5)


def test_fields_weigh_as_told(tmp_path: Path) -> None:
    rows = (row(0, "copper", title="zinc tin"), row(1, "zinc tin", title="copper"))
    index = build(tmp_path / "t", *rows, weights={"body": 1.0, "title": 2.0})
    (first, high), (second, low) = index.search(terms("copper"), 5)
    assert (first, second) == (1, 0)
    body_only = build(tmp_path / "b", *rows, weights={"body": 1.0, "title": 0.0})
    ((number, score),) = body_only.search(terms("copper"), 5)
    assert number == 0
    assert low == pytest.approx(score, rel=1e-5)
    title_only = build(tmp_path / "o", *rows, weights={"title": 1.0})
    assert title_only.search(terms("copper"), 5) == [(1, pytest.approx(high / 2, rel=1e-5))]


def test_publisher_and_date_are_searched(tmp_path: Path) -> None:
    rows = (row(0, "x", publisher="Reuters"), row(1, "x", date="November 6 2025 2025-11-06"))
    index = build(tmp_path, *rows, weights={"body": 1.0, "publisher": 1.5, "date": 1.0})
    assert [n for n, _ in index.search(terms("reuters"), 5)] == [0]
    assert [n for n, _ in index.search(terms("6 November"), 5)] == [1]


def test_a_filter_is_applied_inside_and_changes_no_score(tmp_path: Path) -> None:
    index = build(tmp_path, *(row(n, "copper " * (n + 1)) for n in range(50)))
    everything = dict(index.search(terms("copper"), 50))
    worst = sorted(everything, key=lambda n: everything[n])[:2]
    found = index.search(terms("copper"), 2, only(50, *worst))
    assert {n for n, _ in found} == set(worst)
    for number, score in found:
        assert score == pytest.approx(everything[number], rel=1e-6)
    assert index.search(terms("copper"), 5, only(50)) == []
    nothing_left_out = index.search(terms("copper"), 5, only(50, *range(50)))
    assert [n for n, _ in nothing_left_out] == [n for n, _ in index.search(terms("copper"), 5)]


def test_a_repeat_is_hidden_unless_its_original_is_out_of_sight(tmp_path: Path) -> None:
    index = build(tmp_path, row(0, "copper"), row(1, "copper", repeats=0), row(2, "copper tin"))
    everybody = RowFilter(rows=np.array([True, False, True]), documents=None)
    assert {n for n, _ in index.search(["copper"], 5)} == {0, 2}
    assert {n for n, _ in index.search(["copper"], 5, everybody)} == {0, 2}
    assert {n for n, _ in index.search(["copper"], 5, only(3, 0, 1, 2))} == {0, 2}
    assert {n for n, _ in index.search(["copper"], 5, only(3, 1, 2))} == {1, 2}
    assert {n for n, _ in index.search(["copper"], 5, only(3, 1))} == {1}
    assert {n for n, _ in index.search(["copper"], 5, only(3, 0))} == {0}


@pytest.mark.parametrize("k", [1, 3, 40, 100, 10**9])
def test_ties_are_ordered_by_row(tmp_path: Path, k: int) -> None:
    index = build(tmp_path, *(row(n, "copper tin") for n in range(60)))
    assert [n for n, _ in index.search(["copper"], k)] == list(range(min(k, 60)))


@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "unheard",
        "body:copperx",
        "NOT",
        '"',
        "(((",
        "*",
        "copperx^5",
        "a\x00b",
        "🙂",
        "title:(",
        "\\",
        "[0 TO 9]",
        "AND OR",
        "е\u0308",
    ],
)
def test_unknown_and_hostile_questions_find_nothing_and_break_nothing(tmp_path: Path, question: str) -> None:
    index = build(tmp_path, row(0, "copper"), row(1, "tin"))
    assert index.search(terms(question), 5) == []
    assert index.search([question], 5) == []


def test_syntax_around_a_word_is_only_its_neighbourhood(tmp_path: Path) -> None:
    index = build(tmp_path, row(0, "copper"), row(1, "tin"))
    for question in ('+"copper"~2', "-copper", "(copper", "copper*", "NOT copper:", "*:* copper"):
        assert [n for n, _ in index.search(terms(question), 5)] == [0]


def test_no_places_and_very_many_words(tmp_path: Path) -> None:
    index = build(tmp_path, row(0, "copper"), row(1, "tin"))
    assert index.search(["copper"], 0) == []
    assert [n for n, _ in index.search(["copper", *(f"w{n}" for n in range(5000))], 5)] == [0]


def test_a_loaded_index_is_the_built_one(tmp_path: Path) -> None:
    built = build(tmp_path, row(0, "copper tin"), row(1, "copper"))
    loaded = TantivyIndex.load(tmp_path / "lexical", BODY)
    assert loaded.search(["copper"], 5) == built.search(["copper"], 5)
    assert len(loaded) == 2


def test_an_index_without_rows(tmp_path: Path) -> None:
    index = build(tmp_path)
    assert len(index) == 0
    assert index.search(["copper"], 5) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("minerals", "mineral"),
        ("министра", "министр"),
        ("Café", "cafe"),
        ("1,000,000", "1000000"),
        ("U.S.", "United States"),
        ("US", "American"),
        ("Trump’s", "Trump"),
        ("EU", "European Union"),
    ],
)
def test_spellings_that_mean_the_same_are_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(
    ("one", "other"), [("us", "US"), ("4.2", "42"), ("Latin America", "United States"), ("1.5", "15")]
)
def test_spellings_that_do_not_are_not(one: str, other: str) -> None:
    assert terms(one) != terms(other)


def known(total: int, *documents: int) -> RowFilter:
    """The filter of somebody who may read these documents, one row each, and knows of no others."""
    rows = np.zeros(total, dtype=np.bool_)
    rows[list(documents)] = True
    return RowFilter(rows=rows, documents=frozenset(documents), known=rows)


@pytest.mark.parametrize("count", [40, 3000])
def test_whoever_may_read_a_part_is_answered_as_if_there_were_nothing_else(
    count: int, tmp_path: Path
) -> None:
    """Few documents are named to tantivy and many are sifted; scores are those of an index of their own."""
    rng = np.random.default_rng(count)
    words = np.array(["copper", "tin", "zinc", "lead", "iron", "gold", *(f"word{n}" for n in range(30))])
    bodies = [" ".join(rng.choice(words, 12)) for _ in range(count)]
    mine = [n for n in range(count) if n % 3 != 1]
    hidden = next(n for n in range(count) if n not in mine)
    bodies[hidden] = " ".join(["secretword"] * 12)
    # The length of all bodies is the same: the average is all that a part has in common with the whole.
    whole = build(tmp_path / "whole", *(row(n, body) for n, body in enumerate(bodies)))
    alone = build(tmp_path / "alone", *(row(n, bodies[at]) for n, at in enumerate(mine)))
    allowed = known(count, *mine)
    for wanted in (
        ["copper"],
        ["tin", "zinc", "gold"],
        ["secretword"],
        ["copper", "secretword", "absentword"],
    ):
        found = whole.search(terms(" ".join(wanted)), 25, allowed)
        exact = alone.search(terms(" ".join(wanted)), 25)
        assert [n for n, _ in found] == [mine[n] for n, _ in exact]
        assert [score for _, score in found] == pytest.approx([score for _, score in exact], rel=1e-4)
    (secret,), (copper,) = terms("secretword"), terms("copper")
    assert whole.has_term(secret)
    assert not whole.has_term(secret, allowed.known)
    assert whole.document_frequency(secret, allowed.known) == 0
    assert whole.document_frequency(copper, allowed.known) == alone.document_frequency(copper)
    assert whole.count_of(copper, allowed.rows) == alone.document_frequency(copper)


def test_a_filter_alone_changes_no_score(tmp_path: Path) -> None:
    index = build(tmp_path, *(row(n, body) for n, body in enumerate(["tin", "tin zinc", "zinc", "zinc"])))
    everything = dict(index.search(["zinc"], 10))
    assert dict(index.search(["zinc"], 10, only(4, 1, 2))) == {n: everything[n] for n in (1, 2)}
