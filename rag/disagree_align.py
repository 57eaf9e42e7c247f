"""Whether two values in two quotes answer the same question: the same quantity of the same thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from rag.disagree_found import NEAR, SAYING, Asked, Found
from rag.disagree_places import is_country
from rag.disagree_time import apart_in_time, is_denied
from rag.disagree_values import Value, is_title, key_of
from rag.support.names import same_name
from rag.support.sentence import Item, Sentence
from rag.support.text import word_set
from rag.support.words import opposed
from rag.types import AnswerType

# Shares of words: of the question's in both quotes, of a sentence's in the other for each use.
_COMMON = 0.5
_FEW = 3
_ALL_BUT = 0.75
_NOW = word_set("is are now currently today stands сейчас теперь сегодня")
_LIKENESS = {"asked": 0.35, "other": 0.75, "slot": 0.6, "names": 0.3}


def asks_the_same(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether two comparable values are given for what the question asks. Doubt is a no."""
    if apart_in_time((one.value.sentence, one.stage), (other.value.sentence, other.stage)):
        return False  # an order in time
    if is_denied(one.value.sentence, one.value.place) or is_denied(other.value.sentence, other.value.place):
        return False
    if not _on_the_question(one, other, asked) or _ranked_apart(one, other, asked):
        return False
    if _framed_apart(one, other, asked) or _of_other_names(one, other, asked) or _opposed(one, other):
        return False
    if _qualified_apart(one, other):
        return False
    sure = one.certain and other.certain
    if one.value.kind == "name":
        # Where a quote lacks a name of the question's, the reader may have taken what stands in its place.
        sure = sure and all(_names_all(found, asked) for found in (one, other))
        return not _in_an_asked_place(one, other, asked) and _names_compare(one, other, asked, sure=sure)
    if sure:
        return not _exchanged_for_another(one, other, asked)
    if not asked.is_sure_of_kind:
        alike = likeness(one, other) >= _LIKENESS["other"] and in_one_slot(one.value, other.value)
        if not alike or _other_values(one, other):
            return False
    return likeness(one, other) >= _LIKENESS["asked"] and _same_predicate(one, other, asked)


def likeness(one: Found, other: Found) -> float:
    """Return the share of the shorter sentence's words that the longer has."""
    return len(one.keys & other.keys) / max(min(len(one.keys), len(other.keys)), _FEW)


def in_one_slot(one: Value, other: Value) -> bool:
    """Tell whether the sentences differ where the values stand, and are the same right beside them."""
    ours, theirs = ([key_of(item) for item in value.sentence] for value in (one, other))
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "replace" or not (a <= one.place < b and c <= other.place < d):
            continue
        exact = (b - a, d - c) == (one.width, other.width)
        before = a > 0 and c > 0
        after = b < len(ours) and d < len(theirs)
        return exact and (before or after)
    return False


def _on_the_question(one: Found, other: Found, asked: Asked) -> bool:
    both = asked.keys & one.wide_keys & other.wide_keys
    return bool(both) and len(both) >= math.ceil(_COMMON * len(asked.keys))


