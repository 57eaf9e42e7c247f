"""Fits the calibration: `python -m rag.training.fit_calibration --data FOLDER`.

Fitted on the articles of SQuAD 2.0's training part that the reader never saw, each article a corpus
of its own paragraphs, and on Natural Questions, once with the gold passage in the corpus and once
without; checked on the dev part's articles. Natural Questions are there because SQuAD's questions
repeat the words of their passages, which would teach us to trust words too much. Writes
`rag/models/calibration.json` and a report.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from index.build import update_index
from index.embed import open_embedder
from index.generation import open_current
from index.models import find_model, sha256_file
from index.settings import IndexSettings
from index.state import StateFolder
from rag.calibrate import DEFAULT_FILE, Calibration, Logistic
from rag.question import read_question
from rag.read import Reader
from rag.reader_model import ReaderModel, ensure_reader_conversion, find_reader
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.signals import QUESTION_SIGNALS, SENTENCE_SIGNALS
from rag.training.reader_data import read_rows, split_squad
from rag.types import Reading

_TOP = 5
_NATURAL_QUESTIONS = 400
# What the probability is made of. The other signals shift with the kind of corpus and question:
# fitted on SQuAD they refuse most questions that do not repeat the words of their passage.
_ANSWERABILITY = ("best_answerable", "best_span", "best_evidence", "best_sentence_cosine")
# We answer from one chance in twenty on. Questions of other kinds than those of the fit score much
# lower, answerable or not; a threshold that is best on the fit refuses most of them. A doubtful
# quote with its low confidence serves better than silence.
_THRESHOLD = 0.05
# Penalties on the squared weights of standardised signals. The stronger one keeps the order of
# sentences from leaning on what happens to work in one data set; chosen by how well a fit on either
# set serves the other.
_SENTENCE_PENALTY = 0.3
_QUESTION_PENALTY = 0.01
_KEPT_BY_MARGIN = 0.99


def main() -> None:
    """Read the command line, fit, check, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with squad2/")
    parser.add_argument("--cache", type=Path, required=True, help="folder for converted models")
    parser.add_argument("--out", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--report", type=Path, required=True, help="where the figures go, as JSON")
    parser.add_argument("--check-questions", type=int, default=1000, help="sample of the dev part")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    train_file = arguments.data / "squad2/questions.train.jsonl.gz"
    dev_file = arguments.data / "squad2/questions.dev.jsonl.gz"
    natural_file = arguments.data / "train/nq_open_oracle.jsonl.gz"
    _, fit_rows = split_squad(read_rows(train_file))
    pipeline = _Pipeline(arguments.cache, arguments.threads)
    fitted = pipeline.read_by_article(fit_rows)
    natural_rows = read_rows(natural_file)[:_NATURAL_QUESTIONS]
    natural = pipeline.read_together(natural_rows, gold_in_sight=True)
    bereft = pipeline.read_together(natural_rows, gold_in_sight=False)
    dev_rows = read_rows(dev_file)
    dev_rows = random.Random(1).sample(dev_rows, min(len(dev_rows), arguments.check_questions))
    checked = pipeline.read_by_article(dev_rows)
    sentence = _fit_sentence((fitted, natural))
    for rows in (fitted, natural, bereft, checked):
        rows.rescore(sentence)
    question, threshold = _fit_question((fitted, natural, bereft)), _THRESHOLD
    margin = _fit_margin(fitted, sentence)
    name = _name(sentence, question, threshold, margin)
    content = {
        "name": name,
        "fitted_on": {
            "questions.train (articles held out from the reader)": sha256_file(train_file),
            "articles": fitted.titles,
            f"nq_open_oracle (first {_NATURAL_QUESTIONS})": sha256_file(natural_file),
        },
        "sentence": _as_json(sentence, SENTENCE_SIGNALS),
        "question": _as_json(question, QUESTION_SIGNALS),
        "threshold": threshold,
        "margin": margin,
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    report = {
        "calibration": name,
        "reader": find_reader().sha256,
        "fit": _figures(fitted, question, threshold),
        "natural_questions_fit": _ranks(natural),
        "natural_questions_without_gold_refused": round(
            float((_probabilities(question, np.array(bereft.question)) < threshold).mean()), 4
        ),
        "squad2_dev": _figures(checked, question, threshold),
        "command": "python -m rag.training.fit_calibration --data DATA --cache CACHE --report REPORT",
    }
    arguments.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


class _Readings:
    """The readings of a set of questions, with which of their sentences carry the answer."""

    def __init__(self, titles: list[str]) -> None:
        self.titles = titles
        self.signals: list[NDArray[np.float64]] = []  # (sentences, SENTENCE_SIGNALS) a question
        self.gold: list[NDArray[np.bool_]] = []  # (sentences,)
        self.question: list[NDArray[np.float64]] = []
        self.answerable: list[bool] = []

    def rescore(self, sentence: Logistic) -> None:
        """Order every question's sentences by the fitted weights, and redo what depends on that."""
        weights = np.array(sentence.weights)
        for number, signals in enumerate(self.signals):
            scores = signals @ weights + sentence.bias
            order = np.argsort(-scores, kind="stable")
            self.signals[number], self.gold[number] = signals[order], self.gold[number][order]
            scores = scores[order]
            self.question[number][0] = scores[0]
            self.question[number][1] = scores[0] - scores[1] if len(scores) > 1 else 5.0
            self.question[number][11] = signals[order][:3, 10].max()

    def right(self) -> NDArray[np.bool_]:
        """Tell for each question whether it is answerable and a gold sentence is among the first."""
        return np.array([gold[:_TOP].any() for gold in self.gold])


class _Pipeline:
    def __init__(self, cache: Path, threads: int) -> None:
        files = find_reader()
        folder = ensure_reader_conversion(files, cache)
        self._embedder = open_embedder(find_model(), cache, threads=threads)
        scorer = ReaderModel(folder, name=files.fingerprint, max_tokens=files.max_tokens, threads=threads)
        # Before the fit, the model's own evidence decides the order.
        first = Logistic(weights=(1.0, 0.0, 0.2, 0.5, 1.0, 0.0, 6.0, 1.0, 0.0, 1.0, 0.0), bias=0.0)
        none = Logistic(weights=(0.0,) * len(QUESTION_SIGNALS), bias=0.0)
        unfitted = Calibration(name="unfitted", sentence=first, question=none, threshold=0.5)
        self._reader = Reader(scorer, unfitted, self._embedder)

    def read_together(self, rows: Sequence[dict[str, Any]], *, gold_in_sight: bool) -> _Readings:
        """Read every question in one corpus of all the rows' contexts, each a document.

        Out of sight, the gold document is hidden from its own question: none of the rest answers.
        """
        readings = _Readings(sorted({row["title"] for row in rows}))
        self._read_corpus(readings, rows, gold_in_sight=gold_in_sight)
        return readings

    def read_by_article(self, rows: Sequence[dict[str, Any]]) -> _Readings:
        """Read every question in a corpus of its own article's paragraphs, each a document.

        One article a corpus: where all documents speak of one thing, as an organisation's often
        do, the right paragraph is much harder to tell than among unlike ones.
        """
        readings = _Readings(sorted({row["title"] for row in rows}))
        for title in readings.titles:
            self._read_corpus(readings, [row for row in rows if row["title"] == title])
        return readings

    def _read_corpus(
        self, readings: _Readings, rows: Sequence[dict[str, Any]], *, gold_in_sight: bool = True
    ) -> None:
        contexts = list(dict.fromkeys((row["title"], row["context"]) for row in rows))
        ids = {context: f"p{number}" for number, context in enumerate(contexts)}
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus.jsonl"
            corpus.write_text(
                "".join(
                    json.dumps({"id": ids[c], "title": c[0].replace("_", " "), "text": c[1]}) + "\n"
                    for c in contexts
                )
            )
            state = StateFolder(Path(folder) / "state")
            settings = RagSettings()
            report = update_index(state, [corpus], self._embedder, IndexSettings())
            if report.problems:
                raise report.problems[0]
            generation = open_current(state, embedder=self._embedder.name)
            retriever = Retriever(generation, self._embedder, settings)
            everything = frozenset(range(len(contexts)))
            for row in rows:
                document_id = ids[row["title"], row["context"]]
                allowed = generation.row_filter(None)
                if not gold_in_sight:
                    row = {**row, "unanswerable": True}
                    hidden = generation.ordinal(document_id)
                    allowed = generation.row_filter(everything - {hidden})
                question = read_question(row["question"])
                retrieved = retriever.retrieve(question, settings.evidence_passages, allowed)
                reading = self._reader.read(question, retrieved, generation, settings.evidence_passages)
                self._add(readings, row, document_id, reading)
            generation.close()

    def _add(self, readings: _Readings, row: dict[str, Any], document_id: str, reading: Reading) -> None:
        spans = [(a["start"], a["start"] + len(a["text"])) for a in row["answers"] if a["start"] >= 0]
        readings.signals.append(np.array([c.signals for c in reading.candidates]))
        readings.gold.append(
            np.array(
                [
                    not row["unanswerable"]
                    and c.passage.document_id == document_id
                    and any(c.sentence.start < end and c.sentence.end > start for start, end in spans)
                    for c in reading.candidates
                ]
            )
        )
        readings.question.append(np.array(reading.signals))
        readings.answerable.append(not row["unanswerable"])


def _fit(
    signals: NDArray[np.float64],
    labels: NDArray[np.bool_],
    shares: NDArray[np.float64],
    penalty: float,
    lower_bound: float | None,
) -> Logistic:
    """Fit a logistic regression with an L2 penalty on standardised signals.

    `shares` is how much each row counts; the penalty is relative to their sum over positive rows.
    `lower_bound` 0 keeps every weight from turning against what its signal means. Returns weights
    for the signals as they are.
    """
    mean, scale = signals.mean(axis=0), signals.std(axis=0)
    scale[scale == 0.0] = 1.0
    x = (signals - mean) / scale
    y = labels.astype(np.float64)
    share = shares / shares[labels].sum()

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = parameters[:-1], parameters[-1]
        odds = x @ weights + bias
        value = float(share @ (np.logaddexp(0.0, odds) - y * odds)) + penalty * float(weights @ weights)
        slope = share * (1.0 / (1.0 + np.exp(-odds)) - y)
        return value, np.append(x.T @ slope + 2.0 * penalty * weights, slope.sum())

    bounds = [(lower_bound, None)] * x.shape[1] + [(None, None)]
    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    weights = found.x[:-1] / scale
    return Logistic(
        weights=tuple(round(float(w), 6) for w in weights),
        bias=round(float(found.x[-1] - weights @ mean), 6),
    )


def _fit_sentence(sets: Sequence[_Readings]) -> Logistic:
    """Fit which sentence carries the answer, on questions whose answer was found; sets count alike."""
    signals, labels, shares = [], [], []
    for rows in sets:
        used = [n for n, gold in enumerate(rows.gold) if gold.any()]
        for number in used:
            signals.append(rows.signals[number])
            labels.append(rows.gold[number])
            shares.append(np.full(len(rows.gold[number]), 1.0 / len(used)))
    return _fit(
        np.concatenate(signals), np.concatenate(labels), np.concatenate(shares), _SENTENCE_PENALTY, 0.0
    )


def _fit_question(sets: Sequence[_Readings]) -> Logistic:
    """Fit the probability that an answer is right; sets count alike."""
    columns = [QUESTION_SIGNALS.index(name) for name in _ANSWERABILITY]
    signals = np.concatenate([np.array(rows.question) for rows in sets])
    labels = np.concatenate([rows.right() for rows in sets])
    shares = np.concatenate([np.full(len(rows.answerable), 1.0 / len(rows.answerable)) for rows in sets])
    part = _fit(signals[:, columns], labels, shares, _QUESTION_PENALTY, 0.0)
    weights = [0.0] * len(QUESTION_SIGNALS)
    for column, weight in zip(columns, part.weights, strict=True):
        weights[column] = weight
    return Logistic(weights=tuple(weights), bias=part.bias)


def _fit_margin(rows: _Readings, sentence: Logistic) -> float:
    """Fit how far below the best a sentence is still quoted: so that few right ones are lost."""
    weights = np.array(sentence.weights)
    gaps = [
        float((signals[0] - signals[:_TOP][gold[:_TOP]]).dot(weights).min())
        for signals, gold in zip(rows.signals, rows.gold, strict=True)
        if gold[:_TOP].any()
    ]
    return round(float(np.quantile(gaps, _KEPT_BY_MARGIN)), 3)


def _probabilities(question: Logistic, signals: NDArray[np.float64]) -> NDArray[np.float64]:
    odds = signals @ np.array(question.weights) + question.bias
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-odds))
    return result


