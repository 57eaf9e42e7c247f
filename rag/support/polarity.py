"""Negation: what the statement affirms the quotes must affirm, and what it denies they must deny.

A negating word scopes over the content words that follow it in its clause. Words of negation that
stand at the same place in both are no matter; only those that one side has and the other lacks are.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.support.align import Alignment
from rag.support.sentence import Sentence
from rag.support.text import stems
from rag.support.types import Problem, ProblemKind
from rag.support.view import View, folded, next_content
from rag.support.words import opposites

_NEGATING = folded(
    "not no never none nobody nothing nowhere neither nor without hardly scarcely barely rarely seldom unable unlikely "
    "myth hoax misconception lack lacks lacked lacking denied deny denies denying rejects doubt doubts doubted disputed dispute disputes false untrue "
    "не нет ни без никогда никто ничего нельзя невозможно отрицает отрицал опроверг опровергает опровергли"
)
_WITH_TO = folded("fail fails failed failing failure refuse refuses refused refusing decline declines declined declining "
                  "отказался отказалась отказались отказывается")  # fmt: skip
# What is stopped, put off or only weighed is not done: "stopped selling", "avoided closing".
_NOT_DOING = stems("stop cease halt quit avoid resist postpone delay consider")
_ONLY_AFTER_NOT = folded("only just merely solely simply только лишь")
_UNIVERSAL = folded("all every everyone everything always both все всех всегда каждый")
# A denial of one of these is a denial of what it introduces ("it is not true that …").
_INTRODUCES = stems(
    "true correct accurate case clear certain sure evident confirm proof evidence prove likely expect plan intend want "
    "able manage agree believe think seem appear allow permit ready need decide try seek hope mean longer claim report "
    "allegation rumour rumor suggestion say yet ever fact know possible have правда верно факт намерен может будет"
)
_PREFIXES = ("un", "non", "in", "im", "ir", "il", "dis", "не")
_REACH = 4


def polarity_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for each negation that only one side has, and for each word turned round."""
    for alignment in view.best():
        yield from _cue_problems(alignment, view)
        yield from _turned(alignment, view)


def _cues(sentence: Sentence) -> list[int]:
    found: list[int] = []
    for n, item in enumerate(sentence):
        after = sentence[n + 1].low if n + 1 < len(sentence) else ""
        if item.low in _NEGATING:
            if item.low in ("not", "не") and after in _ONLY_AFTER_NOT | _UNIVERSAL:
                continue  # "not only" denies nothing; "not all" is a quantifier's matter
            if (
                item.low == "no"
                and item.capital
                and n + 1 < len(sentence)
                and sentence[n + 1].amount is not None
            ):
                continue  # "No. 5"
            found.append(n)
        elif (
            (item.low in _WITH_TO and (after == "to" or not item.low.isascii()))
            or (item.low == "yet" and after == "to")
            or (item.key in _NOT_DOING and after.endswith("ing"))
        ):
            found.append(n)
    return found


def _scope(sentence: Sentence, cue: int) -> list[int]:
    ahead = next_content(sentence, cue, _REACH)
    if ahead:
        return ahead
    # "Kazakhstan joined, Uzbekistan did not."
    return [n for n in range(cue - 1, -1, -1) if sentence[n].content][:2]


def _cue_problems(alignment: Alignment, view: View) -> Iterator[Problem]:
    statement, quote = alignment.statement, alignment.quote
    across = {j: i for i, j in alignment.pairs.items()}
    said = [n for n in _cues(statement) if n not in alignment.pairs]
    held = [n for n in _cues(quote) if n not in across]
    for cue in said:
        match = _match(statement, cue, quote, held)
        if match is not None:
            held.remove(match)
        elif not _denied_elsewhere(statement, cue, alignment, view):
            words = " ".join(i.said for i in statement[cue : cue + 3])
            yield Problem(
                kind=ProblemKind.NEGATION, said=words, found=_across_words(statement, cue, alignment)
            )
    for i, j in alignment.pairs.items():
        # "not only" denies nothing, but "only" without it does.
        if quote[j].low in _ONLY_AFTER_NOT and _after_not(quote, j) != _after_not(statement, i):
            yield Problem(kind=ProblemKind.NEGATION, said=_two(statement, i), found=_two(quote, j))
    keys = {item.key: n for n, item in enumerate(statement) if item.content}
    for cue in held:
        head = _head(quote, cue, keys)
        if head is not None:
            words = " ".join(i.said for i in quote[cue : cue + 3])
            yield Problem(kind=ProblemKind.NEGATION, said=statement[keys[quote[head].key]].said, found=words)


def _after_not(sentence: Sentence, n: int) -> bool:
    return n > 0 and sentence[n - 1].low in ("not", "не")


def _two(sentence: Sentence, n: int) -> str:
    return " ".join(i.said for i in sentence[max(0, n - 1) : n + 1])


def _match(statement: Sentence, cue: int, quote: Sentence, held: list[int]) -> int | None:
    """Return the quote's negation that denies the same word."""
    denied = [statement[n].key for n in _scope(statement, cue)]
    for other in held:
        scope = [quote[n].key for n in _scope(quote, other)]
        if (denied[:1] and denied[0] in scope) or (scope[:1] and scope[0] in denied):
            return other
    return None


def _denied_elsewhere(statement: Sentence, cue: int, alignment: Alignment, view: View) -> bool:
    """Tell whether another quoted sentence denies what the statement denies."""
    denied = [statement[n].key for n in _scope(statement, cue)]
    for sentence in view.quotes:
        if sentence is alignment.quote:
            continue
        for other in _cues(sentence):
            scope = [sentence[n].key for n in _scope(sentence, other)]
            if len({*denied[:2]} & set(scope)) >= min(2, len(denied)) and denied:
                return True
    return False


def _across_words(statement: Sentence, cue: int, alignment: Alignment) -> str:
    for n in _scope(statement, cue):
        if n in alignment.pairs:
            j = alignment.pairs[n]
            return " ".join(i.said for i in alignment.quote[max(0, j - 2) : j + 1])
    return ""


def _head(quote: Sentence, cue: int, keys: dict[str, int]) -> int | None:
    """Return the first word that the quote denies, if the statement has it."""
    for n in _scope(quote, cue):
        if quote[n].key in keys:
            return n
        if not (quote[n].low.endswith("ly") or quote[n].key in _INTRODUCES):
            return None
    return None


def _turned(alignment: Alignment, view: View) -> Iterator[Problem]:
    """Find "unofficial" for "official", and "fell" for "rose"."""
    said = {item.key for item in alignment.statement}
    held = {item.key: item for item in alignment.quote if item.key not in said}
    lows = {item.low: item for item in alignment.quote if item.key not in said}
    denied = {n for cue in _cues(alignment.statement) for n in _scope(alignment.statement, cue)[:1]}
    for n, item in enumerate(alignment.statement):
        if n in alignment.pairs or item.key in view.quote_keys or item.is_value or n in denied:
            continue
        for prefix in _PREFIXES:
            bare = item.low.removeprefix(prefix)
            other = lows.get(bare) if bare != item.low and len(bare) > 3 else lows.get(prefix + item.low)
            if other is not None and len(item.low) > 3:
                yield Problem(kind=ProblemKind.NEGATION, said=item.said, found=other.said)
                break
        for opposite in sorted(opposites(item.low) & held.keys()):
            yield Problem(kind=ProblemKind.NEGATION, said=item.said, found=held[opposite].said)
            break
