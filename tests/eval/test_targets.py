"""Targets over real HTTP from servers of our own: right answers, and every kind of failure by name."""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from eval.datatypes import Question, RankedPassage
from eval.errors import EvaluationError, TargetError
from eval.targets import ChatServer, InProcess, NativeServer, detect_target
from eval.targets.http import MAX_WAIT_S, HttpClient
from eval.targets.markers import marked_spans
from rag.types import Turn
from tests.eval.faulty_server import (
    DOCUMENTS,
    Library,
    LoopbackServer,
    NativeFake,
    Reply,
    UnknownDocumentError,
    data_set,
)

COPPER = data_set().questions[0]
LEAD = data_set().questions[4]
NOW = datetime(2025, 11, 6, 12, 0, tzinfo=UTC)


@pytest.fixture
def fake() -> NativeFake:
    return NativeFake()


@pytest.fixture
def native(fake: NativeFake) -> Iterator[LoopbackServer]:
    with LoopbackServer(fake) as server:
        yield server


def failure_of(target: Any, question: Question = COPPER) -> TargetError:
    with pytest.raises(TargetError) as caught:
        target.ask(question)
    return caught.value


# Our own routes


def test_a_native_server_answers_searches_and_serves(native: LoopbackServer) -> None:
    with NativeServer(native.url + "/") as target:
        assert target.name == native.url
        assert target.describe() == {
            "protocol": "native",
            "index_version": "i1",
            "models": {"reader": "fake"},
        }
        record = target.ask(COPPER)
        assert record["status"] == "answered"
        assert record["answer"] == "Copper lies in the hills. [1]"
        assert target.ask(LEAD)["status"] == "abstained"
        tin = replace(COPPER, text="tin")
        assert target.search(tin, 5) == (
            RankedPassage(
                document_id="a b/1?.txt", start=26, end=51, text="🙂 Tin lies in the valley.", score=1.0
            ),
        )
        assert [target.document(name).text for name in DOCUMENTS] == list(DOCUMENTS.values())
        assert target.document("..").published_at == "2025-11-06"
    paths = [path for _, path, _, _ in native.seen]
    assert "/v1/documents/a%20b%2F1%3F.txt" in paths
    assert "/v1/documents/%2E%2E" in paths


def test_history_goes_to_ask_and_not_to_search(native: LoopbackServer) -> None:
    question = replace(COPPER, history=(Turn(role="user", content="Metals."),))
    with NativeServer(native.url) as target:
        target.ask(question)
        target.search(question, 3)
    sent = [json.loads(body) for _, _, _, body in native.seen]
    assert sent == [
        {"question": COPPER.text, "history": [{"role": "user", "content": "Metals."}]},
        {"query": COPPER.text, "k": 3},
    ]


def test_a_key_is_sent_and_never_told(native: LoopbackServer, fake: NativeFake) -> None:
    fake.faults[COPPER.text] = ["401"]
    with NativeServer(native.url, api_key="sk-secret") as target:
        assert "sk-secret" not in str(failure_of(target))
        assert "sk-secret" not in json.dumps(target.describe())
    assert native.seen[0][2]["Authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("cut", "connection", None),
        ("close", "connection", None),
        ("no_http", "connection", None),
        ("hang", "timeout", None),
        ("drip", "timeout", None),
        ("drip_headers", "timeout", None),
        ("html", "not_json", 200),
        ("empty", "not_json", 200),
        ("truncated", "not_json", 200),
        ("list", "not_json", 200),
        ("not_utf8", "not_json", 200),
        ("gzip", "not_json", None),
        ("nan", "not_json", 200),
        ("deep", "not_json", 200),
        ("huge", "malformed", 200),
        ("surrogate", "malformed", None),
        ("no_citations", "malformed", None),
        ("no_status", "malformed", None),
        ("new_status", "malformed", None),
        ("text_confidence", "malformed", None),
        ("high_confidence", "malformed", None),
        ("true_confidence", "malformed", None),
        ("citations_object", "malformed", None),
        ("citation_text", "malformed", None),
        ("float_offset", "malformed", None),
        ("blank_answer", "malformed", None),
        ("abstained_with_citations", "malformed", None),
        ("answered_and_abstained", "malformed", None),
        ("negative_timing", "malformed", None),
        ("no_object", "malformed", None),
        ("citation_zero", "malformed", None),
        ("citation_nowhere", "malformed", None),
        ("429", "rate_limited", 429),
        ("500", "http_status", 500),
        ("503", "http_status", 503),
        ("422", "http_status", 422),
        ("201", "http_status", 201),
        ("redirect", "http_status", 302),
    ],
)
def test_each_fault_has_its_kind(
    native: LoopbackServer, fake: NativeFake, fault: str, kind: str, status: int | None
) -> None:
    fake.faults[COPPER.text] = [fault]
    waits: list[float] = []
    timeout_s = 0.4 if kind == "timeout" else 30.0
    with NativeServer(native.url, timeout_s=timeout_s, retries=1, sleep=waits.append) as target:
        error = failure_of(target)
        assert (error.kind, error.status) == (kind, status)
        assert target.ask(LEAD)["status"] == "abstained"  # the next question is not harmed
    assert len(waits) == (1 if fault in ("429", "503") else 0)


