"""Clients as people have them, unmodified, against a real socket; the examples of the README."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from api.app import create_app
from index.errors import EmbedderError
from tests.api.loopback import Listening, listening
from tests.api.service import FailingScorer, SmallEngine, settings_for
from tests.api.sse_reader import events

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
QUESTION = "Who was the engineer of the Aldergate bridge?"
# Ends the process if anything but the loopback address is looked up or connected to.
NO_NETWORK = """
import sys

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", b"127.0.0.1"):
        sys.stderr.write(f"reached for {host!r}\\n")
        sys.stderr.flush()
        import os
        os._exit(97)

sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def server(small_state: Path) -> Iterator[Listening]:
    app = create_app(
        settings_for(small_state, public_url="https://verse.example.org"), engine=SmallEngine(small_state)
    )  # type: ignore[arg-type]
    with listening(app) as found:
        yield found


@pytest.fixture(scope="module")
def native(server: Listening) -> dict[str, Any]:
    """The answer as the native route gives it, fetched with the standard library."""
    from urllib.request import Request, urlopen

    body = json.dumps({"question": QUESTION}).encode()
    request = Request(f"{server.url}/v1/ask", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


@pytest.fixture(scope="module")
def client(server: Listening) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as found:
        yield found


def urls_of(native: dict[str, Any]) -> list[str]:
    return ["https://verse.example.org" + citation["viewer_url"] for citation in native["citations"]]


def ask(client: OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(
        model="verse", messages=[{"role": "user", "content": QUESTION}], **more
    )


def test_the_openai_client_reads_answer_and_annotations(client: OpenAI, native: dict[str, Any]) -> None:
    whole = ask(client)
    message = whole.choices[0].message
    assert message.content == native["answer"]
    spans = [
        (one.url_citation.start_index, one.url_citation.end_index, one.url_citation.url)
        for one in message.annotations
    ]
    assert spans == [
        (span["start"], span["end"], url)
        for citation, url in zip(native["citations"], urls_of(native), strict=True)
        for span in citation["answer_spans"]
    ]
    assert whole.model_extra["answer_record"]["citations"] == native["citations"]
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


def test_the_openai_client_streams(client: OpenAI, native: dict[str, Any]) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == native["answer"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra["citations"] == urls_of(native)
    assert last.model_extra["answer_record"]["citations"] == native["citations"]
    with client.chat.completions.stream(
        model="verse", messages=[{"role": "user", "content": QUESTION}]
    ) as stream:
        assert stream.get_final_completion().choices[0].message.content == native["answer"]


def test_the_openai_client_lists_the_model(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["verse"]
    assert client.models.retrieve("verse").owned_by == "chapter-and-verse"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-4o")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


def test_the_openai_client_raises_what_our_errors_mean(client: OpenAI, small_state: Path) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, n=2)
    assert (refused.value.code, refused.value.param) == ("unsupported_value", "n")
    assert str(refused.value.request_id).startswith("req_")
    scorer = FailingScorer(EmbedderError("broke"))
    app = create_app(settings_for(small_state), engine=SmallEngine(small_state, scorer))  # type: ignore[arg-type]
    with (
        listening(app) as failing,
        OpenAI(base_url=f"{failing.url}/v1", api_key="unused", max_retries=0) as other,
    ):
        with pytest.raises(openai.InternalServerError) as unwell:
            ask(other)
        assert (unwell.value.status_code, unwell.value.code) == (503, "model_failed")
        assert unwell.value.response.headers["retry-after"] == "2"
        stream = ask(other, stream=True)
        assert next(stream).choices[0].delta.role == "assistant"
        with pytest.raises(openai.APIError) as broken:
            next(stream)
        assert broken.value.code == "model_failed"


def run(folder: Path, *words: str) -> str:
    """Run an example, held to the loopback address."""
    (folder / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    paths = [str(folder), *(path for path in sys.path if path)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        words, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_watch_on_the_network_sees_what_it_should(tmp_path: Path) -> None:
    reaching = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        run(tmp_path, sys.executable, "-c", reaching)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_with_curl(server: Listening, native: dict[str, Any], tmp_path: Path) -> None:
    whole = json.loads(run(tmp_path, "sh", str(EXAMPLES / "chat.sh"), server.url, QUESTION))
    assert whole["choices"][0]["message"]["content"] == native["answer"]
    assert whole["citations"] == urls_of(native)
    found = events(run(tmp_path, "sh", str(EXAMPLES / "events.sh"), server.url, QUESTION).encode())
    assert found[-1].name == "answer"
    assert found[-1].json()["citations"] == native["citations"]


def test_the_example_with_the_openai_client(
    server: Listening, native: dict[str, Any], tmp_path: Path
) -> None:
    printed = run(tmp_path, sys.executable, str(EXAMPLES / "chat_openai.py"), server.url, QUESTION)
    whole, streamed = printed.split("--- as it comes\n")
    lines = [
        f"{span['start']}-{span['end']} {citation['document_title']} {url}"
        for citation, url in zip(native["citations"], urls_of(native), strict=True)
        for span in citation["answer_spans"]
    ]
    assert whole == "\n".join([native["answer"], *lines, ""])
    quotes = [f"“{citation['cited_text']}”" for citation in native["citations"]]
    said, tokens, end = streamed.rsplit("\n", 2)
    assert said == "\n".join([native["answer"], *urls_of(native), *quotes])
    assert tokens.endswith(" tokens")
    assert end == ""


def test_the_example_with_langchain(server: Listening, native: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("langchain_openai", reason="LangChain is not installed")
    printed = run(tmp_path, sys.executable, str(EXAMPLES / "chat_langchain.py"), server.url, QUESTION)
    whole, streamed = printed.split("--- as it comes\n")
    lines = [
        f"{span['start']}-{span['end']} {citation['document_title']} {url}"
        for citation, url in zip(native["citations"], urls_of(native), strict=True)
        for span in citation["answer_spans"]
    ]
    assert whole == "\n".join([native["answer"], *lines, ""])
    quotes = [f"“{citation['cited_text']}”" for citation in native["citations"]]
    assert streamed == "\n".join([native["answer"], *quotes, ""])
