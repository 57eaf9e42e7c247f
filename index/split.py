"""Document → paragraphs → sentences → passages, with offsets that are exact by construction.

Nothing here makes text: every function returns positions in the document's own characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.errors import SpanError
from index.tokens import CountTokens
from index.types import Document, ExcludedSpan, Passage, Sentence, SentenceKind

# sentencex panics on a non-ASCII space between a letter and a terminator. One character is
# replaced by one character, so offsets hold. U+2028/2029/0085 also end lines for it.
_PLAIN_SPACES = str.maketrans(
    dict.fromkeys(
        "\t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
        "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u180e\u200b\u2060\ufeff",
        " ",
    )
)
_LINE = re.compile(r"[^\n]+")
# "A." is more often somebody's initial ("E. coli", "J. Smith") than a letter of a list.
_BULLET = re.compile(r"[ \t]*(?:[-*+•‣▪●◦–—]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\)|[a-z]\.)[ \t]+(?=\S)")
_MARKDOWN_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?=\S)")
_TERMINATED = re.compile(r"[.!?…:;,。！？]['\"”’»)\]]*\s*$")
# A sentence that ends in one of these may have been cut in the middle.
_OPEN_ENDED = re.compile(
    r"(?:\b(?:[A-Za-z]\.){2,}|\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Sen|Rep|Gov|Lt|Col|Sgt|St|Mt|No|Nos|Fig|vs|"
    r"approx|est|Inc|Corp|Ltd|Co|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|им|ул|руб|млн|млрд|тыс)\.|"
    r"\b[A-ZА-ЯЁ]\.)['\"”’»)]*$"
)
_MAX_HEADING = 120
_TAIL = 80
_PLAIN_GAPS = frozenset({"", " ", "\n", "\n\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A block of a document: one line, or the lines of one hard-wrapped paragraph."""

    start: int
    end: int
    kind: SentenceKind


def paragraphs(text: str) -> list[Paragraph]:
    """Return the non-blank paragraphs of `text` in order, without white space at their ends.

    A line is a paragraph of its own unless the lines around it are hard-wrapped (mails, wire
    reports): short lines that mostly break off in the middle of a sentence.
    """
    found: list[Paragraph] = []
    for block in _blocks(text):
        for start, end in _unwrapped(text, block):
            span = _trimmed(text, start, end)
            if span is not None:
                found.append(Paragraph(start=span[0], end=span[1], kind=_kind(text, *span)))
    return found


def sentences(text: str, paragraph: Paragraph, language: str | None = None) -> list[Sentence]:
    """Return the sentences of one paragraph; bullets and heading marks stay outside them."""
    start, end, kind = paragraph.start, paragraph.end, paragraph.kind
    mark = _MARKDOWN_HEADING.match(text, start, end) or _BULLET.match(text, start, end)
    if mark is not None and mark.end() < end:
        start = mark.end()
    if kind == "heading":
        return [Sentence(start=start, end=end, kind=kind)]
    cuts = _boundaries(text[start:end], language)
    found: list[Sentence] = []
    for left, right in cuts:
        span = _trimmed(text, start + left, start + right)
        if span is None:
            continue
        if found and _cut_in_the_middle(text, found[-1], span):
            found[-1] = Sentence(start=found[-1].start, end=span[1], kind=kind)
        else:
            found.append(Sentence(start=span[0], end=span[1], kind=kind))
    return found


def ends_open(text: str) -> bool:
    """Tell whether a sentence ends in an abbreviation, so that it may go on after it."""
    return _OPEN_ENDED.search(text) is not None


def split_document(
    document: Document,
    excluded: Sequence[ExcludedSpan],
    *,
    budget_tokens: int,
    count_tokens: CountTokens,
    embedder_tokens: int,
    count_embedder_tokens: CountTokens,
) -> list[Passage]:
    """Return the passages of a document: runs of whole sentences within both token budgets.

    A passage never reaches across an excluded span. Spans that repeat another document become
    passages of their own, which carry that document's id. A sentence that alone is over budget
    is cut at white space into passages (each still a slice of the text).

    Raises:
        SpanError: an excluded span lies outside the text.
    """
    for span in excluded:
        if not 0 <= span.start < span.end <= len(document.text):
            raise SpanError(
                f"excluded span {span.start}-{span.end} is outside {document.document_id!r} "
                f"({len(document.text)} characters)"
            )
    passages: list[Passage] = []
    for run, repeats in _runs(document, excluded):
        units = _within_budget(
            document.text, run, budget_tokens, count_tokens, embedder_tokens, count_embedder_tokens
        )
        passages.extend(
            _pack(
                document,
                units,
                repeats,
                budget_tokens,
                count_tokens,
                embedder_tokens,
                count_embedder_tokens,
            )
        )
    return passages


def _blocks(text: str) -> Iterable[list[tuple[int, int]]]:
    """Yield runs of consecutive non-blank lines as (start, end) pairs."""
    block: list[tuple[int, int]] = []
    previous_end = -1
    for match in _LINE.finditer(text):
        if not match.group().strip():
            continue
        if block and text.count("\n", previous_end, match.start()) > 1:
            yield block
            block = []
        block.append(match.span())
        previous_end = match.end()
    if block:
        yield block


