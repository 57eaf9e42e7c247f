"""Evidence → a draft without a language model: the leading quotes, each with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from index.dates import date_for_readers
from index.split import ends_open
from index.terms import content_terms
from index.types import Document, Passage, Sentence
from rag.calibrate import DEFAULT_MARGIN
from rag.cite import without_markers
from rag.disagree_time import tells_otherwise
from rag.types import Candidate, Draft, DraftSentence

_SAME = 0.7
_MAX_WIDENING = 2
# A sentence that opens so cannot be understood without the one before it.
_LEANS = re.compile(
    r"[\"'“‘«(]*(?:he|she|it|they|his|her|hers|its|their|theirs|him|them|this|that|these|those|such|both|the (?:former|latter|two|three)|"
    r"one of (?:them|these|those)|then|there|here|so|as such|in (?:that|this|the same) (?:way|case|year|month|speech|interview|report)|"
    r"он|она|оно|они|его|её|ее|их|это|этот|эта|эти|там|тогда|такой|такая|такие)\b",
    re.IGNORECASE,
)
# "It is …", "This year", "That said" lean on nothing.
_STANDS = re.compile(
    r"(?:it (?:is|was|will be|should be|has been|may be|must be)\b.{0,40}\bthat\b|this (?:week|month|year|summer|winter|spring|autumn|fall|morning|time)\b|"
    r"there (?:is|are|was|were|has|have|will)\b|here (?:is|are)\b)",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A run of whole sentences that is to be quoted."""

    document_id: str
    start: int
    end: int
    score: float


def select_spans(
    candidates: Sequence[Candidate], limit: int, *, margin: float = DEFAULT_MARGIN
) -> list[Span]:
    """Return at most `limit` spans, best first: near repeats once, leaning sentences widened.

    A sentence more than `margin` (log-odds) below the best is not worth a reader's time.
    """
    spans: list[Span] = []
    chosen: list[tuple[frozenset[str], str]] = []
    for candidate in candidates:
        if len(spans) == limit or candidate.score < candidates[0].score - margin:
            break
        text = candidate.passage.sentence_text(candidate.sentence)
        if not shown_text(text):
            continue  # a note's number alone on its line
        words = frozenset(content_terms(text))
        # Other figures, dates or names in the same words, or a plan and its outcome: both must be seen.
        if any(_says_the_same(words, other) and not tells_otherwise(text, said) for other, said in chosen):
            continue
        span = _widened(candidate)
        touching = [s for s in spans if touch(s, span)]
        if touching:
            # The first of them has the best score, so the union keeps its place in the order.
            place = spans.index(touching[0])
            spans[place] = reduce(_union, touching, span)
            spans = [s for number, s in enumerate(spans) if number == place or s not in touching]
        else:
            spans.append(span)
        chosen.append((words, text))
    return spans


def draft_from(spans: Sequence[Span], document_of: Callable[[str], Document]) -> Draft:
    """Write the quotes as a short text, a paragraph a document, in the order of the best of each."""
    documents = list(dict.fromkeys(span.document_id for span in spans))
    sentences: list[DraftSentence] = []
    ordered: list[Span] = []
    for document_id in documents:
        document = document_of(document_id)
        own = sorted((s for s in spans if s.document_id == document_id), key=lambda s: -s.score)
        for number, span in enumerate(own):
            text = f"“{shown_text(document.text[span.start : span.end])}”"
            if number == 0:
                # A publisher or title with a marker or a line break would pass for our own.
                name = shown_text(introduction(document))
                text = f"{name}: {text}" if name else text
            sentences.append(DraftSentence(text=text, quotes=(len(ordered),), opens_paragraph=number == 0))
            ordered.append(span)
    return Draft(sentences=tuple(sentences), spans=tuple((s.document_id, s.start, s.end) for s in ordered))


def introduction(document: Document) -> str:
    """Return who says it and when: publisher and date when known, else the title."""
    name = document.publisher or document.title
    if document.published_at is None:
        return name
    return f"{name}, {date_for_readers(document.published_at)}"


def shown_text(quote: str) -> str:
    """Return a quote as it reads inside an answer: on one line, without the source's own markers.

    The citation keeps the characters as they are; this is only the running text.
    """
    return _SPACES.sub(" ", without_markers(quote)).strip()


def _widened(candidate: Candidate) -> Span:
    """Take in the neighbours without which a sentence cannot be understood."""
    passage = candidate.passage
    sentences = passage.sentences
    first = last = sentences.index(candidate.sentence)
    while first > 0 and last - first < _MAX_WIDENING:
        before, here = sentences[first - 1], sentences[first]
        if not _same_paragraph(passage, before, here):
            break
        text = passage.sentence_text(here)
        leans = _LEANS.match(text) and not _STANDS.match(text)
        if not leans and not ends_open(passage.sentence_text(before)):
            break
        first -= 1
    if (
        last + 1 < len(sentences)
        and ends_open(passage.sentence_text(sentences[last]))
        and _same_paragraph(passage, sentences[last], sentences[last + 1])
    ):
        last += 1
    return Span(
        document_id=passage.document_id,
        start=sentences[first].start,
        end=sentences[last].end,
        score=candidate.score,
    )


def _same_paragraph(passage: Passage, before: Sentence, after: Sentence) -> bool:
    between = passage.text[before.end - passage.start : after.start - passage.start]
    return before.kind != "heading" and not between.strip() and "\n" not in between


def touch(one: Span, other: Span) -> bool:
    """Tell whether two spans share characters of one document."""
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _union(one: Span, other: Span) -> Span:
    return Span(
        document_id=one.document_id,
        start=min(one.start, other.start),
        end=max(one.end, other.end),
        score=max(one.score, other.score),
    )


def _says_the_same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell near repeats: most words of the smaller in the larger, and no number that differs.

    Two sources that give different figures in the same words disagree; both must be seen.
    """
    smaller = min(len(one), len(other))
    if not smaller or len(one & other) < _SAME * smaller:
        return False
    return not any(term[0].isdigit() for term in one ^ other)
