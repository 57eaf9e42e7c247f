"""Are the quotes real, are they the right ones, and is there no more of them than is needed?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.datatypes import Gold
from eval.metrics.base import Measured, Metric, of_rows, per_case, pooled
from eval.metrics.case import Case
from eval.metrics.overlap import HOLDING, PARTS, SAME, Quoted, characters, occurrences, stands

ALIKE = 0.85
_WORD = re.compile(r"\w+")
_OURS = "this project"
_HELD = HOLDING.format(text="cited text")
_POOLED = "Pooled over citations; n counts the answers that have one."
_QUOTED = "A quote whose offsets do not hold is known by its text: the same text counts once."
_ANSWERABLE = "Over questions with gold quotes that are not labelled unanswerable"
_ANSWERED = f"{_ANSWERABLE}, where they were answered"

METRICS = (
    Metric(
        name="verified_share",
        title="Citations that verify",
        definition=(
            "Share of all citations of all answers whose document is kept with the run, has the sha256 that "
            "the citation names (computed anew from its text), and holds the cited text at exactly the "
            f"offsets named. Without offsets or a document a citation does not verify. {_POOLED}"
        ),
        source=f"{_OURS}: the contract's first invariant",
        family="quotes",
        form="set",
    ),
    *(
        Metric(
            name=f"gold_quote_hit_at_{k}",
            title=f"Gold quote hit at {k}",
            definition=(
                f"1 when one of the first {k} citations shares a character with a gold quote, else 0; "
                f"abstaining scores 0. {SAME} {_ANSWERABLE}."
            ),
            source=f"{_OURS}: success at k (trec_eval) with citations as the ranking",
            family="quotes",
            form="share",
            interval="wilson",
        )
        for k in (1, 3, 5)
    ),
    Metric(
        name="quote_precision",
        title="Quote precision",
        definition=(
            "Share of the quoted characters, each counted once, that lie in a gold quote; an answer without "
            f"a citation scores 0. {SAME} {PARTS} {_QUOTED} {_ANSWERED}."
        ),
        source=f"{_OURS}: precision over characters, as in passage retrieval (Trotman et al., INEX 2007)",
        family="quotes",
        form="mean",
    ),
    Metric(
        name="quote_recall",
        title="Quote recall",
        definition=(
            "Share of the characters of the gold quotes, each counted once, that were quoted; abstaining "
            f"scores 0. {SAME} {PARTS} Gold's characters are those at its own place or, where its text does not "
            "stand there, at the first place of its text in its document; one counts as quoted when it is "
            "quoted at any place where gold counts. Gold that has no place in a kept document of its own, as "
            "gold without a document, is counted apart: once for each document named and text. "
            f"{_ANSWERABLE}."
        ),
        source=f"{_OURS}: recall over characters, as in passage retrieval (Trotman et al., INEX 2007)",
        family="quotes",
        form="mean",
    ),
    Metric(
        name="needless_characters",
        title="Needless characters",
        definition=(
            "How many quoted characters, each counted once, lie in no gold quote, for each answer. "
            f"{SAME} {PARTS} {_QUOTED} {_ANSWERED} with a citation."
        ),
        source=_OURS,
        family="quotes",
        form="mean",
        higher_is_better=False,
    ),
    Metric(
        name="duplicate_share",
        title="Duplicate citations",
        definition=(
            "Share of all citations of all answers that share a character of a document with an earlier "
            f"citation of the same answer, by offsets that hold, or whose words have a Jaccard similarity of "
            f"{ALIKE} or more with those of an earlier one (as a set, in lower case; a word is a run of "
            f"letters, digits and underscores; a quote without words is like none). {_HELD} {_POOLED}"
        ),
        source=f"{_OURS}; Jaccard, 1901",
        family="quotes",
        form="set",
        higher_is_better=False,
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    return {
        "verified_share": of_rows([verified(case) for case in cases], 2, pooled),
        "gold_quote_hit_at_1": per_case(cases, lambda case: gold_quote_hit(case, 1)),
        "gold_quote_hit_at_3": per_case(cases, lambda case: gold_quote_hit(case, 3)),
        "gold_quote_hit_at_5": per_case(cases, lambda case: gold_quote_hit(case, 5)),
        "quote_precision": per_case(cases, quote_precision),
        "quote_recall": per_case(cases, quote_recall),
        "needless_characters": per_case(cases, needless_characters),
        "duplicate_share": of_rows([duplicates(case) for case in cases], 2, pooled),
    }


def verified(case: Case) -> tuple[float, float] | None:
    """Return how many citations verify, and how many there are; `None` where there are none."""
    return (sum(one.verified for one in case.citations), len(case.citations)) if case.citations else None


def gold_quote_hit(case: Case, k: int) -> float | None:
    """Return 1 when one of the first `k` citations shares a character with a gold quote, else 0."""
    return float(case.touches_gold(k)) if case.has_gold else None


def quote_precision(case: Case) -> float | None:
    """Return the share of the quoted characters that lie in gold."""
    if not case.has_gold or case.abstained:
        return None
    quoted, inside = _quoted(case)
    return inside / quoted if quoted else 0.0


def quote_recall(case: Case) -> float | None:
    """Return the share of gold's characters that were quoted."""
    if not case.has_gold:
        return None
    wanted: dict[object, set[int]] = {}
    found: dict[object, set[int]] = {}
    for place, gold in enumerate(case.question.gold):
        key, start = _gold_place(gold, case)
        wanted.setdefault(key, set()).update(range(start, start + len(gold.text)))
        for row in case.matches:
            found.setdefault(key, set()).update(characters(row[place].in_gold, start))
    return sum(map(len, found.values())) / sum(map(len, wanted.values()))


