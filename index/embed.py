"""Text → unit vectors, by OpenVINO where it loads and by torch where it does not."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index import multilingual
from index.conversion import RECORD_FILE, ensure_converted, import_openvino
from index.convert import MODEL_FILE
from index.errors import EmbedderError
from index.models import ModelFiles
from index.multilingual import MultilingualEmbedder
from index.types import Embedder, FloatArray

logger = logging.getLogger(__name__)

_BATCH_TOKENS = 4096
_MAX_BATCH = 32
_WIDTH_STEP = 16
# What one more inference costs, in tokens: a few short texts are sooner padded than sent by themselves.
_CALL_TOKENS = 48


def open_embedder(files: ModelFiles, cache_folder: Path, *, threads: int) -> Embedder:
    """Return the embedder for a model: the cached OpenVINO conversion, made now if missing.

    Where OpenVINO cannot be used, the same model on torch, and a warning that says why.

    Raises:
        EmbedderError: neither can be loaded.
    """
    if files.name == multilingual.MODEL_NAME:
        return MultilingualEmbedder(name=files.fingerprint, threads=threads)
    try:
        folder = ensure_conversion(files, cache_folder)
        return OpenVinoEmbedder(name=files.fingerprint, folder=folder, threads=threads)
    except (ImportError, EmbedderError) as error:
        logger.warning("openvino_unavailable_using_torch: %s", error)
        return TorchEmbedder(files, threads=threads)


def ensure_conversion(files: ModelFiles, cache_folder: Path) -> Path:
    """Return the folder of the OpenVINO conversion, converting and checking it if need be.

    Raises:
        EmbedderError: the conversion failed, or disagrees with the torch model.
    """
    name = f"{files.name}-{files.weights_sha256[:16]}"
    return ensure_converted(cache_folder, name, "index.convert", [str(files.folder)])


class OpenVinoEmbedder:
    """A converted model on the CPU. Threads take turns: one inference uses all `threads`.

    Raises:
        EmbedderError: OpenVINO refuses the files.
    """

    def __init__(self, *, name: str, folder: Path, threads: int) -> None:
        from tokenizers import Tokenizer

        openvino = import_openvino()
        try:
            record = json.loads((folder / RECORD_FILE).read_text())
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            compiled = openvino.Core().compile_model(
                folder / MODEL_FILE,
                "CPU",
                {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads},
            )
            self._request = compiled.create_infer_request()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise EmbedderError(f"OpenVINO cannot load the model in {folder.name}: {error}") from error
        self._inputs: list[str] = record["inputs"]
        self._query_prompt: str = record["query_prompt"]
        self._passage_prompt: str = record["passage_prompt"]
        self._name = name
        self._dimension = int(record["dimension"])
        self._max_tokens = int(record["max_tokens"])
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._max_tokens)
        self._counter = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._counter.no_padding()
        self._counter.no_truncation()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        # Two places go to the marks that open and close a text.
        return self._max_tokens - 2

    @property
    def backend(self) -> str:
        """What runs the model, for receipts and health reports."""
        return "openvino"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(e.ids) for e in self._counter.encode_batch(list(texts), add_special_tokens=False)]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self.encode([self._query_prompt + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        return self.encode([self._passage_prompt + text for text in texts])

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text; batched by length, so that little is padded."""
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        for start, end in batches([len(encodings[row].ids) for row in order]):
            rows = order[start:end]
            vectors[rows] = self._infer([encodings[row] for row in rows])
        return vectors

    def _infer(self, encodings: Sequence[Any]) -> FloatArray:
        # Few different widths: OpenVINO prepares its kernels anew for each shape that it meets.
        width = _width(max(len(e.ids) for e in encodings))
        shape = (len(encodings), width)
        features = {
            "input_ids": np.zeros(shape, dtype=np.int64),
            "attention_mask": np.zeros(shape, dtype=np.int64),
            "token_type_ids": np.zeros(shape, dtype=np.int64),
        }
        for row, encoding in enumerate(encodings):
            features["input_ids"][row, : len(encoding.ids)] = encoding.ids
            features["attention_mask"][row, : len(encoding.ids)] = 1
        with self._lock:
            try:
                self._request.infer({name: features[name] for name in self._inputs})
                result: FloatArray = self._request.get_output_tensor(0).data.copy()
            except RuntimeError as error:
                raise EmbedderError(f"OpenVINO failed on {shape[0]} texts: {error}") from error
        if not np.isfinite(result).all():
            raise EmbedderError(f"{self._name} returned a vector that is not finite")
        return result


def batches(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Cut texts, shortest first, into batches (start, end) that cost least: tokens with padding, and calls.

    A batch has at most `_MAX_BATCH` texts and, unless it is one text, `_BATCH_TOKENS` tokens.
    """
    least = [0, *[-1] * len(lengths)]
    begins = [0] * (len(lengths) + 1)
    for end, longest in enumerate(lengths, start=1):
        width = _width(longest)
        for start in range(end - 1, max(-1, end - 1 - _MAX_BATCH), -1):
            if end - start > 1 and width * (end - start) > _BATCH_TOKENS:
                break
            cost = least[start] + _CALL_TOKENS + width * (end - start)
            if least[end] < 0 or cost < least[end]:
                least[end], begins[end] = cost, start
    found: list[tuple[int, int]] = []
    end = len(lengths)
    while end:
        found.append((begins[end], end))
        end = begins[end]
    return found[::-1]


def _width(tokens: int) -> int:
    return -(-tokens // _WIDTH_STEP) * _WIDTH_STEP


class TorchEmbedder:
    """The same model on torch: the reference, and the way out where OpenVINO does not load."""

    def __init__(self, files: ModelFiles, *, threads: int) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            import torch
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(threads)
            self._model = SentenceTransformer(str(files.folder), device="cpu", local_files_only=True)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise EmbedderError(f"torch cannot load {files.name}: {error}") from error
        self._name = files.fingerprint
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        return int(self._model.max_seq_length or 512) - 2

    @property
    def backend(self) -> str:
        """What runs the model, for receipts and health reports."""
        return "torch"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        tokenizer = self._model.tokenizer
        return [len(tokenizer.encode(text, add_special_tokens=False, verbose=False)) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts, "query")

    def embed_passages(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts, "document")

    def encode(self, texts: Sequence[str], prompt_name: str) -> FloatArray:
        """Return one unit row a text, with the model's own prompt of that name if it has one."""
        if not texts:
            return np.empty((0, int(self._model.get_embedding_dimension() or 0)), dtype=np.float32)
        prompt = (self._model.prompts or {}).get(prompt_name) or ""
        with self._lock:
            vectors = self._model.encode(
                list(texts), normalize_embeddings=True, show_progress_bar=False, prompt=prompt
            )
        return np.asarray(vectors, dtype=np.float32)
