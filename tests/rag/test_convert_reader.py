"""Matrices in eight bits: which are rounded, how well, and what stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.conversion import import_openvino
from index.models import find_model
from rag.convert_reader import INFERENCE, MODEL_FILE, TOLERANCE, check_same, compress_weights, convert_reader
from rag.reader_model import find_reader

openvino = import_openvino()
from openvino import opset13 as ops  # noqa: E402  (after the import that keeps it from reporting home)


def matmul(weights: np.ndarray[Any, Any], *, transpose_b: bool) -> Any:
    rows = weights.shape[1] if transpose_b else weights.shape[0]
    given = ops.parameter([2, rows], np.float32)
    product = ops.matmul(given, ops.constant(weights), transpose_a=False, transpose_b=transpose_b)
    return openvino.Model([product], [given], "one")


def outputs(model: Any, given: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([given])[0])


@pytest.mark.parametrize("transpose_b", [True, False])
def test_a_matrix_is_rounded_to_a_scale_for_each_output(transpose_b: bool) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(120, 100)).astype(np.float32)
    # One output is a thousand times larger; with one scale for all, the rest would be rounded away.
    by_output = weights if transpose_b else weights.T
    by_output[3] *= 1000.0
    by_output[7] = 0.0
    given = rng.normal(size=(2, 100 if transpose_b else 120)).astype(np.float32)
    model = matmul(weights, transpose_b=transpose_b)
    before = outputs(model, given)
    assert compress_weights(model) == 1
    after = outputs(model, given)
    # A weight is off by half a step of its output's scale at most; activations may be rounded too.
    largest = np.abs(by_output).max(axis=1)
    bound = largest / 254.0 * np.abs(given).sum(axis=1, keepdims=True)
    assert (np.abs(after - before) <= 2.0 * bound + 1e-4).all()
    assert (after[:, 7] == 0.0).all()
    assert (after != before).any()


def test_small_matrices_and_products_of_two_inputs_stay() -> None:
    small = matmul(np.ones((3, 100), dtype=np.float32), transpose_b=True)
    assert compress_weights(small) == 0
    one, two = ops.parameter([200, 200], np.float32), ops.parameter([200, 200], np.float32)
    product = openvino.Model([ops.matmul(one, two, False, False)], [one, two], "two")
    assert compress_weights(product) == 0


def test_differences_are_those_of_probabilities() -> None:
    # 1 / (1 + e^-x): 0 → 0.5, ln 1.5 → 0.6; far out, logits may differ by much and probabilities hardly do.
    found = (np.array([[0.0, 20.0]]), np.array([0.0] * 8))
    expected = (np.array([[np.log(1.5), 40.0]]), np.array([0.0] * 8))
    largest, mean = check_same(found, expected)
    assert largest == pytest.approx(0.1)
    assert mean == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ([1.1, *[0.0] * 99], r"by 0\.2503 \(at most 0\.2\)"),
        ([0.1] * 100, r"on average by 0\.0250 \(at most 0\.02\)"),
        ([float("nan"), *[0.0] * 99], "by nan"),
    ],
)
def test_a_conversion_that_went_wrong_is_refused(found: list[float], what: str) -> None:
    with pytest.raises(RuntimeError, match=what):
        check_same([np.array(found)], [np.zeros(100)])


@pytest.mark.filterwarnings("ignore")  # what converts it has its own process; there they warn of tracing
def test_the_shipped_reader_converts_whatever_precision_a_processor_prefers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, base = find_reader(), find_model().folder
    for precision in ("f32", "bf16"):  # bf16 is computed in f32 where the processor has none
        monkeypatch.setitem(INFERENCE, "INFERENCE_PRECISION_HINT", precision)
        assert convert_reader(reader.weights, base, tmp_path / precision) <= TOLERANCE
        assert (tmp_path / precision / MODEL_FILE).is_file()
