"""Power cuts and failing calls: whatever was acknowledged is on the disk."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from eval.bench.faults import run_calls
from eval.bench.power_cuts import SECTOR, SYNC, WRITE, Call, Disk, File, Luck, content, lay_out, run_cuts

needs_layer = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("gcc") is None,
    reason="the layer below the C library needs Linux and gcc",
)


@needs_layer
def test_power_cuts_lose_nothing_that_was_acknowledged(quick_path: Path) -> None:
    outcome = run_cuts(quick_path, cuts=30, seed=1, each=30)
    assert outcome.is_clean, outcome.findings
    assert outcome.cuts == 30
    assert outcome.acknowledged > 100
    assert outcome.syncs > 100


@needs_layer
@pytest.mark.long
def test_three_hundred_power_cuts_lose_nothing(quick_path: Path) -> None:
    outcome = run_cuts(quick_path, cuts=300, seed=2)
    assert outcome.is_clean, outcome.findings
    assert outcome.cuts == 300


@needs_layer
def test_a_disk_that_does_not_hear_syncs_is_found_out(quick_path: Path) -> None:
    outcome = run_cuts(quick_path, cuts=15, seed=1, each=15, heard=lambda call: call.kind != SYNC)
    assert outcome.lost > 0


@needs_layer
def test_a_call_that_fails_is_never_an_acknowledgement(quick_path: Path) -> None:
    found = run_calls(quick_path, every=90, offset=7)
    assert found["findings"] == []
    assert found["sessions"] >= 6
    assert set(found["outcomes"]) <= {
        *(
            "done",
            "log",
            "StateFolderError",
            "StorageFullError",
            "StorageFailedError",
            "StorageReadOnlyError",
        ),
    }


@needs_layer
@pytest.mark.long
@pytest.mark.parametrize("forever", [False, True])
def test_every_call_that_fails_is_never_an_acknowledgement(quick_path: Path, forever: bool) -> None:
    found = run_calls(quick_path, forever=forever)
    assert found["findings"] == []


# The disk itself.


def _write(offset: int, data: bytes, inode: int = 2) -> Call:
    return Call(kind=WRITE, inode=inode, offset=offset, path="", to="", data=data)


def _call(kind: int, inode: int = 0, path: str = "", to: str = "", data: bytes = b"") -> Call:
    return Call(kind=kind, inode=inode, offset=0, path=path, to=to, data=data)


def _left(disk: Disk, folder: Path, share: float, seed: int = 0) -> dict[str, bytes]:
    import random

    target = folder / f"{share}-{seed}"
    lay_out(disk.root, target, Luck(dice=random.Random(seed), share=share))
    return {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}


def test_a_file_needs_two_syncs_its_own_and_its_folders(tmp_path: Path) -> None:
    disk = Disk(1)
    disk.apply(_call(1, inode=2, path="a"))
    disk.apply(_write(0, b"words"))
    disk.apply(_call(SYNC, inode=2))
    assert _left(disk, tmp_path, 0.0) == {}
    disk.apply(_call(SYNC, inode=1, data=b"2 a\0"))
    assert _left(disk, tmp_path, 0.0, 1) == {"a": b"words"}


def test_what_a_sync_failed_for_is_not_saved_by_the_next_one(tmp_path: Path) -> None:
    disk = Disk(1)
    for call in (_call(1, inode=2, path="a"), _write(0, b"one"), _call(9, inode=2), _write(3, b"two")):
        disk.apply(call)
    disk.apply(_call(SYNC, inode=2))
    disk.apply(_call(SYNC, inode=1, data=b"2 a\0"))
    assert _left(disk, tmp_path, 0.0) == {"a": b"\0\0\0two"}


def test_a_rename_is_whole_or_not_at_all(tmp_path: Path) -> None:
    disk = Disk(1)
    disk.apply(_call(1, inode=2, path="old"))
    disk.apply(_call(SYNC, inode=1, data=b"2 old\0"))
    disk.apply(_call(5, path="old", to="new"))
    found = {tuple(_left(disk, tmp_path, 0.5, seed)) for seed in range(20)}
    assert found == {("old",), ("new",)}


def test_a_write_is_torn_at_sectors_only() -> None:
    import random

    file = File(synced=bytearray(b"a" * 4 * SECTOR), pending=[_write(SECTOR // 2, b"b" * 2 * SECTOR)])
    seen = {bytes(Luck(dice=random.Random(n), share=0.3).bytes_of(file)) for n in range(200)}
    whole = content(file.synced, file.pending)
    assert bytes(file.synced) in seen
    assert bytes(whole) in seen
    assert len(seen) == 8
    for one in seen:
        for at in range(0, 4 * SECTOR, SECTOR):
            assert one[at : at + SECTOR] in (file.synced[at : at + SECTOR], whole[at : at + SECTOR])
