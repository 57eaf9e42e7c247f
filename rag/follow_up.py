"""Makes a follow-up stand alone by rules, without a language model.

The question's own words are never changed: what it needs from the conversation is put behind it, as
in "Is it treatable? (about: throat cancer)", in Russian after "про". So nothing is put into a person's
mouth, a wrong guess can be seen, and the words of the form itself are no search terms.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.terms import content_terms
from rag.follow_up_names import full_names, spelt_out
from rag.follow_up_phrases import Phrase, is_filler, phrases_of, singular, words_of
from rag.follow_up_signs import Lean, defines, lean_of, relates
from rag.follow_up_words import FUNCTION, PLURAL, VERBS
from rag.topic import TOPIC
from rag.types import Turn

MAX_CHARACTERS = 2000
MAX_TOPICS = 4
"""More would drown the question's own words; `eval/bench/follow_ups.py` measures it."""

_MOST_ROOTS = 2
_MOST_FOCUS = 3
# Turns that are read, and characters of an answer: what is further back is no longer meant.
_LAST_TURNS = 40
_READ_OF_ANSWER = 6000
_LAST_TEXTS = 4
_LONGEST_QUESTION = 200
# Control characters but for white space, and lone surrogates.
_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """What a conversation is about: since its first question, by now, and in its last question alone.

    `question` is the last one with a verb of its own, `said` the answer after the last question,
    `texts` is all that both sides said, `questions` the one side's, `asked` the terms of those.
    """

    root: tuple[Phrase, ...] = ()
    focus: tuple[Phrase, ...] = ()
    last: tuple[Phrase, ...] = ()
    question: str = ""
    said: str = ""
    texts: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        """The terms of what it is about."""
        return frozenset[str]().union(*(phrase.terms for phrase in (*self.root, *self.focus)))


def standalone(question: str, history: Sequence[Turn]) -> str:
    """Return the question as it can be understood without the conversation before it.

    A question that needs no history is returned as it is, and so is one that ends in topics already.
    A question to which topics were added, sent as the last turn before itself, gives the same again.
    """
    return standalone_forms(question, history)[0]


