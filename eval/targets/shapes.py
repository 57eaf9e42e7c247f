"""The native shape of answers, rankings and documents. Whatever else comes back is malformed.

Only what the contract promises of types and of fields that hang together is checked here. Whether a
quote is really in its document is a score, not a failure: a server that misquotes has answered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from eval.datatypes import RankedPassage, SourceText
from eval.errors import TargetError

STATUSES = ("answered", "partial", "abstained")


def answer_record(content: object) -> dict[str, Any]:
    """Return a native answer record, checked.

    Raises:
        TargetError: malformed.
    """
    record = _object(content, "the answer")
    _one_of(record, "status", STATUSES)
    for name in ("question", "standalone_question", "answer"):
        _text(record, name)
    if not record["answer"].strip():
        _malformed("answer is blank")
    _text_or_null(record, "short_answer")
    _share_or_null(record, "confidence")
    for number, citation in enumerate(_list(record, "citations"), start=1):
        _citation(citation, f"citations[{number - 1}]", numbered=True)
    abstention = _field(record, "abstention")
    if record["status"] == "abstained":
        _abstention(abstention)
        if record["citations"]:
            _malformed("an abstention with citations")
    elif abstention is not None:
        _malformed(f"status is {record['status']!r} with an abstention")
    for stage, value in _object(record.get("timings_ms", {}), "timings_ms").items():
        if not _is_number(value) or value < 0:
            _malformed(f"timings_ms.{stage} is {_shown(value)}")
    storable(record)
    return record


def ranking(content: object, k: int) -> tuple[RankedPassage, ...]:
    """Return the passages of a search, checked: ranks run from 1, and there are at most `k`.

    Raises:
        TargetError: malformed.
    """
    passages = _list(_object(content, "the search result"), "passages")
    if len(passages) > k:
        _malformed(f"{len(passages)} passages where at most {k} were asked for")
    found = []
    for rank, item in enumerate(passages, start=1):
        where = f"passages[{rank - 1}]"
        passage = _object(item, where)
        if _whole(passage, "rank", where) != rank:
            _malformed(f"{where}.rank is {passage['rank']}, not {rank}")
        _span(passage, where)
        score = _field(passage, "score", where)
        if score is not None and not _is_number(score):
            _malformed(f"{where}.score is {_shown(score)}")
        found.append(
            RankedPassage(
                document_id=_text(passage, "document_id", where),
                start=passage["start_char_index"],
                end=passage["end_char_index"],
                text=_text(passage, "text", where),
                score=None if score is None else float(score),
            )
        )
    storable(content)
    return tuple(found)


def source_text(content: object, document_id: str) -> SourceText:
    """Return a document as it was served, checked; its hash is kept as the server gives it.

    Raises:
        TargetError: malformed, or another document than the one that was asked for.
    """
    document = _object(content, "the document")
    if _text(document, "document_id") != document_id:
        _malformed(f"document_id is {document['document_id']!r}, not {document_id!r}")
    storable(document)
    return SourceText(
        document_id=document_id,
        title=_text(document, "title"),
        sha256=_text(document, "document_sha256"),
        text=_text(document, "text"),
        publisher=_text_or_null(document, "publisher"),
        published_at=_text_or_null(document, "published_at"),
    )


def _abstention(value: object) -> None:
    abstention = _object(value, "abstention")
    _text(abstention, "reason", "abstention")
    _share_or_null(abstention, "probability", "abstention")
    for number, citation in enumerate(_list(abstention, "closest", "abstention")):
        _citation(citation, f"abstention.closest[{number}]", numbered=False)


def _citation(value: object, where: str, *, numbered: bool) -> None:
    citation = _object(value, where)
    if numbered:
        if _whole(citation, "number", where) < 1:
            _malformed(f"{where}.number is {citation['number']}")
    elif _field(citation, "number", where) is not None:
        _malformed(f"{where}.number is {_shown(citation['number'])}, not null")
    _text(citation, "cited_text", where)
    if not _text(citation, "document_id", where):
        _malformed(f"{where}.document_id is empty")
    _span(citation, where)
    for place, span in enumerate(_list(citation, "answer_spans", where)):
        inner = f"{where}.answer_spans[{place}]"
        _span(_object(span, inner), inner, "start", "end")


def _span(
    content: Mapping[str, Any], where: str, first: str = "start_char_index", last: str = "end_char_index"
) -> None:
    start, end = _whole(content, first, where), _whole(content, last, where)
    if not 0 <= start <= end:
        _malformed(f"{where} runs from {start} to {end}")


def storable(content: object) -> None:
    """Refuse lone surrogates: they are no text, and no file can hold them."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _malformed("a text with a lone surrogate")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        _malformed(f"{where} is {_shown(value)}, not an object")
    return dict(value)


def _field(content: Mapping[str, Any], name: str, where: str = "") -> Any:
    if name not in content:
        _malformed(f"{_path(where, name)} is missing")
    return content[name]


def _text(content: Mapping[str, Any], name: str, where: str = "") -> str:
    value = _field(content, name, where)
    if not isinstance(value, str):
        _malformed(f"{_path(where, name)} is {_shown(value)}, not a text")
    return value


def _text_or_null(content: Mapping[str, Any], name: str) -> str | None:
    return None if _field(content, name) is None else _text(content, name)


def _list(content: Mapping[str, Any], name: str, where: str = "") -> list[Any]:
    value = _field(content, name, where)
    if not isinstance(value, list):
        _malformed(f"{_path(where, name)} is {_shown(value)}, not a list")
    return value


def _whole(content: Mapping[str, Any], name: str, where: str) -> int:
    value = _field(content, name, where)
    if not isinstance(value, int) or isinstance(value, bool):
        _malformed(f"{_path(where, name)} is {_shown(value)}, not a whole number")
    return value


def _share_or_null(content: Mapping[str, Any], name: str, where: str = "") -> None:
    value = _field(content, name, where)
    if value is not None and not (_is_number(value) and 0 <= value <= 1):
        _malformed(f"{_path(where, name)} is {_shown(value)}, not in [0, 1] and not null")


def _one_of(content: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    value = _field(content, name)
    if value not in allowed:
        _malformed(f"{name} is {_shown(value)}, not one of {', '.join(allowed)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: object) -> str:
    """Return a value as it may stand in a message: short, and without what cannot be written."""
    text = ascii(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _malformed(what: str) -> NoReturn:
    raise TargetError(f"not what the protocol promises: {what}", kind="malformed")
