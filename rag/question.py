"""Reads a question: what it asks for, which words carry it, and what the conversation adds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from index.terms import content_terms, terms
from rag.errors import QuestionError
from rag.types import AnswerType, Question, Turn

MAX_CHARACTERS = 2000

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
_ANAPHORA = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|such|same|ones?|former|latter|"
    r"он|она|оно|они|его|её|ее|их|ему|ей|им|этот|эта|это|эти|там|тогда)\b|^\W*(?:and|but|so|what about|how about|а|и)\b",
    re.IGNORECASE,
)
_FEW_TERMS = 2


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

    Raises:
        QuestionError: see `checked_question`; or the earlier turn that is needed is no Unicode text.
    """
    question = checked_question(text)
    standalone = _standalone(question, history)
    wanted = tuple(dict.fromkeys(content_terms(standalone)))
    if not wanted:
        # Nothing but function words ("who is it?"): they are all there is to go by.
        wanted = tuple(dict.fromkeys(terms(standalone)))
    return Question(
        text=question,
        standalone=standalone,
        answer_type=_answer_type(question),
        terms=wanted,
        names=frozenset(_name_terms(standalone)) & frozenset(wanted),
        language=_language(question),
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


def _standalone(question: str, history: Sequence[Turn]) -> str:
    """Put the last question of the conversation before one that leans on it.

    A first step: the question is not reworded, so nothing is put into the person's mouth.
    """
    earlier = [turn.content.strip() for turn in history if turn.role == "user" and turn.content.strip()]
    if not earlier:
        return question
    leans = _ANAPHORA.search(question) or len(set(content_terms(question))) <= _FEW_TERMS
    if not leans:
        return question
    before = unicodedata.normalize("NFC", " ".join(earlier[-1].split()))[: MAX_CHARACTERS // 2]
    if any(unicodedata.category(char) == "Cs" for char in before):
        raise QuestionError("an earlier turn of the conversation holds a lone surrogate; remove it")
    return f"{before} {question}"