def standalone_forms(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """Return the standalone question, and where several topics were added, the one with the nearest alone.

    Which of the two is meant, rules cannot tell: that is for the reader (see `rag.follow_up_choice`).
    """
    turns = [(turn.role, _read(turn)) for turn in history[-_LAST_TURNS:]]
    turns = [(role, text) for role, text in turns if text]
    asked = [text for role, text in turns if role == "user"]
    if not asked or TOPIC.search(question):
        return (question,)
    if asked[-1].startswith(question) and TOPIC.fullmatch(asked[-1], len(question)):
        return (asked[-1],)
    talk = _Talk()
    for role, text in turns:
        if role == "user":
            talk = _after_question(talk, text)
        else:
            talk = replace(talk, said=text, texts=(*talk.texts, text))
    topics = _needed(question, talk)
    forms = (_with_topics(question, topics), _with_topics(question, topics[:1]))
    return tuple(dict.fromkeys(forms))


def _read(turn: Turn) -> str:
    """Return the text of a turn, without what no question may hold."""
    content = turn.content[: MAX_CHARACTERS if turn.role == "user" else _READ_OF_ANSWER]
    return unicodedata.normalize("NFC", _UNSHOWN.sub(" ", content)).strip()


def _with_topics(question: str, topics: Sequence[str]) -> str:
    """Put as many topics behind the question as fit."""
    label = "про" if re.search("[а-яё]", question, re.IGNORECASE) else "about"
    for count in range(len(topics), 0, -1):
        whole = f"{question} ({label}: {'; '.join(topics[:count])})"
        if len(whole) <= MAX_CHARACTERS:
            return whole
    return question


def _after_question(talk: _Talk, text: str) -> _Talk:
    own = _own(text)
    names = full_names(text, talk.texts)
    lean = lean_of(text, talk.known, talk.asked, bool(names)) if talk.root else None
    focus = talk.focus
    if not talk.root or (lean is None and own):
        focus = own
    elif names:
        focus = tuple(phrase for name in names for phrase in phrases_of(name)) or focus
    elif own and (
        (lean == "definite" and defines(text)) or (lean in ("definite", "bare") and relates(words_of(text)))
    ):
        focus = own
    return _Talk(
        root=talk.root or own,
        focus=focus[:_MOST_FOCUS],
        last=own,
        # "And Kazakhstan?", "And in 2024?": what is asked is still the question before them.
        question=talk.question if lean == "ellipsis" and talk.question else text,
        texts=(*talk.texts, text),
        questions=(*talk.questions, text),
        asked=talk.asked | frozenset(content_terms(text)),
    )


def _own(text: str) -> tuple[Phrase, ...]:
    """Return what a turn names: in its last sentence, else in the whole of it, else any noun."""
    if given := TOPIC.search(text):
        return tuple(phrases_of(given["topics"], fillers=True))
    last = _SENTENCE_END.split(text)[-1]
    return tuple(phrases_of(last) or phrases_of(text) or phrases_of(text, fillers=True))


def _needed(question: str, talk: _Talk) -> list[str]:
    """Return what to add, nearest first; nothing twice, and nothing that the question says itself."""
    names = full_names(question, talk.texts)
    lean = lean_of(question, talk.known, talk.asked, bool(names))
    if lean is None:
        return []
    have = set(content_terms(question))
    found: list[str] = []
    for text in _candidates(question, talk, lean, names):
        terms = set(content_terms(text))
        if terms - have:
            found.append(text)
            have |= terms
    return found[:MAX_TOPICS]


def _candidates(question: str, talk: _Talk, lean: Lean, names: Sequence[str]) -> Iterator[str]:
    yield from names
    yield from spelt_out(question, talk.questions)
    if lean == "ellipsis":
        yield _as_topic(talk.question)
    yield from _called_before(question, talk.texts)
    yield from (phrase.text for phrase in talk.focus)
    if lean in ("ellipsis", "demonstrative"):
        yield from (phrase.text for phrase in talk.last)
    yield from _repeated(talk.said)
    if lean != "pronoun" or not talk.focus or _means_others(question, talk.focus):
        yield from (phrase.text for phrase in talk.root[:_MOST_ROOTS])


def _as_topic(question: str) -> str:
    """Return an earlier question on one line, without the marks that the form needs."""
    given = TOPIC.search(question)
    said = question if given is None else question[: given.start()]
    last = _SENTENCE_END.split(said.strip())[-1].strip(" ?.!")
    topic = last if given is None else f"{last}, {given['topics']}"
    return " ".join(re.sub(r"[()]", " ", topic.replace(";", ",")).split())[:_LONGEST_QUESTION].rstrip()


def _means_others(question: str, focus: Sequence[Phrase]) -> bool:
    """Tell whether it says "they" though the focus names only single things."""
    several = any(phrase.words[-1].low.endswith("s") for phrase in focus) or len(focus) > 1
    return not several and any(word.low in PLURAL for word in words_of(question))


def _called_before(question: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what the last turns called a noun that the question takes up: "those deals"."""
    words = words_of(question)
    for place, word in enumerate(words[:-1]):
        if word.low not in ("the", "this", "these", "those", "that", "which"):
            continue
        for head in words[place + 1 : place + 4]:
            if head.low in FUNCTION or head.low in VERBS or head.gap.strip():
                break
            if name := _with_modifier(singular(head.low), texts):
                yield name
                break


def _with_modifier(head: str, texts: Sequence[str]) -> str | None:
    for text in reversed(texts[-_LAST_TEXTS:]):
        names = Counter(
            f"{one.text} {two.text}"
            for one, two in pairwise(words_of(text))
            if singular(two.low) == head and not two.gap.strip() and not is_filler(one)
        )
        if names:
            return names.most_common(1)[0][0]
    return None


def _repeated(said: str) -> Iterator[str]:
    """Yield the phrase of several words that the last answer says most often, and at least twice."""
    counts: Counter[frozenset[str]] = Counter()
    texts: dict[frozenset[str], str] = {}
    for phrase in phrases_of(said):
        if 1 < len(phrase.terms) == len(phrase.words):
            counts[phrase.terms] += 1
            texts.setdefault(phrase.terms, phrase.text)
    for terms, count in counts.most_common(1):
        if count > 1:
            yield texts[terms]
