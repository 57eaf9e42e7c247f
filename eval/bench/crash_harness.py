"""Kills the indexer and damages its files, and looks whether anything acknowledged is lost or wrong.

The parent starts this module as a child, which works on a generated corpus in rounds (`OPERATIONS`: adding,
replacing and removing, rebuilding, backing up, forgetting), and SIGKILLs it at random moments. Each child first checks what the one
before left behind, in a fresh process, then brings the index in step and goes on. What a child was
told is stored (`on_event`) it writes to a log of its own, synced, and so it does with what it is
about to do: a change under way at the kill may be there or not, but never in part.

This tests a process that ends at any instruction. It does not test a power cut: the system still
holds what was written and not synced.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from index.backup import read_backup, write_backup
from index.build import rebuild, update_index
from index.catalog import Catalog
from index.context import embedded_text
from index.errors import GenerationDamagedError, IndexMissingError, QAError
from index.forget import files_with, forget_documents
from index.generation import Generation, open_current
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import terms
from index.types import Document, Embedder

ROOT = Path(__file__).resolve().parents[2]
MODULE = "eval.bench.crash_harness"
SETTINGS = IndexSettings(passage_tokens=64, shared_from=1)
_VOCABULARY = (
    "copper tin zinc uranium summit minister railway harbour treaty region export import price share "
    "market energy water border student visit letter speech report office bank loan school bridge road"
)
_WORDS = tuple(_VOCABULARY.split())
# Awkward on purpose: what canonical text must settle, and characters beyond 16 bits.
_ODD = ("e\u0301t\u00e9", "🙂🙃", "Toqayev\u2019s", "line\r\nbreak", "Қазақстан", "tab\tbed", "\u00a0wide")
_DOCUMENTS = 30
STAGES = (
    *("corpus", "reading", "added", "replaced", "removed", "splitting", "embedding", "writing"),
    *("rebuilding", "backup", "forgetting"),
)
_IDS = tuple(f"d{n:03d}.txt" if n % 2 else f"j/{n:03d}" for n in range(2 * _DOCUMENTS))

Target = dict[str, int]
"""What the corpus shall be: the version of each document; absent documents are left out."""


def fake_embedder() -> Embedder:
    """Return the tests' word-hashing embedder: quick, and the same in every process.

    Raises:
        FileNotFoundError: the tests are not there; the harness runs from a checkout only.
    """
    spec = importlib.util.spec_from_file_location("verse_fakes", ROOT / "tests" / "fakes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Embedder", module.HashEmbedder())


# The corpus


def raw_text(document_id: str, version: int) -> str:
    """Return the text of one version as its file holds it: the same in every process."""
    dice = random.Random(f"{document_id}/{version}")
    paragraphs = []
    for number in range(dice.randint(1, 5)):
        if dice.random() < 0.2:
            # One of a few paragraphs that many documents share: repeats are marked across documents.
            dice_of_shared = random.Random(f"shared {dice.randint(0, 4)}")
            paragraphs.append(" ".join(dice_of_shared.choices(_WORDS, k=20)).capitalize() + ".")
            continue
        sentences = [
            f"{' '.join(dice.choices(_WORDS + _ODD, k=dice.randint(6, 16))).capitalize()}."
            for _ in range(dice.randint(2, 6))
        ]
        paragraphs.append(f"{token(document_id, version)} {number} " + " ".join(sentences))
    paragraphs.append(f"{token(document_id, version)} ends here.")
    return "\n\n".join(paragraphs)


def token(document_id: str, version: int) -> str:
    """Return a word that stands in one version of one document only."""
    return f"Q{sha256(f'{document_id}/{version}'.encode()).hexdigest()[:10]}"


def expected_text(document_id: str, version: int) -> str:
    """Return the canonical text of a version, made without the project's own code."""
    text = raw_text(document_id, version).replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def expected_sha256(document_id: str, version: int) -> str:
    """Return the hash of a version's canonical text."""
    return sha256(expected_text(document_id, version).encode()).hexdigest()


