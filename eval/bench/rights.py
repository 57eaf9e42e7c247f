"""Measures what rights cost and whether narrow ones empty the results.

    python -m eval.bench.rights [--out eval/results/rights.json] [--documents 20000] [--questions 200]

A corpus of made-up words is indexed by the real code, with an embedder that adds up one random vector a
word. Viewers may read 0.1, 1, 10 and 50 % of its documents, chosen at random, and 10 % that are all on the
same subjects. What each of them finds is held against an index that holds their documents and no others
(to 10 %): recall@10 is the share of its first ten passages that is found among the first ten. Times are
those of `Retriever.retrieve` alone, beside those of a viewer who may read everything, the same questions in
turn; `first` are those in which a question's words are counted for the first time.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from eval.bench.record import provenance, write_json
from index.access import OPERATOR, AccessRule, Viewer
from index.build import update_index
from index.generation import Generation, open_current
from index.rules import set_access
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import FloatArray
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import RagSettings
from rag.types import NO_FILTERS

MODULE = "eval.bench.rights"
T = TypeVar("T")
SHARES = {"0.1 %": 0.001, "1 %": 0.01, "10 %": 0.1, "50 %": 0.5}
SUBJECTS = "10 % of one kind"
_EXACT_TO = 0.1
_K = 10
_WORDS = 20_000
_TOPICS = 100


class WordVectors:
    """Adds up one random vector a word: texts that share words are near each other."""

    name = "word-vectors-384"
    dimension = 384
    max_tokens = 10_000

    def __init__(self) -> None:
        self._known: dict[str, FloatArray] = {}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        rows = np.stack([np.sum([self._of(w) for w in text.lower().split()], axis=0) for text in texts])
        found: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return found

    def _of(self, word: str) -> FloatArray:
        word = word.strip(".")
        if word not in self._known:
            made = np.random.default_rng(list(word.encode())).standard_normal(self.dimension)
            self._known[word] = made.astype(np.float32)
        return self._known[word]


def vocabulary(rng: random.Random) -> list[str]:
    """Made-up words, the most frequent first."""
    found: dict[str, None] = {}
    while len(found) < _WORDS:
        found[
            "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
        ] = None
    return list(found)


def documents(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Documents of five paragraphs, each mostly in the words of one topic, words as frequent as by Zipf."""
    rng = random.Random(seed)
    words = vocabulary(rng)
    weights = [1 / (rank + 20) for rank in range(_WORDS)]
    own = [rng.sample(words, 60) for _ in range(_TOPICS)]
    common = rng.choices(words, weights, k=400_000)
    for number in range(count):
        topic = number % _TOPICS
        # The first is everybody's, so that nobody has nothing.
        groups = [name for name, share in SHARES.items() if rng.random() < share or number == 0]
        if topic < _TOPICS // 10:
            groups.append(SUBJECTS)
        text = "\n\n".join(
            " ".join(
                " ".join(_sentence(rng, own[topic], common)).capitalize() + "."
                for _ in range(rng.randint(5, 7))
            )
            for _ in range(5)
        )
        yield {"id": f"d{number}", "title": f"No {number}", "text": text, "access": {"groups": groups}}


def _sentence(rng: random.Random, own: Sequence[str], common: Sequence[str]) -> list[str]:
    return [rng.choice(own) if rng.random() < 0.25 else rng.choice(common) for _ in range(rng.randint(9, 14))]


def index(folder: Path, rows: Sequence[dict[str, Any]], embedder: WordVectors) -> Generation:
    """Index documents by the real code."""
    folder.mkdir(parents=True)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    state = StateFolder(folder / "state")
    report = update_index(state, [path], embedder, IndexSettings(context_tokens=0))
    assert not report.problems, report.problems[0]
    return open_current(state, embedder=embedder.name)


