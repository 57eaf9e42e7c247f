"""A corpus of made-up stories with planted copies: edited sentences, other headlines, tails, other line ends."""

from __future__ import annotations

import random

_SUBJECTS = (
    "The council",
    "A ferry",
    "The mill",
    "Her sister",
    "Комитет",
    "The harbour board",
    "Nobody",
    "Die Brücke",
)
_VERBS = ("rebuilt", "sold", "measured", "painted", "закрыл", "closed", "counted", "baute")
_OBJECTS = (
    "the granary",
    "nine boats",
    "старый мост",
    "the east gate",
    "a hundred lamps",
    "the ледник",
    "its records",
)
_WHEN = (
    "on Monday",
    "after the flood",
    "в апреле",
    "before dawn",
    "in 1911",
    "without a word",
    "for the third time",
)
_TAILS = (
    "This report was written with material from our correspondents in three towns.",
    "The editors corrected an earlier text of this report 🌊.",
    "Материал подготовлен совместно с областной газетой.",
)


def sentence(rng: random.Random) -> str:
    words = [rng.choice(_SUBJECTS), rng.choice(_VERBS), rng.choice(_OBJECTS), rng.choice(_WHEN)]
    made = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(4))
    return f"{' '.join(words)}, and {made.title()} {rng.randint(2, 999)} stood by e\u0301te\u0301."


def story(rng: random.Random) -> list[str]:
    return [sentence(rng) for _ in range(rng.randint(12, 30))]


def copy_of(rng: random.Random, sentences: list[str]) -> str:
    """Return a story changed as papers change what an agency sends them: a little, or a lot."""
    kept = list(sentences)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        place = rng.randrange(len(kept))
        if rng.random() < 0.5:
            words = kept[place].split()
            words[rng.randrange(len(words))] = "reportedly"
            kept[place] = " ".join(words)
        else:
            kept[place] = sentence(rng)
    if rng.random() < 0.3:
        del kept[rng.randrange(len(kept)) :][:2]
    if rng.random() < 0.4:
        kept.insert(0, sentence(rng))  # another headline
    if rng.random() < 0.4:
        kept.append(rng.choice(_TAILS))
    if rng.random() < 0.2:
        kept = [one.upper() for one in kept]
    step = rng.randint(1, 5)
    paragraphs = [" ".join(kept[n : n + step]) for n in range(0, len(kept), step)]
    return rng.choice(("\n\n", "\r\n\r\n", "\n")).join(paragraphs)


def planted(count: int = 300, seed: int = 11) -> list[str]:
    """Return so many texts: stories and their copies, mixed."""
    rng = random.Random(seed)
    texts: list[str] = []
    while len(texts) < count:
        first = story(rng)
        texts.append("\n\n".join(first))
        texts += [copy_of(rng, first) for _ in range(rng.choice((0, 1, 2, 4)))]
    texts = texts[:count]
    rng.shuffle(texts)
    return texts
