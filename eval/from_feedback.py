"""`verse eval from-feedback`: what people said of answers becomes questions for a person to accept.

Nothing here decides that a question is good. Every row is written with the status `proposed`, and none
is asked or scored before a person has made that `accepted`. A quote that was voted up is proposed as
gold; one that was marked wrong is kept under `wrong`, and is never gold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.datasets.own_row import MAX_TURN_CHARACTERS, PROPOSED
from eval.errors import DataSetError
from eval.run_folder import line_of
from index.state import replace_file

KIND = "feedback"
_ID_PREFIX = "f-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How many rows were added, and how many were there already and stay as they are."""

    added: int
    known: int


def write_proposals(items: Iterable[Mapping[str, Any]], out: Path) -> Exported:
    """Add a row for each item of feedback that has none in the file yet.

    What stands in the file is not touched: a person may have accepted or corrected it. An item is
    feedback as the service stores it, with the answer's `record` and the `history` before it.

    Raises:
        DataSetError: `out` is no `.jsonl`, holds something else than questions, or cannot be written.
    """
    if out.suffix.lower() != ".jsonl":
        raise DataSetError(f"{out} must end in .jsonl")
    before = _text(out)
    ids = _ids(before, out)
    lines: list[str] = []
    known = 0
    for item in items:
        row = proposal(item)
        if row["id"] in ids:
            known += 1
        else:
            lines.append(line_of(row).decode("utf-8"))
    if lines:
        # An editor may have left out the last line end.
        kept = before if not before or before.endswith("\n") else before + "\n"
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            replace_file(out, kept + "".join(lines))
        except OSError as error:
            raise DataSetError(f"{out} cannot be written: {error.strerror}") from error
    return Exported(added=len(lines), known=known)


def proposal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row for one item of feedback."""
    record, good = item["record"], item["rating"] == "up"
    abstained = record["status"] == "abstained"
    meant = [_marked(citation, item["quote"]) for citation in _meant(record, item["citation_number"])]
    # A person who is content with an abstention says that there is no answer; one who is not, that there is.
    answerable = abstained != good if abstained else good or item["reason"] != "should_have_abstained"
    short = record["short_answer"]
    history = list(item["history"])
    row = {
        "id": _ID_PREFIX + item["id"],
        # What a client sent as history is not kept, but what the question took from it is.
        "question": record["question"] if history else record["standalone_question"],
        "kind": KIND,
        "answerable": answerable,
        "answers": [short] if good and answerable and short else [],
        "gold": meant if good and answerable else [],
        "wrong": [] if good or item["citation_number"] is None else meant,
        "status": PROPOSED,
        "feedback": {
            "answer_id": item["answer_id"],
            "rating": item["rating"],
            "reason": item["reason"],
            "comment": item["comment"],
            "answer": record["answer"],
        },
    }
    if history:
        row["history"] = [
            {"role": turn["role"], "content": turn["content"][:MAX_TURN_CHARACTERS]} for turn in history
        ]
    return row


def _meant(record: Mapping[str, Any], number: int | None) -> list[Mapping[str, Any]]:
    """Return the citation with this number; without one, all of them: of those whose words are still shown."""
    return [
        c for c in record["citations"] if (number is None or c["number"] == number) and not c.get("withdrawn")
    ]


def _marked(citation: Mapping[str, Any], quote: str | None) -> dict[str, Any]:
    """Return the stretch of a document that is meant: a whole quote, or the words marked in it."""
    text, start = citation["cited_text"], citation["start_char_index"]
    if quote is not None:
        start += text.index(quote)
        text = quote
    return {
        "document_id": citation["document_id"],
        "start": start,
        "end": start + len(text),
        "text": text,
    }


def _text(out: Path) -> str:
    try:
        return out.read_text(encoding="utf-8") if out.exists() else ""
    except OSError as error:
        raise DataSetError(f"{out} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataSetError(f"{out} is not UTF-8; it is no file of questions") from error


def _ids(text: str, out: Path) -> set[str]:
    found = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataSetError(
                f"{out}, line {number}: is not JSON: {error}; mend or move the file"
            ) from error
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise DataSetError(f"{out}, line {number}: is no question with an id; name another file")
        found.add(row["id"])
    return found
