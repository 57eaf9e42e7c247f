"""Bombs and hostile files: each is refused or given up within ten seconds, and the next file is read."""

from __future__ import annotations

import io
import os
import resource
import stat
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.errors import ParserError
from index.formats import Problem, Record
from index.parse import ParseLimits, ParsePool

DOCUMENTS = Path(__file__).resolve().parents[1] / "data" / "documents"
GOOD = b"<html><head><title>Good</title></head><body><p>A good page that is read after all.</p></body></html>"
TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


@pytest.fixture(scope="module")
def pool() -> Iterator[ParsePool]:
    pool = ParsePool()
    yield pool
    pool.close()


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


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# These take as long as they may.
SLOW = (
    "attributes.html",
    "endless.pdf",
    "form-loop.pdf",
    "nested.eml",
    "quine.zip",
    "quote.csv",
    "deep.docx",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in SLOW)) for name in [*HOSTILE, *ODD]]
)
def test_a_hostile_file_harms_nobody(pool: ParsePool, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((HOSTILE | ODD)[name]())
    before, began = memory(), time.monotonic()
    items = list(pool.parse(path, name, name))
    taken = time.monotonic() - began
    assert taken < 10 + 4 * path.stat().st_size / 2**20
    assert memory() - before < 64 * 2**20
    if name in HOSTILE:
        problems = [item for item in items if isinstance(item, Problem) and item.fatal]
        assert problems
        assert all(problem.error.where.startswith(name) for problem in problems)
    assert items
    assert "root:" not in "".join(item.text for item in items if isinstance(item, Record))
    good = tmp_path / "good.html"
    good.write_bytes(GOOD)
    (record,) = pool.parse(good, "good.html", "good.html")
    assert isinstance(record, Record)
    assert record.text == "A good page that is read after all."


def spinning(tmp_path: Path, body: str) -> Path:
    """A worker whose reader does something else: PYTHONPATH is not the pool's to give, so the file says it."""
    package = tmp_path / "index"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parse_worker.py").write_text(
        "import struct, sys, time\n"
        "def say(raw): sys.stdout.buffer.write(struct.pack('>II', len(raw), 0) + raw); sys.stdout.buffer.flush()\n"
        "say(b'{\"ready\":1}')\nsys.stdin.buffer.read(8)\n" + body
    )
    return tmp_path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("time.sleep(60)", "took longer than 1 s"),
        ("while True: pass", "took longer than 1 s"),
        ("import os; os.kill(os.getpid(), 11)", "signal SIGSEGV"),
        ("sys.exit(3)", "exit 3"),
        ("say(b'nonsense')", "answer nonsense"),
        ("say(b'{}')", "answer nonsense"),
        (
            "sys.stdout.buffer.write(b'\\xff' * 100); sys.stdout.buffer.flush(); time.sleep(9)",
            "answer nonsense",
        ),
        ('say(b\'{"record":{"where":1}}\')', "answer nonsense"),
    ],
)
def test_a_reader_that_misbehaves_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr("index.parse._PATH", spinning(tmp_path, body))
    pool = ParsePool(ParseLimits(seconds=1))
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    try:
        (problem,) = pool.parse(file, "a.html", "a.html")
        assert isinstance(problem, Problem)
        assert said in str(problem.error)
        assert pool.pid is None
        monkeypatch.undo()
        (record,) = pool.parse(file, "a.html", "a.html")
        assert isinstance(record, Record)
    finally:
        pool.close()


def test_a_process_that_cannot_start_is_no_files_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.parse._PATH", tmp_path)
    (tmp_path / "index").mkdir()
    # A package of its own, or the installed one would be found.
    (tmp_path / "index" / "__init__.py").write_text("")
    (tmp_path / "index" / "parse_worker.py").write_text("raise SystemExit('no library')")
    (tmp_path / "a.html").write_bytes(GOOD)
    broken = ParsePool()
    try:
        with pytest.raises(ParserError, match="no library"):
            list(broken.parse(tmp_path / "a.html", "a.html", "a.html"))
    finally:
        broken.close()


def test_the_process_is_used_again_and_is_started_anew_after_its_death(
    pool: ParsePool, tmp_path: Path
) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    list(pool.parse(file, "a.html", "a.html"))
    first = pool.pid
    assert first is not None
    list(pool.parse(file, "a.html", "a.html"))
    assert pool.pid == first
    os.kill(first, 9)
    time.sleep(0.1)
    (record,) = pool.parse(file, "a.html", "a.html")
    assert isinstance(record, Record)
    assert pool.pid != first


def test_whoever_leaves_half_way_gets_a_fresh_process(pool: ParsePool) -> None:
    items = pool.parse(DOCUMENTS / "all.zip", "all.zip", "all.zip")
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert pool.pid is None
    assert len(list(pool.parse(DOCUMENTS / "all.zip", "all.zip", "all.zip"))) == 4


def test_limits_of_size_memory_and_output(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    for limits, said in (
        (ParseLimits(file_bytes=50), "over the limit of 50"),
        (ParseLimits(output_characters=5), "more text than one file may"),
    ):
        pool = ParsePool(limits)
        (problem,) = pool.parse(file, "a.html", "a.html")
        pool.close()
        assert isinstance(problem, Problem)
        assert said in str(problem.error)


def test_the_process_loads_no_model_library(pool: ParsePool, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_bytes(GOOD)
    list(pool.parse(file, "a.html", "a.html"))
    maps = Path(f"/proc/{pool.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    assert "torch" not in maps.read_text()
