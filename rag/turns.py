"""Lets the sources that a question names, or its parts, take turns: each has a passage among the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

ScoreArray = NDArray[np.float64]
# As deep as turns are taken; below, nobody reads.
_TURNS = 40


def in_turns(
    scores: ScoreArray, turns: Sequence[tuple[int, ...]], penalty: float
) -> Iterator[tuple[int, float]]:
    """Yield (place, score), best first, ties by place; a source or part that was heard waits for the others.

    `turns` says which of them each passage belongs to; empty when nobody takes turns. Each
    passage already taken of one costs the rest of it `penalty`: the score that is
    yielded has it taken off, and never rises.
    """
    adjusted = np.array(scores, dtype=np.float64)
    left = np.ones(len(adjusted), dtype=bool)
    if turns:
        owed = np.array([bool(turn) for turn in turns], dtype=bool)
        belongs = np.zeros((len(adjusted), 1 + max((one for turn in turns for one in turn), default=0)), bool)
        for n, turn in enumerate(turns):
            belongs[n, list(turn)] = True
        heard = np.zeros(belongs.shape[1])
        for _ in range(min(_TURNS, len(adjusted))):
            place = int(np.argmax(np.where(left, adjusted, -np.inf)))
            yield place, float(adjusted[place])
            left[place] = False
            heard += belongs[place]
            # One of two named sources that has not been heard yet is still owed its turn.
            waits = np.where(belongs, heard, np.inf).min(axis=1)
            adjusted = np.where(left & owed, scores - penalty * np.where(owed, waits, 0.0), adjusted)
    rest = np.flatnonzero(left)
    for n in rest[np.argsort(-adjusted[rest], kind="stable")]:
        yield int(n), float(adjusted[n])
