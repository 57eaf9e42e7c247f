"""Narrow rights find what an index of their own documents would."""

from __future__ import annotations

import argparse
from pathlib import Path

from eval.bench.rights import SUBJECTS, bench, passed, recall


def test_recall_counts_what_the_exact_list_has() -> None:
    assert recall(["a", "b", "c", "d"], ["b", "x", "a", "c"]) == 0.75


def test_narrow_rights_do_not_empty_the_results(tmp_path: Path) -> None:
    found = bench(argparse.Namespace(documents=300, questions=8, seed=3), tmp_path)
    viewers = found["viewers"]
    assert {name: one["recall_at_10"] >= 0.98 for name, one in viewers.items() if "recall_at_10" in one} == {
        "0.1 %": True,
        "1 %": True,
        "10 %": True,
        SUBJECTS: True,
    }
    assert passed(found)
    assert (
        1 <= viewers["0.1 %"]["documents"] < 10 < viewers["10 %"]["documents"] < viewers["50 %"]["documents"]
    )
    viewers["1 %"]["recall_at_10"] = 0.97
    assert not passed(found)
