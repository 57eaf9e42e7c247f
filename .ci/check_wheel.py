"""Checks a built wheel: it holds what it must, and its command starts from it alone.

The dependencies are those of the running environment; the development packages are hidden, so that
an import of one of them in the product shows.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MUST_HOLD = (
    "api/store/migrations/env.py",
    "api/store/migrations/versions/0001_conversations.py",
    "api/web/viewer.css",
    "api/web/viewer.js",
    "api/web/chat.css",
    "api/web/chapter-verse.js",
    "rag/models/reader.safetensors",
    "rag/models/reader.json",
    "rag/models/calibration.json",
    "eval/data/seeds/questions.jsonl",
    "eval/data/seeds/variants.jsonl",
    "eval/data/questions.schema.json",
    "eval/data/example_questions.jsonl",
    "eval/data/example_questions.csv",
    "eval/expected.toml",
    "eval/report/style.css",
)
HIDDEN = (
    "pytest",
    "hypothesis",
    "sklearn",
    "playwright",
    "mypy",
    "ruff",
    "hatchling",
    "scipy",
    "ir_measures",
    "matplotlib",
    "openai",
    "langchain_openai",
    "xllamacpp",
)

HIDE = f"import sys\nfor name in {HIDDEN!r}:\n    sys.modules[name] = None\n"


def main(wheel: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        missing = [name for name in MUST_HOLD if name not in names]
        if missing:
            sys.exit(f"{wheel.name} lacks {', '.join(missing)}")
        archive.extractall(folder)
        for arguments in (
            ["--version"],
            ["--help"],
            ["serve", "--help"],
            ["mcp", "--help"],
            ["eval", "--help"],
        ):
            code = f"{HIDE}sys.argv[1:] = {arguments!r}\nfrom api.cli import main\nmain()\n"
            subprocess.run(
                [sys.executable, "-P", "-c", code],
                check=True,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": folder},
                stdout=subprocess.DEVNULL,
            )
        code = (
            f"{HIDE}from api.app import create_app\n"
            "from api.settings import load_settings\ncreate_app(load_settings())\n"
        )
        subprocess.run(
            [sys.executable, "-P", "-c", code],
            check=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder},
        )
    print(f"{wheel.name}: complete, and its command starts")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
