"""What shapes an index. A change here means that passages or vectors are made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# Raise it when the same settings would give other passages, vectors or words: cleaning rules,
# splitting, the text that is embedded, the analysis of words.
DERIVATION_VERSION = 1

# Chosen on MultiHop-RAG dev and on SQuAD 2.0 train paragraphs; eval/bench/fusion.py makes the table.
DEFAULT_FIELD_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"body": 1.0, "title": 0.5, "publisher": 1.5, "date": 1.0}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """How documents become passages. `passage_tokens` counts `cl100k_base` tokens.

    `duplicate_jaccard` is the share of word 5-shingles from which on two documents tell the same story.
    Up to `exact_rows` passages a search compares all vectors; of more it looks at those near (see
    `index.approximate`). From `shared_from` passages on a publication writes what is new alone (see
    `index.parts`). Both change no passage and no vector.
    """

    passage_tokens: int = 256
    context_tokens: int = 48
    field_weights: Mapping[str, float] = field(default_factory=lambda: DEFAULT_FIELD_WEIGHTS)
    duplicate_jaccard: float = 0.8
    exact_rows: int = 50_000
    shared_from: int = 1000

    def __post_init__(self) -> None:
        if not 32 <= self.passage_tokens <= 2048:
            raise ValueError(f"passage_tokens is {self.passage_tokens}; it must be 32 to 2048")
        if not 0 <= self.context_tokens <= 128:
            raise ValueError(f"context_tokens is {self.context_tokens}; it must be 0 to 128")
        if not 0.5 <= self.duplicate_jaccard <= 1.0:
            raise ValueError(f"duplicate_jaccard is {self.duplicate_jaccard}; it must be 0.5 to 1")
        if not 0 <= self.exact_rows <= 10_000_000:
            raise ValueError(f"exact_rows is {self.exact_rows}; it must be 0 to 10,000,000")
        if self.shared_from < 0:
            raise ValueError(f"shared_from is {self.shared_from}; it must be 0 or more")

    def derivation(self, embedder: str) -> str:
        """Return a hash of all that passages and vectors depend on, apart from the documents."""
        parts = {
            "version": DERIVATION_VERSION,
            "embedder": embedder,
            "passage_tokens": self.passage_tokens,
            "context_tokens": self.context_tokens,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, object]:
        """Return the settings as plain values, for manifests and receipts."""
        return {
            "passage_tokens": self.passage_tokens,
            "context_tokens": self.context_tokens,
            "field_weights": dict(self.field_weights),
            "duplicate_jaccard": self.duplicate_jaccard,
        }
