"""A rival's rankings become runs that our code scores; what it leaves out or makes up is refused."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import pytest

from eval.bench import rival_child
from eval.bench.rival import asked_questions, main, measured, retrieval_metrics, rivals
from eval.bench.rival_exchange import (
    RANKINGS,
    RETRIEVAL_ONLY,
    as_run,
    read_searched,
    source_texts,
    write_exchange,
)
from eval.bench.rival_ours import held_to, search_ours
from eval.bench.rival_process import Rival, rival_environment, search_rival
from eval.datatypes import DataSet, Gold, Question, RankedPassage
from eval.errors import DataSetError, EvaluationError, RunFolderError
from eval.score import score_run
from index.models import ModelFiles
from tests.fakes import HashEmbedder

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "ab" * 32

# Ranks whole documents as it is told, and can go wrong in the ways that a program can.
FAKE = """
import argparse, json, pathlib, sys, time
options = argparse.ArgumentParser()
for name in ("--folder", "--model", "--threads", "--k", "--warm-up", "--plan", "--mode"):
    options.add_argument(name)
options = options.parse_args()
if options.mode == "fail":
    sys.exit("first words\\nOutOfMemory: the rival gave up")
if options.mode == "hang":
    print("still at it", file=sys.stderr, flush=True)
    time.sleep(60)
folder = pathlib.Path(options.folder)
rows = lambda name: [json.loads(line) for line in (folder / name).read_text("utf-8").split("\\n") if line]
texts = {row["id"]: row["text"] for row in rows("documents.jsonl")}
plan = json.loads(options.plan)
with (folder / "rankings.jsonl").open("w", encoding="utf-8") as file:
    for query in rows("queries.jsonl"):
        passages = [
            {"document_id": name, "start": 0, "end": len(texts[name]), "text": texts[name], "score": 1.0}
            for name in plan[query["id"]]
        ]
        row = {"question_id": query["id"], "latency_ms": 2.5, "passages": passages}
        file.write(json.dumps(row) + "\\n")
meta = {"load_s": 1.5, "index_s": 0.5, "passages": len(texts), "weights_sha256": WEIGHTS,
        "threads": int(options.threads), "modules": sorted({"eval", "index"} & set(sys.modules))}
(folder / "meta.json").write_text(json.dumps(meta))
"""

BRIDGE, RIVER, TRAINS = (
    "The bridge opened in 1932. It is steel.",
    "A bridge – over the “Rhine”.\n",
    "Run at night.",
)
DATA = DataSet(
    name="small",
    questions=(
        Question(
            question_id="q1",
            text="When did the bridge open?",
            kind="fact",
            source_set="small",
            answerable=True,
            gold=(Gold(text=BRIDGE[:26], document_id="bridge", start=0, end=26),),
        ),
        Question(
            question_id="q2", text="Who paid for it?", kind="fact", source_set="small", answerable=False
        ),
        Question(
            question_id="q3",
            text="When do trains run?",
            kind="fact",
            source_set="small",
            answerable=True,
            gold=(Gold(text=TRAINS, document_id="trains", start=0, end=len(TRAINS)),),
            relevant=(("trains", 1),),
        ),
    ),
    sha256="cd" * 32,
    licence="none",
    documents=(
        {"id": "bridge", "title": "The bridge", "text": BRIDGE, "publisher": "Gazette"},
        {"id": "river", "title": "The river", "text": RIVER.replace("\n", "\r\n")},
        {"id": "trains", "title": "Trains", "text": TRAINS, "published_at": "2024-02-03"},
    ),
)
PLAN = {"q1": ["river", "bridge", "trains"], "q3": ["trains"]}


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Rival]:
    """Make a fake rival: its plan, how it goes wrong, and what else is to differ."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE.replace("WEIGHTS", repr(WEIGHTS)), encoding="utf-8")

    def make(plan: dict[str, list[str]] = PLAN, mode: str = "", **other: Any) -> Rival:
        arguments = ("--plan", json.dumps(plan), "--mode", mode)
        made = Rival(
            name="fake", python=Path(sys.executable), script=script, arguments=arguments, timeout_s=60.0
        )
        return replace(made, **other)

    return make


@pytest.fixture
def model(tmp_path: Path) -> ModelFiles:
    return ModelFiles(name="small", folder=tmp_path / "model", weights_sha256=WEIGHTS)


Search = Callable[[Rival], Any]


@pytest.fixture
def search(tmp_path: Path, model: ModelFiles) -> Search:
    def run(rival: Rival) -> Any:
        documents, questions = source_texts(DATA), asked_questions(DATA, None, 0)
        return search_rival(rival, tmp_path / "rival", documents, questions, model=model, threads=1)

    return run


