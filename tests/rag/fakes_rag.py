"""A reader that counts shared words, calibrations made by hand, and small indexes to ask."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from index.build import update_index
from index.generation import Generation, open_current
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import content_terms
from index.types import Document, Passage, Sentence
from rag.answer import Stages
from rag.calibrate import Calibration, Judgement, Logistic
from rag.read import Reader
from rag.reader_model import TokenScores
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.signals import PASSAGE_SIGNALS, QUESTION_SIGNALS, SENTENCE_SIGNALS, SHORT_ANSWER_SIGNALS
from rag.types import Candidate
from tests.fakes import HashEmbedder


class WordScorer:
    """Scores a token by whether its word is in the question; a model's shapes, offsets and limits.

    Words of the question get evidence 4, others -2. New numbers and capitalised words look like an
    answer (start and end 3), the rest does not (-3). What lies behind `max_tokens` is not read.
    """

    def __init__(self, max_tokens: int = 300, name: str = "words-1") -> None:
        self._max_tokens = max_tokens
        self._name = name
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    @property
    def name(self) -> str:
        return self._name

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        self.seen.append((question, tuple(passages)))
        asked = frozenset(content_terms(question))
        return [self._one(asked, passage) for passage in passages]

    def _one(self, asked: frozenset[str], passage: str) -> TokenScores:
        tokens = list(re.finditer(r"\w+|[^\w\s]", passage))[: self._max_tokens]
        words = [frozenset(content_terms(t.group())) for t in tokens]
        shared = [bool(asked & own) for own in words]
        answers = [
            bool(own) and not asked & own and (t.group()[0].isupper() or t.group()[0].isdigit())
            for t, own in zip(tokens, words, strict=True)
        ]
        found = asked.intersection(frozenset().union(*words))
        return TokenScores(
            offsets=[t.span() for t in tokens],
            start=np.where(np.array(answers, dtype=bool), 3.0, -3.0).astype(np.float32),
            end=np.where(np.array(answers, dtype=bool), 3.0, -3.0).astype(np.float32),
            evidence=np.where(np.array(shared, dtype=bool), 4.0, -2.0).astype(np.float32),
            null=0.0,
            answerable=8.0 * len(found) / len(asked) - 4.0 if asked else -4.0,
        )


def logistic(names: Sequence[str], bias: float, weights: Mapping[str, float]) -> Logistic:
    assert set(weights) <= set(names)
    return Logistic(weights=tuple(float(weights.get(name, 0.0)) for name in names), bias=bias)


def calibration(
    *,
    threshold: float = 0.5,
    short_threshold: float = 0.05,
    bias: float = -6.0,
    name: str = "hand-1",
    **weights: float,
) -> Calibration:
    """A sentence is worth six times its coverage; an answer is sure when one covers the question.

    `weights` replace those of the question's signals.
    """
    judgement = Judgement(
        sentence=logistic(SENTENCE_SIGNALS, 0.0, {"coverage": 6.0, "pairs": 1.0, "answer_type": 0.5}),
        question=logistic(QUESTION_SIGNALS, bias, weights or {"best_coverage": 10.0}),
        threshold=threshold,
    )
    return Calibration(
        name=name,
        passage=logistic(PASSAGE_SIGNALS, 0.0, {}),
        single=judgement,
        several=judgement,
        across=logistic(QUESTION_SIGNALS, -2.0, {"best_sentence_cosine": 8.0}),
        short=logistic(SHORT_ANSWER_SIGNALS, 0.0, {"sentence": 1.0, "span": 0.1}),
        short_threshold=short_threshold,
    )


def index_of(folder: Path, rows: Sequence[Mapping[str, object]], embedder: HashEmbedder) -> Generation:
    """Index rows of a .jsonl file by the real code and open what was published."""
    source = folder / "texts" / "rows.jsonl"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    state = StateFolder(folder / "state")
    report = update_index(state, [source], embedder, IndexSettings())
    assert not report.problems
    return open_current(state, embedder=embedder.name)


def stages_of(
    generation: Generation,
    *,
    scorer: WordScorer | None = None,
    how_sure: Calibration | None = None,
    settings: RagSettings | None = None,
    embedder: HashEmbedder | None = None,
) -> Stages:
    embedder = embedder or HashEmbedder()
    how_sure = how_sure or calibration()
    settings = settings or RagSettings()
    return Stages(
        retriever=Retriever(generation, embedder, settings),
        reader=Reader(scorer or WordScorer(), how_sure, embedder),
        calibration=how_sure,
        settings=settings,
        embedder_name=embedder.name,
    )


def document(text: str, document_id: str = "d", **more: object) -> Document:
    fields: dict[str, object] = {"title": "Untitled", "source": "s", "root": "r"} | more
    return Document(document_id=document_id, text=text, **fields)  # type: ignore[arg-type]


def passage_with(
    text: str, sentences: Sequence[str | tuple[str, str]], document_id: str = "d", at: int = 0
) -> Passage:
    """A passage whose sentences are found in its text in order; a pair gives (kind, sentence)."""
    found: list[Sentence] = []
    position = 0
    for item in sentences:
        kind, sentence = item if isinstance(item, tuple) else ("text", item)
        start = text.index(sentence, position)
        position = start + len(sentence)
        found.append(Sentence(start=at + start, end=at + position, kind=kind))  # type: ignore[arg-type]
    return Passage(document_id=document_id, start=at, end=at + len(text), text=text, sentences=tuple(found))


def candidate(passage: Passage, number: int, score: float, row: int = 0) -> Candidate:
    return Candidate(row=row, passage=passage, sentence=passage.sentences[number], score=score, signals=())
