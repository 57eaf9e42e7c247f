"""Paths → documents: what is read, what is reported, how ids and titles come about."""

from __future__ import annotations

import os
import re
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import EncodingError, SourceError, UnsupportedFormatError
from index.formats import Problem
from index.load import file_document_id, heading_title, load_paths
from index.types import Document


def load(*paths: Path) -> tuple[list[Document], list[Problem]]:
    items = list(load_paths(paths))
    documents = [item for item in items if isinstance(item, Document)]
    return documents, [item for item in items if isinstance(item, Problem)]


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def test_a_file_becomes_a_document_with_its_exact_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf  One.\r\n\r\nTwo e\xcc\x81. ")
    documents, problems = load(tmp_path)
    assert not problems
    (document,) = documents
    assert document.text == "  One.\n\nTwo é. "
    assert document.document_id == "a.txt"
    assert document.source == str(tmp_path / "a.txt")
    assert document.root == str(tmp_path)
    assert (document.publisher, document.published_at, document.url, document.language) == (None,) * 4


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n ", b"\xef\xbb\xbf", "\u00a0\u2003".encode()])
def test_an_empty_or_blank_file_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    documents, problems = load(tmp_path)
    assert not documents
    assert [str(p.error) for p in problems] == [f"{tmp_path / 'a.txt'}: is empty"]
    assert problems[0].fatal


def test_a_binary_file_named_txt_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x7fELF\x02\x01\x01\x00" + bytes(64))
    write(tmp_path, b_txt="Fine.")
    documents, problems = load(tmp_path)
    assert [d.document_id for d in documents] == ["b.txt"]
    assert isinstance(problems[0].error, EncodingError)


def test_paths_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.txt: does not exist"):
        load(tmp_path / "nowhere.txt")
    with pytest.raises(SourceError, match="holds no documents"):
        load(tmp_path)
    with pytest.raises(SourceError, match="no path"):
        load()


def test_a_bad_path_is_found_before_anything_of_a_good_one_is_given(tmp_path: Path) -> None:
    write(tmp_path, good__a_txt="Fine.", other__notes_xlsx="x")
    for bad in (tmp_path / "nowhere", tmp_path / "other"):
        with pytest.raises(SourceError):
            next(load_paths([tmp_path / "good", bad]))


