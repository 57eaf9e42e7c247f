"""How much of the score is kept when a question is asked in another way?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from eval.metrics.base import FloatArray, Measured, Metric
from eval.metrics.case import Case

WAYS = {
    "typo": "with slips of the finger",
    "paraphrase": "in other words",
    "lower_case": "in lower case",
    "language": "in another language, all languages together",
    "other": "in a way that is none of typo, paraphrase, lower_case and a language code",
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")

METRICS = tuple(
    Metric(
        name=f"variant_kept_{way}",
        title=f"Score kept: {way.replace('_', ' ')}",
        definition=(
            f"For questions asked anew {words}: their mean score divided by the mean score of the questions "
            "that they vary. The score is gold_quote_hit_at_5, or rr_at_10 where in the whole run no pair of "
            "this sort has gold quotes. Over pairs of which both define it and neither failed; an original "
            "counts once for each of its variants; a pair is of its variant's kind, whatever the original's. A "
            "question that names an original but no variant is of no sort; a language code is two or three of "
            "a–z, then any number of parts of 2 to 8 of a–z, A–Z and 0–9, each after - or _. No value where the "
            "originals score 0; above 1 where the variants do better."
        ),
        source="this project; Sidiropoulos and Kanoulas, 2022 (typos in dense retrieval)",
        family="robustness",
        form="set",
    )
    for way, words in WAYS.items()
)


def way_of(variant: str) -> str:
    """Return which of `WAYS` a variant is; a language is told by its code, such as `ru` or `pt-BR`."""
    if variant in WAYS:
        return variant
    return "language" if _LANGUAGE.fullmatch(variant) else "other"


def measure(cases: Sequence[Case], hits: Measured, ranks: Measured) -> dict[str, Measured]:
    """Measure every way of asking anew, from two metrics measured on the same cases."""
    places = {case.question.question_id: place for place, case in enumerate(cases)}
    ways: dict[str, list[tuple[int, int]]] = {way: [] for way in WAYS}
    for place, case in enumerate(cases):
        question = case.question
        original = None if question.variant_of is None else places.get(question.variant_of)
        # Without the original (not asked, or failed) there is no pair.
        if question.variant is not None and original is not None:
            ways[way_of(question.variant)].append((place, original))
    found: dict[str, Measured] = {}
    for way, pairs in ways.items():
        by_hits = _pairs(pairs, hits, len(cases))
        found[f"variant_kept_{way}"] = by_hits if len(by_hits.defined()) else _pairs(pairs, ranks, len(cases))
    return found


def kept(rows: FloatArray) -> float:
    """Return the sum of column 0 (variants) by that of column 1 (originals); NaN where that is 0."""
    whole = rows[:, 1].sum()
    return float(rows[:, 0].sum() / whole) if whole else float("nan")


def _pairs(pairs: Sequence[tuple[int, int]], score: Measured, count: int) -> Measured:
    rows = np.full((count, 2), np.nan)
    for variant, original in pairs:
        rows[variant] = score.rows[variant, 0], score.rows[original, 0]
    return Measured(rows=rows, statistic=kept)
