"""A small index to write about, stages with a writer, and what must hold of every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

from index.generation import Generation
from rag.answer import Ask, Stages
from rag.calibrate import Calibration
from rag.events import AnswerEvent, CitationEvent, DeltaEvent
from rag.settings import RagSettings
from rag.stream import stream_answer
from rag.support import supports
from rag.types import Answer
from rag.write.settings import Server, WriteSettings
from rag.write.writer import Writer
from tests.rag.fakes_rag import calibration, stages_of

ROWS: list[dict[str, object]] = [
    {
        "id": "treaty",
        "title": "The treaty",
        "publisher": "Port News",
        "published_at": "2025-11-06",
        "language": "en",
        "text": "The copper treaty was signed by Ana Brandt in Riga on 6 November 2025. "
        "The copper treaty is worth $8 billion. All five ministers of the region welcomed the copper treaty.\n\n"
        "The ministers met in Paris in May.",
    },
    {
        "id": "metals",
        "title": "Metals",
        "publisher": "Herald",
        "language": "en",
        "text": "Tungsten prices did not rise after the summit. "
        "Kazakhstan mined 120 tonnes of tungsten in 2024.",
    },
    {
        "id": "ru",
        "title": "Новости",
        "language": "ru",
        "text": "Министр Иванов подписал договор о вольфраме в Астане 7 ноября 2025 года. Он не назвал сумму.",
    },
]
TREATY = "Who signed the copper treaty in Riga?"
SIGNED = "The copper treaty was signed by Ana Brandt in Riga on 6 November 2025."
WORTH = "The copper treaty is worth $8 billion."


def sure(**more: Any) -> Calibration:
    return calibration(**more)


@contextmanager
def writing(generation: Generation, *urls: str, **more: Any) -> Iterator[Stages]:
    """Stages whose writer asks these servers in turn; short times, since all of it is on one machine."""
    reader = more.pop("reader", None)
    settings = WriteSettings(
        servers=tuple(
            Server(base_url=url, model=f"m{n}", api_key="k-secret") for n, url in enumerate(urls, 1)
        ),
        **{"connect_timeout_s": 5.0, "read_timeout_s": 5.0, "total_timeout_s": 10.0, **more},
    )
    writer = Writer(settings, reader=reader)
    try:
        yield replace(stages_of(generation, settings=RagSettings()), writer=writer)
    finally:
        writer.close()


def asked(stages: Stages, question: str = TREATY, **more: Any) -> Answer:
    """Ask as a stream, and check on the way what every answer promises."""
    events = list(stream_answer(Ask(question=question, **more), stages))
    answer = events[-1]
    assert isinstance(answer, AnswerEvent)
    assert sum(isinstance(event, AnswerEvent) for event in events) == 1
    assert "".join(e.text for e in events if isinstance(e, DeltaEvent)) == answer.answer.text
    told: set[int | None] = set()
    for event in events:
        if isinstance(event, CitationEvent):
            assert event.citation.number not in told
            told.add(event.citation.number)
        elif isinstance(event, DeltaEvent):
            assert {int(n) for n in re.findall(r"\[(\d+)\]", event.text)} <= told
    check(answer.answer, stages, more.get("max_citations", 5))
    return answer.answer


def check(answer: Answer, stages: Stages, limit: int) -> None:
    """Every quote is the document's, every marker has its citation, every written sentence its quote."""
    assert answer.text.strip()
    assert len(answer.citations) <= limit
    assert bool(answer.citations) == (answer.status != "abstained")
    assert [c.number for c in answer.citations] == list(range(1, len(answer.citations) + 1))
    markers = [int(n) for n in re.findall(r" \[(\d+)\]", answer.text)]
    assert sorted(set(markers)) == [c.number for c in answer.citations]
    for citation in answer.citations:
        ordinal = stages.generation.ordinal(citation.quote.document_id)
        assert ordinal is not None
        document = stages.generation.document_at(ordinal)
        assert document.text[citation.quote.start : citation.quote.end] == citation.quote.text
        assert citation.answer_spans
    for text, numbers in sentences_of(answer):
        quotes = [c.quote.text for c in answer.citations if c.number in numbers]
        # Ours says of a quote that it is one, or it is a sentence that one quote backs by itself.
        assert "“" in text or any(supports(text, [quote]).supported for quote in quotes), (text, quotes)


def sentences_of(answer: Answer) -> list[tuple[str, set[int | None]]]:
    """The stretches of an answer that stand before markers, each with the numbers after it."""
    found: dict[tuple[int, int], set[int | None]] = {}
    for citation in answer.citations:
        for span in citation.answer_spans:
            found.setdefault((span.start, span.end), set()).add(citation.number)
    assert all(a[1] <= b[0] for a, b in pairwise(sorted(found)))
    return [(answer.text[start:end], numbers) for (start, end), numbers in sorted(found.items())]
