"""Cuts the power: rebuilds the state folder as a disk may hold it after a cut, and looks what is lost.

A child works as for the kills (`eval.bench.crash_harness`), with a layer below the C library that writes down
every call that changes a file (`tests/faults/faults.c`). From that trace this module makes the folder at
any moment: what was synced is there; of what was not, each write is there, missing or torn at a sector of 512
bytes, and of the changes of a folder's names, since it was last synced, only the first so many. Syncing
a file does not make its name durable, and a new folder is gone where the one above was not synced.

Not simulated: writes through mmap (SQLite's `-shm` is one; it is made anew whenever it is opened first, and
stands here as zeros), and disks that lie about a sync.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from eval.bench.crash_harness import (
    ROOT,
    SETTINGS,
    Log,
    Work,
    bring_in_step,
    check,
    fake_embedder,
    read_log,
)
from index.state import StateFolder

MODULE = "eval.bench.power_cuts"
SOURCE = ROOT / "tests" / "faults" / "faults.c"
SECTOR = 512
_HEAD = struct.Struct("=IIIIQqQ")
OPEN, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, RMDIR, SYNC_FAILED = range(1, 10)


class NoLayerError(RuntimeError):
    """The layer below the C library cannot be built here."""


def build_layer(folder: Path) -> Path:
    """Compile the layer.

    Raises:
        NoLayerError: there is no C compiler, or this is no Linux.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        raise NoLayerError("the layer below the C library needs Linux and a C compiler")
    target = folder / "faults.so"
    done = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl", "-lpthread"],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise NoLayerError(f"the layer cannot be compiled: {done.stderr[-500:]}")
    return target


# The trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that changed something; paths are relative to the root."""

    kind: int
    inode: int
    offset: int
    path: str
    to: str
    data: bytes


def read_trace(path: Path, root: Path) -> list[Call]:
    """Read what the layer wrote down."""
    raw, calls, at = path.read_bytes(), [], 0
    base = str(root.resolve())

    def relative(name: bytes) -> str:
        return os.fsdecode(name)[len(base) :].lstrip("/")

    while at < len(raw):
        kind, one, two, _, inode, offset, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        paths = relative(raw[at : at + one]), relative(raw[at + one : at + one + two])
        at += one + two
        calls.append(
            Call(kind=kind, inode=inode, offset=offset, path=paths[0], to=paths[1], data=raw[at : at + size])
        )
        at += size
    return calls


# The disk


@dataclass
class File:
    """The bytes that are on the disk for good, and the changes since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)
    """What a sync failed for is in neither: the system may hold it for clean, and never write it."""


@dataclass
class Folder:
    """The names that are on the disk for good, and the changes since: (name, what it is or `None`), a few at once."""

    synced: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[list[tuple[str, File | Folder | None]]] = field(default_factory=list)

    def now(self) -> dict[str, File | Folder]:
        return _with(self.synced, self.pending)


class Disk:
    """A folder as the calls leave it."""

    def __init__(self, inode: int) -> None:
        self.root = Folder()
        self._known: dict[int, File | Folder] = {inode: self.root}

    @classmethod
    def of(cls, folder: Path) -> Disk:
        """Return a disk on which a folder is for good as it is."""
        disk = cls(folder.stat().st_ino)

        def take(path: Path, into: Folder) -> None:
            for child in path.iterdir():
                below: File | Folder = (
                    Folder() if child.is_dir() else File(synced=bytearray(child.read_bytes()))
                )
                into.synced[child.name] = disk._known[child.stat().st_ino] = below
                if isinstance(below, Folder):
                    take(child, below)

        take(folder, disk.root)
        return disk

    def apply(self, call: Call) -> None:
        """Let one call happen; nothing but a sync makes anything durable."""
        match call.kind:
            case 1 | 7:
                made: File | Folder = File() if call.kind == OPEN else Folder()
                self._known[call.inode] = made
                folder, name = self._place(call.path)
                folder.pending.append([(name, made)])
            case 2 | 3:
                file = self._known[call.inode]
                assert isinstance(file, File)
                file.pending.append(call)
            case 4:
                synced = self._known[call.inode]
                if isinstance(synced, File):
                    synced.synced = content(synced.synced, synced.pending)
                else:
                    self._see(synced, call.data)
                    synced.synced = synced.now()
                synced.pending.clear()
            case 9:
                failed = self._known[call.inode]
                # A folder's names are kept in a journal, which is written again or stops the file system.
                if isinstance(failed, File):
                    failed.pending.clear()
            case 5:
                before, old = self._place(call.path)
                after, new = self._place(call.to)
                moved = before.now()[old]
                if before is after:
                    before.pending.append([(old, None), (new, moved)])
                else:
                    before.pending.append([(old, None)])
                    after.pending.append([(new, moved)])
            case 6 | 8:
                folder, name = self._place(call.path)
                folder.pending.append([(name, None)])

    def _see(self, folder: Folder, listed: bytes) -> None:
        """Take a folder's names as they really are: a library may have renamed past the C library."""
        real: dict[str, File | Folder] = {}
        for entry in listed.split(b"\0")[:-1]:
            inode, _, name = entry.partition(b" ")
            real[os.fsdecode(name)] = self._known[int(inode)]
        now = folder.now()
        changes: list[tuple[str, File | Folder | None]] = [(name, None) for name in now.keys() - real.keys()]
        changes += [(name, what) for name, what in real.items() if now.get(name) is not what]
        if changes:
            folder.pending.append(changes)

    def _place(self, path: str) -> tuple[Folder, str]:
        *parts, name = path.split("/")
        folder = self.root
        for part in parts:
            below = folder.now()[part]
            assert isinstance(below, Folder)
            folder = below
        return folder, name


