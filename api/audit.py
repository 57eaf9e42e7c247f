"""The audit log: who read which documents or changed something, and when. Ids only, never a text.

One JSON line a request, written before the first byte of its answer; of a stream at its end, when it is
known what was shown. What cannot be written is not answered: the client gets a 503, and so do all audited
requests until a line can be written again. Lines are in the order of their times, and survive the
process; they are not synced to the disk one by one, so that a power failure may take the last seconds.

A change has two lines: `"event": "begun"` before it is made, and the request's own after it. Where the
first cannot be written, nothing is changed. Where only the second cannot, the change was made and recorded,
and its client is told so: a `begun` without a second line may or may not have come to its end.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.principal import Principal
from api.errors import ChangeNotRecordedError, refusal
from index.errors import QAError

_NOTED = "audit_documents"
_BEGIN = "audit_begin"
# What shows no document and changes nothing; everything else is audited, a route that is new too.
_READS_NOTHING = frozenset(
    {"/", "/docs", "/embed", "/favicon.ico", "/healthz", "/openapi.json", "/readyz", "/v1/models"}
)
_FOLDERS_OF_NOTHING = ("/static/", "/v1/models/")
_LOCK_S = 1.0
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Ids that this service makes; what else stands in an address may be anybody's text.
_OUR_ID = re.compile(r"[a-z]{2,12}_[0-9A-Za-z]{8,64}")

_NOT_RECORDED = "What is read or changed here is recorded, and the record cannot be written now; the operator has to see to it."

log = structlog.get_logger("api.audit")


class AuditError(QAError):
    """The audit log cannot be opened or written."""


def note_documents(scope: Scope, document_ids: Iterable[str]) -> None:
    """Say that a request shows these documents, or parts or titles of them."""
    noted: dict[str, None] = scope.setdefault(_NOTED, {})
    noted.update(dict.fromkeys(document_ids))


def begin_change(scope: Scope, document_ids: Iterable[str] = ()) -> None:
    """Record that a request is about to change something, of these documents if of any.

    To be called just before, when it is known that there is something to change: ids in the address that
    lead nowhere may be anybody's text. May block for a moment, on the disk.

    Raises:
        ChangeNotRecordedError: it cannot be recorded, and so must not be made.
    """
    begin: Callable[[list[str]], None] | None = scope.get(_BEGIN)
    if begin is not None:  # no audit log is kept here
        begin(list(document_ids))


def documents_of(record: Mapping[str, Any]) -> list[str]:
    """Return the documents that an answer record shows: of its quotes, their copies, and what came closest."""
    closest = (record.get("abstention") or {}).get("closest", [])
    cited = [*record["citations"], *closest]
    copies = [copy for citation in cited for copy in citation.get("also_published_by", [])]
    return [shown["document_id"] for shown in [*cited, *copies]]


class AuditLog:
    """A file of JSON lines for its owner alone; at `max_bytes` it becomes `.1`, and of those `keep` are kept.

    Thread-safe, and safe with other processes that write the same file, or move it away.
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        """Open the log, made where there is none.

        Raises:
            AuditError: it cannot be made or written, or is no regular file.
        """
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._guard = threading.Lock()
        self._file = -1
        self.failing = False
        """Whether the last line could not be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written at once, so that a full disk is found before anybody asks.
            self._append({"event": "started"})
        except OSError as error:
            raise AuditError(
                f"the audit log {path} cannot be opened: {error.strerror}; set VERSE_AUDIT_FILE to a file that "
                "this service may write"
            ) from error

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line, with the time before everything else.

        Raises:
            AuditError: it could not be written; nothing of it is in the file.
        """
        with self._guard:
            try:
                self._append(entry)
            except OSError as error:
                self.failing = True
                raise AuditError(f"the audit log cannot be written: {error.strerror}") from error
            self.failing = False

    def close(self) -> None:
        """Close the file; what was written stays."""
        with self._guard:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, entry: Mapping[str, Any]) -> None:
        while True:
            self._lock_newest()
            # The time is taken with the file locked: lines stand in its order, whoever writes.
            line = _line(entry)
            size = os.fstat(self._file).st_size
            if not size or size + len(line) <= self._max_bytes:
                break
            self._rotate()
        try:
            written = 0
            try:
                while written < len(line):
                    written += os.write(self._file, line[written:])
            except OSError:
                if written:
                    os.ftruncate(self._file, size)
                raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock_newest(self) -> None:
        """Lock the file that is at the path now: another process may have rotated it, or an operator moved it."""
        while True:
            if self._file >= 0:
                _lock(self._file)
                try:
                    there = self.path.stat()
                except FileNotFoundError:
                    there = None
                mine = os.fstat(self._file)
                if there is not None and (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                    return
                os.close(self._file)
                self._file = -1
            self._open()

    def _open(self) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            if stat.S_IMODE(found.st_mode) != 0o600:
                os.fchmod(file, 0o600)
            # A line that a crash cut short ends here, so that the next one can be read.
            if found.st_size and os.pread(file, 1, found.st_size - 1) != b"\n":
                os.write(file, b"\n")
        except OSError:
            os.close(file)
            raise
        self._file = file

    def _rotate(self) -> None:
        """Make room at the path, and let go of the file that was there."""
        names = [self.path, *(Path(f"{self.path}.{n}") for n in range(1, self._keep + 1))]
        try:
            for older, newer in reversed(list(zip(names[1:], names[:-1], strict=True))):
                if newer.exists():
                    newer.replace(older)
        finally:
            os.close(self._file)
            self._file = -1


def _lock(file: int) -> None:
    """Lock a file against other processes, which hold it for a line; waits no longer than that can take."""
    until = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.001)
        else:
            return


