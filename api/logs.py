"""Logging is set up here and nowhere else: one line an event on stderr, never a text of anybody's."""

from __future__ import annotations

import logging
import sys

import structlog

from api.settings import Settings


def set_up_logging(settings: Settings) -> None:
    """Send our records and those of libraries through one chain, as JSON or for the eye."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # It tells of every step; what was migrated is one line of ours.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Our own line for a request says more; uvicorn's would also show query strings.
    logging.getLogger("uvicorn.access").disabled = True
    # The MCP SDK logs arguments and the texts of exceptions; what fails in a tool is logged by `api.mcp_tools`.
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    # A line for every request to a language model would name its server; its failures are told by us.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
