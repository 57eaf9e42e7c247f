"""The recomputation gives figures worked out by hand, shares no code with ours, and reports every lie.

Seven questions over three short documents; what each metric comes to stands beside it as a fraction.
"""

from __future__ import annotations

import ast
import copy
import json
import math
import random
import subprocess
import sys
from fractions import Fraction as F
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from eval.metrics.sentences import sentence_starts as our_sentence_starts
from eval.recompute import (
    Case,
    UnreadableError,
    main,
    normalised,
    place_of,
    read_run,
    recompute,
    sentence_starts,
    verifies,
)
from eval.run_folder import read_run as read_our_run
from eval.score import score_run, scores_json

Row = dict[str, Any]
SCRIPT = Path(__file__).resolve().parents[2] / "eval" / "recompute.py"
#         0123456789012345678
TEXTS = {"d1": "aaaa bbbb cccc dddd", "d2": "eeee ffff gggg hhhh", "d3": "iiii jjjj"}
L = 1 / math.log2(3)


def question(name: str, **fields: Any) -> Row:
    row = {"question_id": name, "text": "?", "kind": "fact", "source_set": "hand", "answerable": True}
    row |= {"history": [], "answers": [], "gold": [], "relevant": [], "standalone": None}
    return row | {"variant_of": None, "variant": None} | fields


def gold(document_id: str | None, start: int | None, end: int | None, text: str | None = None) -> Row:
    if text is None:
        assert document_id is not None
        text = TEXTS[document_id][start:end]
    return {"text": text, "document_id": document_id, "start": start, "end": end}


def passage(document_id: str | None, start: int | None, end: int | None, text: str | None = None) -> Row:
    return {"document_id": document_id, "start": start, "end": end, "text": text, "score": None}


def citation(document_id: str, start: int, end: int, *spans: tuple[int, int], **fields: Any) -> Row:
    text = TEXTS.get(document_id, "")
    return {
        "document_id": document_id,
        "start_char_index": start,
        "end_char_index": end,
        "cited_text": text[start:end],
        "document_sha256": sha256(text.encode()).hexdigest(),
        "answer_spans": [{"start": first, "end": last} for first, last in spans],
    } | fields


def answered(name: str, answer: str, plain: str, confidence: float | None, *cited: Row, **fields: Any) -> Row:
    record: Row = {"answer": answer, "answer_without_citations": plain, "short_answer": None}
    record |= {"confidence": confidence, "abstention": None, "citations": list(cited)}
    outcome = {"question_id": name, "outcome": "answered", "ranking": None, "failure": None}
    return outcome | {"record": record | fields}


def abstained(name: str, probability: float | None) -> Row:
    row = answered(name, "No.", "No.", None, abstention={"probability": probability})
    return row | {"outcome": "abstained"}


def failed(name: str) -> Row:
    failure = {"kind": "timeout", "status": None, "detail": "no answer in 60 s"}
    return {
        "question_id": name,
        "outcome": "failed",
        "record": None,
        "ranking": None,
        "failure": failure,
    }


def timing(name: str, ask_ms: float | None, search_ms: float | None = None) -> Row:
    return {"question_id": name, "ask_ms": ask_ms, "search_ms": search_ms, "stages_ms": {}}


