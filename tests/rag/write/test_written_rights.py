"""A right that is taken away while a model writes ends the answer before its next word."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from index.access import ANYBODY, AccessRule
from index.errors import AccessChangedError
from index.rules import set_access
from index.state import StateFolder
from rag.answer import Ask, answer_steps
from rag.events import DeltaEvent
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of
from tests.rag.write import model_server as m
from tests.rag.write.model_server import ModelServer
from tests.rag.write.written import ROWS, SIGNED, TREATY, WORTH, writing


def test_nothing_is_shown_after_a_right_was_taken_away(tmp_path: Path) -> None:
    generation = index_of(tmp_path, ROWS, HashEmbedder())
    revoked = threading.Event()

    def script(handler: m.Handler, body: m.Record) -> None:
        handler.start()
        handler.say(json.dumps({"text": SIGNED, "ids": [m.number_of(body, "Ana Brandt")]}) + "\n")
        assert revoked.wait(10)
        handler.say(json.dumps({"text": WORTH, "ids": [m.number_of(body, "billion")]}) + "\n")
        handler.end()

    shown: list[str] = []
    with ModelServer(script) as server, writing(generation, server.url) as stages:
        steps = answer_steps(Ask(question=TREATY, viewer=ANYBODY), stages)
        with pytest.raises(AccessChangedError):  # noqa: PT012 - what was shown before it counts
            while True:
                event = next(steps)
                if isinstance(event, DeltaEvent):
                    shown.append(event.text)
                    assert set_access(StateFolder(tmp_path / "state").catalog, "treaty", AccessRule())
                    revoked.set()
    assert "Ana Brandt" in "".join(shown)
    assert "billion" not in "".join(shown)
    generation.close()