def test_a_dangling_link_and_a_pipe_are_problems(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Fine.")
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone.txt")
    os.mkfifo(tmp_path / "c.txt")
    documents, problems = load(tmp_path)
    assert [d.document_id for d in documents] == ["a.txt"]
    assert [str(p.error).split(": ", 1)[1] for p in problems] == [
        "cannot be read: No such file or directory",
        "is no regular file",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file whatever its mode")
def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Fine.", b_txt="Secret.")
    (tmp_path / "b.txt").chmod(0)
    documents, problems = load(tmp_path)
    assert [d.document_id for d in documents] == ["a.txt"]
    assert "Permission denied" in str(problems[0].error)


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path, **{"x_txt__y_txt": "Inside."})
    documents, problems = load(tmp_path / "x.txt")
    assert not problems
    assert [(d.document_id, d.text) for d in documents] == [("y.txt", "Inside.")]


def test_a_link_that_loops_ends(tmp_path: Path) -> None:
    write(tmp_path, a__b__one_txt="One.", a__two_txt="Two.")
    (tmp_path / "a" / "b" / "back").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")
    documents, problems = load(tmp_path)
    assert sorted(d.text for d in documents) == ["One.", "Two."]
    assert [p.error.where for p in problems] == [str(tmp_path / "self.txt")]


def test_folders_are_walked_in_order_and_hidden_names_left_out(tmp_path: Path) -> None:
    write(tmp_path, b_txt="B.", a_md="A.", sub__c_TXT="C.", sub__a_txt="D.")
    for hidden in (".hidden.txt", ".git/x.txt", "sub/.x/y.txt"):
        path = tmp_path / hidden
        path.parent.mkdir(exist_ok=True)
        path.write_text("hidden")
    documents, problems = load(tmp_path)
    assert not problems
    assert [d.text for d in documents] == ["A.", "B.", "D.", "C."]
    assert documents[0].document_id == "a.md"
    assert re.fullmatch(r"sub-c\.TXT~[0-9a-f]{10}", documents[3].document_id)
    assert load(tmp_path)[0] == documents


def test_an_unknown_format_is_skipped_in_a_folder_but_a_problem_by_name(tmp_path: Path) -> None:
    write(tmp_path, a_txt="A.", b_xlsx="%PDF", noending="x")
    documents, problems = load(tmp_path)
    assert len(documents) == 1
    assert [(p.error.where, p.fatal) for p in problems] == [
        (str(tmp_path / "b.xlsx"), False),
        (str(tmp_path / "noending"), False),
    ]
    documents, problems = load(tmp_path / "b.xlsx")
    assert not documents
    assert isinstance(problems[0].error, UnsupportedFormatError)
    assert problems[0].fatal
    assert ".jsonl, .markdown, .md" in str(problems[0].error)


def test_a_path_written_otherwise_is_the_same_source_and_root(tmp_path: Path) -> None:
    write(tmp_path, sub__a_txt="A.")
    (plain,) = load(tmp_path / "sub")[0]
    (roundabout,) = load(tmp_path / "sub" / ".." / "sub")[0]
    assert roundabout == plain


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    for name in (b"caf\xe9.txt", b"caf\xe8.txt"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"Words.")
    documents, problems = load(tmp_path)
    assert not problems
    assert len({d.document_id for d in documents}) == 2
    for document in documents:
        assert re.fullmatch(r"caf-\.txt~[0-9a-f]{10}", document.document_id)
        assert document.title == "caf\ufffd"
        assert document.source.endswith("/caf\ufffd.txt")


# Ids

names = st.text(
    alphabet=st.sampled_from("abAB01._~- /%?#&йё語🙂\udce9")
    | st.characters(exclude_characters="\x00", exclude_categories=["Cs"]),
    min_size=1,
    max_size=30,
)


@given(names, names)
@settings(deadline=None)
def test_different_paths_give_different_url_safe_ids(one: str, other: str) -> None:
    first, second = file_document_id(one), file_document_id(other)
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", first)
    assert first not in (".", "..")
    assert len(first) <= 120
    assert (first == second) == (one == other)
    assert file_document_id(one) == first


def test_ids_by_hand() -> None:
    assert file_document_id("000_80d9d01c5d28607e.txt") == "000_80d9d01c5d28607e.txt"
    # The id outlives this program: it is in people's links.
    assert file_document_id("reports/2025 summit.txt") == "reports-2025-summit.txt~28f68e7054"
    assert file_document_id("a b.txt") != file_document_id("a-b.txt")
    assert file_document_id("x" * 300) != file_document_id("y" + "x" * 299)


# Titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "Summit ends without a deal\n\nThe leaders left Washington on Friday.",
            "Summit ends without a deal",
        ),
        ("\n\n  Summit ends \nThe leaders left Washington on Friday after talks.", "Summit ends"),
        ("By A. Writer, Nov 6\n# The real title #\nBody.", "The real title"),
        ("### Deep  heading\n\nBody.", "Deep  heading"),
        ("# C#\n\nBody.", "C#"),
        ("What now?\n\nThe leaders left.", "What now?"),
        ("The leaders left Washington on Friday.\n\nThey were tired.", None),
        ("He said: “We will not sign.”\n\nThey were tired.", None),
        ("The leaders left, he said (on Friday.)\n\nThey were tired.", None),
        ("To begin with,\n\nthey were tired.", None),
        ("Only one line without a stop", None),
        ("This first line of a paragraph breaks off\nhere and goes on.", None),
        ("#hashtag is no heading.\n\nBody.", None),
        ("x" * 201 + "\n\nBody.", None),
        ("* * *\n\nBody.", None),
        ("", None),
    ],
)
def test_a_heading_is_a_title_and_a_sentence_is_not(text: str, title: str | None) -> None:
    assert heading_title(text) == title


def test_titles_come_from_metadata_then_heading_then_name(tmp_path: Path) -> None:
    heading = "A fine heading\n\nThe leaders left Washington on Friday."
    write(tmp_path, a_txt=heading, b_txt=heading, c_txt="The leaders left.\n\nThey were tired.")
    (tmp_path / "sources.toml").write_text('[[source]]\nfile = "a.txt"\ntitle = "Cafe\u0301"\n')
    assert [d.title for d in load(tmp_path)[0]] == ["Café", "A fine heading", "c"]


# sources.toml


