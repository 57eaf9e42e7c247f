"""Says yes or no to a question that asks for it, only where a quote says so in its own words.

The question is turned into the statement that a "yes" would make. A sentence of a quote says so if it begins with the
words of this statement, in their order and with none between them, says nothing after them but where or when,
and the rules of `rag.support` have nothing against it. Where such a sentence denies the statement and ends
with it, the answer is no. In all other cases ("approved for adults", "it is a myth that …", "not paid to
managers") the quotes speak for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.split import paragraphs, sentences
from index.terms import content_terms
from rag.support import ProblemKind, supports
from rag.support.date_words import CALENDAR
from rag.support.text import word_set
from rag.topic import TOPIC
from rag.types import AnswerType, Draft, DraftSentence, Question

_WORDS = {"en": ("Yes.", "No."), "ru": ("Да.", "Нет.")}
_AUXILIARY = re.compile(
    r"^\W*(?:and |so |but )?(?:is|are|was|were|do|does|did|has|have|had)\s+(?:there\s+)?", re.IGNORECASE
)
# "Is it A or B?" wants one of them; "ever", "really", "still" and "not" turn a plain statement round.
_NOT_PLAIN = re.compile(r"\b(?:or|not|ever|never|still|yet|only|n['’]t)\b|n['’]t\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
# Words by which a sentence takes back, weakens, limits or turns round what it seems to say.
_LIMITING = word_set(
    "only if unless whether except but yet almost nearly hardly barely may might could would should must to by until till that "
    "which who for with without within before after while when where than as because though although provided allegedly "
    "reportedly только если кроме но почти может мог могла могли бы чтобы что который которая которое которые для без до после"
)
_TIMES = word_set(
    f"{CALENDAR} spring summer autumn fall winter year month week last this early late весной летом осенью зимой"
)
_DENYING = word_set("not never не никогда")  # as `rag.support` judges it
_LONGEST_REST = 3
_REALLY = re.compile(r"\b(?:really|actually|indeed|true that|the case that)\s+", re.IGNORECASE)


def verdict(question: Question, quotes: Mapping[int, str]) -> tuple[bool, tuple[int, ...]] | None:
    """Return yes (`True`) or no with the numbers of the quotes that say so; `None` where they say neither, or both."""
    statement = _statement(question)
    if statement is None:
        return None
    wanted = content_terms(statement)
    found: dict[bool, list[int]] = {}
    for number, quote in quotes.items():
        for sentence in _sentences(quote):
            if not frozenset(wanted) <= frozenset(content_terms(sentence)):
                continue
            support = supports(statement, [sentence])
            rest = _after(wanted, statement, sentence)
            denied = all(problem.kind is ProblemKind.NEGATION for problem in support.problems)
            if support.supported and rest is not None and _tells_only_where_or_when(rest):
                found.setdefault(True, []).append(number)
            elif not support.supported and denied:
                if rest is None or _WORD.search(rest):
                    return None  # something of it is denied, and so it cannot be affirmed by another quote
                found.setdefault(False, []).append(number)
    if len(found) != 1:
        return None
    ((said, numbers),) = found.items()
    return said, tuple(dict.fromkeys(numbers))


def _sentences(text: str) -> list[str]:
    return [
        text[sentence.start : sentence.end]
        for paragraph in paragraphs(text)
        for sentence in sentences(text, paragraph)
    ]


def _after(wanted: Sequence[str], statement: str, sentence: str) -> str | None:
    """Return what a sentence says after the statement's words; `None` where it does not begin with these alone.

    Numbers may stand between ("ordered 22 planes"), and a time before ("In May 2024 …").
    """
    left, end = list(wanted), 0
    allowed = {word.casefold() for word in _WORD.findall(statement)}
    for match in _WORD.finditer(sentence):
        word, said = match.group().casefold(), content_terms(match.group())
        if not left and word not in allowed:
            break
        if word in _LIMITING and word not in allowed and match.group() != "May":
            return None
        if said and said == left[: len(said)]:
            del left[: len(said)]
        elif (
            left
            and said
            and not (word in _DENYING or word[0].isdigit() or (len(left) == len(wanted) and word in _TIMES))
        ):
            return None
        end = match.end()
    return None if left or sentence.rstrip().endswith("?") else sentence[end:]


def _tells_only_where_or_when(rest: str) -> bool:
    words = [word.casefold() for word in _WORD.findall(rest)]
    if not words:
        return True
    return (
        words[0] in ("in", "on", "at", "в", "на")
        and not _LIMITING.intersection(words)
        and len(content_terms(rest)) <= _LONGEST_REST
        and not re.search(r"[,;:–—]", rest)
    )


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
