"""Reviewing proposals: nothing is kept by itself, and nothing that was kept is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import load_data_set
from eval.datatypes import Gold, SourceText
from eval.errors import DataSetError
from eval.new import REVIEWED, Decision, review, review_in_terminal, terminal_ask
from eval.propose import Proposal

SENTENCE = "In 2013, the council of Almaty opened a bridge."


def proposal(number: int, *, answerable: bool = True) -> Proposal:
    return Proposal(
        proposal_id=f"{number:012x}",
        question=f"Question {number}?",
        kind="when" if answerable else "near_miss",
        answerable=answerable,
        answers=("2013",) if answerable else (),
        gold=(Gold(document_id="d", start=0, end=len(SENTENCE), text=SENTENCE),) if answerable else (),
        document_id="d",
        document_title="Title",
        sentence=SENTENCE,
        exchanged=None if answerable else ("Almaty", "Osh"),
    )


def saying(*decisions: Decision) -> Callable[[Proposal], Decision]:
    """A person who decides so, in order; asked more often, they fail the test."""
    left = list(decisions)
    return lambda _: left.pop(0)


def typing(*lines: str) -> tuple[Callable[[str], str], list[str]]:
    """A terminal at which these lines are typed, and then nothing more comes."""
    left = list(lines)

    def read(_prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return read, left


ACCEPT, REJECT, STOP = Decision(action="accept"), Decision(action="reject"), Decision(action="stop")
UNANSWERABLE = Decision(action="unanswerable")


def edit(text: str, *answers: str) -> Decision:
    return Decision(action="edit", text=text, answers=answers)


def run(out: Path, numbers: Iterable[int], *decisions: Decision) -> list[dict[str, Any]]:
    return list(review([proposal(n) for n in numbers], saying(*decisions), out))


def test_what_is_accepted_loads_as_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    rows = run(out, range(4), ACCEPT, edit(" When? ", "in 2013"), REJECT, UNANSWERABLE)
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == rows
    first, second, third = load_data_set(str(out)).questions
    assert (first.text, first.answers, first.answerable, first.kind) == (
        "Question 0?",
        ("2013",),
        True,
        "when",
    )
    assert first.gold == proposal(0).gold
    assert (second.text, second.answers, second.gold) == ("When?", ("in 2013",), first.gold)
    assert (third.question_id, third.answerable, third.kind) == ("p-000000000003", False, "unanswerable")
    assert (third.gold, third.answers) == ((), ())


def test_an_accepted_near_miss_is_unanswerable(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    found = [proposal(1, answerable=False), proposal(2, answerable=False)]
    list(review(found, saying(ACCEPT, edit("Edited?")), out))
    assert [(q.text, q.answerable, q.kind) for q in load_data_set(str(out)).questions] == [
        ("Question 1?", False, "near_miss"),
        ("Edited?", False, "near_miss"),
    ]


def test_each_row_is_on_disk_before_the_next_question(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    seen: list[int] = []

    def ask(_: Proposal) -> Decision:
        seen.append(len(out.read_text(encoding="utf-8").splitlines()) if out.exists() else 0)
        return ACCEPT

    list(review([proposal(n) for n in range(3)], ask, out))
    assert seen == [0, 1, 2]


def test_a_session_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    run(out, range(5), ACCEPT, REJECT, STOP)
    assert [row["id"][-1] for row in run(out, range(5), ACCEPT, ACCEPT, ACCEPT)] == ["2", "3", "4"]
    assert run(out, range(5)) == []
    assert len(load_data_set(str(out)).questions) == 4


def test_a_person_who_breaks_off_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"

    def ask(item: Proposal) -> Decision:
        if item.proposal_id.endswith("2"):
            raise KeyboardInterrupt
        return ACCEPT

    with pytest.raises(KeyboardInterrupt):
        list(review([proposal(n) for n in range(5)], ask, out))
    assert len(run(out, range(5), ACCEPT, ACCEPT, REJECT)) == 2
    assert len(load_data_set(str(out)).questions) == 4


def test_dying_between_the_row_and_its_mark_asks_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    run(out, range(2), ACCEPT, ACCEPT)
    marks = out.with_name(out.name + REVIEWED)
    marks.write_bytes(marks.read_bytes().splitlines(keepends=True)[0])
    assert run(out, range(2)) == []
    assert len(load_data_set(str(out)).questions) == 2


def test_dying_anywhere_in_a_row_leaves_a_file_that_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    run(whole, range(2), ACCEPT, ACCEPT)
    first, second = whole.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(second)):
        out = tmp_path / f"cut{cut}.jsonl"
        out.write_bytes(first + second[:cut])
        missing = [] if cut == len(second) - 1 else [ACCEPT]
        run(out, range(2), *missing)
        assert out.read_bytes() == first + second


def test_dying_in_a_mark_asks_that_one_again(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    run(out, range(2), REJECT, REJECT)
    marks = out.with_name(out.name + REVIEWED)
    marks.write_bytes(marks.read_bytes()[:-4])
    assert len(run(out, range(2), ACCEPT)) == 1
    assert marks.read_text(encoding="ascii") == "000000000000 reject\n000000000001 accept\n"


def test_a_persons_own_lines_stay(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    out.write_text(
        '{"id": "mine", "question": "Mine?"}', encoding="utf-8"
    )  # no line end, as editors leave it
    run(out, range(1), ACCEPT)
    assert [q.question_id for q in load_data_set(str(out)).questions] == ["mine", "p-000000000000"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"id": "mine", "question": ', "line 1: is not JSON"),
        ('{"id": "mine"}\n', "line 1: question is missing"),
    ],
)
def test_nothing_is_added_to_a_file_that_is_wrong(tmp_path: Path, content: str, words: str) -> None:
    out = tmp_path / "questions.jsonl"
    out.write_text(content, encoding="utf-8")
    with pytest.raises(DataSetError) as caught:
        run(out, range(1), ACCEPT)
    assert words in str(caught.value)
    assert out.read_text(encoding="utf-8").rstrip("\n") == content.rstrip("\n")


def test_a_wrong_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"questions\.csv must end in \.jsonl"):
        run(tmp_path / "questions.csv", range(1), ACCEPT)
    with pytest.raises(DataSetError, match="cannot be written: No such file or directory"):
        run(tmp_path / "nowhere" / "questions.jsonl", range(1), ACCEPT)
    (tmp_path / f"q.jsonl{REVIEWED}").write_bytes(b"\xff\xfe nonsense\n")
    with pytest.raises(DataSetError, match="which this software did not write; delete the file"):
        run(tmp_path / "q.jsonl", range(1), ACCEPT)


def test_two_sessions_at_once_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"

    def ask(_: Proposal) -> Decision:
        with pytest.raises(DataSetError, match=r"another session is writing .*; end that one first"):
            run(out, range(1), ACCEPT)
        return ACCEPT

    assert len(list(review([proposal(0)], ask, out))) == 1


def test_an_edited_question_that_cannot_be_asked_is_not_written(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    with pytest.raises(DataSetError, match="has 2001 characters; at most 2000 are asked"):
        run(out, range(1), edit("x" * 2001))
    assert not out.exists()
    with pytest.raises(ValueError, match="edit and a text come together"):
        Decision(action="accept", text="x")


def test_only_a_letter_decides() -> None:
    read, left = typing("", "  ", "yes", "x", "A")
    said: list[str] = []
    assert terminal_ask(proposal(0), read=read, write=said.append) == ACCEPT
    assert left == []
    assert said.count("Nothing was kept. Answer with one of the letters a, e, u, r, s.") == 4


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        (["a"], ACCEPT),
        (["reject"], REJECT),
        (["u"], UNANSWERABLE),
        (["s"], STOP),
        ([], STOP),
        (["e"], STOP),  # the input ends in the middle of an edit: nothing is kept
        (["e", "New?"], STOP),
        (["e", "New?", ""], edit("New?")),
        (["e", "", " New? ", "a | b|"], edit("New?", "a", "b")),
    ],
)
def test_what_is_typed_is_what_is_decided(typed: list[str], decision: Decision) -> None:
    read, left = typing(*typed)
    assert terminal_ask(proposal(0), read=read, write=lambda _: None) == decision
    assert left == []


def test_an_edited_near_miss_is_asked_for_no_answer() -> None:
    read, left = typing("e", "New?")
    assert terminal_ask(proposal(0, answerable=False), read=read, write=lambda _: None) == edit("New?")
    assert left == []


def test_a_person_sees_what_they_judge_and_no_terminal_commands() -> None:
    said: list[str] = []
    read, _ = typing("s")
    terminal_ask(proposal(7, answerable=False), read=read, write=said.append)
    assert said == [
        "",
        "near_miss, from “Title” (d)",
        f"  sentence: {SENTENCE}",
        "  question: Question 7?",
        "  changed:  Almaty → Osh",
        "  accept it only if none of your documents answers it",
    ]
    said.clear()
    read, _ = typing("s")
    hostile = Proposal(
        **{**{f: getattr(proposal(1), f) for f in Proposal.__slots__}, "sentence": "a\x1b[2Jb"}
    )
    terminal_ask(hostile, read=read, write=said.append)
    assert said[2] == "  sentence: a�[2Jb"


class Library:
    """A service that lists one document."""

    def documents(self) -> list[SourceText]:
        return [SourceText(document_id="d", title="Title", sha256="", text=SENTENCE)]


def test_from_documents_to_a_file_that_loads(tmp_path: Path) -> None:
    out = tmp_path / "questions.jsonl"
    said: list[str] = []
    read, _ = typing("a")
    assert review_in_terminal(Library(), out, count=5, seed=0, read=read, write=said.append) == 1
    (question,) = load_data_set(str(out)).questions
    assert question.text == "When was it that the council of Almaty opened a bridge?"
    assert question.answers == ("2013",)
    assert question.gold == (Gold(document_id="d", start=0, end=len(SENTENCE), text=SENTENCE),)
    said.clear()
    assert review_in_terminal(Library(), out, count=5, seed=0, read=read, write=said.append) == 1
    assert said == ["Every proposal was already looked at, or there is none; ask for more with --count."]
