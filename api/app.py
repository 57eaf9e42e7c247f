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

from api import ask, conversations_routes, documents, errors, feedback, pages
from api.conversations import Conversations
from api.engine import Engine
from api.guards import Guards, allowed_origins
from api.housekeeping import Housekeeping
from api.limits import Workers
from api.settings import Settings
from api.store.database import Database
from rag import SOFTWARE_VERSION

logger = logging.getLogger(__name__)

_DESCRIPTION = (
    "Answers from an organisation's own documents. Every claim carries verbatim quotes, each one "
    "checkable by character offsets against the stored document; where the sources do not say, so "
    "does the answer."
)
_STATIC = Path(__file__).parent / "web"


def create_app(
    settings: Settings,
    *,
    port: int | None = None,
    engine: Engine | None = None,
    database: Database | None = None,
) -> ASGIApp:
    """Return the service as an ASGI app.

    `engine` and `database` stand in for those that settings describe; the app closes the database.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        stored = database
        if stored is None:
            stored = await asyncio.to_thread(Database, settings.conversations_file)
        try:
            app.state.engine = engine or await asyncio.to_thread(Engine, settings)
            await asyncio.to_thread(app.state.engine.refresh)
            app.state.conversations = Conversations(stored, keep_answers=settings.keep_answers)
            app.state.feedback = feedback.Feedback(stored)
            house = Housekeeping(stored, app.state.conversations, retention_days=settings.retention_days)
            await asyncio.to_thread(house.begin)
            app.state.workers = Workers(
                running=settings.max_running,
                waiting=settings.max_waiting,
                timeout_s=settings.request_timeout_s,
            )
            tasks = [
                asyncio.create_task(_watch(app.state.engine, settings.refresh_s)),
                asyncio.create_task(house.keep()),
            ]
            try:
                yield
            finally:
                house.stop()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                # Before the database: what still runs interrupts its turn there.
                await asyncio.to_thread(app.state.workers.close)
        finally:
            await asyncio.to_thread(stored.close)

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
    app.include_router(documents.router)
    app.include_router(conversations_routes.router)
    app.include_router(feedback.router)
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
