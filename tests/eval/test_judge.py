"""The judge against a real server on the loopback: one that judges, wavers, babbles, refuses, hangs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eval.datatypes import Run
from eval.errors import EvaluationError, RunFolderError
from eval.judge import judge_folder, judge_run, messages, prompt_sha256, verdict_in
from eval.judgement import judgement_json, judgement_text, read_judgement, write_judgement
from eval.run_folder import (
    ANSWERS,
    DOCUMENTS,
    QUESTIONS,
    TIMINGS,
    document_row,
    entry_row,
    question_row,
    write_manifest,
    write_rows,
)
from tests.eval.eval_fakes import abstained, answered, asked, cited, failed, run_of, source

DOC = source("d1", "Zinc was found in 1907. Tin is soft. Lead is heavy.")
Script = Callable[[dict[str, Any]], tuple[int, bytes]]


class Judge:
    """An OpenAI-compatible server that replies by a rule and keeps what it was asked."""

    def __init__(self, rule: Script) -> None:
        self.rule = rule
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.release = threading.Event()
        self.lock = threading.Lock()
        judge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with judge.lock:
                    judge.requests.append(body)
                    judge.keys.append(self.headers["Authorization"])
                    judge.paths.append(self.path)
                status, content = judge.rule(body)
                if status == 0:  # hang until the test is over
                    judge.release.wait(30)
                    self.close_connection = True
                    return
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def judging(rule: Script) -> Iterator[Judge]:
    judge = Judge(rule)
    thread = threading.Thread(target=judge.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield judge
    finally:
        judge.release.set()
        judge.server.shutdown()
        judge.server.server_close()
        thread.join(timeout=10)


def says(text: str) -> tuple[int, bytes]:
    reply = {"model": "judge-1-0613", "choices": [{"message": {"role": "assistant", "content": text}}]}
    return 200, json.dumps(reply).encode()


def verdict(supported: bool, answers: bool) -> tuple[int, bytes]:
    return says(json.dumps({"supported": supported, "answers_question": answers, "reason": "so"}))


def user_text(body: dict[str, Any]) -> str:
    return str(body["messages"][1]["content"])


def honest(body: dict[str, Any]) -> tuple[int, bytes]:
    """Supported when the answer stands in the quote."""
    parts = user_text(body).split("\n")
    answer = parts[parts.index(next(line for line in parts if line.endswith(" ANSWER"))) + 1]
    quote = parts[parts.index(next(line for line in parts if line.endswith(" QUOTE 1"))) + 1]
    return verdict(answer.removesuffix(" [1]") in quote, True)


def a_run() -> Run:
    return run_of(
        answered(asked("q1"), cited(DOC, "Zinc was found in 1907."), answer="Zinc was found in 1907. [1]"),
        failed(asked("q2")),
        answered(asked("q3"), cited(DOC, "Tin is soft."), answer="Tin is hard. [1]"),
        abstained(asked("q4", answerable=False)),
        answered(asked("q5"), cited(DOC, "Lead is heavy."), answer="Lead is heavy. [1]", outcome="partial"),
        answered(asked("q6"), cited(DOC, "Lead is heavy."), answer="Lead is heavy. [1]"),
        documents=[DOC],
    )


def test_a_judge_that_follows_a_rule_gives_its_share_with_a_wilson_interval() -> None:
    with judging(honest) as judge:
        found = judge_run(a_run(), f"{judge.url}/v1", "judge-1", "sekret")
    assert (found.answers, found.asked, found.judged, found.disagreed) == (4, 4, 4, 0)
    assert found.supported.value == 0.75
    # Wilson for 3 of 4, by hand: (0.75 + 0.4802) / 1.9604 ± …
    assert found.supported.low == pytest.approx(0.300642, abs=1e-6)
    assert found.supported.high == pytest.approx(0.954413, abs=1e-6)
    assert found.good.value == 0.75
    assert found.answers_question.value == 1.0
    assert found.failures == {}
    assert found.models_reported == ("judge-1-0613",)
    assert found.host == judge.url.removeprefix("http://")
    assert [(reply.question_id, reply.repeat) for reply in found.replies] == [
        (name, repeat) for name in ("q1", "q3", "q5", "q6") for repeat in (0, 1)
    ]


def test_every_request_is_pinned_and_only_the_key_travels_in_a_header() -> None:
    with judging(honest) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", "sekret", parallel=1)
    assert {(body["model"], body["temperature"], body["stream"]) for body in judge.requests} == {
        ("judge-1", 0, False)
    }
    assert [body["seed"] for body in judge.requests] == [0, 1] * 4
    assert set(judge.paths) == {"/v1/chat/completions"}
    assert set(judge.keys) == {"Bearer sekret"}
    assert "sekret" not in json.dumps(judgement_json(found)) + judgement_text(found)
    assert found.prompt_sha256 == prompt_sha256()
    assert len(found.prompt_sha256) == 64


def test_texts_stand_between_a_boundary_that_is_new_each_time() -> None:
    with judging(honest) as judge:
        judge_run(a_run(), judge.url, "judge-1", None)
    boundaries = {user_text(body).split(" ", 1)[0] for body in judge.requests}
    assert len(boundaries) == len(judge.requests) == 8
    assert all(len(word) == 32 for word in boundaries)
    for body in judge.requests:
        assert user_text(body).split(" ", 1)[0] in body["messages"][0]["content"]
        assert "Zinc" not in body["messages"][0]["content"]


def test_messages_word_for_word() -> None:
    question, entry = answered(asked("q1"), cited(DOC, "Tin is soft."), answer="Tin is soft. [1]")
    system, user = messages(question, entry, "b0")
    assert "{boundary}" not in system["content"]
    assert user["content"] == (
        "b0 QUESTION\nWhat of q1?\nb0 END OF QUESTION\n"
        "b0 ANSWER\nTin is soft. [1]\nb0 END OF ANSWER\n"
        "b0 QUOTE 1\nTin is soft.\nb0 END OF QUOTE 1"
    )


def test_a_judge_that_wavers_is_counted_and_its_answer_is_not_good() -> None:
    def wavers(body: dict[str, Any]) -> tuple[int, bytes]:
        return verdict(True, not ("q5" in user_text(body) and body["seed"] == 1))

    with judging(wavers) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None)
    assert found.disagreed == 1
    assert found.good.value == 0.75
    assert found.supported.value == 1.0
    assert found.answers_question.value == 0.75
    assert "the 2 repeats disagree on 1 of 4 answers" in judgement_text(found)


def test_rubbish_is_a_failure_and_leaves_the_answer_out() -> None:
    def babbles(body: dict[str, Any]) -> tuple[int, bytes]:
        if "q3" in user_text(body):
            return says("Looks fine to me!")
        if "q5" in user_text(body) and body["seed"] == 0:
            return 200, b"<html>"
        return verdict(True, True)

    with judging(babbles) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None)
    assert found.failures == {"no_verdict": 2, "not_json": 1}
    assert (found.asked, found.judged) == (4, 2)
    assert found.good.n == 2
    assert found.replies[2].detail == "Looks fine to me!"
    assert found.replies[2].good is None
    assert "no_verdict 2, not_json 1; 2 answers left out" in judgement_text(found)


def test_429_is_tried_again_and_a_server_that_goes_on_is_rate_limited() -> None:
    calls: dict[str, int] = {}

    def busy(body: dict[str, Any]) -> tuple[int, bytes]:
        key = f"{user_text(body).splitlines()[1]} {body['seed']}"
        calls[key] = calls.get(key, 0) + 1
        return (429, b"{}") if "q6" in key or calls[key] == 1 else verdict(True, True)

    with judging(busy) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None, retries=1)
    assert found.failures == {"rate_limited": 2}
    assert (found.judged, found.good.value) == (3, 1.0)


def test_a_server_that_hangs_times_out_and_the_rest_go_on() -> None:
    def hangs(body: dict[str, Any]) -> tuple[int, bytes]:
        return (0, b"") if "q1" in user_text(body) else verdict(True, True)

    with judging(hangs) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None, timeout_s=0.5)
    assert found.failures == {"timeout": 2}
    assert found.judged == 3


def test_a_judge_that_never_gives_a_verdict_has_no_score() -> None:
    with (
        judging(lambda body: says("42")) as judge,
        pytest.raises(EvaluationError, match=r"no answer got 2 verdicts: no_verdict 8; the last said: '42'"),
    ):
        judge_run(a_run(), judge.url, "judge-1", None)


def test_a_limit_is_said() -> None:
    with judging(honest) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None, limit=1, repeats=3)
    assert (len(judge.requests), found.answers, found.asked) == (3, 4, 1)
    assert "judged the first 1 of 4 answers" in judgement_text(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"repeats": 1}, "repeats is 1"),
        ({"limit": 0}, "limit is 0"),
        ({"parallel": 0}, "parallel is 0"),
        ({"model": " "}, "exact id of a model"),
        ({"base_url": "ftp://judge"}, "is no URL"),
        ({"base_url": "http://me:pw@judge/v1"}, "no user, password"),
        ({"timeout_s": 0.0}, "timeout_s"),
    ],
)
def test_bad_values_are_named(change: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"base_url": "http://127.0.0.1:9", "model": "judge-1", "api_key": None, **change}
    with pytest.raises(EvaluationError, match=words):
        judge_run(a_run(), **given)


def test_a_run_without_answers_is_not_judged() -> None:
    with pytest.raises(EvaluationError, match="no answers to judge"):
        judge_run(run_of(abstained(asked("q1"))), "http://127.0.0.1:9", "judge-1", None)


YES = '{"supported": true, "answers_question": true}'
NO = '{"supported": false, "answers_question": true}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (YES, (True, True, None)),
        (f"```json\n{NO}\n```", (False, True, None)),
        (f"Sure! {YES} I hope this helps.", (True, True, None)),
        (f"<think>{NO}, or rather not</think>{YES}", (True, True, None)),
        (f"{YES} {YES}", (True, True, None)),
        ('{"supported": true, "answers_question": false, "reason": "off"}', (True, False, "off")),
        ('{"supported": true, "answers_question": true, "reason": 5}', (True, True, None)),
        (f"{YES} or {NO}", None),
        ('{"supported": "true", "answers_question": true}', None),
        ('{"supported": 1, "answers_question": 1}', None),
        ('{"supported": true}', None),
        ("{" * 3000, None),
        ("yes", None),
        ("", None),
    ],
)
def test_a_verdict_is_found_or_there_is_none(text: str, found: object) -> None:
    assert verdict_in(text) == found


def saved(run: Run, folder: Path) -> Path:
    folder.mkdir()
    write_rows(folder / QUESTIONS, map(question_row, run.questions))
    write_rows(folder / ANSWERS, map(entry_row, run.entries))
    write_rows(folder / TIMINGS, [])
    write_rows(folder / DOCUMENTS, map(document_row, run.documents.values()))
    write_manifest(folder, {"format": 1, "finished": True, "data": {"sha256": "d" * 64}})
    return folder


def test_everything_is_recorded_in_the_run_folder_and_read_again(tmp_path: Path) -> None:
    folder = saved(a_run(), tmp_path / "r1")
    assert read_judgement(folder) is None
    steps: list[tuple[int, int]] = []
    with judging(honest) as judge:
        found = judge_folder(
            folder,
            base_url=judge.url,
            model="judge-1",
            api_key="sekret",
            on_progress=lambda done, total: steps.append((done, total)),
        )
    assert steps == [(done, 8) for done in range(1, 9)]
    again = read_judgement(folder)
    assert again is not None
    assert judgement_json(again) == judgement_json(found)
    assert judgement_json(found)["in_gate"] is False
    rows = [json.loads(line) for line in (folder / "judge.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    assert rows[2] == {
        "question_id": "q3",
        "repeat": 0,
        "supported": False,
        "answers_question": True,
        "reason": "so",
        "failure": None,
        "detail": '{"supported": false, "answers_question": true, "reason": "so"}',
        "model": "judge-1-0613",
    }
    assert "sekret" not in "".join(path.read_text() for path in folder.iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "format 'list'"),
        ('{"format": 9}', "format 9"),
        ('{"format": 1}', "judge the run again"),
    ],
)
def test_a_damaged_record_is_an_error(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "judge.json").write_text(content)
    with pytest.raises(RunFolderError, match=words):
        read_judgement(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with judging(honest) as judge:
        found = judge_run(a_run(), judge.url, "judge-1", None, limit=1)
    with pytest.raises(EvaluationError, match="the judgement cannot be written"):
        write_judgement(tmp_path / "gone", found)
