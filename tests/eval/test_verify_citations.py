"""The verifier passes a right record and catches every lie, over real HTTP from a server of its own."""

from __future__ import annotations

import copy
import json
import threading
import unicodedata
from collections.abc import Callable, Iterator
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from eval.verify_citations import (
    DEFAULT_QUESTIONS,
    Checked,
    Outcome,
    is_clean,
    marked_text,
    read_questions,
    refusal,
    run,
    scores,
    wilson,
)

ID = "a b/1?.txt"
TEXT = (
    "Copper & <tin>\n\nThe five leaders met on 6 November 🙂 in Washington. "
    "They signed over $8 billion of deals [7]. Nothing was said of zinc.\n"
)
SENTENCES = (
    "The five leaders met on 6 November 🙂 in Washington.",
    "They signed over $8 billion of deals [7].",
    "Nothing was said of zinc.",
)
QUESTION = "What was signed?"
Record = dict[str, Any]


def citation(number: int | None, sentence: int, spans: list[dict[str, int]]) -> Record:
    start = TEXT.index(SENTENCES[sentence])
    end = start + len(SENTENCES[sentence])
    return {
        "id": f"cit_{sentence}",
        "number": number,
        "type": "char_location",
        "cited_text": SENTENCES[sentence],
        "start_char_index": start,
        "end_char_index": end,
        "offset_unit": "unicode_code_point",
        "prefix": TEXT[max(0, start - 64) : start],
        "suffix": TEXT[end : end + 64],
        "document_id": ID,
        "document_title": "Deals",
        "document_sha256": sha256(TEXT.encode()).hexdigest(),
        "publisher": None,
        "published_at": None,
        "url": None,
        "viewer_url": f"/d/{quote(ID, safe='')}?quote={start}-{end}",
        "verification": {"status": "verified", "method": "exact"},
        "answer_spans": spans,
    }


def answered() -> Record:
    one, two = "They signed over $8 billion of deals.", "The five leaders met on 6 November 🙂."
    return {
        "id": "ans_1",
        "status": "answered",
        "question": QUESTION,
        "standalone_question": QUESTION,
        "answer": f"{one} [1] {two} [2]",
        "short_answer": "over $8 billion",
        "answer_without_citations": f"{one} {two}",
        "confidence": 0.9,
        "abstention": None,
        "citations": [
            citation(1, 1, [{"start": 0, "end": len(one)}]),
            citation(2, 0, [{"start": len(one) + 5, "end": len(one) + 5 + len(two)}]),
        ],
        "missing": [],
        "disagreements": [{"about": "sum", "sides": [{"value": "8", "citations": [1]}]}],
        "withheld": {"not_found": 0, "misattributed": 0, "unsupported": 0},
        "receipt": {
            "index_version": "000001-ab",
            "corpus_sha256": "0" * 64,
            "models": {"embedder": "e", "reader": "r", "generator": None},
            "settings_sha256": "1" * 64,
            "software": "0.1.0",
        },
        "timings_ms": {"total": 3.2},
    }


def abstained() -> Record:
    return {
        **answered(),
        "status": "abstained",
        "answer": "The sources do not say.",
        "answer_without_citations": "The sources do not say.",
        "short_answer": None,
        "confidence": None,
        "citations": [],
        "disagreements": [],
        "abstention": {"reason": "not_supported", "probability": 0.9, "closest": [citation(None, 2, [])]},
    }


