"""Reads the passages found: which sentences carry the answer, and whether any does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from index.context import titles_above
from index.generation import Generation
from index.terms import content_terms, remembered_terms, terms
from index.types import BoolArray, Embedder, FloatArray, Passage, Sentence
from rag.calibrate import Calibration, Judgement, Logistic
from rag.closest_meaning import by_meaning
from rag.follow_up_choice import settled
from rag.premise import as_written, unsaid_names
from rag.reader_model import TokenScores
from rag.rerank import UNREAD, PassageScorer, best_span, reranked
from rag.retrieve import Hit, Retrieved, rarity_within
from rag.sentence_vectors import SentenceVectors
from rag.settings import RagSettings
from rag.signals import SENTENCE_SIGNALS, answer_type_match, coverage, pair_overlap
from rag.types import AnswerText, AnswerType, Candidate, Question, Reading

_SHORT_ANSWERS = frozenset(
    {AnswerType.PERSON, AnswerType.PLACE, AnswerType.DATE, AnswerType.NUMBER, AnswerType.OTHER}
)
# "Tell me about the summit" wants no stretch of three words.
_ASKS_FOR_A_THING = re.compile(
    r"\b(?:what|which|whose|name|как(?:ой|ая|ое|ие|ую|ого|ому|им|их|ими|ом)|что|чем|чего|назовите|was|welche[rsnm]?|quel(?:le)?s?|qué|cuál(?:es)?)\b",
    re.IGNORECASE,
)
_COSINE = SENTENCE_SIGNALS.index("sentence_cosine")
_NONE = np.empty(0, dtype=np.float32)
_NOTHING_READ = TokenScores(offsets=[], start=_NONE, end=_NONE, evidence=_NONE, null=0.0, answerable=UNREAD)


class Reader:
    """Combines a scorer's token scores with other signals, by the calibration's weights."""

    def __init__(self, scorer: PassageScorer, calibration: Calibration, embedder: Embedder) -> None:
        self._scorer = scorer
        self._calibration = calibration
        self._vectors = SentenceVectors(embedder)

    @property
    def name(self) -> str:
        """Model and calibration, for receipts."""
        return f"{self._scorer.name}+{self._calibration.name}"

    def settled(
        self, question: Question, search: Callable[[Question, int], Retrieved], generation: Generation
    ) -> Question:
        """Tell which of a follow-up's topics are meant; see `rag.follow_up_choice`."""
        return settled(question, search, self._scorer, generation)

    def rerank(self, retrieved: Retrieved, generation: Generation, settings: RagSettings) -> Retrieved:
        """Put the first hits in the order in which they seem to answer: by their closest sentences, then by reading."""
        return reranked(
            by_meaning(retrieved, generation, self._vectors, settings),
            generation,
            scorer=self._scorer,
            weights=self._calibration.passage,
            depth=settings.rerank_depth,
            turn_penalty=settings.turn_penalty,
        )

    def read(
        self,
        question: Question,
        retrieved: Retrieved,
        generation: Generation,
        k: int,
        *,
        sentences: int | None = None,
        across: bool = False,
        known: BoolArray | None = None,
    ) -> Reading:
        """Return sentences of the first `k` hits, best first; reads what was not read yet.

        Making a sentence's vector takes as long as reading it, so only the `sentences` that are best
        without one, taking their passage's for it, get theirs and are returned; `None`: all of them.
        `known` are the passages whose words may be counted. `across` languages nothing is read, since the model knows one: sentences are told by their vectors.
        """
        hits = retrieved.hits[:k]
        passages = [generation.passage(hit.row) for hit in hits]
        scores = (
            [_NOTHING_READ] * len(hits) if across else self._token_scores(retrieved.asked, hits, passages)
        )
        weight = rarity_within(generation, known)
        weights = {term: weight(term) for term in retrieved.terms}
        judged = self._calibration.of(retrieved.parts)
        asked = terms(retrieved.asked)
        candidates: list[Candidate] = []
        present: list[frozenset[str]] = []
        for hit, passage, tokens in zip(hits, passages, scores, strict=True):
            title = generation.document_at(generation.document_ordinal(hit.row)).title
            words = frozenset(remembered_terms(f"{title}\n{passage.text}"))
            present.append(words)
            candidates.extend(
                self._candidate(question, asked, weights, words, hit, passage, sentence, tokens, judged)
                for sentence in passage.sentences
                if sentence.kind != "heading"
            )
        candidates = self._with_vectors(sorted(candidates, key=_place)[:sentences], retrieved.vector, judged)
        candidates.sort(key=_place)
        unsaid: tuple[str, ...] = ()
        titles = ""
        if candidates:
            document = generation.document_at(generation.document_ordinal(candidates[0].row))
            titles = titles_above(document, candidates[0].passage)
            if not across and not retrieved.parts:
                unsaid = _unsaid_names(question, retrieved, weights, candidates[0], titles)
        return Reading(
            candidates=tuple(candidates),
            signals=self._question_signals(
                question, weights, retrieved, generation, candidates, titles, hits, present, known
            ),
            short_answers=_short_answers(
                question, passages, scores, candidates, frozenset(weights), self._calibration.short
            ),
            unsaid_names=unsaid,
        )

    def _token_scores(
        self, asked: str, hits: Sequence[Hit], passages: Sequence[Passage]
    ) -> list[TokenScores]:
        unread = [passage.text for hit, passage in zip(hits, passages, strict=True) if hit.tokens is None]
        read = iter(self._scorer.score(asked, unread) if unread else ())
        return [hit.tokens if hit.tokens is not None else next(read) for hit in hits]

    def _with_vectors(
        self, candidates: Sequence[Candidate], vector: FloatArray, judged: Judgement
    ) -> list[Candidate]:
        """Put in how like the question each sentence is."""
        texts = [c.passage.sentence_text(c.sentence) for c in candidates]
        found: list[Candidate] = []
        for candidate, cosine in zip(candidates, self._vectors.of(texts) @ vector[0], strict=True):
            signals = (*candidate.signals[:_COSINE], float(cosine), *candidate.signals[_COSINE + 1 :])
            score = judged.sentence.log_odds(signals)
            found.append(replace(candidate, signals=signals, score=score))
        return found

    def _candidate(
        self,
        question: Question,
        asked: list[str],
        weights: dict[str, float],
        passage_words: frozenset[str],
        hit: Hit,
        passage: Passage,
        sentence: Sentence,
        tokens: TokenScores,
        judged: Judgement,
    ) -> Candidate:
        text = passage.sentence_text(sentence)
        found = list(remembered_terms(text))
        inside = _tokens_inside(tokens, sentence.start - passage.start, sentence.end - passage.start)
        if inside.size:
            evidence = tokens.evidence[inside]
            mean, best = float(evidence.mean()), float(evidence.max())
            span = float(tokens.start[inside].max() + tokens.end[inside].max()) - tokens.null
        else:
            mean = best = span = UNREAD
        signals = (
            mean,
            best,
            span,
            tokens.answerable,
            hit.score,
            hit.cosine,
            hit.cosine,  # until its own vector is made
            coverage(weights, frozenset(found)),
            coverage(weights, passage_words),
            pair_overlap(asked, found),
            answer_type_match(question.answer_type, text, weights),
        )
        return Candidate(
            row=hit.row,
            passage=passage,
            sentence=sentence,
            score=judged.sentence.log_odds(signals),
            signals=signals,
        )

    def _question_signals(
        self,
        question: Question,
        weights: dict[str, float],
        retrieved: Retrieved,
        generation: Generation,
        candidates: Sequence[Candidate],
        titles: str,
        hits: Sequence[Hit],
        present: Sequence[frozenset[str]],
        known: BoolArray | None,
    ) -> tuple[float, ...]:
        if not candidates:
            return ()
        best = candidates[0]
        columns = list(zip(*(c.signals for c in candidates), strict=True))
        corrected = _corrected_names(question, retrieved)
        names = {term: w for term, w in weights.items() if term in corrected}
        words = next(p for hit, p in zip(hits, present, strict=True) if hit.row == best.row)
        unknown = {term: w for term, w in weights.items() if not generation.lexical.has_term(term, known)}
        return (
            best.score,
            best.score - (candidates[1].score if len(candidates) > 1 else best.score - 5.0),
            max(columns[3]),
            max(columns[2]),
            max(columns[0]),
            max(columns[5]),
            max(columns[6]),
            max(columns[7]),
            max(columns[8]),
            coverage(names, words),
            coverage(names, frozenset(remembered_terms(f"{titles}\n{_around(best)}"))),
            sum(unknown.values()) / (sum(weights.values()) or 1.0),
            max(c.signals[10] for c in candidates[:3]),
            math.log(1 + len(weights)),
            float(question.answer_type is AnswerType.REASON),
        )


