"""What a person may not read changes nothing of what they are told, down to how sure it is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.access import ANYBODY, OPERATOR, AccessRule, Viewer
from index.errors import AccessChangedError
from index.generation import Generation
from index.rules import set_access
from index.state import StateFolder
from rag.answer import Ask, answer_question, answer_steps
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.types import NO_FILTERS, Filters
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import calibration, index_of, stages_of

STAFF = Viewer(groups=frozenset({"staff"}))
SECRET = {"groups": ["staff"]}


def rows(*, secret: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "id": "bridge",
            "title": "The bridge",
            "publisher": "Example Press",
            "text": "The bridge of Aldergate was built by Ottoline Graves in 1911. The toll was two pence there.",
        },
        {
            "id": "mill",
            "title": "The mill",
            "publisher": "Thornbury Gazette",
            "text": "The mill of Thornbury was built by Simon Ash. It ground barley and rye for the whole parish.",
        },
    ]
    if secret:
        found[1:1] = [
            {
                "id": "zephyr",
                "title": "Thornbury Gazette yearly report of the mill",
                "publisher": "THORNBURY",
                "text": "Project Zephyrine was begun by Ottoline Graves. The bridge and the mill and the toll are "
                "nothing but names in Zephyrine, and barley is another name.",
                "access": SECRET,
            },
            {
                "id": "zephyr-2",
                "title": "More",
                "text": "Zephyrine again: barley, barley, toll, and the parish of Zephyrine.",
                "access": SECRET,
            },
        ]
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Generation, Generation]]:
    """The whole with the secret documents in it, and an index without them."""
    folder = tmp_path_factory.mktemp("rights")
    found = tuple(index_of(folder / str(n), rows(secret=n == 0), HashEmbedder()) for n in range(2))
    yield found  # type: ignore[misc]
    for generation in found:
        generation.close()


QUESTIONS = [
    "Who built the bridge of Aldergate?",
    "Was Zephyrine built by Ottoline Graves?",
    "What was begun by Zephyrine and ground barley?",
    "Who built the mill, according to the Thornbury Gazette yearly report of the mill?",
    "What does Thornbury Gazette say of barley?",
    "Who began Zephirine?",
    "How much was the toll, and who ground barley in Thornbury?",
    "What did THORNBURY report?",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_as_sure_as_if_there_were_no_other_documents(
    question: str, both: tuple[Generation, Generation]
) -> None:
    how_sure = calibration(bias=-1.0, best_coverage=2.0, unknown_words=-3.0, best_cosine=1.0)
    told = []
    for generation in both:
        answer = answer_question(
            Ask(question=question, viewer=ANYBODY), stages_of(generation, how_sure=how_sure)
        )
        sure = answer.confidence if answer.abstention is None else answer.abstention.probability
        told.append((answer.text, answer.citations, answer.missing, answer.receipt.corpus_sha256, sure))
    assert told[0][:-1] == told[1][:-1]
    assert told[0][-1] == pytest.approx(told[1][-1], abs=0.01)  # the average length of all texts is no secret


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_counted_and_corrected_is_what_may_be_read(
    question: str, both: tuple[Generation, Generation]
) -> None:
    found = []
    for generation in both:
        retriever = Retriever(generation, HashEmbedder(), RagSettings())
        allowed, _ = retriever.allowed(NO_FILTERS, generation.sight(ANYBODY))
        retrieved = retriever.retrieve(read_question(question), 10, allowed)
        ids = [generation.passage(hit.row).passage_id for hit in retrieved.hits]
        reading = stages_of(generation).reader.read(
            read_question(question),
            retrieved,
            generation,
            6,
            known=None if allowed is None else allowed.known,
        )
        found.append((ids, retrieved.corrections, retrieved.asked, reading.signals))
    assert found[0][:-1] == found[1][:-1]
    assert found[0][-1] == pytest.approx(found[1][-1], abs=0.02)


def test_who_may_read_the_rest_is_answered_from_it(both: tuple[Generation, Generation]) -> None:
    for viewer in (STAFF, OPERATOR):
        answer = answer_question(Ask(question="Who began Zephyrine?", viewer=viewer), stages_of(both[0]))
        assert {c.quote.document_id for c in answer.citations} == {"zephyr"}
        assert answer.receipt.corpus_sha256 == both[0].manifest.corpus_sha256


def test_filters_and_rights_hold_together(both: tuple[Generation, Generation]) -> None:
    asked = Ask(question="Who began it?", filters=Filters(document_ids=("zephyr", "mill")), viewer=ANYBODY)
    answer = answer_question(asked, stages_of(both[0]))
    assert answer.abstention is not None
    assert {c.quote.document_id for c in answer.abstention.closest} <= {"mill"}
    nothing = answer_question(
        Ask(question="Who began it?", filters=Filters(document_ids=("zephyr",)), viewer=ANYBODY),
        stages_of(both[0]),
    )
    absent = answer_question(
        Ask(question="Who began it?", filters=Filters(document_ids=("none",)), viewer=ANYBODY),
        stages_of(both[0]),
    )
    assert nothing.abstention == absent.abstention
    assert nothing.abstention is not None
    assert nothing.abstention.reason == "no_passages"


@pytest.mark.parametrize("after", range(4))
def test_a_right_that_is_taken_away_at_any_step_counts(after: int, tmp_path: Path) -> None:
    generation = index_of(tmp_path, rows(secret=True), HashEmbedder())
    steps = answer_steps(Ask(question="Who began Zephyrine?", viewer=STAFF), stages_of(generation))
    for _ in range(after):
        next(steps)
    assert set_access(StateFolder(tmp_path / "state").catalog, "zephyr", AccessRule())
    told: list[object] = []
    try:
        while True:
            told.append(next(steps))
    except StopIteration as end:
        assert after == 0, "what was found before is an error, and never shown"
        told.append(end.value)
    except AccessChangedError as error:
        assert after > 0
        told.append(error)
    assert "Project" not in str(told)
    generation.close()


def test_random_viewers_find_only_what_is_theirs(tmp_path: Path) -> None:
    rng = random.Random(3)
    many = [
        {
            "id": f"d{number}",
            "title": f"Paper {number}",
            "text": f"Paper {number} says that the bridge of Aldergate was painted {number} times by hand.",
            "access": {"users": [f"u{rng.randrange(6)}"], "groups": [f"g{rng.randrange(4)}"]},
        }
        for number in range(60)
    ]
    generation = index_of(tmp_path, many, HashEmbedder())
    stages = stages_of(generation)
    for _ in range(40):
        viewer = Viewer(
            user=f"u{rng.randrange(7)}", groups=frozenset(f"g{n}" for n in range(5) if rng.random() < 0.2)
        )
        mine = {
            row["id"]
            for row in many
            if viewer.user in row["access"]["users"] or viewer.groups & set(row["access"]["groups"])  # type: ignore[index]
        }
        allowed, any_allowed = stages.retriever.allowed(NO_FILTERS, generation.sight(viewer))
        assert any_allowed == bool(mine)
        hits = stages.search(read_question("How often was the bridge of Aldergate painted?"), 100, allowed)
        found = {hit.passage.document_id for hit in hits}
        assert found <= mine
        assert bool(found) == bool(mine)
    generation.close()
