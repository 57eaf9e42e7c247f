"""One thread that takes jobs in order: reads, stores, and publishes what was stored.

It holds the writer's lock while there is work. Whatever stops it, what was stored is stored, and the rest is
done at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from api.uploads.errors import StorageError, UploadError
from api.uploads.jobs import Job, Jobs, Part
from api.uploads.reading import document_from, given_up, read_part, wanted_id
from api.uploads.sender import Sender, stored_sender
from api.uploads.spool import Spool
from index.access import AccessRule, read_rule
from index.build import derive_and_publish, store_document
from index.catalog import Catalog
from index.errors import (
    DocumentError,
    EmbedderError,
    EncodingError,
    IndexBusyError,
    ParserError,
    QAError,
    StateFolderError,
    UnsupportedFormatError,
)
from index.formats import Problem
from index.rules import Rules
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import UPLOAD, Document, Embedder, FloatArray

logger = logging.getLogger(__name__)

_PUBLISH_EVERY_S = 2.0
_LOOK_EVERY_S = 0.5
_NOTE_EVERY_S = 1.0
_CLEAN_EVERY_S = 3600.0
_LONGEST_WAIT_S = 5.0
_ATTEMPTS = 3
# A question waits for the passages that are being embedded, and these wait for questions, but not for ever.
_BATCH = 4
_GIVE_WAY_S = 0.1


class Served(Protocol):
    """What the worker needs of the engine: its embedder, and to open what was published."""

    embedder: Embedder

    def refresh(self) -> bool:
        """Open the current generation."""

    def health(self) -> Any:
        """Say which one is open."""


class RefusedDocumentError(QAError):
    """One document of a job is not taken; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class _StoppedError(BaseException):
    """The service stops: nothing between here and the loop may swallow it."""


# What says nothing of the document that was being read: the service stops, or the disk, another process or a
# model is in the way. An accepted document waits for that, and is not given up.
_NOT_ITS_FAULT = (
    _StoppedError,
    StateFolderError,
    IndexBusyError,
    StorageError,
    ParserError,
    EmbedderError,
)


class GentleEmbedder:
    """An embedder that embeds a few passages at a time, and lets questions go first: `waited_s` in all."""

    def __init__(self, embedder: Embedder, busy: Callable[[], bool]) -> None:
        self._embedder = embedder
        self._busy = busy
        self.waited_s = 0.0
        self.name, self.dimension, self.max_tokens = embedder.name, embedder.dimension, embedder.max_tokens
        self.count_tokens, self.embed_queries = embedder.count_tokens, embedder.embed_queries

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        """Return what the embedder returns."""
        import numpy as np

        found = []
        for start in range(0, len(texts), _BATCH):
            begun = time.monotonic()
            while self._busy() and time.monotonic() < begun + _GIVE_WAY_S:
                time.sleep(0.01)
            self.waited_s += time.monotonic() - begun
            found.append(self._embedder.embed_passages(texts[start : start + _BATCH]))
        return np.concatenate(found) if found else self._embedder.embed_passages(texts)


