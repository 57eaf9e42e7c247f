"""A real server for MCP clients: uvicorn on loopback over a small engine, and what came of each request."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import uvicorn
from mcp import Client
from mcp.types import CallToolResult, TextContent
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.mcp_tools import PROBLEM_KEY
from tests.api.service import settings_for

T = TypeVar("T")

MODES = ("auto", "legacy")
"""How the official client connects: with what the server offers (2026-07-28), and by the handshake of before."""


@dataclass
class McpServer:
    """A running server."""

    port: int
    running: list[Scope] = field(default_factory=list)
    """The requests that the app is at work on."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read(), {k.lower(): v for k, v in reply.getheaders()}
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        status, body, _ = self.request("GET", path)
        return status, body.decode()

    def native(self, path: str, content: Any) -> tuple[int, dict[str, Any]]:
        """POST JSON to a native route."""
        body = json.dumps(content).encode()
        status, reply, _ = self.request("POST", path, body, {"Content-Type": "application/json"})
        return status, json.loads(reply)

    def call(self, name: str, arguments: dict[str, Any], mode: str = MODES[0]) -> CallToolResult:
        """Call one tool with a client of its own, tools listed first, so that it checks the result's schema."""

        async def work(client: Client) -> CallToolResult:
            await client.list_tools()
            return await client.call_tool(name, arguments)

        return talk(self.url, work, mode)


def talk(server: Any, work: Callable[[Client], Awaitable[T]], mode: str = MODES[0]) -> T:
    """Run `work` with the official client, connected to a URL or to a command."""

    async def connected() -> T:
        async with Client(server, mode=mode) as client:
            return await work(client)

    return anyio.run(connected)


@contextlib.contextmanager
def serving_mcp(state: Path, engine: Any, **settings: Any) -> Iterator[McpServer]:
    """Serve the whole app by uvicorn on a port of the system's choice."""
    listening = socket.create_server(("127.0.0.1", 0))
    found = McpServer(port=listening.getsockname()[1])
    settings.setdefault("public_url", f"http://127.0.0.1:{found.port}")
    app = create_app(settings_for(state, **settings), engine=engine)

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        found.running.append(scope)
        try:
            await app(scope, receive, send)
        finally:
            found.running.remove(scope)

    server = uvicorn.Server(uvicorn.Config(noted, log_config=None, access_log=False))
    thread = threading.Thread(target=partial(server.run, sockets=[listening]))
    thread.start()
    try:
        yield found
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive(), "the server did not end"


def text_of(result: CallToolResult) -> str:
    """Return the text of a result, which has exactly one."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def record_of(result: CallToolResult) -> dict[str, Any]:
    """Return the structured content of a call that worked."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content


def problem_of(result: CallToolResult) -> dict[str, Any]:
    """Return the problem of a call that failed, and hold that its text says the same."""
    assert result.is_error
    assert result.structured_content is None, "it would have to follow the tool's schema"
    assert result.meta is not None
    problem: dict[str, Any] = result.meta[PROBLEM_KEY]
    assert text_of(result).startswith(f"{problem['code']}: {problem['detail']}")
    assert problem["type"] == f"urn:chapter-and-verse:problem:{problem['code']}"
    assert problem["title"]
    assert problem["request_id"].startswith("req_")
    assert ("retry_after_s" in problem) == (problem["status"] in (429, 503))
    return problem
