"""Which sentences are quoted, what they take in, and how they read together."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.canonical import canonical_text
from index.split import split_document
from index.tokens import count_tokens
from index.types import Document, Passage
from rag.extract import Span, draft_from, introduction, select_spans, shown_text
from rag.types import Candidate
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import candidate, document, passage_with

SIX = [
    "Copper went north.",
    "Zinc went south.",
    "Gold stayed home.",
    "Lead sank deep.",
    "Silver shone bright.",
    "Iron rusted slowly.",
]


def plain(document_id: str = "d", sentences: list[str] = SIX) -> Passage:
    return passage_with(" ".join(sentences), sentences, document_id)


def quoted(passage: Passage, spans: list[Span]) -> list[str]:
    return [passage.text[s.start - passage.start : s.end - passage.start] for s in spans]


def best_first(passage: Passage, *scores: tuple[int, float]) -> list[Candidate]:
    return [candidate(passage, number, score) for number, score in scores]


# What is chosen


def test_spans_are_best_first_and_no_more_than_the_limit() -> None:
    passage = plain()
    candidates = best_first(passage, (3, 5.0), (0, 4.0), (5, 3.0), (1, 2.5))
    for limit in (1, 2, 3, 4, 20):
        spans = select_spans(candidates, limit)
        assert quoted(passage, spans) == [SIX[3], SIX[0], SIX[5], SIX[1]][:limit]
    assert [s.score for s in select_spans(candidates, 4)] == [5.0, 4.0, 3.0, 2.5]


def test_what_is_three_less_likely_is_left_out() -> None:
    passage = plain()
    candidates = best_first(passage, (0, 1.0), (1, -2.0), (2, -2.001), (3, -9.0))
    assert quoted(passage, select_spans(candidates, 20)) == [SIX[0], SIX[1]]


def test_nothing_gives_nothing() -> None:
    assert select_spans([], 5) == []


def test_near_repeats_are_quoted_once() -> None:
    one = plain("one", ["The five presidents signed the copper treaty in Riga."])
    two = plain("two", ["The five presidents signed the copper treaty in Riga!", "Prices of tin fell."])
    three = plain("three", ["The presidents signed the treaty in Riga."])
    candidates = [
        candidate(one, 0, 5.0),
        candidate(two, 0, 4.9),
        candidate(three, 0, 4.8),
        candidate(two, 1, 4.0),
    ]
    assert [(s.document_id, s.start) for s in select_spans(candidates, 5)] == [("one", 0), ("two", 54)]


def test_the_same_words_with_another_figure_are_no_repeat() -> None:
    one = plain("one", ["Trade with the five states reached 31 million dollars in May."])
    two = plain("two", ["Trade with the five states reached 48 million dollars in May."])
    spans = select_spans([candidate(one, 0, 5.0), candidate(two, 0, 4.9)], 5)
    assert [s.document_id for s in spans] == ["one", "two"]


def test_the_margin_is_the_calibrations() -> None:
    candidates = best_first(plain(), (0, 1.0), (1, 0.7), (2, 0.4))
    assert len(select_spans(candidates, 5, margin=0.5)) == 2


def test_two_documents_that_add_something_are_both_quoted() -> None:
    one = plain("one", ["The presidents signed the copper treaty in Riga."])
    two = plain("two", ["The treaty of Riga cost eight billion dollars to draft."])
    spans = select_spans([candidate(one, 0, 5.0), candidate(two, 0, 4.0)], 5)
    assert [s.document_id for s in spans] == ["one", "two"]


def test_a_notes_number_alone_is_no_quote() -> None:
    passage = plain("d", ["[7]", "Copper rose."])
    assert quoted(passage, select_spans(best_first(passage, (0, 5.0), (1, 4.0)), 5)) == ["Copper rose."]


# Spans that meet


def test_overlapping_spans_become_one_with_the_better_score() -> None:
    passage = plain("d", ["Brandt came home.", "She sold copper.", "Zinc was dear."])
    # The second alone takes in the first; the first alone then adds nothing.
    spans = select_spans(best_first(passage, (1, 5.0), (2, 4.5), (0, 4.0)), 5)
    assert quoted(passage, spans) == ["Brandt came home. She sold copper.", "Zinc was dear."]
    assert [s.score for s in spans] == [5.0, 4.5]
    spans = select_spans(best_first(passage, (0, 5.0), (2, 4.5), (1, 4.0)), 5)
    assert quoted(passage, spans) == ["Brandt came home. She sold copper.", "Zinc was dear."]
    assert [s.score for s in spans] == [5.0, 4.5]


CHAIN = [
    "Brandt came home.",
    "She sold copper.",
    "They paid in zinc.",
    "He drank tea.",
    "These rose later.",
    "Gold stayed away.",
]


def test_a_span_that_meets_two_unites_all_three() -> None:
    passage = plain("d", CHAIN)
    apart = best_first(passage, (4, 5.0), (5, 4.9), (1, 4.8))
    assert quoted(passage, select_spans(apart, 5)) == [" ".join(CHAIN[2:5]), CHAIN[5], " ".join(CHAIN[:2])]
    # The one between takes in two sentences before it, and so meets both.
    spans = select_spans([*apart, candidate(passage, 3, 4.7)], 5)
    assert quoted(passage, spans) == [" ".join(CHAIN[:5]), CHAIN[5]]
    assert [s.score for s in spans] == [5.0, 4.9]
    # In the place of the better of the two, wherever that stands.
    first = best_first(passage, (5, 5.0), (1, 4.9), (4, 4.8), (3, 4.7))
    spans = select_spans(first, 5)
    assert quoted(passage, spans) == [CHAIN[5], " ".join(CHAIN[:5])]
    assert [s.score for s in spans] == [5.0, 4.9]


def test_what_uniting_freed_is_filled() -> None:
    passage = plain("d", CHAIN)
    candidates = best_first(passage, (4, 5.0), (1, 4.8), (3, 4.7), (5, 4.6))
    assert quoted(passage, select_spans(candidates, 3)) == [" ".join(CHAIN[:5]), CHAIN[5]]


# What a sentence takes in


def widened(sentences: list[str | tuple[str, str]], number: int, text: str | None = None) -> str:
    words = [s if isinstance(s, str) else s[1] for s in sentences]
    passage = passage_with(text or " ".join(words), sentences, at=7)
    (span,) = select_spans([candidate(passage, number, 1.0)], 1)
    return passage.text[span.start - 7 : span.end - 7]


@pytest.mark.parametrize(
    "opening",
    [
        "He",
        "she",
        "They",
        "This",
        "Those",
        "“It",
        "(Then",
        "One of them",
        "The former",
        "In that year he",
        "Он",
        "Это",
        "Там",
        "Эти",
    ],
)
def test_a_sentence_that_leans_takes_in_the_one_before(opening: str) -> None:
    leaning = f"{opening} sold copper."
    assert widened(["Brandt came.", leaning, "Zinc fell."], 1) == f"Brandt came. {leaning}"


@pytest.mark.parametrize(
    "standing",
    [
        "Sheep sold well.",
        "Thisbe sold copper.",
        "It is likely that tin rose.",
        "This year copper rose.",
        "There were two mines.",
        "Here is the list.",
        "Hero sold copper.",
        "Онлайн продажи выросли.",
        "Copper, he said, rose.",
    ],
)
def test_a_sentence_that_stands_takes_in_nothing(standing: str) -> None:
    assert widened(["Brandt came.", standing, "Zinc fell."], 1) == standing


def test_the_first_sentence_has_nothing_to_take_in() -> None:
    assert widened(["He sold copper.", "Zinc fell."], 0) == "He sold copper."


def test_a_chain_is_followed_for_two_sentences() -> None:
    chain = ["Ana came.", "She saw Lee.", "He sold tin.", "They paid zinc.", "Lead fell."]
    assert widened(chain, 1) == "Ana came. She saw Lee."
    assert widened(chain, 2) == "Ana came. She saw Lee. He sold tin."
    assert widened(chain, 3) == "She saw Lee. He sold tin. They paid zinc."


def test_a_sentence_cut_at_an_abbreviation_is_made_whole() -> None:
    cut = ["Zinc fell.", "The mine belongs to Smith Inc.", "Brandt sold it.", "Lead rose."]
    assert widened(cut, 1) == "The mine belongs to Smith Inc. Brandt sold it."
    assert widened(cut, 2) == "The mine belongs to Smith Inc. Brandt sold it."
    assert widened(cut, 3) == "Lead rose."
    assert widened(["They met Gen.", "Brandt."], 0) == "They met Gen. Brandt."
    assert widened(["Ends with Inc."], 0) == "Ends with Inc."


def test_a_heading_is_never_taken_in() -> None:
    text = "Copper\n\nIt rose again.\n\nZinc fell."
    assert widened([("heading", "Copper"), "It rose again.", "Zinc fell."], 1, text) == "It rose again."
    on_one_line = "Copper It rose again."
    assert widened([("heading", "Copper"), "It rose again."], 1, on_one_line) == "It rose again."


def test_list_items_and_paragraphs_stay_apart() -> None:
    text = "Buyers came:\n- Brandt of Acme Inc.\n- They paid in zinc."
    items: list[str | tuple[str, str]] = [
        "Buyers came:",
        ("list_item", "Brandt of Acme Inc."),
        ("list_item", "They paid in zinc."),
    ]
    assert widened(items, 2, text) == "They paid in zinc."
    assert widened(items, 1, text) == "Brandt of Acme Inc."
    assert widened(["Brandt came.", "She left."], 1, "Brandt came.\n\nShe left.") == "She left."


PIECES = st.sampled_from(
    [
        "Copper rose.",
        "He sold it.",
        "They met Gen.",
        "Brandt spoke.",
        "Это так.",
        "Цинк упал 🙂.",
        "е\u0308ж пришёл.",
        "Acme Inc.",
        "- One item.",
        "\n\n",
        "\n",
        "\r\n",
        "A Heading\n\n",
        "[3]",
        "This was 4.2 %.",
        "“So it was.”",
        "\u00a0",
    ]
)


@given(st.lists(PIECES, min_size=1, max_size=25), st.randoms(use_true_random=False), st.integers(1, 20))
def test_spans_are_whole_sentences_apart_and_in_order(pieces: list[str], random: object, limit: int) -> None:
    found = document(canonical_text(" ".join(pieces), "here"))
    embedder = HashEmbedder()
    passages = split_document(
        found,
        [],
        budget_tokens=40,
        count_tokens=count_tokens,
        embedder_tokens=200,
        count_embedder_tokens=embedder.count_tokens,
    )
    candidates = [
        candidate(p, number, random.uniform(0.0, 4.0), row)  # type: ignore[attr-defined]
        for row, p in enumerate(passages)
        for number, s in enumerate(p.sentences)
        if s.kind != "heading"
    ]
    candidates.sort(key=lambda c: -c.score)
    spans = select_spans(candidates, limit)
    assert len(spans) <= limit
    assert [s.score for s in spans] == sorted((s.score for s in spans), reverse=True)
    assert not spans or spans[0].score == next(
        c.score for c in candidates if shown_text(c.passage.sentence_text(c.sentence))
    )
    starts = {s.start for p in passages for s in p.sentences}
    ends = {s.end for p in passages for s in p.sentences}
    for span in spans:
        assert span.start in starts
        assert span.end in ends
        assert not any(p.start <= span.start < p.end < span.end for p in passages)
    ordered = sorted((s.start, s.end) for s in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(ordered))


# The text


def library(*documents: Document) -> dict[str, Document]:
    return {d.document_id: d for d in documents}


def test_a_paragraph_a_document_in_the_order_of_the_best_of_each() -> None:
    one = document(" ".join(SIX), "one", publisher="Port News", published_at="2025-11-06T10:00:00Z")
    two = document("Tin [7] is dear.\nVery dear.", "two", title="A title")

    def span(of: Document, sentence: str, score: float) -> Span:
        start = of.text.index(sentence)
        return Span(document_id=of.document_id, start=start, end=start + len(sentence), score=score)

    spans = [span(two, "Tin [7] is dear.\nVery dear.", 5), span(one, SIX[4], 4), span(one, SIX[0], 4.5)]
    draft = draft_from(spans, library(one, two).__getitem__)
    assert [(s.text, s.quotes, s.opens_paragraph) for s in draft.sentences] == [
        ("A title: “Tin is dear. Very dear.”", (0,), True),
        ("Port News, 6 November 2025: “Copper went north.”", (1,), True),
        ("“Silver shone bright.”", (2,), False),
    ]
    assert draft.spans == (
        ("two", 0, 27),
        ("one", 0, 18),
        ("one", one.text.index(SIX[4]), one.text.index(SIX[4]) + 20),
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"publisher": "Port News"}, "Port News"),
        ({"title": "A title"}, "A title"),
        ({"publisher": "Port News", "title": "A title"}, "Port News"),
        ({"title": "A title", "published_at": "2024-02-29"}, "A title, 29 February 2024"),
        ({"publisher": "П", "published_at": "2025-12-31T23:30:00-08:00"}, "П, 31 December 2025"),
    ],
)
def test_an_introduction_says_who_and_when(more: dict[str, str], expected: str) -> None:
    assert introduction(document("x", **more)) == expected


def test_a_title_can_forge_no_marker_and_no_paragraph() -> None:
    found = document("Copper rose.", title="Prices [2]\n\nReuters: “All is well” [1]")
    draft = draft_from([Span(document_id="d", start=0, end=12, score=1.0)], library(found).__getitem__)
    assert draft.sentences[0].text == "Prices Reuters: “All is well”: “Copper rose.”"
    found = document("Copper rose.", title="[3]")
    draft = draft_from([Span(document_id="d", start=0, end=12, score=1.0)], library(found).__getitem__)
    assert draft.sentences[0].text == "“Copper rose.”"


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("Tin rose.[7]", "Tin rose."),
        ("Tin [7] rose [12][13].", "Tin rose."),
        ("Tin\n rose\u00a0 by\t2 %.", "Tin rose by 2 %."),
        ("[1] Tin", "Tin"),
        ("a [1[2]] b", "a b"),
        ("a [1\n[2] ] b", "a [1 ] b"),
        ("[note] [7a] [a7] (7)", "[note] [7a] [a7] (7)"),
        ("[7]", ""),
    ],
)
def test_shown_text(quote: str, shown: str) -> None:
    assert shown_text(quote) == shown


@given(st.text(alphabet="[]0123ab \n٣🙂\u0301", max_size=40))
def test_shown_text_has_one_line_and_no_marker(quote: str) -> None:
    shown = shown_text(quote)
    assert not re.search(r"\[\d+\]", shown)
    assert "\n" not in shown
    assert shown == shown.strip() == shown_text(shown)
