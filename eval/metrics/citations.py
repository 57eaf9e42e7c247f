"""Does every sentence of an answer show where it comes from, and from the right place?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from eval.metrics.base import Measured, Metric, per_case
from eval.metrics.case import Case
from eval.metrics.sentences import RULE, sentence_starts

_SENTENCES = (
    f"{RULE} One is cited when a cited part of the answer shares a character with the stretch from its start "
    "to the next one's start. Over answers with a sentence, whatever the question's label; partial answers too."
)
_GOLD = "shares a character with (see gold_quote_hit_at_5)"

METRICS = (
    Metric(
        name="cited_sentence_share",
        title="Sentences with a citation",
        definition=f"Share of an answer's sentences that are cited. {_SENTENCES}",
        source="Gao et al., 2023 (ALCE), with the citation's presence for its entailment",
        family="citations",
        form="mean",
    ),
    Metric(
        name="every_sentence_supported",
        title="Answers wholly cited and verified",
        definition=(
            "1 when every sentence of the answer is cited and every citation verifies (see verified_share), "
            f"else 0. {_SENTENCES}"
        ),
        source="this project: the contract's first and fifth invariants",
        family="citations",
        form="share",
        interval="wilson",
    ),
    Metric(
        name="citation_precision",
        title="Citation precision",
        definition=(
            f"Share of an answer's citations each of which {_GOLD} a gold quote; an answer without a citation "
            "scores 0. Over questions with gold quotes, not labelled unanswerable, where they were answered."
        ),
        source="Gao et al., 2023 (ALCE), with gold quotes in place of a model's judgement",
        family="citations",
        form="mean",
    ),
    Metric(
        name="citation_recall",
        title="Citation recall",
        definition=(
            f"Share of a question's gold quotes each of which {_GOLD} a citation; abstaining scores 0. Over "
            "questions with gold quotes, not labelled unanswerable."
        ),
        source="Gao et al., 2023 (ALCE), with gold quotes in place of a model's judgement",
        family="citations",
        form="mean",
    ),
)


def measure(cases: Sequence[Case]) -> dict[str, Measured]:
    """Measure every metric of this family."""
    return {
        "cited_sentence_share": per_case(cases, cited_sentence_share),
        "every_sentence_supported": per_case(cases, every_sentence_supported),
        "citation_precision": per_case(cases, citation_precision),
        "citation_recall": per_case(cases, citation_recall),
    }


def cited_sentence_share(case: Case) -> float | None:
    """Return the share of an answer's sentences that are cited."""
    cited = cited_sentences(case)
    return sum(cited) / len(cited) if cited else None


def every_sentence_supported(case: Case) -> float | None:
    """Return 1 when every sentence is cited and every citation verifies, else 0."""
    cited = cited_sentences(case)
    return float(all(cited) and all(one.verified for one in case.citations)) if cited else None


def citation_precision(case: Case) -> float | None:
    """Return the share of citations that share a character with a gold quote."""
    if not case.has_gold or case.abstained:
        return None
    return sum(any(row) for row in case.matches) / len(case.matches) if case.matches else 0.0


def citation_recall(case: Case) -> float | None:
    """Return the share of gold quotes that share a character with a citation."""
    if not case.has_gold:
        return None
    gold = len(case.question.gold)
    return sum(any(row[place] for row in case.matches) for place in range(gold)) / gold


def cited_sentences(case: Case) -> list[bool]:
    """Tell of each sentence of an answer whether it is cited; empty when abstained."""
    spans = [span for cited in case.citations for span in cited.spans]
    # A sentence reaches up to the next: its markers stand there.
    stretches = pairwise([*sentence_starts(case.answer), len(case.answer)])
    return [any(left < end and start < right for left, right in spans) for start, end in stretches]
