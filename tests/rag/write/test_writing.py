"""The written way, from a question over a real HTTP server to a record: what is shown, and what never is."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest

from index.generation import Generation
from rag.answer import Ask, answer_question, answer_steps
from rag.errors import (
    AskCancelledError,
    GeneratorError,
    GeneratorNotConfiguredError,
    GeneratorOutputError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
)
from rag.events import DeltaEvent
from rag.stream import stream_answer
from rag.types import ModelUse, Withheld
from rag.write.settings import Server, WriteSettings
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import index_of, stages_of
from tests.rag.write import model_server as m
from tests.rag.write.model_server import ModelServer, answers
from tests.rag.write.written import ROWS, SIGNED, TREATY, WORTH, asked, writing

GOOD = answers(("Ana Brandt signed the copper treaty in Riga.", "Ana Brandt"), (WORTH, "$8 billion"))
WRITTEN = "Ana Brandt signed the copper treaty in Riga. [1] The copper treaty is worth $8 billion. [2]"


def row(text: str, number: int) -> str:
    return json.dumps({"text": text, "ids": [number]})


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("written"), ROWS, HashEmbedder())
    yield found
    found.close()


@pytest.fixture(scope="module")
def extractive(generation: Generation) -> str:
    return answer_question(Ask(question=TREATY), stages_of(generation)).text


def test_sentences_that_a_quote_backs_are_shown_with_it(generation: Generation) -> None:
    with ModelServer(GOOD) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert answer.text == WRITTEN
    assert [c.quote.text for c in answer.citations] == [SIGNED, WORTH]
    assert answer.status == "answered"
    assert answer.withheld == Withheld()
    assert answer.receipt.models["generator"] == "m1"
    assert answer.receipt.writing is not None
    assert answer.receipt.writing.uses == (
        ModelUse(server=1, model="m1", purpose="write", outcome="written"),
    )
    assert answer.receipt.writing.fallback is None
    assert answer.timings_ms["write"] > 0


def test_what_the_server_is_asked(generation: Generation) -> None:
    with ModelServer(GOOD) as server, writing(generation, server.url) as stages:
        asked(stages)
        asked(stages)
    first, second = server.requests
    assert first["path"] == "/v1/chat/completions"
    assert first["headers"]["Authorization"] == "Bearer k-secret"
    body = first["body"]
    assert (body["model"], body["stream"], body["temperature"]) == ("m1", True, 0)
    assert body["max_tokens"] == 700
    assert body["response_format"]["json_schema"]["strict"] is True
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "Ana Brandt" not in system["content"]
    boundary = user["content"].split("\n")[0].removeprefix("BEGIN SOURCES ")
    assert len(boundary) == 24
    assert boundary in system["content"]
    sources, question = user["content"].split(f"\nEND SOURCES {boundary}\n")
    assert f"] {SIGNED}" in sources
    assert question.strip().splitlines()[0] == f"Question: {TREATY}"
    assert "k-secret" not in m.prompt_of(body)
    assert boundary not in m.prompt_of(second["body"])


def test_each_sentence_streams_before_the_next_is_written(generation: Generation) -> None:
    go_on = threading.Event()

    def script(handler: m.Handler, body: m.Record) -> None:
        handler.start()
        handler.say('{"sentences": [' + row(SIGNED, m.number_of(body, "Ana Brandt")))
        assert go_on.wait(10)
        handler.say(", " + row(WORTH, m.number_of(body, "$8 billion")) + "]}")
        handler.end()

    with ModelServer(script) as server, writing(generation, server.url) as stages:
        shown: list[str] = []
        for event in stream_answer(Ask(question=TREATY), stages):
            if isinstance(event, DeltaEvent):
                shown.append(event.text)
                go_on.set()
    assert shown == [f"{SIGNED} [1]", f" {WORTH} [2]"]


@pytest.mark.parametrize("said", ["Riga.", "!", "[1]", "the", "\u200b"])
def test_what_says_nothing_is_withheld(generation: Generation, said: str) -> None:
    script = answers((SIGNED, "Ana Brandt"), (said, "Ana Brandt"))
    with ModelServer(script) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert answer.text == f"{SIGNED} [1]"


LIES = [
    "The copper treaty is worth $9 billion.",
    "The copper treaty is worth €8 billion.",
    "The copper treaty was signed by Ana Brandt in Riga on 7 November 2025.",
    "The copper treaty was signed by Ana Brandt in Paris on 6 November 2025.",
    "The copper treaty was not signed by Ana Brandt.",
    "Only five ministers of the region welcomed the copper treaty.",
    "Some ministers of the region welcomed the copper treaty.",
]


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_withheld_and_asked_for_once_more(generation: Generation, lie: str) -> None:
    where = "$8 billion" if "billion" in lie else "ministers of" if "ministers" in lie else "Ana Brandt"
    first = answers((SIGNED, "Ana Brandt"), (lie, where))
    with (
        ModelServer(first, answers((WORTH, "$8 billion"))) as server,
        writing(generation, server.url) as stages,
    ):
        answer = asked(stages)
    assert answer.text == f"{SIGNED} [1] {WORTH} [2]"
    assert answer.withheld == Withheld(unsupported=1)
    assert answer.receipt.writing is not None
    assert [(use.purpose, use.outcome) for use in answer.receipt.writing.uses] == [
        ("write", "written"),
        ("retry", "written"),
    ]
    again = server.requests[1]["body"]["messages"][-1]["content"]
    told, _, order = again.partition("\nEND REFUSED ")
    assert told.startswith("BEGIN REFUSED ")
    assert lie in told
    assert lie not in order


def test_a_lie_repeated_in_the_retry_is_counted_and_not_shown(generation: Generation) -> None:
    lies = answers((SIGNED, "Ana Brandt"), (LIES[0], "$8 billion"))
    worse = answers((LIES[1], "$8 billion"))
    with ModelServer(lies, worse) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert len(server.requests) == 2
    assert answer.text == f"{SIGNED} [1]"
    assert answer.withheld == Withheld(unsupported=2)


def test_a_true_sentence_under_a_wrong_number_is_misattributed(generation: Generation) -> None:
    said = answers((SIGNED, "Ana Brandt"), (WORTH, "Paris"))
    with ModelServer(said) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert answer.text == f"{SIGNED} [1]"
    assert answer.withheld == Withheld(misattributed=1)


def test_numbers_that_nobody_offered_are_counted(generation: Generation) -> None:
    def script(handler: m.Handler, body: m.Record) -> None:
        number = m.number_of(body, "Ana Brandt")
        m.says(f'[{{"text": "{SIGNED}", "ids": [{number}, 99, 0, -1]}}, {{"text": "{WORTH}", "ids": [77]}}]')(
            handler, body
        )

    with ModelServer(script) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert answer.text == f"{SIGNED} [1]"
    # Three beside a right one, one alone; the sentence under it is true of another, and both are told.
    assert answer.withheld == Withheld(not_found=4, misattributed=1)


def test_words_of_two_quotes_do_not_make_a_third_truth(generation: Generation) -> None:
    def script(handler: m.Handler, body: m.Record) -> None:
        ids = [m.number_of(body, "Ana Brandt"), m.number_of(body, "Paris")]
        rows = f'[{{"text": "The copper treaty was signed by Ana Brandt in Paris.", "ids": {ids}}}]'
        m.says(rows)(handler, body)

    with ModelServer(script) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert "in Paris." not in answer.text
    assert answer.withheld.unsupported == 1


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"**{SIGNED}**", f"{SIGNED} [1]"),
        (f"# {SIGNED}", f"{SIGNED} [1]"),
        (f"- [{SIGNED}](https://evil.example)", f"{SIGNED} [1]"),
        (f"<b>{SIGNED}</b>", f"{SIGNED} [1]"),
        (f"![]({SIGNED}){SIGNED}", f"{SIGNED} [1]"),
        (f"{SIGNED} [7] [12]", f"{SIGNED} [1]"),
        (f"{SIGNED[:10]}\u200b{SIGNED[10:]}", f"{SIGNED} [1]"),
    ],
)
def test_marks_are_taken_off_before_a_sentence_is_judged(
    generation: Generation, written: str, shown: str
) -> None:
    with ModelServer(answers((written, "Ana Brandt"))) as server, writing(generation, server.url) as stages:
        assert asked(stages).text == shown


@pytest.mark.parametrize(
    "tail",
    [
        "See https://evil.example/x",
        "See evil.example/x",
        "Write to a@evil.example",
        "See 10.0.0.1",
        "<script",
        "{x}",
        "&lt;b&gt;",
    ],
)
def test_a_sentence_with_an_address_or_markup_is_withheld(generation: Generation, tail: str) -> None:
    said = answers((WORTH, "$8 billion"), (f"{SIGNED[:-1]} {tail}", "Ana Brandt"))
    with (
        ModelServer(said, answers((SIGNED, "Ana Brandt"))) as server,
        writing(generation, server.url) as stages,
    ):
        answer = asked(stages)
    assert answer.text == f"{WORTH} [1] {SIGNED} [2]"
    assert answer.withheld == Withheld(unsupported=1)


FAILURES: dict[str, tuple[m.Script, type[GeneratorError], str]] = {
    "401": (m.status(401), GeneratorUnavailableError, "unavailable"),
    "429": (m.status(429, Retry_After="60"), GeneratorUnavailableError, "unavailable"),
    "500": (m.status(500), GeneratorUnavailableError, "unavailable"),
    "503": (m.status(503), GeneratorUnavailableError, "unavailable"),
    "redirect": (m.status(307, Location="http://127.0.0.1:1/"), GeneratorUnavailableError, "unavailable"),
    "hangs without a head": (m.hangs(head=False), GeneratorTimeoutError, "timeout"),
    "hangs after the head": (m.hangs(), GeneratorTimeoutError, "timeout"),
    "hangs in a sentence": (m.hangs('{"sentences": [{"text": "The'), GeneratorTimeoutError, "timeout"),
    "drips": (m.drips, GeneratorTimeoutError, "timeout"),
    "drips its head": (m.drips_head, GeneratorTimeoutError, "timeout"),
    "breaks off": (m.breaks_off(), GeneratorUnavailableError, "unavailable"),
    "nothing": (m.says(""), GeneratorOutputError, "empty"),
    "no sentences": (m.says('{"sentences": []}'), GeneratorOutputError, "empty"),
    "spaces": (m.says("\n \n"), GeneratorOutputError, "empty"),
    "refusal": (m.says("I'm sorry, but I can't help with that."), GeneratorOutputError, "refusal"),
    "refusal in Russian": (m.says("Извините, я не могу ответить."), GeneratorOutputError, "refusal"),
    "refusal field": (
        m.raw(b'data: {"choices": [{"delta": {"refusal": "no"}}]}\n\n'),
        GeneratorOutputError,
        "refusal",
    ),
    "filter": (m.says("", reason="content_filter"), GeneratorOutputError, "refusal"),
    "loop": (m.floods("the the "), GeneratorOutputError, "loop"),
    "loop of blanks": (m.floods("\n"), GeneratorOutputError, "loop"),
    "loop of sentences": (m.floods('{"text": "Tin is blue.", "ids": [1]}\n'), GeneratorOutputError, "loop"),
    "other language": (
        answers(("Der Vertrag über das Kupfer wurde von Ana Brandt in Riga unterzeichnet.", "Ana Brandt")),
        GeneratorOutputError,
        "language",
    ),
    "garbled": (m.says('{"sentences": [{"text": "The copper tre'), GeneratorOutputError, "garbled"),
    "bytes": (m.raw(b"data: \xff\xfe\n\n"), GeneratorUnavailableError, "unavailable"),
    "no JSON events": (m.raw(b"data: hello\n\ndata: [DONE]\n\n"), GeneratorUnavailableError, "unavailable"),
    "a list as event": (m.raw(b"data: [1]\n\n"), GeneratorUnavailableError, "unavailable"),
    "an error as event": (
        m.raw(b'data: {"error": {"message": "x"}}\n\n'),
        GeneratorUnavailableError,
        "unavailable",
    ),
    "a line without end": (m.raw(b"data: " + b"x" * 600_000), GeneratorOutputError, "too_long"),
    "HTML": (m.whole("<html>", "text/html"), GeneratorUnavailableError, "unavailable"),
    "no completion": (m.whole({"hello": 1}), GeneratorUnavailableError, "unavailable"),
    "nothing but lies": (answers((LIES[0], "$8 billion")), GeneratorOutputError, "unsupported"),
    "invention": (m.says("The treaty was signed by Team A, of course."), GeneratorOutputError, "unsupported"),
}
SHORT = {"read_timeout_s": 0.3, "total_timeout_s": 0.6}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_model_that_fails_is_an_error_or_the_extractive_answer(
    generation: Generation, extractive: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    script, kind, outcome = FAILURES[failure]
    times = SHORT if kind is GeneratorTimeoutError else {}
    with caplog.at_level(logging.DEBUG), ModelServer(script) as server:
        with writing(generation, server.url, **times) as stages:
            answer = asked(stages)
        with (
            writing(generation, server.url, on_failure="error", **times) as stages,
            pytest.raises(kind) as raised,
        ):
            asked(stages)
    assert answer.text == extractive
    assert answer.status == "answered"
    assert answer.receipt.models["generator"] is None
    assert answer.receipt.writing is not None
    assert answer.receipt.writing.fallback == outcome
    assert answer.receipt.writing.uses[0].outcome == outcome
    # Neither the key nor what was asked is in a message or a log.
    for told in (str(raised.value), caplog.text):
        assert "k-secret" not in told
        assert "Brandt" not in told


def test_a_server_that_is_not_there(generation: Generation, extractive: str) -> None:
    with ModelServer() as gone:
        url = gone.url
    with writing(generation, url) as stages:
        answer = asked(stages)
    assert answer.text == extractive
    assert answer.receipt.writing is not None
    assert answer.receipt.writing.fallback == "unavailable"


def test_the_next_server_writes_where_the_first_fails(generation: Generation) -> None:
    with (
        ModelServer(m.status(500)) as first,
        ModelServer(m.says("I cannot.")) as second,
        ModelServer(GOOD) as third,
        writing(generation, first.url, second.url, third.url, on_failure="error") as stages,
    ):
        answer = asked(stages)
    assert answer.text == WRITTEN
    assert answer.receipt.models["generator"] == "m3"
    assert answer.receipt.writing is not None
    assert [(u.server, u.model, u.outcome) for u in answer.receipt.writing.uses] == [
        (1, "m1", "unavailable"),
        (2, "m2", "refusal"),
        (3, "m3", "written"),
    ]
    assert answer.receipt.writing.fallback is None


def test_what_broke_off_after_a_sentence_goes_on_with_the_quotes(
    generation: Generation, extractive: str
) -> None:
    script = m.breaks_off((WORTH, "$8 billion"))
    with ModelServer(script) as server, writing(generation, server.url) as stages:
        answer = asked(stages)
    assert answer.text.startswith(f"{WORTH} [1]\n\n")
    assert "“" in answer.text
    assert "Brandt" in answer.text
    assert answer.receipt.models["generator"] == "m1"
    assert answer.receipt.writing is not None
    assert answer.receipt.writing.fallback == "unavailable"
    with (
        ModelServer(script) as server,
        writing(generation, server.url, on_failure="error") as stages,
        pytest.raises(GeneratorUnavailableError),
    ):
        asked(stages)


def test_an_answer_that_leaves_out_what_matters_goes_on_with_the_quotes(generation: Generation) -> None:
    said = answers(("The ministers met in Paris in May.", "Paris"))
    with ModelServer(said) as server, writing(generation, server.url, on_failure="error") as stages:
        answer = asked(stages, max_citations=2)
    assert answer.text.startswith("The ministers met in Paris in May. [1]\n\n")
    assert "Brandt" in answer.text
    assert answer.receipt.writing is not None
    assert answer.receipt.writing.fallback == "lost"


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_most_citations_are_kept_to_with_room_for_what_matters(
    generation: Generation, limit: int
) -> None:
    said = answers(
        ("The ministers met in Paris in May.", "Paris"),
        (WORTH, "$8 billion"),
        ("Kazakhstan mined 120 tonnes of tungsten in 2024.", "Kazakhstan"),
    )
    with ModelServer(said) as server, writing(generation, server.url) as stages:
        answer = asked(stages, max_citations=limit)
    assert len(answer.citations) == limit
    assert "Brandt" in answer.text


def test_the_schema_is_left_out_where_the_server_refuses_it(generation: Generation) -> None:
    with ModelServer(m.status(400), GOOD) as server, writing(generation, server.url) as stages:
        assert asked(stages).text == WRITTEN
        assert asked(stages).text == WRITTEN
    assert ["response_format" in r["body"] for r in server.requests] == [True, False, False]


def test_a_completion_that_is_no_stream_is_taken_as_well(generation: Generation) -> None:
    text = f'{{"sentences": [{{"text": "{SIGNED}", "ids": [1]}}]}}'
    message = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    with ModelServer(m.whole(message)) as server, writing(generation, server.url) as stages:
        assert asked(stages).text == f"{SIGNED} [1]"


def test_an_answer_cut_at_its_length_keeps_its_whole_sentences(generation: Generation) -> None:
    def script(handler: m.Handler, body: m.Record) -> None:
        text = f'{{"sentences": [{{"text": "{SIGNED}", "ids": [{m.number_of(body, "Ana Brandt")}]}}, {{"text": "The copper trea'
        m.says(text, reason="length")(handler, body)

    with ModelServer(script) as server, writing(generation, server.url, max_tokens=16) as stages:
        answer = asked(stages)
    assert server.requests[0]["body"]["max_tokens"] == 16
    assert answer.text == f"{SIGNED} [1]"


def test_abstaining_is_not_the_models_to_decide(generation: Generation) -> None:
    with ModelServer(GOOD) as server, writing(generation, server.url) as stages:
        answer = asked(stages, question="Which penguins colonised Antarctica?")
    assert answer.status == "abstained"
    assert server.requests == []
    assert answer.receipt.writing is None


def test_modes(generation: Generation, extractive: str) -> None:
    with ModelServer(GOOD) as server, writing(generation, server.url) as stages:
        assert asked(stages, mode="extractive").text == extractive
        assert server.requests == []
        assert asked(stages, mode="generative").text == WRITTEN
        assert asked(stages, mode="auto").text == WRITTEN
    with pytest.raises(GeneratorNotConfiguredError, match="VERSE_LLM_BASE_URL"):
        asked(stages_of(generation), mode="generative")


def test_russian(generation: Generation) -> None:
    said = "Министр Иванов подписал договор о вольфраме в Астане."
    lie = "Министр Иванов подписал договор о вольфраме в Ташкенте."
    script = answers((said, "Иванов"), (lie, "Иванов"))
    with ModelServer(script) as server, writing(generation, server.url) as stages:
        answer = asked(stages, question="Кто подписал договор о вольфраме в Астане?")
    assert answer.text == f"{said} [1]"
    assert answer.withheld.unsupported == 1
    assert "Russian" in server.requests[0]["body"]["messages"][0]["content"]


def test_the_readers_doubt_withholds_a_sentence(generation: Generation) -> None:
    asked_of: list[str] = []

    def doubts(sentence: str, quotes: Sequence[str]) -> float:
        asked_of.append(sentence)
        return 0.1 if "Ana Brandt signed" in sentence else 0.9

    with ModelServer(GOOD) as server, writing(generation, server.url, reader=doubts) as stages:
        answer = asked(stages)
    assert "Ana Brandt signed" not in answer.text
    assert answer.withheld.unsupported == 1
    assert asked_of == ["Ana Brandt signed the copper treaty in Riga."]


def test_who_gives_up_ends_the_request(generation: Generation) -> None:
    gone = threading.Event()

    def script(handler: m.Handler, body: m.Record) -> None:
        gone.set()
        m.floods(": ")(handler, body)

    with ModelServer(script) as server, writing(generation, server.url) as stages:
        with pytest.raises(AskCancelledError):
            list(stream_answer(Ask(question=TREATY), stages, gone.is_set))
        assert server.cut.wait(10)


def test_a_stream_that_is_closed_ends_the_request(generation: Generation) -> None:
    def script(handler: m.Handler, body: m.Record) -> None:
        handler.start()
        handler.say(row(SIGNED, m.number_of(body, "Ana Brandt")))
        while not handler.owner.stopped.is_set():
            handler.say(" ")

    with ModelServer(script) as server, writing(generation, server.url) as stages:
        steps = answer_steps(Ask(question=TREATY), stages)
        event = next(steps)
        while not isinstance(event, DeltaEvent):
            event = next(steps)
        steps.close()
        assert server.cut.wait(10)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"base_url": "ftp://x"}, "http://127.0.0.1:8080/v1"),
        ({"base_url": "http://user:pw@x/v1"}, "no user"),
        ({"base_url": "http://x/v1?key=1"}, "no user"),
        ({"base_url": "http://x:0"}, "address"),
        ({"base_url": ""}, "address"),
        ({"model": " "}, "model"),
        ({"api_key": "a\nb"}, "key"),
        ({"api_key": ""}, "key"),
    ],
)
def test_a_server_that_cannot_be_asked_is_refused(change: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word) as raised:
        Server(**{"base_url": "http://127.0.0.1:1/v1", "model": "m", **change})
    assert "pw" not in str(raised.value)


def test_the_key_is_not_in_the_settings_words() -> None:
    server = Server(base_url="http://127.0.0.1:1/v1", model="m", api_key="k-secret")
    assert "k-secret" not in repr(WriteSettings(servers=(server,)))


@pytest.mark.parametrize(
    "change",
    [
        {"servers": ()},
        {"max_tokens": 0},
        {"total_timeout_s": 0},
        {"read_timeout_s": -1},
        {"on_failure": "silence"},
    ],
)
def test_settings_out_of_bounds_are_refused(change: dict[str, object]) -> None:
    usable: dict[str, object] = {"servers": (Server(base_url="http://127.0.0.1:1/v1", model="m"),)}
    with pytest.raises(ValueError, match=next(iter(change)).removesuffix("s") + "|no server"):
        WriteSettings(**(usable | change))  # type: ignore[arg-type]
