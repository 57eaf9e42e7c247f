"""Copies of the record of truth: made while others work, verified before they are used.

BACKUP/
  manifest.json      format, what is in it, and the sha256 of every file; sealed by its own digest
  catalog.sqlite     all documents, with rules, passages and vectors
  …                  further databases that the caller names

Derived files are not in it: a restored catalog makes them anew without any inference. SQLite copies each
database from one state of it (`VACUUM INTO`), which leaves out whatever was deleted. A backup appears
whole, or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from index.catalog import Catalog
from index.errors import BackupError, CatalogDamagedError, IndexMissingError
from index.failpoints import failpoint
from index.models import sha256_file
from index.state import StateFolder, make_folder, sync_file, sync_tree
from index.storage import storage_error

BACKUP_FORMAT = 1
CATALOG = "catalog.sqlite"
_MANIFEST = "manifest.json"
_MANIFEST_BYTES = 1 << 20
_PART = 1 << 20
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """What a backup holds; `files` are {name: {"sha256", "bytes"}}."""

    documents: int
    corpus_sha256: str
    files: dict[str, dict[str, str | int]]


def write_backup(
    state: StateFolder,
    target: Path,
    others: Mapping[str, Path],
    *,
    settle: Callable[[Path, frozenset[str]], None] = lambda _folder, _removed: None,
) -> BackupManifest:
    """Write a backup of the catalog, and of the `others` (name in the backup: database file), to `target`.

    The others are copied first: what they say of documents is not newer than the documents. `settle` is given
    the folder and the ids of removed documents, and may take out of the other copies what speaks of them.

    Raises:
        IndexMissingError: there is no catalog.
        BackupError: `target` exists.
        CatalogDamagedError: a document, a rule or a passage fails its check; there is no backup then.
        StateFolderError: it cannot be written.
    """
    if not state.catalog.is_file():
        raise IndexMissingError(f"there is no index in {state.path} to make a backup of")
    with _appearing(target, "backup") as aside:
        for name, source in [*others.items(), (CATALOG, state.catalog)]:
            copy_database(source, aside / name)
        failpoint("backup.databases_copied")
        with Catalog(aside / CATALOG) as catalog:
            withdrawn = catalog.withdrawn()
            for document_id in withdrawn:
                # Deleted, though nobody has come to it yet: a later backup does not hold its text.
                catalog.remove(document_id)
            if withdrawn:
                catalog.compact()
            documents = verify_documents(catalog)
            corpus, removed = catalog.corpus_sha256(), catalog.removed()
        settle(aside, removed)
        names = sorted([CATALOG, *others])
        manifest = BackupManifest(
            documents=documents,
            corpus_sha256=corpus,
            files={
                name: {"sha256": sha256_file(aside / name), "bytes": (aside / name).stat().st_size}
                for name in names
            },
        )
        content = {"format": BACKUP_FORMAT, **asdict(manifest)}
        (aside / _MANIFEST).write_text(
            json.dumps({**content, "sha256": _digest(content)}, indent=1, sort_keys=True), encoding="utf-8"
        )
        failpoint("backup.manifest_written")
    return manifest


def copy_database(source: Path, target: Path) -> None:
    """Copy one state of an SQLite database, without what was deleted in it, while others write to it.

    Raises:
        sqlite3.Error: it cannot be read, or the copy not be written.
    """
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=_WAIT_S)) as db:
        db.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)


def verify_documents(catalog: Catalog) -> int:
    """Read every document with all that hangs on it, and check each against its digest; return how many."""
    count = 0
    for seq, document in catalog.all_documents():
        if catalog.is_derived(seq):
            catalog.derived_of(seq, document)
        count += 1
    catalog.verify_rules()
    return count


def read_backup(folder: Path) -> BackupManifest:
    """Verify a backup: every file that the manifest names, and no other, is opened.

    Raises:
        BackupError: it is incomplete, damaged or no backup.
    """
    manifest = _read_manifest(folder)
    for name in manifest.files:
        with _opened(folder, name, manifest) as parts:
            for _ in parts:
                pass
    return manifest


def restore_backup(
    folder: Path, state: StateFolder, *, rebuild_with: Callable[[StateFolder], object]
) -> BackupManifest:
    """Make the state folder from a backup that is verified first; it appears whole, or not at all.

    `rebuild_with` makes the derived files of the state folder it is given.

    Raises:
        BackupError: the backup is damaged, or there is something in the state folder already.
        StateFolderError: it cannot be written.
    """
    manifest = read_backup(folder)
    with _appearing(state.path, "restore", may_be_empty=True) as aside:
        for name in manifest.files:
            with _opened(folder, name, manifest) as parts:
                descriptor = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as copy:  # noqa: PTH123 - a descriptor
                    for part in parts:
                        copy.write(part)
        failpoint("restore.copied")
        try:
            with Catalog(aside / CATALOG) as catalog:
                found = (verify_documents(catalog), catalog.corpus_sha256())
        except CatalogDamagedError as error:
            raise BackupError(f"the backup {folder} was made of a damaged catalog: {error}") from error
        if found != (manifest.documents, manifest.corpus_sha256):
            raise BackupError(f"the catalog of the backup {folder} does not hold what its manifest says")
        rebuild_with(StateFolder(aside))
        failpoint("restore.rebuilt")
    return manifest


@contextmanager
def _appearing(target: Path, what: str, *, may_be_empty: bool = False) -> Iterator[Path]:
    """Give a folder to fill, which then appears under its name in one step, synced; `what` names failpoints."""
    target = target.absolute()
    taken = target.is_symlink() or (
        target.exists() and not (may_be_empty and target.is_dir() and not any(target.iterdir()))
    )
    if taken:
        raise BackupError(
            f"{target} is there already, and nothing is written over; "
            + ("move it away, or name another state folder" if may_be_empty else "name another place")
        )
    aside = target.with_name(f".{target.name}.{what}")
    try:
        make_folder(target.parent)
        aside.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise storage_error(f"the {what} cannot be begun", target.parent, error) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(f"another {what} to {target} is under way; wait until it is done") from error
        try:
            _empty(aside)  # what one that was killed has left
            yield aside
            sync_tree(aside)
            failpoint(f"{what}.synced")
            os.rename(aside, target)  # noqa: PTH104 - an empty folder gives way, nothing else does
            failpoint(f"{what}.renamed")
            sync_file(target.parent)
        except BaseException as error:
            if aside.exists():
                shutil.rmtree(aside, ignore_errors=True)
            if isinstance(error, OSError | sqlite3.OperationalError):
                raise storage_error(f"the {what} cannot be written", target.parent, error) from error
            if isinstance(error, sqlite3.DatabaseError):
                raise CatalogDamagedError(
                    f"a database cannot be copied: {error}; see `verse check`"
                ) from error
            raise
    finally:
        os.close(lock)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_manifest(folder: Path) -> BackupManifest:
    path = folder / _MANIFEST
    try:
        with open(_open_plain(path), "rb") as file:
            raw = file.read(_MANIFEST_BYTES + 1)
        content = json.loads(raw.decode("utf-8")) if len(raw) <= _MANIFEST_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise BackupError(f"{folder} is no backup: {path.name} cannot be read ({error})") from error
    if not isinstance(content, dict) or content.get("format") != BACKUP_FORMAT:
        raise BackupError(f"{folder} is no backup that this version reads (format {BACKUP_FORMAT})")
    if content.pop("sha256", None) != _digest(content):
        raise BackupError(f"the manifest of the backup {folder} is damaged; use another backup")
    try:
        manifest = BackupManifest(**{name: content[name] for name in ("documents", "corpus_sha256", "files")})
        plain = all(
            _is_plain(name) and set(told) == {"sha256", "bytes"} for name, told in manifest.files.items()
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"the manifest of the backup {folder} lacks {error}") from error
    if not plain or CATALOG not in manifest.files:
        raise BackupError(f"the manifest of the backup {folder} names files that no backup holds")
    return manifest


def _is_plain(name: str) -> bool:
    """Tell whether a name is one that we give: no path, nothing hidden, no manifest."""
    stem, dot, ending = name.partition(".")
    return stem.isascii() and stem.isalpha() and dot == "." and ending == "sqlite"


@contextmanager
def _opened(folder: Path, name: str, manifest: BackupManifest) -> Iterator[Iterator[bytes]]:
    """Give the bytes of a file; whoever has read them all knows that they are those of the manifest."""
    told = manifest.files[name]
    try:
        descriptor = _open_plain(folder / name)
    except OSError as error:
        raise BackupError(f"{name} of the backup {folder} cannot be opened: {error.strerror}") from error

    def parts() -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        try:
            while part := file.read(_PART):
                digest.update(part)
                size += len(part)
                yield part
        except OSError as error:
            raise BackupError(f"{name} of the backup {folder} cannot be read: {error.strerror}") from error
        if (digest.hexdigest(), size) != (told["sha256"], told["bytes"]):
            raise BackupError(f"{name} of the backup {folder} is damaged or incomplete; use another backup")

    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        yield parts()


def _open_plain(path: Path) -> int:
    """Open a regular file, no link and nothing that would make us wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no regular file")
    return descriptor


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
