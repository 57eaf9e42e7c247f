"""Whether a written sentence may be shown: with which of the quotes it names, or why not.

A sentence is shown only if one quote that it names backs all of it by itself. Two quotes together
back less than they seem to: "Brandt signed the treaty in Paris" has its words from one sentence on
the treaty of Riga and another on a meeting in Paris.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from index.terms import content_terms
from rag.cite import shown_safely
from rag.extract import shown_text
from rag.languages import language_of
from rag.support import MAX_STATEMENT, Problem, SupportReader, supports
from rag.write.guard import is_foreign
from rag.write.offer import Offer, Offered
from rag.write.parse import WrittenSentence

Fate = Literal["shown", "misattributed", "unsupported"]

MAX_SENTENCE = 600
"""Characters of a sentence that may be shown."""
_LEAST_TERMS, _LEAST_CHARACTERS = 2, 12
MAX_IDS = 6
"""Of the ids that a sentence names, so many are looked at."""
_MARKDOWN = re.compile(r"(?<!\w)[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}(?!\w)|`+|\*\*|__|~~|\\(?=[^\w\s])")
_LEAD = re.compile(r"^(?:[\s>#*+•|=~-]+|\d{1,2}[.)]\s+)+")
# Where a name of a site stands alone, chat clients make a link of it as well.
_SITE = re.compile(
    r"(?<![\w@])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|org|net|info|biz|io|co|ai|app|dev|xyz|top|site|online|shop|ru|kz|"
    r"uz|kg|tj|tm|cn|uk|de|eu|us|me|tv|gg|ly|cc|link|click|example|test|invalid|local|onion|рф|su)(?![\w-])|"
    r"(?<!\w)[\w-]+(?:\.[\w-]+)+/\S|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>{}|\\‹]|…|&(?:#\w{1,8}|[a-z]{2,10});|\(at\)|\$\$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of a written sentence. `text` is what may be shown, or what was refused.

    `quotes` are the offered sentences that each back it alone; empty unless it is shown. `unknown`
    counts the numbers that it named and nobody had offered.
    """

    fate: Fate
    text: str
    quotes: tuple[Offered, ...]
    unknown: int
    reason: str
    foreign: bool = False


def plain_sentence(text: str) -> str:
    """Return a written sentence as plain text: no links, images, HTML, Markdown or markers of its own."""
    text = shown_text(shown_safely(text))
    text = _LEAD.sub("", text)
    # Taking marks away may bring others together.
    while (plainer := shown_text(shown_safely(_MARKDOWN.sub("", text)))) != text:
        text = plainer
    return text


def judge(
    written: WrittenSentence, offered: Offer, language: str, reader: SupportReader | None = None
) -> Judged:
    """Judge one sentence by the quotes that it names.

    `language` is the question's; the quotes' own languages are allowed as well. Where no named quote
    backs it, all others that were offered are tried, to tell a wrong number from an invention.

    Raises:
        ValueError: the reader's score is not a probability.
    """
    text = plain_sentence(written.text)
    named = [offered.get(number) for number in written.ids]
    unknown = sum(sentence is None for sentence in named)
    known = [sentence for sentence in named if sentence is not None][:MAX_IDS]

    def refused(reason: str, fate: Fate = "unsupported", *, foreign: bool = False) -> Judged:
        return Judged(fate=fate, text=text, quotes=(), unknown=unknown, reason=reason, foreign=foreign)

    # Scripts without spaces have few terms, and long ones.
    if len(set(content_terms(text))) < _LEAST_TERMS and len(text) < _LEAST_CHARACTERS:
        return refused("it is too short to say anything")
    if len(text) > min(MAX_SENTENCE, MAX_STATEMENT):
        return refused(f"it has {len(text)} characters; at most {MAX_SENTENCE} are allowed")
    if _SITE.search(text) or _MARKUP.search(text):
        return refused("it holds an address or markup; write plain words")
    allowed = frozenset({language} | {code for s in known if (code := language_of(s.text)) is not None})
    if is_foreign(text, allowed):
        return refused("it is in another language than the question", foreign=True)
    problems: list[Problem] = []
    backing: list[Offered] = []
    for sentence in known:
        support = supports(text, [sentence.text], reader=reader)
        if support.supported:
            backing.append(sentence)
        else:
            problems.extend(support.problems)
    if backing:
        return Judged(fate="shown", text=text, quotes=tuple(backing), unknown=unknown, reason="")
    if _backed_elsewhere(text, offered, known, reader):
        return refused("another source sentence backs it, not the one named", "misattributed")
    if not known:
        return refused("it names no source sentence that was offered")
    return refused("; ".join(dict.fromkeys(_said(problem) for problem in problems[:3])))


def _backed_elsewhere(text: str, offered: Offer, known: list[Offered], reader: SupportReader | None) -> bool:
    words = frozenset(content_terms(text))
    for sentence in offered.sentences:
        # Less than half of its words: the rules would refuse it, and take longer to.
        if sentence in known or 2 * len(words & frozenset(content_terms(sentence.text))) < len(words):
            continue
        if supports(text, [sentence.text], reader=reader).supported:
            return True
    return False


def _said(problem: Problem) -> str:
    said = f"{problem.said!r} is not backed" if problem.said else "something is left out"
    return f"{problem.kind.value}: {said}" + (f", the source has {problem.found!r}" if problem.found else "")
