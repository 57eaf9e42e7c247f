"""`verse mcp` as a child process: the official client, and bare lines on its stdin."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.api.checker import check_record
from tests.api.mcp_service import MODES, problem_of, record_of, talk, text_of
from tests.api.test_serve import serving

QUESTION = "Why do Central Asian leaders zebra-canary meet Trump in Washington?"
COMMAND = [sys.executable, "-m", "api.cli", "mcp"]


def parameters(state: Path, environment: dict[str, str], **variables: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=COMMAND[0], args=COMMAND[1:], env={**environment, "VERSE_STATE_DIR": str(state), **variables}
    )


@dataclass
class Child:
    """The command in a process of its own: lines to its stdin, replies from its stdout, its log."""

    process: subprocess.Popen[bytes]
    log: list[str] = field(default_factory=list)

    def tell(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(lines))
        self.process.stdin.flush()

    def reply(self) -> dict[str, Any]:
        """Return the next line of stdout, which has to be of the protocol."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert found["jsonrpc"] == "2.0"
        return found

    def replies(self, count: int) -> dict[int, dict[str, Any]]:
        found = [self.reply() for _ in range(count)]
        by_number = {one["id"]: one for one in found}
        assert len(by_number) == count, found
        return by_number

    def end(self) -> int:
        """Close its stdin; hold that nothing more comes, and return its exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.stdout.read() == b""
        return self.process.wait(20)


@contextlib.contextmanager
def child(state: Path, environment: dict[str, str], **variables: str) -> Iterator[Child]:
    process = subprocess.Popen(
        COMMAND,
        env={**environment, "VERSE_STATE_DIR": str(state), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    found = Child(process)

    def follow() -> None:
        assert process.stderr is not None
        for one in process.stderr:
            found.log.append(one.decode().rstrip("\n"))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
        thread.join(5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def line(method: str, number: int | None = None, **params: Any) -> bytes:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if number is not None:
        message["id"] = number
    return json.dumps(message).encode() + b"\n"


HELLO = [
    line(
        "initialize",
        0,
        protocolVersion="2025-06-18",
        capabilities={},
        clientInfo={"name": "lines", "version": "1"},
    ),
    line("notifications/initialized"),
]


@pytest.mark.parametrize("mode", MODES)
def test_the_official_client_asks_searches_and_fetches(
    seeds_state: Path, child_environment: dict[str, str], mode: str
) -> None:
    async def work(client: Client) -> Any:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        answer = await client.call_tool("ask", {"question": QUESTION})
        found = await client.call_tool("search", {"query": "critical minerals", "k": 3})
        first = record_of(found)["results"][0]
        fetched = await client.call_tool("fetch", {"id": first["id"]})
        bad = [
            await client.call_tool("ask", {"question": ""}),
            await client.call_tool("search", {"query": "x", "k": 101}),
            await client.call_tool("fetch", {"id": "no-such-document"}),
        ]
        return tools, answer, found, fetched, bad

    # A canary makes a question a doubtful one.
    server = parameters(
        seeds_state,
        child_environment,
        VERSE_PUBLIC_URL="https://verse.example.org",
        VERSE_MIN_PROBABILITY="0",
    )
    tools, answer, found, fetched, bad = talk(server, work, mode)
    assert tools == ["ask", "search", "fetch"]
    record = record_of(answer)
    assert record["status"] == "answered"
    assert "\nhttps://verse.example.org/d/" in text_of(answer)
    document = record_of(fetched)
    passage = record_of(found)["results"][0]
    assert len(record_of(found)["results"]) == 3
    assert document["text"][passage["start_char_index"] : passage["end_char_index"]] == passage["text"]
    assert [problem_of(result)["code"] for result in bad] == ["invalid_fields", "invalid_fields", "not_found"]
    # What a stranger checks over the routes, of the same index.
    with serving(seeds_state, child_environment) as http:
        check_record(http.get, record)


def test_nothing_but_the_protocol_is_on_stdout_and_nobody_s_text_in_the_log(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    with child(seeds_state, child_environment, VERSE_LOG_LEVEL="debug", PYTHONUNBUFFERED="1") as verse:
        verse.tell(*HELLO)
        assert verse.replies(1)[0]["result"]["serverInfo"]["name"] == "chapter-and-verse"
        verse.tell(
            line("tools/call", 1, name="ask", arguments={"question": QUESTION}),
            line("tools/call", 2, name="search", arguments={"query": "okapi-canary"}),
            line("tools/call", 3, name="fetch", arguments={"id": "gecko-canary"}),
            line("tools/call", 4, name="ask", arguments={"question": "x", "numbat-canary": 1}),
            line("tools/call", 5, name="tapir-canary", arguments={}),
        )
        replies = verse.replies(5)
        assert verse.end() == 0
    record = replies[1]["result"]["structuredContent"]
    assert record["question"] == QUESTION
    assert replies[2]["result"]["structuredContent"]["results"]
    assert replies[3]["result"]["isError"] is True
    assert replies[4]["result"]["isError"] is True
    assert replies[5]["error"]["code"] == -32602
    said = "\n".join(verse.log)
    assert "canary" not in said.replace(str(seeds_state), "")
    assert not any(citation["cited_text"][:40] in said for citation in record["citations"])
    asked = [entry for entry in map(json.loads, verse.log) if entry["event"] == "request"]
    assert {(e["tool"], e.get("code")) for e in asked} == {
        ("ask", None),
        ("search", None),
        ("fetch", "not_found"),
        ("ask", "invalid_fields"),
    }
    assert {e["route"] for e in asked} == {"stdio"}
    assert len({e["request_id"] for e in asked}) == 4
    (answered,) = (e for e in asked if "answer_id" in e)
    assert answered["answer_id"] == record["id"]
    assert answered["index_version"] == record["receipt"]["index_version"]


def test_what_is_not_the_protocol_is_passed_over_and_the_next_line_is_answered(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    with child(seeds_state, child_environment) as verse:
        verse.tell(
            b"nonsense\n",
            b"\n",
            b"\xff\xfe\n",
            b"[]\n",
            b'{"jsonrpc": "2.0"\n',
            b"[" * 50_000 + b"\n",
            b'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"k": ' + b"9" * 5000 + b"}}\n",
            *HELLO,
        )
        assert verse.replies(1)[0]["result"]["serverInfo"]["name"] == "chapter-and-verse"
        verse.tell(
            line("tools/call", 1, name="ask", arguments=["question"]),
            line("no/such/method", 2),
            line("tools/call", 3, name="ask", arguments={"question": "x" * 1_000_000}),
            line("tools/call", 4, name="fetch", arguments={"id": "no-such-document"}),
        )
        replies = verse.replies(4)
        assert [replies[n]["error"]["code"] for n in (1, 2)] == [-32602, -32601]
        assert replies[3]["result"]["content"][0]["text"] == (
            "invalid_fields: question: the question has 1000000 characters; at most 2000 are allowed"
        )
        assert replies[4]["result"]["content"][0]["text"] == "not_found: There is no such document."
        # Half a line is no message, and the end is the end.
        verse.tell(line("tools/call", 5, name="ask", arguments={"question": QUESTION})[:40])
        assert verse.end() == 0
    assert "Traceback" not in "\n".join(verse.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_waits_for_a_line(
    seeds_state: Path, child_environment: dict[str, str], number: signal.Signals
) -> None:
    with child(seeds_state, child_environment) as verse:
        verse.tell(*HELLO)
        verse.replies(1)
        verse.process.send_signal(number)
        assert verse.process.wait(20) == -number
    assert "Traceback" not in "\n".join(verse.log)


def test_a_client_that_is_gone_ends_it_without_a_word(
    seeds_state: Path, child_environment: dict[str, str]
) -> None:
    with child(seeds_state, child_environment) as verse:
        verse.tell(*HELLO)
        verse.replies(1)
        assert verse.process.stdout is not None
        assert verse.process.stdin is not None
        verse.process.stdout.close()
        verse.tell(line("ping", 1))
        verse.process.stdin.close()
        assert verse.process.wait(20) == 0
    assert "Traceback" not in "\n".join(verse.log)


def test_without_an_index_the_tools_say_so(
    child_environment: dict[str, str], converted_models: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "models").symlink_to(converted_models, target_is_directory=True)

    async def work(client: Client) -> Any:
        return [
            await client.call_tool("ask", {"question": QUESTION}),
            await client.call_tool("fetch", {"id": "x"}),
        ]

    results = talk(parameters(state, child_environment), work)
    assert [problem_of(result)["code"] for result in results] == ["index_empty", "index_empty"]
    assert str(tmp_path) not in text_of(results[0])


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"VERSE_NO_SUCH_SETTING": "1"}, 2, "VERSE_NO_SUCH_SETTING"),
        ({"VERSE_MAX_RUNNING": "0"}, 2, "max_running"),
        ({"VERSE_STATE_DIR": __file__}, 1, "is no folder; set VERSE_STATE_DIR to one"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_line_on_stderr(
    child_environment: dict[str, str], tmp_path: Path, variables: dict[str, str], status: int, words: str
) -> None:
    done = subprocess.run(
        COMMAND,
        env={**child_environment, "VERSE_STATE_DIR": str(tmp_path / "state"), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("verse: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
