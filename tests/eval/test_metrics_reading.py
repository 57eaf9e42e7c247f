"""Exact match and F1 by SQuAD's rules: by hand, and against a second writing of the rules."""

from __future__ import annotations

import random
import string

import pytest

from eval.metrics import cases_of
from eval.metrics.reading import exact_match, f1, measure, normalised
from tests.eval.eval_fakes import Asked, abstained, answered, asked, failed, run_of


def column(name: str, *pairs: Asked) -> list[float]:
    return measure(cases_of(run_of(*pairs)))[name].defined()[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's\nhat!", "cats hat"),
        ("A.N. Other", "other"),
        ("an apple a day", "apple day"),
        ("theatre another", "theatre another"),
        ("“Über” — naïve", "“über” — naïve"),
        ("a the An", ""),
        ("$8,000.50", "800050"),
    ],
)
def test_normalised(text: str, expected: str) -> None:
    # "A.N." loses its stops before articles go, and is then the word "an".
    assert normalised(text) == expected


def test_f1_worked_by_hand() -> None:
    # Said: cat sat mat (3); wanted: black cat sat (3); two in common.
    assert f1("the cat sat, mat", "A black cat sat") == pytest.approx(2 / 3)
    # "x x" against "x y x x": both x's of the prediction count, precision 1, recall 1/2.
    assert f1("x x", "x y x x") == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert f1("one", "two") == 0.0
    assert (f1("", ""), f1("the", ""), f1("", "x"), f1("x", "")) == (1.0, 1.0, 0.0, 0.0)
    assert (exact_match("The cat.", "cat"), exact_match("cats", "cat")) == (1.0, 0.0)


def test_the_best_answer_counts_and_the_short_answer_goes_before_the_long() -> None:
    question = asked("q", answers=["eight billion", "$8 billion"])
    assert column("reading_em", answered(question, answer="It was 8 billion.", short="8 billion")) == [1.0]
    # Against "8 billion": 2 of 4 words right, all 2 found.
    assert column("reading_f1", answered(question, answer="It was 8 billion.")) == [pytest.approx(2 / 3)]
    assert column("reading_em", answered(question, answer="It was 8 billion.")) == [0.0]
    # An empty short answer is an answer all the same.
    assert column("reading_f1", answered(question, answer="8 billion", short="")) == [0.0]


def test_abstaining_is_the_empty_answer() -> None:
    answerable, impossible = asked("a", answers=["x"]), asked("u", answerable=False)
    pairs = (
        abstained(answerable),
        abstained(impossible),
        answered(asked("u2", answerable=False), answer="x"),
    )
    assert column("reading_em", *pairs) == column("reading_f1", *pairs) == [0.0, 1.0, 0.0]
    assert column("reading_em_answerable", *pairs) == column("reading_f1_answerable", *pairs) == [0.0]


def test_questions_without_answers_or_that_failed_define_nothing() -> None:
    pairs = (answered(asked("a")), answered(asked("b", answerable=None)), failed(asked("c", answers=["x"])))
    assert column("reading_em", *pairs) == []
    assert column("reading_em") == []


def test_answers_of_articles_alone_are_no_answers() -> None:
    assert column("reading_f1", answered(asked("q", answers=["the", "x"]), answer="x")) == [1.0]
    # With none left, the right answer is the empty one, as in the script.
    assert column("reading_f1", answered(asked("q", answers=["the"]), answer="x")) == [0.0]
    assert column("reading_f1", abstained(asked("q", answers=["the"]))) == [1.0]


def test_agreement_with_a_second_writing_of_the_rules() -> None:
    def words(text: str) -> list[str]:
        kept = "".join(char for char in text.lower() if char not in set(string.punctuation))
        return [word for word in kept.split() if word not in ("a", "an", "the")]

    def second_f1(prediction: str, answer: str) -> float:
        said, wanted = words(prediction), words(answer)
        if not said or not wanted:
            return 1.0 if said == wanted else 0.0
        left, same = list(wanted), 0
        for word in said:
            if word in left:
                left.remove(word)
                same += 1
        if not same:
            return 0.0
        precision, recall = same / len(said), same / len(wanted)
        return 2 * precision * recall / (precision + recall)

    dice = random.Random(3)
    parts = ["the", "a", "An", "x", "X!", "y", "z,", "-", "in", "(y)", "z's"]
    for _ in range(500):
        one = " ".join(dice.choices(parts, k=dice.randint(0, 6)))
        other = " ".join(dice.choices(parts, k=dice.randint(0, 6)))
        assert f1(one, other) == pytest.approx(second_f1(one, other))
        assert exact_match(one, other) == float(words(one) == words(other))


def test_always_refusing_scores_what_the_official_script_printed_for_it() -> None:
    # SQuAD 2.0's dev set has 5,928 answerable questions and 5,945 unanswerable ones; the official script
    # prints 50.0716 for refusing them all (HasAns 0.0, NoAns 100.0), the line that its paper compares with.
    pairs = [abstained(asked(f"a{n}", answers=["x"])) for n in range(5928)]
    pairs += [abstained(asked(f"u{n}", answerable=False)) for n in range(5945)]
    found = measure(cases_of(run_of(*pairs)))
    for name in ("reading_em", "reading_f1"):
        assert round(100 * float(found[name].defined()[:, 0].mean()), 4) == 50.0716
        assert found[f"{name}_answerable"].defined()[:, 0].mean() == 0.0