class IngestWorker:
    """The thread. `waiting` says what it waits for, for those who wait for it."""

    def __init__(
        self,
        state: StateFolder,
        jobs: Jobs,
        spool: Spool,
        engine: Served,
        settings: IndexSettings,
        *,
        public: bool,
        retention_days: int,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._state, self._jobs, self._spool, self._engine = state, jobs, spool, engine
        self._settings, self._public, self._days = settings, public, retention_days
        self._embedder = GentleEmbedder(engine.embedder, busy)
        self._rules = Rules(state.catalog)
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._removed: set[str] = set()
        self._new: set[str] = set()
        self._verified = False
        self._published_at = 0.0
        self._publishing_s = 0.0
        self.waiting: str | None = None

    def start(self) -> None:
        """Begin to work, with what an earlier service left."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is work."""
        self._work.set()

    def stop(self, timeout_s: float) -> None:
        """Let the document under way be stored, and end; what is left waits for the next start."""
        self._stopping.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        """Work until stopped; what fails is tried again, ever more patiently."""
        pause, cleaned = 0.1, 0.0
        while not self._stopping.is_set():
            try:
                if time.monotonic() - cleaned > _CLEAN_EVERY_S or not cleaned:
                    self._clean()
                    cleaned = time.monotonic()
                if self._jobs.next() is not None or self._jobs.stored_until():
                    self._burst()
                self.waiting, pause = None, 0.1
                self._work.wait(_LOOK_EVERY_S)
                self._work.clear()
            except _StoppedError:
                return
            except Exception as error:
                self.waiting = _said(error)
                logger.error(
                    "ingest_waits error=%s", type(error).__name__, exc_info=not isinstance(error, QAError)
                )
                self._stopping.wait(pause)
                pause = min(2 * pause, _LONGEST_WAIT_S)

    def _clean(self) -> None:
        self._jobs.expire(self._days)
        self._spool.sweep(self._jobs.needed())

    def _burst(self) -> None:
        # A large catalog is looked through for as long as a minute: once, not for every few documents.
        with self._state.writing(), Catalog(self._state.catalog, verify=not self._verified) as catalog:
            self.waiting, self._verified = None, True
            self._new.clear()  # what an earlier one stored may have been made passages of, or not
            while not self._stopping.is_set():
                job = self._jobs.next()
                if job is not None:
                    self._read(catalog, job)
                if self._jobs.stored_until() and (self._jobs.next() is None or self._due()):
                    self._publish(catalog)
                if job is None:
                    return

    def _due(self) -> bool:
        # What costs long is done seldom.
        return time.monotonic() - self._published_at > max(_PUBLISH_EVERY_S, 3 * self._publishing_s)

    def _publish(self, catalog: Catalog) -> None:
        begun, waited_s, until = time.monotonic(), self._embedder.waited_s, self._jobs.stored_until()

        def progress(_stage: str, _done: int, _total: int) -> None:
            if self._stopping.is_set():
                raise _StoppedError

        new = len(self._new)
        self._new.clear()  # if this fails half-way, some of them have their passages
        report = derive_and_publish(
            self._state, catalog, self._embedder, self._settings, progress=progress, new=new
        )
        self._removed.clear()
        self._engine.refresh()
        now = self._engine.health().index_version
        if now != report.index_version:
            raise StorageError(f"generation {report.index_version} was published, and {now} is still served")
        self._jobs.searchable(until)
        self._published_at = time.monotonic()
        # What it cost: waiting for questions costs nobody anything, and must not make the next one wait longer.
        self._publishing_s = self._published_at - begun - (self._embedder.waited_s - waited_s)

    # One job

    def _read(self, catalog: Catalog, job: Job) -> None:
        attempts = self._jobs.begin(job)
        for part in job.parts:
            if part.done:
                continue
            documents: list[dict[str, Any]] = []
            errors: list[dict[str, Any]] = []
            try:
                # What somebody wants deleted is tried for as long as it takes.
                if attempts > _ATTEMPTS and job.kind != "delete":
                    documents += part.documents  # of what was stored before
                    raise RefusedDocumentError(
                        "unreadable", "the service failed each time this was read; the rest of it is skipped"
                    )
                self._one(catalog, job, part, documents, errors)
            except (RefusedDocumentError, DocumentError) as error:
                errors.append(error_row(part.name, error))
            except _NOT_ITS_FAULT:
                self._jobs.take_back(job)
                raise
            self._jobs.note(job, part, documents, errors, done=True)
            attempts = 1  # as `note` has it: what is counted is how often one part was begun
        self._jobs.end_reading(job)
        contents = [part.sha256 for part in job.parts if part.sha256 is not None]
        self._spool.drop(contents, self._jobs.needed(contents))

    def _one(
        self,
        catalog: Catalog,
        job: Job,
        part: Part,
        documents: list[dict[str, Any]],
        errors: list[dict[str, Any]],
    ) -> None:
        sender = stored_sender(job.sender)
        if job.kind == "delete":
            documents.append(self._delete(catalog, part))
        elif job.kind == "change":
            documents.append(self._change(catalog, job, part, sender))
        else:
            self._add(catalog, job, part, sender, documents, errors)

    def _add(
        self,
        catalog: Catalog,
        job: Job,
        part: Part,
        sender: Sender,
        documents: list[dict[str, Any]],
        errors: list[dict[str, Any]],
    ) -> None:
        assert part.sha256 is not None
        found = read_part(self._spool.path(part.sha256), part.name, part.media_type, part.sha256)
        records = [item for item in found if not isinstance(item, Problem)]
        errors += [error_row(part.name, item.error) for item in found if isinstance(item, Problem)]
        if given_up(found, part.name):
            return
        if len(records) > 1 and (part.target is not None or {"id", "title"} & set(part.details)):
            raise RefusedDocumentError(
                "many_documents",
                f"the file holds {len(records)} documents; one id and title are for one. Send it without them",
            )
        noted = time.monotonic()
        for record in records:
            if self._stopping.is_set():
                raise _StoppedError
            wanted = wanted_id(record, part.name, part.details)
            document_id = part.target or sender.id_for(wanted)
            try:
                rule = record.access
                if part.details.get("access") is not None:
                    rule = read_rule(part.details["access"])
                rule = self._rule(catalog, job, document_id, sender, rule)
                document = document_from(record, part.name, document_id, part.details, rule)
                documents.append(self._store(catalog, document, part.name))
            except (RefusedDocumentError, DocumentError) as error:
                errors.append(error_row(part.name, error, document_id))
            if time.monotonic() - noted > _NOTE_EVERY_S:
                self._jobs.note(job, part, documents, errors, done=False)
                noted = time.monotonic()

    def _rule(
        self, catalog: Catalog, job: Job, document_id: str, sender: Sender, stated: AccessRule | None
    ) -> AccessRule | None:
        """Return the rule to store with a document; `None` keeps the one that it has."""
        known, now = self._known(catalog, job, document_id)
        if known is None or now is None:
            return stated or sender.default_rule(self._public)
        if not sender.may_write(document_id, now):
            raise RefusedDocumentError(
                "id_taken", f"the id {document_id!r} cannot be used; choose another one"
            )
        if known != UPLOAD:
            raise RefusedDocumentError("other_source", other_source(document_id, known))
        if stated is not None and stated != now and not sender.unrestricted:
            raise RefusedDocumentError(
                "access_not_allowed",
                f"the document {document_id!r} is there with another access rule; leave access out, or change it "
                "with a credential of the scope 'admin'",
            )
        return stated

    def _known(self, catalog: Catalog, job: Job, document_id: str) -> tuple[str | None, AccessRule | None]:
        """Return where the document of an id came from and its rule, as far as there is one."""
        if self._jobs.deleted_after(document_id, job.seq):
            raise RefusedDocumentError(
                "deleted", f"the document {document_id!r} was deleted after this was sent"
            )
        if document_id in self._removed:
            # Until then the generation holds the deleted text under this id, which would be seen again.
            self._publish(catalog)
        found = catalog.find(document_id)
        return (None, None) if found is None else (found[1], self._rules.rule_of(document_id))

    def _store(self, catalog: Catalog, document: Document, name: str) -> dict[str, Any]:
        change, excluded = store_document(catalog, document)
        if change == "added":
            self._new.add(document.document_id)
        else:
            self._new.discard(document.document_id)
        pages = getattr(document, "pages", ())
        return {
            "document_id": document.document_id,
            "name": name,
            "change": change,
            "title": document.title,
            "publisher": document.publisher,
            "published_at": document.published_at,
            "language": document.language,
            "characters": len(document.text),
            "excluded_characters": sum(span.end - span.start for span in excluded),
            "pages": len(pages) or None,
            "document_sha256": document.sha256,
        }

    def _change(self, catalog: Catalog, job: Job, part: Part, sender: Sender) -> dict[str, Any]:
        assert part.target is not None
        known, rule = self._known(catalog, job, part.target)
        found = catalog.find(part.target)
        if found is None or rule is None or not sender.may_write(part.target, rule):
            raise RefusedDocumentError("not_found", "there is no such document any more")
        if known != UPLOAD:
            raise RefusedDocumentError("other_source", other_source(part.target, found[1]))
        changes = dict(part.details)
        if "labels" in changes:
            changes["labels"] = changes["labels"] or {}
        return self._store(catalog, replace(catalog.document(found[0]), access=None, **changes), part.name)

    def _delete(self, catalog: Catalog, part: Part) -> dict[str, Any]:
        assert part.target is not None
        catalog.remove(part.target)
        self._new.discard(part.target)
        self._removed.add(part.target)
        return {"document_id": part.target, "name": part.name, "change": "removed"}


def other_source(document_id: str, source: str) -> str:
    """Say that a document is changed where it came from; of the machine's folders nothing is told."""
    return (
        f"the id {document_id!r} belongs to the file {Path(source).name!r} of an indexed folder, and not to an "
        "upload; give the upload another id, or change the file and index its folder again"
    )


def error_row(name: str, error: QAError, document_id: str | None = None) -> dict[str, Any]:
    """Return an error of a job as it is stored and shown."""
    match error:
        case RefusedDocumentError():
            code, detail = error.code, str(error)
        case UnsupportedFormatError():
            code, detail = "unsupported_type", error.what
        case EncodingError():
            code, detail = "encoding", error.what
        case DocumentError() if error.where == name:
            code, detail = "unreadable", error.what
        case _:
            code, detail = "unreadable", str(error)
    row = {"name": name, "code": code, "detail": detail}
    return row if document_id is None else {**row, "document_id": document_id}


def _said(error: Exception) -> str:
    """Say what is waited for, without names of the machine."""
    if isinstance(error, IndexBusyError):
        return "another process is writing to the index; this goes on when it has ended"
    if isinstance(error, UploadError):
        return "what was sent cannot be written down now; it is tried again"
    return "the documents cannot be stored or made searchable now; it is tried again"
