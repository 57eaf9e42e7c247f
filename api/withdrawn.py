"""Answers that were stored, shown to somebody who may not read all of their sources any more.

A document may be deleted, or be taken out of somebody's sight, after it was quoted to them. Of such a
source a stored answer shows nothing: neither its words nor its name, only that it was withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from index.access import Viewer
from rag.question import read_question

Withheld = Callable[[Viewer, Collection[str]], frozenset[str]]
"""Returns those of some documents of which nothing may be shown to a viewer."""

WITHDRAWN = {"en": "Source withdrawn.", "ru": "Источник отозван."}
"""What stands in the place of a sentence, or a title, that is not shown any more."""

_MARKS_ONLY = re.compile(r"(?:\s|\[\d+\])*")
_MARKER = re.compile(r" \[\d+\]")


def nothing_withheld(_viewer: Viewer, _document_ids: Collection[str]) -> frozenset[str]:
    """Withhold nothing: for a database of conversations without an index beside it."""
    return frozenset()


def shown_record(record: dict[str, Any], viewer: Viewer, withheld: Withheld) -> dict[str, Any]:
    """Return a stored answer record as a viewer may see it now; the very same where nothing is withdrawn.

    The answer keeps its form: every sentence that rests on a withdrawn source, alone or with others, is
    replaced by one that says so, with the same markers; numbers stay as they were.
    """
    cited = _citations(record)
    gone = withheld(viewer, {citation["document_id"] for citation in cited if citation["document_id"]})
    if not gone:
        return record
    words = WITHDRAWN.get(read_question(record["question"]).language, WITHDRAWN["en"])
    lost = {c["number"] for c in record["citations"] if c["document_id"] in gone}
    shown = [_stub(c, words) if c["document_id"] in gone else dict(c) for c in record["citations"]]
    changed = {**record, "citations": shown}
    if lost:
        changed["answer"] = _rewritten(record["answer"], shown, lost, words)
        changed["answer_without_citations"] = _MARKER.sub("", changed["answer"])
        changed["disagreements"] = [
            item
            for item in record["disagreements"]
            if lost.isdisjoint(number for side in item["sides"] for number in side["citations"])
        ]
        short = record["short_answer"]
        if short is not None and not any(short in c["cited_text"] for c in shown):
            changed["short_answer"] = None
    if record["abstention"] is not None:
        changed["abstention"] = {
            **record["abstention"],
            "closest": [
                _stub(c, words) if c["document_id"] in gone else c for c in record["abstention"]["closest"]
            ],
        }
    return changed


def lost_numbers(record: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of the citations of a shown record that are withdrawn."""
    return frozenset(c["number"] for c in record["citations"] if c.get("withdrawn"))


def without_its_words(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose question does not lean on earlier answers: those held words that are withdrawn."""
    return {**record, "standalone_question": record["question"]}


def _citations(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    closest = [] if record["abstention"] is None else record["abstention"]["closest"]
    return [*record["citations"], *closest]


def _stub(citation: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return what is left of a citation: its number and that it was withdrawn."""
    number = citation["number"]
    return {
        "id": "cit_withdrawn" if number is None else f"cit_withdrawn_{number}",
        "number": number,
        "type": citation["type"],
        "cited_text": "",
        "start_char_index": 0,
        "end_char_index": 0,
        "offset_unit": citation["offset_unit"],
        "prefix": "",
        "suffix": "",
        "document_id": "",
        "document_title": words,
        "document_sha256": "",
        "publisher": None,
        "published_at": None,
        "url": None,
        "viewer_url": "",
        "verification": {"status": "withdrawn", "method": "exact"},
        "answer_spans": [dict(span) for span in citation["answer_spans"]],
        "withdrawn": True,
    }


def _rewritten(answer: str, citations: list[dict[str, Any]], lost: Collection[int], words: str) -> str:
    """Return an answer without the sentences of the lost citations; every span moves along.

    What is not made as `rag.cite` makes answers, sentences of citations and marks between them, is replaced whole.
    """
    held: dict[tuple[int, int], set[int]] = {}
    for citation in citations:
        for span in citation["answer_spans"]:
            held.setdefault((span["start"], span["end"]), set()).add(citation["number"])
    text, place = "", 0
    moved: dict[tuple[int, int], dict[str, int]] = {}
    for start, end in sorted(held):
        gap = answer[place:start]
        if not (place <= start < end <= len(answer)) or not _MARKS_ONLY.fullmatch(gap):
            return _whole(citations, words)
        text += gap
        sentence = answer[start:end] if held[start, end].isdisjoint(lost) else words
        moved[start, end] = {"start": len(text), "end": len(text) + len(sentence)}
        text += sentence
        place = end
    if not _MARKS_ONLY.fullmatch(answer[place:]):
        return _whole(citations, words)
    for citation in citations:
        citation["answer_spans"] = [dict(moved[s["start"], s["end"]]) for s in citation["answer_spans"]]
    return text + answer[place:]


def _whole(citations: list[dict[str, Any]], words: str) -> str:
    for citation in citations:
        citation["answer_spans"] = [{"start": 0, "end": len(words)}]
    return words + "".join(f" [{citation['number']}]" for citation in citations)
