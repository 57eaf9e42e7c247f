"""Which language a question is in, and when that is not the documents'."""

from __future__ import annotations

import pytest

from rag.languages import foreign_to, language_of, languages_of, name_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Why does the US want Central Asian minerals?", "en"),
        ("Does Mirziyoyev support Tokayev?", "en"),
        ("how much is the boeing deal worth", "en"),
        ("Кто пригласил Трампа в Самарканд?", "ru"),
        ("Wie viele Flugzeuge bestellte Usbekistan?", "de"),
        ("¿Por qué quiere Estados Unidos los minerales de Asia Central?", "es"),
        ("Pourquoi les États-Unis veulent-ils les minéraux?", "fr"),
        ("Mirziyoyev Tokayev Boeing deal?", None),
        ("Boeing?", None),
        ("???", None),
        ("", None),
        ("12 34 56 78 90 12 34", None),
        ("🙂🙂🙂 e\u0301", None),
    ],
)
def test_the_language_where_it_is_sure(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_foreign_is_only_what_no_document_is_in() -> None:
    russian = "Почему США нужны минералы Центральной Азии?"
    assert foreign_to(russian, frozenset({"en"})) == "ru"
    assert foreign_to(russian, frozenset({"en", "ru"})) is None
    # Taken for Russian's neighbours, a short text must still find Russian documents.
    assert foreign_to(russian, frozenset({"uk"})) is None
    assert foreign_to("Wie viele Flugzeuge bestellte Usbekistan?", frozenset({"en"})) == "de"
    assert foreign_to("Wie viele Flugzeuge bestellte Usbekistan?", frozenset({"de"})) is None
    assert foreign_to("Who ordered the planes?", frozenset({"ru"})) == "en"
    assert foreign_to("Boeing?", frozenset({"ru"})) is None
    assert foreign_to(russian, frozenset()) is None


def test_the_languages_of_a_corpus() -> None:
    texts = ["The ministers met on Thursday.", "Президент заявил об этом в Астане.", "42", ""]
    assert languages_of(texts) == {"en", "ru"}


def test_names_for_messages() -> None:
    assert name_of("ru") == "Russian"
    assert name_of("fi") == "fi"
