"""Two searches in one ranking: worked by hand, and over a real index with filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from index.access import OPERATOR
from index.generation import Generation
from index.terms import terms
from index.types import BoolArray, FloatArray, RowFilter
from index.vectors import NumpyStore
from rag.closest_sentence import closest_sentence
from rag.parts import parts_of
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.signals import rarity
from rag.types import Filters
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of

# A case by hand: two axes, so that cosines are plain to see.


class OneVector:
    """An embedder whose only question points along the first axis."""

    name = "one"

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return np.array([[1.0, 0.0]] * len(texts), dtype=np.float32)


class ScriptedLexical:
    """BM25 scores from a table; keeps what it was asked."""

    def __init__(self, scores: dict[int, float]) -> None:
        self._scores = scores
        self.asked: list[tuple[tuple[str, ...], int, RowFilter | None]] = []

    def has_term(self, term: str, known: BoolArray | None = None) -> bool:
        return True

    def search(
        self, terms: Sequence[str], k: int, allowed: RowFilter | None = None
    ) -> list[tuple[int, float]]:
        self.asked.append((tuple(terms), k, allowed))
        hits = [(r, s) for r, s in self._scores.items() if allowed is None or allowed.rows[r]]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


def by_hand(
    lexical: dict[int, float], vectors: list[tuple[float, float]], **settings: Any
) -> tuple[Retriever, ScriptedLexical]:
    scripted = ScriptedLexical(lexical)
    generation: Any = SimpleNamespace(
        lexical=scripted,
        vectors=NumpyStore(np.array(vectors, dtype=np.float32)),
        documents=lambda **_: iter(()),
    )
    own = RagSettings(**{"coverage_weight": 0.0, "pair_weight": 0.0, **settings})
    return Retriever(generation, OneVector(), own), scripted  # type: ignore[arg-type]


def test_bm25_over_the_best_plus_the_weighted_cosine() -> None:
    retriever, _ = by_hand(
        {0: 4.0, 2: 8.0}, [(0.8, 0.6), (1.0, 0.0), (0.0, 1.0), (-0.6, 0.8)], dense_weight=0.5
    )
    found = retriever.retrieve(read_question("tin"), 10, None)
    assert [(h.row, pytest.approx(h.score), h.bm25, pytest.approx(h.cosine)) for h in found.hits] == [
        (2, 1.0, 8.0, 0.0),  # 8/8 + 0.5 · 0
        (0, 0.9, 4.0, 0.8),  # 4/8 + 0.5 · 0.8
        (1, 0.5, 0.0, 1.0),  # 0 + 0.5 · 1
        (3, -0.3, 0.0, -0.6),
    ]
    assert found.vector.tolist() == [[1.0, 0.0]]


def test_bm25_alone_ranks_what_it_found_and_nothing_else() -> None:
    retriever, _ = by_hand({0: 4.0, 2: 8.0}, [(0.8, 0.6), (1.0, 0.0), (0.0, 1.0)], dense_weight=0.0)
    found = retriever.retrieve(read_question("tin"), 10, None)
    # The cosines are still known: the reader's signals need them.
    assert [(h.row, h.score, h.bm25, pytest.approx(h.cosine)) for h in found.hits] == [
        (2, 1.0, 8.0, 0.0),
        (0, 0.5, 4.0, 0.8),
    ]


def test_dense_alone_never_asks_the_lexical_index() -> None:
    retriever, lexical = by_hand(
        {0: 4.0, 2: 8.0}, [(0.8, 0.6), (1.0, 0.0), (0.0, 1.0)], lexical_weight=0.0, dense_weight=1.0
    )
    found = retriever.retrieve(read_question("tin"), 10, None)
    assert [(h.row, pytest.approx(h.score), h.bm25) for h in found.hits] == [
        (1, 1.0, 0.0),
        (0, 0.8, 0.0),
        (2, 0.0, 0.0),
    ]
    assert lexical.asked == []


def test_the_lexical_weight_counts() -> None:
    retriever, _ = by_hand({0: 4.0, 2: 8.0}, [(1.0, 0.0)] * 3, lexical_weight=0.5, dense_weight=0.1)
    found = retriever.retrieve(read_question("tin"), 10, None)
    assert [(h.row, pytest.approx(h.score)) for h in found.hits] == [(2, 0.6), (0, 0.35), (1, 0.1)]


def test_the_cosine_of_a_passage_that_only_words_found_is_its_own() -> None:
    retriever, _ = by_hand({2: 3.0}, [(1.0, 0.0), (0.8, 0.6), (0.6, 0.8)], candidates_k=1, dense_weight=1.0)
    found = retriever.retrieve(read_question("tin"), 2, None)  # the dense list stops at two
    assert [(h.row, pytest.approx(h.score)) for h in found.hits] == [(2, 1.6), (0, 1.0)]


def test_ties_go_by_row_and_no_word_found_is_no_error() -> None:
    retriever, _ = by_hand({}, [(0.6, 0.8)] * 5)
    assert [h.row for h in retriever.retrieve(read_question("tin"), 3, None).hits] == [0, 1, 2]
    retriever, _ = by_hand({4: 2.0, 1: 2.0, 3: 2.0}, [(0.6, 0.8)] * 5)
    assert [h.row for h in retriever.retrieve(read_question("tin"), 9, None).hits] == [1, 3, 4, 0, 2]


def test_no_dense_weight_leaves_bm25_and_depth_is_at_least_k() -> None:
    retriever, lexical = by_hand(
        {0: 1.0, 1: 2.0}, [(1.0, 0.0), (0.0, 1.0), (1.0, 0.0)], dense_weight=0.0, candidates_k=2
    )
    found = retriever.retrieve(read_question("tin of tin"), 7, None)
    assert [(h.row, h.score) for h in found.hits] == [(1, 1.0), (0, 0.5)]
    assert [(terms, k) for terms, k, _ in lexical.asked] == [(("tin",), 7)]


def test_the_filter_reaches_both_searches() -> None:
    retriever, lexical = by_hand({0: 9.0, 3: 1.0}, [(1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.6, 0.8)])
    allowed = RowFilter(rows=np.array([False, False, True, True]), documents=frozenset({1}))
    found = retriever.retrieve(read_question("tin"), 10, allowed)
    assert [(h.row, pytest.approx(h.score)) for h in found.hits] == [(3, 1.36), (2, 0.0)]
    assert lexical.asked[0][2] is allowed


# A real index

ROWS: list[dict[str, object]] = [
    {
        "id": "a",
        "title": "Summit",
        "publisher": "Port News",
        "language": "en",
        "published_at": "2025-11-06",
        "text": "Tin exports rose in the United States.",
    },
    {
        "id": "b",
        "title": "Talks",
        "publisher": "Port News",
        "language": "en",
        "published_at": "2025-11-07T23:59:00+02:00",
        "text": "Tin exports fell in the U.S. after the talks.",
    },
    {
        "id": "c",
        "title": "Mines",
        "publisher": "Herald",
        "language": "en",
        "published_at": "2025-12-01",
        "text": "Tin mines in Bolivia closed when the US stopped buying tin.",
    },
    {
        "id": "d",
        "title": "Undated",
        "publisher": "Herald",
        "language": "en",
        "text": "Tin exports of Peru are large.",
    },
    {
        "id": "e",
        "title": "Новости",
        "language": "ru",
        "published_at": "2025-11-06",
        "text": "Экспорт олова вырос в США.",
    },
    {
        "id": "f",
        "title": "Gold",
        "publisher": "Herald",
        "language": "en",
        "published_at": "2024-02-29",
        "text": "Gold is sold in Chile 🙂.",
    },
]


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("retrieve"), ROWS, HashEmbedder())
    yield found
    found.close()


@pytest.fixture(scope="module")
def retriever(generation: Generation) -> Retriever:
    return Retriever(generation, HashEmbedder(), RagSettings())


def ids(retriever: Retriever, filters: Filters, text: str = "tin exports", k: int = 100) -> list[str]:
    allowed, any_allowed = retriever.allowed(filters, retriever.generation.sight(OPERATOR))
    hits = retriever.retrieve(read_question(text), k, allowed).hits
    assert any_allowed == bool(hits)
    return sorted(retriever.generation.passage(hit.row).document_id for hit in hits)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "abcdef"),
        (Filters(publishers=("Port News",)), "ab"),
        (Filters(publishers=("Port News", "Herald")), "abcdf"),
        (Filters(publishers=("port news",)), ""),
        (Filters(languages=("ru",)), "e"),
        (Filters(document_ids=("d", "a")), "ad"),
        (Filters(document_ids=("a", "nowhere")), "a"),
        (Filters(document_ids=("nowhere",)), ""),
        (Filters(document_ids=()), ""),
        (Filters(published_from="2025-11-06"), "abce"),
        (Filters(published_to="2025-11-06"), "aef"),
        (Filters(published_from="2025-11-06", published_to="2025-11-06"), "ae"),
        (Filters(published_from="2025-11-07", published_to="2025-11-07"), "b"),
        (Filters(published_from="2025-11-08", published_to="2025-11-07"), ""),
        (Filters(published_from="1900-01-01"), "abcef"),  # d has no date
        (Filters(publishers=("Herald",), published_from="2025-01-01"), "c"),
        (Filters(publishers=("Herald",), languages=("ru",)), ""),
        (Filters(document_ids=("a", "e"), languages=("ru",), published_to="2025-11-06"), "e"),
    ],
)
def test_filters(retriever: Retriever, filters: Filters, expected: str) -> None:
    assert "".join(ids(retriever, filters)) == expected


def test_a_narrow_filter_still_fills_k(retriever: Retriever) -> None:
    # "gold" is at the bottom of this question's ranking, and there is one place only.
    filters = Filters(document_ids=("f",))
    assert ids(retriever, filters, "tin exports of Peru", k=1) == ["f"]
    shallow = Retriever(retriever.generation, HashEmbedder(), RagSettings(candidates_k=1))
    assert ids(shallow, filters, "tin exports of Peru", k=1) == ["f"]


SEVERAL = "Which tin exports of Peru rose in spring, and which copper mines of Bolivia closed last year?"


def test_a_question_for_one_thing_is_not_ranked_by_wording(generation: Generation) -> None:
    question = read_question("Which tin exports rose in Peru?")
    found = [
        Retriever(generation, HashEmbedder(), RagSettings(pair_weight=weight))
        .retrieve(question, 100, None)
        .hits
        for weight in (0.0, 5.0)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(("coverage", "pairs"), [(0.0, 0.0), (1.5, 0.0), (0.0, 4.0), (1.5, 4.0)])
@pytest.mark.parametrize("worded", [2, 1000])
def test_the_ranking_is_that_of_the_two_searches_and_the_closest_sentence_added_up(
    generation: Generation, coverage: float, pairs: float, worded: int
) -> None:
    # The parts themselves count next to nothing here.
    settings = RagSettings(
        coverage_weight=coverage,
        pair_weight=pairs,
        worded_k=worded,
        part_weight=1e-7,
        source_weight=0.0,
        turn_penalty=0.0,
    )
    retriever = Retriever(generation, HashEmbedder(), settings)
    question = read_question(SEVERAL)
    assert len(parts_of(SEVERAL)) == 2
    bm25 = dict(generation.lexical.search(question.terms, 1000))
    vector = HashEmbedder().embed_queries([question.standalone])[0]
    cosines = generation.vectors.reconstruct(list(range(len(generation)))) @ vector
    best = max(bm25.values())
    score = {row: bm25.get(row, 0.0) / best + 0.6 * float(cosines[row]) for row in range(len(generation))}
    weight = rarity(generation.lexical.document_frequency, len(generation))
    weights = {term: weight(term) for term in question.terms}
    asked = terms(question.standalone)
    counted = 0
    for row in sorted(score, key=lambda row: (-score[row], row))[:worded]:
        found = closest_sentence(asked, weights, generation.passage(row))
        counted += max(found) > 0.0
        score[row] += coverage * found[0] + pairs * found[1]
    assert counted >= 2
    hits = retriever.retrieve(question, 100, None).hits
    assert [h.row for h in hits] == sorted(score, key=lambda row: (-score[row], row))
    assert [h.score for h in hits] == pytest.approx([score[h.row] for h in hits], abs=1e-5)


PORTS = [
    *(
        {"id": f"a{n}", "title": "Ores", "text": f"Tin exports of Peru rose in spring by {n} percent."}
        for n in (3, 4, 5)
    ),
    {"id": "b", "title": "Ores", "text": "Some mines closed, among them the largest one."},
]


def test_the_parts_of_a_question_take_turns(tmp_path: Path) -> None:
    generation = index_of(tmp_path, PORTS, HashEmbedder())
    question = read_question(SEVERAL)
    first: dict[float, list[str]] = {}
    for penalty in (0.0, 0.3):
        settings = RagSettings(turn_penalty=penalty, pair_weight=0.0, coverage_weight=0.0)
        hits = Retriever(generation, HashEmbedder(), settings).retrieve(question, 4, None).hits
        first[penalty] = [generation.passage(hit.row).document_id for hit in hits]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    # Three passages answer the one part better than any answers the other.
    assert first[0.0][3] == "b"
    assert first[0.3].index("b") < 3
    assert sorted(first[0.3]) == ["a3", "a4", "a5", "b"]
    generation.close()


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Which tin exports rose?", 0),
        (SEVERAL, 2),
        ("Do the Port News and the Herald Daily agree on tin?", 2),
        ("Does Port News report on tin?", 0),
        ("Does the article on tin name the sum of the article on zinc?", 2),
    ],
)
def test_a_question_that_sets_sources_side_by_side_asks_for_several_things(
    tmp_path: Path, question: str, things: int
) -> None:
    rows = [
        {**row, "publisher": "Port News" if row["id"] in ("a3", "b") else "Herald Daily"} for row in PORTS
    ]
    generation = index_of(tmp_path, rows, HashEmbedder())
    found = Retriever(generation, HashEmbedder(), RagSettings()).retrieve(read_question(question), 4, None)
    assert found.parts == things
    generation.close()


def test_named_sources_take_turns_and_not_the_parts(tmp_path: Path) -> None:
    rows = [
        {**row, "publisher": "Port News" if row["id"] in ("a3", "b") else "Herald Daily"} for row in PORTS
    ]
    generation = index_of(tmp_path, rows, HashEmbedder())
    named = f"According to Port News and Herald Daily, {SEVERAL[0].lower()}{SEVERAL[1:]}"
    hits = Retriever(generation, HashEmbedder(), RagSettings()).retrieve(read_question(named), 4, None).hits
    group = {"a3": 0, "b": 0, "a4": 1, "a5": 1}
    found = {generation.passage(hit.row).document_id: hit.turns for hit in hits}
    assert found == {name: (number,) for name, number in group.items()}
    generation.close()


@pytest.mark.parametrize("name", ["the United States", "the U.S.", "the US", "США", "America"])
def test_spellings_of_one_name_meet(retriever: Retriever, name: str) -> None:
    hits = retriever.retrieve(read_question(f"the exports of {name}"), 100, None)
    assert "nnusa" in hits.terms
    found = {retriever.generation.passage(h.row).document_id for h in hits.hits if h.bm25 > 0}
    assert {"a", "b", "c", "e"} <= found


def test_a_misspelt_word_is_looked_for_as_it_was_meant(retriever: Retriever) -> None:
    found = retriever.retrieve(read_question("mines in Bolivai"), 1, None)
    assert found.corrections == {"bolivai": "bolivia"}
    assert found.asked == "mines in Bolivia"
    right = retriever.retrieve(read_question("mines in Bolivia"), 1, None)
    assert right.corrections == {}
    assert (found.hits, found.vector.tolist()) == (right.hits, right.vector.tolist())
    assert "bolivia" in found.terms
    assert retriever.generation.passage(found.hits[0].row).document_id == "c"


# Search


def test_search_ranks_from_one_and_shows_the_documents_characters(retriever: Retriever) -> None:
    found = retriever.search(read_question("tin exports of Peru"), 10, None)
    assert [p.rank for p in found] == list(range(1, len(found) + 1)) == [1, 2, 3, 4, 5, 6]
    assert found[0].passage.document_id == "d"
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    for hit in found:
        ordinal = retriever.generation.ordinal(hit.passage.document_id)
        assert ordinal is not None
        text = retriever.generation.document_at(ordinal).text
        assert text[hit.passage.start : hit.passage.end] == hit.passage.text


@pytest.mark.parametrize(("k", "expected"), [(1, 1), (3, 3), (6, 6), (100, 6)])
def test_search_returns_at_most_k(retriever: Retriever, k: int, expected: int) -> None:
    assert len(retriever.search(read_question("tin"), k, None)) == expected


def test_search_shows_one_text_once(tmp_path: Path) -> None:
    words = (
        "The five presidents agreed on Thursday that exports of copper tin and zinc "
        "are counted anew by the ministry"
    )
    rows: list[dict[str, object]] = [
        {"id": "1", "title": "T", "text": f"{words}."},
        {"id": "2", "title": "T", "text": f"{words} today."},  # nearly the same
        {"id": "3", "title": "T", "text": "Zinc is counted by the five ministries of the north."},
    ]
    generation = index_of(tmp_path, rows, HashEmbedder())
    found = Retriever(generation, HashEmbedder(), RagSettings()).search(
        read_question("copper and zinc counted"), 10, None
    )
    assert sorted(hit.passage.document_id for hit in found) in (["1", "3"], ["2", "3"])
    assert [hit.rank for hit in found] == [1, 2]
    generation.close()


def test_many_near_copies_leave_room_for_the_rest(tmp_path: Path) -> None:
    words = "Five presidents agreed on Thursday that exports of copper tin and zinc are counted by the office"
    rows: list[dict[str, object]] = [
        {"id": f"copy-{n}", "title": "T", "text": f"{words} {n}."} for n in range(40)
    ]
    rows += [
        {"id": name, "title": "T", "text": f"Zinc of {name} is sold in {name} alone."}
        for name in ("chile", "peru", "kenya", "ghana")
    ]
    generation = index_of(tmp_path, rows, HashEmbedder())
    retriever = Retriever(generation, HashEmbedder(), RagSettings())
    found = retriever.search(read_question("presidents count copper and zinc"), 5, None)
    assert found[0].passage.document_id.startswith("copy-")
    assert {hit.passage.document_id for hit in found[1:]} == {"chile", "peru", "kenya", "ghana"}
    assert len(retriever.search(read_question("presidents count copper and zinc"), 100, None)) == 5
    generation.close()


def test_an_empty_index_leaves_nothing(tmp_path: Path) -> None:
    generation = index_of(tmp_path, [], HashEmbedder())
    retriever = Retriever(generation, HashEmbedder(), RagSettings())
    assert retriever.allowed(Filters(), retriever.generation.sight(OPERATOR)) == (None, False)
    assert retriever.retrieve(read_question("tin"), 5, None).hits == ()
    assert retriever.search(read_question("tin"), 5, None) == []
    generation.close()


def test_settings_have_bounds() -> None:
    with pytest.raises(ValueError, match="dense_weight is 11"):
        RagSettings(dense_weight=11)
    with pytest.raises(ValueError, match="both 0"):
        RagSettings(dense_weight=0, lexical_weight=0)
    with pytest.raises(ValueError, match=r"min_probability is -0\.1"):
        RagSettings(min_probability=-0.1)
    assert RagSettings(min_probability=0.0, closest=0).closest == 0
