"""Any file of the state folder, damaged in any way: noticed, or of no effect; derived ones are made anew."""

from __future__ import annotations

import random
import shutil
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.conversations import LOCAL_OWNER, Conversations
from api.store.database import Database
from eval.bench.crash_harness import (
    MUTATIONS,
    SETTINGS,
    content_of,
    fake_embedder,
    file_kind,
    generation_files,
    mutate,
    small_state,
)
from index.backup import restore_backup, write_backup
from index.build import rebuild
from index.catalog import Catalog
from index.errors import QAError
from index.mend import open_mended
from index.rules import Rules
from index.state import StateFolder
from tests.api.stored import answered

_TRUTH = ("catalog.sqlite", "conversations.sqlite")


def _fill(folder: Path) -> Path:
    state = small_state(folder)
    database = Database(state.path / "conversations.sqlite")
    with closing(database):
        conversations = Conversations(database)
        for number in range(6):
            begun = conversations.begin(LOCAL_OWNER, f"Question {number}?")
            conversations.complete(begun, answered(f"Question {number}?"))
    write_backup(state, state.path / "backup", {})
    return state.path


def _answers(folder: Path) -> dict[str, Any]:
    """All stored answers; what people asked has no seal, and is not compared."""
    with closing(Database(folder / "conversations.sqlite")) as database:
        conversations = Conversations(database)
        heads = conversations.page(LOCAL_OWNER, limit=100).conversations
        turns = [turn for head in heads for turn in conversations.read(LOCAL_OWNER, head.id).turns]
        return {str(turn.answer["id"]): turn.answer for turn in turns if turn.answer is not None}


def _files(folder: Path) -> list[Path]:
    state = StateFolder(folder)
    return [
        *generation_files(state),
        state.catalog,
        folder / "conversations.sqlite",
        folder / "writer.lock",
        *sorted((folder / "backup").iterdir()),
    ]


def _documents(state: StateFolder) -> dict[str, str]:
    with Catalog(state.catalog) as catalog:
        return {document.document_id: document.text for _, document in catalog.all_documents()}


def _judge(folder: Path, names: frozenset[str], whole: dict[str, Any], found: Counter[str]) -> None:
    """Serve, read and restore from a damaged folder: the same as before, or an error of ours."""
    state, embedder = StateFolder(folder), fake_embedder()
    try:
        open_mended(state, embedder, SETTINGS).close()
        assert content_of(state, embedder) in whole["index"], "other answers"
        assert embedder.calls == 0, "nothing is embedded again"  # type: ignore[attr-defined]
        found["index served"] += 1
    except QAError:
        assert "catalog.sqlite" in names, "what is derived is made anew"
        found["index refused"] += 1
    try:
        # Of the rules nothing is believed that does not fit its seal.
        Rules(state.catalog).changes(0, 0)
        assert _documents(state) == whole["documents"], "other documents"
        found["documents read"] += 1
    except QAError:
        assert "catalog.sqlite" in names
        found["documents refused"] += 1
    try:
        answers = _answers(folder)
        assert all(answers[key] == whole["answers"][key] for key in answers), "other stored answers"
        assert len(answers) == len(whole["answers"]) or "conversations.sqlite" in names
        found["answers read" if len(answers) == len(whole["answers"]) else "answers missing"] += 1
    except QAError:
        assert "conversations.sqlite" in names
        found["answers refused"] += 1
    target = StateFolder(folder / "restored")
    try:
        restore_backup(folder / "backup", target, rebuild_with=lambda s: rebuild(s, embedder, SETTINGS))
        assert _documents(target) == whole["documents"], "other documents restored"
        found["backup restored"] += 1
    except QAError:
        assert any(name.startswith("backup/") for name in names)
        assert not target.path.exists()
        found["backup refused"] += 1


def _run(folder: Path, mutations: int, seed: int) -> Counter[str]:
    origin = _fill(folder / "origin")
    state = StateFolder(origin)
    # Scores of a generation that shares files are those of one written anew but for the last digits.
    again = folder / "again"
    shutil.copytree(origin, again)
    rebuild(StateFolder(again), fake_embedder(), SETTINGS)
    shared, rebuilt = (content_of(one, fake_embedder()) for one in (state, StateFolder(again)))
    assert rebuilt | {"lexical": shared["lexical"]} == shared
    whole = {
        "index": (shared, rebuilt),
        "documents": _documents(state),
        "answers": _answers(origin),
    }
    assert len(whole["answers"]) == 6
    found: Counter[str] = Counter()

    def kind_of(path: Path) -> str:
        return f"backup/{path.name}" if path.parent.name == "backup" else file_kind(path)

    kinds = sorted({kind_of(path) for path in _files(origin)})
    pairs = [(way, kind) for kind in kinds for way in MUTATIONS if way != "extra"]
    random.Random(seed).shuffle(pairs)
    for number in range(mutations):
        way, name = pairs[number % len(pairs)]
        if way == "delete" and name in _TRUTH:
            # A catalog that is gone is found by `verse check`; without conversations nothing was stored.
            way = "zero_fill"
        dice = random.Random(f"{seed}/{number}")
        copy = folder / f"copy-{number}"
        shutil.copytree(origin, copy)
        files = _files(copy)
        path = dice.choice([path for path in files if kind_of(path) == name])
        others = [other for other in files if kind_of(other) not in _TRUTH]
        changed = any(mutate(path, way, dice, others) for _ in range(20))
        found["changed"] += changed
        before = {other: (origin / other.relative_to(copy)).read_bytes() for other in files}
        names = frozenset(
            kind_of(other) for other, raw in before.items() if not other.exists() or other.read_bytes() != raw
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                _judge(copy, names, whole, found)
        except Exception as error:
            raise AssertionError(f"{number}: {way} of {name}: {type(error).__name__}: {error}") from error
        shutil.rmtree(copy)
    return found


def test_damages_to_any_file_are_noticed_or_mended(quick_path: Path) -> None:
    found = _run(quick_path, 40, seed=1)
    assert found["changed"] >= 36
    assert found["index served"] > 25
    assert found["backup refused"] > 0


@pytest.mark.long
def test_a_thousand_damages_to_any_file_are_noticed_or_mended(quick_path: Path) -> None:
    found = _run(quick_path, 1000, seed=2)
    assert found["changed"] >= 950
