"""Turns the reader's weights into an OpenVINO model, once, and proves that it is the same.

Run as `python -m rag.convert_reader WEIGHTS BASE_FOLDER OUT_FOLDER`. Probabilities of the converted model
must be within `TOLERANCE` of torch's on a fixed set.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from index.conversion import import_openvino, write_record, written_aside

MODEL_FILE = "reader.xml"
TOLERANCE = 0.05
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
        RuntimeError: it differs from torch by more than `TOLERANCE`.
    """
    import numpy as np
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
    with written_aside(out_folder) as aside:
        openvino.save_model(converted, aside / MODEL_FILE, compress_to_fp16=False)
        shutil.copyfile(base / "tokenizer.json", aside / "tokenizer.json")
        compiled = openvino.Core().compile_model(aside / MODEL_FILE, "CPU")
        found = compiled([tensor.numpy() for tensor in inputs])
        with torch.inference_mode():
            expected = model(*inputs)
        real = inputs[2].numpy().astype(bool)
        difference = max(
            float(np.abs(_sigmoid(found[0]) - torch.sigmoid(expected[0]).numpy())[real].max()),
            float(np.abs(_sigmoid(found[1]) - torch.sigmoid(expected[1]).numpy()).max()),
        )
        if difference > TOLERANCE:
            raise RuntimeError(f"the converted reader differs from torch by {difference:.4f}")
        write_record(aside, {"max_difference_to_torch": difference, "openvino": str(openvino.__version__)})
    return difference


def _sigmoid(logits: Any) -> Any:
    import numpy as np

    return 1.0 / (1.0 + np.exp(-logits))


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(convert_reader(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
