"""`sources.toml`: what is known of the files of a folder, written down beside them.

ignore = ["README.md"]

[[source]]
file = "summit.txt"
title = "…"            # all but `file` may be left out
publisher = "…"
author = "…"
published_at = 2025-11-06
url = "https://…"
language = "en"
sha256 = "…"           # of the file's bytes; a changed file is then refused
access = { groups = ["board"], users = ["ada"] }   # or "public"; who may read it

`access` at the top of the file is the rule of all files of this folder, and of those below it, that
have none of their own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from index.access import AccessRule
from index.errors import DocumentError, SourceError
from index.formats.record import checked_access, checked_date

FILE_NAME = "sources.toml"
_TEXT_KEYS = frozenset({"title", "publisher", "author", "url", "language", "sha256"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """What one `[[source]]` says of its file."""

    title: str | None = None
    publisher: str | None = None
    author: str | None = None
    published_at: str | None = None
    url: str | None = None
    language: str | None = None
    sha256: str | None = None
    access: AccessRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceList:
    """A folder's entries by file path relative to it (with `/`), and the files to leave out.

    `access` is the rule of the files that have none of their own. `missing` are described, and not there.
    """

    entries: dict[str, SourceEntry]
    ignored: frozenset[str]
    access: AccessRule | None = None
    missing: tuple[str, ...] = ()


def read_sources(folder: Path) -> SourceList:
    """Read a folder's `sources.toml`; an absent file is an empty list.

    Raises:
        SourceError: it is not TOML, or holds keys or values that mean nothing.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return SourceList(entries={}, ignored=frozenset())
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as TOML: {error}") from error
    unknown = set(content) - {"access", "ignore", "source"}
    if unknown:
        raise SourceError(f"{path}: unknown key {sorted(unknown)[0]!r}; known are access, ignore, [[source]]")
    access = _access(content, str(path))
    ignored = content.get("ignore", [])
    if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
        raise SourceError(f"{path}: ignore must be a list of file names, not {ignored!r}")
    entries: dict[str, SourceEntry] = {}
    rows = content.get("source", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{path}: source must be written as [[source]] tables")
    for number, row in enumerate(rows, start=1):
        name, entry = _entry(path, number, row)
        if name in entries:
            raise SourceError(f"{path}: {name!r} is described twice")
        entries[name] = entry
    missing = tuple(name for name in entries if not (folder / name).is_file())
    return SourceList(entries=entries, ignored=frozenset(ignored), access=access, missing=missing)


def _entry(path: Path, number: int, row: dict[str, object]) -> tuple[str, SourceEntry]:
    name = row.get("file")
    where = f"{path}: [[source]] number {number}"
    if not isinstance(name, str) or not name:
        raise SourceError(f"{where} has no file")
    if name.startswith("/") or ".." in name.split("/"):
        raise SourceError(f"{where}: {name!r} is not below the folder of {FILE_NAME}")
    name = PurePosixPath(name).as_posix()  # "./a.txt" is "a.txt"
    unknown = set(row) - _TEXT_KEYS - {"file", "published_at", "access"}
    if unknown:
        raise SourceError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    values: dict[str, str] = {}
    for key in _TEXT_KEYS & set(row):
        value = row[key]
        if not isinstance(value, str) or not value.strip():
            raise SourceError(f"{where}: {key} must be a text, not {value!r}")
        values[key] = value
    if "published_at" in row:
        try:
            values["published_at"] = checked_date(row["published_at"], where)
        except DocumentError as error:
            raise SourceError(str(error)) from error
    return name, SourceEntry(**values, access=_access(row, where))


def _access(table: dict[str, object], where: str) -> AccessRule | None:
    if "access" not in table:
        return None
    try:
        return checked_access(table["access"], where)
    except DocumentError as error:
        raise SourceError(str(error)) from error
