"""Numbers and markers: they answer to each other, and the offsets are exact."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.canonical import canonical_text
from index.layout import PageSpan, sections_of
from index.types import Document
from rag.cite import Composed, citation_of, closest, compose, plain_line, web_address
from rag.quote import copy_quote
from rag.types import Draft, DraftSentence, Quote
from tests.rag.fakes_rag import document

TEXT = "Tin [7] rose. Zinc fell 🙂. Медь подешевела."
FOUND = document(TEXT)
QUOTES = {0: copy_quote(FOUND, 0, 13), 1: copy_quote(FOUND, 14, 26), 2: copy_quote(FOUND, 27, len(TEXT))}


def same(document_id: str) -> Document:
    assert document_id == "d"
    return FOUND


def draft(*sentences: tuple[str, tuple[int, ...], bool]) -> Draft:
    return Draft(
        sentences=tuple(DraftSentence(text=t, quotes=q, opens_paragraph=p) for t, q, p in sentences),
        spans=tuple((q.document_id, q.start, q.end) for q in QUOTES.values()),
    )


def spans_of(composed: Composed) -> list[tuple[int | None, list[str]]]:
    return [(c.number, [composed.text[s.start : s.end] for s in c.answer_spans]) for c in composed.citations]


def without(composed: Composed) -> str:
    return re.sub(r" \[\d+\]", "", composed.text)


def test_numbers_go_by_first_use() -> None:
    composed = compose(
        draft(("A b.", (2,), True), ("C d.", (0, 2), False), ("E f.", (1,), True)), QUOTES, same
    )
    assert composed.text == "A b. [1] C d. [2] [1]\n\nE f. [3]"
    assert composed.text_without_citations == "A b. C d.\n\nE f."
    assert [(c.number, c.quote) for c in composed.citations] == [
        (1, QUOTES[2]),
        (2, QUOTES[0]),
        (3, QUOTES[1]),
    ]
    assert spans_of(composed) == [(1, ["A b.", "C d."]), (2, ["C d."]), (3, ["E f."])]
    assert [(s.start, s.end) for s in composed.citations[0].answer_spans] == [(0, 4), (9, 13)]


def test_a_sentence_whose_quotes_failed_is_left_out() -> None:
    kept = {0: QUOTES[0], 2: QUOTES[2]}
    composed = compose(draft(("A.", (0,), True), ("B.", (1,), False), ("C.", (1, 2), False)), kept, same)
    assert composed.text == "A. [1] C. [2]"
    assert [c.quote for c in composed.citations] == [QUOTES[0], QUOTES[2]]


def test_a_paragraph_that_lost_its_opening_stays_a_paragraph() -> None:
    kept = {0: QUOTES[0], 2: QUOTES[2]}
    composed = compose(
        draft(("Port: A.", (0,), True), ("Herald: B.", (1,), True), ("C.", (2,), False)), kept, same
    )
    assert composed.text == "Port: A. [1]\n\nC. [2]"
    assert composed.text_without_citations == "Port: A.\n\nC."


def test_nothing_verified_composes_nothing() -> None:
    assert compose(draft(("A.", (0,), True)), {}, same) == Composed(
        text="", text_without_citations="", citations=()
    )
    assert compose(draft(), QUOTES, same).citations == ()


def test_a_quote_named_twice_is_marked_once() -> None:
    composed = compose(draft(("A.", (1, 1), True)), QUOTES, same)
    assert (composed.text, spans_of(composed)) == ("A. [1]", [(1, ["A."])])


def test_a_sentences_own_numbers_are_no_markers() -> None:
    composed = compose(draft(("Tin [3] rose [1[2]].", (1,), True), ("[9]", (0,), False)), QUOTES, same)
    assert composed.text == "Tin rose. [1]"
    assert composed.text_without_citations == "Tin rose."
    assert spans_of(composed) == [(1, ["Tin rose."])]


WORDS = st.text(alphabet="Tинё🙂e\u0301 .[]0123456789\n«»", min_size=1, max_size=20) | st.sampled_from(
    ["[3]", "a [1] b", "[1", "2]", "x ["]
)


@given(
    st.lists(st.tuples(WORDS, st.lists(st.integers(0, 4), max_size=4).map(tuple), st.booleans()), max_size=8),
    st.sets(st.integers(0, 2)),
)
def test_markers_and_citations_answer_to_each_other(
    sentences: list[tuple[str, tuple[int, ...], bool]], verified: set[int]
) -> None:
    composed = compose(draft(*sentences), {n: QUOTES[n] for n in verified}, same)
    marked = [int(n) for n in re.findall(r"\[(\d+)\]", composed.text)]
    numbers = [c.number for c in composed.citations]
    assert numbers == list(range(1, len(numbers) + 1)) == list(dict.fromkeys(marked))
    assert len({c.quote for c in composed.citations}) == len(numbers)
    assert without(composed) == composed.text_without_citations
    for citation in composed.citations:
        assert citation.answer_spans
        for span in citation.answer_spans:
            assert 0 <= span.start < span.end <= len(composed.text)
            shown = composed.text[span.start : span.end]
            assert not re.search(r"\[\d+\]", shown)
            # Right behind the sentence stand its markers, this one among them.
            behind = re.match(r"(?: \[\d+\])+", composed.text[span.end :])
            assert behind is not None
            assert f"[{citation.number}]" in behind.group()


def test_prefix_and_suffix_end_at_the_documents_edges() -> None:
    text = "".join(chr(0x410 + n % 32) for n in range(200))
    found = document(text)
    start, middle, end = copy_quote(found, 0, 5), copy_quote(found, 100, 101), copy_quote(found, 190, 200)
    assert (citation_of(start, found, 1).prefix, citation_of(start, found, 1).suffix) == ("", text[5:69])
    assert (citation_of(middle, found, 1).prefix, citation_of(middle, found, 1).suffix) == (
        text[36:100],
        text[101:165],
    )
    assert (citation_of(end, found, 1).prefix, citation_of(end, found, 1).suffix) == (text[126:190], "")
    whole = citation_of(copy_quote(found, 0, 200), found, 1)
    assert (whole.prefix, whole.suffix) == ("", "")


def test_a_citation_tells_all_that_is_known_and_guesses_nothing() -> None:
    known = document(TEXT, title="T", publisher="P", published_at="2025-11-06", url="https://example.org/1")
    citation = citation_of(QUOTES[1], known, 4)
    assert (
        citation.number,
        citation.document_title,
        citation.publisher,
        citation.published_at,
        citation.url,
    ) == (
        4,
        "T",
        "P",
        "2025-11-06",
        "https://example.org/1",
    )
    assert citation.document_sha256 == known.sha256
    bare = citation_of(QUOTES[1], FOUND, None)
    assert (bare.number, bare.publisher, bare.published_at, bare.url, bare.answer_spans) == (
        None,
        None,
        None,
        None,
        (),
    )


def test_an_id_is_that_of_the_place_in_the_text() -> None:
    first = citation_of(QUOTES[0], FOUND, 1).citation_id
    assert re.fullmatch(r"cit_[0-9a-f]{20}", first)
    assert citation_of(QUOTES[0], FOUND, 9).citation_id == first
    assert citation_of(QUOTES[1], FOUND, 1).citation_id != first
    assert citation_of(QUOTES[0], document(TEXT + " More."), 1).citation_id != first
    assert citation_of(QUOTES[0], document(TEXT, "e"), 1).citation_id != first


def test_what_came_closest_has_no_number() -> None:
    found = closest([QUOTES[1], QUOTES[0]], same)
    assert [(c.number, c.quote, c.answer_spans) for c in found] == [
        (None, QUOTES[1], ()),
        (None, QUOTES[0], ()),
    ]


@pytest.mark.parametrize(
    "url", ["http://example.org", "https://example.org/a?b=c#d", "HTTP://EXAMPLE.ORG/A", "HttpS://x/ж"]
)
def test_web_addresses_are_shown_as_they_are(url: str) -> None:
    assert web_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)//http://",
        "data:text/html,http://x",
        "ftp://x",
        "file:///etc/x",
        " https://example.org",
        "\thttp://x",
        "\x01https://x",
        "//example.org",
        "example.org",
        "mailto:a@b",
        "http:/x",
        "https:x",
        "vbscript:x",
        "blob:https://x",
    ],
)
def test_no_other_address_is_ever_shown(url: str | None) -> None:
    assert web_address(url) is None


def test_a_label_is_one_line() -> None:
    assert plain_line(" A\n\n title\twith\u00a0spaces ") == "A title with spaces"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(TEXTS, st.data())
def test_any_client_can_check_any_quote(raw: str, data: st.DataObject) -> None:
    text = canonical_text(f"“{raw}\r\n", "here")
    found = document(text)
    start = data.draw(st.integers(0, len(text) - 1))
    quote: Quote = copy_quote(found, start, data.draw(st.integers(start + 1, len(text))))
    citation = citation_of(quote, found, 1)
    assert citation.prefix + quote.text + citation.suffix in text
    assert text[max(0, quote.start - 64) : quote.end + 64] == citation.prefix + quote.text + citation.suffix


def test_a_citation_names_the_pages_and_the_sections_of_its_quote() -> None:
    paged = replace(
        FOUND,
        pages=(PageSpan(number=1, start=0, end=20), PageSpan(number=2, start=20, end=len(TEXT))),
        sections=sections_of([(1, "Metals", 0), (2, "Zinc", 14)], len(TEXT)),
    )
    found = citation_of(copy_quote(paged, 14, 26), paged, 1)
    assert (found.page, found.page_end, found.section) == (1, 2, ("Metals", "Zinc"))
    found = citation_of(copy_quote(paged, 0, 13), paged, 1)
    assert (found.page, found.page_end, found.section) == (1, 1, ("Metals",))
    plain = citation_of(QUOTES[0], FOUND, 1)
    assert (plain.page, plain.page_end, plain.section) == (None, None, None)
