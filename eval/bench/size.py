"""Measures what grows with the number of passages: building, publishing, searching, opening, memory.

    python -m eval.bench.size --data FOLDER [--passages 100000] [--out FILE] [--folder FOLDER] [--vectors FILE]

`FOLDER` holds `distractors/` and `multihop_rag/`. The corpus is made up out of their sentences, and its
vectors are means of real ones (see `eval.bench.size_corpus`): speed and recall of the search are measured,
not the quality of its answers. Cleaning, splitting and embedding are left out of the building. Times of a search are those of `Retriever.retrieve`,
without reading and embedding. `recall_at_10` of the vectors is held against a comparison with every row;
`same_first_ten` is the share of the first ten passages that the whole retrieval gives with an exact index.
Opening is measured in a process of its own, which loads no model.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.record import ROOT, latencies, provenance, write_json
from eval.bench.size_corpus import (
    GROUPS,
    PARAGRAPHS,
    SentenceMeans,
    documents,
    embedded,
    questions,
    read_sentences,
)
from index.access import ANYBODY, OPERATOR, AccessRule, Viewer
from index.build import update_index
from index.catalog import Catalog
from index.embed import open_embedder
from index.generation import Generation, open_current, publish
from index.models import find_model
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Document, Passage, RowFilter, Sentence
from index.vectors import FaissStore
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.types import NO_FILTERS, Filters

MODULE = "eval.bench.size"
_K = 10
_ADDED = 10
_BATCH = 50


class Exact:
    """A generation whose vectors are all compared; everything else is the generation's."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        vectors = generation.vectors
        store = FaissStore.build(vectors.reconstruct([0])[:0])
        for start in range(0, len(generation), 8192):
            store.add(vectors.reconstruct(list(range(start, min(start + 8192, len(generation))))))
        self.vectors = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generation, name)

    def __len__(self) -> int:
        return len(self._generation)


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_lines(path: Path, rows: Any) -> None:
    """Write documents as lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def searched(
    generation: Generation, exact: Exact, embedder: SentenceMeans, asked: Sequence[str], masks: dict[str, Any]
) -> dict[str, Any]:
    """Ask all questions under each filter, and hold them against the exact index."""
    result: dict[str, Any] = {}
    for name, allowed in masks.items():
        ours = Retriever(generation, embedder, RagSettings())
        theirs = Retriever(exact, embedder, RagSettings())  # type: ignore[arg-type]
        for question in asked[:20]:
            ours.retrieve(read_question(question), _K, allowed)
        seconds, dense, lexical, near, same = [], [], [], [], []
        for number, question in enumerate(asked):
            read = read_question(question)
            started = time.perf_counter()
            found = ours.retrieve(read, _K, allowed)
            seconds.append(time.perf_counter() - started)
            mask = None if allowed is None else allowed.rows
            vector = embedder.embed_queries([question])
            started = time.perf_counter()
            rows = generation.vectors.search(vector, _K, mask)[0]
            dense.append(time.perf_counter() - started)
            lexical.append(timed(lambda: generation.lexical.search(found.terms, 100, allowed)))  # noqa: B023
            if number < 200:
                wanted = exact.vectors.search(vector, _K, mask)[0]
                near.append(len({r for r, _ in rows} & {r for r, _ in wanted}) / max(1, len(wanted)))
                whole = theirs.retrieve(read, _K, allowed).hits
                same.append(len({h.row for h in found.hits} & {h.row for h in whole}) / max(1, len(whole)))
        result[name] = {
            "passages": len(generation) if allowed is None else int(np.count_nonzero(allowed.rows)),
            "retrieve": latencies(seconds),
            "dense_k10": latencies(dense),
            "lexical_k100": latencies(lexical),
            "recall_at_10": round(float(np.mean(near)), 4),
            "same_first_ten": round(float(np.mean(same)), 4),
        }
    return result


def masks_of(generation: Generation, groups: Sequence[str]) -> dict[str, RowFilter | None]:
    """Return the filters of everybody, and of members of groups that may read a part."""
    retriever = Retriever(generation, SentenceMeans([""], np.zeros((1, 384), np.float32)), RagSettings())
    found: dict[str, RowFilter | None] = {"all": None}
    for name in groups:
        sight = generation.sight(Viewer(groups=frozenset({name})))
        found[name] = retriever.allowed(NO_FILTERS, sight)[0]
    filters = Filters(publishers=("Paper 1", "Paper 2", "Paper 3"))
    found["three publishers"] = retriever.allowed(filters, generation.sight(OPERATOR))[0]
    return found


def opened(state: Path, embedder: str) -> dict[str, float]:
    """Open an index in a process of its own: seconds until it can be searched, and its memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "--open", str(state), "--embedder", embedder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def open_here(state: Path, embedder: str) -> dict[str, float]:
    """Do what `opened` measures."""
    before = _resident()
    started = time.perf_counter()
    generation = open_current(StateFolder(state), embedder=embedder)
    generation.sight(ANYBODY)
    generation.lexical.search(["govern"], 10)
    generation.vectors.search(generation.vectors.reconstruct([0]), 10)
    ready = time.perf_counter() - started
    after = _resident()
    source = random.Random(1)
    for _ in range(2000):
        generation.passage(source.randrange(len(generation)))
        generation.vectors.search(generation.vectors.reconstruct([source.randrange(len(generation))]), 100)
    return {
        "ready_s": round(ready, 3),
        "before_mib": before,
        "ready_mib": after,
        "after_2000_searches_mib": _resident(),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def build(state: StateFolder, made: Iterable[dict[str, Any]], embedder: SentenceMeans) -> dict[str, float]:
    """Store documents whose passages are their paragraphs, and publish them; what was stored before stays."""
    settings = IndexSettings(context_tokens=0)
    derivation = settings.derivation(embedder.name)
    started = time.perf_counter()
    marks: dict[str, list[float]] = {}

    def mark(stage: str, *_: int) -> None:
        marks.setdefault(stage, []).append(time.perf_counter())

    with state.writing(), Catalog(state.catalog) as catalog:
        have = catalog.count()
        for batch in batches(itertools.islice(made, have, None), _BATCH):
            passages: list[tuple[int, list[Passage]]] = []
            for row in batch:
                rule = AccessRule(groups=frozenset(row["access"]["groups"]))
                document = Document(
                    **{name: row[name] for name in ("title", "text", "publisher", "published_at")},
                    document_id=row["id"], source="made up", root="made up", language="en", access=rule,
                )  # fmt: skip
                catalog.put(document, [], [])
                passages.append((catalog.seq_of(document.document_id), paragraphs_of(document)))
            texts = [passage.text for _, of in passages for passage in of]
            keys = [hashlib.blake2b(text.encode(), digest_size=20).digest() for text in texts]
            catalog.add_vectors(keys, embedder.embed_passages(texts))
            left = iter(keys)
            for seq, of in passages:
                catalog.derive(seq, derivation, [], [(passage, next(left)) for passage in of])
        stored = time.perf_counter()
        publish(state, catalog, settings, embedder=embedder.name, dimension=embedder.dimension, progress=mark)
    ended = time.perf_counter()
    return {
        "store_s": round(stored - started, 1),
        "publish_s": round(ended - stored, 1),
        **{f"publish_{stage}_s": round(at[-1] - at[0], 1) for stage, at in marks.items()},
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def batches(items: Iterable[dict[str, Any]], size: int) -> Iterable[list[dict[str, Any]]]:
    """Yield the items in lists of so many."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch


def paragraphs_of(document: Document) -> list[Passage]:
    """Return every paragraph as a passage, its sentences where the marks stand."""
    found = []
    for match in re.finditer(r"[^\n]+", document.text):
        start = match.start()
        sentences = tuple(
            Sentence(start=start + s.start(), end=start + s.end(), kind="text")
            for s in re.finditer(r"\S.*?(?:[.!?](?=\s|$)|$)", match.group())
        )
        found.append(
            Passage(
                document_id=document.document_id, start=start, end=match.end(), text=match.group(),
                sentences=sentences,
            )
        )  # fmt: skip
    return found


def published(state: StateFolder, folder: Path, made: Any, embedder: SentenceMeans) -> dict[str, float]:
    """Index these documents beside the others and say how long it took, by stage."""
    path = folder / "more" / f"{time.time_ns()}.jsonl"
    write_lines(path, made)
    marks: list[tuple[str, float]] = []
    started = time.perf_counter()
    report = update_index(
        state, [path], embedder, IndexSettings(context_tokens=0),
        progress=lambda stage, *_: marks.append((stage, time.perf_counter())),
    )  # fmt: skip
    ended = time.perf_counter()
    assert report.published
    derived = max((at for stage, at in marks if stage in ("splitting", "embedding")), default=started)
    return {
        "documents": report.added + report.replaced,
        "all_s": round(ended - started, 3),
        "publish_s": round(ended - derived, 3),
    }


def bench(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Build, publish, search and open."""
    record = provenance(MODULE, threads=1)
    articles = read_sentences(options.data)
    real = open_embedder(find_model(), folder / "models", threads=2) if not _made(options.vectors) else None
    vectors = embedded(articles, real, options.vectors)  # type: ignore[arg-type]
    embedder = SentenceMeans([sentence for article in articles for sentence in article], vectors)
    count = options.passages // PARAGRAPHS
    state = StateFolder(folder / "state")
    building = {} if state.current.exists() else build(state, documents(articles, 0, count), embedder)
    generation = open_current(state, embedder=embedder.name)
    print("passages", len(generation), building, file=sys.stderr)
    asked = questions(articles, vectors, embedder, options.questions, 3)
    exact = Exact(generation)
    manifest = generation.manifest
    result: dict[str, Any] = {
        "what": "made-up corpus of real sentences, vectors are means of real ones; see the script",
        **record,
        "documents": manifest.documents,
        "passages": manifest.passages,
        "vector_index": manifest.parts["vectors"],
        "build": building,
        "search": searched(generation, exact, embedder, asked, masks_of(generation, list(GROUPS))),
    }
    sizes = {
        name: (state.generations / manifest.index_version / name).stat().st_size for name in manifest.files
    }
    result["file_bytes_per_passage"] = {
        "vectors": round(sum(s for n, s in sizes.items() if n.startswith("vectors")) / manifest.passages),
        "snapshot": round(sum(s for n, s in sizes.items() if n.startswith("snapshot")) / manifest.passages),
        "lexical": round(sum(s for n, s in sizes.items() if n.startswith("lexical")) / manifest.passages),
    }
    generation.close()
    del exact, generation
    result["open"] = opened(state.path, embedder.name)
    memory = result["open"]["after_2000_searches_mib"] - result["open"]["before_mib"]
    result["memory_mib_per_million_passages"] = round(memory * 1e6 / manifest.passages)
    first = manifest.documents + 1_000_000
    result["publish_10_new"] = [
        published(state, folder, documents(articles, first + 10 * n, _ADDED, seed=5), embedder)
        for n in range(3)
    ]
    path = folder / "more"
    replaced = sorted(path.glob("*.jsonl"))[0]
    rows = [json.loads(line) for line in replaced.read_text(encoding="utf-8").splitlines()]
    replaced.unlink()
    result["publish_10_replaced"] = published(
        state, folder, [row | {"text": row["text"][::-1]} for row in rows], embedder
    )
    result["open_with_a_tail"] = opened(state.path, embedder.name)
    return result


def _made(path: Path | None) -> bool:
    return path is not None and path.is_file()


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--passages", type=int, default=100_000, help="about so many")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where to work; an index that is there is used again")
    parser.add_argument("--vectors", type=Path, help="the sentences' vectors, kept for the next run")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--embedder", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.open:
        print(json.dumps(open_here(options.open, options.embedder)))
        return 0
    if options.data is None:
        parser.error("--data is needed")
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        write_json(bench(options, options.folder), options.out)
        return 0
    with tempfile.TemporaryDirectory() as name:
        write_json(bench(options, Path(name)), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
