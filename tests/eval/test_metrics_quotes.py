"""Quotes against gold, character by character, and their verification; worked by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from eval.datatypes import Gold
from eval.errors import EvaluationError
from eval.metrics import cases_of
from eval.metrics.base import pooled
from eval.metrics.overlap import Match, Quoted, match, occurrences, squeezed
from eval.metrics.quotes import (
    duplicates,
    gold_quote_hit,
    measure,
    needless_characters,
    quote_precision,
    quote_recall,
    verified,
)
from tests.eval.eval_fakes import (
    abstained,
    answered,
    asked,
    case_of,
    cited,
    failed,
    gold_in,
    loose,
    run_of,
    source,
)

#                0123456789  (each sentence has 10 characters and a space after it)
TEXT = "Aaaa bbbb. Cccc dddd. Eeee ffff. Aaaa bbbb. 😀ggg hhhh."
DOCUMENT = source("d", TEXT)
TWIN = source("e", TEXT)
FIRST, SECOND, THIRD = "Aaaa bbbb.", "Cccc dddd.", "Eeee ffff."


def question(*texts: str, **fields: Any) -> Any:
    return asked("q", gold=[gold_in(DOCUMENT, text) for text in texts], **fields)


def test_hits_at_1_3_and_5() -> None:
    wrong, right = cited(DOCUMENT, "Eeee"), cited(DOCUMENT, "dddd. Eeee")
    case = case_of(answered(question(SECOND), wrong, wrong, right), DOCUMENT)
    assert [gold_quote_hit(case, k) for k in (1, 2, 3, 5)] == [0.0, 0.0, 1.0, 1.0]
    assert gold_quote_hit(case_of(abstained(question(SECOND)), DOCUMENT), 5) == 0.0
    assert gold_quote_hit(case_of(answered(question(SECOND)), DOCUMENT), 5) == 0.0
    assert gold_quote_hit(case_of(answered(asked("q")), DOCUMENT), 5) is None
    assert gold_quote_hit(case_of(answered(question(SECOND, answerable=False)), DOCUMENT), 5) is None
    assert gold_quote_hit(case_of(answered(question(SECOND, answerable=None)), DOCUMENT), 5) == 0.0


def test_touching_without_sharing_a_character_is_no_hit() -> None:
    case = case_of(answered(question(SECOND), cited(DOCUMENT, "Aaaa bbbb. ")), DOCUMENT)
    assert gold_quote_hit(case, 5) == 0.0


def test_gold_counts_wherever_it_stands_again_in_its_own_document_only() -> None:
    again = cited(DOCUMENT, FIRST, at=33)
    case = case_of(answered(question(FIRST), again), DOCUMENT)
    assert (gold_quote_hit(case, 1), quote_precision(case), quote_recall(case)) == (1.0, 1.0, 1.0)
    elsewhere = case_of(answered(question(FIRST), cited(TWIN, FIRST)), DOCUMENT, TWIN)
    assert (gold_quote_hit(elsewhere, 1), quote_precision(elsewhere), quote_recall(elsewhere)) == (0, 0, 0)


def test_precision_recall_and_needless_characters_worked_by_hand() -> None:
    # Gold: 11-21 and 22-32. Quoted: 16-27 and 24-30, together 16-30 (14 characters), of which 21 is the
    # space between the two sentences: 13 in gold.
    overlapping = (cited(DOCUMENT, "dddd. Eeee "), cited(DOCUMENT, "ee fff"))
    case = case_of(answered(question(SECOND, THIRD), *overlapping), DOCUMENT)
    assert quote_precision(case) == float(Fraction(13, 14))
    assert quote_recall(case) == float(Fraction(13, 20))
    assert needless_characters(case) == 1.0


def test_both_places_of_a_repeated_gold_quote_recall_it_once() -> None:
    halves = (cited(DOCUMENT, "Aaaa", at=0), cited(DOCUMENT, "Aaaa b", at=33))
    case = case_of(answered(question(FIRST), *halves), DOCUMENT)
    assert quote_recall(case) == float(Fraction(6, 10))
    assert quote_precision(case) == 1.0


def test_gold_quotes_that_overlap_count_each_character_once() -> None:
    # 11-21 and 11-32: 21 characters of gold.
    case = case_of(answered(question(SECOND, f"{SECOND} {THIRD}"), cited(DOCUMENT, SECOND)), DOCUMENT)
    assert quote_recall(case) == float(Fraction(10, 21))


def test_what_answers_and_abstentions_define() -> None:
    silent = case_of(abstained(question(SECOND)), DOCUMENT)
    assert (quote_precision(silent), quote_recall(silent), needless_characters(silent)) == (None, 0.0, None)
    bare = case_of(answered(question(SECOND)), DOCUMENT)
    assert (quote_precision(bare), quote_recall(bare), needless_characters(bare)) == (0.0, 0.0, None)
    unlabelled = case_of(answered(asked("q"), cited(DOCUMENT, FIRST)), DOCUMENT)
    assert (quote_precision(unlabelled), quote_recall(unlabelled), needless_characters(unlabelled)) == (
        None,
        None,
        None,
    )
    partial = case_of(answered(question(SECOND), cited(DOCUMENT, SECOND), outcome="partial"), DOCUMENT)
    assert quote_precision(partial) == 1.0


def test_a_quote_without_a_place_is_compared_by_its_text() -> None:
    inside = case_of(answered(question(SECOND), loose("dddd.")), DOCUMENT)
    assert (quote_precision(inside), quote_recall(inside)) == (1.0, 0.5)
    # Line ends and doubled spaces do not matter; 'xx ' stands before gold and is needless.
    around = case_of(answered(question(SECOND), loose("xx Cccc\ndddd.")), DOCUMENT)
    assert (quote_precision(around), quote_recall(around)) == (float(Fraction(10, 13)), 1.0)
    assert needless_characters(around) == 3.0
    crossing = case_of(answered(question(SECOND), loose("dddd. Eeee")), DOCUMENT)
    assert (gold_quote_hit(crossing, 1), quote_precision(crossing)) == (0.0, 0.0)
    blank = case_of(answered(question(SECOND), loose(" ")), DOCUMENT)
    assert gold_quote_hit(blank, 1) == 0.0


def test_text_only_gold_is_looked_for_in_the_documents() -> None:
    anywhere = asked("q", gold=[Gold(text=SECOND)])
    overlap = case_of(answered(anywhere, cited(DOCUMENT, "dddd. Eeee")), DOCUMENT)
    assert (quote_precision(overlap), quote_recall(overlap)) == (0.5, 0.5)
    named = asked("q", gold=[Gold(text=SECOND, document_id="e")])
    assert gold_quote_hit(case_of(answered(named, cited(DOCUMENT, SECOND)), DOCUMENT, TWIN), 1) == 0.0
    # Gold that differs from the document in white space is found by its text.
    loosely = asked("q", gold=[Gold(text="Cccc\ndddd.")])
    spaced = case_of(answered(loosely, cited(DOCUMENT, "Cccc dd")), DOCUMENT)
    assert (quote_precision(spaced), quote_recall(spaced)) == (1.0, 0.7)


def test_a_place_that_does_not_hold_is_no_place() -> None:
    false = cited(DOCUMENT, FIRST, at=11)
    case = case_of(answered(question(SECOND), false), DOCUMENT)
    assert (gold_quote_hit(case, 1), verified(case)) == (0.0, (0, 1))
    true_words = case_of(answered(question(FIRST), false), DOCUMENT)
    assert gold_quote_hit(true_words, 1) == 1.0


def test_offsets_into_a_document_that_is_not_kept_are_not_trusted() -> None:
    wanted = question(FIRST)
    same = case_of(answered(wanted, cited(DOCUMENT, FIRST)))
    assert (gold_quote_hit(same, 1), verified(same)) == (1.0, (0, 1))
    # By offsets these two would share characters with 0-10; by their words they have nothing of it.
    for quote in ({**cited(DOCUMENT, FIRST), "cited_text": "Zzzz zzzz."}, cited(DOCUMENT, "bbbb. Cccc")):
        case = case_of(answered(wanted, quote))
        assert (gold_quote_hit(case, 1), quote_precision(case), quote_recall(case)) == (0.0, 0.0, 0.0)
    # Two places of one text cannot be told apart either.
    twice = case_of(answered(asked("q"), cited(DOCUMENT, "Aaaa"), cited(DOCUMENT, "aaa bb")))
    assert duplicates(twice) == (0, 2)


def test_by_text_a_quote_is_golds_when_it_holds_it_or_is_half_of_it() -> None:
    def hit(quote: str) -> float | None:
        return gold_quote_hit(case_of(answered(asked("q", gold=[Gold(text="ab cd\nefgh")]), loose(quote))), 1)

    # Gold has 8 characters without white space: 4 are half of it, 3 and a space are not.
    assert [hit(quote) for quote in ("cdef", "ab   cd", "c def", "cde", "c de", "a")] == [1, 1, 1, 0, 0, 0]
    assert [hit(quote) for quote in ("x abcdefgh" + "x" * 99, "x abcdefg")] == [1, 0]
    short = case_of(answered(asked("q", gold=[Gold(text="a.")]), loose(".")))
    assert (gold_quote_hit(short, 1), quote_recall(short)) == (1.0, 0.5)


def test_quotes_that_are_no_half_of_gold_share_no_characters_with_it() -> None:
    case = case_of(answered(question(FIRST), loose("Aaa"), loose("bbbb.")), DOCUMENT)
    assert (quote_precision(case), quote_recall(case)) == (float(Fraction(5, 8)), 0.5)


def test_where_gold_is_counted() -> None:
    # Its offsets do not hold, but its text stands in its document: the same characters as at 11-21.
    moved = Gold(text=SECOND, document_id="d", start=12, end=22)
    both = asked("q", gold=[moved, gold_in(DOCUMENT, SECOND), gold_in(DOCUMENT, FIRST)])
    case = case_of(answered(both, cited(DOCUMENT, SECOND)), DOCUMENT)
    assert quote_recall(case) == 0.5
    # Of no kept document: apart, once for each document named and text.
    apart = [Gold(text=FIRST), Gold(text=FIRST), Gold(text=FIRST, document_id="x", start=0, end=10)]
    case = case_of(
        answered(asked("q", gold=[*apart, gold_in(DOCUMENT, FIRST)]), cited(DOCUMENT, FIRST)), DOCUMENT
    )
    assert quote_recall(case) == float(Fraction(20, 30))


def test_text_that_the_other_holds_counts_whole() -> None:
    case = case_of(answered(asked("q", gold=[Gold(text=" ab cd ")]), loose("\nabcd")), DOCUMENT)
    assert (quote_precision(case), quote_recall(case)) == (1.0, 1.0)


def test_a_place_that_ends_beyond_the_document_is_no_place() -> None:
    beyond = {**cited(DOCUMENT, "hhhh."), "end_char_index": len(TEXT) + 9}
    assert case_of(answered(asked("q"), beyond), DOCUMENT).citations[0].quoted.start is None


def test_a_text_that_is_everywhere_is_looked_for_near_the_quote_only() -> None:
    monotone = source("m", "a" * 50_000 + "b" + "a" * 50_000)
    gold = Gold(text="aab", document_id="m")
    near, far = cited(monotone, "ab", at=49_999), cited(monotone, "aaaa", at=70_000)
    case = case_of(answered(asked("q", gold=[gold]), near, far), monotone)
    assert (quote_precision(case), quote_recall(case)) == (float(Fraction(2, 6)), float(Fraction(2, 3)))
    repeated = asked("q", gold=[Gold(text="aa", document_id="m", start=0, end=2)])
    assert quote_recall(case_of(answered(repeated, far), monotone)) == 1.0


def test_text_matches_point_at_their_characters() -> None:
    quoted = Quoted(text="a\u0301 b", document_id=None, start=None, end=None)
    # In NFC the quote is "á b"; where NFC changes a length, the whole text is pointed at.
    assert match(quoted, Gold(text="á  b c"), {}) == Match(in_quote=((0, 4),), in_gold=((0, 4),))
    assert match(quoted, Gold(text="á"), {}) == Match(in_quote=((0, 4),), in_gold=((0, 1),))
    assert not match(quoted, Gold(text="zz"), {})
    assert squeezed("a\u0301 \n b\u00a0c\u2003") == "ábc"
    assert list(occurrences("aaa", "aa")) == [(0, 2), (1, 3)]


def test_a_citation_verifies_by_document_hash_and_offsets() -> None:
    good = cited(DOCUMENT, "😀ggg")
    wrong_hash = {**good, "document_sha256": "0" * 64}
    no_hash = {**good, "document_sha256": None}
    shifted = {**good, "start_char_index": 45, "end_char_index": 49}
    beyond = {**good, "start_char_index": 54, "end_char_index": 99}
    negative = {**good, "start_char_index": -11, "end_char_index": -7}
    unknown = {**good, "document_id": "no such"}
    bad = (wrong_hash, no_hash, shifted, beyond, negative, unknown, loose("😀ggg"))
    case = case_of(answered(asked("q"), good, *bad), DOCUMENT)
    assert [one.verified for one in case.citations] == [True] + [False] * len(bad)
    assert verified(case) == (1, 8)
    # The hash is computed from the text: what the run says of it does not count.
    liar = source("d", TEXT + "!")
    lying = {**cited(liar, FIRST), "document_sha256": DOCUMENT.sha256}
    assert verified(case_of(answered(asked("q"), lying), liar)) == (0, 1)


def test_a_document_with_a_lone_surrogate_verifies_nothing() -> None:
    good = cited(DOCUMENT, FIRST)
    broken = DOCUMENT.__class__(document_id="d", title="d", sha256=DOCUMENT.sha256, text=TEXT + "\ud800")
    assert verified(case_of(answered(asked("q"), good), broken)) == (0, 1)


def test_shares_of_citations_are_pooled() -> None:
    good, bad = cited(DOCUMENT, FIRST), cited(DOCUMENT, SECOND, at=0)
    run = run_of(
        answered(asked("a"), good),
        answered(asked("b", answerable=False), good, bad, bad),
        answered(asked("no citation")),
        abstained(asked("c")),
        failed(asked("d")),
        documents=[DOCUMENT],
    )
    found = measure(cases_of(run))
    # 2 of 4, not the mean of 1 and 1/3.
    assert found["verified_share"].defined().tolist() == [[1, 1], [1, 3]]
    assert pooled(found["verified_share"].defined()) == 0.5
    # The second and the third are the same words; the second lies at another place than the first.
    assert pooled(found["duplicate_share"].defined()) == 0.25
    assert measure([])["verified_share"].rows.shape == (0, 2)
    assert measure([])["quote_recall"].rows.shape == (0, 1)


def test_duplicates_by_place_and_by_words() -> None:
    def count(*citations: dict[str, Any]) -> object:
        return duplicates(case_of(answered(asked("q"), *citations), DOCUMENT, TWIN))

    assert count(cited(DOCUMENT, "bbbb. Cccc"), cited(DOCUMENT, "Cccc dddd.")) == (1, 2)
    assert count(cited(DOCUMENT, FIRST), cited(DOCUMENT, SECOND)) == (0, 2)
    assert count(cited(DOCUMENT, FIRST), cited(TWIN, "AAAA".title() + " bbbb.")) == (1, 2)
    words = [f"w{n}" for n in range(20)]
    # 17 of 20 words in common is 0.85 exactly; 16 of 20 is less.
    assert count(loose(" ".join(words)), loose(" ".join(words[:17]))) == (1, 2)
    assert count(loose(" ".join(words)), loose(" ".join(words[:16]))) == (0, 2)
    assert count(loose("…"), loose("!")) == (0, 2)
    assert duplicates(case_of(abstained(asked("q")))) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cited_text": None}, "cited_text is missing"),
        ({"cited_text": 7}, "cited_text is 7 instead of str"),
        ({"start_char_index": None}, "start_char_index is None and end_char_index is 10"),
        ({"start_char_index": 0.0}, "start_char_index is 0.0 instead of int"),
        ({"end_char_index": True}, "end_char_index is True instead of int"),
        ({"document_id": 3}, "document_id is 3 instead of str"),
        ({"answer_spans": [1]}, r"answer_spans is \[1\] instead of a list of objects"),
        ({"answer_spans": [{"start": None}]}, "has no start and end"),
    ],
)
def test_a_citation_of_another_shape_is_an_error_that_names_it(change: dict[str, Any], words: str) -> None:
    with pytest.raises(EvaluationError, match=f"run 'hand', question 'q', citation 2.*{words}"):
        case_of(answered(asked("q"), cited(DOCUMENT, FIRST), {**cited(DOCUMENT, FIRST), **change}), DOCUMENT)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": None}, "answer is missing"),
        ({"citations": {"a": 1}}, "instead of a list of objects"),
        ({"confidence": 1.5}, "confidence is 1.5, not a number between 0 and 1"),
        ({"confidence": float("nan")}, "confidence is nan"),
        ({"confidence": "high"}, "confidence is 'high'"),
        ({"short_answer": 8}, "short_answer is 8 instead of str"),
    ],
)
def test_a_record_of_another_shape_is_an_error_that_names_it(change: dict[str, Any], words: str) -> None:
    pair = answered(asked("q"))
    pair[1].record.update(change)  # type: ignore[union-attr]
    with pytest.raises(EvaluationError, match=f"question 'q'.*{words}"):
        case_of(pair)


def test_an_abstention_of_another_shape_is_an_error() -> None:
    pair = abstained(asked("q"), probability=2.0)
    with pytest.raises(EvaluationError, match=r"'q', abstention: probability is 2\.0"):
        case_of(pair)
    pair[1].record["abstention"] = "no"  # type: ignore[index]
    with pytest.raises(EvaluationError, match="abstention is 'no' instead of an object"):
        case_of(pair)
    pair[1].record["abstention"] = None  # type: ignore[index]
    assert case_of(pair).unanswerable is None


def test_blank_gold_and_a_question_asked_twice_are_errors() -> None:
    with pytest.raises(EvaluationError, match="'q': a gold quote is blank"):
        case_of(answered(asked("q", gold=[Gold(text=" ")])))
    with pytest.raises(EvaluationError, match="question 'q' is there more than once"):
        cases_of(run_of(answered(asked("q")), abstained(asked("q"))))
