"""How right is the text that is read from real files? News pages with reference texts, and files of many kinds.

    python -m eval.bench.ingest_quality --documents documents.tar.gz --out ingest_quality.json

Precision and recall are of the runs of four words that text and reference share, counted with repeats, averaged over
the pages: the measure of the benchmark that the pages come from. What the reader leaves out and what is marked as
excluded does not count as text.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.bench.record import provenance
from index.clean import own_excluded
from index.errors import UnsupportedFormatError
from index.formats import Problem, Record
from index.ingest_files import read_upload
from index.layout import Layout, check_layout
from index.models import sha256_file
from index.types import Document

_PAGES = "article_extraction/"
_TRUTH = f"{_PAGES}ground-truth.json"
_SHINGLE = 4
# Descriptions of the samples, and references of other benchmarks: no samples themselves.
_BESIDE = ("README.md", "manifest.jsonl", "expected_outputs/", "gold_standard")


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Return the runs of four words of a text, with how often each occurs; a shorter text is one run."""
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[n : n + _SHINGLE]) for n in range(max(1, len(words) - _SHINGLE + 1)))


def quotable(record: Record) -> str:
    """Return what of a document may be quoted."""
    document = Document(
        document_id="x", title=record.title or "x", text=record.text, source="", root="", marked=record.marked
    )
    kept, position = [], 0
    for span in own_excluded(document):
        kept.append(record.text[position : span.start])
        position = span.end
    return "\n".join([*kept, record.text[position:]])


def score(found: str, reference: str) -> tuple[float, float]:
    """Return precision and recall of the runs of words."""
    one, other = shingles(found), shingles(reference)
    shared = (one & other).total()
    return shared / max(1, one.total()), shared / max(1, other.total())


def reference_texts(archive: tarfile.TarFile) -> dict[str, Any]:
    """Return what is known of each news page, by its name."""
    file = archive.extractfile(_TRUTH)
    assert file is not None
    known: dict[str, Any] = json.load(file)
    return known


def news_pages(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every news page that is there."""
    for key in sorted(reference_texts(archive)):
        try:
            packed = archive.extractfile(f"{_PAGES}{key}.html.gz")
        except KeyError:
            continue  # the samples are a part of the benchmark
        assert packed is not None
        yield key, gzip.decompress(packed.read())


def samples(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every file that is no news page."""
    for member in archive:
        if (
            member.isfile()
            and not member.name.startswith(_PAGES)
            and not any(b in member.name for b in _BESIDE)
        ):
            file = archive.extractfile(member)
            assert file is not None
            yield member.name, file.read()


def read(folder: Path, name: str, raw: bytes) -> tuple[list[Record | Problem], float]:
    """Read one file through the door that all files take, and say how long it took."""
    path = folder / "sample"
    path.write_bytes(raw)
    began = time.perf_counter()
    return read_upload(path, Path(name).name), time.perf_counter() - began


def judged(items: Sequence[Record | Problem]) -> str:
    """Say what became of a file: "read", "unsupported" or "problem"; a layout that does not fit is an error."""
    records = [item for item in items if isinstance(item, Record)]
    for record in records:
        check_layout(
            Layout(pages=record.pages, sections=record.sections, marked=record.marked), len(record.text)
        )
    if records:
        return "read"
    unsupported = all(isinstance(i, Problem) and isinstance(i.error, UnsupportedFormatError) for i in items)
    return "unsupported" if unsupported else "problem"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write one JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    pages: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    size = 0
    with tarfile.open(options.documents) as archive, tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        truth = reference_texts(archive)
        for key, raw in news_pages(archive):
            size += len(raw)
            items, seconds = read(folder, f"{key}.html", raw)
            records = [item for item in items if isinstance(item, Record)]
            found = quotable(records[0]) if records else ""
            precision, recall = score(found, truth[key]["articleBody"])
            pages.append({"page": key[:12], "precision": precision, "recall": recall, "seconds": seconds})
        for name, raw in samples(archive):
            items, seconds = read(folder, name, raw)
            said = [str(item.error)[:200] for item in items if isinstance(item, Problem)]
            others.append(
                {"file": name, "outcome": judged(items), "seconds": round(seconds, 3), "problems": said}
            )
    seconds = sum(page["seconds"] for page in pages)
    report = {
        **provenance("eval.bench.ingest_quality", threads=1),
        "what": "text read from 97 news pages against reference texts, and what becomes of other real files",
        "documents_sha256": sha256_file(options.documents),
        "news_pages": {
            "pages": len(pages),
            "precision": round(sum(page["precision"] for page in pages) / len(pages), 4),
            "recall": round(sum(page["recall"] for page in pages) / len(pages), 4),
            "pages_per_second": round(len(pages) / seconds, 1),
            "megabytes_per_second": round(size / 1e6 / seconds, 2),
        },
        "other_files": dict(Counter(other["outcome"] for other in others)),
        "not_read": [other for other in others if other["outcome"] != "read"],
        "notes": [other for other in others if other["outcome"] == "read" and other["problems"]],
        "slowest": sorted(others, key=lambda o: -o["seconds"])[:5],
        "by_page": [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in page.items()} for page in pages
        ],
    }
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(
        json.dumps({k: report[k] for k in ("news_pages", "other_files", "slowest")}, indent=1),
        file=sys.stdout,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
