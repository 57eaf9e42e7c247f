"""Word files (DOCX): mammoth makes HTML of them, and the blocks of that are the text."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from lxml import etree  # type: ignore[import-untyped]

from index.canonical import canonical_text
from index.errors import DocumentError, UnsupportedFormatError
from index.formats.archive import Budget, member_bytes, opened
from index.formats.kinds import MEDIA_TYPES, supported_endings
from index.formats.made_text import joined, made_line
from index.formats.record import Problem, Record, checked_text
from index.formats.tree import blocks_of, parsed

_MAIN = "word/document.xml"
_CORE = "docProps/core.xml"
# A word processor writes neither; with them XML can grow without end or read other files.
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<\x00!\x00|\x00<\x00!", re.IGNORECASE)
_OTHERS = {
    "xl/workbook.xml": "an Excel workbook; export it as CSV",
    "ppt/presentation.xml": "a PowerPoint presentation; export it as PDF",
    "content.xml": "an OpenDocument file; save it as DOCX",
    "META-INF/container.xml": "an EPUB book",
}


def is_word(archive: zipfile.ZipFile, where: str) -> bool:
    """Tell a Word file from an archive of files.

    Raises:
        UnsupportedFormatError: it is a file of another office program.
    """
    names = set(archive.namelist())
    if _MAIN in names and "[Content_Types].xml" in names:
        return True
    if "[Content_Types].xml" in names or "mimetype" in names:
        for name, what in _OTHERS.items():
            if name in names:
                raise UnsupportedFormatError(where, f"is {what}; readable are {supported_endings()}")
    return False


def read_word(raw: bytes, where: str) -> Iterator[Record | Problem]:
    """Yield the one document of a Word file, or the problem with it."""
    # Imported here: only this reader needs it.
    import mammoth  # type: ignore[import-untyped]

    with opened(raw, where, Budget()) as archive:
        if not is_word(archive, where):
            raise DocumentError(where, "is a ZIP archive, but no Word file")
        for member in archive.infolist():
            if member.filename.lower().endswith((".xml", ".rels")) and _DECLARED.search(
                member_bytes(archive, member, where)
            ):
                raise DocumentError(where, f"declares XML entities in {member.filename[:80]}; it is refused")
        title, author = _core(archive, where)
    made = mammoth.convert_to_html(
        io.BytesIO(raw),
        convert_image=mammoth.images.img_element(lambda _: {}),
        external_file_access=False,
        include_default_style_map=True,
        style_map="p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh",
    ).value
    if not made.strip():
        raise DocumentError(where, "holds no text")
    body, sections = joined(blocks_of(parsed(made, where)))
    yield Record(
        where=where,
        text=checked_text(canonical_text(body, where), where),
        title=title or (sections[0].title if sections and sections[0].start == 0 else None),
        author=author,
        media_type=MEDIA_TYPES["docx"],
        sections=sections,
    )


def _core(archive: zipfile.ZipFile, where: str) -> tuple[str | None, str | None]:
    """Return the title and the author that the file states."""
    if _CORE not in archive.namelist():
        return None, None
    try:
        tree = etree.fromstring(
            member_bytes(archive, archive.getinfo(_CORE), where),
            etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False),
        )
    except etree.XMLSyntaxError as error:
        raise DocumentError(where, f"has a damaged {_CORE}: {error}") from error
    title = tree.findtext("{http://purl.org/dc/elements/1.1/}title") or ""
    author = tree.findtext("{http://purl.org/dc/elements/1.1/}creator") or ""
    return made_line(title)[:300] or None, made_line(author)[:300] or None
