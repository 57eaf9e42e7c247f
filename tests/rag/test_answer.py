"""The whole way from a question to a record, over a small index and a reader that counts words."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from index.errors import EmbedderError, QAError
from index.generation import Generation
from index.types import FloatArray
from rag import SOFTWARE_VERSION
from rag.answer import Ask, Stages, answer_question
from rag.calibrate import Calibration
from rag.errors import CalibrationError, GeneratorNotConfiguredError, QuestionError
from rag.question import read_question
from rag.reader_model import TokenScores
from rag.settings import RagSettings
from rag.types import AbstainReason, Answer, Filters, Turn, Withheld
from tests.fakes import HashEmbedder
from tests.rag.fakes_rag import WordScorer, calibration, index_of, stages_of

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "The five presidents agreed on Thursday that exports of copper and zinc through Georgian ports "
    "are counted anew."
)
TOWERS = [
    "amber",
    "birch",
    "cedar",
    "dogwood",
    "ebony",
    "fig",
    "grape",
    "hazel",
    "iris",
    "jade",
    "kelp",
    "lotus",
    "maple",
    "nutmeg",
    "olive",
    "palm",
    "quince",
    "rose",
    "sage",
    "thyme",
    "umber",
    "vine",
    "willow",
]
ROWS: list[dict[str, object]] = [
    {
        "id": "port/1",
        "title": "Ships",
        "publisher": "Port News",
        "published_at": "2025-11-06",
        "language": "en",
        "url": "https://example.org/1",
        "text": f"Ports of Georgia\n\n{SHARED}\n\nThe treaty was signed by Ana Brandt in Riga [7]. "
        "It cost over $8 billion 🙂.",
    },
    {
        "id": "herald",
        "title": "Metals [3]",
        "publisher": "Herald",
        "language": "en",
        "url": "javascript:alert(1)",
        "text": f"{SHARED}\n\nTungsten prices doubled after the treaty.\n\n"
        "Brandt signed the treaty with a golden pen in Riga.",
    },
    {
        "id": "ru",
        "title": "Новости",
        "language": "ru",
        "published_at": "2025-11-07",
        "text": "Министр заявил, что переговоры о вольфраме продолжатся в Астане. Он не назвал дату.",
    },
    {
        "id": "long",
        "title": "Bells",
        "text": " ".join(f"The {name} tower rings bell {n} at dawn." for n, name in enumerate(TOWERS, 100)),
    },
]
TREATY = "Who signed the treaty in Riga?"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    found = index_of(tmp_path_factory.mktemp("answer"), ROWS, HashEmbedder())
    yield found
    found.close()


@pytest.fixture(scope="module")
def stages(generation: Generation) -> Stages:
    return stages_of(generation)


def ask(stages: Stages, question: str, **more: Any) -> Answer:
    answer = answer_question(Ask(question=question, **more), stages)
    check(answer, stages)
    return answer


def check(answer: Answer, stages: Stages) -> None:
    """The contract's invariants, which hold for every answer."""
    for citation in (*answer.citations, *(answer.abstention.closest if answer.abstention else ())):
        ordinal = stages.generation.ordinal(citation.quote.document_id)
        assert ordinal is not None
        document = stages.generation.document_at(ordinal)
        quote = citation.quote
        assert document.text[quote.start : quote.end] == quote.text
        assert document.sha256 == citation.document_sha256
        assert document.text[max(0, quote.start - 64) : quote.start] == citation.prefix
        assert document.text[quote.end : quote.end + 64] == citation.suffix
    marked = [int(n) for n in re.findall(r"\[(\d+)\]", answer.text)]
    numbers = [c.number for c in answer.citations]
    assert numbers == list(range(1, len(numbers) + 1)) == list(dict.fromkeys(marked))
    assert re.sub(r" \[\d+\]", "", answer.text) == answer.text_without_citations
    for citation in answer.citations:
        for span in citation.answer_spans:
            assert 0 <= span.start < span.end <= len(answer.text)
            assert not re.search(r"\[\d+\]", answer.text[span.start : span.end])
            assert answer.text[span.end :].startswith(f" [{citation.number}]")
    assert set(answer.timings_ms) == {"total", "retrieve", "read", "verify"}
    assert all(value >= 0.0 for value in answer.timings_ms.values())
    if answer.status == "abstained":
        assert (answer.citations, answer.short_answer, answer.confidence) == ((), None, None)
        assert answer.abstention is not None
        assert 0.0 <= answer.abstention.probability <= 1.0
        assert all(c.number is None and c.answer_spans == () for c in answer.abstention.closest)
    else:
        assert answer.status == ("partial" if answer.missing else "answered")
        assert answer.abstention is None
        assert answer.citations
        assert answer.confidence is not None
        assert 0.0 <= answer.confidence <= 1.0


