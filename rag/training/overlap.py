"""Looks for evaluation texts in the training data: `python -m rag.training.overlap --data FOLDER --out FILE`.

Questions and passages are compared by their letters and digits alone, case folded.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from index.models import sha256_file
from rag.training.reader_data import letters, read_rows, split_squad, without_texts_of
from rag.training.train_reader import EVALUATION, FILES


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    evaluated = [row for name in EVALUATION for row in read_rows(arguments.data / name)]
    questions: set[str] = set()
    contexts: set[str] = set()
    for name in FILES:
        rows = read_rows(arguments.data / name)
        if name.startswith("squad2/"):
            rows, _ = split_squad(rows)
        rows = without_texts_of(rows, evaluated)
        questions.update(letters(row["question"]) for row in rows)
        contexts.update(letters(row["context"]) for row in rows)
    result = {
        "command": "python -m rag.training.overlap --data DATA --out OUT",
        "training_questions": len(questions),
        "training_contexts": len(contexts),
        "evaluation": {
            name: {
                "sha256": sha256_file(arguments.data / name),
                "questions": len(rows := read_rows(arguments.data / name)),
                "questions_in_training": sum(letters(row["question"]) in questions for row in rows),
                "contexts_in_training": sum(letters(row["context"]) in contexts for row in rows),
            }
            for name in EVALUATION
        },
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
