"""The training data is what it claims to be, and what ships is what was trained."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from index.models import find_model, sha256_file
from rag.reader_model import MODELS, find_reader
from rag.training.reader_data import (
    CALIBRATION_ARTICLES,
    Example,
    bereft_passages,
    cropped,
    exchanged_questions,
    mined_negatives,
    opposite_questions,
    plain_examples,
    read_rows,
    sentence_around,
    split_squad,
    without_texts_of,
)
from rag.training.train_reader import features


def row(title: str, context: str, question: str, answer: str | None) -> dict[str, Any]:
    answers = [] if answer is None else [{"text": answer, "start": context.index(answer)}]
    return {
        "id": f"{title}/{question}",
        "title": title,
        "context": context,
        "question": question,
        "answers": answers,
        "unanswerable": answer is None,
    }


BRIDGE = "The bridge at Oslo opened in 1998. It is 812 metres long. Ana Brandt drew it."


def test_rows_are_read_from_gzipped_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    rows = [row("a", BRIDGE, "Who drew it?", "Ana Brandt"), row("b", BRIDGE, "Who paid?", None)]
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    assert read_rows(path) == rows


def test_no_article_is_both_trained_on_and_calibrated_on() -> None:
    rows = [row(f"article {n}", BRIDGE, f"q{q}?", None) for n in range(9) for q in range(3)]
    trained, held_out = split_squad(rows)
    assert len(trained) + len(held_out) == len(rows)
    assert {r["title"] for r in held_out} == {f"article {n}" for n in range(9 - CALIBRATION_ARTICLES, 9)}
    assert not {r["title"] for r in trained} & {r["title"] for r in held_out}


def test_the_evidence_is_the_sentence_of_the_answer() -> None:
    start = BRIDGE.index("812")
    left, right = sentence_around(BRIDGE, start, start + 3)
    assert BRIDGE[left:right] == "It is 812 metres long."
    left, right = sentence_around(BRIDGE, BRIDGE.index("1998"), BRIDGE.index("812"))
    assert BRIDGE[left:right] == "The bridge at Oslo opened in 1998. It is 812 metres long."


def test_an_answer_that_is_not_at_its_offset_is_left_out() -> None:
    wrong = row("a", BRIDGE, "How long is it?", "812 metres")
    wrong["answers"][0]["start"] += 1
    unlocated = row("a", BRIDGE, "How long?", "812 metres")
    unlocated["answers"][0]["start"] = -1
    right = row("a", BRIDGE, "Who drew it?", "Ana Brandt")
    (example,) = plain_examples([wrong, unlocated, right])
    assert example.answer is not None
    assert example.passage[slice(*example.answer)] == "Ana Brandt"


def test_mined_passages_never_hold_the_answer() -> None:
    rows = [row("a", f"Nothing here but sand and stones {n}.", f"Sand {n}?", None) for n in range(40)]
    rows.append(row("a", "The Oslo toll bridge was designed by ANA BRANDT.", "Toll?", None))
    rows.append(row("a", "A bridge at Oslo was repaired by Jon Li.", "Who repaired it?", "Jon Li"))
    rows.append(row("a", BRIDGE, "Who drew the Oslo bridge?", "Ana Brandt"))
    found = [e for e in mined_negatives(rows, 3) if "drew" in e.question]
    assert [e.passage for e in found] == ["A bridge at Oslo was repaired by Jon Li."]
    for example in found:
        assert example.answer is None
        own = next(r for r in rows if r["question"] == example.question)
        assert example.passage != own["context"]
        assert own["answers"][0]["text"].casefold() not in example.passage.casefold()


def test_exchanged_questions_ask_for_what_the_passage_does_not_hold() -> None:
    rows = [
        row(
            "a",
            f"In {1900 + n} Town{chr(65 + n)} grew.",
            f"Which town grew in {1900 + n}?",
            f"Town{chr(65 + n)}",
        )
        for n in range(26)
    ]
    found = list(exchanged_questions(rows, random.Random(3)))
    assert len(found) >= 20  # now and then a number is exchanged for itself, and left out
    for example in found:
        year = re.search(r"\d{4}", example.question)
        assert year is not None
        assert year.group() not in example.passage
        assert example.answer is None


def test_exchanged_inside_takes_another_name_of_the_passage_and_never_the_answer() -> None:
    rows = [
        row(
            "a",
            f"When Ost{chr(65 + n)} fell, Ana met Jon{chr(65 + n)} in Riga{chr(65 + n)}.",
            f"Where did Ana meet Jon{chr(65 + n)}?",
            f"Riga{chr(65 + n)}",
        )
        for n in range(26)
    ]
    found = list(exchanged_questions(rows, random.Random(3), inside=1.0))
    assert len(found) == 26
    asked = {r["context"]: r["question"] for r in rows}
    for example in found:
        new = set(re.findall(r"[A-Z]\w+", example.question)) - set(
            re.findall(r"[A-Z]\w+", asked[example.passage])
        )
        (name,) = new
        assert name in example.passage
        assert not name.startswith("Riga")
        assert example.answer is None


def test_a_bereft_passage_has_all_but_the_sentence_of_the_answer() -> None:
    (example,) = bereft_passages([row("a", BRIDGE, "How long is it?", "812 metres")])
    assert example.passage == "The bridge at Oslo opened in 1998. Ana Brandt drew it."
    assert (example.answer, example.evidence) == (None, None)
    twice = f"{BRIDGE} Some say 812 metres is too short."
    assert list(bereft_passages([row("a", twice, "How long is it?", "812 metres")])) == []
    short = "It is 812 metres long. Ana Brandt drew it."
    assert list(bereft_passages([row("a", short, "How long is it?", "812 metres")])) == []


def test_opposite_questions_turn_one_word_or_the_whole() -> None:
    rng = random.Random(1)
    rows = [row("a", BRIDGE, "Which bridge is the Largest?", "bridge"), row("a", BRIDGE, "Who paid?", None)]
    (example,) = opposite_questions(rows, rng)
    assert example.question == "Which bridge is the smallest?"
    many = [row("a", BRIDGE, f"Who did draw bridge {n}?", "Ana Brandt") for n in range(200)]
    turned = list(opposite_questions(many, rng))
    assert 10 <= len(turned) <= 60
    assert all(re.fullmatch(r"Who did not draw bridge \d+\?", e.question) for e in turned)


def test_a_crop_holds_the_evidence_and_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} says something." for n in range(30)) + " Ana Brandt drew it."
    (example,) = plain_examples([row("a", text, "Who drew it?", "Ana Brandt")])
    for seed in range(20):
        crop = cropped(example, random.Random(seed), 200)
        assert crop.answer is not None
        assert crop.evidence is not None
        assert len(crop.passage) <= 200
        assert crop.passage in text
        assert crop.passage[slice(*crop.answer)] == "Ana Brandt"
        assert crop.passage[slice(*crop.evidence)] == "Ana Brandt drew it."
        assert crop.passage.startswith(("Sentence", "Ana"))
    none = Example(question="Who?", passage=text, answer=None, evidence=None)
    assert len(cropped(none, random.Random(1), 200).passage) <= 200
    assert cropped(none, random.Random(1), 5000) == none


def test_rows_whose_text_is_evaluated_are_left_out() -> None:
    rows = [
        row("a", BRIDGE, "Who drew it?", "Ana Brandt"),
        row("b", "Another text. It is long.", "How long?", "long"),
        row("c", "A third text is here.", "What is here?", "text"),
    ]
    evaluated = [
        row("x", "The  bridge at Oslo opened in 1998 - it is 812 metres long. Ana Brandt drew it", "?", None)
    ]
    evaluated.append(row("y", "Elsewhere.", "what IS here", None))
    assert without_texts_of(rows, evaluated) == [rows[1]]


def test_features_point_at_the_answers_tokens() -> None:
    tokenizer = Tokenizer.from_file(str(find_model().folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(32, strategy="only_second")
    (example,) = plain_examples([row("a", BRIDGE, "How long is it?", "812 metres")])
    found = features(example, tokenizer)
    assert found is not None
    tokens = [tokenizer.id_to_token(i) for i in found.ids]
    assert tokens[found.start : found.end + 1] == ["81", "##2", "metres"]
    first, last = found.evidence
    assert tokens[first] == "it"
    assert tokens[last] == "."
    far = Example(question="Who?", passage="x " * 200 + "Ana", answer=(400, 403), evidence=(400, 403))
    assert features(far, tokenizer) is None
    unanswerable = Example(question="Who?", passage=BRIDGE, answer=None, evidence=None)
    none = features(unanswerable, tokenizer)
    assert none is not None
    assert (none.start, none.end, none.evidence) == (0, 0, (0, 0))


def test_what_ships_is_what_is_recorded() -> None:
    files = find_reader()
    assert files.sha256 == sha256_file(MODELS / "reader.safetensors")
    assert (MODELS / "reader.safetensors").stat().st_size <= 50_000_000
    card = (MODELS / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert files.sha256 in card
    calibration = json.loads((MODELS / "calibration.json").read_text(encoding="utf-8"))
    assert calibration["name"] in card
