"""Ends a session of work at every named place, and fails every Nth call that changes a file.

One session changes documents, sets a rule, rebuilds, backs up, restores and forgets. It is done again and
again in children that are forked from one process, each on a copy of the same small state; a second child
looks at what the first one left, and then brings it in step. What a session was told is stored must be there,
whatever failed; after a failed sync it must be there after a power cut too, in which everything is lost that
this sync was for.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from eval.bench.crash_harness import (
    ROOT,
    SETTINGS,
    Target,
    append,
    bring_in_step,
    check,
    expected_text,
    fake_embedder,
    read_log,
    write_corpus,
)
from eval.bench.power_cuts import SYNC, Disk, Luck, build_layer, lay_out, read_trace
from index.access import AccessRule
from index.backup import read_backup, restore_backup, write_backup
from index.build import rebuild, update_index
from index.catalog import Catalog
from index.errors import IndexStoreError, QAError
from index.failpoints import POINTS, arm
from index.forget import forget_documents
from index.generation import open_current
from index.rules import set_access
from index.state import StateFolder

MODULE = "eval.bench.faults"
_HIT = 99
_BEFORE = {"d001.txt": 1, "j/002": 1, "d003.txt": 1, "j/004": 1, "j/006": 1}
_AFTER = {"d001.txt": 2, "j/002": 1, "d005.txt": 1, "j/004": 3, "j/006": 1}
# A short document more: what is there already is then shared with the generation before.
_MORE = {**_AFTER, "j/012": 2}
_FORGOTTEN = "j/006"
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EMFILE)


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Do some work in a fork of this process; return its exit status and what it returned, as JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            answer = json.dumps(work())
            status = 0
        except BaseException as error:  # noqa: BLE001 - told to the parent
            answer, status = json.dumps(f"{type(error).__name__}: {error}"), 1
        os.write(writing, answer.encode()[:60_000])
        os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
        answer = pipe.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, json.loads(answer) if answer else None


def prepare(home: Path, corpus: Path) -> None:
    """Make the state that every session begins with."""
    home.mkdir(parents=True)
    # Twice, so that there is a generation before the current one, as there is in use.
    for target in ({**_BEFORE, "j/004": 2}, _BEFORE):
        write_corpus(corpus, target)
        update_index(StateFolder(home / "state"), [corpus], fake_embedder(), SETTINGS)
    append(home / "log.jsonl", {"what": "intent", "target": _BEFORE})
    append(home / "log.jsonl", {"what": "done"})


def session(home: Path, corpus: Path, since: str = "change") -> None:
    """Do everything once, or what comes from a step on, logging what was said to be stored."""
    state, embedder, log = StateFolder(home / "state"), fake_embedder(), home / "log.jsonl"
    target = _BEFORE
    if since == "change":
        target = _AFTER
        append(log, {"what": "intent", "target": target})
        bring_in_step(state, corpus, target, embedder, log, lambda *_: None)
        assert set_access(state.catalog, "j/002", AccessRule(users=frozenset({"ada"})))
        append(log, {"what": "access_done"})
        rebuild(state, embedder, SETTINGS)
        target = _MORE
        append(log, {"what": "intent", "target": target})
        bring_in_step(state, corpus, target, embedder, log, lambda *_: None)
    if since in ("change", "backup"):
        append(log, {"what": "backup", "name": "b", "target": target})
        write_backup(state, home / "backups" / "b", {})
        append(log, {"what": "backup_done", "name": "b"})
        restore_backup(
            home / "backups" / "b",
            StateFolder(home / "restored"),
            rebuild_with=lambda aside: rebuild(aside, embedder, SETTINGS),
        )
        append(log, {"what": "restored"})
    left = {document_id: version for document_id, version in target.items() if document_id != _FORGOTTEN}
    append(log, {"what": "intent", "target": left})
    forget_documents(state, [_FORGOTTEN], embedder, SETTINGS)
    append(log, {"what": "ack", "event": "forgotten", "id": _FORGOTTEN, "version": None})
    append(log, {"what": "done"})


def _since(point: str, number: int) -> str:
    """Return the step to begin with: what comes before the first passing of a place need not be done."""
    first = point.split(".", maxsplit=1)[0]
    if number > 1 or first not in ("backup", "restore", "forget"):
        return "change"
    return "forget" if first == "forget" else "backup"


def judge(home: Path, corpus: Path) -> dict[str, Any]:
    """Look at what is left, then let the next run bring it in step and look again; return what is wrong."""
    state, embedder, path = StateFolder(home / "state"), fake_embedder(), home / "log.jsonl"
    log = read_log(path)
    wrong: dict[str, Any] = {}
    for when in ("at once", "after the next run"):
        if when == "after the next run":
            write_corpus(corpus, log.target)
            bring_in_step(state, corpus, log.target, embedder, path, lambda *_: None)
            log = read_log(path)
        found = check(state, log, embedder, home / "backups")
        bad = {n: found[n] for n in ("lost", "resurrected", "wrong_text", "torn") if found[n]}
        if found["integrity"] not in ("ok", "absent"):
            bad["integrity"] = found["integrity"]
        if bad:
            wrong[when] = bad
    told = path.read_text(encoding="utf-8")
    with Catalog(state.catalog) as catalog:
        catalog.verify_rules()
    if '"restored"' in told or (home / "restored").exists():
        problem = _restored_problem(home, log.backups["b"])
        if problem:
            wrong["restored"] = problem
    return wrong


def _restored_problem(home: Path, target: Target) -> str | None:
    state = StateFolder(home / "restored")
    try:
        read_backup(home / "backups" / "b")
        open_current(state, embedder=fake_embedder().name).close()
        with Catalog(state.catalog) as catalog:
            held = {document.document_id: document.text for _, document in catalog.all_documents()}
    except QAError as error:
        return str(error)
    wanted = {document_id: expected_text(document_id, version) for document_id, version in target.items()}
    return None if held == wanted else "the restored documents are not those of the backup"


def at_failpoints(folder: Path, nth: Sequence[int]) -> dict[str, Any]:
    """End a session at every named place, at the `nth` time that it is passed."""
    base, run, corpus = folder / "base", folder / "run", folder / "corpus"
    assert in_child(lambda: prepare(base, corpus))[0] == 0
    hit: Counter[str] = Counter()
    findings = []
    for point in POINTS:
        for number in nth:
            shutil.copytree(base, run)

            def work(point: str = point, number: int = number) -> None:
                passed = 0

                def end(name: str) -> None:
                    nonlocal passed
                    if name not in POINTS:
                        raise AssertionError(f"{name} is not in the list")
                    passed += name == point
                    if name == point and passed == number:
                        os._exit(_HIT)

                arm(end)
                session(run, corpus, _since(point, number))

            status, said = in_child(work)
            if status == _HIT:
                hit[point] += 1
            elif status != 0 or number == 1:
                findings.append(f"{point} {number}: not hit, {said}")
            status, wrong = in_child(lambda: judge(run, corpus))
            if status != 0 or wrong:
                findings.append(f"{point} {number}: {wrong}")
            shutil.rmtree(run)
    return {
        "points": len(POINTS),
        "points_hit": sum(1 for point in POINTS if hit[point]),
        "ended": sum(hit.values()),
        "findings": findings,
    }


def at_calls(folder: Path, *, every: int, offset: int, forever: bool) -> dict[str, Any]:
    """Fail every Nth call that changes a file, one in a session (`forever`: and all after it)."""
    base, home, corpus = folder / "base", folder / "home", folder / "corpus"
    assert in_child(lambda: prepare(base, corpus))[0] == 0
    layer = ctypes.CDLL(None)
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    number, total = 1 + offset, 0
    while True:
        # The layer watches one folder, which is filled anew for each session.
        for path in home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(base, home, dirs_exist_ok=True)
        trace = folder / f"trace-{number}"
        failing = _ERRORS[number % len(_ERRORS)]
        disk = Disk.of(home)

        def work(trace: Path = trace, number: int = number, failing: int = failing) -> Any:
            serving = open_current(StateFolder(home / "state"), embedder=fake_embedder().name)
            layer.faults_trace(str(trace).encode())
            layer.faults_fail(0, ctypes.c_long(number), failing, int(forever))
            told = "done"
            try:
                session(home, corpus)
            except IndexStoreError as error:
                told = type(error).__name__
            except OSError as error:
                # The session's own log, which is below the folder too, so that what it was told is in the trace.
                if "log.jsonl" not in str(error.filename) and error.errno != failing:
                    raise
                told = "log" if _is_own(error) else f"OSError: {error}"
            hit = layer.faults_hit()
            if forever and told not in ("done", "log"):
                # Whoever serves reads on while nothing can be written.
                assert serving.document_at(0).document_id in _BEFORE
                assert serving.lexical.search(["summit", "copper", "minister"], 5)
            return {"told": told, "hit": hit}

        status, said = in_child(work)
        where = f"call {number} ({os.strerror(failing)})"
        if status != 0:
            findings.append(f"{where}: {said}")
        elif not said["hit"]:
            trace.unlink(missing_ok=True)
            total = number
            break
        else:
            outcomes[said["told"]] += 1
            if said["told"].startswith("OSError"):
                findings.append(f"{where}: {said['told']}")
            if said["hit"] == SYNC or forever:
                _cut_after(folder, disk, trace, where, findings)
        trace.unlink(missing_ok=True)
        status, wrong = in_child(lambda: judge(home, corpus))
        if status != 0 or wrong:
            findings.append(f"{where}: {wrong}")
        number += every
    return {"sessions": sum(outcomes.values()), "calls": total, "outcomes": outcomes, "findings": findings}


def _is_own(error: OSError) -> bool:
    """Tell whether an error arose in the session's own log, and not in the product."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_code.co_name == "append"


