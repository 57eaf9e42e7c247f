"""Near duplicates of a planted corpus, against the exact similarity of every two documents."""

from __future__ import annotations

import itertools
import random
import re
import sqlite3
from pathlib import Path

import pytest

from index.build import update_index
from index.canonical import canonical_text
from index.catalog import Catalog
from index.clean import mark_boilerplate
from index.duplicates import find_duplicates, stories, told_text
from index.errors import CatalogDamagedError
from index.settings import IndexSettings
from index.signatures import Pair
from index.types import Document
from tests.index.near_copies import planted, story
from tests.index.test_build import Place

SETTINGS = IndexSettings()
LONG = (
    "The harbour board met on Monday and decided that the ferry to Corran will sail twice a day from May. "
    "Its chairman said that nobody had expected so many travellers. "
)


def document(number: int, text: str) -> Document:
    return Document(
        document_id=f"d{number:03}", title=f"T{number}", source=f"/t/{number}", root="/t", text=text
    )


def put(catalog: Catalog, found: Document) -> None:
    catalog.put(found, mark_boilerplate(found), [])


def pairs_of(catalog: Catalog, settings: IndexSettings = SETTINGS) -> dict[tuple[str, str], Pair]:
    find_duplicates(catalog, settings, lambda *_: None)
    return {(pair.one, pair.other): pair for pair in catalog.signatures.pairs()}


def shingles_of(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return frozenset(zip(*(words[n:] for n in range(5)), strict=False))


def oracle(documents: list[Document], threshold: float) -> dict[tuple[str, str], float]:
    """Return the similarity of every two documents that are alike enough, by sets of tuples."""
    sets = {d.document_id: shingles_of(told_text(d, mark_boilerplate(d))) for d in documents}
    found = {}
    for one, other in itertools.combinations(documents, 2):
        ours, theirs = sets[one.document_id], sets[other.document_id]
        shared = len(ours & theirs)
        value = shared / (len(ours) + len(theirs) - shared)
        if value >= threshold:
            found[one.document_id, other.document_id] = value
    return found


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [document(n, canonical_text(text, "planted")) for n, text in enumerate(planted())]


@pytest.mark.parametrize("threshold", [0.8, 0.6])
def test_almost_all_pairs_above_the_threshold_are_found_and_none_below(
    documents: list[Document], tmp_path: Path, threshold: float
) -> None:
    settings = IndexSettings(duplicate_jaccard=threshold)
    expected = oracle(documents, threshold)
    assert len(expected) >= 150
    with Catalog(tmp_path / "c") as catalog:
        for found in documents:
            put(catalog, found)
        measured = pairs_of(catalog, settings)
    assert set(measured) <= set(expected), "a pair below the threshold"
    assert len(measured) >= 0.98 * len(expected)
    for key, pair in measured.items():
        assert pair.jaccard == pytest.approx(1.0 if pair.same != "near" else expected[key])
    # Near the threshold there are some too, or the test would say little.
    assert any(value < threshold + 0.05 for value in expected.values())


def test_one_at_a_time_finds_what_all_at_once_finds(documents: list[Document], tmp_path: Path) -> None:
    some = documents[:80]
    with Catalog(tmp_path / "one") as catalog:
        for found in some:
            put(catalog, found)
        whole = pairs_of(catalog)
    with Catalog(tmp_path / "two") as catalog:
        for found in some:
            put(catalog, found)
            pairs_of(catalog)
        assert pairs_of(catalog) == whole
        # What is removed, and changed, takes its pairs along; what comes back brings them again.
        gone = next(iter(whole))[0]
        (lost,) = [d for d in some if d.document_id == gone]
        catalog.remove(gone)
        assert pairs_of(catalog) == {key: pair for key, pair in whole.items() if gone not in key}
        put(catalog, lost)
        back = pairs_of(catalog)
        assert {frozenset(key): pair.jaccard for key, pair in back.items()} == {
            frozenset(key): pair.jaccard for key, pair in whole.items()
        }
        put(catalog, document(int(gone[1:]), "Something else altogether was written here in the end."))
        assert not any(gone in key for key in pairs_of(catalog))


def test_what_is_the_same_is_said(tmp_path: Path) -> None:
    edited = LONG.replace("twice a day", "three times a day") + LONG.replace("Monday", "Friday") * 3
    texts = [
        LONG * 4,
        LONG * 4,
        (LONG * 4).upper().replace(" ", "\n"),
        edited,
        "Hi 🌊",
        "hi  🌊",
        "🌊",
        "🌊",
        "🏚️",
    ]
    with Catalog(tmp_path / "c") as catalog:
        for number, text in enumerate(texts):
            put(catalog, document(number, text))
        found = {key: (pair.same, pair.jaccard) for key, pair in pairs_of(catalog).items()}
    assert found[("d000", "d001")] == ("text", 1.0)
    assert found[("d000", "d002")] == ("words", 1.0)
    assert found[("d004", "d005")] == ("words", 1.0)
    assert found[("d006", "d007")] == ("text", 1.0)
    assert not any("d008" in key for key in found)


def test_another_threshold_compares_anew(documents: list[Document], tmp_path: Path) -> None:
    some = documents[:60]
    with Catalog(tmp_path / "c") as catalog:
        for found in some:
            put(catalog, found)
        wide = pairs_of(catalog, IndexSettings(duplicate_jaccard=0.6))
        narrow = pairs_of(catalog, IndexSettings(duplicate_jaccard=0.9))
    assert 0 < len(narrow) < len(wide)
    assert set(narrow) == set(oracle(some, 0.9))


@pytest.mark.parametrize("value", [0.49, 1.01, -1.0, float("nan")])
def test_a_threshold_that_means_nothing_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"must be 0\.5 to 1"):
        IndexSettings(duplicate_jaccard=value)


