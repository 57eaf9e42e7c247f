"""The markers [n] that a chat answer puts behind what its n-th source supports."""

from __future__ import annotations

import re
from bisect import bisect_left

from index.split import paragraphs, sentences

_MARKER = re.compile(r" ?\[([1-9][0-9]{0,2})\]")


def marked_spans(text: str, sources: int) -> dict[int, list[dict[str, int]]]:
    """Return what each marked source supports, by its number, in order of first use.

    That is the sentence with the marker in it or right before it, up to the marker and from the
    marker before it, so that no marker lies inside; nothing where no sentence goes before. A number
    beyond the `sources` is not a marker: an answer may say [2019].
    """
    markers = [match for match in _MARKER.finditer(text) if int(match.group(1)) <= sources]
    plain = list(text)
    for match in markers:
        plain[match.start() : match.end()] = " " * len(match.group())  # as long as before: offsets hold
    blanked = "".join(plain)
    found = [sentence for part in paragraphs(blanked) for sentence in sentences(blanked, part)]
    starts = [sentence.start for sentence in found]
    spans: dict[int, list[dict[str, int]]] = {}
    after, said = 0, None
    for match in markers:
        place = bisect_left(starts, match.start()) - 1
        if place >= 0:
            start = max(found[place].start, after)
            end = min(found[place].end, match.start())
            words = text[start:end]
            if words.strip():
                start += len(words) - len(words.lstrip())
                said = {"start": start, "end": start + len(words.strip())}
            # A marker right behind another supports the same words: said stays.
        after = match.end()
        mine = spans.setdefault(int(match.group(1)), [])
        if said is not None and said not in mine:
            mine.append(dict(said))
    return spans


def without_markers(text: str, sources: int) -> str:
    """Leave out the markers; any other bracket belongs to the answer."""
    return _MARKER.sub(lambda match: "" if int(match.group(1)) <= sources else match.group(), text)
