"""The shipped cross-encoder: found by its hash, converted once, and exact about where tokens stand."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from index.errors import EmbedderError, ModelFileError
from index.models import find_model
from rag.reader_model import (
    MODELS,
    ReaderFiles,
    ReaderModel,
    TokenScores,
    ensure_reader_conversion,
    find_reader,
)


def _missing() -> str:
    """Say what the real model lacks here; nothing when all is there."""
    if importlib.util.find_spec("openvino") is None:
        return "openvino is not installed"
    try:
        find_model()
    except ModelFileError as error:
        return "" if "refused" in str(error) else str(error)
    return ""


real = pytest.mark.skipif(bool(_missing()), reason=_missing() or "installed")

PASSAGE = (
    "The treaty was signed by Ana Brandt in Riga. Медь подешевела 🙂 на 4,2 %. "
    "It cost over $8 billion, e\u0323\u0301 said."
)


# The files


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder like the shipped one, with small weights."""
    (tmp_path / "reader.safetensors").write_bytes(b"weights")
    digest = "9cf41e00dcc11dc2a1fc2ab11ae3a1a0d8d19a4ff3e9f2c1bc6ed5bdbf5ae03d"
    (tmp_path / "reader.json").write_text(json.dumps({"sha256": digest, "max_tokens": 320}))
    return tmp_path


def test_the_shipped_reader_is_the_recorded_one() -> None:
    files = find_reader()
    record = json.loads((MODELS / "reader.json").read_text(encoding="utf-8"))
    assert (files.sha256, files.max_tokens) == (record["sha256"], record["max_tokens"])
    assert files.fingerprint == f"verse-reader@{record['sha256'][:16]}"


def test_a_changed_file_is_refused(copied: Path) -> None:
    with pytest.raises(ModelFileError, match="refused"):
        find_reader(copied)


def test_a_missing_file_is_refused(copied: Path) -> None:
    (copied / "reader.safetensors").unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        find_reader(copied)
    with pytest.raises(ModelFileError, match="cannot be read"):
        find_reader(copied / "nowhere")


@pytest.mark.parametrize(
    "record", ["", "{", "[]", "{}", "null", '{"sha256": "x"}', '{"sha256": "x", "max_tokens": null}']
)
def test_a_broken_record_is_refused(copied: Path, record: str) -> None:
    (copied / "reader.json").write_text(record)
    with pytest.raises(ModelFileError):
        find_reader(copied)


# The model


@real
@pytest.mark.parametrize("tokenizer", [None, "{", "{}"])
def test_files_that_cannot_be_loaded_are_an_error_of_ours(tmp_path: Path, tokenizer: str | None) -> None:
    if tokenizer is not None:
        (tmp_path / "tokenizer.json").write_text(tokenizer)
    with pytest.raises(EmbedderError, match="cannot load the reader"):
        ReaderModel(tmp_path, name="r", max_tokens=320, threads=1)