def next_target(target: Target, dice: random.Random) -> Target:
    """Add, replace and remove a few documents; some documents always stay."""
    new = dict(target)
    absent = [document_id for document_id in _IDS if document_id not in new]
    for document_id in dice.sample(absent, min(len(absent), dice.randint(1, 6))):
        new[document_id] = dice.randrange(1, 10**9)
    for document_id in dice.sample(sorted(new), min(len(new), dice.randint(0, 4))):
        new[document_id] = dice.randrange(1, 10**9)
    removable = sorted(new)
    surplus = max(0, len(removable) - _DOCUMENTS)
    for document_id in dice.sample(removable, min(len(removable) - 1, surplus + dice.randint(0, 3))):
        del new[document_id]
    return new


def write_corpus(folder: Path, target: Target) -> None:
    """Make the corpus folder hold exactly these versions: half as files, half in one JSON Lines file."""
    folder.mkdir(exist_ok=True)
    rows = []
    for document_id in _IDS:
        version = target.get(document_id)
        if document_id.endswith(".txt"):
            path = folder / document_id
            if version is None:
                path.unlink(missing_ok=True)
            else:
                _write(path, raw_text(document_id, version).encode())
        elif version is not None:
            row = {
                "id": document_id,
                "title": f"Document {document_id}",
                "text": raw_text(document_id, version),
            }
            rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    _write(folder / "documents.jsonl", "".join(rows).encode())


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(content)
    aside.replace(path)


# The log of the child


@dataclass
class Log:
    """What is known from a child's log: what each document may be, and what was published."""

    acknowledged: int = 0
    target: Target = field(default_factory=dict)
    allowed: dict[str, set[int | None]] = field(default_factory=dict)
    published: bool = False
    targets: list[Target] = field(default_factory=list)
    """The target last known to be published, and those begun since."""
    checks: list[dict[str, Any]] = field(default_factory=list)
    backups: dict[str, Target] = field(default_factory=dict)
    """What each backup that was begun holds, if it is there."""
    backups_done: set[str] = field(default_factory=set)

    def may_be(self, document_id: str) -> set[int | None]:
        return self.allowed.get(document_id, {None})


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Write one line and sync it: what stands here happened before what follows."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(entry).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_log(path: Path) -> Log:
    """Work out what every document may be now."""
    log = Log(targets=[{}])
    if not path.exists():
        return log
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the line that the kill cut short
        match entry["what"]:
            case "intent":
                new: Target = entry["target"]
                for document_id in {*log.target, *new}:
                    log.allowed[document_id] = log.may_be(document_id) | {new.get(document_id)}
                log.target = new
                log.targets.append(new)
            case "ack":
                log.acknowledged += 1
                log.allowed[entry["id"]] = {entry["version"]}
            case "done":
                log.allowed = {document_id: {version} for document_id, version in log.target.items()}
                log.targets = [log.target]
                log.published = True
            case "backup":
                log.backups[entry["name"]] = entry["target"]
            case "backup_done":
                log.backups_done.add(entry["name"])
            case "check":
                log.checks.append(entry)
    return log


# What a child does


def indexer(folder: Path, seed: int, rounds: int) -> None:
    """Check what is there, bring it in step, then index rounds until somebody kills us."""
    log_path = folder / "log.jsonl"
    state, corpus = StateFolder(folder / "state"), folder / "corpus"
    embedder = fake_embedder()
    phase = (folder / "phase").open("w", buffering=1)

    def progress(stage: str, done: int, total: int) -> None:  # noqa: ARG001
        phase.seek(0)
        phase.write(f"{stage:<12}")
        phase.flush()

    log = read_log(log_path)
    print("started", flush=True)
    progress("checking", 0, 0)
    found = check(state, log, embedder, folder / "backups")
    append(log_path, {"what": "check", **found})
    if log.target:
        bring_in_step(state, corpus, log.target, embedder, log_path, progress)
        settled = check(state, read_log(log_path), embedder, folder / "backups")
        append(log_path, {"what": "check", "settled": True, **settled})
    print("ready", flush=True)
    work = Work(
        state=state,
        corpus=corpus,
        backups=folder / "backups",
        log_path=log_path,
        embedder=embedder,
        progress=progress,
        dice=random.Random(seed),
        target=log.target,
    )
    for _ in range(rounds):
        work.one_round()


