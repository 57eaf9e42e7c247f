"""Opens a run folder: a new one, or one to go on with, if it is the same run.

Every step leaves a folder that can be opened again, whenever the process dies: `run.json` and the
journal are each replaced whole, and a question is at all times in the journal or asked anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.errors import EvaluationError, RunFolderError
from eval.journal import LOCK, JournalLine, read_journal, writable
from eval.run_documents import with_kept_texts
from eval.run_folder import FORMAT, JOURNAL, MANIFEST, read_manifest, read_run, write_manifest, write_rows

# A run goes on only where all of these are as they were.
_SAME = (
    ("data", "sha256"),
    ("data", "questions_sha256"),
    ("target", "name"),
    ("target", "describe"),
    ("search_k",),
    ("seed",),
    ("settings",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run folder that is ready: what `run.json` says, and what the journal answers already.

    `session` counts from 1. Where `finished`, nothing is left to do.
    """

    manifest: dict[str, Any]
    done: dict[str, JournalLine]
    session: int
    finished: bool = False


def plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content as JSON gives it back, so that it compares equal to what was stored.

    Raises:
        EvaluationError: it cannot be written as JSON.
    """
    try:
        read = json.loads(json.dumps(content, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"settings and description must be plain JSON values: {error}") from error
    assert isinstance(read, dict)
    return read


def open_run(
    folder: Path, first: Mapping[str, Any], *, resume: bool, retry_failed: bool, resumed_at: str
) -> Opened:
    """Open the folder for the run that `first` describes. The caller holds its lock.

    Raises:
        RunFolderError: it holds another run, a finished or unfinished one without `resume`,
            something else, or is damaged.
    """
    with writable(folder):
        held = {path.name for path in folder.iterdir()} - {LOCK, MANIFEST + ".new"}
    if MANIFEST not in held:
        if held:
            raise RunFolderError(
                f"{folder} is not empty and holds no run ({min(held)!r}, say); choose another --out"
            )
        return _begun(folder, first)
    manifest = read_manifest(folder)
    if not resume:
        raise RunFolderError(
            f"{folder} holds a finished run; choose another --out"
            if manifest.get("finished")
            else f"{folder} holds an unfinished run; go on with --resume, or choose another --out"
        )
    _check_same(folder, manifest, first)
    if manifest.get("finished"):
        left = _left_of(folder, manifest) if retry_failed else None
        if left is None:
            with writable(folder):
                (folder / JOURNAL).unlink(missing_ok=True)
            return Opened(manifest=manifest, done={}, session=_sessions(folder, manifest), finished=True)
        with writable(folder):
            write_rows(folder / JOURNAL, (line.row() for line in left))
    return _continued(folder, manifest, first, retry_failed=retry_failed, resumed_at=resumed_at)


def _begun(folder: Path, first: Mapping[str, Any]) -> Opened:
    manifest = {"format": FORMAT, "finished": False, **first, "sessions": 1, "resumed": [], "elapsed_s": 0.0}
    with writable(folder):
        write_manifest(folder, manifest)
    return Opened(manifest=manifest, done={}, session=1)


def _continued(
    folder: Path,
    manifest: Mapping[str, Any],
    first: Mapping[str, Any],
    *,
    retry_failed: bool,
    resumed_at: str,
) -> Opened:
    lines = read_journal(folder / JOURNAL)
    sessions = _sessions(folder, manifest)
    # Of a session that died, the last line tells how long it went on.
    last = max((line.elapsed_s for line in lines.values() if line.session == sessions), default=0.0)
    resumption = {name: first[name] for name in ("commit", "dirty", "command", "parallel")}
    changed = {
        **{
            name: value for name, value in manifest.items() if name not in ("counts", "documents_not_fetched")
        },
        "finished": False,
        "sessions": sessions + 1,
        "elapsed_s": manifest["elapsed_s"] + last,
        "resumed": [*manifest["resumed"], {"created": resumed_at, **resumption}],
    }
    done = {
        name: line for name, line in lines.items() if not (retry_failed and line.entry.failure is not None)
    }
    with writable(folder):
        # First run.json: the lines of the old session are then counted once, whatever comes between.
        write_manifest(folder, changed)
        write_rows(folder / JOURNAL, (line.row() for line in done.values()))
    return Opened(manifest=changed, done=done, session=sessions + 1)


def _left_of(folder: Path, manifest: Mapping[str, Any]) -> list[JournalLine] | None:
    """Return a finished run as a journal; `None` if nothing of it failed."""
    run = read_run(folder)
    if not manifest.get("documents_not_fetched") and all(entry.failure is None for entry in run.entries):
        return None
    missing = sorted({entry.question_id for entry in run.entries} - set(run.timings))
    if missing:
        raise RunFolderError(f"{folder}: no timing of {missing[0]!r}")
    return [
        JournalLine(
            entry=with_kept_texts(entry, run.documents),
            timing=run.timings[entry.question_id],
            session=_sessions(folder, manifest),
            elapsed_s=0.0,  # run.json has counted it
        )
        for entry in run.entries
    ]


def _sessions(folder: Path, manifest: Mapping[str, Any]) -> int:
    sessions, elapsed_s, resumed = (manifest.get(name) for name in ("sessions", "elapsed_s", "resumed"))
    if (
        not isinstance(sessions, int)
        or not isinstance(elapsed_s, int | float)
        or not isinstance(resumed, list)
    ):
        raise RunFolderError(
            f"{folder / MANIFEST} lacks sessions, elapsed_s or resumed; choose another --out"
        )
    return sessions


def _check_same(folder: Path, manifest: Mapping[str, Any], first: Mapping[str, Any]) -> None:
    for path in _SAME:
        before, after = _at(manifest, path), _at(first, path)
        for where, old, new in _differences(".".join(path), before, after):
            raise RunFolderError(
                f"{folder} is another run: {where} was {old!r} and is {new!r}; "
                "ask as it was asked, or choose another --out"
            )


def _at(content: Any, path: Iterable[str]) -> Any:
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _differences(where: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(f"{where}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield where, old, new
