"""The pictures of a report, as SVG for an HTML page.

Colours are the page's own (CSS variables), so one picture serves light, dark and print. Letters stay
letters. Equal figures give equal bytes: no dates, no random ids.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from eval.datatypes import Estimate, ReliabilityBin
from eval.report.html import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# matplotlib knows no CSS variables: it draws in these colours, and they are renamed afterwards.
_INK, _QUIET, _LINE, _PAPER = "#010203", "#010204", "#010205", "#010206"
_SERIES = ("#010211", "#010212", "#010213", "#010214", "#010215", "#010216")
_VARIABLES = {
    _INK: "var(--ink)",
    _QUIET: "var(--quiet)",
    _LINE: "var(--line)",
    _PAPER: "var(--paper)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(_SERIES, start=1)},
}
_DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_MARKERS = "osD^vP"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "chapter-and-verse",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _QUIET,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}
_WIDTH_IN = 4.7  # as wide as a telephone's page in CSS pixels, so that its letters are as large as the text's
_HEIGHT_IN = 3.3
MOST_KINDS = 30
"""So many rows stay readable in one picture; the table beside it has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One named line of a picture."""

    name: str
    points: tuple[tuple[float, float], ...]


def risk_coverage_svg(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """Draw (coverage, risk) lines: how often answers are wrong when only the surest are given."""
    with _figure(prefix, title) as (axes, done):
        for number, line in enumerate(series):
            if line.points:
                xs, ys = zip(*line.points, strict=True)
                axes.plot(xs, ys, drawstyle="steps-post", label=_short(line.name), **_look(number))
        _frame(axes, "share of questions answered", "share of those wrong")
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        _legend(axes, len(series))
        return done()


def reliability_svg(
    series: Sequence[tuple[str, Sequence[ReliabilityBin]]], *, prefix: str, title: str
) -> str:
    """Draw confidence against the share that is right, each point with its number of answers."""
    with _figure(prefix, title, height=_WIDTH_IN * 0.86) as (axes, done):
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle=(0, (3, 3)))
        for number, (name, bins) in enumerate(series):
            full = [
                (item.mean_confidence, item.share_right, item.count)
                for item in bins
                if item.mean_confidence is not None and item.share_right is not None
            ]
            look = _look(number)
            axes.plot(
                [x for x, _, _ in full],
                [y for _, y, _ in full],
                marker=_MARKERS[number % len(_MARKERS)],
                label=_short(name),
                **look,
            )
            if len(series) == 1:
                for x, y, count in full:
                    # Towards the middle, so that no number leaves the picture.
                    axes.annotate(
                        str(count),
                        (x, y),
                        xytext=(0, -15 if y > 0.5 else 8),
                        textcoords="offset points",
                        ha="center",
                        color=_QUIET,
                        fontsize=9.5,
                    )
        _frame(axes, "confidence", "share right")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.04)
        _legend(axes, len(series))
        return done()


def kinds_svg(
    series: Sequence[tuple[str, Mapping[str, Estimate]]], *, prefix: str, title: str, label: str
) -> str:
    """Draw a score with its interval for each kind, the kinds with most questions first."""
    most: dict[str, int] = {}
    for _, estimates in series:
        for kind, estimate in estimates.items():
            most[kind] = max(most.get(kind, 0), estimate.n)
    kinds = sorted(most, key=lambda kind: (-most[kind], kind))[:MOST_KINDS]
    # One kind alone would leave no room for the axis and its words.
    height = max(1.7, 0.9 + (0.23 + 0.13 * len(series)) * len(kinds))
    columns = 2 if max((len(name) for name, _ in series), default=0) <= 14 else 1
    if len(series) > 1:
        height += 0.2 * -(-len(series) // columns)
    with _figure(prefix, title, height=height) as (axes, done):
        nothing = Estimate(value=None, low=None, high=None, n=0, method="none")
        step = 0.64 / max(len(series), 1)
        for number, (name, estimates) in enumerate(series):
            colour = _SERIES[number % len(_SERIES)]
            labelled = False
            for row, kind in enumerate(kinds):
                estimate = estimates.get(kind, nothing)
                if estimate.value is None:
                    continue
                y = row + (number - (len(series) - 1) / 2) * step
                if estimate.low is not None and estimate.high is not None:
                    axes.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=2, alpha=0.55)
                axes.plot(
                    [estimate.value],
                    [y],
                    color=colour,
                    marker=_MARKERS[number % len(_MARKERS)],
                    markersize=5.5,
                    linestyle="none",
                    label=None if labelled else _short(name),
                )
                labelled = True
        axes.set_yticks(range(len(kinds)), [f"{_short(kind)} ({most[kind]})" for kind in kinds])
        axes.set_ylim(len(kinds) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label)
        axes.set_xlim(-0.02, 1.02)
        if len(series) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0)
        return done()


def latency_svg(series: Sequence[Series], *, prefix: str, title: str) -> str:
    """Draw the share of questions answered within so many milliseconds."""
    with _figure(prefix, title) as (axes, done):
        every = [x for line in series for x, _ in line.points]
        for number, line in enumerate(series):
            if line.points:
                xs, ys = zip(*line.points, strict=True)
                axes.plot(xs, ys, drawstyle="steps-post", label=_short(line.name), **_look(number))
        _frame(axes, "milliseconds", "share of questions answered by then")
        # A few slow answers would press all others against the axis.
        if every and min(every) > 0 and max(every) > 20 * min(every):
            axes.set_xscale("log")
            _plain_numbers(axes)
        else:
            axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        _legend(axes, len(series))
        return done()


def ecdf(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return (value, share of values that are not above it), ascending, at most 400 points."""
    ordered = sorted(values)
    count = len(ordered)
    every = max(1, count // 400)
    points = [(value, (rank + 1) / count) for rank, value in enumerate(ordered)]
    kept = points[::every]
    return tuple(kept if not points or kept[-1] == points[-1] else [*kept, points[-1]])


@contextmanager
def _figure(prefix: str, title: str, height: float = _HEIGHT_IN) -> Iterator[tuple[Axes, Callable[[], str]]]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Letters are the browser's to draw; that matplotlib's own font lacks some is of no concern.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        figure.patch.set_visible(False)

        def done() -> str:
            out = io.StringIO()
            figure.savefig(
                out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
            )
            return _for_page(out.getvalue(), prefix, title)

        yield figure.subplots(), done


def _for_page(svg: str, prefix: str, title: str) -> str:
    """Make the file's SVG one that can stand in a page beside others."""
    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening = re.search(r'viewBox="([^"]+)"', svg)
    assert opening is not None  # matplotlib always writes one
    svg = svg[svg.index(">") + 1 :]
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # names of groups, to which nothing refers
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{prefix}-', svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)  # the page's own letters
    svg = re.sub(r"<style type=\"text/css\">.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    svg = re.sub(r"\n\s*", "\n", svg)
    return (
        f'<svg viewBox="{opening.group(1)}" role="img" aria-labelledby="{prefix}-title">'
        f'<title id="{prefix}-title">{escape(visible(title))}</title>{svg}'
    )


def _look(number: int) -> dict[str, Any]:
    return {
        "color": _SERIES[number % len(_SERIES)],
        "linestyle": _DASHES[(number % len(_SERIES)) % len(_DASHES)],
    }


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _plain_numbers(axes: Axes) -> None:
    """Write 20 and 50 at an axis of powers, not 10¹: people wait milliseconds, not exponents."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, series: int) -> None:
    if series > 1:
        axes.legend(loc="best")


def _short(name: str) -> str:
    shown = " ".join(visible(name).split())
    return shown if len(shown) <= 24 else shown[:23] + "…"
