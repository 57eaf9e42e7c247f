"""From passages to sentences: what is a candidate, what it is judged by, and the short answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.generation import Generation
from index.terms import terms
from rag.calibrate import Calibration, Judgement
from rag.question import read_question
from rag.read import Reader
from rag.reader_model import TokenScores
from rag.retrieve import Retrieved, Retriever
from rag.settings import RagSettings
from rag.signals import (
    PASSAGE_SIGNALS,
    QUESTION_SIGNALS,
    SENTENCE_SIGNALS,
    SHORT_ANSWER_SIGNALS,
    coverage,
    pair_overlap,
    rarity,
)
from rag.types import Candidate, Reading
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import WordScorer, calibration, index_of, logistic

BRIDGE = (
    "The old bridge\n\n"
    "The bridge was opened by Ana Brandt in May 1998. It is 812 metres long. 🙂 Nobody pays a toll.\n\n"
    "Who may cross\n\n- Cyclists may cross the bridge at night.\n- Horses may not."
)
ROWS: list[dict[str, object]] = [
    {"id": "bridge", "title": "Notes on Riga", "text": BRIDGE},
    {
        "id": "mill",
        "title": "The mill",
        "text": "The mill stood by the river. It closed because of a flood, е\u0308ж said.",
    },
    {"id": "same", "title": "Copies", "text": "Tin rose. Tin rose. Zinc fell."},
    {"id": "heads", "title": "Contents", "text": "Contents\n\nBridges And Ferries\n\nMills And Rivers"},
]


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("read"), ROWS, HashEmbedder())
    yield found
    found.close()


def read(
    generation: Generation,
    text: str,
    *,
    scorer: object = None,
    how_sure: Calibration | None = None,
    k: int = 10,
    sentences: int | None = None,
) -> tuple[Retrieved, Reading]:
    question = read_question(text)
    retrieved = Retriever(generation, HashEmbedder(), RagSettings()).retrieve(question, 100, None)
    reader = Reader(scorer or WordScorer(), how_sure or calibration(), HashEmbedder())  # type: ignore[arg-type]
    return retrieved, reader.read(question, retrieved, generation, k, sentences=sentences)


def text_of(candidate: Candidate) -> str:
    return candidate.passage.sentence_text(candidate.sentence)


def signal(candidate: Candidate, name: str) -> float:
    return candidate.signals[SENTENCE_SIGNALS.index(name)]


def cosine(retrieved: Retrieved, candidate: Candidate) -> float:
    (vector,) = HashEmbedder().embed_passages([text_of(candidate)])
    return float(vector @ retrieved.vector[0])


def test_every_sentence_but_headings_is_a_candidate(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?", k=100)
    found = {text_of(c) for c in reading.candidates}
    assert "The bridge was opened by Ana Brandt in May 1998." in found
    assert "Cyclists may cross the bridge at night." in found
    assert not {"The old bridge", "Who may cross", "Contents", "Bridges And Ferries"} & found
    expected = sum(
        s.kind != "heading" for row in range(len(generation)) for s in generation.passage(row).sentences
    )
    assert len(reading.candidates) == expected


def test_candidates_are_slices_of_their_documents(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?", k=100)
    for c in reading.candidates:
        ordinal = generation.ordinal(c.passage.document_id)
        assert ordinal is not None
        document = generation.document_at(ordinal)
        assert document.text[c.sentence.start : c.sentence.end] == text_of(c)
        assert generation.passage(c.row) == c.passage


def test_signals_are_the_declared_ones(generation: Generation) -> None:
    retrieved, reading = read(generation, "Who opened the bridge?")
    best = reading.candidates[0]
    assert text_of(best) == "The bridge was opened by Ana Brandt in May 1998."
    hit = next(h for h in retrieved.hits if h.row == best.row)
    weight = rarity(generation.lexical.document_frequency, len(generation))
    weights = {term: weight(term) for term in ("open", "bridg")}
    # Tokens: The bridge was opened by Ana Brandt in May 1998 . — two of eleven are asked for.
    # The words "opened" and "bridge" are both in the passage.
    expected = {
        "evidence_mean": (2 * 4 - 9 * 2) / 11,
        "evidence_max": 4.0,
        "span": 6.0,
        "answerable": 4.0,
        "retrieval": hit.score,
        "cosine": hit.cosine,
        "sentence_cosine": cosine(retrieved, best),
        "coverage": 1.0,
        "passage_coverage": 1.0,
        "pairs": pair_overlap(terms("Who opened the bridge?"), terms(text_of(best))),
        "answer_type": 1.0,
    }
    assert dict(zip(SENTENCE_SIGNALS, best.signals, strict=True)) == pytest.approx(expected)
    other = next(c for c in reading.candidates if text_of(c) == "It is 812 metres long.")
    assert signal(other, "coverage") == 0.0
    assert signal(other, "passage_coverage") == coverage(weights, frozenset({"open", "bridg"})) == 1.0
    assert signal(other, "evidence_mean") == signal(other, "evidence_max") == -2.0
    assert signal(other, "answer_type") == 0.0


def test_the_title_counts_for_the_passage_and_not_for_the_sentence(generation: Generation) -> None:
    _, reading = read(generation, "toll in Riga")
    best = next(c for c in reading.candidates if text_of(c) == "Nobody pays a toll." or "toll" in text_of(c))
    assert signal(best, "passage_coverage") == 1.0
    assert 0.0 < signal(best, "coverage") < 1.0


@pytest.mark.parametrize(
    "text", ["Who opened the bridge?", "Why?", "???", "сколько метров мост", "ёж", "x" * 300]
)
def test_all_signals_are_finite_and_as_many_as_declared(generation: Generation, text: str) -> None:
    _, reading = read(generation, text)
    assert len(reading.signals) == len(QUESTION_SIGNALS)
    assert all(map(math.isfinite, reading.signals))
    for c in reading.candidates:
        assert len(c.signals) == len(SENTENCE_SIGNALS)
        assert all(map(math.isfinite, c.signals))
        assert c.score == pytest.approx(calibration().single.sentence.log_odds(c.signals))


def test_order_is_by_score_then_row_then_place(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?", k=100)
    keys = [(-c.score, c.row, c.sentence.start) for c in reading.candidates]
    assert keys == sorted(keys)
    judgement = Judgement(
        sentence=logistic(SENTENCE_SIGNALS, 1.5, {}),
        question=logistic(QUESTION_SIGNALS, 0.0, {}),
        threshold=0.5,
    )
    flat = Calibration(
        name="flat",
        passage=logistic(PASSAGE_SIGNALS, 0.0, {}),
        single=judgement,
        several=judgement,
        across=logistic(QUESTION_SIGNALS, 0.0, {}),
        short=logistic(SHORT_ANSWER_SIGNALS, 0.0, {}),
        short_threshold=0.5,
    )
    _, tied = read(generation, "Who opened the bridge?", how_sure=flat, k=100)
    places = [(c.row, c.sentence.start) for c in tied.candidates]
    assert places == sorted(places)
    assert {c.score for c in tied.candidates} == {1.5}


def test_only_the_first_k_hits_are_read(generation: Generation) -> None:
    scorer = WordScorer()
    retrieved, reading = read(generation, "Who opened the bridge?", scorer=scorer, k=2)
    ((asked, passages),) = scorer.seen
    assert asked == "Who opened the bridge?"
    assert list(passages) == [generation.passage(h.row).text for h in retrieved.hits[:2]]
    assert {c.row for c in reading.candidates} <= {h.row for h in retrieved.hits[:2]}


def test_a_sentence_that_the_model_did_not_see_is_marked_unread(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?", scorer=WordScorer(max_tokens=6))
    unread = [c for c in reading.candidates if text_of(c) == "It is 812 metres long."]
    assert [c.signals[:3] for c in unread] == [(-12.0, -12.0, -12.0)]
    assert len(reading.signals) == len(QUESTION_SIGNALS)


def test_a_model_that_saw_nothing_at_all(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?", scorer=WordScorer(max_tokens=0))
    assert {c.signals[:3] for c in reading.candidates} == {(-12.0, -12.0, -12.0)}
    assert reading.short_answers == ()


def test_no_hits_and_headings_alone_give_no_candidates(generation: Generation) -> None:
    question = read_question("Who opened the bridge?")
    retriever = Retriever(generation, HashEmbedder(), RagSettings())
    reader = Reader(WordScorer(), calibration(), HashEmbedder())
    nothing = Retrieved(
        hits=(),
        asked=question.standalone,
        vector=np.zeros((1, 64), dtype=np.float32),
        terms=("bridg",),
        corrections={},
    )
    empty = Reading(candidates=(), signals=())
    assert reader.read(question, nothing, generation, 10) == empty
    everything = retriever.retrieve(question, 100, None)
    heads = tuple(h for h in everything.hits if generation.passage(h.row).document_id == "heads")
    assert heads
    alone = Retrieved(
        hits=heads,
        asked=question.standalone,
        vector=everything.vector,
        terms=everything.terms,
        corrections={},
    )
    assert reader.read(question, alone, generation, 10) == empty


def test_question_signals_by_hand(generation: Generation) -> None:
    _, reading = read(generation, "Why did Brandt open the bridge xylophone?")
    found = dict(zip(QUESTION_SIGNALS, reading.signals, strict=True))
    first, second = reading.candidates[:2]
    assert found["best_score"] == first.score
    assert found["score_margin"] == pytest.approx(first.score - second.score)
    for name, column in {
        "best_answerable": "answerable",
        "best_span": "span",
        "best_evidence": "evidence_mean",
        "best_cosine": "cosine",
        "best_sentence_cosine": "sentence_cosine",
        "best_coverage": "coverage",
        "best_passage_coverage": "passage_coverage",
    }.items():
        assert found[name] == max(signal(c, column) for c in reading.candidates), name
    assert found["name_coverage"] == 1.0  # Brandt is in the best passage
    assert found["best_answer_type"] == max(signal(c, "answer_type") for c in reading.candidates[:3])
    assert found["question_length"] == pytest.approx(math.log(1 + 4))
    assert found["is_reason"] == 1.0
    weight = rarity(generation.lexical.document_frequency, len(generation))
    weights = [weight(term) for term in ("brandt", "open", "bridg", "xylophon")]
    assert found["unknown_words"] == pytest.approx(weights[3] / sum(weights))


def test_a_missing_name_shows(generation: Generation) -> None:
    _, reading = read(generation, "When did Zorro open the bridge?")
    assert dict(zip(QUESTION_SIGNALS, reading.signals, strict=True))["name_coverage"] == 0.0


def test_names_count_near_the_best_sentence(tmp_path: Path) -> None:
    text = "Zorro came. Rain fell all day. The bridge in Riga was opened by Brandt. Tin rose. Ice cracked."
    generation = index_of(tmp_path, [{"id": "1", "title": "T", "text": text}], HashEmbedder())

    def names(asked: str) -> dict[str, float]:
        _, reading = read(generation, asked)
        assert reading.candidates[0].sentence.start == text.index("The bridge")
        return dict(zip(QUESTION_SIGNALS, reading.signals, strict=True))

    there = names("When did Brandt open the bridge in Riga?")
    assert (there["name_coverage"], there["names_near"]) == (1.0, 1.0)
    # Two sentences further up the same passage.
    further = names("When did Zorro open the bridge in Riga?")
    assert further["name_coverage"] == 1.0
    assert 0.0 < further["names_near"] < 1.0


def test_what_is_said_of_another_is_told(generation: Generation) -> None:
    _, reading = read(generation, "When did Zorro open the bridge?")
    assert reading.unsaid_names == ("Zorro",)
    _, reading = read(generation, "When did Brandt open the bridge?")
    assert reading.unsaid_names == ()


def test_one_candidate_has_a_fixed_margin(tmp_path: Path) -> None:
    generation = index_of(tmp_path, [{"id": "1", "title": "T", "text": "Tin rose in Riga."}], HashEmbedder())
    _, reading = read(generation, "Where did tin rise?")
    assert dict(zip(QUESTION_SIGNALS, reading.signals, strict=True))["score_margin"] == 5.0
    generation.close()


# The short answer


def short(generation: Generation, text: str, scorer: object = None) -> str | None:
    _, reading = read(generation, text, scorer=scorer)
    if not reading.short_answers:
        return None
    scores = [one.score for one in reading.short_answers]
    assert scores == sorted(scores, reverse=True)
    found = reading.short_answers[0]
    assert any(
        found.document_id == c.passage.document_id
        and c.sentence.start <= found.start < found.end <= c.sentence.end
        for c in reading.candidates
    )
    ordinal = generation.ordinal(found.document_id)
    assert ordinal is not None
    return generation.document_at(ordinal).text[found.start : found.end]


class OneSpan:
    """Points at one stretch of text wherever it stands; says "no answer" with `null`."""

    name = "one-span"

    def __init__(self, wanted: str, null: float = 0.0, score: float = 5.0) -> None:
        self._wanted, self._null, self._score = wanted, null, score

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        return [
            self._one(scores, p)
            for scores, p in zip(WordScorer().score(question, passages), passages, strict=True)
        ]

    def _one(self, scores: TokenScores, passage: str) -> TokenScores:
        at = passage.find(self._wanted)
        start = np.full(len(scores.offsets), -9.0, dtype=np.float32)
        end = start.copy()
        for number, (left, right) in enumerate(scores.offsets):
            if at >= 0 and left == at:
                start[number] = self._score
            if at >= 0 and right == at + len(self._wanted):
                end[number] = self._score
        return TokenScores(
            offsets=scores.offsets,
            start=start,
            end=end,
            evidence=scores.evidence,
            null=self._null,
            answerable=0.0,
        )


def test_the_short_answer_is_the_stretch_that_model_and_sentence_say_together(
    generation: Generation,
) -> None:
    assert short(generation, "Who opened the bridge?", OneSpan("Ana Brandt")) == "Ana Brandt"
    assert short(generation, "When was the bridge opened?", OneSpan("May 1998")) == "May 1998"
    # Sure enough of a stretch in another sentence, the model outweighs the words of the best one.
    assert short(generation, "Who opened the bridge?", OneSpan("812 metres", score=50.0)) == "812 metres"
    weak = short(generation, "Who opened the bridge?", OneSpan("812 metres", score=-8.0))
    assert weak is not None
    assert weak in "The bridge was opened by Ana Brandt in May 1998."


def test_a_stretch_is_weighed_by_its_kind_and_by_what_it_adds_to_the_question(generation: Generation) -> None:
    def signals(text: str, wanted: str) -> dict[str, float]:
        _, reading = read(generation, text, scorer=OneSpan(wanted))
        held = [
            one
            for one in reading.short_answers
            if (ordinal := generation.ordinal(one.document_id)) is not None
            and generation.document_at(ordinal).text[one.start : one.end] == wanted
        ]
        return dict(zip(SHORT_ANSWER_SIGNALS, held[0].signals, strict=True))

    named = signals("Who opened the bridge?", "Ana Brandt")
    assert (named["span"], named["kind"], named["new_words"]) == (10.0, 1.0, 1.0)
    assert signals("Who opened the bridge?", "812 metres")["kind"] == 0.0
    assert signals("When was the bridge opened?", "Ana Brandt")["kind"] == 0.0
    repeated = signals("When was the bridge opened by Ana Brandt?", "Ana Brandt in May 1998")
    assert repeated["new_words"] == pytest.approx(1 / 3)  # "1998"; "May" counts as the verb


def test_that_the_model_would_rather_say_nothing_is_for_the_calibration_to_weigh(
    generation: Generation,
) -> None:
    assert short(generation, "Who opened the bridge?", OneSpan("Ana Brandt", null=30.0)) == "Ana Brandt"


def test_every_sentence_that_was_read_has_its_stretch(generation: Generation) -> None:
    _, reading = read(generation, "Who opened the bridge?")
    places = {(c.passage.document_id, c.sentence.start, c.sentence.end) for c in reading.candidates}
    held = {
        (document, start, end)
        for document, start, end in places
        for one in reading.short_answers
        if one.document_id == document and start <= one.start < one.end <= end
    }
    assert held == places
    assert len(reading.short_answers) == len(places)


@pytest.mark.parametrize(
    "text",
    [
        "Why was the bridge opened?",
        "How was the bridge opened?",
        "Was the bridge opened?",
        "Tell me about the bridge",
    ],
)
def test_no_short_answer_where_a_thing_is_not_asked_for(generation: Generation, text: str) -> None:
    assert short(generation, text, OneSpan("Ana Brandt")) is None


def test_a_short_answer_is_short(generation: Generation) -> None:
    class Everything(WordScorer):
        """Would take the whole passage: the best start is the first token, the best end the last."""

        def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
            return [
                TokenScores(
                    offsets=s.offsets,
                    start=np.linspace(5, 0, len(s.offsets), dtype=np.float32),
                    end=np.linspace(0, 5, len(s.offsets), dtype=np.float32),
                    evidence=s.evidence,
                    null=0.0,
                    answerable=0.0,
                )
                for s in super().score(question, passages)
            ]

    found = short(generation, "Who opened the bridge?", Everything())
    assert found is not None
    assert found == "The bridge was opened by Ana Brandt in May 1998."


def test_the_name_is_that_of_model_and_calibration() -> None:
    assert Reader(WordScorer(name="w"), calibration(name="c"), HashEmbedder()).name == "w+c"


def test_only_the_best_sentences_get_vectors_of_their_own(generation: Generation) -> None:
    embedder = HashEmbedder()
    question = read_question("Who opened the bridge?")
    retrieved = Retriever(generation, embedder, RagSettings()).retrieve(question, 100, None)
    _, every = read(generation, "Who opened the bridge?")
    for count in (1, 3):
        embedder.calls = 0
        reader = Reader(WordScorer(), calibration(), embedder)
        reading = reader.read(question, retrieved, generation, 10, sentences=count)
        assert embedder.calls == len(reading.candidates) == count
        assert reading.candidates == every.candidates[:count]


def test_across_languages_nothing_is_read(generation: Generation) -> None:
    scorer = WordScorer()
    question = read_question("Who opened the bridge?")
    retrieved = Retriever(generation, HashEmbedder(), RagSettings()).retrieve(
        question, 100, None, across=True
    )
    assert {hit.bm25 for hit in retrieved.hits} == {0.0}
    reader = Reader(scorer, calibration(), HashEmbedder())
    reading = reader.read(question, retrieved, generation, 10, across=True)
    assert scorer.seen == []
    assert reading.short_answers == ()
    best = reading.candidates[0]
    assert text_of(best) == "The bridge was opened by Ana Brandt in May 1998."
    assert signal(best, "evidence_mean") == signal(best, "span") == signal(best, "answerable") == -12.0
    assert signal(best, "sentence_cosine") == pytest.approx(cosine(retrieved, best))
