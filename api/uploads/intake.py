"""Taking documents in: nothing is acknowledged before it is on the disk, with a job that names it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.audit import begin_change
from api.errors import NotFoundError
from api.settings import Settings
from api.uploads.errors import (
    OtherSourceError,
    UnsupportedUploadError,
    UploadMalformedError,
    UploadTooLargeError,
)
from api.uploads.jobs import JOBS, Job, Jobs, Kind, Part
from api.uploads.metadata import ChangesIn, DocumentsIn, MetadataIn, ReplacementIn
from api.uploads.multipart import Form, SentFile
from api.uploads.reading import DOCUMENTS_TYPE, ending_of, is_supported, supported_types
from api.uploads.schemas import JobOut, job_out
from api.uploads.sender import Sender, is_public_by_default
from api.uploads.spool import Spool
from api.uploads.worker import IngestWorker, Served, other_source
from index.formats.kinds import supported_endings
from index.rules import Rules, withdraw
from index.state import StateFolder
from index.types import UPLOAD
from rag.errors import AskCancelledError

MAX_JSON_BYTES = 16 * 1024 * 1024
_KINDS = f"supported are files of the endings {supported_endings()}, and {', '.join(supported_types())} as the body of a PUT"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The door for documents of one service."""

    catalog: Path
    jobs: Jobs
    spool: Spool
    worker: IngestWorker
    rules: Rules

    async def add(self, request: Request, sender: Sender, target: str | None = None) -> Job:
        """Take what a request brings: files, or documents as JSON; with a `target`, the one document of that id.

        Raises:
            NotFoundError: there is no such document for this sender, who may not choose ids.
            UploadError, RequestValidationError: as they say; nothing was taken.
        """
        key = key_of(request)
        await asyncio.to_thread(self.jobs.refuse_if_full)
        if target is not None:
            await asyncio.to_thread(self._refuse_foreign, target, sender)
        content_type = request.headers.get("content-type", "")
        kind = content_type.split(";")[0].strip().lower()
        kept: list[str] = []
        try:
            if kind == "multipart/form-data":
                with Form(self.spool, content_type) as form:
                    try:
                        await form.read(request.stream())
                    finally:
                        kept += [file.sha256 for file in form.files]
                    parts = parts_of_form(form, target)
            elif kind == "application/json":
                body = await read_json(request)
                parts = [await asyncio.to_thread(self._json_part, body, target, kept)]
            else:
                parts = [await self._raw_part(request.stream(), kind, target, kept)]
            named = [] if target is None else [target]
            return await asyncio.to_thread(self._taken, request, "add", sender, parts, key, named)
        except ClientDisconnect:
            raise AskCancelledError("the client left in the middle of its body") from None
        finally:
            await asyncio.to_thread(self._release, kept)

    def close(self, timeout_s: float) -> None:
        """Stop the worker; what waits is done at the next start."""
        self.worker.stop(timeout_s)
        self.jobs.close()

    async def change(self, request: Request, sender: Sender, document_id: str) -> Job:
        """Take a change of a document's metadata.

        Raises:
            NotFoundError, UploadError, RequestValidationError: as they say; nothing was taken.
        """
        changes = validated(ChangesIn, await read_json(request)).said()

        def taken() -> Job:
            source = self._writable(document_id, sender)
            if source != UPLOAD:
                raise OtherSourceError(other_source(document_id, source))
            part = Part(number=0, name=document_id, target=document_id, details=changes)
            return self._taken(request, "change", sender, [part], key_of(request), [document_id])

        return await asyncio.to_thread(taken)

    def delete(self, request: Request, sender: Sender, document_id: str) -> Job:
        """Take a document out of everybody's sight at once, durably; its text is removed by the worker.

        One that this sender sent and that was not read yet will not be stored.

        Raises:
            NotFoundError, UploadError: as they say; nothing was changed.
        """
        key = key_of(request)
        # Asked first: what is read between the two questions is there at the second.
        may_come = sender.may_choose(document_id) and self.jobs.brings_documents(sender.subject)
        try:
            self._writable(document_id, sender)
        except NotFoundError:
            # It may be gone because this very request came before.
            if not may_come and (key is None or not self.jobs.knows(sender.subject, key)):
                raise
        part = Part(number=0, name=document_id, target=document_id)
        # The intention first: what a crash interrupts here is done at the next start.
        job = self._taken(request, "delete", sender, [part], key, [document_id])
        if not job.ended:
            withdraw(self.catalog, document_id)
        return job

    def shown(self, job: Job, sender: Sender) -> JobOut:
        """Return a job as its sender may see it now."""
        named = {row["document_id"] for row in job.documents if row["change"] != "removed"}
        withheld = self.rules.withheld(sender.viewer, named)
        return job_out(job, withheld=withheld, waiting=self.worker.waiting)

    def _writable(self, document_id: str, sender: Sender) -> str:
        """Return where a document came from that this sender may change."""
        rule = self.rules.rule_of(document_id) if self.catalog.exists() else None
        source = None if rule is None else self.rules.source_of(document_id)
        if rule is None or source is None or not sender.may_write(document_id, rule):
            raise NotFoundError("There is no such document.")
        return source

    def _refuse_foreign(self, document_id: str, sender: Sender) -> None:
        try:
            source = self._writable(document_id, sender)
        except NotFoundError:
            if not sender.unrestricted:
                raise
        else:
            if source != UPLOAD:
                raise OtherSourceError(other_source(document_id, source))

    def _taken(
        self,
        request: Request,
        kind: Kind,
        sender: Sender,
        parts: Sequence[Part],
        key: str | None,
        document_ids: Sequence[str],
    ) -> Job:
        said = [[p.name, p.media_type, p.sha256, p.target, dict(p.details), list(p.errors)] for p in parts]
        digest = hashlib.sha256(json.dumps([kind, said], sort_keys=True).encode()).hexdigest()
        begin_change(request.scope, document_ids)
        job_id = self.jobs.add(kind, sender.as_dict(), digest, parts, key=key)
        self.worker.wake()
        job = self.jobs.find(job_id)
        if job is None:
            raise NotFoundError("The job of that key is not kept any more.")
        return job

    def _json_part(self, body: Any, target: str | None, kept: list[str]) -> Part:
        if target is None:
            rows = [document.said() for document in validated(DocumentsIn, body).documents]
        else:
            row = validated(ReplacementIn, body).said()
            if row.get("id", target) != target:
                raise invalid(["body", "id"], "is not the id in the address; leave it out")
            rows = [{**row, "id": target}]
        lines = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
        with self.spool.incoming() as file:
            file.write(lines.encode("ascii"))
            sha256 = file.keep()
            kept.append(sha256)
            return Part(
                number=0,
                name="documents" if target is None else target,
                media_type=DOCUMENTS_TYPE,
                sha256=sha256,
                bytes=file.size,
                count=len(rows),
                target=target,
            )

    async def _raw_part(
        self, chunks: AsyncIterator[bytes], kind: str, target: str | None, kept: list[str]
    ) -> Part:
        ending = ending_of(kind)
        if target is None or not is_supported("", kind):
            raise UnsupportedUploadError(f"nothing of a supported type was sent; {_KINDS}")
        with self.spool.incoming() as file:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
            kept.append(await asyncio.to_thread(file.keep))
            return Part(
                number=0,
                name=target if target.endswith(ending) else target + ending,
                media_type=kind,
                sha256=kept[0],
                bytes=file.size,
                target=target,
            )

    def _release(self, kept: list[str]) -> None:
        if kept:
            self.spool.release(kept, self.jobs.needed(kept))


