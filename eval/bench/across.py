"""Scores Russian questions over English paragraphs, with the extra `multilingual` and without it.

    python -m eval.bench.across --data FOLDER [--out eval/results/across.json]

XQuAD ru → en, as `verse eval run` scores it. Without the extra every question has to be an abstention
that says so; with it, what is found is told by vectors alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from eval.bench.baselines import ask_all, is_finished, row_of
from eval.bench.record import cores, provenance, write_json

MODULE = "eval.bench.across"
DATA_SET = "xquad_ru_en"
KIND = "ru"  # each question is there in English too
SYSTEMS = {"multilingual": {"VERSE_EMBEDDER": "multilingual"}, "without the extra": {}}


def main() -> None:
    """Read the command line, make both runs and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--runs", type=Path, help="keep the run folders, and the indexes, here")
    parser.add_argument("--limit", type=int, help="only so many questions, half of them Russian")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    record = provenance(MODULE, threads=options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        base = options.runs or Path(temporary)
        base.mkdir(parents=True, exist_ok=True)
        for system, settings in SYSTEMS.items():
            place = base / system.replace(" ", "-")
            if not is_finished(place):
                ask_all(
                    DATA_SET,
                    settings,
                    options.data,
                    base / f"state-{place.name}",  # vectors of another model are another index
                    place,
                    threads=options.threads,
                    limit=options.limit,
                )
            rows.append(row_of(place, system, settings, kind=KIND))
    write_json(
        {
            "what": "Russian questions over English paragraphs",
            **record,
            "data": DATA_SET,
            "limit": options.limit,
            "rows": rows,
        },
        options.out,
    )


if __name__ == "__main__":
    main()
