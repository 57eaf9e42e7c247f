"""Amounts and dates: each that is said must be in the quotes, with its unit, and about the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rag.support.align import Alignment
from rag.support.amounts import same_amount
from rag.support.sentence import Item
from rag.support.types import Problem, ProblemKind
from rag.support.view import View


def value_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for every amount or date of the statement that the quotes do not back."""
    held = [item for item in view.quote_items if item.is_value]
    for n, sentence in enumerate(view.statement):
        alignment = view.alignments[n][0] if view.alignments[n] else None
        for place, item in enumerate(sentence):
            if not item.is_value:
                if item.low[:1].isdigit() and item.key not in view.quote_keys:
                    # Digits of no form that is known, such as 3,0.2,000 or 1.2.3.
                    yield Problem(kind=ProblemKind.NUMBER, said=item.said, found="")
                continue
            across = _across(alignment, place)
            # The one it stands beside comes first: its qualifier is the one that counts.
            order = ([across] if across is not None and across.is_value else []) + held
            problem = (
                _amount_problem(item, order, sentence, place, view)
                if item.amount
                else _date_problem(item, order)
            )
            if problem is not None:
                yield problem


def _across(alignment: Alignment | None, place: int) -> Item | None:
    if alignment is None or place not in alignment.pairs:
        return None
    return alignment.quote[alignment.pairs[place]]


def _amount_problem(
    item: Item, held: list[Item], sentence: tuple[Item, ...], place: int, view: View
) -> Problem | None:
    amount = item.amount
    assert amount is not None
    same = [other for other in held if other.amount is not None and same_amount(amount, other.amount)]
    if same:
        first = same[0].amount
        assert first is not None
        aligned = bool(held) and held[0] is same[0]
        rest = same[:1] if aligned else same
        if any(o.amount is not None and o.amount.qualifier == amount.qualifier for o in rest):
            return None
        return Problem(kind=ProblemKind.QUANTIFIER, said=item.said, found=same[0].said)
    if not amount.unit and not amount.qualifier:
        if any(o.date is not None and o.date.key == f"@{amount.value}..." for o in held):
            return None  # the quote's "2000" was taken for a year
        if amount.value == 1 and place + 1 < len(sentence) and _single(sentence[place + 1].key, view):
            return None
    value = [o for o in held if o.amount is not None and o.amount.value == amount.value]
    if value:
        return Problem(kind=ProblemKind.UNIT, said=item.said, found=value[0].said)
    likest = [o for o in held if o.amount is not None and o.amount.unit == amount.unit]
    return Problem(kind=ProblemKind.NUMBER, said=item.said, found=likest[0].said if likest else "")


def _single(noun: str, view: View) -> bool:
    """Tell whether the quotes have "a country" where the statement has "one country"."""
    articles = ("a", "an", "single", "sole")
    return any(
        one.low in articles and other.key == noun
        for sentence in view.quotes
        for one, other in pairwise(sentence)
    )


def _date_problem(item: Item, held: list[Item]) -> Problem | None:
    date = item.date
    assert date is not None
    if any(other.date is not None and date.backed_by(other.date) for other in held):
        return None
    if date.key == f"@{date.year}..." and any(
        o.amount is not None and not o.amount.unit and not o.amount.qualifier and o.amount.value == date.year
        for o in held
    ):
        return None
    likest = [o.said for o in held if o.date is not None]
    return Problem(kind=ProblemKind.DATE, said=item.said, found=likest[0] if likest else "")