def needless_characters(case: Case) -> float | None:
    """Return how many quoted characters lie in no gold quote."""
    if not case.has_gold or not case.citations:
        return None
    quoted, inside = _quoted(case)
    return float(quoted - inside)


def duplicates(case: Case) -> tuple[float, float] | None:
    """Return how many citations repeat an earlier one, and how many there are; `None` of none."""
    if not case.citations:
        return None
    seen: list[tuple[Quoted, frozenset[str]]] = []
    count = 0
    for cited in case.citations:
        words = frozenset(_WORD.findall(cited.quoted.text.lower()))
        count += any(_overlap(cited.quoted, other) or _alike(words, heard) for other, heard in seen)
        seen.append((cited.quoted, words))
    return count, len(seen)


def _quoted(case: Case) -> tuple[int, int]:
    """Count the quoted characters, and those of them in gold, each character of a document once."""
    whole: dict[object, set[int]] = {}
    inside: dict[object, set[int]] = {}
    for cited, row in zip(case.citations, case.matches, strict=True):
        quoted = cited.quoted
        start = quoted.start or 0
        key = ("text", quoted.text) if quoted.start is None else ("document", quoted.document_id)
        end = start + len(quoted.text) if quoted.end is None else quoted.end
        whole.setdefault(key, set()).update(range(start, end))
        for found in row:
            inside.setdefault(key, set()).update(characters(found.in_quote, start))
    return sum(map(len, whole.values())), sum(map(len, inside.values()))


def _gold_place(gold: Gold, case: Case) -> tuple[object, int]:
    """Return where a gold quote's own characters are counted: in its document if it has a place there."""
    document = None if gold.document_id is None else case.documents.get(gold.document_id)
    if document is not None:
        own = None if gold.start is None or gold.end is None else (gold.start, gold.end)
        if own is None or not stands(gold.text, document.text, own):
            own = next(occurrences(document.text, gold.text), None)
        if own is not None:
            return ("document", gold.document_id), own[0]
    return ("text", gold.document_id, gold.text), 0


def _overlap(one: Quoted, other: Quoted) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one | other) and len(one & other) / len(one | other) >= ALIKE
