"""Reads and splits a folder with LlamaIndex or Haystack. Run by the rivals' own Python; imports nothing of ours.

    RIVAL_PYTHON ingest_child.py --system {llama_index,haystack} --folder FOLDER --repeats N --out FILE

Each is used as its guide shows it, with its own reader for every kind of file that it has one for, and with its own
splitter as it comes. A file that its reader cannot read is skipped, as the library does of itself or as a program
around it would. Writes the seconds of each pass, and the characters read of each file by its path in the folder.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PACKAGES = (
    "llama-index-core",
    "llama-index-readers-file",
    "haystack-ai",
    "pypdf",
    "python-docx",
    "trafilatura",
)
Pass = tuple[dict[str, int], int, int]
"""Characters by file, documents, passages."""


def with_llama_index(folder: Path) -> Callable[[], Pass]:
    """Return what reads and splits everything once."""
    from llama_index.core import SimpleDirectoryReader  # type: ignore[import-not-found]
    from llama_index.core.node_parser import SentenceSplitter  # type: ignore[import-not-found]
    from llama_index.readers.file import HTMLTagReader  # type: ignore[import-not-found]

    splitter = SentenceSplitter()

    def once() -> Pass:
        # Without this a web page would be read as the text of its tags.
        page = HTMLTagReader(tag="body", ignore_no_id=False)
        reader = SimpleDirectoryReader(
            input_dir=str(folder),
            recursive=True,
            raise_on_error=False,
            file_extractor={".html": page, ".htm": page},
        )
        characters: dict[str, int] = {}
        documents = passages = 0
        for path in reader.input_files:
            found = SimpleDirectoryReader.load_file(
                Path(path), reader.file_metadata, reader.file_extractor, errors="ignore"
            )
            documents += len(found)
            passages += len(splitter.get_nodes_from_documents(found))
            characters[Path(path).relative_to(folder).as_posix()] = sum(len(d.text) for d in found)
        return characters, documents, passages

    return once


def with_haystack(folder: Path) -> Callable[[], Pass]:
    """Return what reads and splits everything once."""
    from haystack.components import converters as kinds  # type: ignore[import-not-found]
    from haystack.components.preprocessors import DocumentSplitter  # type: ignore[import-not-found]

    text, page = kinds.TextFileToDocument(), kinds.HTMLToDocument()
    by_ending = {
        ".txt": text,
        ".md": kinds.MarkdownToDocument(progress_bar=False),
        ".html": page,
        ".htm": page,
        ".pdf": kinds.PyPDFToDocument(),
        ".docx": kinds.DOCXToDocument(),
        ".csv": kinds.CSVToDocument(),
    }
    splitter = DocumentSplitter()

    def once() -> Pass:
        characters: dict[str, int] = {}
        documents = passages = 0
        for path in sorted(p for p in folder.rglob("*") if p.suffix in by_ending):
            found = [d for d in by_ending[path.suffix].run(sources=[path])["documents"] if d.content]
            documents += len(found)
            passages += len(splitter.run(documents=found)["documents"]) if found else 0
            characters[path.relative_to(folder).as_posix()] = sum(len(d.content) for d in found)
        return characters, documents, passages

    return once


SYSTEMS = {"llama_index": with_llama_index, "haystack": with_haystack}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--system", choices=sorted(SYSTEMS), required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    # Set before anything of the rival is imported: nothing may be fetched or told, nor written to the home.
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    os.environ["LLAMA_INDEX_CACHE_DIR"] = str(options.out.parent / "cache")
    logging.disable(logging.WARNING)
    once = SYSTEMS[options.system](options.folder)
    characters, documents, passages = once()  # not timed: libraries are imported at the first file of a kind
    seconds = []
    for _ in range(options.repeats):
        started = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - started)
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "seconds": seconds,
        "characters": characters,
        "documents": documents,
        "passages": passages,
    }
    options.out.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
