"""Typing errors are put right by the words of the documents, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from index.lexical import LexicalRow, TantivyIndex
from index.terms import terms
from index.types import BoolArray
from rag.spelling import corrected, respelt


class Words:
    """The three questions that spelling asks of a lexical index, answered from a table."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def has_term(self, term: str, known: BoolArray | None = None) -> bool:
        return term in self._counts

    def count_of(self, term: str, known: BoolArray | None = None) -> int:
        return self._counts[term]

    def terms_with_prefix(self, prefix: str) -> list[tuple[str, int]]:
        return sorted((w, n) for w, n in self._counts.items() if w.startswith(prefix))


def fixed(term: str, **counts: int) -> str:
    return corrected([term], Words(counts)).get(term, term)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lexical(tmp_path_factory: pytest.TempPathFactory) -> TantivyIndex:
    texts = ["Kazakhstan exports minerals and tungsten.", "Iraq and Paris.", "Узбекистан продаёт вольфрам."]
    rows = [
        LexicalRow(row=n, document=n, repeats=None, title="Tashkent", publisher="Courier", date="", body=text)
        for n, text in enumerate(texts)
    ]
    return TantivyIndex.build(tmp_path_factory.mktemp("lexical") / "index", rows, {"body": 1.0, "title": 1.0})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Kazakstan", "Kazakhstan"),
        ("Kazahkstan", "Kazakhstan"),
        ("Kazahstan", "Kazakhstan"),
        ("tungstne", "tungsten"),
        ("tungsteen", "tungsten"),
        ("Tashkant", "Tashkent"),
        ("Узбекстан", "Узбекистан"),
        ("вольфарм", "вольфрам"),
    ],
)
def test_a_slip_in_a_long_word_is_put_right(typed: str, meant: str, lexical: TantivyIndex) -> None:
    assert corrected(terms(typed), lexical) == {terms(typed)[0]: terms(meant)[0]}


@pytest.mark.parametrize(
    "word",
    ["Iran", "Perle", "tinn", "Kazakhstan", "exports", "Courier", "Lazakhstan", "8300", "minerals7", "x"],
)
def test_other_words_are_left_alone(word: str, lexical: TantivyIndex) -> None:
    assert corrected(terms(word), lexical) == {}


def test_one_edit_from_five_letters_and_two_from_eight() -> None:
    assert fixed("abcd", abce=9) == "abcd"
    assert fixed("abcde", abcdx=1) == "abcdx"
    assert fixed("abcdefg", abcdexy=1) == "abcdefg"
    assert fixed("abcdefg", abcdegf=1) == "abcdegf"  # two letters that changed places are one edit
    assert fixed("abcdefgh", abcdefxy=1) == "abcdefxy"
    assert fixed("abcdefgh", abcdexyz=1) == "abcdefgh"


def test_the_nearest_wins_then_the_commonest_then_the_first_of_the_alphabet() -> None:
    assert fixed("abcdefgh", abcdefgx=1, abcdefxy=99) == "abcdefgx"
    assert fixed("abcdefgh", abcdefgx=1, abcdefgy=2, abcdefgz=1) == "abcdefgy"
    assert fixed("abcdefgh", abcdefgz=2, abcdefgy=2) == "abcdefgy"


def test_the_commonest_wins_among_many() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    counts = {f"m{letter}nerals": 1 for letter in letters if letter != "q"} | {"mznerals": 5}
    assert fixed("mqnerals", **counts) == "mznerals"


def test_words_with_digits_are_no_correction() -> None:
    assert fixed("abcdefgh", abcdefg8=50) == "abcdefgh"


def test_every_term_is_looked_at() -> None:
    words = Words({"tungsten": 3, "minerals": 1})
    assert corrected(["tungstem", "gold", "minerols"], words) == {
        "tungstem": "tungsten",
        "minerols": "minerals",
    }  # type: ignore[arg-type]


PASSAGES = ["Minerals of Bolivia. Bolivia exports minerals, minerals and minerals.", "Das Öl, ёлки 🎄"]


@pytest.mark.parametrize(
    ("text", "corrections", "expected"),
    [
        ("Who exports minerlas, and to whom?", {"minerla": "miner"}, "Who exports minerals, and to whom?"),
        ("mines in Bolivai?", {"bolivai": "bolivia"}, "mines in Bolivia?"),
        # What no passage writes stays as it was typed.
        ("mines in Chlie?", {"chlie": "chile"}, "mines in Chlie?"),
        ("🎄 Bolivai 🎄\r\nBolivai", {"bolivai": "bolivia"}, "🎄 Bolivia 🎄\r\nBolivia"),
        ("", {"bolivai": "bolivia"}, ""),
        ("mines in Bolivai?", {}, "mines in Bolivai?"),
    ],
)
def test_a_question_respelt_has_the_passages_own_words(
    text: str, corrections: dict[str, str], expected: str
) -> None:
    for given, meant in corrections.items():
        if expected != text:
            assert given in terms(text)
            assert meant in {term for passage in PASSAGES for term in terms(passage)}
    assert respelt(text, corrections, PASSAGES) == expected


def test_without_passages_nothing_is_respelt() -> None:
    assert respelt("mines in Bolivai?", {"bolivai": "bolivia"}, []) == "mines in Bolivai?"