def _figures(rows: _Readings, question: Logistic, threshold: float) -> dict[str, float]:
    answerable = np.array(rows.answerable)
    probabilities = _probabilities(question, np.array(rows.question))
    refused = probabilities < threshold
    right = rows.right()
    bins = np.minimum((probabilities * 10).astype(int), 9)
    error = sum(
        abs(probabilities[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    )
    return {
        "questions": len(answerable),
        "answerable": int(answerable.sum()),
        **_ranks(rows),
        "auroc_answerable": round(float(roc_auc_score(answerable, probabilities)), 4),
        "refusal_precision": round(float((~answerable)[refused].mean()) if refused.any() else 0.0, 4),
        "refusal_recall": round(float(refused[~answerable].mean()), 4),
        "answered_share": round(float((~refused).mean()), 4),
        "expected_calibration_error": round(float(error), 4),
    }


def _ranks(rows: _Readings) -> dict[str, float]:
    """Return how often a gold sentence is among the first, of answerable questions."""
    gold = [g for g, answerable in zip(rows.gold, rows.answerable, strict=True) if answerable]
    return {f"gold_in_top_{k}": round(float(np.mean([g[:k].any() for g in gold])), 4) for k in (1, 3, 5)}


def _as_json(model: Logistic, signals: Sequence[str]) -> dict[str, Any]:
    return {"weights": dict(zip(signals, model.weights, strict=True)), "bias": model.bias}


def _name(sentence: Logistic, question: Logistic, threshold: float, margin: float) -> str:
    content = json.dumps(
        [sentence.weights, sentence.bias, question.weights, question.bias, threshold, margin]
    )
    return "calibration@" + hashlib.sha256(content.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
