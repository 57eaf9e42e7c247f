"""Puts the first passages found in the order in which they seem to answer, by reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from index.generation import Generation
from rag.calibrate import Logistic
from rag.reader_model import TokenScores
from rag.reorder import reordered
from rag.retrieve import Retrieved

MAX_ANSWER_TOKENS = 24
UNREAD = -12.0
"""The logit of what the model did not get to see."""


class PassageScorer(Protocol):
    """A model that scores the tokens of passages for a question."""

    @property
    def name(self) -> str:
        """Model id, for receipts."""

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        """Return one record a passage, in order."""


def reranked(
    retrieved: Retrieved,
    generation: Generation,
    *,
    scorer: PassageScorer,
    weights: Logistic,
    depth: int,
    turn_penalty: float,
) -> Retrieved:
    """Return the same hits, the first `depth` of them read and in a new order.

    To the search's score of a passage, before turns, is added what `weights` make of the reader's
    (`rag.signals.PASSAGE_SIGNALS`). A question that asks for several things keeps its order, and nothing is
    read for it here: no one passage answers all of them, and the reader was taught to look for one that does
    (`eval/bench/reading.py` has the figures). What was not read keeps its order below (see `rag.reorder`).
    """
    first = retrieved.hits[:depth]
    if not first or retrieved.parts:
        return retrieved
    tokens = scorer.score(retrieved.asked, [generation.passage(hit.row).text for hit in first])
    said = [weights.log_odds(passage_signals(t)) for t in tokens]
    scores = np.array([hit.fused + one for hit, one in zip(first, said, strict=True)])
    hits = [replace(hit, tokens=one) for hit, one in zip(first, tokens, strict=True)]
    return reordered(retrieved, hits, scores, turn_penalty)


def passage_signals(tokens: TokenScores) -> tuple[float, float]:
    """Return what the reader says of a passage, in the order of `rag.signals.PASSAGE_SIGNALS`."""
    return tokens.answerable, best_span(tokens)[0]


def best_span(tokens: TokenScores, start: int = 0, end: int | None = None) -> tuple[float, int, int]:
    """Return (log-odds against "no answer", first token, last token) of the likeliest answer.

    `start` and `end` bound the tokens that are looked at. The last token stands less than
    `MAX_ANSWER_TOKENS` behind the first. Where no token was read: (`UNREAD`, `start`, `start`).
    """
    best: tuple[float, int, int] | None = None
    for first in start + np.argsort(-tokens.start[start:end], kind="stable")[:8]:
        ends = tokens.end[first : first + MAX_ANSWER_TOKENS]
        if end is not None:
            ends = ends[: end - first]
        last = int(np.argmax(ends))
        score = float(tokens.start[first] + ends[last]) - tokens.null
        if best is None or score > best[0]:
            best = (score, int(first), int(first) + last)
    return best or (UNREAD, start, start)