def test_rankings_become_entries(search: Search, fake: Callable[..., Rival]) -> None:
    searched = search(fake())
    assert (searched.load_s, searched.index_s, searched.passages) == (1.5, 0.5, 3)
    assert searched.latency_ms == {"q1": 2.5, "q3": 2.5}
    # It ran with -I: nothing of ours can have been imported; and was told how many threads to use.
    assert searched.details == {"weights_sha256": WEIGHTS, "threads": 1, "modules": []}
    questions = asked_questions(DATA, None, 0)
    run = as_run(searched, questions, source_texts(DATA), DATA)
    assert [entry.question_id for entry in run.entries] == ["q1", "q3"]
    assert run.entries[1].ranking == (
        RankedPassage(document_id="trains", start=0, end=len(TRAINS), text=TRAINS, score=1.0),
    )
    assert (run.entries[0].outcome, run.entries[0].record) == ("answered", RETRIEVAL_ONLY)
    assert run.timings["q1"].search_ms == 2.5
    assert run.timings["q1"].ask_ms is None
    assert run.manifest["retrieval_only"] is True


def test_scores_worked_by_hand(search: Search, fake: Callable[..., Rival]) -> None:
    run = as_run(search(fake()), asked_questions(DATA, None, 0), source_texts(DATA), DATA)
    metrics = score_run(run).metrics
    # The bridge at rank 2, the trains at rank 1.
    expected = {
        "rr_at_10": (1 / 2 + 1) / 2,
        "ap_at_10": (1 / 2 + 1) / 2,
        "ndcg_at_10": (1 / log2(3) + 1) / 2,
        "success_at_1": 1 / 2,
        "recall_at_10": 1.0,
        "evidence_recall_at_4": 1.0,
        "hits_at_4": 1.0,
        "mrr_at_10": (1 / 2 + 1) / 2,
        "map_at_10": (1 / 2 + 1) / 2,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)
    assert set(expected) < set(retrieval_metrics())
    assert {metrics[name].n for name in retrieval_metrics()} == {2}


