"""Text with what does not change its meaning taken out, and the tokens of it.

Invisible characters go, look-alike letters of another script inside a word become the word's own,
quotation marks, dashes and spaces get one form, and contracted negations are written out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.terms import terms

_QUOTES = dict.fromkeys("“”„«»‟″〝〞", '"') | dict.fromkeys("‘’‚‛ʼ`´′", "'")
_DASHES = dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_SUPERSCRIPTS = dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARKS = str.maketrans(_QUOTES | _DASHES)
_CYRILLIC, _LATIN = "аеорсухкіјѕһАВЕКМНОРСТУХІЈЅ", "aeopcyxkijshABEKMHOPCTYXIJS"
_TO_LATIN, _TO_CYRILLIC = str.maketrans(_CYRILLIC, _LATIN), str.maketrans(_LATIN, _CYRILLIC)
_MIXED = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[Ѐ-ӿ])\w{2,40}\b")
_SPELT_OUT = (
    (re.compile(r"\bcan't\b|\bcannot\b", re.I), "can not"),
    (re.compile(r"\bwon't\b", re.I), "will not"),
    (re.compile(r"\bshan't\b", re.I), "shall not"),
    (re.compile(r"n't\b", re.I), " not"),
    (re.compile(r"'ll\b", re.I), " will"),
    (re.compile(r"'re\b", re.I), " are"),
    (re.compile(r"'ve\b", re.I), " have"),
)
# Only what is the same thing under two names, whatever the sentence.
_ABBREVIATIONS = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), short)
    for pattern, short in (
        (r"(?:the |The )?United States(?: of America)?|USA|(?:the |The )US\b(?!\$)", "US"),
        (r"(?:the |The )?United Kingdom(?: of Great Britain and Northern Ireland)?|(?:the |The )UK", "UK"),
        (r"(?:the |The )?European Union|(?:the |The )EU", "EU"),
        (r"(?:the |The )?United Nations|(?:the |The )UN", "UN"),
        (r"(?:the |The )?United Arab Emirates|(?:the |The )UAE", "UAE"),
        (r"(?:the |The )?Soviet Union|(?:the |The )USSR", "USSR"),
        (r"(?:Соединённые|Соединенные) Штаты(?: Америки)?", "США"),
        (r"Европейск(?:ий|ого|ому|им|ом) [Сс]оюз(?:а|у|ом|е)?|Евросоюз(?:а|у|ом|е)?", "ЕС"),
        (r"Российск(?:ая|ой|ую) Федераци[яиюей]+", "РФ"),
    )
)
_DOTTED = re.compile(
    r"(?<![\w.])(?:[^\W\d_a-zа-я]\.\s?){2,6}(?!\w)"  # U.S., U. S. A.
    r"|(?<![\w.])(?:[^\W\d_]\.){2,6}(?!\w)"  # p.m.
    r"|(?<![\w.])(?:[^\W\d_]\.){1,6}[^\W\d_](?!\w)"  # U.S without its last stop
)
_TOKEN = re.compile(
    r"(?P<code>[A-ZА-ЯЁ][A-Za-zА-яё]{0,11}-?\d{1,6}[A-Za-z]{0,3}(?:[+/]\d{1,4})?(?!\w))"
    r"|(?P<number>\d+(?:[.,:]\d+)*)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<mark>\.{2,}|[^\w\s]|_)"
)
_CURRENCY_CODES = ("US$", "USD", "EUR", "GBP", "RUB", "KZT", "CNY", "JPY", "CHF", "UZS", "KGS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, a number in digits, a code such as C5+1, or a mark; `glued` to what is before it."""

    text: str
    low: str
    kind: str
    glued: bool


