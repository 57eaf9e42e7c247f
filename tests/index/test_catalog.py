"""The record of truth: what is stored, refused, noticed when damaged."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.clean import fingerprints, mark_boilerplate, mark_repeats_of_others
from index.errors import CatalogDamagedError, DuplicateIdError, IndexMismatchError, StateFolderError
from index.schema import FORMAT_VERSION
from index.types import Document, ExcludedSpan, Passage, Sentence

SHARED = "This paragraph about the exports of copper, tin and zinc stands in several of the documents here."


def document(document_id: str, text: str, source: str = "", **more: object) -> Document:
    known: dict[str, object] = {"title": "T", "root": "/r", "source": source or f"/gone/{document_id}"}
    return Document(document_id=document_id, text=text, **(known | more))  # type: ignore[arg-type]


def put(catalog: Catalog, item: Document) -> str:
    return catalog.put(item, mark_boilerplate(item), fingerprints(item.text))


def derive(catalog: Catalog, derivation: str = "v1") -> list[int]:
    """Derive one passage a document over its whole text, with the repeats that the catalog knows."""
    waiting = catalog.underived(derivation)
    for seq in waiting:
        item = catalog.document(seq)
        prints = fingerprints(item.text)
        excluded = mark_repeats_of_others(item, [], prints, catalog.earlier_holders(seq, prints))
        end = len(item.text)
        whole = Passage(
            document_id=item.document_id,
            start=0,
            end=end,
            text=item.text,
            sentences=(Sentence(start=0, end=end, kind="list_item"),),
            repeats_document_id=excluded[0].repeats_document_id if excluded else None,
        )
        catalog.derive(seq, derivation, excluded, [(whole, item.sha256.encode()[:20])])
    return waiting


def holders(catalog: Catalog) -> dict[str, str | None]:
    return {
        item.document_id: (catalog.excluded_of(seq) or [ExcludedSpan(start=0, end=1, reason="")])[
            0
        ].repeats_document_id
        for seq, item in catalog.all_documents()
    }


def test_a_document_survives_closing_with_everything_known_of_it(tmp_path: Path) -> None:
    item = document(
        "a/б 🙂", "Text e\u0301\n", publisher="P", author="A", published_at="2025-11-06",
        url="https://e.org", language="kk", labels={"ж": "é", "a": '{"x": 1}'},
    )  # fmt: skip
    with Catalog(tmp_path / "c") as catalog:
        assert put(catalog, item) == "added"
    with Catalog(tmp_path / "c") as catalog:
        assert [d for _, d in catalog.all_documents()] == [item]
        assert catalog.count() == 1


def test_put_tells_added_unchanged_and_replaced(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        one = document("a", "One.")
        assert [put(catalog, one), put(catalog, one)] == ["added", "unchanged"]
        before = catalog.corpus_sha256()
        for changed in (
            replace(one, text="Two."),
            replace(one, title="U"),
            replace(one, labels={"k": "v"}),
            replace(one, published_at="2025-11-06"),
        ):
            assert put(catalog, changed) == "replaced"
            assert put(catalog, changed) == "unchanged"
            assert [d for _, d in catalog.all_documents()] == [changed]
        assert catalog.corpus_sha256() != before
        assert put(catalog, one) == "replaced"
        assert catalog.corpus_sha256() == before


def test_an_id_from_two_sources_is_an_error_that_names_both(tmp_path: Path) -> None:
    here, there = tmp_path / "here.txt", tmp_path / "there.txt"
    for path in (here, there):
        path.write_text("x")
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document("a", "One.", str(here)))
        for text in ("One.", "Two."):
            with pytest.raises(DuplicateIdError) as caught:
                put(catalog, document("a", text, str(there)))
            assert "id 'a' already belongs" in str(caught.value)
            assert str(here) in str(caught.value)
            assert str(there) in str(caught.value)
        assert [d.text for _, d in catalog.all_documents()] == ["One."]


def test_a_link_to_the_same_file_is_the_same_source(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document("a", "One.", str(tmp_path / "a.txt")))
        assert put(catalog, document("a", "One.", str(tmp_path / "b.txt"))) == "unchanged"


def test_a_file_that_moved_keeps_its_id_from_then_on(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("old", "new", "other"))
    old.write_text("x")
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document("a", "One.", str(old), root="/old"))
        old.rename(new)
        assert put(catalog, document("a", "One.", str(new), root="/new")) == "unchanged"
        assert catalog.documents_of_roots(["/new"]) == {"a": str(new)}
        assert catalog.documents_of_roots(["/old"]) == {}
        other.write_text("x")
        with pytest.raises(DuplicateIdError, match=str(new)):
            put(catalog, document("a", "Two.", str(other)))


def test_remove_leaves_nothing_and_touches_no_other(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        for name, text in (("a", "One."), ("b", "Two."), ("c", "Two.")):
            put(catalog, document(name, text))
        derive(catalog)
        keys = [key for key, *_ in catalog.passages_without_vectors()]
        assert len(keys) == 2  # equal texts share a vector
        catalog.add_vectors(keys, np.eye(2, dtype=np.float32))
        catalog.remove("a")
        catalog.remove("b")
        catalog.remove("not there")
        assert [d.document_id for _, d in catalog.all_documents()] == ["c"]
        assert catalog.vectors(keys[1:], 2).tolist() == [[0.0, 1.0]]
        with pytest.raises(CatalogDamagedError, match="missing"):
            catalog.vectors(keys[:1], 2)
    with sqlite3.connect(tmp_path / "c") as db:
        for table, rows in (
            ("documents", 1),
            ("passages", 1),
            ("vectors", 1),
            ("fingerprints", 0),
            ("excluded", 0),
        ):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    db.close()


def test_passages_and_sentences_come_back_as_they_were(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document("a", "One. Two."))
        derive(catalog)
        ((seq, item),) = catalog.all_documents()
        ((passage, key),) = catalog.passages_of(seq, item)
        assert passage.text == "One. Two."
        assert passage.sentences == (Sentence(start=0, end=9, kind="list_item"),)
        assert key == item.sha256.encode()[:20]
        assert catalog.underived("v1") == []
        assert catalog.underived("v2") == [seq]


def test_sharers_are_derived_again_when_the_first_holder_changes_or_goes(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        for name in "abc":
            put(catalog, document(name, SHARED))
        derive(catalog)
        assert holders(catalog) == {"a": None, "b": "a", "c": "a"}
        put(catalog, document("a", "Something else altogether."))
        assert len(derive(catalog)) == 3
        assert holders(catalog) == {"a": None, "b": None, "c": "b"}
        catalog.remove("b")
        assert len(derive(catalog)) == 1
        assert holders(catalog) == {"a": None, "c": None}
        put(catalog, document("a", SHARED))
        assert len(derive(catalog)) == 2
        assert holders(catalog) == {"a": None, "c": "a"}
        put(catalog, document("a", SHARED, publisher="P"))
        catalog.remove("c")
        assert derive(catalog) == [1]


def test_vectors_come_back_exactly_and_bad_ones_are_damage(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    keys = [bytes([n]) * 20 for n in range(5)]
    with Catalog(tmp_path / "c") as catalog:
        catalog.add_vectors(keys, rows)
        assert np.array_equal(catalog.vectors(keys[::-1], 8), rows[::-1])
        assert catalog.vectors([], 8).shape == (0, 8)
        with pytest.raises(CatalogDamagedError, match="missing or changed"):
            catalog.vectors(keys, 9)
    _edit(tmp_path / "c", "UPDATE vectors SET vector = zeroblob(40) WHERE key = ?", keys[0])
    with Catalog(tmp_path / "c") as catalog:
        with pytest.raises(CatalogDamagedError, match="missing or changed"):
            catalog.vectors(keys, 8)
        catalog.drop_unused_vectors()
        with pytest.raises(CatalogDamagedError, match="missing"):
            catalog.vectors(keys[1:], 8)


def read_all(path: Path) -> None:
    with Catalog(path) as catalog:
        for seq, item in catalog.all_documents():
            catalog.passages_of(seq, item)


def _edit(path: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute(statement, values)
    db.close()


@pytest.mark.parametrize("text", ["One!", "", "One. And more."])
def test_text_changed_behind_our_back_is_damage_and_indexing_again_mends_it(
    tmp_path: Path, text: str
) -> None:
    item = document("a", "One.")
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, item)
        derive(catalog)
    _edit(tmp_path / "c", "UPDATE documents SET text = ?", text)
    with Catalog(tmp_path / "c") as catalog:
        with pytest.raises(CatalogDamagedError, match="'a' does not match its sha256; index it again"):
            catalog.document(1)
        with pytest.raises(CatalogDamagedError):
            list(catalog.all_documents())
        assert put(catalog, item) == "replaced"
        assert catalog.document(1) == item


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET text = CAST(X'FFFE41' AS TEXT)",
        "UPDATE documents SET labels = '{'",
        "UPDATE passages SET end = 99",
        "UPDATE passages SET sentences = '[[0'",
        "UPDATE passages SET sentences = '[[0,4,17]]'",
    ],
)
def test_damaged_columns_are_damage_and_no_crash(tmp_path: Path, statement: str) -> None:
    with Catalog(tmp_path / "c") as catalog:
        put(catalog, document("a", "One."))
        derive(catalog)
    _edit(tmp_path / "c", statement)
    with pytest.raises(CatalogDamagedError):
        read_all(tmp_path / "c")


@pytest.mark.parametrize("seed", range(6))
def test_overwritten_bytes_are_damage(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "c"
    words = random.Random(1)
    items = [
        document(f"d{n}", " ".join(words.choice(["copper", "tin", "zinc"]) for _ in range(500)))
        for n in range(40)
    ]
    with Catalog(path) as catalog:
        for item in items:
            put(catalog, item)
        derive(catalog)
    raw = bytearray(path.read_bytes())
    at = random.Random(seed).randrange(0, len(raw) - 8192)
    raw[at : at + 8192] = b"\xff" * 8192
    path.write_bytes(raw)
    with pytest.raises(CatalogDamagedError, match="damaged"):
        read_all(path)


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"no database at all, only words" * 100)
    with pytest.raises(CatalogDamagedError, match="restore it from a backup"):
        Catalog(tmp_path / "c")


def test_a_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c"
    _edit(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(IndexMismatchError, match="some other program"):
        Catalog(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c"]


def test_a_catalog_of_a_newer_version_is_refused_with_advice(tmp_path: Path) -> None:
    Catalog(tmp_path / "c").close()
    _edit(tmp_path / "c", "PRAGMA user_version = 99")
    with pytest.raises(
        IndexMismatchError, match=f"format 99, this program reads up to {FORMAT_VERSION}; update the program"
    ):
        Catalog(tmp_path / "c")


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with pytest.raises(StateFolderError, match="cannot be opened"):
        Catalog(tmp_path / "c")


def test_removing_many_documents_is_not_quadratic(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c") as catalog:
        for n in range(300):
            put(catalog, document(f"d{n}", f"Document number {n}."))
        derive(catalog)
        many = 20_000
        keys = [n.to_bytes(20, "big") for n in range(many)]
        catalog.add_vectors(keys, np.tile(np.array([[1, 0]], dtype=np.float32), (many, 1)))
        for n in range(300):
            catalog.remove(f"d{n}")
        # Vectors of nothing in particular are not looked at document by document.
        assert len(catalog.vectors(keys[:5], 2)) == 5
        assert catalog.count() == 0
