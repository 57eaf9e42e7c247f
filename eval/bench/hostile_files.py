"""Bombs and hostile files, made when they are asked for; some are cut from the tests' documents."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable

from eval.bench.record import ROOT

DOCUMENTS = ROOT / "tests" / "data" / "documents"
GOOD = b"<html><head><title>Good</title></head><body><p>A good page that is read after all.</p></body></html>"
TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def zipped(**members: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def zip_bomb() -> bytes:
    return zipped(**{"a.txt": bytes(60_000_000)})


def nested(depth: int) -> bytes:
    inner = zipped(**{"a.txt": "deep"})
    for _ in range(depth):
        inner = zipped(**{"in.zip": inner})
    return inner


def quine_like() -> bytes:
    """Every member is an archive that holds many archives."""
    inner = zipped(**{f"{n}.txt": "x" * 10_000 for n in range(40)})
    for _ in range(2):
        inner = zipped(**{f"{n}.zip": inner for n in range(30)})
    return inner


def many_entries() -> bytes:
    return zipped(**{f"{n}.txt": "" for n in range(10_001)})


def named(name: str, content: str = "text") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def symlink() -> bytes:
    out = io.BytesIO()
    info = zipfile.ZipInfo("link.txt")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def lying_size() -> bytes:
    """The directory says one byte; a megabyte is packed."""
    raw = bytearray(zipped(**{"a.txt": bytes(1_000_000)}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", raw, raw.index(mark) + at, 1)
    return bytes(raw)


def encrypted_zip() -> bytes:
    raw = bytearray(zipped(**{"a.txt": "secret"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + at] |= 1
    return bytes(raw)


def docx(document: str, **more: str) -> bytes:
    return zipped(**{"[Content_Types].xml": TYPES, "word/document.xml": document, **more})


def entity_bomb() -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return docx(f'<!DOCTYPE d [<!ENTITY l0 "lol">{levels}]><w:document xmlns:w="w">&l11;</w:document>')


def quadratic_entity() -> bytes:
    return docx(
        f'<!DOCTYPE d [<!ENTITY a "{"a" * 50_000}">]><w:document xmlns:w="w">{"&a;" * 20_000}</w:document>'
    )


def external_entity() -> bytes:
    return docx(
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><w:document xmlns:w="w">&x;</w:document>'
    )


def deep_docx() -> bytes:
    return docx(f'<w:document xmlns:w="w">{"<w:p>" * 50_000}{"</w:p>" * 50_000}</w:document>')


def pdf(*objects: bytes) -> bytes:
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, table, len(objects) + 1, len(out),
    )  # fmt: skip


def stream(content: bytes, filters: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters, content)


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>"


def filter_chain() -> bytes:
    content = bytes(50_000_000)
    for _ in range(3):
        content = zlib.compress(content, 9)
    return pdf(CATALOG, PAGES, PAGE, stream(content, b"/Filter[/FlateDecode/FlateDecode/FlateDecode]"))


def long_filter_chain() -> bytes:
    return pdf(CATALOG, PAGES, PAGE, stream(b"x" * 100, b"/Filter[" + b"/ASCIIHexDecode" * 100_000 + b"]"))


def page_loop() -> bytes:
    return pdf(CATALOG, b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>")


def huge_page() -> bytes:
    return pdf(
        CATALOG, PAGES, PAGE.replace(b"600 800", b"99999999999 99999999999"), stream(b"BT /F 9 Tf (hi) Tj ET")
    )


def endless_text() -> bytes:
    content = zlib.compress(b"BT /F 9 Tf 1 0 0 1 9 9 Tm " + b"(abcdefghij) Tj " * 3_000_000 + b"ET", 9)
    return pdf(CATALOG, PAGES, PAGE, stream(content, b"/Filter/FlateDecode"))


def many_pages() -> bytes:
    return pdf(CATALOG, b"<</Type/Pages/Kids[" + b"3 0 R " * 20_000 + b"]/Count 20000>>", PAGE, stream(b""))


def form_loop() -> bytes:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R>>>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</X 4 0 R>>>>>>"
    return pdf(CATALOG, PAGES, page, stream(b"/X Do /X Do /X Do", form))


def deep_mail() -> bytes:
    lines = ["Subject: deep", "MIME-Version: 1.0"]
    for number in range(3_000):
        lines += [f'Content-Type: multipart/mixed; boundary="b{number}"', "", f"--b{number}"]
    return "\r\n".join([*lines, "", "end"]).encode()


def mails_in_mails() -> bytes:
    inner = b"Subject: last\r\n\r\nLast.\r\n"
    for number in range(12):
        inner = b"Subject: %d\r\nContent-Type: message/rfc822\r\n\r\n" % number + inner
    return inner


def many_parts() -> bytes:
    return (
        b"Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 60_000
    )


def cut(name: str, share: float = 0.6) -> Callable[[], bytes]:
    def half() -> bytes:
        raw = (DOCUMENTS / name).read_bytes()
        return raw[: int(len(raw) * share)]

    return half


HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.zip": zip_bomb,
    "nested.zip": lambda: nested(6),
    "quine.zip": quine_like,
    "entries.zip": many_entries,
    "traversal.zip": lambda: named("../../etc/evil.txt"),
    "absolute.zip": lambda: named("/etc/evil.txt"),
    "backslash.zip": lambda: named("..\\..\\evil.txt"),
    "drive.zip": lambda: named("C:/evil.txt"),
    "symlink.zip": symlink,
    "lying.zip": lying_size,
    "encrypted.zip": encrypted_zip,
    "empty.zip": zipped,
    "entities.docx": entity_bomb,
    "quadratic.docx": quadratic_entity,
    "external.docx": external_entity,
    "deep.docx": deep_docx,
    "no-xml.docx": lambda: docx("this is no XML"),
    "bomb.docx": lambda: docx("<w:document/>", **{"word/media/a.bin": "\0" * 60_000_000}),
    "filters.pdf": filter_chain,
    "chain.pdf": long_filter_chain,
    "loop.pdf": page_loop,
    "many-pages.pdf": many_pages,
    "form-loop.pdf": form_loop,
    "header-only.pdf": lambda: b"%PDF-1.7\n" + os.urandom(2_000),
    "picture.pdf": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "text.docx": lambda: b"just a text",
    "deep.json": lambda: b"[" * 2_000_000,
    "deep-object.json": lambda: b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "scalar.json": lambda: b"17",
    "columns.csv": lambda: b",".join([b"a"] * 1_000_000),
    "nul.csv": lambda: b"\x00\x01\x02" * 1_000,
    "quote.csv": lambda: b'a,b\n"' + b"x" * 12_000_000,
    "nested.eml": deep_mail,
    "mails.eml": mails_in_mails,
    "parts.eml": many_parts,
    "no-header.eml": lambda: b"\n\njust a body",
    "empty.pdf": lambda: b"",
    "cut.pdf": cut("annals-header.pdf", 0.3),
    "cut.docx": cut("harbour-pandoc.docx"),
    "cut.zip": cut("all.zip"),
    "cut.json": cut("objects.json"),
    "wrong.png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
}
# What is only large or odd: it may be read or refused, but in time.
ODD: dict[str, Callable[[], bytes]] = {
    "huge-page.pdf": huge_page,
    "endless.pdf": endless_text,
    "deep.html": lambda: b"<div>" * 200_000 + b"x",
    "attributes.html": lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(100_000)) + b">text</p>",
    "headers.eml": lambda: (
        b"".join(b"X-%d: y\r\n" % n for n in range(60_000))
        + b"Subject: "
        + b"s" * 1_000_000
        + b"\r\n\r\nbody"
    ),
    "quotes.md": lambda: b">" * 100_000 + b" x",
    "brackets.md": lambda: b"[" * 200_000,
    "cut.html": cut("harbour-site.html"),
    "cut.eml": cut("harbour-attached.eml"),
    "pdf-in.txt": lambda: (DOCUMENTS / "harbour-chromium.pdf").read_bytes(),
    "page-in.pdf": lambda: GOOD,
}
