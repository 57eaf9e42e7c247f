"""Measures what `index.clean` marks on other people's pages.

    python -m eval.bench.boilerplate --documents FOLDER_OR_TARGZ [--articles FILE …] [--queries FILE]
        [--out eval/results/boilerplate.json] [--list]

`--documents` holds `article_extraction/*.html.gz` and `ground-truth.json`, the article text of each
page as a person extracted it. HTML becomes plain lines the way copy-and-paste gives them: menus
and all. A line is *content* when its letters are in the reference text, else *boilerplate*; the
page's title is neither, since the references leave it out. `--articles` are clean article texts
(JSON lines with `id`, `title`, `text`), in which next to nothing should be marked; `--queries` name
facts in them that must never be. Pages are halved by the hash of their name: rules are written
looking at "develop" only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import platform
import re
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from eval.significance import wilson
from index.canonical import canonical_text
from index.clean import REPEATS_SAME, mark_boilerplate
from index.types import Document, ExcludedSpan

FOLDER = "article_extraction"
_DROPPED = frozenset({"script", "style", "noscript", "template", "svg", "head", "iframe", "object"})
_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark q s samp "
    "small span strike strong sub sup time tt u var wbr "
)
_INLINE = frozenset(_INLINE_TAGS.split())
# Fewer letters than this are found in any long text by chance ("Share", "News").
_MIN_CHANCE = 25
_SHINGLE = 30

# The lines a reader would look at first to find the kinds we name. It is no part of the rules: it
# draws the sample that a person labelled, and knows nothing of what they mark.
_SUSPECT = re.compile(
    r"shar(?:e|es|ing)\b|tweet|facebook|twitter|whatsapp|linkedin|pinterest|reddit|e-?mail|print\b|"
    r"comment|repl(?:y|ies)\b|"
    r"\bread(?:ing)?\b|related|recommend|popular|trending|also\b|more\b|follow|subscri|sign up|"
    r"newsletter|cookie|copyright|©|"
    r"rights reserved|advert|sponsor|watch\b|next\b|getty|credit|gallery|latest|like this",
    re.IGNORECASE,
)
SAMPLE_PER_HALF = 150
# Hand labels of the sample: first 10 hex digits of sha256(page name, line letters), by kind. Texts
# stay with their publishers. "other" is what we do not name (menus, bylines, forms, legal links).
LABELS: dict[str, str] = {
    "comments": (
        "04b661384a 051ebbf84b 0a0b58f347 0ba133143f 0d571af30a 0f9f13dd35 142e37b4e3 167aaa4ad4 "
        "192ef8ab94 1aad9efaa3 207c03f2bb 22bc6b9111 23a7f4c646 2eaef7a9ef 3408f80d3a 357cfff6bd "
    ),
    "follow_us": (
        "0084f92da1 063954c6ca 078d4fbd2b 07ae1ab6af 07ff5e72df 0b12500cf1 0de6edcdb5 0f99478f44 "
        "13fdb42c1a 15b0eb5159 17850a4013 1a5629b214 1d4a89fbf6 1e2bcf1bea 1e2f104cf4 1fe92d20ad "
        "20f1db52b5 23a5d8f258 23ac46fe1b 2610d7f849 26f391e914 27c046c553 29281c0f8d 2b11ae467d "
        "2c6d5e9cec 30a92e2260 32b33b2a25 341f0a4791 36e69e6ee6 3ac6ca09d8 3c0ee25cec 3ca3985c6e "
    ),
    "notice": (
        "007b3661be 020afb1ff0 028adc0e4f 088f98274b 0d8b7aa67c 10c8a81705 10d3c88cf6 12a3bb8e18 "
        "12de67c933 131e0522f7 15164431b4 1878f8ceb2 1d112d08c5 1fc093cefb 20c2612cbe 23b2d88424 "
        "24ee82712d 26d7b3228e 290b574cd8 297549d83c 2bd868a2fe 2ede96a72c 2f8f1b1a89 33000487a0 "
        "338859e6ac 3448b83040 34b7c52706 34e6cc53de 35bcedf5ea 3772924cac 3c6d50b3c1 "
    ),
    "other": (
        "0049deb98e 004fad1a74 0209c83321 02e175b0af 0349f48b66 051572383f 051ad01228 05220e40bb "
        "05892a2f7f 059c0291db 05ecf77fdc 061fdb364e 07a05e1b85 07bef3eaf6 07de04c89d 0880365b21 "
        "091b4879bd 0a79d0bfcc 0aabe8eb55 0acb66e8a0 0ca8d38a2e 0cab9a2bb5 0db3c537d1 0defefcec9 "
        "0e9b0c283c 0ed98356f3 0eed5aa08c 100ea10dd3 10a41c26c7 10e3a74774 115b314a75 120d7bd9f8 "
        "121250c9eb 13a6e6558f 140458f22c 147424c7f8 14ea9e841e 1517792b11 154c2c5990 154f667274 "
        "15753b9448 15bfec6b44 16d83b4d7f 17169d0634 17a08b7e81 18a1544367 193f5f97c1 195a2573e7 "
        "19b1fc5d88 1a0810b402 1a082d5674 1a20f0c699 1a6e3848ba 1b00002b79 1b02afd84e 1b99faf043 "
        "1bd085e8f6 1c72e345cc 1c98b5a840 1d9b243bda 1deac9e262 1eff21b2d7 1f4f967c84 200349f07f "
        "2082e6c1d1 20bc2b5332 20d40ef684 221d4b4e41 227c54cca8 23012c2d37 236a1d65ee 236f5f39c9 "
        "241faef078 245914ecda 252c5b6909 25cd52c7dd 2600779214 261a720265 2620133717 278c8c8b3b "
        "27ff8e6770 2821f3e931 28723a8f12 28c8a5458d 2904aea904 2973524924 297cce9201 2988d9607e "
        "2a61d11148 2ab8ee373b 2acd2dda51 2c26da3aab 2c6e9cd79d 2cd2aa01b2 2d25c2858b 2ea580bb1d "
        "2ecb4c11a9 2ed4d89768 2f4072b1dd 30271d4307 302808a120 3061eb3b05 30833e2840 3097440323 "
        "30bbe2d938 3113c59aac 31ae3800f6 31ce74de11 31f2176bfa 321977e03c 323a4a31c9 32cec4ede3 "
        "333993b572 3385b3d16c 339c3e324a 33d9c4773e 3465975f56 34ad0bc008 34cf314a28 34e89a56dc "
        "35123c6416 355fe2bdbd 357f6e1208 35993f7dbc 383708c6ed 384c5ac473 392d826499 3adb5074ea "
        "3ae49caf1e 3b28850757 3cc75b82cb "
    ),
    "read_also": (
        "0652e581ce 07a9296ba1 0b0d072475 0be1be11d1 1198d21584 123468fdf2 13fa7ea24d 1676061a33 "
        "18e563d696 1ac44a2aea 1b210b23c8 1b6cf3114f 1b70699b5c 1bfff4df14 1c009a1646 1c6710d1b5 "
        "1dc0f4e9c3 1f009f1d4a 1f87b4aa01 21efc89ceb 222b8308de 2472d2cd33 24b65f6efc 2528e77c05 "
        "25bc7a8b91 266e9580af 26727f14c9 2937213f8e 3212f7dfd8 3234819e95 3297272373 340d94845f "
        "3552902814 36536fb29d 38303b27ac 3bf49bdc32 "
    ),
    "share_buttons": (
        "006d51ef26 007d095e03 00ec940f9a 03bf1ace56 05d7988b0d 08730fdef6 09401c30e7 09b571d8a1 "
        "0a1511db6c 0a5d80f43c 0dd0a8634e 0fea8de638 11a6acb414 1247240d70 1355a1f65b 14d2b01ada "
        "157a3a2e00 16059cf275 16f2ae8c3f 178a2b8ce6 17aec3dc0c 17c650aef5 1861e20edf 1bcd556c42 "
        "1d23e895b9 20c2e6f35c 20f232a4d3 218be1c434 219e3abbd0 228f0dd04c 2321625551 241ee8c414 "
        "2a763b07a5 2b0750d5e3 2bfd5ba327 2d8094857e 2e545e5a60 3003311000 3059699f68 305c81e558 "
        "306903df12 3097c974f1 3250a95540 33ef062b8a 34bffa223f 34d79f3306 368d6b0c39 37b6fc3ec7 "
        "3a74b6facf "
    ),
    "teaser": ("0f61decc8e 11c6a5c6b9 1bd92f8cdf 230dcd7351 291ffc73ba "),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page as plain lines, and its reference article text."""

    name: str
    title: str
    text: str
    reference: str

    @property
    def half(self) -> str:
        return "develop" if hashlib.sha256(self.name.encode()).digest()[0] % 2 == 0 else "held_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a page. `reason` is why it is marked; `kept_copy`: an equal line before it is not."""

    page: str
    half: str
    text: str
    label: str
    reason: str | None
    kept_copy: bool

    @property
    def wrong(self) -> bool:
        """Marked although it is the article's own, and said nowhere else."""
        return self.reason is not None and self.label == "content" and not self.kept_copy

    @property
    def line_id(self) -> str:
        return hashlib.sha256(f"{self.page}\n{letters(self.text)}".encode()).hexdigest()[:10]


