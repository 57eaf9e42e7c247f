"""The cross-encoder behind the reader: where its weights are, and how they run.

Its weights ship inside the package in half precision, named by sha256 in `models/reader.json`.
OpenVINO runs a conversion that is made once and checked, as for the embedder.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.conversion import ensure_converted, import_openvino
from index.errors import EmbedderError, ModelFileError
from index.models import find_model, sha256_file
from index.types import FloatArray
from rag.convert_reader import FORM, INFERENCE, MODEL_FILE
from rag.recent import Recent

MODELS = Path(__file__).parent / "models"
_MAX_QUESTION_TOKENS = 64
_WIDTH_STEP = 16
# A search and the question after it read the same passages; about 10 kB each.
_REMEMBERED = 512
# Small batches waste little on padding, and let questions of other threads in between.
_BATCH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """What the model says of one passage.

    `offsets` are (start, end) characters of the passage text for each of its tokens; `start`,
    `end` and `evidence` are logits a token; `null` is the start and end logit of "no answer here";
    `answerable` is a logit for the passage as a whole.
    """

    offsets: list[tuple[int, int]]
    start: FloatArray
    end: FloatArray
    evidence: FloatArray
    null: float
    answerable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderFiles:
    """The shipped weights and what is recorded of them."""

    weights: Path
    sha256: str
    max_tokens: int

    @property
    def fingerprint(self) -> str:
        """Name and weights in one string, as receipts carry it."""
        return f"verse-reader@{self.sha256[:16]}"


def find_reader(folder: Path = MODELS) -> ReaderFiles:
    """Return the shipped reader after checking its hash.

    Raises:
        ModelFileError: missing, or not the file that `reader.json` names.
    """
    try:
        record = json.loads((folder / "reader.json").read_text(encoding="utf-8"))
        expected, max_tokens = str(record["sha256"]), int(record["max_tokens"])
        weights = folder / "reader.safetensors"
        found = sha256_file(weights)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"the reader's files cannot be read: {error}; reinstall the package") from error
    if found != expected:
        raise ModelFileError(
            f"reader.safetensors has sha256 {found}, not {expected}; refused. Reinstall the package"
        )
    return ReaderFiles(weights=weights, sha256=found, max_tokens=max_tokens)


def ensure_reader_conversion(files: ReaderFiles, cache_folder: Path) -> Path:
    """Return the folder of the reader's OpenVINO conversion, converting and checking it if need be.

    Raises:
        EmbedderError: the conversion failed, or disagrees with torch.
    """
    name = f"reader-{files.sha256[:16]}-{FORM}"
    arguments = [str(files.weights), str(find_model().folder)]
    return ensure_converted(cache_folder, name, "rag.convert_reader", arguments)


def prepare_reader(cache_folder: Path) -> None:
    """Convert the shipped reader if that was not done yet."""
    ensure_reader_conversion(find_reader(), cache_folder)


class ReaderModel:
    """The converted cross-encoder on the CPU. Threads take turns.

    Raises:
        EmbedderError: OpenVINO refuses the files.
    """

    def __init__(self, folder: Path, *, name: str, max_tokens: int, threads: int) -> None:
        from tokenizers import Tokenizer

        openvino = import_openvino()
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._measure = Tokenizer.from_file(str(folder / "tokenizer.json"))
            compiled = openvino.Core().compile_model(
                folder / MODEL_FILE,
                "CPU",
                {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, **INFERENCE},
            )
            self._request = compiled.create_infer_request()
        except Exception as error:  # tokenizers raises nothing narrower
            raise EmbedderError(f"OpenVINO cannot load the reader in {folder.name}: {error}") from error
        self.name = name
        self._max_tokens = max_tokens
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens, strategy="only_second")
        # `only_second` refuses a question that alone is too long, so that is measured without it.
        self._measure.no_padding()
        self._measure.no_truncation()
        self._lock = threading.Lock()
        self._read: Recent[tuple[str, str], TokenScores] = Recent(_REMEMBERED)

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        """Score every passage for one question, in batches of similar length.

        What does not fit beside the question is left unread at the passage's end.
        """
        if not passages:
            return []
        question = self._shortened(question)
        found = {passage: self._read.get((question, passage)) for passage in passages}
        unread = [passage for passage, scores in found.items() if scores is None]
        encodings = self._tokenizer.encode_batch([(question, passage) for passage in unread])
        by_length = sorted(range(len(encodings)), key=lambda n: len(encodings[n].ids))
        for start in range(0, len(by_length), _BATCH):
            batch = by_length[start : start + _BATCH]
            for n, read in zip(batch, self._infer([encodings[n] for n in batch]), strict=True):
                found[unread[n]] = read
                self._read.put((question, unread[n]), read)
        return [scores for passage in passages if (scores := found[passage]) is not None]

    def _infer(self, encodings: Sequence[Any]) -> list[TokenScores]:
        # Few different widths: OpenVINO prepares its kernels anew for each shape that it meets.
        width = -(-max(len(e.ids) for e in encodings) // _WIDTH_STEP) * _WIDTH_STEP
        shape = (len(encodings), width)
        ids, types, mask = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        for row, e in enumerate(encodings):
            ids[row, : len(e.ids)] = e.ids
            types[row, : len(e.ids)] = e.type_ids
            mask[row, : len(e.ids)] = 1
        with self._lock:
            try:
                self._request.infer({"input_ids": ids, "token_type_ids": types, "attention_mask": mask})
                tokens = self._request.get_output_tensor(0).data.copy()
                answerable = self._request.get_output_tensor(1).data.copy()
            except RuntimeError as error:
                raise EmbedderError(f"the reader failed on {len(encodings)} passages: {error}") from error
        if not (np.isfinite(tokens).all() and np.isfinite(answerable).all()):
            raise EmbedderError("the reader returned a score that is not finite")
        return [_scores_of(e, tokens[row], float(answerable[row])) for row, e in enumerate(encodings)]

    def _shortened(self, question: str) -> str:
        """Cut a very long question, so that a passage still fits beside it."""
        encoding = self._measure.encode(question, add_special_tokens=False)
        if len(encoding.ids) <= _MAX_QUESTION_TOKENS:
            return question
        return question[: encoding.offsets[_MAX_QUESTION_TOKENS - 1][1]]


def _scores_of(encoding: Any, tokens: FloatArray, answerable: float) -> TokenScores:
    inside = [position for position, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
    offsets = encoding.offsets  # made anew at every access
    return TokenScores(
        offsets=[offsets[position] for position in inside],
        start=tokens[inside, 0],
        end=tokens[inside, 1],
        evidence=tokens[inside, 2],
        null=float(tokens[0, 0] + tokens[0, 1]),
        answerable=answerable,
    )
