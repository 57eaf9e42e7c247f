"""What an answer says of a disagreement, and of the order in time, in the question's language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.dates import date_for_readers
from rag.disagree import Disagreement, Told
from rag.disagree_time import TimeOrder
from rag.disagree_values import ValueKind
from rag.extract import shown_text
from rag.types import AnswerType, Citation, Draft, DraftSentence, Question, Quote

_WORDS = {
    "en": {
        "differ": "Sources differ on {about}: {side}",
        "side": "{name} ({date}) says {value}",
        "unknown": "date unknown",
        "unordered": "Not put in order of time: {side}",
        "undated": "the date of {name} is unknown",
    },
    "ru": {
        "differ": "Источники расходятся ({about}): {side}",
        "side": "{name} ({date}) сообщает: {value}",
        "unknown": "дата неизвестна",
        "unordered": "Не расположено по времени: {side}",
        "undated": "дата сообщения {name} неизвестна",
    },
}
_KIND_WORDS: dict[str, dict[str, str]] = {
    "en": {"amount": "the figure", "date": "the date", "name": "the name", "place": "the place"},
    "ru": {"amount": "число", "date": "дата", "name": "имя", "place": "место"},
}
_MAX_ABOUT = 100
_DID = r"(?:did|do|does|has|have|had|will|would|was|were|are|is|can|could)"
# A question's own words that make a noun phrase: what is taken is copied as it stands.
_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), phrase)
    for pattern, phrase in (
        (r"(?:what|which) (?:is|was|are|were) (the .+)", r"\1"),
        (r"what (percentage|share|proportion|number|amount) of .+", r"the \1 (“\g<0>”)"),
        (rf"how many ((?:\S+ ){{0,3}}?\S+?) {_DID}\b.*", r"the number of \1"),
        (r"how many (\S+) .*", r"the number of \1"),
        (r"how much (?:is|was|are|were) (.+) (?:worth|valued at)", r"the worth of \1"),
        (r"how much (?:is|was|are|were) (.+)", r"the amount of \1"),
        (r"how much (?:did|does|do|will|would) (.+) cost", r"the cost of \1"),
        (rf"how much (\S+) {_DID}\b.*", r"the amount of \1"),
        (r"how (high|tall|long|deep|wide|heavy|old|large|big|far) (is|was|are|were) (.+)", r"how \1 \3 \2"),
        (rf"(who (?!{_DID}\b).+)", r"\1"),
    )
)
_EDGES = " \t?!.,:;“”\"'«»"


def about(question: Question, kind: ValueKind) -> str:
    """Return what is differed on: a noun phrase of the question's words, else the question itself."""
    asked = shown_text(question.standalone).strip(_EDGES)
    if question.language == "en":
        for pattern, phrase in _PHRASES:
            match = pattern.fullmatch(asked)
            if match is not None and len(match.expand(phrase)) <= _MAX_ABOUT:
                words = match.expand(phrase)
                return words[:1].lower() + words[1:]
    named = "place" if kind == "name" and question.answer_type is AnswerType.PLACE else kind
    word = _KIND_WORDS.get(question.language, _KIND_WORDS["en"])[named]
    return f"{word}: «{_cut(asked)}»" if question.language == "ru" else f"{word} (“{_cut(asked)}”)"


def _cut(text: str) -> str:
    if len(text) <= _MAX_ABOUT:
        return text
    return text[:_MAX_ABOUT].rsplit(" ", 1)[0] + "…"


def with_disagreements(
    draft: Draft, question: Question, found: Sequence[Disagreement], told: Sequence[Told]
) -> Draft:
    """Add a paragraph a disagreement: one piece a quote, so that each marker stands by its own source."""
    words = _WORDS.get(question.language, _WORDS["en"])
    by_number = {t.number: t for t in told}
    added: list[DraftSentence] = []
    for item in found:
        said = [(side, number) for side in item.sides for number in side.quotes]
        for n, (side, number) in enumerate(said):
            text = words["side"].format(
                name=_name(by_number[number]),
                date=_date(by_number[number], question.language),
                value=shown_text(side.value),
            )
            if n == 0:
                text = words["differ"].format(about=about(question, item.kind), side=text)
            text += "." if n + 1 == len(said) else ";"
            added.append(DraftSentence(text=text, quotes=(number,), opens_paragraph=n == 0))
    return replace(draft, sentences=(*draft.sentences, *added))


def with_time(draft: Draft, question: Question, order: TimeOrder | None, told: Sequence[Told]) -> Draft:
    """Put the paragraphs of plans and of what came of them in order, or say why they are in none."""
    if order is None:
        return draft
    by_number = {t.number: t for t in told}
    if not order.undated:
        return replace(draft, sentences=_reordered(draft, order))
    words = _WORDS.get(question.language, _WORDS["en"])
    first = {by_number[number].document_id: number for number in reversed(order.undated)}
    added: list[DraftSentence] = []
    for n, number in enumerate(sorted(first.values())):
        text = words["undated"].format(name=_name(by_number[number]))
        text = words["unordered"].format(side=text) if n == 0 else text
        text += "." if n + 1 == len(first) else ";"
        added.append(DraftSentence(text=text, quotes=(number,), opens_paragraph=n == 0))
    return replace(draft, sentences=(*draft.sentences, *added))


def _reordered(draft: Draft, order: TimeOrder) -> tuple[DraftSentence, ...]:
    """Let the documents concerned take their own places in another order; the rest stays."""
    paragraphs: list[list[DraftSentence]] = []
    for sentence in draft.sentences:
        if sentence.opens_paragraph or not paragraphs:
            paragraphs.append([])
        paragraphs[-1].append(sentence)
    document = [draft.spans[paragraph[0].quotes[0]][0] for paragraph in paragraphs]
    wanted = list(dict.fromkeys(draft.spans[number][0] for number in order.order))
    places = [n for n, name in enumerate(document) if name in wanted]
    moved = {place: paragraphs[document.index(name)] for place, name in zip(places, wanted, strict=True)}
    return tuple(s for n, own in enumerate(paragraphs) for s in moved.get(n, own))


def records(
    question: Question,
    found: Sequence[Disagreement],
    quotes: Mapping[int, Quote],
    citations: Sequence[Citation],
) -> tuple[Mapping[str, object], ...]:
    """Return the contract's `disagreements`, with the numbers that the quotes have got."""
    number_of = {citation.quote: citation.number for citation in citations}
    return tuple(
        {
            "about": about(question, item.kind),
            "sides": [
                {
                    "value": side.value,
                    "citations": sorted(n for q in side.quotes if (n := number_of[quotes[q]]) is not None),
                }
                for side in item.sides
            ],
        }
        for item in found
    )


def _name(told: Told) -> str:
    return shown_text(told.publisher or told.title)


def _date(told: Told, language: str) -> str:
    if told.published_at is None:
        return _WORDS.get(language, _WORDS["en"])["unknown"]
    return date_for_readers(told.published_at, language)
