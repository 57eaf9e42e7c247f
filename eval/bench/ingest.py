"""Measures reading and splitting real files beside LlamaIndex's and Haystack's readers and splitters.

    python -m eval.bench.ingest --documents documents.tar.gz --python RIVAL_PYTHON [--out eval/results/ingest.json]

The rivals are installed apart: see `python -m eval.bench.rival --help`. All three get the same folder: news pages
and samples of many kinds. First each reads all of it, which shows what it can read. Then the files from which all
three got text are copied into a folder of their own, and the passes over that are timed, one system after the other,
each in a process of its own, after one pass that is not. Nothing is embedded or stored. Ours reads in a child
process with limits and leaves out what is no article, with pages, sections and offsets; how right the text is stands
in `ingest_quality.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from eval.bench.ingest_quality import news_pages, samples
from eval.bench.record import ROOT, provenance, write_json
from eval.bench.rival_process import run_rival
from eval.errors import EvaluationError
from index.build import passages_of
from index.clean import own_excluded
from index.embed import open_embedder
from index.formats import Problem
from index.load import load_paths
from index.models import find_model, sha256_file
from index.settings import IndexSettings
from index.types import Document, Embedder

MODULE = "eval.bench.ingest"
OURS = "verse"
CHILD = Path(__file__).with_name("ingest_child.py")
RIVALS = ("llama_index", "haystack")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What one system made of a folder: seconds of each timed pass, characters by file, counts."""

    seconds: Sequence[float]
    characters: Mapping[str, int]
    documents: int
    passages: int
    versions: Mapping[str, str]

    @property
    def read(self) -> frozenset[str]:
        """The files that text was got from."""
        return frozenset(name for name, count in self.characters.items() if count)


Run = Callable[[Path, int, Path], Ingested]
"""(folder, timed passes, file for the result) → what came of it."""


def ours(folder: Path, repeats: int, embedder: Embedder) -> dict[str, Any]:
    """Read and split a folder as `verse index` does before it embeds."""
    settings = IndexSettings()

    def once() -> tuple[Counter[str], int, int]:
        characters: Counter[str] = Counter()
        documents = passages = 0
        for item in load_paths([folder]):
            if isinstance(item, Problem):
                continue  # what could not be read shows in the files that no characters came from
            characters[_file_of(item, folder)] += len(item.text)
            documents += 1
            passages += len(passages_of(item, own_excluded(item), embedder, settings))
        return characters, documents, passages

    characters, documents, passages = once()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": seconds,
        "characters": characters,
        "documents": documents,
        "passages": passages,
        "versions": {},
    }


def _file_of(document: Document, folder: Path) -> str:
    return Path(document.source).relative_to(folder.resolve()).as_posix()


def run_ours(folder: Path, repeats: int, out: Path) -> Ingested:
    """Run our side in a process of its own.

    Raises:
        EvaluationError: it failed.
    """
    words = ["--side", str(folder), "--repeats", str(repeats), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", MODULE, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise EvaluationError(f"{OURS} ended with {done.returncode}: {done.stderr[-2000:]}")
    return ingested(out)


def rival(python: Path, system: str, *, timeout_s: float) -> Run:
    """Return what runs a rival.

    What it raises:
        EvaluationError: it cannot be started, failed, or took too long.
    """

    def run(folder: Path, repeats: int, out: Path) -> Ingested:
        given = ["--system", system, "--folder", folder, "--repeats", repeats, "--out", out]
        run_rival([python, "-I", CHILD, *given], 1, timeout_s)
        return ingested(out)

    return run


def ingested(path: Path) -> Ingested:
    """Read what a side wrote.

    Raises:
        EvaluationError: it is not what it was asked for.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Ingested(
            seconds=[float(value) for value in found["seconds"]],
            characters={str(name): int(count) for name, count in found["characters"].items()},
            documents=int(found["documents"]),
            passages=int(found["passages"]),
            versions=dict(found["versions"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path.name} is not what a side has to write: {error!r}") from error


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of the archive into a folder: the news pages and the samples."""
    with tarfile.open(archive) as packed:
        for key, raw in news_pages(packed):
            _write(folder / "news" / f"{key}.html", raw)
        for name, raw in samples(packed):
            _write(folder / name, raw)


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def compared(systems: Mapping[str, Run], files: Path, work: Path, repeats: int) -> dict[str, Any]:
    """Let every system read everything, then time each over what all of them can read.

    Raises:
        EvaluationError: one failed, or there is nothing that all can read.
    """
    everything = {name: run(files, 0, work / f"{name}-all.json") for name, run in systems.items()}
    shared = sorted(frozenset.intersection(*(found.read for found in everything.values())))
    if not shared:
        raise EvaluationError("there is no file that all of them can read")
    common = work / "common"
    for name in shared:
        (common / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files / name, common / name)
    megabytes = sum((common / name).stat().st_size for name in shared) / 1e6
    timed = {name: run(common, repeats, work / f"{name}-common.json") for name, run in systems.items()}
    return {
        "files": sum(path.is_file() for path in files.rglob("*")),
        "files_all_can_read": len(shared),
        "kinds_all_can_read": dict(Counter(Path(name).suffix for name in shared)),
        "megabytes_all_can_read": round(megabytes, 2),
        "systems": {
            name: {
                "versions": dict(found.versions),
                "files_read_of_all": len(everything[name].read),
                "kinds_read_of_all": dict(Counter(Path(n).suffix for n in sorted(everything[name].read))),
                "seconds": [round(value, 2) for value in found.seconds],
                "files_per_s": round(len(shared) / median(found.seconds), 2),
                "megabytes_per_s": round(megabytes / median(found.seconds), 3),
                "characters": sum(found.characters.values()),
                "documents": found.documents,
                "passages": found.passages,
            }
            for name, found in timed.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=Path)
    parser.add_argument("--python", type=Path, help="the rivals' Python")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--timeout-s", type=float, default=1800)
    parser.add_argument("--side", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.side is not None:
        with tempfile.TemporaryDirectory() as name:
            embedder = open_embedder(find_model(), Path(name), threads=1)
            found = ours(options.side, options.repeats, embedder)
        options.out.write_text(json.dumps(found), encoding="utf-8")
        return 0
    if options.documents is None or options.python is None or options.repeats < 1:
        parser.error("needs --documents, --python, and at least one timed pass")
    record = provenance(MODULE, threads=1)
    systems: dict[str, Run] = {OURS: run_ours}
    systems |= {name: rival(options.python, name, timeout_s=options.timeout_s) for name in RIVALS}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        unpack(options.documents, work / "files")
        found = compared(systems, work / "files", work, options.repeats)
    content = {
        "what": "reading and splitting real files, without embedding; files and megabytes a second are of the files "
        "that all can read, medians of the passes",
        **record,
        "documents_sha256": sha256_file(options.documents),
        **found,
    }
    write_json(content, options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
