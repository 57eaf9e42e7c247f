"""Asks every question and writes a run folder (see `eval.run_folder`).

A run may die at any moment and go on later: `answers.jsonl` and `documents.jsonl` are then, byte
for byte, those of a run that was never interrupted, as far as the target answers alike.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval.ask import ask_one
from eval.datatypes import DataSet, Entry, Outcome, Question, Target, Timing
from eval.errors import DataSetError, EvaluationError, RunFolderError
from eval.in_parallel import done_in_parallel, stop_on_signals
from eval.journal import LOCK, Journal, JournalLine, only_process, sync_folder, writable
from eval.provenance import provenance
from eval.run_documents import KeptDocuments, fetch_documents, named_documents, without_kept_texts
from eval.run_folder import (
    ANSWERS,
    DOCUMENTS,
    JOURNAL,
    QUESTIONS,
    TIMINGS,
    document_row,
    entry_row,
    line_of,
    question_row,
    timing_row,
    write_manifest,
    write_rows,
)
from eval.run_resume import Opened, open_run, plain
from eval.score import count

MAX_PARALLEL = 64
MAX_SEARCH_K = 100
_OUTCOMES: tuple[Outcome, ...] = ("answered", "partial", "abstained", "failed")

Progress = Callable[[int, int, Mapping[str, int]], None]


class RunStoppedError(EvaluationError):
    """A person or the system asked the run to stop. What was answered is kept."""


def run_questions(
    data_set: DataSet,
    target: Target,
    folder: Path,
    *,
    parallel: int = 2,
    search_k: int = 20,
    resume: bool = False,
    retry_failed: bool = False,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_progress: Progress = lambda _done, _total, _outcomes: None,
    clock: Callable[[], float] = time.perf_counter,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Path:
    """Ask every question and return the folder of the finished run.

    `parallel` questions are asked at the same time, 1 to 64. `search_k` is the depth of the ranking
    that is kept, 1 to 100. `resume` goes on with an interrupted run, if it is one of the same
    questions, target, depth, seed and settings; of a finished one nothing is left to do.
    `retry_failed`, with `resume`, asks failed questions again and fetches missing documents, of a
    finished run too. `seed` is recorded; asking draws nothing. `on_progress` gets how many are
    done, of how many, and how many of them came to what. `clock` counts seconds; `now` tells UTC.

    Raises:
        DataSetError: no question, one id twice, or a text that no file can hold.
        RunFolderError: the folder holds another run or something else, is damaged, in use or full.
        RunStoppedError: Ctrl-C or SIGTERM.
        TargetError: the target cannot even say what it is; nothing was asked.
        EvaluationError: an argument is out of range.
    """
    if not 1 <= parallel <= MAX_PARALLEL:
        raise EvaluationError(f"parallel is {parallel}; it must be in 1..{MAX_PARALLEL}")
    if not 1 <= search_k <= MAX_SEARCH_K:
        raise EvaluationError(f"search_k is {search_k}; it must be in 1..{MAX_SEARCH_K}")
    if retry_failed and not resume:
        raise EvaluationError("failed questions are asked again only in a run that is resumed: add --resume")
    first = {
        **_asked(data_set, target, search_k=search_k, seed=seed, settings=settings or {}),
        **provenance(),
        "parallel": parallel,
        "created": _utc(now),
    }
    _make(folder, resume=resume)
    with only_process(folder), stop_on_signals() as stop:
        opened = open_run(folder, first, resume=resume, retry_failed=retry_failed, resumed_at=_utc(now))
        if opened.finished:
            return folder
        work = _Work(
            data_set=data_set,
            target=target,
            folder=folder,
            opened=opened,
            parallel=parallel,
            search_k=search_k,
            clock=clock,
            halted=stop.is_set,
        )
        lines = work.ask_all(on_progress)
        work.finish(lines, work.fetch(lines))
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One session of a run whose folder is open."""

    data_set: DataSet
    target: Target
    folder: Path
    opened: Opened
    parallel: int
    search_k: int
    clock: Callable[[], float]
    halted: Callable[[], bool]

    def ask_all(self, on_progress: Progress) -> dict[str, JournalLine]:
        """Ask what is not answered yet; each answer is on the disk before the next question."""
        questions = self.data_set.questions
        lines = dict(self.opened.done)
        strangers = sorted(lines.keys() - {question.question_id for question in questions})
        if strangers:
            raise RunFolderError(f"{self.folder}: {JOURNAL} answers {strangers[0]!r}, which is not asked")
        left = [question for question in questions if question.question_id not in lines]
        outcomes = Counter(line.entry.outcome for line in lines.values())
        on_progress(len(lines), len(questions), {name: outcomes[name] for name in _OUTCOMES})
        began = self.clock()
        with (
            Journal(self.folder / JOURNAL) as journal,
            closing(done_in_parallel(left, self._ask, threads=self.parallel, halted=self.halted)) as answers,
        ):
            for entry, timing in answers:
                line = JournalLine(
                    entry=entry,
                    timing=timing,
                    session=self.opened.session,
                    elapsed_s=round(self.clock() - began, 3),
                )
                journal.append(line)
                lines[entry.question_id] = line
                outcomes[entry.outcome] += 1
                on_progress(len(lines), len(questions), {name: outcomes[name] for name in _OUTCOMES})
        self._go_on(len(lines))
        return lines

    def fetch(self, lines: Mapping[str, JournalLine]) -> KeptDocuments:
        """Fetch what the answers, rankings and gold name."""
        names = named_documents(self.data_set.questions, (line.entry for line in lines.values()))
        kept = fetch_documents(self.target, names, threads=self.parallel, halted=self.halted)
        self._go_on(len(lines))
        return kept

    def finish(self, lines: Mapping[str, JournalLine], kept: KeptDocuments) -> None:
        """Write the result, `run.json` last, and only then let go of the journal."""
        questions = self.data_set.questions
        ordered = [lines[question.question_id] for question in questions]
        entries = [without_kept_texts(line.entry, kept.found) for line in ordered]
        before = self.opened.manifest
        session = max(
            (line.elapsed_s for line in ordered if line.session == self.opened.session), default=0.0
        )
        with writable(self.folder):
            write_rows(self.folder / QUESTIONS, map(question_row, questions))
            write_rows(self.folder / ANSWERS, map(entry_row, entries))
            write_rows(self.folder / TIMINGS, (timing_row(line.timing) for line in ordered))
            write_rows(self.folder / DOCUMENTS, map(document_row, kept.found.values()))
            sync_folder(self.folder)
            write_manifest(
                self.folder,
                {
                    **before,
                    "target": {**before["target"], "receipts": _receipts(entries)},
                    "finished": True,
                    "elapsed_s": round(before["elapsed_s"] + session, 3),
                    "counts": asdict(count(zip(questions, entries, strict=True))),
                    "documents_not_fetched": dict(kept.missing),
                },
            )
            sync_folder(self.folder)
            (self.folder / JOURNAL).unlink(missing_ok=True)
            (self.folder / LOCK).unlink(missing_ok=True)

    def _ask(self, question: Question) -> tuple[Entry, Timing]:
        return ask_one(self.target, question, self.search_k, self.clock)

    def _go_on(self, done: int) -> None:
        if self.halted():
            raise RunStoppedError(
                f"stopped after {done} of {len(self.data_set.questions)} questions; "
                f"go on with --out {self.folder} --resume"
            )