# Answers


def test_an_answer_is_a_quote_with_its_source(stages: Stages) -> None:
    answer = ask(stages, f"  {TREATY}\n", max_citations=1)
    assert answer.status == "answered"
    assert answer.question == answer.standalone_question == TREATY
    assert answer.text == ("Port News, 6 November 2025: “The treaty was signed by Ana Brandt in Riga.” [1]")
    assert answer.text_without_citations == answer.text.removesuffix(" [1]")
    (citation,) = answer.citations
    assert citation.quote.text == "The treaty was signed by Ana Brandt in Riga [7]."
    assert citation.quote.document_id == "port/1"
    assert (citation.publisher, citation.published_at, citation.url) == (
        "Port News",
        "2025-11-06",
        "https://example.org/1",
    )
    assert [(s.start, s.end) for s in citation.answer_spans] == [(0, len(answer.text) - 4)]
    assert answer.withheld == Withheld()
    assert (answer.missing, answer.disagreements) == ((), ())


def test_the_short_answer_is_the_characters_of_a_citation(stages: Stages) -> None:
    answer = ask(stages, TREATY, filters=Filters(document_ids=("port/1",)))
    assert answer.short_answer == "Ana"
    assert answer.short_answer in answer.citations[0].quote.text
    assert ask(stages, TREATY, filters=Filters(document_ids=("herald",))).short_answer == "Brandt"
    assert ask(stages, "Why was the treaty signed in Riga?").short_answer is None


def test_a_short_answer_that_is_hardly_likely_is_not_given(generation: Generation) -> None:
    wary = calibration(short_threshold=1 - 1e-9)
    answer = ask(stages_of(generation, how_sure=wary), TREATY)
    assert (answer.status, answer.short_answer) == ("answered", None)
    assert answer.citations
    # Who sets a threshold of their own sets it for both.
    bold = stages_of(generation, how_sure=wary, settings=RagSettings(min_probability=0.0))
    assert ask(bold, TREATY).short_answer == "Ana"


def test_a_leaning_sentence_comes_with_the_one_before(stages: Stages) -> None:
    answer = ask(stages, "Did it cost over $8 billion?", max_citations=1)
    assert answer.citations[0].quote.text == (
        "The treaty was signed by Ana Brandt in Riga [7]. It cost over $8 billion 🙂."
    )


def test_a_source_address_that_is_no_web_address_is_not_shown(stages: Stages) -> None:
    answer = ask(stages, "Which prices doubled after the treaty?", max_citations=1)
    (citation,) = answer.citations
    assert (citation.quote.document_id, citation.url, citation.document_title) == (
        "herald",
        None,
        "Metals [3]",
    )


def test_a_repeated_paragraph_is_quoted_once(stages: Stages) -> None:
    answer = ask(
        stages, "Which exports do the five presidents count through Georgian ports?", max_citations=20
    )
    assert [c.quote.text for c in answer.citations].count(SHARED) == 1


def test_a_repeat_is_quoted_from_the_document_that_may_be_used(stages: Stages) -> None:
    answer = ask(
        stages,
        "Which exports do the five presidents count through Georgian ports?",
        filters=Filters(document_ids=("herald",)),
    )
    quote = answer.citations[0].quote
    assert (quote.document_id, quote.text) == ("herald", SHARED)


