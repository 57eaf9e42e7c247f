"""The same question said in another way, made by rule and the same for the same seed.

`typo` puts one or two slips into words of five letters and more; names (words that begin with a
capital) and numbers stay, since another name would be another question. `lower_case` takes the
capitals away. Gold, answers and kind are the original's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from eval.datasets.making import MAX_QUESTION_CHARACTERS, with_questions
from eval.datatypes import DataSet, Question
from eval.errors import DataSetError

_WORD = re.compile(r"[^\W\d_]+(?![^\W_]*\d)")
_SHORTEST = 5
_MAX_TYPOS = 2


def with_variants(
    data_set: DataSet, kinds: Sequence[str], seed: int, of: Collection[str] | None = None
) -> DataSet:
    """Return the data set with variants after its questions.

    Each question that is no variant itself gets one of each kind, called `<id>-<kind>`; `of` names
    the questions that get them, all if left out. Where a rule changes nothing (no long word, no
    capital) there is no variant.

    Raises:
        DataSetError: an unknown kind, or the set already has these variants.
    """
    for kind in kinds:
        if kind not in VARIANTS:
            raise DataSetError(f"unknown variant {kind!r}; known are {', '.join(VARIANTS)}")
    made = [
        variant
        for question in data_set.questions
        if question.variant_of is None and (of is None or question.question_id in of)
        for variant in _variants(question, list(dict.fromkeys(kinds)), seed)
    ]
    taken = {question.question_id for question in data_set.questions}
    if twice := [question.question_id for question in made if question.question_id in taken]:
        raise DataSetError(f"{data_set.name} already has a question {twice[0]!r}; add variants once")
    return with_questions(data_set, (*data_set.questions, *made))


def with_typos(text: str, rng: random.Random) -> str:
    """Return `text` with one or two slips: two letters swapped, one dropped, or one doubled.

    Unchanged where no word is long enough.
    """
    words = [m for m in _WORD.finditer(text) if len(m.group()) >= _SHORTEST and not m.group()[0].isupper()]
    # A word glued to a digit ("covid19") is a name of a kind.
    words = [
        m
        for m in words
        if m.start() == 0 or not (text[m.start() - 1].isalnum() or text[m.start() - 1] == "_")
    ]
    if not words:
        return text
    picked = rng.sample(words, min(len(words), rng.randint(1, _MAX_TYPOS)))
    for match in sorted(picked, key=lambda m: m.start(), reverse=True):
        text = text[: match.start()] + _slip(match.group(), rng) + text[match.end() :]
    return text


def lower_cased(text: str, _rng: random.Random) -> str:
    """Return `text` in lower case."""
    return text.lower()


VARIANTS: Mapping[str, Callable[[str, random.Random], str]] = {"typo": with_typos, "lower_case": lower_cased}
"""What can be made by rule, by kind."""


def _variants(question: Question, kinds: Sequence[str], seed: int) -> Iterator[Question]:
    for kind in kinds:
        # A generator of its own for each: one more question must not change the others' slips.
        rng = random.Random(f"{seed}:{kind}:{question.question_id}")
        text = VARIANTS[kind](question.text, rng)
        if text != question.text and len(text) <= MAX_QUESTION_CHARACTERS:
            yield replace(
                question,
                question_id=f"{question.question_id}-{kind}",
                text=text,
                variant_of=question.question_id,
                variant=kind,
            )


def _slip(word: str, rng: random.Random) -> str:
    """Change one place after the first letter, which people rarely miss; always another word."""
    swaps = [place for place in range(1, len(word) - 1) if word[place] != word[place + 1]]
    how = rng.choice(("swap", "drop", "double") if swaps else ("drop", "double"))
    if how == "swap":
        place = rng.choice(swaps)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    place = rng.randrange(1, len(word))
    return word[:place] + (word[place] * 2 if how == "double" else "") + word[place + 1 :]