def test_boilerplate_is_no_part_of_a_story(tmp_path: Path) -> None:
    menu = "\n\nRead also:\n\n" + "\n\n".join(
        f"A headline of another article about lamp number {n} in town" for n in range(12)
    )
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document(0, LONG * 2 + LONG.replace("ferry", "boat") * 2))
        put(catalog, document(1, LONG * 2 + LONG.replace("ferry", "boat") * 2 + menu))
        ((_, pair),) = pairs_of(catalog).items()
    assert (pair.same, pair.jaccard) == ("near", 1.0)


def test_of_very_many_copies_each_is_compared_with_the_first_ones_alone(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        for number in range(70):
            put(catalog, document(number, LONG * 3))
        found = pairs_of(catalog)
        (told,) = stories(found.values())
    assert len(told.document_ids) == 70
    assert sum("d069" in key for key in found) == 32


def test_groups_are_chains_of_pairs() -> None:
    def pair(one: str, other: str) -> Pair:
        return Pair(one=one, other=other, jaccard=0.9, same="near")

    chain = [pair("a", "c"), pair("b", "e"), pair("c", "d"), pair("d", "f")]
    found = stories(chain)
    assert [one.document_ids for one in found] == [("a", "c", "d", "f"), ("b", "e")]
    assert found[0].pairs == (chain[0], chain[2], chain[3])
    assert stories([]) == []


def test_a_pair_that_changed_by_itself_is_damage(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document(0, LONG))
        put(catalog, document(1, LONG))
        assert len(pairs_of(catalog)) == 1
    with sqlite3.connect(tmp_path / "c") as db:
        db.execute("UPDATE same_story SET jaccard = 0.81")
    with Catalog(tmp_path / "c") as catalog, pytest.raises(CatalogDamagedError, match="'d000', 'd001'"):
        list(catalog.signatures.pairs())


def test_a_generation_holds_the_pairs_and_the_report_lists_them(tmp_path: Path) -> None:
    place = Place(tmp_path)
    text = "\n\n".join(story(random.Random(3)))
    place.write("a.txt", f"Ferry to sail twice\n\n{text}")
    place.write("b.txt", "Nothing of the kind was ever said by anybody here.")
    place.write("c.txt", f"Ferry to sail twice a day\n\n{text}")
    report = place.update(list_excluded=True)
    (told,) = report.stories
    assert told.document_ids == ("a.txt", "c.txt")
    (pair,) = told.pairs
    assert 0.9 < pair.jaccard < 1
    generation = place.open()
    assert [(s.ordinal, s.jaccard, s.same) for s in generation.same_story(0)] == [(2, pair.jaccard, "near")]
    assert [s.ordinal for s in generation.same_story(2)] == [0]
    assert generation.same_story(1) == []
    assert generation.repeating("a.txt") == [2]
    generation.close()
    # Another threshold is another index.
    wider = IndexSettings(duplicate_jaccard=0.99)
    again = update_index(place.state, [place.texts], place.embedder, wider)
    assert again.published
    generation = place.open()
    assert generation.same_story(0) == []
    generation.close()
