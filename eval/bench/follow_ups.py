"""Measures what making a follow-up stand alone is worth: searches with it beside a person's rewrite.

    python -m eval.bench.follow_ups --data FOLDER [--out eval/results/follow_ups.json] [--state FOLDER]

TREC CAsT's dev turns. Only those of 2021 have a relevant passage; the corpus is these passages and, so
that finding them is not trivial, the contexts of MTRAG and CLAP NQ. Each turn is searched for by the
service's own `Retriever` as it was asked, as `rag.follow_up` and the reader (`rag.follow_up_choice`) make it
stand alone, and as a person rewrote it; `by_rules_alone` is without the reader. The turns of 2019 and 2020 have no relevant passage: there the ranking is compared with
that of the person's rewrite. The rules were tuned on topics of even number; `held_out` is the others.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.pipeline import Pipeline
from eval.bench.record import provenance, write_json
from eval.datasets import clapnq, mtrag, trec_cast
from eval.datatypes import DataSet, Question
from eval.significance import RESAMPLES, FloatArray, bootstrap
from index.state import StateFolder
from index.terms import content_terms
from rag.follow_up import standalone
from rag.question import read_question
from rag.types import Turn

MODULE = "eval.bench.follow_ups"
_K = 10
_TOPIC = re.compile(r"(?P<topic>\d{4}-(?P<number>\d+))_(?P<turn>\d+)$")
# A slip of the data set: some rewrites begin with the name of their column.
_LABEL = re.compile(r"^Utterance:\s*")
Search = Callable[[str], Sequence[str]]
Alone = Callable[[str, Sequence[Turn]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A turn: its conversation, its texts, and how the search for each text went.

    `found` are the ids of the documents found for the text as it was asked, as ours, as a person's.
    """

    topic: str
    even: bool
    first: bool
    asked: str
    ours: str
    human: str
    relevant: tuple[str, ...]
    found: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    @property
    def needs_history(self) -> bool:
        """False when the person changed nothing but case, white space and punctuation."""
        return plain(self.asked) != plain(self.human)


