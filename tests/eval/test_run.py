"""Runs: what is written, what a failure becomes, and that an interrupted run ends as any other."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eval.ask import ask_one
from eval.datatypes import DataSet, Question, RankedPassage, SourceText
from eval.errors import DataSetError, EvaluationError, RunFolderError, TargetError
from eval.in_parallel import done_in_parallel
from eval.journal import read_journal
from eval.provenance import command_line, provenance
from eval.run import RunStoppedError, run_questions
from eval.run_folder import line_of, read_run
from eval.targets import ChatServer, InProcess, NativeServer
from tests.eval.faulty_server import (
    DOCUMENTS,
    Library,
    LoopbackServer,
    NativeFake,
    Reply,
    UnknownDocumentError,
    data_set,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = data_set()
NOW = datetime(2025, 11, 6, 12, 0, tzinfo=UTC)
RESULT = ("answers.jsonl", "documents.jsonl", "questions.jsonl")
FILES = {*RESULT, "timings.jsonl", "run.json"}


def ask(folder: Path, target: Any = None, data: DataSet = DATA, **options: Any) -> Path:
    return run_questions(data, target or InProcess(Library()), folder, **options)


def result(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULT}


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return content


def journal(folder: Path) -> list[bytes]:
    path = folder / "journal.jsonl"
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The result of an uninterrupted run, one question at a time."""
    return result(ask(tmp_path_factory.mktemp("whole") / "run", parallel=1))


# What is written


def test_a_run_holds_everything(tmp_path: Path) -> None:
    ticks = itertools.count()
    folder = ask(
        tmp_path / "deep" / "run",
        parallel=1,
        search_k=5,
        seed=7,
        settings={"threads": 1, "pair": (1, 2)},
        clock=lambda: float(next(ticks)),
        now=lambda: NOW,
    )
    assert {path.name for path in folder.iterdir()} == FILES
    run = read_run(folder)
    assert run.questions == DATA.questions
    assert [entry.outcome for entry in run.entries] == ["answered"] * 4 + ["abstained", "answered"]
    assert all(set(entry.record or {}).isdisjoint({"id", "timings_ms"}) for entry in run.entries)
    # Copper's passage stands in a document that was kept, so the text is not kept twice.
    assert run.entries[0].ranking == (
        RankedPassage(document_id="a b/1?.txt", start=0, end=25, text=None, score=1.0),
    )
    assert {name: document.text for name, document in run.documents.items()} == DOCUMENTS
    assert list(run.documents) == sorted(DOCUMENTS)
    assert run.timings["q0"].ask_ms == 1000.0
    assert run.timings["q0"].search_ms == 1000.0
    assert run.timings["q0"].stages_ms == {"total": 1.0}
    said = manifest(folder)
    assert said["data"]["name"] == "fake"
    assert (said["data"]["sha256"], said["data"]["licence"], said["data"]["questions"]) == (
        "ab" * 32,
        "CC0",
        6,
    )
    assert said["target"] == {
        "name": "in-process",
        "describe": {"protocol": "in-process", "models": {"reader": "fake"}, "index_version": "i1"},
        "receipts": [{"index_version": "i1", "models": {"reader": "fake"}, "software": "0.0.0"}],
    }
    assert (said["format"], said["finished"], said["created"]) == (1, True, "2025-11-06T12:00:00+00:00")
    assert (said["search_k"], said["parallel"], said["seed"]) == (5, 1, 7)
    assert said["settings"] == {"threads": 1, "pair": [1, 2]}
    # One tick to begin, four and one more for each question.
    assert (said["sessions"], said["resumed"], said["elapsed_s"]) == (1, [], 30.0)
    assert said["documents_not_fetched"] == {}
    assert said["counts"] == {
        "questions": 6,
        "answerable": 5,
        "unanswerable": 1,
        "unlabelled": 0,
        "answered": 5,
        "partial": 0,
        "abstained": 1,
        "failed": 0,
        "failures": {},
    }
    assert {"commit", "dirty", "machine", "versions", "command"} <= set(said)


