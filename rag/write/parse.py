"""What a model sends, piece by piece → the sentences it wrote with the numbers that it gives each.

It should be one JSON object. Models also fence it, talk before and after it, write a line of JSON a
sentence, or plain text with `[1][2]` after each sentence; all of these are understood. A sentence is
handed out as soon as it is whole, and never before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from index.split import paragraphs, sentences

MAX_OBJECT = 20_000
"""Characters of one JSON object; a longer one is no sentence."""
_TEXT_KEYS = ("text", "sentence", "content", "claim", "answer")
_ID_KEYS = ("ids", "id", "sources", "source_ids", "citations", "source", "evidence")
_LIST_KEYS = ("sentences", "answer", "answers", "claims")
_NUMBER = re.compile(r"\d{1,9}")
_ONE = r"[\[【]\s*(?:[Ss]ource\s*|[Ss])?\d{1,9}(?:\s*[,;–-]\s*[Ss]?\d{1,9}){0,20}\s*[\]】]"
_MARKERS = re.compile(rf"((?:{_ONE}[ \t]*)+)([.!?…]*)")
_MARKERS_AT_END = re.compile(rf"((?:{_ONE}[ \t]*)+)([.!?…]*)\s*\Z")
# Another marker may follow, or the one that has begun may go on.
_MAY_GO_ON = re.compile(r"[ \t]*(?:[\[【][^\[\]【】\n]{0,40})?\Z")
_LENIENT = re.compile(
    r'"text"\s*:\s*"((?:[^"\\]|\\.|"(?!\s*[,}\]:]))*)"\s*,\s*"ids"\s*:\s*\[([^\[\]{}]{0,200})\]'
)
_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z]*")
_LEAD = re.compile(r"^[\s>*#•–-]*(?:\d{1,2}[.)]\s+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSentence:
    """A sentence as a model wrote it, with the numbers that it gives; none of it is believed yet."""

    text: str
    ids: tuple[int, ...]


class Parser:
    """Takes the pieces of one answer in order; one is made for each request."""

    def __init__(self) -> None:
        self._outside = ""
        self._thinking: bool | None = None
        self._objects: list[list[str]] = []
        self._in_string = self._escaped = False
        self._found_json = False
        self.garbled = False
        """Whether something began as JSON and was none."""

    def feed(self, piece: str) -> Iterator[WrittenSentence]:
        """Take the next piece and yield the sentences that are whole now."""
        for char in piece:
            if self._objects:
                yield from self._inside(char)
            elif char == "{" and not self._is_thinking():
                yield from self._marked(final=False)
                self._objects.append(["{"])
            else:
                self._outside += char
        if not self._objects:
            yield from self._marked(final=False)

    def finish(self) -> Iterator[WrittenSentence]:
        """Yield what is left. Text without numbers counts only where there was no JSON at all."""
        if self._objects:
            self.garbled = True
            broken, self._objects = "".join(self._objects[0]), []
            self._in_string = self._escaped = False
            yield from _lenient(broken)
        yield from self._marked(final=True)
        rest = _prose(self._outside)
        self._outside = ""
        if self._found_json or self.garbled:
            return
        for paragraph in paragraphs(rest):
            for span in sentences(rest, paragraph):
                text = _LEAD.sub("", rest[span.start : span.end])
                if any(char.isalnum() for char in text):
                    yield WrittenSentence(text=text, ids=())

    def _is_thinking(self) -> bool:
        low = self._outside.casefold()
        return low.rfind("<think") > low.rfind("</think")

    def _inside(self, char: str) -> Iterator[WrittenSentence]:
        for opened in self._objects:
            opened.append(char)
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif char == "\\":
                self._escaped = True
            elif char == '"':
                self._in_string = False
        elif char == '"':
            self._in_string = True
        elif char == "{":
            if len(self._objects) == 4:  # deeper than any answer: what is outermost is none
                self._objects.pop(0)
            self._objects.append(["{"])
        elif char == "}":
            source = "".join(self._objects.pop())
            found = list(self._closed(source))
            if found:
                # Handed out: if what is around it breaks, it must not be found in there again.
                for around in self._objects:
                    del around[-len(source) :]
                    around.append("null")
            yield from found
        if self._objects and len(self._objects[-1]) > MAX_OBJECT:
            self.garbled = True
            self._objects, self._in_string, self._escaped = [], False, False

    def _closed(self, source: str) -> Iterator[WrittenSentence]:
        try:
            # Line breaks inside strings are what small models write; strict JSON has none.
            content = json.loads(source, strict=False)
        except (ValueError, RecursionError):
            self.garbled = True
            yield from _lenient(source)
            return
        if isinstance(content, dict):
            self._found_json = True
            sentence = _sentence(content)
            if sentence is not None:
                yield sentence

    def _marked(self, *, final: bool) -> Iterator[WrittenSentence]:
        """Yield the sentences of plain text that have numbers after them."""
        if not ("]" in self._outside or "】" in self._outside) or (self._is_thinking() and not final):
            return
        text = _prose(self._outside)
        done = 0
        for match in _MARKERS.finditer(text):
            if not final and _MAY_GO_ON.match(text, match.end()):
                break
            said = _LEAD.sub("", text[done : match.start()].rsplit("\n\n", 1)[-1]).rstrip() + match.group(2)
            done = match.end()
            # Beside JSON it is talk.
            if any(char.isalpha() for char in said) and not self._found_json:
                yield WrittenSentence(text=said.strip(), ids=_numbers(match.group(1)))
        if done:
            self._outside = text[done:]


def _prose(text: str) -> str:
    return _FENCE.sub("", _THINKING.sub("", text))


def _sentence(content: Mapping[str, object]) -> WrittenSentence | None:
    text = next((content[key] for key in _TEXT_KEYS if isinstance(content.get(key), str)), None)
    if not isinstance(text, str) or not text.strip():
        return None
    if any(isinstance(content.get(key), list) and _has_objects(content[key]) for key in _LIST_KEYS):
        return None  # the object around the sentences
    given = next((content[key] for key in _ID_KEYS if key in content), None)
    ids = _numbers(given)
    if given is None:
        # A model that was not told of fields by a schema may put the numbers into the text.
        match = _MARKERS_AT_END.search(text)
        if match is not None:
            said = text[: match.start()].rstrip() + match.group(2)
            return WrittenSentence(text=said.strip(), ids=_numbers(match.group(1)))
    return WrittenSentence(text=text.strip(), ids=ids)


def _lenient(source: str) -> Iterator[WrittenSentence]:
    """Yield whole sentences of an object that is no JSON: quotation marks that were not escaped."""
    for match in _LENIENT.finditer(source):
        text = match.group(1).replace('\\"', '"').replace("\\n", " ")
        yield WrittenSentence(text=text.strip(), ids=_numbers(match.group(2)))


def _has_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _numbers(given: object) -> tuple[int, ...]:
    """Return the numbers in whatever form they were given, each once."""
    found: list[int] = []
    stack = [given]
    while stack:
        item = stack.pop(0)
        if isinstance(item, bool) or item is None:
            continue
        if isinstance(item, int):
            found.append(item)
        elif isinstance(item, float):
            if item.is_integer():
                found.append(int(item))
        elif isinstance(item, str):
            found.extend(int(number) for number in _NUMBER.findall(item))
        elif isinstance(item, list):
            stack[:0] = item[:50]
        elif isinstance(item, dict):
            stack[:0] = [item[key] for key in ("id", "number") if key in item]
    return tuple(dict.fromkeys(found))
