"""Matrices in eight bits: which are rounded, how well, and what stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from index.conversion import import_openvino
from rag.convert_reader import compress_weights

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