@pytest.mark.parametrize("parallel", [2, 16, 64])
def test_the_result_does_not_depend_on_how_many_are_asked_at_once(
    tmp_path: Path, whole: dict[str, bytes], parallel: int
) -> None:
    assert result(ask(tmp_path / "run", parallel=parallel)) == whole


def test_http_and_in_process_give_the_same_result(tmp_path: Path, whole: dict[str, bytes]) -> None:
    with LoopbackServer(NativeFake()) as server, NativeServer(server.url) as target:
        assert result(ask(tmp_path / "run", target)) == whole


def test_a_follow_up_is_searched_for_as_the_answer_made_it_stand_alone() -> None:
    seen: list[str] = []

    class Watched(Library):
        def search(self, query: str, k: int) -> dict[str, Any]:
            seen.append(query)
            return super().search(query, k)

    for question in DATA.questions[-2:]:
        ask_one(InProcess(Watched()), question, 5)
    assert seen == ["4: what of lead?", "Tell me. 5: what of heavy?"]


def test_progress_counts_outcomes(tmp_path: Path) -> None:
    told: list[tuple[int, int, Mapping[str, int]]] = []
    library = Library()
    library.raises[DATA.questions[1].text] = UnknownDocumentError("gone")
    ask(tmp_path / "run", InProcess(library), parallel=1, on_progress=lambda *words: told.append(words))
    assert [(done, total) for done, total, _ in told] == [(done, 6) for done in range(7)]
    assert told[0][2] == {"answered": 0, "partial": 0, "abstained": 0, "failed": 0}
    assert told[-1][2] == {"answered": 4, "partial": 0, "abstained": 1, "failed": 1}


def test_no_more_are_asked_at_once_than_allowed(tmp_path: Path) -> None:
    together = threading.Barrier(3)
    now: list[int] = []
    most: list[int] = []

    class Slow(Library):
        def ask(self, question: str, history: list[dict[str, Any]]) -> dict[str, Any]:
            now.append(1)
            together.wait(30)  # returns only where three are asked at once
            most.append(len(now))
            together.wait(30)
            now.pop()
            return super().ask(question, history)

    ask(tmp_path / "run", InProcess(Slow()), parallel=3)
    assert set(most) == {3}


# Failures


def test_every_fault_of_a_server_is_a_counted_failure(tmp_path: Path) -> None:
    fake = NativeFake()
    faults = {
        0: ("cut", "connection"),
        1: ("hang", "timeout"),
        2: ("drip", "timeout"),
        3: ("html", "not_json"),
        4: ("truncated", "not_json"),
        5: ("no_citations", "malformed"),
        6: ("429", "rate_limited"),
        7: ("500", "http_status"),
        8: ("503", "http_status"),
        9: ("redirect", "http_status"),
        10: ("huge", "malformed"),
    }
    data = data_set(14)
    for number, (fault, _) in faults.items():
        fake.faults[data.questions[number].text] = [fault]
    fake.faults[data.questions[11].text] = ["429:1", "ok"]
    fake.faults[f"search:{data.questions[12].text}"] = ["500"]
    with (
        LoopbackServer(fake) as server,
        NativeServer(server.url, timeout_s=1.0, retries=1, sleep=lambda _s: None) as target,
    ):
        folder = ask(tmp_path / "run", target, data, parallel=4)
    run = read_run(folder)
    kinds = {n: e.failure.kind for n, e in enumerate(run.entries) if e.failure is not None}
    assert kinds == {number: kind for number, (_, kind) in faults.items()} | {12: "http_status"}
    assert [entry.outcome for entry in run.entries] == ["failed"] * 11 + ["answered", "failed", "answered"]
    counts = manifest(folder)["counts"]
    assert (counts["failed"], counts["abstained"]) == (12, 0)
    assert counts["failures"] == {
        "connection": 1,
        "http_status": 4,
        "malformed": 2,
        "not_json": 2,
        "rate_limited": 1,
        "timeout": 2,
    }
    failure = run.entries[7].failure
    assert failure is not None
    assert (failure.status, failure.detail) == (
        500,
        f"POST {server.url}/v1/ask: status 500: broken on purpose (500)",
    )
    assert run.timings["q7"].ask_ms is not None
    assert run.timings["q7"].search_ms is None
    assert run.timings["q12"].search_ms is not None


