"""Measures search on MultiHop-RAG's dev queries, over HTTP: what is found, how fast, in what memory.

    python -m eval.bench.search --data FOLDER [--out eval/results/search.json] [--threads N]

`FOLDER` holds `multihop_rag/corpus.jsonl.gz` and `multihop_rag/queries.dev.jsonl.gz`. The texts
belong to their publishers: they are indexed in a temporary folder and nothing of them is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.multihop import Query, read_queries, with_intervals, write_corpus
from eval.bench.record import (
    ChildServer,
    Client,
    cores,
    index_with_cli,
    latencies,
    provenance,
    write_json,
)
from eval.metrics.multihop import scores
from eval.significance import RESAMPLES

MODULE = "eval.bench.search"
_K = 10
_WARM_UP = 20


def posted(client: Client, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Post, and return what came back with the seconds it took.

    Raises:
        RuntimeError: the answer is no 200; a failure must not pass for "nothing found".
    """
    status, raw, seconds = client.post(path, body)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}: {raw[:300]!r}")
    content: dict[str, Any] = json.loads(raw)
    return content, seconds


def search_all(port: int, queries: Sequence[Query]) -> tuple[list[dict[str, float]], list[float]]:
    """Search for every query over one connection; return the measures and the times."""
    client = Client(port)
    for query in queries[:_WARM_UP]:
        posted(client, "/v1/search", {"query": query.text, "k": _K})
    rows, seconds = [], []
    for query in queries:
        found, elapsed = posted(client, "/v1/search", {"query": query.text, "k": _K})
        seconds.append(elapsed)
        rows.append(scores([passage["text"] for passage in found["passages"]], query.facts))
    client.close()
    return rows, seconds


def ask_all(port: int, queries: Sequence[Query]) -> tuple[dict[str, int], list[float]]:
    """Ask a sample of the queries; return how they ended and the times."""
    client = Client(port)
    for query in queries[:5]:
        posted(client, "/v1/ask", {"question": query.text})
    statuses: dict[str, int] = {}
    seconds = []
    for query in queries:
        found, elapsed = posted(client, "/v1/ask", {"question": query.text})
        seconds.append(elapsed)
        statuses[found["status"]] = statuses.get(found["status"], 0) + 1
    client.close()
    return statuses, seconds


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Index the corpus, serve it, and send every query."""
    record = provenance(MODULE, threads=options.threads)
    queries = read_queries(options.data)
    if options.queries:
        queries = queries[: options.queries]
    sample = random.Random(options.seed).sample(queries, min(options.asks, len(queries)))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        documents = write_corpus(options.data, corpus, documents=options.documents)
        state = Path(folder) / "state"
        indexing = index_with_cli(state, [corpus], options.threads)
        with ChildServer(state, threads=options.threads) as server:
            ready = server.memory()
            rows, seconds = search_all(server.port, queries)
            statuses, asked = ask_all(server.port, sample)
            used = server.memory()
    return {
        "what": f"POST /v1/search, k={_K}, on MultiHop-RAG's dev queries that have an answer",
        **record,
        "data": "MultiHop-RAG, ODC-BY annotations; dev half of its queries, null queries left out",
        "documents": documents,
        "queries": len(queries),
        "bootstrap": {"resamples": RESAMPLES, "seed": options.seed, "over": "queries"},
        "measures": with_intervals(rows, seed=options.seed),
        "by_kind": {
            kind: {
                "queries": len(group),
                **{name: round(sum(row[name] for row in group) / len(group), 4) for name in group[0]},
            }
            for kind in sorted({query.kind for query in queries})
            if (group := [row for row, query in zip(rows, queries, strict=True) if query.kind == kind])
        },
        "index_command_s": round(indexing, 2),
        "search_1_client": latencies(seconds),
        "ask_1_client": {"statuses": statuses, **latencies(asked)},
        "memory": {"ready": ready, "after": used},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--asks", type=int, default=200, help="queries that are asked as questions too")
    parser.add_argument("--documents", type=int, help="only so many articles, to try the script")
    parser.add_argument("--queries", type=int, help="only so many queries, to try the script")
    options = parser.parse_args(arguments)
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
