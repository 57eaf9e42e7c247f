"""`verse eval from-feedback`: proposals for a person, and nothing that counts before they said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.datasets import load_data_set
from eval.datatypes import Gold
from eval.errors import DataSetError
from eval.from_feedback import Exported, proposal, write_proposals

TEXT = "The bridge 🌊 opened in 1911. Its engineer was Ottoline Graves."
FIRST, SECOND = (0, 28), (29, len(TEXT))


def cited(number: int, span: tuple[int, int]) -> dict[str, Any]:
    return {
        "number": number,
        "cited_text": TEXT[slice(*span)],
        "start_char_index": span[0],
        "end_char_index": span[1],
        "document_id": "bridge",
    }


def gold(span: tuple[int, int]) -> dict[str, Any]:
    return {"document_id": "bridge", "start": span[0], "end": span[1], "text": TEXT[slice(*span)]}


def item(number: int = 1, *, abstained: bool = False, **changes: Any) -> dict[str, Any]:
    record = {
        "question": "When did it open?",
        "standalone_question": "When did it open? (about: bridge)",
        "status": "abstained" if abstained else "answered",
        "answer": "The sources do not say." if abstained else TEXT + " [1]",
        "short_answer": None if abstained else "1911",
        "citations": [] if abstained else [cited(1, FIRST), cited(2, SECOND)],
    }
    return {
        "id": f"fb_{number}", "answer_id": f"ans_{number}", "rating": "up", "reason": None, "comment": None,
        "citation_number": None, "quote": None, "record": record, "history": [], **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "answerable", "answers", "right", "wrong"),
    [
        pytest.param({}, True, ["1911"], [FIRST, SECOND], [], id="all quotes are good"),
        pytest.param({"citation_number": 2}, True, ["1911"], [SECOND], [], id="this one is good"),
        pytest.param({"citation_number": 1, "quote": "🌊 opened"}, True, ["1911"], [(11, 19)], [], id="these words"),
        pytest.param({"rating": "down"}, True, [], [], [], id="something is wrong"),
        pytest.param({"rating": "down", "citation_number": 2}, True, [], [], [SECOND], id="this one is wrong"),
        pytest.param(
            {"rating": "down", "citation_number": 1, "quote": "1911", "reason": "wrong_quote"},
            True, [], [], [(23, 27)], id="these words are wrong",
        ),
        pytest.param(
            {"rating": "down", "reason": "should_have_abstained", "citation_number": 1},
            False, [], [], [FIRST], id="nothing answers it",
        ),
        pytest.param({"abstained": True}, False, [], [], [], id="rightly abstained"),
        pytest.param({"abstained": True, "rating": "down"}, True, [], [], [], id="wrongly abstained"),
    ],
)  # fmt: skip
def test_what_is_proposed(
    changes: dict[str, Any],
    answerable: bool,
    answers: list[str],
    right: list[tuple[int, int]],
    wrong: list[tuple[int, int]],
    tmp_path: Path,
) -> None:
    row = proposal(item(**changes))
    assert row["answerable"] is answerable
    assert row["answers"] == answers
    assert row["gold"] == [gold(span) for span in right]
    assert row["wrong"] == [gold(span) for span in wrong]
    assert (row["id"], row["status"], row["kind"]) == ("f-fb_1", "proposed", "feedback")
    # Once a person accepts it, it is a question like any other.
    out = tmp_path / "q.jsonl"
    out.write_text(json.dumps({**row, "status": "accepted"}), encoding="utf-8")
    (question,) = load_data_set(str(out)).questions
    assert question.answerable is answerable
    assert question.gold == tuple(Gold(**gold(span)) for span in right)
    assert question.text == "When did it open? (about: bridge)"


def test_a_turn_of_a_conversation_keeps_its_own_words_and_what_was_said_before() -> None:
    history = [{"role": "user", "content": "Which bridge?"}, {"role": "assistant", "content": "x" * 30_000}]
    row = proposal(item(history=history, rating="down", reason="other", comment="Not so.\n“No”"))
    assert row["question"] == "When did it open?"
    assert row["history"] == [history[0], {"role": "assistant", "content": "x" * 20_000}]
    assert row["feedback"] == {
        "answer_id": "ans_1",
        "rating": "down",
        "reason": "other",
        "comment": "Not so.\n“No”",
        "answer": TEXT + " [1]",
    }


def test_nothing_is_asked_before_a_person_accepted_it(tmp_path: Path) -> None:
    out = tmp_path / "new" / "q.jsonl"
    assert write_proposals([item(1), item(2)], out) == Exported(added=2, known=0)
    with pytest.raises(DataSetError, match=r'2 proposed questions and none .* "status": "accepted"'):
        load_data_set(str(out))
    lines = out.read_text(encoding="utf-8").splitlines()
    out.write_text(lines[0].replace('"proposed"', '"accepted"') + "\n" + lines[1] + "\n", encoding="utf-8")
    data_set = load_data_set(str(out))
    assert [question.question_id for question in data_set.questions] == ["f-fb_1"]
    assert data_set.notes == ("left out: 1 proposed questions that nobody has accepted yet",)


def test_what_a_person_wrote_is_never_touched(tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    mine = '{"id": "f-fb_1", "question": "Edited?",   "status": "accepted"}'  # no line end, as editors do
    out.write_text(mine, encoding="utf-8")
    assert write_proposals([item(1), item(2)], out) == Exported(added=1, known=1)
    lines = out.read_text(encoding="utf-8").split("\n")
    assert lines[0] == mine
    assert json.loads(lines[1])["id"] == "f-fb_2"
    before = out.read_bytes()
    assert write_proposals([item(1), item(2)], out) == Exported(added=0, known=2)
    assert out.read_bytes() == before
    assert write_proposals([], tmp_path / "none.jsonl") == Exported(added=0, known=0)
    assert not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.csv", b"", "must end in .jsonl"),
        ("q.jsonl", b"{", "line 1: is not JSON"),
        ("q.jsonl", b'{"id": "a", "question": "x"}\n[1]\n', "line 2: is no question"),
        ("q.jsonl", b'{"id": 1}', "line 1: is no question"),
        ("q.jsonl", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    out = tmp_path / name
    out.write_bytes(content)
    with pytest.raises(DataSetError, match=words):
        write_proposals([item()], out)
    assert out.read_bytes() == content


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataSetError, match="cannot be"):
        write_proposals([item()], tmp_path / "file" / "q.jsonl")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"status": "maybe"}, "status is 'maybe'; use proposed or accepted"),
        ({"status": None}, "status is None"),
        ({"wrong": "x"}, "wrong is 'x'; it must be a list"),
        ({"wrong": [{"text": ""}]}, "wrong 1: text is ''"),
        (
            {"wrong": [{"document_id": "d", "start": 0, "end": 9, "text": "short"}]},
            "wrong 1: 0-9 is 9 characters",
        ),
        ({"feedback": "good"}, "feedback is 'good'; it must be an object"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    out = tmp_path / "q.jsonl"
    out.write_text(json.dumps({"id": "a", "question": "Who?", **row}), encoding="utf-8")
    with pytest.raises(DataSetError) as failure:
        load_data_set(str(out))
    assert words in str(failure.value)


def test_the_command_writes_what_the_service_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.cli import app
    from api.conversations import Conversations
    from api.conversations_schemas import FeedbackIn
    from api.feedback import Feedback
    from api.store.database import Database
    from tests.api.stored import answered

    monkeypatch.setenv("VERSE_STATE_DIR", str(tmp_path / "state"))
    out = tmp_path / "q.jsonl"
    empty = CliRunner().invoke(app, ["eval", "from-feedback", str(out)])
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "nobody has given feedback yet" in empty.stderr
    assert list(tmp_path.iterdir()) == []
    database = Database(tmp_path / "state" / "conversations.sqlite")
    conversations = Conversations(database)
    record = conversations.complete(conversations.begin("local", "Who?"), answered("Who?"))
    Feedback(database).give("local", FeedbackIn(answer_id=record.id, rating="up", citation_number=2))
    # While the service goes on.
    done = CliRunner().invoke(app, ["eval", "from-feedback", str(out), "--json"])
    assert json.loads(done.stdout) == {"file": str(out), "added": 1, "known": 0}
    (row,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert row["question"] == "Who?"
    assert [(one["start"], one["end"]) for one in row["gold"]] == [(37, 70)]
    database.close()
    (tmp_path / "state" / "conversations.sqlite").write_bytes(b"broken")
    bad = CliRunner().invoke(app, ["eval", "from-feedback", str(out)])
    assert bad.exit_code == 1
    assert "are damaged" in bad.stderr