def plain(text: str) -> str:
    """Return the words alone, in lower case."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


def ndcg(ranking: Sequence[str], relevant: Sequence[str], k: int = _K) -> float:
    """Return nDCG of the first `k` documents with binary grades (Järvelin and Kekäläinen, 2002)."""
    gains = [1 / math.log2(rank + 1) for rank, name in enumerate(ranking[:k], start=1) if name in relevant]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(set(relevant))) + 1))
    return sum(gains) / ideal


def reciprocal_rank(ranking: Sequence[str], relevant: Sequence[str], k: int = _K) -> float:
    """Return 1 by the rank of the first relevant document, 0 when none is among the first `k`."""
    return next((1 / rank for rank, name in enumerate(ranking[:k], start=1) if name in relevant), 0.0)


def overlap(one: Sequence[str], other: Sequence[str], k: int = _K) -> float:
    """Return the share of the first `k` of one ranking that the first `k` of the other have too."""
    return len(set(one[:k]) & set(other[:k])) / k


def histories(data_set: DataSet, *, answers: bool) -> dict[str, tuple[Turn, ...]]:
    """Return the turns before each turn; with `answers`, the passages shown in response stand between."""
    texts = {row["id"]: row["text"] for row in data_set.documents}
    before: dict[str, tuple[Turn, ...]] = {}
    so_far: dict[str, tuple[Turn, ...]] = {}
    for question in sorted(data_set.questions, key=lambda question: _place(question)[1:]):
        topic = _place(question)[1]
        before[question.question_id] = so_far.get(topic, ())
        said = [Turn(role="user", content=question.text)]
        if answers and question.relevant:
            said.append(Turn(role="assistant", content=texts[question.relevant[0][0]]))
        so_far[topic] = (*before[question.question_id], *said)
    return before


def _place(question: Question) -> tuple[int, str, int]:
    match = _TOPIC.match(question.question_id)
    if match is None:
        raise ValueError(f"turn {question.question_id!r}: its id is not YEAR-TOPIC_TURN")
    return int(match["number"]), match["topic"], int(match["turn"])


def cases_of(data_set: DataSet, search: Search, alone: Alone, *, answers: bool) -> list[Case]:
    """Make every turn stand `alone`, and search for it in its three forms."""
    before = histories(data_set, answers=answers)
    cases = []
    for question in data_set.questions:
        number, topic, turn = _place(question)
        ours = alone(question.text, before[question.question_id])
        human = _LABEL.sub("", question.standalone or question.text)
        cases.append(
            Case(
                topic=topic,
                even=number % 2 == 0,
                first=turn == 1,
                asked=question.text,
                ours=ours,
                human=human,
                relevant=tuple(f"{trec_cast.NAME}-{name}" for name, _ in question.relevant),
                found=(tuple(search(question.text)), tuple(search(ours)), tuple(search(human))),
            )
        )
    return cases


def figures(cases: Sequence[Case], *, seed: int) -> dict[str, Any]:
    """Return all measures of some turns."""
    judged = [case for case in cases if case.relevant]
    others = [case for case in cases if not case.relevant]
    later = [case for case in cases if not case.first]
    alone = [case for case in cases if not case.needs_history]
    leaning = [case for case in later if case.needs_history]
    return {
        "turns": len(cases),
        "retrieval_2021": {
            "turns": len(judged),
            "ndcg_at_10": kept(judged, ndcg, seed=seed),
            "mrr_at_10": kept(judged, reciprocal_rank, seed=seed),
        },
        "same_ranking_as_human_2019_2020": {
            "turns": len(others),
            "overlap_at_10": {
                "as_asked": _mean([overlap(case.found[0], case.found[2]) for case in others]),
                "ours": _mean([overlap(case.found[1], case.found[2]) for case in others]),
            },
        },
        "terms_of_later_turns": term_figures(later),
        "left_alone": {
            "need_no_history": _share([case.ours == case.asked for case in alone]),
            "need_no_history_and_are_not_first": _share(
                [case.ours == case.asked for case in alone if not case.first]
            ),
            "first_turns": _share([case.ours == case.asked for case in cases if case.first]),
        },
        "need_history_and_changed": _share([case.ours != case.asked for case in leaning]),
    }


def kept(
    cases: Sequence[Case], measure: Callable[[Sequence[str], Sequence[str]], float], *, seed: int
) -> dict[str, Any]:
    """Return the mean of a measure for each form, and ours by the person's with a bootstrap interval.

    Conversations are resampled, not turns: the turns of one share their topic.
    """
    topics = sorted({case.topic for case in cases})
    sums = np.zeros((len(topics), 3))
    for case in cases:
        sums[topics.index(case.topic)] += [measure(found, case.relevant) for found in case.found]
    asked, ours, human = sums.sum(axis=0) / len(cases)
    return {
        "as_asked": round(float(asked), 4),
        "ours": round(float(ours), 4),
        "human": round(float(human), 4),
        "as_asked_by_human": _ratio(sums[:, (0, 2)], seed),
        "ours_by_human": _ratio(sums[:, (1, 2)], seed),
    }


def _ratio(sums: FloatArray, seed: int) -> dict[str, Any]:
    interval = bootstrap(sums, _quotient, seed=seed)
    return {
        "ratio": round(_quotient(sums), 4),
        "bootstrap_95": None if interval is None else [round(value, 4) for value in interval],
    }


def _quotient(sums: FloatArray) -> float:
    ours, human = sums.sum(axis=0)
    return float(ours / human) if human else math.nan


def term_figures(cases: Sequence[Case]) -> dict[str, float]:
    """Return how far the content terms are those of the person's rewrite: means over turns."""
    pairs = [
        (set(content_terms(c.asked)), set(content_terms(c.ours)), set(content_terms(c.human))) for c in cases
    ]
    return {
        "recall_as_asked": _mean([len(asked & human) / len(human) for asked, _, human in pairs if human]),
        "recall_ours": _mean([len(ours & human) / len(human) for _, ours, human in pairs if human]),
        "precision_ours": _mean([len(ours & human) / len(ours) for _, ours, human in pairs if ours]),
        "terms_added": _mean([float(len(ours - asked)) for asked, ours, _ in pairs]),
    }


