"""One record on every transport: MCP's citations are those of `POST /v1/ask`, character for character."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from api.mcp_text import answer_text
from api.schemas import AnswerOut
from eval.datasets.seeds import load
from eval.datatypes import Question
from tests.api.mcp_service import MODES, canonical, comparable, record_of, talk, text_of
from tests.api.test_mcp_stdio import parameters
from tests.api.test_serve import serving

PUBLIC_URL = "https://verse.example.org"

Asked = list[dict[str, Any]]


def questions(count: int) -> Asked:
    """Return `count` of the seeds' questions, a quarter of them unanswerable, with the conversation before each."""
    found = load().questions
    chosen = [
        *spread([one for one in found if one.answerable], count - count // 4),
        *spread([one for one in found if not one.answerable], count // 4),
    ]
    return [
        {
            "question": one.text,
            "history": [{"role": turn.role, "content": turn.content} for turn in one.history],
        }
        for one in chosen
    ]


def spread(found: Sequence[Question], count: int) -> list[Question]:
    """Return `count` of them, as far apart as may be."""
    assert count <= len(found)
    return [found[number * len(found) // count] for number in range(count)]


def differences(state: Path, environment: dict[str, str], asked: Asked) -> tuple[list[str], list[str]]:
    """Ask over HTTP, over both generations of MCP and over stdio; return what differs, and each status."""

    async def ask_all(client: Client) -> list[tuple[dict[str, Any], str]]:
        await client.list_tools()  # so that the client checks each record against the tool's schema
        results = [await client.call_tool("ask", one) for one in asked]
        return [(record_of(result), text_of(result)) for result in results]

    told: dict[str, list[tuple[dict[str, Any], str]]] = {}
    with serving(state, environment, VERSE_PUBLIC_URL=PUBLIC_URL) as server:
        native = [server.ask(one["question"], history=one["history"]) for one in asked]
        for mode in MODES:
            told[f"http {mode}"] = talk(f"http://127.0.0.1:{server.port}/mcp", ask_all, mode)
    told["stdio"] = talk(parameters(state, environment, VERSE_PUBLIC_URL=PUBLIC_URL), ask_all)
    found: list[str] = []
    for transport, answers in told.items():
        for one, (status, expected), (record, text) in zip(asked, native, answers, strict=True):
            assert status == 200
            same = (
                canonical(record["citations"]) == canonical(expected["citations"])
                and comparable(record) == comparable(expected)
                and text == answer_text(AnswerOut.model_validate(expected), PUBLIC_URL)
            )
            if not same:
                found.append(f"{transport}: {one['question']}")
    return found, [record["status"] for _, record in native]


def test_eight_questions_have_the_same_citations_everywhere(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    found, statuses = differences(seeds_state, child_environment, questions(8))
    assert found == []
    # Answers and abstentions are both among them, or the test would say less than it seems to.
    assert {"answered", "abstained"} <= set(statuses)


@pytest.mark.long
def test_a_hundred_questions_have_the_same_citations_everywhere(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    asked = questions(100)
    assert len({one["question"] for one in asked}) == 100
    found, statuses = differences(seeds_state, child_environment, asked)
    assert found == []
    assert {"answered", "abstained"} <= set(statuses)
