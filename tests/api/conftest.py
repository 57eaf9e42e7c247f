"""One small service for the tests that only send requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.browser import chromium
from tests.api.corpus import ROWS
from tests.api.service import SmallEngine, client_of, index_rows, settings_for


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a command set up in this process: loggers that it made last would hear nothing of later tests."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one file; they are skipped where there is none."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def small_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The awkward corpus, indexed; its folder's name is a canary. Tests only read it."""
    folder = tmp_path_factory.mktemp("canary-in-the-state-folder")
    index_rows(folder, ROWS)
    return folder / "state"


@pytest.fixture(scope="session")
def small(small_state: Path) -> Iterator[TestClient]:
    """The service over the awkward corpus, with models that answer everything."""
    with client_of(create_app(settings_for(small_state), engine=SmallEngine(small_state))) as client:  # type: ignore[arg-type]
        yield client