def test_two_documents_that_add_something_are_both_quoted(stages: Stages) -> None:
    answer = ask(stages, TREATY)
    assert {"port/1", "herald"} <= {c.quote.document_id for c in answer.citations}
    paragraphs = answer.text.split("\n\n")
    assert paragraphs[0].startswith("Port News, 6 November 2025: “")
    assert any(p.startswith("Herald: “") for p in paragraphs)


@pytest.mark.parametrize("limit", range(1, 21))
def test_no_more_citations_than_asked_for(stages: Stages, limit: int) -> None:
    answer = ask(stages, "Which tower rings a bell at dawn?", max_citations=limit)
    assert len(answer.citations) == limit
    spans = sorted((c.quote.document_id, c.quote.start, c.quote.end) for c in answer.citations)
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans))


def test_a_question_in_russian(stages: Stages) -> None:
    answer = ask(stages, "Где продолжатся переговоры о вольфраме?", max_citations=1)
    assert answer.status == "answered"
    assert (
        answer.citations[0].quote.text == "Министр заявил, что переговоры о вольфраме продолжатся в Астане."
    )


def test_the_conversation_is_used(stages: Stages) -> None:
    history = (
        Turn(role="user", content="Who signed the treaty?"),
        Turn(role="assistant", content="Ana Brandt."),
    )
    answer = ask(stages, "Where was it?", history=history, max_citations=1)
    assert answer.question == "Where was it?"
    assert answer.standalone_question == "Where was it? (about: treaty)"
    assert answer.status == "answered"


@pytest.mark.parametrize("mode", ["auto", "extractive"])
def test_modes_without_a_language_model(stages: Stages, mode: str) -> None:
    assert ask(stages, TREATY, mode=mode).status == "answered"


# Abstentions


def reason_of(answer: Answer) -> AbstainReason:
    assert answer.status == "abstained"
    assert answer.abstention is not None
    return answer.abstention.reason


@pytest.mark.parametrize(
    "filters",
    [
        Filters(document_ids=("nowhere",)),
        Filters(publishers=("Nobody",)),
        Filters(languages=("de",)),
        Filters(published_from="2030-01-01"),
        Filters(publishers=("Herald",), published_from="1900-01-01"),
    ],
)
def test_filters_that_leave_nothing(stages: Stages, filters: Filters) -> None:
    answer = ask(stages, TREATY, filters=filters)
    assert reason_of(answer) is AbstainReason.NO_PASSAGES
    assert answer.abstention is not None
    assert (answer.abstention.probability, answer.abstention.closest) == (1.0, ())
    assert answer.text == "The sources do not say."


def test_an_index_without_passages(tmp_path: Path) -> None:
    empty = index_of(tmp_path, [], HashEmbedder())
    assert reason_of(ask(stages_of(empty), TREATY)) is AbstainReason.NO_PASSAGES
    empty.close()


def test_documents_of_headings_alone(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "1", "title": "T", "text": "The Treaty Of Riga\n\nWho Signed The Treaty"}
    ]
    heads = index_of(tmp_path, rows, HashEmbedder())
    assert reason_of(ask(stages_of(heads), TREATY)) is AbstainReason.NO_PASSAGES
    heads.close()


@pytest.mark.parametrize("question", ["???", "🙂 …", "—"])
def test_a_question_without_a_word(stages: Stages, question: str) -> None:
    assert reason_of(ask(stages, question)) is AbstainReason.NO_PASSAGES


def fixed(odds: float, threshold: float) -> Calibration:
    return calibration(bias=odds, threshold=threshold, best_score=0.0)


