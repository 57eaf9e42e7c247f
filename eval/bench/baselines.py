"""Scores the shipped system beside two plainer searches, on every data set with a baseline row.

    python -m eval.bench.baselines --data FOLDER [--runs FOLDER] [--out eval/results/baselines.json]

BM25 alone and dense alone are the same service with one of its two searches left out, and with it
what the shipped ranking makes of a question's parts, of the sources that it names, of the wording and
meaning of sentences and of reading: what answers, quotes and refuses behind them is the same reader. Each row is one `verse eval run`, in a process of
its own; a run folder that is there already is scored again, not asked again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.bench.record import ROOT, child_environment, cores, provenance, write_json
from eval.metrics import METRICS
from eval.run_folder import read_manifest, read_run
from eval.score import score_run, scores_json

MODULE = "eval.bench.baselines"
_PLAIN = {
    f"VERSE_{name}": "0"
    for name in (
        "PART_WEIGHT",
        "SOURCE_WEIGHT",
        "DATE_WEIGHT",
        "COVERAGE_WEIGHT",
        "PAIR_WEIGHT",
        "MEANING_WEIGHT",
        "RERANK_DEPTH",
    )
}
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "BM25 alone": {"VERSE_DENSE_WEIGHT": "0", **_PLAIN},
    "dense alone": {"VERSE_LEXICAL_WEIGHT": "0", **_PLAIN},
    "shipped": {},
}
DATA_SETS = ("seeds", "multihop_rag", "squad2", "clapnq", "scifact")


def ask_all(
    name: str,
    settings: Mapping[str, str],
    data: Path,
    state: Path,
    place: Path,
    *,
    threads: int,
    limit: int | None,
) -> None:
    """Make the run of one data set with the service so set, or go on with it.

    Raises:
        RuntimeError: the run could not be made; the message holds its last words.
    """
    command = [sys.executable, "-m", "api.cli", "eval", "run", "--data", name, "--folder", str(data)]
    command += ["--out", str(place), "--json", *(["--resume"] if (place / "run.json").exists() else [])]
    command += [] if limit is None else ["--limit", str(limit)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**child_environment(state, threads), **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{place.name}: ended with {done.returncode}: {done.stderr[-2000:]}")


def is_finished(place: Path) -> bool:
    """Tell whether a run folder holds a finished run."""
    return (place / "run.json").exists() and bool(read_manifest(place).get("finished"))


def row_of(
    place: Path, system: str, settings: Mapping[str, str], *, kind: str | None = None
) -> dict[str, Any]:
    """Score a run, or its questions of one kind, and say what it was."""
    found = read_run(place)
    scores = scores_json(score_run(found))
    return {
        "system": system,
        "settings": dict(settings),
        "data_sha256": found.manifest["data"]["sha256"],
        "commit": found.manifest["commit"],
        "models": found.manifest["target"].get("models"),
        "kind": kind,
        "counts": scores["counts"] if kind is None else scores["counts_by_kind"][kind],
        "metrics": {
            # Speed is measured apart, by `eval.bench.serve`, on a machine that does nothing else.
            name: estimate
            for name, estimate in (scores["metrics"] if kind is None else scores["by_kind"][kind]).items()
            if estimate["value"] is not None and METRICS[name].family != "speed"
        },
    }


def main() -> None:
    """Read the command line, make the runs and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--sets", default=",".join(DATA_SETS))
    parser.add_argument("--runs", type=Path, help="keep the run folders, and the indexes, here")
    parser.add_argument("--limit", type=int, help="questions of each data set (default: all)")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "what": "scores of the shipped system and of its two searches alone",
        **provenance(MODULE, threads=options.threads),
        "limit": options.limit,
        "sets": {},
    }
    with tempfile.TemporaryDirectory() as temporary:
        base = options.runs or Path(temporary)
        base.mkdir(parents=True, exist_ok=True)
        for name in options.sets.split(","):
            rows = []
            for system, settings in SYSTEMS.items():
                place = base / f"{name}-{system.replace(' ', '-').lower()}"
                if not is_finished(place):
                    print(f"{name}, {system}", file=sys.stderr, flush=True)
                    ask_all(
                        name,
                        settings,
                        options.data,
                        base / "state",
                        place,
                        threads=options.threads,
                        limit=options.limit,
                    )
                rows.append(row_of(place, system, settings))
            result["sets"][name] = rows
    write_json(result, options.out)


if __name__ == "__main__":
    main()
