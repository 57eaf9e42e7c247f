"""Measures indexing: passages a second of the whole of `update_index`, and of embedding alone beside
plain sentence-transformers on torch.

    python -m eval.bench.index --data FOLDER [--out eval/results/index.json] [--documents 120]

Both sides embed the same texts with the same threads, each in a process of its own, one after the
other; models are loaded and warm before the clock starts. The vectors of both are compared too, so
that a ratio is one between equal results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.multihop import write_corpus
from eval.bench.record import ROOT, cores, provenance, write_json
from index.build import update_index
from index.catalog import Catalog
from index.context import embedded_text
from index.embed import open_embedder
from index.models import find_model
from index.settings import IndexSettings
from index.state import StateFolder

MODULE = "eval.bench.index"
_WARM_UP = ["Warm words, some more of them, and a few numbers: 1, 2, 3."] * 32


def ours(folder: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Index the corpus; then embed its passages again, alone."""
    settings = IndexSettings()
    embedder = open_embedder(find_model(), folder / "models", threads=threads)
    embedder.embed_passages(_WARM_UP)
    state = StateFolder(folder / "state")
    started = time.perf_counter()
    report = update_index(state, [folder / "corpus.jsonl"], embedder, settings)
    whole = time.perf_counter() - started
    with Catalog(state.catalog) as catalog:
        texts = [
            embedded_text(document, passage, settings)
            for seq, document in catalog.all_documents()
            for passage, _ in catalog.passages_of(seq, document)
        ]
        characters = sum(len(document.text) for _, document in catalog.all_documents())
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        vectors = embedder.embed_passages(texts)
        seconds.append(time.perf_counter() - started)
    np.save(folder / "ours.npy", vectors)
    return {
        "backend": str(getattr(embedder, "backend", "unknown")),
        "documents": report.documents,
        "characters": characters,
        "passages": len(texts),
        "embedded": report.embedded,
        "tokens": sum(embedder.count_tokens(texts)),
        "update_index_s": whole,
        "embed_s": seconds,
    }


def plain_torch(folder: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Encode the same texts as the library's documentation shows it."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(find_model().folder), device="cpu", local_files_only=True)
    model.encode(_WARM_UP)
    texts: list[str] = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        vectors = model.encode(texts)
        seconds.append(time.perf_counter() - started)
    mine = np.load(folder / "ours.npy")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return {
        "embed_s": seconds,
        "min_cosine_between_sides": float(np.einsum("ij,ij->i", mine, unit).min()),
    }


def in_a_process(side: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one side in a child process."""
    words = [
        "--data",
        str(options.data),
        "--threads",
        str(options.threads),
        "--repeats",
        str(options.repeats),
    ]
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *words, "--side", side, "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{side} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Run both sides and compare them."""
    record = provenance(MODULE, threads=options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(options.data, folder / "corpus.jsonl", documents=options.documents)
        mine = in_a_process("ours", folder, options)
        torch = in_a_process("torch", folder, options)
    passages = mine["passages"]
    # The best of the repeats: what else runs on the machine only ever adds time.
    own_s, torch_s = min(mine["embed_s"]), min(torch["embed_s"])
    return {
        "what": "indexing a sample of MultiHop-RAG's articles, and embedding its passages on both sides",
        **record,
        "documents": mine["documents"],
        "passages": passages,
        "distinct_texts_embedded": mine["embedded"],
        "tokens": mine["tokens"],
        "characters": mine["characters"],
        "repeats": options.repeats,
        "update_index": {
            "seconds": round(mine["update_index_s"], 3),
            "passages_per_s": round(passages / mine["update_index_s"], 1),
            "includes": "read, clean, split, embed, store, publish; not loading the model",
        },
        "embed": {
            "backend": mine["backend"],
            "seconds": [round(value, 3) for value in mine["embed_s"]],
            "passages_per_s": round(passages / own_s, 1),
        },
        "sentence_transformers_torch": {
            "seconds": [round(value, 3) for value in torch["embed_s"]],
            "passages_per_s": round(passages / torch_s, 1),
            "batch_size": "the library's default",
        },
        "ratio_embed_to_torch": round(torch_s / own_s, 2),
        "ratio_update_index_to_torch": round(torch_s / mine["update_index_s"], 2),
        "min_cosine_between_sides": round(torch["min_cosine_between_sides"], 6),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--documents", type=int, default=120)
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--side", choices=("ours", "torch"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side is not None:
        side = ours if options.side == "ours" else plain_torch
        print(json.dumps(side(options.folder, options.threads, options.repeats)))
        return 0
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
