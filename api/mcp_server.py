"""The MCP server: the tools under the official SDK's protocol, for both transports.

The SDK's low-level server and not its `MCPServer`: that one puts a handler on the root logger, checks
arguments by its own rules, and logs and tells errors with what somebody asked in them.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import structlog
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from starlette.requests import Request

from api.access.principal import LOCAL, principal_of
from api.audit import note_documents
from api.mcp_tools import INSTRUCTIONS, Tools, UnknownToolError, tool_list
from rag import SOFTWARE_VERSION

log = structlog.get_logger("api.requests")


def mcp_server(tools: Tools) -> Server[Any]:
    """Return a server with these tools, not running yet."""
    listed = tool_list()

    async def list_tools(
        _context: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=listed)

    async def call_tool(
        context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult:
        request: Request | None = context.request
        started = time.perf_counter()
        request_id = "req_" + secrets.token_hex(12)
        # Whoever starts the command on their own machine reads what the command line reads.
        principal = LOCAL if request is None else await principal_of(request)
        if request is not None:
            request_id = str(request.scope.get("request_id", request_id))
        try:
            result, known = await tools.call(params.name, params.arguments or {}, request_id, principal)
        except UnknownToolError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from error
        documents = known.pop("documents", [])
        known = {"tool": params.name, **known}
        if request is not None:
            note_documents(request.scope, documents)
            # The line is written by `api.guards`, for this as for every other request.
            request.scope["log"] = known
        else:
            took_ms = round((time.perf_counter() - started) * 1000, 1)
            log.info("request", route="stdio", request_id=request_id, ms=took_ms, **known)
        return result

    server: Server[Any] = Server(
        "chapter-and-verse",
        title="Chapter & Verse",
        version=SOFTWARE_VERSION,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # The SDK's default is one middleware, which makes traces: nothing is told to anybody.
    server.middleware.clear()
    return server
