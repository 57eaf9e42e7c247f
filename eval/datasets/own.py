"""A person's own questions: `.jsonl` or `.csv`, with every problem named by line and field.

The fields and what may stand in them: `eval/data/questions.schema.json`, with an example of each
form beside it. Questions that are only proposed (`verse eval from-feedback`) are left out. The others are asked of whatever the target has indexed.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from eval.datasets.making import left_out, make_data_set, safe_name
from eval.datasets.own_row import PROPOSED, LineProblems, Problems, question_of
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError

LICENCE = "your own"
MAX_FILE_BYTES = 256 * 2**20
MAX_PROBLEMS = 20
CSV_COLUMNS = (
    "id",
    "question",
    "kind",
    "answerable",
    "answers",
    "gold_text",
    "gold_document_id",
    "gold_start",
    "gold_end",
)
_CSV_REQUIRED = ("id", "question")
ANSWERS_APART = " | "
_WHOLE_NUMBER = re.compile("[0-9]{1,12}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def load(path: Path) -> DataSet:
    """Load a file of questions.

    Raises:
        DataSetError: it cannot be read or holds no questions, or lines are wrong; the message lists
            the problems, 20 at most.
    """
    text = _text(path)
    problems = Problems()
    source_set = safe_name(path.stem)
    read = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    found: list[tuple[int, Question]] = []
    proposed = 0
    for line, row in read(text, problems):
        question = question_of(row, problems.at(line), source_set)
        if question is not None and row.get("status") == PROPOSED:
            proposed += 1
        elif question is not None:
            found.append((line, question))
    _check_ids(found, problems)
    if problems.found:
        raise DataSetError(_listed(path, problems))
    if not found and proposed:
        raise DataSetError(
            f"{path} holds {proposed} proposed questions and none that a person accepted; go through them, "
            'and write "status": "accepted" where a row is right'
        )
    if not found:
        raise DataSetError(
            f"{path} holds no questions; write one a line, see eval/data/example_questions.jsonl"
        )
    return make_data_set(
        name=source_set,
        licence=LICENCE,
        questions=[question for _, question in found],
        notes=left_out(proposed, "proposed questions that nobody has accepted yet"),
    )


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DataSetError(f"{path} has {size} bytes, over the limit of {MAX_FILE_BYTES}; split it")
        raw = path.read_bytes()
    except OSError as error:
        raise DataSetError(f"{path} cannot be read: {error.strerror}") from error
    if raw.startswith(_UTF16):
        raise DataSetError(f"{path} is UTF-16; save it as UTF-8 (in Excel: “CSV UTF-8”)")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataSetError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8 "
            "(in Excel: “CSV UTF-8”)"
        ) from error
    if "\x00" in text:
        raise DataSetError(f"{path} is binary, not text (it holds NUL characters)")
    return text


def _json_rows(text: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: a question may hold U+2028, which ends no line of JSON.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        repeated: list[str] = []
        try:
            row = json.loads(line, object_pairs_hook=partial(_object, repeated))
        except (ValueError, RecursionError) as error:
            problems.at(number).say(f"is not JSON: {error}")
            continue
        if not isinstance(row, dict):
            problems.at(number).say(f"is a JSON {type(row).__name__}; it must be an object")
            continue
        for key in repeated:
            problems.at(number).say(f"{key} stands twice in one object")
        yield number, row


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            repeated.append(key)
        found[key] = value
    return found


def _csv_rows(text: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    if not text.strip():
        return
    first = text.lstrip("\r\n").split("\n", 1)[0]
    # Excel writes semicolons where the comma is the decimal sign.
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            line, began = reader.line_num + 1, line
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [cell.strip() for cell in cells]
                if not _columns_hold(columns, problems.at(began)):
                    return
            elif len(cells) != len(columns):
                problems.at(began).say(f"has {len(cells)} cells; the heading has {len(columns)}")
            else:
                yield began, _from_cells(dict(zip(columns, cells, strict=True)), problems.at(began))
    except csv.Error as error:
        problems.at(line).say(f"is not CSV: {error}")


def _columns_hold(columns: list[str], problems: LineProblems) -> bool:
    missing = [name for name in _CSV_REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in CSV_COLUMNS]
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    for names, what in ((missing, "is missing"), (repeated, "stands twice")):
        for name in names:
            problems.say(f"column {name!r} {what}")
    for name in unknown:
        problems.say(f"unknown column {name!r}; known are {', '.join(CSV_COLUMNS)}")
    return not (missing or unknown or repeated)


def _from_cells(cells: dict[str, str], problems: LineProblems) -> dict[str, Any]:
    """Return a row as its JSON form; an empty cell is a field that is not there."""
    filled = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    row: dict[str, Any] = {name: filled[name] for name in ("id", "question", "kind") if name in filled}
    if "answerable" in filled:
        # Excel writes TRUE and FALSE.
        word = filled["answerable"].casefold()
        row["answerable"] = {"true": True, "false": False}.get(word, filled["answerable"])
    if "answers" in filled:
        row["answers"] = [answer.strip() for answer in filled["answers"].split(ANSWERS_APART)]
    gold: dict[str, Any] = {}
    for name, key in (("gold_text", "text"), ("gold_document_id", "document_id")):
        if name in filled:
            # A quote is what it is: white space at its ends counts for its offsets.
            gold[key] = cells[name] if key == "text" else filled[name]
    for name, key in (("gold_start", "start"), ("gold_end", "end")):
        if name in filled:
            if _WHOLE_NUMBER.fullmatch(filled[name]):
                gold[key] = int(filled[name])
            else:
                problems.say(f"{name} is {filled[name]!r}; it must be a whole number")
    if gold:
        row["gold"] = [gold]
    return row


def _check_ids(found: list[tuple[int, Question]], problems: Problems) -> None:
    lines: dict[str, int] = {}
    for line, question in found:
        earlier = lines.setdefault(question.question_id, line)
        if earlier != line:
            problems.at(line).say(f"id {question.question_id!r} already stands on line {earlier}")
    variants = {question.question_id for _, question in found if question.variant_of is not None}
    for line, question in found:
        if question.variant_of is None:
            continue
        if question.variant_of not in lines:
            problems.at(line).say(f"variant_of {question.variant_of!r} is the id of no question here")
        elif question.variant_of in variants:
            problems.at(line).say(
                f"variant_of {question.variant_of!r} is a variant itself; name the original"
            )


def _listed(path: Path, problems: Problems) -> str:
    found = sorted(problems.found)
    shown = [f"  line {line}: {words}" for line, words in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        shown.append(f"  … and {len(found) - MAX_PROBLEMS} more")
    word = "problem" if len(found) == 1 else "problems"
    return "\n".join([f"{path} has {len(found)} {word}:", *shown])