@dataclass
class Work:
    """What an operation works on. `target` is what the corpus shall be when it is done."""

    state: StateFolder
    corpus: Path
    backups: Path
    log_path: Path
    embedder: Embedder
    progress: Callable[[str, int, int], None]
    dice: random.Random
    target: Target

    def one_round(self) -> None:
        """Do one operation; most are changes, since there is nothing else to lose."""
        name = self.dice.choices(list(OPERATIONS), [weight for weight, _ in OPERATIONS.values()])[0]
        OPERATIONS[name][1](self)

    def intend(self, target: Target) -> None:
        """Log what is about to be; until it is done, the state before may be seen too."""
        self.target = target
        append(self.log_path, {"what": "intent", "target": target})


def _change(work: Work) -> None:
    work.intend(next_target(work.target, work.dice))
    bring_in_step(work.state, work.corpus, work.target, work.embedder, work.log_path, work.progress)


def _rebuild(work: Work) -> None:
    if work.state.catalog.exists():
        work.progress("rebuilding", 0, 0)
        rebuild(work.state, work.embedder, SETTINGS)


def _backup(work: Work) -> None:
    if not work.state.catalog.exists():
        return
    name = f"b{work.dice.randrange(10**9)}"
    append(work.log_path, {"what": "backup", "name": name, "target": work.target})
    work.progress("backup", 0, 0)
    write_backup(work.state, work.backups / name, {})
    append(work.log_path, {"what": "backup_done", "name": name})
    for old in sorted(work.backups.iterdir(), key=lambda path: path.stat().st_mtime)[:-3]:
        if not old.name.startswith("."):
            append(work.log_path, {"what": "backup", "name": old.name, "target": {}})
            shutil.rmtree(old)


def _forget(work: Work) -> None:
    if len(work.target) < 2:
        return
    document_id = work.dice.choice(sorted(work.target))
    version = work.target[document_id]
    work.intend({other: v for other, v in work.target.items() if other != document_id})
    work.progress("forgetting", 0, 0)
    forget_documents(work.state, [document_id], work.embedder, SETTINGS)
    left = files_with(work.state.path, [token(document_id, version)])
    if left:
        raise AssertionError(f"{document_id} is forgotten, and stands in {left}")
    append(work.log_path, {"what": "ack", "event": "forgotten", "id": document_id, "version": None})
    append(work.log_path, {"what": "done"})


OPERATIONS: dict[str, tuple[float, Callable[[Work], None]]] = {
    "change": (0.6, _change),
    "rebuild": (0.15, _rebuild),
    "backup": (0.15, _backup),
    "forget": (0.1, _forget),
}
"""What a round may be: a weight, and the work. Whatever writes to the state folder belongs here."""


def bring_in_step(
    state: StateFolder,
    corpus: Path,
    target: Target,
    embedder: Embedder,
    log_path: Path,
    progress: Callable[[str, int, int], None],
) -> None:
    """Write the corpus and index it, logging each event once it is said to be on the disk."""
    progress("corpus", 0, 0)
    write_corpus(corpus, target)

    def on_event(event: str, document_id: str) -> None:
        version = target.get(document_id)
        digest = None if version is None else expected_sha256(document_id, version)
        append(
            log_path,
            {"what": "ack", "event": event, "id": document_id, "version": version, "sha256": digest},
        )
        progress(f"{event}", 0, 0)

    report = update_index(
        state, [corpus], embedder, SETTINGS, prune=True, on_event=on_event, progress=progress
    )
    if report.problems or report.skipped:
        raise AssertionError(f"problems {report.problems} {report.skipped}")
    append(log_path, {"what": "done", "index_version": report.index_version})
    progress("done", 0, 0)


