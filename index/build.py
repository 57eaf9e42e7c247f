"""Documents in, a published generation out: load → clean → split → embed → catalog → generation.

Text is safe before anything is derived from it: a document is stored, and reported as stored, in
one synced transaction; what follows can be interrupted anywhere and goes on at the next run.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index.catalog import Catalog
from index.clean import Fingerprint, fingerprints, mark_boilerplate, mark_repeats_of_others
from index.errors import (
    DocumentError,
    DuplicateIdError,
    GenerationDamagedError,
    IndexMismatchError,
    IndexMissingError,
)
from index.formats import Problem
from index.generation import check_files, publish, read_manifest
from index.load import load_paths, root_of
from index.settings import IndexSettings
from index.split import split_document
from index.state import StateFolder
from index.tokens import count_tokens
from index.types import Document, Embedder, ExcludedSpan, Passage, ProgressCallback

Event = Literal["added", "replaced", "access", "unchanged", "removed"]
EventCallback = Callable[[Event, str], None]

_EMBED_BATCH = 256
# So many passages are held at a time while they are embedded.
_LOOKED_AT = 16_384


@dataclass(slots=True, kw_only=True)
class IndexReport:
    """What one run did. `index_version` is the generation that now serves."""

    added: int = 0
    replaced: int = 0
    access: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    documents: int = 0
    published: bool = False
    index_version: str = ""
    skipped: list[str] = field(default_factory=list)
    problems: list[DocumentError] = field(default_factory=list)
    excluded: list[tuple[str, ExcludedSpan, str]] = field(default_factory=list)


def _ignore_event(event: Event, document_id: str) -> None:
    pass


def _ignore_progress(stage: str, done: int, total: int) -> None:
    pass


def update_index(
    state: StateFolder,
    paths: Sequence[Path],
    embedder: Embedder,
    settings: IndexSettings,
    *,
    prune: bool = False,
    list_excluded: bool = False,
    on_event: EventCallback = _ignore_event,
    progress: ProgressCallback = _ignore_progress,
) -> IndexReport:
    """Bring the index in step with the documents below `paths`.

    `on_event` hears of each document once its change is on the disk. With `prune`, documents that
    came earlier from these same paths and are gone are removed; one whose file has a problem now
    is kept.

    Raises:
        SourceError: a path cannot be used at all; nothing was changed.
        IndexBusyError, StateFolderError, CatalogDamagedError, EmbedderError: as they say.
    """
    report = IndexReport()
    with state.writing(), Catalog(state.catalog) as catalog:
        _store(catalog, paths, report, prune=prune, on_event=on_event, progress=progress)
        _derive(catalog, embedder, settings, report, progress)
        _publish_if_needed(state, catalog, embedder, settings, report, progress)
        if list_excluded:
            report.excluded.extend(_all_excluded(catalog))
    return report


def rebuild(
    state: StateFolder,
    embedder: Embedder,
    settings: IndexSettings,
    *,
    progress: ProgressCallback = _ignore_progress,
) -> str:
    """Make the generation anew from the catalog and return its name.

    Raises:
        IndexMissingError: there is nothing to rebuild from.
        CatalogDamagedError: the record of truth itself is damaged.
    """
    if not state.catalog.is_file():
        raise IndexMissingError(f"there is no index in {state.path}; run `verse index PATH` first")
    report = IndexReport()
    with state.writing(), Catalog(state.catalog) as catalog:
        _derive(catalog, embedder, settings, report, progress)
        return publish(
            state,
            catalog,
            settings,
            embedder=embedder.name,
            dimension=embedder.dimension,
            progress=progress,
            anew=True,
        )


def _store(
    catalog: Catalog,
    paths: Sequence[Path],
    report: IndexReport,
    *,
    prune: bool,
    on_event: EventCallback,
    progress: ProgressCallback,
) -> None:
    seen: set[str] = set()
    damaged_sources: set[str] = set()
    taken: list[tuple[Document, DuplicateIdError]] = []

    def store(document: Document) -> None:
        own = mark_boilerplate(document)
        change = catalog.put(document, own, _quotable(fingerprints(document.text), own))
        seen.add(document.document_id)
        match change:
            case "added":
                report.added += 1
            case "replaced":
                report.replaced += 1
            case "access":
                report.access += 1
            case "unchanged":
                report.unchanged += 1
        on_event(change, document.document_id)

    for number, item in enumerate(load_paths(paths), start=1):
        progress("reading", number, 0)
        if isinstance(item, Problem):
            if item.fatal:
                report.problems.append(item.error)
                # A file's name, or its name and a line; a name may itself say ", line ".
                where = item.error.where
                damaged_sources |= {os.path.abspath(w) for w in (where, where.rpartition(", line ")[0]) if w}
            else:
                report.skipped.append(str(item.error))
            continue
        try:
            store(item)
        except DuplicateIdError as error:
            taken.append((item, error))
        except DocumentError as error:
            report.problems.append(error)
    if prune:
        roots = [root_of(path) for path in paths]
        for document_id, source in catalog.documents_of_roots(roots).items():
            if document_id not in seen and source not in damaged_sources:
                catalog.remove(document_id)
                report.removed += 1
                on_event("removed", document_id)
    for document, refused in taken:
        # What was pruned may have held the id: a document that went from one file to another.
        if not prune or document.document_id in seen:
            report.problems.append(refused)
            continue
        try:
            store(document)
        except DuplicateIdError as again:
            report.problems.append(again)


def _quotable(marks: Sequence[Fingerprint], excluded: Sequence[ExcludedSpan]) -> list[Fingerprint]:
    """Leave out the paragraphs that this document excludes: it does not hold them for others.

    A "Read also" item is often the first paragraph of the article that it points to.
    """
    starts = [span.start for span in excluded]
    return [
        mark
        for mark in marks
        if not (before := bisect_left(starts, mark.end)) or excluded[before - 1].end <= mark.start
    ]


def _derive(
    catalog: Catalog,
    embedder: Embedder,
    settings: IndexSettings,
    report: IndexReport,
    progress: ProgressCallback,
) -> None:
    derivation = settings.derivation(embedder.name)
    waiting = catalog.underived(derivation)
    for number, seq in enumerate(waiting, start=1):
        document = catalog.document(seq)
        excluded = _excluded(catalog, seq, document)
        passages = _split(document, excluded, embedder, settings)
        catalog.derive(
            seq,
            derivation,
            excluded,
            [(p, _vector_key(embedder, embedded_text(document, p, settings))) for p in passages],
        )
        progress("splitting", number, len(waiting))
    report.embedded = _embed(catalog, embedder, settings, progress)
    if len(waiting) > report.added:
        # Looks at every vector; a document that is new leaves none behind.
        catalog.drop_unused_vectors()
    report.documents = catalog.count()


def _excluded(catalog: Catalog, seq: int, document: Document) -> list[ExcludedSpan]:
    prints = fingerprints(document.text)
    return mark_repeats_of_others(
        document, mark_boilerplate(document), prints, catalog.earlier_holders(seq, prints)
    )


def _split(
    document: Document, excluded: Sequence[ExcludedSpan], embedder: Embedder, settings: IndexSettings
) -> list[Passage]:
    context = min(settings.context_tokens, embedder.count_tokens([_context(document)])[0] + 2)
    return split_document(
        document,
        excluded,
        budget_tokens=settings.passage_tokens,
        count_tokens=count_tokens,
        embedder_tokens=max(32, embedder.max_tokens - context),
        count_embedder_tokens=embedder.count_tokens,
    )


def _context(document: Document) -> str:
    return ". ".join(part for part in (document.title, document.publisher) if part)


def embedded_text(document: Document, passage: Passage, settings: IndexSettings) -> str:
    """Return what is embedded for a passage: its text after the title and the publisher.

    The context is cut by characters, about four to a token, so that it cannot push out the text.
    """
    context = _context(document)[: 4 * settings.context_tokens]
    return f"{context}. {passage.text}" if context else passage.text


def _vector_key(embedder: Embedder, text: str) -> bytes:
    return hashlib.blake2b(f"{embedder.name}\0{text}".encode(), digest_size=20).digest()


def _embed(catalog: Catalog, embedder: Embedder, settings: IndexSettings, progress: ProgressCallback) -> int:
    """Embed what has no vector yet, a batch a transaction, so that an interruption costs little."""
    document: Document | None = None
    document_seq = -1
    done = total = 0
    after = (-1, -1)
    while missing := catalog.passages_without_vectors(_LOOKED_AT, after):
        if not total:
            total = catalog.count_without_vectors()
        for start in range(0, len(missing), _EMBED_BATCH):
            batch = missing[start : start + _EMBED_BATCH]
            texts = []
            for _, seq, left, right in batch:
                if document is None or seq != document_seq:
                    document, document_seq = catalog.document(seq), seq
                passage = Passage(
                    document_id=document.document_id,
                    start=left,
                    end=right,
                    text=document.text[left:right],
                    sentences=(),
                )
                texts.append(embedded_text(document, passage, settings))
            catalog.add_vectors([key for key, *_ in batch], embedder.embed_passages(texts))
            done += len(batch)
            progress("embedding", done, total)
        # What lies between here and the end of the window repeats a text that has its vector now.
        after = (missing[-1][1], missing[-1][2])
    return done


def _publish_if_needed(
    state: StateFolder,
    catalog: Catalog,
    embedder: Embedder,
    settings: IndexSettings,
    report: IndexReport,
    progress: ProgressCallback,
) -> None:
    try:
        folder, manifest = read_manifest(state)
        check_files(folder, manifest)
        if (
            manifest.corpus_sha256 == catalog.corpus_sha256()
            and manifest.derivation == settings.derivation(embedder.name)
            and manifest.settings == settings.as_dict()
        ):
            report.index_version = manifest.index_version
            return
    except (IndexMissingError, IndexMismatchError, GenerationDamagedError):
        pass  # all three are mended by publishing
    report.index_version = publish(
        state, catalog, settings, embedder=embedder.name, dimension=embedder.dimension, progress=progress
    )
    report.published = True


def _all_excluded(catalog: Catalog) -> list[tuple[str, ExcludedSpan, str]]:
    return [
        (document.document_id, span, document.text[span.start : span.end])
        for seq, document in catalog.all_documents()
        for span in catalog.excluded_of(seq)
    ]
