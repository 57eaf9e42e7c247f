"""A file's hash is reckoned anew whenever the file may have changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import index.verified
from index.models import sha256_file
from index.verified import link_file, same_file, sha256_once


def aged(path: Path, content: bytes, seconds: int) -> Path:
    path.write_bytes(content)
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now - seconds * 1_000_000_000))
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return which files are read for their hash."""
    found: list[Path] = []

    def reading(path: Path) -> str:
        found.append(path)
        return sha256_file(path)

    monkeypatch.setattr(index.verified, "sha256_file", reading)
    return found


def test_a_file_that_stays_is_read_once_under_any_of_its_names(tmp_path: Path, read: list[Path]) -> None:
    path = aged(tmp_path / "a", b"one", 60)
    link_file(path, tmp_path / "b")
    digest = hashlib.sha256(b"one").hexdigest()
    assert [sha256_once(p) for p in (path, path, tmp_path / "b")] == [digest] * 3
    assert read == [path]
    assert same_file(path, tmp_path / "b")


def test_a_file_that_was_written_since_is_read_again(tmp_path: Path, read: list[Path]) -> None:
    path = aged(tmp_path / "a", b"one", 60)
    sha256_once(path)
    aged(path, b"two", 30)
    assert sha256_once(path) == hashlib.sha256(b"two").hexdigest()
    assert read == [path, path]


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, read: list[Path]) -> None:
    path = tmp_path / "a"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        assert sha256_once(path) == hashlib.sha256(content).hexdigest()
    assert read == [path, path]


def test_names_of_nothing_and_of_something_else_are_no_same_file(tmp_path: Path) -> None:
    one, other = aged(tmp_path / "a", b"same", 60), aged(tmp_path / "b", b"same", 60)
    assert not same_file(one, other)
    assert not same_file(one, tmp_path / "c")
    with pytest.raises(FileExistsError):
        link_file(one, other)
    assert other.read_bytes() == b"same"
