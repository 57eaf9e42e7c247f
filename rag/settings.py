"""How answers are made. Frozen, bounded, and read from no environment: the service passes them in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RagSettings:
    """Depths and weights of retrieval and reading.

    `dense_weight` is what a cosine counts beside a BM25 score of at most `lexical_weight`;
    `eval/bench/fusion.py` makes the table that it was chosen by. A weight of 0 leaves that search out.
    `part_weight` is what the best part of a question counts beside the whole, `source_weight` and
    `date_weight` what a publisher, title or day that it names; see `rag.retrieve`. `coverage_weight` and
    `pair_weight` are what the closest sentence of each of the first `worded_k` passages counts where a
    question asks for several things; see
    `rag.closest_sentence`.
    """

    candidates_k: int = 100
    lexical_weight: float = 1.0
    dense_weight: float = 0.6
    part_weight: float = 1.0
    source_weight: float = 2.0
    date_weight: float = 0.6
    coverage_weight: float = 1.6
    pair_weight: float = 5.0
    worded_k: int = 40
    turn_penalty: float = 0.3
    meaning_weight: float = 1.5
    """What the cosine of the closest sentence of each of the first `meaning_k` passages counts; see `rag.closest_meaning`."""
    meaning_k: int = 8
    rerank_depth: int = 6
    """Passages read by the cross-encoder and put in a new order; 0 leaves the search's."""
    evidence_passages: int = 6
    read_sentences: int = 12
    """Sentences that get a vector of their own, and may be quoted; where more quotes are asked for, as many."""
    closest: int = 3
    min_probability: float | None = None
    """Answer, and give a short answer, at or above this; `None` takes the calibration's own thresholds."""

    def __post_init__(self) -> None:
        bounds = {
            "candidates_k": (1, 1000),
            "lexical_weight": (0.0, 10.0),
            "dense_weight": (0.0, 10.0),
            "part_weight": (0.0, 10.0),
            "source_weight": (0.0, 10.0),
            "date_weight": (0.0, 10.0),
            "coverage_weight": (0.0, 10.0),
            "pair_weight": (0.0, 10.0),
            "worded_k": (0, 1000),
            "turn_penalty": (0.0, 10.0),
            "meaning_weight": (0.0, 10.0),
            "meaning_k": (0, 100),
            "rerank_depth": (0, 100),
            "evidence_passages": (1, 100),
            "read_sentences": (1, 200),
            "closest": (0, 20),
            "min_probability": (0.0, 1.0),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be {low} to {high}")
        if self.lexical_weight == self.dense_weight == 0:
            raise ValueError("lexical_weight and dense_weight are both 0; nothing would be searched")

    @property
    def reordered(self) -> int:
        """How many of the passages found may be put in another order."""
        return max(self.rerank_depth, self.meaning_k if self.meaning_weight else 0)

    def sha256(self, index_settings: dict[str, object]) -> str:
        """Hash these settings with those of the index: the receipt's `settings_sha256`."""
        content = json.dumps({"rag": asdict(self), "index": index_settings}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
