"""`verse duplicates`: who tells the same story, as the index found it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.api.copies import rows
from tests.api.service import index_rows


def verse(environment: dict[str, str], state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        env={**environment, "VERSE_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_groups_are_listed_with_what_was_measured(child_environment: dict[str, str], tmp_path: Path) -> None:
    index_rows(tmp_path, rows())
    done = verse(child_environment, tmp_path / "state", "duplicates", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (story,) = map(json.loads, done.stdout.splitlines())
    assert story["documents"] == ["agency", "courier", "circular"]
    assert [(p["one"], p["other"], p["same"]) for p in story["pairs"]] == [
        ("agency", "courier", "near"), ("agency", "circular", "near"), ("courier", "circular", "near"),
    ]  # fmt: skip
    assert all(0.8 <= pair["jaccard"] < 1 for pair in story["pairs"])
    text = verse(child_environment, tmp_path / "state", "duplicates").stdout.splitlines()
    assert text[:2] == ["the same story in 3 documents:", "    agency"]
    assert text[4] == f"    agency = courier: {story['pairs'][0]['jaccard']:.3f}, near"


def test_without_an_index_it_says_what_to_do(child_environment: dict[str, str], tmp_path: Path) -> None:
    done = verse(child_environment, tmp_path / "state", "duplicates")
    assert done.returncode == 1
    assert "run `verse index PATH` first" in done.stderr


def test_where_nothing_is_the_same_it_says_so(child_environment: dict[str, str], tmp_path: Path) -> None:
    index_rows(tmp_path, rows()[3:])
    done = verse(child_environment, tmp_path / "state", "duplicates")
    assert (done.returncode, done.stdout) == (0, "no two documents tell the same story\n")
