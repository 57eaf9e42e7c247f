"""A generation that shares files with the one before answers as one that was written anew."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.build import rebuild, update_index
from index.errors import GenerationDamagedError
from index.generation import Generation, check_files, open_current, read_manifest
from index.models import sha256_file
from index.parts import CELLS, LEXICAL, SNAPSHOT, TAIL_SNAPSHOT, TAIL_VECTORS, VECTORS
from index.settings import IndexSettings
from index.state import StateFolder
from index.terms import terms
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
QUERIES = ("copper port", "zinc ship talks", "вольфрам accord", "the deal of the minister", "gold", "shared")
SHARED = "The ministers of five states agreed in the port that all exports of copper will be counted anew."
# Fillers have whole words: of a hundred passages the mean length is off by so much at most.
NEARLY = 5e-5
SETTINGS = IndexSettings(passage_tokens=32, shared_from=1)


def text_of(seed: int) -> str:
    source = np.random.default_rng(seed)
    paragraphs = [
        " ".join(" ".join(source.choice(WORDS, source.integers(3, 14))).capitalize() + "." for _ in range(3))
        for _ in range(source.integers(1, 4))
    ]
    if seed % 5 == 0:
        paragraphs.insert(int(source.integers(0, len(paragraphs) + 1)), SHARED)
    return "\n\n".join(paragraphs)


@dataclass(slots=True)
class Corpus:
    """Documents by number, in one file; the seed of a text is what changes."""

    folder: Path
    seeds: dict[int, int]
    settings: IndexSettings = SETTINGS
    embedder: HashEmbedder = field(default_factory=HashEmbedder)

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    def publish(self, changes: Mapping[int, int | None]) -> None:
        for number, seed in changes.items():
            if seed is None:
                self.seeds.pop(number, None)
            else:
                self.seeds[number] = seed
        rows: list[dict[str, Any]] = [
            {"id": f"d{n}", "text": text_of(seed), "title": f"Title {seed % 7}", "publisher": f"P{seed % 3}"}
            for n, seed in self.seeds.items()
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        report = update_index(self.state, [path], self.embedder, self.settings, prune=True)
        assert not report.problems

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
    assert generation.heads(ordinals) == [head for _, head in heads]
    return [
        heads,
        [generation.document_at(n) for n in ordinals],
        [generation.excluded_of(n) for n in ordinals],
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


CHANGES = st.lists(
    st.dictionaries(st.integers(0, 45), st.none() | st.integers(0, 400), min_size=1, max_size=3),
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
    other = IndexSettings(passage_tokens=64, shared_from=1)
    update_index(corpus.state, [corpus.folder / "rows.jsonl"], corpus.embedder, other)
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