def questions(generation: Generation, count: int, seed: int) -> list[str]:
    """Eight words of one sentence each, of passages chosen at random."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        passage = generation.passage(rng.randrange(len(generation)))
        words = passage.sentence_text(rng.choice(passage.sentences)).strip(".").lower().split()
        found.append(" ".join(rng.sample(words, 8)))
    return found


@dataclass(slots=True)
class Asked:
    """The searches of one viewer."""

    retriever: Retriever
    viewer: Viewer

    def find(self, question: str) -> list[str]:
        """Return the ids of the first ten passages."""
        generation = self.retriever.generation
        allowed, _ = self.retriever.allowed(NO_FILTERS, generation.sight(self.viewer))
        hits = self.retriever.retrieve(read_question(question), _K, allowed).hits
        return [generation.passage(hit.row).passage_id for hit in hits]


def recall(exact: Sequence[str], found: Sequence[str]) -> float:
    """Share of the exact first passages that were found."""
    return len(set(exact) & set(found)) / len(exact)


def timed(work: Callable[[T], object], on: T) -> float:
    """Milliseconds that some work takes."""
    started = time.perf_counter()
    work(on)
    return (time.perf_counter() - started) * 1000


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {
        "p50_ms": round(float(np.percentile(milliseconds, 50)), 3),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 3),
    }


def bench(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Index, search for every viewer, and hold it against their own index."""
    record = provenance(MODULE, threads=1)
    embedder = WordVectors()
    rows = list(documents(options.documents, options.seed))
    whole = index(folder / "whole", rows, embedder)
    settings = RagSettings()
    retriever = Retriever(whole, embedder, settings)
    everybody = Asked(retriever, OPERATOR)
    asked = questions(whole, options.questions, options.seed + 1)
    for question in asked[:5]:
        everybody.find(question)
    result: dict[str, Any] = {}
    for name in (*SHARES, SUBJECTS):
        mine = Asked(retriever, Viewer(groups=frozenset({name})))
        own = [row for row in rows if name in row["access"]["groups"]]
        sight_ms = timed(whole.sight, mine.viewer)
        first = [timed(mine.find, question) for question in asked]
        again: list[float] = []
        without: list[float] = []
        for question in asked:
            again.append(timed(mine.find, question))
            without.append(timed(everybody.find, question))
        result[name] = {
            "documents": len(own),
            "passages": int(np.count_nonzero(whole.rows_of(_mask(whole, mine.viewer)))),
            "first_sight_ms": round(sight_ms, 3),
            "first": spread(first),
            "again": spread(again),
            "without_rights": spread(without),
        }
        if SHARES.get(name, _EXACT_TO) <= _EXACT_TO and own:
            alone = Asked(Retriever(index(folder / name, own, embedder), embedder, settings), OPERATOR)
            of_their_own = questions(alone.retriever.generation, options.questions, options.seed + 2)
            scores = [recall(alone.find(q), mine.find(q)) for q in (*asked, *of_their_own)]
            result[name]["recall_at_10"] = round(float(np.mean(scores)), 5)
            result[name]["questions"] = len(scores)
    viewer = Viewer(groups=frozenset({"1 %"}))
    first_ids = [row["id"] for row in rows if "1 %" in row["access"]["groups"]][:6]
    sight = whole.sight(viewer)
    changes = []
    for number in range(50):
        set_access(
            StateFolder(folder / "whole" / "state").catalog,
            f"d{number}",
            AccessRule(groups=frozenset({"1 %"})),
        )
        changes.append(timed(whole.sight, viewer))
    return {
        "what": "search for viewers of different rights: recall@10 against an index of their own, and times",
        **record,
        "seed": options.seed,
        "documents": len(rows),
        "passages": len(whole),
        "viewers": result,
        "sight_again": spread([timed(whole.sight, viewer) for _ in range(500)]),
        "sight_after_a_change": spread(changes),
        "check_of_six_documents": spread([timed(sight.check, first_ids) for _ in range(500)]),
    }


def _mask(generation: Generation, viewer: Viewer) -> Any:
    found = generation.sight(viewer).documents
    return np.ones(generation.manifest.documents, dtype=np.bool_) if found is None else found


def passed(found: dict[str, Any]) -> bool:
    """Tell whether narrow rights left what an index of their own would have found."""
    return all(one["recall_at_10"] >= 0.98 for one in found["viewers"].values() if "recall_at_10" in one)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 1 where narrow rights lost something."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to index: one in memory is quicker")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        found = bench(options, Path(name))
    write_json(found, options.out)
    return 0 if passed(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