@pytest.mark.parametrize("fault", ["no_passages", "wrong_rank", "backwards", "text_score"])
def test_a_malformed_ranking_is_a_failure(native: LoopbackServer, fake: NativeFake, fault: str) -> None:
    fake.faults["search:gold"] = [fault]
    with NativeServer(native.url) as target, pytest.raises(TargetError) as caught:
        target.search(replace(COPPER, text="gold"), 5)
    assert caught.value.kind == "malformed"


def test_what_came_closest_has_no_number(native: LoopbackServer, fake: NativeFake) -> None:
    fake.faults[LEAD.text] = ["numbered_closest"]
    with NativeServer(native.url) as target:
        assert "closest[0].number is 1, not null" in str(failure_of(target, LEAD))


def test_a_native_server_without_readyz_is_described_by_healthz(
    native: LoopbackServer, fake: NativeFake
) -> None:
    fake.faults["/readyz"] = ["404"]
    with NativeServer(native.url) as target:
        assert target.describe() == {"protocol": "native"}
        fake.faults["/readyz"] = ["503:0"]
        with pytest.raises(TargetError, match="status 503"):
            target.describe()


def test_without_httpx2_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)  # how Python itself marks what cannot be imported
    with pytest.raises(EvaluationError, match=r"needs httpx2: pip install 'chapter-and-verse\[eval\]'"):
        NativeServer("http://127.0.0.1:1")


def test_more_passages_than_were_asked_for_are_malformed() -> None:
    passages = Library().search("gold", 5)
    with LoopbackServer(lambda *_: Reply(200, passages)) as server, NativeServer(server.url) as target:
        assert len(target.search(COPPER, 2)) == 2
        with pytest.raises(TargetError, match="2 passages where at most 1"):
            target.search(COPPER, 1)


@pytest.mark.parametrize("fault", ["other_document", "number_text"])
def test_a_malformed_document_is_a_failure(native: LoopbackServer, fake: NativeFake, fault: str) -> None:
    fake.faults["document:gold.txt"] = [fault]
    with NativeServer(native.url) as target, pytest.raises(TargetError) as caught:
        target.document("gold.txt")
    assert caught.value.kind == "malformed"


def test_an_unknown_document_is_a_404(native: LoopbackServer) -> None:
    with NativeServer(native.url) as target, pytest.raises(TargetError) as caught:
        target.document("nowhere")
    assert (caught.value.kind, caught.value.status) == ("http_status", 404)
    assert str(caught.value) == f"GET {native.url}/v1/documents/nowhere: status 404: no document 'nowhere'"


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        (["429:3", "ok"], [3.0]),
        (["503:0", "429", "ok"], [0.0, 1.0]),
        (["429", "429", "429", "ok"], [0.5, 1.0, 2.0]),
        (["429:3600", "ok"], [MAX_WAIT_S]),
        (["429:Thu, 06 Nov 2025 12:00:07 GMT", "ok"], [7.0]),
        (["429:Thu, 06 Nov 2025 11:00:00 GMT", "ok"], [0.0]),
        (["429:soon", "ok"], [0.5]),
        (["429:-5", "ok"], [0.5]),
    ],
)
def test_retries_wait_as_they_are_told(
    native: LoopbackServer, fake: NativeFake, faults: list[str], waits: list[float]
) -> None:
    fake.faults[COPPER.text] = faults
    waited: list[float] = []
    with NativeServer(native.url, retries=3, sleep=waited.append, now=lambda: NOW) as target:
        assert target.ask(COPPER)["status"] == "answered"
    assert waited == waits


