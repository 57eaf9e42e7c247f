"""`verse backup`, `restore`, `check` and `forget`: what they do to the index and to the stored conversations."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.conversations import record_of
from api.redact import redact_answers
from api.settings import Settings
from api.store.database import Database
from api.store.errors import StoreError
from api.store.tables import answers
from api.uploads.jobs import JOBS, Jobs
from index.backup import BackupManifest, restore_backup, write_backup
from index.build import rebuild
from index.catalog import Catalog
from index.check import Checked, check_database, check_state
from index.errors import BackupError, IndexStoreError
from index.forget import files_with, forget_documents
from index.state import StateFolder
from index.types import Document, Embedder

CONVERSATIONS = "conversations.sqlite"
_CONVERSATIONS_ADVICE = (
    "restore the conversations from a backup, or move the file away to begin without them; "
    "documents and index are not in it"
)
_JOBS_ADVICE = f"move {JOBS} away: what was uploaded and not read yet must be sent again; documents and index are not in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What `forget` did; `left_in` are files of the state folder that still hold a piece of the texts."""

    removed: int
    answers_changed: int
    index_version: str
    left_in: tuple[Path, ...]


def backup(settings: Settings, target: Path) -> BackupManifest:
    """Write a backup of documents and conversations; the service may go on meanwhile.

    Raises:
        QAError: see `index.backup.write_backup`; or the conversations cannot be read.
    """
    file = settings.conversations_file

    def settle(folder: Path, removed: frozenset[str]) -> None:
        copy = folder / CONVERSATIONS
        if not copy.exists():
            return
        # Answers may quote what was removed since; a backup that is made later must not.
        with closing(Database(copy)) as database:
            redact_answers(database, removed)
            database.compact()

    others = {CONVERSATIONS: file} if file.exists() else {}
    return write_backup(StateFolder(settings.state_dir), target, others, settle=settle)


def restore(settings: Settings, source: Path, embedder: Embedder) -> BackupManifest:
    """Make the state folder from a backup, derived files too; the folder must be missing or empty.

    Raises:
        BackupError: the backup is not whole, or there is something already.
    """
    inside = settings.conversations_file.absolute() == (settings.state_dir / CONVERSATIONS).absolute()
    if not inside:
        raise BackupError(
            f"VERSE_DATABASE_URL names a file outside of {settings.state_dir}, where nothing is restored to; "
            f"unset it, restore, and move {CONVERSATIONS} to where it shall be"
        )
    return restore_backup(
        source,
        StateFolder(settings.state_dir),
        rebuild_with=lambda state: _rebuild(state, embedder, settings),
    )


def check(settings: Settings) -> Checked:
    """Verify documents, rules, passages, vectors, index, uploads, conversations, and the quotes of every answer."""
    state = StateFolder(settings.state_dir)
    checked = check_state(state)
    jobs = settings.state_dir / JOBS
    if jobs.exists():
        check_database(jobs, checked, _JOBS_ADVICE)
    file = settings.conversations_file
    if not file.exists():
        checked.notes.append("no conversations are stored")
        return checked
    if not check_database(file, checked, _CONVERSATIONS_ADVICE):
        return checked
    try:
        with closing(Database(file)) as database:
            _check_answers(database, state, checked)
    except StoreError as error:
        checked.found(error, _CONVERSATIONS_ADVICE)
    return checked


def forget(settings: Settings, document_ids: Sequence[str], embedder: Embedder) -> ForgetReport:
    """Remove documents so that no byte of their text is left; stored answers say "Source withdrawn." instead.

    Raises:
        StillReadingError: something that was sent is still to be read; nothing was removed.
        QAError: see `index.forget.forget_documents`; run again, it does what was not done.
    """
    state = StateFolder(settings.state_dir)
    with closing(Jobs(state.path / JOBS)) as jobs:
        jobs.refuse_if_reading()
        done = forget_documents(state, document_ids, embedder, settings.index_settings())
        jobs.forget(document_ids)
    changed = 0
    file = settings.conversations_file
    if file.exists():
        with closing(Database(file)) as database:
            changed = redact_answers(database, document_ids)
            database.compact()
    return ForgetReport(
        removed=done.removed,
        answers_changed=changed,
        index_version=done.index_version,
        left_in=tuple(path for path in files_with(state.path, done.probes) if path != file),
    )


def _rebuild(state: StateFolder, embedder: Embedder, settings: Settings) -> None:
    rebuild(state, embedder, settings.index_settings())


def _check_answers(database: Database, state: StateFolder, checked: Checked) -> None:
    with database.reading() as connection:
        ids = list(connection.scalars(select(answers.c.id).order_by(answers.c.id)))
    with ExitStack() as stack:
        catalog = None
        if state.catalog.is_file():
            try:
                catalog = stack.enter_context(Catalog(state.catalog))
            except IndexStoreError:
                # Which has a finding of its own.
                checked.notes.append(
                    "quotes of stored answers were not checked, since the documents cannot be read"
                )
                return
        _check_each(database, ids, _Texts(catalog, checked), checked)


def _check_each(database: Database, ids: Sequence[str], texts: _Texts, checked: Checked) -> None:
    for answer_id in ids:
        with database.reading() as connection:
            stored = connection.scalar(select(answers.c.record).where(answers.c.id == answer_id))
        if stored is None:
            continue  # deleted meanwhile
        try:
            record = record_of(stored, database)
        except StoreError as error:
            checked.found(f"answer {answer_id}: {error}", _CONVERSATIONS_ADVICE)
            continue
        checked.counts["answers"] += 1
        abstention = record.get("abstention") or {}
        for citation in [*record["citations"], *abstention.get("closest", [])]:
            _check_citation(answer_id, citation, texts, checked)


def _check_citation(answer_id: str, citation: dict[str, Any], texts: _Texts, checked: Checked) -> None:
    document = texts.of(citation["document_id"]) if citation["document_id"] else None
    if document is None:
        checked.counts["quotes of withdrawn sources"] += 1
        return
    if document.sha256 != citation["document_sha256"]:
        checked.counts["quotes of changed sources"] += 1
        return
    if document.text[citation["start_char_index"] : citation["end_char_index"]] != citation["cited_text"]:
        checked.found(
            f"answer {answer_id} quotes {document.document_id!r} with words that do not stand there",
            _CONVERSATIONS_ADVICE,
        )
        return
    checked.counts["quotes"] += 1


class _Texts:
    """Documents by id, read once; what the catalog cannot give has a finding of its own already."""

    def __init__(self, catalog: Catalog | None, checked: Checked) -> None:
        self._catalog = catalog
        self._checked = checked
        self._found: dict[str, Document | None] = {}

    def of(self, document_id: str) -> Document | None:
        if document_id not in self._found:
            self._found[document_id] = self._read(document_id)
        return self._found[document_id]

    def _read(self, document_id: str) -> Document | None:
        if self._catalog is None:
            return None
        try:
            return self._catalog.document_by_id(document_id)
        except IndexStoreError as error:
            self._checked.notes.append(f"quotes of {document_id!r} were not checked: {error}")
            return None
