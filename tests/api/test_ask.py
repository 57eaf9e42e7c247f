"""`POST /v1/ask`: every promise of the contract, held by a checker that trusts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.checker import NO_ANSWER, check_document, check_record
from tests.api.corpus import DOTTED, PERCENT, SLASHED, UNICODE
from tests.api.service import (
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    getter,
    post,
    settings_for,
)

SEED_QUESTIONS = (
    "How many carts cross the bridge?",
    "Why do Central Asian leaders meet Trump in Washington?",
    "Which critical minerals does Kazakhstan have?",
    "Какие соглашения подписал Казахстан?",
    "?!",
)


@pytest.fixture(scope="module")
def refusing(small_state: Path) -> Iterator[TestClient]:
    with client_of(
        create_app(settings_for(small_state), engine=SmallEngine(small_state, always=False))
    ) as found:  # type: ignore[arg-type]
        yield found


@pytest.fixture(scope="module")
def real(seeds_state: Path) -> Iterator[TestClient]:
    """The service as it starts: its own engine, the real models, the seeds."""
    with client_of(create_app(settings_for(seeds_state))) as found:
        yield found


def ask(client: TestClient, question: str, **fields: Any) -> dict[str, Any]:
    reply = post(client, "/v1/ask", {"question": question, **fields})
    assert reply.status == 200, reply.body
    assert_clean(reply)
    assert reply["content-type"] == "application/json"
    record: dict[str, Any] = reply.json()
    check_record(getter(client), record)
    return record


@pytest.mark.parametrize("question", SEED_QUESTIONS)
def test_the_real_service_keeps_every_promise(real: TestClient, question: str) -> None:
    record = ask(real, question)
    assert record["question"] == question
    assert record["standalone_question"] == question
    assert record["receipt"]["models"]["generator"] is None
    assert record["receipt"]["software"] == "0.1.0"
    assert {"total", "retrieve", "read", "verify"} <= set(record["timings_ms"])


def test_the_same_question_has_the_same_answer(real: TestClient) -> None:
    one, other = (ask(real, SEED_QUESTIONS[1]) for _ in range(2))
    assert one["id"] != other["id"]
    for record in (one, other):
        del record["id"], record["timings_ms"]
    assert one == other


@pytest.mark.parametrize(
    ("question", "document_id", "quoted"),
    [
        ("Who was the engineer of the Aldergate bridge?", "bridge", "Ottoline Graves"),
        ("What did the keeper of the lighthouse write in green ink?", SLASHED, "green ink"),
        ("Что затопила река Ольшанка?", UNICODE, "мельницу 🌊🏚️"),
        ("Cafe\u0301 «Вода»", UNICODE, "Café «Вода»"),
        ("How many kinds of quince has the orchard of Pemberley?", DOTTED, "sixty kinds of quince"),
        ("Why did the mint stop striking copper groats?", PERCENT, "copper groats"),
    ],
)
def test_quotes_hold_in_any_script(small: TestClient, question: str, document_id: str, quoted: str) -> None:
    record = ask(small, question)
    assert record["status"] == "answered"
    best = record["citations"][0]
    assert best["document_id"] == document_id
    assert quoted in best["cited_text"]
    assert quoted in record["answer"]
    assert best["answer_spans"][0]["start"] == 0


def test_a_source_with_carriage_returns_is_quoted_by_its_canonical_offsets(small: TestClient) -> None:
    record = ask(small, "Nobody read what the lighthouse keeper wrote")
    document = check_document(getter(small), SLASHED, record["citations"][0]["viewer_url"])
    assert document["text"].split("\n")[2] == "Nobody read it."


def test_markers_of_a_source_stay_in_the_quote_and_out_of_the_answer(small: TestClient) -> None:
    record = ask(small, "Who was the engineer Ottoline Graves who refused every honour?", max_citations=1)
    (citation,) = record["citations"]
    assert "[7][8]" in citation["cited_text"]
    assert "[7]" not in record["answer"]
    assert record["answer"].endswith(" [1]")
    assert "refused every honour." in record["answer_without_citations"]


def test_only_web_addresses_are_shown(small: TestClient) -> None:
    shown = {}
    for question in (
        "bridge toll flood",
        "lighthouse barrels of oil",
        "orchard quince",
        "mint copper groats",
    ):
        citation = ask(small, question)["citations"][0]
        shown[citation["document_id"]] = citation["url"]
    assert shown == {
        "bridge": "https://press.example/bridge",
        SLASHED: None,
        DOTTED: "HTTP://orchard.example/diary",
        PERCENT: None,
    }


@pytest.mark.parametrize("most", [1, 2, 20])
def test_no_more_citations_than_wanted(small: TestClient, most: int) -> None:
    record = ask(small, "What of the bridge, the lighthouse, the orchard and the mint?", max_citations=most)
    assert 1 <= len(record["citations"]) <= most


@pytest.mark.parametrize("most", [0, 21, -1])
def test_citations_out_of_bounds_are_refused(small: TestClient, most: int) -> None:
    content = assert_problem(
        post(small, "/v1/ask", {"question": "x", "max_citations": most}), 422, "invalid_fields"
    )
    assert content["errors"][0]["path"] == ["body", "max_citations"]


@pytest.mark.parametrize("mode", ["auto", "extractive"])
def test_modes_that_need_no_language_model(small: TestClient, mode: str) -> None:
    assert ask(small, "bridge", mode=mode)["status"] == "answered"


def test_generative_mode_needs_a_language_model(small: TestClient) -> None:
    content = assert_problem(
        post(small, "/v1/ask", {"question": "x", "mode": "generative"}), 409, "generator_not_configured"
    )
    assert "language model" in content["detail"]
    assert "extractive" in content["detail"]


# Abstaining


@pytest.mark.parametrize(
    ("question", "language"),
    [("Who built the bridge?", "en"), ("Кто построил мост?", "ru"), ("1911?", "en")],
)
def test_an_abstention_is_one_fixed_sentence_and_no_citation(
    refusing: TestClient, question: str, language: str
) -> None:
    record = ask(refusing, question)
    assert record["status"] == "abstained"
    assert record["answer"] == NO_ANSWER[language]
    assert record["abstention"]["reason"] == "not_supported"
    assert record["abstention"]["probability"] == pytest.approx(1 - 1 / (1 + 2.718281828**8), abs=1e-5)
    assert 1 <= len(record["abstention"]["closest"]) <= 3


def test_weak_evidence_is_told_apart_from_none(small_state: Path) -> None:
    # The probability is 0.00034 whatever is asked: just below one threshold, far below the other.
    engine = SmallEngine(small_state, always=False, threshold=0.0005)
    with client_of(create_app(settings_for(small_state), engine=engine)) as client:  # type: ignore[arg-type]
        assert ask(client, "Who built the bridge?")["abstention"]["reason"] == "below_threshold"


@pytest.mark.parametrize(
    "filters",
    [
        {"document_ids": ["no-such-document"]},
        {"publishers": ["example press"]},
        {"languages": ["de"]},
        {"published_from": "2025-01-01"},
        {"published_to": "2021-12-31"},
        {"published_from": "2024-03-02", "published_to": "2024-03-01"},
        {"document_ids": ["bridge"], "publishers": ["Harbour Board"]},
    ],
)
def test_filters_that_leave_nothing_abstain(small: TestClient, filters: dict[str, Any]) -> None:
    record = ask(small, "Who built the bridge?", filters=filters)
    assert record["status"] == "abstained"
    assert record["abstention"] == {
        "reason": "no_passages",
        "probability": 1.0,
        "closest": [],
        "explanation": None,
    }
    found = post(small, "/v1/search", {"query": "Who built the bridge?", "filters": filters})
    assert (found.status, found.json()) == (200, {"passages": [], "notice": None})


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, {"bridge", SLASHED, UNICODE, DOTTED, PERCENT}),
        ({"document_ids": None, "publishers": None}, {"bridge", SLASHED, UNICODE, DOTTED, PERCENT}),
        ({"document_ids": [SLASHED, UNICODE, "none"]}, {SLASHED, UNICODE}),
        ({"publishers": ["Example Press"]}, {"bridge", PERCENT}),
        ({"languages": ["ru"]}, {UNICODE}),
        # Bounds are inclusive, times of day do not count, documents without a date fail.
        ({"published_from": "2024-03-01"}, {"bridge", SLASHED}),
        ({"published_to": "2023-12-31"}, {UNICODE, PERCENT}),
        ({"published_from": "2024-07-15", "published_to": "2024-07-15"}, {SLASHED}),
        ({"published_from": "2024-03-01T23:59:59Z", "published_to": "2024-03-01"}, {"bridge"}),
    ],
)
def test_filters_hold_for_answers_and_for_search(
    small: TestClient, filters: dict[str, Any], left: set[str]
) -> None:
    question = "bridge lighthouse orchard mint Ольшанка"
    found = post(small, "/v1/search", {"query": question, "filters": filters, "k": 100}).json()["passages"]
    assert {passage["document_id"] for passage in found} == left
    cited = {c["document_id"] for c in ask(small, question, filters=filters, max_citations=20)["citations"]}
    assert cited
    assert cited <= left


# The conversation before


def test_history_makes_a_leaning_question_stand_alone(small: TestClient) -> None:
    history = [
        {"role": "user", "content": "Tell me of the  Aldergate bridge."},
        {"role": "assistant", "content": "It opened in 1911."},
    ]
    record = ask(small, "Who was its engineer?", history=history)
    assert record["question"] == "Who was its engineer?"
    assert record["standalone_question"] == "Who was its engineer? (about: Aldergate bridge)"
    assert record["citations"][0]["document_id"] == "bridge"


@pytest.mark.parametrize(
    ("question", "history"),
    [
        (
            "How many barrels of oil did the Corran lighthouse burn?",
            [{"role": "user", "content": "The bridge?"}],
        ),
        ("Who was its engineer?", [{"role": "assistant", "content": "The bridge."}]),
        ("Who was its engineer?", []),
    ],
)
def test_history_that_is_not_needed_changes_nothing(
    small: TestClient, question: str, history: list[dict[str, str]]
) -> None:
    assert ask(small, question, history=history)["standalone_question"] == question


def test_history_may_be_long_and_dirty(small: TestClient) -> None:
    turns = [{"role": "user", "content": "\x00\x1b[31m bridge " + "я" * 19_000}] + [
        {"role": "assistant", "content": ""}
    ] * 19
    assert ask(small, "Who built it?", history=turns)["question"] == "Who built it?"
    too_many = post(small, "/v1/ask", {"question": "x", "history": [turns[-1]] * 21})
    assert assert_problem(too_many, 422, "invalid_fields")["errors"][0]["path"] == ["body", "history"]


# Search


def test_search_returns_the_documents_own_characters(small: TestClient) -> None:
    reply = post(small, "/v1/search", {"query": "lighthouse ink bridge мельницу"})
    assert_clean(reply)
    passages = reply.json()["passages"]
    assert [passage["rank"] for passage in passages] == list(range(1, len(passages) + 1))
    scores = [passage["score"] for passage in passages]
    assert scores == sorted(scores, reverse=True)
    for passage in passages:
        document = check_document(getter(small), passage["document_id"], passage["viewer_url"])
        start, end = passage["start_char_index"], passage["end_char_index"]
        assert document["text"][start:end] == passage["text"] != ""
        assert passage["document_sha256"] == document["document_sha256"]
        assert passage["document_title"] == document["title"]
        assert passage["viewer_url"].endswith(f"?quote={start}-{end}")


@pytest.mark.parametrize("k", [1, 2, 100])
def test_search_returns_no_more_than_wanted(small: TestClient, k: int) -> None:
    found = post(small, "/v1/search", {"query": "bridge lighthouse", "k": k}).json()["passages"]
    assert len(found) == min(k, 5)


@pytest.mark.parametrize("k", [0, 101, -5])
def test_search_bounds_are_held(small: TestClient, k: int) -> None:
    assert_problem(post(small, "/v1/search", {"query": "x", "k": k}), 422, "invalid_fields")
