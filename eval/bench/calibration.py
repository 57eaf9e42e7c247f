"""Does a confidence mean the same over 3, 600 and 20,000 documents?

    python -m eval.bench.calibration --data FOLDER [--out eval/results/calibration_by_size.json]

The seeds with their own questions; MultiHop-RAG's articles with the half of its dev queries that the
calibration was not fitted on; SQuAD 2.0's paragraphs among 20,000 news texts that have no questions, with
a sample of its dev questions, half of which nothing answers. Asked in this process, with shipped settings.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.pipeline import Pipeline, write_rows
from eval.bench.record import cores, provenance, write_json
from eval.datasets import load_data_set
from eval.datasets.files import read_rows
from eval.datatypes import Question
from index.access import OPERATOR
from index.state import StateFolder
from rag.answer import Ask, Stages, answer_question
from rag.training.fit_data import half_of
from rag.types import AbstainReason

MODULE = "eval.bench.calibration"
_DISTRACTORS = ("distractors/bbc_news.jsonl.gz", "distractors/reuters21578.jsonl.gz")
_BINS = 10


def is_right(question: Question, quotes: Sequence[tuple[str, int, int]]) -> bool:
    """Tell whether any quote overlaps a gold one."""
    return any(
        gold.document_id == document
        and gold.start is not None
        and gold.end is not None
        and gold.start < end
        and start < gold.end
        for gold in question.gold
        for document, start, end in quotes
    )


def asked(stages: Stages, questions: Sequence[Question]) -> dict[str, Any]:
    """Ask all; return how the probabilities fit what came of them."""
    rows: list[tuple[float, bool, bool, bool]] = []  # probability, refused, right, answerable
    refused_by_language = 0
    for question in questions:
        answer = answer_question(
            Ask(question=question.text, history=question.history, viewer=OPERATOR), stages
        )
        if answer.abstention is not None and answer.abstention.reason is AbstainReason.NO_PASSAGES:
            refused_by_language += 1  # nobody looked: there is no probability to judge
            continue
        quotes = [(c.quote.document_id, c.quote.start, c.quote.end) for c in answer.citations]
        abstained = answer.abstention is not None
        probability = 1.0 - answer.abstention.probability if answer.abstention else answer.confidence or 0.0
        rows.append((probability, abstained, is_right(question, quotes), bool(question.answerable)))
    given = [row for row in rows if not row[1]]
    bins = []
    for number in range(_BINS):
        held = [row for row in given if min(_BINS - 1, int(row[0] * _BINS)) == number]
        if held:
            bins.append(
                {
                    "answers": len(held),
                    "mean_confidence": round(sum(row[0] for row in held) / len(held), 4),
                    "right": round(sum(row[2] for row in held) / len(held), 4),
                }
            )
    error = sum(b["answers"] * abs(b["mean_confidence"] - b["right"]) for b in bins) / max(1, len(given))
    answerable = [row[0] for row in rows if row[3]]
    others = [row[0] for row in rows if not row[3]]
    above = sum((a > b) + 0.5 * (a == b) for a in answerable for b in others)
    return {
        "documents": stages.generation.manifest.documents,
        "questions": len(rows),
        "other_language_refused": refused_by_language,
        "answered": len(given),
        "expected_calibration_error": round(error, 4),
        "auroc_answerable": round(above / (len(answerable) * len(others)), 4),
        "refused_of_unanswerable": round(sum(r[1] for r in rows if not r[3]) / len(others), 4),
        "refused_of_answerable": round(sum(r[1] for r in rows if r[3]) / len(answerable), 4),
        "reliability": bins,
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Ask over the three corpora."""
    record = provenance(MODULE, threads=options.threads)
    started = time.perf_counter()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = options.cache or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        pipeline = Pipeline(folder / "models", threads=options.threads)
        rng = random.Random(options.seed)
        for which in ("seeds", "multihop_rag", "squad2"):
            data_set = load_data_set(which, options.data)
            questions = list(data_set.questions)
            documents = list(data_set.documents)
            if which == "multihop_rag":
                questions = [q for q in questions if half_of(q.question_id) == 1]
            if which == "squad2":
                # A text that stands in both files, or has no words, is no document of its own.
                texts = {
                    row["text"]: {
                        "id": f"news-{n}",
                        "title": str(row.get("title") or ""),
                        "text": row["text"],
                    }
                    for n, (_, row) in enumerate(
                        pair for file in _DISTRACTORS for pair in read_rows(options.data / file)
                    )
                    if row["text"].strip()
                }
                documents += list(texts.values())[: options.distractors]
            sample = rng.sample(questions, min(len(questions), options.questions))
            corpus = [write_rows(folder / f"size-{which}.jsonl", documents)] if documents else data_set.corpus
            stages = pipeline.over(StateFolder(folder / f"state-size-{which}"), corpus)
            found[which] = asked(stages, sample)
            stages.generation.close()
    return {
        "what": "calibration over corpora of different sizes",
        **record,
        "seconds": round(time.perf_counter() - started, 1),
        "corpora": found,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path, help="keep indexes and models here")
    parser.add_argument("--questions", type=int, default=400, help="of each corpus")
    parser.add_argument("--distractors", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    write_json(bench(options), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
