"""Reading the files of data sets: strict UTF-8, gzipped or not, every error with file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.errors import DataSetError


def find_file(folder: Path, *names: str) -> Path:
    """Return the first of some files that a folder holds, each plain or with `.gz`.

    Raises:
        DataSetError: it holds none of them.
    """
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    raise DataSetError(
        f"{folder} has no {' or '.join(names)} (plain or .gz); get the data set and put it there"
    )


def sub_folder(folder: Path | None, name: str) -> Path:
    """Return the folder of one public data set below the folder that holds them.

    Raises:
        DataSetError: no folder was given, or it does not hold this data set.
    """
    if folder is None:
        raise DataSetError(
            f"{name} is not shipped with this software; give the folder that holds {name}/ with --folder"
        )
    found = folder / name
    if not found.is_dir():
        raise DataSetError(
            f"{folder} holds no folder {name!r}; --folder is the folder that holds {name}/, not {name}/ itself"
        )
    return found


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, line) for each line that is not blank; `where` names file and line.

    Raises:
        DataSetError: it cannot be read, or is not UTF-8.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                where = f"{path}, line {number}"
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                try:
                    line = raw.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise DataSetError(
                        f"{where}: byte 0x{raw[error.start]:02x} is not UTF-8; convert the file to UTF-8"
                    ) from error
                if line.strip():
                    yield where, line
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataSetError(f"{path} cannot be read after line {number}: {reason}") from error


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (where, object) for each line of a JSON Lines file.

    Raises:
        DataSetError: as `read_lines`, or a line is no JSON object.
    """
    for where, line in read_lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataSetError(f"{where}: is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataSetError(f"{where}: is a JSON {type(row).__name__}; it must be an object")
        yield where, row


def string(row: Mapping[str, Any], key: str, where: str) -> str:
    """Return a required text.

    Raises:
        DataSetError: it is missing or something else.
    """
    value = row.get(key)
    if not isinstance(value, str):
        raise DataSetError(f"{where}: {key} is {_kind(row, key)}; it must be a text")
    return value


def optional_string(row: Mapping[str, Any], key: str, where: str) -> str | None:
    """Return a text that may be missing or null."""
    return None if row.get(key) is None else string(row, key, where)


def flag(row: Mapping[str, Any], key: str, where: str) -> bool:
    """Return a required true or false."""
    value = row.get(key)
    if not isinstance(value, bool):
        raise DataSetError(f"{where}: {key} is {_kind(row, key)}; it must be true or false")
    return value


def items(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return a required list."""
    value = row.get(key)
    if not isinstance(value, list):
        raise DataSetError(f"{where}: {key} is {_kind(row, key)}; it must be a list")
    return value


def objects(row: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """Return a required list of objects."""
    found = items(row, key, where)
    if not all(isinstance(item, dict) for item in found):
        raise DataSetError(f"{where}: {key} holds something that is no object")
    return found


def whole_number(row: Mapping[str, Any], key: str, where: str) -> int:
    """Return a required whole number."""
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataSetError(f"{where}: {key} is {_kind(row, key)}; it must be a whole number")
    return value


def _kind(row: Mapping[str, Any], key: str) -> str:
    return "missing" if key not in row else f"a JSON {type(row[key]).__name__}"
