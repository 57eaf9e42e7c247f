"""The model of the overhead's benchmark: it copies what it is offered and notes when."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from eval.bench.overhead import Model, ask

PROMPT = "Document: D\n" + "\n".join(f"[{n}] Tin rose {n} times." for n in range(1, 12))


@pytest.fixture
def model() -> Iterator[Model]:
    found = Model()
    yield found
    found.close()


def test_the_model_copies_every_other_sentence_and_says_when_each_was_whole(model: Model) -> None:
    address = model.url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(address, timeout=20)
    started = time.perf_counter()
    connection.request(
        "POST", "/v1/chat/completions", json.dumps({"messages": [{"role": "user", "content": PROMPT}]})
    )
    events = [line[6:] for line in connection.getresponse().read().decode().splitlines() if line]
    connection.close()
    assert events[-1] == "[DONE]"
    text = "".join(json.loads(e)["choices"][0]["delta"].get("content", "") for e in events[:-1])
    assert [json.loads(line) for line in text.splitlines()] == [
        {"text": f"Tin rose {n} times.", "ids": [n]} for n in (1, 3, 5, 7)
    ]
    assert [said for said, _ in model.written] == [f"Tin rose {n} times." for n in (1, 3, 5, 7)]
    moments = [at for _, at in model.written]
    assert model.asked is not None
    assert started < model.asked < moments[0]
    assert moments == sorted(moments)
    model.begin()
    assert (model.asked, model.written) == (None, [])


def test_a_stream_without_an_answer_is_an_error_and_no_time(model: Model) -> None:
    port = int(model.url.rsplit(":", 1)[1].removesuffix("/v1"))
    with pytest.raises(RuntimeError, match="no answer at the end"):
        ask(port, {"question": "Who?", "messages": [{"content": "nothing offered"}]})
