"""What a sender may say of documents, checked before anything is taken."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from index.access import read_rule, rule_value
from index.canonical import canonical_text
from index.errors import AccessRuleError, DocumentError
from index.formats.record import MAX_DOCUMENT_CHARACTERS, MAX_ID_CHARACTERS, checked_date
from rag.cite import web_address

MAX_DOCUMENTS = 1000
_MAX_LABELS = 100


def _canonical(value: str) -> str:
    try:
        return canonical_text(value, "it")
    except DocumentError as error:
        raise ValueError(error.what) from None


def _line(value: str) -> str:
    value = _canonical(value).strip()
    if not value or not value.isprintable():
        raise ValueError("must be one line with something on it")
    return value


def _id(value: str) -> str:
    value = _canonical(value)
    if not value.strip() or value in (".", "..") or not value.isprintable() or len(value) > MAX_ID_CHARACTERS:
        raise ValueError(f"must have 1 to {MAX_ID_CHARACTERS} printable characters and not be blank or dots")
    return value


def _date(value: str) -> str:
    try:
        return checked_date(value, "it")
    except DocumentError as error:
        raise ValueError(error.what) from None


def _web(value: str) -> str:
    if web_address(value) is None:
        raise ValueError("must be an http or https address")
    return value


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS), AfterValidator(_id)]
Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_line)]
Date = Annotated[str, Field(max_length=40), AfterValidator(_date)]
Address = Annotated[str, Field(max_length=2000), AfterValidator(_line), AfterValidator(_web)]
Tag = Annotated[str, Field(max_length=100), AfterValidator(_line)]
Label = Annotated[str, Field(max_length=1000), AfterValidator(_canonical)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def said(self) -> dict[str, Any]:
        """Return what was said, and nothing of what was not."""
        return self.model_dump(exclude_unset=True)


class ChangesIn(_In):
    """Metadata to change; what is left out stays, `null` takes away. `labels` replaces all labels."""

    title: Line | None = None
    publisher: Line | None = None
    author: Line | None = None
    published_at: Date | None = None
    url: Address | None = None
    language: Tag | None = None
    labels: Annotated[dict[Line, Label], Field(max_length=_MAX_LABELS)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> ChangesIn:
        if not self.model_fields_set:
            raise ValueError("says nothing to change")
        if "title" in self.model_fields_set and self.title is None:
            raise ValueError("title: a document keeps a title; give it another one")
        return self


class MetadataIn(_In):
    """What is said of one file. Where the file says something else, this counts."""

    id: Id | None = None
    title: Line | None = None
    publisher: Line | None = None
    author: Line | None = None
    published_at: Date | None = None
    url: Address | None = None
    language: Tag | None = None
    access: Any = Field(
        None,
        description='who may read it: `"public"`, or `{"users": […], "groups": […]}`; absent: as configured',
    )
    labels: Annotated[dict[Line, Label], Field(max_length=_MAX_LABELS)] = {}

    @field_validator("access")
    @classmethod
    def _is_rule(cls, value: object) -> object:
        try:
            return rule_value(read_rule(value))
        except AccessRuleError as error:
            raise ValueError(str(error)) from None

    def said(self) -> dict[str, Any]:
        """Return what was said; `null` says nothing here."""
        return {key: value for key, value in self.model_dump(exclude_unset=True).items() if value is not None}


class ReplacementIn(MetadataIn):
    """A whole document as JSON; its id stands in the address."""

    text: str = Field(min_length=1, max_length=MAX_DOCUMENT_CHARACTERS)

    @field_validator("text")
    @classmethod
    def _is_text(cls, value: str) -> str:
        value = _canonical(value)
        if not value.strip():
            raise ValueError("is empty")
        return value


class DocumentIn(ReplacementIn):
    """A whole document as JSON, with the fields of a line of JSON Lines; further ones go under `labels`."""

    id: Id


class DocumentsIn(_In):
    """Documents to add, or to put in the place of those of the same ids."""

    documents: Annotated[list[DocumentIn], Field(min_length=1, max_length=MAX_DOCUMENTS)]

    @model_validator(mode="after")
    def _ids_differ(self) -> DocumentsIn:
        seen: dict[str, int] = {}
        for number, document in enumerate(self.documents):
            if seen.setdefault(document.id, number) != number:
                raise ValueError(
                    f"documents.{number}.id: {document.id[:40]!r} is documents.{seen[document.id]} already"
                )
        return self
