"""`POST /mcp`: MCP over streamable HTTP, without sessions.

Each request stands alone, so there is nothing to grow, to expire or to lose at a restart, and it is
answered by one JSON body. Host, origin, size and type were checked by `api.guards`, for this route as
for all, so the SDK's own check of hosts stays off: two lists would differ one day.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Message, Receive, Scope, Send


class McpEndpoint:
    """An ASGI app that answers while `serving` lasts."""

    path = "/mcp"

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def serving(self, server: Server[Any]) -> AsyncIterator[None]:
        """Answer with `server` until the context ends."""
        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=self._max_body_bytes
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._manager is not None, "the app's lifespan has not begun"
        manager = self._manager
        scope["route"] = self  # as FastAPI's routes do, for the log
        body = await _read(receive)
        if body is None:
            return
        unread = [body]

        async def replayed() -> Message:
            return unread.pop() if unread else {"type": "http.disconnect"}

        # The SDK looks for a client's leaving only where it streams; here it ends the work as well.
        async with anyio.create_task_group() as tasks:

            async def end_when_left() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            tasks.start_soon(end_when_left)
            await manager.handle_request(scope, replayed, send)
            tasks.cancel_scope.cancel()


async def _read(receive: Receive) -> Message | None:
    """Return the whole body as one message; `None` where the client left before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}
