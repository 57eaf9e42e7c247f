"""The promise: no lie of one word is supported, and hardly any harmless variant is refused."""

from __future__ import annotations

import random

from eval.bench.support_mutations import KINDS, harmless, holds, measure, mutations, seed_sentences
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
    kept = {"mutations": {"accepted": 0}, "harmless": {"share": 0.95}}
    assert holds(kept)
    assert not holds(kept | {"mutations": {"accepted": 1}})
    assert not holds(kept | {"harmless": {"share": 0.949}})