def write(folder: Path, pairs: list[tuple[Row, Row]], timings: list[Row], elapsed_s: float | None) -> Path:
    folder.mkdir(exist_ok=True)
    documents = [
        {"document_id": name, "title": name, "sha256": sha256(text.encode()).hexdigest(), "text": text}
        for name, text in TEXTS.items()
    ]
    manifest = {"format": 1, "finished": True, "elapsed_s": elapsed_s}
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    for name, rows in (
        ("questions", [asked for asked, _ in pairs]),
        ("answers", [entry for _, entry in pairs]),
        ("timings", timings),
        ("documents", documents),
    ):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def pairs_by_hand() -> list[tuple[Row, Row]]:
    both = [gold("d1", 5, 14), gold("d2", 0, 4)]  # "bbbb cccc" and "eeee"
    q1 = question("q1", answers=["bbbb"], gold=both, relevant=[["d1", 2], ["d2", 1], ["d3", 0]])
    a1 = answered(
        "q1",
        "One thing. [1][2] Two things.",
        "One thing. Two things.",
        0.8,
        citation("d2", 5, 9, (0, 10), document_sha256="0" * 64),
        citation("d1", 0, 9, (0, 10)),
        short_answer="The bbbb!",
    )
    a1["ranking"] = [
        passage("d3", 0, 9),
        passage("d1", 0, 9),
        passage("d1", 10, 19),
        passage("d3", 0, 4),
        passage("d2", None, None, "x eeee"),
    ]
    q2 = question("q2", answers=["ffff gggg"], relevant=[["d2", 1]])
    cited = citation("d2", 5, 14, (0, 19))
    a2 = answered("q2", "See ffff gggg hhhh. [1]", "See ffff gggg hhhh.", 0.3, cited, copy.deepcopy(cited))
    a2 |= {"outcome": "partial", "ranking": []}
    q3 = question("q3", kind="near_miss", answerable=False)
    q4 = question("q4", kind="near_miss", answerable=False, relevant=[["d1", 1]])
    a4 = answered("q4", "Zzzz.", "Zzzz.", 0.8) | {"ranking": [passage(None, None, None, "aaaa")]}
    q5 = question("q5", gold=[gold("d1", 15, 19)])
    q6 = question("q6", gold=both, variant_of="q1", variant="typo")
    q7 = question("q7", gold=both, variant_of="q1", variant="lower_case")
    a7 = answered("q7", "Iiii. [1]", "Iiii.", 0.55, citation("d3", 0, 4, (0, 5)))
    a7["ranking"] = [passage("d2", 0, 19)]
    return [
        (q1, a1),
        (q2, a2),
        (q3, abstained("q3", 0.9)),
        (q4, a4),
        (q5, abstained("q5", 0.4)),
        (q6, failed("q6")),
        (q7, a7),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    timings = [
        timing("q1", 100.0, 10.0),
        timing("q2", 200.0),
        timing("q3", 300.0),
        timing("q4", 400.0),
        timing("q5", None),
        timing("q6", 9999.0, 9999.0),
        timing("q7", 500.0, 20.0),
    ]
    return write(tmp_path / "hand", pairs_by_hand(), timings, 3.0)


BY_HAND: dict[str, tuple[F | float | None, int]] = {
    # q1 ranks d3, d1, d2 with grades 0, 2, 1; q2 ranks nothing; q7 ranks d2 of d1 and d2.
    "ndcg_at_10": (((2 * L + 1 / 2) / (2 + L) + 0 + 1 / (1 + L)) / 3, 3),
    "recall_at_5": ((1 + 0 + F(1, 2)) / 3, 3),
    "recall_at_10": ((1 + 0 + F(1, 2)) / 3, 3),
    "ap_at_10": (((F(1, 2) + F(2, 3)) / 2 + 0 + F(1, 2)) / 3, 3),
    "rr_at_10": ((F(1, 2) + 0 + 1) / 3, 3),
    "success_at_1": (F(1, 3), 3),
    "success_at_5": (F(2, 3), 3),
    "success_at_10": (F(2, 3), 3),
    # q1: "bbbb cccc" is cut by two passages, "eeee" stands in the fifth; q7: "eeee" in the first.
    "evidence_recall_at_4": ((0 + F(1, 2)) / 2, 2),
    "evidence_recall_at_10": ((F(1, 2) + F(1, 2)) / 2, 2),
    "hits_at_4": (F(1, 2), 2),
    "hits_at_10": (F(2, 2), 2),
    "mrr_at_10": ((F(1, 5) + 1) / 2, 2),
    "map_at_10": ((F(1, 5) / 2 + F(1, 1) / 2) / 2, 2),
    # q1 "bbbb" is right, q2 shares 2 of 4 and 2 words, q3 abstains rightly, q4 does not.
    "reading_em": (F(1 + 0 + 1 + 0, 4), 4),
    "reading_f1": ((1 + F(2 * 2, 4 + 2) + 1 + 0) / 4, 4),
    "reading_em_answerable": (F(1, 2), 2),
    "reading_f1_answerable": ((1 + F(2, 3)) / 2, 2),
    "verified_share": (F(4, 5), 3),
    "gold_quote_hit_at_1": (F(0, 3), 3),
    "gold_quote_hit_at_3": (F(1, 3), 3),
    "gold_quote_hit_at_5": (F(1, 3), 3),
    # q1 quotes 4 + 9 characters, of which "bbbb" is gold, and gold has 9 + 4; q7 quotes 4 in vain.
    "quote_precision": ((F(4, 13) + 0) / 2, 2),
    "quote_recall": ((F(4, 13) + 0 + 0) / 3, 3),
    "needless_characters": (F(9 + 4, 2), 2),
    "duplicate_share": (F(1, 5), 3),
    "cited_sentence_share": ((F(1, 2) + 1 + 0 + 1) / 4, 4),
    "every_sentence_supported": (F(0 + 1 + 0 + 1, 4), 4),
    "citation_precision": ((F(1, 2) + 0) / 2, 2),
    "citation_recall": ((F(1, 2) + 0 + 0) / 3, 3),
    # Right: q1 by gold, q2 by its words, q3 by abstaining.
    "right_share": (F(3, 6), 6),
    "right_when_answered": (F(2, 4), 4),
    "answered_of_answerable": (F(3, 4), 4),
    "refusal_precision": (F(1, 2), 2),
    "refusal_recall": (F(1, 2), 2),
    "refusal_f1": (F(2 * 1, 2 + 2), 6),
    # 0.8, 0.3, 0.6, 0.55 against 0.1 (four wins) and 0.8 (one tie).
    "auroc_answerable": (F(9, 2) / 8, 6),
    # 0.8 right and 0.8 wrong share one error, then 0.55 wrong, then 0.3 right.
    "aurc": ((F(1, 2) + F(1, 2) + F(2, 3) + F(2, 4)) / 4, 4),
    "ece": ((2 * (F(8, 10) - F(1, 2)) + F(55, 100) + F(7, 10)) / 4, 4),
    "variant_kept_typo": (None, 0),
    "variant_kept_paraphrase": (None, 0),
    "variant_kept_lower_case": (F(0, 1), 1),
    "variant_kept_language": (None, 0),
    "variant_kept_other": (None, 0),
    "ask_p50_ms": (F(300), 5),
    "ask_p95_ms": (400 + F(8, 10) * 100, 5),
    "search_p50_ms": (F(15), 2),
    "search_p95_ms": (10 + F(95, 100) * 10, 2),
    "questions_per_second": (F(6, 3), 6),
}


def figures(folder: Path) -> dict[str, tuple[float | None, int]]:
    metrics = recompute(read_run(folder))["metrics"]
    return {name: (figure["value"], figure["n"]) for name, figure in metrics.items()}


def save_scores(folder: Path, change: Any = None) -> Row:
    scores = recompute(read_run(folder))
    if change is not None:
        change(scores)
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    return scores


# --- The figures


@pytest.mark.parametrize("name", BY_HAND)
def test_each_metric_is_what_the_hand_says(folder: Path, name: str) -> None:
    value, n = figures(folder)[name]
    wanted, of = BY_HAND[name]
    assert n == of
    assert value == (None if wanted is None else pytest.approx(float(wanted), abs=1e-12))


def test_no_metric_is_without_a_hand_worked_figure(folder: Path) -> None:
    assert set(figures(folder)) == set(BY_HAND)


def test_counts_curve_table_and_kinds_by_hand(folder: Path) -> None:
    found = recompute(read_run(folder))
    assert found["counts"] == {
        "questions": 7,
        "answerable": 5,
        "unanswerable": 2,
        "unlabelled": 0,
        "answered": 3,
        "partial": 1,
        "abstained": 2,
        "failed": 1,
        "failures": {"timeout": 1},
    }
    assert found["counts_by_kind"]["near_miss"]["questions"] == 2
    assert found["risk_coverage"] == [
        [pytest.approx(1 / 6), 1 / 2],
        [pytest.approx(2 / 6), 1 / 2],
        [pytest.approx(3 / 6), pytest.approx(2 / 3)],
        [pytest.approx(4 / 6), 1 / 2],
    ]
    table = {row["low"]: row for row in found["reliability"]}
    assert len(table) == 10
    assert (table[0.8]["count"], table[0.8]["mean_confidence"], table[0.8]["share_right"]) == (2, 0.8, 0.5)
    assert (table[0.5]["count"], table[0.3]["share_right"]) == (1, 1.0)
    assert (table[0.9]["count"], table[0.9]["mean_confidence"]) == (0, None)
    kind = found["by_kind"]["near_miss"]
    assert kind["right_share"] == {"value": 0.5, "n": 2}
    assert kind["refusal_precision"] == {"value": 1.0, "n": 1}
    assert kind["refusal_f1"] == {"value": pytest.approx(2 / 3), "n": 2}
    assert kind["auroc_answerable"] == {"value": None, "n": 0}
    assert found["by_kind"]["fact"]["refusal_recall"] == {"value": None, "n": 0}
    assert found["per_question"]["quote_precision"] == {"q1": pytest.approx(4 / 13), "q7": 0.0}


def test_our_own_scores_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = scores_json(score_run(read_our_run(folder), resamples=20))
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    assert main([str(folder)]) == 0, capsys.readouterr().out


def test_it_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert names
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"__future__"}


