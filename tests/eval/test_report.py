"""The page of a report, read as a browser would: sound, self-contained, escaped, and saying what it leaves out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from eval.datatypes import Entry, Estimate, Failure, Gold, Question, Run, SourceText, Timing
from eval.errors import EvaluationError
from eval.judgement import Judgement
from eval.report import gather, report_json, report_markdown, write_report
from eval.report.answers import answers_html
from eval.report.compare import signed
from eval.report.data import HEADLINES, distinct, figure, verdict_of
from eval.report.html import bidi, clipped, html, plain, visible
from eval.report.quotes import citation_html, context_html
from rag.types import Turn
from tests.eval.eval_fakes import (
    abstained,
    answered,
    asked,
    case_of,
    cited,
    failed,
    gold_in,
    loose,
    ranked,
    run_of,
    source,
)

DOC = source("d1", "Zinc was found in 1907. It is soft.\nTin is not. Lead is heavy.")
ZINC = gold_in(DOC, "Zinc was found in 1907.")
TIN = gold_in(DOC, "Tin is not.")
FEW = 20  # resamples: the values are what is tested here, not the width of their intervals
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order; collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [str(found[attribute]) for _, found in self.tags if attribute in found]


def timed(run: Run) -> Run:
    timings = {
        question.question_id: Timing(question_id=question.question_id, ask_ms=10.0 * place, search_ms=None)
        for place, question in enumerate(run.questions, start=1)
    }
    return replace(run, timings=timings)


def a_run(name: str = "first", *, tin_is_answered: bool = False) -> Run:
    tin = asked("q4", gold=[TIN], kind="why")
    return timed(
        run_of(
            answered(
                asked("q1", gold=[ZINC], answers=["1907"]),
                {**cited(DOC, "Zinc was found in 1907."), "number": 1},
                answer="Zinc was found in 1907. [1]",
                short="1907",
                confidence=0.9,
                ranking=ranked("d1", "d2"),
            ),
            failed(asked("q2", gold=[ZINC])),
            abstained(asked("q3", answerable=False, kind="near miss")),
            answered(
                tin, {**cited(DOC, "Tin is not."), "number": 1}, answer="Tin is not. [1]", confidence=0.8
            )
            if tin_is_answered
            else abstained(tin),
            answered(
                asked("q5", answerable=False, kind="near miss"),
                {**cited(DOC, "Lead is heavy."), "number": 1},
                answer="Lead is heavy. [1] See [7].",
                confidence=0.4,
            ),
            answered(
                asked("q6", gold=[ZINC]),
                {**cited(DOC, "Lead is heavy."), "number": 1},
                answer="Lead is heavy. [1]",
                confidence=0.6,
                outcome="partial",
            ),
            documents=[DOC],
            name=name,
            manifest={
                "data": {"name": "metals", "sha256": "d" * 64, "licence": "CC0"},
                "target": {"name": "in-process", "describe": {"models": {"reader": "r1"}}},
                "created": "2025-11-21T22:31:00+00:00",
                "commit": "abc123",
                "dirty": True,
                "settings": {"retrieve_k": 60, "list": [1, 2], "nothing": None},
            },
        )
    )


def page_of(runs: Sequence[Run], tmp_path: Path, **more: Any) -> tuple[str, Page]:
    text = write_report(gather(runs, resamples=FEW, **more), tmp_path / "new" / "report.html").read_text(
        "utf-8"
    )
    return text, Page(text)


def a_judgement(**change: Any) -> Judgement:
    share = Estimate(value=0.75, low=0.3, high=0.95, n=4, method="wilson")
    given: dict[str, Any] = {
        "run": "first",
        "host": "judge.example",
        "model": "judge-1",
        "models_reported": ("judge-1-0613",),
        "prompt_sha256": "a" * 64,
        "temperature": 0.0,
        "seed": 0,
        "repeats": 2,
        "answers": 4,
        "asked": 4,
        "judged": 4,
        "disagreed": 1,
        "good": share,
        "supported": share,
        "answers_question": share,
        "failures": {},
        **change,
    }
    return Judgement(**given)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    return page_of([a_run()], tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    return page_of([a_run(), a_run("second", tin_is_answered=True)], tmp_path_factory.mktemp("two"))


def test_the_page_is_sound_and_needs_nothing_else(two: tuple[str, Page]) -> None:
    text, page = two
    assert page.all("html") == [{"lang": "en"}]
    assert page.texts["title"][0] == "metals: first against second – evaluation report"
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    assert not page.values("src")
    assert all(link.startswith("#") for link in page.values("href"))
    assert not re.search(r"@import|url\((?!#)", text)
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    policy = page.all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert str(policy["content"]).startswith("default-src 'none'")


def test_names_are_unique_and_every_link_leads_somewhere(two: tuple[str, Page]) -> None:
    _, page = two
    names = page.values("id")
    assert len(names) == len(set(names))
    wanted = {link[1:] for link in page.values("href")}
    wanted |= set(page.values("aria-labelledby"))
    wanted |= set(re.findall(r"url\(#([^)]+)\)", " ".join(page.values("clip-path"))))
    assert wanted <= set(names)


def test_landmarks_headings_and_tables(two: tuple[str, Page]) -> None:
    _, page = two
    for tag in ("main", "header", "footer", "nav", "h1"):
        assert len(page.all(tag)) == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert all(found.get("scope") in ("col", "row") for found in page.all("th"))
    scrolls = [found for found in page.all("div") if found.get("class") == "scroll"]
    assert len(scrolls) == len(page.all("table"))
    assert all(
        found["tabindex"] == "0" and found["role"] == "region" and found["aria-label"] for found in scrolls
    )


def test_pictures_have_words_and_the_colours_of_the_page(one: tuple[str, Page]) -> None:
    text, page = one
    pictures = page.all("svg")
    assert len(pictures) == 4
    assert all(found["role"] == "img" for found in pictures)
    assert len(page.all("figcaption")) == 4
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert set(re.findall(r"#[0-9a-f]{6}\b", drawn)) == set()
    assert "var(--series-1)" in drawn
    assert "font-family" not in drawn
    assert "2025" not in drawn


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_in_both_schemes(one: tuple[str, Page], scheme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", one[0], flags=re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", block))

    def contrast(front: str, back: str) -> float:
        low, high = sorted((luminance(colours[front]), luminance(colours[back])))
        return (high + 0.05) / (low + 0.05)

    texts = ("ink", "quiet", "link", "good", "bad")
    assert all(contrast(text, back) >= 4.5 for text in texts for back in ("paper", "raised"))
    assert contrast("mark-ink", "mark") >= 4.5
    lines = [f"series-{number}" for number in range(1, 7)]
    assert all(contrast(line, "paper") >= 3 for line in lines)  # AA for what is drawn


def test_the_same_runs_give_the_same_bytes(one: tuple[str, Page], tmp_path: Path) -> None:
    assert page_of([a_run()], tmp_path)[0] == one[0]


def test_what_was_run_is_said(one: tuple[str, Page]) -> None:
    _, page = one
    assert page.texts["h1"] == ["metals: first"]
    said = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert said["Data set"] == "metals"
    assert said["Questions"] == "6"
    assert said["Date"] == "21 November 2025, 22:31 UTC"
    assert said["Commit"] == "abc123, with changes that are not committed"
    assert said["target › describe › models › reader"] == "r1"
    assert said["settings › retrieve_k"] == "60"
    assert said["settings › list"] == "1, 2"
    assert said["settings › nothing"] == "none"


def rows_of(page_text: str, caption: str) -> dict[str, list[str]]:
    """Return a table's cells by the heading of their row, without the small print."""
    found = re.search(
        rf"<table[^>]*><caption>{re.escape(caption)}</caption>(.*?)</table>", page_text, re.DOTALL
    )
    assert found is not None, caption
    rows = {}
    for row in re.findall(r"<tr>(.*?)</tr>", found.group(1), flags=re.DOTALL):
        row = re.sub(r'<span class="(?:hint|sub|whisker)".*?</span>', "", row, flags=re.DOTALL)
        cells = [
            re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        ]
        rows[cells[0]] = cells[1:]
    return rows