def _line(entry: Mapping[str, Any]) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"at": at, **entry}, ensure_ascii=True).encode("ascii") + b"\n"


class Audited:
    """Writes a line for every request that reads documents or changes something; stands behind the login."""

    def __init__(self, app: ASGIApp, audit: AuditLog) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in _READS_NOTHING or path.startswith(_FOLDERS_OF_NOTHING):
            await self._app(scope, receive, send)
            return
        if self._audit.failing and not self._resumed():
            await _unavailable(scope)(scope, receive, send)
            return
        status, streams, replaced, whole = 0, False, False, False
        begun: list[str] | None = None

        def begin(documents: list[str]) -> None:
            nonlocal begun
            if not self._tried(_entry(scope, documents, event="begun")):
                raise ChangeNotRecordedError(_NOT_RECORDED)
            begun = documents

        scope[_BEGIN] = begin

        async def answer(message: Message) -> None:
            nonlocal status, streams, replaced, whole
            if replaced:
                return
            if message["type"] == "http.response.start":
                status = int(message["status"])
                kinds = [value for name, value in message.get("headers", ()) if name == b"content-type"]
                streams = any(kind.startswith(b"text/event-stream") for kind in kinds)
                if not streams and not self._written(scope, status, begun):
                    replaced = True
                    await _unavailable(scope)(scope, receive, send)
                    return
            elif not message.get("more_body", False):
                whole = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            # Whoever answers this stands further out; a change may have been made before it broke.
            if not status:
                self._written(scope, 500, begun)
            raise
        finally:
            if streams:
                failed = scope.get("log", {}).get("failed")
                self._written(scope, status, begun, outcome=failed or ("complete" if whole else "cut"))

    def _written(self, scope: Scope, status: int, begun: list[str] | None, **more: str) -> bool:
        """Write a request's line where it needs one; tell whether it may be answered.

        `begun` holds the documents of a change that was recorded before it was made.
        """
        places = scope.get("path_params") or {}
        documents = list(scope.get(_NOTED, ()))
        # Of an address that led nowhere it may be anybody's text.
        if status < 400 and places.get("document_id") not in (None, *documents):
            documents.append(places["document_id"])
        unsafe = scope["method"] not in _SAFE
        route = getattr(scope.get("route"), "path", None)
        who = _who(scope)
        if who["kind"] == "anonymous" and not documents and not unsafe:
            return True  # a public page: strangers could push everybody else's lines out of the log
        # Refused, and nothing was shown: that is in the service's log. A failed change may have been made.
        failed_change = begun is not None or (unsafe and status >= 500)
        if route is None or (status >= 400 and not documents and not failed_change):
            return True
        written = self._tried(_entry(scope, documents, status=status, **more))
        # What was recorded when it was begun, and shows nothing else, has happened: a 503 would be a lie.
        return written or (begun is not None and set(documents) <= set(begun))

    def _tried(self, entry: Mapping[str, Any]) -> bool:
        try:
            self._audit.write(entry)
        except AuditError as error:
            log.error(
                "audit_failed", error=str(error), route=entry.get("route"), request_id=entry.get("request_id")
            )
            return False
        return True

    def _resumed(self) -> bool:
        """Try whether lines can be written again, by one that says that some may be missing before it."""
        return self._tried({"event": "resumed", "note": "lines before this one may be missing"})


def _entry(scope: Scope, documents: list[str], **more: str | int) -> dict[str, Any]:
    places = scope.get("path_params") or {}
    on = {
        name: value
        for name, value in places.items()
        if isinstance(value, str) and _OUR_ID.fullmatch(value) and value not in documents
    }
    return {
        "request_id": scope.get("request_id"),
        **_who(scope),
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", None),
        "documents": documents,
        **more,
        **({"on": on} if on else {}),
    }


def _who(scope: Scope) -> dict[str, str | None]:
    principal: Principal | None = scope.get("state", {}).get("principal")
    if principal is None:
        return {"kind": "anonymous", "subject": "anonymous", "credential": None}
    return {"kind": principal.kind, "subject": principal.subject, "credential": principal.credential}


def _unavailable(scope: Scope) -> ASGIApp:
    request_id = str(scope.get("request_id", ""))
    return refusal(scope["path"], 503, "audit_unavailable", _NOT_RECORDED, request_id)
