"""Makes the README's tables of figures from the result files: `python -m eval.figures README.md`.

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
        "≥ 0.97",
        command,
    )
    yield (
        "gold quote first, of answerable questions",
        _share(everything["gold_hit_of_answerable"]["at_1"]),
        "≥ 0.85",
        command,
    )
    yield "refusal precision", _share(everything["refusal"]["precision"]), "≥ 0.90", command
    yield "refusal recall", _share(everything["refusal"]["recall"]), "≥ 0.90", command


def _search(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.search --data DATA"
    for name, label, goal in (
        ("hits_at_10", "Hits@10", "≥ 0.97"),
        ("hits_at_4", "Hits@4", "≥ 0.90"),
        ("mrr_at_10", "MRR@10", "≥ 0.76"),
    ):
        measure = content["measures"][name]
        low, high = measure["bootstrap_95"]
        yield f"MultiHop-RAG dev, {label}", f"{measure['mean']:.3f} [{low:.3f}, {high:.3f}]", goal, command
    yield (
        "search over its 609 articles, p50",
        f"{content['search_1_client']['p50_ms']:.1f} ms",
        "",
        command,
    )
    asked = content["ask_1_client"]
    yield (
        "ask over them, p50 / p95",
        f"{asked['p50_ms']:.0f} / {asked['p95_ms']:.0f} ms",
        "≤ 250 / 600 ms",
        command,
    )


def _serve(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.serve"
    yield "start to ready", f"{content['start_to_ready_s']['median']:.1f} s", "≤ 5 s", command
    ask = content["ask_1_client"]
    yield (
        "ask over HTTP, 1 client, p50 / p95",
        f"{ask['p50_ms']:.0f} / {ask['p95_ms']:.0f} ms",
        "≤ 250 / 600 ms",
        command,
    )
    yield (
        "answers a second, 8 clients",
        f"{content['ask_many_clients']['answers_per_s']:.1f}",
        "",
        command,
    )
    yield "resident memory", f"{content['memory']['after_load']['rss_mib']:.0f} MiB", "≤ 1536 MiB", command


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
        "documents lost, torn or back after SIGKILLs of the indexer",
        f"{bad} in {kills['kills']} kills",
        "0",
        command,
    )
    if cuts := content.get("power_cuts"):
        bad = sum(cuts[name] for name in ("lost", "resurrected", "wrong_text", "torn"))
        yield "the same after simulated power cuts", f"{bad} in {cuts['cuts']} cuts", "0 in 300", command
    if ends := content.get("failpoints"):
        yield (
            "the same after an end at every named place",
            f"{len(ends['findings'])} at {ends['points_hit']} of {ends['points']} places",
            "0",
            command,
        )
    if calls := content.get("failing_calls"):
        more = content["failing_from_a_call_on"]
        yield (
            "false acknowledgements where the Nth call that writes fails",
            f"{len(calls['findings']) + len(more['findings'])} in {calls['sessions'] + more['sessions']} sessions",
            "0",
            command,
        )
    yield (
        "damaged index files found before an answer",
        f"{damage['detected']} of {damage['mutations']}",
        "all",
        command,
    )


def _server_kills(content: dict[str, Any]) -> Iterator[Row]:
    yield (
        "what was not as acknowledged after SIGKILLs of the running service",
        f"{len(content['findings'])} in {content['kills']} kills, {content['accepted']} accepted jobs",
        "0",
        "python -m eval.bench.server_kills",
    )


def _hostile_uploads(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.hostile_uploads"
    yield (
        f"{content['hostile']} hostile files sent to the service: taken, longest until refused",
        f"{len(content['hostile_taken'])}, {content['longest_s']:.1f} s",
        "0, 10 s",
        command,
    )
    yield (
        "memory of the service meanwhile (hostile files)",
        f"{content['most_memory_more_mib']:+.0f} MiB",
        "≤ +64 MiB",
        command,
    )
    before, after = (content[f"memory_{when}"]["rss_mib"] for when in ("before", "after"))
    yield (
        "odd files that may be taken, sent between them: longest; memory before and after all",
        f"{content['longest_of_odd_s']:.1f} s; {before:.0f}, {after:.0f} MiB",
        "",
        command,
    )
    yield (
        "`/healthz` meanwhile, p99 (hostile files)",
        f"{content['healthz']['p99_ms']:.0f} ms",
        "≤ 100 ms",
        command,
    )


def _readers(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.readers"
    for way, found in content["by"].items():
        during = found["during"]
        asked = during["ask"]["requests"] + during["search"]["requests"]
        what = f"{content['what']} ({way})"
        yield (
            f"{what}: errors, answers of two generations",
            f"{during['errors']}, {during['mixed']} of {asked}",
            "0",
            command,
        )
        ratios = f"{found['ask_p95_ratio']:.2f} / {found['search_p95_ratio']:.2f} times"
        yield f"{what}: p95 of asks / searches against idle", ratios, "≤ 2", command
        if found["found_after_published"] is not None:
            yield (
                f"{what}: found after it was {'searchable' if way == 'upload' else 'published'}, p95",
                f"{found['found_after_published']['p95_ms']:.0f} ms",
                "≤ 1,000 ms",
                command,
            )
        if way == "upload":
            waited = found["stored_until_published_s"]
            yield (
                f"{what}: from stored to searchable, p50 / p95",
                f"{waited['p50_ms'] / 1000:.1f} / {waited['p95_ms'] / 1000:.1f} s",
                "",
                command,
            )


def _ingest(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.ingest --documents DATA --python RIVAL"
    files = content["files_all_can_read"]
    for name, found in content["systems"].items():
        yield (
            f"reading and splitting {files} real files: {name}",
            f"{found['files_per_s']:.1f} files/s, {found['megabytes_per_s']:.2f} MB/s; "
            f"{found['files_read_of_all']} of {content['files']} can be read",
            "",
            command,
        )


def _rights(content: dict[str, Any]) -> Iterator[Row]:
    for name, found in content["viewers"].items():
        if "recall_at_10" in found:
            yield (
                f"recall@10 for who may read {name} of {content['documents']:,} documents",
                f"{found['recall_at_10']:.3f}",
                "≥ 0.98",
                "python -m eval.bench.rights",
            )


def _boilerplate(content: dict[str, Any]) -> Iterator[Row]:
    held = content["halves"]["held_out"]
    yield (
        "boilerplate marked on unseen news pages, precision by line",
        _share(held["precision_lines"]),
        "",
        "python -m eval.bench.boilerplate --documents DATA",
    )


def _ingest_quality(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.ingest_quality --documents DATA"
    pages = content["news_pages"]
    for name, goal in (("precision", "≥ 0.95"), ("recall", "≥ 0.90")):
        yield (
            f"text of {pages['pages']} web pages against reference texts, {name} by runs of four words",
            f"{pages[name]:.3f}",
            goal,
            command,
        )


def _size(content: dict[str, Any]) -> Iterator[Row]:
    command = f"python -m eval.bench.size --data DATA --passages {content['passages']}"
    everybody, opened = content["search"]["all"], content["open"]
    where = f"over {content['passages']:,} passages"
    large = content["passages"] > 100_000
    slowest, longest, memory = (
        ("≤ 60 ms", "≤ 30 s", "≤ 6 GiB") if large else ("≤ 30 ms", "≤ 5 s", "≤ 1.5 GiB")
    )
    yield f"retrieval {where}, p95", f"{everybody['retrieve']['p95_ms']:.1f} ms", slowest, command
    wanted = "" if large else "≥ 0.98"
    yield f"recall@10 of vectors {where}", f"{everybody['recall_at_10']:.3f}", wanted, command
    yield f"opening an index {where}, without models", f"{opened['ready_s']:.1f} s", longest, command
    yield f"most memory {where}, without models", f"{opened['peak_mib']} MiB", memory, command
    again = content["publish_10_new"][-1]
    yield (
        f"indexing ten new documents {where}, all / publishing",
        f"{again['all_s']:.1f} / {again['publish_s']:.1f} s",
        "",
        command,
    )
    for name, found in content["search"].items():
        if name.endswith("%"):
            yield (
                f"retrieval {where} for who may read {name}, p50 / p95",
                f"{found['retrieve']['p50_ms']:.0f} / {found['retrieve']['p95_ms']:.0f} ms",
                "",
                command,
            )


def _calibration(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m rag.training.fit_calibration --data DATA --cache CACHE"
    for name, label in (
        ("squad2 dev", "SQuAD 2.0 dev, a sample"),
        ("news, other half", "MultiHop-RAG, other half"),
    ):
        found = content["checked_on"][name]
        yield f"{label}: answer's sentence among 5", f"{found['gold_in_top_5']:.3f}", "", command
        yield f"{label}: AUROC of answerable", f"{found['auroc_answerable']:.3f}", "≥ 0.75 / 0.90", command


_CORPORA = {
    "seeds": "own questions about the seeds",
    "multihop_rag": "MultiHop-RAG",
    "squad2": "SQuAD 2.0",
    "squad2_articles": "SQuAD 2.0, three articles",
    "squad2_articles_among_news": "the same among news",
}


def _by_size(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.calibration --data DATA"
    for name, found in content["corpora"].items():
        yield (
            f"calibration error over {found['documents']} documents ({_CORPORA[name]}); by chance alone",
            f"{found['expected_calibration_error']:.3f}; {found['error_of_the_calibrated']:.3f}",
            "≤ 0.05",
            command,
        )


def _follow_ups(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.follow_ups --data DATA"
    for shown, how in (
        ("questions_only", ""),
        ("with_the_answers_shown", ", with the answers in the history"),
    ):
        for name, label in (("held_out", "topics not tuned on"), ("all", "all topics")):
            found = content["conversations"][shown][name]["retrieval_2021"]["ndcg_at_10"]
            yield (
                f"TREC CAsT follow-ups, nDCG@10 as a share of human rewrites', {label}{how}",
                f"{found['ours'] / found['human']:.3f}",
                "≥ 0.85",
                command,
            )


def _given_gold(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.given_gold --data DATA"
    answerable, overall = content["answerable"], content["overall"]
    yield (
        "SQuAD 2.0 given the paragraph, answerable: EM / F1 (a published BERT-base: 0.713 / 0.788)",
        f"{answerable['exact_match']['value']:.3f} / {answerable['f1']['value']:.3f}",
        "",
        command,
    )
    yield (
        "SQuAD 2.0 given the paragraph, all, best threshold: EM / F1 (BERT-base: 0.723 / 0.761)",
        f"{overall['best_exact']:.3f} / {overall['best_f1']:.3f}; refusing everything {overall['always_refuse']:.3f}",
        "",
        command,
    )
    yield "the same: AUROC of answerable", f"{content['auroc_answerable']['value']:.3f}", "", command


# SQuAD 2.0 over all its paragraphs, where every question is answered.
_UNREFUSED: tuple[tuple[str, str, str], ...] = (
    ("success_at_1", "right paragraph first", "≥ 0.88"),
    ("reading_em_answerable", "EM of answerable questions, end to end, none refused", "≥ 0.50"),
    ("reading_f1_answerable", "F1 of the same", "≥ 0.62"),
    ("auroc_answerable", "AUROC of answerable", "≥ 0.75"),
    ("ece", "calibration error", "≤ 0.05"),
)


def _unrefused(content: dict[str, Any]) -> Iterator[Row]:
    command = "VERSE_MIN_PROBABILITY=0 verse eval run --data squad2 --folder DATA"
    for name, label, goal in _UNREFUSED:
        shown = _estimate(content["metrics"][name])
        yield f"SQuAD 2.0 dev over all its paragraphs: {label}", shown, goal, command


def _disagreements(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.disagreements"
    held = content["held"]
    yield "planted disagreements named, new stories", _share(held["both_sides_shown"]), "≥ 0.90", command
    yield "false disagreements, new stories", _share(held["false_conflicts"]), "≤ 0.05", command


def _support(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.support_mutations"
    mutations, harmless = content["mutations"], content["harmless"]
    yield (
        "statements with one thing changed, held for supported",
        f"{mutations['accepted']} of {mutations['total']}",
        "0 of ≥ 500",
        command,
    )
    yield (
        "statements written otherwise, held for supported",
        f"{harmless['accepted']} of {harmless['total']}",
        "≥ 0.95",
        command,
    )
    if read := content.get("with_reader"):
        yield (
            "the same three with the reader asked too: changed, written otherwise, beside a sentence that "
            "shares words",
            f"{read['mutations_accepted']}, {read['harmless_accepted']}, {read['elsewhere_accepted']} of "
            f"{mutations['total']}, {harmless['total']}, {read['elsewhere']}",
            "0, ≥ 0.95, 0",
            command,
        )


def _across(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.across --data DATA"
    found = {row["system"]: row["metrics"] for row in content["rows"]}
    yield (
        f"XQuAD ru → en with the extra ({content['rows'][0]['counts']['questions']} questions): right paragraph among 5",
        _estimate(found["multilingual"].get("success_at_5")),
        "≥ 0.85",
        command,
    )
    yield (
        "the same without the extra: questions answered from noise",
        _estimate(found["without the extra"].get("answered_of_answerable")),
        "0",
        command,
    )


def _streaming(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.streaming"
    steady, overload = content["steady"], content["overload"]
    for route, found in content["one_client"].items():
        yield (
            f"first text over the answer's own time, {route}, p50 / p95",
            f"{found['first_text_over_own_time']['p50_ms']:.0f} / {found['first_text_over_own_time']['p95_ms']:.0f} ms",
            "≤ 50 ms",
            command,
        )
    yield (
        f"errors of {steady['clients']} streaming clients in {steady['seconds']:.0f} s",
        f"{steady['errors']} of {steady['requests']}",
        "0",
        command,
    )
    yield "`/healthz` meanwhile, p99", f"{steady['healthz']['p99_ms']:.0f} ms", "≤ 100 ms", command
    yield (
        "memory meanwhile",
        f"{steady['memory']['growth_mib_per_minute']:+.1f} MiB a minute",
        "no growth",
        command,
    )
    yield (
        "ten times too many: answers a second, share of the peak",
        f"{overload['goodput_share_of_peak']:.2f}",
        "≥ 0.90",
        command,
    )
    refusal = overload["refusal"]
    yield (
        "refused meanwhile within, p99",
        "–" if refusal is None else f"{refusal['p99_ms']:.0f} ms",
        "≤ 100 ms",
        command,
    )
    yield "usual answers again after", f"{overload['recovery_s']:.1f} s", "≤ 5 s", command


def _overhead(content: dict[str, Any]) -> Iterator[Row]:
    command = "python -m eval.bench.overhead"
    yield (
        "before a language model's first request, p95",
        f"{content['before_the_first_request']['p95_ms']:.0f} ms",
        "≤ 200 ms",
        command,
    )
    yield (
        "from a model's sentence to ours, p95",
        f"{content['from_a_sentence_to_ours']['p95_ms']:.0f} ms",
        "≤ 50 ms",
        command,
    )


def _access(content: dict[str, Any]) -> Iterator[Row]:
    found = content["cost"]
    low, high = found["p95_bootstrap_95"]
    yield (
        "what a key, access rules, limits and the audit log add to an ask, p95",
        f"{found['p95_ms']:.1f} [{low:.1f}, {high:.1f}] ms",
        "≤ 5 ms",
        "python -m eval.bench.access",
    )


def _hostile(content: dict[str, Any]) -> Iterator[Row]:
    yield (
        "harmful or unverified answers of a model that obeys hostile documents",
        f"{len(content['broken'])} of {content['attacks']} attacks",
        "0 of ≥ 500",
        "python -m eval.bench.hostile",
    )


def _share(found: dict[str, Any]) -> str:
    low, high = found["wilson_95"]
    return f"{found['share']:.3f} [{low:.3f}, {high:.3f}]"


_TABLE: tuple[tuple[str, Callable[[dict[str, Any]], Iterator[Row]]], ...] = (
    ("seeds", _seeds),
    ("search", _search),
    ("serve", _serve),
    ("index", _index),
    ("reliability", _reliability),
    ("server_kills", _server_kills),
    ("hostile_uploads", _hostile_uploads),
    ("readers", _readers),
    ("ingest", _ingest),
    ("boilerplate", _boilerplate),
    ("ingest_quality", _ingest_quality),
    ("size", _size),
    ("size_1m", _size),
    ("calibration", _calibration),
    ("calibration_by_size", _by_size),
    ("given_gold", _given_gold),
    ("squad2_unrefused", _unrefused),
    ("follow_ups", _follow_ups),
    ("disagreements", _disagreements),
    ("support_mutations", _support),
    ("across", _across),
    ("hostile", _hostile),
    ("streaming", _streaming),
    ("overhead", _overhead),
    ("access", _access),
    ("rights", _rights),
)


# What each data set can tell, in the words of `verse eval metrics`.
_BASELINE_ROWS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "seeds",
        "seeds",
        (
            ("success_at_1", "right article first"),
            ("gold_quote_hit_at_5", "gold quote among 5"),
            ("gold_quote_hit_at_1", "gold quote first"),
            ("refusal_precision", "refusal precision"),
            ("refusal_recall", "refusal recall"),
            ("auroc_answerable", "AUROC of answerable"),
            ("ece", "calibration error"),
        ),
    ),
    (
        "multihop_rag",
        "MultiHop-RAG dev",
        (
            ("hits_at_4", "Hits@4"),
            ("hits_at_10", "Hits@10"),
            ("mrr_at_10", "MRR@10"),
            ("evidence_recall_at_10", "evidence recall@10"),
            ("refusal_recall", "null queries refused"),
            ("answered_of_answerable", "others answered"),
            ("auroc_answerable", "AUROC of answerable"),
        ),
    ),
    (
        "squad2",
        "SQuAD 2.0, nine articles",
        (
            ("success_at_1", "right paragraph first"),
            ("reading_em_answerable", "EM, answerable"),
            ("reading_f1_answerable", "F1, answerable"),
            ("gold_quote_hit_at_5", "gold quote among 5"),
            ("refusal_recall", "refusal recall"),
            ("auroc_answerable", "AUROC of answerable"),
            ("ece", "calibration error"),
        ),
    ),
    (
        "clapnq",
        "CLAP NQ dev",
        (
            ("success_at_1", "right passage first"),
            ("gold_quote_hit_at_5", "gold quote among 5"),
            ("quote_recall", "quote recall"),
            ("refusal_recall", "refusal recall"),
            ("auroc_answerable", "AUROC of answerable"),
        ),
    ),
    (
        "scifact",
        "SciFact test",
        (
            ("ndcg_at_10", "nDCG@10"),
            ("recall_at_10", "recall@10"),
        ),
    ),
)


def baselines_table(results: Path = RESULTS) -> str:
    """Return the shipped system beside its two searches alone, from `baselines.json`."""
    content = _content(results, "baselines")
    if content is None:
        return ""
    systems = [row["system"] for row in next(iter(content["sets"].values()))]
    lines = [
        f"| data set (questions) | score | {' | '.join(systems)} |",
        "| --- | --- |" + " --- |" * len(systems),
    ]
    for name, label, metrics in _BASELINE_ROWS:
        rows = content["sets"].get(name)
        if rows is None:
            continue
        questions = rows[0]["counts"]["questions"]
        for metric, title in metrics:
            cells = [_estimate(row["metrics"].get(metric)) for row in rows]
            lines.append(f"| {label} ({questions}) | {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ablation_table(results: Path = RESULTS) -> str:
    """Return what each part of the search is worth, from `reading.json`."""
    content = _content(results, "reading")
    if content is None:
        return ""
    sets = content["sets"]
    heads = [f"{name} ({found['questions']}): first / MRR@10" for name, found in sets.items()]
    lines = [f"| search | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for label in next(iter(sets.values()))["ablation"]:
        cells = [_first_and_mrr(found["ablation"][label]) for found in sets.values()]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def depth_table(results: Path = RESULTS) -> str:
    """Return quality and time by the depth of reading, from `reading.json`."""
    content = _content(results, "reading")
    if content is None:
        return ""
    sets = content["sets"]
    heads = [f"{name}: first / MRR@10" for name in sets]
    lines = [
        f"| passages read | {' | '.join(heads)} | search over SQuAD 2.0, p50 / p95 |",
        "| --- |" + " --- |" * (len(heads) + 1),
    ]
    for depth in next(iter(sets.values()))["by_depth"]:
        rows = [found["by_depth"][depth] for found in sets.values()]
        # Nearly all questions of MultiHop-RAG ask for several things: there no depth changes the order.
        search = sets["squad2"]["by_depth"][depth]["search"]
        time = "–" if search is None else f"{search['p50_ms']:.0f} / {search['p95_ms']:.0f} ms"
        shipped = " (shipped)" if int(depth) == content["settings"]["rerank_depth"] else ""
        lines.append(f"| {depth}{shipped} | {' | '.join(map(_first_and_mrr, rows))} | {time} |")
    return "\n".join(lines)


def _first_and_mrr(found: dict[str, Any]) -> str:
    return f"{found['success_at_1']['mean']:.3f} / {found['mrr_at_10']['mean']:.3f}"


def rival_table(results: Path = RESULTS) -> str:
    """Return ours and the rival's side by side, from `rival.json`."""
    content = _content(results, "rival")
    if content is None:
        return ""
    labels = {"multihop_rag": "MultiHop-RAG dev", "squad2": "SQuAD 2.0, nine articles"}
    lines: list[str] = []
    for name, found in content["sets"].items():
        systems = list(found["systems"])
        if not lines:
            lines += [
                f"| data set | score | {' | '.join(systems)} |",
                "| --- | --- |" + " --- |" * len(systems),
            ]
        rows = [found["systems"][system] for system in systems]
        for metric, title in (
            ("hits_at_4", "Hits@4"),
            ("hits_at_10", "Hits@10"),
            ("mrr_at_10", "MRR@10"),
            ("success_at_1", "right document first"),
            ("ndcg_at_10", "nDCG@10"),
        ):
            cells = [_estimate(row["scores"].get(metric)) for row in rows]
            if any(cell != "–" for cell in cells):
                lines.append(f"| {labels[name]} | {title} | {' | '.join(cells)} |")
        times = [
            f"{row['search_latency']['p50_ms']:.1f} / {row['search_latency']['p95_ms']:.1f} ms"
            for row in rows
        ]
        lines.append(f"| {labels[name]} | search p50 / p95 | {' | '.join(times)} |")
        speeds = [f"{row['indexing']['characters_per_s'] / 1000:.0f} thousand characters/s" for row in rows]
        lines.append(f"| {labels[name]} | indexing | {' | '.join(speeds)} |")
    return "\n".join(lines)


def _content(results: Path, name: str) -> dict[str, Any] | None:
    path = results / f"{name}.json"
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _estimate(found: dict[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "–"
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


TABLES: dict[str, Callable[[Path], str]] = {
    "figures": figures_table,
    "baselines": baselines_table,
    "rival": rival_table,
    "ablation": ablation_table,
    "depth": depth_table,
}
"""What stands between the marks of each name in the README."""


def main(readme: Path) -> None:
    """Write each table between its marks.

    Raises:
        ValueError: the README lacks the marks of a table.
    """
    text = readme.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        block = f"{begin}\n{table(RESULTS)}\n{end}"
        text, count = re.subn(f"{begin}.*{end}", lambda _, block=block: block, text, flags=re.DOTALL)  # type: ignore[misc]
        if count != 1:
            raise ValueError(
                f"{readme}: {count} places for the table {name!r}; mark one with {begin} and {end}"
            )
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
