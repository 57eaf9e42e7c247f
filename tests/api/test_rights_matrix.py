"""Nobody sees anything of a document that is not theirs: every person, document, route and transport.

Routes are collected from the app. One that takes no body joins by itself; one that takes one needs a
probe below, or the first test fails.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Mount

from api.mcp_tools import tool_list
from tests.api.rights import WHO, Doc, Probe, Service, corpus, make_doc, people, seen_of, serving
from tests.api.service import Reply, raw

ABSENT = "never-there-1"
_VARYING = re.compile(
    r'"(?:request_id|id|answer_id|total|retrieve|read|verify|created_at|updated_at)": ?(?:"[^"]*"|[0-9.e-]+)'
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("matrix"), corpus(54), max_waiting=1000) as found:
        yield found


def routes(service: Service) -> dict[str, BaseRoute]:
    """Every route by method and path; of a mount, which takes every method, `*`."""
    found: dict[str, BaseRoute] = {}
    for route in iter_route_contexts(service.app.router.routes):
        mounted = isinstance(route.original_route, Mount)
        for method in {"*"} if mounted else (route.methods or {"*"}) - {"HEAD"}:
            found[f"{method} {route.path}"] = route.original_route
    return found


def clean(service: Service, who: str, reply: Reply, said: str = "") -> None:
    """Hold that nothing foreign stands in a reply, but what the question itself `said`."""
    text = reply.body.decode()
    for form in (json.dumps(said)[1:-1], json.dumps(said, ensure_ascii=False)[1:-1], said):
        text = text.replace(form, "") if form else text
    asked = said.casefold()
    foreign = [mark for mark in seen_of(service.foreign(who), text) if mark not in asked]
    assert foreign == [], (who, foreign, text[:2000])
    heads = " ".join(value for _, value in reply.headers)
    assert seen_of(service.foreign(who), heads) == []


def told(reply: Reply, *names: str) -> tuple[int, list[tuple[str, str]], str]:
    """What a reply tells, without what differs between any two."""
    text = reply.body.decode()
    for name in names:
        text = text.replace(name, "*")
    # What is left of a limit counts a client's requests, and nothing of documents.
    own = ("x-request-id", "content-length", "ratelimit")
    heads = [(name, value) for name, value in reply.headers if name not in own]
    return reply.status, heads, _VARYING.sub("", text)


def ids_in(content: Any) -> set[str]:
    """Every document that a JSON names in a field."""
    if isinstance(content, dict):
        own = {content["document_id"]} if isinstance(content.get("document_id"), str) else set()
        return own.union(*map(ids_in, content.values()))
    if isinstance(content, list):
        return set[str]().union(*map(ids_in, content))
    return set()


def ask_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 2):
        said = doc.sentences[1]
        for accept in ("application/json", "text/event-stream"):
            reply = service.send(who, "/v1/ask", {"question": said}, accept=accept)
            assert reply.status == 200
            clean(service, who, reply, said)
        named = {"question": "Who closed the gates?", "filters": {"document_ids": [doc.id]}}
        absent = {"question": "Who closed the gates?", "filters": {"document_ids": [ABSENT]}}
        mine, none = service.send(who, "/v1/ask", named), service.send(who, "/v1/ask", absent)
        clean(service, who, mine, doc.id)
        assert told(mine, doc.id) == told(none, ABSENT)


def search_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 2):
        for query in (doc.sentences[0], str(doc.row["title"]), doc.marks[0], doc.marks[0][:-1] + "q"):
            reply = service.send(who, "/v1/search", {"query": query, "k": 100})
            clean(service, who, reply, query)
            mine = {one.id for one in service.readable(who)}
            assert ids_in(reply.json()) <= mine
        named = service.send(
            who, "/v1/search", {"query": "gates", "filters": {"publishers": [doc.row["publisher"]]}}
        )
        assert named.json() == {"passages": [], "notice": None}


def chat_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 1):
        said = doc.sentences[2]
        for stream in (False, True):
            body = {"model": "verse", "messages": [{"role": "user", "content": said}], "stream": stream}
            reply = service.send(who, "/v1/chat/completions", body)
            assert reply.status == 200
            clean(service, who, reply, said)


def mcp_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 1):
        said = doc.sentences[0]
        clean(service, who, service.tool(who, "ask", {"question": said}), said)
        clean(service, who, service.tool(who, "search", {"query": said, "k": 100}), said)
        mine, none = service.tool(who, "fetch", {"id": doc.id}), service.tool(who, "fetch", {"id": ABSENT})
        assert told(mine, doc.id) == told(none, ABSENT)
        assert "There is no such document." in mine.body.decode()


def feedback_probe(service: Service, who: str) -> None:
    owner = next(name for name in service.people if name != who and service.readable(name))
    doc = service.readable(owner)[0]
    given = service.send(owner, "/v1/ask", {"question": doc.sentences[0]}).json()
    body = {"answer_id": given["id"], "rating": "up", "quote": doc.sentences[0]}
    absent = {**body, "answer_id": "ans_" + "0" * 26}
    mine, none = service.send(who, "/v1/feedback", body), service.send(who, "/v1/feedback", absent)
    assert mine.status == 404
    assert told(mine) == told(none)


def conversation_probe(service: Service, who: str) -> None:
    owner = next(name for name in service.people if name != who and service.readable(name))
    doc = service.readable(owner)[0]
    kept = service.send(owner, "/v1/ask", {"question": doc.sentences[0], "store": True}).json()[
        "conversation_id"
    ]
    none = "conv_" + "0" * 26
    for path in ("", "/export", "/export?format=markdown"):
        mine = service.get(who, f"/v1/conversations/{kept}{path}")
        assert mine.status == 404
        assert told(mine) == told(service.get(who, f"/v1/conversations/{none}{path}"))
    body = {"question": "And who closed it?"}
    mine = service.send(who, "/v1/ask", {**body, "conversation_id": kept})
    assert mine.status == 404
    assert told(mine) == told(service.send(who, "/v1/ask", {**body, "conversation_id": none}))
    mine = service.send(who, f"/v1/conversations/{kept}", {"title": "mine"}, "PATCH")
    assert told(mine) == told(service.send(who, f"/v1/conversations/{none}", {"title": "mine"}, "PATCH"))
    assert kept not in service.get(who, "/v1/conversations").body.decode()


def access_probe(service: Service, who: str) -> None:
    doc = service.docs[0]
    body = {"access": "public"}
    mine = service.send(who, f"/v1/documents/{doc.id}/access", body, "PATCH")
    none = service.send(who, f"/v1/documents/{ABSENT}/access", body, "PATCH")
    assert mine.status == 403
    assert told(mine, doc.id) == told(none, ABSENT)


def add_probe(service: Service, who: str) -> None:
    """Nothing is stored here: that an id is taken by somebody else is held in `test_uploads_rights.py`."""
    for doc in pick(service, who, 1):
        refused = {"documents": [{"id": doc.id, "text": " "}]}
        mine = service.send(who, "/v1/documents", refused)
        none = service.send(who, "/v1/documents", {"documents": [{"id": ABSENT, "text": " "}]})
        assert mine.status == 422
        assert told(mine, doc.id) == told(none, ABSENT)


def form_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 1):
        said = [
            raw(
                service.client,
                "POST",
                "/documents",
                headers=[(WHO, who), ("content-type", "multipart/form-data; boundary=x")],
                body=(
                    '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
                    + json.dumps({"a.bin": {"id": one}})
                    + '\r\n--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\nzz\r\n--x--\r\n'
                ).encode(),
            )
            for one in (doc.id, ABSENT)
        ]
        assert said[0].status == 415
        assert told(said[0], doc.id) == told(said[1], ABSENT)


def put_probe(service: Service, who: str) -> None:
    for doc in pick(service, who, 2):
        for method, body in (("PUT", {"text": "Another text."}), ("PATCH", {"title": "Mine"})):
            mine = service.send(who, f"/v1/documents/{doc.id}", body, method)
            none = service.send(who, f"/v1/documents/{ABSENT}", body, method)
            assert mine.status == 404
            assert told(mine, doc.id) == told(none, ABSENT)


PROBES: dict[str, Probe] = {
    "POST /v1/documents": add_probe,
    "POST /documents": form_probe,
    "PUT /v1/documents/{document_id:path}": put_probe,
    "PATCH /v1/documents/{document_id:path}": put_probe,
    "POST /v1/ask": ask_probe,
    "POST /v1/search": search_probe,
    "POST /v1/chat/completions": chat_probe,
    "POST /v1/feedback": feedback_probe,
    "POST /mcp": mcp_probe,
    "PATCH /v1/conversations/{conversation_id}": conversation_probe,
    "PATCH /v1/documents/{document_id:path}/access": access_probe,
}
"""What takes a body. Routes that take none are called with foreign ids in every place (`by_itself`)."""


OF_NO_DOCUMENT = {"POST /logout", "POST /v1/embed-tokens", "POST /v1/embed-tokens/exchange"}
"""What takes a body and never opens a document: called with an empty one."""


def pick(service: Service, who: str, count: int) -> list[Doc]:
    """Foreign documents of somebody, other ones for each of them."""
    found = service.foreign(who)
    return random.Random(who).sample(found, min(count, len(found)))


def by_itself(service: Service, who: str, name: str) -> None:
    """Call a route that takes no body: with a foreign id in each place it says what it says of an absent one."""
    method, path = name.split(" ")
    places = re.findall(r"\{[^}]+\}", path)
    if not places:
        clean(service, who, service.get(who, path, method))
        route = routes(service)[name]
        named = [one.name for one in route.dependant.query_params] if isinstance(route, APIRoute) else []
        for doc in pick(service, who, 1):
            for parameter in named:
                said = doc.sentences[0]
                reply = service.get(who, f"{path}?{parameter}={quote(said)}", method)
                clean(service, who, reply, said)
        return
    for doc in pick(service, who, 2):
        for foreign in (doc.id, doc.id.upper(), f"{doc.id}%2F", f"{doc.id}?quote=0-5"):
            filled, absent = path, path
            for place in places:
                filled = filled.replace(place, foreign)
                absent = absent.replace(
                    place, foreign.replace(doc.id, ABSENT).replace(doc.id.upper(), ABSENT.upper())
                )
            mine, none = service.get(who, filled, method), service.get(who, absent, method)
            clean(service, who, mine, foreign)
            assert told(mine, doc.id, doc.id.upper()) == told(none, ABSENT, ABSENT.upper())


NOBODYS = [name for name, principal in people().items() if not principal.viewer.everything]


def test_every_route_is_probed(service: Service) -> None:
    takes_a_body = {name for name in routes(service) if name.split(" ")[0] not in ("GET", "DELETE", "*")}
    assert takes_a_body - OF_NO_DOCUMENT == set(PROBES), "a route that takes a body needs a probe"
    assert {tool.name for tool in tool_list()} == {"ask", "search", "fetch"}, "a tool needs a probe"
    assert len(service.people) >= 20
    assert len(service.docs) >= 50
    shares = [len(service.readable(who)) for who in service.people]
    assert min(shares) < 20
    assert len(set(shares)) > 8, "people of many different rights"


@pytest.mark.parametrize("who", NOBODYS)
def test_a_person_sees_nothing_foreign_on_any_route(service: Service, who: str) -> None:
    for name in routes(service):
        if name in PROBES:
            PROBES[name](service, who)
        elif name in OF_NO_DOCUMENT:
            clean(service, who, service.send(who, name.split(" ")[1], {}))
        elif not name.startswith("*"):
            by_itself(service, who, name)


@pytest.mark.parametrize("who", [*NOBODYS, "operator"])
def test_documents_are_there_for_exactly_those_who_may_read_them(service: Service, who: str) -> None:
    mine = {doc.id: doc for doc in service.readable(who)}
    for doc in service.docs:
        for path in (f"/v1/documents/{doc.id}", f"/d/{doc.id}"):
            reply = service.get(who, path)
            assert reply.status == (200 if doc.id in mine else 404), (who, path)
            clean(service, who, reply, doc.id)
            if doc.id in mine:
                assert doc.sentences[0] in reply.body.decode()
    listed: list[str] = []
    cursor = ""
    while True:
        page = service.get(who, f"/v1/documents?limit=7{cursor}").json()
        listed += [one["document_id"] for one in page["documents"]]
        if page["next_cursor"] is None:
            break
        padded = page["next_cursor"] + "=" * (-len(page["next_cursor"]) % 4)
        place, _, last = base64.urlsafe_b64decode(padded).decode().partition(":")
        assert (int(place), last) == (len(listed) - 1, listed[-1]), "a cursor counts what was shown"
        cursor = f"&cursor={page['next_cursor']}"
    assert listed == list(mine)


def test_a_cursor_made_by_hand_tells_nothing_of_a_foreign_document(service: Service) -> None:
    who = "nobody"
    for doc in pick(service, who, 5):
        found = []
        for name in (doc.id, ABSENT):
            cursor = base64.urlsafe_b64encode(f"3:{name}".encode()).decode().rstrip("=")
            found.append(service.get(who, f"/v1/documents?cursor={cursor}").json())
        assert found[0] == found[1]


def hostile_questions(service: Service, rng: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Random questions, exact foreign sentences among them, each with who asks it."""
    for _ in range(count):
        who = rng.choice(NOBODYS)
        doc = rng.choice(service.foreign(who))
        own = service.readable(who)
        sentence = rng.choice(doc.sentences)
        yield (
            who,
            rng.choice(
                [
                    sentence,
                    f"What does {doc.row['publisher']} say of this: {sentence[:80]}?",
                    f"According to {doc.row['title']}, who closed the gates?",
                    f"Who was {doc.marks[0].title()}, and what did {doc.marks[1].title()} write?",
                    f"{doc.marks[3][:-1]}a {doc.marks[2]}s?",
                    f"What was published on 11 0{1 + rng.randrange(9)} 2003 about the lighthouse?",
                    f"{sentence} {rng.choice(own).sentences[0]}" if own else sentence,
                ]
            ),
        )