def test_counts_tell_failures_from_abstentions(one: tuple[str, Page]) -> None:
    assert rows_of(one[0], "Outcomes, run by run")["first"] == ["6", "4", "2", "1", "2", "1", "timeout 1"]


def test_main_scores_have_value_interval_and_n(one: tuple[str, Page]) -> None:
    rows = rows_of(one[0], "Main scores")
    # q1 of q1, q4, q6 (q2 failed); by Wilson, 1 of 3.
    assert rows["Gold quote hit at 5"] == ["0.333", "0.061 to 0.792", "3"]
    assert rows["Refusal precision"][0] == "0.500"
    assert rows["Citations that verify"][0] == "1.000"
    assert rows["Ask, p50 (ms)"][0] == "40.0"


def test_every_headline_is_a_metric() -> None:
    from eval.metrics import METRICS

    assert set(HEADLINES) <= set(METRICS)


def test_every_metric_has_its_words_on_the_page(one: tuple[str, Page]) -> None:
    from eval.metrics import METRICS

    _, page = one
    for metric in METRICS.values():
        if metric.family != "robustness":  # these come with their variants
            assert metric.definition in page.text
            assert metric.source in page.text


def test_scores_by_kind(one: tuple[str, Page]) -> None:
    rows = rows_of(one[0], "Scores by kind")
    assert list(rows) == ["Kind", "fact", "near miss", "why"]
    assert rows["fact"][:6] == ["3", "2", "0", "1", "0.500", "0.500"]
    assert rows["why"][:6] == ["1", "0", "1", "0", "0.000", "0.000"]


