"""Which of a follow-up's topics are meant: the reader tells, where rules found several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from index.generation import Generation
from rag.question import narrowed
from rag.rerank import PassageScorer
from rag.retrieve import Retrieved
from rag.types import Question

PASSAGES = 2
"""Passages read for each form."""
MARGIN = 1.5
"""How much more likely an answer must be for the nearest topic alone to be taken, in log-odds.

Every topic is right more often than the nearest alone; `eval/bench/follow_ups.py` has both. Between 0.75 and 2
the margin makes no difference that its intervals tell apart.
"""


def settled(
    question: Question,
    search: Callable[[Question, int], Retrieved],
    scorer: PassageScorer,
    generation: Generation,
) -> Question:
    """Return the question with all its topics or with the nearest alone, whichever finds what answers it.

    For each form the first passages that `search(question, k)` finds are read; it is judged by the mean of
    their logits of holding an answer. A form for which nothing is found is not taken.

    Raises:
        QAError: the search or the reader failed.
    """
    narrow = narrowed(question)
    if narrow is question:
        return question
    whole, alone = (_answerable(search(one, PASSAGES), scorer, generation) for one in (question, narrow))
    return narrow if alone > whole + MARGIN else question


def _answerable(retrieved: Retrieved, scorer: PassageScorer, generation: Generation) -> float:
    texts = [generation.passage(hit.row).text for hit in retrieved.hits[:PASSAGES]]
    if not texts:
        return -np.inf
    return float(np.mean([tokens.answerable for tokens in scorer.score(retrieved.asked, texts)]))
