"""`verse eval new`: a person goes through proposed questions and keeps what is good.

Nothing is kept without their word. What they keep is written and synced before the next question
is shown, so that an interrupted session loses nothing; beside the file a list says what was
already looked at, so that it goes on where it stopped.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from eval.datasets import own
from eval.datasets.making import question_problem
from eval.datatypes import SourceText
from eval.errors import DataSetError
from eval.propose import Proposal, propose
from eval.run_folder import line_of
from index.state import sync_file

Action = Literal["accept", "edit", "reject", "unanswerable", "stop"]
REVIEWED = ".reviewed"
"""Added to the name of the questions' file for the list of what was looked at."""

_ID_PREFIX = "p-"
_REVIEWED_LINE = re.compile(rb"[0-9a-f]{12} [a-z]+")
_OURS = b'{"answerable"'  # how the rows that this module writes begin: their keys are sorted
_KEYS: Mapping[str, Action] = {
    "a": "accept",
    "e": "edit",
    "u": "unanswerable",
    "r": "reject",
    "s": "stop",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person makes of a proposal. `text` and `answers` are the edited ones, with edit alone."""

    action: Action
    text: str | None = None
    answers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.action == "edit") != (self.text is not None):
            raise ValueError(f"{self.action!r} with text {self.text!r}: edit and a text come together")


class HasDocuments(Protocol):
    """What lists the documents of an index."""

    def documents(self) -> Iterable[SourceText]:
        """Return every document with its text."""


def review(
    proposals: Iterable[Proposal], ask: Callable[[Proposal], Decision], out: Path
) -> Iterator[dict[str, Any]]:
    """Ask about each proposal that was not looked at before; yield each row once it is on disk.

    Raises:
        DataSetError: `out` is no `.jsonl`, holds something else than questions, cannot be written,
            or another session is writing it; or an edited question cannot be asked.
    """
    with _opened(out) as reviewed:
        for proposal in proposals:
            if proposal.proposal_id in reviewed:
                continue
            decision = ask(proposal)
            if decision.action == "stop":
                return
            row = _row(proposal, decision)
            # The question first: if we die in between, its id in the file says that it was looked at.
            if row is not None:
                _append(out, line_of(row))
            _append(_list_of(out), f"{proposal.proposal_id} {decision.action}\n".encode())
            reviewed.add(proposal.proposal_id)
            if row is not None:
                yield row


def terminal_ask(
    proposal: Proposal, *, read: Callable[[str], str] = input, write: Callable[[str], None] = print
) -> Decision:
    """Show a proposal and return what the person says; no more input means stop.

    Only a letter decides: an empty line, or anything else, is asked again.
    """
    for line in _shown(proposal):
        write(line)
    try:
        while True:
            key = read("a accept, e edit, u not answerable, r reject, s stop > ").strip().casefold()
            action = _KEYS.get(key) or next((name for name in _KEYS.values() if name == key), None)
            if action is None:
                write("Nothing was kept. Answer with one of the letters a, e, u, r, s.")
            elif action == "edit":
                return _edited(proposal, read, write)
            else:
                return Decision(action=action)
    except EOFError:
        return Decision(action="stop")


def review_in_terminal(
    service: HasDocuments,
    out: Path,
    *,
    count: int,
    seed: int,
    read: Callable[[str], str] = input,
    write: Callable[[str], None] = print,
) -> int:
    """Propose `count` questions from a service's documents and review them in the terminal.

    Return how many questions the file holds afterwards.

    Raises:
        DataSetError: as `propose` and `review`.
    """
    asked = 0

    def ask(proposal: Proposal) -> Decision:
        nonlocal asked
        asked += 1
        return terminal_ask(proposal, read=read, write=write)

    for _ in review(propose(list(service.documents()), count, seed), ask, out):
        pass
    if not asked:
        write("Every proposal was already looked at, or there is none; ask for more with --count.")
    return len(_ids(out))


def _row(proposal: Proposal, decision: Decision) -> dict[str, Any] | None:
    """Return the row to write; `None` where the person rejects."""
    if decision.action in ("reject", "stop"):
        return None
    question = proposal.question if decision.text is None else decision.text.strip()
    if problem := question_problem(question):
        raise DataSetError(f"the question {question[:60]!r} {problem}")
    answerable = proposal.answerable and decision.action != "unanswerable"
    answers = decision.answers if decision.action == "edit" else proposal.answers
    return {
        "id": f"{_ID_PREFIX}{proposal.proposal_id}",
        "question": question,
        "kind": proposal.kind if answerable == proposal.answerable else "unanswerable",
        "answerable": answerable,
        "answers": list(answers) if answerable else [],
        "gold": [
            {"document_id": gold.document_id, "start": gold.start, "end": gold.end, "text": gold.text}
            for gold in proposal.gold
        ]
        if answerable
        else [],
    }


def _edited(proposal: Proposal, read: Callable[[str], str], write: Callable[[str], None]) -> Decision:
    while True:
        text = read("question > ").strip()
        problem = question_problem(text)
        if problem is None:
            break
        write(f"The question {problem}.")
    if not proposal.answerable:
        return Decision(action="edit", text=text)
    # Another question may have another answer: none is kept unless it is written again.
    answers = read("short answers, with | between them; empty for none > ").split("|")
    return Decision(action="edit", text=text, answers=tuple(a.strip() for a in answers if a.strip()))


def _shown(proposal: Proposal) -> list[str]:
    lines = [
        "",
        f"{proposal.kind}, from “{proposal.document_title}” ({proposal.document_id})",
        f"  sentence: {proposal.sentence}",
        f"  question: {proposal.question}",
    ]
    if proposal.exchanged is not None:
        lines.append(f"  changed:  {proposal.exchanged[0]} → {proposal.exchanged[1]}")
    if proposal.answerable:
        lines.append(f"  answer:   {' | '.join(proposal.answers) or '(the sentence itself)'}")
    else:
        lines.append("  accept it only if none of your documents answers it")
    # A document may hold what a terminal takes for commands.
    return ["".join(char if char.isprintable() else "�" for char in line) for line in lines]


@contextmanager
def _opened(out: Path) -> Iterator[set[str]]:
    """Hold the file against other sessions; give the ids of what was already looked at."""
    if out.suffix.lower() != ".jsonl":
        raise DataSetError(f"{out} must end in .jsonl")
    try:
        descriptor = os.open(_list_of(out), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DataSetError(f"{_list_of(out)} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataSetError(f"another session is writing {out}; end that one first") from error
        _mend(out)
        _mend(_list_of(out))
        yield _looked_at(out) | {name.removeprefix(_ID_PREFIX) for name in _ids(out)}
    finally:
        os.close(descriptor)


def _looked_at(out: Path) -> set[str]:
    found = set()
    for line in _list_of(out).read_bytes().splitlines():
        if not _REVIEWED_LINE.fullmatch(line):
            raise DataSetError(
                f"{_list_of(out)} holds {line[:40]!r}, which this software did not write; "
                "delete the file to look at every proposal again"
            )
        found.add(line.split(b" ")[0].decode("ascii"))
    return found


def _mend(path: Path) -> None:
    """Take back what a crash left of a line: it was never told to be kept, and is asked again."""
    if not path.exists():
        return
    raw = path.read_bytes()
    if not raw or raw.endswith(b"\n"):
        return
    last = raw[raw.rfind(b"\n") + 1 :]
    if path.suffix != REVIEWED and (_is_json(last) or last[: len(_OURS)] != _OURS[: len(last)]):
        # Whole, or not of our making: an editor leaves out the last line end too.
        _append(path, b"\n")
        return
    with path.open("r+b") as file:
        file.truncate(len(raw) - len(last))
    sync_file(path)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _append(path: Path, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataSetError(f"{path} cannot be written: {error.strerror}") from error


def _ids(out: Path) -> list[str]:
    """Return the ids of the questions in the file; none where there is no file, or an empty one."""
    if not out.exists() or not out.read_bytes().strip():
        return []
    return [question.question_id for question in own.load(out).questions]


def _list_of(out: Path) -> Path:
    return out.with_name(out.name + REVIEWED)
