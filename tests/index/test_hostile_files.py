"""Bombs and hostile files: each is refused or given up within ten seconds, and the next file is read."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.bench.hostile_files import DOCUMENTS, GOOD, HOSTILE, ODD
from index.errors import ParserError
from index.formats import Problem, Record
from index.parse import ParseLimits, ParsePool


@pytest.fixture(scope="module")
def pool() -> Iterator[ParsePool]:
    pool = ParsePool()
    yield pool
    pool.close()


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# These take as long as they may.
SLOW = (
    "attributes.html",
    "endless.pdf",
    "form-loop.pdf",
    "nested.eml",
    "quine.zip",
    "quote.csv",
    "deep.docx",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in SLOW)) for name in [*HOSTILE, *ODD]]
)
def test_a_hostile_file_harms_nobody(pool: ParsePool, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((HOSTILE | ODD)[name]())
    before, began = memory(), time.monotonic()
    items = list(pool.parse(path, name, name))
    taken = time.monotonic() - began
    assert taken < 10 + 4 * path.stat().st_size / 2**20
    assert memory() - before < 64 * 2**20
    if name in HOSTILE:
        problems = [item for item in items if isinstance(item, Problem) and item.fatal]
        assert problems
        assert all(problem.error.where.startswith(name) for problem in problems)
    assert items
    assert "root:" not in "".join(item.text for item in items if isinstance(item, Record))
    good = tmp_path / "good.html"
    good.write_bytes(GOOD)
    (record,) = pool.parse(good, "good.html", "good.html")
    assert isinstance(record, Record)
    assert record.text == "A good page that is read after all."


def test_of_a_bomb_in_many_archives_nothing_is_read(pool: ParsePool, tmp_path: Path) -> None:
    """Each archive expands by less than a bomb, all of them together by ten thousand times."""
    path = tmp_path / "quine.zip"
    path.write_bytes(HOSTILE["quine.zip"]())
    (problem,) = pool.parse(path, "quine.zip", "quine.zip")
    assert isinstance(problem, Problem)
    assert "expands to more than 100 times its size" in str(problem.error)


def spinning(tmp_path: Path, body: str) -> Path:
    """A worker whose reader does something else: PYTHONPATH is not the pool's to give, so the file says it."""
    package = tmp_path / "index"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parse_worker.py").write_text(
        "import struct, sys, time\n"
        "def say(raw): sys.stdout.buffer.write(struct.pack('>II', len(raw), 0) + raw); sys.stdout.buffer.flush()\n"
        "say(b'{\"ready\":1}')\nsys.stdin.buffer.read(8)\n" + body
    )
    return tmp_path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("time.sleep(60)", "took longer than 1 s"),
        ("while True: pass", "took longer than 1 s"),
        ("import os; os.kill(os.getpid(), 11)", "signal SIGSEGV"),
        ("sys.exit(3)", "exit 3"),
        ("say(b'nonsense')", "answer nonsense"),
        ("say(b'{}')", "answer nonsense"),
        (
            "sys.stdout.buffer.write(b'\\xff' * 100); sys.stdout.buffer.flush(); time.sleep(9)",
            "answer nonsense",
        ),
        ('say(b\'{"record":{"where":1}}\')', "answer nonsense"),
    ],
)
def test_a_reader_that_misbehaves_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr("index.parse._PATH", spinning(tmp_path, body))
    pool = ParsePool(ParseLimits(seconds=1))
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    try:
        (problem,) = pool.parse(file, "a.html", "a.html")
        assert isinstance(problem, Problem)
        assert said in str(problem.error)
        assert pool.pid is None
        monkeypatch.undo()
        (record,) = pool.parse(file, "a.html", "a.html")
        assert isinstance(record, Record)
    finally:
        pool.close()


def test_a_process_that_cannot_start_is_no_files_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.parse._PATH", tmp_path)
    (tmp_path / "index").mkdir()
    # A package of its own, or the installed one would be found.
    (tmp_path / "index" / "__init__.py").write_text("")
    (tmp_path / "index" / "parse_worker.py").write_text("raise SystemExit('no library')")
    (tmp_path / "a.html").write_bytes(GOOD)
    broken = ParsePool()
    try:
        with pytest.raises(ParserError, match="no library"):
            list(broken.parse(tmp_path / "a.html", "a.html", "a.html"))
    finally:
        broken.close()


def test_the_process_is_used_again_and_is_started_anew_after_its_death(
    pool: ParsePool, tmp_path: Path
) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    list(pool.parse(file, "a.html", "a.html"))
    first = pool.pid
    assert first is not None
    list(pool.parse(file, "a.html", "a.html"))
    assert pool.pid == first
    os.kill(first, 9)
    time.sleep(0.1)
    (record,) = pool.parse(file, "a.html", "a.html")
    assert isinstance(record, Record)
    assert pool.pid != first


def test_whoever_leaves_half_way_gets_a_fresh_process(pool: ParsePool) -> None:
    items = pool.parse(DOCUMENTS / "all.zip", "all.zip", "all.zip")
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert pool.pid is None
    assert len(list(pool.parse(DOCUMENTS / "all.zip", "all.zip", "all.zip"))) == 4


def test_limits_of_size_memory_and_output(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    for limits, said in (
        (ParseLimits(file_bytes=50), "over the limit of 50"),
        (ParseLimits(output_characters=5), "more text than one file may"),
    ):
        pool = ParsePool(limits)
        (problem,) = pool.parse(file, "a.html", "a.html")
        pool.close()
        assert isinstance(problem, Problem)
        assert said in str(problem.error)


def test_the_process_loads_no_model_library(pool: ParsePool, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    list(pool.parse(file, "a.html", "a.html"))
    maps = Path(f"/proc/{pool.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    assert "torch" not in maps.read_text()
