"""The last word on what is shown: copies are exact, and whatever is not in its document is caught."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.canonical import canonical_text
from index.errors import SpanError
from index.types import Document, Passage
from rag.quote import copy_quote, verify_quotes
from rag.types import Quote
from tests.rag.fakes_rag import document

TEXT = "Министр Ė. sagte: « e\u0301t\u0323é » 🙂🇰🇿.\nTin [7] rose\u00a0by 4,2 %.\n\nTin [7] rose again."
AWKWARD = st.lists(
    st.sampled_from(
        [
            "Тин ",
            "ё",
            "🙂",
            "👩‍👩‍👧",
            "q\u0323\u0307",
            "\r\n",
            "\n",
            " ",
            "[7]",
            "a",
            "Ω",
            "\u200b",
            "tin ",
            "«ж»",
        ]
    ),
    min_size=1,
    max_size=30,
).map(lambda parts: canonical_text("".join(parts), "here"))


def passage_of(found: Document) -> Passage:
    return Passage(document_id=found.document_id, start=0, end=len(found.text), text=found.text, sentences=())


def among(*documents: Document) -> Callable[[str], Document | None]:
    return {d.document_id: d for d in documents}.get


def test_a_copy_is_the_documents_characters() -> None:
    found = document(TEXT)
    start = TEXT.index("🙂")
    quote = copy_quote(found, start, start + 3)
    assert quote == Quote(document_id="d", start=start, end=start + 3, text="🙂🇰🇿")
    assert copy_quote(found, 0, len(TEXT)).text == TEXT


@pytest.mark.parametrize(
    ("start", "end"), [(-1, 3), (3, 3), (5, 2), (0, len(TEXT) + 1), (len(TEXT), len(TEXT) + 1)]
)
def test_a_span_outside_is_refused(start: int, end: int) -> None:
    with pytest.raises(SpanError, match="no part of document 'd'"):
        copy_quote(document(TEXT), start, end)


def test_what_is_there_is_kept_in_order() -> None:
    one, two = document(TEXT, "one"), document("Tin fell. Zinc rose.", "two")
    quotes = [copy_quote(two, 10, 20), copy_quote(one, 0, 7), copy_quote(two, 10, 20)]
    found = verify_quotes(quotes, among(one, two), [passage_of(one), passage_of(two)])
    assert found.quotes == tuple(quotes)
    assert found.not_found == 0


@pytest.mark.parametrize(
    "bad",
    [
        Quote(document_id="d", start=1, end=8, text=TEXT[0:7]),  # shifted
        Quote(document_id="d", start=0, end=8, text=TEXT[0:7]),  # too long
        Quote(document_id="d", start=0, end=7, text="министр"),  # edited
        Quote(document_id="d", start=0, end=7, text=TEXT[0:6]),  # cut
        Quote(document_id="d", start=3, end=3, text=""),  # nothing
        Quote(document_id="d", start=-7, end=-1, text=TEXT[-7:-1]),  # Python's offsets, not ours
        Quote(document_id="d", start=-len(TEXT), end=7, text=TEXT[0:7]),
        Quote(document_id="d", start=len(TEXT) - 6, end=len(TEXT) + 9, text="again."),
        Quote(document_id="e", start=0, end=7, text=TEXT[0:7]),  # no such document
        Quote(document_id="unread", start=0, end=7, text=TEXT[0:7]),  # right, but nobody looked there
    ],
)
def test_what_is_not_there_is_caught_and_counted(bad: Quote) -> None:
    found, unread = document(TEXT), document(TEXT, "unread")
    good = copy_quote(found, 0, 7)
    checked = verify_quotes([bad, good, bad], among(found, unread), [passage_of(found)])
    assert checked.quotes == (good,)
    assert checked.not_found == 2


def test_nfd_and_nfc_are_different_characters() -> None:
    found = document("café")
    bad = Quote(document_id="d", start=0, end=4, text="cafe\u0301")
    assert verify_quotes([bad], among(found), [passage_of(found)]).not_found == 1


@given(AWKWARD, st.data())
def test_every_true_slice_is_kept(text: str, data: st.DataObject) -> None:
    found = document(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = copy_quote(found, start, end)
    assert (quote.text, len(quote.text)) == (text[start:end], end - start)
    checked = verify_quotes([quote], among(found), [passage_of(found)])
    assert (checked.quotes, checked.not_found) == ((quote,), 0)


@given(AWKWARD, st.data())
def test_every_altered_quote_is_caught(text: str, data: st.DataObject) -> None:
    found = document(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    moved_start, moved_end = (
        data.draw(st.integers(-len(text) - 2, len(text) + 2)),
        data.draw(st.integers(-3, len(text) + 5)),
    )
    edited = data.draw(
        st.sampled_from(
            [text[start:end], text[start:end] + "x", text[start + 1 : end], text[start:end].swapcase()]
        )
    )
    quote = Quote(document_id="d", start=moved_start, end=moved_end, text=edited)
    # A client's own check, without Python's slices.
    inside = 0 <= moved_start < moved_end <= len(text)
    true = inside and "".join(text[n] for n in range(moved_start, moved_end)) == edited
    checked = verify_quotes([quote], among(found), [passage_of(found)])
    assert checked.not_found == (0 if true else 1)
    assert checked.quotes == ((quote,) if true else ())
