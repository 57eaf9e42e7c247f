"""MultiHop-RAG as the benchmarks of speed and retrieval use it: its answerable queries, and files to index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.datasets import load_data_set
from eval.significance import bootstrap_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question with the facts that answer it, each once."""

    query_id: str
    kind: str
    text: str
    facts: tuple[str, ...]


def write_corpus(data: Path, out: Path, *, documents: int | None = None) -> int:
    """Write the articles, or the first of them, as JSON Lines that `verse index` reads; return how many."""
    rows = load_data_set("multihop_rag", data).documents[:documents]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def read_queries(data: Path) -> list[Query]:
    """Return the dev queries that the articles answer, in the file's order."""
    return [
        Query(
            query_id=question.question_id,
            kind=question.kind,
            text=question.text,
            facts=tuple(gold.text for gold in question.gold),
        )
        for question in load_data_set("multihop_rag", data).questions
        if question.answerable
    ]


def with_intervals(rows: Sequence[Mapping[str, float]], *, seed: int) -> dict[str, Any]:
    """Return the mean of each measure with its 95 % interval, by a seeded bootstrap over queries."""
    result = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], dtype=np.float64)
        low, high = bootstrap_mean(values, seed=seed)
        result[name] = {
            "mean": round(float(values.mean()), 4),
            "bootstrap_95": [round(low, 4), round(high, 4)],
        }
    return result
