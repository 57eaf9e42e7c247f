"""A stored conversation as Markdown, with its citations.

Whatever people and documents wrote is escaped: it shows as it is and means nothing, so that no quote
can bring an image, a link or HTML along. The only links are ours to the viewer, and a source's own
web address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote as percent_encoded

from api.conversations_schemas import ExportOut, TurnOut

_MARKS = re.compile(r"[\\`*_{}\[\]<>()#+|!~$^=&@:\"'-]")
_CUT = {
    "client_gone": "the client left before the answer was whole",
    "timed_out": "it took too long",
    "failed": "something failed",
    "server_stopped": "the service was stopped",
}


def markdown_of(conversation: ExportOut) -> str:
    """Return the whole conversation; lines end in `\\n`."""
    lines = [
        f"# {_line(conversation.title)}",
        "",
        f"Exported from Chapter & Verse at {conversation.exported_at}. Quotes are verbatim; offsets count "
        "Unicode code points of the document's text, the end exclusive.",
    ]
    for turn in conversation.turns:
        lines += ["", f"## {turn.number}. {_line(turn.question)}", "", f"Asked at {turn.started_at}."]
        if turn.standalone_question not in (None, turn.question):
            lines += ["", f"Understood as: {_line(turn.standalone_question or '')}"]
        lines += _answered(turn, conversation.public_url)
    return "\n".join(lines) + "\n"


def _answered(turn: TurnOut, public_url: str) -> Iterator[str]:
    if turn.answer is None:
        why = "it is still being made" if turn.status == "started" else _CUT[turn.interrupted_by or "failed"]
        yield from ("", f"**No answer**: {why}.")
        return
    record = turn.answer
    yield from ("", *_paragraphs(record["answer"]))
    for part in record["missing"]:
        yield from ("", f"No quote answers: {_line(part)}")
    for citation in record["citations"]:
        if citation.get("withdrawn") and "source_changed" not in citation:
            yield from ("", f"**\\[{citation['number']}\\]** {_line(citation['document_title'])}")
            continue
        yield from ("", f"**\\[{citation['number']}\\]** {_source(citation, public_url)}")
        if "source_changed" in citation:
            yield from ("", _became(citation, public_url))
        if citation["cited_text"]:
            yield ""
            yield from (f"> {line}" for line in _paragraphs(citation["cited_text"]))


def _became(citation: dict[str, Any], public_url: str) -> str:
    """Return what became of a source since it was quoted, on one line."""
    words = f"*{_line(citation['note'])}* Quoted was {_version(citation['source_changed']['from'])}; "
    words += f"now it is {_version(citation['source_changed']['to'])}."
    moved = citation.get("moved_to")
    if moved:
        span = f"characters {moved['start_char_index']}–{moved['end_char_index']}"
        words += f" The same words now stand at [{span}](<{_address(public_url + moved['viewer_url'])}>)."
    return words


def _version(text: dict[str, Any]) -> str:
    number = "a version of unknown number" if text["version"] is None else f"version {text['version']}"
    stored = "" if text["stored_at"] is None else f", stored at {text['stored_at']}"
    return f"{number}{stored}, sha256 `{text['sha256']}`"


def _source(citation: dict[str, Any], public_url: str) -> str:
    """Return where a quote stands, on one line."""
    parts = [_line(citation["document_title"])]
    parts += [_line(citation[name]) for name in ("publisher", "published_at") if citation[name]]
    start, end = citation["start_char_index"], citation["end_char_index"]
    parts.append(f"[characters {start}–{end}](<{_address(public_url + citation['viewer_url'])}>)")
    if citation["url"]:
        parts.append(f"[source](<{_address(citation['url'])}>)")
    parts.append(f"document sha256 `{citation['document_sha256']}`")
    copies = citation.get("also_published_by", [])
    if copies:
        parts.append("also in " + ", ".join(_line(c["publisher"] or c["document_title"]) for c in copies))
    return ", ".join(parts)


def _address(url: str) -> str:
    """Return an address that ends nowhere but at its end; what it means to a browser stays the same."""
    return percent_encoded(url, safe="%/:?#[]@!$&'()*+,;=~-._")


def _line(text: str) -> str:
    return " ".join(_escaped(" ".join(text.split())).split("\n"))


def _paragraphs(text: str) -> list[str]:
    """Return the lines of a text, each kept as a line of its own."""
    lines = [_escaped(line) for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text)]
    # A backslash at its end keeps a line from running into the next one.
    return [
        line + "\\" if line.strip() and number + 1 < len(lines) and lines[number + 1].strip() else line
        for number, line in enumerate(lines)
    ]


def _escaped(line: str) -> str:
    """Return one line with every mark that could mean something made to mean itself."""
    if not line.strip():
        return ""
    escaped = _MARKS.sub(lambda mark: "\\" + mark.group(), line)
    escaped = re.sub(r"(?i)(?<=www)\.", r"\\.", escaped)
    escaped = re.sub(r"^(\s*\d{1,9})\.", r"\1\\.", escaped)
    # White space at the beginning would make it code.
    indent = len(escaped) - len(escaped.lstrip())
    return "".join(f"&#{ord(char)};" for char in escaped[:indent]) + escaped[indent:]
