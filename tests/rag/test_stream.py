"""An answer as it comes: the order of events, the pieces, stopping between two steps."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import EmbedderError
from rag.answer import Ask, Stages, answer_question
from rag.errors import AskCancelledError, GeneratorNotConfiguredError, QuestionError, StreamBrokenError
from rag.events import AnswerEvent, CitationEvent, DeltaEvent, Event, StatusEvent
from rag.reader_model import TokenScores
from rag.stream import pieces, stream_answer, stream_steps
from rag.types import NO_ANSWER, Answer
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import WordScorer, index_of, stages_of

ROWS = [
    {
        "id": "bridge",
        "title": "The bridge",
        "text": (
            "The bridge of Aldergate was built by Ines Okafor in 1911. It cost 40,000 crowns. "
            "The engineer of the bridge said: “It is safe! Is it not?” Nobody answered."
        ),
    },
    {"id": "mill", "title": "The mill", "text": "The mill of Thornbury was built by Pell in 1850."},
]
BRIDGE = Ask(question="Who built the bridge of Aldergate?")
TWO = Ask(question="Who built the bridge of Aldergate? Who built the mill of Thornbury?")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return stages_of(index_of(tmp_path_factory.mktemp("stream"), ROWS, HashEmbedder()))


def same(one: Answer, other: Answer) -> bool:
    """Compare two answers without what differs between any two: the id and the times."""
    return replace(one, answer_id="", timings_ms={}) == replace(other, answer_id="", timings_ms={})


def test_events_come_in_order_and_end_in_the_answer(stages: Stages) -> None:
    events = list(stream_answer(BRIDGE, stages))
    assert events[:3] == [
        StatusEvent(stage="retrieve"),
        StatusEvent(stage="read"),
        StatusEvent(stage="verify"),
    ]
    last = events[-1]
    assert isinstance(last, AnswerEvent)
    assert last.answer.status == "answered"
    assert "Ines Okafor" in last.answer.text
    assert same(last.answer, answer_question(BRIDGE, stages))
    assert [type(event) for event in events[3:-1]].count(AnswerEvent) == 0
    assert "".join(e.text for e in events if isinstance(e, DeltaEvent)) == last.answer.text
    shown, cited = "", []
    for event in events:
        if isinstance(event, CitationEvent):
            cited.append(event.citation)
        elif isinstance(event, DeltaEvent):
            shown += event.text
            numbers = {int(n) for n in re.findall(r"\[(\d+)\]", shown)}
            assert numbers <= {citation.number for citation in cited}
    assert tuple(cited) == last.answer.citations


def test_each_question_of_a_message_is_searched_and_read_in_turn(stages: Stages) -> None:
    events = list(stream_answer(TWO, stages))
    assert [event.stage for event in events if isinstance(event, StatusEvent)] == [
        "retrieve", "read", "retrieve", "read", "verify",
    ]  # fmt: skip
    assert {e.citation.quote.document_id for e in events if isinstance(e, CitationEvent)} == {
        "bridge",
        "mill",
    }


def test_an_abstention_is_one_sentence_without_citations(stages: Stages) -> None:
    events = list(stream_answer(Ask(question="Which colour has the moon's cheese?"), stages))
    assert [e.text for e in events if isinstance(e, DeltaEvent)] == [NO_ANSWER["en"]]
    assert not [e for e in events if isinstance(e, CitationEvent)]
    assert isinstance(events[-1], AnswerEvent)
    assert events[-1].answer.status == "abstained"


@pytest.mark.parametrize("after", range(9))
def test_no_step_begins_after_a_cancellation(stages: Stages, after: int) -> None:
    seen = 0

    def cancelled() -> bool:
        return seen >= after

    def stream() -> Iterator[object]:
        nonlocal seen
        for event in stream_answer(TWO, stages, cancelled):
            seen += 1
            yield event

    with pytest.raises(AskCancelledError):
        list(stream())
    assert seen <= after + 1  # a citation and the piece it belongs to are one step


def test_a_cancelled_question_is_not_read(tmp_path: Path) -> None:
    scorer = WordScorer()
    stages = stages_of(index_of(tmp_path, ROWS, HashEmbedder()), scorer=scorer)
    events = stream_answer(BRIDGE, stages, lambda: True)
    with pytest.raises(AskCancelledError):
        next(events)
    assert scorer.seen == []


class Broken(WordScorer):
    def score(self, question: str, passages: object) -> list[TokenScores]:
        raise EmbedderError("the model broke")


def test_a_failure_is_raised_where_it_happens(tmp_path: Path) -> None:
    stages = stages_of(index_of(tmp_path, ROWS, HashEmbedder()), scorer=Broken())
    events = stream_answer(BRIDGE, stages)
    assert [next(events), next(events)] == [StatusEvent(stage="retrieve"), StatusEvent(stage="read")]
    with pytest.raises(EmbedderError):
        next(events)
    with pytest.raises(QuestionError):
        next(stream_answer(Ask(question="  "), stages))
    with pytest.raises(GeneratorNotConfiguredError):
        next(stream_answer(Ask(question="Who?", mode="generative"), stages))


def test_what_was_shown_while_working_is_not_shown_again(stages: Stages) -> None:
    answer = answer_question(BRIDGE, stages)
    first = answer.citations[0]

    def working(shown: str) -> Generator[Event, None, Answer]:
        yield StatusEvent(stage="write")
        yield CitationEvent(citation=first)
        yield DeltaEvent(text=shown)
        return answer

    half = answer.text[: answer.text.index("[1]") + 3]
    events = list(stream_steps(working(half)))
    assert events[:3] == [
        StatusEvent(stage="write"),
        CitationEvent(citation=first),
        DeltaEvent(text=half),
    ]
    assert "".join(e.text for e in events if isinstance(e, DeltaEvent)) == answer.text
    assert tuple(e.citation for e in events if isinstance(e, CitationEvent)) == answer.citations
    assert events[-1] == AnswerEvent(answer=answer)

    with pytest.raises(StreamBrokenError, match="ask again"):
        list(stream_steps(working(half + " and more")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("One.", ["One."]),
        ("One. Two! Three", ["One.", " Two!", " Three"]),
        (
            "Press, 6 May: “It is. So?” [1] [2] “No” [12]\n\nOther: “x” [3]",
            ["Press, 6 May: “It is.", " So?” [1] [2]", " “No” [12]", "\n\nOther: “x” [3]"],
        ),
        ("…\n", ["…", "\n"]),
        ("2.5 million in 3.14.", ["2.5 million in 3.14."]),
    ],
)
def test_pieces_are_sentences_with_their_markers(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(st.text(alphabet="ab.!? \n[]1“”é🌊", max_size=60))
def test_pieces_joined_are_the_text_and_cut_no_marker(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(found)
    assert [n for piece in found for n in re.findall(r"\[\d+\]", piece)] == re.findall(r"\[\d+\]", text)