def check(state: StateFolder, log: Log, embedder: Embedder, backups: Path | None = None) -> dict[str, Any]:
    """Compare catalog, published generation and backups with what the log allows."""
    found: dict[str, Any] = {
        "lost": [],
        "resurrected": [],
        "wrong_text": [],
        "torn": [],
        "catalog_documents": None,
        "integrity": "absent",
        "generation": "none yet",
        "rebuilt": False,
    }
    if state.catalog.exists():
        _check_catalog(state, log, found)
    elif any(None not in versions for versions in log.allowed.values()):
        found["lost"] = sorted(log.allowed)
    if backups is not None:
        _check_backups(backups, log, found)
    try:
        generation = open_current(state, embedder=embedder.name)
    except IndexMissingError:
        if log.published:
            found["lost"].append("the published generation")
        return found
    except GenerationDamagedError as error:
        found["rebuilt"], found["damage"] = True, str(error)
        rebuild(state, embedder, SETTINGS)
        generation = open_current(state, embedder=embedder.name)
    found["generation"] = generation.index_version
    try:
        _check_generation(generation, log, embedder, found)
    finally:
        generation.close()
    return found


def _check_catalog(state: StateFolder, log: Log, found: dict[str, Any]) -> None:
    with Catalog(state.catalog) as catalog:
        present = {document.document_id: document for _, document in catalog.all_documents()}
    found["catalog_documents"] = len(present)
    database = sqlite3.connect(state.catalog)
    found["integrity"] = database.execute("PRAGMA integrity_check").fetchone()[0]
    database.close()
    for document_id in sorted({*present, *log.allowed}):
        allowed = log.may_be(document_id)
        document = present.get(document_id)
        if document is None:
            if None not in allowed:
                found["lost"].append(document_id)
        elif allowed == {None}:
            found["resurrected"].append(document_id)
        elif document.text not in {expected_text(document_id, v) for v in allowed if v is not None}:
            found["wrong_text"].append(document_id)


def _check_backups(backups: Path, log: Log, found: dict[str, Any]) -> None:
    """A backup is there whole or not at all, and one that was said to be made is there."""
    present = {path.name for path in backups.iterdir()} if backups.is_dir() else set()
    # One whose target was set to nothing is being deleted by us.
    found["lost"] += [f"backup {name}" for name in sorted(log.backups_done - present) if log.backups[name]]
    for name in sorted(present):
        if name.startswith(".") or not log.backups.get(name):
            continue
        try:
            manifest = read_backup(backups / name)
        except QAError as error:
            found["torn"].append(f"backup {name}: {error}")
            continue
        with closing(
            sqlite3.connect(f"{(backups / name / 'catalog.sqlite').as_uri()}?immutable=1", uri=True)
        ) as db:
            held = dict(db.execute("SELECT document_id, sha256 FROM documents"))
        wanted = {d: expected_sha256(d, version) for d, version in log.backups[name].items()}
        if held != wanted or manifest.documents != len(wanted):
            found["torn"].append(f"backup {name} does not hold what there was when it was made")


def _check_generation(generation: Generation, log: Log, embedder: Embedder, found: dict[str, Any]) -> None:
    """A generation is one target as a whole, every document with all its passages and vectors."""
    held = {str(row["document_id"]): int(n) for n, row in generation.documents(start=0, limit=-1)}
    documents = {document_id: generation.document_at(n) for document_id, n in held.items()}
    if not any(_is_target(documents, target) for target in log.targets):
        found["torn"].append("the generation is none of the states that the corpus went through")
        known = {document_id for target in log.targets for document_id in target}
        found["resurrected"] += sorted(set(documents) - known)
    for document_id, ordinal in held.items():
        problem = _torn(generation, ordinal, documents[document_id], embedder)
        if problem:
            found["torn"].append(f"{document_id}: {problem}")


