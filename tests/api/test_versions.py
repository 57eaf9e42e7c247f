"""Documents that change after they were quoted, and copies of one story, on every route that shows them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.replay import changed_sources
from api.schemas import AnswerOut, AnswerSpanOut
from api.terminal import show_answer
from api.withdrawn import lost_numbers, nothing_withheld, shown_record
from index.access import ANYBODY
from index.canonical import canonical_text
from index.types import sha256_text
from index.versions import Change, Cited, StoredVersion
from tests.api.copies import STORY, TOLL, rows
from tests.api.rights import Doc, Service, serving
from tests.api.service import GatedScorer, Reply, SmallEngine, assert_problem, index_rows
from tests.api.sse_reader import chunks, events
from tests.api.stored import TEXT, abstained, answered, cited

WHO = "user-1"
OLD = "0" * 64


# A stored record, by itself


def changes(text: str, *ids: str, before: StoredVersion | None = None) -> Any:
    now = StoredVersion(version=4, sha256=sha256_text(text), stored_at=1_760_000_000_000, length=len(text))

    def since(asked: Any) -> dict[Cited, Change]:
        return {one: Change(before=before, now=now, text=text) for one in asked if one[0] in ids}

    return since


def shown(record: AnswerOut, since: Any) -> dict[str, Any]:
    return shown_record(record.model_dump(mode="json"), ANYBODY, nothing_withheld, since)


def two_sentences() -> AnswerOut:
    """Each of the two sentences rests on a quote of its own."""
    spans = (AnswerSpanOut(start=0, end=36), AnswerSpanOut(start=41, end=41 + len(TEXT) - 37))
    record = answered("What happened?")
    quotes = [cited(1, 0, 36, answer_spans=[spans[0]]), cited(2, 37, len(TEXT), answer_spans=[spans[1]])]
    return record.model_copy(update={"citations": quotes})


def test_a_quote_that_stands_at_its_place_is_verified_against_the_text_of_now() -> None:
    text = f"{TEXT} Nobody remembers why."
    record = shown(answered("What happened?"), changes(text, "bridge"))
    assert record["answer"] == answered("What happened?").answer
    assert lost_numbers(record) == frozenset()
    for citation in record["citations"]:
        start, end = citation["start_char_index"], citation["end_char_index"]
        assert text[start:end] == citation["cited_text"]
        assert citation["document_sha256"] == sha256_text(text)
        assert (citation["prefix"], citation["suffix"]) == (
            text[max(0, start - 64) : start],
            text[end : end + 64],
        )
        assert citation["verification"] == {"status": "verified", "method": "exact"}
        assert citation["document_version"] == 4
        assert citation["note"] == "The source has changed elsewhere since."
        assert citation["source_changed"]["from"] == {"version": None, "sha256": OLD, "stored_at": None}
        assert citation["source_changed"]["to"]["stored_at"] == "2025-10-09T08:53:20.000Z"


def test_of_a_quote_that_does_not_stand_there_no_word_is_shown() -> None:
    text = "The Aldergate bridge opened in 1912. Its engineer was Ottoline Graves."
    was = StoredVersion(version=2, sha256=OLD, stored_at=1_750_000_000_000, length=70)
    record = shown(two_sentences(), changes(text, "bridge", before=was))
    assert record["answer"] == f"The source has changed since. [1] {TEXT[37:]} [2]"
    assert record["short_answer"] is None
    assert lost_numbers(record) == {1}
    gone, kept = record["citations"]
    assert kept["verification"]["status"] == "verified"
    assert (gone["cited_text"], gone["prefix"], gone["suffix"], gone["moved_to"]) == ("", "", "", None)
    assert gone["verification"] == {"status": "changed", "method": "exact"}
    assert gone["note"] == "The source has changed since."
    assert (gone["document_id"], gone["document_title"]) == ("bridge", "The bridge")
    assert (gone["document_sha256"], gone["document_version"]) == (OLD, 2)
    assert gone["source_changed"]["from"] == {
        "version": 2,
        "sha256": OLD,
        "stored_at": "2025-06-15T15:06:40.000Z",
    }
    assert gone["viewer_url"] == f"/d/bridge?quote=0-36&sha256={'0' * 16}"
    assert "1911" not in json.dumps(record)


def test_words_that_moved_are_told_of_and_not_moved() -> None:
    text = f"A new line 🌊.\n{TEXT}"
    record = shown(two_sentences(), changes(text, "bridge"))
    assert record["answer_without_citations"] == "The source has changed since. The source has changed since."
    for citation, words in zip(record["citations"], (TEXT[:36], TEXT[37:]), strict=True):
        moved = citation["moved_to"]
        assert text[moved["start_char_index"] : moved["end_char_index"]] == words
        assert (moved["document_sha256"], moved["document_version"]) == (sha256_text(text), 4)
        assert moved["viewer_url"] == f"/d/bridge?quote={moved['start_char_index']}-{moved['end_char_index']}"
        assert citation["cited_text"] == ""
    twice = shown(two_sentences(), changes(f"{text}\n{TEXT}", "bridge"))
    assert [citation["moved_to"] for citation in twice["citations"]] == [None, None]


def test_what_came_closest_and_russian_words() -> None:
    record = shown(abstained("Когда открыли мост?"), changes("Другое.", "bridge"))
    (closest,) = record["abstention"]["closest"]
    assert (closest["number"], closest["cited_text"]) == (None, "")
    assert closest["note"] == "С тех пор источник изменился."


def test_a_sentence_of_a_withdrawn_and_a_changed_source_says_withdrawn() -> None:
    answer = "Both. [1] [2]"
    spans = [{"start": 0, "end": 5}]
    record = answered(
        "What happened?",
        answer=answer,
        citations=[cited(1, 0, 36), cited(2, 0, 36, document_id="mill")],
    ).model_dump(mode="json")
    for citation in record["citations"]:
        citation["answer_spans"] = spans
    found = shown_record(record, ANYBODY, lambda _viewer, _ids: frozenset({"mill"}), changes("x", "bridge"))
    assert found["answer"] == "Source withdrawn. [1] [2]"
    assert [c["verification"]["status"] for c in found["citations"]] == ["changed", "withdrawn"]


def test_copies_that_changed_or_may_not_be_read_are_named_no_more() -> None:
    record = answered("What happened?").model_dump(mode="json")
    names = ("kept", "changed", "gone")
    for citation in record["citations"]:
        citation["also_published_by"] = [{"document_id": n, "document_sha256": OLD} for n in names]
    found = shown_record(
        record, ANYBODY, lambda _viewer, ids: frozenset({"gone"}) & frozenset(ids), changes("x", "changed")
    )
    assert found["answer"] == record["answer"]
    for citation in found["citations"]:
        assert [copy["document_id"] for copy in citation["also_published_by"]] == ["kept"]


@settings(max_examples=150)
@given(
    before=st.text("aб🌊\u0301\n ", max_size=12), after=st.text("aб🌊\u0301\n ", max_size=12), data=st.data()
)
def test_what_is_shown_as_verified_stands_there(before: str, after: str, data: st.DataObject) -> None:
    quoted = "мост 🌊 e\u0301"
    old = before + quoted + after
    new = data.draw(
        st.sampled_from([old, after + quoted + before, before + after, old + "!", "!" + old, quoted + old])
    )
    start = len(before)
    record = answered(
        "What?",
        citations=[
            cited(
                1,
                0,
                36,
                cited_text=quoted,
                start_char_index=start,
                end_char_index=start + len(quoted),
                document_sha256=sha256_text(old),
            )
        ],
    )
    since = changes(new, "bridge") if new != old else changes(new)
    (citation,) = shown(record, since)["citations"]
    span = slice(citation["start_char_index"], citation["end_char_index"])
    if citation["verification"]["status"] == "verified":
        assert new[span] == citation["cited_text"] == quoted
        assert citation["document_sha256"] == sha256_text(new)
    else:
        assert citation["cited_text"] == ""
        assert new[start : start + len(quoted)] != quoted
        moved = citation["moved_to"]
        places = [n for n in range(len(new)) if new.startswith(quoted, n)]
        assert places == [moved["start_char_index"]] if moved else len(places) != 1


# The service


def docs() -> list[Doc]:
    return [Doc(row=row, sentences=(), marks=()) for row in rows()]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, docs()) as found:
        yield found


def replace(service: Service, document_id: str, text: str | None) -> None:
    """Index the rows with another text for one document (`None`: without it), and open the new generation."""
    found = [row if row["id"] != document_id else {**row, "text": text} for row in rows()]
    index_rows(service.state.parent, [row for row in found if row["text"] is not None], prune=True)
    service.engine.refresh()


def ask(service: Service, question: str = TOLL, who: str = WHO, **more: Any) -> dict[str, Any]:
    reply = service.send(who, "/v1/ask", {"question": question, **more})
    assert reply.status == 200
    record: dict[str, Any] = reply.json()
    return record


def text_of(service: Service, document_id: str) -> str:
    found = service.get("operator", f"/v1/documents/{document_id}").json()
    assert sha256_text(found["text"]) == found["document_sha256"]
    text: str = found["text"]
    return text


def test_a_replaced_source_is_shown_as_changed_everywhere(service: Service) -> None:
    first = ask(service, store=True)
    quoted = first["citations"][0]
    assert (quoted["document_id"], quoted["document_version"], quoted["cited_text"]) == (
        "agency",
        1,
        STORY[2],
    )
    given = {"answer_id": first["id"], "rating": "up", "quote": quoted["cited_text"]}
    assert service.send(WHO, "/v1/feedback", given).status == 200
    replace(service, "agency", "\n\n".join(STORY).replace("two pence", "three pence"))
    kept = service.get(WHO, f"/v1/answers/{first['id']}").json()
    told = kept["citations"][0]
    assert told["verification"]["status"] == "changed"
    assert told["source_changed"]["from"]["version"] == 1
    assert told["source_changed"]["from"]["sha256"] == quoted["document_sha256"] == told["document_sha256"]
    assert told["source_changed"]["from"]["stored_at"] is not None
    assert told["source_changed"]["to"]["version"] == 2
    assert kept["answer"].startswith("The source has changed since. [1]")
    conversation = f"/v1/conversations/{first['conversation_id']}"
    (turn,) = service.get(WHO, conversation).json()["turns"]
    assert turn["answer"] == kept
    assert turn["feedback"]["quote"] is None
    exported = service.get(WHO, f"{conversation}/export").json()
    assert exported["turns"][0]["answer"] == kept
    markdown = service.get(WHO, f"{conversation}/export?format=markdown").body.decode()
    assert "*The source has changed since.*" in markdown
    assert f"sha256 `{quoted['document_sha256']}`" in markdown
    for place in (kept, turn["answer"], markdown):
        assert "two pence" not in str(place)
    # Nothing confirms a guess at what it said.
    assert_problem(service.send(WHO, "/v1/feedback", given), 422, "feedback_invalid")
    # A later question does not lean on words that are gone.
    begun = service.app.state.conversations.begin(
        service.people[WHO].subject, "And?", first["conversation_id"], service.people[WHO].viewer
    )
    assert "two pence" not in begun.history[1].content
    rows_of_feedback = list(service.app.state.feedback.rows())
    assert "two pence" not in str(rows_of_feedback)
    page = service.get(WHO, told["viewer_url"])
    assert page.status == 200
    assert "The source has changed" in page.body.decode()
    assert "<mark" not in page.body.decode()


def test_replaced_twice_and_back_the_old_answer_is_right_again(service: Service) -> None:
    first = ask(service)
    original = text_of(service, "agency")
    other = "\n\n".join(STORY).replace("two pence", "three pence")
    seen = []
    for text in (other, other.replace("three", "four"), rows()[0]["text"]):
        replace(service, "agency", text)
        found = service.get(WHO, f"/v1/answers/{first['id']}").json()
        head = service.get(WHO, "/v1/documents/agency").json()
        seen.append((head["version"], found["citations"][0]["verification"]["status"]))
    assert seen == [(2, "changed"), (3, "changed"), (4, "verified")]
    assert found == first, "the very record"
    assert text_of(service, "agency") == original
    assert sha256_text(original) == first["citations"][0]["document_sha256"]
    again = ask(service)
    assert (again["citations"][0]["document_version"], again["answer"]) == (4, first["answer"])


def test_a_change_elsewhere_is_noted_and_the_quote_stays(service: Service) -> None:
    first = ask(service, store=True)
    replace(service, "agency", "\n\n".join(STORY) + "\n\nCorrected on Tuesday by the editors of the agency.")
    kept = service.get(WHO, f"/v1/answers/{first['id']}").json()
    assert kept["answer"] == first["answer"]
    told = kept["citations"][0]
    assert told["note"] == "The source has changed elsewhere since."
    text = text_of(service, "agency")
    assert text[told["start_char_index"] : told["end_char_index"]] == told["cited_text"] == STORY[2]
    assert told["document_sha256"] == sha256_text(text)
    page = service.get(WHO, told["viewer_url"]).body.decode()
    assert '<mark id="quote"' in page
    exported = service.get(WHO, f"/v1/conversations/{first['conversation_id']}/export?format=markdown")
    assert "The source has changed elsewhere since" in exported.body.decode()


def test_removed_and_back_counts_on(service: Service) -> None:
    first = ask(service)
    replace(service, "agency", None)
    gone = service.get(WHO, f"/v1/answers/{first['id']}").json()
    assert gone["citations"][0]["verification"]["status"] == "withdrawn"
    assert "agency" not in str(gone)
    replace(service, "agency", rows()[0]["text"])
    assert service.get(WHO, f"/v1/answers/{first['id']}").json() == first
    head = service.get(WHO, "/v1/documents/agency").json()
    assert (head["version"], head["document_sha256"]) == (2, first["citations"][0]["document_sha256"])
    assert head["first_stored_at"] < head["stored_at"]
    listed = {d["document_id"]: d for d in service.get(WHO, "/v1/documents").json()["documents"]}
    assert {name: d["version"] for name, d in listed.items()} == {
        "agency": 2, "courier": 1, "circular": 1, "orchard": 1,
    }  # fmt: skip
    assert listed["agency"] == {k: v for k, v in head.items() if k in listed["agency"]}


def test_an_answer_is_of_the_version_that_was_there_when_it_began(tmp_path: Path) -> None:
    with serving(tmp_path, docs()) as service:
        scorer = GatedScorer()
        engine = SmallEngine(service.state, scorer)
        engine.refresh()
        service.app.state.engine = engine
        replies: list[Reply] = []
        asking = threading.Thread(
            target=lambda: replies.append(service.send(WHO, "/v1/ask", {"question": TOLL}))
        )
        asking.start()
        assert scorer.begun.acquire(timeout=20)
        replace(service, "agency", "\n\n".join(STORY).replace("two pence", "three pence"))
        assert engine.refresh()
        scorer.gate.set()
        asking.join(30)
        record = replies[0].json()
        quoted = record["citations"][0]
        assert (quoted["document_version"], quoted["cited_text"]) == (1, STORY[2])
        assert quoted["document_sha256"] == sha256_text(canonical_text("\n\n".join(STORY), "agency"))
        assert {c["document_version"] for c in record["citations"]} == {1}
        kept = service.get(WHO, f"/v1/answers/{record['id']}").json()
        assert kept["citations"][0]["verification"]["status"] == "changed"
        later = ask(service)
        versions = {c["document_id"]: c["document_version"] for c in later["citations"]}
        assert versions == {"courier": 1, "agency": 2}, "another value is evidence of its own"
        assert "three pence" in later["answer"]


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ("quote=0-5&version=1", True),
        ("quote=0-5&version=2", False),
        ("quote=0-5&sha256={old}", True),
        ("quote=0-5&sha256={new}", False),
        ("quote=0-999999&version=1", True),
        ("version=1", True),
        ("quote=0-5&version=1&sha256={new}", False),
        ("quote=0-5", False),
    ],
)
def test_a_link_to_another_text_marks_nothing(service: Service, query: str, changed: bool) -> None:
    old = sha256_text(text_of(service, "orchard"))
    replace(service, "orchard", "Quinces <b>again</b>, and eleven kinds of them stand in rows at Pemberley.")
    new = sha256_text(text_of(service, "orchard"))
    page = service.get(WHO, "/d/orchard?" + query.format(old=old[:8], new=new[:8]))
    assert page.status == 200
    body = page.body.decode()
    assert ("The source has changed" in body) == changed
    assert ('<mark id="quote"' in body) == (not changed and "quote" in query)
    assert ("version 2" in body) == changed


@pytest.mark.parametrize(
    "query", ["version=0", "version=x", "sha256=abc", "sha256=" + "G" * 8, "quote=x&version=1"]
)
def test_a_link_that_means_nothing_is_refused(service: Service, query: str) -> None:
    assert service.get(WHO, f"/d/orchard?{query}").status == 422


def test_the_copies_of_a_story_are_told_to_those_who_may_read_them(service: Service) -> None:
    for who, expected in (("user-2", ["courier"]), (WHO, ["courier", "circular"])):
        record = ask(service, who=who)
        copies = record["citations"][0]["also_published_by"]
        assert [copy["document_id"] for copy in copies] == expected
        for copy in copies:
            text = text_of(service, copy["document_id"])
            assert (
                text[copy["start_char_index"] : copy["end_char_index"]]
                == record["citations"][0]["cited_text"]
            )
            assert copy["document_sha256"] == sha256_text(text)
            assert copy["url"] is None
            page = service.get(who, copy["viewer_url"])
            assert page.status == 200
        found = service.get(who, "/v1/documents/agency")
        assert [other["document_id"] for other in found.json()["also_published_by"]] == expected
        assert [other["same"] for other in found.json()["also_published_by"]] == ["near"] * len(expected)
        shown_page = service.get(who, "/d/agency").body.decode()
        assert "Also published by" in shown_page
        for said in (json.dumps(record), found.body.decode(), shown_page):
            assert ("anzig" in said) == (who == WHO)
    assert service.get(WHO, "/v1/documents/orchard").json()["also_published_by"] == []
    assert "Also published by" not in service.get(WHO, "/d/orchard").body.decode()


def test_a_copy_that_is_taken_away_is_named_no_more_in_what_was_stored(service: Service) -> None:
    from index.access import AccessRule
    from index.rules import set_access
    from index.state import StateFolder

    first = ask(service, store=True)
    assert "Zanzig" in str(first)
    set_access(StateFolder(service.state).catalog, "circular", AccessRule())
    kept = service.get(WHO, f"/v1/answers/{first['id']}").json()
    assert "anzig" not in str(kept)
    assert kept["answer"] == first["answer"]
    assert [c["document_id"] for c in kept["citations"][0]["also_published_by"]] == ["courier"]
    assert (
        "anzig"
        not in service.get(
            WHO, f"/v1/conversations/{first['conversation_id']}/export?format=markdown"
        ).body.decode()
    )


def test_every_transport_tells_versions_and_copies_alike(service: Service) -> None:
    replace(service, "agency", "\n\n".join(STORY).replace("all night", "the whole night"))
    asked = {"question": TOLL}
    native = ask(service, store=True)
    first = native["citations"][0]
    assert (first["document_version"], len(first["also_published_by"])) == (2, 2)
    streamed = events(service.send(WHO, "/v1/ask", asked, accept="text/event-stream").body)
    chat = {"model": "verse", "messages": [{"role": "user", "content": TOLL}]}
    last = chunks(service.send(WHO, "/v1/chat/completions", {**chat, "stream": True}).body)[0][-1]
    tool = service.tool(WHO, "ask", asked)
    said = (
        json.loads(tool.body)["result"]
        if tool.body.startswith(b"{")
        else events(tool.body)[-1].json()["result"]
    )
    (turn,) = service.get(WHO, f"/v1/conversations/{native['conversation_id']}").json()["turns"]
    found = {
        "events": streamed[-1].json(),
        "chat": service.send(WHO, "/v1/chat/completions", chat).json()["answer_record"],
        "chat streamed": last["answer_record"],
        "mcp": said["structuredContent"],
        "stored": turn["answer"],
    }
    for transport, record in found.items():
        assert record["citations"] == native["citations"], transport
    assert [e.json() for e in streamed if e.name == "citation"] == native["citations"]
    assert "Also published by, and no second source: Courier, Zanzig" in said["content"][0]["text"]


def test_the_terminal_names_the_copies(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    show_answer(AnswerOut.model_validate(ask(service)))
    said = " ".join(capsys.readouterr().out.split())
    assert "also published by Courier 2024-05-02 (courier, characters" in said


def test_replay_says_what_became_of_the_sources(service: Service) -> None:
    record = AnswerOut.model_validate(ask(service))
    sha256 = record.citations[0].document_sha256
    assert changed_sources(record, lambda _id: (1, sha256)) == []
    assert changed_sources(record, lambda _id: (7, sha256)) == [], "the same text came back"
    assert changed_sources(record, lambda _id: (2, OLD)) == [
        f"source changed: agency: was version 1, sha256 {sha256}, is version 2, sha256 {OLD}"
    ]
    assert changed_sources(record, lambda _id: None) == [
        f"source gone: agency: was version 1, sha256 {sha256}"
    ]
    before = record.model_copy(
        update={"citations": [c.model_copy(update={"document_version": None}) for c in record.citations]}
    )
    assert changed_sources(before, lambda _id: None) == [f"source gone: agency: was sha256 {sha256}"]
