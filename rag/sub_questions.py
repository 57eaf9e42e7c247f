"""Splits a message that asks several questions into those questions, each to be answered by itself.

"Who hosted the summit, and how many planes did Uzbekistan order?" asks two things, and the sources may
answer only one of them. (`rag.parts` splits one long question, for the search alone.)
"""

from __future__ import annotations

import re

from index.terms import content_terms
from rag.follow_up import standalone
from rag.types import Turn

MOST = 3
"""More than three questions at once are taken as one: each is searched for and read by itself."""

_ASKS = (
    r"(?:(?:in|on|at|by|for|from|to|with|of|since|until|under|during)\s+)?"
    r"(?:who|whom|whose|what|when|where|why|which|how|кто|что|когда|где|куда|откуда|почему|зачем|сколько|как|какой|какая|какие|какое)\b"
)
# A comma alone opens a relative clause more often than a question: "the bank, which …".
_VERB = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b"
_AND = re.compile(
    rf"(?:\s*;\s*|,?\s+(?:and(?: also)?|и|а также)\s+)(?={_ASKS})|,\s+and(?: also)?\s+(?={_VERB})",
    re.IGNORECASE,
)
# "the difference between A and what they call B" is one thing, and "on savings and how banks lend" asks nothing.
_HALF_A_PAIR = re.compile(r"\bbetween\b(?!.*\band\b)", re.IGNORECASE)
_TOLD = re.compile(
    rf"^\W*(?:how(?!\s+(?:many|much|long|old|often|far|big|large|tall|high|deep|fast|few)\b)|why|when|where)\s+(?!{_VERB}|to\b|come\b)",
    re.IGNORECASE,
)
_END = re.compile(r"\?+\s+(?=\S)")
_OPENS = re.compile(rf"^\W*(?:(?:and|but|so|а|и|но)\s+)?{_ASKS}", re.IGNORECASE)
_VERB_FIRST = re.compile(rf"^\W*{_VERB}", re.IGNORECASE)
# What a later question may take from the one before it.
_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|hers|this|these|those|there|one|ones|"
    r"он|она|оно|они|его|её|ее|их|им|этот|эта|это|эти|там)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<!^)\b[A-ZА-ЯЁ]|\d")
_LEAST_TERMS = 3
# A longer one is one question with much said about it, not several.
_LONGEST = 200


def sub_questions(question: str) -> tuple[str, ...]:
    """Return the questions that one message asks, in order; the message itself where it asks only one.

    Each piece must ask by a question word or a verb, in the order of words of a question. One that leans on what was
    said before ("and when did it open?"), or says too little by itself, is given its topic from there
    as a follow-up would be, or else all of the first piece.
    """
    if len(question) > _LONGEST:
        return (question,)
    pieces = [piece.strip() for whole in _END.split(question) for piece in _AND.split(whole)]
    pieces = [piece for piece in pieces if piece]
    if not 1 < len(pieces) <= MOST or len(set(content_terms(pieces[0]))) < 2:
        return (question,)
    first, *others = pieces
    if not all(_OPENS.match(piece) or _VERB_FIRST.match(piece) for piece in pieces):
        return (question,)
    if any(map(_TOLD.match, others)) or any(map(_HALF_A_PAIR.search, pieces[:-1])):
        return (question,)
    found: list[str] = []
    for piece in pieces:
        text = piece if piece.endswith("?") else f"{piece}?"
        slight = len(set(content_terms(piece))) < _LEAST_TERMS and not _NAMED.search(piece)
        if found and (slight or _LEANS.search(piece)):
            whole = standalone(text, [Turn(role="user", content=one) for one in found])
            text = f"{text} (about: {first.rstrip(' ?')})" if whole == text else whole
        found.append(text)
    return tuple(found)
