"""Removes documents so that no byte of their text is left in the state folder.

Removing alone hides a text at once; its bytes stay in free pages, logs, old generations and answers. This
removes, publishes an index without it, discards every other generation and writes the databases anew. It can
be interrupted anywhere: a tombstone stays of each document, and a second run does the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.build import derive_and_publish
from index.catalog import Catalog
from index.errors import IndexMissingError, SourceError
from index.failpoints import failpoint
from index.generation import discard_other_generations
from index.settings import IndexSettings
from index.state import StateFolder
from index.types import Document, Embedder

_PROBE_CHARACTERS = 24
_PROBES = 200
_PART = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was done; `probes` are pieces of the texts that no other document holds."""

    removed: int
    index_version: str
    probes: tuple[str, ...]


def forget_documents(
    state: StateFolder, document_ids: Sequence[str], embedder: Embedder, settings: IndexSettings
) -> Forgotten:
    """Remove these documents, and every byte of their texts from the catalog and the index.

    Ids of which a tombstone is left are taken too, to end what a run before did not.

    Raises:
        SourceError: an id that no document has or had; nothing was changed.
        IndexBusyError: another process writes, or reads an older state for too long.
        StateFolderError, CatalogDamagedError: as they say.
    """
    if not state.catalog.is_file():
        raise IndexMissingError(f"there is no index in {state.path}; nothing is stored in it")
    wanted = list(dict.fromkeys(document_ids))
    with state.writing(), Catalog(state.catalog) as catalog:
        found = [(document_id, catalog.document_by_id(document_id)) for document_id in wanted]
        gone = catalog.removed()
        unknown = [
            document_id for document_id, document in found if document is None and document_id not in gone
        ]
        if unknown:
            raise SourceError(
                f"there is no document {unknown[0]!r}; `verse index --json PATH` names them. Nothing was removed"
            )
        documents = [document for _, document in found if document is not None]
        probes = _probes(documents, catalog)
        for document in documents:
            catalog.remove(document.document_id)
        failpoint("forget.removed")
        # What is removed would stay in files that generations share.
        version = derive_and_publish(state, catalog, embedder, settings, anew=True).index_version
        failpoint("forget.published")
        discard_other_generations(state)
        failpoint("forget.discarded")
        catalog.compact()
    return Forgotten(removed=len(documents), index_version=version, probes=probes)


def files_with(folder: Path, probes: Sequence[str]) -> list[Path]:
    """Return the files below a folder that hold one of these pieces of text, in UTF-8, UTF-16 or as JSON."""
    wanted = {
        form
        for probe in probes
        for form in (
            probe.encode(),
            probe.encode("utf-16-le"),
            json.dumps(probe)[1:-1].encode(),
            json.dumps(probe, ensure_ascii=False)[1:-1].encode(),
        )
    }
    overlap = max(map(len, wanted), default=0)
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and wanted
        and any(form in part for part in _parts(path, overlap) for form in wanted)
    ]


def _parts(path: Path, overlap: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        before = b""
        while part := file.read(_PART):
            yield before + part
            before = part[-overlap:]


def _probes(documents: Sequence[Document], catalog: Catalog) -> tuple[str, ...]:
    """Return pieces of these texts, spread over each, that stand in no other document."""
    ids = {document.document_id for document in documents}
    pieces = {
        document.text[at : at + _PROBE_CHARACTERS]
        for document in documents
        for at in range(0, len(document.text), max(_PROBE_CHARACTERS, len(document.text) // _PROBES))
    }
    # A short end may stand anywhere.
    pieces = {piece for piece in pieces if len(piece) == _PROBE_CHARACTERS}
    if not pieces:
        return ()
    for _, other in catalog.all_documents():
        if other.document_id not in ids:
            pieces = {piece for piece in pieces if piece not in other.text}
    return tuple(sorted(pieces))
