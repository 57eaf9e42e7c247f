"""Says yes or no to a question that asks for it, only where a quote says so in its own words.

The question is turned into the statement that a "yes" would make, and that is held against the quotes
by the rules of `rag.support`: every content word of it must stand in the quote. Where a quote denies
it and nothing else is amiss, the answer is no. In all other cases the quotes speak for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from index.terms import content_terms
from rag.support import ProblemKind, supports
from rag.topic import TOPIC
from rag.types import AnswerType, Draft, DraftSentence, Question

_WORDS = {"en": ("Yes.", "No."), "ru": ("Да.", "Нет.")}
_AUXILIARY = re.compile(
    r"^\W*(?:and |so |but )?(?:is|are|was|were|do|does|did|has|have|had)\s+(?:there\s+)?", re.IGNORECASE
)
# "Is it A or B?" wants one of them; "ever", "really", "still" and "not" turn a plain statement round.
_NOT_PLAIN = re.compile(r"\b(?:or|not|ever|never|still|yet|only|n['’]t)\b|n['’]t\b", re.IGNORECASE)
_REALLY = re.compile(r"\b(?:really|actually|indeed|true that|the case that)\s+", re.IGNORECASE)


def verdict(question: Question, quotes: Mapping[int, str]) -> tuple[bool, tuple[int, ...]] | None:
    """Return yes (`True`) or no with the numbers of the quotes that say so; `None` where they say neither, or both."""
    statement = _statement(question)
    if statement is None:
        return None
    wanted = frozenset(content_terms(statement))
    found: dict[bool, list[int]] = {}
    for number, quote in quotes.items():
        if not wanted <= frozenset(content_terms(quote)):
            continue
        support = supports(statement, [quote])
        if support.supported:
            found.setdefault(True, []).append(number)
        elif all(problem.kind is ProblemKind.NEGATION for problem in support.problems):
            found.setdefault(False, []).append(number)
    if len(found) != 1:
        return None
    ((said, numbers),) = found.items()
    return said, tuple(numbers)


def with_verdict(draft: Draft, said: bool, quotes: tuple[int, ...], language: str) -> Draft:
    """Return the draft with the yes or no in front."""
    word = _WORDS.get(language, _WORDS["en"])[0 if said else 1]
    opening = DraftSentence(text=word, quotes=quotes)
    first, *rest = draft.sentences
    return replace(draft, sentences=(opening, replace(first, opens_paragraph=True), *rest))


def _statement(question: Question) -> str | None:
    if question.answer_type is not AnswerType.YES_NO or TOPIC.search(question.standalone):
        return None
    asked = question.standalone.strip()
    opening = _AUXILIARY.match(asked)
    if opening is None or _NOT_PLAIN.search(asked):
        return None
    statement = _REALLY.sub("", asked[opening.end() :]).rstrip(" ?!.")
    if len(set(content_terms(statement))) < 2 or "?" in statement:
        return None
    return statement[:1].upper() + statement[1:] + "."
