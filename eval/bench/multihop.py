"""MultiHop-RAG (Tang and Yang, 2024): its articles, its queries, and its measures of retrieval.

The measures are those of the data set's own evaluation script: a hit is a passage that holds an
evidence fact once spaces and newlines are taken out of both.
"""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NULL_QUERY = "null_query"
RESAMPLES = 2000
_CORPUS = "multihop_rag/corpus.jsonl.gz"
_QUERIES = "multihop_rag/queries.dev.jsonl.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question with the facts that answer it, each once."""

    query_id: str
    kind: str
    text: str
    facts: tuple[str, ...]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a gzipped JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def write_corpus(data: Path, out: Path, *, documents: int | None = None) -> int:
    """Write the articles as JSON Lines that `verse index` reads; return how many."""
    count = 0
    with out.open("w", encoding="utf-8") as file:
        for row in read_rows(data / _CORPUS):
            if count == documents:
                break
            file.write(json.dumps(as_document(row), ensure_ascii=False) + "\n")
            count += 1
    return count


def as_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an article: its source is our publisher; the category, which we do not know, a label."""
    return {
        "id": row["id"],
        "title": row["title"],
        "text": row["text"],
        "publisher": row["source"],
        "author": row["author"],
        "published_at": row["published_at"],
        "url": row["url"],
        "category": row["category"],
    }


def read_queries(data: Path) -> list[Query]:
    """Return the dev queries that the articles answer, in the file's order."""
    return [
        Query(
            query_id=row["id"],
            kind=row["question_type"],
            text=row["text"],
            facts=tuple(dict.fromkeys(item["fact"] for item in row["evidence"])),
        )
        for row in read_rows(data / _QUERIES)
        if row["question_type"] != NULL_QUERY
    ]


def squeezed(text: str) -> str:
    """Return a text in NFC without its spaces and newlines, as facts and passages are compared."""
    return unicodedata.normalize("NFC", text).replace(" ", "").replace("\n", "")


def measures(texts: Sequence[str], facts: Sequence[str]) -> dict[str, float]:
    """Score one ranking of passage texts against a query's facts.

    `hits_at_k` is 1 when any of the first k passages holds any fact. `map_at_10` is the script's own
    formula: each rank adds the number of facts first found there divided by the rank, and the sum is
    divided by the number of facts (10 at most); it is not the textbook's average precision.

    Raises:
        ValueError: no facts; such a query has no measure.
    """
    wanted = [squeezed(fact) for fact in facts]
    if not wanted:
        raise ValueError("a query without facts cannot be scored")
    left = set(wanted)
    first: int | None = None
    total = 0.0
    for rank, text in enumerate(texts[:10], start=1):
        held = squeezed(text)
        if first is None and any(fact in held for fact in wanted):
            first = rank
        found = {fact for fact in left if fact in held}
        total += len(found) / rank
        left -= found
    return {
        "hits_at_4": float(first is not None and first <= 4),
        "hits_at_10": float(first is not None),
        "mrr_at_10": 0.0 if first is None else 1.0 / first,
        "map_at_10": total / min(len(wanted), 10),
    }


def with_intervals(rows: Sequence[Mapping[str, float]], *, seed: int) -> dict[str, Any]:
    """Return the mean of each measure with its 95 % interval, by a seeded bootstrap over queries."""
    random = np.random.default_rng(seed)
    picks = random.integers(0, len(rows), size=(RESAMPLES, len(rows)))
    result = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], dtype=np.float64)
        low, high = np.quantile(values[picks].mean(axis=1), (0.025, 0.975))
        result[name] = {
            "mean": round(float(values.mean()), 4),
            "bootstrap_95": [round(float(low), 4), round(float(high), 4)],
        }
    return result