def of_mtrag(data_set: DataSet, search: Search, alone: Alone) -> dict[str, Any]:
    """Return nDCG@10 of MTRAG's later tasks: no rule was made on them, and nobody rewrote them."""
    asked, ours = [], []
    for question in data_set.questions:
        relevant = [f"{mtrag.NAME}-{name}" for name, _ in question.relevant]
        if question.history and relevant and question.answerable:
            asked.append(ndcg(search(question.text), relevant))
            ours.append(ndcg(search(alone(question.text, question.history)), relevant))
    return {"turns": len(asked), "ndcg_at_10": {"as_asked": _mean(asked), "ours": _mean(ours)}}


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def _share(values: Sequence[bool]) -> dict[str, Any]:
    return {"of": len(values), "share": round(sum(values) / len(values), 4)}


def write_corpus(data_sets: Sequence[DataSet], out: Path) -> int:
    """Write the documents of all sets, their ids preceded by the set's name; return how many."""
    rows: list[Mapping[str, Any]] = [
        {**row, "id": f"{data_set.name}-{row['id']}"} for data_set in data_sets for row in data_set.documents
    ]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def bench(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Index the corpus into the folder, unless it is there, and search."""
    record = provenance(MODULE, threads=options.threads)
    cast, tasks, contexts = (module.load(options.data) for module in (trec_cast, mtrag, clapnq))
    documents = write_corpus((cast, tasks, contexts), folder / "corpus.jsonl")
    pipeline = Pipeline(folder / "models", threads=options.threads)
    stages = pipeline.over(StateFolder(folder / "state"), [folder / "corpus.jsonl"])
    everything = stages.generation.row_filter(None)
    searched: dict[str, list[str]] = {}

    def search(text: str) -> list[str]:
        if text not in searched:
            hits = stages.retriever.search(read_question(text), _K, everything)
            searched[text] = list(dict.fromkeys(hit.passage.document_id for hit in hits))
        return searched[text]

    def alone(text: str, history: Sequence[Turn]) -> str:
        return stages.settled(read_question(text, history), everything).standalone

    conversations = {
        "questions_only": cases_of(cast, search, alone, answers=False),
        "with_the_answers_shown": cases_of(cast, search, alone, answers=True),
    }
    by_rules = {
        "questions_only": cases_of(cast, search, standalone, answers=False),
        "with_the_answers_shown": cases_of(cast, search, standalone, answers=True),
    }
    result = {
        "what": "follow-ups made to stand alone by rules and the reader, by what they retrieve, beside a person's rewrites",
        **record,
        "data": {data_set.name: data_set.sha256 for data_set in (cast, tasks, contexts)},
        "documents": documents,
        "passages": len(stages.generation),
        "bootstrap": {"resamples": RESAMPLES, "seed": options.seed, "over": "conversations"},
        "reading": (
            "questions_only is what the data set gives as history; with_the_answers_shown has the passage "
            "of each earlier turn of 2021 too, as a chat would. The rules were tuned on even topics. The "
            "others were then looked at once: their retrieval was as it is here, but only 0.85 of the "
            "turns that need no history were left alone. Rules put right after that, by what is true of "
            "any question, make left_alone of held_out no longer unseen. How far the reader must prefer the nearest "
            "topic alone was chosen on all topics and on MTRAG, from a range that makes little difference."
        ),
        "conversations": {
            name: {
                "tuned_on": figures([case for case in cases if case.even], seed=options.seed),
                "held_out": figures([case for case in cases if not case.even], seed=options.seed),
                "all": figures(cases, seed=options.seed),
            }
            for name, cases in conversations.items()
        },
        "by_rules_alone": {
            name: figures(cases, seed=options.seed)["retrieval_2021"] for name, cases in by_rules.items()
        },
        "mtrag_later_tasks": of_mtrag(tasks, search, alone),
        "mtrag_by_rules_alone": of_mtrag(tasks, search, standalone),
    }
    stages.generation.close()
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--state", type=Path, help="a folder to keep the index in; else it is made anew")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.state is not None:
        options.state.mkdir(parents=True, exist_ok=True)
        write_json(bench(options, options.state), options.out)
    else:
        with tempfile.TemporaryDirectory() as name:
            write_json(bench(options, Path(name)), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
