"""Measures a rival beside ours: what each finds, how fast it searches, how fast it indexes.

    python -m eval.bench.rival --data FOLDER --python RIVAL_PYTHON [--out eval/results/rival.json]

The rival is LlamaIndex. It is installed apart, so that nothing of it enters our lock:

    python -m venv rival
    rival/bin/pip install -r eval/bench/rival-requirements.txt
    python -m eval.bench.rival --data FOLDER --python rival/bin/python --out eval/results/rival.json

Both systems get the same texts and questions, the same embedding weights (checked by their hash), the
same cores, and run one after the other: ours in this process, the rival in its own. Both rankings
become runs, and the same code scores them. Questions that no document answers are left out: they
have no relevance to score.

LlamaIndex runs twice: with its defaults, and with passages of as many tokens as ours (title,
publisher and date, which it puts before each, counted). By default its passages are four times as
long as what the embedding model reads of them, so the first row alone would be no fair picture of
what it can do.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.bench.record import cores, latencies, provenance, write_json
from eval.bench.rival_exchange import (
    DOCUMENTS,
    WARM_UP,
    K,
    Searched,
    as_run,
    source_texts,
    write_exchange,
)
from eval.bench.rival_ours import OURS, held_to, search_ours
from eval.bench.rival_process import Rival, run_rival, search_rival
from eval.compare import compare_runs
from eval.datasets import load_data_set
from eval.datatypes import DataSet, Question, Run, SourceText
from eval.errors import EvaluationError
from eval.metrics import METRICS
from eval.score import rounded, score_run
from index.embed import open_embedder
from index.errors import QAError
from index.models import ModelFiles, find_model
from index.settings import IndexSettings
from index.types import Embedder

MODULE = "eval.bench.rival"
SETS = ("multihop_rag", "squad2")
_MODULE_OF_RIVAL = "llama_index.embeddings.huggingface"
CHILD = Path(__file__).with_name("rival_child.py")


def rivals(python: Path, timeout_s: float) -> tuple[Rival, ...]:
    """Return the ways in which the rival is run."""
    ours = IndexSettings().passage_tokens
    ways: dict[str, tuple[str, ...]] = {
        "llama_index": (),
        f"llama_index, passages of {ours} tokens": ("--passage-tokens", str(ours)),
    }
    return tuple(
        Rival(name=name, python=python, script=CHILD, arguments=arguments, timeout_s=timeout_s)
        for name, arguments in ways.items()
    )


def asked_questions(data: DataSet, limit: int | None, seed: int) -> tuple[Question, ...]:
    """Return the questions that name a relevant document, or a seeded sample of them, in order.

    Raises:
        EvaluationError: there are none, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise EvaluationError(f"--limit is {limit}; it must be 1 or more")
    questions = [question for question in data.questions if any(question.qrels().values())]
    if not questions:
        raise EvaluationError(f"{data.name} names no relevant document: no ranking of it can be scored")
    if limit is None or limit >= len(questions):
        return tuple(questions)
    places = sorted(random.Random(seed).sample(range(len(questions)), limit))
    return tuple(questions[place] for place in places)


def figures(searched: Searched, run: Run, documents: Mapping[str, SourceText]) -> dict[str, Any]:
    """Return scores, latency and indexing speed of one system, for the file of results."""
    scores = score_run(run)
    characters = sum(len(document.text) for document in documents.values())
    returned = [sum(len(p.text or "") for p in ranking) for ranking in searched.rankings.values()]
    return {
        "scores": {name: rounded(asdict(scores.metrics[name])) for name in retrieval_metrics()},
        "search_latency": latencies([ms / 1000 for ms in searched.latency_ms.values()]),
        "indexing": {
            "load_model_s": round(searched.load_s, 2),
            "index_s": round(searched.index_s, 2),
            "passages": searched.passages,
            "passages_per_s": round(searched.passages / searched.index_s, 1),
            "documents_per_s": round(len(documents) / searched.index_s, 1),
            "characters_per_s": round(characters / searched.index_s),
        },
        # Longer passages hold more facts and give the next stage more to read.
        "mean_characters_returned": round(sum(returned) / len(returned)),
        "details": dict(searched.details),
    }


