"""Reads a question: what it asks for, which words carry it, and what the conversation adds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from index.terms import content_terms, terms
from rag.errors import QuestionError
from rag.follow_up import MAX_CHARACTERS as MAX_CHARACTERS
from rag.follow_up import standalone_forms
from rag.types import AnswerType, Question, Turn

_TYPES: tuple[tuple[AnswerType, str], ...] = (
    (AnswerType.REASON, r"\b(?:why|what for|how come|for what reasons?|what (?:is|are|was|were) the (?:reasons?|motives?|motivations?|causes?)|what (?:drives?|drove|motivates?|motivated|explains?|caused?|causes|makes?|made)|reasons? (?:for|why|behind))\b|\bпочему\b|\bзачем\b|\bwarum\b|\bpourquoi\b"),
    (AnswerType.NUMBER, r"\bhow (?:many|much|large|big|long(?! ago)|far|old|high|tall|often|deep|heavy|fast)\b|\bwhat (?:(?:is|are|was|were) (?:the )?)?(?:\w+ )?(?:percentage|share|number|amount|total|price|cost|value|figure|population|proportion|rate|size|volume|sum)\b|\bat what (?:price|rate|cost)\b|\bсколько\b|\bwie viele?\b|\bcombien\b"),
    (AnswerType.DATE, r"\b(?:when|(?:what|which|in what|in which|on what|on which) (?:year|date|day|month|decade|century|time)|since when|how long ago|until when)\b|\bкогда\b|\bв каком году\b|\bwann\b|\bquand\b"),
    (AnswerType.PERSON, r"\b(?:who|whom|whose|which (?:person|president|minister|official|expert|analyst|politician|leader|scientist|author|professor|diplomat))\b|\bwhat (?:is|was) the name of the (?:person|man|woman)\b|\bкто\b|\bкого\b|\bкому\b|\bwer\b|\bqui\b"),
    (AnswerType.PLACE, r"\b(?:where|(?:what|which|in what|in which) (?:city|country|state|place|region|town|location|capital|continent|province|river))\b|\bгде\b|\bкуда\b|\bwo\b|\boù\b"),
    (AnswerType.MANNER, r"^\W*(?:and |so |but )?how\b|\bкак\b|\bwie\b|\bcomment\b"),
    (AnswerType.YES_NO, r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|isn['’]t|aren['’]t|didn['’]t|doesn['’]t)\b"),
)  # fmt: skip
_TYPE_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TYPES)
# Initials come first, or "U.S." would be two names; words stand together for "United States".
_NAME = re.compile(
    r"\b(?:[A-Z]\.){2,}|(?<![.?!]\s)(?<!^)\b[A-ZА-ЯЁ][\w’'-]*(?: [A-ZА-ЯЁ][\w’'-]*)*|\b[A-Z]{2,}\b|\b\d[\d.,]*\w*"
)


def checked_question(text: str) -> str:
    """Return the question trimmed and in NFC.

    Raises:
        QuestionError: blank, over `MAX_CHARACTERS`, or holding control characters or surrogates.
    """
    question = unicodedata.normalize("NFC", text.strip())
    if not question:
        raise QuestionError("the question is blank; write one of 1 to 2,000 characters")
    if len(question) > MAX_CHARACTERS:
        raise QuestionError(
            f"the question has {len(question)} characters; at most {MAX_CHARACTERS} are allowed"
        )
    for number, char in enumerate(question):
        if (unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n\r") or char == "\ufffe":
            raise QuestionError(
                f"character {number} of the question is U+{ord(char):04X}, a control character or "
                "lone surrogate; remove it"
            )
    return question


def read_question(text: str, history: Sequence[Turn] = ()) -> Question:
    """Return the question with everything that later stages want to know of it.

    A follow-up that names no kind of its own ("And in 2024?") asks for what the question before it did.

    Raises:
        QuestionError: see `checked_question`.
    """
    question = checked_question(text)
    whole, *narrower = standalone_forms(question, history)
    return _as(question, whole, narrower[0] if narrower else None)


def narrowed(question: Question) -> Question:
    """Return a follow-up as it reads with its nearest topic alone; the same where it has no such form."""
    return question if question.narrower is None else _as(question.text, question.narrower, None)


def _as(question: str, whole: str, narrower: str | None) -> Question:
    wanted = tuple(dict.fromkeys(content_terms(whole)))
    if not wanted:
        # Nothing but function words ("who is it?"): they are all there is to go by.
        wanted = tuple(dict.fromkeys(terms(whole)))
    kind = _answer_type(question)
    return Question(
        text=question,
        standalone=whole,
        answer_type=kind if kind is not AnswerType.OTHER else _answer_type(whole),
        terms=wanted,
        names=frozenset(_name_terms(whole)) & frozenset(wanted),
        language=_language(question),
        narrower=narrower,
    )


def _answer_type(question: str) -> AnswerType:
    for kind, pattern in _TYPE_PATTERNS:
        if pattern.search(question):
            return kind
    return AnswerType.OTHER


def _name_terms(text: str) -> list[str]:
    """Return the terms of capitalised words inside sentences, of acronyms and of numbers."""
    if text.isupper() or text.islower():
        return [term for match in re.finditer(r"\d[\d.,]*\w*", text) for term in terms(match.group())]
    return [term for match in _NAME.finditer(text) for term in content_terms(match.group())]


def _language(text: str) -> str:
    letters = [char for char in text if char.isalpha()]
    cyrillic = sum("\u0400" <= char <= "\u04ff" for char in letters)
    return "ru" if letters and cyrillic > len(letters) / 2 else "en"
