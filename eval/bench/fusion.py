"""Measures what each part of retrieval is worth: the weight of the dense scores, and the fields of BM25.

    python -m eval.bench.fusion --data FOLDER [--out eval/results/fusion.json] [--threads N]

Two corpora: MultiHop-RAG's articles with its dev queries, and the paragraphs of the training part of
SQuAD 2.0, each a document of its own, with its answerable questions (a question's own paragraph is
the relevant one). Each is indexed once; what varies is only how it is searched, by the service's own
`Retriever`. Searches that several settings share are made once and kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from eval.bench.multihop import read_queries, with_intervals, write_corpus
from eval.bench.record import cores, provenance, write_json
from eval.datasets.files import read_rows
from eval.metrics.multihop import scores
from eval.significance import RESAMPLES
from index.build import update_index
from index.embed import open_embedder
from index.generation import Generation, open_current
from index.lexical import TantivyIndex
from index.models import find_model
from index.settings import DEFAULT_FIELD_WEIGHTS, IndexSettings
from index.state import StateFolder
from index.types import BoolArray, Embedder, FloatArray, RowFilter, ScoredPassage
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings

MODULE = "eval.bench.fusion"
DENSE_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.2, 2.0)
_SQUAD = "squad2/questions.train.jsonl.gz"
_K = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One query and how a ranking for it is scored."""

    text: str
    score: Callable[[Sequence[ScoredPassage]], dict[str, float]]


class KnownQueries:
    """An embedder that has embedded every query before, in one go."""

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        self.name = embedder.name
        self.dimension = embedder.dimension
        vectors = embedder.embed_queries(texts)
        self._vectors = {text: vectors[row : row + 1] for row, text in enumerate(texts)}

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        (text,) = texts
        return self._vectors[text]