def test_probability_decides_and_is_told(generation: Generation) -> None:
    # The log-odds of 0.25, 0.5 and 0.75.
    three = 1.0986122886681098
    sure = ask(stages_of(generation, how_sure=fixed(three, 0.7)), TREATY)
    assert (sure.status, sure.confidence) == ("answered", 0.75)
    at_the_threshold = ask(stages_of(generation, how_sure=fixed(0.0, 0.5)), TREATY)
    assert (at_the_threshold.status, at_the_threshold.confidence) == ("answered", 0.5)
    weak = ask(stages_of(generation, how_sure=fixed(0.0, 0.7)), TREATY)
    assert reason_of(weak) is AbstainReason.BELOW_THRESHOLD
    assert weak.abstention is not None
    assert weak.abstention.probability == 0.5
    none = ask(stages_of(generation, how_sure=fixed(-three, 0.7)), TREATY)
    assert reason_of(none) is AbstainReason.NOT_SUPPORTED
    assert none.abstention is not None
    assert none.abstention.probability == 0.75
    half = ask(stages_of(generation, how_sure=fixed(0.0, 0.9999)), TREATY)  # 0.5 is just over half of it
    assert reason_of(half) is AbstainReason.BELOW_THRESHOLD


def test_the_operators_threshold_replaces_the_fitted_one(generation: Generation) -> None:
    unsure = fixed(0.0, 0.7)
    assert (
        ask(stages_of(generation, how_sure=unsure, settings=RagSettings(min_probability=0.4)), TREATY).status
        == "answered"
    )
    assert (
        ask(stages_of(generation, how_sure=unsure, settings=RagSettings(min_probability=0.0)), TREATY).status
        == "answered"
    )
    strict = stages_of(generation, how_sure=fixed(5.0, 0.1), settings=RagSettings(min_probability=1.0))
    assert reason_of(ask(strict, TREATY)) is AbstainReason.BELOW_THRESHOLD


def test_what_the_sources_say_of_another_is_refused_with_the_quote_that_shows_it(
    generation: Generation,
) -> None:
    stages = stages_of(generation)
    assert ask(stages, "When was the treaty signed by Ana Brandt in Riga?").status == "answered"
    answer = ask(stages, "When was the treaty signed by Olga Zorro in Riga?")
    assert answer.abstention is not None
    assert answer.abstention.reason is AbstainReason.NOT_SUPPORTED
    assert answer.abstention.explanation == (
        "What comes closest says this of others, and nothing of “Olga”, “Zorro”."
    )
    assert answer.abstention.probability >= 1.0 - stages.calibration.false_premise
    assert answer.abstention.closest[0].quote.text.startswith(
        "The treaty was signed by Ana Brandt in Riga [7]."
    )
    # Who sets the threshold gets what it lets through.
    free = ask(
        replace(stages, settings=RagSettings(min_probability=0.0)),
        "When was the treaty signed by Olga Zorro in Riga?",
    )
    assert free.confidence is not None
    assert free.confidence <= stages.calibration.false_premise


def test_of_two_questions_the_one_with_the_false_premise_is_missing(stages: Stages) -> None:
    answer = ask(
        stages, "Who signed the treaty in Riga? And when was the treaty signed by Olga Zorro in Riga?"
    )
    assert answer.status == "partial"
    assert answer.missing == ("And when was the treaty signed by Olga Zorro in Riga?",)


@pytest.mark.parametrize(("closest", "limit", "shown"), [(3, 5, 3), (0, 5, 0), (20, 2, 2), (1, 20, 1)])
def test_what_came_closest_is_bounded_and_unnumbered(
    generation: Generation, closest: int, limit: int, shown: int
) -> None:
    stages = stages_of(generation, how_sure=fixed(-9.0, 0.7), settings=RagSettings(closest=closest))
    answer = ask(stages, "Which tower rings a bell at dawn?", max_citations=limit)
    assert answer.abstention is not None
    assert len(answer.abstention.closest) == shown
    assert answer.text == answer.text_without_citations == "The sources do not say."


def test_an_unanswerable_question(stages: Stages) -> None:
    answer = ask(stages, "Which volcano erupted beneath Reykjavik yesterday?")
    assert reason_of(answer) is AbstainReason.NOT_SUPPORTED
    assert ask(stages, "Какой вулкан извергался вчера?").text == "В источниках об этом не сказано."


# Failures


class BrokenScorer(WordScorer):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        raise self._error


class BrokenEmbedder(HashEmbedder):
    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        raise EmbedderError("the embedder failed")


