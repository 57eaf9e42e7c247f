"""Which of a follow-up's topics are meant: the reader tells, by what each form finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from index.generation import Generation
from rag.answer import Ask, answer_question
from rag.follow_up_choice import MARGIN, PASSAGES, settled
from rag.question import narrowed, read_question
from rag.reader_model import TokenScores
from rag.retrieve import Retrieved
from rag.types import Question, Turn
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import WordScorer, calibration, index_of, stages_of

HISTORY = (
    Turn(role="user", content="When did Kazakhstan join the Abraham Accords?"),
    Turn(role="assistant", content="In November 2025."),
)
WHOLE = "What are its advantages? (about: Kazakhstan; Abraham Accords)"
ALONE = "What are its advantages? (about: Kazakhstan)"
ROWS: list[dict[str, object]] = [
    {"id": "steppe", "title": "Steppe", "text": "Advantages of Kazakhstan are its steppes and its ores."},
    {"id": "wind", "title": "Wind", "text": "Kazakhstan has advantages, and wind is the largest of them."},
    {"id": "rain", "title": "Rain", "text": "Rain fell on Tuesday in the hills."},
]


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("choice"), ROWS, HashEmbedder())
    yield found
    found.close()


class SureOf(WordScorer):
    """Finds an answer to some questions as likely as it is told, to others not at all."""

    def __init__(self, **odds: float) -> None:
        super().__init__()
        self.odds = {WHOLE: odds["whole"], ALONE: odds["alone"]}

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        return [replace(one, answerable=self.odds[question]) for one in super().score(question, passages)]


def choice(generation: Generation, scorer: WordScorer, question: Question) -> Question:
    stages = stages_of(generation)
    return settled(
        question, lambda one, k: stages.retriever.retrieve(one, k, None), scorer, stages.generation
    )


def test_a_question_with_several_topics_has_a_narrower_form() -> None:
    question = read_question("What are its advantages?", HISTORY)
    assert (question.standalone, question.narrower) == (WHOLE, ALONE)
    narrow = narrowed(question)
    assert (narrow.text, narrow.standalone, narrow.narrower) == (question.text, ALONE, None)
    assert set(narrow.terms) < set(question.terms)


@pytest.mark.parametrize("text", ["What is copper?", "Who leads Kazakhstan? (about: copper; tin)"])
def test_a_question_that_stands_alone_has_none(text: str) -> None:
    question = read_question(text, HISTORY)
    assert question.narrower is None
    assert narrowed(question) is question


@pytest.mark.parametrize(
    ("whole", "alone", "expected"),
    [
        (0.0, MARGIN + 0.1, ALONE),
        (0.0, MARGIN, WHOLE),
        (0.0, MARGIN - 0.1, WHOLE),
        (-3.0, -3.0 + MARGIN + 0.1, ALONE),
        (2.0, -2.0, WHOLE),
    ],
)
def test_the_nearest_topic_alone_must_be_much_likelier(
    generation: Generation, whole: float, alone: float, expected: str
) -> None:
    scorer = SureOf(whole=whole, alone=alone)
    question = read_question("What are its advantages?", HISTORY)
    assert choice(generation, scorer, question).standalone == expected
    assert [(asked, len(passages)) for asked, passages in scorer.seen] == [
        (WHOLE, PASSAGES),
        (ALONE, PASSAGES),
    ]


def test_nothing_is_read_for_a_question_of_one_form(generation: Generation) -> None:
    scorer = SureOf(whole=0.0, alone=9.0)
    question = read_question("What are the advantages of Kazakhstan?")
    assert choice(generation, scorer, question) is question
    assert scorer.seen == []


def test_where_nothing_is_found_all_topics_stay(generation: Generation) -> None:
    def nothing(question: Question, _k: int) -> Retrieved:
        return Retrieved(
            hits=(), asked=question.standalone, vector=HashEmbedder().embed_queries(["x"]), terms=(), corrections={}
        )  # fmt: skip

    question = read_question("What are its advantages?", HISTORY)
    assert settled(question, nothing, WordScorer(), generation) is question


@pytest.mark.parametrize(("whole", "alone", "expected"), [(0.0, 9.0, ALONE), (9.0, 0.0, WHOLE)])
def test_an_answer_shows_the_form_that_was_taken(
    generation: Generation, whole: float, alone: float, expected: str
) -> None:
    scorer = SureOf(whole=whole, alone=alone)
    stages = stages_of(generation, scorer=scorer, how_sure=calibration(threshold=0.0))
    answer = answer_question(Ask(question="What are its advantages?", history=HISTORY), stages)
    assert answer.standalone_question == expected
    assert answer.question == "What are its advantages?"
    assert scorer.seen[-1][0] == expected


def test_the_reader_takes_what_the_documents_speak_of(generation: Generation, tmp_path: Path) -> None:
    # No document has a word of the accords: all of the question's words are found without them.
    question = read_question("What are its advantages?", HISTORY)
    assert choice(generation, WordScorer(), question).standalone == ALONE
    rows: list[dict[str, object]] = [
        {"id": "a", "title": "A", "text": "The Abraham Accords have advantages for Kazakhstan."},
        {"id": "b", "title": "B", "text": "Advantages of the Abraham Accords: Kazakhstan trades more."},
    ]
    other = index_of(tmp_path, rows, HashEmbedder())
    assert choice(other, WordScorer(), question).standalone == WHOLE
    other.close()