def open_intake(settings: Settings, engine: Served, rules: Rules, *, busy: Callable[[], bool]) -> Intake:
    """Return the door for documents of a service, its worker not started yet."""
    state = StateFolder(settings.state_dir)
    jobs, spool = Jobs(state.path / JOBS), Spool(state.path / "uploads")
    worker = IngestWorker(
        state,
        jobs,
        spool,
        engine,
        settings.index_settings(),
        public=is_public_by_default(settings),
        retention_days=settings.retention_days,
        busy=busy,
    )
    return Intake(catalog=state.catalog, jobs=jobs, spool=spool, worker=worker, rules=rules)


def parts_of_form(form: Form, target: str | None) -> list[Part]:
    """Return the parts of a job for the files of a form, each with what was said of it.

    Raises:
        UnsupportedUploadError: none of them can be read.
        RequestValidationError: the metadata is wrong, or names a file that was not sent.
    """
    names = [file.name for file in form.files]
    if not names:
        raise invalid(["body", "files"], "the form holds no file")
    for number, name in enumerate(names):
        if name in names[:number]:
            raise invalid(["body", "files", name], "two files have this name; give one another name")
    if target is not None and len(names) != 1:
        raise invalid(["body", "files"], f"{len(names)} files were sent for one document; send one")
    said = _metadata(form.metadata, names)
    if target is not None and said[names[0]].get("id", target) != target:
        raise invalid(["body", "metadata", names[0], "id"], "is not the id in the address; leave it out")
    if not any(is_supported(file.name, file.media_type) for file in form.files):
        raise UnsupportedUploadError(f"nothing of a supported type was sent; {_KINDS}")
    return [_part(number, file, said[file.name], target) for number, file in enumerate(form.files)]


