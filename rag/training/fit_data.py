"""What the calibration is fitted on: questions with their gold sentences, over corpora of their own.

Squad: the articles of `squad2/questions.train` that the reader was not trained on, asked of all its
paragraphs. News: the half of MultiHop-RAG's dev queries whose id hashes to an even number, asked of its
articles; the other half checks the fit. Elsewhere: some questions of each, asked of the other corpus,
which cannot answer them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.training.reader_data import read_rows, split_squad

SQUAD = "squad2/questions.train.jsonl.gz"
SQUAD_CHECK = "squad2/questions.dev.jsonl.gz"
NEWS_CORPUS = "multihop_rag/corpus.jsonl.gz"
NEWS = "multihop_rag/queries.dev.jsonl.gz"
FILES = (SQUAD, NEWS_CORPUS, NEWS)
_ELSEWHERE = 200
# Few ask a service about something that none of its documents is about.
_OFF_TOPIC = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and its gold: (document id, start, end) each; none where the corpus does not answer."""

    question: str
    gold: tuple[tuple[str, int, int], ...]

    @property
    def answerable(self) -> bool:
        """Whether the corpus answers it."""
        return bool(self.gold)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSet:
    """Questions asked of one corpus; `weight` is what the whole set counts in a fit."""

    name: str
    corpus: str
    questions: tuple[Asked, ...]
    weight: float = 1.0


def half_of(identity: str) -> int:
    """Return which half a question belongs to, 0 or 1, by the hash of its id."""
    return hashlib.sha256(identity.encode()).digest()[0] % 2


def write_corpora(data: Path, folder: Path) -> dict[str, Path]:
    """Write both corpora as `.jsonl` files that can be indexed."""
    squad = [
        {"id": key, "title": title.replace("_", " "), "text": context}
        for (title, context), key in _contexts(data).items()
    ]
    news = [
        {
            "id": row["id"],
            "title": row["title"],
            "text": row["text"],
            "publisher": row["source"],
            "published_at": row["published_at"],
        }
        for row in read_rows(data / NEWS_CORPUS)
    ]
    found = {}
    for name, rows in (("squad", squad), ("news", news)):
        found[name] = folder / f"{name}.jsonl"
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        found[name].write_text("".join(lines), encoding="utf-8")
    return found


def fit_sets(data: Path) -> list[AskedSet]:
    """Return what is fitted on."""
    squad, news = _squad(data, held_out=True), _news(data, 0)
    return [
        AskedSet(name="squad", corpus="squad", questions=squad),
        AskedSet(name="news", corpus="news", questions=news),
        AskedSet(name="squad elsewhere", corpus="news", questions=_without_gold(squad), weight=_OFF_TOPIC),
        AskedSet(name="news elsewhere", corpus="squad", questions=_without_gold(news), weight=_OFF_TOPIC),
    ]


def check_sets(data: Path, limit: int) -> list[AskedSet]:
    """Return what the fit is checked on: nothing of it was trained or fitted on."""
    return [
        AskedSet(name="squad2 dev", corpus="squad", questions=_every(_squad(data, held_out=False), limit)),
        AskedSet(name="news, other half", corpus="news", questions=_every(_news(data, 1), limit)),
    ]


def _contexts(data: Path) -> dict[tuple[str, str], str]:
    rows = [row for name in (SQUAD, SQUAD_CHECK) for row in read_rows(data / name)]
    contexts = dict.fromkeys((row["title"], row["context"]) for row in rows)
    return {context: f"p{number}" for number, context in enumerate(contexts)}


def _squad(data: Path, *, held_out: bool) -> tuple[Asked, ...]:
    ids = _contexts(data)
    rows = split_squad(read_rows(data / SQUAD))[1] if held_out else read_rows(data / SQUAD_CHECK)

    def gold(row: dict[str, Any]) -> tuple[tuple[str, int, int], ...]:
        if row["unanswerable"]:
            return ()
        spans = {(a["start"], a["start"] + len(a["text"])) for a in row["answers"] if a["start"] >= 0}
        return tuple((ids[row["title"], row["context"]], start, end) for start, end in sorted(spans))

    found = [(row["unanswerable"], Asked(question=row["question"].strip(), gold=gold(row))) for row in rows]
    # An answer that the file does not locate cannot be told from a wrong one.
    return tuple(asked for unanswerable, asked in found if unanswerable or asked.gold)


def _news(data: Path, half: int) -> tuple[Asked, ...]:
    return tuple(
        Asked(
            question=row["text"].strip(),
            gold=tuple(
                (fact["doc_id"], fact["start"], fact["start"] + len(fact["fact"])) for fact in row["evidence"]
            )
            if row["question_type"] != "null_query"
            else (),
        )
        for row in read_rows(data / NEWS)
        if half_of(row["id"]) == half
    )


def _without_gold(questions: Sequence[Asked]) -> tuple[Asked, ...]:
    return tuple(replace(asked, gold=()) for asked in _every([q for q in questions if q.gold], _ELSEWHERE))


def _every(questions: Sequence[Asked], limit: int) -> tuple[Asked, ...]:
    """Return at most so many, evenly over the whole."""
    step = max(1.0, len(questions) / limit)
    return tuple(questions[int(n * step)] for n in range(min(limit, len(questions))))


def is_gold(asked: Asked) -> Callable[[str, int, int], bool]:
    """Return the test whether a stretch of a document overlaps a gold one."""
    return lambda document_id, start, end: any(
        document_id == document and start < right and end > left for document, left, right in asked.gold
    )
