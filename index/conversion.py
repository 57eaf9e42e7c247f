"""Converted models on disk: made once by a program of their own, checked by hash ever after."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import EmbedderError
from index.models import sha256_file

logger = logging.getLogger(__name__)

RECORD_FILE = "conversion.json"
_TIMEOUT_S = 600


def import_openvino() -> Any:
    """Import OpenVINO without its usage statistics.

    Its converter reports to its makers unless the user opted out on this machine; with the
    reporting package out of reach it uses the stub that it ships for that case.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def ensure_converted(cache_folder: Path, name: str, module: str, arguments: Sequence[str]) -> Path:
    """Return the folder of a converted model; where it is missing or damaged, convert it now.

    `module` is run as a program with `arguments` and the folder. It has a process of its own, so
    that torch and its memory are gone when the conversion is over.

    Raises:
        EmbedderError: the conversion failed, or disagrees with the torch model.
    """
    version = str(import_openvino().__version__).split("-", maxsplit=1)[0]
    folder = cache_folder / f"{name}-openvino-{version}"
    if is_intact(folder):
        return folder
    logger.info("converting_model name=%s", name)
    try:
        done = subprocess.run(
            # -P: a folder named like one of ours where the command runs must not be imported.
            [sys.executable, "-P", "-m", module, *arguments, str(folder)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbedderError(f"the OpenVINO conversion of {name} did not run: {error}") from error
    if done.returncode != 0 or not is_intact(folder):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EmbedderError(f"the OpenVINO conversion of {name} failed: {last}")
    return folder


def is_intact(folder: Path) -> bool:
    """Tell whether a conversion is complete and byte for byte what its record says."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text())
        return all(sha256_file(folder / name) == digest for name, digest in record["sha256"].items())
    except (OSError, ValueError, KeyError, AttributeError):
        # Missing, half-written or damaged are one case here: convert again.
        return False


@contextmanager
def written_aside(folder: Path) -> Iterator[Path]:
    """Give a folder to write a conversion into; it takes the place of `folder` if all went well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".convert-", dir=folder.parent))
    try:
        yield aside
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write what is known of a conversion, with the hash of every file, as its last file."""
    hashes = {file.name: sha256_file(file) for file in sorted(folder.iterdir()) if file.name != RECORD_FILE}
    content = json.dumps({**record, "sha256": hashes}, indent=1, sort_keys=True)
    (folder / RECORD_FILE).write_text(content)
