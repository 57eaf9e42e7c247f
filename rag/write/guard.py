"""Signs that a model has gone wrong: it repeats itself, declines, or writes in another language."""

from __future__ import annotations

import re

from rag.languages import language_of

_LEAST_REPEATS = 4
_LEAST_REPEATED = 480
_LONGEST_PERIOD = 240
LOOP_TAIL = _LEAST_REPEATS * _LONGEST_PERIOD
"""Characters at the end of a text that `is_looping` looks at."""
_REFUSAL = re.compile(
    r"^\W*(?:i['’]?m (?:sorry|unable|not able)|i am (?:sorry|unable|not able)|sorry\b|i (?:can(?:no|['’]?)t|won['’]?t|must decline|refuse)|"
    r"as an? (?:ai|language|large language)\b|unfortunately,? i\b|i do(?:n['’]?t| not) (?:have|feel)|"
    r"извините|к сожалению,? я\b|простите|я не могу|я не имею|как (?:ии|языковая модель)|прошу прощения)",
    re.IGNORECASE,
)


def is_looping(text: str) -> bool:
    """Tell whether a text ends in one stretch of up to 240 characters, at least four times over.

    At least 480 characters must be repeats: figures in a table, dashes and blank lines repeat too.
    """
    for period in range(1, _LONGEST_PERIOD + 1):
        length = max(_LEAST_REPEATED, _LEAST_REPEATS * period)
        tail = text[-length:]
        if len(tail) == length and tail[period:] == tail[:-period]:
            return True
    return False


def is_refusal(text: str) -> bool:
    """Tell whether a model declines to answer, in English or Russian."""
    return _REFUSAL.match(text) is not None


def is_foreign(text: str, allowed: frozenset[str]) -> bool:
    """Tell whether a text is surely in a language that is not allowed."""
    code = language_of(text)
    return code is not None and code not in allowed
