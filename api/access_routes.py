"""`PATCH /v1/documents/{id}/access`: who may read a document."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.audit import begin_change
from api.conversations_routes import is_json
from api.errors import NotFoundError
from api.schemas import problem_responses
from index.access import AccessRule, read_rule, rule_value
from index.errors import AccessRuleError
from index.rules import set_access
from index.state import StateFolder

router = APIRouter(tags=["documents"])

_NO_SUCH = "There is no such document."


class NamesOut(BaseModel):
    """The people and groups who may read."""

    users: list[str]
    groups: list[str]


class AccessIn(BaseModel):
    """A rule: `"public"`, or lists of names; who is not named may not read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    access: Any = Field(
        json_schema_extra={
            "anyOf": [
                {"const": "public"},
                {
                    "type": "object",
                    "properties": {
                        "users": {"type": "array", "items": {"type": "string"}},
                        "groups": {"type": "array", "items": {"type": "string"}},
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    )

    @field_validator("access")
    @classmethod
    def _is_rule(cls, value: object) -> AccessRule:
        try:
            return read_rule(value)
        except AccessRuleError as error:
            raise ValueError(str(error)) from None


class AccessOut(BaseModel):
    """The rule of a document, as it holds from now on."""

    document_id: str
    access: Literal["public"] | NamesOut


@router.patch(
    "/v1/documents/{document_id:path}/access",
    responses=problem_responses(
        {
            400: "The body is not UTF-8 JSON.",
            403: "The host or the origin is not allowed, or the credential may not do this.",
            404: "No such document.",
            413: "The body is too large.",
            415: "The body is not application/json.",
            422: "The rule is malformed; nothing was changed.",
            503: "The rule cannot be written.",
        }
    ),
    dependencies=[Depends(is_json)],
)
def set_document_access(body: AccessIn, request: Request, document_id: str) -> AccessOut:
    """Say who may read a document. It is on the disk when this answers, and holds for every request from then on."""
    catalog = StateFolder(request.app.state.settings.state_dir).catalog
    rule: AccessRule = body.access
    # Looked up before it is recorded: of an id that leads nowhere, the audit log must not keep the text.
    if request.app.state.rules.rule_of(document_id) is None:
        raise NotFoundError(_NO_SUCH)
    begin_change(request.scope, [document_id])
    if not set_access(catalog, document_id, rule):
        raise NotFoundError(_NO_SUCH)
    request.scope.setdefault("log", {})["public"] = rule.public
    return access_out(document_id, rule)


def access_out(document_id: str, rule: AccessRule) -> AccessOut:
    """Return a rule as clients see it."""
    return AccessOut.model_validate({"document_id": document_id, "access": rule_value(rule)})
