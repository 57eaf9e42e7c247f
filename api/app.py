"""Puts the service together: `create_app(settings)`; models and index are loaded once, at the start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from api import ask, chat, documents, errors, pages
from api.engine import Engine
from api.guards import Guards, allowed_origins
from api.limits import Workers
from api.settings import Settings
from index.tokens import count_tokens
from rag import SOFTWARE_VERSION

logger = logging.getLogger(__name__)

_DESCRIPTION = (
    "Answers from an organisation's own documents. Every claim carries verbatim quotes, each one "
    "checkable by character offsets against the stored document; where the sources do not say, so "
    "does the answer."
)
_STATIC = Path(__file__).parent / "web"


def create_app(settings: Settings, *, port: int | None = None, engine: Engine | None = None) -> ASGIApp:
    """Return the service as an ASGI app; `engine` stands in for the one that settings describe."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.engine = engine or await asyncio.to_thread(Engine, settings)
        # The vocabulary is read before the first client would have to wait for it.
        await asyncio.gather(
            asyncio.to_thread(app.state.engine.refresh), asyncio.to_thread(count_tokens, ["verse"])
        )
        app.state.workers = Workers(
            running=settings.max_running,
            waiting=settings.max_waiting,
            timeout_s=settings.request_timeout_s,
        )
        watcher = asyncio.create_task(_watch(app.state.engine, settings.refresh_s))
        try:
            yield
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            await asyncio.to_thread(app.state.workers.close)

    app = FastAPI(
        title="Chapter & Verse",
        version=SOFTWARE_VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # the built-in page fetches its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would be built from the request's Host
        default_response_class=JSONResponse,
    )
    errors.install(app)
    app.include_router(ask.router)
    app.include_router(chat.router)
    app.include_router(documents.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    public_host = urlsplit(settings.public_url).hostname or ""
    return Guards(
        app,
        hosts=[*settings.allowed_hosts, public_host],
        origins=allowed_origins(settings.public_url, settings.allowed_origins, port),
        max_body_bytes=settings.max_body_bytes,
    )


async def _watch(engine: Engine, every_s: float) -> None:
    """Open a new generation soon after it is published; questions under way keep the old one."""
    while True:
        await asyncio.sleep(every_s)
        try:
            if await asyncio.to_thread(engine.refresh):
                logger.info("index_opened version=%s", engine.health().index_version)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
            logger.error("index_not_looked_for error=%s", type(error).__name__)
