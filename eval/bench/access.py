"""Measures what credentials and access rules cost on `POST /v1/ask`.

    python -m eval.bench.access [--out eval/results/access.json] [--threads N] [--requests 372]

Two servers stand on one index of the seeds, every document of which is for a group. One asks nobody who
they are, as on loopback; the other needs a key, holds every document against its group, limits requests
and keeps an audit log. Each question goes to both, in turn first, so that what else the machine does
falls on both alike.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.bench.record import (
    ROOT,
    ChildServer,
    Client,
    child_environment,
    cores,
    index_with_cli,
    latencies,
    percentile,
    provenance,
    write_json,
)
from eval.bench.streaming import asked_anew

MODULE = "eval.bench.access"
GROUP = "readers"
LIMIT_MS = 5.0
"""What the two together may add to the 95th percentile."""
_WARM_UP = 20
_RESAMPLES = 2000


def ask_both(
    plain: Client, keyed: Client, bodies: Sequence[Mapping[str, Any]]
) -> tuple[list[float], list[float]]:
    """Ask each question of both servers, now the one first and now the other; return the seconds of each.

    Raises:
        RuntimeError: one failed, or their answers differ: then they did not do the same work.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for number, body in enumerate(bodies):
        answers = {}
        for which in (0, 1) if number % 2 else (1, 0):
            status, raw, elapsed = (plain, keyed)[which].post("/v1/ask", body)
            if status != 200:
                whose = ("without credentials", "with a key")[which]
                raise RuntimeError(f"the server {whose} answered {status}: {raw[:300]!r}")
            seconds[which].append(elapsed)
            answers[which] = _compared(raw)
        if answers[0] != answers[1]:
            raise RuntimeError(f"question {number}: the two servers answered differently")
    return seconds


def _compared(raw: bytes) -> tuple[Any, ...]:
    record = json.loads(raw)
    quotes = [(c["document_id"], c["start_char_index"], c["end_char_index"]) for c in record["citations"]]
    return record["status"], record["answer"], quotes


def cost(plain: Sequence[float], keyed: Sequence[float], *, seed: int = 1) -> dict[str, Any]:
    """Return what the second of two paired series takes more, in milliseconds, with a bootstrap interval.

    `p95_ms` is the difference of the two 95th percentiles, `median_of_pairs_ms` the median of the pairs'
    differences.

    Raises:
        ValueError: there are no pairs, or the series differ in length.
    """
    pairs = list(zip(plain, keyed, strict=True))
    if not pairs:
        raise ValueError("no pairs of requests")

    def more(chosen: Sequence[tuple[float, float]]) -> float:
        return 1000 * (percentile([b for _, b in chosen], 0.95) - percentile([a for a, _ in chosen], 0.95))

    dice = random.Random(seed)
    resampled = [more(dice.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES)]
    return {
        "pairs": len(pairs),
        "p95_ms": round(more(pairs), 3),
        "p95_bootstrap_95": [round(percentile(resampled, share), 3) for share in (0.025, 0.975)],
        "median_of_pairs_ms": round(1000 * percentile([b - a for a, b in pairs], 0.5), 3),
        "limit_ms": LIMIT_MS,
    }


def seeds_for_a_group(folder: Path) -> Path:
    """Return a copy of the seeds that only members of the group may read."""
    target = folder / "seeds"
    shutil.copytree(ROOT / "seeds", target)
    sources = target / "sources.toml"
    sources.write_text(
        f'access = {{ groups = ["{GROUP}"] }}\n' + sources.read_text(encoding="utf-8"), encoding="utf-8"
    )
    return target


def make_key(state: Path, threads: int, variables: Mapping[str, str]) -> str:
    """Make a key that may ask, with the group's eyes.

    Raises:
        RuntimeError: it could not be made; the message holds the command's last words.
    """
    words = ["keys", "create", "bench", "--scope", "ask", "--group", GROUP, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        cwd=ROOT,
        env={**child_environment(state, threads), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"verse keys ended with {done.returncode}: {done.stderr[-2000:]}")
    return str(json.loads(done.stdout)["key"])


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Index the seeds into a temporary folder, start both servers and ask them in turn."""
    record = provenance(MODULE, threads=options.threads)
    rounds = -(-(_WARM_UP + options.requests) // len(asked_anew(0)))
    bodies = [body for number in range(rounds) for body in asked_anew(number)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = folder / "state"
        index_with_cli(state, [seeds_for_a_group(folder)], options.threads)
        # One index; what each writes is its own.
        variables = {
            "plain": {"VERSE_DATABASE_URL": f"sqlite:///{folder}/plain.sqlite"},
            "keyed": {
                "VERSE_DATABASE_URL": f"sqlite:///{folder}/keyed.sqlite",
                "VERSE_AUTH": "required",
                "VERSE_PEPPER": secrets.token_hex(24),
                "VERSE_AUDIT_FILE": str(folder / "audit.jsonl"),
                "VERSE_RATE_PER_KEY": "1000000/minute",
                "VERSE_RATE_PER_ADDRESS": "1000000/minute",
            },
        }
        key = make_key(state, options.threads, variables["keyed"])
        with (
            ChildServer(state, threads=options.threads, settings=variables["plain"]) as one,
            ChildServer(state, threads=options.threads, settings=variables["keyed"]) as other,
        ):
            plain = Client(one.port)
            keyed = Client(other.port, headers={"Authorization": f"Bearer {key}"})
            ask_both(plain, keyed, bodies[:_WARM_UP])
            seconds = ask_both(plain, keyed, bodies[_WARM_UP : _WARM_UP + options.requests])
            plain.close()
            keyed.close()
    return {
        "what": "POST /v1/ask on the seeds: without credentials, and with a key, rules, limits and an audit log",
        **record,
        "without_credentials": latencies(seconds[0]),
        "with_key_and_rules": latencies(seconds[1]),
        "cost": cost(*seconds),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(4, cores()))
    parser.add_argument("--requests", type=int, default=372, help="pairs of them")
    write_json(bench(options := parser.parse_args(arguments)), options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
