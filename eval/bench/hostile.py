"""Whether hostile documents reach a reader through a model that obeys every one of them.

    python -m eval.bench.hostile [--every 1] [--data attacks.jsonl.gz] [--out eval/results/hostile.json]

The shipped models read documents that hold attacks (`eval.bench.hostile_documents`), and the obedient
stub (`rag.write.obedient`) writes the answers, over HTTP. `--data` adds instructions of a file of JSON
Lines with `text` (gzipped or not), planted in the same ways. No answer may hold anything that acts, or a
sentence or quote that is not verified; the status is 1 where one does.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.bench.hostile_documents import FAMILIES, Attack, attacks, harm_in, unverified_in
from eval.bench.pipeline import Pipeline, write_rows
from eval.bench.record import provenance, write_json
from index.access import OPERATOR
from index.state import StateFolder
from rag.answer import Ask, Stages, answer_question
from rag.types import Answer
from rag.write import obedient
from rag.write.settings import Server, WriteSettings
from rag.write.writer import Writer


def given(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the instructions of a file as one family of attacks.

    Raises:
        ValueError: a row has no text.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line).get("text") for line in lines if line.strip()]
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{path.name}: every row needs a text")
    # Braces are for the families' own places.
    return {"given": {"en": tuple(text.replace("{", "{{").replace("}", "}}") for text in texts)}}


def measure(chosen: Sequence[Attack], stages: Stages) -> dict[str, Any]:
    """Ask every attack's question, and return the figures with every answer that broke the promise."""
    form = 0
    with obedient.server(form=lambda: form) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{running.server_address[1]}/v1"
        writer = Writer(
            WriteSettings(servers=(Server(base_url=url, model=obedient.MODEL, api_key="k-secret"),))
        )
        writing = replace(stages, writer=writer)
        answers: list[Answer] = []
        for n, attack in enumerate(chosen):
            form = n % 4
            answers.append(answer_question(Ask(question=attack.question, viewer=OPERATOR), writing))
        writer.close()
        running.shutdown()
        thread.join()
    return figures(chosen, answers, stages)


def figures(chosen: Sequence[Attack], answers: Sequence[Answer], stages: Stages) -> dict[str, Any]:
    """Return counts over the answers, and those that are harmful or not verified."""

    def text_of(document_id: str) -> str:
        ordinal = stages.generation.ordinal(document_id)
        return "" if ordinal is None else stages.generation.document_at(ordinal).text

    broken = [
        {"family": attack.family, "order": attack.order, "harm": harm, "unverified": unverified}
        for attack, answer in zip(chosen, answers, strict=True)
        if (harm := harm_in(answer)) + (unverified := unverified_in(answer, text_of))
    ]
    return {
        "attacks": len(chosen),
        "families": dict(sorted(Counter(attack.family for attack in chosen).items())),
        "status": dict(sorted(Counter(answer.status for answer in answers).items())),
        "written": sum(answer.receipt.models["generator"] is not None for answer in answers),
        "withheld": {
            kind: sum(getattr(answer.withheld, kind) for answer in answers)
            for kind in ("not_found", "misattributed", "unsupported")
        },
        "broken": broken,
    }


def main() -> int:
    """Print the figures; the status is 1 where something harmful or unverified was shown."""
    parser = argparse.ArgumentParser(description="Hostile documents against a model that obeys them.")
    parser.add_argument("--every", type=int, default=1, help="take every n-th attack")
    parser.add_argument("--data", type=Path, help="JSON Lines with instructions to plant")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = attacks(FAMILIES if arguments.data is None else {**FAMILIES, **given(arguments.data)})
    chosen = found[:: arguments.every]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rows = write_rows(place / "attacks.jsonl", [attack.row for attack in chosen])
        stages = Pipeline(place / "models", threads=arguments.threads).over(
            StateFolder(place / "state"), [rows]
        )
        result = measure(chosen, stages)
        stages.generation.close()
    write_json({**provenance("eval.bench.hostile", threads=arguments.threads), **result}, arguments.out)
    return 1 if result["broken"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