def test_answers_stand_failures_first_then_wrong_then_right(one: tuple[str, Page]) -> None:
    text, page = one
    groups = [" ".join(words.split()) for words in page.texts["h4"] if words != "What they mean"]
    assert groups == [
        "Failed 1",
        "Answered wrong 1",
        "Should have abstained 1",
        "Abstained wrongly 1",
        "Right 2",
    ]
    browser = text[text.index('class="answers"') :]
    order = [browser.index(f"{name} · ") for name in ("q2", "q6", "q5", "q4", "q1", "q3")]
    assert order == sorted(order)
    assert "All 6 answers, failures first." in page.text


def test_verdicts_follow_the_metrics() -> None:
    unlabelled = asked("q1", answerable=None)
    short = asked("q2", answers=["1907"])
    assert verdict_of(short, None) == "failed"
    assert verdict_of(unlabelled, case_of(abstained(unlabelled))) == "open"
    assert verdict_of(unlabelled, case_of(answered(unlabelled))) == "open"
    assert verdict_of(short, case_of(answered(short, answer="In 1907."))) == "right"
    assert verdict_of(short, case_of(answered(short, answer="In 1908."))) == "answered_wrong"
    bare = asked("q3")
    assert verdict_of(bare, case_of(abstained(bare))) == "abstained_wrongly"
    assert verdict_of(bare, case_of(answered(bare))) == "open"


def test_an_answer_shows_its_quote_in_context_with_the_gold(one: tuple[str, Page]) -> None:
    text, _ = one
    whole = '<mark><span class="gold">Zinc was found in 1907.</span></mark> It is soft.\nTin is not. Lead is heavy.'
    assert f'<blockquote dir="auto">{whole}</blockquote>' in text
    assert "characters 0–23" in text
    assert re.search(r'Zinc was found in 1907\. <a class="marker" href="#(a0-\d-q0)">\[1\]</a>', text)
    assert "See [7]." in text  # a marker without a citation is no link
    assert '<span class="tag good">quoted</span> <q dir="auto">Zinc' in text
    assert '<span class="tag bad">not quoted</span> <q dir="auto">Zinc' in text
    assert "<b>timeout</b>: it did not answer" in text


