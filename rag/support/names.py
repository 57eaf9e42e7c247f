"""Names: each that is said must be in the quotes, and a first name must be the right one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rag.support.sentence import Item, Sentence
from rag.support.types import Problem, ProblemKind
from rag.support.view import View, folded

_TITLES = folded(
    "mr mrs ms miss dr prof professor sir lord lady president presidents premier chancellor minister ministers secretary "
    "senator governor mayor king queen prince princess pope chairman chairwoman chair director general colonel captain "
    "prime foreign deputy vice chief executive ceo leader representative ambassador господин госпожа президент министр "
    "председатель премьер глава"
)
# Words that open sentences and are no names; other openers are told by their ending.
_OPENERS = folded(
    "however meanwhile moreover furthermore although though according additionally also similarly finally instead since "
    "because despite during after before when while where whereas if unless until once given under over within without "
    "among between across throughout today recently currently initially later earlier then thus therefore hence still "
    "yet nevertheless nonetheless otherwise rather indeed perhaps maybe both either neither each every all many most "
    "some several few various another other such these those people nobody everyone someone nothing everything the a an "
    "total trade uranium oil gas gold steel water food energy money work research growth demand supply output cost work "
    "price land air police court law fire rain snow half part much more less only even just next last first second third"
)
_ORDINARY_ENDING = re.compile(r"(?:ing|ed|ly|tion|sion|ment|ments|ness|ity|ies|ers|ors|ists|ance|ence|ants|ents|ials|als|ans|ts|ks|ds|ps)$")  # fmt: skip
_DEMONYM = re.compile(r"(?:ians?|ans?|ns?|is?|s)$")


def is_name(item: Item, sentence: Sentence, place: int, view: View) -> bool:
    """Tell whether an item is a name, or part of one."""
    if not item.capital or item.is_value or not item.content or item.low in _TITLES or len(item.low) < 2:
        return False
    if not item.opens and not _is_headline(sentence):
        return item.low not in view.lower_words or item.low in view.capital_words - view.lower_words
    if item.low in view.capital_words and not _is_headline(sentence):
        return True
    if item.low in view.lower_words or item.low in _OPENERS:
        return False
    if item.key in view.quote_keys:
        return True
    if item.low.isascii() and not _ORDINARY_ENDING.search(item.low) and not item.low.isdigit():
        return True
    after = sentence[place + 1] if place + 1 < len(sentence) else None
    return (
        after is not None
        and after.capital
        and not after.is_value
        and not _is_headline(sentence)
        and after.place == item.place + 1
    )


def _is_headline(sentence: Sentence) -> bool:
    words = [item for item in sentence if item.content and not item.is_value]
    return len(words) > 3 and all(item.capital for item in words)


def same_name(one: str, other: str) -> bool:
    """Tell whether two folded names are one name: a demonym, or another transliteration."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 4 and longer.startswith(shorter) and _DEMONYM.fullmatch(longer[len(shorter) :]):
        return True
    return len(shorter) >= 5 and one[0] == other[0] and _sound(one) == _sound(other)


def _sound(name: str) -> str:
    """Return a name without what differs between transliterations of Cyrillic."""
    for written, plain in (("iye", "e"), ("ye", "e"), ("yo", "e"), ("kh", "h"), ("ck", "k"), ("q", "k"), ("tz", "c"),
                           ("ts", "c"), ("w", "v"), ("y", "i"), ("j", "i"), ("x", "ks")):  # fmt: skip
        name = name.replace(written, plain)
    return re.sub(r"(.)\1+", r"\1", name)


def name_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for every name that the quotes lack, or have with another first name."""
    held = {item.low for item in view.quote_items if not item.is_value}
    for sentence in view.statement:
        run: list[Item] = []
        for place, item in enumerate(sentence):
            named = is_name(item, sentence, place, view)
            if named and not (item.key in view.quote_keys or any(same_name(item.low, low) for low in held)):
                yield Problem(kind=ProblemKind.NAME, said=item.said, found=_likest(item, view))
                run = []
                continue
            adjacent = bool(run) and item.place - run[-1].place == 1 and item.clause == run[-1].clause
            if named and adjacent and (found := _other_first_name(run[-1], item, view)):
                yield Problem(kind=ProblemKind.NAME, said=f"{run[-1].said} {item.said}", found=found)
            run = [item] if named else []


def _likest(item: Item, view: View) -> str:
    names = [o for o in view.quote_items if o.capital and not o.opens and not o.is_value and o.content]
    close = [o.said for o in names if o.low[:1] == item.low[:1]]
    return close[0] if close else names[0].said if names else ""


def _other_first_name(first: Item, last: Item, view: View) -> str:
    """Return the name that the quotes have around `last` or `first`, where they never have both together."""
    conflict = ""
    for sentence in view.quotes:
        for n, item in enumerate(sentence):
            if not (item.key == last.key or same_name(item.low, last.low)):
                continue
            before = [o for o in sentence[max(0, n - 4) : n] if o.capital]
            if any(o.key == first.key or same_name(o.low, first.low) for o in before):
                return ""
            near = sentence[n - 1] if n else None
            if near is not None and _first_of(near, item) and not near.opens and near.low not in _TITLES:
                conflict = f"{near.said} {item.said}"
    if conflict:
        return conflict
    # The first name alone is there, with another surname.
    for sentence in view.quotes:
        for one, other in pairwise(sentence):
            if (
                one.key == first.key
                and _first_of(one, other)
                and other.capital
                and not same_name(other.low, last.low)
            ):
                return f"{one.said} {other.said}"
    return ""


def _first_of(one: Item, other: Item) -> bool:
    """Tell whether two items may be a first name and what follows it."""
    named = one.capital and one.content and not one.is_value
    return named and other.content and not other.is_value and other.place - one.place == 1
