"""A made-up corpus of any size out of real sentences, for measuring size rather than quality.

Sentences of real articles are embedded once by the real model. A document draws the sentences of a few
articles anew; the vector of a passage is the mean of those of its sentences, with some noise of its own, so
that a million passages need no week of inference. Passages are therefore nearer to each other than those of
real texts, and rankings say nothing about quality. A question is a few words of one sentence, with the
vector of that sentence bent by noise.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.types import Embedder, FloatArray

_SENTENCE = re.compile(r"[A-Z“\"‘][^.!?]{40,260}[.!?](?=\s)")
_START = 32
_ARTICLES = 1500
_PER_ARTICLE = 8
_PUBLISHERS = 60
PARAGRAPHS = 5
_PER_PARAGRAPH = 6
# One document in so many is for such a group.
GROUPS = {"0.1 %": 1000, "1 %": 100, "10 %": 10}
_STOP_WORDS = (
    "what is it that they have been and who was there with them",
    "how did he do that to me",
    "who was it and why is this so",
)


def read_sentences(folder: Path) -> list[list[str]]:
    """Return the sentences of real articles, by article; `folder` holds the data sets."""
    paths = [
        *sorted((folder / "distractors").glob("*.jsonl.gz")),
        folder / "multihop_rag" / "corpus.jsonl.gz",
    ]
    articles = []
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = re.sub(r"\s+", " ", json.loads(line)["text"])
                found = list(dict.fromkeys(_SENTENCE.findall(text)))
                if len(found) >= _PER_ARTICLE:
                    articles.append(found[: 2 * _PER_ARTICLE])
    random.Random(1).shuffle(articles)
    return [article[:_PER_ARTICLE] for article in articles[:_ARTICLES]]


class SentenceMeans:
    """An embedder that knows a set of sentences, and takes their mean; see the module."""

    dimension = 384
    max_tokens = 10_000
    name = "sentence-means-384"

    def __init__(self, sentences: Sequence[str], vectors: FloatArray) -> None:
        self._vectors = vectors
        self._place = {sentence[:_START]: n for n, sentence in enumerate(sentences)}
        self.questions: dict[str, FloatArray] = {}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return np.stack([self.questions.get(text, self._vectors[_number(text) % 1000]) for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        made = np.stack([self._mean(text) for text in texts])
        noise = np.random.default_rng(_number(texts[0])).standard_normal(made.shape).astype(np.float32)
        made += 0.25 * np.linalg.norm(made, axis=1, keepdims=True) * noise / np.sqrt(self.dimension)
        unit: FloatArray = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def _mean(self, text: str) -> FloatArray:
        starts = [0, *(match.end() for match in re.finditer(r"[.!?]\s+", text))]
        known = [n for s in starts if (n := self._place.get(text[s : s + _START])) is not None]
        mean: FloatArray = self._vectors[known or [_number(text) % len(self._vectors)]].mean(axis=0)
        return mean


def embedded(articles: Sequence[Sequence[str]], embedder: Embedder, kept: Path | None) -> FloatArray:
    """Return the vectors of all sentences, from a file where they were made before."""
    if kept is not None and kept.is_file():
        vectors: FloatArray = np.load(kept)
        return vectors
    flat = [sentence for article in articles for sentence in article]
    made = np.concatenate([embedder.embed_passages(flat[n : n + 256]) for n in range(0, len(flat), 256)])
    if kept is not None:
        np.save(kept, made)
    return made


def documents(
    articles: Sequence[Sequence[str]], first: int, count: int, seed: int = 1
) -> Iterator[dict[str, Any]]:
    """Yield made-up documents as lines of a `.jsonl` file."""
    for number in range(first, first + count):
        rng = random.Random(f"{seed} {number}")
        main, other = rng.sample(range(len(articles)), 2)
        paragraphs = []
        for _ in range(PARAGRAPHS):
            drawn = [
                rng.choice(articles[main if rng.random() < 0.7 else other]) for _ in range(_PER_PARAGRAPH)
            ]
            paragraphs.append(" ".join(dict.fromkeys(drawn)))
        yield {
            "id": f"m{number}",
            "title": f"{' '.join(articles[main][number % _PER_ARTICLE].split()[:7])} ({number})",
            "publisher": f"Paper {rng.randrange(_PUBLISHERS)}",
            "published_at": f"20{rng.randrange(10, 26)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
            "text": "\n\n".join(paragraphs),
            "access": {"groups": ["all", *(name for name, step in GROUPS.items() if number % step == 0)]},
        }


def questions(
    articles: Sequence[Sequence[str]], vectors: FloatArray, embedder: SentenceMeans, count: int, seed: int
) -> list[str]:
    """Return questions, whose vectors the embedder then knows: one in ten of stop words, one in ten misspelt."""
    rng = random.Random(seed)
    source = np.random.default_rng(seed)
    found = []
    for number in range(count):
        article = rng.randrange(len(articles))
        place = rng.randrange(_PER_ARTICLE)
        words = articles[article][place].rstrip(".!?").split()
        start = rng.randrange(max(1, len(words) - 9))
        text = " ".join(words[start : start + 9])
        if number % 10 == 0:
            text = f"{_STOP_WORDS[number // 10 % len(_STOP_WORDS)]} {'again ' * (number // 30)}".strip()
        elif number % 10 == 1 and (longest := max(text.split(), key=len)).isalpha():
            text = text.replace(longest, longest[:2] + longest[3:], 1)
        vector = vectors[_PER_ARTICLE * article + place]
        noise = source.standard_normal(vector.shape).astype(np.float32)
        vector = vector + 0.4 * noise / np.linalg.norm(noise)
        embedder.questions[text] = (vector / np.linalg.norm(vector)).astype(np.float32)
        found.append(text)
    return found


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