def ask_everywhere(service: Service, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for who, question in hostile_questions(service, rng, count):
        kind = rng.randrange(5)
        if kind == 0:
            reply = service.send(who, "/v1/search", {"query": question, "k": 50})
        elif kind == 1:
            body = {"model": "verse", "messages": [{"role": "user", "content": question}]}
            reply = service.send(who, "/v1/chat/completions", body)
        elif kind == 2:
            reply = service.tool(who, "ask", {"question": question})
        else:
            reply = service.send(who, "/v1/ask", {"question": question, "max_citations": 20})
        assert reply.status == 200, reply.body
        mine = {doc.id for doc in service.readable(who)}
        assert ids_in(reply.json()) <= mine, (who, question)
        clean(service, who, reply, question)


def test_random_questions_bring_nothing_foreign(service: Service) -> None:
    ask_everywhere(service, 200, seed=1)


@pytest.mark.long
def test_five_thousand_random_questions_bring_nothing_foreign(service: Service) -> None:
    ask_everywhere(service, 5000, seed=2)


def test_the_closest_passages_of_an_abstention_are_the_askers_own(service: Service, tmp_path: Any) -> None:
    with serving(tmp_path, service.docs[:20], always=False) as never:
        shown = 0
        for who, question in hostile_questions(never, random.Random(3), 40):
            reply = never.send(who, "/v1/ask", {"question": question})
            record = reply.json()
            assert record["status"] == "abstained"
            clean(never, who, reply, question)
            shown += len(record["abstention"]["closest"])
        assert shown > 20, "somebody was shown something"


def alike(record: dict[str, Any]) -> dict[str, Any]:
    """An answer without what no two have alike, and without what names the generation."""
    left = {k: v for k, v in record.items() if k not in ("id", "timings_ms", "confidence")}
    return {**left, "receipt": {**record["receipt"], "index_version": ""}}


@pytest.mark.parametrize("who", ["user-3", "nobody"])
def test_the_documents_of_others_change_nothing(service: Service, who: str, tmp_path: Any) -> None:
    """Whoever sees a part is answered as if there were nothing else: words, languages, names, hashes."""
    own = service.readable(who)
    with serving(tmp_path, own) as alone:
        questions = [q for _, q in hostile_questions(service, random.Random(4), 25)]
        questions += [f"What did {doc.marks[1][:-1]}x write?" for doc in own[:5]]
        for question in questions:
            both = [one.send(who, "/v1/ask", {"question": question}).json() for one in (service, alone)]
            assert alike(both[0]) == alike(both[1]), question
            found = [one.send(who, "/v1/search", {"query": question}).json() for one in (service, alone)]
            ranked = [[(p["document_id"], p["text"]) for p in one["passages"]] for one in found]
            assert ranked[0] == ranked[1]
        lists = [one.get(who, "/v1/documents?limit=3").json() for one in (service, alone)]
        for listed in lists:
            for document in listed["documents"]:
                # When a text was stored is no matter of others.
                del document["stored_at"], document["first_stored_at"]
        assert lists[0] == lists[1]


def test_a_paragraph_that_repeats_a_foreign_document_counts_and_is_not_said_to_repeat(tmp_path: Any) -> None:
    rng = random.Random(8)
    first = make_doc(1, rng, {"groups": ["group-1"]})
    shared = (
        "The weir below the old tannery was raised by four hand-breadths in the dry summer, "
        "and the miller paid for every stone of it out of his own purse."
    )
    rows = [
        Doc(
            row={**one.row, "text": f"{one.row['text']}\n\n{shared}"},
            sentences=one.sentences,
            marks=one.marks,
        )
        for one in (first, make_doc(2, rng, "public"))
    ]
    with serving(tmp_path, rows) as service:
        for who, cited, excluded in (
            ("nobody", rows[1].id, []),
            ("group-only", rows[0].id, ["repeats_other_document"]),
        ):
            found = service.send(who, "/v1/search", {"query": shared, "k": 1}).json()["passages"]
            assert [one["document_id"] for one in found] == [cited]
            shown = service.get(who, f"/v1/documents/{rows[1].id}").json()
            assert [one["reason"] for one in shown["excluded"]] == excluded


def test_a_language_that_only_foreign_documents_are_in_is_none_of_the_askers(tmp_path: Any) -> None:
    rng = random.Random(12)
    german = make_doc(1, rng, {"groups": ["group-1"]})
    text = (
        "Die Brücke über den Fluss wurde im Frühjahr von den Bürgern der Stadt wieder aufgebaut. "
        "Niemand weiß, wer den Stein in die Mauer gesetzt hat, aber alle erzählen davon."
    )
    german = Doc(row={**german.row, "text": text}, sentences=german.sentences, marks=german.marks)
    query = {"query": "Wer hat den Stein in die Mauer der Brücke gesetzt?"}
    with serving(tmp_path, [german, make_doc(2, rng, "public")]) as service:
        assert service.send("group-only", "/v1/search", query).json()["notice"] is None
        found = service.send("nobody", "/v1/search", query).json()
        assert found["passages"] == []
        assert "the documents are in English: this service cannot" in found["notice"]
        assert "the documents are in English: " in str(
            service.send("nobody", "/v1/ask", {"question": query["query"]}).json()
        )


def test_only_an_administrator_sees_how_much_there_is(service: Service) -> None:
    assert service.get("operator", "/readyz").json()["documents"] == len(service.docs)
    assert not {"documents", "passages", "index_version"} & set(service.get("user-1", "/readyz").json())
