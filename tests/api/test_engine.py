"""The index as it comes, changes, breaks and is mended while the service runs."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from index.build import IndexReport, update_index
from index.embed import open_embedder
from index.models import find_model
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Embedder
from rag.answer import Stages
from tests.api.checker import check_record
from tests.api.corpus import ROWS
from tests.api.service import (
    CANARY,
    SmallEngine,
    assert_clean,
    assert_problem,
    client_of,
    getter,
    index_rows,
    post,
    raw,
    settings_for,
    write_jsonl,
)

QUESTION = {"question": "Why do Central Asian leaders meet Trump in Washington?"}


@pytest.fixture(scope="module")
def embedder(converted_models: Path) -> Embedder:
    """What `verse index` in another process would use."""
    return open_embedder(find_model(), converted_models, threads=1)


@pytest.fixture
def empty(tmp_path: Path, converted_models: Path) -> Path:
    """A state folder with converted models and no index."""
    folder = tmp_path / CANARY
    folder.mkdir()
    (folder / "models").symlink_to(converted_models, target_is_directory=True)
    return folder


@pytest.fixture
def copy(tmp_path: Path, seeds_state: Path) -> Path:
    """A copy of the indexed seeds, to be broken."""
    return Path(shutil.copytree(seeds_state, tmp_path / CANARY, symlinks=True))


def publish(state: Path, rows: list[dict[str, Any]], embedder: Embedder) -> IndexReport:
    path = write_jsonl(state.parent / "rows.jsonl", rows)
    return update_index(StateFolder(state), [path], embedder, IndexSettings(), prune=True)


def ready(client: TestClient) -> bool:
    return raw(client, "GET", "/readyz").status == 200


def soon(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.02)
    return False


def assert_not_ready(client: TestClient, code: str) -> str:
    """Hold that every route that needs the index tells this code, and that the process lives."""
    assert raw(client, "GET", "/healthz").status == 200
    reply = raw(client, "GET", "/readyz")
    assert reply.status == 503
    assert_clean(reply)
    assert reply["retry-after"] == "2"
    content = reply.json()
    assert content["status"] == "not_ready"
    (missing,) = content["missing"]
    assert missing["code"] == code
    assert missing["detail"]
    for reply in (
        post(client, "/v1/ask", QUESTION),
        post(client, "/v1/search", {"query": "x"}),
        raw(client, "GET", "/v1/documents"),
        raw(client, "GET", "/v1/documents/none"),
        raw(client, "GET", "/d/none"),
    ):
        assert_problem(reply, 503, code)
    detail: str = missing["detail"]
    return detail


def assert_answers(client: TestClient, question: dict[str, Any] = QUESTION) -> dict[str, Any]:
    reply = post(client, "/v1/ask", question)
    assert reply.status == 200, reply.body
    record: dict[str, Any] = reply.json()
    check_record(getter(client), record)
    return record


def test_without_an_index_it_starts_and_waits_for_one(empty: Path, embedder: Embedder) -> None:
    with client_of(create_app(settings_for(empty, refresh_s=0.05))) as client:
        assert "verse index" in assert_not_ready(client, "index_empty")
        report = publish(empty, ROWS, embedder)
        assert soon(lambda: ready(client))
        record = assert_answers(client, {"question": "Who was the engineer of the Aldergate bridge?"})
        assert record["receipt"]["index_version"] == report.index_version
        # And empty again: every document pruned is no abstention either.
        publish(empty, [], embedder)
        assert soon(lambda: not ready(client))
        assert "verse index" in assert_not_ready(client, "index_empty")
        publish(empty, ROWS[:1], embedder)
        assert soon(lambda: ready(client))
        assert_answers(client, {"question": "Who was the engineer of the Aldergate bridge?"})


def test_the_index_of_another_embedder_is_not_used(
    tmp_path: Path, converted_models: Path, embedder: Embedder
) -> None:
    index_rows(tmp_path, ROWS)  # by the hashing embedder
    state = tmp_path / "state"
    shutil.rmtree(state / "models")
    (state / "models").symlink_to(converted_models, target_is_directory=True)
    with client_of(create_app(settings_for(state, refresh_s=0.05))) as client:
        assert "embedder" in assert_not_ready(client, "index_mismatch")
        publish(state, ROWS, embedder)
        assert soon(lambda: ready(client))
        assert_answers(client, {"question": "bridge"})


# Damage


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _generation(state: Path) -> Path:
    return state / "generations" / (state / "CURRENT").read_text().split()[0]


def _damage_vectors(state: Path) -> None:
    _flip(_generation(state) / "vectors.faiss")


def _damage_snapshot(state: Path) -> None:
    _flip(_generation(state) / "snapshot.sqlite")


def _damage_manifest(state: Path) -> None:
    _flip(_generation(state) / "manifest.json")


def _lose_generation(state: Path) -> None:
    shutil.rmtree(_generation(state))


def _lose_lexical(state: Path) -> None:
    shutil.rmtree(_generation(state) / "lexical")


def _add_file(state: Path) -> None:
    (_generation(state) / "more").write_text("x")


def _damage_current(state: Path) -> None:
    (state / "CURRENT").write_bytes(b"\xff\xfe\x00")


def _empty_current(state: Path) -> None:
    (state / "CURRENT").write_text("")


@pytest.mark.parametrize(
    "damage",
    [
        _damage_vectors,
        _damage_snapshot,
        _damage_manifest,
        _lose_generation,
        _lose_lexical,
        _add_file,
        _damage_current,
        _empty_current,
    ],
)
def test_what_is_derived_is_mended_at_the_start(
    copy: Path, seeds_engine: Engine, damage: Callable[[Path], None]
) -> None:
    before = _generation(copy).name
    damage(copy)
    engine = _engine_like(seeds_engine, copy)
    with client_of(create_app(settings_for(copy), engine=engine)) as client:
        assert ready(client)
        record = assert_answers(client)
        assert record["receipt"]["index_version"] == _generation(copy).name
        assert (copy / "CURRENT").read_text().split()[0] in {before, _generation(copy).name}


@pytest.fixture(scope="module")
def seeds_engine(seeds_state: Path) -> Engine:
    return Engine(settings_for(seeds_state))


def _engine_like(loaded: Engine, state: Path) -> Engine:
    """An engine over another folder that shares the loaded models: loading them takes seconds."""
    import copy as copies

    engine = copies.copy(loaded)
    engine.settings = settings_for(state)
    engine.state = StateFolder(state)
    engine._seen = engine._stages = None
    engine._refreshing = threading.Lock()
    return engine


def test_a_real_start_mends_damage(copy: Path) -> None:
    _damage_vectors(copy)
    with client_of(create_app(settings_for(copy))) as client:
        assert ready(client)
        assert_answers(client)


def test_a_damaged_record_of_truth_is_told_and_not_served(copy: Path, seeds_engine: Engine) -> None:
    _damage_vectors(copy)
    (copy / "catalog.sqlite").write_bytes(b"no database at all" * 1000)
    with client_of(create_app(settings_for(copy), engine=_engine_like(seeds_engine, copy))) as client:
        assert_not_ready(client, "catalog_damaged")


def test_damage_without_a_record_of_truth_is_told(copy: Path, seeds_engine: Engine) -> None:
    _damage_vectors(copy)
    (copy / "catalog.sqlite").unlink()
    with client_of(create_app(settings_for(copy), engine=_engine_like(seeds_engine, copy))) as client:
        assert_not_ready(client, "catalog_damaged")


def test_what_serves_goes_on_when_the_next_generation_is_broken(copy: Path, seeds_engine: Engine) -> None:
    engine = _engine_like(seeds_engine, copy)
    settings = settings_for(copy, refresh_s=0.05)
    with client_of(create_app(settings, engine=engine)) as client:
        version = assert_answers(client)["receipt"]["index_version"]
        (copy / "catalog.sqlite").write_bytes(b"no database at all" * 1000)
        _damage_vectors(copy)
        (copy / "CURRENT").write_text("000099-ffffffff " + "0" * 64 + "\n")
        time.sleep(0.3)
        assert ready(client)
        assert assert_answers(client)["receipt"]["index_version"] == version
        (copy / "CURRENT").unlink()
        time.sleep(0.3)
        assert assert_answers(client)["receipt"]["index_version"] == version


# Change


def test_no_answer_mixes_two_generations(tmp_path: Path) -> None:
    """Four threads ask while the texts change under them."""
    topics = ("bridge", "lighthouse", "orchard", "mint")

    def rows(edition: int) -> list[dict[str, str]]:
        return [
            {
                "id": t,
                "text": f"Edition {edition} of the {t} book says: the {t} has {edition * 10 + n} owners.",
            }
            for n, t in enumerate(topics)
        ]

    editions: dict[str, dict[str, str]] = {}

    def note(edition: int, report: IndexReport) -> None:
        editions[report.index_version] = {
            row["id"]: hashlib.sha256(row["text"].encode()).hexdigest() for row in rows(edition)
        }

    note(0, index_rows(tmp_path, rows(0)))
    state = tmp_path / "state"
    records: list[dict[str, Any]] = []
    found: list[dict[str, str]] = []
    stop = threading.Event()
    app = create_app(settings_for(state, refresh_s=0.02, max_running=4), engine=SmallEngine(state))  # type: ignore[arg-type]
    with client_of(app) as client, ThreadPoolExecutor(4) as threads:

        def ask() -> None:
            while not stop.is_set():
                reply = post(
                    client,
                    "/v1/ask",
                    {"question": "How many owners has the bridge, lighthouse, orchard, mint?"},
                )
                assert reply.status == 200, reply.body
                records.append(reply.json())
                passages = post(client, "/v1/search", {"query": "bridge owners"}).json()["passages"]
                found.append({p["document_id"]: p["document_sha256"] for p in passages})

        asking = [threads.submit(ask) for _ in range(4)]
        for edition in range(1, 7):
            report = index_rows(tmp_path, rows(edition))
            note(edition, report)
            seen = report.index_version
            assert soon(lambda: bool(records) and records[-1]["receipt"]["index_version"] == seen)  # noqa: B023
        stop.set()
        for future in asking:
            future.result(20)
    assert {record["receipt"]["index_version"] for record in records} == set(editions)
    assert all(any(shas.items() <= e.items() for e in editions.values()) for shas in found if shas)
    assert any(found)
    for record in records:
        edition = editions[record["receipt"]["index_version"]]
        assert record["citations"]
        for citation in record["citations"]:
            assert citation["document_sha256"] == edition[citation["document_id"]]
            assert (
                hashlib.sha256(citation["cited_text"].encode()).hexdigest()
                == edition[citation["document_id"]]
            )


class PublishedMeanwhile(Engine):
    """Another generation is published after one was opened and before that is noted."""

    meanwhile: Callable[[], object] | None = None

    def _open(self) -> Stages:
        stages = super()._open()
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return stages


def test_a_generation_published_while_another_is_opened_is_not_missed(
    empty: Path, embedder: Embedder
) -> None:
    publish(empty, ROWS[:1], embedder)
    engine = PublishedMeanwhile(settings_for(empty))
    second = []
    engine.meanwhile = lambda: second.append(publish(empty, ROWS, embedder))
    assert engine.refresh()
    engine.refresh()
    assert engine.health().index_version == second[0].index_version
    assert engine.health().documents == 5
    assert not engine.refresh(), "nothing new"


def test_a_mended_generation_is_opened_once(copy: Path, seeds_engine: Engine) -> None:
    _damage_vectors(copy)
    engine = _engine_like(seeds_engine, copy)
    assert engine.refresh()
    assert not engine.refresh()


class Stumbling(SmallEngine):
    """Breaks in a way that nobody foresaw, some times."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.failures: Iterator[Exception] = iter(())

    def refresh(self) -> bool:
        for error in self.failures:
            raise error
        return super().refresh()


def test_one_failure_to_look_does_not_end_the_looking(tmp_path: Path) -> None:
    index_rows(tmp_path, ROWS[:1])
    engine = Stumbling(tmp_path / "state")
    with client_of(create_app(settings_for(tmp_path / "state", refresh_s=0.02), engine=engine)) as client:  # type: ignore[arg-type]
        engine.failures = iter([OSError(24, "Too many open files"), MemoryError(), ValueError(CANARY)])
        report = index_rows(tmp_path, ROWS)
        assert soon(lambda: raw(client, "GET", "/readyz").json()["index_version"] == report.index_version)
