"""The principal of a service on loopback that asks for no key."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.principal import LOCAL


class AsLocal:
    """Lets a request that nobody has identified be that of the operator of this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {}).setdefault("principal", LOCAL)
        await self._app(scope, receive, send)
