"""Turns the reader's weights into an OpenVINO model, once, and proves that it is the same.

Run as `python -m rag.convert_reader WEIGHTS BASE_FOLDER OUT_FOLDER`. Probabilities of the converted model
must be within `TOLERANCE` of torch's on a fixed set, and within `MEAN_TOLERANCE` on average.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from index.conversion import import_openvino, write_record, written_aside

MODEL_FILE = "reader.xml"
FORM = "int8"
"""Part of the folder's name: a conversion in another form is made anew."""
# Eight bits move single probabilities by up to 0.13 and the average by 0.011, processors that go on in bfloat16 (which
# OpenVINO chooses where they can) and those in float32 alike. A conversion that went wrong is off by far more.
TOLERANCE = 0.2
MEAN_TOLERANCE = 0.02
# Activations are rounded to eight bits in groups of so many, each with a scale of its own.
INFERENCE = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "64"}
# The heads are small, and what they say is what counts: they stay as they are.
_LEAST_WEIGHTS = 10_000
CHECK_PAIRS: tuple[tuple[str, str], ...] = (
    ("Who signed the treaty?", "The treaty was signed by the foreign minister, Ana Brandt, in Riga."),
    (
        "When was the bridge opened?",
        "The bridge, 812 metres long, opened to traffic in May 1998. It has two lanes.",
    ),
    ("Why did the mill close?", "The mill stood by the river. Flour was sold in the town for many years."),
    ("How many people live there?", "Население города составляет 41 200 человек."),
)


def convert_reader(weights: Path, base: Path, out_folder: Path) -> float:
    """Write the converted reader into `out_folder`; return the largest difference of a probability.

    Raises:
        RuntimeError: it differs from torch by more than the tolerances.
    """
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    from rag.training.train_reader import ReaderModel

    openvino = import_openvino()
    model = ReaderModel(BertModel(BertConfig.from_pretrained(base), add_pooling_layer=False))
    state = {name: tensor.float() for name, tensor in load_file(weights).items()}
    model.load_state_dict(state, strict=True)
    model.eval()
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(list(CHECK_PAIRS))
    inputs = [
        torch.tensor([getattr(e, name) for e in encodings]) for name in ("ids", "type_ids", "attention_mask")
    ]
    converted = openvino.convert_model(model, example_input=tuple(inputs))
    for number, name in enumerate(("input_ids", "token_type_ids", "attention_mask")):
        converted.inputs[number].get_tensor().set_names({name})
    compress_weights(converted)
    with written_aside(out_folder) as aside:
        openvino.save_model(converted, aside / MODEL_FILE, compress_to_fp16=False)
        shutil.copyfile(base / "tokenizer.json", aside / "tokenizer.json")
        compiled = openvino.Core().compile_model(aside / MODEL_FILE, "CPU", INFERENCE)
        found = compiled([tensor.numpy() for tensor in inputs])
        with torch.inference_mode():
            expected = model(*inputs)
        real = inputs[2].numpy().astype(bool)
        largest, mean = check_same(
            (found[0][real], found[1]), (expected[0].numpy()[real], expected[1].numpy())
        )
        write_record(
            aside,
            {
                "max_difference_to_torch": largest,
                "mean_difference_to_torch": mean,
                "openvino": str(openvino.__version__),
            },
        )
    return largest


def check_same(found: Sequence[Any], expected: Sequence[Any]) -> tuple[float, float]:
    """Return the largest and the mean difference of the probabilities of pairs of arrays of logits.

    Raises:
        RuntimeError: one of them is above its tolerance, or not finite.
    """
    import numpy as np

    apart = np.concatenate(
        [np.abs(_sigmoid(one) - _sigmoid(other)).ravel() for one, other in zip(found, expected, strict=True)]
    )
    largest, mean = float(apart.max()), float(apart.mean())
    if not (largest <= TOLERANCE and mean <= MEAN_TOLERANCE):
        raise RuntimeError(
            f"the converted reader differs from torch by {largest:.4f} (at most {TOLERANCE}) and on average by "
            f"{mean:.4f} (at most {MEAN_TOLERANCE})"
        )
    return largest, mean


def compress_weights(model: Any) -> int:
    """Store the matrices of a model in eight bits, a scale for each output; return how many.

    OpenVINO then multiplies in eight bits too, where the processor can (`INFERENCE`): half as long again
    to go over a passage without it.
    """
    import numpy as np
    from openvino import opset13 as ops

    count = 0
    for operation in model.get_ordered_ops():
        if operation.get_type_name() != "MatMul":
            continue
        source = operation.input(1).get_source_output().get_node()
        if source.get_type_name() == "Convert":
            source = source.input(0).get_source_output().get_node()
        if source.get_type_name() != "Constant":
            continue  # attention multiplies two activations
        weights = source.get_data().astype(np.float32)
        if weights.ndim != 2 or weights.size < _LEAST_WEIGHTS:
            continue
        outputs = 1 if operation.get_attributes()["transpose_b"] else 0
        scale = np.abs(weights).max(axis=outputs, keepdims=True) / 127.0
        scale[scale == 0.0] = 1.0
        rounded = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
        restored = ops.multiply(ops.convert(ops.constant(rounded), np.float32), ops.constant(scale))
        operation.input(1).replace_source_output(restored.output(0))
        count += 1
    model.validate_nodes_and_infer_types()
    return count


def _sigmoid(logits: Any) -> Any:
    import numpy as np

    return 1.0 / (1.0 + np.exp(-logits))


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(convert_reader(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
