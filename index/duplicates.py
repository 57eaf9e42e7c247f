"""Finds documents that tell the same story: candidates by sketches, then the exact similarity.

Incremental: a new document looks up its own keys only.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from index.catalog import Catalog
from index.clean import REPEATS_OTHER
from index.settings import DERIVATION_VERSION, IndexSettings
from index.shingles import band_keys, jaccard, same_words_key, shingle_hashes, sketch_version, words_of
from index.signatures import Pair, Same
from index.types import Document, ExcludedSpan, ProgressCallback

# Words that are kept at hand while candidates are compared: one text may have ten million characters.
_KEPT_WORDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Documents that tell the same story, in the order in which they were first stored, and why.

    Not every two of them need be a pair: one may be like another that is like a third.
    """

    document_ids: tuple[str, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    sha256: str
    words_key: bytes
    words: list[str]


def find_duplicates(catalog: Catalog, settings: IndexSettings, progress: ProgressCallback) -> None:
    """Find for every document that has none the others that tell its story.

    Two do whose texts are the same, or the same but for case and white space, or of whose word 5-shingles,
    boilerplate left out, at least `settings.duplicate_jaccard` are shared (Jaccard).
    """
    made_with = _made_with(settings)
    waiting = catalog.signatures.waiting(made_with)
    if not waiting:
        return
    memory = _Memory(catalog)
    for number, seq in enumerate(waiting, start=1):
        mine = memory.text(seq)
        # A key of its own for texts that are wholly the same: they may have too few words for a sketch.
        keys = [mine.words_key[:8], *band_keys(shingle_hashes(mine.words), settings.duplicate_jaccard)]
        pairs: list[tuple[int, float, Same]] = []
        for other in catalog.signatures.candidates(seq, keys):
            value, same = _compared(mine, memory.text(other))
            if value >= settings.duplicate_jaccard:
                pairs.append((other, value, same))
        catalog.signatures.sign(seq, made_with, keys, pairs)
        progress("comparing", number, len(waiting))


def stories(pairs: Iterable[Pair]) -> list[Story]:
    """Return the groups that pairs make, in the order of their first documents."""
    every = list(pairs)
    leader: dict[str, str] = {}

    def first_of(document_id: str) -> str:
        while (above := leader.setdefault(document_id, document_id)) != document_id:
            leader[document_id] = leader[above]
            document_id = above
        return document_id

    order: dict[str, None] = {}
    for pair in every:
        order |= {pair.one: None, pair.other: None}
        one, other = first_of(pair.one), first_of(pair.other)
        leader[other] = one
    members: dict[str, list[str]] = {}
    for document_id in order:
        members.setdefault(first_of(document_id), []).append(document_id)
    held: dict[str, list[Pair]] = {}
    for pair in every:
        held.setdefault(first_of(pair.one), []).append(pair)
    return [Story(document_ids=tuple(found), pairs=tuple(held[first])) for first, found in members.items()]


def told_text(document: Document, excluded: Iterable[ExcludedSpan]) -> str:
    """Return a document's text without its own boilerplate; what repeats another document stays."""
    kept, place = "", 0
    for span in sorted(excluded, key=lambda span: span.start):
        if span.reason != REPEATS_OTHER:
            kept += document.text[place : max(place, span.start)] + "\n"
            place = max(place, span.end)
    return kept + document.text[place:]


class _Memory:
    """The texts that were last asked for, as far as there is room."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._texts: OrderedDict[int, _Text] = OrderedDict()
        self._words = 0

    def text(self, seq: int) -> _Text:
        """Return a document's text as it is compared."""
        found = self._texts.pop(seq, None)
        if found is None:
            found = _text(self._catalog, seq)
            self._words += len(found.words)
        self._texts[seq] = found
        while self._words > _KEPT_WORDS and len(self._texts) > 1:
            _, dropped = self._texts.popitem(last=False)
            self._words -= len(dropped.words)
        return found


def _text(catalog: Catalog, seq: int) -> _Text:
    document = catalog.document(seq)
    return _Text(
        sha256=document.sha256,
        words_key=same_words_key(document.text),
        words=words_of(told_text(document, catalog.excluded_of(seq))),
    )


def _compared(one: _Text, other: _Text) -> tuple[float, Same]:
    if one.sha256 == other.sha256:
        return 1.0, "text"
    if one.words_key == other.words_key:
        return 1.0, "words"
    return jaccard(one.words, other.words), "near"


def _made_with(settings: IndexSettings) -> str:
    text = f"{DERIVATION_VERSION} {settings.duplicate_jaccard!r} {sketch_version()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
