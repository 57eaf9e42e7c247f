"""Sentences that are quoted whole, marks and spaces apart: they need no other judgement."""

from __future__ import annotations

from collections.abc import Sequence

from index.split import paragraphs, sentences

_END = " .!?…\"'"


def is_quoted_whole(statement: str, quotes: Sequence[str]) -> bool:
    """Tell whether a clean statement is one or more whole sentences, in order, of one clean quote.

    The case of its first letter and the marks at its ends do not count. A part of a sentence is not
    whole: what was cut off may deny it, so the other rules look at it.
    """
    wanted = _bare(statement)
    return any(_holds(quote, wanted) for quote in quotes if wanted[1:-1] in quote)


def _bare(text: str) -> str:
    bare = text.strip(_END)
    return bare[:1].casefold() + bare[1:]


def _holds(quote: str, wanted: str) -> bool:
    if _bare(quote) == wanted:
        return True
    spans = [s for paragraph in paragraphs(quote) for s in sentences(quote, paragraph)]
    ends = {s.end for s in spans}
    for span in spans:
        # A sentence's marks at its ends may hide up to a few characters either way.
        lead = span.end - span.start - len(quote[span.start : span.end].lstrip(_END))
        start = span.start + lead
        if _bare(quote[start : start + 1]) != wanted[:1]:
            continue
        stop = start + len(wanted)
        if quote[start + 1 : stop] == wanted[1:] and any(
            end in ends and not quote[stop:end].strip(_END) for end in range(stop, stop + 5)
        ):
            return True
    return False