def test_a_context_is_cut_between_words_and_says_that_it_goes_on() -> None:
    text = f"{'before ' * 60}QUOTE{' after' * 60}"
    made = context_html(text, (420, 425), [])
    assert made.startswith('<blockquote dir="auto">… before before')
    assert "<mark>QUOTE</mark> after after" in made
    assert made.endswith("after …</blockquote>")
    assert made.count("before") == 42
    assert made.count("after") == 50


def test_a_very_long_quote_is_cut_and_says_by_how_much() -> None:
    made = context_html("a" * 5000 + " tail", (0, 5000), [(4500, 5000)])
    assert f"<mark>{'a' * 4000}</mark>" in made
    assert "1,000 more characters quoted" in made
    assert made.endswith(" tail</blockquote>")


def test_what_does_not_verify_is_said_beside_the_text() -> None:
    run = run_of(documents=[DOC])
    wrong = citation_html(run, {**cited(DOC, "Tin is not."), "cited_text": "Tin is.", "number": 1}, [], "x")
    assert "<mark>Tin is not.</mark>" in wrong
    assert "<mark>Tin is.</mark>" in wrong
    assert 'class="note wrong">Does not verify' in wrong
    beyond = citation_html(run, {**cited(DOC, "Tin", at=5000), "number": 1}, [], "x")
    assert "Does not verify: the document has 62 characters." in beyond
    assert "gave no offsets" in citation_html(run, {**loose("Tin", document_id="d1"), "number": 1}, [], "x")
    assert "keeps no text of this document" in citation_html(run, {**loose("Tin"), "number": 1}, [], "x")


HOSTILE = '</script></style></title><script>alert(1)</script><img src=x onerror="a()"> \u202egnp.exe\u2066 & \x00 "\''


def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    document = SourceText(
        document_id=HOSTILE, title=HOSTILE, sha256="0" * 64, text=f"{HOSTILE} end.", publisher=HOSTILE
    )
    question = Question(
        question_id=HOSTILE,
        text=HOSTILE,
        kind=HOSTILE + "$x^2$",
        source_set=HOSTILE,
        answerable=True,
        history=(Turn(role="user", content=HOSTILE),),
        answers=(HOSTILE,),
        gold=(Gold(text=HOSTILE, document_id=HOSTILE),),
    )
    citation = {**cited(document, HOSTILE), "number": HOSTILE, "publisher": HOSTILE, "published_at": HOSTILE}
    broken = replace(question, question_id="q2", kind="other")
    failure = Failure(kind="engine", status=None, detail=HOSTILE)
    run = run_of(
        answered(question, citation, answer=f"{HOSTILE} [1]", short=HOSTILE, ranking=ranked(HOSTILE)),
        (broken, Entry(question_id="q2", outcome="failed", record=None, ranking=None, failure=failure)),
        documents=[document],
        manifest={
            "data": {"name": HOSTILE, "sha256": "d" * 64},
            "created": HOSTILE,
            HOSTILE: {HOSTILE: HOSTILE},
        },
        name=HOSTILE,
    )
    judgement = a_judgement(model=HOSTILE, host=HOSTILE, models_reported=(HOSTILE,), failures={HOSTILE: 1})
    text, page = page_of([run, replace(run, name=f"{HOSTILE}2")], tmp_path, judgements=[judgement, None])
    assert not page.all("script")
    assert not page.all("img")
    assert not page.values("onerror")
    assert not re.search("[\x00\u202a-\u202e\u2066-\u2069]", text)
    assert "U+202E" in text
    assert "<script>alert(1)</script>" in page.text
    assert len(page.values("id")) == len(set(page.values("id")))
    report_json(gather([run], resamples=FEW))
    markdown = report_markdown(gather([run], judgements=[judgement], resamples=FEW))
    assert "<script>" not in markdown.replace("\\<script\\>", "").split("```text")[0]


