"""Lets the sources that a question names take turns, so that each has a passage among the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

ScoreArray = NDArray[np.float64]
# As deep as sources take turns; below, nobody reads.
_TURNS = 40


def in_turns(
    scores: ScoreArray, turns: Sequence[tuple[int, ...]], penalty: float
) -> Iterator[tuple[int, float]]:
    """Yield (place, score), best first, ties by place; a source that was heard waits for the others.

    `turns` says which of the sources each passage belongs to; empty when nobody takes turns. Each
    passage already taken of a source costs the rest of that source `penalty`: the score that is
    yielded has it taken off, and never rises.
    """
    adjusted = [float(score) for score in scores]
    if turns:
        heard: Counter[int] = Counter()
        left = set(range(len(adjusted)))
        for _ in range(min(_TURNS, len(adjusted))):
            place = max(left, key=lambda n: (adjusted[n], -n))
            yield place, adjusted[place]
            left.remove(place)
            heard.update(turns[place])
            for n in left:
                if turns[n]:
                    # One of two named sources that has not been heard yet is still owed its turn.
                    adjusted[n] = float(scores[n]) - penalty * min(heard[one] for one in turns[n])
        rest = sorted(left, key=lambda n: (-adjusted[n], n))
    else:
        rest = sorted(range(len(adjusted)), key=lambda n: (-adjusted[n], n))
    for n in rest:
        yield n, adjusted[n]