def test_both_systems_are_scored_by_the_same_code(
    tmp_path: Path, fake: Callable[..., Rival], model: ModelFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured(
        DATA,
        asked_questions(DATA, None, 0),
        tmp_path,
        [fake()],
        model=model,
        open_model=HashEmbedder,
        threads=1,
        seed=0,
    )
    assert (found["documents"], found["questions"], found["without_relevant_document"]) == (3, 2, 1)
    assert set(found["systems"]) == {"verse", "fake"}
    ours, rival = found["systems"]["verse"], found["systems"]["fake"]
    assert set(ours) == set(rival)
    assert rival["scores"]["rr_at_10"]["value"] == pytest.approx(0.75)
    assert ours["scores"]["rr_at_10"]["value"] == pytest.approx(1.0)
    assert rival["indexing"]["passages_per_s"] == 6.0
    assert rival["search_latency"]["p95_ms"] == 2.5
    characters = [len(BRIDGE) + len(RIVER) + len(TRAINS), len(TRAINS)]
    assert rival["mean_characters_returned"] == round(sum(characters) / 2)
    assert ours["details"]["embedder"] == "hash-64"
    assert set(found["differences"]) == {"verse less fake"}
    # q1 is half better, q3 the same; of two ways to swap one difference, both are as extreme.
    difference = found["differences"]["verse less fake"]["rr_at_10"]
    assert (difference["a"], difference["b"], difference["difference"]) == (0.75, 1.0, 0.25)
    assert (difference["n"], difference["p"]) == (2, 1.0)
    assert "When did the bridge" not in json.dumps(found)
    assert "small: 3 documents, 2 questions" in capsys.readouterr().err


def test_ours_gives_passages_that_its_documents_hold(tmp_path: Path) -> None:
    documents, questions = source_texts(DATA), asked_questions(DATA, None, 0)
    write_exchange(tmp_path, documents, questions)
    found = search_ours(tmp_path, tmp_path / "documents.jsonl", questions, open_model=HashEmbedder, threads=1)
    assert set(found.rankings) == set(found.latency_ms) == {"q1", "q3"}
    for passage in (passage for ranking in found.rankings.values() for passage in ranking):
        text = documents[passage.document_id or ""].text
        assert text[passage.start : passage.end] == passage.text


def test_ours_refuses_a_document_that_it_cannot_index(tmp_path: Path) -> None:
    (tmp_path / "documents.jsonl").write_text('{"id": "a", "text": "Words."}\n{"id": "b", "text": " "}\n')
    with pytest.raises(EvaluationError, match=r"not every document was indexed: .*is empty"):
        search_ours(
            tmp_path,
            tmp_path / "documents.jsonl",
            asked_questions(DATA, None, 0),
            open_model=HashEmbedder,
            threads=1,
        )


def test_the_texts_that_both_get_are_canonical(tmp_path: Path) -> None:
    documents = source_texts(DATA)
    assert documents["river"].text == RIVER
    write_exchange(tmp_path, documents, asked_questions(DATA, None, 0))
    rows = rival_child.read_rows(tmp_path / "documents.jsonl")
    assert [row["text"] for row in rows] == [BRIDGE, RIVER, TRAINS]
    assert (rows[0]["publisher"], rows[2]["published_at"], rows[1]["publisher"]) == (
        "Gazette",
        "2024-02-03",
        None,
    )
    assert [row["id"] for row in rival_child.read_rows(tmp_path / "queries.jsonl")] == ["q1", "q3"]


def test_a_rival_that_is_not_there(search: Search, fake: Callable[..., Rival], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no-python' cannot be started: No such file .* --help"):
        search(fake(python=tmp_path / "no-python"))


def test_a_rival_that_fails_is_heard(search: Search, fake: Callable[..., Rival]) -> None:
    with pytest.raises(EvaluationError, match=r"ended with 1: first words\nOutOfMemory: the rival gave up$"):
        search(fake(mode="fail"))


def test_a_rival_that_hangs_is_ended(search: Search, fake: Callable[..., Rival]) -> None:
    with pytest.raises(EvaluationError, match=r"not done in 0\.5 s; .*--timeout-s"):
        search(fake(mode="hang", timeout_s=0.5))


def test_a_rival_with_other_weights_is_refused(
    tmp_path: Path, fake: Callable[..., Rival], model: ModelFiles
) -> None:
    other = replace(model, weights_sha256="ef" * 32)
    with pytest.raises(EvaluationError, match=f"with weights '{WEIGHTS}', not with ours, 'efef"):
        search_rival(
            fake(),
            tmp_path / "rival",
            source_texts(DATA),
            asked_questions(DATA, None, 0),
            model=other,
            threads=1,
        )


def ranking(**changes: Any) -> dict[str, Any]:
    """Return a right row for q1 with some fields changed; those of its passage by `passage_…`."""
    passage = {"document_id": "trains", "start": 0, "end": len(TRAINS), "text": TRAINS, "score": 0.5}
    of_passage = {name.removeprefix("passage_") for name in changes if name.startswith("passage_")}
    passage.update({name: changes.pop(f"passage_{name}") for name in of_passage})
    return {"question_id": "q1", "latency_ms": 1.0, "passages": [passage], **changes}


def left(folder: Path, *rows: dict[str, Any], meta: str | None = None) -> Path:
    """Write what a rival leaves."""
    (folder / RANKINGS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    right = '{"load_s": 1, "index_s": 1, "passages": 3}'
    (folder / "meta.json").write_text(right if meta is None else meta, encoding="utf-8")
    return folder


def read(folder: Path) -> Any:
    return read_searched(folder, "fake", source_texts(DATA), asked_questions(DATA, None, 0))


Q3 = ranking(question_id="q3")


def test_what_is_right_is_read(tmp_path: Path) -> None:
    nothing_found = ranking(passages=[])
    without_offsets = ranking(question_id="q3", passage_start=None, passage_end=None)
    found = read(left(tmp_path, without_offsets, nothing_found))
    assert found.rankings["q1"] == ()
    assert found.rankings["q3"][0].start is None
    assert found.details == {}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ranking()], "1 of 2 questions have no ranking, the first is 'q3'"),
        ([], "2 of 2 questions have no ranking, the first is 'q1'"),
        ([ranking(), ranking(), Q3], "two rankings for question 'q1'"),
        ([ranking(), Q3, ranking(question_id="q2")], "a ranking for 'q2', which was not asked"),
        (
            [ranking(passage_document_id="sea"), Q3],
            "question 'q1': a passage of document 'sea', which was not",
        ),
        ([ranking(passage_start=1), Q3], "question 'q1': document 'trains' does not hold .* at 1-13"),
        ([ranking(passage_start=-13), Q3], "does not hold the passage's text at -13-13"),
        ([ranking(passage_end=None), Q3], "question 'q1': .*NoneType"),
        ([ranking(passage_text=""), Q3], "has the text ''"),
        ([ranking(passage_text=7), Q3], "has the text 7"),
        ([ranking(passage_score=None), Q3], "question 'q1': .*NoneType"),
        ([ranking(passages=[{}]), Q3], "question 'q1': 'document_id' is missing"),
        ([ranking(passages=None), Q3], "question 'q1': .*NoneType"),
        ([ranking(passages=ranking()["passages"] * 11), Q3], "11 passages; 10 were asked for"),
        ([ranking(latency_ms=0), Q3], "latency_ms is 0.0; it must be above 0"),
        ([ranking(latency_ms=float("nan")), Q3], "latency_ms is nan"),
        ([{"passages": []}, Q3], "question None: 'question_id' is missing"),
    ],
)
def test_rankings_that_cannot_be_trusted(tmp_path: Path, rows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(RunFolderError, match=words):
        read(left(tmp_path, *rows))


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ("", "meta.json cannot be read"),
        ("[]", "meta.json: list instead of an object"),
        ('{"load_s": 1, "passages": 3}', "'index_s' is missing"),
        ('{"load_s": 1, "index_s": 0, "passages": 3}', "index_s is 0.0"),
        ('{"load_s": 1, "index_s": "fast", "passages": 3}', "could not convert"),
    ],
)
def test_meta_that_cannot_be_trusted(tmp_path: Path, meta: str, words: str) -> None:
    with pytest.raises(RunFolderError, match=words):
        read(left(tmp_path, ranking(), Q3, meta=meta))


