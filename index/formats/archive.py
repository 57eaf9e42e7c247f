"""ZIP archives: what is refused before anything is unpacked, members, and which are documents.

The budget is shared with archives inside archives: nothing is gained by nesting.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from index.errors import DocumentError
from index.formats.record import Problem, Record

MAX_ENTRIES = 10_000
MAX_EXPANDED = 200 * 2**20
MAX_RATIO = 100
MAX_DEPTH = 3
# Small members of one repeated line are honest, and pack well.
_RATIO_FROM = 2**20
_MAX_NAME = 512
# The endings under which an archive is looked into; see `index.formats.dispatch`.
_ARCHIVES = ("", ".zip", ".docx")
_HIDDEN = ("__MACOSX/", ".")

ReadMember = Callable[[bytes, str, str, "Budget"], Iterator[Record | Problem]]


class Budget:
    """What may still be unpacked, counted over all archives of one file; `depth` of the archive at hand."""

    def __init__(self, outer: Budget | None = None) -> None:
        self.depth: int = 0 if outer is None else outer.depth + 1
        # Shared, so that what is used inside is used outside as well.
        self._left: list[int] = [MAX_EXPANDED, MAX_ENTRIES] if outer is None else outer._left

    def spend(self, expanded: int, entries: int, where: str) -> None:
        """Count what an archive says that it holds.

        Raises:
            DocumentError: it is more than what is left.
        """
        self._left[0] -= expanded
        self._left[1] -= entries
        if self._left[1] < 0:
            raise DocumentError(where, f"holds more than {MAX_ENTRIES} entries; split it")
        if self._left[0] < 0:
            raise DocumentError(where, f"expands to more than {MAX_EXPANDED // 2**20} MiB; split it")


def opened(raw: bytes, where: str, budget: Budget) -> zipfile.ZipFile:
    """Open an archive after looking at all that its directory says.

    Raises:
        DocumentError: damaged, encrypted as a whole, or more than the budget allows.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        raise DocumentError(where, f"is no whole ZIP archive: {error}") from error
    members = archive.infolist()
    expanded = sum(member.file_size for member in members)
    budget.spend(expanded, len(members), where)
    _refuse_bomb(expanded, raw, where)
    return archive


def refuse_bombs(raw: bytes, where: str) -> None:
    """Look into the archives inside an archive, before anything of it is read, for what all of it expands to.

    An archive in an archive expands by less than a bomb at each step, and by the product of all.

    Raises:
        DocumentError: to more than its size allows.
    """
    expanded = 0
    waiting = [(raw, 0)]
    while waiting:
        packed, depth = waiting.pop()
        try:
            archive = zipfile.ZipFile(io.BytesIO(packed))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
            continue  # whoever reads it says what is wrong with it
        with archive:
            for member in archive.infolist():
                expanded += member.file_size
                _refuse_bomb(expanded, raw, where)
                if depth + 1 < MAX_DEPTH and PurePosixPath(member.filename).suffix.lower() in _ARCHIVES:
                    try:
                        waiting.append((member_bytes(archive, member, where), depth + 1))
                    except DocumentError:
                        continue


def _refuse_bomb(expanded: int, raw: bytes, where: str) -> None:
    if expanded > max(_RATIO_FROM, MAX_RATIO * len(raw)):
        raise DocumentError(where, f"expands to more than {MAX_RATIO} times its size; it is taken for a bomb")


def member_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> bytes:
    """Return what one member holds, and never more than its entry says.

    Raises:
        DocumentError: encrypted, damaged, packed in a way that cannot be read, or larger than it says.
    """
    if member.flag_bits & 0x1:
        raise DocumentError(where, "is encrypted; take the password off and add it again")
    try:
        with archive.open(member) as file:
            raw = file.read(member.file_size + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise DocumentError(where, f"cannot be unpacked: {error}") from error
    if len(raw) > member.file_size:
        raise DocumentError(where, "is larger than the archive says; it is taken for a bomb")
    return raw


def read_archive(
    raw: bytes, where: str, budget: Budget, read_member: ReadMember
) -> Iterator[Record | Problem]:
    """Yield the documents of all members in the order of their names, and a problem for each that is none."""
    if budget.depth >= MAX_DEPTH:
        raise DocumentError(where, f"lies more than {MAX_DEPTH} archives deep")
    refuse_bombs(raw, where)
    found = 0
    with opened(raw, where, budget) as archive:
        seen: set[str] = set()
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            name = member.filename
            if member.is_dir() or name.startswith(_HIDDEN) or PurePosixPath(name).name.startswith("."):
                continue
            here = f"{where}, member {shown_name(name)}"
            try:
                _refuse_name(member, here)
                if name in seen:
                    raise DocumentError(here, "stands in the archive twice; the first is kept")
                seen.add(name)
                for item in read_member(member_bytes(archive, member, here), name, here, Budget(budget)):
                    found += 1
                    yield within(item, name)
            except DocumentError as error:
                found += 1
                yield Problem(error=error)
    if not found:
        raise DocumentError(where, "holds no documents")


def within(item: Record | Problem, name: str) -> Record | Problem:
    """Return a part's document as a part of the whole: its path begins with the member's name."""
    if isinstance(item, Problem):
        return item
    return replace(item, member=name if item.member is None else f"{name}/{item.member}")


def shown_name(name: str) -> str:
    """Return a member's name for messages: printable, and not endless."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name[:120])


def _refuse_name(member: zipfile.ZipInfo, where: str) -> None:
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise DocumentError(where, "has a name that leads out of the archive")
    if len(name) > _MAX_NAME or "\x00" in name:
        raise DocumentError(where, f"has a name of more than {_MAX_NAME} characters, or with a NUL in it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DocumentError(where, "is a symbolic link; put the file itself in")
