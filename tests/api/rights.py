"""People of different rights over one generated corpus, and what each of them may read, reckoned apart."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from api.access.errors import NotAllowedError
from api.access.principal import Principal, Scope
from api.access.rules import RuleTable
from api.app import create_app
from api.errors import refusal
from index.access import ANYBODY, OPERATOR, Viewer
from tests.api.service import Reply, SmallEngine, client_of, index_rows, raw, settings_for

WHO = "x-test-principal"
_PLACES = ("Aldergate", "Corran", "Pemberley", "Thornbury", "Wexcombe", "Lindow", "Marsham", "Quillby")
_THINGS = ("bridge", "lighthouse", "orchard", "mint", "observatory", "granary", "ferry", "library")
_DEEDS = ("was opened by", "was sold to", "was rebuilt by", "was painted for", "was measured by")


def word(rng: random.Random) -> str:
    """A made-up word that stands nowhere else."""
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """A document with what must not be seen of it: each mark stands in this document alone."""

    row: Mapping[str, Any]
    sentences: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def id(self) -> str:
        return str(self.row["id"])


def make_doc(number: int, rng: random.Random, access: object) -> Doc:
    """A document whose every sentence, title, publisher and id holds a word of its own."""
    place, thing = rng.choice(_PLACES), rng.choice(_THINGS)
    marks = [word(rng) for _ in range(6)]
    sentences = (
        f"The {thing} of {place} {rng.choice(_DEEDS)} {marks[0].title()} in {rng.randint(1800, 1999)}.",
        f"Its keeper {marks[1].title()} wrote that {rng.randint(20, 900)} barrels of {marks[2]} were stored there.",
        f"Nobody in {place} has seen the {thing} since {marks[3].title()} closed the gates at night.",
    )
    row: dict[str, Any] = {
        "id": f"{marks[4]}-{number}",
        "title": f"What {marks[5]} tells of the {thing}",
        "publisher": f"{marks[5].title()} Press",
        "published_at": f"20{number % 20:02d}-0{1 + number % 9}-11",
        "url": f"https://{marks[4]}.example/{number}",
        "text": " ".join(sentences),
    }
    if access is not None:
        row["access"] = access
    return Doc(row=row, sentences=sentences, marks=tuple(marks))


def corpus(count: int, seed: int = 6) -> list[Doc]:
    """Documents that are public, of groups, of people, of both, and of nobody."""
    rng = random.Random(seed)
    docs = []
    for number in range(count):
        users = [f"user-{rng.randrange(20)}" for _ in range(rng.randint(1, 3))]
        groups = [f"group-{rng.randrange(8)}" for _ in range(rng.randint(1, 2))]
        kinds = (
            None,
            "public",
            {"users": users},
            {"groups": groups},
            {"users": users, "groups": groups},
            {"users": []},
        )
        docs.append(make_doc(number, rng, rng.choices(kinds, (1, 1, 3, 4, 3, 1))[0]))
    return docs


def people() -> dict[str, Principal]:
    """Principals by name: twenty people in groups, one in no group, one of whom nothing is known, an operator."""
    rng = random.Random(66)
    found = {
        f"user-{number}": Viewer(
            user=f"user-{number}",
            groups=frozenset(f"group-{rng.randrange(8)}" for _ in range(rng.randrange(4))),
        )
        for number in range(20)
    }
    found |= {
        "group-only": Viewer(groups=frozenset({"group-1"})),
        "look-alike": Viewer(user="group-1", groups=frozenset({"user-1", "GROUP-2", "group-2 "})),
        "nobody": ANYBODY,
        "operator": OPERATOR,
    }
    return {
        name: Principal(
            kind="key",
            subject=f"subject of {name}",
            scopes=frozenset(Scope) if viewer.everything else frozenset({Scope.ASK, Scope.INGEST}),
            viewer=viewer,
        )
        for name, viewer in found.items()
    }


def may_read(viewer: Viewer, access: object) -> bool:
    """What the product must agree with, said in another way."""
    if viewer.everything or access in (None, "public"):
        return True
    assert isinstance(access, dict)
    named = {("user", name) for name in access.get("users", [])} | {
        ("group", n) for n in access.get("groups", [])
    }
    mine = {("group", name) for name in viewer.groups} | ({("user", viewer.user)} if viewer.user else set())
    return bool(named & mine)


class As:
    """Stands for what identifies people: the name in a header says who asks."""

    def __init__(self, app: ASGIApp, known: Mapping[str, Principal], rules: RuleTable) -> None:
        self.app = app
        self._known = known
        self._rules = rules

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = dict(scope["headers"])[WHO.encode()].decode()
            principal = scope.setdefault("state", {})["principal"] = self._known[name]
            try:
                # As the gate does, which stands further out and takes every request for the operator's.
                self._rules.of(scope)[0].hold(principal)
            except NotAllowedError as error:
                await refusal(scope["path"], 403, "not_allowed", str(error), str(scope["request_id"]))(
                    scope, receive, send
                )
                return
        await self.app(scope, receive, send)


def fastapi_of(app: Any) -> FastAPI:
    """The FastAPI app inside its wrappers."""
    while not isinstance(app, FastAPI):
        app = getattr(app, "app", None) or app._app
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service that is told who asks."""

    client: TestClient
    app: FastAPI
    docs: list[Doc]
    people: dict[str, Principal]
    state: Path
    engine: SmallEngine

    def readable(self, who: str) -> list[Doc]:
        return [doc for doc in self.docs if may_read(self.people[who].viewer, doc.row.get("access"))]

    def foreign(self, who: str) -> list[Doc]:
        mine = {doc.id for doc in self.readable(who)}
        return [doc for doc in self.docs if doc.id not in mine]

    def get(self, who: str, target: str, method: str = "GET", **headers: str) -> Reply:
        sent = [(WHO, who), *((name.replace("_", "-"), value) for name, value in headers.items())]
        return raw(self.client, method, target, headers=sent)

    def send(self, who: str, target: str, content: Any, method: str = "POST", **headers: str) -> Reply:
        sent = [(WHO, who), ("content-type", "application/json")]
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        return raw(self.client, method, target, headers=sent, body=json.dumps(content).encode())

    def tool(self, who: str, name: str, arguments: Mapping[str, Any]) -> Reply:
        """Call an MCP tool over HTTP."""
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": name, "arguments": dict(arguments)},
        }
        return self.send(who, "/mcp", call, accept="application/json, text/event-stream")