def clean(text: str) -> str:
    """Return `text` without invisible characters and with one form for marks and spaces."""
    for sign, value in _FRACTIONS.items():
        if sign in text:
            text = re.sub(rf"(?<=\d)\s?{sign}", value, text).replace(sign, f"0{value}")
    text = "".join(f"^{c}" if c in _SUPERSCRIPTS and p.isdigit() else c for p, c in _with_previous(text))
    text = unicodedata.normalize("NFKC", text)
    text = "".join(_plain(char) for char in text)
    text = text.translate(_MARKS)
    text = _MIXED.sub(_one_script, text)
    return " ".join(text.split())


def _with_previous(text: str) -> zip[tuple[str, str]]:
    return zip(" " + text, text, strict=False)


def _plain(char: str) -> str:
    if char < "\x7f" and char >= " ":
        return char
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    if category in ("Cc", "Cs"):
        return " "
    if category == "Nd":
        return str(unicodedata.digit(char))
    return char


def _one_script(match: re.Match[str]) -> str:
    """Give a word that mixes Latin and Cyrillic the script that most of its letters have."""
    word = match.group()
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in word)
    latin = sum(c.isascii() and c.isalpha() for c in word)
    return word.translate(_TO_LATIN if latin >= cyrillic else _TO_CYRILLIC)


def expand(text: str) -> str:
    """Return clean text with contractions written out and the same thing under one name."""
    text = _DOTTED.sub(_undotted, text.replace("$US", "US$"))
    for pattern, spelt in _SPELT_OUT:
        text = pattern.sub(spelt, text)
    for pattern, short in _ABBREVIATIONS:
        text = pattern.sub(short, text)
    return text


def _undotted(match: re.Match[str]) -> str:
    letters = match.group().replace(".", "").replace(" ", "")
    return letters + (" " if match.group()[-1].isspace() else "")


def fold(word: str) -> str:
    """Return a word in lower case, without accents, е for ё, possessive endings gone."""
    word = word.casefold().replace("ё", "е")
    if not word.isascii() and not re.search("[а-я]", word):
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = word.replace("ı", "i").replace("ø", "o").replace("ł", "l").replace("đ", "d")
    return re.sub(r"'s?$", "", word)


@lru_cache(maxsize=50_000)
def stem(low: str) -> str:
    """Return the index's stem of one folded word, or the word itself where it has none."""
    found = terms(low)
    return found[0] if len(found) == 1 else low


def tokens(text: str) -> list[Token]:
    """Return the tokens of clean, expanded text."""
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        word = match.group()
        glued = match.start() == end and bool(found)
        end = match.end()
        split = next((c for c in _CURRENCY_CODES if word.startswith(c) and word[len(c) :][:1].isdigit()), "")
        if kind == "code" and split:
            found.append(Token(text=split, low=split.casefold(), kind="word", glued=glued))
            found.extend(tokens(word[len(split) :]))
            continue
        found.append(Token(text=word, low=fold(word), kind=kind, glued=glued))
    return found


def is_english(text: str) -> bool:
    """Tell whether 1.000 is one in this text; in other languages it is a thousand."""
    words = re.findall(r"[^\W\d_]+", text.casefold()[:20_000])
    common = {"the", "of", "and", "in", "to", "is", "was", "for", "by", "at", "on", "with", "a", "has"}
    foreign = word_set(
        "der die das und von mit ein eine im ist los las el del la por que en y des les le un une est il di che het een van "
        "della para com não os"
    )
    if any("а" <= c <= "я" for word in words for c in word):
        return False
    return sum(w in common for w in words) >= sum(w in foreign for w in words)


def low_at(tokens: Sequence[Token], at: int) -> str:
    """Return the folded token at a place, "" outside the text."""
    return tokens[at].low if 0 <= at < len(tokens) else ""


def kind_at(tokens: Sequence[Token], at: int) -> str:
    """Return the kind of the token at a place, "" outside the text."""
    return tokens[at].kind if 0 <= at < len(tokens) else ""


def word_set(words: str) -> frozenset[str]:
    """Return the words of a line, for tables."""
    return frozenset(words.split())


def stems(words: str) -> frozenset[str]:
    """Return the stems of the words of a line, for tables."""
    return frozenset(stem(word) for word in words.split())
