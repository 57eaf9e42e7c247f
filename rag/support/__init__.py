"""Whether quotes back a statement: by rules that no fluent lie gets past, then by the reader.

The rules look at numbers, dates, names, units, negation and quantifiers, and at words put in place
of the quote's own. They are pure and need no model. They refuse what they cannot follow: a true
statement in quite other words may be called unsupported. English first; Russian numbers, months,
negations and quantifiers are known; of other languages numbers, dates, names and word order are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rag.support.exchange import exchange_problems
from rag.support.names import name_problems
from rag.support.polarity import polarity_problems
from rag.support.replaced import replacement_problems
from rag.support.sentence import parse
from rag.support.strength import strength_problems
from rag.support.text import clean
from rag.support.types import Problem, ProblemKind, Support, SupportReader
from rag.support.values import value_problems
from rag.support.verbatim import is_quoted_whole
from rag.support.view import View, look

__all__ = ["Problem", "ProblemKind", "Support", "SupportReader", "supports"]

MAX_STATEMENT = 5_000
"""Characters; a longer text is no sentence, and is supported only where it is quoted whole."""
CONTENT_FLOOR = 0.5
"""Share of a statement's content words that the quotes must have."""
READER_THRESHOLD = 0.5
"""Probability below which the reader's opinion is a problem."""


def supports(
    sentence: str,
    quotes: Sequence[str],
    *,
    reader: SupportReader | None = None,
    threshold: float = READER_THRESHOLD,
) -> Support:
    """Tell whether the quotes back a statement.

    A statement without words, or without quotes, is not supported. Invisible characters and
    look-alike letters of another script inside a word are read as what they look like. The reader
    is asked only when the rules have found no problem, and never for a sentence quoted whole.

    Raises:
        TypeError: `quotes` is one string; a list of them is wanted.
        ValueError: the reader's score is not a probability.
    """
    if isinstance(quotes, str):
        raise TypeError("quotes is one string; give a list of quotes, such as [quote]")
    statement = clean(sentence)
    cleaned = [text for text in map(clean, quotes) if _has_words(text)]
    if not _has_words(statement):
        return _refused(Problem(kind=ProblemKind.UNRELATED, said="", found="the statement has no words"))
    if not cleaned:
        return _refused(
            Problem(kind=ProblemKind.UNRELATED, said=_short(statement), found="there are no quotes")
        )
    if is_quoted_whole(statement, cleaned):
        return Support(supported=True, problems=(), score=None)
    if len(statement) > MAX_STATEMENT:
        found = f"{len(statement)} characters; at most {MAX_STATEMENT} can be judged, sentence by sentence"
        return _refused(Problem(kind=ProblemKind.UNRELATED, said=_short(statement), found=found))
    view = look(parse(statement), [s for quote in cleaned for s in parse(quote)])
    problems = tuple(dict.fromkeys(_problems(view)))
    if problems or reader is None:
        return Support(supported=not problems, problems=problems, score=None)
    score = reader(sentence, quotes)
    if not (math.isfinite(score) and 0.0 <= score <= 1.0):
        raise ValueError(f"the reader gave {score!r}, which is no probability; it must be in [0, 1]")
    if score < threshold:
        doubt = Problem(
            kind=ProblemKind.READER, said=_short(statement), found=f"{score:.2f} < {threshold:.2f}"
        )
        return Support(supported=False, problems=(doubt,), score=score)
    return Support(supported=True, problems=(), score=score)


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _refused(problem: Problem) -> Support:
    return Support(supported=False, problems=(problem,), score=None)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _problems(view: View) -> Iterator[Problem]:
    yield from value_problems(view)
    yield from name_problems(view)
    yield from polarity_problems(view)
    yield from strength_problems(view)
    yield from replacement_problems(view)
    yield from exchange_problems(view)
    for statement in view.statement:
        words = [item for item in statement if item.content and not item.is_value]
        missing = [item for item in words if item.key not in view.quote_keys]
        if len(missing) > (1 - CONTENT_FLOOR) * len(words):
            said = " ".join(item.said for item in missing[:8])
            yield Problem(kind=ProblemKind.UNRELATED, said=said, found="")
