"""Quantifiers, modal verbs and hedges: a statement may not be stronger than its quotes.

A weaker statement is fine where it follows (all → some), unless the quantifier is all that was
changed in the quote's own words: then it was changed for a purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from rag.support.align import Alignment
from rag.support.sentence import Sentence
from rag.support.text import stems
from rag.support.types import Problem, ProblemKind
from rag.support.view import View, folded, next_content, only_change

_CLASSES: dict[str, frozenset[str]] = {
    "all": folded("all every each entire entirely whole wholly always everyone everybody everything fully completely totally "
                  "все всех всем всеми каждый каждая каждое весь вся всегда полностью"),
    "both": folded("both оба обе"),
    "most": folded("most majority mostly mainly largely usually generally primarily chiefly predominantly большинство "
                   "большинства обычно"),
    "many": folded("many numerous several various often frequently multiple многие многих много несколько часто"),
    "some": folded("some certain sometimes occasionally partly partially either некоторые некоторых иногда отчасти частично"),
    "few": folded("few немногие"),
    "any": folded("any anyone anything любой любая любые"),
    "only": folded("only solely exclusively merely только лишь исключительно"),
    "more": folded("more less least fewer"),
}  # fmt: skip
_CLASS_OF = {word: name for name, words in _CLASSES.items() for word in words}
_FOLLOWS = {
    "all": {"most", "many", "some", "any"},
    "both": {"all", "some"},
    "most": {"some"},
    "many": {"some"},
}
_DROPPED = frozenset({"some", "most", "few", "not all"})
_MODALS = {
    **dict.fromkeys(("will", "would", "shall", "будет", "будут"), "will"),
    **dict.fromkeys(("may", "might", "could", "can", "может", "могут", "мог", "могли"), "may"),
    **dict.fromkeys(("should", "must", "ought", "need", "должен", "должна", "должны"), "must"),
}
_PLANNING = stems(
    "plan intend aim seek want hope expect propose consider threaten promise offer agree prepare try attempt decide set due "
    "schedule wish aspire pledge vow hesitate планирует планируют намерен намерена намерены хочет хотят собирается"
)
_HEDGES = folded(
    "reportedly allegedly likely probably possibly perhaps apparently almost nearly virtually partly partially potentially "
    "supposedly theoretically maybe seemingly presumably alleged якобы возможно вероятно предположительно почти"
)
_HEDGING_VERBS = stems(
    "claim allege rumour rumor suspect speculate hope fear pretend imagine wish believe think doubt"
)
_CONDITIONS = folded("if unless provided assuming если")
_WHETHER = stems("ask wonder know see unclear decide even as whether say")
_SUPERLATIVES = folded(
    "largest biggest smallest highest lowest longest shortest oldest youngest newest richest poorest fastest slowest best worst "
    "greatest strongest weakest earliest latest last final sole крупнейший крупнейшая самый самая последний последняя"
)


def strength_problems(view: View) -> Iterator[Problem]:
    """Yield a problem for every quantifier, modal or hedge that changes how much is said."""
    for alignment in view.best():
        yield from _quantifiers(alignment)
        yield from _modals(alignment)
        yield from _hedges(alignment)
        for n, item in enumerate(alignment.statement):
            if item.low in _SUPERLATIVES and n not in alignment.pairs and item.key not in view.quote_keys:
                yield _problem(item.said, "")


def _problem(said: str, found: str) -> Problem:
    return Problem(kind=ProblemKind.QUANTIFIER, said=said, found=found)


def _quantifier(sentence: Sentence, n: int) -> str:
    name = _CLASS_OF.get(sentence[n].low, "")
    before = sentence[n - 1].low if n else ""
    if name in ("all", "both") and before in ("not", "не"):
        return "not all"
    if name == "few" and before == "a":
        return "some"
    if name == "all" and before in ("almost", "nearly", "virtually", "почти"):
        return "most"
    return name


def _found(sentence: Sentence) -> dict[int, str]:
    return {n: name for n in range(len(sentence)) if (name := _quantifier(sentence, n))}


def _quantifiers(alignment: Alignment) -> Iterator[Problem]:
    statement, quote = alignment.statement, alignment.quote
    across = {j: i for i, j in alignment.pairs.items()}
    held, said = _found(quote), _found(statement)
    open_said = {
        n: k for n, k in said.items() if n not in alignment.pairs or held.get(alignment.pairs[n]) != k
    }
    open_held = {j: k for j, k in held.items() if j not in across or said.get(across[j]) != k}
    for n, name in open_said.items():
        match = _opposite_quantifier(alignment, n, open_held)
        if match is not None:
            other = open_held.pop(match)
            in_place = only_change(alignment, n, said=True) or quote[match].key == statement[n].key
            if other != name and (in_place or name not in _FOLLOWS.get(other, ())):
                yield _problem(statement[n].said, quote[match].said)
        elif only_change(alignment, n, said=True):
            if name != "any":
                yield _problem(statement[n].said, "")
        elif name not in ("some", "any") and name not in held.values():
            yield _problem(statement[n].said, "")
    for j, name in open_held.items():
        heads = next_content(quote, j, 1)
        lost = name in _DROPPED and any(h in across for h in heads)
        if lost or only_change(alignment, j, said=False):
            yield _problem(
                statement[across[heads[0]]].said if heads and heads[0] in across else "", quote[j].said
            )


def _opposite_quantifier(alignment: Alignment, n: int, held: dict[int, str]) -> int | None:
    """Return the quote's quantifier of the same word."""
    heads = next_content(alignment.statement, n, 2)
    for head in heads:
        j = alignment.pairs.get(head)
        if j is None:
            continue
        near = [m for m in range(j - 1, max(-1, j - 6), -1) if m in held]
        return near[0] if near else None
    block = next((b for b in alignment.blocks if b[0] <= n < b[1]), None)
    inside = [m for m in held if block and block[2] <= m < block[3]]
    return inside[0] if inside else None