def test_it_runs_as_a_script_apart_from_the_project(folder: Path, tmp_path: Path) -> None:
    save_scores(folder)
    copied = tmp_path / "elsewhere.py"
    copied.write_bytes(SCRIPT.read_bytes())
    command = [sys.executable, "-I", str(copied), str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert printed["differences"] == []
    assert printed["metrics"]["right_share"] == {"value": 0.5, "n": 6}


# --- Edge cases


def test_nothing_is_known_of_a_run_without_questions(tmp_path: Path) -> None:
    folder = write(tmp_path / "empty", [], [], 1.0)
    assert set(figures(folder).values()) == {(None, 0)}
    assert main([str(folder)]) == 0


def test_failures_are_counted_and_never_scored(tmp_path: Path) -> None:
    asked = question("q1", gold=[gold("d1", 0, 4)], answers=["aaaa"])
    entry = failed("q1") | {"ranking": [passage("d1", 0, 19)]}
    folder = write(tmp_path / "failed", [(asked, entry)], [timing("q1", 5.0, 5.0)], 1.0)
    assert set(figures(folder).values()) == {(None, 0)}
    assert recompute(read_run(folder))["counts"]["failures"] == {"timeout": 1}


def test_one_class_only_has_no_auroc_and_no_recall_of_refusing(tmp_path: Path) -> None:
    pairs = [(question("q1", gold=[gold("d1", 0, 4)]), abstained("q1", 0.7))]
    found = figures(write(tmp_path / "one", pairs, [], None))
    assert found["auroc_answerable"] == (None, 0)
    assert found["refusal_recall"] == (None, 0)
    assert found["refusal_f1"] == (None, 0)
    assert found["refusal_precision"] == (0.0, 1)
    assert found["ndcg_at_10"] == (None, 0)  # there is no search
    assert found["questions_per_second"] == (None, 0)


def test_a_confidence_that_is_missing_leaves_no_value(folder: Path) -> None:
    pairs = pairs_by_hand()
    pairs[3][1]["record"]["confidence"] = None
    write(folder, pairs, [], 3.0)
    found = figures(folder)
    assert [found[name] for name in ("aurc", "ece", "auroc_answerable")] == [(None, 0)] * 3
    assert found["right_when_answered"] == (0.5, 4)
    assert recompute(read_run(folder))["risk_coverage"] == []


def hit(tmp_path: Path, wanted: Row, *cited: Row) -> dict[str, tuple[float | None, int]]:
    pairs = [(question("q1", gold=[wanted]), answered("q1", "Yes.", "Yes.", 0.5, *cited))]
    return figures(write(tmp_path / "hit", pairs, [], 1.0))


def test_offsets_that_do_not_hold_are_compared_by_text(tmp_path: Path) -> None:
    broken = citation("d1", 4, 8, cited_text="bb bb c")
    found = hit(tmp_path, gold("d1", 5, 14), broken)
    assert found["gold_quote_hit_at_1"] == (1.0, 1)  # "bbbbc" stands in "bbbbcccc"
    assert found["verified_share"] == (0.0, 1)
    assert found["quote_precision"] == (1.0, 1)
    assert found["quote_recall"][0] == pytest.approx(6 / 9)  # "bbbb c"


def test_a_citation_of_a_document_not_kept_is_compared_by_text(tmp_path: Path) -> None:
    gone = citation("gone", 0, 4, cited_text="zzzz")
    wanted = gold("gone", 0, 4, "aaaa")
    assert hit(tmp_path, wanted, gone)["gold_quote_hit_at_1"] == (0.0, 1)
    assert hit(tmp_path, wanted, gone | {"cited_text": "aaaa"})["gold_quote_hit_at_1"] == (1.0, 1)


def test_by_text_less_than_half_of_gold_is_no_hit(tmp_path: Path) -> None:
    # "bbbb cccc" has 8 characters without its space.
    for text, value, recall in (
        ("b b", 0, 0),
        ("bb b", 0, 0),
        ("b b\nbb", 1, F(4, 9)),
        ("x bbbb cccc x", 1, 1),
        ("", 0, 0),
    ):
        found = hit(
            tmp_path, gold("d1", 5, 14), citation("d1", 0, 1) | {"cited_text": text, "document_id": None}
        )
        assert (found["gold_quote_hit_at_1"], found["quote_recall"]) == ((value, 1), (float(recall), 1))


def test_gold_of_no_kept_document_is_counted_apart(tmp_path: Path) -> None:
    golds = [gold("x", 0, 4, "aaaa"), gold("y", 0, 4, "aaaa"), gold(None, None, None, "aaaa")]
    asked = question("q1", gold=[*golds, golds[2], gold("d1", 9, 13, "aaaa")])
    pairs = [(asked, answered("q1", "Yes.", "Yes.", 0.5, citation("d1", 0, 2)))]
    # Twice "aa" of four times "aaaa": gold's own place does not hold, its text stands at 0-4.
    assert figures(write(tmp_path / "apart", pairs, [], 1.0))["quote_recall"] == ((2 + 2) / 16, 1)


def test_a_text_that_is_not_in_nfc_counts_whole(tmp_path: Path) -> None:
    loose = citation("d1", 0, 1) | {"cited_text": "e\u0301 bb", "document_id": None}
    found = hit(tmp_path, gold(None, None, None, "\u00e9 b"), loose)
    assert (found["quote_precision"], found["quote_recall"]) == ((1.0, 1), (1.0, 1))


def test_a_passages_offsets_that_do_not_hold_are_not_used(tmp_path: Path) -> None:
    wanted = question("q1", gold=[gold("d1", 5, 9), gold("gone", 0, 4, "aaaa")])
    for row, value in (
        (passage("d1", 0, 99, "aaaa"), 0.0),
        (passage("d1", 0, 19), 0.5),
        (passage("gone", 0, 9, "x"), 0.0),
        (passage("gone", 7, 9, "a a aa"), 0.5),
    ):
        entry = abstained("q1", 0.5) | {"ranking": [row]}
        found = figures(write(tmp_path / "passages", [(wanted, entry)], [], 1.0))
        assert found["evidence_recall_at_4"] == (value, 1)


def test_facts_that_differ_in_spaces_are_found_as_one_and_divide_as_two(tmp_path: Path) -> None:
    wanted = question("q1", gold=[gold(None, None, None, text) for text in ("aa bb", "aabb", "aabb")])
    entry = abstained("q1", 0.5) | {"ranking": [passage(None, None, None, "x aa bb")]}
    assert figures(write(tmp_path / "facts", [(wanted, entry)], [], 1.0))["map_at_10"] == (0.5, 1)


@pytest.mark.parametrize(
    ("how", "sort"),
    [("pt-BR", "language"), ("zh_Hant", "language"), ("en-x", "other"), ("EN", "other"), ("typo", "typo")],
)
def test_the_sort_of_a_variant(how: str, sort: str) -> None:
    asked = question("q1", variant_of="q0", variant=how)
    assert Case(question=asked, entry=failed("q1"), timing=timing("q1", None)).variant == sort


def test_a_document_with_half_a_surrogate_pair_verifies_nothing() -> None:
    cited = {"document_id": "d", "start_char_index": 0, "end_char_index": 1, "cited_text": "a"}
    documents = {"d": {"document_id": "d", "text": "a\ud800"}}
    assert place_of(cited, documents) == ("d", 0, 1)
    assert not verifies(cited | {"document_sha256": "0" * 64}, documents)


def test_gold_counts_wherever_its_text_stands_in_its_document_and_in_no_other(tmp_path: Path) -> None:
    assert hit(tmp_path, gold("d1", 0, 1), citation("d1", 3, 4))["quote_recall"] == (1.0, 1)
    elsewhere = citation("d2", 0, 4, cited_text="aaaa")
    assert hit(tmp_path, gold("d1", 0, 4), elsewhere)["gold_quote_hit_at_1"] == (0.0, 1)
    assert hit(tmp_path, gold(None, None, None, "aaaa"), elsewhere)["gold_quote_hit_at_1"] == (1.0, 1)


def test_a_citation_after_the_fifth_makes_an_answer_right(tmp_path: Path) -> None:
    vain = [citation("d3", 0, 4)] * 5
    found = hit(tmp_path, gold("d1", 0, 4), *vain, citation("d1", 0, 4))
    assert found["gold_quote_hit_at_5"] == (0.0, 1)
    assert found["right_share"] == (1.0, 1)


def test_the_variants_of_questions_without_gold_are_told_by_the_ranking(tmp_path: Path) -> None:
    pairs = []
    for name, other, how, ranked in (
        ("q1", None, None, ["d3", "d1"]),  # 1/2
        ("q2", "q1", "ru", ["d1"]),  # 1
        ("q3", "q1", "sl", ["d3", "d2", "d1"]),  # 1/3
        ("q4", "q1", "shouted", ["d2"]),  # 0
        ("q5", "not asked", "typo", ["d1"]),
    ):
        asked = question(name, relevant=[["d1", 1]], variant_of=other, variant=how)
        pairs.append((asked, abstained(name, 0.5) | {"ranking": [passage(doc, 0, 4) for doc in ranked]}))
    found = figures(write(tmp_path / "variants", pairs, [], 1.0))
    kept, pairs_kept = found["variant_kept_language"]
    assert kept == pytest.approx((1 + 1 / 3) / (1 / 2 + 1 / 2))
    assert pairs_kept == 2
    assert found["variant_kept_other"] == (0.0, 1)
    assert found["variant_kept_typo"] == (None, 0)


def test_texts_are_normalised_as_squad_does() -> None:
    assert normalised("The  U.S.A., an\n«Answer»") == "usa «answer»"
    assert normalised("A–an THE!") == "–"


@pytest.mark.parametrize(
    ("answer", "starts"),
    [
        ("", []),
        ("… [1]\n\n", []),
        ("One. Two! [1] “Three?” Four", [0, 5, 14, 23]),
        ("It is 5 p.m. now.\nNext", [0, 18]),
    ],
)
def test_where_sentences_start(answer: str, starts: list[int]) -> None:
    assert sentence_starts(answer) == starts


# --- Agreement with our own metrics, which were written apart


def test_both_writings_of_the_sentence_rule_agree() -> None:
    dice = random.Random(1)
    parts = [*"aZéqёЯқ7_.!?…。！？\"'”’»)](«“ \n\t\r-–", "[1]", "[23]", "\u2028", "\u00a0", "\x85", "e\u0301"]
    for _ in range(20_000):
        answer = "".join(dice.choices(parts, k=dice.randint(0, 14)))
        assert sentence_starts(answer) == our_sentence_starts(answer), repr(answer)


def random_pairs(dice: random.Random, count: int) -> list[tuple[Row, Row]]:
    """Ask questions whose gold, citations and passages are near each other, true, shifted and foreign."""

    def stretch(shortest: int, longest: int) -> tuple[str, int, int]:
        name = dice.choice(["d1", "d2", "d3"])
        start = dice.randrange(len(TEXTS[name]) - shortest)
        return name, start, min(len(TEXTS[name]), start + dice.randint(shortest, longest))

    def wanted() -> Row:
        name, start, end = stretch(2, 9)
        text = TEXTS[name][start:end]
        spaced = dice.choice([text, text, text.replace(" ", "\n"), f" {text}", text + "e\u0301"])
        named = dice.choice([name, name, "gone", None])
        if spaced != text or named is None or dice.random() < 0.3:
            return gold(named, None, None, spaced)
        return gold(named, start, end, text)

    def cited(length: int) -> Row:
        name, start, end = stretch(1, 12)
        text = TEXTS[name][start:end]
        left = dice.randrange(length)
        row = citation(name, start, end, (left, min(length, left + dice.randint(1, 9))))
        if dice.random() < 0.5:
            return row
        row |= {"cited_text": dice.choice([text, text[:2], f"{text} ", "a", "", "\u00e9", "zz"])}
        row |= {"document_id": dice.choice([name, name, "gone", None])}
        return row | ({"start_char_index": None, "end_char_index": None} if dice.random() < 0.3 else {})

    def ranked() -> Row:
        name, start, end = stretch(3, 15)
        text = TEXTS[name][start:end]
        return dice.choice(
            [
                passage(name, start, end),
                passage(name, start, end + 1, text),
                passage(name, 0, 99, text),
                passage("gone", start, end, text),
                passage(name, None, None, text),
                passage(*dice.choice([(None, None, None), (name, start, end)]), text),
            ]
        )

    pairs: list[tuple[Row, Row]] = []
    for number in range(count):
        asked = question(
            f"q{number}",
            kind=dice.choice(["k", "l", "m"]),
            answerable=dice.choice([True, True, None, False]),
            gold=[wanted() for _ in range(dice.randint(0, 3))],
            answers=dice.choices(["aaaa", "the", "", "bbbb cccc", "A bbbb!"], k=dice.randint(0, 2)),
            relevant=[[dice.choice(list(TEXTS)), dice.randint(-1, 3)] for _ in range(dice.choice([0, 0, 3]))],
        )
        if number and dice.random() < 0.4:
            asked |= {"variant_of": f"q{dice.randrange(number)}"}
            asked |= {"variant": dice.choice(["typo", "ru", "zh_Hant", "en-x", "odd", None])}
        answer = "".join(dice.choices(["The bbbb cccc. ", "Да! ", "aaaa [1] ", "U.S. Z ", "…\n"], k=4)) + "."
        quotes = [cited(len(answer)) for _ in range(dice.randint(0, 7))]
        entry = dice.choice(
            [
                answered(f"q{number}", answer, answer.replace("[1] ", ""), dice.randint(0, 20) / 20, *quotes),
                abstained(f"q{number}", dice.randint(0, 20) / 20),
            ]
        )
        entry["ranking"] = [ranked() for _ in range(dice.randint(0, 12))] if dice.random() < 0.9 else None
        pairs.append((asked, failed(f"q{number}") if dice.random() < 0.1 else entry))
    return pairs


@pytest.mark.parametrize("seed", range(4))
def test_our_own_scores_of_random_runs_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    folder = write(tmp_path / "random", random_pairs(random.Random(seed), 150), [], 1.0)
    scores = scores_json(score_run(read_our_run(folder), resamples=2))
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    assert main([str(folder)]) == 0, capsys.readouterr().out
    assert scores["metrics"]["quote_recall"]["value"] not in (0, 1, None)


# --- Comparing


def test_scores_that_agree_exit_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_scores(folder, lambda scores: scores["metrics"]["ece"].update(value=0.4625 + 0.00004))
    assert main([str(folder)]) == 0
    assert "differs" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda scores: scores["metrics"]["ece"].update(value=0.4626),
            "whole run: ece: recomputed 0.462500 (n 4), scores 0.462600 (n 4)",
        ),
        (
            lambda scores: scores["metrics"]["ece"].update(n=5),
            "whole run: ece: recomputed 0.462500 (n 4), scores 0.462500 (n 5)",
        ),
        (
            lambda scores: scores["metrics"].pop("ece"),
            "whole run: ece: recomputed 0.462500 (n 4), scores None (n None)",
        ),
        (
            lambda scores: scores["metrics"].pop("variant_kept_typo"),
            "whole run: variant_kept_typo: recomputed None (n 0), scores None (n None)",
        ),
        (
            lambda scores: scores["metrics"].update(charm={"value": 1.0, "n": 7}),
            "whole run: charm: recomputed None (n 0), scores 1.000000 (n 7)",
        ),
        (
            lambda scores: scores["by_kind"]["near_miss"]["right_share"].update(value=1.0),
            "kind near_miss: right_share: recomputed 0.500000 (n 2), scores 1.000000 (n 2)",
        ),
        (
            lambda scores: scores["per_question"]["right_share"].pop("q1"),
            "per_question: right_share: q1: recomputed 1.000000, scores None",
        ),
        (lambda scores: scores["counts"].update(failed=0), "counts: failed: recomputed 1, scores 0"),
        (
            lambda scores: scores["reliability"][8].update(count=1),
            "reliability: 9: count: recomputed 2, scores 1",
        ),
        (lambda scores: scores["risk_coverage"].pop(), "risk_coverage: recomputed 4 items, scores 3 items"),
    ],
)
def test_a_changed_figure_is_named_and_exits_1(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Any, line: str
) -> None:
    save_scores(folder, change)
    assert main([str(folder)]) == 1
    assert [row for row in capsys.readouterr().out.splitlines() if "differs" in row] == [f"differs: {line}"]


