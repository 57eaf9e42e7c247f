"""How alike two texts are: the Jaccard similarity of their word 5-shingles, and sketches that find candidates.

A sketch only proposes; what counts is the exact similarity of the shingles themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash  # type: ignore[import-untyped]

WORDS = 5
"""Words in a shingle; a text of fewer has one shingle of all its words."""

PERMUTATIONS = 128
_SEED = 20_260
_LEAST_FOUND = 0.997
_WORD = re.compile(r"\w+")
_ODD = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


def words_of(text: str) -> list[str]:
    """Return the words of a text, case folded; punctuation, white space and pictures are none."""
    return _WORD.findall(text.casefold())


def same_words_key(text: str) -> bytes:
    """Return what texts have in common that differ in case and white space alone, 16 bytes."""
    plain = " ".join(text.casefold().split())
    return hashlib.blake2b(plain.encode("utf-8"), digest_size=16).digest()


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the exact Jaccard similarity of the sets of shingles of two lists of words, in [0, 1].

    0 where either has no word: nothing is no story.
    """
    if not one or not other:
        return 0.0
    numbers: dict[str, int] = {}
    width = min(WORDS, max(len(one), len(other)))
    ours, theirs = (_rows(words, numbers, width) for words in (one, other))
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    return shared / (len(ours) + len(theirs) - shared)


def _rows(words: Sequence[str], numbers: dict[str, int], width: int) -> NDArray[np.void]:
    """Return the distinct shingles as rows of word numbers; a shorter text is one row with -1 behind it."""
    ids = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int32)
    if len(ids) < width:
        ids = np.concatenate([ids, np.full(width - len(ids), -1, dtype=np.int32)])
    rows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(ids, width))
    return np.unique(rows.view(np.dtype((np.void, rows.dtype.itemsize * width))).ravel())


def shingle_hashes(words: Sequence[str]) -> Hashes:
    """Return the distinct 64-bit hashes of the shingles, the same on every machine."""
    known: dict[str, int] = {}
    hashes = np.array([known.get(word) or known.setdefault(word, _hash(word)) for word in words], np.uint64)
    width = min(WORDS, len(hashes))
    if not width:
        return hashes
    count = len(hashes) - width + 1
    mixed = np.zeros(count, dtype=np.uint64)
    for place in range(width):  # the order of the words counts
        mixed = (mixed ^ hashes[place : place + count]) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest(), "little")


@cache
def rows_in_band(threshold: float) -> int:
    """Return how many values of a sketch make a band.

    As many as may be, so that few strangers meet, while of pairs just at the threshold at most 3 in
    1,000 share no band: 1 - (1 - t^r)^b.
    """
    for rows in range(PERMUTATIONS, 1, -1):
        if 1 - (1 - threshold**rows) ** (PERMUTATIONS // rows) >= _LEAST_FOUND:
            return rows
    return 1


def band_keys(hashes: Hashes, threshold: float) -> list[bytes]:
    """Return the keys, 8 bytes each, of which near duplicates very likely share one; none of no shingles."""
    if not len(hashes):
        return []
    (sketch,) = RMinHash.digest_matrix_from_token_hash_sets([hashes], PERMUTATIONS, _SEED).to_rows()
    rows = rows_in_band(threshold)
    values = np.array(sketch, dtype="<u4")
    return [
        hashlib.blake2b(values[n * rows : (n + 1) * rows].tobytes(), digest_size=8, salt=b"%d" % n).digest()
        for n in range(PERMUTATIONS // rows)
    ]


def sketch_version() -> str:
    """Return what the keys depend on besides the text and the threshold."""
    return f"{WORDS} {PERMUTATIONS} {_SEED} {_LEAST_FOUND} rminhash-{RMinHash.ALGORITHM_VERSION}"
