"""A sentence as items: words by their stem, amounts and dates by their value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.split import paragraphs, sentences
from rag.support.amounts import Amount, amount_at, shared_units
from rag.support.dates import Date, dates_at
from rag.support.text import Token, expand, is_english, stem, tokens, word_set
from rag.support.units import UNIT_OF
from rag.support.words import canonical, is_content

_BREAKS = frozenset({",", ";", ":", ".", "!", "?", "(", ")", "..."})
_BREAKING_WORDS = word_set("but while whereas although though because since unless но хотя однако")
_RANGE = frozenset({"-", "to", "до", "and", "и", "or", "или", ","})
_MAX_ITEMS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A word, an amount or a date of a sentence.

    Items with equal `key` say the same. `clause` counts the clauses before it. `capital` words may
    be names; `opens` is true for those whose capital may come from their place alone.
    """

    key: str
    low: str
    said: str
    content: bool
    clause: int
    place: int
    capital: bool = False
    opens: bool = False
    quoted: bool = False
    amount: Amount | None = None
    date: Date | None = None

    @property
    def is_value(self) -> bool:
        """True for amounts and dates."""
        return self.amount is not None or self.date is not None


Sentence = tuple[Item, ...]


def parse(text: str) -> list[Sentence]:
    """Return the sentences of clean text; over-long ones in pieces."""
    found: list[Sentence] = []
    expanded, english = expand(text), is_english(text)
    for paragraph in paragraphs(expanded):
        start = paragraph.start
        for sentence in sentences(expanded, paragraph):
            # What the splitter leaves out (a list's "5.") may be a number that a sentence needs.
            items = _items(tokens(expanded[start : sentence.end]), english=english)
            start = sentence.end
            found.extend(items[n : n + _MAX_ITEMS] for n in range(0, len(items), _MAX_ITEMS))
    return [sentence for sentence in found if sentence]


def _items(words: Sequence[Token], *, english: bool) -> Sentence:
    found: list[Item] = []
    at, clause, opens = 0, 0, True
    while at < len(words):
        token = words[at]
        dates = dates_at(words, at)
        if dates is not None:
            said = _said(words[at : dates[1]])
            found.extend(
                Item(key=d.key, low=said.casefold(), said=said, content=True, clause=clause, place=at, date=d)
                for d in dates[0]
            )
            at, opens = dates[1], False
            continue
        amount = amount_at(words, at, english=english)
        if amount is not None and amount[1] > at:
            said = _said(words[at : amount[1]])
            item = Item(key=amount[0].key, low=said.casefold(), said=said, content=True, clause=clause, place=at, amount=amount[0])  # fmt: skip
            found.append(item)
            at, opens = amount[1], False
            continue
        if token.kind == "mark":
            spaced_dash = token.low == "-" and not (
                token.glued and at + 1 < len(words) and words[at + 1].glued
            )
            clause += token.low in _BREAKS or spaced_dash
            opens = opens or token.low in '.!?:"('
            if token.low in ("%", "$", "€", "£"):
                found.append(_word(token, clause, at, opens=False))
        else:
            clause += token.low in _BREAKING_WORDS
            found.append(_word(token, clause, at, opens=opens))
            opens = False
        at += 1
    return tuple(_with_shared_units(found, words))


def _word(token: Token, clause: int, place: int, *, opens: bool) -> Item:
    low = token.low
    content = is_content(low) or not low.isalnum()
    key = canonical(stem(low)) if content else low
    if token.text.isupper() and 1 < len(token.text) < 6 and not content:
        key, content = f"={low}", True  # "US", "IT" and "WHO" are no pronouns
    if low in UNIT_OF and len(low) > 2:
        key = f"unit {UNIT_OF[low]}"
    capital = token.kind == "code" or any(c.isupper() for c in token.text)
    return Item(key=key, low=low, said=token.text, content=content, clause=clause, place=place, capital=capital, opens=opens)  # fmt: skip


def _said(words: Sequence[Token]) -> str:
    return "".join(t.text if t.glued and n else f" {t.text}" for n, t in enumerate(words)).strip()


def _with_shared_units(found: list[Item], words: Sequence[Token]) -> list[Item]:
    """Let "10-15 km" be 10 km and 15 km."""
    where = [n for n, item in enumerate(found) if item.amount is not None]
    if len(where) < 2:
        return found
    links: list[str] = []
    for one, other in pairwise(where):
        between = words[found[one].place : found[other].place]
        tail = [t.low for t in between][-1:]
        near = other - one == 1 or (other - one == 2 and found[one + 1].low in _RANGE)
        link = tail[0] if tail and near else ""
        opened = found[one - 1].low if one else ""
        ranged = link in ("-", "to", "до") or (link in ("and", "и") and opened in ("between", "между"))
        links.append("range" if ranged else "list" if link in _RANGE - {","} else "")
    amounts = [amount for item in found if (amount := item.amount) is not None]
    for n, amount in zip(where, shared_units(amounts, links), strict=True):
        if amount != found[n].amount:
            found[n] = replace(found[n], amount=amount, key=amount.key)
    return found
