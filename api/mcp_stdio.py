"""`verse mcp`: the MCP server on stdin and stdout, for clients that start it as their child.

Nothing but the protocol goes to stdout: while models load, and while the SDK serves, whatever else
writes there is led to stderr.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mcp.server.stdio import stdio_server

from api.engine import Engine, watch
from api.limits import Workers
from api.mcp_server import mcp_server
from api.mcp_tools import Tools
from api.settings import Settings


def serve_stdio(settings: Settings) -> None:
    """Serve until stdin ends.

    Raises:
        QAError: a model cannot be loaded; an index that is missing or damaged is told to each caller
            instead, and looked for again.
    """
    # Before the protocol begins, so that what is wrong is one line and exit 1.
    with _stdout_led_to_stderr():
        engine = Engine(settings)
        engine.refresh()
    asyncio.run(_serve(engine, settings))


async def _serve(engine: Engine, settings: Settings) -> None:
    workers = Workers(
        running=settings.max_running, waiting=settings.max_waiting, timeout_s=settings.request_timeout_s
    )
    server = mcp_server(Tools(engine, workers, settings.public_url))
    watcher = asyncio.create_task(watch(engine, settings.refresh_s))
    try:
        async with stdio_server() as (requests, replies):
            await server.run(requests, replies, server.create_initialization_options())
    except* BrokenPipeError:
        pass  # the client is gone; there is nobody left to tell
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await asyncio.to_thread(workers.close)
        engine.close()


@contextmanager
def _stdout_led_to_stderr() -> Iterator[None]:
    """Lead the descriptor itself elsewhere: native code does not know of `sys.stdout`."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
