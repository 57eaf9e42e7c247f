"""Signs that a model has gone wrong: it repeats itself, declines, or writes in another language."""

from __future__ import annotations

import re

from rag.languages import language_of

_TAIL = 480
_PERIODS = range(1, 121)
_LEAST_REPEATS = 4
_REFUSAL = re.compile(
    r"^\W*(?:i['’]?m (?:sorry|unable|not able)|i am (?:sorry|unable|not able)|sorry\b|i (?:can(?:no|['’]?)t|won['’]?t|must decline|refuse)|"
    r"as an? (?:ai|language|large language)\b|unfortunately,? i\b|i do(?:n['’]?t| not) (?:have|feel)|"
    r"извините|к сожалению,? я\b|простите|я не могу|я не имею|как (?:ии|языковая модель)|прошу прощения)",
    re.IGNORECASE,
)


def is_looping(text: str) -> bool:
    """Tell whether a text ends in one stretch of up to 120 characters, over and over.

    At least 480 characters must be repeats: figures in a table, dashes and blank lines repeat too.
    """
    tail = text[-_TAIL:]
    if len(tail) < _TAIL:
        return False
    return any(tail[period:] == tail[:-period] for period in _PERIODS if _TAIL // period >= _LEAST_REPEATS)


def is_refusal(text: str) -> bool:
    """Tell whether a model declines to answer, in English or Russian."""
    return _REFUSAL.match(text) is not None


def is_foreign(text: str, allowed: frozenset[str]) -> bool:
    """Tell whether a text is surely in a language that is not allowed."""
    code = language_of(text)
    return code is not None and code not in allowed
