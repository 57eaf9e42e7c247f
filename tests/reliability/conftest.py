"""Where simulations work: in memory if there is room, since what they sync need not reach any disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_NEEDED = 400 << 20


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder for this test; every second of waiting for a disk would be multiplied by hundreds of sessions."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _NEEDED:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="verse-test-") as name:
        yield Path(name)
