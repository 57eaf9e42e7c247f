"""One word of a quoted sentence replaced by another."""

from __future__ import annotations

from collections.abc import Iterator

from rag.support.align import Alignment
from rag.support.amounts import same_amount
from rag.support.names import is_name, same_name
from rag.support.sentence import Item, Sentence
from rag.support.text import word_set
from rag.support.types import Problem, ProblemKind
from rag.support.view import View
from rag.support.words import interchangeable, opposed

_SHORT = 3
_BE = word_set("is are was were be been being")


def replacement_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for every word that stands where the quote has another."""
    for alignment in view.best():
        yield from _replaced(alignment, view)
        yield from _turned_round(alignment)


def _replaced(alignment: Alignment, view: View) -> Iterator[Problem]:
    statement, quote = alignment.statement, alignment.quote
    paired = set(alignment.pairs)
    for a, b, c, d in alignment.blocks:
        if a == b or c == d:
            continue
        left, right = _run(paired, range(a - 1, -1, -1)), _run(paired, range(b, len(statement)))
        before, after = (
            left >= 1 or (a == 0 and c == 0),
            right >= 1 or (b == len(statement) and d == len(quote)),
        )
        # Of short sentences all the rest must be the same.
        rest = a == c and len(statement) - b == len(quote) - d
        whole = before and after and (left + right >= 3 or (rest and left + right == a + len(statement) - b))
        stretches = [(c, d)] if whole else []
        # The quote goes on where the statement stops, or has more between: what stands next to the
        # words they share is what was replaced.
        if b - a == 1 and ((b == len(statement) and left >= 3) or (left >= 1 and right >= 2)):
            stretches += [(c, c + 1), (d - 1, d)] if right else [(c, c + 1)]
        for start, end in stretches:
            problem = _judged_stretch(alignment, view, (a, b), (start, end), new_only=(start, end) != (c, d))
            if problem is not None:
                yield problem
                break


def _turned_round(alignment: Alignment) -> Iterator[Problem]:
    """Find who does and who suffers exchanged: "A was sued by B" for "A sued B", or the other way round."""
    statement, quote = alignment.statement, alignment.quote
    back = {j: i for i, j in alignment.pairs.items()}
    for one, other, pairs in ((statement, quote, alignment.pairs), (quote, statement, back)):
        for verb, doer in _passives(one):
            sufferer = next((n for n in range(verb - 1, -1, -1) if one[n].content and n in pairs), None)
            if sufferer is None or verb not in pairs or doer not in pairs:
                continue
            first, middle, last = pairs[sufferer], pairs[verb], pairs[doer]
            if first < middle < last and not any(item.low == "by" for item in other[middle:last]):
                yield Problem(
                    kind=ProblemKind.UNRELATED,
                    said=" ".join(item.said for item in one[sufferer : doer + 1]),
                    found=" ".join(item.said for item in other[first : last + 1]),
                )
                return


def _passives(sentence: Sentence) -> Iterator[tuple[int, int]]:
    """Yield the places of a verb and of whoever does it: "was SUED by the LANDLORD"."""
    for n, item in enumerate(sentence[:-1]):
        if item.low == "by" and n and any(i.low in _BE for i in sentence[max(0, n - 3) : n]):
            doer = next((m for m in range(n + 1, min(n + 5, len(sentence))) if sentence[m].content), None)
            if doer is not None and not sentence[doer].is_value:
                yield n - 1, doer


def _run(paired: set[int], places: range) -> int:
    count = 0
    for place in places:
        if place not in paired:
            break
        count += 1
    return count


def _judged_stretch(
    alignment: Alignment, view: View, ours_at: tuple[int, int], theirs_at: tuple[int, int], *, new_only: bool
) -> Problem | None:
    said, held = alignment.statement[slice(*ours_at)], alignment.quote[slice(*theirs_at)]
    ours, theirs = _telling(said, held), _telling(held, said)
    # What moved here from elsewhere in the quote replaces nothing but its like.
    moved = {alignment.statement[n].key for n in range(*ours_at) if n in alignment.matches}
    alone = len(ours) == 1
    ours = [
        i
        for i in ours
        if i.key not in moved or (alone and any(kind_of(i) == kind_of(o) != "" for o in theirs))
    ]
    if not ours or not theirs or len(ours) > _SHORT or len(theirs) > _SHORT:
        return None
    if new_only and not any(i.content and (i.key not in view.quote_keys or kind_of(i)) for i in ours):
        return None
    return _judged(ours, theirs, alignment, view, ours_at[0])


def _telling(items: Sentence, others: Sentence) -> list[Item]:
    """Return the items that say something which none of the others says."""
    keys = {item.key for item in others}
    found: list[Item] = []
    for item in items:
        if item.key in keys or any(alike(item, other) for other in others):
            continue
        if not item.content and not any(
            not interchangeable(item.low, o.low) for o in others if not o.content
        ):
            continue
        found.append(item)
    return found


def _judged(
    ours: list[Item], theirs: list[Item], alignment: Alignment, view: View, place: int
) -> Problem | None:
    said, found = " ".join(i.said for i in ours), " ".join(i.said for i in theirs)
    content, other = [i for i in ours if i.content], [i for i in theirs if i.content]
    if not content and not other:
        turned = any(opposed(i.low, o.low) for i in ours for o in theirs)
        return Problem(kind=ProblemKind.NEGATION if turned else ProblemKind.UNRELATED, said=said, found=found)
    if not content or not other:
        return None
    values = [i for i in content if i.is_value]
    held = [i for i in other if i.is_value]
    if values and held:
        return Problem(kind=_value_kind(values[0], held[0]), said=said, found=found)
    if any(i.key.startswith("unit ") for i in content) and any(i.key.startswith("unit ") for i in other):
        return Problem(kind=ProblemKind.UNIT, said=said, found=found)
    if any(is_name(i, alignment.statement, place, view) for i in content) and any(i.capital for i in other):
        return Problem(kind=ProblemKind.NAME, said=said, found=found)
    if any(opposed(i.low, o.low) for i in content for o in other):
        return Problem(kind=ProblemKind.NEGATION, said=said, found=found)
    if len(content) == len(other) or all(i.key not in view.quote_keys for i in content):
        return Problem(kind=ProblemKind.UNRELATED, said=said, found=found)
    return None


def _value_kind(one: Item, other: Item) -> ProblemKind:
    if one.date is not None or other.date is not None:
        return ProblemKind.DATE
    assert one.amount is not None
    assert other.amount is not None
    return ProblemKind.UNIT if one.amount.value == other.amount.value else ProblemKind.NUMBER


def alike(one: Item, other: Item) -> bool:
    """Tell whether two items of one kind say the same."""
    if one.amount is not None and other.amount is not None:
        return same_amount(one.amount, other.amount)
    if one.date is not None and other.date is not None:
        return one.date.backed_by(other.date) or other.date.backed_by(one.date)
    for date, amount in ((one.date, other.amount), (other.date, one.amount)):
        if date is not None and amount is not None:
            return date.key == f"@{amount.value}..."
    return one.capital and other.capital and same_name(one.low, other.low)


def kind_of(item: Item) -> str:
    """Return "amount", "date", "name", or "" for any other word."""
    if item.amount is not None:
        return "amount"
    if item.date is not None:
        return "date"
    return "name" if item.capital and item.content else ""


def unit_of(item: Item) -> str:
    """Return the unit of an amount, "" of anything else."""
    return item.amount.unit if item.amount is not None else ""
