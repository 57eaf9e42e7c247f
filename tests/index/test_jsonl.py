"""JSON Lines: what a line must be, and that a bad one costs only itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from index.errors import DocumentError, DuplicateIdError, EncodingError
from index.formats import Problem, Record
from index.formats.jsonl import read_jsonl


def read(path: Path) -> tuple[list[Record], list[str]]:
    items = list(read_jsonl(path, "c.jsonl"))
    records = [item for item in items if isinstance(item, Record)]
    return records, [str(item.error) for item in items if isinstance(item, Problem)]


def lines(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def test_good_lines_around_a_broken_one_are_kept_and_its_number_given(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "c", {"id": "a", "text": "A."}, "{broken", "", {"id": "b", "text": "B."}, "[1]", "7"
    )
    records, problems = read(path)
    assert [(r.document_id, r.where) for r in records] == [("a", "c.jsonl, line 1"), ("b", "c.jsonl, line 4")]
    assert problems[0].startswith("c.jsonl, line 2: is not JSON: ")
    assert problems[1:] == [
        "c.jsonl, line 5: is a JSON list, not an object",
        "c.jsonl, line 6: is a JSON int, not an object",
    ]


def test_the_first_of_two_equal_ids_is_kept(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "c", {"id": "a", "text": "One."}, {"id": "b", "text": "B."}, {"id": "a", "text": "Two."}
    )
    items = list(read_jsonl(path, "c.jsonl"))
    assert [item.text for item in items if isinstance(item, Record)] == ["One.", "B."]
    (problem,) = [item for item in items if isinstance(item, Problem)]
    assert isinstance(problem.error, DuplicateIdError)
    assert str(problem.error) == "c.jsonl, line 3: id 'a' already stands on line 1; the first is kept"


def test_ids_that_are_equal_only_after_composition_are_equal(tmp_path: Path) -> None:
    path = lines(tmp_path / "c", {"id": "e\u0301", "text": "One."}, {"id": "é", "text": "Two."})
    assert read(path)[1] == ["c.jsonl, line 2: id 'é' already stands on line 1; the first is kept"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "t"}, "id is missing; it must be a string"),
        ({"id": None, "text": "t"}, "id is a JSON NoneType; it must be a string"),
        ({"id": True, "text": "t"}, "id is a JSON bool"),
        ({"id": 1.5, "text": "t"}, "id is a JSON float"),
        ({"id": "", "text": "t"}, "must have 1 to 512 characters"),
        ({"id": " ", "text": "t"}, "must have 1 to 512 characters"),
        ({"id": "..", "text": "t"}, "not be blank or dots"),
        ({"id": "x" * 513, "text": "t"}, "must have 1 to 512 characters"),
        ({"id": "a\nb", "text": "t"}, "holds control characters"),
        ({"id": "a"}, "text is missing; it must be a string"),
        ({"id": "a", "text": None}, "text is a JSON NoneType"),
        ({"id": "a", "text": ["t"]}, "text is a JSON list"),
        ({"id": "a", "text": ""}, "is empty"),
        ({"id": "a", "text": " \n"}, "is empty"),
        ({"id": "a", "text": "t\x00"}, "holds a NUL character at character 1"),
        ({"id": "a", "text": "t\ud800"}, "holds a lone surrogate at character 1"),
        ({"id": "a", "text": "t", "title": 3}, "title is a JSON int; it must be a string or null"),
        ({"id": "a", "text": "t", "url": {}}, "url is a JSON dict"),
        ({"id": "a", "text": "t", "published_at": "06.11.2025"}, "'06.11.2025' is no ISO 8601 date"),
        ({"id": "a", "text": "t", "published_at": 2025}, "2025 is no ISO 8601 date"),
        ({"id": "a", "text": "t", "section": "\udc00"}, "holds a lone surrogate"),
        ({"id": "a", "text": "t", "section": ["\udc00"]}, "holds a lone surrogate"),
        ({"id": "a", "text": "t", "\udc00": "x"}, "holds a lone surrogate"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_and_costs_only_itself(
    tmp_path: Path, row: object, message: str
) -> None:
    records, problems = read(lines(tmp_path / "c", row, {"id": "good", "text": "Good."}))
    assert [r.document_id for r in records] == ["good"]
    assert len(problems) == 1
    assert problems[0].startswith("c.jsonl, line 1: ")
    assert message in problems[0]


def test_every_depth_of_nesting_is_read_or_refused(tmp_path: Path) -> None:
    # At some depth reading succeeds and writing the label would not: each must be a problem.
    depths = [10, *range(880, 1010), 100_000]
    rows = [f'{{"id": "{depth}", "text": "t", "l": {"[" * depth}{"]" * depth}}}' for depth in depths]
    records, problems = read(lines(tmp_path / "c", *rows))
    assert len(records) + len(problems) == len(depths)
    assert records[0].labels == {"l": "[" * 10 + "]" * 10}
    assert problems[-1] == f"c.jsonl, line {len(depths)}: is nested too deeply"
    assert all("is nested too deeply" in problem for problem in problems)


def test_a_line_of_50_mb_is_refused_quickly_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with path.open("wb") as file:
        file.write(b'{"id": "a", "text": "A."}\n{"id": "b", "text": "')
        file.write(b"word " * 10_000_000 + b'"}\n{"id": "c", "text": "C."}')
    began = time.perf_counter()
    records, problems = read(path)
    assert [r.document_id for r in records] == ["a", "c"]
    assert problems == [
        "c.jsonl, line 2: has 50000000 characters, over the limit of 10000000 for one document; split it"
    ]
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("excess", [0, 1, 2, 60_000_000])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_line_over_the_limit_takes_no_other_with_it(tmp_path: Path, excess: int, mark: bytes) -> None:
    path = tmp_path / "c"
    with path.open("wb") as file:
        file.write(mark)
        for _ in range(0, 60_000_000 + excess, 10_000_000):
            file.write(b"x" * min(10_000_000, 60_000_000 + excess - file.tell() + len(mark)))
        file.write(b'\n{"id": "b", "text": "B."}\n')
    records, problems = read(path)
    assert [(r.document_id, r.where) for r in records] == [("b", "c.jsonl, line 2")]
    assert len(problems) == 1
    what = "is longer than 60000000 bytes" if excess or mark else "is not JSON"
    assert problems[0].startswith(f"c.jsonl, line 1: {what}")


def test_no_final_newline_carriage_returns_and_a_mark_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "text": "A\\r\\nB"}\r\n\r\n{"id": "b", "text": "B."}')
    records, problems = read(path)
    assert not problems
    assert [(r.document_id, r.text) for r in records] == [("a", "A\nB"), ("b", "B.")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_unicode_encodings_with_a_mark_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "c"
    path.write_bytes('{"id": "a", "text": "Ж\u2028🙂"}\n{"id": "b", "text": "B."}\n'.encode(encoding))
    assert [r.text for r in read(path)[0]] == ["Ж\u2028🙂", "B."]
    if encoding == "utf-32":
        path.write_bytes(b"\x00\x00\xfe\xff" + '{"id": "a", "text": "Ж"}'.encode("utf-32-be"))
        assert [r.text for r in read(path)[0]] == ["Ж"]


def test_a_damaged_utf16_file_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes('{"id": "a", "text": "A."}\x00\n'.encode("utf-16"))
    (problem,) = read_jsonl(path, "c.jsonl")
    assert isinstance(problem, Problem)
    assert "NUL" in str(problem.error)


def test_a_line_that_is_not_utf8_names_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes('{"id": "a", "text": "é"}\n'.encode("latin-1") + b'{"id": "b", "text": "B."}\n')
    items = list(read_jsonl(path, "c.jsonl"))
    assert isinstance(items[0], Problem)
    assert isinstance(items[0].error, EncodingError)
    assert str(items[0].error) == "c.jsonl, line 1: byte 21 is not UTF-8, which JSON Lines must be"
    assert isinstance(items[1], Record)


def test_what_is_known_arrives_and_what_is_not_becomes_a_label(tmp_path: Path) -> None:
    row = {
        "id": "a", "text": "T", "title": " Ti\u0301tle ", "publisher": "P", "author": "", "url": None,
        "language": "kk", "published_at": "2025-11-06", "section": "World", "tags": ["b", 1], "words": 12,
        "ж": {"b": 1, "a": None}, "nothing": None,
    }  # fmt: skip
    (record,) = read(lines(tmp_path / "c", row))[0]
    assert (record.title, record.publisher, record.language) == ("Títle", "P", "kk")
    assert (record.author, record.url, record.published_at) == (None, None, "2025-11-06")
    assert record.labels == {
        "section": "World", "tags": '["b", 1]', "words": "12", "ж": '{"a": null, "b": 1}', "nothing": "null",
    }  # fmt: skip


@pytest.mark.parametrize(
    "written", ["2025-11-06", "2025-11-06T10:30:00+06:00", "20251106", "2025-11-06T10:30Z"]
)
def test_iso_dates_are_kept_as_written(tmp_path: Path, written: str) -> None:
    (record,) = read(lines(tmp_path / "c", {"id": "a", "text": "t", "published_at": written}))[0]
    assert record.published_at == written


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (17, "17"),
        (-3, "-3"),
        ("a/b c", "a/b c"),
        ("статья №1", "статья №1"),
        ("?#%2F&", "?#%2F&"),
        ("🙂", "🙂"),
    ],
)
def test_ids_are_kept_as_they_are(tmp_path: Path, given: object, kept: str) -> None:
    (record,) = read(lines(tmp_path / "c", {"id": given, "text": "t"}))[0]
    assert record.document_id == kept


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read_jsonl(tmp_path / "gone", "c.jsonl")
    assert isinstance(problem, Problem)
    assert isinstance(problem.error, DocumentError)
    assert str(problem.error) == "c.jsonl: cannot be read: No such file or directory"