def test_every_key_of_sources_toml_arrives(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Words.", sub__b_txt="Words of b.", README_md="About.")
    (tmp_path / "sources.toml").write_text(
        'ignore = ["README.md"]\n[[source]]\nfile = "a.txt"\ntitle = "T"\npublisher = "P"\nauthor = "A"\n'
        'published_at = 2025-11-06\nurl = "https://example.org/a"\nlanguage = "en"\n'
        'sha256 = "9CD45C3FFAC36A9FC1681F8FDE4AE97DB12B2B2CC00B1A0D2A0A3F62E0E5BA1A"\n'
        '[[source]]\nfile = "./sub/b.txt"\npublished_at = "2025-11-06T10:00:00+00:00"\n'
    )
    import hashlib

    right = hashlib.sha256(b"Words.").hexdigest().upper()
    text = (tmp_path / "sources.toml").read_text()
    (tmp_path / "sources.toml").write_text(re.sub(r"9CD4\w+", right, text))
    documents, problems = load(tmp_path)
    assert not problems
    a, b = documents
    assert (a.title, a.publisher, a.author) == ("T", "P", "A")
    assert (a.published_at, a.url, a.language) == ("2025-11-06", "https://example.org/a", "en")
    assert (b.published_at, b.publisher) == ("2025-11-06T10:00:00+00:00", None)


def test_a_file_named_directly_is_described_by_its_folder(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Words.")
    (tmp_path / "sources.toml").write_text('[[source]]\nfile = "a.txt"\npublisher = "P"\n')
    (document,) = load(tmp_path / "a.txt")[0]
    assert (document.publisher, document.document_id) == ("P", "a.txt")
    assert document.root == str(tmp_path / "a.txt")


def test_the_nearest_sources_toml_wins(tmp_path: Path) -> None:
    write(tmp_path, sub__a_txt="Words.", sub__b_txt="Words.")
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nfile = "sub/a.txt"\npublisher = "far"\n'
        '[[source]]\nfile = "sub/b.txt"\npublisher = "far"\n'
    )
    (tmp_path / "sub" / "sources.toml").write_text('[[source]]\nfile = "a.txt"\npublisher = "near"\n')
    assert [d.publisher for d in load(tmp_path)[0]] == ["near", "far"]


def test_a_file_that_changed_against_its_hash_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Words.", b_txt="More words.")
    (tmp_path / "sources.toml").write_text(f'[[source]]\nfile = "a.txt"\nsha256 = "{"0" * 64}"\n')
    documents, problems = load(tmp_path)
    assert [d.document_id for d in documents] == ["b.txt"]
    assert f"sources.toml says {'0' * 64}" in str(problems[0].error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1", "unknown key 'x'"),
        ('[[source]]\nfile = "a.txt"\npublischer = "P"', "number 1: unknown key 'publischer'"),
        ('[[source]]\nfile = "a.txt"\n[[source]]\nfile = "a.txt"', "'a.txt' is described twice"),
        ('[[source]]\nfile = "a.txt"\n[[source]]\nfile = "./a.txt"', "'a.txt' is described twice"),
        ('[[source]]\nfile = "../a.txt"', "'../a.txt' is not below"),
        ('[[source]]\ntitle = "T"', "number 1 has no file"),
        ('[[source]]\nfile = "a.txt"\ntitle = ""', "title must be a text, not ''"),
        ('[[source]]\nfile = "a.txt"\npublisher = 3', "publisher must be a text, not 3"),
        ('[[source]]\nfile = "a.txt"\npublished_at = "yesterday"', "'yesterday' is no ISO 8601 date"),
        ('ignore = "a.txt"', "ignore must be a list"),
        ("source = 3", r"source must be written as \[\[source\]\]"),
        ("[[source", "cannot be read as TOML"),
    ],
)
def test_a_wrong_sources_toml_stops_with_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    write(tmp_path, a_txt="Words.")
    (tmp_path / "sources.toml").write_text(content)
    with pytest.raises(SourceError, match=message) as caught:
        load(tmp_path)
    assert "sources.toml" in str(caught.value)


def test_a_described_file_that_is_not_there_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Words.")
    (tmp_path / "sources.toml").write_text('[[source]]\nfile = "gone.txt"', encoding="utf-8")
    documents, problems = load(tmp_path)
    assert [document.document_id for document in documents] == ["a.txt"]
    assert str(problems[0].error) == f"{tmp_path}/sources.toml: 'gone.txt' is described but does not exist"


def test_a_toml_date_is_kept_as_iso(tmp_path: Path) -> None:
    write(tmp_path, a_txt="Words.")
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nfile = "a.txt"\npublished_at = 2025-11-06T07:30:00Z\n'
    )
    (document,) = load(tmp_path)[0]
    assert document.published_at is not None
    assert document.published_at.startswith(date(2025, 11, 6).isoformat() + "T07:30")


def test_a_folder_deeper_than_the_recursion_limit_is_no_stack_overflow(tmp_path: Path) -> None:
    here = os.fspath(tmp_path)
    depth = min(300, (4000 - len(here)) // 2, sys.getrecursionlimit())
    deep = Path(here, *["d"] * depth)
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("Deep.")
    assert [d.text for d in load(tmp_path)[0]] == ["Deep."]
