"""Imports point down only; `import eval` would hide the builtin."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"index": set(), "rag": {"index"}, "api": {"rag", "index"}, "eval": {"rag", "index"}}
# The command line is the one module that may reach every package.
MAY_ALSO = {"api/cli.py": {"eval"}}


def imported(source: str) -> Iterator[str]:
    """Yield the top-level name of every import in `source`, however deep it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def hides_eval(source: str) -> bool:
    """Tell whether `source` binds the package `eval` to the builtin's name."""
    return any(
        isinstance(node, ast.Import)
        and any(
            alias.asname == "eval" or (alias.asname is None and alias.name.split(".")[0] == "eval")
            for alias in node.names
        )
        for node in ast.walk(ast.parse(source))
    )


def modules() -> list[str]:
    found = [
        path.relative_to(ROOT).as_posix()
        for package in MAY_IMPORT
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    assert "index/build.py" in found
    return found


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_layers_below_its_own(module: str) -> None:
    package = module.split("/", maxsplit=1)[0]
    source = (ROOT / module).read_text(encoding="utf-8")
    allowed = MAY_IMPORT[package] | MAY_ALSO.get(module, set()) | {package}
    assert set(imported(source)) & set(MAY_IMPORT) <= allowed
    assert not hides_eval(source), "write `from eval.x import y`"


@pytest.mark.parametrize("module", modules())
def test_a_module_does_not_import_the_tests(module: str) -> None:
    assert not {"tests", "fakes"} & set(imported((ROOT / module).read_text(encoding="utf-8")))


def test_the_checks_see_what_they_should() -> None:
    source = "def f():\n    import rag.types as t\n    from eval.datatypes import Example\n"
    assert set(imported(source)) == {"rag", "eval"}
    assert hides_eval("import eval")
    assert hides_eval("import eval.metrics")
    assert not hides_eval("from eval.metrics import recall_at_k")
    assert not hides_eval("import eval.metrics as metrics")


def test_no_module_beside_the_scripts_hides_one_of_python() -> None:
    # `python eval/verify_citations.py` puts eval/ first on the path: a types.py there would be everybody's.
    assert not {path.stem for path in (ROOT / "eval").iterdir()} & sys.stdlib_module_names


@pytest.mark.parametrize("script", ["verify_citations.py", "recompute.py"])
def test_a_script_that_stands_alone_starts_by_its_path(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "eval" / script), "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert script in done.stdout
