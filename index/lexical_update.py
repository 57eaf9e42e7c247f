"""Takes passages out of a lexical index and puts others in, and keeps its scores those of a new one.

tantivy goes on counting what was taken out: in how many entries hold a word, and in the mean length of a
field. The first is put right when a question is asked (`TantivyIndex`). For the second, entries of nothing
but a filler word are added, that bring the mean back to that of the passages that are left.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import tantivy

from index.errors import GenerationDamagedError
from index.lexical import (
    FIELDS,
    FILLER,
    FILLER_DOCUMENT,
    HEAP_BYTES,
    LexicalRow,
    entry_of,
    fillers_of,
    statistics_of,
    with_analyzer,
)
from index.storage import storage_error
from index.terms import terms

# The row of a filler: it is never among what a question finds, since no question holds its word.
_NO_ROW = 0
_TRIED = 200
# By so large a share a mean may be off, and so often it is tried.
_NEAR = 1e-5
_ROUNDS = 4

logger = logging.getLogger(__name__)


def update_lexical(
    folder: Path,
    documents: Iterable[int],
    removed: Iterable[LexicalRow],
    added: Iterable[LexicalRow],
    tokens: Mapping[str, int],
    passages: int,
) -> dict[str, int]:
    """Change an index in place; only files that no other index shares are written.

    `documents` are taken out, whose passages are `removed`; `added` are put in. `tokens` counts the words
    of each field before, `passages` are how many there are afterwards. Returns the words of each field.

    Raises:
        GenerationDamagedError: it cannot be opened.
        StateFolderError: it cannot be written.
    """
    after = dict(tokens)
    gone = sorted(documents)
    for row in removed:
        for field in FIELDS:
            after[field] -= len(terms(getattr(row, field)))
    try:
        index = with_analyzer(tantivy.Index.open(str(folder)))
    except ValueError as error:
        if "Lockfile" in str(error):
            raise storage_error("the lexical index cannot be opened", folder, error) from error
        raise GenerationDamagedError(f"the lexical index cannot be read: {error}") from error
    try:
        schema = index.schema
        writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
        if gone:
            # By a query: by a term, tantivy-py takes a number for a signed one and finds nothing.
            writer.delete_documents_by_query(tantivy.Query.term_set_query(schema, "document", gone))
        for row in added:
            writer.add_document(entry_of(row, after))
        index.reload()
        if gone and not fillers_of(index.searcher(), schema):
            writer.add_document(_filler(dict.fromkeys(FIELDS, 1)))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        if fillers_of(index.searcher(), schema):
            _balance(index, after, passages)
    except ValueError as error:
        raise storage_error("the lexical index cannot be written", folder, error) from error
    return after


def _balance(index: tantivy.Index, tokens: Mapping[str, int], passages: int) -> None:
    """Add fillers until the mean length of every field is that of the passages.

    Where tantivy merges segments meanwhile, it estimates anew how many words they have: then once more.
    """
    # A field that no passage fills is never scored.
    means = {field: tokens[field] / passages for field in FIELDS if passages and tokens[field]}
    off = _add_fillers(index, means)
    for _ in range(_ROUNDS):
        held = _held(index)
        off = max((abs(held[field][1] / mean - 1) for field, mean in means.items()), default=0.0)
        if off <= _NEAR:
            return
        off = _add_fillers(index, means)
    logger.warning("lexical_lengths_off share=%.2g passages=%d", off, passages)


def _held(index: tantivy.Index) -> dict[str, tuple[float, float]]:
    searcher, schema = index.searcher(), index.schema
    return {field: statistics_of(searcher, schema, field) for field in FIELDS}


def _add_fillers(index: tantivy.Index, means: Mapping[str, float]) -> float:
    """Add what brings the means to these; return by what share the worst is off for want of half a word."""
    held = _held(index)
    total = held["body"][0]
    words = {field: count * mean for field, (count, mean) in held.items()}
    least = max([1, *(math.ceil((words[f] + 1) / mean - total) for f, mean in means.items())])
    # Words are whole, so that the mean is off by half a word over all entries: of some numbers of entries
    # the one is taken where it is least off.
    entries = min(range(least, least + _TRIED), key=lambda n: _off(means, words, total + n))
    missing = {
        field: max(1, round(means[field] * (total + entries) - words[field])) if field in means else 1
        for field in FIELDS
    }
    writer = index.writer(heap_size=HEAP_BYTES, num_threads=1)
    writer.add_document(_filler(missing))
    for _ in range(entries - 1):
        writer.add_document(_filler(dict.fromkeys(FIELDS, 0)))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return _off(means, words, total + entries)


def _off(means: Mapping[str, float], words: Mapping[str, float], entries: float) -> float:
    """Return by what share of itself the mean of the worst field would be off with so many entries."""
    return max(
        (
            abs((needed := mean * entries - words[field]) - max(1, round(needed))) / (mean * entries)
            for field, mean in means.items()
        ),
        default=0.0,
    )


def _filler(words: Mapping[str, int]) -> tantivy.Document:
    document = tantivy.Document()
    for field, count in words.items():
        document.add_text(field, " ".join([FILLER] * count))
    document.add_unsigned("row", _NO_ROW)
    document.add_unsigned("document", FILLER_DOCUMENT)
    return document