def test_a_server_that_dies_fails_the_rest_and_nothing_else(tmp_path: Path) -> None:
    fake = NativeFake()
    answered = 0
    with LoopbackServer(fake) as server, NativeServer(server.url) as target:

        def end_after_three(done: int, _total: int, _outcomes: Mapping[str, int]) -> None:
            nonlocal answered
            answered = done
            if done == 3:
                fake.faults.update({question.text: ["close"] for question in DATA.questions})
                fake.faults.update({f"document:{name}": ["close"] for name in DOCUMENTS})

        folder = ask(tmp_path / "run", target, parallel=1, on_progress=end_after_three)
    run = read_run(folder)
    assert [entry.outcome for entry in run.entries] == ["answered"] * 3 + ["failed"] * 3
    assert manifest(folder)["counts"]["failures"] == {"connection": 3}
    assert manifest(folder)["documents_not_fetched"] == dict.fromkeys(
        ["..", "a b/1?.txt", "gold.txt"], "connection"
    )
    # No document gives the text back, so the ranking keeps it.
    assert run.entries[0].ranking == (
        RankedPassage(
            document_id="a b/1?.txt", start=0, end=25, text=DOCUMENTS["a b/1?.txt"][:25], score=1.0
        ),
    )


def test_a_target_that_is_not_there_at_all_leaves_nothing_behind(tmp_path: Path) -> None:
    with LoopbackServer(NativeFake()) as server:
        pass
    with NativeServer(server.url) as target, pytest.raises(TargetError):
        ask(tmp_path / "run", target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_mistake_in_the_code_ends_the_run_with_the_answers_kept(
    tmp_path: Path, whole: dict[str, bytes], parallel: int
) -> None:
    library = Library()
    library.raises[DATA.questions[3].text] = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        ask(tmp_path / "run", InProcess(library), parallel=parallel)
    assert len(journal(tmp_path / "run")) >= 3
    assert not manifest(tmp_path / "run")["finished"]
    assert result(ask(tmp_path / "run", resume=True, parallel=parallel)) == whole


def test_a_mistake_while_documents_are_fetched_costs_no_answer(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    class Broken(Library):
        def document(self, document_id: str) -> dict[str, Any]:
            raise ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError):
        ask(tmp_path / "run", InProcess(Broken()))
    second = Library()
    assert result(ask(tmp_path / "run", InProcess(second), resume=True)) == whole
    assert second.calls == 0


def test_documents_are_fetched_once_and_gaps_are_told(tmp_path: Path) -> None:
    fetched: list[str] = []

    class Gap(Library):
        def document(self, document_id: str) -> dict[str, Any]:
            fetched.append(document_id)
            if document_id == "gold.txt":
                raise UnknownDocumentError("gone")
            return super().document(document_id)

    folder = ask(tmp_path / "run", InProcess(Gap()), data=data_set(18))
    assert sorted(fetched) == sorted(DOCUMENTS)
    assert manifest(folder)["documents_not_fetched"] == {"gold.txt": "engine"}
    run = read_run(folder)
    assert set(run.documents) == {"..", "a b/1?.txt"}
    texts = [passage.text for passage in run.entries[3].ranking or ()]
    assert texts == ["Gold is rare.", "Gold is heavy."]


def test_a_passage_that_its_document_does_not_hold_keeps_its_text(tmp_path: Path) -> None:
    class Other(Library):
        def search(self, query: str, k: int) -> dict[str, Any]:
            found = super().search(query, k)
            for passage in found["passages"]:
                passage["text"] = passage["text"].upper()
            return found

    run = read_run(ask(tmp_path / "run", InProcess(Other())))
    assert [passage.text for passage in run.entries[2].ranking or ()] == ["ZINC WAS FOUND IN 1907."]


def test_a_chat_server_makes_a_run_without_documents(tmp_path: Path) -> None:
    reply = {
        "model": "m",
        "choices": [{"message": {"content": "Copper [1]."}}],
        "search_results": [{"title": "T", "url": "https://a.example/1", "snippet": "Copper is there."}],
    }
    data = replace(DATA, questions=DATA.questions[1:])
    with LoopbackServer(lambda *_: Reply(200, reply)) as server, ChatServer(server.url, model="m") as target:
        folder = ask(tmp_path / "run", target, data)
    run = read_run(folder)
    assert {entry.outcome for entry in run.entries} == {"answered"}
    assert run.documents == {}
    assert run.entries[0].ranking == (
        RankedPassage(document_id=None, start=None, end=None, text="Copper is there.", score=None),
    )
    assert {timing.search_ms for timing in run.timings.values()} == {None}
    assert manifest(folder)["documents_not_fetched"] == {}


def test_documents_that_a_target_does_not_serve_are_told(tmp_path: Path) -> None:
    class NoDocuments(InProcess):
        def document(self, document_id: str) -> SourceText:
            return None  # type: ignore[return-value]

    folder = ask(tmp_path / "run", NoDocuments(Library()))
    assert manifest(folder)["documents_not_fetched"] == dict.fromkeys(sorted(DOCUMENTS), "not_served")


# Going on


def interrupted(folder: Path, after: int) -> None:
    """Leave a run as it is when it dies after so many answers."""

    class Died(BaseException):
        pass

    def die(done: int, _total: int, _outcomes: Mapping[str, int]) -> None:
        if done == after:
            raise Died

    with pytest.raises(Died):
        ask(folder, parallel=1, on_progress=die)


def test_a_cut_at_every_byte_of_the_journal_ends_the_same(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path / "run", 6)
    lines = journal(tmp_path / "run")
    assert len(lines) == 6
    content = b"".join(lines)
    ends = {0, *itertools.accumulate(map(len, lines[:3]))}
    cut_off = tmp_path / "journal.jsonl"
    for cut in range(len(lines[0] + lines[1]) + 1):
        cut_off.write_bytes(content[:cut])
        assert list(read_journal(cut_off)) == [f"q{n}" for n in range(content[:cut].count(b"\n"))]
    # So whole runs need only go on from around each line's end.
    cuts = {end + step for end in ends for step in (-1, 0, 1)}
    for cut in sorted(cut for cut in cuts if 0 <= cut <= len(content)):
        folder = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "run", folder)
        (folder / "journal.jsonl").write_bytes(content[:cut])
        library = Library()
        assert result(ask(folder, InProcess(library), resume=True)) == whole
        assert library.calls == 6 - content[:cut].count(b"\n")
        assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.long