def test_retries_end(native: LoopbackServer, fake: NativeFake) -> None:
    fake.faults[COPPER.text] = ["429:2"]
    waited: list[float] = []
    with NativeServer(native.url, retries=2, sleep=waited.append) as target:
        error = failure_of(target)
    assert (error.kind, error.retry_after_s, waited) == ("rate_limited", 2.0, [2.0, 2.0])
    assert len(native.seen) == 3


def test_nobody_listens() -> None:
    with LoopbackServer(NativeFake()) as server:
        url = server.url
    with NativeServer(url) as target:
        assert failure_of(target).kind == "connection"


def test_many_threads_share_one_target(native: LoopbackServer) -> None:
    questions = data_set(40).questions
    with NativeServer(native.url) as target, ThreadPoolExecutor(8) as pool:
        records = list(pool.map(target.ask, questions))
    assert [record["question"] for record in records] == [question.text for question in questions]


def test_closing_frees_whoever_waits(native: LoopbackServer, fake: NativeFake) -> None:
    fake.faults[COPPER.text] = ["hang"]
    arrived = threading.Event()
    fake.gate = lambda _key: arrived.set()
    target = NativeServer(native.url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(target.ask, COPPER)
        assert arrived.wait(30)
        target.close()
        with pytest.raises(EvaluationError, match="closed meanwhile"):
            waiting.result(30)
    target.close()
    with pytest.raises(EvaluationError, match="this client is closed"):
        target.ask(COPPER)


def test_a_target_that_is_dropped_ends_its_thread(native: LoopbackServer) -> None:
    NativeServer(native.url).ask(LEAD)
    gc.collect()
    assert "eval-http" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8000", "ftp://x", "http://", "http://a b", "http://[::1", "http://h:99999", "http://ü"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(EvaluationError, match="is no URL of a server"):
        HttpClient(url, timeout_s=1, retries=0)


@pytest.mark.parametrize("url", ["http://me:pw@host", "http://host?q=1", "http://host#a"])
def test_a_url_with_more_than_an_address_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        HttpClient(url, timeout_s=1, retries=0)
    assert "pw" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"timeout_s": float("inf")},
        {"retries": -1},
        {"retries": 21},
        {"api_key": ""},
        {"api_key": "a\nb"},
    ],
)
def test_numbers_and_keys_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError):
        NativeServer("http://127.0.0.1:1", **wrong)


# In process


def test_in_process_gives_what_http_gives(native: LoopbackServer) -> None:
    inside = InProcess(Library())
    with NativeServer(native.url) as target:
        for question in data_set().questions:
            here, there = inside.ask(question), target.ask(question)
            varying = ("id", "timings_ms")
            assert {k: v for k, v in here.items() if k not in varying} == {
                k: v for k, v in there.items() if k not in varying
            }
            assert inside.search(question, 9) == target.search(question, 9)
        assert inside.document("..") == target.document("..")
    assert [(document.document_id, document.text) for document in inside.documents()] == list(
        DOCUMENTS.items()
    )
    assert inside.name == "in-process"
    assert inside.describe() == {
        "protocol": "in-process",
        "models": {"reader": "fake"},
        "index_version": "i1",
    }


def test_in_process_tells_failures_from_mistakes() -> None:
    library = Library()
    target = InProcess(library)
    library.raises[COPPER.text] = UnknownDocumentError("the catalog is gone")
    error = failure_of(target)
    assert (error.kind, str(error)) == ("engine", "UnknownDocumentError: the catalog is gone")
    with pytest.raises(TargetError) as caught:
        target.document("nowhere")
    assert caught.value.kind == "engine"
    library.raises[COPPER.text] = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        target.ask(COPPER)


# Chat

PLAIN: dict[str, Any] = {
    "id": "c1",
    "model": "m-2025",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Copper, in the hills."}}],
}


