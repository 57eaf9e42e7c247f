"""Turns a sentence-transformers model into an OpenVINO one, once, and proves that it is the same.

Run as `python -m index.convert MODEL_FOLDER OUT_FOLDER`, so that torch and its memory are gone when the
conversion is over. Nothing is believed that was not checked: the converted model must agree with
the torch model on `CHECK_TEXTS` before its files are put in place.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from index.conversion import import_openvino, write_record, written_aside

MODEL_FILE = "model.xml"
WEIGHTS_FILE = "model.bin"
MIN_COSINE = 0.999

# Short and long, several scripts, numbers, and one text over every model's limit.
CHECK_TEXTS: tuple[str, ...] = (
    "why does the US want Central Asian minerals?",
    "No.",
    "The airline ordered 22 aircraft worth over $8 billion on 6 November 2025.",
    "Қазақстан мен Өзбекстан сирек кездесетін металдар туралы келісімге қол қойды.",
    "Министр заявил, что переговоры продолжатся в Москве после саммита.",
    "Die Ausfuhrbeschränkungen für seltene Erden treffen vor allem die Industrie.",
    "中亚国家拥有丰富的矿产资源。",
    "Café naïve coöperation — “quoted” 🙂 e\u0301",
    "A list: one, two, three; 4.2%, 1,000,000 tonnes; see section 7(b).",
    "The committee met again. " * 120,
)


def convert(model_folder: Path, out_folder: Path) -> float:
    """Write the OpenVINO model and its record into `out_folder`; return the smallest cosine.

    Raises:
        RuntimeError: the converted model disagrees with torch.
    """
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    from index.embed import OpenVinoEmbedder

    openvino = import_openvino()
    model = SentenceTransformer(str(model_folder), device="cpu", local_files_only=True)
    model.eval()
    example = {
        name: tensor
        for name, tensor in model.tokenize(["two texts", "of unlike length, to keep both axes open"]).items()
        if isinstance(tensor, torch.Tensor)
    }

    names = list(example)
    converted = openvino.convert_model(_positional(model, names), example_input=tuple(example.values()))
    for number, name in enumerate(names):
        converted.inputs[number].get_tensor().set_names({name})
    with written_aside(out_folder) as aside:
        openvino.save_model(converted, aside / MODEL_FILE, compress_to_fp16=False)
        shutil.copyfile(model_folder / "tokenizer.json", aside / "tokenizer.json")
        prompts = dict(model.prompts or {})
        record: dict[str, Any] = {
            "inputs": names,
            "dimension": int(np.asarray(model.encode(["x"])).shape[1]),
            "max_tokens": int(model.max_seq_length or 512),
            "query_prompt": prompts.get("query", ""),
            "passage_prompt": prompts.get("document", prompts.get("passage", "")),
            "openvino": str(openvino.__version__),
            "torch": str(torch.__version__),
        }
        write_record(aside, record)
        # The tokenizer pads to the longest text either way; prompts are left out on both sides.
        embedder = OpenVinoEmbedder(name="check", folder=aside, threads=torch.get_num_threads())
        ours = embedder.encode(CHECK_TEXTS)
        reference = model.encode(list(CHECK_TEXTS), normalize_embeddings=True, prompt="")
        cosine = float((ours * np.asarray(reference)).sum(axis=1).min())
        if cosine < MIN_COSINE:
            raise RuntimeError(
                f"the converted model disagrees with torch: smallest cosine {cosine:.5f} on the check "
                f"texts, at least {MIN_COSINE} is needed"
            )
        write_record(aside, {**record, "min_cosine_to_torch": cosine})
    return cosine


def _positional(model: Any, names: list[str]) -> Any:
    """Wrap the model as a module with positional inputs and unit rows: what the tracer can follow."""
    import torch

    class UnitSentences(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model  # registered, so that its weights are parameters and not constants

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            pooled = self.model(dict(zip(names, tensors, strict=True)))["sentence_embedding"]
            return torch.nn.functional.normalize(pooled, p=2, dim=1)

    return UnitSentences().eval()


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(convert(Path(sys.argv[1]), Path(sys.argv[2])))
