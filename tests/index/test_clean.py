"""What is marked as boilerplate, and above all what is not."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import clean
from index.clean import (
    COMMENTS,
    FOLLOW_US,
    FRONT_MATTER,
    READ_ALSO,
    REPEATS_OTHER,
    REPEATS_SAME,
    SHARE_BUTTONS,
    TEASER,
    fingerprints,
    mark_boilerplate,
    mark_repeats_of_others,
)
from index.load import load_paths
from index.types import Document, ExcludedSpan

DATA = Path(__file__).parents[1] / "data" / "clean"
SEEDS = Path(__file__).parents[2] / "seeds"
PAGES = sorted(path.stem for path in DATA.glob("*.tsv"))
PROSE = (
    "The river rose by two metres in a single night, and by morning the lower streets of the town "
    "stood under brown water that reached the window sills of the houses on the quay."
)


def document(text: str, title: str = "") -> Document:
    return Document(document_id="d", title=title, text=text, source="", root="")


def marked(text: str, title: str = "") -> list[tuple[str, str]]:
    return [(s.reason, text[s.start : s.end]) for s in mark_boilerplate(document(text, title))]


def read_page(name: str) -> tuple[Document, list[tuple[str, int, int]]]:
    """Return a page and its lines as (what is expected, start, end)."""
    text, title, lines = "", "", []
    for row in (DATA / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        expected, _, line = row.partition("\t")
        if expected == "title":
            title = line
        lines.append((expected, len(text), len(text) + len(line)))
        text += line + "\n"
    return document(text, title), lines


def expected_spans(lines: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    spans: list[tuple[str, int, int]] = []
    touching = False
    for expected, start, end in lines:
        if start == end:
            continue
        if expected in ("", "title") or expected.startswith("~"):
            touching = False
            continue
        if touching and spans[-1][0] == expected:
            spans[-1] = (expected, spans[-1][1], end)
        else:
            spans.append((expected, start, end))
        touching = True
    return spans


@pytest.mark.parametrize("name", PAGES)
def test_pages_exclude_exactly_what_is_expected(name: str) -> None:
    page, lines = read_page(name)
    found = [(s.reason, page.text[s.start : s.end]) for s in mark_boilerplate(page)]
    assert found == [(reason, page.text[start:end]) for reason, start, end in expected_spans(lines)]


def test_precision_and_recall_on_our_pages() -> None:
    right = wrong = missed = 0
    for name in PAGES:
        page, lines = read_page(name)
        spans = mark_boilerplate(page)
        for expected, start, end in lines:
            if start == end:
                continue
            hit = any(s.start <= start and end <= s.end for s in spans)
            boilerplate = expected not in ("", "title")
            right += hit and boilerplate
            wrong += hit and not boilerplate
            missed += boilerplate and not hit
    assert len(PAGES) >= 12
    assert wrong == 0
    assert right >= 70
    assert right / (right + missed) >= 0.95


def test_seeds_exclude_the_sensible_parts_and_nothing_else() -> None:
    found = {
        item.document_id: [(s.reason, item.text[s.start : s.end]) for s in mark_boilerplate(item)]
        for item in load_paths([SEEDS])
        if isinstance(item, Document)
    }
    shares = (SHARE_BUTTONS, "VK X OK WhatsApp Telegram")
    assert found["000_80d9d01c5d28607e.txt"] == [
        shares,
        shares,
        (
            READ_ALSO,
            'Read also:\n\n"Ala-Archa Zone"\n\n"Ala-Archa Zone"\n\nAla-Archa Zone is located 30 km south of '
            "Bishkek in the central part of the Kyrgyz Ala-Too range...",
        ),
        (COMMENTS, "Write a comment:"),
    ]
    assert found["002_07660cdc68c3866e.txt"] == []
    repeated, teaser, follow = found["003_92c9d1e76ba97b76.txt"]
    assert repeated[0] == REPEATS_SAME
    assert repeated[1].startswith("U.S. President Donald Trump prepared to host")
    assert repeated[1].endswith("both procure the raw materials and process them.")
    assert repeated[1].count("\n") == 1
    assert teaser == (
        TEASER,
        "Read more in today’s World Brief: Trump Seeks to Counter Russia, China in Their Own Backyard.",
    )
    assert follow == (
        FOLLOW_US,
        "This post is part of FP’s ongoing coverage of the Trump administration. Follow along here.",
    )


def test_a_comments_link_above_the_article_takes_nothing_with_it() -> None:
    text = f"Comments\n{PROSE}\nReply\nReply\n{PROSE.replace('river', 'lake')}"
    assert marked(text) == []


def test_a_read_also_line_stops_at_the_title_and_at_prose() -> None:
    text = f"Trending\nThe headline of this very page is here\n{PROSE}\nA headline"
    assert marked(text, "The headline of this very page is here") == [(READ_ALSO, "Trending")]


def test_a_read_also_tail_keeps_whole_sentences() -> None:
    text = f"{PROSE}\nRead also:\nThe old mill\nThe museum is open every day."
    assert marked(text) == [(READ_ALSO, "Read also:\nThe old mill")]


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: x\nno closing mark",
        "---\n---\nText",
        "---\nA sentence, and no key at all.\n---\nText",
        "Text first\n---\ntitle: x\n---",
        "----\ntitle: x\n---\nText",
    ],
)
def test_what_is_no_front_matter(text: str) -> None:
    assert [reason for reason, _ in marked(text) if reason == FRONT_MATTER] == []


def test_front_matter_without_a_blank_line_after_it_ends_at_its_mark() -> None:
    assert marked("---\ntitle: x\n---\nlower-case text follows at once") == [
        (FRONT_MATTER, "---\ntitle: x\n---")
    ]


def test_repeats_of_other_documents_are_added_in_order() -> None:
    text = f"Share on Facebook\n{PROSE}\nA line of its own."
    own = mark_boilerplate(document(text))
    prints = fingerprints(text)
    assert [text[p.start : p.end] for p in prints] == [PROSE]
    spans = mark_repeats_of_others(document(text), own, prints, {prints[0].digest: "first"})
    assert spans == [
        ExcludedSpan(start=0, end=17, reason=SHARE_BUTTONS),
        ExcludedSpan(start=18, end=18 + len(PROSE), reason=REPEATS_OTHER, repeats_document_id="first"),
    ]
    assert mark_repeats_of_others(document(text), own, prints, {}) == own


def test_repeats_of_others_do_not_overlap_our_own_spans() -> None:
    text = f"{PROSE}\n{PROSE}"
    own = mark_boilerplate(document(text))
    assert own == [ExcludedSpan(start=len(PROSE) + 1, end=len(text), reason=REPEATS_SAME)]
    spans = mark_repeats_of_others(
        document(text), own, fingerprints(text), {p.digest: "first" for p in fingerprints(text)}
    )
    assert [(s.start, s.end, s.reason) for s in spans] == [
        (0, len(PROSE), REPEATS_OTHER),
        (len(PROSE) + 1, len(text), REPEATS_SAME),
    ]


def test_fingerprints_see_letters_only_and_no_short_lines() -> None:
    plain, dressed = fingerprints(PROSE), fingerprints(f"«{PROSE.upper()}»")
    assert plain[0].digest == dressed[0].digest
    assert fingerprints("a" * 59) == []
    assert len(fingerprints("a" * 60)) == 1


LINES = st.sampled_from(
    [
        "",
        "---",
        "title: x",
        "# Title",
        "Share",
        "Facebook",
        "Print",
        "VK X OK WhatsApp",
        "Read also:",
        "Comments",
        "Reply",
        "2 days ago",
        "Read more: A headline",
        "Subscribe",
        "Advertisement",
        "- item",
        "A headline of five words",
        PROSE,
        "  \u200b",
        "Écrit… 👩‍👩‍👧",
        "\ufeff",
        "x" * 400,
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=25), st.sampled_from(["", "Share", PROSE]))
def test_spans_are_exact_ordered_and_disjoint(lines: list[str], title: str) -> None:
    text = "\n".join(lines)
    spans = mark_boilerplate(document(text, title))
    for span in spans:
        assert 0 <= span.start < span.end <= len(text)
        part = text[span.start : span.end]
        assert part.strip("\u200b\ufeff\u2060 \n") != ""
        assert not part[0].isspace()
        assert not part[-1].isspace()
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert mark_boilerplate(document(text, title)) == spans


HOSTILE = [
    "1" * 100_000,
    "facebook twitter vk " + "1" * 100_000 + "a",
    "Facebook Twitter " + "x " * 50_000,
    "share " * 20_000,
    "follow " + "a " * 50_000,
    "Subscribe to " + "newslette " * 10_000,
    "this website uses cookies " + "by usin " * 12_000,
    "read more in " + "a:" * 50_000,
    "photo: " + "a / " * 25_000,
    "this post is part of " + "a’s " * 25_000,
    "©" * 100_000,
    "---\n" + "a: " * 30_000,
    " " * 100_000 + "Share",
    "!" * 100_000,
]


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_lines_take_no_time(line: str) -> None:
    # Whole, and cut to the lengths at which the patterns are tried.
    for text in (line, *(line[:n] + "\x01" for n in (60, 80, 160, 200, 240, 318))):
        begun = time.perf_counter()
        mark_boilerplate(document(text))
        assert time.perf_counter() - begun < 0.5


def test_every_pattern_is_fast_at_the_length_it_may_meet() -> None:
    stuff = ["a" * 320, "a " * 160, "1 " * 160, "a-" * 160, "/" * 320, ". " * 160, "x,y " * 80, "и " * 160]
    heads = [
        "",
        "Photo: ",
        "follow ",
        "share ",
        "get ",
        "we use cookies ",
        "read more in ",
        "© ",
        "подпишитесь на ",
    ]
    patterns = [value for value in vars(clean).values() if isinstance(value, re.Pattern)]
    assert len(patterns) >= 15
    for pattern in patterns:
        for line in (f"{head}{tail}"[:320] for head in heads for tail in stuff):
            begun = time.perf_counter()
            pattern.fullmatch(line)
            pattern.search(line)
            assert time.perf_counter() - begun < 0.25, (pattern.pattern, line)


@pytest.mark.parametrize("line", ["Comments", "Read also", "Read also\nReply", "Facebook", "a: b", PROSE])
def test_time_grows_with_the_text_and_no_faster(line: str) -> None:
    def seconds(lines: int) -> float:
        text = "\n\n".join([line] * lines)
        begun = time.perf_counter()
        mark_boilerplate(document(text, "A title"))
        return time.perf_counter() - begun

    seconds(100)
    small = min(seconds(1_000) for _ in range(3))
    # Eight times the text in under thirty times the time: quadratic work would need sixty-four.
    assert seconds(8_000) < 30 * small + 0.05
