"""Who may call which route. A route that is not in the table is refused when the app is made.

Decided here, and why:

* `/healthz` is public and says only that the process answers, for whatever restarts it.
* `/readyz` is public, for load balancers, and tells strangers `ready` or `not_ready` and no more: how many
  documents there are, and which models, is for the scope `admin`.
* `/openapi.json` and `/docs` want the scope `ask`: a map of the service is for those who may use it.
* `/static/…` is public: the element's script has to load before anybody is known, and holds nothing of anybody.
* Adding, changing and deleting documents, and the jobs of that, want the scope `ingest`: keys may have it, and so do
  people of the groups in `VERSE_INGEST_GROUPS` when they log in; embed tokens never.
* `/embed` and the exchange of a frame's code are public, because the code in them is the credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Match, Mount
from starlette.types import Scope as AsgiScope

from api.access.errors import NotAllowedError, RouteWithoutRuleError
from api.access.principal import Principal, Scope

Asked = Literal["nothing", "if given", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a caller of a route must have.

    `credentials` says when they are looked at. `page` marks what people open in a browser, which is sent to
    log in instead of being refused.
    """

    credentials: Asked = "always"
    scope: Scope | None = None
    embed: bool = False
    page: bool = False

    def hold(self, principal: Principal) -> None:
        """Let a caller pass.

        Raises:
            NotAllowedError: it lacks a scope or a permission.
        """
        if self.scope is not None and self.scope not in principal.scopes:
            raise NotAllowedError(f"this needs a credential with the scope {self.scope.value!r}")
        if self.embed and not principal.may_embed:
            raise NotAllowedError(
                "this needs an API key that may ask for embed tokens; the operator makes one with "
                "`verse keys create NAME --scope ask --embed`"
            )


PUBLIC = Rule(credentials="nothing")
OPTIONAL = Rule(credentials="if given")
ASK = Rule(scope=Scope.ASK)
PAGE = Rule(scope=Scope.ASK, page=True)
ADD = Rule(scope=Scope.INGEST)
ADD_PAGE = Rule(scope=Scope.INGEST, page=True)
ANYBODY_KNOWN = Rule()
"""For what is not there, so that strangers cannot learn which routes there are."""

RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): OPTIONAL,
    ("GET", "/favicon.ico"): PUBLIC,
    ("*", "/static"): PUBLIC,
    ("GET", "/login"): PUBLIC,
    ("GET", "/login/callback"): PUBLIC,
    ("POST", "/logout"): PUBLIC,
    ("GET", "/openapi.json"): ASK,
    ("GET", "/docs"): PAGE,
    ("GET", "/"): PAGE,
    ("GET", "/answer"): PAGE,
    ("GET", "/d/{document_id:path}"): PAGE,
    ("POST", "/v1/ask"): ASK,
    ("POST", "/v1/search"): ASK,
    ("GET", "/v1/documents"): ASK,
    ("GET", "/v1/documents/{document_id:path}"): ASK,
    ("PATCH", "/v1/documents/{document_id:path}/access"): Rule(scope=Scope.ADMIN),
    ("POST", "/v1/documents"): ADD,
    ("PUT", "/v1/documents/{document_id:path}"): ADD,
    ("PATCH", "/v1/documents/{document_id:path}"): ADD,
    ("DELETE", "/v1/documents/{document_id:path}"): ADD,
    ("GET", "/v1/jobs"): ADD,
    ("GET", "/v1/jobs/{job_id}"): ADD,
    ("GET", "/documents"): ADD_PAGE,
    ("POST", "/documents"): ADD_PAGE,
    ("GET", "/documents/jobs/{job_id}"): ADD_PAGE,
    ("GET", "/v1/conversations"): ASK,
    ("GET", "/v1/conversations/{conversation_id}"): ASK,
    ("PATCH", "/v1/conversations/{conversation_id}"): ASK,
    ("DELETE", "/v1/conversations/{conversation_id}"): ASK,
    ("GET", "/v1/conversations/{conversation_id}/export"): ASK,
    ("GET", "/v1/answers/{answer_id}"): ASK,
    ("POST", "/v1/feedback"): ASK,
    ("POST", "/v1/chat/completions"): ASK,
    ("GET", "/v1/models"): ASK,
    ("GET", "/v1/models/{model:path}"): ASK,
    ("POST", "/mcp"): ASK,
    ("POST", "/v1/embed-tokens"): Rule(embed=True),
    ("POST", "/v1/embed-tokens/exchange"): PUBLIC,
    ("GET", "/embed"): PUBLIC,
}


class RuleTable:
    """The rules of one app's routes, looked up the way the app looks up its routes."""

    def __init__(self, app: FastAPI, rules: Mapping[tuple[str, str], Rule] = RULES) -> None:
        """Read the app's routes.

        Raises:
            RouteWithoutRuleError: somebody added a route and no rule.
        """
        self._rules = rules
        self._routes = list(iter_route_contexts(app.router.routes))
        missing = sorted(f"{method} {path}" for method, path in routes_of(app) if (method, path) not in rules)
        if missing:
            raise RouteWithoutRuleError(
                f"nobody said who may call {', '.join(missing)}; add a line for it to RULES in api/access/rules.py"
            )

    def of(self, scope: AsgiScope) -> tuple[Rule, RouteContext | None]:
        """Return the rule of the route that will answer a request, and the route if there is one."""
        for route in self._routes:
            match, _ = route.matches(scope)
            if match == Match.FULL:
                method = "*" if isinstance(route.original_route, Mount) else _asked(scope["method"])
                return self._rules[method, route.path or ""], route
        return ANYBODY_KNOWN, None


def routes_of(app: FastAPI) -> Iterable[tuple[str, str]]:
    """Yield method and pattern of every route; of a mount, which takes every method, `*`."""
    for route in iter_route_contexts(app.router.routes):
        if isinstance(route.original_route, Mount):
            yield "*", route.path or ""
        else:
            for method in sorted({_asked(method) for method in route.methods or {"*"}}):
                yield method, route.path or ""


def rule_described(method: str, path: str) -> Rule:
    """Return the rule of an operation as the OpenAPI file names it: whatever the case of the method, without `:path`."""
    for (known, pattern), rule in RULES.items():
        if known == method.upper() and pattern.replace(":path}", "}") == path:
            return rule
    raise RouteWithoutRuleError(f"nobody said who may call {method.upper()} {path}; add a line to RULES")


def _asked(method: str) -> str:
    return "GET" if method == "HEAD" else method
