"""Answers that were stored, shown to somebody who may not read all of their sources any more, or not as they were.

A document may be deleted, or be taken out of somebody's sight, after it was quoted to them. Of such a
source a stored answer shows nothing: neither its words nor its name, only that it was withdrawn.

Of a source whose text has changed, a quote that still stands at its very place is verified against the
text as it is now, with a note. Any other is not shown, only that the source has changed, and from what;
where its words stand elsewhere, exactly once, `moved_to` says so, and nothing is moved silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from api.schemas import viewer_url
from api.store.ids import shown_time
from index.access import Viewer
from index.versions import Change, Cited, StoredVersion, nothing_changed
from rag.cite import context_of
from rag.question import read_question

Withheld = Callable[[Viewer, Collection[str]], frozenset[str]]
"""Returns those of some documents of which nothing may be shown to a viewer."""

Since = Callable[[Collection[Cited]], Mapping[Cited, Change]]
"""Returns what became of those of some quoted texts that are not the current ones any more."""

WITHDRAWN = {"en": "Source withdrawn.", "ru": "Источник отозван."}
"""What stands in the place of a sentence, or a title, that is not shown any more."""

CHANGED = {"en": "The source has changed since.", "ru": "С тех пор источник изменился."}
"""What stands in the place of a sentence whose quote does not stand there any more."""

CHANGED_ELSEWHERE = {
    "en": "The source has changed elsewhere since.",
    "ru": "С тех пор источник изменился в другом месте.",
}
"""What is said of a quote that still stands in a text that is another otherwise."""

_MARKS_ONLY = re.compile(r"(?:\s|\[\d+\])*")
_MARKER = re.compile(r" \[\d+\]")


def nothing_withheld(_viewer: Viewer, _document_ids: Collection[str]) -> frozenset[str]:
    """Withhold nothing: for a database of conversations without an index beside it."""
    return frozenset()


def shown_record(
    record: dict[str, Any], viewer: Viewer, withheld: Withheld, since: Since = nothing_changed
) -> dict[str, Any]:
    """Return a stored answer record as a viewer may see it now; the very same where no source has changed.

    The answer keeps its form: every sentence that rests on a source that is withdrawn or says something else
    by now, alone or with others, is replaced by one that says so, with the same markers; numbers stay.
    """
    cited = _citations(record)
    sources = [*cited, *(copy for c in cited for copy in c.get("also_published_by", []))]
    gone = withheld(viewer, {source["document_id"] for source in sources if source["document_id"]})
    changes = since(
        {
            _text_of(source)
            for source in sources
            if source["document_id"] and source["document_id"] not in gone
        }
    )
    if not gone and not changes:
        return record
    language = read_question(record["question"]).language
    shown = [_shown(c, gone, changes, language) for c in record["citations"]]
    lost = {c["number"]: c.get("note", c["document_title"]) for c in shown if c.get("withdrawn")}
    changed = {**record, "citations": shown}
    if lost:
        changed["answer"] = _rewritten(record["answer"], shown, lost, _words(WITHDRAWN, language))
        changed["answer_without_citations"] = _MARKER.sub("", changed["answer"])
        changed["disagreements"] = [
            item
            for item in record["disagreements"]
            if lost.keys().isdisjoint(number for side in item["sides"] for number in side["citations"])
        ]
        short = record["short_answer"]
        if short is not None and not any(short in c["cited_text"] for c in shown):
            changed["short_answer"] = None
    if record["abstention"] is not None:
        changed["abstention"] = {
            **record["abstention"],
            "closest": [_shown(c, gone, changes, language) for c in record["abstention"]["closest"]],
        }
    return changed


def lost_numbers(record: Mapping[str, Any]) -> frozenset[int]:
    """Return the numbers of the citations of a shown record whose words are not shown any more."""
    return frozenset(c["number"] for c in record["citations"] if c.get("withdrawn"))


def without_its_words(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose question does not lean on earlier answers: those held words that are withdrawn."""
    return {**record, "standalone_question": record["question"]}