def _modal_words(sentence: Sentence) -> dict[int, str]:
    found: dict[int, str] = {}
    for n, item in enumerate(sentence):
        after = sentence[n + 1].low if n + 1 < len(sentence) else ""
        name = _MODALS.get(item.low, "")
        if name and not (item.capital and not item.opens):
            found[n] = name
        elif item.key in _PLANNING and (after == "to" or not item.low.isascii()):
            found[n] = "plan"
        elif item.low == "going" and after == "to":
            found[n] = "will"
    return found


def _heads(sentence: Sentence, modal: int) -> list[int]:
    ahead = next_content(sentence, modal, 3)
    kept = [n for n in ahead if not sentence[n].low.endswith("ly")]
    return kept[:1]


def _modals(alignment: Alignment) -> Iterator[Problem]:
    statement, quote = alignment.statement, alignment.quote
    across = {j: i for i, j in alignment.matches.items()}
    said = {n: k for n, k in _modal_words(statement).items() if n not in alignment.pairs}
    held = {j: k for j, k in _modal_words(quote).items() if j not in across}
    keys = {item.key for item in quote}
    by_head = {h: j for j in held for h in _heads(quote, j)}
    for n, name in said.items():
        block = next(b for b in alignment.blocks if b[0] <= n < b[1])
        instead = [j for j, other in held.items() if block[2] <= j < block[3] and other != name]
        if instead:
            yield _problem(statement[n].said, quote[instead[0]].said)
            continue
        heads = [alignment.matches[h] for h in _heads(statement, n) if h in alignment.matches]
        if not heads:
            ahead = _heads(statement, n)
            if ahead and statement[ahead[0]].key not in keys and name not in held.values():
                yield _problem(f"{statement[n].said} {statement[ahead[0]].said}", "")
            continue
        match = by_head.get(heads[0])
        if match is None:
            yield _problem(f"{statement[n].said} {quote[heads[0]].said}", quote[heads[0]].said)
        elif held.pop(match, name) != name:
            yield _problem(statement[n].said, quote[match].said)
    for head, j in by_head.items():
        if j in held and head in across:
            yield _problem(statement[across[head]].said, f"{quote[j].said} {quote[head].said}")


def _hedges(alignment: Alignment) -> Iterator[Problem]:
    """A hedge, an opinion or a condition that the quote has and the statement has left out."""
    statement, quote = alignment.statement, alignment.quote
    across = {j: i for i, j in alignment.matches.items()}
    keys, lows = {item.key for item in statement}, {item.low for item in statement}
    for j, item in enumerate(quote):
        if j in across or (item.low in lows if item.low in _HEDGES else item.key in keys):
            continue
        before = quote[j - 1] if j else None
        if item.low in _CONDITIONS:
            if (before is None or before.key not in _WHETHER) and not keys & _CONDITIONS:
                yield _problem("", " ".join(i.said for i in quote[j : j + 4]))
        elif item.low in _HEDGES or item.key in _HEDGING_VERBS:
            heads = next_content(quote, j, 1)
            if any(h in across for h in heads):
                yield _problem(statement[across[heads[0]]].said, item.said)
    for n, item in enumerate(statement):
        if item.low in _HEDGES and n not in alignment.pairs and only_change(alignment, n, said=True):
            yield _problem(item.said, "")
