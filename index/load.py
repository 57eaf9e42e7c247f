"""Paths → documents: walks folders, asks the reader of each format, fills in what the path tells.

A document that cannot be read is a `Problem` in the stream, never an exception that ends it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from index.access import AccessRule
from index.canonical import canonical_text
from index.errors import DocumentError, SourceError, UnsupportedFormatError
from index.formats import READERS, Problem, Record
from index.formats.kinds import supported_endings
from index.models import sha256_file
from index.sources import FILE_NAME, SourceEntry, SourceList, read_sources
from index.types import Document

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,119}")
_HEADING_MARK = re.compile(r"^ {0,3}#{1,6}\s+|\s+#+\s*$")
_ENDS_LIKE_PROSE = re.compile(r"[.:,;…][\"'”’»)]*$")
_TITLE_LINES = 5
_MAX_TITLE = 200

Found = tuple[Path, str, str, SourceEntry | None]
"""(path, path relative to the indexed folder, root, what `sources.toml` says of it)."""


def load_paths(paths: Sequence[Path]) -> Iterator[Document | Problem]:
    """Yield every document below the given files and folders, in a stable order.

    All paths are looked at before the first document, so that an error leaves nothing half done.

    Raises:
        SourceError: a path does not exist, a folder holds no documents, or its `sources.toml`
            cannot be used.
    """
    for item in _found(paths):
        if isinstance(item, Problem):
            yield item
        else:
            yield from _load_file(*item)


def check_paths(paths: Sequence[Path]) -> None:
    """Look at all paths as `load_paths` would, without reading a document.

    Raises:
        SourceError: as `load_paths`.
    """
    _found(paths)


def _found(paths: Sequence[Path]) -> list[Problem | Found]:
    if not paths:
        raise SourceError("no path was given; name a file or a folder to index")
    return [found for path in paths for found in _find(path)]


def root_of(path: Path) -> str:
    """Return the name that pruning knows a path by: the same however the path was written."""
    return _printable(os.path.abspath(path))


def _find(path: Path) -> Iterator[Found | Problem]:
    if not path.exists():
        raise SourceError(f"{_printable(path)}: does not exist")
    root = root_of(path)
    if path.is_dir():
        yield from _find_below(path, root)
    elif path.suffix.lower() not in READERS:
        yield Problem(error=_unsupported(_printable(path)))
    else:
        known = read_sources(path.parent)
        yield path, path.name, root, _with_rule(known.entries.get(path.name), known.access)


def _find_below(folder: Path, root: str) -> Iterator[Found | Problem]:
    readable = False
    for item in _walk(folder):
        if isinstance(item, Problem):
            yield item
            continue
        path, relative, entry, ignored = item
        if ignored:
            continue
        if path.suffix.lower() not in READERS:
            yield Problem(error=_unsupported(_printable(path)), fatal=False)
            continue
        readable = True
        yield path, relative, root, entry
    if not readable:
        raise SourceError(f"{_printable(folder)}: holds no documents ({supported_endings()})")


def _walk(folder: Path) -> Iterator[tuple[Path, str, SourceEntry | None, bool] | Problem]:
    """Yield files in the order of their names. Links are followed, but no folder twice.

    A file that is described and not there is a problem of the description: what it held is gone.
    """
    lists: list[tuple[Path, SourceList]] = []
    for current, folders, files in walk_once(folder, _refuse_folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(current)
        lists = [(base, known) for base, known in lists if here.is_relative_to(base)]
        known = read_sources(here)
        where = _printable(here / FILE_NAME)
        for name in known.missing:
            yield Problem(
                error=DocumentError(where, f"{name!r} is described but does not exist"), source=where
            )
        lists.append((here, known))
        for name in sorted(files):
            if name.startswith(".") or name == FILE_NAME:
                continue
            path = here / name
            entry, ignored = _described(path, lists)
            yield path, path.relative_to(folder).as_posix(), entry, ignored


def walk_once(
    folder: Path, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk like `os.walk`, through links too, but through no folder twice."""
    visited: set[str] = set()
    for current, folders, files in os.walk(folder, followlinks=True, onerror=onerror):
        real = os.path.realpath(current)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        yield current, folders, files


