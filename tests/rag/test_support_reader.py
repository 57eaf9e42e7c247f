"""The reader's opinion of statements, as `supports` asks for it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from rag.reader_model import TokenScores
from rag.support import ProblemKind, supports
from rag.support_reader import ReaderSupport
from tests.rag.fakes_rag import WordScorer

QUOTE = "Ana Brandt opened the bridge in May 1998."


def test_the_probability_is_the_logistic_of_the_passages_logit() -> None:
    scorer = WordScorer()
    reader = ReaderSupport(scorer)
    # All words of the statement are in the quote: 8 · 1 - 4; none: -4.
    assert reader("Ana Brandt opened the bridge.", [QUOTE]) == pytest.approx(1 / (1 + math.exp(-4)))
    assert reader("Cats sleep.", [QUOTE]) == pytest.approx(1 / (1 + math.exp(4)))


def test_quotes_are_read_together() -> None:
    scorer = WordScorer()
    ReaderSupport(scorer)("Ana sang.", ["Ana came.", "She sang."])
    assert [list(passages) for _, passages in scorer.seen] == [["Ana came.\nShe sang."]]


def test_supports_asks_it_after_the_rules_and_heeds_it() -> None:
    statement = "The bridge was opened by Ana Brandt in May 1998."
    assert supports(statement, [QUOTE]).supported
    found = supports(statement, [QUOTE], reader=ReaderSupport(WordScorer()))
    assert found.supported
    assert found.score is not None
    assert found.score > 0.5

    class Doubting(WordScorer):
        """Sees no answer in any passage."""

        def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
            none = np.empty(0, dtype=np.float32)
            return [
                TokenScores(offsets=[], start=none, end=none, evidence=none, null=0.0, answerable=-1e9)
                for _ in passages
            ]

    doubted = supports(statement, [QUOTE], reader=ReaderSupport(Doubting()))
    assert not doubted.supported
    assert [problem.kind for problem in doubted.problems] == [ProblemKind.READER]


def test_a_broken_model_is_an_error_and_no_opinion() -> None:
    class Broken(WordScorer):
        def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
            raise RuntimeError("the model is gone")

    with pytest.raises(RuntimeError, match="gone"):
        supports("The bridge was opened by Ana Brandt in May 1998.", [QUOTE], reader=ReaderSupport(Broken()))
