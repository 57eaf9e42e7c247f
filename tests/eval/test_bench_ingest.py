"""The benchmark of reading: what all systems can read is what is timed, and a side that fails is no figure."""

from __future__ import annotations

import gzip
import json
import sys
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from eval.bench.ingest import Ingested, Run, compared, ingested, ours, rival, unpack
from eval.errors import EvaluationError
from tests.fakes import HashEmbedder


def side(characters: Mapping[str, int], seconds: float) -> Run:
    """Return a system that gets so many characters from the files that are there."""

    def run(folder: Path, repeats: int, out: Path) -> Ingested:
        there = {name: count for name, count in characters.items() if (folder / name).exists()}
        return Ingested(
            seconds=[seconds * (number + 1) for number in range(repeats)],
            characters=there,
            documents=len(there),
            passages=2 * len(there),
            versions={},
        )

    return run


def files(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "sub/b.html", "c.pdf"):
        (folder / name).write_bytes(b"x" * 500_000)
    return folder


def test_only_what_all_can_read_is_timed(tmp_path: Path) -> None:
    one = side({"a.txt": 10, "sub/b.html": 20, "c.pdf": 30}, 1.0)
    other = side({"a.txt": 9, "sub/b.html": 21, "c.pdf": 0}, 2.0)
    found = compared({"one": one, "other": other}, files(tmp_path / "files"), tmp_path, 3)
    assert (found["files"], found["files_all_can_read"], found["megabytes_all_can_read"]) == (3, 2, 1.0)
    assert found["kinds_all_can_read"] == {".txt": 1, ".html": 1}
    assert found["systems"]["one"]["files_read_of_all"] == 3
    assert found["systems"]["other"]["files_read_of_all"] == 2
    # The median of 1, 2, 3 s and of 2, 4, 6 s.
    assert found["systems"]["one"]["files_per_s"] == 1.0
    assert found["systems"]["other"]["megabytes_per_s"] == 0.25
    assert found["systems"]["one"]["characters"] == 30


def test_nothing_that_all_can_read_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no file that all of them can read"):
        compared({"one": side({"a.txt": 1}, 1), "other": side({}, 1)}, files(tmp_path / "files"), tmp_path, 1)


def test_ours_reads_and_splits_as_indexing_does(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The dam was finished in May. It holds water.", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = ours(tmp_path, 2, HashEmbedder())
    assert found["characters"] == {"note.txt": 44}
    assert (found["documents"], found["passages"], len(found["seconds"])) == (1, 1, 2)


def test_the_archive_gives_pages_and_samples(tmp_path: Path) -> None:
    contents = {
        "article_extraction/ground-truth.json": json.dumps({"k1": {"articleBody": "x"}, "k2": {}}).encode(),
        "article_extraction/k1.html.gz": gzip.compress(b"<p>One</p>"),
        "samples/README.md": b"about them",
        "samples/a.txt": b"text",
    }
    with tarfile.open(tmp_path / "it.tar.gz", "w:gz") as archive:
        for name, raw in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, BytesIO(raw))
    unpack(tmp_path / "it.tar.gz", tmp_path / "out")
    got = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes()
        for p in (tmp_path / "out").rglob("*")
        if p.is_file()
    }
    assert got == {"news/k1.html": b"<p>One</p>", "samples/a.txt": b"text"}


def test_a_rival_that_is_not_installed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"(?s)the rival ended with 1: .*No module named .haystack"):
        rival(Path(sys.executable), "haystack", timeout_s=60)(tmp_path, 1, tmp_path / "out.json")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"seconds": [1], "characters": {"a": "b"}}'])
def test_what_a_side_left_half_written_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "it.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"it\.json is not what a side has to write"):
        ingested(tmp_path / "it.json")