def _cut_after(folder: Path, disk: Disk, trace: Path, where: str, findings: list[str]) -> None:
    """Lose all that was not synced, and what the failed sync was for; what was acknowledged must be there."""
    for call in read_trace(trace, folder / "home"):
        disk.apply(call)
    cut = folder / "cut"
    log = (folder / "home" / "log.jsonl").read_bytes()
    lay_out(disk.root, cut, Luck(dice=Random(0), share=0.0), skip="log.jsonl")
    (cut / "log.jsonl").write_bytes(log)
    status, wrong = in_child(lambda: judge(cut, folder / "corpus"))
    if status != 0 or wrong:
        findings.append(f"{where}, then a power cut: {wrong}")
    shutil.rmtree(cut)


def run_failpoints(folder: Path, *, nth: Sequence[int] = (1,)) -> dict[str, Any]:
    """Run `at_failpoints` in a process of its own, which has no threads when it forks."""
    return _run(folder, {}, "failpoints", *map(str, nth))


def run_calls(folder: Path, *, every: int = 1, offset: int = 0, forever: bool = False) -> dict[str, Any]:
    """Run `at_calls` in a process that has the layer below the C library.

    Raises:
        NoLayerError: it cannot be built here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir()
    layer = build_layer(folder)
    environment = {"LD_PRELOAD": str(layer), "FAULTS_ROOT": str(folder / "home")}
    return _run(folder, environment, "calls", str(every), str(offset), str(int(forever)))


def _run(folder: Path, environment: dict[str, str], *words: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", MODULE, str(folder), *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{MODULE} ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the process that forks the sessions."""
    parser = argparse.ArgumentParser(description="forks sessions that are ended or failed somewhere")
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=("failpoints", "calls"))
    parser.add_argument("numbers", type=int, nargs="+")
    options = parser.parse_args(arguments)
    if options.what == "failpoints":
        found = at_failpoints(options.folder, options.numbers)
    else:
        every, offset, forever = options.numbers
        found = at_calls(options.folder, every=every, offset=offset, forever=bool(forever))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