def message(content: object, **fields: object) -> dict[str, Any]:
    return {"model": "m-2025", "choices": [{"message": {"role": "assistant", "content": content, **fields}}]}


class ChatFake:
    """An OpenAI-compatible server whose API lies at `prefix`."""

    def __init__(self, reply: object, prefix: str = "/v1") -> None:
        self.reply = reply
        self.prefix = prefix

    def __call__(self, method: str, path: str, body: bytes) -> Reply:
        if (method, path) == ("GET", f"{self.prefix}/models"):
            return Reply(200, {"object": "list", "data": [{"id": "m-first"}, {"id": "m-second"}]})
        if (method, path) == ("POST", f"{self.prefix}/chat/completions"):
            return Reply(200, self.reply)
        return Reply(404, {"error": {"message": f"no {path}"}})


def chat_record(reply: object, **options: Any) -> dict[str, Any]:
    with LoopbackServer(ChatFake(reply)) as server, ChatServer(server.url, model="m", **options) as target:
        return target.ask(COPPER)


def test_a_plain_chat_answer_is_a_record_with_nulls() -> None:
    with LoopbackServer(ChatFake(PLAIN)) as server, ChatServer(f"{server.url}/v1") as target:
        assert target.describe() == {
            "protocol": "chat",
            "models": {"generator": "m-first"},
            "options": {},
            "abstention_pattern": None,
        }
        question = replace(COPPER, history=(Turn(role="assistant", content="Yes?"),))
        assert target.ask(question) == {
            "status": "answered",
            "question": COPPER.text,
            "standalone_question": None,
            "answer": "Copper, in the hills.",
            "short_answer": None,
            "answer_without_citations": "Copper, in the hills.",
            "confidence": None,
            "abstention": None,
            "citations": [],
            "missing": [],
            "disagreements": [],
            "withheld": None,
            "receipt": {"models": {"generator": "m-2025"}},
        }
        assert target.search(question, 5) is None
        target.document("x")
    assert [path for _, path, _, _ in server.seen] == ["/v1/models", "/v1/chat/completions"]
    assert json.loads(server.seen[1][3]) == {
        "model": "m-first",
        "messages": [{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": COPPER.text}],
        "stream": False,
    }


@pytest.mark.parametrize(("prefix", "path"), [("/v1", ""), ("/v1", "/v1"), ("", ""), ("/api/v1", "/api/v1")])
def test_the_api_is_found_with_and_without_its_path(prefix: str, path: str) -> None:
    with LoopbackServer(ChatFake(PLAIN, prefix)) as server, ChatServer(server.url + path) as target:
        assert target.ask(COPPER)["answer"] == "Copper, in the hills."
        assert target.ask(LEAD)["answer"] == "Copper, in the hills."
    assert [p for _, p, _, _ in server.seen][-2:] == [f"{prefix}/chat/completions"] * 2


def test_perplexity_citations_and_results_are_read() -> None:
    results: list[dict[str, Any]] = [
        {"title": "Hills", "url": "https://a.example/1", "date": "2025-01-02", "snippet": "Copper is there."},
        {"title": "Valley", "url": "https://a.example/2", "date": None, "snippet": ""},
        {"title": "Sea", "url": "https://a.example/3"},
    ]
    reply: dict[str, Any] = {
        **message("Copper[3] is in the hills [1]. In [2019] too [1]."),
        "citations": [result["url"] for result in results],
        "search_results": results,
    }
    with LoopbackServer(ChatFake(reply)) as server, ChatServer(server.url, model="sonar") as target:
        record = target.ask(COPPER)
        ranking = target.search(COPPER, 2)
        asked = len(server.seen)
        assert target.search(COPPER, 9) is not None  # taken once; asked anew
        assert len(server.seen) == asked + 1
    assert record["status"] == "answered"
    assert record["answer_without_citations"] == "Copper is in the hills. In [2019] too."
    nothing = {"start_char_index": None, "end_char_index": None, "document_id": None, "document_sha256": None}
    assert record["citations"] == [
        {
            **nothing,
            "number": 3,
            "cited_text": "",
            "document_title": "Sea",
            "publisher": None,
            "published_at": None,
            "url": "https://a.example/3",
            "answer_spans": [{"start": 0, "end": 6}],
        },
        {
            **nothing,
            "number": 1,
            "cited_text": "Copper is there.",
            "document_title": "Hills",
            "publisher": None,
            "published_at": "2025-01-02",
            "url": "https://a.example/1",
            "answer_spans": [{"start": 10, "end": 25}, {"start": 31, "end": 44}],
        },
    ]
    unknown: dict[str, Any] = {"document_id": None, "start": None, "end": None, "score": None}
    assert ranking == (
        RankedPassage(**unknown, text="Copper is there."),
        RankedPassage(**unknown, text=""),
    )


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Copper lies. [1][2] Tin lies [2].", {1: ["Copper lies."], 2: ["Copper lies.", "Tin lies"]}),
        ("Copper lies [1]. Tin lies. [3]", {1: ["Copper lies"], 3: ["Tin lies."]}),
        ("Copper [1] and tin [2] lie.", {1: ["Copper"], 2: ["and tin"]}),
        ("Zinc. Copper lies. [1]", {1: ["Copper lies."]}),
        ("[1] Copper lies.", {1: []}),
        ("In [4] and [0] and [a] nothing.", {}),
        ("Медь 🙂 лежит [2].\n\nTin. [2]", {2: ["Медь 🙂 лежит", "Tin."]}),
    ],
)
def test_a_marker_stands_for_the_words_before_it(text: str, spans: dict[int, list[str]]) -> None:
    found = marked_spans(text, 3)
    assert {n: [text[s["start"] : s["end"]] for s in mine] for n, mine in found.items()} == spans
    assert list(found) == list(spans)


