"""Which quoted sentence a statement goes with, and which item of it goes with which of the quote."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rag.support.sentence import Sentence

_TRIED = 4
_COMMON = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A sentence of the statement beside the quoted one that it is likest.

    `pairs` maps places in the statement to places in the quote whose items say the same;
    `matches` adds the words that moved; `blocks` are the (statement from, to, quote from, to)
    stretches that differ.
    """

    statement: Sentence
    quote: Sentence
    pairs: dict[int, int]
    matches: dict[int, int]
    blocks: tuple[tuple[int, int, int, int], ...]

    @property
    def closeness(self) -> float:
        """Share of the statement's items that stand in the quote in the same order."""
        return len(self.pairs) / len(self.statement)


def align(statement: Sentence, quoted: Sequence[Sentence]) -> list[Alignment]:
    """Return alignments with the likest quoted sentences, the likest first; none if nothing is shared."""
    holders: dict[str, list[int]] = defaultdict(list)
    wanted = {item.key for item in statement if item.content} or {item.key for item in statement}
    for n, sentence in enumerate(quoted):
        for key in {item.key for item in sentence} & wanted:
            holders[key].append(n)
    shared: Counter[int] = Counter()
    for places in holders.values():
        # A word of every sentence tells none apart, and would make this quadratic.
        for n in places[:_COMMON]:
            shared[n] += 1
    likely = sorted(shared, key=lambda n: (-shared[n], abs(len(quoted[n]) - len(statement)), n))[:_TRIED]
    found = [(_aligned(statement, quoted[n]), n) for n in likely]
    found.sort(key=lambda pair: (-len(pair[0].pairs), len(pair[0].blocks), pair[1]))
    return [alignment for alignment, _ in found]


def _aligned(statement: Sentence, quote: Sentence) -> Alignment:
    one, other = [i.key for i in statement], [i.key for i in quote]
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    pairs: dict[int, int] = {}
    blocks: list[tuple[int, int, int, int]] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            pairs.update(zip(range(a, b), range(c, d), strict=True))
        else:
            blocks.append((a, b, c, d))
    matches = pairs | _moved(statement, quote, pairs)
    return Alignment(statement=statement, quote=quote, pairs=pairs, matches=matches, blocks=tuple(blocks))


def _moved(statement: Sentence, quote: Sentence, pairs: dict[int, int]) -> dict[int, int]:
    """Pair the content words left over that both sides have, in order."""
    taken = set(pairs.values())
    free: dict[str, list[int]] = defaultdict(list)
    for j, item in enumerate(quote):
        if item.content and j not in taken:
            free[item.key].append(j)
    found: dict[int, int] = {}
    for i, item in enumerate(statement):
        if i not in pairs and free.get(item.key):
            found[i] = free[item.key].pop(0)
    return found
