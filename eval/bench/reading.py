"""What each part of finding is worth, and what reading deeper costs: an ablation, and a curve.

    python -m eval.bench.reading --data FOLDER [--out eval/results/reading.json] [--questions N]

Four sets: MultiHop-RAG dev, SQuAD 2.0 dev over all paragraphs, SciFact, the seeds; a seeded sample of the
answerable questions of each. A set is indexed once; what varies is how it is searched. Each variant adds
one part to the one before: BM25 alone, cosines, the parts of a question, the sources that it names, the
wording of the closest sentence, its meaning, and reading the first passages. Then the depth of reading varies, and the time of a search with it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.bench.multihop import with_intervals
from eval.bench.pipeline import Pipeline, write_rows
from eval.bench.record import cores, latencies, provenance, write_json
from eval.datasets import load_data_set
from eval.datatypes import Question
from eval.metrics.multihop import scores
from eval.significance import RESAMPLES
from index.state import StateFolder
from index.types import ScoredPassage
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings

MODULE = "eval.bench.reading"
SETS = ("multihop_rag", "squad2", "scifact", "seeds")
DEPTHS = (0, 4, 6, 8, 12, 16)
_K = 10
_UNMEANT = {"meaning_weight": 0.0, "rerank_depth": 0}
_UNWORDED = {"coverage_weight": 0.0, "pair_weight": 0.0, **_UNMEANT}
_PLAIN = {"part_weight": 0.0, "source_weight": 0.0, "date_weight": 0.0, **_UNWORDED}
VARIANTS: Mapping[str, Mapping[str, float]] = {
    "BM25": {"dense_weight": 0.0, **_PLAIN},
    "+ cosines": _PLAIN,
    "+ parts of the question": {**_PLAIN, "part_weight": RagSettings().part_weight},
    "+ named sources and days": _UNWORDED,
    "+ wording of the closest sentence": _UNMEANT,
    "+ meaning of the closest sentence": {"rerank_depth": 0},
    "+ reading (as shipped)": {},
}


def measures(passages: Sequence[ScoredPassage], question: Question) -> dict[str, float]:
    """Score one ranking: against the gold texts, or the relevant documents where there are none."""
    if question.gold:
        facts = tuple(gold.text for gold in question.gold)
        found = scores([hit.passage.text for hit in passages], facts)
        first = scores([hit.passage.text for hit in passages[:1]], facts)
        return {
            "success_at_1": first["hits_at_10"],
            **{name: found[name] for name in ("hits_at_4", "hits_at_10", "mrr_at_10")},
        }
    relevant = set(question.qrels())
    ranked = list(dict.fromkeys(hit.passage.document_id for hit in passages))
    place = next((n for n, name in enumerate(ranked, 1) if name in relevant), None)
    return {
        "success_at_1": float(place == 1),
        "hits_at_4": float(place is not None and place <= 4),
        "hits_at_10": float(place is not None),
        "mrr_at_10": 0.0 if place is None else 1.0 / place,
    }


def bench_set(name: str, folder: Path, pipeline: Pipeline, options: argparse.Namespace) -> dict[str, Any]:
    """Index one set, and search it every way."""
    data_set = load_data_set(name, options.data)
    asked = [
        q for q in data_set.questions if q.answerable is not False and (q.gold or q.qrels()) and not q.history
    ]
    asked = [q for q in asked if q.kind != "cross_lingual"]
    sample = random.Random(options.seed).sample(asked, min(len(asked), options.questions))
    corpus = list(data_set.corpus)
    if data_set.documents:
        corpus = [write_rows(folder / f"{name}.jsonl", data_set.documents)]
    stages = pipeline.over(StateFolder(folder / f"state-{name}"), corpus)
    allowed = stages.generation.row_filter(None)

    def with_settings(settings: RagSettings) -> Callable[[str], list[ScoredPassage]]:
        retriever = Retriever(stages.generation, pipeline.embedder, settings)
        own = replace(stages, retriever=retriever, settings=settings)
        return lambda text: own.search(read_question(text), _K, allowed)

    variants = {
        label: with_settings(replace(RagSettings(), **changes))  # type: ignore[arg-type]
        for label, changes in VARIANTS.items()
    }
    depths = {depth: with_settings(replace(RagSettings(), rerank_depth=depth)) for depth in DEPTHS}
    found: dict[str, list[dict[str, float]]] = {}
    seconds: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    for number, question in enumerate(sample):
        if number < options.timed:
            # One depth is timed for each question: what was read is remembered.
            depth = DEPTHS[number % len(DEPTHS)]
            started = time.perf_counter()
            depths[depth](question.text)
            seconds[depth].append(time.perf_counter() - started)
        for depth, search in depths.items():
            found.setdefault(f"depth {depth}", []).append(measures(search(question.text), question))
        for label, search in variants.items():
            found.setdefault(label, []).append(measures(search(question.text), question))
    passages = len(stages.generation)
    stages.generation.close()
    return {
        "questions": len(sample),
        "passages": passages,
        "ablation": {label: with_intervals(found[label], seed=options.seed) for label in VARIANTS},
        "by_depth": {
            str(depth): {
                **with_intervals(found[f"depth {depth}"], seed=options.seed),
                "search": latencies(seconds[depth][1:]) if len(seconds[depth]) > 1 else None,
            }
            for depth in DEPTHS
        },
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every set."""
    record = provenance(MODULE, threads=options.threads)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = options.cache or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        pipeline = Pipeline(folder / "models", threads=options.threads)
        sets = {one: bench_set(one, folder, pipeline, options) for one in options.sets.split(",")}
    return {
        "what": "ablation of search, and quality and time by the depth of reading",
        **record,
        "seconds": round(time.perf_counter() - started, 1),
        "settings": {"rerank_depth": RagSettings().rerank_depth, "k": _K},
        "bootstrap": {"resamples": RESAMPLES, "seed": options.seed, "over": "questions"},
        "reading": (
            "The weights of the search were chosen on MultiHop-RAG dev and SQuAD 2.0's training part, those of "
            "reading on the halves named in rag/training/fit_data.py: on these the figures flatter a little."
        ),
        "sets": sets,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path, help="keep indexes and models here")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--questions", type=int, default=200, help="of each set")
    parser.add_argument("--timed", type=int, default=120, help="questions timed, spread over the depths")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
