"""The `verse` command as a person or a script runs it: a process, its two streams, its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from index.state import StateFolder
from tests.api.service import client_of, post, settings_for, write_jsonl
from tests.conftest import SEEDS
from tests.rag.write.model_server import ModelServer, says, status

QUESTION = "Why do Central Asian leaders meet Trump in Washington?"
Environment = dict[str, str]


def verse(
    environment: Environment, *arguments: str, state: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    chosen = {} if state is None else {"VERSE_STATE_DIR": str(state)}
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env={**environment, **chosen, **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "no colours and no bar in a pipe"
    assert "\r" not in done.stdout + done.stderr
    return done


@pytest.fixture
def empty(tmp_path: Path, converted_models: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "models").symlink_to(converted_models, target_is_directory=True)
    return folder


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


# Index


def test_indexing_twice_and_what_is_left_out(child_environment: Environment, empty: Path) -> None:
    first = verse(child_environment, "index", str(SEEDS), "--json", "--report", state=empty)
    assert first.returncode == 0, first.stderr
    events = lines(first)
    assert [e["event"] for e in events[:3]] == ["added"] * 3
    assert {e["document_id"] for e in events[:3]} == {p.name for p in SEEDS.glob("0*.txt")}
    left_out = [e for e in events if e["event"] == "excluded"]
    assert left_out, "the seeds hold share bars and bylines"
    for entry in left_out:
        text = (SEEDS / entry["document_id"]).read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        assert text[entry["start_char_index"] : entry["end_char_index"]] == entry["text"]
        assert entry["reason"]
    summary = events[-1]
    assert summary == {
        "event": "done", "added": 3, "replaced": 0, "access": 0, "unchanged": 0, "removed": 0, "problems": [],
        "documents": 3, "published": True, "index_version": summary["index_version"],
    }  # fmt: skip
    assert len(events) == 4 + len(left_out)

    second = verse(child_environment, "index", str(SEEDS), "--report", state=empty)
    assert second.returncode == 0
    shown = second.stdout.splitlines()
    assert shown[-1] == f"nothing to do: 3 unchanged; index {summary['index_version']}"
    assert len(shown) == 1 + 2 * len(left_out)
    assert shown[0] == "{document_id} {start_char_index}-{end_char_index} {reason}".format(**left_out[0])
    assert shown[1].strip() == repr(left_out[0]["text"])


def test_a_broken_line_is_told_and_the_good_ones_are_kept(
    child_environment: Environment, empty: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"id": "a", "text": "The ferry sails at dawn."}\n{"id": \n'
        '{"id": "c", "text": "The pier is closed on Mondays."}\n'
    )
    done = verse(child_environment, "index", str(rows), "--json", state=empty)
    assert done.returncode == 1
    assert f"{rows}, line 2" in done.stderr
    events = lines(done)
    assert [(e["event"], e.get("document_id")) for e in events[:2]] == [("added", "a"), ("added", "c")]
    assert (events[2]["documents"], events[2]["published"], len(events[2]["problems"])) == (2, True, 1)


@pytest.mark.parametrize(("name", "said"), [("bare", "holds no documents"), ("none", "does not exist")])
def test_a_folder_without_documents_is_a_misuse(
    child_environment: Environment, empty: Path, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "picture.png").write_bytes(b"\x89PNG")
    done = verse(child_environment, "index", str(tmp_path / name), state=empty)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert not (empty / "CURRENT").exists()


def test_a_second_writer_is_turned_away_at_once(child_environment: Environment, empty: Path) -> None:
    with StateFolder(empty).writing():
        done = verse(child_environment, "index", str(SEEDS), state=empty)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"another process ({os.getpid()}) is writing" in done.stderr


def test_a_state_folder_that_is_a_file_is_said_plainly(
    child_environment: Environment, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.write_text("not a folder")
    for command in (("index", str(SEEDS)), ("ask", QUESTION)):
        done = verse(child_environment, *command, state=state)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("verse: ")
        assert "VERSE_STATE_DIR" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert state.read_text() == "not a folder"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_half_way_it_says_so_and_the_next_run_completes(
    child_environment: Environment, empty: Path, tmp_path: Path, number: signal.Signals
) -> None:
    count = 400
    rows = write_jsonl(
        tmp_path / "rows.jsonl",
        [
            {"id": f"d{n}", "text": f"Ferry number {n} sails at dawn from pier {n * 7 % 31}."}
            for n in range(count)
        ],
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "index", "--json", str(rows)],
        env={**child_environment, "VERSE_STATE_DIR": str(empty)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline()) for _ in range(20)]
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert err.startswith("verse: stopped; what was stored is kept")
    assert len(err.splitlines()) == 1
    # Every line of stdout is a receipt: the document is on the disk.
    stored = seen + [json.loads(line) for line in out.splitlines()]
    assert all(entry["event"] == "added" for entry in stored)
    assert 20 <= len(stored) < count, "it was not stopped half way"
    done = verse(child_environment, "index", "--json", str(rows), state=empty)
    assert done.returncode == 0
    summary = lines(done)[-1]
    assert summary["documents"] == count
    assert summary["added"] + summary["unchanged"] == count
    assert summary["unchanged"] >= len(stored)
    assert summary["published"] is True


# Ask


def test_the_record_is_the_api_s(child_environment: Environment, seeds_state: Path) -> None:
    done = verse(child_environment, "ask", QUESTION, "--json", "--max-citations", "3", state=seeds_state)
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads(done.stdout)
    with client_of(create_app(settings_for(seeds_state))) as client:
        served = post(client, "/v1/ask", {"question": QUESTION, "max_citations": 3}).json()
    assert list(record) == list(served), "the same fields in the same order"
    assert record["id"] != served["id"]
    for content in (record, served):
        del content["id"], content["timings_ms"]
    assert record == served


def test_the_answer_for_people_shows_quotes_and_offsets(
    child_environment: Environment, seeds_state: Path
) -> None:
    done = verse(child_environment, "ask", QUESTION, state=seeds_state, VERSE_MIN_PROBABILITY="0")
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "[1]" in text
    assert "Sources" in text
    found = re.search(r"(\S+\.txt), characters (\d+)–(\d+)", text)
    assert found is not None
    source = (SEEDS / found.group(1)).read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    quoted = source[int(found.group(2)) : int(found.group(3))]
    assert " ".join(quoted.split()) in text
    assert f"/d/{found.group(1)}?quote={found.group(2)}-{found.group(3)}" in text


def test_abstaining_is_no_failure(child_environment: Environment, seeds_state: Path) -> None:
    done = verse(child_environment, "ask", QUESTION, state=seeds_state, VERSE_MIN_PROBABILITY="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The sources do not say.")
    assert "What came closest" in done.stdout


def test_without_an_index_asking_fails_and_says_what_to_do(
    child_environment: Environment, empty: Path
) -> None:
    done = verse(child_environment, "ask", QUESTION, "--json", state=empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert "verse index" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("ask", ""), {}, "blank"),
        (("ask", " \t "), {}, "blank"),
        (("ask", "x" * 2001), {}, "2001 characters"),
        (("ask", "a\x07b"), {}, "U\\+0007"),
        (("ask", QUESTION, "--max-citations", "0"), {}, "max-citations"),
        (("ask",), {}, "question"),
        (("ask", QUESTION, "--fast"), {}, "--fast"),
        (("index",), {}, "paths"),
        (("serve", "--port", "65536"), {}, "port"),
        (("nothing",), {}, "nothing"),
        (("replay", "/no/such/answer.json"), {}, "cannot be read"),
        (("ask", QUESTION), {"VERSE_STATEDIR": "x"}, "VERSE_STATEDIR is no setting"),
        (("doctor",), {"VERSE_THREADS": "many"}, "threads.*many"),
        (("index", "x"), {"VERSE_ALLOWED_HOSTS": "localhost"}, "allowed_hosts"),
        (("serve",), {"VERSE_PUBLIC_URL": "ftp://x"}, "public_url.*ftp://x"),
        (("serve",), {"VERSE_CONFIG": "/no/such/file.toml"}, "/no/such/file.toml"),
    ],
)
def test_misuse_is_told_and_exits_2(
    child_environment: Environment,
    tmp_path: Path,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    said: str,
) -> None:
    done = verse(child_environment, *arguments, state=tmp_path / "state", **variables)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert re.search(said, done.stderr), done.stderr
    assert not (tmp_path / "state").exists()


def test_the_file_of_settings_is_read_and_checked(
    child_environment: Environment, empty: Path, tmp_path: Path
) -> None:
    file = tmp_path / "verse.toml"
    file.write_text(f'state_dir = "{empty}"\n')
    with_file = {**child_environment, "VERSE_CONFIG": str(file)}
    done = verse(with_file, "doctor", "--json")
    assert (done.returncode, (empty / "writer.lock").is_file()) == (1, True)
    file.write_text('stat_dir = "x"\n')
    done = verse(with_file, "index", str(SEEDS))
    assert done.returncode == 2
    assert "unknown setting 'stat_dir'" in done.stderr


def test_help_and_version_need_no_models(child_environment: Environment) -> None:
    shown = verse(child_environment, "--version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "0.1.0\n", "")
    listed = verse(child_environment, "--help")
    assert listed.returncode == 0
    for command in ("index", "ask", "serve", "eval", "doctor", "replay"):
        assert command in listed.stdout


# Replay


@pytest.fixture(scope="module")
def records(seeds_state: Path) -> dict[str, dict[str, Any]]:
    """Records of questions that were asked in several ways."""
    asked: dict[str, dict[str, Any]] = {
        "plain": {"question": QUESTION},
        "one quote": {"question": QUESTION, "max_citations": 1},
        "filtered": {
            "question": QUESTION,
            "filters": {"document_ids": ["003_92c9d1e76ba97b76.txt"], "languages": ["en"]},
        },
        "leaning": {
            "question": "Why do they meet him?",
            "history": [{"role": "user", "content": "Tell me of the Central Asian leaders and Trump. " * 60}],
        },
    }  # fmt: skip
    # Every question is answered: what is replayed has quotes in it.
    with client_of(create_app(settings_for(seeds_state, min_probability=0.0))) as client:
        return {name: post(client, "/v1/ask", body).json() for name, body in asked.items()}


@pytest.mark.parametrize("name", ["plain", "one quote", "filtered", "leaning"])
def test_replaying_gives_the_same_answer(
    child_environment: Environment,
    seeds_state: Path,
    tmp_path: Path,
    records: dict[str, dict[str, Any]],
    name: str,
) -> None:
    record = records[name]
    assert record["citations"]
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(record))
    done = verse(child_environment, "replay", str(file), state=seeds_state, VERSE_MIN_PROBABILITY="0")
    assert (done.returncode, done.stdout) == (0, "the same answer, quote for quote\n"), done.stderr


def test_replaying_an_edited_answer_shows_the_difference(
    child_environment: Environment, seeds_state: Path, tmp_path: Path, records: dict[str, dict[str, Any]]
) -> None:
    record = json.loads(json.dumps(records["plain"]))
    true = record["citations"][0]["cited_text"]
    record["citations"][0]["cited_text"] = true.replace("a", "o", 1)
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(record))
    done = verse(
        child_environment, "replay", "--json", str(file), state=seeds_state, VERSE_MIN_PROBABILITY="0"
    )
    assert done.returncode == 1
    content = json.loads(done.stdout)
    assert content["same"] is False
    gone, new = content["differences"]
    assert gone.startswith("quote gone: ")
    assert repr(true.replace("a", "o", 1)) in gone
    assert new.startswith("quote new: ")
    assert repr(true) in new


def test_what_is_no_record_is_not_replayed(
    child_environment: Environment, seeds_state: Path, tmp_path: Path
) -> None:
    file = tmp_path / "answer.json"
    file.write_text('{"answer": "x"}')
    done = verse(child_environment, "replay", str(file), state=seeds_state)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no answer record" in done.stderr


# Doctor


def test_the_doctor_finds_nothing_and_then_the_damage(
    child_environment: Environment, seeds_state: Path, tmp_path: Path
) -> None:
    state = Path(shutil.copytree(seeds_state, tmp_path / "state", symlinks=True))
    for left in state.glob("conversations.sqlite*"):  # by tests that served the same state
        left.unlink()
    well = verse(child_environment, "doctor", "--json", state=state)
    assert well.returncode == 0, well.stdout
    findings = {f["what"]: f for f in json.loads(well.stdout)["findings"]}
    assert set(findings) == {
        "packages",
        "tokens",
        "state folder",
        "embedder weights",
        "embedder",
        "reader",
        "documents",
        "index",
        "conversations",
    }
    assert all(f["good"] and f["advice"] is None for f in findings.values())
    assert "3 documents" in findings["index"]["detail"]
    assert findings["conversations"]["detail"] == "none yet"

    (state / "conversations.sqlite").write_bytes(b"SQLite format 3\x00" + b"damaged" * 900)
    with ModelServer(says("Hello."), status(401)) as models:
        server = {"VERSE_LLM_BASE_URL": models.url, "VERSE_LLM_MODEL": "m1", "VERSE_LLM_API_KEY": "k-secret"}
        ill = verse(child_environment, "doctor", "--json", state=state, **server)
        assert ill.returncode == 1
        findings = {f["what"]: f for f in json.loads(ill.stdout)["findings"]}
        assert [what for what, f in findings.items() if not f["good"]] == ["conversations"]
        assert findings["language model"]["detail"] == f"m1 at {models.url} writes"
        ill = verse(child_environment, "doctor", "--json", state=state, **server)
        assert "k-secret" not in ill.stdout + ill.stderr
        findings = {f["what"]: f for f in json.loads(ill.stdout)["findings"]}
        assert "401" in findings["language model"]["detail"]
        assert "VERSE_LLM_API_KEY" in findings["language model"]["advice"]
    (state / "conversations.sqlite").unlink()

    generation = state / "generations" / (state / "CURRENT").read_text().split()[0]
    (generation / "vectors.faiss").write_bytes(b"damaged")
    ill = verse(child_environment, "doctor", state=state)
    assert ill.returncode == 1
    bad = [line for line in ill.stdout.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert "vectors.faiss" in bad[0]
    assert "→ run `verse index PATH`" in ill.stdout
