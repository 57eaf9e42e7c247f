"""A multipart form, written to the disk as it comes; a body is never held in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from api.uploads.errors import UploadMalformedError, UploadTooLargeError
from api.uploads.reading import clean_name
from api.uploads.spool import Incoming, Spool

MAX_PARTS = 100
_MAX_METADATA_BYTES = 1024 * 1024
_METADATA = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that lies in the spool."""

    name: str
    media_type: str | None
    sha256: str
    size: int


class Form:
    """The files and the metadata of one body; what is not kept at the end of the block is deleted."""

    def __init__(self, spool: Spool, content_type: str) -> None:
        """Begin to read.

        Raises:
            UploadMalformedError: the content type names no boundary.
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not boundary or len(boundary) > 200:
            raise UploadMalformedError("the content type of a multipart form must name its boundary")
        self._spool = spool
        self._stack = ExitStack()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._ends,
            },
        )
        self._parts = 0
        self._field, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._file: Incoming | None = None
        self._text: bytearray | None = None
        self._name, self._media_type = "", ""
        self._complete = False
        self.files: list[SentFile] = []
        self.metadata: bytes | None = None

    def __enter__(self) -> Form:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Take the whole body.

        Raises:
            UploadMalformedError, UploadTooLargeError, StorageError: as they say.
        """
        try:
            async for chunk in chunks:
                if chunk:
                    await asyncio.to_thread(self._parser.write, chunk)
        except MultipartParseError as error:
            raise UploadMalformedError(f"the body is no multipart form: {error}") from error
        if not self._complete:
            raise UploadMalformedError("the body ends in the middle of a multipart form")

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise UploadTooLargeError(f"the form has more than {MAX_PARTS} parts; send the rest by itself")
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        field = options.get(b"name", b"").decode("utf-8", "replace")
        sent = options.get(b"filename")
        self._media_type = (
            self._headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
        )
        if field == _METADATA:
            if self.metadata is not None:
                raise UploadMalformedError("the form has two parts of the name metadata")
            self._text = bytearray()
        elif sent is None:
            raise UploadMalformedError(
                f"the part {field[:40]!r} is no file; besides files a form has one part of the name metadata"
            )
        else:
            # What browsers write for the characters that would end the name.
            shown = sent.decode("utf-8", "replace").replace("%22", '"')
            self._name = clean_name(shown)
            self._file = self._stack.enter_context(self._spool.incoming())

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > _MAX_METADATA_BYTES:
                raise UploadTooLargeError(f"the metadata is longer than {_MAX_METADATA_BYTES} bytes")

    def _part_ends(self) -> None:
        if self._text is not None:
            self.metadata, self._text = bytes(self._text), None
        elif self._file is not None:
            size, empty = self._file.size, self._file.size == 0 and self._name == "file"
            # A form without scripts sends one nameless, empty file where none was chosen.
            if not empty:
                self.files.append(
                    SentFile(
                        name=self._name,
                        media_type=self._media_type or None,
                        sha256=self._file.keep(),
                        size=size,
                    )
                )
            self._file = None

    def _ends(self) -> None:
        self._complete = True
