"""A generation that shares files with the one before answers as one that was written anew."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.build import derive_and_publish, rebuild, store_document, update_index
from index.catalog import Catalog
from index.errors import GenerationDamagedError, StorageFailedError, StorageFullError
from index.forget import forget_documents
from index.generation import Generation, SameStory, check_files, open_current, read_manifest
from index.layout import RUNNING_HEADER, Layout, PageSpan, Section
from index.lexical import LexicalRow, TantivyIndex
from index.lexical_update import update_lexical
from index.models import sha256_file
from index.parts import CELLS, LEXICAL, SNAPSHOT, TAIL_SNAPSHOT, TAIL_VECTORS, VECTORS
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import terms
from index.types import Document, ExcludedSpan
from tests.fakes import HashEmbedder

WORDS = [
    "copper",
    "tin",
    "zinc",
    "port",
    "ship",
    "minister",
    "talks",
    "Ташкент",
    "вольфрам",
    "rare-earth",
    "étoile",
    "🙂",
    "deal",
    "accord",
]
QUERIES = (
    "copper port",
    "tides harbour",
    "zinc ship talks",
    "вольфрам accord",
    "the deal of the minister",
    "gold",
    "shared",
)
SHARED = "The ministers of five states agreed in the port that all exports of copper will be counted anew."
# Fillers have whole words: of a hundred passages the mean length is off by so much at most.
NEARLY = 5e-5
SETTINGS = IndexSettings(passage_tokens=32, shared_from=1)


def text_of(seed: int) -> str:
    """Return the text of a seed; from 1,000 on, that of a smaller one with a word behind it."""
    if seed >= 1000:
        return text_of(seed - 1000) + " Gold."
    source = np.random.default_rng(seed)
    paragraphs = [
        " ".join(" ".join(source.choice(WORDS, source.integers(3, 14))).capitalize() + "." for _ in range(3))
        for _ in range(source.integers(1, 4))
    ]
    if seed % 5 == 0:
        paragraphs.insert(int(source.integers(0, len(paragraphs) + 1)), SHARED)
    return "\n\n".join(paragraphs)


def document_of(number: int, seed: int) -> Document:
    """Return a document: every other seed has two pages, a running line and sections one in another."""
    text = text_of(seed)
    half, end = len(text) // 2, len(text)
    form = Layout()
    if seed % 2:
        form = Layout(
            media_type="application/pdf",
            pages=(PageSpan(number=1, start=0, end=half), PageSpan(number=2, start=half, end=end)),
            sections=(
                Section(level=1, title=f"Harbour {seed % 3}", start=0, end=end),
                Section(level=2, title="Tides", start=half, end=end),
            ),
            marked=(ExcludedSpan(start=0, end=4, reason=RUNNING_HEADER),),
        )
    return Document(
        document_id=f"d{number}",
        text=text,
        title=f"Title {seed % 7}",
        publisher=f"P{seed % 3}",
        author=None,
        published_at=None,
        url=None,
        language=None,
        source="made",
        root="made",
        media_type=form.media_type,
        pages=form.pages,
        sections=form.sections,
        marked=form.marked,
    )


@dataclass(slots=True)
class Corpus:
    """Documents by number; the seed of a text is what changes."""

    folder: Path
    seeds: dict[int, int]
    settings: IndexSettings = SETTINGS
    embedder: HashEmbedder = field(default_factory=HashEmbedder)

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    def publish(self, changes: Mapping[int, int | None]) -> None:
        with self.state.writing(), Catalog(self.state.catalog) as catalog:
            for number, seed in changes.items():
                if seed is not None:
                    self.seeds[number] = seed
                    store_document(catalog, document_of(number, seed))
                elif self.seeds.pop(number, None) is not None:
                    catalog.remove(f"d{number}")
            derive_and_publish(self.state, catalog, self.embedder, self.settings)

    def open(self) -> Generation:
        return open_current(self.state, embedder=self.embedder.name)

    def rebuilt(self) -> Generation:
        rebuild(self.state, self.embedder, self.settings)
        return self.open()

    @property
    def path(self) -> Path:
        return read_manifest(self.state)[0]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    made = Corpus(tmp_path, {})
    made.publish({n: n for n in range(40)})
    return made


def passages(generation: Generation) -> list[Any]:
    found: list[Any] = []
    for row in range(len(generation)):
        passage = generation.passage(row)
        ordinal = generation.document_ordinal(row)
        found.append((passage, ordinal, generation.neighbours(row), generation.rows_of_document(ordinal)))
    return found


def known(generation: Generation) -> list[Any]:
    heads = list(generation.documents(start=0, limit=-1))
    ordinals = [ordinal for ordinal, _ in heads]
    documents = [generation.document_at(n) for n in ordinals]
    whole = generation.heads(ordinals)
    for document, (_, head), more in zip(documents, heads, whole, strict=True):
        stored = {name: getattr(document, name) for name in ("version", "stored_at", "first_stored_at")}
        assert more == head | stored
        assert document.version is not None
    return [
        whole,
        documents,
        [(document.layout, document.source, document.root) for document in documents],
        [generation.excluded_of(n) for n in ordinals],
        [generation.same_story(n) for n in ordinals],
        [generation.repeating(document.document_id) for document in documents],
        generation.manifest.versions_sha256,
        generation.corpus_sha256_of(np.ones(len(ordinals), dtype=np.bool_)),
        generation.manifest.corpus_sha256,
    ]


def assert_the_same_answers(one: Generation, other: Generation, cosines: float = 0.0) -> None:
    everybody = [None, *(frozenset(range(n, one.manifest.documents, 3)) for n in range(2))]
    for query in QUERIES:
        wanted = terms(query)
        vector = HashEmbedder().embed_queries([query])
        for term in wanted:
            assert one.lexical.document_frequency(term) == other.lexical.document_frequency(term)
            assert one.lexical.has_term(term) == other.lexical.has_term(term)
            assert one.lexical.count_of(term) == other.lexical.count_of(term)
        for documents in everybody:
            chosen, same = one.row_filter(documents), other.row_filter(documents)
            mask = None if chosen is None else chosen.rows
            if chosen is not None and same is not None:
                assert np.array_equal(chosen.rows, same.rows)
            for k in (1, 3, 10):
                near, wants = (g.vectors.search(vector, k, mask)[0] for g in (one, other))
                assert [score for _, score in near] == pytest.approx([s for _, s in wants], abs=cosines)
                assert cosines or [row for row, _ in near] == [row for row, _ in wants]
                found, wants = (g.lexical.search(wanted, k, f) for g, f in ((one, chosen), (other, same)))
                assert [score for _, score in found] == pytest.approx([s for _, s in wants], rel=NEARLY)
                exact = dict(other.lexical.search(wanted, 999, same))
                for (row, score), (wanted_row, _) in zip(found, wants, strict=True):
                    # Only of scores that are as good as equal may the order differ.
                    assert row == wanted_row or score == pytest.approx(exact[row], rel=NEARLY)
    rows = list(range(len(one)))
    assert np.array_equal(one.vectors.reconstruct(rows), other.vectors.reconstruct(rows))


def test_what_is_new_is_written_and_the_rest_is_shared(corpus: Corpus) -> None:
    before, kept = corpus.path, sha256_file(corpus.path / SNAPSHOT)
    corpus.publish({40: 140, 41: 141})
    after = corpus.path
    assert after != before
    for name in (SNAPSHOT, VECTORS):
        assert (after / name).samefile(before / name)
    assert sha256_file(after / SNAPSHOT) == kept
    shared = [p.name for p in (after / LEXICAL).iterdir() if (before / LEXICAL / p.name).exists()]
    assert any(name.endswith(".idx") for name in shared)
    assert (after / TAIL_SNAPSHOT).exists()
    assert (after / TAIL_VECTORS).exists()
    assert (after / TAIL_SNAPSHOT).stat().st_size < (after / SNAPSHOT).stat().st_size
    generation = corpus.open()
    assert generation.manifest.parts["tail_slots"] > 0
    assert generation.passage(len(generation) - 1).document_id == "d41"
    generation.close()


def test_a_publication_leaves_the_generation_before_as_it_was(corpus: Corpus) -> None:
    folder, manifest = read_manifest(corpus.state)
    opened = corpus.open()
    held = passages(opened)
    hits = opened.lexical.search(terms("copper port"), 10)
    corpus.publish({3: 103, 4: None, 40: 140})
    check_files(folder, manifest)
    assert opened.lexical.search(terms("copper port"), 10) == hits
    assert passages(opened) == held
    opened.close()


@pytest.mark.parametrize(
    "changes",
    [
        [{40: 140}],
        [{5: None}],
        [{5: 105}],
        [{0: None}, {0: 0}],  # the first to hold the shared paragraph goes and comes back
        [{39: 139, 40: 140}, {40: 141, 39: None}, {40: None}],
        [{0: 1000}],  # it gets a word more, and still holds the shared paragraph as the first
        [{0: 1000, 10: 110}, {0: 0}],
        [{40: 5}, {41: 1005}, {5: 105}, {5: 5}],  # copies of an old document, that changes and comes back
    ],
)
def test_each_kind_of_change_gives_what_writing_anew_gives(
    corpus: Corpus, changes: list[dict[int, int | None]]
) -> None:
    for change in changes:
        corpus.publish(change)
        shared = corpus.open()
    rebuilt = corpus.rebuilt()
    assert rebuilt.manifest.parts["tail_slots"] == 0
    assert rebuilt.manifest.parts["base_slots"] == len(rebuilt)
    assert passages(shared) == passages(rebuilt)
    assert known(shared) == known(rebuilt)
    assert_the_same_answers(shared, rebuilt)


SEEDS = st.integers(0, 60) | st.integers(1000, 1045) | st.integers(100, 400)
CHANGES = st.lists(
    st.dictionaries(st.integers(0, 45), st.none() | SEEDS, min_size=1, max_size=3),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("examples", [4, pytest.param(150, marks=pytest.mark.long)])
def test_any_changes_give_what_writing_anew_gives(
    examples: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @given(changes=CHANGES)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def check(changes: list[dict[int, int | None]]) -> None:
        corpus = Corpus(tmp_path_factory.mktemp("corpus"), {})
        corpus.publish({n: n for n in range(40)})
        for change in changes:
            corpus.publish(change)
        shared, rebuilt = corpus.open(), corpus.rebuilt()
        assert passages(shared) == passages(rebuilt)
        assert known(shared) == known(rebuilt)
        assert_the_same_answers(shared, rebuilt)
        shared.close()
        rebuilt.close()

    check()


def test_what_is_new_of_an_old_document_is_in_the_next_generation(corpus: Corpus) -> None:
    base = corpus.path
    corpus.publish({40: 7})
    generation = corpus.open()
    one, copy = generation.ordinal("d7"), generation.ordinal("d40")
    assert one is not None
    assert copy is not None
    assert (corpus.path / SNAPSHOT).samefile(base / SNAPSHOT)
    # Nothing was written of the old one, but that it has a copy now.
    assert generation.same_story(one) == [SameStory(ordinal=copy, jaccard=1.0, same="text")]
    assert generation.same_story(copy) == [SameStory(ordinal=one, jaccard=1.0, same="text")]
    assert generation.repeating("d7") == [copy]
    generation.close()
    between = corpus.path
    corpus.publish({7: 107})
    generation = corpus.open()
    assert (corpus.path / SNAPSHOT).samefile(between / SNAPSHOT)
    assert [generation.same_story(n) for n in (one, copy)] == [[], []]
    assert generation.repeating("d7") == []
    assert [document["version"] for document in generation.heads([one, copy])] == [2, 1]
    assert generation.document_at(one).layout == document_of(7, 107).layout
    generation.close()


def test_a_form_that_changes_alone_is_in_the_next_generation(corpus: Corpus) -> None:
    base = corpus.path
    other = replace(document_of(9, 9), pages=(), sections=(), marked=(), media_type="text/html")
    with corpus.state.writing(), Catalog(corpus.state.catalog) as catalog:
        store_document(catalog, other)
        derive_and_publish(corpus.state, catalog, corpus.embedder, corpus.settings)
    generation = corpus.open()
    assert (corpus.path / SNAPSHOT).samefile(base / SNAPSHOT)
    ordinal = generation.ordinal("d9")
    assert ordinal is not None
    assert generation.document_at(ordinal).layout == Layout(media_type="text/html")
    rebuilt = corpus.rebuilt()
    assert known(generation) == known(rebuilt)
    assert_the_same_answers(generation, rebuilt)


def test_what_is_forgotten_is_in_no_file_that_was_shared(corpus: Corpus) -> None:
    secret = "Schibboleth"
    with corpus.state.writing(), Catalog(corpus.state.catalog) as catalog:
        store_document(catalog, replace(document_of(50, 50), text=f"The word {secret} was said in the port."))
        derive_and_publish(corpus.state, catalog, corpus.embedder, corpus.settings)
    assert (corpus.path / TAIL_SNAPSHOT).exists()
    corpus.publish({51: 51})
    forget_documents(corpus.state, ["d50", "d3"], corpus.embedder, corpus.settings)
    assert not (corpus.path / TAIL_SNAPSHOT).exists()
    held = b"".join(p.read_bytes() for p in corpus.state.path.rglob("*") if p.is_file())
    assert secret.encode() not in held
    assert terms(secret)[0].encode() not in held


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_when_files_are_shared_leaves_the_generation_before(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = corpus.path

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageFullError if number == errno.ENOSPC else StorageFailedError):
        corpus.publish({40: 140})
    assert corpus.path == before
    monkeypatch.undo()
    corpus.publish({})
    shared = corpus.open()
    assert shared.ordinal("d40") == 40
    assert_the_same_answers(shared, corpus.rebuilt())


def test_a_full_disk_is_told_when_words_are_added(tmp_path: Path) -> None:
    def row(number: int) -> LexicalRow:
        words = " ".join(text_of(seed) for seed in range(number, number + 20))
        return LexicalRow(
            row=number, document=number, repeats=None, title="", publisher="", date="", body=words
        )

    tokens: dict[str, int] = {}
    TantivyIndex.build(tmp_path / "lexical", [row(0)], IndexSettings().field_weights, tokens)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(StorageFullError, match="the lexical index cannot be written"):
            update_lexical(tmp_path / "lexical", [], [], [row(1)], tokens, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(TantivyIndex.load(tmp_path / "lexical", IndexSettings().field_weights)) == 1


def test_a_large_tail_is_written_anew(corpus: Corpus) -> None:
    base = corpus.open().manifest.parts["base_slots"]
    tails = []
    for number in range(40, 52):
        corpus.publish({number: number + 100})
        parts = corpus.open().manifest.parts
        tails.append(parts["tail_slots"])
        assert parts["tail_slots"] <= 0.2 * parts["base_slots"]
    assert 0 in tails
    assert max(tails) > 0
    assert corpus.open().manifest.parts["base_slots"] > base


def test_the_text_of_a_removed_document_is_gone_from_the_files_when_all_is_written_anew(
    corpus: Corpus,
) -> None:
    secret = "Schibboleth"
    more = corpus.folder / "more"
    more.mkdir()
    for name in ("kept.txt", "gone.txt"):
        (more / name).write_text(f"{name}: the word is {secret if name == 'gone.txt' else 'copper'}.\n")
    update_index(corpus.state, [more], corpus.embedder, SETTINGS)
    (more / "gone.txt").unlink()
    update_index(corpus.state, [more], corpus.embedder, SETTINGS, prune=True)
    generation = corpus.open()
    assert not generation.lexical.has_term(terms(secret)[0])
    assert generation.lexical.search(terms(secret), 5) == []
    generation.close()
    rebuild(corpus.state, corpus.embedder, SETTINGS)
    held = b"".join(p.read_bytes() for p in corpus.path.rglob("*") if p.is_file())
    assert secret.encode() not in held
    assert terms(secret)[0].encode() not in held


def test_damage_to_what_is_shared_is_noticed_and_mended(corpus: Corpus) -> None:
    numbers = iter(range(40, 80))
    for name in (SNAPSHOT, VECTORS, TAIL_SNAPSHOT, TAIL_VECTORS):
        corpus.publish({(number := next(numbers)): number})
        while not (corpus.path / name).exists():
            corpus.publish({(number := next(numbers)): number})
        whole = corpus.open()
        held = passages(whole)
        whole.close()
        raw = bytearray((corpus.path / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (corpus.path / name).write_bytes(bytes(raw))
        with pytest.raises(GenerationDamagedError, match="missing or damaged"):
            corpus.open()
        corpus.publish({})
        mended = corpus.open()
        assert passages(mended) == held
        mended.close()


def test_a_disk_without_hard_links_gets_copies(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    before = corpus.path
    monkeypatch.setattr(os, "link", refuse)
    corpus.publish({40: 140})
    assert not (corpus.path / SNAPSHOT).samefile(before / SNAPSHOT)
    shared = corpus.open()
    assert_the_same_answers(shared, corpus.rebuilt())


def test_nothing_is_shared_with_a_generation_of_other_settings(corpus: Corpus) -> None:
    before = corpus.path
    corpus.settings = IndexSettings(passage_tokens=64, shared_from=1)
    corpus.publish({})
    assert not (corpus.path / SNAPSHOT).samefile(before / SNAPSHOT)
    assert corpus.open().manifest.parts["tail_slots"] == 0


def test_cells_are_shared_and_what_is_new_is_compared_beside_them(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {}, IndexSettings(passage_tokens=32, shared_from=1, exact_rows=10))
    corpus.publish({n: n for n in range(40)})
    before = read_manifest(corpus.state)[1].parts
    assert before["vectors"]["kind"] == "cells"
    assert min(before["vectors"]["recall"].values()) >= 0.98
    first = corpus.path
    one = corpus.open()
    corpus.publish({3: 103, 40: 140})
    assert (corpus.path / CELLS).samefile(first / CELLS)
    shared = corpus.open()
    assert shared.manifest.parts["tail_slots"] > 0
    assert shared.manifest.parts["vectors"] == before["vectors"]
    # The file is in memory once, however many generations of it are open.
    assert shared.vectors._parts[0] is one.vectors._parts[0]
    rebuilt = corpus.rebuilt()
    assert passages(shared) == passages(rebuilt)
    assert_the_same_answers(shared, rebuilt, cosines=1e-6)