def test_escaping_by_hand() -> None:
    assert html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#x27;"
    assert html("a\u202eb") == 'a<span class="hidden-char" title="RIGHT-TO-LEFT OVERRIDE">U+202E</span>b'
    assert html("\ud800\n\t") == '<span class="hidden-char" title="control character">U+D800</span>\n\t'
    assert html("نص é 🙂 e\u0301") == "نص é 🙂 e\u0301"
    assert plain('"\x00"') == "&quot;⟨U+0000⟩&quot;"
    assert visible("a\u2069") == "a⟨U+2069⟩"
    assert bidi("x") == '<bdi dir="auto">x</bdi>'
    assert clipped("abcdef", 4, "there") == 'abcd <span class="note">… 2 more characters in there</span>'
    assert clipped("abcd", 4, "there") == "abcd"


def test_a_big_run_says_how_much_it_shows() -> None:
    pairs = [abstained(asked(f"q{number}", answerable=False)) for number in range(30)]
    run = run_of(failed(asked("f1")), *pairs, failed(asked("f2")))
    cases = gather([run], resamples=FEW).cases[0]
    made = Page(answers_html(run, cases, "a0", most=5))
    assert "The first 5 of 32 answers, failures first; the rest is in answers.jsonl" in made.text
    assert [" ".join(words.split()) for words in made.texts["h4"]] == ["Failed 2", "Right 3 of 30"]
    few = Page(answers_html(run, cases, "a0", characters=1500))
    shown = len([found for found in few.all("div") if found.get("class") == "answer"])
    assert 0 < shown < 5
    assert f"The first {shown} of 32 answers" in few.text


def test_a_huge_answer_does_not_swell_the_page(tmp_path: Path) -> None:
    run = run_of(answered(asked("q1"), answer="word " * 400_000))
    text, page = page_of([run], tmp_path)
    assert len(text) < 200_000
    assert "1,996,000 more characters in answers.jsonl" in page.text


def test_an_empty_run_and_a_run_of_failures_still_give_a_page(tmp_path: Path) -> None:
    _, page = page_of([run_of()], tmp_path)
    assert "All 0 answers" in page.text
    _, page = page_of([run_of(failed(asked("q1")))], tmp_path)
    assert "Not drawn, for want of figures: risk against coverage, reliability, latency" in page.text
    assert "Nothing here defines: Right outcome" in page.text


def test_the_comparison_shows_chance_and_both_answers(two: tuple[str, Page]) -> None:
    text, page = two
    rows = rows_of(text, "B against A")
    # q4 turned from abstained to right: 1 of 3, then 2 of 3; a sign flip of one difference is p = 1.
    assert rows["Gold quote hit at 5"][:3] == ["0.333", "0.667", "+0.333"]
    assert rows["Gold quote hit at 5"][4:7] == ["3", "1.000", "1.000"]
    assert rows["Gold quote hit at 5"][-1] == "no difference shown"
    assert "5 questions are compared one by one; left out: 1 failed in both." in page.text
    assert "B wins 1 and loses 0; the other questions are alike." in page.text
    change = text[text.index("Won by B") : text.index('id="kinds"')]
    assert "The sources do not answer this." in change
    assert "Tin is not. <a" in change


def test_runs_that_do_not_belong_together_stand_side_by_side_and_it_is_said(tmp_path: Path) -> None:
    other = replace(a_run("other"), questions=tuple(replace(q, text="Else?") for q in a_run().questions))
    text, page = page_of([a_run(), other], tmp_path)
    assert "Not compared: question 'q1'" in page.text
    assert "is not the same in 'first' and 'other'" in page.text
    assert rows_of(text, "Main scores")["Score"] == ["first", "other"]
    assert "Not compared: question 'q1'" in report_markdown(gather([a_run(), other], resamples=FEW))


