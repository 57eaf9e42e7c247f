"""What stands around a passage: its document's title, its sections, the publisher.

It is embedded before the passage's text and is the title that words are searched in.
"""

from __future__ import annotations

from collections.abc import Sequence

from index.layout import Section, section_path
from index.settings import IndexSettings
from index.types import Document, Passage

_ARROW = " > "


def titles_above(document: Document, passage: Passage) -> str:
    """Return `Title > Section > Subsection`: the sections that hold the whole passage.

    A section that only says the title again is left out. Without sections it is the title alone.
    """
    return titles_of(document.title, document.sections, passage.start, passage.end)


def titles_of(title: str, sections: Sequence[Section], start: int, end: int) -> str:
    """Return the same for a place in a document of this title and these sections."""
    return _ARROW.join(_titles(title, sections, start, end))


def embedded_text(document: Document, passage: Passage, settings: IndexSettings) -> str:
    """Return what is embedded for a passage: its text after the title, its sections and the publisher.

    The context is cut by characters, about four to a token, so that it cannot push out the text; where
    it is too long, the sections in the middle go first.
    """
    room = 4 * settings.context_tokens
    titles = _titles(document.title, document.sections, passage.start, passage.end)
    while len(titles) > 2 and len(_joined(titles, document.publisher)) > room:
        del titles[1]
    context = _joined(titles, document.publisher)[:room]
    return f"{context}. {passage.text}" if context else passage.text


def longest_context(document: Document) -> str:
    """Return the context that leaves the least room for a passage of this document."""
    longest = _joined([document.title], document.publisher)
    above: list[Section] = []
    for section in document.sections:
        while above and above[-1].end <= section.start:
            above.pop()
        above.append(section)
        context = _joined([document.title, *(s.title for s in above)], document.publisher)
        longest = max(longest, context, key=len)
    return longest


def _titles(title: str, sections: Sequence[Section], start: int, end: int) -> list[str]:
    folded = title.strip().casefold()
    path = section_path(sections, start, end)
    return [title, *(name for name in path if name.casefold() != folded)]


def _joined(titles: list[str], publisher: str | None) -> str:
    return ". ".join(part for part in (_ARROW.join(filter(None, titles)), publisher) if part)