class NotANumber(WordScorer):
    def score(self, question: str, passages: Sequence[str]) -> list[TokenScores]:
        return [replace(s, answerable=float("nan")) for s in super().score(question, passages)]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda g: stages_of(g, scorer=BrokenScorer(EmbedderError("the reader failed"))), EmbedderError),
        (lambda g: stages_of(g, scorer=BrokenScorer(RuntimeError("a bug"))), RuntimeError),
        (lambda g: stages_of(g, embedder=BrokenEmbedder()), EmbedderError),
        (
            lambda g: stages_of(g, scorer=NotANumber(), how_sure=calibration(best_answerable=1.0)),
            CalibrationError,
        ),
    ],
)
def test_a_failure_is_an_error_and_no_abstention(
    generation: Generation, make: Callable[[Generation], Stages], error: type[Exception]
) -> None:
    with pytest.raises(error):
        answer_question(Ask(question=TREATY), make(generation))


def test_generative_mode_needs_a_language_model(stages: Stages) -> None:
    with pytest.raises(GeneratorNotConfiguredError, match="auto or extractive"):
        answer_question(Ask(question=TREATY, mode="generative"), stages)


@pytest.mark.parametrize("question", ["", " ", "x" * 2001, "tin\x00", "\ud800"])
def test_a_question_that_cannot_be_taken(stages: Stages, question: str) -> None:
    with pytest.raises(QuestionError):
        answer_question(Ask(question=question), stages)
    assert issubclass(QuestionError, QAError)


# The record


def test_the_receipt_names_all_that_the_answer_depended_on(generation: Generation, stages: Stages) -> None:
    receipt = ask(stages, TREATY).receipt
    assert receipt.index_version == generation.index_version
    assert receipt.corpus_sha256 == generation.manifest.corpus_sha256
    assert receipt.models == {"embedder": "hash-64", "reader": "words-1+hand-1", "generator": None}
    assert re.fullmatch("[0-9a-f]{64}", receipt.settings_sha256)
    assert receipt.software == SOFTWARE_VERSION
    assert (
        ask(stages, "Which volcano erupted?").receipt
        == receipt
        == ask(stages, TREATY, max_citations=1).receipt
    )
    assert ask(stages_of(generation), TREATY).receipt == receipt


def test_a_receipt_changes_with_settings_and_models(generation: Generation, stages: Stages) -> None:
    receipt = stages.receipt()
    changed = {
        stages_of(generation, settings=settings).receipt().settings_sha256
        for settings in (
            RagSettings(dense_weight=0.7),
            RagSettings(lexical_weight=0.7),
            RagSettings(closest=2),
            RagSettings(min_probability=0.5),
            RagSettings(candidates_k=99),
            RagSettings(evidence_passages=9),
            RagSettings(),
        )
    }
    assert len(changed) == 7
    assert receipt.settings_sha256 in changed
    assert (
        stages_of(generation, scorer=WordScorer(name="words-2")).receipt().models["reader"]
        == "words-2+hand-1"
    )
    assert (
        stages_of(generation, how_sure=calibration(name="hand-2")).receipt().models["reader"]
        == "words-1+hand-2"
    )


def test_a_receipt_changes_with_the_corpus_and_only_with_it(tmp_path: Path, stages: Stages) -> None:
    again = index_of(tmp_path / "again", ROWS, HashEmbedder())
    assert stages_of(again).receipt().corpus_sha256 == stages.receipt().corpus_sha256
    again.close()
    other = index_of(tmp_path / "other", [*ROWS[:-1], ROWS[-1] | {"text": "Bells."}], HashEmbedder())
    assert stages_of(other).receipt().corpus_sha256 != stages.receipt().corpus_sha256
    other.close()


@pytest.mark.parametrize("question", [TREATY, "Which volcano erupted?"])
def test_the_same_question_has_the_same_answer(stages: Stages, question: str) -> None:
    def comparable() -> Answer:
        return replace(answer_question(Ask(question=question), stages), answer_id="", timings_ms={})

    first = comparable()
    assert all(comparable() == first for _ in range(99))


