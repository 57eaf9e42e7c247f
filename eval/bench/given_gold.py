"""Measures the reader by itself: SQuAD 2.0 questions with the paragraph that each was written about.

    python -m eval.bench.given_gold --data FOLDER [--out eval/results/given_gold.json]

No search, no quotes, no calibration: the likeliest stretch of the paragraph is the answer, and how far it is
ahead of "no answer" says whether there is one. `answerable` are the exact matches and token F1 of the questions that
have an answer, none refused. `overall` are those of all questions, where what is refused counts as an
answer if there is none; at the threshold that is best for them, as the data set's own script reports
(`best_exact`, `best_f1`), and beside what refusing everything gets. Nine of the articles of SQuAD 2.0's
development set are asked here and twelve of the others trained the reader: these are no leaderboard figures.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.record import cores, provenance, write_json
from eval.datasets.files import read_rows
from eval.metrics.confidence import auroc
from eval.metrics.reading import exact_match, f1
from eval.significance import FloatArray, bootstrap, bootstrap_mean
from index.models import sha256_file
from rag.reader_model import ReaderModel, ensure_reader_conversion, find_reader
from rag.rerank import PassageScorer, best_span

MODULE = "eval.bench.given_gold"
_FILE = Path("squad2", "questions.dev.jsonl.gz")


def read(row: dict[str, Any], scorer: PassageScorer) -> tuple[str, float]:
    """Return the likeliest answer of a row's context, and its log-odds against there being none."""
    (tokens,) = scorer.score(row["question"], [row["context"]])
    odds, first, last = best_span(tokens)
    if not tokens.offsets:
        return "", odds
    return row["context"][tokens.offsets[first][0] : tokens.offsets[last][1]], odds


def scored(said: Sequence[tuple[str, float]], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the scores of the answers to these rows."""
    odds = np.array([one for _, one in said])
    has_answer = np.array([not row["unanswerable"] for row in rows])
    matches = np.array([_best(exact_match, text, row) for (text, _), row in zip(said, rows, strict=True)])
    overlaps = np.array([_best(f1, text, row) for (text, _), row in zip(said, rows, strict=True)])
    pairs = np.column_stack([odds, has_answer]).astype(np.float64)
    return {
        "questions": len(rows),
        "answerable_questions": int(has_answer.sum()),
        "answerable": {
            "exact_match": _with_interval(matches[has_answer]),
            "f1": _with_interval(overlaps[has_answer]),
        },
        "auroc_answerable": {
            "value": round(auroc(pairs), 4),
            "bootstrap_95": [round(value, 4) for value in bootstrap(pairs, auroc) or ()],
        },
        "overall": {
            "best_exact": _at_the_best_threshold(matches, odds, has_answer),
            "best_f1": _at_the_best_threshold(overlaps, odds, has_answer),
            "always_refuse": round(float((~has_answer).mean()), 4),
        },
    }


def _best(score: Callable[[str, str], float], said: str, row: dict[str, Any]) -> float:
    return max((score(said, answer["text"]) for answer in row["answers"] if answer["text"]), default=0.0)


def _with_interval(values: FloatArray) -> dict[str, Any]:
    low, high = bootstrap_mean(values)
    return {"value": round(float(values.mean()), 4), "bootstrap_95": [round(low, 4), round(high, 4)]}


def _at_the_best_threshold(scores: FloatArray, odds: FloatArray, has_answer: np.ndarray) -> float:
    """Return the mean score where answers below the best threshold are refused; a right refusal scores 1."""
    order = np.argsort(-odds, kind="stable")
    # Answering the first n: what they score, and the refusals that are right of the rest.
    answered = np.concatenate([[0.0], np.cumsum(np.where(has_answer[order], scores[order], 0.0))])
    refused = np.concatenate([[0.0], np.cumsum(~has_answer[order])])
    return round(float((answered + refused[-1] - refused).max() / len(scores)), 4)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with squad2/")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    record = provenance(MODULE, threads=options.threads)
    rows = [row for _, row in read_rows(options.data / _FILE)]
    files = find_reader()
    with tempfile.TemporaryDirectory() as name:
        reader = ReaderModel(
            ensure_reader_conversion(files, Path(name)),
            name=files.fingerprint,
            max_tokens=files.max_tokens,
            threads=options.threads,
        )
        said = [read(row, reader) for row in rows]
    write_json(
        {
            "what": "SQuAD 2.0, nine articles, given the paragraph: no leaderboard figures, see the script",
            **record,
            "reader": files.fingerprint,
            "data_sha256": sha256_file(options.data / _FILE),
            **scored(said, rows),
        },
        options.out,
    )


if __name__ == "__main__":
    main()
