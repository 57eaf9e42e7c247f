"""Puts the service together: `create_app(settings)`; models and index are loaded once, at the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from api import (
    access_routes,
    ask,
    chat,
    chat_page,
    conversations_routes,
    documents,
    embed_page,
    errors,
    feedback,
    pages,
)
from api.access import embed_routes, login_routes
from api.access.build import login_origins, open_access
from api.access.configuration import check_configuration
from api.access.gate import Gate
from api.access.login_guard import LoginGuard
from api.assets import Assets
from api.audit import Audited, AuditLog
from api.conversations import Conversations
from api.engine import Engine, watch
from api.guards import Guards, allowed_origins
from api.housekeeping import Housekeeping
from api.limits import Full, Workers
from api.mcp_http import McpEndpoint
from api.mcp_server import mcp_server
from api.mcp_tools import Tools
from api.openapi import describe
from api.rates import AddressRates, KeyRates, Rate
from api.settings import Settings
from api.store.database import Database
from api.store.ids import now_ms
from api.uploads import page as upload_page
from api.uploads import routes as upload_routes
from api.uploads.intake import open_intake
from index.rules import Rules
from index.state import StateFolder
from index.tokens import count_tokens
from index.versions import Versions
from rag import SOFTWARE_VERSION

_DESCRIPTION = (
    "Answers from an organisation's own documents. Every claim carries verbatim quotes, each one "
    "checkable by character offsets against the stored document; where the sources do not say, so "
    "does the answer."
)


def create_app(
    settings: Settings,
    *,
    port: int | None = None,
    engine: Engine | None = None,
    database: Database | None = None,
    now: Callable[[], int] = now_ms,
) -> ASGIApp:
    """Return the service as an ASGI app.

    `engine` and `database` stand in for those that settings describe; the app closes the database, and an engine of its own.
    `now` is the clock of keys, tokens and sessions, in milliseconds since 1970.

    Raises:
        ConfigurationError: the settings would let in the wrong people, or nobody.
        RouteWithoutRuleError: a route was added and nobody said who may call it.
    """
    check_configuration(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings
        stored = database
        if stored is None:
            stored = await asyncio.to_thread(Database, settings.conversations_file)
        try:
            app.state.access = open_access(settings, stored, now=now)
            app.state.engine = engine or await asyncio.to_thread(Engine, settings)
            # The vocabulary is read before the first client would have to wait for it.
            await asyncio.gather(
                asyncio.to_thread(app.state.engine.refresh), asyncio.to_thread(count_tokens, ["verse"])
            )
            rules = app.state.rules = Rules(StateFolder(settings.state_dir).catalog)
            since = Versions(StateFolder(settings.state_dir).catalog).since
            app.state.conversations = Conversations(
                stored, keep_answers=settings.keep_answers, withheld=rules.withheld, since=since
            )
            app.state.feedback = feedback.Feedback(stored, withheld=rules.withheld, since=since)
            house = Housekeeping(stored, app.state.conversations, retention_days=settings.retention_days)
            await asyncio.to_thread(house.begin)
            app.state.workers = Workers(
                running=settings.max_running,
                waiting=settings.max_waiting,
                timeout_s=settings.request_timeout_s,
            )
            tasks = [
                asyncio.create_task(watch(app.state.engine, settings.refresh_s)),
                asyncio.create_task(house.keep()),
            ]
            intake = app.state.intake = open_intake(
                settings, app.state.engine, rules, busy=lambda: app.state.workers.busy
            )
            intake.worker.start()
            tools = Tools(app.state.engine, app.state.workers, settings.public_url, app.state.conversations)
            try:
                async with agents.serving(mcp_server(tools)):
                    yield
            finally:
                house.stop()
                await asyncio.to_thread(intake.close, settings.shutdown_timeout_s)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                # Before the database: what still runs interrupts its turn there.
                await asyncio.to_thread(app.state.workers.close)
                if engine is None:
                    await asyncio.to_thread(app.state.engine.close)
        finally:
            if app.state.access is not None and app.state.access.provider is not None:
                await app.state.access.provider.aclose()
            await asyncio.to_thread(stored.close)
            if audit is not None:
                audit.close()

    agents = McpEndpoint(settings.max_body_bytes)
    audit = audit_log(settings)
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
    describe(app)
    app.include_router(ask.router)
    app.include_router(chat.router)
    app.include_router(access_routes.router)
    app.include_router(upload_routes.router)
    app.include_router(upload_page.router)
    app.include_router(documents.router)
    app.include_router(conversations_routes.router)
    app.include_router(feedback.router)
    app.include_router(pages.router)
    app.include_router(chat_page.router)
    app.include_router(login_routes.router)
    app.include_router(embed_routes.router)
    app.include_router(embed_page.router)
    app.router.routes.append(Route(agents.path, agents, methods=["POST"], include_in_schema=False))
    app.mount("/static", Assets(), name="static")
    public_host = urlsplit(settings.public_url).hostname or ""
    per_key, per_address = settings.rates
    # Inside whatever finds out who asks: the one added last is the outermost.
    if audit is not None:
        app.add_middleware(Audited, audit=audit)
    app.add_middleware(Full)
    app.add_middleware(KeyRates, rate=Rate("key", per_key))
    # Outside of it, so that one too many is refused before that work.
    known = Gate(app, required=settings.auth == "required")
    return Guards(
        AddressRates(known, Rate("address", per_address), LoginGuard()),
        hosts=[*settings.allowed_hosts, public_host],
        origins=allowed_origins(settings.public_url, settings.allowed_origins, port),
        portals=settings.allowed_origins,
        logins=login_origins(settings),
        max_body_bytes=settings.max_body_bytes,
        trusted_proxies=settings.trusted_proxies,
        receive_timeout_s=settings.receive_timeout_s,
        https=urlsplit(settings.public_url).scheme == "https",
        max_upload_bytes=settings.upload_max_mib * 1024 * 1024,
    )


def audit_log(settings: Settings) -> AuditLog | None:
    """Open the audit log that settings describe.

    Raises:
        AuditError: it cannot be written.
    """
    if settings.audit_to is None:
        return None
    return AuditLog(settings.audit_to, max_bytes=settings.audit_max_bytes, keep=settings.audit_keep)
