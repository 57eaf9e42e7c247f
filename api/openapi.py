"""The OpenAPI file: what every route may answer, and asks of a caller, stands here once, whatever it says itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.access.rules import Rule, rule_described
from api.chat_errors import speaks_openai
from api.chat_response import ChatProblemOut
from api.errors import PROBLEM_JSON
from api.limits import QUESTIONS
from api.rates import UNLIMITED
from api.schemas import ProblemOut

# What the guards answer before any route.
_ALWAYS = {
    400: "The request cannot be read.",
    403: "The host or the origin is not allowed, or the credential is not for this route.",
    414: "The address is too long.",
    431: "The headers are too long.",
    500: "Something broke on our side.",
}
_OF_CREDENTIALS = {401: "No credential, or one that is not good."}
_BEHIND_LIMITS = {
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
_OPENAI_UNUSED = {422: "Not used: what is wrong with a parameter is a 400."}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`cv_…`), an embed token (`cvt_…`) or an access token of the identity provider. "
    "A service on loopback with `VERSE_AUTH=none` needs none.",
}

_HEADERS = {
    "X-Request-Id": "The request's id, for whoever has to look for it in the log.",
    "RateLimit-Policy": "The limits: requests `q` in `w` seconds.",
    "RateLimit": "What is left of them: requests `r`, more in `t` seconds.",
}


def describe(app: FastAPI) -> None:
    """Have an app describe what its routes share: answers, and what they ask of a caller."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_rules_and_answers(plain())
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]


def with_rules_and_answers(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description with what is shared added to every operation; what a route says itself stays."""
    parts = description.setdefault("components", {})
    parts.setdefault("securitySchemes", {})["bearer"] = _BEARER
    schemas = parts.setdefault("schemas", {})
    for model in (ProblemOut, ChatProblemOut):
        found = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(found.pop("$defs", {}))
        schemas[model.__name__] = found
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            rule = rule_described(method, path)
            if rule.credentials != "nothing":
                operation["security"] = [*([{}] if rule.credentials == "if given" else []), {"bearer": []}]
            answers: dict[str, Any] = operation["responses"]
            for status, text in _answers(path, operation, rule).items():
                known = answers.setdefault(str(status), {"description": text})
                known["content"] = _content(path)
            for answer in answers.values():
                # The framework adds the type of its own answers to those that a route says itself.
                if PROBLEM_JSON in answer.get("content", {}):
                    answer["content"].pop("application/json", None)
                answer.setdefault("headers", {}).update(_headers(path))
            operation["responses"] = dict(sorted(answers.items()))
    return description


def _answers(path: str, operation: dict[str, Any], rule: Rule) -> dict[int, str]:
    found = dict(_ALWAYS)
    if rule.credentials != "nothing":
        found |= _OF_CREDENTIALS
    if path not in UNLIMITED:
        found |= _BEHIND_LIMITS
    if "requestBody" in operation:
        found |= _WITH_BODY
    elif operation.get("parameters"):
        found[422] = "A parameter is wrong."
    if "{" in path:
        found[404] = "There is no such thing for you."
    if path in QUESTIONS:
        found |= _OF_QUESTIONS
    if speaks_openai(path):
        found |= {status: text for status, text in _OPENAI_UNUSED.items() if status in found}
    return found


def _content(path: str) -> dict[str, Any]:
    if speaks_openai(path):
        return {"application/json": {"schema": {"$ref": "#/components/schemas/ChatProblemOut"}}}
    return {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}


def _headers(path: str) -> dict[str, Any]:
    names = ["X-Request-Id"] if path in UNLIMITED else list(_HEADERS)
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}