def test_a_cut_anywhere_in_the_journal_ends_the_same(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path / "run", 6)
    content = b"".join(journal(tmp_path / "run"))
    for cut in range(0, len(content) + 1, 41):
        folder = tmp_path / "cut"
        shutil.copytree(tmp_path / "run", folder)
        (folder / "journal.jsonl").write_bytes(content[:cut])
        assert result(ask(folder, resume=True)) == whole
        shutil.rmtree(folder)


CHILD = """
import sys
from pathlib import Path
from eval.run import run_questions
from eval.targets import NativeServer
from tests.eval.faulty_server import data_set
with NativeServer(sys.argv[1]) as target:
    run_questions(data_set(12), target, Path(sys.argv[2]), parallel=3, resume=sys.argv[3] == "resume")
"""


def child(url: str, folder: Path, how: str, child_environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(folder), how],
        cwd=ROOT,
        env=child_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


class Gate:
    """Lets so many requests of one kind through and holds the rest until it is opened."""

    def __init__(self, free: int, holds: Callable[[str], bool]) -> None:
        self._free = free
        self._holds = holds
        self._lock = threading.Lock()
        self.held = threading.Event()
        self.opened = threading.Event()

    def __call__(self, key: str) -> None:
        if not self._holds(key):
            return
        with self._lock:
            self._free -= 1
            held = self._free < 0
        if held:
            self.held.set()
            self.opened.wait(60)