def test_unmarked_citations_all_count() -> None:
    record = chat_record({**message("Copper."), "citations": ["https://a.example/1", "https://a.example/2"]})
    assert [(c["number"], c["url"]) for c in record["citations"]] == [
        (1, "https://a.example/1"),
        (2, "https://a.example/2"),
    ]


def test_annotations_come_before_other_lists() -> None:
    def cited(url: str, start: int | None, end: int | None) -> dict[str, Any]:
        return {
            "type": "url_citation",
            "url_citation": {"url": url, "title": f"T{url[-1]}", "start_index": start, "end_index": end},
        }

    reply = message(
        "Copper. Tin.",
        annotations=[
            cited("https://a.example/2", 0, 7),
            {"type": "file_citation", "file_id": "f"},
            cited("https://a.example/1", 8, 99),
            cited("https://a.example/2", 8, 12),
            cited("https://a.example/3", None, None),
        ],
    ) | {
        "citations": ["https://a.example/9"],
        "search_results": [{"url": "https://a.example/1", "snippet": "S"}],
    }
    record = chat_record(reply)
    assert [(c["number"], c["url"], c["document_title"], c["cited_text"]) for c in record["citations"]] == [
        (1, "https://a.example/2", "T2", ""),
        (2, "https://a.example/1", "T1", "S"),
        (3, "https://a.example/3", "T3", ""),
    ]
    assert [c["answer_spans"] for c in record["citations"]] == [
        [{"start": 0, "end": 7}, {"start": 8, "end": 12}],
        [],
        [],
    ]


def test_our_answer_record_is_taken_whole() -> None:
    ours: dict[str, Any] = Library().ask(COPPER.text, [])
    assert chat_record({**PLAIN, "answer_record": ours, "citations": ["http://x"]}) == ours
    with pytest.raises(TargetError, match="status is 'perhaps', not one of"):
        chat_record({**PLAIN, "answer_record": {**ours, "status": "perhaps"}})


@pytest.mark.parametrize(
    ("text", "pattern", "status"),
    [
        ("The sources do not say.", None, "abstained"),
        ("  В источниках об этом не сказано.\n", None, "abstained"),
        ("The sources do not say. But copper is red.", None, "answered"),
        ("I cannot answer that.", None, "answered"),
        ("I cannot answer that.", "(?i)^i cannot", "abstained"),
        ("Well, I cannot.", "(?i)^i cannot", "answered"),
    ],
)
def test_only_stated_sentences_or_the_pattern_abstain(text: str, pattern: str | None, status: str) -> None:
    record = chat_record({**message(text), "citations": ["https://a.example/1"]}, abstention_pattern=pattern)
    assert record["status"] == status
    if status == "abstained":
        assert record["citations"] == []
        assert record["abstention"]["reason"] is None
        assert [c["number"] for c in record["abstention"]["closest"]] == [None]
    else:
        assert record["abstention"] is None
        assert len(record["citations"]) == 1


