"""Does a confidence mean the same over 3, 600 and 20,000 documents?

    python -m eval.bench.calibration --data FOLDER [--out eval/results/calibration_by_size.json]

The seeds with their own questions; MultiHop-RAG's articles with the half of its dev queries that the
calibration was not fitted on; SQuAD 2.0's paragraphs among 20,000 news texts that have no questions, with
a sample of its dev questions, half of which nothing answers. And, to tell the size of a corpus from the wording
of its questions, questions of the same kind about three SQuAD 2.0 articles, each one document: of these alone, and among so many
news texts that there are 600. Asked in this process, with shipped settings.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.pipeline import Pipeline, write_rows
from eval.bench.record import cores, provenance, write_json
from eval.datasets import load_data_set
from eval.datasets.files import read_rows
from eval.datatypes import DataSet, Question
from eval.metrics.confidence import binned, ece
from eval.significance import FloatArray
from index.access import OPERATOR
from index.state import StateFolder
from rag.answer import Ask, Stages, answer_question
from rag.training.fit_data import half_of
from rag.types import AbstainReason

MODULE = "eval.bench.calibration"
_ARTICLES = 3
_AMONG = 600
_DISTRACTORS = ("distractors/bbc_news.jsonl.gz", "distractors/reuters21578.jsonl.gz")
_DRAWS = 1000


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


def as_articles(
    data_set: DataSet, title_of: Mapping[str, str], chosen: Collection[str]
) -> tuple[list[dict[str, Any]], list[Question]]:
    """Join the paragraphs of each chosen article into one document; return these and their questions.

    `title_of` has the article of each question.
    """
    texts: dict[str, str] = {}
    moved: dict[str, tuple[str, int]] = {}  # a paragraph's document, and where it begins in the article's
    for row in data_set.documents:
        if row["title"] in chosen:
            before = f"{texts[row['title']]}\n\n" if row["title"] in texts else ""
            moved[row["id"]] = (row["title"], len(before))
            texts[row["title"]] = before + row["text"]
    questions = []
    for question in data_set.questions:
        if title_of[question.question_id] in chosen:
            golds = []
            for gold in question.gold:
                assert gold.document_id is not None
                assert gold.start is not None
                assert gold.end is not None
                article, at = moved[gold.document_id]
                golds.append(replace(gold, document_id=article, start=gold.start + at, end=gold.end + at))
            questions.append(replace(question, gold=tuple(golds), relevant=()))
    return [{"id": title, "title": title, "text": text} for title, text in texts.items()], questions


def error_by_chance(confidences: FloatArray, rng: random.Random) -> float:
    """Return the error that so many answers show on average if every confidence is exactly true.

    Few answers in a bin are seldom right as often as they should be: no error below this can be seen.
    """
    draws = np.random.default_rng(rng.getrandbits(32)).random((_DRAWS, len(confidences)))
    return float(np.mean([ece(np.column_stack([confidences, one < confidences])) for one in draws]))


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
    judged = np.array([(row[0], row[2]) for row in given], dtype=np.float64).reshape(-1, 2)
    answerable = [row[0] for row in rows if row[3]]
    others = [row[0] for row in rows if not row[3]]
    above = sum((a > b) + 0.5 * (a == b) for a in answerable for b in others)
    return {
        "documents": stages.generation.manifest.documents,
        "questions": len(rows),
        "other_language_refused": refused_by_language,
        "answered": len(given),
        "expected_calibration_error": round(ece(judged), 4),
        "error_of_the_calibrated": round(error_by_chance(judged[:, 0], random.Random(0)), 4),
        "auroc_answerable": round(above / (len(answerable) * len(others)), 4),
        "refused_of_unanswerable": round(sum(r[1] for r in rows if not r[3]) / len(others), 4),
        "refused_of_answerable": round(sum(r[1] for r in rows if r[3]) / len(answerable), 4),
        "reliability": [
            {
                "answers": int(count),
                "mean_confidence": round(float(sure / count), 4),
                "right": round(float(right / count), 4),
            }
            for count, sure, right in zip(*binned(judged), strict=True)
            if count
        ],
    }


def _corpora(
    options: argparse.Namespace, rng: random.Random
) -> Iterator[tuple[str, list[Mapping[str, Any]], Sequence[Path], list[Question]]]:
    """Yield each corpus: its name, its documents as rows or else its files, and its questions."""
    seeds = load_data_set("seeds", options.data)
    yield "seeds", list(seeds.documents), seeds.corpus, list(seeds.questions)
    news = load_data_set("multihop_rag", options.data)
    asked_of_news = [q for q in news.questions if half_of(q.question_id) == 1]
    yield "multihop_rag", list(news.documents), news.corpus, asked_of_news
    # A text that stands in both files, or has no words, is no document of its own.
    texts = {
        row["text"]: {"id": f"news-{n}", "title": str(row.get("title") or ""), "text": row["text"]}
        for n, (_, row) in enumerate(pair for file in _DISTRACTORS for pair in read_rows(options.data / file))
        if row["text"].strip()
    }
    distractors = list(texts.values())[: options.distractors]
    squad = load_data_set("squad2", options.data)
    yield "squad2", [*squad.documents, *distractors], (), list(squad.questions)
    title_of = {
        row["id"]: row["title"].replace("_", " ")
        for _, row in read_rows(options.data / "squad2" / "questions.dev.jsonl.gz")
    }
    chosen = rng.sample(sorted(set(title_of.values())), _ARTICLES)
    articles, questions = as_articles(squad, title_of, chosen)
    yield "squad2_articles", list(articles), (), questions
    yield "squad2_articles_among_news", [*articles, *distractors[: _AMONG - len(articles)]], (), questions


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Ask over every corpus."""
    record = provenance(MODULE, threads=options.threads)
    started = time.perf_counter()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = options.cache or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        pipeline = Pipeline(folder / "models", threads=options.threads)
        rng = random.Random(options.seed)
        for which, documents, corpus, questions in _corpora(options, rng):
            sample = rng.sample(questions, min(len(questions), options.questions))
            files = [write_rows(folder / f"size-{which}.jsonl", documents)] if documents else corpus
            stages = pipeline.over(StateFolder(folder / f"state-size-{which}"), files)
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
