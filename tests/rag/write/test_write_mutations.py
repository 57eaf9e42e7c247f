"""A true written sentence with one number, date, name, unit, negation or quantifier changed is never shown."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from eval.bench.support_mutations import KINDS, Case, harmless, mutations, seed_sentences
from index.generation import Generation
from rag.write.offer import MAX_SENTENCES, Offer, Offered
from rag.write.parse import WrittenSentence
from rag.write.verify import MAX_IDS, judge, plain_sentence
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of
from tests.rag.write.model_server import Handler, ModelServer, Record, number_of, says
from tests.rag.write.written import asked, writing

TEXTS = seed_sentences()


@pytest.fixture(scope="module")
def offered() -> Offer:
    assert len(TEXTS) <= MAX_SENTENCES
    return Offer(
        sentences=tuple(
            Offered(number=n, document_id="d", start=0, end=len(text), text=text)
            for n, text in enumerate(TEXTS, 1)
        ),
        names={"d": "Seeds"},
    )


def shown_of(cases: Sequence[Case], offered: Offer) -> list[Case]:
    """The cases that a reader would see, under the quote's own number or under its neighbours' as well."""
    found: list[Case] = []
    for case in cases:
        number = TEXTS.index(case.quote) + 1
        around = [number, *(n for n in range(number - 3, number + 3) if n != number)][:MAX_IDS]
        for ids in ((number,), tuple(around)):
            if judge(WrittenSentence(text=case.statement, ids=ids), offered, "en").fate == "shown":
                found.append(case)
    return found


def test_no_mutation_of_a_sample_is_shown(offered: Offer) -> None:
    cases = mutations(TEXTS, random.Random(5), per_kind=15)
    assert Counter(case.kind for case in cases) == dict.fromkeys(KINDS, 15)
    assert shown_of(cases, offered) == []


@pytest.mark.long
def test_no_mutation_is_shown(offered: Offer) -> None:
    cases = mutations(TEXTS, random.Random(20), per_kind=120)
    assert len(cases) >= 500
    assert all(sum(case.kind == kind for case in cases) >= 60 for kind in KINDS)
    assert shown_of(cases, offered) == []


def test_true_sentences_are_shown_whole_and_in_other_forms(offered: Offer) -> None:
    whole = [Case(kind="whole", operator="", statement=text, quote=text) for text in TEXTS]
    short = [case for case in whole if len(plain_sentence(case.statement)) <= 600]
    assert len(shown_of(short, offered)) == 2 * len(short)
    same = harmless(TEXTS, random.Random(20), 200)
    assert len(shown_of(same, offered)) >= 0.9 * 2 * len(same)


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    rows: list[dict[str, object]] = [
        {"id": f"d{n}", "title": f"Report {n}", "language": "en", "text": text}
        for n, text in enumerate(TEXTS)
    ]
    found = index_of(tmp_path_factory.mktemp("mutated"), rows, HashEmbedder())
    yield found
    found.close()


def test_over_a_real_server_the_lie_is_withheld_and_the_truth_is_shown(generation: Generation) -> None:
    cases = [case for case in mutations(TEXTS, random.Random(7), per_kind=4) if len(case.quote) < 300]
    seen = 0
    for case in cases:

        def script(handler: Handler, body: Record, case: Case = case) -> None:
            number = number_of(body, case.quote[:30])
            rows = [{"text": text, "ids": [number]} for text in (case.quote, case.statement)]
            says(json.dumps({"sentences": rows}), pieces=50)(handler, body)

        with ModelServer(script) as server, writing(generation, server.url) as stages:
            answer = asked(stages, f"Who said: {case.quote}"[:1_500])
        if answer.status == "abstained":
            continue
        seen += 1
        assert plain_sentence(case.statement) not in answer.text, case
        assert plain_sentence(case.quote) in answer.text, case
        assert answer.withheld.unsupported >= 1
    assert seen >= 12
