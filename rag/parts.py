"""Splits a question that asks for several things into its parts, each searched for by itself."""

from __future__ import annotations

import re
from itertools import pairwise

from index.terms import content_terms
from rag.topic import TOPIC

# Where one thing that is asked for ends and the next begins.
_JOINT = re.compile(
    r"[,;:]\s+|\s+[–—-]\s+|"
    r"\s+(?:while|whereas|but|and|or|than|compared (?:to|with)|as opposed to|after|before|"
    r"in (?:the same|much the same|a similar) (?:way|manner)(?: (?:that|as|to how|to))?|similar to|"
    r"(?:align|agree|contrast|conflict|differ)(?:s|ed)? (?:with|from)|(?:in)?consistent with|"
    r"а также|но|или|чем|тогда как|после|до)\s+",
    re.IGNORECASE,
)
# A report, but not "does the article report".
_REPORT = re.compile(
    r"\b(?:articles?|stories|story|interviews?|editorials?|columns?|reports|(?<!article )(?<!articles )(?<!story )report)\b",
    re.IGNORECASE,
)
# Shorter pieces say too little to be searched for: they stay with what stands before them.
_LEAST_TERMS = 4
_MOST_PARTS = 6


def speaks_of_several_reports(question: str) -> bool:
    """Tell whether a question sets one report beside another, in whatever words: no one passage answers it."""
    return len(_REPORT.findall(question)) > 1


def parts_of(question: str) -> tuple[str, ...]:
    """Return the parts of a question, in order; nothing for one that asks for a single thing.

    A part has at least four content terms, so that most questions have none.
    """
    topic = TOPIC.search(question)
    if topic is not None:
        return tuple(part + topic.group() for part in parts_of(question[: topic.start()]))
    cuts = [0, *(joint.end() for joint in _JOINT.finditer(question)), len(question)]
    pieces: list[tuple[int, int, int]] = []  # start, end, content terms
    for start, end in pairwise(cuts):
        count = len(content_terms(question[start:end]))
        if pieces and min(count, pieces[-1][2]) < _LEAST_TERMS:
            pieces[-1] = (pieces[-1][0], end, pieces[-1][2] + count)
        else:
            pieces.append((start, end, count))
    if not 1 < len(pieces) <= _MOST_PARTS:
        # So many commas are an enumeration or a paste; its pieces would each take a search.
        return ()
    return tuple(question[start:end].strip() for start, end, _ in pieces)
