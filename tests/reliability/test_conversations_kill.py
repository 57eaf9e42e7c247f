"""The server is killed in the middle of answers: what was answered is stored whole, nothing else is."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from api.conversations import LOCAL_OWNER, Conversations
from api.housekeeping import Housekeeping
from api.store.database import Database

QUESTION = "Why do Central Asian leaders meet Trump in Washington?"
ANSWERS = 8


def test_a_killed_server_leaves_no_half_answer(
    seeds_state: Path, tmp_path: Path, child_environment: dict[str, str]
) -> None:
    file = tmp_path / "c.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0"],
        env={
            **child_environment,
            "VERSE_STATE_DIR": str(seeds_state),
            "VERSE_DATABASE_URL": f"sqlite:///{file}",
            "VERSE_MAX_RUNNING": "4",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    started = next(line for line in process.stderr if "serving on http://127.0.0.1:" in line)
    port = int(started.split("serving on http://127.0.0.1:")[1].split('"')[0].split()[0])
    drained = threading.Thread(target=process.stderr.read, daemon=True)
    drained.start()
    answered: list[dict[str, Any]] = []
    enough = threading.Event()

    def keep_asking() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while True:
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                with contextlib.closing(client) as connection:
                    body = json.dumps({"question": QUESTION, "store": True})
                    connection.request("POST", "/v1/ask", body, {"Content-Type": "application/json"})
                    reply = connection.getresponse()
                    answered.append(json.loads(reply.read()))
                assert reply.status == 200
                if len(answered) >= ANSWERS:
                    enough.set()

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    assert enough.wait(60)
    process.kill()
    process.wait()
    for thread in asking:
        thread.join(30)
    drained.join(10)
    process.stderr.close()

    database = Database(file)
    conversations = Conversations(database)
    Housekeeping(database, conversations, retention_days=0).begin()
    heads = conversations.page(LOCAL_OWNER, limit=200).conversations
    turns = [turn for head in heads for turn in conversations.read(LOCAL_OWNER, head.id).turns]
    stored = {turn.answer["id"]: turn.answer for turn in turns if turn.answer is not None}
    for record in answered:
        assert stored[record["id"]] == record
    assert {turn.status for turn in turns} <= {"complete", "interrupted"}
    for turn in turns:
        assert (turn.status == "complete") == (turn.answer is not None)
        assert (turn.status == "interrupted") == (turn.interrupted_by == "server_stopped")
    # Four were at it, and at most as many were cut.
    assert len(answered) <= len(stored) <= len(turns) <= len(answered) + 4
    database.close()
