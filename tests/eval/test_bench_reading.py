"""The scores of the benchmarks of reading and of calibration, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.calibration import asked, is_right
from eval.bench.pipeline import write_rows
from eval.bench.reading import VARIANTS, measures
from eval.datatypes import Gold, Question
from index.types import Passage, ScoredPassage
from rag.settings import RagSettings
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of, stages_of


def question(**more: object) -> Question:
    fields: dict[str, object] = {
        "question_id": "q", "text": "Who?", "kind": "fact", "source_set": "s", "answerable": True
    }  # fmt: skip
    return Question(**(fields | more))  # type: ignore[arg-type]


def ranking(*texts: str) -> list[ScoredPassage]:
    return [
        ScoredPassage(
            passage=Passage(document_id=f"d{n}", start=0, end=len(text), text=text, sentences=()),
            score=1.0 / (n + 1),
            rank=n + 1,
        )
        for n, text in enumerate(texts)
    ]


def test_gold_texts_are_looked_for_in_the_passages() -> None:
    found = measures(ranking("no", "none", "the tin mine", "no"), question(gold=(Gold(text="tin mine"),)))
    assert found == {
        "success_at_1": 0.0,
        "hits_at_4": 1.0,
        "hits_at_10": 1.0,
        "mrr_at_10": pytest.approx(1 / 3),
    }
    first = measures(ranking("a tin mine"), question(gold=(Gold(text="tin mine"),)))
    assert set(first.values()) == {1.0}


def test_relevant_documents_count_where_there_is_no_gold() -> None:
    found = measures(ranking("a", "b", "c", "d", "e"), question(relevant=(("d4", 1),)))
    assert found == {
        "success_at_1": 0.0,
        "hits_at_4": 0.0,
        "hits_at_10": 1.0,
        "mrr_at_10": pytest.approx(0.2),
    }
    assert set(measures(ranking("a"), question(relevant=(("zz", 1),))).values()) == {0.0}


def test_a_variant_adds_to_the_one_before_and_the_last_is_what_ships() -> None:
    assert dict(list(VARIANTS.items())[-1][1]) == {}
    plain = RagSettings(**VARIANTS["BM25"])  # type: ignore[arg-type]
    assert (plain.dense_weight, plain.part_weight, plain.source_weight, plain.rerank_depth) == (0, 0, 0, 0)


def test_an_answer_is_right_when_a_quote_overlaps_gold_in_its_document() -> None:
    asked_for = question(gold=(Gold(text="tin", document_id="d", start=5, end=8),))
    assert is_right(asked_for, [("d", 0, 4), ("d", 7, 9)])
    assert not is_right(asked_for, [("d", 8, 9), ("e", 5, 8), ("d", 0, 5)])
    assert not is_right(asked_for, [])
    assert not is_right(question(), [("d", 5, 8)])


def test_calibration_by_hand(tmp_path: Path) -> None:
    text = "The tin mine at Riga closed in May. Ana Brandt owned the copper mill."
    generation = index_of(tmp_path, [{"id": "d", "title": "Mines", "text": text}], HashEmbedder())
    start = text.index("Ana")
    gold = Gold(text=text[start:], document_id="d", start=start, end=len(text))
    found = asked(
        stages_of(generation),
        [
            question(question_id="a", text="Who owned the copper mill?", gold=(gold,)),
            question(question_id="b", text="Which penguin danced on gondolas?", answerable=False),
            question(question_id="c", text="Wie viele Flugzeuge bestellte Usbekistan?", kind="cross_lingual"),
        ],
    )
    generation.close()
    assert (found["documents"], found["questions"], found["answered"]) == (1, 2, 1)
    assert found["other_language_refused"] == 1
    assert found["auroc_answerable"] == 1.0
    assert (found["refused_of_unanswerable"], found["refused_of_answerable"]) == (1.0, 0.0)
    (one,) = found["reliability"]
    assert (one["answers"], one["right"]) == (1, 1.0)
    assert found["expected_calibration_error"] == pytest.approx(1.0 - one["mean_confidence"])


def test_rows_are_written_as_they_are_indexed(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"id": "a", "text": "é🙂"}, {"id": "b", "text": "x\ny"}])
    assert path.read_text(encoding="utf-8") == '{"id": "a", "text": "é🙂"}\n{"id": "b", "text": "x\\ny"}\n'
