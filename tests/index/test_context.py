"""What is embedded before a passage: as ever without sections, and the path of headings with them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from index.catalog import Catalog
from index.context import embedded_text, longest_context, titles_above
from index.layout import ExcludedSpan, PageSpan, sections_of
from index.settings import IndexSettings
from index.types import Document, Passage

TEXT = "Guide\n\nStart\n\nFirst words.\n\nEnd\n\nLast words."
SETTINGS = IndexSettings()


def document(title: str = "Guide", publisher: str | None = "Press", *, sections: bool = True) -> Document:
    headings = [(1, "Guide", 0), (2, "Start", 7), (2, "End", 28)]
    return Document(
        document_id="d", title=title, text=TEXT, source="s", root="r", publisher=publisher,
        sections=sections_of(headings, len(TEXT)) if sections else (),
    )  # fmt: skip


def passage(words: str) -> Passage:
    start = TEXT.index(words)
    return Passage(document_id="d", start=start, end=start + len(words), text=words, sentences=())


@given(st.text(max_size=300), st.none() | st.text(max_size=80))
def test_without_sections_nothing_is_as_it_was_not(title: str, publisher: str | None) -> None:
    plain = document(title, publisher, sections=False)
    context = ". ".join(part for part in (title, publisher) if part)[: 4 * SETTINGS.context_tokens]
    words = passage("First words.")
    assert embedded_text(plain, words, SETTINGS) == (
        f"{context}. First words." if context else "First words."
    )
    assert titles_above(plain, words) == title


def test_a_passage_is_told_its_sections_and_not_the_title_twice() -> None:
    assert (
        embedded_text(document(), passage("First words."), SETTINGS) == "Guide > Start. Press. First words."
    )
    assert titles_above(document(title="Other"), passage("Last words.")) == "Other > Guide > End"


def test_a_passage_over_two_sections_is_told_what_holds_both() -> None:
    both = passage(TEXT[7:])
    assert titles_above(document(title="Other"), both) == "Other > Guide"


def test_of_a_path_that_is_too_long_the_middle_goes_first() -> None:
    text = "a" * 50
    deep = Document(
        document_id="d", title="Top", text=text, source="", root="",
        sections=sections_of([(n, f"{n}" * 60, n) for n in range(1, 6)], len(text)),
    )  # fmt: skip
    words = Passage(document_id="d", start=10, end=12, text="aa", sentences=())
    context = embedded_text(deep, words, SETTINGS).removesuffix(". aa")
    assert len(context) <= 4 * SETTINGS.context_tokens
    assert context.startswith("Top > ")
    assert context.endswith("5" * 60)
    assert "1" * 60 not in context
    assert "5" * 60 in longest_context(deep)


def test_a_layout_is_stored_and_changes_the_corpus_only_where_there_is_one(tmp_path: Path) -> None:
    plain = document(sections=False)
    full = Document(
        document_id="d", title="Guide", text=TEXT, source="s", root="r", publisher="Press", media_type="application/pdf",
        pages=(PageSpan(number=1, start=0, end=7), PageSpan(number=2, start=7, end=len(TEXT))),
        sections=document().sections, marked=(ExcludedSpan(start=0, end=5, reason="running_header"),),
    )  # fmt: skip
    with Catalog(tmp_path / "c.sqlite") as catalog:
        assert catalog.put(plain, (), ()) == "added"
        before = catalog.corpus_sha256()
        assert catalog.put(full, full.marked, ()) == "replaced"
        ((_, stored),) = catalog.all_documents()
        assert stored == full
        assert catalog.corpus_sha256() != before
        assert catalog.put(full, full.marked, ()) == "unchanged"
        assert catalog.put(plain, (), ()) == "replaced"
        assert catalog.corpus_sha256() == before