def _asked(
    data_set: DataSet, target: Target, *, search_k: int, seed: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is asked of what: the part of `run.json` by which a run is known again."""
    if not data_set.questions:
        raise DataSetError(f"data set {data_set.name!r} has no questions")
    names = Counter(question.question_id for question in data_set.questions)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise DataSetError(f"data set {data_set.name!r}: question id {twice[0]!r} is there twice")
    hashed = sha256()
    for question in data_set.questions:
        try:
            hashed.update(line_of(question_row(question)))
        except UnicodeEncodeError as error:
            raise DataSetError(
                f"data set {data_set.name!r}: question {question.question_id!r} holds a lone surrogate"
            ) from error
    return plain(
        {
            "data": {
                "name": data_set.name,
                "sha256": data_set.sha256,
                "licence": data_set.licence,
                "notes": list(data_set.notes),
                "questions": len(data_set.questions),
                "questions_sha256": hashed.hexdigest(),
            },
            "target": {"name": target.name, "describe": target.describe()},
            "search_k": search_k,
            "seed": seed,
            "settings": dict(settings),
        }
    )


def _receipts(entries: Sequence[Entry]) -> list[Any]:
    """Return the receipts of the answers, each once: more than one says that something changed."""
    found: list[Any] = []
    for entry in entries:
        receipt = (entry.record or {}).get("receipt")
        if receipt is not None and receipt not in found:
            found.append(receipt)
    return found


def _make(folder: Path, *, resume: bool) -> None:
    if resume and not folder.is_dir():
        raise RunFolderError(f"{folder}: there is no run to go on with; leave out --resume")
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _utc(now: Callable[[], datetime]) -> str:
    return now().astimezone(UTC).isoformat(timespec="seconds")
