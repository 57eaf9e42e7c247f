"""Where the sentences of an answer start, by a rule that anybody can follow without our splitter."""

from __future__ import annotations

import re

RULE = (
    "A sentence ends at a line break (\\n), or after . ! ? … 。 ！ ？ and any closing quotes or brackets "
    "(\" ' ” ’ » ) ]), where white space follows and then no small Latin or Cyrillic letter (a–z, а–я, ё); "
    "markers [n] count as spaces; a piece without a letter, digit or underscore is no sentence."
)
_MARKER = re.compile(r"\[\d+\]")
_STOPS = frozenset(".!?…。！？")
_CLOSERS = frozenset("\"'”’»)]")
_SMALL = frozenset("abcdefghijklmnopqrstuvwxyzабвгдежзийклмнопрстуфхцчшщъыьэюяё")


def sentence_starts(answer: str) -> list[int]:
    """Return the offset of the first character, never white space, of each sentence in order."""
    # As long as before, so that offsets hold.
    text = _MARKER.sub(lambda found: " " * len(found.group()), answer)
    starts: list[int] = []
    start = 0
    worded = False  # whether the piece that began at `start` has a letter, digit or underscore
    broken = True  # a line ended since the last visible character
    stopped = spaced = False  # it was a stop (with what closes after it), and white space came after it
    for place, char in enumerate(text):
        if char.isspace():
            broken = broken or char == "\n"
            spaced = stopped
            continue
        if broken or (spaced and char not in _SMALL):
            if worded:
                starts.append(start)
            start, worded, stopped = place, False, False
        worded = worded or char.isalnum() or char == "_"
        stopped = char in _STOPS or (stopped and char in _CLOSERS)
        broken = spaced = False
    return [*starts, start] if worded else starts
