"""The document page: every character kept, the quote exact, nothing hostile alive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api import viewer_page
from api.viewer_page import DocumentPage, ExcludedPart, render_document_page

VOID = {"meta", "link", "br", "hr", "img", "input"}
WEB = Path(viewer_page.__file__).parent / "web"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    inside_text: bool
    text: str = ""


@dataclass
class Parsed:
    elements: list[Element] = field(default_factory=list)
    text: str = ""
    comments: list[str] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    @property
    def quoted(self) -> str:
        return "".join(mark.text for mark in self.all("mark"))

    @property
    def left_out(self) -> str:
        return "".join(span.text for span in self.all("span", class_="excluded"))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parsed = Parsed()
        self.stack: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = any(e.attributes.get("id") == "document-text" for e in self.stack)
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        element = Element(tag, dict(attrs), inside)
        self.parsed.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack
        assert self.stack[-1].tag == tag, (tag, [e.tag for e in self.stack])
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        for element in self.stack:
            element.text += data
        if any(e.attributes.get("id") == "document-text" for e in self.stack):
            self.parsed.text += data

    def handle_comment(self, data: str) -> None:
        self.parsed.comments.append(data)


def parse(html: str) -> Parsed:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.stack == []
    return reader.parsed


def a_page(text: str = "One.\nTwo.", *excluded: ExcludedPart, **other: str | None) -> DocumentPage:
    page = DocumentPage(
        document_id="news-17",
        title="A title",
        text=text,
        publisher="The Paper",
        published_at="2025-11-06",
        language="en",
        url="https://example.org/a?b=1&c=2",
        document_sha256=SHA256,
        excluded=tuple(excluded),
    )
    return replace(page, **other)  # type: ignore[arg-type]


def part(start: int, end: int, reason: str = "comments") -> ExcludedPart:
    return ExcludedPart(start=start, end=end, reason=reason)


PIECES = (
    "Кыргыз Республикасы ңөү",
    "👩‍👩‍👧‍👦🇰🇬",
    "e\u0301a\u0308",
    "<script>alert(1)</script>",
    "&amp;",
    "&#60;b&#x3e;",
    "&lt",
    "</p></article></mark>",
    "<!-- ",
    "]]>",
    "<pre>\n",
    "\n",
    "\n\n",
    "\n \t\n",
    "   ",
    "\t",
    "\u00a0",
    "\u200f\u202eعربي",
    "\u2028",
    "\x0b\x0c\x85",
    "\ufeff",
    "\"'`=",
    "plain words. ",
)
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\x00"),
        min_size=1,
        max_size=60,
    ),
)


@st.composite
def ranges(draw: st.DrawFn, length: int) -> tuple[int, int]:
    start = draw(st.integers(0, length - 1))
    return start, draw(st.integers(start + 1, length))


@st.composite
def cases(draw: st.DrawFn) -> tuple[DocumentPage, tuple[int, int]]:
    text = draw(texts)
    spans = draw(st.lists(ranges(len(text)), max_size=5))
    reasons = st.sampled_from(("share_buttons", "teaser", "brand_new_reason", '"><i>'))
    excluded = [part(start, end, draw(reasons)) for start, end in spans]
    return a_page(text, *excluded), draw(ranges(len(text)))


@settings(max_examples=400, deadline=None)
@given(cases())
@example((a_page("a\n\nb", part(0, 4), part(1, 2)), (0, 4)))
@example((a_page("\n\nabc\n", part(1, 4)), (0, 6)))
@example((a_page("abcdef", part(1, 3), part(2, 5, "teaser")), (2, 4)))
def test_the_page_holds_every_character_in_its_place(
    case: tuple[DocumentPage, tuple[int, int]],
) -> None:
    page, (start, end) = case
    seen = parse(render_document_page(page, quote=(start, end)))
    assert seen.text == page.text
    assert seen.quoted == page.text[start:end]
    covered = {i for p in page.excluded for i in range(p.start, p.end)}
    assert seen.left_out == "".join(page.text[i] for i in sorted(covered))

    marks = seen.all("mark")
    assert marks[0].attributes == {"id": "quote", "tabindex": "-1"}
    assert all(mark.attributes == {} for mark in marks[1:])
    assert all(mark.text for mark in marks)
    assert {e.tag for e in seen.elements if e.inside_text} <= {"p", "mark", "span"}
    assert not seen.comments


@settings(max_examples=100, deadline=None)
@given(texts)
def test_without_a_quote_nothing_is_marked(text: str) -> None:
    seen = parse(render_document_page(a_page(text), quote=None))
    assert seen.text == text
    assert seen.all("mark") == []
    assert seen.all("a", href="#quote") == []
    assert seen.all("button") == []
    assert seen.all("section") == []


def test_an_empty_document_is_an_empty_page() -> None:
    seen = parse(render_document_page(a_page(""), quote=None))
    assert seen.text == ""
    assert seen.one("h1").text == "A title"


def test_a_carriage_return_stays_one() -> None:
    html = render_document_page(a_page("a\r\nb\rc"), quote=(1, 4))
    assert "\r" not in html
    assert parse(html).text == "a\r\nb\rc"
    assert parse(html).quoted == "\r\nb"


def test_what_html_cannot_hold_keeps_its_place() -> None:
    html = render_document_page(a_page("a\x00b\ud800c", title="t\x00\udfff"), quote=(2, 3))
    html.encode("utf-8")
    seen = parse(html)
    assert seen.text == "a\ufffdb\ufffdc"
    assert seen.quoted == "b"
    assert seen.one("h1").text == "t\ufffd\ufffd"


def test_a_quote_counts_code_points_not_bytes_or_utf16() -> None:
    text = "😀é — ңа\u0301 end"
    seen = parse(render_document_page(a_page(text), quote=(5, 8)))
    assert seen.quoted == "ңа\u0301"


def test_a_quote_over_part_of_an_excluded_part_is_split_at_its_edges() -> None:
    page = a_page("abc def ghi", part(4, 7, "share_buttons"))
    html = render_document_page(page, quote=(2, 6))
    assert (
        '<p>ab<mark id="quote" tabindex="-1">c '
        '<span class="excluded" title="left out of answers: share buttons" '
        'data-reason="share buttons">de</span></mark>'
        '<span class="excluded" title="left out of answers: share buttons">f</span> ghi</p>'
    ) in html


def test_paragraphs_stand_between_the_line_breaks_of_the_text() -> None:
    page = a_page("One.\nTwo.\n \n  Three.\n", part(5, 9, "teaser"))
    html = render_document_page(page, quote=None)
    assert (
        '<p>One.</p>\n<p class="left-out"><span class="excluded" '
        'title="left out of answers: teaser of another article" '
        'data-reason="teaser of another article">Two.</span></p>'
        '\n \n<p class="after-blank-line">  Three.</p>\n</article>'
    ) in html


def test_a_quote_over_two_paragraphs_is_one_mark_in_each() -> None:
    seen = parse(render_document_page(a_page("One two.\nThree four."), quote=(4, 14)))
    assert [mark.text for mark in seen.all("mark")] == ["two.", "\n", "Three"]
    assert [mark.attributes.get("id") for mark in seen.all("mark")] == [
        "quote",
        None,
        None,
    ]


def test_a_part_over_several_paragraphs_names_its_reason_once() -> None:
    text = "Body.\nRead also:\nOther.\nMore."
    seen = parse(render_document_page(a_page(text, part(5, 23, "read_also")), quote=None))
    spans = seen.all("span", class_="excluded")
    assert [(s.text, s.attributes.get("data-reason")) for s in spans] == [
        ("\n", None),
        ("Read also:", "links to other articles"),
        ("\n", None),
        ("Other.", None),
    ]


def test_parts_on_top_of_each_other_give_every_reason() -> None:
    page = a_page("abcd", part(0, 3, "comments"), part(1, 4, "teaser"), part(1, 2, "comments"))
    spans = parse(render_document_page(page, quote=None)).all("span", class_="excluded")
    assert [(s.text, s.attributes["title"]) for s in spans] == [
        ("a", "left out of answers: comments"),
        ("b", "left out of answers: comments, teaser of another article"),
        ("c", "left out of answers: comments, teaser of another article"),
        ("d", "left out of answers: teaser of another article"),
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("share_buttons", "share buttons"),
        ("read_also", "links to other articles"),
        ("comments", "comments"),
        ("follow_us", "invitation to follow"),
        ("teaser", "teaser of another article"),
        ("repeats_same_document", "repeats an earlier part of this document"),
        ("repeats_other_document", "repeats another document"),
        ("cookie_wall_text", "cookie wall text"),
    ],
)
def test_reasons_are_said_in_words(reason: str, words: str) -> None:
    seen = parse(render_document_page(a_page("abc", part(0, 3, reason)), quote=None))
    span = seen.one("span", class_="excluded")
    assert span.attributes == {
        "class": "excluded",
        "title": f"left out of answers: {words}",
        "data-reason": words,
    }
    assert "left out of answers" in seen.one("p", class_="legend").text


@pytest.mark.parametrize("quote", [(0, 0), (2, 2), (3, 2), (-1, 2), (0, 10), (9, 10), (-3, -1), (9, 9)])
def test_a_quote_outside_the_text_is_refused(quote: tuple[int, int]) -> None:
    said = rf"^quote: characters {quote[0]} to {quote[1]} do not lie inside a text of 9 "
    with pytest.raises(ValueError, match=said):
        render_document_page(a_page("One.\nTwo."), quote=quote)


@pytest.mark.parametrize("span", [(1, 1), (4, 2), (-2, 2), (0, 10)])
def test_an_excluded_part_outside_the_text_is_refused(span: tuple[int, int]) -> None:
    said = rf"'comments'.*characters {span[0]} to {span[1]} .* text of 9 "
    with pytest.raises(ValueError, match=said):
        render_document_page(a_page("One.\nTwo.", part(*span)), quote=None)


HOSTILE = (
    '"><script>alert(1)</script>',
    "'\"></title></h1></style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "--><svg/onload=alert(1)>",
    "&quot;&gt;<a href='javascript:alert(1)'>x</a>",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_are_only_words(hostile: str) -> None:
    page = DocumentPage(
        document_id=hostile,
        title=hostile,
        text=hostile,
        publisher=hostile,
        published_at=hostile,
        language=hostile,
        url="https://example.org/" + hostile,
        document_sha256=hostile,
        excluded=(part(0, len(hostile), hostile),),
    )
    seen = parse(render_document_page(page, quote=(1, 3)))
    assert seen.text == hostile
    assert seen.one("title").text == f"{hostile} – source"
    assert seen.one("h1").text == hostile
    assert seen.one("span", class_="publisher").text == hostile
    assert seen.one("a", class_="original").attributes["href"] == page.url
    assert [e.text for e in seen.all("dd")] == [hostile, "1", hostile]
    words = " ".join(hostile.split("_"))
    titles = {s.attributes["title"] for s in seen.all("span", class_="excluded")}
    assert titles == {f"left out of answers: {words}"}

    assert seen.one("article").attributes["lang"] == ""
    assert [e.attributes for e in seen.all("script")] == [{"src": "/static/viewer.js", "defer": None}]
    assert seen.all("img") == seen.all("svg") == seen.all("style") == []
    for element in seen.elements:
        assert not [n for n in element.attributes if n.startswith("on") or n == "style"]
    assert [a.attributes["href"] for a in seen.all("a")] == [
        "#document-text",
        page.url,
        "#quote",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert('https://example.org')",
        " https://example.org/",
        "data:text/html,<script>alert(1)</script>",
        "//example.org/",
        "/relative",
        "ftp://example.org/",
        "https:/example.org",
        "",
        None,
    ],
)
def test_only_web_addresses_are_linked(url: str | None) -> None:
    seen = parse(render_document_page(a_page(url=url), quote=None))
    assert [a.attributes["href"] for a in seen.all("a")] == ["#document-text"]
    assert seen.one("p", class_="meta").text == "The Paper · 6 November 2025"


def test_the_original_is_linked_without_trust() -> None:
    seen = parse(render_document_page(a_page(), quote=None))
    link = seen.one("a", class_="original")
    assert link.text == "Original"
    assert link.attributes == {
        "class": "original",
        "href": "https://example.org/a?b=1&c=2",
        "rel": "noopener noreferrer nofollow",
    }
    assert seen.one("p", class_="meta").text == "The Paper · 6 November 2025 · Original"
    http = parse(render_document_page(a_page(url="http://example.org/"), quote=None))
    assert http.one("a", class_="original").attributes["href"] == "http://example.org/"


@pytest.mark.parametrize(
    ("published_at", "shown", "machine"),
    [
        ("2025-11-06", "6 November 2025", "2025-11-06"),
        ("2024-02-29T23:59:00+06:00", "29 February 2024", "2024-02-29"),
        ("2025-01-01T00:00:00Z", "1 January 2025", "2025-01-01"),
        ("autumn 2025", "autumn 2025", None),
        ("2025-13-01", "2025-13-01", None),
    ],
)
def test_dates_are_shown_in_words_when_understood(published_at: str, shown: str, machine: str | None) -> None:
    page = a_page(published_at=published_at, publisher=None, url=None)
    seen = parse(render_document_page(page, quote=None))
    assert seen.one("p", class_="meta").text == shown
    assert [t.attributes["datetime"] for t in seen.all("time")] == ([machine] if machine else [])


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_missing_metadata_is_absent(missing: str | None) -> None:
    page = a_page(publisher=missing, published_at=missing, language=missing, url=missing)
    html = render_document_page(page, quote=None)
    seen = parse(html)
    assert seen.all("p", class_="meta") == []
    assert "None" not in html
    assert "·" not in html
    assert seen.one("article").attributes["lang"] == ""


def test_a_document_without_a_title_is_called_by_its_id() -> None:
    seen = parse(render_document_page(a_page(title="  "), quote=None))
    assert seen.one("h1").text == "news-17"
    assert seen.one("title").text == "news-17 – source"


@pytest.mark.parametrize("language", ["en", "ky", "zh-Hant-TW", "sr-Latn", "en-US"])
def test_the_text_carries_its_language(language: str) -> None:
    seen = parse(render_document_page(a_page(language=language), quote=None))
    assert seen.one("article").attributes["lang"] == language
    assert seen.one("article").attributes["dir"] == "auto"
    assert seen.one("h1").attributes["lang"] == language
    assert seen.one("html").attributes["lang"] == "en"


@pytest.mark.parametrize("language", ["en_US", "e", "en-", "en\n", "рус", 'en" x="', "en US"])
def test_what_is_no_language_tag_is_not_used(language: str) -> None:
    seen = parse(render_document_page(a_page(language=language), quote=None))
    assert seen.one("article").attributes["lang"] == ""


def test_the_quote_bar_names_the_offsets_and_leads_to_the_quote() -> None:
    text = "x" * 1204 + "y" * 187 + "z"
    seen = parse(render_document_page(a_page(text), quote=(1204, 1391)))
    assert seen.quoted == "y" * 187
    shown = " ".join(seen.one("p", class_="quote-range").text.split())
    assert shown == "Quoted passage: characters 1204–1391"
    assert seen.one("a", href="#quote").text == "Go to the quote"
    button = seen.one("button", id="copy-quote")
    assert button.text == "Copy quote"
    assert "hidden" in button.attributes
    assert seen.one("span", id="copy-status").attributes["aria-live"] == "polite"


def test_the_page_has_a_skip_link_a_footer_and_unique_ids() -> None:
    seen = parse(render_document_page(a_page(), quote=(0, 9)))
    assert seen.all("a")[0].attributes["href"] == "#document-text"
    assert [e.text for e in seen.all("dd", class_="mono")] == ["news-17", SHA256]
    footer = " ".join(seen.one("footer").text.split())
    assert "Unicode code points" in footer
    assert "not including" in footer
    ids = [e.attributes["id"] for e in seen.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert [e.attributes["href"] for e in seen.all("link")] == ["/static/viewer.css"]


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    light = 0.0
    for weight, at in ((0.2126, 0), (0.7152, 2), (0.0722, 4)):
        value = int(digits[at : at + 2], 16) / 255
        light += weight * (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return light


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_can_be_read_on_its_ground() -> None:
    css = (WEB / "viewer.css").read_text(encoding="utf-8")
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]
    assert len(palettes) == 3  # light, dark, print
    for colours in palettes:
        for text, ground in (
            ("ink", "paper"),
            ("ink", "raised"),
            ("quiet", "paper"),
            ("quiet", "raised"),
            ("link", "paper"),
            ("link", "raised"),
            ("mark-ink", "mark"),
            ("mark-quiet", "mark"),
        ):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (
                text,
                ground,
                colours,
            )


def test_the_files_reach_for_nothing_outside() -> None:
    for name in ("viewer.css", "viewer.js"):
        source = (WEB / name).read_text(encoding="utf-8")
        assert not re.search(r"https?:|url\(|@import|eval\(|innerHTML", source), name


def test_pages_and_sections_are_shown_and_add_nothing_to_the_text() -> None:
    text = "One.\n\nTwo.\n\nThree.\n\nFour.\n\nFive."
    starts = [text.index(word) for word in ("One", "Two", "Three", "Four")]
    page = replace(
        a_page(text),
        pages=((1, 0), (2, starts[1]), (3, starts[3]), (4, len(text))),
        sections=tuple((n, f"Part <{n}>", start) for n, start in enumerate(starts, start=1)),
    )
    seen = parse(render_document_page(page, quote=(starts[1], starts[2] + 3)))
    assert seen.text == text
    assert seen.quoted == text[starts[1] : starts[2] + 3]
    breaks = seen.all("div", class_="page-break")
    assert [b.attributes["aria-label"] for b in breaks] == ["Page 1", "Page 2", "Page 3", "Page 4"]
    links = [a for a in seen.all("a") if (a.attributes.get("href") or "").startswith("#section-")]
    assert [a.text for a in links] == ["Part <1>", "Part <2>", "Part <3>", "Part <4>"]
    assert {a.attributes["href"] for a in links} == {
        f"#{a.attributes['id']}" for a in seen.all("a") if "id" in a.attributes
    }


def test_few_sections_need_no_outline() -> None:
    page = replace(a_page("One.\nTwo."), sections=((1, "One", 0), (1, "Two", 5)))
    assert parse(render_document_page(page, quote=None)).all("nav") == []
