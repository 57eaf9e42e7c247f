"""Loads the models once and keeps the newest generation at hand; used by the server and the CLI."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from api.settings import Settings
from index.access import ANYBODY, OPERATOR
from index.embed import open_embedder
from index.errors import (
    AccessUnreadableError,
    GenerationDamagedError,
    IndexBusyError,
    IndexMissingError,
    IndexStoreError,
    QAError,
    StateFolderError,
)
from index.generation import current_name
from index.mend import open_mended
from index.models import find_model
from index.multilingual import MultilingualEmbedder
from index.state import StateFolder
from index.types import Embedder
from rag.answer import Ask, Stages, answer_question
from rag.calibrate import load_calibration
from rag.read import Reader
from rag.reader_model import ReaderModel, ensure_reader_conversion, find_reader
from rag.retrieve import Retriever
from rag.support_reader import ReaderSupport
from rag.write.writer import Writer

logger = logging.getLogger(__name__)

_BUSY_S = 1.0
_TRY_AGAIN_S = 30.0
_WARM_UP = "What do the documents say, who says so, and when?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether questions can be answered; `problem` says why not."""

    ready: bool
    embedder: str
    embedder_backend: str
    reader: str
    index_version: str | None
    documents: int
    passages: int
    problem: QAError | None
    generator: str | None = None
    """The language model that writes, where one is configured; nobody asked whether it runs."""


class Engine:
    """Models and the current generation.

    Raises:
        StateFolderError: something else is where the state folder should be.
        EmbedderError, CalibrationError: a model cannot be loaded; there is no way to go on.
    """

    def __init__(self, settings: Settings, *, models: Path | None = None) -> None:
        self.settings = settings
        self.state = StateFolder(settings.state_dir)
        # Another index of the same service need not convert the models again.
        models = models or self.state.models
        if self.state.path.exists() and not self.state.path.is_dir():
            raise StateFolderError(f"{self.state.path} is no folder; set VERSE_STATE_DIR to one")
        self.embedder: Embedder = open_embedder(
            find_model(settings.embedder), models, threads=settings.thread_count
        )
        files = find_reader()
        folder = ensure_reader_conversion(files, models)
        self._calibration = load_calibration()
        scorer = ReaderModel(
            folder, name=files.fingerprint, max_tokens=files.max_tokens, threads=settings.thread_count
        )
        self._reader = Reader(
            scorer,
            self._calibration,
            self.embedder,
        )
        write_settings = settings.write_settings()
        self.writer = None if write_settings is None else Writer(write_settings, reader=ReaderSupport(scorer))
        self._seen: str | None = None
        self._not_before = 0.0
        self._stages: Stages | None = None
        self._problem: QAError = IndexMissingError("the index was not opened yet")
        self._refreshing = threading.Lock()
        self._warmed = False

    def stages(self) -> Stages:
        """Return the pipeline over the newest generation; keep it for the whole of one request.

        Raises:
            QAError: there is none that can be used; the error says why.
        """
        stages = self._stages
        if stages is None:
            raise self._problem
        if not len(stages.generation):
            raise IndexMissingError("the index holds no documents; run `verse index PATH`")
        return stages

    def close(self) -> None:
        """End the connections to model servers; more than once is fine."""
        if self.writer is not None:
            self.writer.close()

    def refresh(self) -> bool:
        """Open the current generation if it is not the one at hand; return whether it changed.

        A damaged one is rebuilt from the catalog. While that fails, the generation that was open
        before goes on serving.
        """
        with self._refreshing:
            try:
                name = current_name(self.state)
            except IndexStoreError as error:
                self._problem = error
                # Documents without an index: whoever stored them may have ended before it was published.
                unpublished = isinstance(error, IndexMissingError) and self.state.catalog.is_file()
                if not unpublished and not isinstance(error, GenerationDamagedError):
                    return False
                name = "damaged"
            if name == self._seen or time.monotonic() < self._not_before:
                return False
            try:
                self._stages = self._open()
            except (IndexBusyError, StateFolderError) as error:
                # What it waits for may change without `CURRENT` changing: a writer that ends, a disk with room.
                busy = isinstance(error, IndexBusyError)
                if not (busy and isinstance(self._problem, IndexMissingError)):
                    self._problem = error
                self._not_before = time.monotonic() + (_BUSY_S if busy else _TRY_AGAIN_S)
                logger.warning("index_not_mended code=%s", type(error).__name__)
                return False
            except QAError as error:
                self._problem = error
                self._seen = name
                logger.error("index_not_opened code=%s detail=%s", type(error).__name__, error)
                return False
            self._seen = self._name_of(self._stages, name)
            return True

    def _name_of(self, stages: Stages, before: str) -> str:
        """Return what `CURRENT` held when this generation was opened.

        Read again only where a rebuild has changed it; another generation that was published
        meanwhile must still count as new.
        """
        try:
            now = current_name(self.state)
        except IndexStoreError:
            return before
        return now if now.split()[:1] == [stages.generation.index_version] else before

    def health(self) -> Health:
        """Describe the state of the engine without touching the disk."""
        stages = self._stages
        manifest = None if stages is None else stages.generation.manifest
        empty = manifest is not None and manifest.passages == 0
        problem = self._problem if stages is None else None
        if empty:
            problem = IndexMissingError("the index holds no documents; run `verse index PATH`")
        return Health(
            ready=stages is not None and not empty,
            embedder=self.embedder.name,
            embedder_backend=str(getattr(self.embedder, "backend", "unknown")),
            reader=self._reader.name,
            index_version=None if manifest is None else manifest.index_version,
            documents=0 if manifest is None else manifest.documents,
            passages=0 if manifest is None else manifest.passages,
            problem=problem,
            generator=None if self.writer is None else self.writer.name,
        )

    def _open(self) -> Stages:
        generation = open_mended(self.state, self.embedder, self.settings.index_settings())
        settings = self.settings.rag_settings()
        stages = Stages(
            retriever=Retriever(generation, self.embedder, settings),
            reader=self._reader,
            calibration=self._calibration,
            settings=settings,
            embedder_name=self.embedder.name,
            multilingual=isinstance(self.embedder, MultilingualEmbedder),
            writer=self.writer,
        )
        try:
            # What rights need of a generation is put together before anybody has to wait for it.
            generation.sight(ANYBODY)
        except AccessUnreadableError as error:
            logger.error("access_unreadable detail=%s", error)  # everybody but the operator is told so
        if len(generation) and not self._warmed:
            # A model's first inference of each shape is many times slower; nobody should wait for it. Its
            # kernels outlive the generation, and asking again would hold up whoever waits for the new one.
            answer_question(Ask(question=_WARM_UP, mode="extractive", viewer=OPERATOR), stages)
            self._warmed = True
        return stages


async def watch(engine: Engine, every_s: float) -> None:
    """Open a new generation soon after it is published; questions under way keep the old one."""
    while True:
        await asyncio.sleep(every_s)
        try:
            if await asyncio.to_thread(engine.refresh):
                logger.info("index_opened version=%s", engine.health().index_version)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
            logger.error("index_not_looked_for error=%s", type(error).__name__)
