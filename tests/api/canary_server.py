"""A server in a process of its own whose models break as they are told to: what is then in its logs is the test's.

python -m tests.api.canary_server   (settings from the environment; prints its port on stdout)
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import closing

import uvicorn

from api.app import create_app
from api.logs import set_up_logging
from api.patience import patient
from api.settings import load_settings
from index.errors import EmbedderError
from rag.reader_model import TokenScores
from tests.api.service import SmallEngine, WordScorer


class Breaking(WordScorer):
    """Breaks on questions that ask for it, with everything it was given in the error's text."""

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        if "explode" in question:
            raise RuntimeError(f"unforeseen: {question!r} {passages!r}")
        if "overheat" in question:
            raise EmbedderError(f"foreseen: {question!r} {passages!r}")
        return super().score(question, passages)


def main() -> None:
    """Serve until terminated."""
    settings = load_settings()
    set_up_logging(settings)
    with closing(socket.create_server(("127.0.0.1", 0))) as bound:
        port = bound.getsockname()[1]
        engine = SmallEngine(settings.state_dir, Breaking())
        app = create_app(settings, port=port, engine=engine)  # type: ignore[arg-type]

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                sys.stdout.write(f"{port}\n")
                sys.stdout.flush()

        # With uvicorn's own log of requests asked for, as nobody should: set_up_logging keeps it quiet.
        config = uvicorn.Config(
            app, log_config=None, access_log=True, http=patient(2.0), timeout_graceful_shutdown=5
        )
        Server(config).run(sockets=[bound])


if __name__ == "__main__":
    main()
