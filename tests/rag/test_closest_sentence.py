"""Which of a passage's sentences has the question's words."""

from __future__ import annotations

import pytest

from index.types import Passage, Sentence
from rag.closest_sentence import closest_sentence


def passage(*sentences: tuple[str, str]) -> Passage:
    text, found = "* ", []
    for kind, words in sentences:
        start = len(text)
        text += words + " "
        found.append(Sentence(start=100 + start, end=100 + start + len(words), kind=kind))  # type: ignore[arg-type]
    return Passage(
        document_id="d",
        start=100,
        end=100 + len(text),
        text=text,
        sentences=tuple(found),
    )


ASKED = ["ana", "open", "bridg"]
WEIGHTS = {"ana": 3.0, "open": 1.0, "bridg": 1.0}


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ([("text", "Ana opened bridges.")], (1.0, 1.0)),
        ([("text", "Bridges opened.")], (0.4, 0.0)),
        # Words strewn over two sentences count as in the better of them.
        ([("text", "Ana sang."), ("text", "He opened bridges.")], (0.6, 0.5)),
        # Each share has its own best sentence.
        ([("text", "Ana likes a bridge."), ("text", "Open bridges rust.")], (0.8, 0.5)),
        ([("heading", "Ana opened bridges."), ("text", "Nothing else.")], (0.0, 0.0)),
        ([("text", "Ёж 🦔 спит.")], (0.0, 0.0)),
        ([], (0.0, 0.0)),
    ],
)
def test_shares(sentences: list[tuple[str, str]], expected: tuple[float, float]) -> None:
    assert closest_sentence(ASKED, WEIGHTS, passage(*sentences)) == pytest.approx(expected)


def test_a_question_of_one_word_has_no_pairs() -> None:
    assert closest_sentence(["ana"], {"ana": 3.0}, passage(("text", "Ana sang."))) == (1.0, 0.0)