def is_question(key: str) -> bool:
    return ": what of" in key and not key.startswith("search:")


def is_document(key: str) -> bool:
    return key.startswith("document:")


def test_killed_at_any_point_and_resumed_a_run_ends_the_same(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    fake = NativeFake()
    with LoopbackServer(fake) as server:
        with NativeServer(server.url) as target:
            expected = result(ask(tmp_path / "whole", target, data_set(12)))
        folder = tmp_path / "killed"
        # Killed again and again in one folder: before any answer, amid them, at the documents.
        how = "begin"
        for free, holds in [(0, is_question), (4, is_question), (3, is_question), (1, is_document)]:
            before = len(journal(folder))
            fake.gate = gate = Gate(free, holds)
            process = child(server.url, folder, how, child_environment)
            assert gate.held.wait(60)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            assert process.returncode == -signal.SIGKILL
            gate.opened.set()
            assert len(journal(folder)) >= before
            assert not manifest(folder)["finished"]
            how = "resume"
        assert len(journal(folder)) == 12
        fake.gate = lambda _key: None
        process = child(server.url, folder, "resume", child_environment)
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, b"")
    assert result(folder) == expected
    assert {path.name for path in folder.iterdir()} == FILES
    assert manifest(folder)["sessions"] == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_after_what_is_being_asked(
    tmp_path: Path, child_environment: dict[str, str], number: signal.Signals
) -> None:
    fake = NativeFake()
    with LoopbackServer(fake) as server, NativeServer(server.url) as target:
        expected = result(ask(tmp_path / "whole", target, data_set(12)))
        fake.gate = gate = Gate(5, is_question)
        process = child(server.url, tmp_path / "run", "begin", child_environment)
        assert gate.held.wait(60)
        process.send_signal(number)
        # The child says that it has heard before anything is let through.
        assert process.stdout is not None
        assert number.name.encode() in process.stdout.readline()
        gate.opened.set()
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert b"RunStoppedError: stopped after" in said
        done = len(journal(tmp_path / "run"))
        assert 5 <= done <= 8  # five let through, and at most three that were held
        fake.gate = lambda _key: None
        assert result(ask(tmp_path / "run", target, data_set(12), resume=True)) == expected


def test_a_second_signal_ends_a_run_at_once(tmp_path: Path, child_environment: dict[str, str]) -> None:
    fake = NativeFake()
    with LoopbackServer(fake) as server:
        fake.gate = gate = Gate(2, is_question)
        process = child(server.url, tmp_path / "run", "begin", child_environment)
        assert gate.held.wait(60)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert b"SIGTERM" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGTERM
        gate.opened.set()