def _is_target(documents: Mapping[str, Document], target: Target) -> bool:
    return documents.keys() == target.keys() and all(
        document.text == expected_text(document_id, target[document_id])
        for document_id, document in documents.items()
    )


def _torn(generation: Generation, ordinal: int, document: Document, embedder: Embedder) -> str | None:
    """Say what is wrong with a document's passages, vectors or words, if anything is."""
    covered = np.zeros(len(document.text), dtype=np.bool_)
    for span in generation.excluded_of(ordinal):
        covered[span.start : span.end] = True
    rows = generation.rows_of_document(ordinal)
    texts = []
    for row in rows:
        passage = generation.passage(row)
        if (
            passage.document_id != document.document_id
            or passage.text != document.text[passage.start : passage.end]
        ):
            return f"passage {row} is no slice of it"
        covered[passage.start : passage.end] = True
        texts.append(embedded_text(document, passage, SETTINGS))
    missing = [n for n, char in enumerate(document.text) if not covered[n] and not char.isspace()]
    if missing:
        return f"character {missing[0]} is in no passage and in no excluded part"
    if texts and not np.allclose(
        generation.vectors.reconstruct(rows), embedder.embed_passages(texts), atol=1e-6
    ):
        return "a vector is not the one of its passage"
    own = next((word for word in document.text.split() if word.startswith("Q")), "")
    hits = {generation.document_ordinal(row) for row, _ in generation.lexical.search(terms(own), 5)}
    return None if ordinal in hits else f"{own!r} does not find it"


# Killing


@dataclass
class Kills:
    """The outcome of a series of kills."""

    kills: int = 0
    while_recovering: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    acknowledged_by_event: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    lost: int = 0
    resurrected: int = 0
    wrong_text: int = 0
    torn: int = 0
    not_intact: int = 0
    rebuilt: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.resurrected or self.wrong_text or self.torn or self.not_intact)

    def as_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "phases": dict(sorted(self.phases.items())),
            "acknowledged_by_event": dict(sorted(self.acknowledged_by_event.items())),
        }