def _place(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.row, candidate.sentence.start


def _around(candidate: Candidate) -> str:
    """Return a sentence with those before and after it in its passage."""
    sentences = candidate.passage.sentences
    place = sentences.index(candidate.sentence)
    return " ".join(candidate.passage.sentence_text(one) for one in sentences[max(0, place - 1) : place + 2])


def _unsaid_names(
    question: Question, retrieved: Retrieved, weights: Mapping[str, float], best: Candidate, titles: str
) -> tuple[str, ...]:
    """Return the question's names of which its best sentence says nothing, in the question's own writing.

    `titles` are those of its document and of the sections that it stands in.
    """
    missing = unsaid_names(
        _corrected_names(question, retrieved),
        weights,
        best.passage.sentence_text(best.sentence),
        f"{titles}\n{_around(best)}",
        f"{titles}\n{best.passage.text}",
    )
    corrected = {right: wrong for wrong, right in retrieved.corrections.items()}
    return as_written({corrected.get(name, name) for name in missing}, question.standalone)


def _corrected_names(question: Question, retrieved: Retrieved) -> frozenset[str]:
    return frozenset(retrieved.corrections.get(term, term) for term in question.names)


def _tokens_inside(tokens: TokenScores, start: int, end: int):  # type: ignore[no-untyped-def]
    """Return the positions of the tokens that lie in a stretch of the passage."""
    return np.array(
        [
            n
            for n, (left, right) in enumerate(tokens.offsets)
            if left < end and right > start and right > left
        ],
        dtype=np.int64,
    )


def _short_answers(
    question: Question,
    passages: Sequence[Passage],
    scores: Sequence[TokenScores],
    candidates: Sequence[Candidate],
    asked: frozenset[str],
    weights: Logistic,
) -> tuple[AnswerText, ...]:
    """Return the best stretch of every sentence, best first, where the question wants a thing by name."""
    if question.answer_type not in _SHORT_ANSWERS or (
        question.answer_type is AnswerType.OTHER and not _ASKS_FOR_A_THING.search(question.standalone)
    ):
        return ()
    read = {id(passage): tokens for passage, tokens in zip(passages, scores, strict=True)}
    found: list[AnswerText] = []
    for candidate in candidates:
        passage, tokens = candidate.passage, read[id(candidate.passage)]
        inside = _tokens_inside(
            tokens, candidate.sentence.start - passage.start, candidate.sentence.end - passage.start
        )
        if not inside.size:
            continue
        odds, first, last = best_span(tokens, int(inside[0]), int(inside[-1]) + 1)
        start, end = tokens.offsets[first][0], tokens.offsets[last][1]
        stretch = passage.text[start:end]
        words = content_terms(stretch)
        signals = (
            candidate.score,
            odds,
            answer_type_match(question.answer_type, f" {stretch}", asked),
            sum(word not in asked for word in words) / len(words) if words else 0.0,
        )
        found.append(
            AnswerText(
                document_id=passage.document_id,
                start=passage.start + start,
                end=passage.start + end,
                score=weights.log_odds(signals),
                signals=signals,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.score, one.document_id, one.start)))
