"""Indexes and searches with LlamaIndex. Run by the rival's own Python; imports nothing of ours.

    RIVAL_PYTHON rival_child.py --folder FOLDER --model MODEL_FOLDER --threads N [--passage-tokens N]

Reads from `FOLDER`: `documents.jsonl` (id, text, and title, publisher, published_at where known) and
`queries.jsonl` (id, text). Writes there `rankings.jsonl`, one line a query in its order
(question_id, latency_ms, passages of document_id, start, end, text, score), and, last of all,
`meta.json`.

What is measured is LlamaIndex as its guide shows it: `VectorStoreIndex.from_documents` with its own
sentence splitter and in-memory vector store, and `as_retriever`. Title, publisher and date are given
as the document's metadata, which it puts before each passage when it embeds it, as it does by
default. `--passage-tokens` is the one setting that can be changed: see `eval/bench/rival.py`.

Its splitter uses the encoding and the sentence model that its package carries: no network is needed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PACKAGES = (
    "llama-index-core",
    "llama-index-embeddings-huggingface",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "torch",
    "tiktoken",
    "numpy",
)
_METADATA = ("title", "publisher", "published_at")
# The overlap of LlamaIndex's own splitter is a fifth of its passage; so it stays with another length.
_OVERLAP_SHARE = 200 / 1024


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file."""
    # Not splitlines: it would also cut at U+2028, which JSON leaves unescaped inside strings.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8", newline="\n")
    aside.replace(path)


def seconds_since(started: float) -> float:
    """Return the seconds since a reading of `time.perf_counter`."""
    return time.perf_counter() - started


def passage_row(found: Any) -> dict[str, Any]:
    """Return a node with its score as JSON; offsets are null where LlamaIndex lost them."""
    return {
        "document_id": found.node.ref_doc_id,
        "start": found.node.start_char_idx,
        "end": found.node.end_char_idx,
        "text": found.node.text,
        "score": None if found.score is None else float(found.score),
    }


def run(options: argparse.Namespace) -> None:
    """Load, index, and search for each query, one after the other."""
    started = time.perf_counter()
    import torch
    from llama_index.core import Document, VectorStoreIndex  # type: ignore[import-not-found]
    from llama_index.core.node_parser import SentenceSplitter  # type: ignore[import-not-found]
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # type: ignore[import-not-found]

    torch.set_num_threads(options.threads)
    embedding = HuggingFaceEmbedding(model_name=str(options.model), device="cpu")
    embedding.get_query_embedding("warm")
    load_s = seconds_since(started)

    splitter = SentenceSplitter()
    if options.passage_tokens is not None:
        overlap = round(options.passage_tokens * _OVERLAP_SHARE)
        splitter = SentenceSplitter(chunk_size=options.passage_tokens, chunk_overlap=overlap)

    started = time.perf_counter()
    documents = [
        Document(
            text=row["text"],
            id_=row["id"],
            metadata={name: row[name] for name in _METADATA if row.get(name)},
        )
        for row in read_rows(options.folder / "documents.jsonl")
    ]
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding, transformations=[splitter])
    index_s = seconds_since(started)

    retriever = index.as_retriever(similarity_top_k=options.k)
    queries = read_rows(options.folder / "queries.jsonl")
    for query in queries[: options.warm_up]:
        retriever.retrieve(query["text"])
    lines = []
    for query in queries:
        started = time.perf_counter()
        found = retriever.retrieve(query["text"])
        latency_ms = 1000 * seconds_since(started)
        row = {
            "question_id": query["id"],
            "latency_ms": latency_ms,
            "passages": [passage_row(item) for item in found],
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_whole(options.folder / "rankings.jsonl", "".join(lines))

    weights = (options.model / "model.safetensors").read_bytes()
    meta = {
        "name": "LlamaIndex",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "settings": {
            "splitter": type(splitter).__name__,
            "passage_tokens": splitter.chunk_size,
            "overlap_tokens": splitter.chunk_overlap,
            "embedding_max_tokens": embedding.max_length,
            "embedding_batch": embedding.embed_batch_size,
            "vector_store": type(index.vector_store).__name__,
            "k": options.k,
        },
        "threads": torch.get_num_threads(),
        "load_s": load_s,
        "index_s": index_s,
        "documents": len(documents),
        "passages": len(index.index_struct.nodes_dict),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    write_whole(options.folder / "meta.json", json.dumps(meta, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a sentence-transformers folder")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--warm-up", type=int, default=20, help="queries searched for before any is timed")
    parser.add_argument("--passage-tokens", type=int, help="length of a passage; LlamaIndex's own without")
    options = parser.parse_args(arguments)
    # Set before anything of the rival is imported: nothing may be fetched, nor written to the home.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["LLAMA_INDEX_CACHE_DIR"] = str(options.folder / "cache")
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
