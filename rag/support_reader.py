"""The reader's opinion of a written statement: do these quotes speak of what it says at all?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag.rerank import PassageScorer


class ReaderSupport:
    """A `rag.support.SupportReader` made of the cross-encoder.

    The statement is read as a question and the quotes, joined, as the passage: the probability is that of
    "this passage answers". It tells quotes about the matter from quotes that merely share its words
    (`eval/bench/support_mutations.py` has the figures); of one changed figure or name it hardly knows, and that is
    what the rules of `rag.support` are for.
    """

    def __init__(self, scorer: PassageScorer) -> None:
        self._scorer = scorer

    def __call__(self, sentence: str, quotes: Sequence[str]) -> float:
        """Return the probability, in [0, 1], that the quotes speak of what the sentence says.

        Raises:
            QAError: the model failed.
        """
        (read,) = self._scorer.score(sentence, ["\n".join(quotes)])
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, read.answerable))))