def content(synced: bytearray, calls: Sequence[Call]) -> bytearray:
    """Return a file's bytes after some calls."""
    found = bytearray(synced)
    for call in calls:
        _write(found, call, 0, len(call.data))
    return found


def _write(found: bytearray, call: Call, start: int, end: int) -> None:
    if call.kind == TRUNCATE:
        del found[call.offset :]
        found.extend(bytes(call.offset - len(found)))
        return
    at = call.offset + start
    if len(found) < at:
        found.extend(bytes(at - len(found)))
    found[at : at + end - start] = call.data[start:end]


def _with(
    synced: dict[str, File | Folder], changes: Sequence[list[tuple[str, File | Folder | None]]]
) -> dict[str, File | Folder]:
    found = dict(synced)
    for together in changes:
        for name, what in together:
            if what is None:
                found.pop(name, None)
            else:
                found[name] = what
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """How much of what was not synced reaches the disk all the same: nothing, some of it, or all."""

    dice: random.Random
    share: float

    def names(self, folder: Folder) -> dict[str, File | Folder]:
        kept = len(folder.pending)
        if self.dice.random() >= self.share:
            kept = self.dice.randint(0, kept)
        return _with(folder.synced, folder.pending[: kept if self.share else 0])

    def bytes_of(self, file: File) -> bytearray:
        found = bytearray(file.synced)
        for call in file.pending:
            fate = self.dice.random()
            if fate < self.share:
                _write(found, call, 0, len(call.data))
            elif self.share and fate < (1 + self.share) / 2 and call.kind == WRITE:
                # Torn: some of its sectors are there.
                first = -call.offset % SECTOR
                edges = [0, *range(first, len(call.data), SECTOR), len(call.data)]
                for start, end in pairwise(edges):
                    if start < end and self.dice.random() < 0.5:
                        _write(found, call, start, end)
        return found


def lay_out(folder: Folder, target: Path, luck: Luck, *, skip: str = "") -> None:
    """Write a folder as it is found after the cut."""
    target.mkdir(parents=True, exist_ok=True)
    for name, what in sorted(luck.names(folder).items()):
        if name == skip:
            continue
        if isinstance(what, Folder):
            lay_out(what, target / name, luck)
        else:
            (target / name).write_bytes(luck.bytes_of(what))


# Cutting


@dataclass
class Cuts:
    """The outcome of a series of cuts."""

    cuts: int = 0
    calls: int = 0
    syncs: int = 0
    acknowledged: int = 0
    lost: int = 0
    resurrected: int = 0
    wrong_text: int = 0
    torn: int = 0
    not_intact: int = 0
    rebuilt: int = 0
    not_mended: int = 0
    by_share: Counter[str] = field(default_factory=Counter)
    findings: list[Any] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        wrong = (self.lost, self.resurrected, self.wrong_text, self.torn, self.not_intact, self.not_mended)
        return not any(wrong)

    def as_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "by_share": dict(sorted(self.by_share.items())),
        }


def record(folder: Path, layer: Path, *, seed: int, rounds: int) -> tuple[list[Call], int]:
    """Let a child work, and return its calls and the number of the root's inode."""
    home = folder / "home"
    home.mkdir(parents=True)
    words = ["--folder", str(folder), "--seed", str(seed), "--rounds", str(rounds)]
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "--child", *words],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LD_PRELOAD": str(layer),
            "FAULTS_ROOT": str(home),
            "FAULTS_TRACE": str(folder / "trace"),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the worker ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return read_trace(folder / "trace", home), home.stat().st_ino


