"""Which language a text is in, said only where it is sure.

Whether a question can be answered from documents in another language depends on it, so a wrong guess
is worse than none: an English question full of foreign names must stay English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

_KNOWN = (
    "ar", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "hy", "id", "it", "ja", "ka",
    "kk", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
# Of Cyrillic, Russian and two neighbours: with more, short Russian questions are taken for Bulgarian.
_SURE = 0.95
_LEAST_LETTERS = 12
_LEAST_WORDS = 3
_SHORT = 400
# Words that no other language in Latin letters has as often: one of them, and the text is English enough.
_ENGLISH = re.compile(
    r"\b(?:the|and|are|were|what|who|whom|whose|which|when|where|why|how|does|did|have|with|from|that|this|than|about|many|"
    r"much|would|should)\b",
    re.IGNORECASE,
)
# Words of English and of a neighbour ("Was" is German, "has" Spanish, "is" Dutch): two of them, where nothing else is surer.
_ALSO_ENGLISH = re.compile(r"\b(?:of|is|was|do|has|had|to|by|for|on|at|it|can|will)\b")
_SURER = 0.999
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_LETTER = re.compile(r"[^\W\d_]")
NAMES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "kk": "Kazakh", "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
"""English names of the commonest, for messages; of others the code is shown."""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_KNOWN))
    return identifier


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or `None` where it is not sure.

    A short text in Latin letters with an English function word is English, whatever names it holds. Of
    other letters the likeliest language is taken: that it is no language in Latin letters is sure.
    """
    letters = _LETTER.findall(text)
    if len(letters) < _LEAST_LETTERS:
        return None
    latin = 2 * len(_LATIN.findall(text)) > len(letters)
    if latin and len(text.split()) < _LEAST_WORDS:
        return None
    if latin and _ENGLISH.search(text) and len(letters) < _SHORT:
        return "en"
    code, probability = _identifier().classify(text)
    if latin and probability < _SURER and len(set(_ALSO_ENGLISH.findall(text.casefold()))) > 1:
        return "en"
    return str(code) if probability >= _SURE or not latin else None


def languages_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the languages that are sure among some texts."""
    return frozenset(code for text in texts if (code := language_of(text)) is not None)


_CYRILLIC = frozenset({"kk", "ru", "uk"})
_ARABIC = frozenset({"ar", "fa", "ur"})


def foreign_to(question: str, languages: frozenset[str]) -> str | None:
    """Return the question's language if the documents are surely in others, else `None`.

    Languages of one script that are easily taken for each other (Russian and Ukrainian) count as one;
    of those in Latin letters each counts by itself.
    """
    code = language_of(question)
    if code is None or not languages:
        return None
    alike = next((group for group in (_CYRILLIC, _ARABIC) if code in group), frozenset({code}))
    return None if languages & alike else code


def name_of(code: str) -> str:
    """Return a language's English name, or its code."""
    return NAMES.get(code, code)