class FakeService:
    """Serves one record and one document, either of which may be made to lie."""

    def __init__(self) -> None:
        self.record: Record = answered()
        self.document: Record = {
            "document_id": ID,
            "title": "Deals",
            "text": TEXT,
            "document_sha256": sha256(TEXT.encode()).hexdigest(),
        }
        self.status = 200
        self.body: bytes | None = None
        self.marks: str | None = None
        self.asked: list[Record] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                service.asked.append(json.loads(self.rfile.read(length)))
                raw = json.dumps(service.record).encode() if service.body is None else service.body
                self._send(service.status, "application/json", raw)

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                name = parts.path.rpartition("/")[2]
                if unquote(name) != ID:
                    self._send(404, "application/problem+json", b"{}")
                elif parts.path.startswith("/v1/documents/"):
                    self._send(200, "application/json", json.dumps(service.document).encode())
                else:
                    start, end = map(int, parse_qs(parts.query)["quote"][0].split("-"))
                    self._send(200, "text/html; charset=utf-8", service.page(start, end).encode())

            def _send(self, status: int, kind: str, raw: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def page(self, start: int, end: int) -> str:
        text = self.document["text"]
        marked = text[start:end] if self.marks is None else self.marks
        half = len(marked) // 2
        inside = f"<mark>{escape(marked[:half])}</mark><mark id=q>{escape(marked[half:])}</mark>"
        return f"<html><p>{escape(text[:start])}{inside}{escape(text[end:])}</p></html>"


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


@pytest.fixture
def verify(service: FakeService, tmp_path: Path) -> Callable[..., tuple[int, Record]]:
    questions, out = tmp_path / "questions.jsonl", tmp_path / "found" / "out.json"

    def work(**more: Any) -> tuple[int, Record]:
        start = TEXT.index(SENTENCES[1])
        row = {
            "id": "q1",
            "kind": "fact",
            "question": QUESTION,
            "history": [{"role": "user", "content": "Hello"}],
            "answerable": True,
            "gold": [
                {"document_id": ID, "start": start, "end": start + len(SENTENCES[1]), "text": SENTENCES[1]}
            ],
            **more,
        }
        questions.write_text(json.dumps(row) + "\n\n", encoding="utf-8")
        status = run(service.url, questions, out)
        found: Record = json.loads(out.read_text(encoding="utf-8"))
        return status, found

    return work


Verify = Callable[..., tuple[int, Record]]


def test_a_right_answer_passes_and_is_scored(service: FakeService, verify: Verify) -> None:
    status, found = verify()
    assert found["problems"] == []
    assert status == 0
    assert found["citations_verified"]["count"] == found["citations_verified"]["of"] == 2
    assert found["all"]["gold_hit_of_answerable"]["at_1"]["share"] == 1.0
    assert (found["all"]["answered"], found["all"]["abstained"], found["all"]["failed"]) == (1, 0, 0)
    assert service.asked == [{"question": QUESTION, "history": [{"role": "user", "content": "Hello"}]}]


def test_a_right_abstention_passes_and_its_closest_quotes_are_checked(
    service: FakeService, verify: Verify
) -> None:
    service.record = abstained()
    status, found = verify(answerable=False, gold=[], kind="unanswerable")
    assert status == 0, found["problems"]
    assert (found["closest_verified"]["count"], found["closest_verified"]["of"]) == (1, 1)
    assert found["citations_verified"]["of"] == 0
    assert found["all"]["refusal"]["precision"]["share"] == found["all"]["refusal"]["f1"] == 1.0
    assert found["abstention_sentences"] == {"The sources do not say.": 1}


def first(record: Record) -> Record:
    cited: Record = record["citations"][0]
    return cited


LIES: dict[str, tuple[Callable[[Record], object], str]] = {
    "offset_shifted": (
        lambda r: first(r).update(
            start_char_index=first(r)["start_char_index"] + 1, end_char_index=first(r)["end_char_index"] + 1
        ),
        "cited_text is not text",
    ),
    "end_shifted": (
        lambda r: first(r).update(end_char_index=first(r)["end_char_index"] + 1),
        "cited_text is not text",
    ),
    "bytes_not_code_points": (
        lambda r: r["citations"][1].update(end_char_index=r["citations"][1]["end_char_index"] + 3),
        "citation 2: cited_text is not text",
    ),
    "offset_as_text": (lambda r: first(r).update(start_char_index="81"), "is no range"),
    "offset_is_true": (lambda r: first(r).update(start_char_index=True), "is no range"),
    "range_outside": (lambda r: first(r).update(end_char_index=9999), "is no range"),
    "edited_quote": (
        lambda r: first(r).update(cited_text="They signed over $9 billion."),
        "cited_text is not",
    ),
    "repaired_quote": (
        lambda r: first(r).update(cited_text=first(r)["cited_text"].replace(" [7]", "")),
        "cited_text is not",
    ),
    "wrong_sha": (lambda r: first(r).update(document_sha256="0" * 64), "document_sha256 is not the sha256"),
    "wrong_prefix": (lambda r: first(r).update(prefix="x"), "prefix is not what stands before"),
    "no_prefix": (lambda r: first(r).update(prefix=""), "prefix is not what stands before"),
    "long_suffix": (lambda r: r["citations"][1].update(suffix=TEXT[67:]), "longer than 64"),
    "wrong_suffix": (lambda r: first(r).update(suffix=" Something else"), "suffix is not what stands after"),
    "no_such_document": (lambda r: first(r).update(document_id="b.txt"), "the document cannot be fetched"),
    "wrong_title": (lambda r: first(r).update(document_title="Other"), "document_title is not"),
    "script_url": (lambda r: first(r).update(url="javascript:alert(1)"), "neither http nor https"),
    "dead_viewer": (lambda r: first(r).update(viewer_url="/d/gone?quote=1-2"), "viewer page cannot be"),
    "other_viewer_quote": (
        lambda r: first(r).update(viewer_url=r["citations"][1]["viewer_url"]),
        "does not mark the quote",
    ),
    "not_verified": (lambda r: first(r)["verification"].update(status="close"), "verification.status"),
    "bytes_unit": (lambda r: first(r).update(offset_unit="byte"), "offset_unit"),
    "field_missing": (lambda r: first(r).pop("suffix"), "malformed: KeyError"),
    "same_ids": (lambda r: first(r).update(id="cit_0"), "two citations have one id"),
    "marker_missing": (
        lambda r: r.update(answer=r["answer"].replace(" [2]", "")),
        "citations [2] have no marker",
    ),
    "marker_extra": (lambda r: r.update(answer=r["answer"] + " [3]"), "markers [3] have no citation"),
    "sources_own_marker": (
        lambda r: r.update(
            answer=r["answer"].replace("deals.", "deals [7]."),
            answer_without_citations=r["answer_without_citations"].replace("deals.", "deals [7]."),
        ),
        "markers [7] have no citation",
    ),
    "citation_missing": (lambda r: r["citations"].pop(), "markers [2] have no citation"),
    "citation_extra": (
        lambda r: r["citations"].append({**citation(3, 2, [{"start": 0, "end": 3}])}),
        "citations [3] have no marker",
    ),
    "wrong_order": (lambda r: r["citations"].reverse(), "citation numbers are [2, 1]"),
    "not_first_use": (
        lambda r: r.update(
            answer=r["answer"].replace("[1]", "[0]").replace("[2]", "[1]").replace("[0]", "[2]")
        ),
        "markers first appear in the order [2, 1]",
    ),
    "number_twice": (lambda r: r["citations"][1].update(number=1), "citation numbers are [1, 1]"),
    "span_with_marker": (
        lambda r: first(r)["answer_spans"][0].update(end=first(r)["answer_spans"][0]["end"] + 4),
        "includes a marker",
    ),
    "span_cuts_marker": (
        lambda r: first(r)["answer_spans"][0].update(end=first(r)["answer_spans"][0]["end"] + 2),
        "includes a marker",
    ),
    "span_outside": (lambda r: first(r)["answer_spans"][0].update(end=999), "does not lie in the answer"),
    "span_empty": (lambda r: first(r)["answer_spans"][0].update(end=0), "does not lie in the answer"),
    "no_span": (lambda r: first(r).update(answer_spans=[]), "answer_spans is empty"),
    "span_of_another": (
        lambda r: first(r).update(answer_spans=copy.deepcopy(r["citations"][1]["answer_spans"])),
        "no answer span ends where",
    ),
    "other_plain_answer": (
        lambda r: r.update(answer_without_citations=r["answer_without_citations"] + " More."),
        "is not answer_without_citations",
    ),
    "short_answer_elsewhere": (lambda r: r.update(short_answer="$9 billion"), "short_answer stands in no"),
    "short_answer_empty": (lambda r: r.update(short_answer=""), "short_answer stands in no"),
    "no_citations": (lambda r: r.update(citations=[]), "an answer with 0 citations"),
    "confidence_missing": (lambda r: r.update(confidence=None), "confidence is None"),
    "confidence_above_1": (lambda r: r.update(confidence=1.5), "confidence is 1.5"),
    "answer_that_abstains": (lambda r: r.update(abstention={"closest": []}), "an answer with an abstention"),
    "missing_though_answered": (lambda r: r.update(missing=["when"]), "missing is filled"),
    "partial_of_nothing": (lambda r: r.update(status="partial"), "missing is filled"),
    "unknown_status": (lambda r: r.update(status="failed"), "status is 'failed'"),
    "other_question": (lambda r: r.update(question="What?"), "question is not the one"),
    "receipt_missing": (lambda r: r.pop("receipt"), "malformed: KeyError"),
    "receipt_without_reader": (lambda r: r["receipt"]["models"].update(reader=None), "models are not all"),
    "receipt_bad_hash": (lambda r: r["receipt"].update(corpus_sha256="abc"), "is no sha256"),
    "withheld_negative": (lambda r: r["withheld"].update(not_found=-1), "withheld"),
    "disagreement_of_nobody": (
        lambda r: r["disagreements"][0]["sides"][0].update(citations=[9]),
        "a disagreement names a citation",
    ),
    "citations_no_list": (lambda r: r.update(citations={"a": 1}), "malformed"),
    "citation_is_text": (lambda r: r["citations"].append("quote"), "malformed"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_in_an_answer_is_caught(name: str, service: FakeService, verify: Verify) -> None:
    tell, caught = LIES[name]
    tell(service.record)
    status, found = verify()
    assert status == 1
    assert any(caught in text for text in found["problems"][0]["found"]), found["problems"]
    assert found["failed_requests"] == 0


def test_seven_citations_where_five_were_the_limit_are_caught(service: FakeService, verify: Verify) -> None:
    for number in range(3, 8):
        service.record["citations"].append(citation(number, 2, [{"start": 0, "end": 5}]))
    assert any("an answer with 7 citations" in text for text in verify()[1]["problems"][0]["found"])


ABSTENTION_LIES: dict[str, tuple[Callable[[Record], object], str]] = {
    "with_citation": (lambda r: r.update(citations=answered()["citations"]), "an abstention with citations"),
    "with_short_answer": (lambda r: r.update(short_answer="$8 billion"), "a short answer or a confidence"),
    "with_confidence": (lambda r: r.update(confidence=0.2), "a short answer or a confidence"),
    "with_marker": (
        lambda r: r.update(answer="The sources do not say. [1]"),
        "blank, has several lines or a",
    ),
    "blank": (lambda r: r.update(answer=""), "blank, has several lines"),
    "two_texts": (lambda r: r.update(answer_without_citations="No."), "differs from answer"),
    "no_abstention": (lambda r: r.update(abstention=None), "malformed: TypeError"),
    "unknown_reason": (lambda r: r["abstention"].update(reason="timeout"), "abstention.reason"),
    "probability_missing": (lambda r: r["abstention"].update(probability=None), "abstention.probability"),
    "numbered_closest": (lambda r: r["abstention"]["closest"][0].update(number=1), "has a number"),
    "edited_closest": (
        lambda r: r["abstention"]["closest"][0].update(cited_text="Zinc was."),
        "closest 1: cited_text is not",
    ),
}


@pytest.mark.parametrize("name", ABSTENTION_LIES)
def test_a_lie_in_an_abstention_is_caught(name: str, service: FakeService, verify: Verify) -> None:
    service.record = abstained()
    tell, caught = ABSTENTION_LIES[name]
    tell(service.record)
    status, found = verify(answerable=False, gold=[])
    assert status == 1
    assert any(caught in text for text in found["problems"][0]["found"]), found["problems"]


def _with_text(service: FakeService, text: str) -> None:
    digest = sha256(text.encode()).hexdigest()
    service.document.update(text=text, document_sha256=digest)
    for cited in service.record["citations"]:
        cited["document_sha256"] = digest


def test_a_document_that_is_not_nfc_or_has_carriage_returns_is_caught(
    service: FakeService, verify: Verify
) -> None:
    # After every quote, so that all offsets stay right; all hashes too.
    _with_text(service, TEXT + unicodedata.normalize("NFD", "été"))
    found = verify()[1]["problems"][0]["found"]
    assert {text.split(": ")[1] for text in found} == {"the document's text is not NFC"}
    _with_text(service, TEXT + "one\r\ntwo")
    found = verify()[1]["problems"][0]["found"]
    assert {text.split(": ")[1] for text in found} == {"the document's text holds a carriage return"}


def test_a_document_changed_behind_its_hash_is_caught(service: FakeService, verify: Verify) -> None:
    service.document["text"] = TEXT + "More."
    status, found = verify()
    assert status == 1
    assert found["citations_verified"]["count"] == 0


def test_a_lone_surrogate_in_a_document_is_caught(service: FakeService, verify: Verify) -> None:
    service.document["text"] = TEXT + "\ud800"
    assert any("lone surrogate" in text for text in verify()[1]["problems"][0]["found"])


def test_a_page_that_marks_something_else_is_caught(service: FakeService, verify: Verify) -> None:
    service.marks = "They signed"
    assert any("does not mark the quote" in text for text in verify()[1]["problems"][0]["found"])


@pytest.mark.parametrize("status", [503, 500, 422, 204])
def test_a_failed_request_is_a_failure_and_no_abstention(
    status: int, service: FakeService, verify: Verify
) -> None:
    service.status = status
    service.record = abstained()
    code, found = verify(answerable=False, gold=[], kind="unanswerable")
    assert code == 1
    assert (found["all"]["failed"], found["all"]["abstained"], found["failed_requests"]) == (1, 0, 1)
    assert found["all"]["refusal"]["recall"]["share"] == 0.0
    assert f"HTTP {status}" in found["problems"][0]["error"]


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"\xff"])
def test_a_200_that_is_no_record_is_a_failure(body: bytes, service: FakeService, verify: Verify) -> None:
    service.body = body
    code, found = verify()
    assert (code, found["all"]["failed"]) == (1, 1)


def test_a_record_of_nothing_is_a_problem_and_no_crash(service: FakeService, verify: Verify) -> None:
    service.body = b"{}"
    code, found = verify()
    assert code == 1
    assert found["problems"]


def test_nobody_listening_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"id": "1", "kind": "fact", "question": "x", "answerable": true, "gold": []}\n')
    assert run("http://127.0.0.1:9", questions, None) == 1
    assert "failed requests: 1" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{", '{"id": "1"}\n'])
def test_questions_that_cannot_be_read_are_misuse(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    if content is not None:
        path.write_text(content)
    assert run("http://127.0.0.1:9", path, None) == 2


def test_no_question_at_all_is_not_clean(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("\n")
    assert run("http://127.0.0.1:9", path, None) == 1


def test_gold_counts_wherever_its_text_stands_again(service: FakeService, verify: Verify) -> None:
    start = TEXT.index(SENTENCES[0])
    for sentence, hits in ((0, (False, True, True)), (2, (False, False, False))):
        gold = {"document_id": ID, "start": start, "end": start + 1, "text": SENTENCES[sentence]}
        found = verify(gold=[gold])[1]["all"]["gold_hit_of_answerable"]
        assert tuple(found[name]["share"] == 1.0 for name in ("at_1", "at_3", "at_all")) == hits


def test_gold_of_a_document_that_is_not_there_is_a_problem(service: FakeService, verify: Verify) -> None:
    status, found = verify(gold=[{"document_id": "gone", "start": 0, "end": 1, "text": "x"}])
    assert status == 1
    assert "gold cannot be compared" in found["problems"][0]["found"][0]


def test_marked_text_joins_marks_and_reads_entities() -> None:
    page = "<p>a<mark>b &amp; <span>c</span></mark>d</p><p><mark>\n&lt;e&gt;</mark></p>"
    assert marked_text(page) == "b & c\n<e>"


def _outcome(answerable: bool, status: str | None, hit: bool = False) -> Outcome:
    hits = dict.fromkeys(("at_1", "at_3", "at_all"), hit)
    row = {"answerable": answerable, "kind": "fact"}
    return Outcome(row=row, status=status, error=None, record=None, checked=Checked(), hits=hits)


def test_refusal_worked_by_hand() -> None:
    outcomes = [
        *[_outcome(False, "abstained")] * 6,  # true positives
        *[_outcome(True, "abstained")] * 2,  # false positives
        *[_outcome(False, "answered")] * 3,  # missed
        _outcome(False, None),  # failed: missed too, and abstained from nothing
        *[_outcome(True, "answered", hit=True)] * 4,
    ]
    found = refusal(outcomes)
    assert found["precision"]["share"] == 0.75
    assert found["recall"]["share"] == 0.6
    assert found["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35, abs=1e-4)
    low, high = found["f1_wilson_95"]
    assert low < found["f1"] < high
    counted = scores(outcomes)
    assert (counted["answered"], counted["abstained"], counted["failed"]) == (7, 8, 1)
    assert counted["gold_hit_of_answerable"]["at_1"]["share"] == pytest.approx(4 / 6, abs=1e-4)
    assert counted["gold_hit_of_answered_answerable"]["at_1"]["share"] == 1.0


def test_wilson_worked_by_hand() -> None:
    # Wikipedia's formula for 8 of 10 at z = 1.96.
    assert wilson(8, 10) == pytest.approx([0.4902, 0.9433], abs=2e-4)
    assert wilson(0, 10) == pytest.approx([0.0, 0.2775], abs=2e-4)
    assert wilson(10, 10) == pytest.approx([0.7225, 1.0], abs=2e-4)
    assert wilson(0, 0) is None
    assert refusal([])["f1"] is None


def test_the_seeds_questions_can_be_read_and_a_clean_report_needs_questions() -> None:
    rows = read_questions(DEFAULT_QUESTIONS)
    assert len(rows) == 186
    assert not is_clean({"all": {"questions": 0}, "failed_requests": 0, "problems": []})


def test_it_imports_nothing_but_the_standard_library() -> None:
    import ast
    import sys

    source = (DEFAULT_QUESTIONS.parents[2] / "verify_citations.py").read_text(encoding="utf-8")
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert names <= sys.stdlib_module_names
