"""`verse eval …` as a person runs it, over the seeds' index with the real models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from tests.conftest import ROOT

EXAMPLES = ROOT / "eval" / "data" / "example_questions.jsonl"
PROMISE = """
[[promise]]
name = "examples"
command = "verse eval run --data {data}"
[promise.scores]
verified_share = {{ reached = 1.0, tolerance = 0.0 }}
success_at_5 = {{ reached = {reached}, tolerance = 0.0 }}
"""


def verse(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


@pytest.fixture(scope="module")
def state(seeds_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("eval") / "state"
    shutil.copytree(seeds_state, copy, symlinks=True)
    return copy


@pytest.fixture(autouse=True)
def settings(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSE_STATE_DIR", str(state))
    monkeypatch.setenv("VERSE_THREADS", "1")


@pytest.fixture(scope="module")
def finished(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the example questions."""
    place = tmp_path_factory.mktemp("runs") / "examples"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VERSE_STATE_DIR", str(state))
        environment.setenv("VERSE_THREADS", "1")
        done = verse("run", "--data", EXAMPLES, "--out", place, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["folder"] == str(place)
    assert found["counts"]["questions"] == len(EXAMPLES.read_text(encoding="utf-8").splitlines())
    assert found["counts"]["failed"] == 0
    return place


def scores_of(place: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((place / "scores.json").read_text(encoding="utf-8"))
    return content


def test_a_run_leaves_scores_and_what_they_depend_on(finished: Path) -> None:
    assert scores_of(finished)["metrics"]["verified_share"]["value"] == 1.0
    manifest = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert manifest["finished"] is True
    assert manifest["target"]["name"] == "in-process"
    assert manifest["settings"]["dense_weight"] == 0.6
    assert "state_dir" not in manifest["settings"]
    assert manifest["target"]["describe"]["models"]["reader"].startswith("verse-reader@")


def test_scoring_again_gives_the_same(finished: Path) -> None:
    before = scores_of(finished)
    done = verse("score", finished)
    assert done.exit_code == 0
    assert scores_of(finished) == before
    assert f"{before['counts']['questions']} questions: " in done.stdout


def test_a_finished_run_is_not_written_over(finished: Path) -> None:
    before = (finished / "answers.jsonl").read_bytes()
    done = verse("run", "--data", EXAMPLES, "--out", finished)
    assert (done.exit_code, (finished / "answers.jsonl").read_bytes()) == (1, before)
    assert "finished" in done.stderr


def test_another_setting_is_compared_and_reported(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERSE_DENSE_WEIGHT", "0")
    assert verse("run", "--data", EXAMPLES, "--out", tmp_path / "bm25").exit_code == 0
    same = verse("compare", finished, finished, "--json")
    assert {m["verdict"] for m in json.loads(same.stdout)["metrics"]} <= {"no difference shown", "not tested"}
    other = verse("compare", finished, tmp_path / "bm25", "--metric", "rr_at_10")
    assert other.exit_code == 0
    assert "rr_at_10: B wins " in other.stdout
    page, markdown, data = tmp_path / "r.html", tmp_path / "r.md", tmp_path / "r.json"
    done = verse(
        "report", finished, tmp_path / "bm25", "--out", page, "--markdown", markdown, "--json-out", data
    )
    assert (done.exit_code, done.stdout.split()) == (0, [str(page), str(markdown), str(data)])
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "## Main scores" in markdown.read_text(encoding="utf-8")
    assert len(json.loads(data.read_text(encoding="utf-8"))["runs"]) == 2


@pytest.mark.parametrize("form", ["ragas", "deepeval", "trec-run", "trec-qrels"])
def test_a_run_is_exported(finished: Path, tmp_path: Path, form: str) -> None:
    done = verse("export", finished, "--format", form, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert (tmp_path / "out").read_text(encoding="utf-8") == verse(
        "export", finished, "--format", form
    ).stdout


@pytest.mark.parametrize(("reached", "exit_code"), [(0.5, 0), (1.01, 1)])
def test_the_gate_runs_what_is_promised(tmp_path: Path, reached: float, exit_code: int) -> None:
    expected = tmp_path / "expected.toml"
    expected.write_text(PROMISE.format(data=EXAMPLES, reached=reached), encoding="utf-8")
    done = verse("check", "--expected", expected)
    assert done.exit_code == exit_code, done.output
    assert "OK   examples: verified_share 1.0000, promised at least 1.0000" in done.stdout
    if exit_code:
        assert "FAIL examples: success_at_5 " in done.stdout
        assert "1 of 3 promises are not kept" in done.stderr


def test_what_cannot_be_checked_is_said_and_is_no_success(tmp_path: Path) -> None:
    text = PROMISE.format(data="squad2", reached=0.5).replace(
        "[promise.scores]", "needs_folder = true\n[promise.scores]"
    )
    (tmp_path / "expected.toml").write_text(text, encoding="utf-8")
    done = verse("check", "--expected", tmp_path / "expected.toml")
    assert done.exit_code == 1
    assert "NOT CHECKED examples: it needs --folder" in done.stderr
    assert "nothing was checked" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("run", "--data", "seed"), 2, "seeds"),
        (("run", "--data", "squad2"), 2, "folder"),
        (("run", "--data", "nobody.jsonl"), 2, "nobody.jsonl"),
        (("run", "--data", EXAMPLES, "--target", "ftp://x"), 1, "in-process or an http(s) URL"),
        (("run", "--data", EXAMPLES, "--target", "http://127.0.0.1:9"), 1, "127.0.0.1:9"),
        (("run", "--data", EXAMPLES, "--target", "http://127.0.0.1:9", "--protocol", "x"), 1, "auto, native"),
        (("run", "--data", EXAMPLES, "--resume"), 1, "--resume needs --out"),
        (
            ("run", "--data", EXAMPLES, "--api-key-env", "NOT_SET_ANYWHERE", "--target", "http://x"),
            1,
            "is not set",
        ),
        (("score", "nowhere"), 1, "no run folder"),
        (("compare", "nowhere", "nowhere"), 1, "no run folder"),
        (("report", "nowhere"), 1, "no run folder"),
        (("run", "--parallel", "0"), 2, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: tuple[object, ...], exit_code: int, said: str) -> None:
    done = verse(*arguments)
    assert (done.exit_code, done.exception.__class__) == (exit_code, SystemExit), done.output
    assert said in done.stderr


def test_a_server_that_is_not_there_fails_the_run_and_not_the_questions(tmp_path: Path) -> None:
    done = verse(
        "run",
        "--data",
        EXAMPLES,
        "--target",
        "http://127.0.0.1:9",
        "--protocol",
        "native",
        "--out",
        tmp_path / "r",
    )
    assert done.exit_code == 1
    assert "127.0.0.1:9" in done.stderr


def test_the_lists_say_what_there_is() -> None:
    names = [
        line.split()[0] for line in verse("data").stdout.splitlines() if line and not line.startswith(" ")
    ]
    assert {
        "seeds",
        "multihop_rag",
        "squad2",
        "clapnq",
        "xquad_ru_en",
        "scifact",
        "trec_cast",
        "mtrag",
    } <= set(names)
    defined = json.loads(verse("metrics", "--json").stdout)
    assert defined["gold_quote_hit_at_5"]["higher_is_better"] is True
    assert all(metric["definition"] and metric["source"] for metric in defined.values())
    assert "gold_quote_hit_at_5" in verse("metrics").stdout


def test_proposals_are_kept_only_when_somebody_says_so(tmp_path: Path) -> None:
    out = tmp_path / "own.jsonl"
    runner = CliRunner()
    done = runner.invoke(app, ["eval", "new", str(out), "--count", "3"], input="\n\nr\na\n")
    assert done.exit_code == 0, done.output
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1
    again = runner.invoke(app, ["eval", "new", str(out), "--count", "3"], input="a\n")
    assert again.exit_code == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2
