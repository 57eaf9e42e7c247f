"""The OpenAPI file: what every route may answer stands here once, whatever the routes say of themselves."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.chat_errors import speaks_openai
from api.chat_response import ChatProblemOut
from api.errors import PROBLEM_JSON
from api.schemas import ProblemOut

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Routes that no limit and no rule of access stands before."""

# What the guards answer before any route.
_ALWAYS = {
    400: "The request cannot be read.",
    403: "The host or the origin is not allowed, or the credentials are not for this route.",
    431: "The address and headers are too long.",
    500: "Something broke on our side.",
}
_BEHIND_LIMITS = {
    401: "Credentials are needed, or those shown are wrong or have ended.",
    429: "Too many requests, or too many wrong credentials; `Retry-After` says when to come again.",
    503: "Not ready, too busy, or what is read cannot be recorded; `Retry-After` says when to come again.",
}
_WITH_BODY = {
    408: "The body did not arrive in time.",
    409: "Not possible with this configuration, or as things stand.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A field is wrong or unknown.",
}
_OF_QUESTIONS = {502: "The language model failed.", 504: "It took too long."}
_QUESTIONS = frozenset({"/v1/ask", "/v1/search", "/v1/chat/completions"})
_OPENAI_UNUSED = {422: "Not used: what is wrong with a parameter is a 400."}

_HEADERS = {
    "X-Request-Id": "The request's id, for whoever has to look for it in the log.",
    "RateLimit-Policy": "The limits: requests `q` in `w` seconds.",
    "RateLimit": "What is left of them: requests `r`, more in `t` seconds.",
}


def document_answers(app: FastAPI) -> None:
    """Have an app describe the answers that its routes share."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_answers(plain())
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]


def with_answers(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description with the shared answers added to every operation; what a route says itself stays."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for model in (ProblemOut, ChatProblemOut):
        found = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(found.pop("$defs", {}))
        schemas[model.__name__] = found
    for path, methods in description["paths"].items():
        for operation in methods.values():
            answers: dict[str, Any] = operation["responses"]
            for status, text in _answers(path, operation).items():
                known = answers.setdefault(str(status), {"description": text})
                known["content"] = _content(path)
            for answer in answers.values():
                answer.setdefault("headers", {}).update(_headers(path))
            operation["responses"] = dict(sorted(answers.items()))
    return description


def _answers(path: str, operation: dict[str, Any]) -> dict[int, str]:
    found = dict(_ALWAYS)
    if path not in PUBLIC:
        found |= _BEHIND_LIMITS
    if "requestBody" in operation:
        found |= _WITH_BODY
    elif operation.get("parameters"):
        found[422] = "A parameter is wrong."
    if "{" in path:
        found[404] = "There is no such thing for you."
    if path in _QUESTIONS:
        found |= _OF_QUESTIONS
    if speaks_openai(path):
        found |= {status: text for status, text in _OPENAI_UNUSED.items() if status in found}
    return found


def _content(path: str) -> dict[str, Any]:
    if speaks_openai(path):
        return {"application/json": {"schema": {"$ref": "#/components/schemas/ChatProblemOut"}}}
    return {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}


def _headers(path: str) -> dict[str, Any]:
    names = ["X-Request-Id"] if path in PUBLIC else list(_HEADERS)
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}
