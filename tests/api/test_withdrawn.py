"""Sources that were deleted or taken out of sight: stored answers show that, and nothing of them."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from api.conversations_schemas import FeedbackIn
from api.schemas import AnswerOut, AnswerSpanOut
from api.withdrawn import WITHDRAWN, lost_numbers, nothing_withheld, shown_record
from index.access import ANYBODY, OPERATOR, AccessRule, Viewer
from index.rules import set_access
from index.state import StateFolder
from tests.api.rights import Doc, Service, make_doc, seen_of, serving, serving_state
from tests.api.service import assert_problem, index_rows
from tests.api.stored import abstained, answered, cited

WHO = "user-1"
MINE = {"users": [WHO]}


def withholding(*gone: str) -> Any:
    def withheld(_viewer: Viewer, document_ids: Collection[str]) -> frozenset[str]:
        return frozenset(gone) & frozenset(document_ids)

    return withheld


def shown(record: AnswerOut, *gone: str) -> dict[str, Any]:
    return shown_record(record.model_dump(mode="json"), ANYBODY, withholding(*gone))


def two_sources() -> AnswerOut:
    """The bridge is cited first, the mill second and third, the third sentence resting on both."""
    first, second, third = "It opened in 1911.", "The mill burned.", "Both were rebuilt 🌊."
    answer = f"{first} [1]\n\n{second} [2] {third} [1] [2]"
    spans = [
        AnswerSpanOut(start=answer.index(s), end=answer.index(s) + len(s)) for s in (first, second, third)
    ]
    return answered(
        "What happened?",
        answer=answer,
        answer_without_citations=f"{first}\n\n{second} {third}",
        short_answer="1911",
        citations=[
            cited(1, 0, 36, answer_spans=[spans[0], spans[2]]),
            cited(
                2, 37, 50, answer_spans=[spans[1], spans[2]], document_id="mill", document_title="The mill"
            ),
        ],
        disagreements=[
            {
                "about": "the date",
                "sides": [{"value": "1911", "citations": [1]}, {"value": "1912", "citations": [2]}],
            }
        ],
    )


def test_where_nothing_is_withdrawn_the_record_is_the_very_same() -> None:
    record = two_sources().model_dump(mode="json")
    assert shown_record(record, ANYBODY, nothing_withheld) is record
    assert shown_record(record, ANYBODY, withholding("other")) is record


def test_only_the_sentences_of_a_withdrawn_source_go() -> None:
    record = shown(two_sources(), "mill")
    assert record["answer"] == "It opened in 1911. [1]\n\nSource withdrawn. [2] Source withdrawn. [1] [2]"
    assert record["answer_without_citations"] == "It opened in 1911.\n\nSource withdrawn. Source withdrawn."
    assert record["short_answer"] == "1911", "it stands in a quote that is still shown"
    assert record["disagreements"] == []
    assert lost_numbers(record) == {2}
    kept, gone = record["citations"]
    assert [record["answer"][s["start"] : s["end"]] for s in kept["answer_spans"]] == [
        "It opened in 1911.",
        "Source withdrawn.",
    ]
    assert [record["answer"][s["start"] : s["end"]] for s in gone["answer_spans"]] == [
        "Source withdrawn."
    ] * 2
    assert gone["withdrawn"] is True
    assert gone["document_title"] == "Source withdrawn."
    assert not any(
        gone[name] for name in ("cited_text", "document_id", "document_sha256", "viewer_url", "url")
    )
    assert (gone["publisher"], gone["published_at"], gone["prefix"], gone["suffix"]) == (None, None, "", "")
    text = str(record)
    assert "mill" not in text
    assert "1912" not in text


def test_a_short_answer_of_a_withdrawn_source_goes() -> None:
    record = shown(two_sources(), "bridge")
    assert record["short_answer"] is None
    assert "1911" not in str(record)


def test_the_words_are_those_of_the_questions_language() -> None:
    assert WITHDRAWN["ru"] in shown(answered("Когда открыли мост?"), "bridge")["answer"]


@pytest.mark.parametrize(
    "answer", ["Nobody wrote this. It opened in 1911. [1]", "It opened in 1911. [1] And more", "short", ""]
)
def test_an_answer_that_is_not_made_of_its_spans_goes_whole(answer: str) -> None:
    record = shown(two_sources().model_copy(update={"answer": answer}), "mill")
    assert record["answer"] == "Source withdrawn. [1] [2]"
    for citation in record["citations"]:
        (span,) = citation["answer_spans"]
        assert record["answer"][span["start"] : span["end"]] == "Source withdrawn."


def test_what_came_closest_goes_too() -> None:
    record = shown(abstained("Who?"), "bridge")
    (closest,) = record["abstention"]["closest"]
    assert (closest["number"], closest["cited_text"], closest["withdrawn"]) == (None, "", True)
    assert record["answer"] == "The sources do not say."
    assert "Aldergate" not in str(record)


def test_markers_and_citations_stay_together_whatever_is_withdrawn() -> None:
    rng = random.Random(5)
    for _ in range(300):
        numbers = list(range(1, rng.randint(2, 6)))
        answer = ""
        spans: dict[int, list[AnswerSpanOut]] = {number: [] for number in numbers}
        for _ in range(rng.randint(1, 6)):
            used = rng.sample(numbers, rng.randint(1, len(numbers)))
            sentence = rng.choice(["One.", "Two is [sic] odd.", "Три 🌊.", "4 of (7)."])
            answer += rng.choice([" ", "\n\n"]) if answer else ""
            span = AnswerSpanOut(start=len(answer), end=len(answer) + len(sentence))
            answer += sentence + "".join(f" [{number}]" for number in used)
            for number in used:
                spans[number].append(span)
        record = answered(
            "Q?",
            answer=answer,
            citations=[
                cited(n, 0, 5, document_id=f"d{n}", answer_spans=spans[n]) for n in numbers if spans[n]
            ],
        )
        gone = {f"d{number}" for number in numbers if rng.random() < 0.4}
        found = shown(record, *gone)
        assert re.findall(r"\[\d+\]", found["answer"]) == re.findall(r"\[\d+\]", answer)
        for citation in found["citations"]:
            for span in citation["answer_spans"]:
                said = found["answer"][span["start"] : span["end"]]
                assert said in {"One.", "Two is [sic] odd.", "Три 🌊.", "4 of (7).", "Source withdrawn."}
                assert not citation.get("withdrawn") or said == "Source withdrawn."


@pytest.fixture
def docs() -> list[Doc]:
    rng = random.Random(9)
    return [make_doc(0, rng, MINE), make_doc(1, rng, "public"), make_doc(2, rng, MINE)]


def take_away(service: Service, doc: Doc) -> None:
    assert set_access(StateFolder(service.state).catalog, doc.id, AccessRule())


def hold_nothing_of(service: Service, who: str, doc: Doc, conversation_id: str, answer_id: str) -> None:
    """Read back everything that was stored."""
    for path in (
        f"/v1/conversations/{conversation_id}",
        f"/v1/conversations/{conversation_id}/export",
        f"/v1/conversations/{conversation_id}/export?format=markdown",
        f"/v1/answers/{answer_id}",
    ):
        reply = service.get(who, path)
        assert reply.status == 200
        asked = reply.body.decode().replace(f"Who was {doc.marks[0].title()}?", "")
        assert seen_of([doc], asked) == [], path
        assert "Source withdrawn" in asked.replace("\\", ""), path


def test_a_revoked_source_is_gone_from_everything_that_was_stored(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        said = {"question": docs[0].sentences[0].split(" was")[0] + "?", "store": True}
        first = service.send(WHO, "/v1/ask", said).json()
        quoted = first["citations"][0]
        assert quoted["document_id"] == docs[0].id
        given = {"answer_id": first["id"], "rating": "up", "quote": quoted["cited_text"], "comment": "mine"}
        assert service.send(WHO, "/v1/feedback", given).status == 200
        conversation_id = first["conversation_id"]
        take_away(service, docs[0])
        hold_nothing_of(service, WHO, docs[0], conversation_id, first["id"])
        (turn,) = service.get(WHO, f"/v1/conversations/{conversation_id}").json()["turns"]
        assert turn["feedback"]["quote"] is None
        assert turn["feedback"]["comment"] == "mine"
        # A guess at what it said is not confirmed.
        guesses = [
            service.send(WHO, "/v1/feedback", {**given, "quote": quote})
            for quote in (quoted["cited_text"], "never said")
        ]
        details = [assert_problem(guess, 422, "feedback_invalid")["detail"] for guess in guesses]
        assert details[0] == details[1]
        # A later question leans on what may still be read, and on nothing else.
        principal = service.people[WHO]
        begun = service.app.state.conversations.begin(
            principal.subject, "And?", conversation_id, principal.viewer
        )
        assert [turn.role for turn in begun.history] == ["user", "assistant"]
        assert seen_of([docs[0]], begun.history[1].content) == []
        later = service.send(
            WHO, "/v1/ask", {"question": "And who else?", "conversation_id": conversation_id}
        ).json()
        assert seen_of([docs[0]], str(later)) == []
        # Who may read it again sees it again: nothing was destroyed.
        set_access(StateFolder(service.state).catalog, docs[0].id, AccessRule(users=frozenset({WHO})))
        assert service.get(WHO, f"/v1/answers/{first['id']}").json() == first


def test_a_deleted_source_is_gone_for_everybody_and_after_a_restart(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        said = {"question": docs[0].sentences[0].split(" was")[0] + "?", "store": True}
        kept = {who: service.send(who, "/v1/ask", said).json() for who in (WHO, "operator")}
        for record in kept.values():
            assert record["citations"][0]["document_id"] == docs[0].id
        assert (
            service.send(
                "operator", "/v1/feedback", {"answer_id": kept["operator"]["id"], "rating": "up"}
            ).status
            == 200
        )
        index_rows(tmp_path, [doc.row for doc in docs[1:]], prune=True)
        for who, record in kept.items():
            hold_nothing_of(service, who, docs[0], record["conversation_id"], record["id"])
        rows = list(service.app.state.feedback.rows())
        assert seen_of([docs[0]], str(rows)) == []
    with serving_state(tmp_path / "state", docs) as service:
        for who, record in kept.items():
            hold_nothing_of(service, who, docs[0], record["conversation_id"], record["id"])


def test_a_standalone_question_with_words_of_a_withdrawn_answer_shows_only_what_was_asked(
    docs: list[Doc], tmp_path: Path
) -> None:
    with serving(tmp_path, docs) as service:
        said = {"question": docs[0].sentences[0].split(" was")[0] + "?", "store": True}
        first = service.send(WHO, "/v1/ask", said).json()
        conversations = service.app.state.conversations
        subject = service.people[WHO].subject
        begun = conversations.begin(subject, "And then?", first["conversation_id"])
        leaning = answered("And then?", standalone_question=f"And then? {docs[0].marks[0]}", citations=[])
        conversations.complete(begun, leaning)
        # One turn further on it is still those words that were put in.
        begun = conversations.begin(subject, "And after that?", first["conversation_id"])
        further = answered(
            "And after that?", standalone_question=f"And after that? {docs[0].marks[0]}", citations=[]
        )
        conversations.complete(begun, further)
        take_away(service, docs[0])
        read = service.get(WHO, f"/v1/conversations/{first['conversation_id']}").json()
        assert read["turns"][1]["standalone_question"] == "And then?"
        assert read["turns"][2]["standalone_question"] == "And after that?"
        assert read["turns"][1]["answer"]["standalone_question"] == "And then?"
        assert service.get(WHO, f"/v1/answers/{leaning.id}").json()["standalone_question"] == "And then?"
        assert docs[0].marks[0] in str(conversations.read(subject, first["conversation_id"], OPERATOR))


def test_rules_that_cannot_be_read_show_nothing_that_was_stored(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        first = service.send(WHO, "/v1/ask", {"question": docs[0].sentences[0], "store": True}).json()
        StateFolder(service.state).catalog.write_bytes(b"no database at all" * 1000)
        for path in (
            f"/v1/answers/{first['id']}",
            f"/v1/conversations/{first['conversation_id']}",
            "/v1/documents",
        ):
            assert_problem(service.get(WHO, path), 503, "access_unreadable")
        assert_problem(service.send(WHO, "/v1/ask", {"question": "Who?"}), 503, "access_unreadable")
        assert_problem(service.send(WHO, "/v1/search", {"query": "Who?"}), 503, "access_unreadable")


def test_feedback_without_a_viewer_trusts_nobody(docs: list[Doc], tmp_path: Path) -> None:
    with serving(tmp_path, docs) as service:
        first = service.send(WHO, "/v1/ask", {"question": docs[0].sentences[0]}).json()
        subject = service.people[WHO].subject
        assert lost_numbers(service.app.state.conversations.answer(subject, first["id"])) != frozenset()
        given = service.app.state.feedback.give(
            subject, FeedbackIn(answer_id=first["id"], rating="up", citation_number=1)
        )
        assert given.citation_number == 1