def differences(other: Run, ours: Run, seed: int) -> dict[str, Any]:
    """Return by metric how much ours is above the other, with interval and permutation test.

    The questions won and lost are left out: they hold texts that the file of results may not.
    """
    compared = compare_runs(other, ours, metrics=retrieval_metrics(), seed=seed).metrics
    dropped = ("name", "title", "higher_is_better")
    return {
        one.name: rounded({key: value for key, value in asdict(one).items() if key not in dropped})
        for one in compared
    }


def retrieval_metrics() -> list[str]:
    """Return the names of the metrics that a ranking alone defines."""
    return [name for name, metric in METRICS.items() if metric.family in ("retrieval", "multihop")]


def measured(
    data: DataSet,
    questions: Sequence[Question],
    folder: Path,
    rivals: Sequence[Rival],
    *,
    model: ModelFiles,
    open_model: Callable[[], Embedder],
    threads: int,
    seed: int,
) -> dict[str, Any]:
    """Run ours and the rivals on one data set, one after the other, and score all."""
    documents = source_texts(data)
    _say(f"{data.name}: {len(documents)} documents, {len(questions)} questions: {OURS}")
    place = folder / OURS
    place.mkdir()
    write_exchange(place, documents, questions)
    systems = [
        search_ours(place, place / DOCUMENTS, questions, open_model=open_model, threads=threads),
    ]
    for number, rival in enumerate(rivals):
        _say(f"{data.name}: {rival.name}")
        place = folder / f"rival-{number}"
        systems.append(search_rival(rival, place, documents, questions, model=model, threads=threads))
    runs = {searched.name: as_run(searched, questions, documents, data) for searched in systems}
    return {
        "sha256": data.sha256,
        "licence": data.licence,
        "documents": len(documents),
        "questions": len(questions),
        "without_relevant_document": sum(not any(q.qrels().values()) for q in data.questions),
        "systems": {searched.name: figures(searched, runs[searched.name], documents) for searched in systems},
        "differences": {
            f"{OURS} less {rival.name}": differences(runs[rival.name], runs[OURS], seed) for rival in rivals
        },
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every data set that is asked for."""
    model = find_model()
    # Before ours is measured, which takes its time: is the rival there at all?
    run_rival([options.python, "-I", "-c", f"import {_MODULE_OF_RIVAL}"], options.threads, options.timeout_s)
    with held_to(options.threads), tempfile.TemporaryDirectory() as name:

        def open_model() -> Embedder:
            return open_embedder(model, Path(name) / "models", threads=options.threads)

        open_model()  # the first time it converts the model, which is done once and not timed
        record = provenance(MODULE, threads=options.threads)
        sets = {}
        for set_name in options.sets:
            data = load_data_set(set_name, options.data)
            folder = Path(name) / set_name
            folder.mkdir()
            sets[set_name] = measured(
                data,
                asked_questions(data, options.limit, options.seed),
                folder,
                rivals(options.python, options.timeout_s),
                model=model,
                open_model=open_model,
                threads=options.threads,
                seed=options.seed,
            )
    return {
        "what": f"retrieval beside LlamaIndex, k={K}: same texts, questions, embedding weights and cores",
        **record,
        "seed": options.seed,
        "limit": options.limit,
        "warm_up_queries": WARM_UP,
        "weights": model.fingerprint,
        "reading": (
            "Ours searches words and vectors, LlamaIndex by its defaults vectors alone. Our weight of "
            "vectors against words was chosen on MultiHop-RAG's dev queries, which are asked here too, and "
            "on the training half of SQuAD, whose paragraphs are here but whose questions are not. Our "
            "indexing writes a checked index to the disk; LlamaIndex's stays in memory. Ours runs the "
            "model on OpenVINO, LlamaIndex on torch, each as it comes."
        ),
        "sets": sets,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--python", type=Path, required=True, help="the rival's own Python")
    parser.add_argument("--sets", type=_set_names, default=SETS, help=f"of {','.join(SETS)}; both without")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--limit", type=int, help="only so many questions, to try the script")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout-s", type=float, default=3600.0, help="for one rival on one data set")
    options = parser.parse_args(arguments)
    try:
        write_json(bench(options), options.out)
    except QAError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _set_names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in SETS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SETS)}")
    return names


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
