"""A rival's process: started with its own Python, on a folder of its own, and never beside ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.bench.rival_exchange import WARM_UP, K, Searched, read_searched, write_exchange
from eval.datatypes import Question, SourceText
from eval.errors import EvaluationError
from index.models import ModelFiles

_TAIL = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """One way to run a rival: its name in the results, its Python, its script, what it is told."""

    name: str
    python: Path
    script: Path
    arguments: tuple[str, ...]
    timeout_s: float


def search_rival(
    rival: Rival,
    folder: Path,
    documents: Mapping[str, SourceText],
    questions: Sequence[Question],
    *,
    model: ModelFiles,
    threads: int,
) -> Searched:
    """Run a rival on a folder of its own, to its end, and read what it found.

    Raises:
        EvaluationError: it cannot be started, failed, took too long, or embedded with other weights.
        RunFolderError: what it left is not what it was asked for.
    """
    folder.mkdir()
    write_exchange(folder, documents, questions)
    given = [
        "--folder",
        folder,
        "--model",
        model.folder,
        "--threads",
        threads,
        "--k",
        K,
        "--warm-up",
        WARM_UP,
    ]
    # -I: neither our folder nor our PYTHONPATH may lend it modules of ours.
    run_rival([rival.python, "-I", rival.script, *given, *rival.arguments], threads, rival.timeout_s)
    searched = read_searched(folder, rival.name, documents, questions)
    found = searched.details.get("weights_sha256")
    if found != model.weights_sha256:
        raise EvaluationError(
            f"{rival.name} embedded with weights {found!r}, not with ours, {model.weights_sha256!r}"
        )
    return searched


def run_rival(command: Sequence[object], threads: int, timeout_s: float) -> None:
    """Run a rival's program to its end.

    Raises:
        EvaluationError: it cannot be started, failed or took too long; with its last words.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=rival_environment(threads),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise EvaluationError(
            f"the rival's Python {str(command[0])!r} cannot be started: {error.strerror or error}; make its "
            "environment first: see `python -m eval.bench.rival --help`"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EvaluationError(
            f"the rival was not done in {timeout_s} s; give it more with --timeout-s, or less with --limit. "
            f"Its last words: {_tail(error.stderr)}"
        ) from error
    if done.returncode != 0:
        raise EvaluationError(f"the rival ended with {done.returncode}: {_tail(done.stderr)}")


def rival_environment(threads: int) -> dict[str, str]:
    """Return the environment without what would lend it our settings or packages, threads set."""
    dropped = ("VERSE_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(dropped)}
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    return {**kept, **dict.fromkeys(pools, str(threads))}


def _tail(words: str | bytes | None) -> str:
    text = words.decode("utf-8", errors="replace") if isinstance(words, bytes) else words or ""
    return text.strip()[-_TAIL:] or "none"
