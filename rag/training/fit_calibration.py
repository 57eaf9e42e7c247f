"""Fits the calibration: `python -m rag.training.fit_calibration --data FOLDER --cache FOLDER --report FILE`.

Three fits, each on what the one before it gives (see `rag.training.fit_data` for the questions): how
much reading a passage counts beside its place in the search; how much each signal of a sentence counts;
and how likely the quotes shown are to hold an answer. The last two are made twice: for questions that ask
for one thing, and for those that ask for several. Thresholds: the highest that refuses no more than one in
thirty of the answerable questions of the first kind, and one in twelve of the second, which share the words
of many passages. Then how often a sentence answers after all that says of others what is asked. Last, how likely the short answer is to be right: it is given where that is more
likely than not. Writes `rag/models/calibration.json` and a report.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from index import multilingual
from index.build import update_index
from index.embed import open_embedder
from index.generation import Generation, open_current
from index.models import find_model, sha256_file
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import terms
from index.types import Embedder
from rag.calibrate import (
    DEFAULT_FILE,
    Calibration,
    Judgement,
    Logistic,
    load_calibration,
    probability_of,
)
from rag.closest_meaning import by_meaning
from rag.question import read_question
from rag.read import Reader
from rag.reader_model import ReaderModel, TokenScores, ensure_reader_conversion, find_reader
from rag.rerank import PassageScorer, reranked
from rag.retrieve import Retrieved, Retriever
from rag.sentence_vectors import SentenceVectors
from rag.settings import RagSettings
from rag.signals import PASSAGE_SIGNALS, QUESTION_SIGNALS, SENTENCE_SIGNALS, SHORT_ANSWER_SIGNALS
from rag.training.fit_data import FILES, Asked, AskedSet, check_sets, fit_sets, is_gold, write_corpora
from rag.types import Question, Reading

_TOP = 5
# Penalties on the squared weights of standardised signals. The stronger one keeps the order of
# sentences from leaning on what happens to work in one data set; chosen by how well a fit on either
# set serves the other.
_SENTENCE_PENALTY = 0.3
_QUESTION_PENALTY = 0.01
_KEPT_BY_MARGIN = 0.99
# Questions for one thing that are unlike those of the fit score much lower, answerable or not: what refuses
# one in thirty here refuses one in three of our own hard questions about the seeds.
_REFUSED_AT_MOST = {False: 1 / 30, True: 1 / 12}
# What the probability of a question for one thing is made of. The other signals shift with the size of the
# corpus and the kind of question: with all of them nearly every question about the three seed articles was
# refused.
_ANSWERABILITY = ("best_answerable", "best_span", "best_evidence", "best_sentence_cosine", "names_near")
# A short answer that shares at least half of its words with a right one is held for right.
_SHORT_OVERLAP = 0.5
# Half of the fit's questions were written to look answerable; of those that staff ask, fewer are not.
_SHORT_UNANSWERABLE = 0.5
_SHORT_THRESHOLD = 0.5
_PASSAGE_GRID = ((0.0, 0.1, 0.2, 0.3, 0.5, 0.8), (0.0, 0.05, 0.1, 0.2))
Floats = NDArray[np.float64]


def main() -> None:
    """Read the command line, fit, check, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with squad2/ and multihop_rag/")
    parser.add_argument(
        "--cache", type=Path, required=True, help="folder for models, indexes and what was read"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--report", type=Path, required=True, help="where the figures go, as JSON")
    parser.add_argument("--check-questions", type=int, default=500, help="of each set that checks the fit")
    parser.add_argument(
        "--across",
        action="store_true",
        help="also fit across languages (needs the extra; else kept as it is)",
    )
    parser.add_argument(
        "--keep-order", action="store_true", help="keep the order of passages and sentences; fit the rest"
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    bench = _Bench(arguments.data, arguments.cache, arguments.threads)
    fitted, checked = fit_sets(arguments.data), check_sets(arguments.data, arguments.check_questions)
    across = _fit_across(arguments) if arguments.across else load_calibration(arguments.out).across
    shipped = load_calibration(arguments.out) if arguments.keep_order else None
    passage = _fit_passage(bench, fitted) if shipped is None else shipped.passage
    # Before the fit, the model's own evidence decides the order.
    first = _logistic(
        SENTENCE_SIGNALS, {"evidence_mean": 1.0, "span": 0.2, "retrieval": 1.0, "coverage": 1.0}
    )
    unfitted = Judgement(sentence=first, question=_logistic(QUESTION_SIGNALS, {}), threshold=0.5)
    so_far = Calibration(
        name="unfitted",
        passage=passage,
        single=unfitted,
        several=unfitted,
        across=across,
        short=_logistic(SHORT_ANSWER_SIGNALS, {"sentence": 1.0, "span": 0.1}),
        short_threshold=_SHORT_THRESHOLD,
    )
    if shipped is None:
        rows = [bench.read(one, so_far) for one in fitted]
        so_far = _with_sentences(
            so_far, _fit_sentence(rows, several=False), _fit_sentence(rows, several=True)
        )
    else:
        so_far = _with_sentences(so_far, shipped.single.sentence, shipped.several.sentence)
    rows = [bench.read(one, so_far) for one in fitted]
    so_far = replace(so_far, margin=_fit_margin(rows), short=_fit_short(rows))
    so_far = replace(so_far, false_premise=_fit_false_premise(rows, so_far))
    single = _fit_question(rows, so_far, _ANSWERABILITY, several=False)
    several = _fit_question(rows, so_far, QUESTION_SIGNALS, several=True)
    so_far = replace(
        so_far,
        single=replace(so_far.single, question=single),
        several=replace(so_far.several, question=several),
    )
    so_far = replace(
        so_far,
        single=replace(so_far.single, threshold=_fit_threshold(rows, so_far, several=False)),
        several=replace(so_far.several, threshold=_fit_threshold(rows, so_far, several=True)),
    )
    so_far = replace(so_far, name=_name(so_far))
    content = {
        "name": so_far.name,
        "fitted_on": {name: sha256_file(arguments.data / name) for name in FILES},
        "reader": find_reader().sha256,
        "passage": _as_json(so_far.passage, PASSAGE_SIGNALS),
        "single": _judgement_as_json(so_far.single),
        "several": _judgement_as_json(so_far.several),
        "across": _as_json(so_far.across, QUESTION_SIGNALS),
        "short": _as_json(so_far.short, SHORT_ANSWER_SIGNALS),
        "short_threshold": so_far.short_threshold,
        "false_premise": so_far.false_premise,
        "margin": so_far.margin,
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    report = {
        "calibration": so_far.name,
        "reader": find_reader().sha256,
        "fitted_on": {r.name: _figures(r, so_far) for r in rows},
        "checked_on": {r.name: _figures(r, so_far) for r in (bench.read(one, so_far) for one in checked)},
        "command": "python -m rag.training.fit_calibration --data DATA --cache CACHE --report REPORT",
    }
    arguments.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Readings:
    """The readings of a set, question by question: what is known of each sentence and of the whole."""

    name: str
    weight: float
    sentences: list[Floats]
    """(sentences, SENTENCE_SIGNALS) a question, best first."""
    scores: list[Floats]
    gold: list[NDArray[np.bool_]]
    questions: Floats
    """(questions, QUESTION_SIGNALS)"""
    several: NDArray[np.bool_]
    """Whether each question asks for several things."""
    answerable: NDArray[np.bool_]
    of_others: NDArray[np.bool_]
    """Whether the best sentence says of others what is asked (see `rag.premise`)."""
    short_signals: list[Floats]
    """(stretches, SHORT_ANSWER_SIGNALS) a question; none where it wants no short answer."""
    short_right: list[NDArray[np.bool_]] | None
    """Whether each stretch is a right answer; `None` where the gold are whole sentences."""

    def right(self, calibration: Calibration) -> NDArray[np.bool_]:
        """Tell for each question whether a gold sentence is among those that would be quoted."""
        return np.array(
            [
                gold[:_TOP][scores[:_TOP] >= scores[0] - calibration.margin].any() if len(gold) else False
                for gold, scores in zip(self.gold, self.scores, strict=True)
            ]
        )


class _Kept:
    """A scorer that remembers, and writes what it remembers to a file: fits are repeated, reading is slow."""

    def __init__(self, scorer: PassageScorer, file: Path) -> None:
        self._scorer = scorer
        self._file = file
        self._known: dict[tuple[str, str], TokenScores] = (
            pickle.loads(file.read_bytes()) if file.exists() else {}  # noqa: S301
        )

    @property
    def name(self) -> str:
        return self._scorer.name

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        new = [passage for passage in passages if (question, passage) not in self._known]
        for passage, tokens in zip(new, self._scorer.score(question, new) if new else (), strict=True):
            self._known[question, passage] = tokens
        return [self._known[question, passage] for passage in passages]

    def save(self) -> None:
        self._file.write_bytes(pickle.dumps(self._known))


class _Bench:
    """Both corpora, indexed, and the models: reads sets of questions as the service would."""

    def __init__(
        self,
        data: Path,
        cache: Path,
        threads: int,
        *,
        embedder: Path | None = None,
        corpora: Sequence[str] = ("squad", "news"),
    ) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._embedder: Embedder = open_embedder(find_model(embedder), cache / "models", threads=threads)
        self._vectors = SentenceVectors(self._embedder)
        files = find_reader()
        folder = ensure_reader_conversion(files, cache / "models")
        model = ReaderModel(folder, name=files.fingerprint, max_tokens=files.max_tokens, threads=threads)
        self.scorer = _Kept(model, cache / f"read-{files.sha256[:12]}.pickle")
        self.settings = RagSettings()
        self._corpora: dict[str, tuple[Generation, Retriever]] = {}
        for name, path in write_corpora(data, cache).items():
            if name not in corpora:
                continue
            state = StateFolder(cache / f"state-{name}")
            report = update_index(state, [path], self._embedder, IndexSettings())
            if report.problems:
                raise report.problems[0]
            generation = open_current(state, embedder=self._embedder.name)
            self._corpora[name] = (generation, Retriever(generation, self._embedder, self.settings))
        self._found: dict[tuple[str, str], tuple[Question, Retrieved]] = {}

    def found(
        self, one: AskedSet, *, across: bool = False
    ) -> Iterator[tuple[Asked, Question, Retrieved, Generation]]:
        """Search for every question, once."""
        generation, retriever = self._corpora[one.corpus]
        depth = max(self.settings.reordered, self.settings.evidence_passages)
        for asked in one.questions:
            key = (one.corpus, asked.question)
            if key not in self._found:
                question = read_question(asked.question)
                retrieved = retriever.retrieve(question, depth, generation.row_filter(None), across=across)
                self._found[key] = (question, retrieved)
            yield asked, *self._found[key], generation

    def by_meaning(self, retrieved: Retrieved, generation: Generation) -> Retrieved:
        """Put what was found in the order that is read."""
        return by_meaning(retrieved, generation, self._vectors, self.settings)

    def read(self, one: AskedSet, calibration: Calibration, *, across: bool = False) -> _Readings:
        """Read every question as far as the service would; `across` as if it were in another language."""
        reader = Reader(self.scorer, calibration, self._embedder)
        sentences, scores, gold, questions, several, answerable = [], [], [], [], [], []
        of_others: list[bool] = []
        short_signals: list[Floats] = []
        short_right: list[NDArray[np.bool_]] = []
        k, most = self.settings.evidence_passages, self.settings.read_sentences
        for asked, question, retrieved, generation in self.found(one, across=across):
            if not across:
                retrieved = reader.rerank(retrieved, generation, self.settings)
            reading: Reading = reader.read(question, retrieved, generation, k, sentences=most, across=across)
            hits = is_gold(asked)
            sentences.append(np.array([c.signals for c in reading.candidates]))
            scores.append(np.array([c.score for c in reading.candidates]))
            gold.append(
                np.array(
                    [
                        hits(c.passage.document_id, c.sentence.start, c.sentence.end)
                        for c in reading.candidates
                    ]
                )
            )
            questions.append(reading.signals)
            several.append(retrieved.parts > 0)
            of_others.append(bool(reading.unsaid_names))
            stretches = reading.short_answers
            wanted = [_text(generation, *place) for place in asked.gold]
            said = [_text(generation, one.document_id, one.start, one.end) for one in stretches]
            short_signals.append(np.array([one.signals for one in stretches]))
            short_right.append(np.array([any(_alike(one, right) for right in wanted) for one in said], bool))
            answerable.append(asked.answerable)
        self.scorer.save()
        return _Readings(
            name=one.name,
            weight=one.weight,
            sentences=sentences,
            scores=scores,
            gold=gold,
            questions=np.array(questions),
            several=np.array(several),
            answerable=np.array(answerable),
            of_others=np.array(of_others),
            short_signals=short_signals,
            short_right=short_right if one.corpus == "squad" else None,
        )


def _fit_passage(bench: _Bench, sets: Sequence[AskedSet]) -> Logistic:
    """Choose what reading counts: by the mean over sets of 1 / rank of the first passage with gold."""
    best: tuple[float, tuple[float, ...]] = (-1.0, (0.0,) * len(PASSAGE_SIGNALS))
    answerable = [replace(s, questions=tuple(q for q in s.questions if q.answerable)) for s in sets]
    for weights in product(*_PASSAGE_GRID):
        means = []
        for one in answerable:
            if not one.questions:
                continue
            ranks = []
            for asked, _, retrieved, generation in bench.found(one):
                hits = is_gold(asked)
                ranked = reranked(
                    bench.by_meaning(retrieved, generation),
                    generation,
                    scorer=bench.scorer,
                    weights=Logistic(weights=weights, bias=0.0),
                    depth=bench.settings.rerank_depth,
                    turn_penalty=bench.settings.turn_penalty,
                ).hits
                passages = [generation.passage(hit.row) for hit in ranked]
                places = [n for n, p in enumerate(passages, 1) if hits(p.document_id, p.start, p.end)]
                ranks.append(1.0 / places[0] if places else 0.0)
            means.append(float(np.mean(ranks)))
        print(f"passage weights {weights}: {[round(mean, 4) for mean in means]}", flush=True)
        best = max(best, (float(np.mean(means)), weights))
    bench.scorer.save()
    return Logistic(weights=best[1], bias=0.0)


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


def _with_sentences(calibration: Calibration, single: Logistic, several: Logistic) -> Calibration:
    return replace(
        calibration,
        single=replace(calibration.single, sentence=single),
        several=replace(calibration.several, sentence=several),
    )


def _fit_sentence(sets: Sequence[_Readings], *, several: bool) -> Logistic:
    """Fit which sentence carries the answer, on questions whose answer was found; sets count alike.

    For questions that ask for one thing all are used: those of the news keep the fit from leaning on how
    the questions of the other set were written. For the others only they are.
    """
    signals, labels, shares = [], [], []
    for rows in sets:
        used = [n for n, gold in enumerate(rows.gold) if gold.any() and (rows.several[n] or not several)]
        for number in used:
            signals.append(rows.sentences[number])
            labels.append(rows.gold[number])
            shares.append(np.full(len(rows.gold[number]), 1.0 / len(used)))
    return _fit(
        np.concatenate(signals),
        np.concatenate(labels),
        np.concatenate(shares),
        _SENTENCE_PENALTY if not several else _QUESTION_PENALTY,
        0.0,
    )


def _fit_question(
    sets: Sequence[_Readings], calibration: Calibration, names: Sequence[str], *, several: bool
) -> Logistic:
    """Fit the probability that the quotes hold an answer; sets count by their weight."""
    columns = [QUESTION_SIGNALS.index(name) for name in names]
    used = np.concatenate([rows.several for rows in sets]) == several
    signals = np.concatenate([rows.questions[:, columns] for rows in sets])[used]
    labels = np.concatenate([rows.right(calibration) for rows in sets])[used]
    shares = np.concatenate(
        [np.full(len(rows.answerable), rows.weight / len(rows.answerable)) for rows in sets]
    )[used]
    part = _fit(signals, labels, shares, _QUESTION_PENALTY, 0.0)
    found = dict(zip(names, part.weights, strict=True))
    return Logistic(weights=tuple(found.get(name, 0.0) for name in QUESTION_SIGNALS), bias=part.bias)


def _text(generation: Generation, document_id: str, start: int, end: int) -> str:
    ordinal = generation.ordinal(document_id)
    if ordinal is None:
        raise ValueError(f"gold document {document_id!r} is not in the index")
    return generation.document_at(ordinal).text[start:end]


def _alike(one: str, other: str) -> bool:
    """Tell whether two answers share half of their words (F1 as SQuAD counts it, over our terms)."""
    ours, theirs = Counter(terms(one)), Counter(terms(other))
    both = ours.total() + theirs.total()
    return bool(both) and 2 * (ours & theirs).total() / both >= _SHORT_OVERLAP


def _fit_short(sets: Sequence[_Readings]) -> Logistic:
    """Fit which stretch is the answer, then how likely the best one is; on sets whose gold are answers."""
    used = [
        (signals, right, answerable)
        for rows in sets
        if rows.short_right is not None and rows.answerable.any()
        for signals, right, answerable in zip(
            rows.short_signals, rows.short_right, rows.answerable, strict=True
        )
        if len(right)
    ]
    found = [(signals, right) for signals, right, _ in used if right.any()]
    order = _fit(
        np.concatenate([signals for signals, _ in found]),
        np.concatenate([right for _, right in found]),
        np.concatenate([np.full(len(right), 1.0 / len(right)) for _, right in found]),
        _QUESTION_PENALTY,
        0.0,
    )
    best = [
        max(range(len(right)), key=lambda n: order.log_odds(list(signals[n]))) for signals, right, _ in used
    ]
    scale = _fit(
        np.array([[order.log_odds(signals[n])] for (signals, _, _), n in zip(used, best, strict=True)]),
        np.array([right[n] for (_, right, _), n in zip(used, best, strict=True)]),
        np.array([1.0 if answerable else _SHORT_UNANSWERABLE for _, _, answerable in used]),
        0.0,
        0.0,
    )
    return Logistic(
        weights=tuple(round(scale.weights[0] * weight, 6) for weight in order.weights),
        bias=round(scale.bias + scale.weights[0] * order.bias, 6),
    )


def _fit_across(arguments: argparse.Namespace) -> Logistic:
    """Fit the probability by vectors alone, on English questions read as if they were in another language.

    There are no questions in other languages that may be fitted on; the vectors of translations are a
    little further away, so the probabilities come out a little high.
    """
    bench = _Bench(
        arguments.data,
        arguments.cache / "across",
        arguments.threads,
        embedder=Path(multilingual.CHOICE),
        corpora=("squad",),
    )
    sets = [one for one in fit_sets(arguments.data) if one.corpus == "squad"]
    calibration = load_calibration(arguments.out)
    rows = [bench.read(one, calibration, across=True) for one in sets]
    return _fit_question(
        rows, calibration, ("score_margin", "best_cosine", "best_sentence_cosine"), several=False
    )


_THRESHOLDS = [round(0.01 * step, 2) for step in range(2, 80)]


def _fit_threshold(sets: Sequence[_Readings], calibration: Calibration, *, several: bool) -> float:
    """Return the highest threshold that refuses few of the answerable questions of one kind."""
    probabilities = np.concatenate([_probabilities(calibration, rows) for rows in sets])
    kind = np.concatenate([rows.several for rows in sets]) == several
    answerable = np.concatenate([rows.answerable for rows in sets])
    wanted = probabilities[kind & answerable]
    return max(t for t in _THRESHOLDS if (wanted < t).mean() <= _REFUSED_AT_MOST[several])


def _fit_false_premise(sets: Sequence[_Readings], calibration: Calibration) -> float:
    """Return how often a gold sentence was quoted where the best one spoke of others, by Laplace's rule."""
    right = np.concatenate([rows.right(calibration)[rows.of_others] for rows in sets])
    return round((int(right.sum()) + 1) / (len(right) + 2), 4)


def _fit_margin(sets: Sequence[_Readings]) -> float:
    """Fit how far below the best a sentence is still quoted: so that few right ones are lost."""
    gaps = [
        float((scores[0] - scores[:_TOP][gold[:_TOP]]).min())
        for rows in sets
        for scores, gold in zip(rows.scores, rows.gold, strict=True)
        if gold[:_TOP].any()
    ]
    return round(float(np.quantile(gaps, _KEPT_BY_MARGIN)), 3)


def _probabilities(calibration: Calibration, rows: _Readings) -> Floats:
    found = np.array(
        [
            calibration.probability(signals, parts=int(several))
            for signals, several in zip(rows.questions, rows.several, strict=True)
        ]
    )
    return np.where(rows.of_others, np.minimum(found, calibration.false_premise), found)


def _figures(rows: _Readings, calibration: Calibration) -> dict[str, Any]:
    probabilities = _probabilities(calibration, rows)
    refused = rows.of_others | (
        probabilities < np.where(rows.several, calibration.several.threshold, calibration.single.threshold)
    )
    right = rows.right(calibration)
    bins = np.minimum((probabilities * 10).astype(int), 9)
    error = sum(
        abs(probabilities[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(10)
        if (bins == b).any()
    )
    answerable = rows.answerable
    both = answerable.any() and not answerable.all()
    return {
        "questions": len(answerable),
        "answerable": int(answerable.sum()),
        **_ranks(rows),
        "auroc_answerable": round(float(roc_auc_score(answerable, probabilities)), 4) if both else None,
        "refused_of_unanswerable": _share(refused[~answerable]),
        "refused_of_answerable": _share(refused[answerable]),
        "of_others_of_unanswerable": _share(rows.of_others[~answerable]),
        "of_others_of_answerable": _share(rows.of_others[answerable]),
        "expected_calibration_error": round(float(error), 4),
        **_short_figures(rows, calibration),
    }


def _short_figures(rows: _Readings, calibration: Calibration) -> dict[str, Any]:
    """Return how many short answers are right: of all that could be given, and of those that are."""
    if rows.short_right is None:
        return {}
    best: list[tuple[float, bool, bool]] = []  # probability, right, answerable
    for signals, right, answerable in zip(rows.short_signals, rows.short_right, rows.answerable, strict=True):
        if len(right):
            odds = [calibration.short.log_odds(one) for one in signals]
            n = int(np.argmax(odds))
            best.append((probability_of(odds[n]), bool(right[n]), bool(answerable)))
    given = [right for probability, right, _ in best if probability >= calibration.short_threshold]
    return {
        "short_answers": len(best),
        "short_right_of_answerable": _share(np.array([right for _, right, answerable in best if answerable])),
        "short_given": _share(np.array([p >= calibration.short_threshold for p, _, _ in best])),
        "short_right_of_given": _share(np.array(given)),
    }


def _share(flags: NDArray[np.bool_]) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None


def _ranks(rows: _Readings) -> dict[str, float | None]:
    """Return how often a gold sentence is among the first, of answerable questions."""
    gold = [g for g, answerable in zip(rows.gold, rows.answerable, strict=True) if answerable]
    return {f"gold_in_top_{k}": _share(np.array([g[:k].any() for g in gold])) for k in (1, 3, 5)}


def _logistic(names: Sequence[str], weights: dict[str, float]) -> Logistic:
    return Logistic(weights=tuple(weights.get(name, 0.0) for name in names), bias=0.0)


def _as_json(model: Logistic, signals: Sequence[str]) -> dict[str, Any]:
    return {"weights": dict(zip(signals, model.weights, strict=True)), "bias": model.bias}


def _judgement_as_json(judgement: Judgement) -> dict[str, Any]:
    return {
        "sentence": _as_json(judgement.sentence, SENTENCE_SIGNALS),
        "question": _as_json(judgement.question, QUESTION_SIGNALS),
        "threshold": judgement.threshold,
    }


def _name(fitted: Calibration) -> str:
    content = json.dumps(
        [
            _as_json(fitted.passage, PASSAGE_SIGNALS),
            _judgement_as_json(fitted.single),
            _judgement_as_json(fitted.several),
            _as_json(fitted.short, SHORT_ANSWER_SIGNALS),
            fitted.short_threshold,
            fitted.false_premise,
            fitted.margin,
        ]
    )
    return "calibration@" + hashlib.sha256(content.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