def _unwrapped(text: str, block: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Join the lines of a hard-wrapped block; return other blocks line by line."""
    if len(block) < 2 or not _is_wrapped(text, block):
        yield from block
        return
    start, end = block[0]
    width = max(right - left for left, right in block)
    for left, right in block[1:]:
        first = text[left:right].lstrip()[:1]
        short = (end - text.rfind("\n", 0, end) - 1) < 0.6 * width
        line = text[text.rfind("\n", 0, end) + 1 : end]
        new = _BULLET.match(text, left, right) or (short and _TERMINATED.search(line) and not first.islower())
        if new:
            yield start, end
            start = left
        end = right
    yield start, end


def _is_wrapped(text: str, block: list[tuple[int, int]]) -> bool:
    lines = [text[left:right].rstrip() for left, right in block]
    if max(map(len, lines)) > 100:
        return False
    inner = list(pairwise(lines))
    broken = sum(
        not _TERMINATED.search(line) and following.lstrip()[:1].islower() for line, following in inner
    )
    return broken >= 1 and broken >= 0.4 * len(inner)


def _kind(text: str, start: int, end: int) -> SentenceKind:
    if _MARKDOWN_HEADING.match(text, start, end):
        return "heading"
    if _BULLET.match(text, start, end):
        return "list_item"
    line = text[start:end]
    if len(line) > _MAX_HEADING or "\n" in line or not any(c.isalpha() for c in line):
        return "text"
    words = line.split()
    if line.isupper() and len(words) > 1:
        return "heading"
    if len(words) <= 14 and not _TERMINATED.search(line) and not line[:1].islower():
        return "heading"
    return "text"


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and (text[start].isspace() or text[start] in "\u200b\ufeff\u2060"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in "\u200b\ufeff\u2060"):
        end -= 1
    return (start, end) if start < end else None


def _boundaries(paragraph: str, language: str | None) -> list[tuple[int, int]]:
    """Ask sentencex for the sentences of one paragraph, as offsets into it."""
    # Imported here: only indexing needs it.
    from sentencex import get_sentence_boundaries

    plain = paragraph.translate(_PLAIN_SPACES).replace("\n", " ")
    spans = [
        (int(found["start_index"]), int(found["end_index"]))
        for found in get_sentence_boundaries((language or "en")[:2].lower(), plain)
    ]
    position = 0
    for left, right in spans:
        if left != position or right <= left:
            raise SpanError(f"the sentence splitter left a hole at {position} of {paragraph!r}")
        position = right
    if position != len(paragraph):
        raise SpanError(f"the sentence splitter stopped at {position} of {paragraph!r}")
    return spans


def _cut_in_the_middle(text: str, before: Sentence, after: tuple[int, int]) -> bool:
    """Tell whether a boundary is more likely inside a sentence than between two."""
    # Only the end of what may have grown long: to search it whole each time would be quadratic.
    left, right = text[max(before.start, before.end - _TAIL) : before.end], text[after[0] : after[1]]
    if right[:1].islower():
        # "5 p.m. in Almaty", "e.g. this"; but brands such as "iPhone" may begin a sentence.
        return bool(_OPEN_ENDED.search(left)) or left.endswith(("!", "?", "…", "...", "”", '"', "»"))
    if not _OPEN_ENDED.search(left):
        return False
    if re.search(r"\b[ap]\.m\.$", left):
        return bool(re.match(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|[A-Z]{2,4}\b", right))
    # One letter and a stop: an initial, unless it is a grade or a list letter ("Plan B.").
    return bool(re.search(r"(?:^|\s|\.)(?:Mr|Mrs|Ms|Dr|Prof|Gen|Sen|Rep|Gov|Lt|Col|St|Mt|No|Fig)\.$", left))


Unit = tuple[int, int, int, int, tuple[Sentence, ...], int, int]
"""What is packed and never cut again: start, end, tokens, embedder tokens, sentences, and the tokens
of what stands between it and the unit before (white space, bullets, heading marks)."""


def _runs(
    document: Document, excluded: Sequence[ExcludedSpan]
) -> Iterable[tuple[list[Sentence], str | None]]:
    """Yield the runs of sentences between excluded spans, and those inside repeated ones."""
    spans = sorted(excluded, key=lambda span: (span.start, span.end))
    ends = sorted(span.end for span in spans)
    reached, touching = 0, list[ExcludedSpan]()
    run: list[Sentence] = []
    current: ExcludedSpan | None = None
    barrier = 0  # number of excluded spans that end before the run
    for paragraph in _with_title_as_heading(document):
        for sentence in sentences(document.text, paragraph, document.language):
            while reached < len(spans) and spans[reached].start < sentence.end:
                touching.append(spans[reached])
                reached += 1
            touching = [s for s in touching if s.end > sentence.start]
            blocked = next((s for s in touching if s.repeats_document_id is None), None)
            repeat = touching[0] if touching and blocked is None else None
            passed = bisect_right(ends, sentence.start)
            if run and (blocked or repeat != current or passed != barrier):
                yield run, current.repeats_document_id if current else None
                run = []
            if blocked:
                continue
            if not run:
                barrier, current = passed, repeat
            run.append(sentence)
    if run:
        yield run, current.repeats_document_id if current else None


def is_title_line(document: Document, paragraph: Paragraph) -> bool:
    """Tell whether a paragraph says the document's title, quotation marks and case apart."""
    if paragraph.end - paragraph.start > len(document.title) + 24:
        return False
    line = document.text[paragraph.start : paragraph.end]
    return _letters(line) == _letters(document.title) != ""


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _with_title_as_heading(document: Document) -> Iterable[Paragraph]:
    """Yield the paragraphs; a line that is the document's title is a heading whatever its form."""
    for paragraph in paragraphs(document.text):
        if is_title_line(document, paragraph):
            paragraph = Paragraph(start=paragraph.start, end=paragraph.end, kind="heading")
        yield paragraph


def _within_budget(
    text: str,
    run: Sequence[Sentence],
    budget: int,
    count: CountTokens,
    embedder_budget: int,
    count_embedder: CountTokens,
) -> list[Unit]:
    """Count every sentence once and cut those that alone are over a budget."""
    texts = [text[s.start : s.end] for s in run]
    gaps = [""] + [text[one.end : other.start] for one, other in pairwise(run)]
    # One space or line end is one token at most, and none of the embedder's.
    marked = [gap for gap in gaps if gap not in _PLAIN_GAPS]
    gap_costs = dict(zip(marked, zip(count(marked), count_embedder(marked), strict=True), strict=True))
    units: list[Unit] = []
    for sentence, gap, tokens, pieces in zip(run, gaps, count(texts), count_embedder(texts), strict=True):
        between = gap_costs.get(gap, (1, 0))
        if tokens <= budget and pieces <= embedder_budget:
            units.append((sentence.start, sentence.end, tokens, pieces, (sentence,), *between))
            continue
        for start, end in _cut(
            text, sentence.start, sentence.end, budget, count, embedder_budget, count_embedder
        ):
            part = Sentence(start=start, end=end, kind=sentence.kind)
            # A part of an over-long sentence fills a passage alone, whatever it counts.
            units.append((start, end, budget, embedder_budget, (part,), *between))
    return units


def _cut(
    text: str,
    start: int,
    end: int,
    budget: int,
    count: CountTokens,
    embedder_budget: int,
    count_embedder: CountTokens,
) -> Iterable[tuple[int, int]]:
    """Cut an over-long sentence at white space where it has any, into parts within budget."""
    while start < end:
        # A token is rarely under one character; a window of that many characters bounds the work
        # on a line of 50 MB.
        right = min(end, start + 6 * min(budget, embedder_budget))
        while right - start > 1:
            piece = text[start:right]
            if count([piece])[0] <= budget and count_embedder([piece])[0] <= embedder_budget:
                break
            right = start + (right - start) * 3 // 4
        if right < end:
            space = max(text.rfind(" ", start + 1, right), text.rfind("\n", start + 1, right))
            if space > start + (right - start) // 2:
                right = space
        span = _trimmed(text, start, right)
        if span is not None:
            yield span
        start = right


def _pack(
    document: Document,
    units: Sequence[Unit],
    repeats: str | None,
    budget: int,
    count: CountTokens,
    embedder_budget: int,
    count_embedder: CountTokens,
) -> Iterable[Passage]:
    """Fill passages greedily; a heading opens a new one rather than close the last."""
    held: list[Unit] = []

    def flush() -> Passage:
        start, end = held[0][0], held[-1][1]
        return Passage(
            document_id=document.document_id,
            start=start,
            end=end,
            text=document.text[start:end],
            sentences=tuple(s for unit in held for s in unit[4]),
            repeats_document_id=repeats,
        )

    def total(unit: Unit) -> tuple[int, int]:
        between = [*held[1:], unit] if held else []
        tokens = sum(u[2] for u in held) + sum(u[5] for u in between) + unit[2]
        pieces = sum(u[3] for u in held) + sum(u[6] for u in between) + unit[3]
        return tokens, pieces

    def fits(unit: Unit) -> bool:
        tokens, pieces = total(unit)
        if tokens > budget or pieces > embedder_budget:
            return False
        joints = len(held)
        if tokens + joints <= budget and pieces + joints <= embedder_budget:
            return True
        # Near the limit the sum is not enough: now and then two pieces together count one more.
        text = document.text[held[0][0] : unit[1]]
        return count([text])[0] <= budget and count_embedder([text])[0] <= embedder_budget

    for unit in units:
        opens = unit[4][0].kind == "heading" and total(unit)[0] > budget // 2
        if held and (opens or not fits(unit)):
            trailing: list[Unit] = []
            while len(held) > 1 and held[-1][4][0].kind == "heading":
                trailing.insert(0, held.pop())
            yield flush()
            held = trailing
            if held and not fits(unit):
                yield flush()
                held = []
        held.append(unit)
    if held:
        yield flush()
