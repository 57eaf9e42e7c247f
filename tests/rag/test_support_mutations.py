"""The promise: no lie of one word is supported, and hardly any harmless variant is refused."""

from __future__ import annotations

import random
from collections.abc import Sequence

from eval.bench.support_mutations import (
    KINDS,
    Case,
    elsewhere,
    harmless,
    holds,
    measure,
    mutations,
    seed_sentences,
    with_reader,
)
from rag.support import supports


def test_no_mutation_is_supported_and_harmless_variants_are() -> None:
    figures = measure(seed=20, per_kind=120, variants=600)
    assert figures["mutations"]["total"] >= 500
    assert all(figures["mutations"]["by_kind"][kind]["total"] >= 60 for kind in KINDS)
    assert figures["mutations"]["wrongly_accepted"] == []
    assert figures["harmless"]["total"] >= 300
    assert figures["harmless"]["share"] >= 0.95
    assert holds(figures)


def test_the_draw_follows_from_the_seed() -> None:
    texts = seed_sentences()[:12]
    assert mutations(texts, random.Random(5), 7) == mutations(texts, random.Random(5), 7)
    assert mutations(texts, random.Random(5), 7) != mutations(texts, random.Random(6), 7)
    assert harmless(texts, random.Random(5), 40) == harmless(texts, random.Random(5), 40)


def test_every_sentence_backs_itself_whole_and_among_others() -> None:
    texts = seed_sentences()
    for n, text in enumerate(texts):
        assert supports(text, [text]).supported
        assert supports(f"Meanwhile, {text}", [*texts[max(0, n - 3) : n], text]).problems == ()


def test_figures_that_break_the_promise_are_told_apart() -> None:
    kept = {"mutations": {"accepted": 0}, "harmless": {"share": 0.95}, "with_reader": None}
    assert holds(kept)
    assert not holds(kept | {"mutations": {"accepted": 1}})
    assert not holds(kept | {"harmless": {"share": 0.949}})
    read = {"mutations_accepted": 0, "harmless_share": 0.95}
    assert holds(kept | {"with_reader": read})
    assert not holds(kept | {"with_reader": read | {"mutations_accepted": 1}})
    assert not holds(kept | {"with_reader": read | {"harmless_share": 0.949}})


def test_a_statement_elsewhere_stands_beside_the_other_sentence_with_most_of_its_words() -> None:
    texts = ["Tin rose in Riga in May.", "Tin fell in Riga.", "Nobody sang."]
    case = Case(kind="harmless", operator="x", statement="In May, tin rose in Riga.", quote=texts[0])
    assert [(c.statement, c.quote) for c in elsewhere([case], texts)] == [(case.statement, texts[1])]


def test_the_reader_is_asked_after_the_rules_and_alone() -> None:
    texts = ["Tin rose in Riga in May.", "Tin fell in Riga."]
    same = [Case(kind="harmless", operator="x", statement=f"However, {texts[0]}", quote=texts[0])]
    lies = [Case(kind="number", operator="x", statement="Five cats rose.", quote="Six cats rose.")]

    def reader(sentence: str, quotes: Sequence[str]) -> float:
        return 0.9 if "May" in quotes[0] else 0.1

    assert with_reader(lies, same, texts, reader) == {
        "mutations_accepted": 0,
        "harmless_accepted": 1,
        "harmless_share": 1.0,
        "elsewhere": 1,
        "elsewhere_accepted_by_rules": 0,
        "elsewhere_accepted": 0,
        "elsewhere_refused_by_reader_alone": 1,
        "mutations_refused_by_reader_alone": 1,
    }
