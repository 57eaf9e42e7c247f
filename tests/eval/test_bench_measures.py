"""Percentiles and measures of retrieval, worked by hand and against NumPy."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from eval.bench.fusion import successes
from eval.bench.multihop import with_intervals
from eval.bench.record import (
    child_environment,
    command_line,
    free_port,
    latencies,
    machine,
    percentile,
    versions,
)
from eval.datasets.multihop_rag import as_document
from eval.metrics.multihop import scores as measures


def test_percentile_worked_by_hand() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([10, 20, 30, 40, 50], 0.95) == pytest.approx(48.0)
    assert percentile([7], 0.99) == 7
    assert (percentile([3, 1, 2], 0.0), percentile([3, 1, 2], 1.0)) == (1, 3)


def test_percentile_agrees_with_numpy() -> None:
    dice = random.Random(1)
    for _ in range(50):
        values = [dice.expovariate(1) for _ in range(dice.randint(1, 300))]
        for share in (0.5, 0.95, 0.99, dice.random()):
            assert percentile(values, share) == pytest.approx(np.percentile(values, 100 * share))


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 1.1), ([1.0], -0.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, share)


def test_latencies_are_in_milliseconds() -> None:
    found = latencies([0.001, 0.002, 0.003])
    assert (found["requests"], found["p50_ms"], found["mean_ms"], found["max_ms"]) == (3, 2.0, 2.0, 3.0)


def test_measures_worked_by_hand() -> None:
    facts = ["The price rose.", "Ann said so."]
    texts = ["nothing", "… The  price\nrose. …", "again: The price rose.", "no", "x Ann said so. y"]
    found = measures(texts, facts)
    assert found["mrr_at_10"] == 0.5
    assert (found["hits_at_4"], found["hits_at_10"]) == (1.0, 1.0)
    # One fact is first found at rank 2, the other at rank 5; a fact found again counts no more.
    assert found["map_at_10"] == pytest.approx((1 / 2 + 1 / 5) / 2)


def test_two_facts_in_one_passage_count_together() -> None:
    assert measures(["ab"], ["a", "b"]) == {
        "hits_at_4": 1.0,
        "hits_at_10": 1.0,
        "mrr_at_10": 1.0,
        "map_at_10": 1.0,
    }


def test_a_hit_below_rank_4_counts_at_10_only_and_below_10_not_at_all() -> None:
    assert measures(["-"] * 4 + ["fact"], ["fact"])["hits_at_4"] == 0.0
    assert measures(["-"] * 4 + ["fact"], ["fact"])["hits_at_10"] == 1.0
    assert measures(["-"] * 10 + ["fact"], ["fact"]) == dict.fromkeys(
        ("hits_at_4", "hits_at_10", "mrr_at_10", "map_at_10"), 0.0
    )
    assert measures([], ["fact"])["mrr_at_10"] == 0.0
    with pytest.raises(ValueError, match="without facts"):
        measures(["x"], [])


def test_facts_and_passages_are_compared_in_nfc_without_spaces_and_newlines() -> None:
    assert measures(["e\u0301 t\u00e9\n x\ty"], ["\u00e9t\u00e9x\ty"])["hits_at_4"] == 1.0
    assert measures(["un \u00e9t\u00e9\nchaud"], ["e\u0301t\u00e9 chaud"])["hits_at_4"] == 1.0


def test_measures_agree_with_a_second_writing_of_the_definition() -> None:
    dice = random.Random(2)
    for _ in range(300):
        facts = [f"<{n}>" for n in range(dice.randint(1, 4))]
        texts = ["".join(dice.sample(facts, dice.randint(0, min(2, len(facts))))) for _ in range(12)]
        hits = [any(fact in text for fact in facts) for text in texts[:10]]
        seen: set[str] = set()
        total = 0.0
        for rank, text in enumerate(texts[:10], 1):
            new = {fact for fact in facts if fact in text} - seen
            seen |= new
            total += len(new) / rank
        assert measures(texts, facts) == {
            "hits_at_4": float(any(hits[:4])),
            "hits_at_10": float(any(hits)),
            "mrr_at_10": 1 / (hits.index(True) + 1) if any(hits) else 0.0,
            "map_at_10": pytest.approx(total / len(facts)),
        }


def test_intervals_are_seeded_and_hold_the_mean() -> None:
    rows = [{"hits": float(n % 3 == 0)} for n in range(90)]
    found = with_intervals(rows, seed=1)
    assert found == with_intervals(rows, seed=1)
    low, high = found["hits"]["bootstrap_95"]
    assert found["hits"]["mean"] == pytest.approx(1 / 3, abs=1e-4)
    # The normal interval of 30 of 90 is 0.333 ± 0.097.
    assert low == pytest.approx(0.236, abs=0.02)
    assert high == pytest.approx(0.431, abs=0.02)


def test_successes_count_any_hit_within_k() -> None:
    assert successes(["b", "c", "a"], "a") == {"success_at_1": 0.0, "success_at_3": 1.0, "success_at_10": 1.0}


def test_an_article_keeps_source_date_and_category() -> None:
    row = {
        "id": "mhr-1", "title": "T", "text": "x", "author": None, "source": "Globe",
        "published_at": "2023-10-08T14:16:01+00:00", "category": "sports", "url": "https://e.org",
    }  # fmt: skip
    document = as_document(row)
    assert (document["publisher"], document["category"], document["author"]) == ("Globe", "sports", None)


def test_the_record_names_machine_and_versions_but_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--data", "/some/where/data", "--out", "eval/results/a.json"])
    assert command_line("eval.bench.x") == "python -m eval.bench.x --data data --out eval/results/a.json"
    assert {"cpu", "cores", "flags", "memory_mib"} <= machine().keys()
    assert versions()["numpy"] == np.__version__
    assert 1024 <= free_port() < 65536


def test_a_child_gets_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERSE_PUBLIC_URL", "https://other.example")
    variables = child_environment(tmp_path, 2)
    assert {name for name in variables if name.startswith("VERSE_")} == {"VERSE_STATE_DIR", "VERSE_THREADS"}
