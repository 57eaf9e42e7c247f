"""Copies of one story: one piece of evidence, one speaker, and named only to those who may read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.access import ANYBODY, OPERATOR, Viewer
from index.generation import Generation, open_current
from index.state import StateFolder
from rag.answer import Ask, Stages, answer_question
from rag.disagree import find_disagreements, told_by
from rag.extract import Span
from rag.question import read_question
from rag.quote import copy_quote
from rag.same_story import Stories
from rag.types import AlsoPublished, Answer, Filters, Quote
from rag.write.offer import offer
from tests.api.copies import CARTS, EDITED, STORY, TOLL, rows
from tests.api.service import SmallEngine, index_rows

ONE = Viewer(user="user-1")


def opened(folder: Path, **access: object) -> Stages:
    index_rows(folder, rows(**access))
    engine = SmallEngine(folder / "state")
    engine.refresh()
    return engine.stages()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return opened(tmp_path_factory.mktemp("copies"))


def ask(stages: Stages, question: str, viewer: Viewer = ANYBODY, **more: object) -> Answer:
    answer = answer_question(Ask(question=question, viewer=viewer, **more), stages)  # type: ignore[arg-type]
    for citation in answer.citations:
        hold_copies(stages, citation.quote, citation.also_published)
    return answer


def hold_copies(stages: Stages, quote: Quote, copies: tuple[AlsoPublished, ...]) -> None:
    """Each copy holds the very words where it is said to."""
    generation = stages.generation
    for copy in copies:
        ordinal = generation.ordinal(copy.document_id)
        assert ordinal is not None
        document = generation.document_at(ordinal)
        assert document.text[copy.start : copy.end] == quote.text
        assert (copy.document_sha256, copy.document_title) == (document.sha256, document.title)
        assert copy.document_id != quote.document_id


def stories(stages: Stages, viewer: Viewer = ANYBODY, filters: Filters | None = None) -> Stories:
    sight = stages.generation.sight(viewer)
    allowed, _ = stages.retriever.allowed(filters or Filters(), sight)
    return Stories(sight, allowed)


def quote_of(generation: Generation, document_id: str, words: str) -> Quote:
    ordinal = generation.ordinal(document_id)
    assert ordinal is not None
    document = generation.document_at(ordinal)
    start = document.text.index(words)
    return copy_quote(document, start, start + len(words))


def copies_of(answer: Answer, number: int = 1) -> list[str]:
    (citation,) = [c for c in answer.citations if c.number == number]
    return [copy.document_id for copy in citation.also_published]


def test_the_corpus_tells_one_story_thrice(stages: Stages) -> None:
    generation = stages.generation
    assert {s.ordinal: s.same for s in generation.same_story(0)} == {1: "near", 2: "near"}
    assert [round(s.jaccard, 2) for s in generation.same_story(0)] == [0.91, 0.94]
    assert generation.same_story(3) == []


def test_a_quote_names_the_copies_that_the_asker_may_read(stages: Stages) -> None:
    for viewer, expected in (
        (ANYBODY, ["courier"]),
        (ONE, ["courier", "circular"]),
        (OPERATOR, ["courier", "circular"]),
    ):
        answer = ask(stages, TOLL, viewer)
        first = answer.citations[0]
        assert (first.quote.document_id, first.quote.text) == ("agency", STORY[2])
        assert copies_of(answer) == expected
        assert {c.quote.document_id for c in answer.citations} == {"agency"}, "copies are no second source"
    courier = ask(stages, TOLL).citations[0].also_published[0]
    assert (courier.publisher, courier.published_at, courier.url) == ("Courier", "2024-05-02", None)


def test_of_a_hidden_original_there_is_no_hint(tmp_path: Path) -> None:
    hidden = opened(tmp_path, agency={"users": ["user-2"]})
    answer = ask(hidden, TOLL)
    assert answer.citations[0].quote.document_id == "courier"
    assert copies_of(answer) == []
    assert copies_of(ask(hidden, TOLL, ONE)) == ["circular"]
    assert copies_of(ask(hidden, TOLL, Viewer(user="user-2"))) == ["courier"]
    # The words of copies that nobody but the operator may read change nothing for the others.
    seen = stories(hidden)
    assert not seen.alike("courier", "agency")
    assert not seen.alike("courier", "circular")
    assert stories(hidden, ONE).alike("courier", "circular")


def test_filters_leave_copies_out_too(stages: Stages) -> None:
    only = Filters(publishers=("North Agency", "Zanzig"))
    assert copies_of(ask(stages, TOLL, ONE, filters=only)) == ["circular"]
    # The original was filtered out, and its copy is what is quoted.
    answer = ask(stages, TOLL, ONE, filters=Filters(publishers=("Courier", "Zanzig")))
    assert answer.citations[0].quote.document_id == "courier"
    assert copies_of(answer) == ["circular"]


def test_an_edited_sentence_is_published_by_those_who_edited_it(stages: Stages) -> None:
    edited = quote_of(stages.generation, "courier", EDITED)
    found = stories(stages, ONE).also_published(edited)
    hold_copies(stages, edited, found)
    assert [copy.document_id for copy in found] == ["circular"]


def test_a_story_of_its_own_was_published_by_nobody_else(stages: Stages) -> None:
    answer = ask(stages, "How many kinds of quince has the orchard of Pemberley?", OPERATOR)
    assert answer.citations[0].quote.document_id == "orchard"
    assert copies_of(answer) == []


def test_copies_say_one_thing_and_edits_their_own(stages: Stages) -> None:
    generation, seen = stages.generation, stories(stages, ONE)

    def document_of(document_id: str):  # type: ignore[no-untyped-def]
        return generation.document_at(generation.ordinal(document_id) or 0)

    quotes = {
        0: quote_of(generation, "agency", STORY[0]),
        1: quote_of(generation, "courier", STORY[7]),
        2: quote_of(generation, "courier", EDITED),
        3: quote_of(generation, "orchard", "The orchard of Pemberley has eleven kinds of quince"),
    }
    assert seen.sources(quotes, document_of) == {0: "agency", 1: "agency", 2: "agency", 3: "orchard"}
    apart = {0: quote_of(generation, "agency", STORY[3]), 1: quotes[2]}
    assert seen.sources(apart, document_of) == {0: "agency", 1: "courier"}
    assert seen.is_copy(quotes[0], quote_of(generation, "circular", STORY[0]))
    assert not seen.is_copy(quotes[0], quotes[0])
    assert not seen.is_copy(apart[0], apart[1])
    # Nobody who cannot see the circular is told that it is the same.
    assert stories(stages).sources({0: quotes[0], 1: quotes[1]}, document_of) == {0: "agency", 1: "agency"}


def test_two_sentences_of_one_story_are_no_two_sides(stages: Stages) -> None:
    first = "The bridge of Corran was opened in 1911, the mayor said."
    other = "The bridge of Corran was opened in 1953, the mayor said."
    question = read_question("When was the bridge of Corran opened?")
    documents = {
        name: stages.generation.document_at(0).__class__(
            document_id=name, title="Bridge", text=text, source=name, root="/"
        )
        for name, text in (("a", f"{first} {other}"), ("b", f"{first} {other}"))
    }
    quotes = {
        0: copy_quote(documents["a"], 0, len(first)),
        1: copy_quote(documents["b"], len(first) + 1, len(first) + 1 + len(other)),
    }
    assert len(find_disagreements(question, told_by(quotes, documents.__getitem__))) == 1
    told = told_by(quotes, documents.__getitem__, sources={0: "a", 1: "a"})
    assert find_disagreements(question, told) == []


def test_spans_that_say_it_again_are_left_out(stages: Stages) -> None:
    generation, seen = stages.generation, stories(stages, ONE)

    def document_of(document_id: str):  # type: ignore[no-untyped-def]
        return generation.document_at(generation.ordinal(document_id) or 0)

    def span(document_id: str, words: str) -> Span:
        found = quote_of(generation, document_id, words)
        return Span(document_id=document_id, start=found.start, end=found.end, score=1.0)

    spans = [
        span("agency", STORY[0]),
        span("courier", STORY[0]),
        span("courier", EDITED),
        span("circular", EDITED),
    ]
    assert seen.once(spans, document_of) == [spans[0], spans[2]]
    # Part of an earlier one is nothing new; more than an earlier one is.
    part = STORY[0].split(",")[0]
    assert seen.once([spans[0], span("courier", part)], document_of) == [spans[0]]
    assert len(seen.once([span("courier", part), spans[0]], document_of)) == 2
    # The same words in one document, or in one of another story, are for others to judge.
    assert seen.once([spans[0], spans[0]], document_of) == [spans[0], spans[0]]


def test_a_model_is_offered_a_sentence_once(tmp_path: Path) -> None:
    stages = opened(tmp_path, few="public")
    generation, seen = stages.generation, stories(stages)
    sight = generation.sight(ANYBODY)
    passages = [generation.passage(row) for ordinal in (0, 1) for row in generation.rows_of_document(ordinal)]
    from rag.types import Candidate

    candidates = [
        Candidate(row=0, passage=p, sentence=p.sentences[0], score=0.0, signals=()) for p in passages
    ]

    def document_of(document_id: str):  # type: ignore[no-untyped-def]
        return generation.document_at(sight.ordinal(document_id) or 0)

    twice = [s.text for s in offer(candidates, document_of).sentences]
    once = [s.text for s in offer(candidates, document_of, seen.is_copy).sentences]
    assert twice.count(STORY[0]) == 2
    assert once.count(STORY[0]) == 1
    assert [text for text in twice if text not in once] == []
    assert STORY[3] in once
    assert EDITED in once


def test_a_teaser_is_not_the_article(tmp_path: Path) -> None:
    headline = "The ferry of Quillby was rebuilt for the third time in a hundred years"
    tease = f"Read more: {headline}"
    found = [
        {
            "id": "a",
            "title": "A",
            "text": f"Quillby news of today, as told by our own reporter.\n\n{tease}\n\n{STORY[2]}",
        },
        {
            "id": "b",
            "title": "B",
            "text": f"{STORY[2]}\n\n{headline}, says the board of Quillby.",
        },
    ]
    index_rows(tmp_path, found)
    generation = open_current(StateFolder(tmp_path / "state"), embedder="hash-64")
    assert [s.reason for s in generation.excluded_of(0)] == ["teaser"]
    seen = Stories(generation.sight(ANYBODY), None)
    # A paragraph that is repeated is enough, however different the documents are otherwise.
    assert generation.same_story(0) == []
    repeated = seen.also_published(quote_of(generation, "a", STORY[2]))
    assert [(copy.document_id, copy.start) for copy in repeated] == [("b", 0)]
    assert headline in generation.document_at(0).text
    assert seen.also_published(quote_of(generation, "b", headline)) == ()
    generation.close()


def test_answers_about_one_story_quote_one_of_its_papers(stages: Stages) -> None:
    answer = ask(stages, f"{TOLL} {CARTS}", ONE)
    told = [(c.quote.document_id, c.quote.text) for c in answer.citations]
    assert len({text for _, text in told}) == len(told), "nothing is quoted twice"