def test_a_refusal_by_the_protocol_abstains() -> None:
    record = chat_record(message(None, refusal="I will not."))
    assert (record["status"], record["answer"]) == ("abstained", "I will not.")


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{"message": None}]},
        message(None),
        message(""),
        message(["part"]),
        message("\ud800"),
        {**message("Yes."), "citations": "https://a.example"},
        {**message("Yes."), "citations": [1]},
        {**message("Yes."), "search_results": {}},
        {**message("Yes."), "search_results": [{"title": "no url"}]},
        {**message("Yes."), "search_results": [{"url": "u", "snippet": 3}]},
        message("Yes.", annotations={}),
        message("Yes.", annotations=[{"type": "url_citation"}]),
        message(
            "Yes.", annotations=[{"type": "url_citation", "url_citation": {"url": "u", "start_index": "0"}}]
        ),
    ],
)
def test_a_malformed_chat_answer_is_a_failure(reply: dict[str, Any]) -> None:
    with pytest.raises(TargetError) as caught:
        chat_record(reply)
    assert caught.value.kind == "malformed"


def test_a_chat_server_that_refuses_says_why() -> None:
    said = Reply(400, {"error": {"message": "no such  model"}})
    with LoopbackServer(lambda *_: said) as server, ChatServer(f"{server.url}/v1", model="m") as target:
        error = failure_of(target)
    assert str(error).startswith("POST http://127.0.0.1:")
    assert str(error).endswith("/v1/chat/completions: status 400: no such model")


def test_a_chat_server_without_a_model_must_be_given_one() -> None:
    none = Reply(200, {"data": []})
    with (
        LoopbackServer(lambda *_: none) as server,
        ChatServer(server.url) as target,
        pytest.raises(TargetError, match="names no model; give its id with --model"),
    ):
        target.describe()


def test_chat_options_are_sent_and_described_but_cannot_replace_ours() -> None:
    with LoopbackServer(ChatFake(PLAIN)) as server:
        with ChatServer(server.url, model="m", options={"temperature": 0}) as target:
            target.ask(COPPER)
            assert target.describe()["options"] == {"temperature": 0}
        assert json.loads(server.seen[0][3])["temperature"] == 0
    with pytest.raises(EvaluationError, match="options may not set messages, model"):
        ChatServer("http://127.0.0.1:1", options={"model": "x", "messages": []})
    with pytest.raises(EvaluationError, match="no regular expression"):
        ChatServer("http://127.0.0.1:1", abstention_pattern="(")


# Which of the two


def test_detection_tells_native_from_chat(native: LoopbackServer) -> None:
    target = detect_target(native.url)
    assert isinstance(target, NativeServer)
    target.close()
    with LoopbackServer(ChatFake(PLAIN)) as server:
        chat = detect_target(server.url, abstention_pattern="x")
        assert isinstance(chat, ChatServer)
        assert chat.describe()["abstention_pattern"] == "x"
        chat.close()


@pytest.mark.parametrize(
    "reply", [Reply(404, {}), Reply(200, b"<p>hello</p>"), Reply(200, {}), Reply(302, b"", {"Location": "/"})]
)
def test_what_speaks_neither_protocol_is_told(reply: Reply) -> None:
    with (
        LoopbackServer(lambda *_: reply) as server,
        pytest.raises(EvaluationError, match="speaks neither /v1/ask nor chat completions"),
    ):
        detect_target(server.url)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_server_that_is_not_well_or_wants_a_key_is_not_judged(status: int) -> None:
    with LoopbackServer(lambda *_: Reply(status, {})) as server, pytest.raises(TargetError) as caught:
        detect_target(server.url, retries=0)
    assert caught.value.status == status


def test_detection_where_nobody_listens() -> None:
    with LoopbackServer(NativeFake()) as server:
        url = server.url
    with pytest.raises(TargetError, match="is the server running"):
        detect_target(url)