def test_rankings_that_are_missing_or_cut_off(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"rankings\.jsonl cannot be read"):
        read(tmp_path)
    left(tmp_path, ranking(), Q3)
    path = tmp_path / RANKINGS
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunFolderError, match="the last line is cut off"):
        read(tmp_path)


def test_a_sample_is_the_same_each_time_and_in_order() -> None:
    many = replace(
        DATA, questions=tuple(replace(DATA.questions[0], question_id=f"q{n:02d}") for n in range(40))
    )
    first = [question.question_id for question in asked_questions(many, 7, 3)]
    assert first == [question.question_id for question in asked_questions(many, 7, 3)]
    assert first == sorted(set(first))
    assert len(first) == 7
    assert len(asked_questions(many, 100, 3)) == 40


def test_data_that_cannot_be_compared_on() -> None:
    with pytest.raises(EvaluationError, match="small names no relevant document"):
        asked_questions(replace(DATA, questions=DATA.questions[1:2]), None, 0)
    with pytest.raises(EvaluationError, match="--limit is 0"):
        asked_questions(DATA, 0, 0)
    with pytest.raises(DataSetError, match="small brings no documents"):
        source_texts(replace(DATA, documents=()))
    with pytest.raises(DataSetError, match="two documents with the id 'bridge'"):
        source_texts(replace(DATA, documents=DATA.documents[:1] * 2))


def test_both_are_held_to_the_same_cores() -> None:
    before = os.sched_getaffinity(0)
    with held_to(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    for threads in (0, len(before) + 1):
        with pytest.raises(EvaluationError, match=f"--threads is {threads}"), held_to(threads):
            pass


def test_the_rival_gets_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSE_TOKEN", "x")
    monkeypatch.setenv("PYTHONPATH", "here")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    found = rival_environment(2)
    assert not {"VERSE_TOKEN", "PYTHONPATH"} & set(found)
    assert found["OMP_NUM_THREADS"] == found["RAYON_NUM_THREADS"] == "2"
    assert found["PATH"] == os.environ["PATH"]


def test_a_command_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "--python", "python", "--sets", "squad2,mtrag"])
    assert "'mtrag' is none of multihop_rag, squad2" in capsys.readouterr().err
    assert main(["--data", str(tmp_path), "--python", str(tmp_path / "none"), "--threads", "1"]) == 1
    assert "cannot be started" in capsys.readouterr().err


def test_the_rival_runs_as_it_comes_and_with_passages_as_long_as_ours() -> None:
    first, second = rivals(Path("python"), 1.0)
    assert (first.name, first.arguments) == ("llama_index", ())
    assert second.arguments == ("--passage-tokens", "256")
    assert first.script == ROOT / "eval" / "bench" / "rival_child.py"


def test_the_rivals_script_imports_nothing_of_ours() -> None:
    tree = ast.parse((ROOT / "eval" / "bench" / "rival_child.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    rival = {"torch", "llama_index"}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | rival


def test_the_rivals_script_reads_lines_and_not_what_looks_like_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a\u2028b\x85c"}\n{"text": "d"}\n', encoding="utf-8")
    assert rival_child.read_rows(path) == [{"text": "a\u2028b\x85c"}, {"text": "d"}]


def test_the_rival_is_pinned_with_our_versions_and_without_an_address() -> None:
    text = (ROOT / "eval" / "bench" / "rival-requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+(?:\.post[0-9]+)?", line) for line in lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shared = {"torch", "sentence-transformers", "transformers", "tokenizers", "tiktoken", "numpy"}
    for line in lines:
        if line.partition("==")[0] in shared:
            assert line in project["dependencies"]
