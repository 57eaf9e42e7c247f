"""The adapters of public data sets, on small folders of their format."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import load_data_set
from eval.datatypes import Gold, Question
from eval.errors import DataSetError
from rag.types import Turn


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def reading_row(name: str, context: str, answer: str | None, start: int = -1, **more: Any) -> dict[str, Any]:
    answers = [] if answer is None else [{"text": answer, "start": start}]
    return {
        "id": name, "title": "A_title", "context": context, "question": f"{name}?",
        "answers": answers, "unanswerable": answer is None, **more,
    }  # fmt: skip


def document_id(prefix: str, text: str) -> str:
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def test_squad2_asks_dev_questions_of_all_paragraphs(tmp_path: Path) -> None:
    # Decomposed: what stands after the accents moves by one in the canonical text.
    context = "Cafe\u0301 one is old. Café two opened in 1990. It closed."
    start = context.index("1990")
    answered = reading_row("a", context, "1990", start)
    answered["answers"] += [{"text": "in 1990", "start": start - 3}, {"text": "1990", "start": start}]
    write(tmp_path / "squad2/questions.dev.jsonl.gz", answered, reading_row("b", context, None))
    write(tmp_path / "squad2/questions.train.jsonl", reading_row("c", "Another one.", None))
    data_set = load_data_set("squad2", tmp_path)
    text = "Café one is old. Café two opened in 1990. It closed."
    name = document_id("squad2", text)
    assert data_set.documents == (
        {"id": name, "title": "A title", "text": text},
        {"id": document_id("squad2", "Another one."), "title": "A title", "text": "Another one."},
    )
    first, second = data_set.questions
    assert first == Question(
        question_id="a", text="a?", kind="answerable", source_set="squad2", answerable=True,
        answers=("1990", "in 1990"),
        gold=(Gold(document_id=name, start=17, end=41, text="Café two opened in 1990."),),
        relevant=((name, 1),),
    )  # fmt: skip
    assert (second.answerable, second.gold, second.answers, second.qrels()) == (False, (), (), {})


def test_squad2_gold_that_cannot_be_located_is_text_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "squad2/questions.train.jsonl")
    write(tmp_path / "squad2/questions.dev.jsonl", reading_row("a", "no two and no two.", "two", -1))
    data_set = load_data_set("squad2", tmp_path)
    (gold,) = data_set.questions[0].gold
    assert gold == Gold(document_id=data_set.documents[0]["id"], text="two")
    assert data_set.notes == ("1 gold texts could not be located; they count by their text",)


def test_xquad_asks_in_english_and_in_russian(tmp_path: Path) -> None:
    row = reading_row("a", "Denver won. It rained.", "Denver", 0, question=" Кто? ", question_en="Who?")
    write(tmp_path / "xquad_ru_en/questions.dev.jsonl.gz", row)
    english, russian = load_data_set("xquad_ru_en", tmp_path).questions
    assert (english.question_id, english.text, english.kind, english.variant_of) == ("a", "Who?", "en", None)
    assert (russian.question_id, russian.text, russian.kind) == ("a-ru", "Кто?", "ru")
    assert (russian.variant_of, russian.variant) == ("a", "ru")
    assert [gold.text for gold in russian.gold] == ["Denver won."]
    assert english.gold == russian.gold


def test_clapnq_gold_is_the_evidence(tmp_path: Path) -> None:
    context = "One . Two . Three . Two . "
    evidence = ["Three .", "One .", "Three .", "Two ."]
    write(
        tmp_path / "clapnq/questions.dev.jsonl.gz",
        reading_row("a", context, "A long answer.", evidence_sentences=evidence),
        reading_row("b", context, None, evidence_sentences=[]),
    )
    data_set = load_data_set("clapnq", tmp_path)
    name = document_id("clapnq", context)
    first, second = data_set.questions
    assert first.gold == (
        Gold(document_id=name, start=12, end=19, text="Three ."),
        Gold(document_id=name, start=0, end=5, text="One ."),
        Gold(document_id=name, text="Two ."),  # it stands twice
    )
    assert (first.answers, first.relevant, first.kind) == ((), ((name, 1),), "answerable")
    assert (second.answerable, second.gold, second.relevant) == (False, (), ())


def multihop(tmp_path: Path, evidence: list[dict[str, Any]]) -> None:
    article = {
        "id": "m1", "title": "T", "text": "First.\r\nThe fact.", "source": "BBC", "author": None,
        "published_at": "2023-10-08T14:16:01+00:00", "url": "https://example.org", "category": "news",
    }  # fmt: skip
    query = {
        "id": "q1",
        "text": "Q?",
        "answer": "Yes",
        "question_type": "comparison_query",
        "evidence": evidence,
    }
    null = {
        "id": "q2",
        "text": "N?",
        "answer": "Insufficient.",
        "question_type": "null_query",
        "evidence": [],
    }
    write(tmp_path / "multihop_rag/corpus.jsonl.gz", article)
    write(tmp_path / "multihop_rag/queries.dev.jsonl.gz", query, null)


@pytest.mark.parametrize("start", [8, -1])
def test_multihop_rag_facts_are_gold(tmp_path: Path, start: int) -> None:
    multihop(tmp_path, [{"doc_id": "m1", "fact": "The fact.", "start": start}] * 2)
    data_set = load_data_set("multihop_rag", tmp_path)
    assert data_set.documents[0]["text"] == "First.\nThe fact."
    assert (data_set.documents[0]["publisher"], data_set.documents[0]["category"]) == ("BBC", "news")
    first, second = data_set.questions
    assert first.gold == (Gold(document_id="m1", start=7, end=16, text="The fact."),)
    assert (first.kind, first.answers, first.qrels()) == ("comparison_query", ("Yes",), {"m1": 1})
    assert (second.kind, second.answerable, second.answers, second.gold) == ("null_query", False, (), ())


def test_multihop_rag_evidence_of_no_article_is_an_error(tmp_path: Path) -> None:
    multihop(tmp_path, [{"doc_id": "m9", "fact": "The fact.", "start": 0}])
    with pytest.raises(DataSetError, match="line 1: evidence of 'm9', which is no article of the corpus"):
        load_data_set("multihop_rag", tmp_path)


def test_trec_cast_has_rewrites_and_for_2021_passages(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "id": "2019-1", "year": 2019, "topic": 1, "history": [], "text": "What is it?", "rewritten": "What is X?",
        "response_passage": None, "canonical_result_id": None,
    }  # fmt: skip
    shown = {"year": 2021, "history": ["One?", "Two?"], "canonical_result_id": "MARCO_1"}
    write(
        tmp_path / "trec_cast/turns.dev.jsonl.gz",
        row,
        row | {"id": "2020-1", "year": 2020, "canonical_result_id": "MARCO_9"},
        row | shown | {"id": "2021-1", "response_passage": "Passage one."},
        row | shown | {"id": "2021-2", "response_passage": "Passage two."},
    )
    data_set = load_data_set("trec_cast", tmp_path)
    names = [document_id("MARCO_1", text) for text in ("Passage one.", "Passage two.")]
    assert [d["id"] for d in data_set.documents] == names
    assert [q.relevant for q in data_set.questions] == [(), (), ((names[0], 1),), ((names[1], 1),)]
    assert [q.kind for q in data_set.questions] == ["2019", "2020", "2021", "2021"]
    assert data_set.questions[0].standalone == "What is X?"
    assert data_set.questions[2].history == (
        Turn(role="user", content="One?"),
        Turn(role="user", content="Two?"),
    )
    assert {q.answerable for q in data_set.questions} == {None}


def mtrag_row(label: str, *contexts: tuple[str, str], turns: int = 0) -> dict[str, Any]:
    speakers = ("user", "agent")
    return {
        "id": f"{label}<::>1", "question": " Why? ", "answerability": [label],
        "history": [{"speaker": speakers[n % 2], "text": str(n)} for n in range(turns)],
        "contexts": [{"id": name, "title": "T", "text": text} for name, text in contexts],
    }  # fmt: skip


def test_mtrag_labels_history_and_contexts(tmp_path: Path) -> None:
    write(
        tmp_path / "mtrag/tasks.dev.jsonl.gz",
        mtrag_row("ANSWERABLE", ("c1", "One."), ("c2", "Two."), ("c1", "One."), turns=23),
        mtrag_row("PARTIAL", ("c2", "Two.")),
        mtrag_row("UNANSWERABLE"),
        mtrag_row("UNDERSPECIFIED"),
    )
    data_set = load_data_set("mtrag", tmp_path)
    assert [q.answerable for q in data_set.questions] == [True, True, False, None]
    assert [q.kind for q in data_set.questions] == ["answerable", "partial", "unanswerable", "underspecified"]
    assert [d["id"] for d in data_set.documents] == ["c1", "c2"]
    first = data_set.questions[0]
    assert first.relevant == (("c1", 1), ("c2", 1))
    assert (first.text, first.answers) == ("Why?", ())
    assert (len(first.history), first.history[0]) == (20, Turn(role="assistant", content="3"))


def test_mtrag_a_context_that_changes_is_an_error(tmp_path: Path) -> None:
    rows = mtrag_row("ANSWERABLE", ("c1", "One.")), mtrag_row("PARTIAL", ("c1", "Other."))
    write(tmp_path / "mtrag/tasks.dev.jsonl", *rows)
    with pytest.raises(DataSetError, match="line 2: context 'c1' reads otherwise than on an earlier line"):
        load_data_set("mtrag", tmp_path)


def beir(
    folder: Path, qrels: str = "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t0\n", where: str = "qrels.tsv"
) -> None:
    corpus = [{"_id": "d1", "title": "T", "text": "One."}, {"_id": "d2", "text": "Two."}]
    corpus += [{"_id": "d3", "title": "Only a title", "text": " "}, {"_id": "d4", "title": "", "text": ""}]
    write(folder / "corpus.jsonl", *corpus)
    write(folder / "queries.jsonl.gz", {"_id": "1", "text": "A claim"}, {"_id": 2, "text": "Unjudged"})
    (folder / where).parent.mkdir(parents=True, exist_ok=True)
    (folder / where).write_text(qrels, encoding="utf-8")


@pytest.mark.parametrize("prefix", ["beir:", ""])
@pytest.mark.parametrize("where", ["qrels.tsv", "qrels/test.tsv", "qrels/dev.tsv"])
def test_a_folder_in_beir_layout(tmp_path: Path, prefix: str, where: str) -> None:
    beir(tmp_path / "my set", where=where)
    data_set = load_data_set(f"{prefix}{tmp_path / 'my set'}")
    assert data_set.name == "my-set"
    assert [(d["id"], d["text"]) for d in data_set.documents] == [
        ("d1", "One."), ("d2", "Two."), ("d3", "Only a title"),
    ]  # fmt: skip
    (question,) = data_set.questions
    assert (question.question_id, question.relevant, question.answerable) == ("1", (("d1", 2),), None)
    assert data_set.notes == (
        "left out: 1 questions that no document is judged relevant to",
        "left out: 1 documents without title or text",
    )


def test_the_test_judgements_come_before_the_others(tmp_path: Path) -> None:
    beir(tmp_path, where="qrels/dev.tsv", qrels="1\td2\t1\n")
    beir(tmp_path, where="qrels/test.tsv", qrels="1\td1\t1\n")
    assert load_data_set(str(tmp_path)).questions[0].relevant == (("d1", 1),)


def test_scifact_is_a_beir_folder_with_its_licence(tmp_path: Path) -> None:
    beir(tmp_path / "scifact")
    data_set = load_data_set("scifact", tmp_path)
    assert (data_set.name, data_set.licence, data_set.questions[0].kind) == (
        "scifact",
        "CC BY-NC 2.0",
        "claim",
    )


@pytest.mark.parametrize(
    ("qrels", "words"),
    [
        ("", "holds no judgements"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgements"),
        ("1 d1 1\n", "line 1: has 1 tab-separated cells; it must be 3"),
        ("1\td1\t1\n1\td2\tmuch\n", "line 2: score 'much' is no whole number"),
        ("1\td1\t1\n1\td1\t2\n", "line 2: 'd1' is judged again for '1', differently"),
        ("9\td1\t1\n", "judge 1 questions that queries.jsonl lacks, '9' first"),
        ("1\td1\t0\n", "holds no questions"),
    ],
)
def test_wrong_judgements_are_refused(tmp_path: Path, qrels: str, words: str) -> None:
    beir(tmp_path, qrels=qrels)
    with pytest.raises(DataSetError) as caught:
        load_data_set(f"beir:{tmp_path}")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": ""}, "line 2: the question is empty"),
        ({"question": "x" * 2001}, "line 2: the question has 2001 characters; at most 2000 are asked"),
        ({"context": None}, "line 2: context is a JSON NoneType; it must be a text"),
        ({"unanswerable": "no"}, "line 2: unanswerable is a JSON str; it must be true or false"),
        ({"answers": []}, "line 2: unanswerable is False, but it has 0 answers; one is wrong"),
        ({"answers": [1]}, "line 2: answers holds something that is no object"),
        ({"answers": [{"text": "One"}]}, "line 2: start is missing; it must be a whole number"),
        ({"context": "One.\ud800"}, "line 2: holds a lone surrogate at character 4"),
        ({"id": "a"}, "squad2: question id 'a' stands twice; ids must be unique"),
        ({"id": "\ud800"}, "holds a lone surrogate; remove it"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    good = reading_row("a", "One.", "One", 0)
    write(tmp_path / "squad2/questions.dev.jsonl.gz", good, {**good, "id": "b", **change})
    write(tmp_path / "squad2/questions.train.jsonl.gz")
    with pytest.raises(DataSetError) as caught:
        load_data_set("squad2", tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"id": "a"', "line 1: is not JSON"),
        (b"[]", "line 1: is a JSON list; it must be an object"),
        (b'{"id": "\xff"}', "line 1: byte 0xff is not UTF-8"),
        (b"", "mtrag holds no questions"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "mtrag").mkdir()
    (tmp_path / "mtrag/tasks.dev.jsonl").write_bytes(raw)
    with pytest.raises(DataSetError) as caught:
        load_data_set("mtrag", tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize("cut", [5, 40])
def test_a_gzip_file_that_breaks_off_is_refused(tmp_path: Path, cut: int) -> None:
    (tmp_path / "mtrag").mkdir()
    raw = gzip.compress(json.dumps(mtrag_row("PARTIAL")).encode())
    (tmp_path / "mtrag/tasks.dev.jsonl.gz").write_bytes(raw[:cut])
    with pytest.raises(DataSetError, match="cannot be read after line 0"):
        load_data_set("mtrag", tmp_path)


def test_a_file_that_is_not_gzipped_though_its_name_says_so(tmp_path: Path) -> None:
    (tmp_path / "mtrag").mkdir()
    (tmp_path / "mtrag/tasks.dev.jsonl.gz").write_bytes(b"{}\n")
    with pytest.raises(DataSetError, match="cannot be read after line 0: Not a gzipped file"):
        load_data_set("mtrag", tmp_path)