def test_ids_are_unique_and_sort_by_time(stages: Stages) -> None:
    found = []
    for _ in range(20):
        found.append(answer_question(Ask(question="???"), stages).answer_id)
        time.sleep(0.002)
    assert found == sorted(found)
    many = [answer_question(Ask(question="???"), stages).answer_id for _ in range(500)]
    assert len(set(many)) == 500
    assert all(re.fullmatch("ans_[0-7][0-9A-HJKMNP-TV-Z]{25}", name) for name in found + many)


def test_timings_are_parts_of_the_whole(stages: Stages) -> None:
    timings = ask(stages, TREATY).timings_ms
    assert timings["read"] > 0.0
    assert timings["retrieve"] + timings["read"] + timings["verify"] <= timings["total"] + 0.01


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == SOFTWARE_VERSION


# Several questions in one message, yes and no, other languages.


def test_a_part_that_nothing_answers_is_named_as_missing(stages: Stages) -> None:
    answer = ask(stages, "Who signed the treaty in Riga, and how many penguins danced in Oslo?")
    assert answer.status == "partial"
    assert answer.missing == ("how many penguins danced in Oslo?",)
    assert any("Brandt" in c.quote.text for c in answer.citations)
    assert answer.short_answer is None
    assert answer.confidence == ask(stages, TREATY).confidence


def test_every_part_that_is_answered_has_a_quote(stages: Stages) -> None:
    answer = ask(stages, "Who signed the treaty in Riga, and what doubled Tungsten prices?", max_citations=2)
    assert answer.status == "answered"
    assert answer.missing == ()
    texts = [c.quote.text for c in answer.citations]
    assert len(texts) == 2
    assert any("signed" in text for text in texts)
    assert any("Tungsten" in text for text in texts)


def test_with_no_part_answered_it_is_an_abstention(stages: Stages) -> None:
    answer = ask(stages, "Who taught penguins to sing, and how many gondolas danced in Oslo?")
    assert answer.status == "abstained"
    assert answer.missing == ()


def test_yes_comes_with_the_quote_that_says_it(stages: Stages) -> None:
    answer = ask(stages, "Did Brandt sign the treaty with a golden pen?")
    assert answer.text.startswith("Yes. [1]")
    first = answer.citations[0]
    assert first.quote.text == "Brandt signed the treaty with a golden pen in Riga."
    assert (first.answer_spans[0].start, first.answer_spans[0].end) == (0, 4)


def test_a_language_that_no_document_is_in_is_not_looked_for_and_says_so(stages: Stages) -> None:
    german = "Wie viele Flugzeuge bestellte Usbekistan?"
    answer = ask(stages, german)
    assert answer.status == "abstained"
    assert answer.abstention is not None
    assert (answer.abstention.reason, answer.abstention.closest) == (AbstainReason.NO_PASSAGES, ())
    assert answer.abstention.probability == 0.5
    explanation = answer.abstention.explanation or ""
    assert explanation.startswith("The question is in German and the documents are in English, Russian")
    assert "VERSE_EMBEDDER=multilingual" in explanation
    assert stages.search(read_question(german), 5, None) == []
    russian = ask(stages, "Где продолжатся переговоры о вольфраме?")
    assert russian.status == "answered"
    unknown = ask(stages, "Which penguin danced on gondolas?")
    assert unknown.abstention is not None
    assert unknown.abstention.explanation is None


def test_with_an_embedder_of_many_languages_vectors_alone_decide(generation: Generation) -> None:
    scorer = WordScorer()
    stages = replace(stages_of(generation, scorer=scorer), multilingual=True)
    german = "Wohin flog Brandt, und womit unterzeichnete Brandt einen Vertrag im Hafen von Riga?"
    answer = ask(stages, german)
    assert scorer.seen == []
    quotes = answer.citations if answer.abstention is None else answer.abstention.closest
    assert any("Brandt" in c.quote.text for c in quotes)
    ranking = stages.search(read_question(german), 3, None)
    assert scorer.seen == []
    assert "Brandt" in ranking[0].passage.text
