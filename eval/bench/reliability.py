"""Kills the indexer, cuts its power, fails its calls and damages its files, and counts what was lost.

    python -m eval.bench.reliability [--out eval/results/reliability.json] [--kills 100] [--cuts 300]
        [--mutations 500] [--every 1]

What is done and checked is in `eval.bench.crash_harness`, `power_cuts` and `faults`; the tests run a smaller part
of the same. It needs Linux and a C compiler.
Of n trials without a failure, the failure rate is below 3/n with 95 % confidence.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.bench.crash_harness import run_catalog_damage, run_damage, run_kills
from eval.bench.faults import run_calls, run_failpoints
from eval.bench.power_cuts import run_cuts
from eval.bench.record import provenance, write_json

MODULE = "eval.bench.reliability"


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Run the kills and both kinds of damage, each in a temporary folder of its own."""
    record = provenance(MODULE, threads=1)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kills = run_kills(folder / "kills", kills=options.kills, seed=options.seed)
        damage = run_damage(folder / "damage", mutations=options.mutations, seed=options.seed)
        cuts = run_cuts(folder / "cuts", cuts=options.cuts, seed=options.seed)
        ends = run_failpoints(folder / "ends", nth=(1, 2, 3))
        calls = run_calls(folder / "calls", every=options.every)
        full = run_calls(folder / "full", every=options.every, offset=options.every // 2, forever=True)
        catalog = run_catalog_damage(folder / "catalog", mutations=options.mutations, seed=options.seed)
    return {
        "what": "SIGKILL at random moments; simulated power cuts; an end at every named place; every Nth call "
        "failing; damaged generations; damaged catalogs",
        **record,
        "seconds": round(time.perf_counter() - started, 1),
        "seed": options.seed,
        "embedder": "the tests' word-hashing one: what is tested is storage, not a model",
        "limits": "power cuts are simulated from a trace of calls: no mmap, no disk that lies about a sync",
        "kills": kills.as_dict(),
        "failure_rate_below_if_none": round(3 / kills.kills, 4) if kills.kills else None,
        "power_cuts": cuts.as_dict(),
        "failpoints": ends,
        "failing_calls": calls,
        "failing_from_a_call_on": full,
        "generation_damage": damage.as_dict(),
        "catalog_damage": catalog.as_dict(),
    }


def passed(found: dict[str, Any]) -> bool:
    """Tell whether nothing was lost, torn, silently different or broke."""
    kills, damage, catalog = found["kills"], found["generation_damage"], found["catalog_damage"]
    return not (
        any(kills[name] for name in ("lost", "resurrected", "wrong_text", "torn", "not_intact"))
        or any(
            found["power_cuts"][name] for name in ("lost", "resurrected", "wrong_text", "torn", "not_intact")
        )
        or found["power_cuts"]["not_mended"]
        or any(found[name]["findings"] for name in ("failpoints", "failing_calls", "failing_from_a_call_on"))
        or found["failpoints"]["points_hit"] < found["failpoints"]["points"]
        or damage["undetected"]
        or damage["crashes"]
        or damage["rebuilt_equal"] != damage["detected"]
        or catalog["text_differs"]
        or catalog["documents_missing"]
        or catalog["crashes"]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 1 when anything failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--every", type=int, default=1, help="fail every so manyth call")
    parser.add_argument("--mutations", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    found = bench(options)
    write_json(found, options.out)
    return 0 if passed(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