class _Lines(HTMLParser):
    """HTML → lines: block elements end a line, inline ones do not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._dropped: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "body":
            self._dropped.clear()  # a head that was never closed
        if tag in _DROPPED:
            self._dropped.append(tag)
        self._in_title = tag == "title" and not self.title
        if tag not in _INLINE:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._dropped:
            while self._dropped.pop() != tag:
                pass
        if tag == "title":
            self._in_title = False
        if tag not in _INLINE:
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in _INLINE:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._dropped:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_lines(html: str) -> tuple[str, str]:
    """Return (title, text) of an HTML page, with one line a block element."""
    parser = _Lines()
    parser.feed(html)
    parser.close()
    lines = (re.sub(r" +", " ", line).strip() for line in "".join(parser.parts).split("\n"))
    return " ".join("".join(parser.title).split()), "\n".join(line for line in lines if line)


def letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def read_pages(source: Path) -> list[Page]:
    """Read the pages from a folder or a .tar.gz that holds them."""
    files: dict[str, bytes] = {}
    if source.is_dir():
        found = source / FOLDER
        files = {path.name: path.read_bytes() for path in sorted(found.iterdir())}
    else:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and member.name.startswith(f"{FOLDER}/"):
                    stream = archive.extractfile(member)
                    assert stream is not None
                    files[member.name.rsplit("/", 1)[1]] = stream.read()
    truth = json.loads(files.pop("ground-truth.json"))
    pages = []
    for name, raw in sorted(files.items()):
        key = name.removesuffix(".html.gz")
        html = gzip.decompress(raw).decode("utf-8", "replace").replace("\x00", "")
        title, text = plain_lines(html)
        reference = truth[key]["articleBody"]
        pages.append(Page(name=key, title=title, text=canonical_text(text, key), reference=reference))
    return pages


def judge(page: Page) -> list[Line]:
    """Label every line of a page and say what the rules do with it."""
    document = Document(document_id=page.name, title=page.title, text=page.text, source="", root="")
    spans = mark_boilerplate(document)
    whole = letters(page.reference)
    short = {letters(line) for line in page.reference.split("\n")}
    shingles = {whole[i : i + _SHINGLE] for i in range(max(1, len(whole) - _SHINGLE + 1))}
    found: list[Line] = []
    kept: set[str] = set()
    for start, end in _line_spans(page.text):
        text = page.text[start:end]
        own = letters(text)
        if not own:
            continue
        if own == letters(page.title) or (len(own) >= 15 and letters(page.title).startswith(own)):
            label = "title"
        elif own in short or (len(own) >= _MIN_CHANCE and _is_in(own, whole, shingles)):
            label = "content"
        else:
            label = "boilerplate"
        reason = _reason(spans, start, end)
        found.append(
            Line(page=page.name, half=page.half, text=text, label=label, reason=reason, kept_copy=own in kept)
        )
        if reason is None:
            kept.add(own)
    return found


def _is_in(own: str, whole: str, shingles: set[str]) -> bool:
    """Tell whether a line is in the reference, or most of it (a line may carry a caption too)."""
    if own in whole:
        return True
    pieces = [own[i : i + _SHINGLE] for i in range(0, max(1, len(own) - _SHINGLE + 1), 5)]
    return sum(piece in shingles for piece in pieces) >= 0.5 * len(pieces)


def _line_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^\n]+", text):
        yield match.span()


def _reason(spans: Sequence[ExcludedSpan], start: int, end: int) -> str | None:
    """Return the reason of the span that covers most of a line."""
    for span in spans:
        if min(end, span.end) - max(start, span.start) > (end - start) / 2:
            return span.reason
    return None


def share(hits: int, total: int) -> dict[str, Any]:
    return {
        "hits": hits,
        "of": total,
        "share": round(hits / total, 4) if total else None,
        "wilson_95": [round(bound, 4) for bound in wilson(hits, total)] if total else None,
    }


def summary(lines: Sequence[Line], labels: dict[str, str]) -> dict[str, Any]:
    """Count precision, recall and harm over lines; titles count in neither precision nor recall."""
    marked = [x for x in lines if x.reason is not None and x.label != "title"]
    boilerplate = [x for x in lines if x.label == "boilerplate"]
    content = [x for x in lines if x.label == "content"]
    by_reason = defaultdict(list)
    for line in marked:
        by_reason[line.reason].append(line)
    named = [x for x in unique(lines) if labels.get(x.line_id, "other") != "other"]
    other = [x for x in unique(lines) if labels.get(x.line_id) == "other"]
    kinds = Counter(labels[x.line_id] for x in named)
    return {
        "lines": len(lines),
        "precision_lines": share(sum(not x.wrong for x in marked), len(marked)),
        "precision_characters": share(
            sum(len(x.text) for x in marked if not x.wrong), sum(len(x.text) for x in marked)
        ),
        "precision_lines_by_reason": {
            str(reason): share(sum(not x.wrong for x in group), len(group))
            for reason, group in sorted(by_reason.items(), key=lambda item: str(item[0]))
        },
        "recall_all_boilerplate_lines": share(
            sum(x.reason is not None for x in boilerplate), len(boilerplate)
        ),
        "recall_all_boilerplate_characters": share(
            sum(len(x.text) for x in boilerplate if x.reason), sum(len(x.text) for x in boilerplate)
        ),
        "recall_named_kinds_labelled_lines": share(sum(x.reason is not None for x in named), len(named)),
        "recall_by_labelled_kind": {
            kind: share(sum(x.reason is not None for x in named if labels[x.line_id] == kind), count)
            for kind, count in sorted(kinds.items())
        },
        "labelled_other_marked_too": share(sum(x.reason is not None for x in other), len(other)),
        "harm_characters": share(
            sum(len(x.text) for x in content if x.wrong), sum(len(x.text) for x in content)
        ),
        "repeats_whose_first_copy_stays": share(
            sum(x.kept_copy for x in marked if x.reason == REPEATS_SAME),
            sum(x.reason == REPEATS_SAME for x in marked),
        ),
        "titles_marked": sum(x.label == "title" and x.reason is not None for x in lines),
    }


def unique(lines: Iterable[Line]) -> list[Line]:
    return list({x.line_id: x for x in reversed(list(lines))}.values())


def sample(lines: Sequence[Line], half: str) -> list[Line]:
    """Draw the lines to label: outside the reference, with a word that our kinds tend to hold."""
    drawn = [
        x for x in unique(lines) if x.half == half and x.label == "boilerplate" and _SUSPECT.search(x.text)
    ]
    return sorted(drawn, key=lambda x: x.line_id)[:SAMPLE_PER_HALF]


def harm_on_articles(path: Path, facts: dict[str, list[tuple[int, int]]], show: bool) -> dict[str, Any]:
    """Mark clean article texts: everything marked is listed on request, to be looked at."""
    documents = characters = marked = hit = total = 0
    reasons: Counter[str] = Counter()
    for row in _rows(path):
        text = canonical_text(row["text"], row["id"])
        spans = mark_boilerplate(
            Document(document_id=row["id"], title=row["title"], text=text, source="", root="")
        )
        documents += 1
        characters += len(text)
        for span in spans:
            marked += span.end - span.start
            reasons[span.reason] += 1
            if show:
                print(f"{row['id']}\t{span.reason}\t{text[span.start : span.end]!r}")
        for start, end in facts.get(row["id"], []):
            total += 1
            hit += any(span.start < end and span.end > start for span in spans)
    result: dict[str, Any] = {
        "file_sha256": _sha256(path),
        "documents": documents,
        "spans_by_reason": dict(sorted(reasons.items())),
        "marked_characters": share(marked, characters),
    }
    if total:
        result["evidence_facts_touched"] = share(hit, total)
    return result


def read_facts(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Return the spans of evidence facts by document, each once."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for row in _rows(path):
        for fact in row.get("evidence", []):
            if fact.get("start") is not None and fact["start"] >= 0:
                found[fact["doc_id"]].add((fact["start"], fact["start"] + len(fact["fact"])))
    return {key: sorted(spans) for key, spans in found.items()}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--articles", type=Path, nargs="*", default=[])
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--list", action="store_true", help="print what is marked, to look at it")
    parser.add_argument(
        "--sample", choices=("develop", "held_out"), help="print the sample to label, and stop"
    )
    options = parser.parse_args(arguments)
    labels = {line_id: kind for kind, ids in LABELS.items() for line_id in ids.split()}
    lines = [line for page in read_pages(options.documents) for line in judge(page)]
    if options.sample:
        for line in sample(lines, options.sample):
            print(f"{line.line_id}\t{labels.get(line.line_id, '?')}\t{line.text[:200]}")
        return 0
    if options.list:
        for line in lines:
            if line.reason and line.half == "develop":
                label = "WRONG" if line.wrong else line.label
                print(f"{label}\t{line.reason}\t{line.page[:8]}\t{line.text[:200]}")
    facts = read_facts(options.queries) if options.queries else {}
    report = {
        "what": "boilerplate rules on 97 news pages with reference article texts, and on clean articles",
        "command": "python -m eval.bench.boilerplate --documents documents.tar.gz"
        + "".join(
            f" --articles {' '.join(path.name for path in options.articles)}" for _ in options.articles[:1]
        )
        + (f" --queries {options.queries.name}" if options.queries else ""),
        "python": platform.python_version(),
        "commit": _commit(),
        "documents_sha256": _sha256(options.documents),
        "pages": dict(Counter({x.page: x.half for x in lines}.values())),
        "reading": (
            "A marked line is wrong when it is in the reference text and no copy before it stays. Recall "
            "over all boilerplate is low by design: menus and lists of links are not what these "
            "rules are for. "
            "Recall over the named kinds is on a hand-labelled sample of lines outside the reference that "
            "hold a word such as share, comment, related or newsletter; the labels are in the "
            "script, by hash. "
            "Intervals over characters treat characters as independent, which they are not."
        ),
        "halves": {
            half: summary([x for x in lines if x.half == half], labels) for half in ("develop", "held_out")
        },
        "all": summary(lines, labels),
        "articles": {path.name: harm_on_articles(path, facts, options.list) for path in options.articles},
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text, file=sys.stderr if options.list else sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