def _same_predicate(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether what the question asks of stands beside both values, and in both quotes."""
    near = one.near & asked.keys and other.near & asked.keys
    return bool(near) and not _exchanged_for_another(one, other, asked)


def _exchanged_for_another(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether what the question asks of stands beside one value, and something else beside the other."""
    return _replaced(one, other, one.near & asked.keys) or _replaced(other, one, other.near & asked.keys)


def _replaced(one: Found, other: Found, wanted: frozenset[str]) -> bool:
    """Tell whether the other quote has something else in the place of a word that the question asks of."""
    for ours, theirs in zip(one.beside(NEAR), other.beside(NEAR), strict=True):
        missing = {key_of(item) for item in ours} & wanted - other.wide_keys
        if missing and {key_of(item) for item in theirs} - one.wide_keys:
            return True
    return False


def _other_values(one: Found, other: Found) -> bool:
    """Tell whether the sentences differ in other values too, each having some that the other has not."""
    ours, theirs = (
        {item.key for n, item in enumerate(f.value.sentence) if item.is_value and n != f.value.place}
        for f in (one, other)
    )
    return bool(ours and theirs) and not ours & theirs


def _ranked_apart(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether they are of a first and a second, or of another than the question's."""
    ranks = {found.value.rank for found in (one, other)} - {""}
    wanted = frozenset(i.key for s in asked.sentences for i in s if i.amount and i.amount.unit == "ordinal")
    return len(ranks) > 1 or bool(wanted and ranks - wanted)


def _framed_apart(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether the values are of different times, or of another than the question's."""
    frames = [found.frame for found in (one, other)]
    if frames[0] is not None and frames[1] is not None and _dates_differ(frames[0], frames[1]):
        return True
    for framed, bare in (frames, frames[::-1]):
        # "was 3 percent in 2021" and "is 5 percent"
        if framed is not None and framed.date is not None and framed.date.year is not None and bare is None:
            without = other if frames[0] is framed else one
            if any(item.low in _NOW for item in without.value.sentence):
                return True
    years = [item for item in asked.dates if item.date is not None and item.date.year is not None]
    return any(f is not None and years and all(_dates_differ(f, y) for y in years) for f in frames)


def _dates_differ(one: Item, other: Item) -> bool:
    assert one.date is not None
    assert other.date is not None
    pairs = (
        (one.date.year, other.date.year), (one.date.month, other.date.month), (one.date.day, other.date.day),
        (one.date.weekday, other.date.weekday), (one.date.relative or None, other.date.relative or None),
    )  # fmt: skip
    return any(a is not None and b is not None and a != b for a, b in pairs)


def _of_other_names(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether each side is about somebody or some place that the other does not name."""
    ours = [item for item in one.names if not _named(item, (*other.around, *other.title))]
    theirs = [item for item in other.names if not _named(item, (*one.around, *one.title))]
    for foreign, found in ((theirs, other), (ours, one)):
        # Its title is on the question, but this sentence is about somebody else.
        if foreign and not all(_named(name, found.around) for name in asked.names):
            return True
    if not ours or not theirs:
        return False
    if _exchanged(one.value.sentence, other.value.sentence, ours, theirs):
        return True  # the same words of another subject
    covered = all(_named(name, found.around) for name in asked.names for found in (one, other))
    return not (asked.names and covered)


def _exchanged(one: Sentence, other: Sentence, ours: Sequence[Item], theirs: Sequence[Item]) -> bool:
    """Tell whether one of our names stands where the other sentence has one of theirs."""
    keys = [[key_of(item) for item in sentence] for sentence in (one, other)]
    return any(
        kind == "replace" and any(i in ours for i in one[a:b]) and any(i in theirs for i in other[c:d])
        for kind, a, b, c, d in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes()
    )


def _named(name: Item, around: Sequence[Sentence]) -> bool:
    return any(
        key_of(item) == key_of(name) or same_name(item.low, name.low)
        for sentence in around
        for item in sentence
        if not item.is_value
    )


def _names_all(found: Found, asked: Asked) -> bool:
    """Tell whether a quote, or its title, has all names of the question."""
    return all(_named(name, (*found.around, *found.title)) for name in asked.names)


def _in_an_asked_place(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether neither quote has a name that the question has: the values may be what stands in its place."""
    return any(
        not any(_named(name, (*found.around, *found.title)) for found in (one, other)) for name in asked.names
    )


def _opposed(one: Found, other: Found) -> bool:
    """Tell whether the sentences use words that exclude each other, such as exports and imports."""
    ours = [i for i in one.value.sentence if i.content and not i.is_value and key_of(i) not in other.keys]
    theirs = [i for i in other.value.sentence if i.content and not i.is_value and key_of(i) not in one.keys]
    if any(opposed(a.low, b.low) for a in ours for b in theirs):
        return True
    if likeness(one, other) < _LIKENESS["slot"]:
        return False
    # In the same words, another noun right beside the value ("profit" for "revenue") is another thing.
    clauses = one.value.items[0].clause, other.value.items[0].clause
    nouns = [
        [
            i
            for side in found.beside(1)
            for i in side
            if i.clause == clause and key_of(i) not in held and _may_be_noun(i)
        ]
        for found, clause, held in zip((one, other), clauses, (other.wide_keys, one.wide_keys), strict=True)
    ]
    return bool(nouns[0] and nouns[1])


def _qualified_apart(one: Found, other: Found) -> bool:
    """Tell whether the same word follows another on each side: "full-time employees" are no "part-time employees"."""
    ours, theirs = _qualifiers(one), _qualifiers(other)
    return any(
        ours[key] not in other.wide_keys and theirs[key] not in one.wide_keys
        for key in ours.keys() & theirs.keys()
    )


def _qualifiers(found: Found) -> dict[str, str]:
    """Return the key of the word right before each word, without names, values, adverbs and who says it."""
    return {
        key_of(after): key_of(before)
        for before, after in pairwise(found.value.sentence)
        if before.content
        and after.content
        and before.clause == after.clause
        and not (before.is_value or after.is_value or after.capital or (before.capital and not before.opens))
        and not before.low.endswith("ly")
        and after.key not in SAYING
    }


def _may_be_noun(item: Item) -> bool:
    return not item.capital and not item.low.endswith(("ed", "ing", "ly"))


def _names_compare(one: Found, other: Found, asked: Asked, *, sure: bool) -> bool:
    if asked.wants_several:
        return False
    if asked.question.answer_type is AnswerType.PLACE:
        levels = {is_country(found.value.items[-1].low) for found in (one, other)}
        if len(levels) > 1:
            return False  # a city and a country may both be right
    if sure:
        return likeness(one, other) >= _LIKENESS["names"]
    if likeness(one, other) < _LIKENESS["slot"] or len(one.keys & other.keys) < _FEW:
        return False
    return in_one_slot(one.value, other.value) or (
        _only_name(one, other, asked) and _only_name(other, one, asked)
    )


def _only_name(one: Found, other: Found, asked: Asked) -> bool:
    """Tell whether all that was asked of is in the sentence, and its one other name is not in the other."""
    if len(asked.keys & one.keys) < _ALL_BUT * len(asked.keys):
        return False
    own = range(one.value.place, one.value.place + one.value.width)
    sentence = one.value.sentence
    more = [
        item
        for n, item in enumerate(sentence)
        if n not in own
        and item.capital
        and not item.opens
        and item.content
        and not (item.is_value or is_title(item))
    ]
    known = (*other.around, *asked.sentences)
    return not any(_named(i, other.around) for i in one.value.items) and all(_named(i, known) for i in more)
