"""Puts the first hits of a search in the order of new scores, and keeps the others below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.retrieve import Hit, Retrieved
from rag.turns import ScoreArray, in_turns


def reordered(
    retrieved: Retrieved, first: Sequence[Hit], scores: ScoreArray, turn_penalty: float
) -> Retrieved:
    """Return the hits with `first` in the place of as many first ones, ordered by these scores of theirs.

    Turns are taken as in the search (see `rag.turns`). The others keep their order below, their scores moved
    down so that none passes the last of `first`.
    """
    turns = [hit.turns for hit in first] if any(hit.turns for hit in first) else []
    ordered = [replace(first[n], score=score) for n, score in in_turns(scores, turns, turn_penalty)]
    rest = retrieved.hits[len(ordered) :]
    drop = max(0.0, rest[0].score - ordered[-1].score) if rest else 0.0
    return replace(retrieved, hits=(*ordered, *(replace(hit, score=hit.score - drop) for hit in rest)))
