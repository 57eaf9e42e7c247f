"""A statement beside its quotes, parsed and aligned once, as every rule looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.support.align import Alignment, align
from rag.support.sentence import Item, Sentence
from rag.support.text import fold

_LITTLE = frozenset({"the", "a", "an", "of", "to", "is", "are", "was", "were"})


@dataclass(frozen=True, kw_only=True)
class View:
    """`alignments` holds, for each sentence of the statement, those with the likest quoted ones."""

    statement: tuple[Sentence, ...]
    quotes: tuple[Sentence, ...]
    alignments: tuple[tuple[Alignment, ...], ...]

    @cached_property
    def quote_items(self) -> tuple[Item, ...]:
        """Every item of the quotes."""
        return tuple(item for sentence in self.quotes for item in sentence)

    @cached_property
    def quote_keys(self) -> frozenset[str]:
        """What the quotes say, as keys."""
        return frozenset(item.key for item in self.quote_items)

    @cached_property
    def lower_words(self) -> frozenset[str]:
        """Words that the quotes write in lower case."""
        return frozenset(item.low for item in self.quote_items if not item.capital)

    @cached_property
    def capital_words(self) -> frozenset[str]:
        """Words with a capital that does not come from their place, in the quotes or the statement."""
        every = (*self.quote_items, *(item for sentence in self.statement for item in sentence))
        return frozenset(item.low for item in every if item.capital and not item.opens)

    def best(self) -> Sequence[Alignment]:
        """Return the first alignment of every statement sentence that has one."""
        return [found[0] for found in self.alignments if found]


def look(statement: Sequence[Sentence], quotes: Sequence[Sentence]) -> View:
    """Align every sentence of the statement with the quotes."""
    return View(
        statement=tuple(statement),
        quotes=tuple(quotes),
        alignments=tuple(tuple(align(sentence, quotes)) for sentence in statement),
    )


def next_content(sentence: Sentence, at: int, reach: int) -> list[int]:
    """Return the places of up to `reach` content items after `at`, in its clause."""
    found: list[int] = []
    for n in range(at + 1, len(sentence)):
        if len(found) == reach or sentence[n].clause != sentence[at].clause:
            break
        if sentence[n].content:
            found.append(n)
    return found


def only_change(alignment: Alignment, place: int, *, said: bool) -> bool:
    """Tell whether an item is all that differs within the stretch of the quote that was taken.

    `said` is true for an item that the statement adds, false for one that it leaves out.
    """
    first = min(alignment.pairs.values(), default=0)
    last = max(alignment.pairs.values(), default=0)
    blocks = [b for b in alignment.blocks if b[0] < b[1] or (first < b[2] and b[3] <= last)]
    if len(blocks) != 1:
        return False
    a, b, c, d = blocks[0]
    ours = [n for n in range(a, b) if n != place and alignment.statement[n].low not in _LITTLE]
    theirs = [n for n in range(c, d) if n != place and alignment.quote[n].low not in _LITTLE]
    if said:
        return a <= place < b and not ours and len(theirs) <= 1
    return c <= place < d and not ours and not theirs


def folded(words: str) -> frozenset[str]:
    """Return a table of words as items have them."""
    return frozenset(fold(word) for word in words.split())
