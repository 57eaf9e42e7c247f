"""What benchmarks send to the running service, and what they ask of its jobs."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

_BOUNDARY = "b0undary-of-parts"


def call(
    port: int, method: str, path: str, body: bytes = b"", kind: str = "application/json"
) -> tuple[int, bytes]:
    """Send one request and read the whole answer.

    Raises:
        OSError, http.client.HTTPException: there was none.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def form(name: str, raw: bytes, said: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
    """Return the body and the media type of a form with one file, and with what is `said` of it by its name."""
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    metadata = "" if said is None else f'{head}"metadata"\r\n\r\n{json.dumps(said)}\r\n'
    before = f'{metadata}{head}"files"; filename="{name}"\r\n\r\n'
    body = before.encode() + raw + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={_BOUNDARY}"


def job_state(port: int, job_id: str) -> tuple[str, bytes]:
    """Return the state of a job and its whole answer; "superseded" where its document was deleted by a later one."""
    status, raw = call(port, "GET", f"/v1/jobs/{job_id}")
    if status != 200:
        return str(status), raw
    found = json.loads(raw)
    if found["state"] == "failed" and {error["code"] for error in found["errors"]} == {"deleted"}:
        return "superseded", raw
    return str(found["state"]), raw
