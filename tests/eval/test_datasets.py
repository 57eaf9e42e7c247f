"""Loading by name, samples and variants."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.datasets import DATA_SETS, load_data_set, sample, with_variants
from eval.datasets.making import check_gold, make_data_set, safe_name
from eval.datasets.variants import with_typos
from eval.datatypes import DataSet, Gold, Question
from eval.errors import DataSetError

PUBLIC = ("multihop_rag", "squad2", "clapnq", "xquad_ru_en", "scifact", "trec_cast", "mtrag")


def question(name: str, text: str = "Which river is longest?", variant_of: str | None = None) -> Question:
    return Question(
        question_id=name,
        text=text,
        kind="fact",
        source_set="test",
        answerable=True,
        variant_of=variant_of,
        variant=None if variant_of is None else "ru",
    )


def made(*questions: Question) -> DataSet:
    return make_data_set(name="test", licence="none", questions=questions)


def ids(data_set: DataSet) -> list[str]:
    return [item.question_id for item in data_set.questions]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_set_says_what_it_needs(tmp_path: Path, name: str) -> None:
    assert name in DATA_SETS
    with pytest.raises(DataSetError, match=f"give the folder that holds {name}/ with --folder"):
        load_data_set(name)
    with pytest.raises(DataSetError, match=f"holds no folder '{name}'"):
        load_data_set(name, tmp_path)
    (tmp_path / name).mkdir()
    with pytest.raises(DataSetError, match=r"has no .*\.jsonl"):
        load_data_set(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("seed", "there is no data set 'seed'; did you mean seeds"),
        ("MultiHop-RAG", "did you mean multihop_rag"),
        ("qqqqqq", "there is no data set 'qqqqqq'; known are seeds, "),
        ("nowhere/mine.jsonl", "nowhere/mine.jsonl does not exist"),
        ("beir:nowhere", "nowhere is no folder"),
        ("", "there is no data set ''; known are seeds, "),
    ],
)
def test_an_unknown_name_is_an_error_that_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataSetError) as caught:
        load_data_set(name)
    assert words in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(DataSetError, match=r"questions are read from \.jsonl and \.csv files"):
        load_data_set(str(path))


def test_a_sample_keeps_order_and_is_the_same_for_the_same_seed() -> None:
    data_set = made(*(question(f"q{n}") for n in range(30)))
    picked = sample(data_set, 10, seed=1)
    assert len(picked.questions) == 10
    assert ids(picked) == sorted(ids(picked), key=lambda name: int(name[1:]))
    assert picked == sample(data_set, 10, seed=1)
    assert ids(picked) != ids(sample(data_set, 10, seed=2))
    assert picked.sha256 != data_set.sha256


def test_a_sample_of_all_or_more_is_the_set_itself() -> None:
    data_set = made(question("a"), question("b"))
    assert sample(data_set, None, 0) is sample(data_set, 2, 0) is sample(data_set, 9, 0) is data_set
    with pytest.raises(DataSetError, match="a sample of 0 questions; it must be at least 1"):
        sample(data_set, 0, 0)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 5))
def test_a_variant_is_never_sampled_without_its_original(limit: int, seed: int) -> None:
    originals = [question(f"q{n}") for n in range(10)]
    # Before their originals, as a person's file may have them.
    variants = [question(f"q{n}-{m}", variant_of=f"q{n}") for n in range(10) for m in range(2)]
    picked = sample(made(*variants, *originals), limit, seed)
    assert len(picked.questions) == limit
    assert all(item.variant_of is None or item.variant_of in ids(picked) for item in picked.questions)


def test_variants_stand_after_the_questions_and_inherit() -> None:
    gold = (Gold(text="The Nile."),)
    original = question("a", "Which RIVER is 6650 km long?")
    original = Question(**{**{f: getattr(original, f) for f in original.__slots__}, "gold": gold})
    data_set = with_variants(made(original, question("a-ru", "Какая?", "a")), ["lower_case"], seed=0)
    assert ids(data_set) == ["a", "a-ru", "a-lower_case"]
    added = data_set.questions[-1]
    assert added.text == "which river is 6650 km long?"
    assert (added.variant_of, added.variant, added.gold, added.kind) == ("a", "lower_case", gold, "fact")


def test_where_a_rule_changes_nothing_there_is_no_variant() -> None:
    data_set = with_variants(made(question("a", "was it so?")), ["typo", "lower_case"], seed=0)
    assert ids(data_set) == ["a"]


def test_variants_are_the_same_for_the_same_seed_whatever_else_is_asked() -> None:
    one = with_variants(made(question("a")), ["typo"], seed=3).questions[-1]
    assert (
        with_variants(made(question("b"), question("a")), ["lower_case", "typo"], seed=3).questions[-1] == one
    )
    texts = {with_variants(made(question("a")), ["typo"], seed=n).questions[-1].text for n in range(20)}
    assert len(texts) > 5


def test_unknown_or_repeated_variants_are_errors() -> None:
    data_set = made(question("a"))
    with pytest.raises(DataSetError, match="unknown variant 'shout'; known are typo, lower_case"):
        with_variants(data_set, ["shout"], 0)
    again = with_variants(data_set, ["typo", "typo"], 0)
    assert len(again.questions) == 2
    with pytest.raises(DataSetError, match="test already has a question 'a-typo'; add variants once"):
        with_variants(again, ["typo"], 0)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_a_typo_leaves_names_numbers_and_short_words(seed: int) -> None:
    text = "Did Kazakhstan export 12345 tonnes of covid19 and abc123def uranium in 2024?"
    words = with_typos(text, random.Random(seed)).split(" ")
    changed = {old for old, new in zip(text.split(" "), words, strict=True) if old != new}
    assert changed <= {"export", "tonnes", "uranium"}
    assert 1 <= len(changed) <= 2
    for old, new in zip(text.split(" "), words, strict=True):
        assert abs(len(old) - len(new)) <= 1
        assert old[0] == new[0]


@settings(deadline=None)
@given(st.text("абвгaaab", min_size=5, max_size=8), st.integers(0, 50))
def test_a_typo_always_changes_a_long_word(word: str, seed: int) -> None:
    assert with_typos(word, random.Random(seed)) != word


def test_a_set_that_does_not_hold_together_is_refused() -> None:
    with pytest.raises(DataSetError, match="test holds no questions"):
        made()
    with pytest.raises(DataSetError, match="question id 'a' stands twice"):
        made(question("a"), question("a"))
    with pytest.raises(DataSetError, match="'b' is a variant of 'z', which is not in the set"):
        made(question("a"), question("b", variant_of="z"))
    gold = Gold(document_id="d", start=0, end=3, text="two")
    asked = Question(question_id="a", text="?", kind="k", source_set="s", answerable=True, gold=(gold,))
    with pytest.raises(DataSetError, match="question 'a': d 0-3 reads 'one', not 'two'"):
        check_gold("test", [asked], {"d": "one"})
    with pytest.raises(DataSetError, match="its gold is in 'd', which is no document of the set"):
        check_gold("test", [asked], {"e": "one"})


def test_the_hash_tells_questions_and_documents_apart() -> None:
    row = {"id": "d", "title": "", "text": "one"}
    plain = made(question("a"))
    with_document = make_data_set(name="other", licence="x", questions=[question("a")], documents=[row])
    changed = make_data_set(
        name="other", licence="x", questions=[question("a")], documents=[{**row, "text": "two"}]
    )
    assert len({plain.sha256, with_document.sha256, changed.sha256}) == 3
    assert plain.sha256 == make_data_set(name="b", licence="y", questions=[question("a")]).sha256


def test_names_can_be_folders() -> None:
    assert safe_name("my set: a/b") == "my-set-a-b"
    assert safe_name("Вопросы") == "Вопросы"
    assert safe_name("...") == "questions"
