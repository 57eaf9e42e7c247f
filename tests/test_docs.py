"""What the documents promise is what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.settings import Settings, settings_table
from eval.figures import TABLES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = ("index", "rag", "api", "eval")


def block(name: str) -> str:
    """Return what stands between a pair of marks in the README."""
    match = re.search(rf"<!-- {name}:begin -->\n(.*?)\n?<!-- {name}:end -->", README, re.DOTALL)
    assert match is not None
    return match.group(1)


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert block("settings") == settings_table()
    for name in Settings.model_fields:
        assert f"`VERSE_{name.upper()}`" in README


def test_the_readme_shows_the_figures_of_the_result_files() -> None:
    for name, table in TABLES.items():
        assert block(name) == table(ROOT / "eval" / "results")


def test_every_command_is_in_the_readme_and_every_one_in_the_readme_exists() -> None:
    help_text = CliRunner().invoke(app, ["--help"]).stdout
    known = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]
    assert {
        *("index", "watch", "access", "ask", "serve", "mcp", "replay", "doctor", "duplicates"),
        *("backup", "restore", "check", "forget"),
    } == known
    for name in known:
        assert re.search(rf"\b{name}\b", help_text)
        assert f"verse {name}" in README
    for name in re.findall(r"(?:bin/|`)verse ([a-z]+)", README):
        assert name in known | {"eval", "keys", "sessions"}


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
    assert {"serve", "test", "ask"} <= wanted
    for target in wanted:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("package", PACKAGES)
def test_architecture_has_a_line_for_every_module(package: str) -> None:
    for path in (ROOT / package).glob("*.py"):
        if path.name != "__init__.py":
            assert f"`{path.name}`" in ARCHITECTURE, path


def test_no_document_names_an_address_to_install_from() -> None:
    files = [ROOT / name for name in ("README.md", "Makefile", "requirements.lock", "pyproject.toml")]
    for path in [*files, ROOT / ".ci" / "run"]:
        text = path.read_text(encoding="utf-8")
        for address in re.findall(r"https?://[^\s\"'`)>]+", text):
            assert address.startswith(("http://127.0.0.1", "https://verse.example.org")), (path, address)


def test_versions_are_pinned_exactly() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in wanted:
        name, _, version = requirement.partition("==")
        assert version, requirement
        if name != "torch":
            assert re.search(rf"^{re.escape(name)}=={re.escape(version)} ", lock, re.MULTILINE), requirement
    assert "torch==2.13.0" in wanted
    assert not re.search(r"^torch==", lock, re.MULTILINE)
