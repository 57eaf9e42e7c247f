"""What tests of several layers share: a clean environment, converted models, the indexed seeds."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from index.build import update_index
from index.embed import ensure_conversion, open_embedder
from index.models import find_model
from index.settings import IndexSettings
from index.state import StateFolder
from rag.reader_model import ensure_reader_conversion, find_reader

# On a change the same examples run every time, so that a red run says something of the change; at a
# person's desk they are new each time, and look for what nobody thought of.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"

# A folder that keeps converted models between sessions. They are named and checked by sha256, so
# an old one can only be slow to find, never wrong.
KEPT_MODELS = "KEEP_CONVERTED_MODELS_IN"


@pytest.fixture(autouse=True, scope="session")
def no_settings_from_outside() -> None:
    """The person's own VERSE_ variables are not for the tests."""
    for name in [name for name in os.environ if name.upper().startswith("VERSE_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def child_environment(no_settings_from_outside: None) -> dict[str, str]:
    """The environment of child processes: this tree's packages, one thread, no settings else."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "VERSE_THREADS": "1", "PYTHONWARNINGS": "default"}


@pytest.fixture(scope="session")
def converted_models(tmp_path_factory: pytest.TempPathFactory, child_environment: dict[str, str]) -> Path:
    """Both models converted, once a session."""
    kept = os.environ.get(KEPT_MODELS)
    folder = Path(kept) if kept else tmp_path_factory.mktemp("models")
    saved = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = child_environment["PYTHONPATH"]
    try:
        ensure_conversion(find_model(), folder)
        ensure_reader_conversion(find_reader(), folder)
    finally:
        if saved is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = saved
    return folder


@pytest.fixture(scope="session")
def seeds_state(tmp_path_factory: pytest.TempPathFactory, converted_models: Path) -> Path:
    """A state folder with the seeds in it, made by the real index code and the real embedder.

    Its name is a canary: no response may hold it. Tests that write make a copy of it.
    """
    folder = tmp_path_factory.mktemp("canary-in-the-state-folder") / "state"
    folder.mkdir()
    (folder / "models").symlink_to(converted_models, target_is_directory=True)
    state = StateFolder(folder)
    embedder = open_embedder(find_model(), state.models, threads=1)
    report = update_index(state, [SEEDS], embedder, IndexSettings())
    assert (report.added, report.problems) == (3, [])
    return folder