def test_against_names_other_scores(folder: Path, tmp_path: Path) -> None:
    scores = save_scores(folder)
    scores["metrics"]["aurc"]["value"] = 0.0
    other = tmp_path / "other.json"
    other.write_text(json.dumps(scores), encoding="utf-8")
    assert main([str(folder)]) == 0
    assert main([str(folder), "--against", str(other), "--json"]) == 1


# --- What cannot be read


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", "[]", "list instead of an object"),
        ("run.json", '{"format": 2}', "format 2"),
        ("run.json", '{"format": 1, "finished": false}', "not finished"),
        ("answers.jsonl", "", "does not answer questions.jsonl"),
        ("answers.jsonl", '{"question_id": "q1"', "cut off"),
        ("questions.jsonl", "{}\n", "line 1"),
        ("questions.jsonl", "no\n", "line 1"),
        ("documents.jsonl", '{"document_id": "d1"}\n', "text"),
        ("scores.json", "{}", "malformed"),
        ("scores.json", "", "scores.json"),
    ],
)
def test_damage_is_named_and_exits_2(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, message: str
) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    assert main([str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_run_and_missing_scores_exit_2(folder: Path, tmp_path: Path) -> None:
    assert main([str(tmp_path / "nothing")]) == 2
    assert main([str(folder), "--against", str(tmp_path / "nothing.json")]) == 2


def test_a_question_asked_twice_is_refused(tmp_path: Path) -> None:
    pair = (question("q1"), failed("q1"))
    with pytest.raises(UnreadableError, match="stands twice"):
        read_run(write(tmp_path / "twice", [pair, pair], [], 1.0))


def test_a_record_that_lacks_a_field_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = pairs_by_hand()
    del pairs[1][1]["record"]["citations"][0]["cited_text"]
    write(folder, pairs, [], 1.0)
    assert main([str(folder)]) == 2
    assert "question 'q2'" in capsys.readouterr().err


def test_a_passage_whose_text_is_lost_is_no_miss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = pairs_by_hand()
    pairs[0][1]["ranking"][0] = passage("gone", 0, 4)
    write(folder, pairs, [], 1.0)
    assert main([str(folder)]) == 2
    assert "keeps no text of a passage of 'gone'" in capsys.readouterr().err
