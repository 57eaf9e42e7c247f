"""The service without HTTP gives the records that the routes give."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.engine import Engine
from api.in_process import InProcess, open_corpus
from api.settings import Settings
from index.errors import QAError, SourceError
from rag.errors import QuestionError

QUESTION = "why does the US want Central Asian minerals?"
ROWS = [
    {"id": "a", "title": "Tin", "text": "Chile sells tin. The office counted 40 tonnes of tin in May."},
    {"id": "b", "title": "Zinc", "text": "Peru sells zinc. Nobody counted it."},
]


def without_chance(record: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in record.items() if name not in ("id", "timings_ms")}


def test_the_records_are_those_of_the_routes(seeds_state: Path) -> None:
    settings = Settings(state_dir=seeds_state, threads=1, log_level="error")
    service = InProcess(Engine(settings))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        asked = client.post("/v1/ask", json={"question": QUESTION}).json()
        found = client.post("/v1/search", json={"query": QUESTION, "k": 7}).json()
        document = client.get("/v1/documents/000_80d9d01c5d28607e.txt").json()
    assert without_chance(service.ask(QUESTION, [])) == without_chance(asked)
    assert service.search(QUESTION, 7) == found
    assert len(found["passages"]) == 7
    assert service.document("000_80d9d01c5d28607e.txt") == document


def test_history_reaches_the_question(seeds_state: Path) -> None:
    service = InProcess(Engine(Settings(state_dir=seeds_state, threads=1, log_level="error")))
    history = [{"role": "user", "content": "Who is Kassym-Jomart Tokayev?"}]
    record = service.ask("And what did he sign?", history)
    assert record["question"] == "And what did he sign?"
    assert "Tokayev" in str(record["standalone_question"])


def test_what_answers_depend_on_is_described(seeds_state: Path) -> None:
    service = InProcess(Engine(Settings(state_dir=seeds_state, threads=1, log_level="error")))
    described = service.describe()
    receipt = service.ask(QUESTION, [])["receipt"]
    for name in ("index_version", "corpus_sha256", "settings_sha256", "software"):
        assert described[name] == receipt[name]
    assert described["models"]["embedder"] == receipt["models"]["embedder"]
    assert (described["documents"], described["passages"] > 3) == (3, True)


def test_bad_questions_and_unknown_documents_are_our_errors(seeds_state: Path) -> None:
    service = InProcess(Engine(Settings(state_dir=seeds_state, threads=1, log_level="error")))
    with pytest.raises(QuestionError):
        service.ask("   ", [])
    with pytest.raises(QuestionError):
        service.ask("x" * 2001, [])
    with pytest.raises(QuestionError):
        service.search("", 5)
    with pytest.raises(QuestionError):
        service.search("tin", 0)
    with pytest.raises(QAError):
        service.document("nobody")


def test_a_corpus_is_indexed_once_and_apart(tmp_path: Path, converted_models: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "models").symlink_to(converted_models, target_is_directory=True)
    settings = Settings(state_dir=state, threads=1, log_level="error")
    stages: list[str] = []
    service = open_corpus(settings, "two", [], ROWS, lambda stage, done, total: stages.append(stage))
    assert service.describe()["documents"] == 2
    assert service.document("a")["text"] == ROWS[0]["text"]
    assert stages
    assert sorted(path.name for path in state.iterdir()) == ["eval", "models"]
    (place,) = (state / "eval").iterdir()
    before = (place / "CURRENT").read_bytes()
    again = open_corpus(settings, "two", [], ROWS)
    assert again.describe() == service.describe()
    assert (place / "CURRENT").read_bytes() == before
    smaller = open_corpus(settings, "two", [], ROWS[:1])
    assert smaller.describe()["documents"] == 1
    assert len(list((state / "eval").iterdir())) == 2


def test_a_corpus_with_a_bad_document_is_not_asked(tmp_path: Path, converted_models: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "models").symlink_to(converted_models, target_is_directory=True)
    said: list[str] = []
    with pytest.raises(SourceError, match="1 documents of bad could not be read"):
        open_corpus(
            Settings(state_dir=state, threads=1, log_level="error"),
            "bad",
            [],
            [*ROWS, {"id": "c", "title": "No text"}],
            on_problem=said.append,
        )
    assert len(said) == 1
