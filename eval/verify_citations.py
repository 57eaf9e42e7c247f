"""Checks every citation of a running server by HTTP alone, and scores its answers.

    python eval/verify_citations.py --url http://127.0.0.1:8000 [--questions FILE] [--out JSON]

It needs the standard library only and imports nothing of this project, so that it can be read,
copied and run by somebody who trusts none of the rest. For every question it asks the server,
fetches each cited document, and recomputes what the contract promises: hashes, offsets, markers,
the shape of an abstention, the page that shows the quote. A request that fails is a failure, and
is never counted as an abstention.

Exit status: 0 when every citation and every record verifies and no request failed, 1 otherwise,
2 when the questions cannot be read.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import re
import sys
import unicodedata
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

DEFAULT_QUESTIONS = Path(__file__).resolve().parent / "data" / "seeds" / "questions.jsonl"
# The kinds that a newcomer asks, apart from follow-ups, other languages and differing sources.
PLAIN_KINDS = ("fact", "why", "compare", "list", "paraphrase", "typo")
UNANSWERABLE = "unanswerable"
DEFAULT_MAX_CITATIONS = 5
TIMEOUT_S = 120.0
_CONTEXT_CHARACTERS = 64
_Z = 1.959963984540054  # the normal quantile of a two-sided 95 % interval

_MARKER = re.compile(r"\[(\d+)\]")
_MARKER_AND_GAP = re.compile(r" ?\[\d+\]")
_MARKER_RUN = re.compile(r"(?: ?\[\d+\])+")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_REASONS = ("no_passages", "not_supported", "below_threshold")


class RequestFailedError(Exception):
    """A request did not end in 200 with JSON or a page that can be read."""


@dataclass
class Checked:
    """What was found about one record: problems of the record itself, and of each citation."""

    record: list[str] = field(default_factory=list)
    citations: list[list[str]] = field(default_factory=list)
    closest: list[list[str]] = field(default_factory=list)

    def problems(self) -> list[str]:
        """List everything that is wrong."""
        found = list(self.record)
        for name, groups in (("citation", self.citations), ("closest", self.closest)):
            found += [f"{name} {place}: {text}" for place, group in enumerate(groups, 1) for text in group]
        return found


@dataclass
class Outcome:
    """One question with what came of it. `status` is None when the request failed."""

    row: dict[str, Any]
    status: str | None
    error: str | None
    record: dict[str, Any] | None
    checked: Checked
    hits: dict[str, bool]


class Server:
    """Talks to the service and keeps the documents it has fetched."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        # A proxy configured for the machine would be asked for its own loopback address.
        handlers = [urllib.request.ProxyHandler({})] if local else []
        self._opener = urllib.request.build_opener(*handlers)
        self._documents: dict[str, dict[str, Any]] = {}

    def ask(self, question: str, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the record that `POST /v1/ask` answers."""
        body = json.dumps({"question": question, "history": list(history)}).encode()
        request = urllib.request.Request(
            f"{self.url}/v1/ask", data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        return self._json(request)

    def document(self, document_id: str) -> dict[str, Any]:
        """Return a document with its text, fetched once."""
        if document_id not in self._documents:
            address = f"{self.url}/v1/documents/{percent_encoded(document_id, safe='')}"
            self._documents[document_id] = self._json(urllib.request.Request(address))
        return self._documents[document_id]

    def page(self, viewer_url: str) -> str:
        """Return the page that shows a quote, asked of this server whatever public name it bears."""
        parts = urlsplit(viewer_url)
        address = self.url + parts.path + (f"?{parts.query}" if parts.query else "")
        raw, kind = self._bytes(urllib.request.Request(address))
        if not kind.startswith("text/html"):
            raise RequestFailedError(f"{viewer_url} is {kind!r}, not a page")
        return raw.decode("utf-8", "replace")

    def _json(self, request: urllib.request.Request) -> dict[str, Any]:
        raw, _ = self._bytes(request)
        try:
            content = json.loads(raw)
        except ValueError as error:
            raise RequestFailedError(f"{request.full_url}: the answer is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise RequestFailedError(f"{request.full_url}: the answer is no JSON object")
        return content

    def _bytes(self, request: urllib.request.Request) -> tuple[bytes, str]:
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                raw: bytes = response.read()
                if response.status != 200:
                    raise RequestFailedError(f"{request.full_url}: HTTP {response.status}")
                return raw, str(response.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            words = error.read(300).decode("utf-8", "replace")
            raise RequestFailedError(f"{request.full_url}: HTTP {error.code}: {words}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RequestFailedError(f"{request.full_url}: {type(error).__name__}: {error}") from error


class _Marks(HTMLParser):
    """Collects the text inside `<mark>` elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._depth += tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "mark"

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.text.append(data)


def marked_text(page: str) -> str:
    """Return the joined text of a page's `<mark>` elements."""
    parser = _Marks()
    parser.feed(page)
    parser.close()
    return "".join(parser.text)


def check_record(
    record: dict[str, Any],
    row: dict[str, Any],
    document_of: Callable[[str], dict[str, Any]],
    page_of: Callable[[str], str],
    max_citations: int = DEFAULT_MAX_CITATIONS,
) -> Checked:
    """Compare one record with everything that the contract promises of it."""
    checked = Checked()
    for citation in _list(record.get("citations")):
        checked.citations.append(_guarded(check_quote, citation, document_of, page_of))
    abstention = record.get("abstention")
    for citation in _list(abstention.get("closest") if isinstance(abstention, dict) else None):
        checked.closest.append(_guarded(check_quote, citation, document_of, page_of))
    checked.record += _guarded(_frame_problems, record, row)
    if record.get("status") == "abstained":
        checked.record += _guarded(_abstention_problems, record)
    else:
        checked.record += _guarded(_answer_problems, record, max_citations)
        for place, citation in enumerate(_list(record.get("citations"))):
            checked.citations[place] += _guarded(_use_problems, citation, record.get("answer"))
    return checked


def check_quote(
    citation: dict[str, Any],
    document_of: Callable[[str], dict[str, Any]],
    page_of: Callable[[str], str],
) -> list[str]:
    """Compare a citation with its document, fetched apart, and with the page that shows it."""
    problems = []
    quoted, start, end = citation["cited_text"], citation["start_char_index"], citation["end_char_index"]
    if citation["type"] != "char_location" or citation["offset_unit"] != "unicode_code_point":
        problems.append("type or offset_unit is not the contract's")
    if not isinstance(citation["id"], str) or not citation["id"]:
        problems.append("id is missing")
    if citation["verification"]["status"] != "verified":
        problems.append(f"verification.status is {citation['verification']['status']!r}")
    if citation["url"] is not None and not re.match(r"https?://", citation["url"], re.IGNORECASE):
        problems.append(f"url {citation['url']!r} is neither http nor https")
    try:
        document = document_of(citation["document_id"])
    except RequestFailedError as error:
        return [*problems, f"the document cannot be fetched: {error}"]
    text = document["text"]
    problems += document_problems(document, citation)
    if not (_is_int(start) and _is_int(end) and 0 <= start < end <= len(text)):
        problems.append(f"{start!r}-{end!r} is no range of a text of {len(text)} characters")
        return problems
    if text[start:end] != quoted:
        problems.append(f"cited_text is not text[{start}:{end}]")
    prefix, suffix = citation["prefix"], citation["suffix"]
    if max(len(prefix), len(suffix)) > _CONTEXT_CHARACTERS:
        problems.append(f"prefix or suffix is longer than {_CONTEXT_CHARACTERS} characters")
    if not text[:start].endswith(prefix) or bool(prefix) != bool(start):
        problems.append("prefix is not what stands before the quote")
    if not text[end:].startswith(suffix) or bool(suffix) != (end < len(text)):
        problems.append("suffix is not what stands after the quote")
    problems += _page_problems(citation, page_of)
    return problems


def document_problems(document: dict[str, Any], citation: dict[str, Any]) -> list[str]:
    """Check a document's canonical text and hash, and what a citation says of them."""
    problems = []
    text = document["text"]
    try:
        digest = sha256(text.encode("utf-8")).hexdigest()
    except UnicodeEncodeError:
        problems.append("the document holds a lone surrogate")
        digest = ""
    if digest != citation["document_sha256"]:
        problems.append("document_sha256 is not the sha256 of the document's text")
    if document["document_sha256"] != citation["document_sha256"]:
        problems.append("the document and the citation name different hashes")
    if document["document_id"] != citation["document_id"]:
        problems.append(f"document {citation['document_id']!r} calls itself {document['document_id']!r}")
    if document["title"] != citation["document_title"]:
        problems.append("document_title is not the document's title")
    if not unicodedata.is_normalized("NFC", text):
        problems.append("the document's text is not NFC")
    if "\r" in text:
        problems.append("the document's text holds a carriage return")
    return problems


def _page_problems(citation: dict[str, Any], page_of: Callable[[str], str]) -> list[str]:
    try:
        page = page_of(citation["viewer_url"])
    except RequestFailedError as error:
        return [f"the viewer page cannot be fetched: {error}"]
    # HTML cannot carry U+0000; the viewer shows U+FFFD in its place.
    if marked_text(page) != citation["cited_text"].replace("\0", "\ufffd"):
        return ["the viewer page does not mark the quote"]
    return []


def _frame_problems(record: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """Check what every record has, whatever its status."""
    problems = []
    if record["status"] not in ("answered", "partial", "abstained"):
        problems.append(f"status is {record['status']!r}")
    if not isinstance(record["id"], str) or not record["id"]:
        problems.append("id is missing")
    if record["question"] != unicodedata.normalize("NFC", row["question"].strip()):
        problems.append("question is not the one that was asked")
    if not record["standalone_question"]:
        problems.append("standalone_question is missing")
    receipt = record["receipt"]
    if not all(isinstance(receipt[name], str) and receipt[name] for name in ("index_version", "software")):
        problems.append("receipt: index_version or software is missing")
    if not all(_HEX_SHA256.fullmatch(receipt[name]) for name in ("corpus_sha256", "settings_sha256")):
        problems.append("receipt: corpus_sha256 or settings_sha256 is no sha256")
    models = receipt["models"]
    if not (models["embedder"] and models["reader"]) or "generator" not in models:
        problems.append("receipt: models are not all named")
    withheld = record["withheld"]
    if any(
        not _is_int(withheld[n]) or withheld[n] < 0 for n in ("not_found", "misattributed", "unsupported")
    ):
        problems.append("withheld is not three counts")
    if not record["timings_ms"]["total"] >= 0:
        problems.append("timings_ms.total is missing")
    ids = [citation["id"] for citation in record["citations"]]
    if len(set(ids)) != len(ids):
        problems.append("two citations have one id")
    return problems


def _answer_problems(record: dict[str, Any], max_citations: int) -> list[str]:
    """Check text, markers and numbers of an answer."""
    problems = []
    answer, citations = record["answer"], record["citations"]
    numbers = [citation["number"] for citation in citations]
    used = list(dict.fromkeys(int(found) for found in _MARKER.findall(answer)))
    if not 1 <= len(citations) <= max_citations:
        problems.append(f"an answer with {len(citations)} citations")
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append(f"citation numbers are {numbers}, not 1 to {len(numbers)} in order")
    if extra := [number for number in used if number not in numbers]:
        problems.append(f"markers {extra} have no citation")
    if missing := [number for number in numbers if number not in used]:
        problems.append(f"citations {missing} have no marker")
    if used != sorted(used):
        problems.append(f"markers first appear in the order {used}")
    if _MARKER_AND_GAP.sub("", answer) != record["answer_without_citations"]:
        problems.append("answer without its markers is not answer_without_citations")
    if not record["answer_without_citations"].strip():
        problems.append("the answer is blank")
    if record["abstention"] is not None:
        problems.append("an answer with an abstention")
    if not _is_share(record["confidence"]):
        problems.append(f"confidence is {record['confidence']!r}")
    short = record["short_answer"]
    if short is not None and not (short and any(short in citation["cited_text"] for citation in citations)):
        problems.append("short_answer stands in no citation")
    if (record["status"] == "partial") != bool(record["missing"]):
        problems.append("missing is filled if and only if the status is partial: it is not so")
    for item in record["disagreements"]:
        if any(number not in numbers for side in item["sides"] for number in side["citations"]):
            problems.append("a disagreement names a citation that is not there")
    return problems


def _use_problems(citation: dict[str, Any], answer: str) -> list[str]:
    """Check the parts of the answer that a citation is said to support."""
    problems = []
    spans = citation["answer_spans"]
    if not spans:
        problems.append("answer_spans is empty")
    before_own_marker = False
    for span in spans:
        start, end = span["start"], span["end"]
        if not (_is_int(start) and _is_int(end) and 0 <= start < end <= len(answer)):
            problems.append(f"answer span {start!r}-{end!r} does not lie in the answer")
            continue
        if _MARKER.search(answer[start:end]) or any(
            found.start() < end and start < found.end() for found in _MARKER.finditer(answer)
        ):
            problems.append(f"answer span {start}-{end} includes a marker")
        run = _MARKER_RUN.match(answer, end)
        before_own_marker |= run is not None and f"[{citation['number']}]" in run.group()
    if spans and not before_own_marker:
        problems.append("no answer span ends where the citation's marker stands")
    return problems


def _abstention_problems(record: dict[str, Any]) -> list[str]:
    """Check that a record that abstains says nothing else (invariant 6)."""
    problems = []
    if record["citations"]:
        problems.append("an abstention with citations")
    if record["short_answer"] is not None or record["confidence"] is not None:
        problems.append("an abstention with a short answer or a confidence")
    answer = record["answer"]
    if not answer.strip() or "\n" in answer or _MARKER.search(answer):
        problems.append("the sentence of an abstention is blank, has several lines or a marker")
    if record["answer_without_citations"] != answer:
        problems.append("answer_without_citations differs from answer")
    if record["missing"] or record["disagreements"]:
        problems.append("an abstention with missing parts or disagreements")
    abstention = record["abstention"]
    if abstention["reason"] not in _REASONS:
        problems.append(f"abstention.reason is {abstention['reason']!r}")
    if not _is_share(abstention["probability"]):
        problems.append(f"abstention.probability is {abstention['probability']!r}")
    for citation in abstention["closest"]:
        if citation["number"] is not None or citation["answer_spans"]:
            problems.append("a closest citation has a number or answer spans")
    return problems


def _guarded(check: Callable[..., list[str]], *arguments: object) -> list[str]:
    """Run a check; what is missing or of the wrong type is a problem too, not a crash."""
    try:
        return check(*arguments)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        return [f"malformed: {type(error).__name__}: {error}"]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


# Scores


def gold_hits(
    record: dict[str, Any], row: dict[str, Any], document_of: Callable[[str], dict[str, Any]]
) -> dict[str, bool]:
    """Tell whether the first 1, the first 3 and all citations overlap a gold sentence.

    A gold sentence counts wherever its text stands in its document: one article repeats two
    paragraphs.

    Raises:
        RequestFailedError: a gold document cannot be fetched.
    """
    spans: list[tuple[str, int, int]] = []
    for gold in row["gold"]:
        text = document_of(gold["document_id"])["text"]
        found = text.find(gold["text"])
        while found >= 0:
            spans.append((gold["document_id"], found, found + len(gold["text"])))
            found = text.find(gold["text"], found + 1)
    overlaps = [
        any(
            citation["document_id"] == document_id
            and citation["start_char_index"] < end
            and start < citation["end_char_index"]
            for document_id, start, end in spans
        )
        for citation in _list(record.get("citations"))
    ]
    return {"at_1": any(overlaps[:1]), "at_3": any(overlaps[:3]), "at_all": any(overlaps)}


def wilson(count: int, total: int) -> list[float] | None:
    """Return the 95 % Wilson interval of a share; None of nothing."""
    if not total:
        return None
    share, square = count / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]


def share(count: int, total: int) -> dict[str, Any]:
    """Return a share with its counts and interval."""
    value = round(count / total, 4) if total else None
    return {"share": value, "count": count, "of": total, "wilson_95": wilson(count, total)}


def refusal(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Score abstaining as the detection of unanswerable questions; a failure abstains from nothing.

    F1 = 2J / (1 + J) with J = TP / (TP + FP + FN), which is a share, so that the interval of F1 is
    the Wilson interval of J carried over.
    """
    abstained = [o for o in outcomes if o.status == "abstained"]
    right = sum(not o.row["answerable"] for o in abstained)
    unanswerable = sum(not o.row["answerable"] for o in outcomes)
    either = len(abstained) + unanswerable - right
    interval = wilson(right, either)
    jaccard = right / either if either else None
    return {
        "precision": share(right, len(abstained)),
        "recall": share(right, unanswerable),
        "f1": None if jaccard is None else round(2 * jaccard / (1 + jaccard), 4),
        "f1_wilson_95": None if interval is None else [round(2 * j / (1 + j), 4) for j in interval],
    }


def scores(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return counts and gold hits of some questions."""
    answerable = [o for o in outcomes if o.row["answerable"]]
    answered = [o for o in outcomes if o.status in ("answered", "partial")]
    return {
        "questions": len(outcomes),
        "answerable": len(answerable),
        "answered": len(answered),
        "partial": sum(o.status == "partial" for o in outcomes),
        "abstained": sum(o.status == "abstained" for o in outcomes),
        "failed": sum(o.status is None for o in outcomes),
        "gold_hit_of_answerable": {
            name: share(sum(o.hits.get(name, False) for o in answerable), len(answerable))
            for name in ("at_1", "at_3", "at_all")
        },
        "gold_hit_of_answered_answerable": {
            name: share(
                sum(o.hits.get(name, False) for o in answered if o.row["answerable"]),
                sum(o.row["answerable"] for o in answered),
            )
            for name in ("at_1", "at_3", "at_all")
        },
    }


def report(outcomes: Sequence[Outcome], url: str, questions: Path) -> dict[str, Any]:
    """Put everything that was found into one record."""
    quotes = [problems for o in outcomes for problems in o.checked.citations]
    nearest = [problems for o in outcomes for problems in o.checked.closest]
    records = [o for o in outcomes if o.record is not None]
    kinds = list(dict.fromkeys(o.row["kind"] for o in outcomes))
    plain = [o for o in outcomes if o.row["kind"] in (*PLAIN_KINDS, UNANSWERABLE)]
    return {
        "what": "every citation checked by HTTP alone, and the answers scored",
        "url": url,
        "questions_file": {"name": questions.name, "sha256": sha256(questions.read_bytes()).hexdigest()},
        "citations_verified": share(sum(not problems for problems in quotes), len(quotes)),
        "closest_verified": share(sum(not problems for problems in nearest), len(nearest)),
        "records_without_problem": share(sum(not o.checked.problems() for o in records), len(records)),
        "failed_requests": sum(o.status is None for o in outcomes),
        "all": scores(outcomes) | {"refusal": refusal(outcomes)},
        "plain_kinds_and_unanswerable": {"kinds": [*PLAIN_KINDS, UNANSWERABLE]}
        | scores(plain)
        | {"refusal": refusal(plain)},
        "by_kind": {kind: scores([o for o in outcomes if o.row["kind"] == kind]) for kind in kinds},
        "abstention_sentences": dict(
            Counter(o.record["answer"] for o in records if o.record and o.status == "abstained")
        ),
        "receipts": [json.loads(text) for text in sorted(set(_receipts(records)))],
        "problems": [
            {"id": o.row["id"], "error": o.error, "found": o.checked.problems()}
            for o in outcomes
            if o.error or o.checked.problems()
        ],
        "answers": [
            {
                "id": o.row["id"],
                "kind": o.row["kind"],
                "answerable": o.row["answerable"],
                "status": o.status or "failed",
                "hits": o.hits,
                "citations": [_place_of(citation) for citation in _list((o.record or {}).get("citations"))],
            }
            for o in outcomes
        ],
    }


def _receipts(outcomes: Iterable[Outcome]) -> list[str]:
    return [json.dumps(o.record.get("receipt"), sort_keys=True) for o in outcomes if o.record is not None]


def _place_of(citation: object) -> str:
    if not isinstance(citation, dict):
        return "?"
    places = (citation.get(n) for n in ("document_id", "start_char_index", "end_char_index"))
    return "{}:{}-{}".format(*places)


def show(found: dict[str, Any]) -> str:
    """Return the figures as a table for people."""
    lines = [
        f"{'kind':<16}{'asked':>6}{'answ.':>7}{'abst.':>7}{'failed':>7}{'gold@1':>10}{'@3':>8}{'all':>8}"
    ]
    rows = [
        *found["by_kind"].items(),
        ("all", found["all"]),
        ("plain+unansw.", found["plain_kinds_and_unanswerable"]),
    ]
    for name, group in rows:
        hits = group["gold_hit_of_answerable"]
        cells = "".join(
            _percent(hits[key]["share"]).rjust(w) for key, w in (("at_1", 10), ("at_3", 8), ("at_all", 8))
        )
        lines.append(
            f"{name:<16}{group['questions']:>6}{group['answered']:>7}{group['abstained']:>7}"
            f"{group['failed']:>7}{cells}"
        )
    lines += [
        "",
        "gold@k: share of the answerable questions of which one of the first k quotes overlaps gold",
        "",
    ]
    for name, group in (("all", found["all"]), ("plain+unansw.", found["plain_kinds_and_unanswerable"])):
        scored = group["refusal"]
        lines.append(
            f"refusal, {name}: precision {_with_interval(scored['precision'])}, "
            f"recall {_with_interval(scored['recall'])}, F1 {_percent(scored['f1'])} "
            f"{_interval(scored['f1_wilson_95'])}"
        )
    for name, key in (
        ("citations verified", "citations_verified"),
        ("closest quotes verified", "closest_verified"),
        ("records without a problem", "records_without_problem"),
    ):
        counts = found[key]
        lines.append(f"{name}: {counts['count']} of {counts['of']} ({_percent(counts['share'])})")
    lines.append(f"failed requests: {found['failed_requests']}")
    for problem in found["problems"][:20]:
        lines += [f"  {problem['id']}: {text}" for text in [problem["error"], *problem["found"]][:6] if text]
    if len(found["problems"]) > 20:
        lines.append(f"  … and {len(found['problems']) - 20} more")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f"[{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]"


def _with_interval(value: dict[str, Any]) -> str:
    return f"{_percent(value['share'])} {_interval(value['wilson_95'])} ({value['count']}/{value['of']})"


def is_clean(found: dict[str, Any]) -> bool:
    """Tell whether every citation and record verified and no request failed; nothing asked is not clean."""
    return bool(found["all"]["questions"]) and not found["failed_requests"] and not found["problems"]


def ask_and_check(server: Server, row: dict[str, Any]) -> Outcome:
    """Ask one question, check the record and compare its quotes with the gold sentences."""
    try:
        record = server.ask(row["question"], row.get("history") or [])
    except RequestFailedError as error:
        return Outcome(row=row, status=None, error=str(error), record=None, checked=Checked(), hits={})
    checked = check_record(record, row, server.document, server.page)
    hits: dict[str, bool] = {}
    if row["answerable"]:
        try:
            hits = gold_hits(record, row, server.document)
        except (RequestFailedError, KeyError, TypeError) as error:
            checked.record.append(f"gold cannot be compared: {error}")
    return Outcome(
        row=row, status=str(record.get("status")), error=None, record=record, checked=checked, hits=hits
    )


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Return the questions of a JSON Lines file.

    Raises:
        OSError, ValueError: it cannot be read, or a row lacks a field.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        row = json.loads(line)
        for name in ("id", "kind", "question", "answerable", "gold"):
            if name not in row:
                raise ValueError(f"{path.name}, line {number}: {name} is missing")
        rows.append(row)
    return rows


def run(url: str, questions_path: Path, out_path: Path | None) -> int:
    """Ask every question, print the table, write the JSON where a path is given; return the exit status."""
    try:
        rows = read_questions(questions_path)
    except (OSError, ValueError) as error:
        print(f"the questions cannot be read: {error}", file=sys.stderr)
        return 2
    server = Server(url)
    found = report([ask_and_check(server, row) for row in rows], url, questions_path)
    print(show(found))
    if out_path is not None:
        out_path.parent.mkdir(parents=True, exist_ok=True)
        out_path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if is_clean(found) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the server listens")
    parser.add_argument("--questions", type=Path, default=DEFAULT_QUESTIONS, help="questions as JSON Lines")
    parser.add_argument("--out", type=Path, help="write everything found as JSON")
    options = parser.parse_args(arguments)
    return run(options.url, options.questions, options.out)


if __name__ == "__main__":
    raise SystemExit(main())
