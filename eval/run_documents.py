"""The documents that a run keeps, so that it can be scored and read without the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from eval.datatypes import Entry, Question, SourceText, Target
from eval.errors import TargetError
from eval.in_parallel import done_in_parallel

NOT_SERVED = "not_served"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocuments:
    """Documents by id, in the order of ids; and why others are missing: a failure's kind, or
    `not_served` where the target serves none.
    """

    found: Mapping[str, SourceText]
    missing: Mapping[str, str]


def named_documents(questions: Iterable[Question], entries: Iterable[Entry]) -> list[str]:
    """Return the ids in gold, rankings, citations and what came closest, sorted."""
    names = {gold.document_id for question in questions for gold in question.gold}
    for entry in entries:
        names.update(passage.document_id for passage in entry.ranking or ())
        names.update(citation["document_id"] for citation in _citations(entry.record or {}))
    return sorted(name for name in names if name is not None)


def fetch_documents(
    target: Target, names: Iterable[str], *, threads: int, halted: Callable[[], bool]
) -> KeptDocuments:
    """Fetch each document once; what fails is told, not left out in silence."""

    def fetch(name: str) -> tuple[str, SourceText | None, str]:
        try:
            return name, target.document(name), NOT_SERVED
        except TargetError as error:
            return name, None, error.kind

    found: dict[str, SourceText] = {}
    missing: dict[str, str] = {}
    with closing(done_in_parallel(names, fetch, threads=threads, halted=halted)) as fetched:
        for name, document, why in fetched:
            if document is None:
                missing[name] = why
            else:
                found[name] = document
    return KeptDocuments(found=dict(sorted(found.items())), missing=dict(sorted(missing.items())))


def without_kept_texts(entry: Entry, documents: Mapping[str, SourceText]) -> Entry:
    """Leave out the texts of passages that a kept document gives back by their offsets."""
    if entry.ranking is None:
        return entry
    return replace(
        entry,
        ranking=tuple(
            replace(passage, text=None)
            if passage.text is not None and passage.text == _slice(passage, documents)
            else passage
            for passage in entry.ranking
        ),
    )


def with_kept_texts(entry: Entry, documents: Mapping[str, SourceText]) -> Entry:
    """Put back what `without_kept_texts` left out."""
    if entry.ranking is None:
        return entry
    return replace(
        entry,
        ranking=tuple(
            replace(passage, text=_slice(passage, documents)) if passage.text is None else passage
            for passage in entry.ranking
        ),
    )


def _slice(passage: Any, documents: Mapping[str, SourceText]) -> str | None:
    document = documents.get(passage.document_id)
    if document is None or passage.start is None or passage.end is None:
        return None
    return document.text[passage.start : passage.end]


def _citations(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from record.get("citations") or ()
    yield from (record.get("abstention") or {}).get("closest") or ()
