"""What is counted beside the model's scores."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.signals import QUESTION_SIGNALS, SENTENCE_SIGNALS, answer_type_match, coverage, pair_overlap, rarity
from rag.types import AnswerType


def test_signals_have_different_names() -> None:
    assert len(set(SENTENCE_SIGNALS)) == len(SENTENCE_SIGNALS)
    assert len(set(QUESTION_SIGNALS)) == len(QUESTION_SIGNALS)


def test_coverage_is_the_share_of_the_weight() -> None:
    weights = {"tin": 1.0, "zinc": 3.0, "gold": 4.0}
    assert coverage(weights, frozenset({"tin", "zinc", "lead"})) == pytest.approx(0.5)
    assert coverage(weights, frozenset()) == 0.0
    assert coverage(weights, frozenset(weights)) == 1.0
    assert coverage({}, frozenset()) == coverage({"a": 0.0}, frozenset()) == 1.0


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0.0, 20.0)),
    st.frozensets(st.text(max_size=3)),
    st.text(max_size=3),
)
def test_coverage_is_a_share_and_never_falls_with_another_word(
    weights: dict[str, float], present: frozenset[str], word: str
) -> None:
    share = coverage(weights, present)
    assert 0.0 <= share <= 1.0 + 1e-12
    assert coverage(weights, present | {word}) >= share - 1e-12


def test_pairs_are_adjacent_and_ordered() -> None:
    asked = ["export", "of", "tin", "of", "tin"]  # pairs: export-of, of-tin, tin-of
    assert pair_overlap(asked, ["the", "export", "of", "copper"]) == pytest.approx(1 / 3)
    assert pair_overlap(asked, ["tin", "of", "export"]) == pytest.approx(1 / 3)
    assert pair_overlap(asked, asked) == 1.0
    assert pair_overlap(["tin"], ["tin"]) == pair_overlap([], ["a", "b"]) == 0.0


def test_rarity_is_bm25s_inverse_document_frequency_and_is_asked_once() -> None:
    asked: list[str] = []

    def frequency(term: str) -> int:
        asked.append(term)
        return {"tin": 1, "the": 10}.get(term, 0)

    weight = rarity(frequency, 10)
    assert weight("tin") == pytest.approx(math.log(1 + 9.5 / 1.5)) == weight("tin")
    assert weight("the") == pytest.approx(math.log(1 + 0.5 / 10.5))
    assert weight("unseen") == pytest.approx(math.log(1 + 10.5 / 0.5))
    assert asked == ["tin", "the", "unseen"]
    assert all(rarity(lambda _, n=n: n, 10)("x") > 0 for n in range(11))


@pytest.mark.parametrize(
    ("kind", "holds", "lacks"),
    [
        (
            AnswerType.NUMBER,
            ["It has 812 beds.", "Half of it went.", "Dozens came.", "Два завода.", "Шесть тысяч тонн."],
            ["It has some beds.", "Nobody came.", "Завод закрыт."],
        ),
        (
            AnswerType.DATE,
            [
                "It opened in 1998.",
                "In May it closed.",
                "They met on Thursday.",
                "Five years ago.",
                "It was last week.",
                "Он открылся в мае.",
                "Это было 6 ноября.",
            ],
            ["It costs 812 dollars.", "They may close.", "They march on.", "Завод закрыт."],
        ),
        (
            AnswerType.REASON,
            [
                "It closed because of debt.",
                "Due to a fire.",
                "They aim to reduce costs.",
                "Это из-за пожара.",
            ],
            ["It closed.", "They met in Riga."],
        ),
        (
            AnswerType.PERSON,
            ["The treaty was signed by Ana.", "It was the Riga mayor."],
            ["The treaty was signed.", "Signed by her."],
        ),
        (
            AnswerType.PLACE,
            ["They met in Riga.", "Он жил в Астане."],
            ["They met there.", "Они встретились там."],
        ),
    ],
)
def test_kinds_that_leave_a_mark(kind: AnswerType, holds: list[str], lacks: list[str]) -> None:
    assert {s: answer_type_match(kind, s, ()) for s in holds} == dict.fromkeys(holds, 1.0)
    assert {s: answer_type_match(kind, s, ()) for s in lacks} == dict.fromkeys(lacks, 0.0)


def test_a_name_that_the_question_holds_answers_nothing() -> None:
    assert answer_type_match(AnswerType.PERSON, "Then came Brandt.", ["brandt"]) == 0.0
    assert answer_type_match(AnswerType.PERSON, "Then came Ana Brandt.", ["brandt"]) == 1.0


@pytest.mark.parametrize("kind", [AnswerType.MANNER, AnswerType.YES_NO, AnswerType.OTHER])
def test_kinds_without_a_mark_always_match(kind: AnswerType) -> None:
    assert answer_type_match(kind, "so", ()) == 1.0
