"""Checks an answer record as a stranger would: json, hashlib and unicodedata, and the HTTP routes.

Nothing of the service is imported here; documents come over the route.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

Get = Callable[[str], tuple[int, str]]
"""A GET of a path: (status, body)."""

RECORD = {
    "id": str, "status": str, "question": str, "standalone_question": str, "asked": dict, "answer": str,
    "short_answer": (str, type(None)), "answer_without_citations": str, "confidence": (float, type(None)),
    "abstention": (dict, type(None)), "citations": list, "missing": list, "disagreements": list,
    "withheld": dict, "receipt": dict, "timings_ms": dict,
}  # fmt: skip
CITATION = {
    "id": str, "number": (int, type(None)), "type": str, "cited_text": str, "start_char_index": int,
    "end_char_index": int, "offset_unit": str, "prefix": str, "suffix": str, "document_id": str,
    "document_title": str, "document_sha256": str, "publisher": (str, type(None)),
    "published_at": (str, type(None)), "url": (str, type(None)), "viewer_url": str, "verification": dict,
    "answer_spans": list,
}  # fmt: skip
DOCUMENT = {
    "document_id": str, "title": str, "publisher": (str, type(None)), "published_at": (str, type(None)),
    "language": (str, type(None)), "url": (str, type(None)), "viewer_url": str, "document_sha256": str,
    "text": str, "excluded": list,
}  # fmt: skip
NO_ANSWER = {"en": "The sources do not say.", "ru": "В источниках об этом не сказано."}
MARKER = re.compile(r" ?\[(\d+)\]")


class Highlighted(HTMLParser):
    """The text of a page's `mark` elements."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "mark"

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.text += data


def has_shape(content: dict[str, Any], shape: dict[str, Any]) -> None:
    """Hold that every field of the contract is there with its type."""
    for name, kind in shape.items():
        assert name in content, name
        assert isinstance(content[name], kind), (name, content[name])
        assert not (kind is int and isinstance(content[name], bool)), name


def check_document(get: Get, document_id: str, viewer_url: str) -> dict[str, Any]:
    """Fetch a document over the route and hold that it is what it says it is."""
    path = viewer_url.split("?")[0].removeprefix("/d/")
    status, body = get(f"/v1/documents/{path}")
    assert status == 200, (status, body[:200])
    document = json.loads(body)
    has_shape(document, DOCUMENT)
    assert document["document_id"] == document_id
    text = document["text"]
    assert hashlib.sha256(text.encode("utf-8")).hexdigest() == document["document_sha256"]
    assert unicodedata.is_normalized("NFC", text)
    assert "\r" not in text
    assert not text.startswith("\ufeff")
    for part in document["excluded"]:
        assert 0 <= part["start_char_index"] < part["end_char_index"] <= len(text)
        assert part["reason"]
    return document


def check_citation(get: Get, citation: dict[str, Any]) -> None:
    """Hold that a quote stands in its document and that the viewer shows it."""
    has_shape(citation, CITATION)
    document = check_document(get, citation["document_id"], citation["viewer_url"])
    text, start, end = document["text"], citation["start_char_index"], citation["end_char_index"]
    assert text[start:end] == citation["cited_text"] != ""
    assert document["document_sha256"] == citation["document_sha256"]
    assert citation["offset_unit"] == "unicode_code_point"
    assert citation["type"] == "char_location"
    assert citation["verification"] == {"status": "verified", "method": "exact"}
    assert citation["prefix"] == text[max(0, start - 64) : start]
    assert citation["suffix"] == text[end : end + 64]
    assert max(len(citation["prefix"]), len(citation["suffix"])) <= 64
    for name in ("publisher", "published_at", "url"):
        assert citation[name] == document[name]
    assert citation["document_title"] == document["title"]
    assert citation["url"] is None or citation["url"].lower().startswith(("http://", "https://"))
    assert citation["viewer_url"].endswith(f"?quote={start}-{end}")
    for part in document["excluded"]:
        assert end <= part["start_char_index"] or part["end_char_index"] <= start, (
            "an excluded part is quoted"
        )
    status, page = get(citation["viewer_url"])
    assert status == 200
    shown = Highlighted()
    shown.feed(page)
    assert shown.text == citation["cited_text"]


def canonical(record: dict[str, Any]) -> str:
    """A record as text, without what differs between two askings: its ids and its times."""
    lasting = {k: v for k, v in record.items() if k not in ("id", "conversation_id", "timings_ms")}
    return json.dumps(lasting, ensure_ascii=False, sort_keys=True)


def check_record(get: Get, record: dict[str, Any]) -> None:
    """Hold invariants 1, 3, 5, 6 and 7 for one record."""
    has_shape(record, RECORD)
    assert re.fullmatch(r"ans_[0-9A-HJKMNP-TV-Z]{26}", record["id"])
    assert set(record["withheld"]) == {"not_found", "misattributed", "unsupported"}
    assert {"index_version", "corpus_sha256", "models", "settings_sha256", "software"} <= set(
        record["receipt"]
    )
    assert {"embedder", "reader", "generator"} == set(record["receipt"]["models"])
    assert record["timings_ms"]["total"] >= 0
    if record["status"] == "abstained":
        _check_abstention(get, record)
        return
    assert record["status"] in ("answered", "partial")
    assert record["abstention"] is None
    assert 0.0 <= record["confidence"] <= 1.0
    answer, citations = record["answer"], record["citations"]
    assert citations
    used = [int(number) for number in re.findall(r"\[(\d+)\]", answer)]
    assert list(dict.fromkeys(used)) == list(range(1, len(citations) + 1)), "1..n in order of first use"
    assert [citation["number"] for citation in citations] == list(range(1, len(citations) + 1))
    assert MARKER.sub("", answer) == record["answer_without_citations"]
    covered = [False] * len(answer)
    for citation in citations:
        check_citation(get, citation)
        assert citation["answer_spans"], "a citation that supports nothing"
        for span in citation["answer_spans"]:
            assert 0 <= span["start"] < span["end"] <= len(answer)
            part = answer[span["start"] : span["end"]]
            assert not re.search(r"\[\d+\]", part)
            assert part == part.strip()
            # The marker stands right after what it supports, others may stand between.
            after = re.match(r"(?: \[\d+\])+", answer[span["end"] :])
            assert after is not None
            assert f"[{citation['number']}]" in after.group()
            covered[span["start"] : span["end"]] = [True] * (span["end"] - span["start"])
    for match in MARKER.finditer(answer):
        covered[match.start() : match.end()] = [True] * (match.end() - match.start())
    rest = "".join(char for char, done in zip(answer, covered, strict=True) if not done)
    assert not rest.strip(), f"supported by no quote: {rest!r}"
    if record["short_answer"] is not None:
        assert any(record["short_answer"] in citation["cited_text"] for citation in citations)


def _check_abstention(get: Get, record: dict[str, Any]) -> None:
    assert record["citations"] == []
    assert record["short_answer"] is None
    assert record["confidence"] is None
    assert record["answer"] == record["answer_without_citations"]
    assert record["answer"] in NO_ANSWER.values()
    abstention = record["abstention"]
    assert abstention["reason"] in ("no_passages", "not_supported", "below_threshold")
    assert 0.0 <= abstention["probability"] <= 1.0
    for citation in abstention["closest"]:
        assert citation["number"] is None
        assert citation["answer_spans"] == []
        check_citation(get, citation)
