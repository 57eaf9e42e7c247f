"""SIGKILL at random moments: nothing acknowledged is lost, nothing is torn, nothing comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.crash_harness import (
    SETTINGS,
    Kills,
    Log,
    append,
    check,
    expected_text,
    fake_embedder,
    next_target,
    raw_text,
    read_log,
    run_kills,
    small_state,
    write_corpus,
)
from index.build import update_index
from index.canonical import canonical_text
from index.catalog import Catalog
from index.state import StateFolder


def _assert_nothing_lost(outcome: Kills, kills: int) -> None:
    assert outcome.kills == kills
    assert outcome.is_clean, outcome.findings
    assert outcome.acknowledged > kills
    assert outcome.checks > kills / 2


def test_kills_lose_nothing(tmp_path: Path) -> None:
    _assert_nothing_lost(run_kills(tmp_path, kills=12, seed=1), 12)


@pytest.mark.long
def test_a_thousand_kills_lose_nothing(tmp_path: Path) -> None:
    _assert_nothing_lost(run_kills(tmp_path, kills=1000, seed=2), 1000)


# The harness itself: it must see what it is there to see.


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateFolder:
    return small_state(tmp_path_factory.mktemp("whole"), documents=5)


TARGET = {"j/000": 2, "d001.txt": 1, "j/002": 1, "d003.txt": 1, "j/004": 1}
CLEAN: dict[str, list[str]] = {"lost": [], "resurrected": [], "wrong_text": [], "torn": []}


def _log(target: dict[str, int]) -> Log:
    allowed: dict[str, set[int | None]] = {document_id: {version} for document_id, version in target.items()}
    return Log(target=target, allowed=allowed, published=True, targets=[target])


def _found(state: StateFolder, log: Log) -> dict[str, object]:
    found = check(state, log, fake_embedder())
    assert found["integrity"] == "ok"
    assert not found["rebuilt"]
    return {name: found[name] for name in CLEAN}


def test_a_whole_state_passes(state: StateFolder) -> None:
    assert _found(state, _log(TARGET)) == CLEAN


def test_a_missing_document_is_seen_as_lost(state: StateFolder) -> None:
    found = _found(state, _log({**TARGET, "d005.txt": 1}))
    assert found["lost"] == ["d005.txt"]
    assert found["torn"]


def test_a_removed_document_that_is_there_is_seen_as_come_back(state: StateFolder) -> None:
    log = _log({name: version for name, version in TARGET.items() if name != "j/004"})
    log.allowed["j/004"] = {None}
    found = _found(state, log)
    assert found["resurrected"] == ["j/004", "j/004"]  # in the catalog and in the generation


def test_another_version_is_seen_as_a_wrong_text_and_the_generation_as_torn(state: StateFolder) -> None:
    found = _found(state, _log({**TARGET, "j/000": 1}))
    assert found["wrong_text"] == ["j/000"]
    assert found["torn"] == ["the generation is none of the states that the corpus went through"]


def test_a_change_under_way_may_be_there_or_not(state: StateFolder) -> None:
    for version in (1, 2, None):
        log = _log(TARGET)
        log.allowed["j/000"] = {2, version}
        assert _found(state, log) == CLEAN


def test_a_missing_generation_is_lost_only_once_one_was_acknowledged(tmp_path: Path) -> None:
    empty = StateFolder(tmp_path / "state")
    assert check(empty, Log(), fake_embedder())["lost"] == []
    assert check(empty, Log(published=True), fake_embedder())["lost"] == ["the published generation"]


def test_passages_of_another_version_are_seen_as_torn(tmp_path: Path) -> None:
    # A vector under a key of its own text, but not that text's vector: as if two versions were mixed.
    state = small_state(tmp_path, documents=3)
    with Catalog(state.catalog) as catalog:
        keys = [key for seq, d in catalog.all_documents() for _, key in catalog.passages_of(seq, d)]
        foreign = catalog.vectors([keys[1]], fake_embedder().dimension)
        catalog.add_vectors([keys[0]], foreign)
    write_corpus(tmp_path / "corpus", {"j/000": 2, "d001.txt": 1, "j/002": 1, "d003.txt": 1})
    update_index(state, [tmp_path / "corpus"], fake_embedder(), SETTINGS)
    log = _log({"j/000": 2, "d001.txt": 1, "j/002": 1, "d003.txt": 1})
    (torn,) = check(state, log, fake_embedder())["torn"]
    assert "a vector is not the one of its passage" in torn


def test_the_log_widens_what_may_be_until_it_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, {"what": "intent", "target": {"a": 1, "b": 1}})
    assert read_log(path).allowed == {"a": {None, 1}, "b": {None, 1}}
    append(path, {"what": "ack", "event": "added", "id": "a", "version": 1})
    assert read_log(path).allowed == {"a": {1}, "b": {None, 1}}
    append(path, {"what": "done"})
    append(path, {"what": "intent", "target": {"b": 2}})
    log = read_log(path)
    assert log.allowed == {"a": {1, None}, "b": {1, 2}}
    assert log.targets == [{"a": 1, "b": 1}, {"b": 2}]
    with path.open("a") as file:
        file.write('{"what": "ack", "id": "b", "ver')  # cut short by the kill
    assert read_log(path).allowed == log.allowed
    append(path, {"what": "x"})
    assert read_log(path).acknowledged == 1


def test_texts_are_awkward_repeatable_and_canonical_in_our_own_reckoning() -> None:
    import random

    versions = range(40)
    assert any("\r\n" in raw_text("a", version) for version in versions)
    for version in versions:
        assert canonical_text(raw_text("a", version), "a") == expected_text("a", version)
    target: dict[str, int] = {}
    dice = random.Random(1)
    sizes = []
    for _ in range(60):
        target = next_target(target, dice)
        sizes.append(len(target))
    assert 1 <= min(sizes) <= max(sizes) <= 60