@real
def test_weights_that_cannot_be_converted_are_an_error_of_ours(copied: Path, tmp_path: Path) -> None:
    files = ReaderFiles(weights=copied / "reader.safetensors", sha256="0" * 64, max_tokens=320)
    with pytest.raises(EmbedderError, match="conversion of reader-0000000000000000-int8 failed"):
        ensure_reader_conversion(files, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


@pytest.fixture(scope="module")
def model(converted_models: Path) -> ReaderModel:
    files = find_reader()
    folder = ensure_reader_conversion(files, converted_models)
    return ReaderModel(folder, name=files.fingerprint, max_tokens=files.max_tokens, threads=1)


def one(model: ReaderModel, question: str, passage: str) -> TokenScores:
    (found,) = model.score(question, [passage])
    return found


def words(passage: str, found: TokenScores) -> list[str]:
    return [passage[left:right] for left, right in found.offsets]


@real
def test_scores_have_the_declared_shapes(model: ReaderModel) -> None:
    passages = [PASSAGE, "Tin.", "Zinc fell in May."]
    found = model.score("Who signed the treaty?", passages)
    assert len(found) == 3
    for scores in found:
        count = len(scores.offsets)
        assert count > 0
        for values in (scores.start, scores.end, scores.evidence):
            assert values.shape == (count,)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
        assert np.isfinite([scores.null, scores.answerable]).all()
        assert isinstance(scores.null, float)


@real
def test_offsets_point_at_the_passages_characters(model: ReaderModel) -> None:
    found = one(model, "Who?", PASSAGE)
    shown = words(PASSAGE, found)
    assert shown[:9] == ["The", "treaty", "was", "signed", "by", "Ana", "Brandt", "in", "Riga"]
    assert "🙂" in shown
    assert "billion" in shown
    assert all(text and text == text.strip() for text in shown)
    flat = [edge for pair in found.offsets for edge in pair]
    assert flat == sorted(flat)
    assert flat[-1] == len(PASSAGE)
    # Every letter and digit was read: nothing but white space and marks lies between tokens.
    covered = {n for left, right in found.offsets for n in range(left, right)}
    assert [c for n, c in enumerate(PASSAGE) if n not in covered and c.isalnum()] == []


@real
def test_no_passages_give_no_scores(model: ReaderModel) -> None:
    assert model.score("Who?", []) == []


@real
def test_a_long_passage_is_cut_at_its_end(model: ReaderModel) -> None:
    long = "Tin rose in Riga. " * 400
    found = one(model, "Who signed the treaty?", long)
    # [CLS] who signed the treaty ? [SEP] … [SEP]
    assert len(found.offsets) == find_reader().max_tokens - 8
    assert found.offsets[0] == (0, 3)
    assert found.offsets[-1][1] < len(long) // 4
    assert words(long, found)[:5] == ["Tin", "rose", "in", "Riga", "."]


@real
@pytest.mark.parametrize("question", ["why " * 500, "工" * 2000, "x" * 2000, "🙂" * 2000, "tin? " * 900])
def test_a_very_long_question_leaves_room_for_the_passage(model: ReaderModel, question: str) -> None:
    found = one(model, question, "Tin rose in Riga. " * 400)
    assert len(found.offsets) >= find_reader().max_tokens - 3 - 64
    assert np.isfinite(found.evidence).all()


@real
def test_a_long_question_counts_as_far_as_it_is_read(model: ReaderModel) -> None:
    short = one(model, ("tin " * 64).strip(), PASSAGE)
    long = one(model, "tin " * 300, PASSAGE)
    assert long.offsets == short.offsets
    assert long.evidence == pytest.approx(short.evidence, abs=1e-4)


@real
@pytest.mark.parametrize("passage", ["", " ", "\n", "\u200b"])
def test_a_passage_without_a_token(model: ReaderModel, passage: str) -> None:
    found = one(model, "Who?", passage)
    assert (found.offsets, found.start.shape, found.evidence.shape) == ([], (0,), (0,))


@real
def test_a_batch_scores_like_one_at_a_time(model: ReaderModel) -> None:
    question = "Who signed the treaty?"
    passages = [PASSAGE, "Tin.", "Zinc fell. " * 60, "Министр заявил это."]
    for passage, batched in zip(passages, model.score(question, passages), strict=True):
        alone = one(model, question, passage)
        assert batched.offsets == alone.offsets
        for name in ("start", "end", "evidence", "null", "answerable"):
            assert (
                np.abs(np.asarray(getattr(batched, name)) - np.asarray(getattr(alone, name))).max() < 0.02
            ), name


@real
def test_an_intact_conversion_is_used_again(converted_models: Path, tmp_path: Path) -> None:
    files = find_reader()
    made = ensure_reader_conversion(files, converted_models)
    copy = tmp_path / made.name
    shutil.copytree(made, copy)
    assert ensure_reader_conversion(files, tmp_path) == copy
