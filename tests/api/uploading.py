"""A service to send documents to, and what tests send it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.app import create_app
from api.uploads.intake import Intake
from tests.api.rights import fastapi_of
from tests.api.service import Reply, SmallEngine, client_of, index_rows, raw, settings_for

ROW = {
    "id": "mint",
    "title": "The mint",
    "text": "The mint of Corran was sold to Ada Mott in 1841. It stands.",
}
BOUNDARY = "x-boundary-x"


def form(
    files: Mapping[str, bytes] | list[tuple[bytes, bytes]], metadata: object = None, *, end: bool = True
) -> bytes:
    """Return a multipart body; names are sent as they are, good or bad."""
    parts = []
    if metadata is not None:
        said = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
        parts.append(b'Content-Disposition: form-data; name="metadata"\r\n\r\n' + said)
    pairs = [(n.encode(), c) for n, c in files.items()] if isinstance(files, Mapping) else files
    for name, content in pairs:
        parts.append(
            b'Content-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\n' + content
        )
    mark = b"--" + BOUNDARY.encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts)
    return body + mark + b"--\r\n" if end else body[: len(body) - 9]


@dataclass(frozen=True, slots=True)
class Uploads:
    """A running service over a state folder."""

    client: TestClient
    state: Path
    intake: Intake

    def send(
        self,
        files: Any,
        metadata: object = None,
        *,
        method: str = "POST",
        to: str = "/v1/documents",
        **more: Any,
    ) -> Reply:
        headers = [("content-type", f"multipart/form-data; boundary={BOUNDARY}"), *more.pop("headers", [])]
        body = files if isinstance(files, bytes) else form(files, metadata)
        return raw(self.client, method, to, headers=headers, body=more.pop("body", body), **more)

    def call(self, method: str, to: str, content: Any = None, headers: Any = ()) -> Reply:
        if content is None:
            return raw(self.client, method, to, headers=headers)
        sent = [("content-type", "application/json"), *headers]
        return raw(self.client, method, to, headers=sent, body=json.dumps(content).encode())

    def done(self, reply: Reply, headers: Any = ()) -> dict[str, Any]:
        """Wait until the job of an answer has ended."""
        assert reply.status == 202, (reply.status, reply.body)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            job: dict[str, Any] = raw(self.client, "GET", reply["location"], headers=headers).json()
            if job["state"] in ("searchable", "failed"):
                return job
            time.sleep(0.02)
        raise AssertionError(f"never ended: {job}")

    def text(self, document_id: str) -> str | None:
        reply = raw(self.client, "GET", f"/v1/documents/{document_id}")
        return None if reply.status == 404 else str(reply.json()["text"])

    def ids(self) -> list[str]:
        found = raw(self.client, "GET", "/v1/documents?limit=500").json()["documents"]
        return [one["document_id"] for one in found]

    def spooled(self) -> list[str]:
        """Names of the files that lie in the spool."""
        folder = self.state / "uploads"
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@contextmanager
def uploads(folder: Path, rows: Any = (ROW,), **settings: Any) -> Iterator[Uploads]:
    """Serve an index of `rows`; with none, what is in the folder already."""
    if rows:
        index_rows(folder, rows)
    state = folder / "state"
    app = create_app(settings_for(state, **settings), engine=SmallEngine(state))  # type: ignore[arg-type]
    with client_of(app) as client:
        yield Uploads(client, state, fastapi_of(app).state.intake)
