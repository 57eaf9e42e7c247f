"""A person's own questions: what is read from them, and every problem with its line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import load_data_set
from eval.datasets.own import CSV_COLUMNS
from eval.datasets.own_row import (
    GOLD_KEYS,
    KEYS,
    MAX_ANSWER_CHARACTERS,
    MAX_ID_CHARACTERS,
    MAX_TURN_CHARACTERS,
    MAX_TURNS,
    STATUSES,
)
from eval.datatypes import Gold, Question
from eval.errors import DataSetError
from rag.types import Turn

DATA = Path(__file__).resolve().parents[2] / "eval" / "data"


def load_jsonl(tmp_path: Path, *rows: Any) -> tuple[Question, ...]:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_data_set(str(path)).questions


def load_bytes(tmp_path: Path, name: str, raw: bytes) -> tuple[Question, ...]:
    path = tmp_path / name
    path.write_bytes(raw)
    return load_data_set(str(path)).questions


def problems(tmp_path: Path, *rows: Any) -> list[str]:
    with pytest.raises(DataSetError) as caught:
        load_jsonl(tmp_path, *rows)
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def test_the_examples_are_read() -> None:
    questions = load_data_set(str(DATA / "example_questions.jsonl")).questions
    assert [q.question_id for q in questions] == ["q1", "q2", "q3", "q4", "q1-ru"]
    assert questions[0].answers == ("over $8 billion", "$8 billion")
    assert (questions[0].gold[0].start, questions[0].gold[0].end) == (2421, 2644)
    assert questions[1].kind == "question"
    assert questions[1].answerable is True
    assert questions[2].history[0] == Turn(role="user", content="Who invited Trump to Samarkand?")
    assert questions[3].answerable is False
    assert (questions[4].variant_of, questions[4].variant) == ("q1", "ru")
    assert {q.source_set for q in questions} == {"example_questions"}


def test_the_csv_example_says_the_same_as_the_other() -> None:
    by_id = {q.question_id: q for q in load_data_set(str(DATA / "example_questions.jsonl")).questions}
    found = load_data_set(str(DATA / "example_questions.csv")).questions
    assert [q.question_id for q in found] == ["q1", "q2", "q4"]
    assert all(q == by_id[q.question_id] for q in found)


def test_the_schema_names_what_is_read() -> None:
    schema = json.loads((DATA / "questions.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    fields = schema["properties"]
    assert tuple(fields) == KEYS
    assert schema["required"] == ["id", "question"]
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["stretch"]["properties"]) == set(GOLD_KEYS)
    assert fields["gold"]["items"] == fields["wrong"]["items"] == {"$ref": "#/$defs/stretch"}
    assert tuple(fields["status"]["enum"]) == STATUSES
    assert fields["id"]["maxLength"] == MAX_ID_CHARACTERS
    assert fields["history"]["maxItems"] == MAX_TURNS
    assert fields["history"]["items"]["properties"]["content"]["maxLength"] == MAX_TURN_CHARACTERS
    assert fields["answers"]["items"]["maxLength"] == MAX_ANSWER_CHARACTERS
    assert (DATA / "example_questions.csv").read_text(encoding="utf-8").split("\n")[0] == ",".join(
        CSV_COLUMNS
    )


def test_gold_is_canonical_text(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "question": "?",
        "gold": [{"document_id": "d", "start": 3, "end": 4, "text": "e\u0301"}],
    }
    assert load_jsonl(tmp_path, row)[0].gold == (Gold(document_id="d", start=3, end=4, text="é"),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answerable": "maybe"}, "answerable is 'maybe'; use true or false"),
        ({"answerable": None}, "answerable is None; use true or false"),
        ({"answerable": 1}, "answerable is 1; use true or false"),
        ({"question": "  "}, "question is empty"),
        ({"question": "x" * 2001}, "question has 2001 characters; at most 2000 are asked"),
        ({"question": 7}, "question is 7; it must be a text"),
        ({"question": "a\ud800"}, "question holds a lone surrogate, which no client can send"),
        ({"id": ""}, "id '' must have 1 to 512 characters"),
        ({"id": 5}, "id is 5; it must be a text"),
        ({"kind": ["a"]}, "kind is ['a']; it must be a text"),
        ({"answers": "yes"}, "answers is 'yes'; it must be a list of texts"),
        ({"answers": ["a", ""]}, "answers holds ''; each must be a text of 1 to 2000 characters"),
        ({"answer": "yes"}, f"unknown field 'answer'; known are {', '.join(KEYS)}"),
        ({"answerable": False, "answers": ["a"]},
         "answerable is false, but there are answers or gold; take them away or write true"),
        ({"history": [{"role": "user", "content": "a"}] * 21},
         "history is 21 turns; it must be a list of at most 20 turns"),
        ({"history": [{"role": "robot", "content": "a"}]},
         "history, turn 1: role is 'robot'; use user or assistant"),
        ({"history": [{"role": "user"}]},
         "history, turn 1: must be an object with role and content, nothing else"),
        ({"history": [{"role": "user", "content": "x" * 20_001}]},
         "history, turn 1: content must be a text of at most 20000 characters"),
        ({"gold": [{"text": ""}]}, "gold 1: text is ''; it must be a text"),
        ({"gold": [{"document_id": "d"}]}, "gold 1: text is missing; it must be a text"),
        ({"gold": ["d"]}, "gold 1 is 'd'; it must be an object with a text"),
        ({"gold": [{"text": "a", "page": 1}]},
         "gold 1: unknown field 'page'; known are document_id, start, end, text"),
        ({"gold": [{"text": "a", "document_id": "d", "start": 0}]},
         "gold 1: end is missing; start and end come together"),
        ({"gold": [{"text": "a", "document_id": "d", "end": 1}]},
         "gold 1: start is missing; start and end come together"),
        ({"gold": [{"text": "a", "start": 0, "end": 1}]}, "gold 1: start and end need a document_id"),
        ({"gold": [{"text": "a", "document_id": "d", "start": 1.5, "end": 2}]},
         "gold 1: start and end are 1.5 and 2; both must be whole numbers"),
        ({"gold": [{"text": "a", "document_id": "d", "start": -1, "end": 0}]},
         "gold 1: start -1 and end 0 are no stretch of a text"),
        ({"gold": [{"text": "ab", "document_id": "d", "start": 0, "end": 3}]},
         "gold 1: 0-3 is 3 characters long, its text 2"),
        ({"variant_of": "b"}, "variant_of and variant come together: of which question, and how it differs"),
        ({"variant_of": "a", "variant": "ru"}, "variant_of is its own id"),
        ({"variant_of": "z", "variant": "ru"}, "variant_of 'z' is the id of no question here"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    good = {"id": "b", "question": "Right?"}
    assert problems(tmp_path, good, {"id": "a", "question": "Why?", **change}) == [f"line 2: {words}"]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    rows = [
        {"id": "a"},
        {"question": "b?"},
        [1],
        {"id": "a", "question": "c?", "answerable": "no", "kind": 1},
    ]
    assert problems(tmp_path, *rows) == [
        "line 1: question is missing; it must be a text",
        "line 2: id is missing; it must be a text",
        "line 3: is a JSON list; it must be an object",
        "line 4: answerable is 'no'; use true or false",
        "line 4: kind is 1; it must be a text",
    ]


def test_only_twenty_problems_are_listed(tmp_path: Path) -> None:
    with pytest.raises(DataSetError) as caught:
        load_jsonl(tmp_path, *({"id": str(n)} for n in range(25)))
    lines = str(caught.value).split("\n")
    assert lines[0].endswith("mine.jsonl has 25 problems:")
    assert (len(lines), lines[-1]) == (22, "  … and 5 more")


def test_ids_and_variants_are_checked_over_the_file(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "1?"},
        {"id": "a", "question": "2?"},
        {"id": "b", "question": "3?", "variant_of": "a", "variant": "ru"},
        {"id": "c", "question": "4?", "variant_of": "b", "variant": "de"},
    ]
    assert problems(tmp_path, *rows) == [
        "line 2: id 'a' already stands on line 1",
        "line 4: variant_of 'b' is a variant itself; name the original",
    ]


def test_a_field_twice_is_not_settled_by_chance(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="line 1: id stands twice in one object"):
        load_bytes(tmp_path, "q.jsonl", b'{"id": "a", "question": "?", "id": "b"}\n')


def test_blank_lines_bom_and_crlf_are_no_problem(tmp_path: Path) -> None:
    raw = b'\xef\xbb\xbf{"id": "a", "question": " Why? "}\r\n\r\n{"id": "b", "question": "\xe2\x80\xa8How?"}'
    assert [q.text for q in load_bytes(tmp_path, "q.jsonl", raw)] == ["Why?", "How?"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "holds no questions; write one a line"),
        (b"\n \n", "holds no questions"),
        (b'{"id": "a", "question": "\xe9"}\n', "line 1: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b'{"id": "a", "question": "?"}\n{"id": "b", "quest', "line 2: is not JSON"),
        ('{"id": "a"}'.encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b'{"id": "a\x00"}', "is binary, not text"),
        (b"[" * 100_000, "line 1: is not JSON"),
        (b"NaN", "line 1: is a JSON float; it must be an object"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    with pytest.raises(DataSetError) as caught:
        load_bytes(tmp_path, "q.jsonl", raw)
    assert words in str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_as_spreadsheets_write_it(tmp_path: Path, separator: str) -> None:
    lines = [
        separator.join(("id", "question", "answerable", "answers", "gold_text")),
        separator.join(("a", '"Why, and\r\nhow; so?"', "TRUE", "x | y|z", "the text")),
        separator.join(("", "", "", "", "")),
        separator.join(("b", "Who?", "False", "", "")),
    ]
    found = load_bytes(tmp_path, "q.csv", "\ufeff".encode() + "\r\n".join(lines).encode() + b"\r\n")
    assert [(q.question_id, q.text, q.answerable, q.answers, q.gold) for q in found] == [
        ("a", "Why, and\r\nhow; so?", True, ("x", "y|z"), (Gold(text="the text"),)),
        ("b", "Who?", False, (), ()),
    ]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "holds no questions"),
        ("id,question\n", "holds no questions"),
        ("question\nWhy?\n", "line 1: column 'id' is missing"),
        ("id,question,id\n", "line 1: column 'id' stands twice"),
        ("id,question,gold\n", "line 1: unknown column 'gold'; known are id, question, kind"),
        ("id,question\na,Why?,x\n", "line 2: has 3 cells; the heading has 2"),
        ('id,question\na,"one\ntwo"\nb\n', "line 4: has 1 cells; the heading has 2"),
        ("id,question,answerable\na,Why?,maybe\n", "line 2: answerable is 'maybe'; use true or false"),
        ("id,question,gold_text,gold_start,gold_end\na,Why?,x,1.0,2\n",
         "line 2: gold_start is '1.0'; it must be a whole number"),
        ("id,question,gold_start,gold_end\na,Why?,1,2\n", "line 2: gold 1: text is missing"),
        ('id,question\na,"Why?\n', "line 2: is not CSV: unexpected end of data"),
        ('id,question\na,"Why?"x\n', "line 2: is not CSV"),
        ("id,question\na,Why?\na,How?\n", "line 3: id 'a' already stands on line 2"),
    ],
)  # fmt: skip
def test_a_wrong_csv_is_refused_with_its_line(tmp_path: Path, raw: str, words: str) -> None:
    with pytest.raises(DataSetError) as caught:
        load_bytes(tmp_path, "q.csv", raw.encode())
    assert words in str(caught.value)


def test_a_csv_in_another_encoding_says_how_to_save_it(tmp_path: Path) -> None:
    raw = "id,question\na,Why?\nb,Почему?\n".encode("cp1251")
    with pytest.raises(DataSetError, match=r"line 3: byte 0xcf is not UTF-8; .*“CSV UTF-8”"):
        load_bytes(tmp_path, "q.csv", raw)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    with path.open("wb") as file:
        file.truncate(256 * 2**20 + 1)
    with pytest.raises(DataSetError, match="268435457 bytes, over the limit of 268435456; split it"):
        load_data_set(str(path))