def test_several_runs_stand_side_by_side_under_names_of_their_own(tmp_path: Path) -> None:
    text, page = page_of([a_run(), a_run(), a_run("third")], tmp_path)
    assert rows_of(text, "Main scores")["Score"] == ["first", "first (2)", "third"]
    assert rows_of(text, "Main scores")["Gold quote hit at 5"] == ["0.333"] * 3
    assert "Comparison" not in page.texts["h2"]
    assert distinct(["a", "a", "a (2)", "a"]) == ("a", "a (2)", "a (2) (2)", "a (3)")


def test_a_judgement_is_shown_outside_the_gate(tmp_path: Path) -> None:
    text, page = page_of([a_run()], tmp_path, judgements=[a_judgement(failures={"timeout": 2})])
    assert "Not in the gate." in page.text
    assert rows_of(text, "What the judging model says")["first"] == ["0.750", "0.750", "0.750", "1 of 4"]
    assert "Replies without a verdict: timeout 2." in page.text
    assert "judged by judge-1 (the server says judge-1-0613) at judge.example" in page.text


def test_markdown_has_the_tables() -> None:
    text = report_markdown(
        gather(
            [a_run(), a_run("second", tin_is_answered=True)], judgements=[a_judgement(), None], resamples=FEW
        )
    )
    lines = text.splitlines()
    assert "| first | 6 | 2 | 1 | 2 | 1 | timeout 1 |" in lines
    assert "| Gold quote hit at 5 | 0.333 (0.061 to 0.792), n = 3 | 0.667 (0.208 to 0.939), n = 3 |" in lines
    assert "## Comparison" in lines
    assert "## A model's judgement (not in the gate)" in lines
    assert any("the 2 repeats disagree on 1 of 4 answers" in line for line in lines)


def test_markdown_cells_cannot_break_the_table() -> None:
    run = replace(a_run(), name="a|b\n# <b>`x`")
    assert "| a\\|b # \\<b\\>\\`x\\` | 6 |" in report_markdown(gather([run], resamples=FEW))


def test_json_has_scores_manifest_comparison_and_judgement() -> None:
    found = report_json(
        gather(
            [a_run(), a_run("second", tin_is_answered=True)], judgements=[a_judgement(), None], resamples=FEW
        )
    )
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again["format"] == 1
    assert [run["label"] for run in again["runs"]] == ["first", "second"]
    assert again["runs"][0]["scores"]["metrics"]["gold_quote_hit_at_5"]["value"] == 0.333333
    assert again["runs"][0]["manifest"]["commit"] == "abc123"
    assert again["runs"][0]["judgement"]["in_gate"] is False
    assert again["runs"][1]["judgement"] is None
    assert again["comparison"]["b"] == "second"
    alone = report_json(gather([a_run()], resamples=FEW))
    assert (alone["comparison"], alone["not_compared"]) == (None, None)


def test_bad_calls_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="at least one run"):
        gather([])
    with pytest.raises(EvaluationError, match="1 judgements for 2 runs"):
        gather([a_run(), a_run()], judgements=[None])
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_report(gather([run_of()], resamples=FEW), tmp_path / "file" / "r.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (1.0, "1.000"),
        (12.345, "12.3"),
        (164.4, "164"),
        (12345.6, "12,346"),
        (-0.5, "-0.500"),
    ],
)
def test_figures_have_as_many_digits_as_they_bear(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "+0.050"), (-0.05, "−0.050"), (0.0, "0.000"), (-0.0001, "0.000")]
)
def test_differences_have_a_sign_unless_they_round_to_nothing(value: float, text: str) -> None:
    assert signed(value) == text