def _part(number: int, file: SentFile, said: dict[str, Any], target: str | None) -> Part:
    readable = is_supported(file.name, file.media_type)
    error = {"name": file.name, "code": "unsupported_type", "detail": f"is of no supported type; {_KINDS}"}
    return Part(
        number=number,
        name=file.name,
        media_type=file.media_type,
        sha256=file.sha256 if readable else None,
        bytes=file.size if readable else 0,
        target=target,
        details=said,
        done=not readable,
        errors=() if readable else (error,),
    )


def _metadata(raw: bytes | None, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    if raw is None or not raw.strip():
        return {name: {} for name in names}
    content = parsed(raw)
    if not isinstance(content, dict):
        raise invalid(["body", "metadata"], "must be an object: what is said of each file, by its name")
    for name in content:
        if name not in names:
            raise invalid(["body", "metadata", name], "no file of this name was sent")
    found = {name: validated(MetadataIn, content.get(name, {}), ("metadata", name)).said() for name in names}
    ids = [said["id"] for said in found.values() if "id" in said]
    if len(set(ids)) < len(ids):
        raise invalid(["body", "metadata"], "two files have the same id")
    return found


async def read_json(request: Request) -> Any:
    """Return a JSON body of bounded size.

    Raises:
        UploadTooLargeError, UploadMalformedError: as they say.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise UploadTooLargeError(
                f"the body is longer than {MAX_JSON_BYTES} bytes; send the documents as files of a multipart form"
            )
    return await asyncio.to_thread(parsed, bytes(body))


def parsed(raw: bytes) -> Any:
    """Return what some JSON says.

    Raises:
        UploadMalformedError: it is none.
    """
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UploadMalformedError("this is not UTF-8 JSON, or nested too deeply") from error


def validated(model: type[M], value: object, where: Sequence[str] = ()) -> M:
    """Return what a JSON says, checked.

    Raises:
        RequestValidationError: with the paths of what is wrong.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = [{**item, "loc": ("body", *where, *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(found) from None


def invalid(path: Sequence[str], message: str) -> RequestValidationError:
    """Return the error of one field."""
    return RequestValidationError([{"type": "value_error", "loc": tuple(path), "msg": message}])


def key_of(request: Request) -> str | None:
    """Return the request's Idempotency-Key.

    Raises:
        RequestValidationError: it is none.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        raise invalid(["header", "Idempotency-Key"], "must be one of 1 to 255 printable ASCII characters")
    return given[0]


def known_ids(job: Job, sender: Sender) -> list[str]:
    """Return the ids that are known of a job's documents, for the audit log."""
    named = [part.target or part.details.get("id") for part in job.parts]
    return [
        *dict.fromkeys([sender.id_for(one) if one else "" for one in named if one]),
        *(row["document_id"] for row in job.documents),
    ]
