"""The process ends at every named place of the commit path: what is left is the state before or after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.bench.faults import run_failpoints
from index import failpoints
from index.failpoints import POINTS, failpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def passed() -> Iterator[list[str]]:
    names: list[str] = []
    failpoints.arm(names.append)
    yield names
    failpoints.arm(None)


def test_an_end_at_every_place_leaves_the_state_before_or_after(quick_path: Path) -> None:
    found = run_failpoints(quick_path)
    assert found["findings"] == []
    assert (found["points_hit"], found["ended"]) == (len(POINTS), len(POINTS))
    assert len(POINTS) >= 12


@pytest.mark.long
def test_later_ends_at_every_place_too(quick_path: Path) -> None:
    found = run_failpoints(quick_path, nth=(1, 2, 3, 5))
    assert found["findings"] == []
    assert found["points_hit"] == len(POINTS)


def test_nothing_happens_at_a_place_that_is_not_armed(passed: list[str]) -> None:
    failpoint("publish.synced")
    failpoints.arm(None)
    failpoint("publish.synced")
    assert passed == ["publish.synced"]


def test_nothing_in_the_product_arms_a_place_and_none_reads_the_environment() -> None:
    sources = [path for folder in ("index", "rag", "api") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 50
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert (
            not re.search(r"failpoints\.arm|import arm\b|, arm\b|\barm\(", text)
            or path.name == "failpoints.py"
        )
    assert "os.environ" not in (ROOT / "index" / "failpoints.py").read_text(encoding="utf-8")
