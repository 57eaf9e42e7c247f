"""Pictures: equal bytes from equal figures, names of their own, and any text as a label."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from eval.datatypes import Estimate, ReliabilityBin
from eval.report.pictures import (
    MOST_KINDS,
    Series,
    ecdf,
    kinds_svg,
    latency_svg,
    reliability_svg,
    risk_coverage_svg,
)

LINE = Series(name="one", points=((0.25, 0.0), (0.5, 0.5), (1.0, 0.25)))
BINS = (
    ReliabilityBin(low=0.0, high=0.5, count=0, mean_confidence=None, share_right=None),
    ReliabilityBin(low=0.5, high=1.0, count=17, mean_confidence=0.75, share_right=0.9),
)


def share(value: float | None, n: int = 4) -> Estimate:
    return Estimate(value=value, low=0.2, high=0.8, n=n, method="wilson")


def words(svg: str) -> list[str]:
    namespaced = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return [
        node.text or ""
        for node in ElementTree.fromstring(namespaced).iter()
        if node.text and node.text.strip()
    ]


def test_equal_figures_give_equal_bytes_and_prefixed_names() -> None:
    first = risk_coverage_svg([LINE], prefix="a", title="T")
    assert first == risk_coverage_svg([LINE], prefix="a", title="T")
    names = re.findall(r'\bid="([^"]+)"', first)
    assert names
    assert all(name.startswith("a-") for name in names)
    other = re.findall(r'\bid="([^"]+)"', latency_svg([LINE], prefix="b", title="T"))
    assert not set(names) & set(other)
    used = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", first))
    assert {a or b for a, b in used} <= set(names)


def test_reliability_names_how_many_answers_each_point_has() -> None:
    said = words(reliability_svg([("one", BINS)], prefix="r", title="Reliability"))
    assert said[0] == "Reliability"
    assert "17" in said
    assert "confidence" in said


def test_several_lines_have_a_legend_and_differ_without_colour() -> None:
    made = risk_coverage_svg([LINE, Series(name="two", points=LINE.points)], prefix="r", title="T")
    assert {"one", "two"} <= set(words(made))
    assert "stroke-dasharray" in made
    assert {"var(--series-1)", "var(--series-2)"} <= set(re.findall(r"var\(--series-\d\)", made))


def test_labels_are_text_whatever_they_hold() -> None:
    kinds = {"<b>$x$ 中\x00": share(0.5), "k" * 60: share(None), "plain": share(0.25, n=9)}
    said = words(kinds_svg([("run", kinds)], prefix="k", title="a<b", label="Hit"))
    assert "<b>$x$ 中⟨U+0000⟩ (4)" in said
    assert "k" * 23 + "… (4)" in said
    assert said[0] == "a<b"


def test_more_kinds_than_fit_show_those_with_most_questions() -> None:
    kinds = {f"kind{number:03}": share(0.5, n=number + 1) for number in range(MOST_KINDS + 10)}
    said = words(kinds_svg([("run", kinds)], prefix="k", title="T", label="Hit"))
    shown = [text for text in said if text.startswith("kind")]
    assert len(shown) == MOST_KINDS
    assert shown[0] == "kind039 (40)"
    assert "kind009 (10)" not in shown


def test_waits_far_apart_stand_on_an_axis_of_powers_in_plain_numbers() -> None:
    far = Series(name="run", points=ecdf([5.0, 8.0, 300.0]))
    said = words(latency_svg([far], prefix="l", title="T"))
    assert {"10", "100"} <= set(said)
    assert not any("mathdefault" in text for text in said)
    assert latency_svg([Series(name="run", points=ecdf([0.0]))], prefix="l", title="T")


def test_ecdf_by_hand() -> None:
    assert ecdf([]) == ()
    assert ecdf([3.0, 1.0, 2.0, 2.0]) == ((1.0, 0.25), (2.0, 0.5), (2.0, 0.75), (3.0, 1.0))
    many = ecdf([float(value) for value in range(10_001)])
    assert len(many) <= 402
    assert many[-1] == (10_000.0, 1.0)
