"""A folder that is watched: what is new, changed, gone, half written, or in the way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.build import IndexReport
from index.catalog import Catalog
from index.errors import SourceError
from index.settings import IndexSettings
from index.state import StateFolder
from index.watch import Pace, watch_folder
from tests.fakes import HashEmbedder


class Watched:
    """A folder, its index, and the passes that were made."""

    def __init__(self, folder: Path) -> None:
        self.texts = folder / "texts"
        self.texts.mkdir()
        self.state = StateFolder(folder / "state")
        self.passes: list[IndexReport | SourceError] = []
        self.stop = threading.Event()

    def write(self, name: str, text: str) -> None:
        (self.texts / name).write_text(text, encoding="utf-8")

    def stored(self) -> dict[str, str]:
        with Catalog(self.state.catalog) as catalog:
            return {document.document_id: document.text for _, document in catalog.all_documents()}

    def run(self) -> None:
        watch_folder(
            self.state,
            self.texts,
            HashEmbedder(),
            IndexSettings(),
            stop=self.stop,
            on_pass=self.passes.append,
            pace=Pace(settle_s=0.4),
        )


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    watched = Watched(folder)
    watched.write("a.txt", "The bridge of Corran was opened in 1841.")
    thread = threading.Thread(target=watched.run)
    thread.start()
    try:
        wait(lambda: len(watched.passes) == 1)
        yield watched
    finally:
        watched.stop.set()
        thread.join(20)
        assert not thread.is_alive(), "it ends when it is told to"


def wait(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)


def test_what_is_new_changed_or_gone_is_taken_over(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        assert set(watched.stored()) == {"a.txt"}
        watched.write("b.txt", "The ferry of Marsham is long.")
        wait(lambda: set(watched.stored()) == {"a.txt", "b.txt"})
        watched.write("b.txt", "The ferry of Marsham is short now.")
        wait(lambda: watched.stored()["b.txt"] == "The ferry of Marsham is short now.")
        (watched.texts / "a.txt").unlink()
        wait(lambda: set(watched.stored()) == {"b.txt"})
        # An emptied folder is taken for a mistake.
        (watched.texts / "b.txt").unlink()
        wait(lambda: isinstance(watched.passes[-1], SourceError))
        assert set(watched.stored()) == {"b.txt"}


def test_links_are_followed_and_a_described_file_that_is_gone_holds_up_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "l.txt").write_text("The tower stands.", encoding="utf-8")
    with watching(tmp_path) as watched:
        (watched.texts / "link").symlink_to(elsewhere)
        bridge = watched.stored()["a.txt"]
        wait(lambda: set(watched.stored().values()) == {bridge, "The tower stands."})
        (elsewhere / "l.txt").write_text("The tower fell.", encoding="utf-8")
        wait(lambda: set(watched.stored().values()) == {bridge, "The tower fell."})
        watched.write("sources.toml", '[[source]]\nfile = "a.txt"\ntitle = "Bridge"')
        watched.write("b.txt", "The ferry of Marsham is long.")
        wait(lambda: "b.txt" in watched.stored())
        (watched.texts / "a.txt").unlink()
        wait(lambda: "a.txt" not in watched.stored())
        assert set(watched.stored().values()) == {"The ferry of Marsham is long.", "The tower fell."}
        missing = "'a.txt' is described but does not exist"
        wait(lambda: missing in str(getattr(watched.passes[-1], "problems", "")))


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    with watching(tmp_path) as watched, (watched.texts / "long.txt").open("w", encoding="utf-8") as file:
        for number in range(15):
            file.write(f"Line {number} of a text that takes its time. ")
            file.flush()
            os.fsync(file.fileno())
            assert "long.txt" not in watched.stored()
            time.sleep(0.1)
        file.close()
        wait(lambda: "long.txt" in watched.stored())
        assert watched.stored()["long.txt"].count("Line") == 15


def test_it_waits_while_another_process_writes(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        with watched.state.writing():
            watched.write("b.txt", "The ferry of Marsham is long.")
            time.sleep(2.0)
        wait(lambda: set(watched.stored()) == {"a.txt", "b.txt"})


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    with pytest.raises(SourceError, match="holds no documents"):
        watched.run()