def run_kills(folder: Path, *, kills: int, seed: int, longest_s: float = 1.2) -> Kills:
    """Kill the indexer at random moments, and once more let it check and end by itself.

    Raises:
        RuntimeError: a child ended by itself with an error, which is a finding of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed)
    outcome = Kills()
    for number in range(kills):
        # One in four dies while it recovers from the kill before; of the others every second one in
        # a stage that was chosen before, since most of the time passes in writing a generation.
        recovering = number > 0 and dice.random() < 0.25
        stage = dice.choice(STAGES) if number % 2 and not recovering else None
        delay = dice.uniform(0, 0.01 if stage else 0.5 if recovering else longest_s)
        child = _start(folder, seed=seed * 1000 + number, rounds=10_000)
        _wait_for(child, "started" if recovering else "ready")
        until = time.monotonic() + longest_s
        while stage and _phase(folder) != stage and time.monotonic() < until:
            pass
        time.sleep(delay)
        if child.poll() is not None:
            raise RuntimeError(f"the indexer ended by itself: {_words(child)}")
        child.send_signal(signal.SIGKILL)
        child.communicate()
        outcome.kills += 1
        outcome.while_recovering += recovering
        outcome.phases[_phase(folder)] += 1
    child = _start(folder, seed=seed, rounds=1)
    out, err = child.communicate(timeout=300)
    if child.returncode != 0:
        raise RuntimeError(f"the last indexer ended with {child.returncode}: {(out + err)[-2000:]!r}")
    log = read_log(folder / "log.jsonl")
    outcome.acknowledged = log.acknowledged
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        if '"ack"' in line:
            outcome.acknowledged_by_event[json.loads(line)["event"]] += 1
    outcome.checks = len(log.checks)
    for entry in log.checks:
        for name in ("lost", "resurrected", "wrong_text", "torn"):
            setattr(outcome, name, getattr(outcome, name) + len(entry[name]))
        outcome.not_intact += entry["integrity"] not in ("ok", "absent")
        outcome.rebuilt += entry["rebuilt"]
        if entry["rebuilt"] or any(entry[n] for n in ("lost", "resurrected", "wrong_text", "torn")):
            outcome.findings.append(entry)
    return outcome


def _phase(folder: Path) -> str:
    return (folder / "phase").read_text(encoding="utf-8").strip() or "starting"


def _start(folder: Path, *, seed: int, rounds: int) -> subprocess.Popen[bytes]:
    words = ["--folder", str(folder), "--seed", str(seed), "--rounds", str(rounds)]
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _wait_for(child: subprocess.Popen[bytes], word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == word.encode():
            return
    raise RuntimeError(f"the indexer ended before {word!r}: {_words(child)}")


def _words(child: subprocess.Popen[bytes]) -> str:
    out, err = child.communicate()
    return (out + err)[-2000:].decode("utf-8", "replace")


# Damaging

MUTATIONS = ("truncate", "bit_flip", "overwrite_8", "delete", "zero_fill", "swap", "extra")


@dataclass
class Damages:
    """The outcome of a series of mutations of derived files."""

    mutations: int = 0
    detected: int = 0
    harmless: int = 0
    """CURRENT changed in white space only: it names the same generation, which was served whole."""
    undetected: int = 0
    rebuilt_equal: int = 0
    embedded_again: int = 0
    crashes: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_file: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            **{name: dict(sorted(getattr(self, name).items())) for name in ("by_kind", "by_file", "errors")},
        }


@dataclass
class CatalogDamages:
    """The outcome of mutations of the record of truth."""

    mutations: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    identical: int = 0
    text_differs: int = 0
    documents_missing: int = 0
    other_differs: int = 0
    """Read without an error, texts as they were, but something else was not."""
    other_by_table: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            **{
                name: dict(sorted(getattr(self, name).items()))
                for name in ("errors", "other_by_table", "by_kind")
            },
        }


def small_state(folder: Path, documents: int = 14) -> StateFolder:
    """Index a small corpus, for damage to be done to copies of it."""
    target = dict.fromkeys(_IDS[:documents], 1)
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(folder / "corpus", target)
    state = StateFolder(folder / "state")
    # Twice, so that there is a generation before the current one, as there is in use.
    update_index(state, [folder / "corpus"], fake_embedder(), SETTINGS)
    write_corpus(folder / "corpus", {**target, _IDS[0]: 2})
    update_index(state, [folder / "corpus"], fake_embedder(), SETTINGS)
    return state


def content_of(state: StateFolder, embedder: Embedder) -> dict[str, Any]:
    """Return all that the current generation serves.

    Raises:
        IndexStoreError: it cannot be opened.
    """
    generation = open_current(state, embedder=embedder.name)
    try:
        ordinals = [int(n) for n, _ in generation.documents(start=0, limit=-1)]
        words = sorted({word for n in ordinals for word in terms(generation.document_at(n).text)})[:200]
        return {
            "documents": [generation.document_at(n) for n in ordinals],
            "excluded": [generation.excluded_of(n) for n in ordinals],
            "passages": [generation.passage(row) for row in range(len(generation))],
            "vectors": generation.vectors.reconstruct(list(range(len(generation)))).tobytes(),
            "lexical": [generation.lexical.search([word], 50) for word in words],
        }
    finally:
        generation.close()


def generation_files(state: StateFolder) -> list[Path]:
    """Return CURRENT and every file of the generation that it names."""
    folder = state.generations / state.current.read_text(encoding="utf-8").split()[0]
    # tantivy's lock files are empty, made anew by whoever opens the index, and no part of it.
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".tantivy-")]
    return [state.current, *sorted(files)]


def file_kind(path: Path) -> str:
    """Name the kind of a file: its name, or its ending where the name is a random id."""
    return f"lexical/*{path.suffix}" if path.parent.name == "lexical" and len(path.stem) == 32 else path.name


def mutate(path: Path, kind: str, dice: random.Random, others: Sequence[Path] = ()) -> bool:
    """Damage a file in place of a new one; return whether its bytes really changed."""
    raw = path.read_bytes()
    new: bytearray | None = bytearray(raw)
    assert new is not None
    if kind == "extra":
        path.with_name(f"extra-{dice.randrange(1000)}.bin").write_bytes(dice.randbytes(64))
        return True
    if kind == "delete":
        path.unlink()
        return True
    if kind == "swap":
        other = dice.choice([p for p in others if p != path and p.read_bytes() != raw])
        theirs = other.read_bytes()
        _write(other, raw)
        _write(path, theirs)
        return True
    if not raw:
        return False
    place = dice.randrange(len(raw))
    if kind == "truncate":
        del new[place:]
    elif kind == "bit_flip":
        new[place] ^= 1 << dice.randrange(8)
    elif kind == "overwrite_8":
        new[place : place + 8] = dice.randbytes(8)[: len(raw) - place]
    elif kind == "zero_fill":
        length = dice.randint(1, 4096)
        new[place : place + length] = bytes(min(length, len(raw) - place))
    else:
        raise ValueError(f"no mutation is called {kind!r}")
    if bytes(new) == raw:
        return False
    # A new file and not the old one in place: an open index has the old one mapped into memory.
    _write(path, bytes(new))
    return True


def run_damage(folder: Path, *, mutations: int, seed: int) -> Damages:
    """Damage copies of a published generation, every kind of file in every way in turn."""
    origin = small_state(folder / "origin")
    embedder = fake_embedder()
    whole = content_of(origin, embedder)
    # Scores of a generation that shares files are those of one written anew but for the last digits.
    again = _copy(origin, folder / "again")
    rebuild(again, embedder, SETTINGS)
    rebuilt = content_of(again, embedder)
    assert rebuilt | {"lexical": whole["lexical"]} == whole
    kinds = sorted({file_kind(path) for path in generation_files(origin)})
    outcome = Damages()
    plan = _plan(mutations, seed, MUTATIONS, kinds)
    for number, (kind, name, dice) in enumerate(plan):
        state = _copy(origin, folder / f"copy-{number}")
        files = generation_files(state)
        path = dice.choice([path for path in files if file_kind(path) == name])
        if name == "CURRENT" and kind == "extra":
            path = files[-1]  # a file beside CURRENT is none of a generation's
        if not any(mutate(path, kind, dice, files) for _ in range(20)):
            # An empty file cannot be damaged but by deleting it.
            kind = "delete"
            path.unlink()
        outcome.mutations += 1
        outcome.by_kind[kind] += 1
        outcome.by_file[name] += 1
        where = f"{number}: {kind} of {name}"
        try:
            _judge_damage(state, whole, rebuilt, embedder, outcome, where)
        except Exception as error:  # noqa: BLE001 - anything not foreseen is what we look for
            outcome.crashes += 1
            outcome.findings.append(f"{where}: {type(error).__name__}: {error}")
        shutil.rmtree(state.path)
    return outcome


def _judge_damage(
    state: StateFolder,
    whole: dict[str, Any],
    rebuilt: dict[str, Any],
    embedder: Embedder,
    outcome: Damages,
    where: str,
) -> None:
    """Open what was damaged, see that it is refused, rebuild it and compare."""
    try:
        served = content_of(state, embedder)
    except (GenerationDamagedError, IndexMissingError) as error:
        if isinstance(error, IndexMissingError) and state.current.exists():
            raise
        outcome.detected += 1
        outcome.errors[type(error).__name__] += 1
    else:
        if served == whole and len(state.current.read_bytes().split()) == 2:
            outcome.harmless += 1
        else:
            outcome.undetected += 1
            outcome.findings.append(f"{where}: served unnoticed")
        return
    fresh = fake_embedder()
    rebuild(state, fresh, SETTINGS)
    if content_of(state, embedder) == rebuilt:
        outcome.rebuilt_equal += 1
    else:
        outcome.findings.append(f"{where}: rebuilt otherwise")
    outcome.embedded_again += int(getattr(fresh, "calls", 0))


def run_catalog_damage(folder: Path, *, mutations: int, seed: int) -> CatalogDamages:
    """Damage copies of the catalog and read everything in them."""
    origin = small_state(folder / "origin")
    dimension = fake_embedder().dimension
    whole = catalog_content(origin, dimension)
    kinds = tuple(kind for kind in MUTATIONS if kind not in ("swap", "extra", "delete"))
    outcome = CatalogDamages()
    for number, (kind, _, dice) in enumerate(_plan(mutations, seed, kinds, ["catalog.sqlite"])):
        state = _copy(origin, folder / f"copy-{number}")
        while not mutate(state.catalog, kind, dice):
            pass
        outcome.mutations += 1
        outcome.by_kind[kind] += 1
        where = f"{number}: {kind}"
        try:
            found = catalog_content(state, dimension)
        except QAError as error:
            outcome.errors[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - anything not foreseen is what we look for
            outcome.crashes += 1
            outcome.findings.append(f"{where}: {type(error).__name__}: {error}")
        else:
            _compare_catalogs(found, whole, outcome, where)
        shutil.rmtree(state.path)
    return outcome


def catalog_content(state: StateFolder, dimension: int) -> dict[str, Any]:
    """Read all that a generation would be made of.

    Raises:
        IndexStoreError: the catalog says that it is damaged.
    """
    with Catalog(state.catalog) as catalog, warnings.catch_warnings():
        # A damaged vector may hold numbers so large that their squares overflow.
        warnings.simplefilter("ignore", RuntimeWarning)
        documents = list(catalog.all_documents())
        # As publishing reads it: a bit that differs here is an error.
        derived = [catalog.derived_of(seq, document) for seq, document in documents]
        passages = [passages for _, passages in derived]
        keys = [key for group in passages for _, key in group]
        return {
            "texts": [(document.document_id, document.text) for _, document in documents],
            "metadata": documents,
            "excluded": [excluded for excluded, _ in derived],
            "passages": passages,
            "vectors": catalog.vectors(keys, dimension).tobytes(),
            "corpus_sha256": catalog.corpus_sha256(),
            "underived": catalog.underived(SETTINGS.derivation("hash-64")),
        }


def _compare_catalogs(
    found: dict[str, Any], whole: dict[str, Any], outcome: CatalogDamages, where: str
) -> None:
    texts, known = dict(found["texts"]), dict(whole["texts"])
    differing = [name for name in whole if found[name] != whole[name]]
    if not differing:
        outcome.identical += 1
    elif any(text not in known.values() for text in texts.values()):
        outcome.text_differs += 1
        outcome.findings.append(f"{where}: a text differs, with no error")
    elif len(texts) < len(known):
        outcome.documents_missing += 1
        outcome.findings.append(f"{where}: documents are gone, with no error")
    else:
        outcome.other_differs += 1
        outcome.other_by_table.update(differing)
        outcome.findings.append(f"{where}: {', '.join(differing)} differ, with no error")


def _plan(
    mutations: int, seed: int, kinds: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, str, random.Random]]:
    """Yield (kind, file kind, dice): every pair once before any comes again, in a seeded order."""
    pairs = [(kind, name) for name in names for kind in kinds]
    random.Random(seed).shuffle(pairs)
    for number in range(mutations):
        kind, name = pairs[number % len(pairs)]
        yield kind, name, random.Random(f"{seed}/{number}")


def _copy(state: StateFolder, folder: Path) -> StateFolder:
    shutil.copytree(state.path, folder)
    return StateFolder(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the child that is killed."""
    parser = argparse.ArgumentParser(description="the indexer that the crash harness kills")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args(arguments)
    indexer(options.folder, options.seed, options.rounds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