class KeptLexical:
    """A lexical index that remembers its searches."""

    def __init__(self, index: TantivyIndex) -> None:
        self._index = index
        self._kept: dict[tuple[tuple[str, ...], int], list[tuple[int, float]]] = {}
        # What the spelling correction looks up.
        self.terms_with_prefix = cache(index.terms_with_prefix)
        self.has_term = cache(index.has_term)
        self.document_frequency = cache(index.document_frequency)

    def search(self, terms: Sequence[str], k: int, allowed: RowFilter | None) -> list[tuple[int, float]]:
        key = (tuple(terms), k)
        if key not in self._kept:
            self._kept[key] = self._index.search(terms, k, allowed)
        return self._kept[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


class KeptVectors:
    """A vector store that remembers its searches."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._kept: dict[tuple[bytes, int], list[list[tuple[int, float]]]] = {}

    def search(self, queries: FloatArray, k: int, allowed: BoolArray | None) -> list[list[tuple[int, float]]]:
        key = (queries.tobytes(), k)
        if key not in self._kept:
            self._kept[key] = self._store.search(queries, k, allowed)
        return self._kept[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Searched:
    """A generation as the retriever sees it, with kept searches and fields weighted otherwise."""

    def __init__(self, generation: Generation, lexical: KeptLexical, vectors: KeptVectors) -> None:
        self._generation = generation
        self.lexical = lexical
        self.vectors = vectors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generation, name)

    def __len__(self) -> int:
        return len(self._generation)


def without(*fields: str) -> dict[str, float]:
    """Return the default weights of the fields, but for these."""
    return {field: weight for field, weight in DEFAULT_FIELD_WEIGHTS.items() if field not in fields}


FIELD_SETS: Mapping[str, Mapping[str, float]] = {
    "all fields": without(),
    "without title": without("title"),
    "without publisher": without("publisher"),
    "without date": without("date"),
    "body only": without("title", "publisher", "date"),
}


def ablate(
    state: StateFolder,
    embedder: Embedder,
    cases: Sequence[Case],
    *,
    every_weight: Sequence[str],
    our_weight: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Score some field sets with every dense weight, and others with the shipped one only."""
    generation = open_current(state, embedder=embedder.name)
    folder = state.generations / generation.index_version / "lexical"
    known = cast("Embedder", KnownQueries(embedder, sorted({case.text for case in cases})))
    questions = [read_question(case.text) for case in cases]
    vectors = KeptVectors(generation.vectors)
    allowed = generation.row_filter(None)
    ours = RagSettings().dense_weight
    rows: list[dict[str, Any]] = []
    for name in (*every_weight, *our_weight):
        lexical = KeptLexical(TantivyIndex.load(folder, FIELD_SETS[name]))
        searched = cast("Generation", Searched(generation, lexical, vectors))
        weights = sorted({*DENSE_WEIGHTS, ours}) if name in every_weight else [ours]
        for weight in weights:
            retriever = Retriever(searched, known, RagSettings(dense_weight=weight))
            scored = [
                case.score(retriever.search(question, _K, allowed))
                for case, question in zip(cases, questions, strict=True)
            ]
            rows.append(
                {
                    "fields": name,
                    "dense_weight": weight,
                    "as_shipped": name == "all fields" and weight == ours,
                    **with_intervals(scored, seed=seed),
                }
            )
    passages = len(generation)
    generation.close()
    return {"queries": len(cases), "passages": passages, "settings": rows}


def index_of(folder: Path, corpus: Path, embedder: Embedder) -> StateFolder:
    """Index a corpus into a folder of its own."""
    state = StateFolder(folder / f"state-{corpus.stem}")
    update_index(state, [corpus], embedder, IndexSettings())
    return state


def multihop(folder: Path, options: argparse.Namespace) -> tuple[Path, list[Case]]:
    """Write MultiHop-RAG's corpus and return its queries."""
    corpus = folder / "multihop.jsonl"
    write_corpus(options.data, corpus, documents=options.documents)

    def case(text: str, facts: tuple[str, ...]) -> Case:
        return Case(text=text, score=lambda hits: scores([hit.passage.text for hit in hits], facts))

    queries = read_queries(options.data)[: options.queries]
    return corpus, [case(query.text, query.facts) for query in queries]


def squad(folder: Path, options: argparse.Namespace) -> tuple[Path, list[Case]]:
    """Write SQuAD's paragraphs as documents and return the answerable questions."""
    corpus = folder / "squad.jsonl"
    ids: dict[str, str] = {}
    questions: list[tuple[str, str]] = []
    with corpus.open("w", encoding="utf-8") as file:
        for _, row in read_rows(options.data / _SQUAD):
            context = row["context"]
            if context not in ids:
                ids[context] = f"p{len(ids):04d}"
                title = row["title"].replace("_", " ")
                document = {"id": ids[context], "title": title, "text": context}
                file.write(json.dumps(document, ensure_ascii=False) + "\n")
            if not row["unanswerable"]:
                questions.append((row["question"].strip(), ids[context]))

    def case(text: str, relevant: str) -> Case:
        return Case(text=text, score=lambda hits: successes([h.passage.document_id for h in hits], relevant))

    return corpus, [case(text, relevant) for text, relevant in questions[: options.queries]]


def successes(ranking: Sequence[str], relevant: str) -> dict[str, float]:
    """Tell whether a passage of the relevant document is among the first 1, 3 and 10."""
    return {f"success_at_{k}": float(relevant in ranking[:k]) for k in (1, 3, 10)}


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Run both ablations."""
    record = provenance(MODULE, threads=options.threads)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embedder = open_embedder(find_model(), folder / "models", threads=options.threads)
        corpus, cases = multihop(folder, options)
        of_multihop = ablate(
            index_of(folder, corpus, embedder),
            embedder,
            cases,
            every_weight=("all fields", "body only"),
            our_weight=("without title", "without publisher", "without date"),
            seed=options.seed,
        )
        corpus, cases = squad(folder, options)
        # The paragraphs have no publisher and no date: leaving those out changes nothing.
        of_squad = ablate(
            index_of(folder, corpus, embedder),
            embedder,
            cases,
            every_weight=("all fields",),
            our_weight=("body only",),
            seed=options.seed,
        )
    return {
        "what": "ablation of retrieval: weight of the dense scores, fields of BM25",
        **record,
        "seconds": round(time.perf_counter() - started, 1),
        "field_weights": dict(DEFAULT_FIELD_WEIGHTS),
        "bootstrap": {"resamples": RESAMPLES, "seed": options.seed, "over": "queries"},
        "reading": (
            "The shipped weights were chosen on these same queries, so their figures here are no "
            "unbiased estimate of what they give elsewhere; the table shows how much hangs on them."
        ),
        "multihop_rag_dev": of_multihop,
        "squad2_train_paragraphs": of_squad,
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
    parser.add_argument("--documents", type=int, help="only so many articles, to try the script")
    parser.add_argument("--queries", type=int, help="only so many queries, to try the script")
    options = parser.parse_args(arguments)
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