def test_a_stop_in_this_process_puts_the_handlers_back(tmp_path: Path, whole: dict[str, bytes]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def stop(done: int, _total: int, _outcomes: Mapping[str, int]) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(
        RunStoppedError, match=r"stopped after 2 of 6 questions; go on with --out .* --resume"
    ):
        ask(tmp_path / "run", parallel=1, on_progress=stop)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert result(ask(tmp_path / "run", resume=True)) == whole


def test_a_run_in_another_thread_needs_no_signals(tmp_path: Path, whole: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert result(pool.submit(ask, tmp_path / "run").result()) == whole


def test_the_time_of_all_sessions_is_summed(tmp_path: Path) -> None:
    def run(after: int | None, **options: Any) -> None:
        ticks = itertools.count()

        def die(done: int, _total: int, _outcomes: Mapping[str, int]) -> None:
            if done == after:
                raise KeyboardInterrupt

        ask(tmp_path / "run", parallel=1, clock=lambda: float(next(ticks)), on_progress=die, **options)

    with pytest.raises(KeyboardInterrupt):
        run(2)
    with pytest.raises(KeyboardInterrupt):
        run(3, resume=True)
    run(None, resume=True, now=lambda: NOW)
    said = manifest(tmp_path / "run")
    assert (said["sessions"], said["elapsed_s"]) == (3, 10.0 + 5.0 + 15.0)
    assert len(said["resumed"]) == 2
    assert said["resumed"][1]["created"] == "2025-11-06T12:00:00+00:00"


def test_of_a_question_twice_in_the_journal_the_first_counts(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path / "run", 3)
    lines = journal(tmp_path / "run")
    second = json.loads(lines[0])
    second["entry"]["record"]["answer"] = "Another."
    (tmp_path / "run" / "journal.jsonl").write_bytes(b"".join([*lines, line_of(second)]))
    assert result(ask(tmp_path / "run", resume=True)) == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: b"\x00" * (len(line) - 1) + b"\n",
        lambda line: line[: len(line) // 2] + b"\n",
        lambda _: b"\n",
        lambda _: b"[]\n",
        lambda _: b"{}\n",
        lambda line: line.replace(b'"outcome": "answered"', b'"outcome": "failed"'),
        lambda line: line.replace(b'"question_id": "q1"', b'"question_id": "q2"', 1),
        lambda line: line[:-1].replace(b"copper", b"\xff") + b"\xff\n",
    ],
)
def test_a_damaged_whole_line_is_an_error(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    interrupted(tmp_path / "run", 3)
    lines = journal(tmp_path / "run")
    (tmp_path / "run" / "journal.jsonl").write_bytes(b"".join([lines[0], damage(lines[1]), lines[2]]))
    with pytest.raises(RunFolderError, match=r"journal\.jsonl, line 2 is damaged"):
        ask(tmp_path / "run", resume=True)


def test_a_journal_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 1)
    (tmp_path / "run" / "journal.jsonl").unlink()
    (tmp_path / "run" / "journal.jsonl").mkdir()
    with pytest.raises(RunFolderError, match=r"journal\.jsonl cannot be read: Is a directory"):
        ask(tmp_path / "run", resume=True)


def test_a_journal_of_other_questions_is_an_error(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 1)
    path = tmp_path / "run" / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"q0"', b'"z9"'))
    with pytest.raises(RunFolderError, match="answers 'z9', which is not asked"):
        ask(tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"data": replace(DATA, sha256="cd" * 32)}, "data.sha256"),
        ({"data": replace(DATA, questions=DATA.questions[:5])}, "data.questions_sha256"),
        ({"search_k": 21}, "search_k was 20 and is 21"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"settings": {"threads": 2}}, "settings.threads was None and is 2"),
    ],
)
def test_another_run_is_not_gone_on_with(tmp_path: Path, options: dict[str, Any], where: str) -> None:
    interrupted(tmp_path / "run", 2)
    before = journal(tmp_path / "run")
    with pytest.raises(RunFolderError, match=f"is another run: {where}"):
        ask(tmp_path / "run", resume=True, **options)
    assert journal(tmp_path / "run") == before


def test_another_target_or_index_is_not_gone_on_with(tmp_path: Path) -> None:
    class NewIndex(Library):
        def describe(self) -> dict[str, Any]:
            return {**super().describe(), "index_version": "i2"}

    class Elsewhere(Library):
        name = "elsewhere"

    interrupted(tmp_path / "run", 2)
    with pytest.raises(RunFolderError, match=r"target\.describe\.index_version was 'i1' and is 'i2'"):
        ask(tmp_path / "run", InProcess(NewIndex()), resume=True)
    with pytest.raises(RunFolderError, match=r"target\.name was 'in-process' and is 'elsewhere'"):
        ask(tmp_path / "run", InProcess(Elsewhere()), resume=True)


