"""Words as the lexical index counts them: one analysis for documents and questions.

Lower case, accents folded, English and Russian stems (each leaves the other script alone), and
one spelling for names that are written several ways. The analysed words go into the index ready
made, so a question can never be analysed differently from a document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

# Names that news and offices write in several ways. Case matters: "us" is a pronoun, "US" is not.
# The right side is one made-up word that no stemmer touches.
_VARIANTS: tuple[tuple[str, str], ...] = (
    (r"United States of America|United States|U\.\s?S\.\s?A\.?|U\.\s?S\.?(?!\w)|USA|US|США|Соединённые Штаты(?: Америки)?|Соединенные Штаты(?: Америки)?|(?<!Latin )(?<!South )(?<!North )(?<!Central )Americans?|(?<!Latin )(?<!South )(?<!North )(?<!Central )America", "nnusa"),
    (r"United Kingdom|Great Britain|U\.\s?K\.?(?!\w)|UK|Britain|British|Великобритани[яиюей]+", "nnuk"),
    (r"European Union|E\.\s?U\.?(?!\w)|EU|Евросоюз\w*|ЕС", "nneu"),
    (r"United Nations|U\.\s?N\.?(?!\w)|UN|ООН", "nnun"),
    (r"United Arab Emirates|U\.\s?A\.\s?E\.?(?!\w)|UAE|ОАЭ", "nnuae"),
    (r"Russian Federation|Russia|Russian|Russians|Росси[яиюей]+|РФ", "nnrussia"),
    (r"People[’']s Republic of China|P\.?R\.?C\.?(?!\w)|China|Chinese|Кита[йяюем]+", "nnchina"),
)  # fmt: skip
# Every one of them begins with a capital: most characters are passed over at once.
_VARIANT_PATTERN = re.compile(
    r"(?<![\w.])(?=[A-ZА-Я])(?:"
    + "|".join(f"(?P<{word}>{pattern})" for pattern, word in _VARIANTS)
    + r")(?!\w)"
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")


@cache
def _analyzer() -> TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (
        Filter.remove_long(64),
        Filter.lowercase(),
        Filter.ascii_fold(),
        Filter.stemmer("english"),
        Filter.stemmer("russian"),
    ):
        builder = builder.filter(step)
    return builder.build()


def _normalise(text: str) -> str:
    text = _VARIANT_PATTERN.sub(lambda match: match.lastgroup or match.group(), text)
    text = _THOUSANDS.sub("", text)
    text = _DECIMAL.sub("d", text)
    return text.replace("’s", "").replace("'s", "")


def terms(text: str) -> list[str]:
    """Return the index terms of `text` in order, repeats kept."""
    return _analyzer().analyze(_normalise(text))


@lru_cache(maxsize=20_000)
def remembered_terms(text: str) -> tuple[str, ...]:
    """Return the same for a text that is met again and again, such as a sentence of a document."""
    return tuple(terms(text))


def content_terms(text: str) -> list[str]:
    """Return the terms of `text` that are not function words, in order, repeats kept."""
    return [term for term in terms(text) if term not in _stop_terms()]


def bigrams(words: Sequence[str]) -> set[tuple[str, str]]:
    """Return the set of adjacent pairs."""
    return set(pairwise(words))


_STOP_WORDS = """
a about above after again against all also am an and any are as at be because been before being
below between both but by can could did do does doing down during each few for from further had
has have having he her here hers herself him himself his how i if in into is it its itself just me
more most my myself no nor not now of off on once only or other our ours ourselves out over own
same she should so some such than that the their theirs them themselves then there these they this
those through to too under until up us very was we were what when where which while who whom whose
why will with would you your yours yourself yourselves shall may might must upon per via tell
please give know according say says said did didn isn wasn doesn don aren weren t s
и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было
вот от меня еще нет о из ему когда ли если или ни быть был него до вас уже вам ведь там потом себя
ничего ей может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже
себе под будет кто этот того потому этого какой ним здесь этом один почти мой тем чтобы нее были
куда зачем всех можно при об другой хоть после над больше тот через эти нас про всего них какая
почему это какие
"""


@cache
def _stop_terms() -> frozenset[str]:
    return frozenset(_analyzer().analyze(_STOP_WORDS))
