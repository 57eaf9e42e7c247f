"""Makes the README's table of figures from the result files: `python -m eval.figures README.md`.

No number is written by hand: what a file does not hold is not in the table.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Row = tuple[str, str, str, str]

_BEGIN, _END = "<!-- figures:begin -->", "<!-- figures:end -->"
RESULTS = Path(__file__).parent / "results"


def figures_table(results: Path = RESULTS) -> str:
    """Return the table as Markdown, from the files that are there."""
    lines = ["| what | measured | goal | from |", "| --- | --- | --- | --- |"]
    for name, rows in _TABLE:
        path = results / f"{name}.json"
        if not path.is_file():
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        lines += [
            f"| {what} | {value} | {goal} | `{path.name}`: `{command}` |"
            for what, value, goal, command in rows(content)
        ]
    return "\n".join(lines)


def _seeds(content: dict[str, Any]) -> Iterator[Row]:
    command = "verse eval verify"
    everything, verified = content["all"], content["citations_verified"]
    yield "citations that verify", f"{verified['count']} of {verified['of']}", "all", command
    yield (
        "gold quote cited, of answerable questions",
        _share(everything["gold_hit_of_answerable"]["at_all"]),
        "≥ 0.90",
        command,
    )
    yield "refusal precision", _share(everything["refusal"]["precision"]), "≥ 0.7", command
    yield "refusal recall", _share(everything["refusal"]["recall"]), "≥ 0.7", command


def _search(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.search --data DATA"
    for name, label, goal in (
        ("hits_at_10", "Hits@10", "≥ 0.90"),
        ("hits_at_4", "Hits@4", "≥ 0.79"),
        ("mrr_at_10", "MRR@10", "≥ 0.63"),
    ):
        measure = content["measures"][name]
        low, high = measure["bootstrap_95"]
        yield f"MultiHop-RAG dev, {label}", f"{measure['mean']:.3f} [{low:.3f}, {high:.3f}]", goal, command
    yield (
        "search over its 609 articles, p50",
        f"{content['search_1_client']['p50_ms']:.1f} ms",
        "≤ 20 ms",
        command,
    )


def _serve(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.serve"
    yield "start to ready", f"{content['start_to_ready_s']['median']:.1f} s", "≤ 5 s", command
    ask = content["ask_1_client"]
    yield (
        "ask over HTTP, 1 client, p50 / p95",
        f"{ask['p50_ms']:.0f} / {ask['p95_ms']:.0f} ms",
        "≤ 60 / 150 ms",
        command,
    )
    yield (
        "answers a second, 8 clients",
        f"{content['ask_many_clients']['answers_per_s']:.1f}",
        "≥ 20",
        command,
    )
    yield "resident memory", f"{content['memory']['after_load']['rss_mib']:.0f} MiB", "≤ 1229 MiB", command


def _index(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.index --data DATA"
    whole = content["ratio_update_index_to_torch"]
    yield (
        "indexing, against `SentenceTransformer.encode` on torch",
        f"{whole:.1f} times",
        "≥ 2.5 times (bf16)",
        command,
    )


def _reliability(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.reliability"
    kills, damage = content["kills"], content["generation_damage"]
    bad = sum(kills[name] for name in ("lost", "resurrected", "wrong_text", "torn"))
    yield (
        "documents lost, torn or back after SIGKILLs",
        f"{bad} in {kills['kills']} kills",
        "0 in 30",
        command,
    )
    yield (
        "damaged index files found before an answer",
        f"{damage['detected']} of {damage['mutations']}",
        "all",
        command,
    )


def _boilerplate(content: dict[str, Any]) -> Iterator[Row]:
    held = content["halves"]["held_out"]
    yield (
        "boilerplate marked on unseen news pages, precision by line",
        _share(held["precision_lines"]),
        "",
        "python -m eval.bench.boilerplate --documents DATA",
    )


def _calibration(content: dict[str, Any]) -> Iterator[Row]:
    dev = content["squad2_dev"]
    command = "python -m rag.training.fit_calibration"
    yield "SQuAD 2.0, nine articles: answer's sentence among 5", f"{dev['gold_in_top_5']:.3f}", "", command
    yield "the same: AUROC of answerable", f"{dev['auroc_answerable']:.3f}", "", command


def _share(found: dict[str, Any]) -> str:
    low, high = found["wilson_95"]
    return f"{found['share']:.3f} [{low:.3f}, {high:.3f}]"


_TABLE: tuple[tuple[str, Callable[[dict[str, Any]], Iterator[Row]]], ...] = (
    ("seeds", _seeds),
    ("search", _search),
    ("serve", _serve),
    ("index", _index),
    ("reliability", _reliability),
    ("boilerplate", _boilerplate),
    ("calibration", _calibration),
)


def main(readme: Path) -> None:
    """Write the table between its marks."""
    text = readme.read_text(encoding="utf-8")
    block = f"{_BEGIN}\n{figures_table()}\n{_END}"
    readme.write_text(re.sub(f"{_BEGIN}.*{_END}", lambda _: block, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
