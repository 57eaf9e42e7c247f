"""Keeps the other side of a disagreement among the few quotes that an answer may show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from index.types import Document
from rag.disagree import NO_COPIES, find_disagreements, told_by
from rag.extract import Span, touch
from rag.types import AnswerText, Question, Quote

WIDER = 2.0
"""How many times the usual margin below the best a sentence may score that contradicts a better one."""


def with_other_sides(
    question: Question,
    spans: Sequence[Span],
    wider: Sequence[Span],
    limit: int,
    document_of: Callable[[str], Document],
    sources_of: Callable[[Mapping[int, Quote]], Mapping[int, str]] = lambda _: NO_COPIES,
    answers: Sequence[AnswerText] = (),
) -> list[Span]:
    """Return `spans` and those of `wider` that disagree with one of them, at most `limit` in all.

    A side that is added takes the place of the last quote that is on no side; the first always stays.
    `sources_of` tells copies of one story, which are no sides; `answers` are what the reader took for them.
    """
    more = [span for span in wider if not any(touch(span, other) for other in spans)]
    if not spans or not more:
        return list(spans)
    every = [*spans, *more]
    quotes = {n: _quote(span, document_of(span.document_id)) for n, span in enumerate(every)}
    told = told_by(quotes, document_of, answers, sources_of(quotes))
    sides = find_disagreements(question, told)
    concerned: set[int] = set()
    for item in sides:
        # The best quote of each side is enough to show it, and a side of low scores alone shows none.
        best = [min(side.quotes) for side in item.sides]
        if min(best) < len(spans):
            concerned |= set(best)
    kept = list(range(len(spans)))
    for number in sorted(n for n in concerned if n >= len(spans)):
        if len(kept) >= limit:
            free = [n for n in kept[1:] if n not in concerned]
            if not free:
                break
            kept.remove(free[-1])
        kept.append(number)
    return [every[number] for number in kept]


def _quote(span: Span, document: Document) -> Quote:
    return Quote(
        document_id=span.document_id,
        start=span.start,
        end=span.end,
        text=document.text[span.start : span.end],
    )