def _citations(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    closest = [] if record["abstention"] is None else record["abstention"]["closest"]
    return [*record["citations"], *closest]


def _text_of(source: Mapping[str, Any]) -> Cited:
    return source["document_id"], source["document_sha256"]


def _words(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language, texts["en"])


def _shown(
    citation: Mapping[str, Any], gone: Collection[str], changes: Mapping[Cited, Change], language: str
) -> dict[str, Any]:
    """Return a citation as it may be shown now; of copies of its story those that still stand as they were."""
    if citation["document_id"] in gone:
        return _stub(citation, _words(WITHDRAWN, language))
    shown = dict(citation)
    if "also_published_by" in shown:
        shown["also_published_by"] = [
            copy
            for copy in shown["also_published_by"]
            if copy["document_id"] not in gone and _text_of(copy) not in changes
        ]
    change = changes.get(_text_of(citation))
    if change is None:
        return shown
    if change.text[citation["start_char_index"] : citation["end_char_index"]] == citation["cited_text"]:
        return _standing(shown, change, _words(CHANGED_ELSEWHERE, language))
    return _changed(shown, change, _words(CHANGED, language))


def _standing(citation: Mapping[str, Any], change: Change, words: str) -> dict[str, Any]:
    """Return a citation whose words still stand at their place, against the text as it is now."""
    start, end = citation["start_char_index"], citation["end_char_index"]
    prefix, suffix = context_of(change.text, start, end)
    return {
        **citation,
        "prefix": prefix,
        "suffix": suffix,
        "document_sha256": change.now.sha256,
        "document_version": change.now.version,
        "note": words,
        "source_changed": _from_to(citation, change),
    }


def _changed(citation: Mapping[str, Any], change: Change, words: str) -> dict[str, Any]:
    """Return what may be said of a quote that does not stand at its place any more: all but its words."""
    quoted, document_id = citation["cited_text"], citation["document_id"]
    start, end = citation["start_char_index"], citation["end_char_index"]
    place = change.text.find(quoted)
    moved: dict[str, Any] | None = None
    if place >= 0 and change.text.find(quoted, place + 1) < 0:
        moved = {
            "start_char_index": place,
            "end_char_index": place + len(quoted),
            "document_sha256": change.now.sha256,
            "document_version": change.now.version,
            "viewer_url": viewer_url(document_id, place, place + len(quoted)),
        }
    changed = _from_to(citation, change)
    return {
        **citation,
        "cited_text": "",
        "prefix": "",
        "suffix": "",
        "document_version": changed["from"]["version"],
        "viewer_url": viewer_url(document_id, start, end, citation["document_sha256"]),
        "verification": {"status": "changed", "method": "exact"},
        "also_published_by": [],
        "withdrawn": True,
        "note": words,
        "source_changed": changed,
        "moved_to": moved,
    }


def _from_to(citation: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """Return which text was quoted, as far as that is known, and which one is there now."""
    before = change.before
    return {
        "from": {
            "version": citation.get("document_version") if before is None else before.version,
            "sha256": citation["document_sha256"],
            "stored_at": None if before is None else _time(before),
        },
        "to": {
            "version": change.now.version,
            "sha256": change.now.sha256,
            "stored_at": _time(change.now),
        },
    }


def _time(version: StoredVersion) -> str | None:
    return None if version.stored_at is None else shown_time(version.stored_at)


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
        "document_version": None,
        "also_published_by": [],
        "withdrawn": True,
    }


def _rewritten(answer: str, citations: list[dict[str, Any]], lost: Mapping[int, str], withdrawn: str) -> str:
    """Return an answer without the sentences of the lost citations; every span moves along.

    `lost` says what became of each; of a sentence that rests on several, `withdrawn` is said first. What is not made as `rag.cite` makes answers, sentences of citations and marks between them, is replaced whole.
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
            return _whole(citations, _said(lost.values(), withdrawn))
        text += gap
        became = [lost[number] for number in held[start, end] if number in lost]
        sentence = _said(became, withdrawn) if became else answer[start:end]
        moved[start, end] = {"start": len(text), "end": len(text) + len(sentence)}
        text += sentence
        place = end
    if not _MARKS_ONLY.fullmatch(answer[place:]):
        return _whole(citations, _said(lost.values(), withdrawn))
    for citation in citations:
        citation["answer_spans"] = [dict(moved[s["start"], s["end"]]) for s in citation["answer_spans"]]
    return text + answer[place:]


def _said(became: Collection[str], withdrawn: str) -> str:
    return withdrawn if withdrawn in became else next(iter(became))


def _whole(citations: list[dict[str, Any]], words: str) -> str:
    for citation in citations:
        citation["answer_spans"] = [{"start": 0, "end": len(words)}]
    return words + "".join(f" [{citation['number']}]" for citation in citations)