@contextmanager
def serving(
    folder: Path,
    docs: list[Doc],
    known: dict[str, Principal] | None = None,
    *,
    always: bool = True,
    **settings: Any,
) -> Iterator[Service]:
    """Index documents by the real code and serve them to people."""
    index_rows(folder, [doc.row for doc in docs])
    with serving_state(folder / "state", docs, known, always=always, **settings) as service:
        yield service


@contextmanager
def serving_state(
    state: Path,
    docs: list[Doc],
    known: dict[str, Principal] | None = None,
    *,
    always: bool = True,
    **settings: Any,
) -> Iterator[Service]:
    """Serve what is indexed already."""
    who = people() if known is None else known
    engine = SmallEngine(state, always=always)
    app = create_app(settings_for(state, **settings), engine=engine)  # type: ignore[arg-type]
    inner = fastapi_of(app)
    # Innermost, so that whoever the service itself takes a request to be from is not asked.
    inner.add_middleware(As, known=who, rules=RuleTable(inner))
    with client_of(app) as client:
        yield Service(client=client, app=inner, docs=docs, people=who, state=state, engine=engine)


def seen_of(docs: list[Doc], text: str) -> list[str]:
    """Return the marks of documents that stand in a text, whatever their case."""
    folded = text.casefold()
    return [mark for doc in docs for mark in doc.marks if mark in folded]


Probe = Callable[[Service, str], None]