def run_cuts(
    folder: Path,
    *,
    cuts: int,
    seed: int,
    rounds: int = 8,
    each: int = 60,
    heard: Callable[[Call], bool] = lambda _call: True,
) -> Cuts:
    """Cut at random calls, `each` times in one recording, then let the next run mend what is left.

    A disk that does not hear some of the calls (`heard`) shows that the cuts find what they are to find.

    Raises:
        NoLayerError: the layer cannot be built here.
        AssertionError: the layer did not see everything that was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    layer = build_layer(folder)
    outcome = Cuts()
    dice = random.Random(seed)
    for number in range(-(-cuts // each)):
        place = folder / f"recording-{number}"
        calls, inode = record(place, layer, seed=seed * 1000 + number, rounds=rounds)
        outcome.calls += len(calls)
        outcome.syncs += sum(call.kind == SYNC for call in calls)
        compare_whole(calls, inode, place / "home")
        wanted = sorted(dice.randrange(1, len(calls) + 1) for _ in range(min(each, cuts - outcome.cuts)))
        disk, done = Disk(inode), 0
        for at in wanted:
            for call in filter(heard, calls[done:at]):
                disk.apply(call)
            done = at
            share = dice.choice((0.0, 0.3, 0.6, 0.9))
            outcome.cuts += 1
            outcome.by_share[str(share)] += 1
            luck = Luck(dice=random.Random(f"{seed}/{number}/{at}/{outcome.cuts}"), share=share)
            _cut(disk, luck, place / "cut", outcome, f"recording {number}, call {at}, share {share}")
            shutil.rmtree(place / "cut")
        shutil.rmtree(place)
    return outcome


def compare_whole(calls: Sequence[Call], inode: int, home: Path) -> None:
    """See that all calls together give what really lies there: the layer has missed nothing."""
    disk = Disk(inode)
    for call in calls:
        disk.apply(call)
    whole = home.parent / "whole"
    lay_out(disk.root, whole, Luck(dice=random.Random(0), share=1.0))
    real = {p.relative_to(home) for p in home.rglob("*") if not p.name.endswith("-shm")}
    made = {p.relative_to(whole) for p in whole.rglob("*") if not p.name.endswith("-shm")}
    assert real == made, f"{sorted(real ^ made)[:5]} differ"
    for path in real:
        if (home / path).is_file():
            assert (home / path).read_bytes() == (whole / path).read_bytes(), f"{path} was not recorded whole"
    shutil.rmtree(whole)


def _cut(disk: Disk, luck: Luck, place: Path, outcome: Cuts, where: str) -> None:
    names = disk.root.now()
    log_file = names.get("log.jsonl")
    place.mkdir()
    # What the child was told it was told, whatever became of its log.
    if isinstance(log_file, File):
        (place / "log.jsonl").write_bytes(content(log_file.synced, log_file.pending))
    lay_out(disk.root, place, luck, skip="log.jsonl")
    state, embedder = StateFolder(place / "state"), fake_embedder()
    log = read_log(place / "log.jsonl")
    outcome.acknowledged += log.acknowledged
    try:
        _count(check(state, log, embedder, place / "backups"), outcome, where)
    except Exception as error:  # noqa: BLE001 - anything not foreseen is what we look for
        outcome.not_mended += 1
        outcome.findings.append(f"{where}: {type(error).__name__}: {error}")
        return
    try:
        _mend(place, state, log, outcome, where)
    except Exception as error:  # noqa: BLE001
        outcome.not_mended += 1
        outcome.findings.append(f"{where}: the next run failed with {type(error).__name__}: {error}")


def _mend(place: Path, state: StateFolder, log: Log, outcome: Cuts, where: str) -> None:
    if not log.target:
        return
    embedder = fake_embedder()
    bring_in_step(state, place.parent / "corpus", log.target, embedder, place / "log.jsonl", lambda *_: None)
    settled = read_log(place / "log.jsonl")
    # Backups were looked at before; here only the index was to be mended.
    _count(check(state, settled, embedder), outcome, f"{where}, after the next run")


def _count(found: dict[str, Any], outcome: Cuts, where: str) -> None:
    for name in ("lost", "resurrected", "wrong_text", "torn"):
        setattr(outcome, name, getattr(outcome, name) + len(found[name]))
    outcome.not_intact += found["integrity"] not in ("ok", "absent")
    outcome.rebuilt += found["rebuilt"]
    if any(found[n] for n in ("lost", "resurrected", "wrong_text", "torn")) or found["integrity"] not in (
        "ok",
        "absent",
    ):
        outcome.findings.append({"where": where, **found})


def work(folder: Path, seed: int, rounds: int) -> None:
    """Be the child: work below `folder/home`, with the corpus beside it, where nothing is recorded."""
    home = folder / "home"
    doing = Work(
        state=StateFolder(home / "state"),
        corpus=folder / "corpus",
        backups=home / "backups",
        log_path=home / "log.jsonl",
        embedder=fake_embedder(),
        progress=lambda *_: None,
        dice=random.Random(seed),
        target={},
    )
    for _ in range(rounds):
        doing.one_round()


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the child whose calls are recorded."""
    parser = argparse.ArgumentParser(description="the worker whose calls are recorded")
    parser.add_argument("--child", action="store_true", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args(arguments)
    assert SETTINGS.passage_tokens == 64
    work(options.folder, options.seed, options.rounds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
