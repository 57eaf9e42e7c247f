"""Opens the current generation, and makes a damaged or missing one anew from the catalog, unattended."""

from __future__ import annotations

import logging

from index.build import rebuild
from index.errors import CatalogDamagedError, GenerationDamagedError, IndexMissingError
from index.generation import Generation, open_current
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Embedder

logger = logging.getLogger(__name__)


def open_mended(state: StateFolder, embedder: Embedder, settings: IndexSettings) -> Generation:
    """Open the current generation; one that is damaged, or gone while there is a catalog, is rebuilt first.

    Raises:
        IndexMissingError: nothing was indexed yet.
        IndexBusyError: it must be rebuilt, but another process is writing: try again.
        CatalogDamagedError: there is nothing to rebuild it from, or that is damaged too.
        StateFolderError: it must be rebuilt, but cannot be written.
        IndexMismatchError: it was made by another format version or another embedder.
    """
    try:
        return open_current(state, embedder=embedder.name)
    except GenerationDamagedError as damage:
        if not state.catalog.is_file():
            raise CatalogDamagedError(
                f"{damage}, and there is no catalog to rebuild it from; restore a backup with "
                "`verse restore`, or index the documents again"
            ) from damage
        logger.warning("index_damaged_rebuilding detail=%s", damage)
    except IndexMissingError:
        # Documents were stored, and whoever stored them ended before anything was published; or all of it is gone.
        if not state.catalog.is_file():
            raise
        logger.warning("index_missing_building")
    rebuild(state, embedder, settings)
    return open_current(state, embedder=embedder.name)
