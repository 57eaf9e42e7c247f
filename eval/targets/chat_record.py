"""A foreign chat answer, put into the shape of a native record. What it does not say is null, and
a source that comes without a snippet quotes nothing: its text is empty.

    our own `answer_record`     taken whole
    `message.annotations`       OpenAI's url_citation: one citation for each URL, in order of first use
    `citations`                 Perplexity's list of URLs, the first being [1]; where the answer marks
                                some with [n], those alone, in order of first use, for the words
                                before the marker
    `search_results`            {title, url, date, snippet}: names and snippets of those URLs, the
                                ranking, and the citations where there is no other list

An abstention is never guessed from prose: it is OpenAI's `message.refusal`, one of the sentences
below as the whole answer, or what the person's own pattern finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from eval.datatypes import RankedPassage
from eval.errors import TargetError
from eval.targets import shapes
from eval.targets.markers import marked_spans, without_markers
from rag.types import NO_ANSWER

ABSTENTIONS = frozenset(NO_ANSWER.values())
"""Answers that, word for word and alone, say that nothing was found: those of this service."""


def record_of(reply: Mapping[str, Any], question: str, abstention: re.Pattern[str] | None) -> dict[str, Any]:
    """Return the record of one chat completion.

    Raises:
        TargetError: malformed: no message, no text in it, or a list of sources of another type.
    """
    shapes.storable(reply)
    if reply.get("answer_record") is not None:
        return shapes.answer_record(reply["answer_record"])
    message = _message(reply)
    text, refused = _text_of(message)
    results = _results(reply)
    citations = [] if refused else _citations(message, reply, results, text)
    abstained = refused or text.strip() in ABSTENTIONS or bool(abstention and abstention.search(text))
    model = reply.get("model")
    return {
        "status": "abstained" if abstained else "answered",
        "question": question,
        "standalone_question": None,
        "answer": text,
        "short_answer": None,
        "answer_without_citations": without_markers(text, len(_listed(reply, results))),
        "confidence": None,
        # As in a native record: what an abstention names is near, and supports nothing.
        "abstention": {
            "reason": None,
            "probability": None,
            "closest": [{**citation, "number": None, "answer_spans": []} for citation in citations],
        }
        if abstained
        else None,
        "citations": [] if abstained else citations,
        "missing": [],
        "disagreements": [],
        "withheld": None,
        "receipt": {"models": {"generator": model if isinstance(model, str) else None}},
    }


def ranking_of(reply: Mapping[str, Any]) -> tuple[RankedPassage, ...] | None:
    """Return `search_results` as a ranking; `None` where the answer has none.

    Raises:
        TargetError: malformed.
    """
    if reply.get("search_results") is None:
        return None
    return tuple(
        RankedPassage(document_id=None, start=None, end=None, text=_snippet(result), score=None)
        for result in _results(reply)
    )


def _listed(reply: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the URLs that a marker [n] of the answer counts: `citations`, else those of the results."""
    listed = reply.get("citations")
    if listed is None:
        return [result["url"] for result in results]
    if not isinstance(listed, list) or not all(isinstance(url, str) for url in listed):
        _malformed("citations is not a list of URLs")
    return listed


def _message(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        _malformed("choices[0].message is missing")
    return message


def _text_of(message: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the answer's text, and whether the server says that it refuses."""
    content, refusal = message.get("content"), message.get("refusal")
    if isinstance(refusal, str) and refusal.strip() and not content:
        return refusal, True
    if not isinstance(content, str) or not content.strip():
        _malformed(f"choices[0].message.content is {'blank' if isinstance(content, str) else 'no text'}")
    return content, False


def _results(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    results = reply.get("search_results")
    if results is None:
        return []
    if not isinstance(results, list):
        _malformed("search_results is not a list")
    for place, result in enumerate(results):
        if not isinstance(result, dict) or not isinstance(result.get("url"), str):
            _malformed(f"search_results[{place}] has no url")
        for name in ("title", "date", "snippet"):
            if not isinstance(result.get(name), str | None):
                _malformed(f"search_results[{place}].{name} is neither text nor null")
    return results


def _citations(
    message: Mapping[str, Any], reply: Mapping[str, Any], results: Sequence[Mapping[str, Any]], text: str
) -> list[dict[str, Any]]:
    by_url: dict[str, Mapping[str, Any]] = {}
    for result in results:
        by_url.setdefault(result["url"], result)
    annotated = _annotated(message, text)
    if annotated:
        return [
            _citation(number, url, by_url.get(url, {}), title, spans)
            for number, (url, (title, spans)) in enumerate(annotated.items(), start=1)
        ]
    listed = _listed(reply, results)
    spans = marked_spans(text, len(listed)) or {number: [] for number in range(1, len(listed) + 1)}
    return [
        _citation(number, listed[number - 1], by_url.get(listed[number - 1], {}), None, mine)
        for number, mine in spans.items()
    ]


def _annotated(message: Mapping[str, Any], text: str) -> dict[str, tuple[str | None, list[dict[str, int]]]]:
    """Return (title, answer spans) of each annotated URL.

    A span that does not fit the text is left out: servers count in units that they do not name.
    """
    annotations = message.get("annotations")
    if annotations is None:
        return {}
    if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
        _malformed("annotations is not a list of objects")
    found: dict[str, tuple[str | None, list[dict[str, int]]]] = {}
    for place, item in enumerate(annotations):
        if item.get("type") != "url_citation":
            continue
        cited = item.get("url_citation")
        if not isinstance(cited, dict) or not isinstance(cited.get("url"), str):
            _malformed(f"annotations[{place}].url_citation has no url")
        title, start, end = cited.get("title"), cited.get("start_index"), cited.get("end_index")
        if not isinstance(title, str | None):
            _malformed(f"annotations[{place}].url_citation.title is neither text nor null")
        if not all(isinstance(value, int | None) and not isinstance(value, bool) for value in (start, end)):
            _malformed(f"annotations[{place}].url_citation has an index that is no whole number")
        spans = found.setdefault(cited["url"], (title, []))[1]
        if start is not None and end is not None and 0 <= start < end <= len(text):
            spans.append({"start": start, "end": end})
    return found


def _citation(
    number: int, url: str, result: Mapping[str, Any], title: str | None, spans: list[dict[str, int]]
) -> dict[str, Any]:
    return {
        "number": number,
        "cited_text": _snippet(result),
        "start_char_index": None,
        "end_char_index": None,
        "document_id": None,
        "document_title": title if title is not None else result.get("title"),
        "document_sha256": None,
        "publisher": None,
        "published_at": result.get("date"),
        "url": url,
        "answer_spans": spans,
    }


def _snippet(result: Mapping[str, Any]) -> str:
    """Return the words of a source; a source that comes without any quotes nothing."""
    return str(result.get("snippet") or "")


def _malformed(what: str) -> NoReturn:
    raise TargetError(f"not what the chat protocol promises: {what}", kind="malformed")
