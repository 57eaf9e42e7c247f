"""The project's own questions: what the promise says is there, and every gold offset holds."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from eval.datasets import load_data_set, seeds
from eval.errors import DataSetError
from index.load import load_paths
from index.types import Document

ROOT = Path(__file__).resolve().parents[2]


def test_the_set_has_every_kind_and_enough_of_each() -> None:
    data_set = load_data_set("seeds")
    assert len(data_set.questions) == 186
    assert Counter(question.kind for question in data_set.questions) == {
        "fact": 14, "why": 13, "how": 7, "compare": 7, "list": 7, "who_said": 9, "when": 11, "paraphrase": 13,
        "typo": 11, "follow_up": 8, "cross_lingual": 10, "contradiction": 8, "before_after": 8, "unanswerable": 60,
    }  # fmt: skip
    unanswerable = [q for q in data_set.questions if q.answerable is False]
    assert len(unanswerable) == 60
    assert all(not q.gold and not q.answers for q in unanswerable)
    # The last five are off topic; the others ask for what the articles nearly say.
    assert len(unanswerable) - 5 >= 30
    assert all(bool(q.history) == (q.kind == "follow_up") for q in data_set.questions)
    assert {q.source_set for q in data_set.questions} == {"seeds"}


@pytest.mark.parametrize("name", ["seeds", "seeds+variants"])
def test_every_gold_offset_holds_in_the_articles(name: str) -> None:
    data_set = load_data_set(name)
    texts = {d.document_id: d.text for d in load_paths(data_set.corpus) if isinstance(d, Document)}
    assert len(texts) == 3
    for question in data_set.questions:
        assert bool(question.gold) == question.answerable
        for gold in question.gold:
            assert gold.document_id is not None
            assert texts[gold.document_id][gold.start : gold.end] == gold.text
        # "Verbatim pieces of a gold sentence", says the README.
        assert all(any(answer in gold.text for gold in question.gold) for answer in question.answers)


def test_twenty_four_questions_are_said_in_five_other_ways() -> None:
    data_set = load_data_set("seeds+variants")
    assert data_set.questions[:186] == load_data_set("seeds").questions
    added = data_set.questions[186:]
    assert Counter(q.variant for q in added) == dict.fromkeys(
        ("paraphrase", "ru", "de", "typo", "lower_case"), 24
    )
    originals = {q.question_id: q for q in data_set.questions[:186]}
    varied = {str(q.variant_of) for q in added}
    assert len(varied) == 24
    assert Counter(originals[name].kind for name in varied) == {
        "fact": 4, "why": 3, "list": 3, "who_said": 3, "when": 3,
        "how": 2, "compare": 2, "contradiction": 2, "before_after": 2,
    }  # fmt: skip
    for question in added:
        original = originals[str(question.variant_of)]
        assert question.question_id == f"{original.question_id}-{question.variant}"
        assert question.text != original.text
        assert (question.gold, question.answers, question.answerable, question.kind, question.history) == (
            original.gold, original.answers, True, original.kind, (),
        )  # fmt: skip


def test_the_hash_is_of_questions_and_articles(tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    shutil.copytree(ROOT / "seeds", elsewhere)
    assert seeds.load(seeds=elsewhere).sha256 == load_data_set("seeds").sha256
    assert load_data_set("seeds+variants").sha256 != load_data_set("seeds").sha256
    with (elsewhere / "README.md").open("a", encoding="utf-8") as file:
        file.write("one more line\n")
    assert seeds.load(seeds=elsewhere).sha256 != load_data_set("seeds").sha256


def test_without_the_repository_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"come with the repository.*run this from a clone"):
        seeds.load(seeds=tmp_path / "seeds")


def test_a_changed_article_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "seeds"
    shutil.copytree(ROOT / "seeds", elsewhere)
    article = elsewhere / "002_07660cdc68c3866e.txt"
    article.write_text(article.read_text(encoding="utf-8")[1:], encoding="utf-8")
    with pytest.raises(DataSetError, match=r"the seed articles cannot be used: .*sha256"):
        seeds.load(seeds=elsewhere)