def test_failed_questions_are_asked_again_only_if_wanted(tmp_path: Path, whole: dict[str, bytes]) -> None:
    library = Library()
    library.raises[DATA.questions[1].text] = UnknownDocumentError("gone")
    library.raises[f"search:{DATA.questions[2].text}"] = UnknownDocumentError("gone")
    folder = ask(tmp_path / "run", InProcess(library))
    failed = result(folder)
    well = Library()
    assert result(ask(folder, InProcess(well), resume=True)) == failed
    assert well.calls == 0
    assert result(ask(folder, InProcess(well), resume=True, retry_failed=True)) == whole
    assert well.calls == 2
    assert manifest(folder)["counts"]["failed"] == 0
    ask(folder, InProcess(well), resume=True, retry_failed=True)
    assert (well.calls, manifest(folder)["sessions"]) == (2, 2)
    with pytest.raises(EvaluationError, match="add --resume"):
        ask(tmp_path / "other", retry_failed=True)


def test_failed_questions_of_an_unfinished_run_are_asked_again(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    library = Library()
    library.raises[DATA.questions[1].text] = UnknownDocumentError("gone")
    library.raises[DATA.questions[4].text] = ZeroDivisionError("a mistake")
    with pytest.raises(ZeroDivisionError):
        ask(tmp_path / "run", InProcess(library), parallel=1)
    well = Library()
    assert result(ask(tmp_path / "run", InProcess(well), resume=True, retry_failed=True)) == whole
    assert well.calls == 3


def test_missing_documents_are_fetched_again_and_texts_are_not_lost(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    class Gone(Library):
        gone = frozenset({"gold.txt"})

        def document(self, document_id: str) -> dict[str, Any]:
            if document_id in self.gone:
                raise UnknownDocumentError("gone")
            return super().document(document_id)

    class AllGone(Gone):
        gone = frozenset(DOCUMENTS)

    folder = ask(tmp_path / "run", InProcess(Gone()))
    ask(folder, InProcess(AllGone()), resume=True, retry_failed=True)
    copper = (read_run(folder).entries[0].ranking or ())[0]
    assert copper.text == "Copper lies in the hills."
    assert manifest(folder)["documents_not_fetched"] == dict.fromkeys(sorted(DOCUMENTS), "engine")
    last = Library()
    assert result(ask(folder, InProcess(last), resume=True, retry_failed=True)) == whole
    assert last.calls == 0


# Folders and arguments


def test_a_folder_is_used_once(tmp_path: Path) -> None:
    folder = ask(tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RunFolderError, match="holds a finished run; choose another --out"):
        ask(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.lock"} == before
    interrupted(tmp_path / "half", 2)
    with pytest.raises(RunFolderError, match="holds an unfinished run; go on with --resume"):
        ask(tmp_path / "half")
    with pytest.raises(RunFolderError, match="the run was not finished"):
        read_run(tmp_path / "half")


def test_a_journal_left_by_a_death_at_the_very_end_is_cleared(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    folder = ask(tmp_path / "run")
    (folder / "journal.jsonl").write_bytes(b"any")
    (folder / "run.lock").touch()
    ask(folder, resume=True)
    assert result(folder) == whole
    assert not (folder / "journal.jsonl").exists()


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(RunFolderError, match=r"holds no run \('a\.txt', say\)"):
        ask(tmp_path / "notes")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="cannot be written"):
        ask(tmp_path / "file")
    with pytest.raises(RunFolderError, match="there is no run to go on with"):
        ask(tmp_path / "missing", resume=True)
    assert not (tmp_path / "missing").exists()
    (tmp_path / "empty").mkdir()
    assert ask(tmp_path / "empty", resume=True) == tmp_path / "empty"  # died before run.json
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match="cannot be read"):
        ask(tmp_path / "odd", resume=True)


def test_a_manifest_without_its_sums_is_an_error(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 2)
    path = tmp_path / "run" / "run.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["elapsed_s"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunFolderError, match="lacks sessions, elapsed_s or resumed"):
        ask(tmp_path / "run", resume=True)


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    descriptor = os.open(tmp_path / "run" / "run.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # another open file excludes, as another process does
        with pytest.raises(RunFolderError, match="another process is writing this run"):
            ask(tmp_path / "run")
    finally:
        os.close(descriptor)
    assert ask(tmp_path / "run") == tmp_path / "run"


def test_a_journal_that_cannot_be_written_is_an_error(tmp_path: Path, whole: dict[str, bytes]) -> None:
    interrupted(tmp_path / "run", 2)
    kept = (tmp_path / "run" / "journal.jsonl").read_bytes()
    (tmp_path / "run" / "journal.jsonl.new").mkdir()
    with pytest.raises(RunFolderError, match="cannot be written: Is a directory"):
        ask(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "journal.jsonl").read_bytes() == kept
    (tmp_path / "run" / "journal.jsonl.new").rmdir()
    assert result(ask(tmp_path / "run", resume=True)) == whole


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parallel": 0}, r"parallel is 0; it must be in 1\.\.64"),
        ({"parallel": 65}, "parallel is 65"),
        ({"search_k": 0}, r"search_k is 0; it must be in 1\.\.100"),
        ({"search_k": 101}, "search_k is 101"),
        ({"settings": {"x": float("nan")}}, "must be plain JSON values"),
        ({"settings": {"x": object()}}, "must be plain JSON values"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        ask(tmp_path / "run", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ((), "has no questions"),
        ((DATA.questions[0], DATA.questions[1], DATA.questions[0]), "question id 'q0' is there twice"),
        ((replace(DATA.questions[0], text="\ud800?"),), "question 'q0' holds a lone surrogate"),
    ],
)
def test_data_that_cannot_be_asked_is_refused(
    tmp_path: Path, questions: tuple[Question, ...], words: str
) -> None:
    with pytest.raises(DataSetError, match=words):
        ask(tmp_path / "run", data=replace(DATA, questions=questions))
    assert list(tmp_path.iterdir()) == []


def test_unlabelled_questions_are_counted_apart(tmp_path: Path) -> None:
    data = replace(DATA, questions=tuple(replace(q, answerable=None) for q in DATA.questions))
    counts = manifest(ask(tmp_path / "run", data=data))["counts"]
    assert (counts["answerable"], counts["unanswerable"], counts["unlabelled"]) == (0, 0, 6)


# The parts


def test_work_in_parallel_loses_no_result_to_an_error() -> None:
    begun: list[int] = []
    gate = threading.Barrier(3)

    def work(item: int) -> int:
        begun.append(item)
        if item < 3:
            gate.wait(30)
        if item == 1:
            raise ZeroDivisionError
        return item

    got: list[int] = []
    with pytest.raises(ZeroDivisionError):
        got.extend(done_in_parallel(range(100), work, threads=3, halted=lambda: False))
    # What was under way is not lost; each of 0 and 2 may have let one more begin.
    assert {0, 2} <= set(got)
    assert sorted(begun) == sorted([1, *got])
    assert len(got) < 100


def test_provenance_tells_no_path_and_no_key(tmp_path: Path) -> None:
    home = str(tmp_path)
    words = [
        f"{home}/bin/verse",
        "eval",
        "run",
        "--out",
        f"{home}/runs/a",
        f"--folder={home}/data",
        "--data",
        "rel/q.csv",
        "--api-key",
        "sk-1",
        "--token=sk-2",
        "--api-key-env",
        "MY_KEY",
        "--resume",
    ]
    assert command_line(words) == (
        "verse eval run --out a --folder=data --data rel/q.csv --api-key … --token=… --api-key-env MY_KEY --resume"
    )
    said = provenance()
    assert set(said) == {"commit", "dirty", "machine", "versions", "command"}
    assert {"python", "numpy", "httpx2"} <= set(said["versions"])
