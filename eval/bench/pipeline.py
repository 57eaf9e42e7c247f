"""The service's pipeline in this process, over corpora that a benchmark indexes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from index.build import update_index
from index.embed import open_embedder
from index.generation import open_current
from index.models import find_model
from index.settings import IndexSettings
from index.state import StateFolder
from rag.answer import Stages
from rag.calibrate import load_calibration
from rag.read import Reader
from rag.reader_model import ReaderModel, ensure_reader_conversion, find_reader
from rag.retrieve import Retriever
from rag.settings import RagSettings


class Pipeline:
    """The shipped models, loaded once; their conversions lie in `folder`."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self.embedder = open_embedder(find_model(), folder, threads=threads)
        self.calibration = load_calibration()
        files = find_reader()
        model = ReaderModel(
            ensure_reader_conversion(files, folder),
            name=files.fingerprint,
            max_tokens=files.max_tokens,
            threads=threads,
        )
        self.reader = Reader(model, self.calibration, self.embedder)

    def over(self, state: StateFolder, corpus: Sequence[Path], settings: RagSettings | None = None) -> Stages:
        """Index files and folders, nothing else, and return the pipeline over them. Close its generation when done.

        Raises:
            QAError: a document cannot be read, or a model failed.
        """
        report = update_index(state, corpus, self.embedder, IndexSettings(), prune=True)
        if report.problems:
            raise report.problems[0]
        generation = open_current(state, embedder=self.embedder.name)
        settings = settings or RagSettings()
        return Stages(
            retriever=Retriever(generation, self.embedder, settings),
            reader=self.reader,
            calibration=self.calibration,
            settings=settings,
            embedder_name=self.embedder.name,
        )


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write documents as JSON Lines that `verse index` reads, and return the path."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
