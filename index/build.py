"""Documents in, a published generation out: load → clean → split → embed → catalog → generation.

Text is safe before anything is derived from it: a document is stored, and reported as stored, in
one synced transaction; what follows can be interrupted anywhere and goes on at the next run.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index.catalog import Catalog, Change
from index.clean import Fingerprint, fingerprints, mark_repeats_of_others, own_excluded
from index.context import embedded_text, longest_context
from index.duplicates import Story, find_duplicates, stories
from index.errors import (
    DocumentError,
    DuplicateIdError,
    GenerationDamagedError,
    IndexMismatchError,
    IndexMissingError,
)
from index.formats import Problem
from index.generation import check_files, confirm_current, publish, read_manifest
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
    stories: list[Story] = field(default_factory=list)


def ignore_event(event: Event, document_id: str) -> None:
    """Take no notice of a change."""


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
    on_event: EventCallback = ignore_event,
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
            report.stories.extend(stories(catalog.signatures.pairs()))
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
        return _publish(state, catalog, embedder, settings, progress, anew=True)


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
        change = store_document(catalog, document)[0]
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
                damaged_sources.add(item.source or root_of(Path(item.error.where)))
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


def store_document(catalog: Catalog, document: Document) -> tuple[Change, list[ExcludedSpan]]:
    """Store one document durably; return what changed, and what of its text is left out of answers by itself.

    Raises:
        DuplicateIdError: the id belongs to a document from another source.
        StateFolderError, CatalogDamagedError: as they say; nothing was stored.
    """
    own = own_excluded(document)
    return catalog.put(document, own, _quotable(fingerprints(document.text), own)), own


def derive_and_publish(
    state: StateFolder,
    catalog: Catalog,
    embedder: Embedder,
    settings: IndexSettings,
    *,
    progress: ProgressCallback = _ignore_progress,
    anew: bool = False,
    new: int = 0,
) -> IndexReport:
    """Bring passages, vectors and the generation in step with what is stored.

    `new` is how many of the documents that wait for it were never stored before, as far as that is known: these leave
    no vector behind, and where there are no others none is looked for. With `anew` all files of the generation are written, whatever the one before has. The caller holds the
    writer's lock. An exception that `progress` raises ends it between two steps; what
    was derived stays.
    """
    report = IndexReport(added=new)
    _derive(catalog, embedder, settings, report, progress)
    if anew:
        report.index_version = _publish(state, catalog, embedder, settings, progress, anew=True)
        report.published = True
    else:
        _publish_if_needed(state, catalog, embedder, settings, report, progress)
    return report


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
        passages = passages_of(document, excluded, embedder, settings)
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
    find_duplicates(catalog, settings, progress)
    report.documents = catalog.count()


def _excluded(catalog: Catalog, seq: int, document: Document) -> list[ExcludedSpan]:
    prints = fingerprints(document.text)
    return mark_repeats_of_others(
        document, own_excluded(document), prints, catalog.earlier_holders(seq, prints)
    )


def passages_of(
    document: Document, excluded: Sequence[ExcludedSpan], embedder: Embedder, settings: IndexSettings
) -> list[Passage]:
    """Return the passages of a document, each short enough for the embedder beside its context."""
    context = min(settings.context_tokens, embedder.count_tokens([longest_context(document)])[0] + 2)
    return split_document(
        document,
        excluded,
        budget_tokens=settings.passage_tokens,
        count_tokens=count_tokens,
        embedder_tokens=max(32, embedder.max_tokens - context),
        count_embedder_tokens=embedder.count_tokens,
    )


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
            and manifest.versions_sha256 == catalog.versions_sha256()
            and manifest.derivation == settings.derivation(embedder.name)
            and manifest.settings == settings.as_dict()
        ):
            # The one who published it may have been killed, or failed, before it was on the disk.
            confirm_current(state)
            report.index_version = manifest.index_version
            return
    except (IndexMissingError, IndexMismatchError, GenerationDamagedError):
        pass  # all three are mended by publishing
    report.index_version = _publish(state, catalog, embedder, settings, progress)
    report.published = True


def _publish(
    state: StateFolder,
    catalog: Catalog,
    embedder: Embedder,
    settings: IndexSettings,
    progress: ProgressCallback,
    *,
    anew: bool = False,
) -> str:
    return publish(
        state,
        catalog,
        settings,
        embedder=embedder.name,
        dimension=embedder.dimension,
        progress=progress,
        anew=anew,
    )


def _all_excluded(catalog: Catalog) -> list[tuple[str, ExcludedSpan, str]]:
    return [
        (document.document_id, span, document.text[span.start : span.end])
        for seq, document in catalog.all_documents()
        for span in catalog.excluded_of(seq)
    ]