def _refuse_folder(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _described(path: Path, lists: list[tuple[Path, SourceList]]) -> tuple[SourceEntry | None, bool]:
    """Find what the nearest `sources.toml` above a file says of it, and the nearest rule for it."""
    rule = next((known.access for _, known in reversed(lists) if known.access is not None), None)
    entry = None
    for base, known in reversed(lists):
        name = path.relative_to(base).as_posix()
        if name in known.ignored:
            return None, True
        if name in known.entries:
            entry = known.entries[name]
            break
    return _with_rule(entry, rule), False


def _with_rule(entry: SourceEntry | None, rule: AccessRule | None) -> SourceEntry | None:
    """Return an entry with the folder's rule where it has none of its own."""
    if rule is None or (entry is not None and entry.access is not None):
        return entry
    return replace(entry or SourceEntry(), access=rule)


def _load_file(
    path: Path, relative: str, root: str, entry: SourceEntry | None
) -> Iterator[Document | Problem]:
    where = _printable(path)
    if path.exists() and not path.is_file():
        # A pipe or a device may never end.
        yield Problem(error=DocumentError(where, "is no regular file"))
        return
    if entry is not None and entry.sha256 is not None:
        try:
            found = sha256_file(path)
        except OSError as error:
            yield Problem(error=DocumentError(where, f"cannot be read: {error.strerror or error}"))
            return
        if found != entry.sha256.lower():
            yield Problem(
                error=DocumentError(
                    where, f"has sha256 {found}, but {FILE_NAME} says {entry.sha256}; correct one of them"
                )
            )
            return
    for item in READERS[path.suffix.lower()](path, where):
        if isinstance(item, Problem):
            yield replace(item, source=root_of(path))
            continue
        try:
            yield _document(item, path, relative, root, entry or SourceEntry())
        except DocumentError as error:
            yield Problem(error=error, source=root_of(path))


def _document(record: Record, path: Path, relative: str, root: str, entry: SourceEntry) -> Document:
    return Document(
        document_id=record.document_id or file_document_id(_within(relative, record.member)),
        title=canonical_text(
            entry.title
            or record.title
            or heading_title(record.text)
            or record.document_id
            or _printable(path.stem if record.member is None else PurePosixPath(record.member).stem),
            record.where,
        ),
        text=record.text,
        source=root_of(path),
        root=root,
        publisher=record.publisher or entry.publisher,
        author=record.author or entry.author,
        published_at=record.published_at or entry.published_at,
        url=record.url or entry.url,
        language=record.language or entry.language,
        labels=record.labels,
        access=record.access or entry.access,
        media_type=record.media_type,
        pages=record.pages,
        sections=record.sections,
        marked=record.marked,
    )


def _within(relative: str, member: str | None) -> str:
    return relative if member is None else f"{relative}/{member}"


def file_document_id(relative: str) -> str:
    """Return a stable, URL-safe id for a file by its path relative to the indexed folder.

    A plain file name is its own id. Anything else is made safe and told apart from other paths
    by a piece of its hash.
    """
    if _SAFE_ID.fullmatch(relative):
        return relative
    raw = relative.encode("utf-8", "surrogateescape")
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", relative).strip("-._")[-80:] or "file"
    return f"{safe}~{hashlib.sha256(raw).hexdigest()[:10]}"


def heading_title(text: str) -> str | None:
    """Return the heading in the first lines of a text, or `None` when it opens with prose."""
    lines = [(n, line.strip()) for n, line in enumerate(text.split("\n")[:200]) if line.strip()]
    for _, line in lines[:_TITLE_LINES]:
        if re.match(r"#{1,6}\s+\S", line):
            return _HEADING_MARK.sub("", line).strip()[:_MAX_TITLE]
    if not lines:
        return None
    number, first = lines[0]
    if len(first) > _MAX_TITLE or _ENDS_LIKE_PROSE.search(first) or not re.search(r"\w", first):
        return None
    if len(lines) == 1:
        return None
    following_number, following = lines[1]
    apart = following_number > number + 1
    return first if apart or len(following) >= 2 * len(first) else None


def _printable(path: Path | str) -> str:
    """Return a path as text; bytes of a name that are not UTF-8 show as replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def _unsupported(where: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(where, f"unsupported format; readable are {supported_endings()}")
