"""The gate: what `expected.toml` promises, held against the scores of a run.

A promise names the command that makes the run and, for each score, the value that was reached and
how far a run may fall behind it before that counts as a regression:

    [[promise]]
    name = "seeds"
    command = "verse eval run --data seeds"
    [promise.scores]
    gold_quote_hit_at_5 = { reached = 0.64, tolerance = 0.02 }

Better is never a regression. A question that failed always is, and so is a score that is promised
and not there.
"""

from __future__ import annotations

import argparse
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from eval.datatypes import Scores
from eval.errors import EvaluationError

EXPECTED = Path(__file__).parent / "expected.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One score as it was reached, and the largest loss that is let through."""

    metric: str
    reached: float
    tolerance: float
    higher_is_better: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a command's run has to score. `data` and `limit` are the command's own options."""

    name: str
    command: str
    data: str
    limit: int | None
    seed: int
    needs_folder: bool
    scores: tuple[Expected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One promise kept or broken, in words."""

    promise: str
    metric: str
    kept: bool
    words: str

    def line(self) -> str:
        """Return it as a line for the terminal."""
        return f"{'OK  ' if self.kept else 'FAIL'} {self.promise}: {self.words}"


def read_promises(path: Path, better: Mapping[str, bool]) -> tuple[Promise, ...]:
    """Read the promises; `better` says of each known metric whether higher is better.

    Raises:
        EvaluationError: the file cannot be read, promises nothing, or names what is not there.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    unknown = sorted(set(content) - {"promise"})
    rows = content.get("promise")
    if unknown or not isinstance(rows, list) or not rows:
        what = f"unknown key {unknown[0]!r}" if unknown else "it promises nothing"
        raise EvaluationError(f"{path}: {what}; write [[promise]] tables")
    promises = tuple(_promise(row, better, path) for row in rows)
    names = [promise.name for promise in promises]
    if len(set(names)) != len(names):
        raise EvaluationError(f"{path}: two promises have one name: {names}")
    return promises


def _promise(row: Mapping[str, Any], better: Mapping[str, bool], path: Path) -> Promise:
    name = row.get("name")
    where = f"{path}, promise {name!r}"
    if set(row) - {"name", "command", "needs_folder", "scores"}:
        raise EvaluationError(f"{where}: unknown keys {sorted(set(row) - {'name', 'command', 'scores'})}")
    scores = row.get("scores")
    command = row.get("command")
    if (
        not isinstance(name, str)
        or not isinstance(command, str)
        or not isinstance(scores, dict)
        or not scores
    ):
        raise EvaluationError(f"{where}: name, command and at least one score are needed")
    options = _options(command, where)
    return Promise(
        name=name,
        command=command,
        data=options.data,
        limit=options.limit,
        seed=options.seed,
        needs_folder=row.get("needs_folder") is True,
        scores=tuple(_expected(metric, value, better, where) for metric, value in scores.items()),
    )


def _expected(metric: str, value: Any, better: Mapping[str, bool], where: str) -> Expected:
    if metric not in better:
        raise EvaluationError(f"{where}: no metric is called {metric!r}; `verse eval metrics` lists them")
    numbers = isinstance(value, dict) and set(value) == {"reached", "tolerance"}
    if not numbers or not all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in value.values()
    ):
        raise EvaluationError(f"{where}: {metric} is {value!r}; write {{ reached = 0.9, tolerance = 0.02 }}")
    if value["tolerance"] < 0:
        raise EvaluationError(f"{where}: {metric}: a tolerance of {value['tolerance']} is below 0")
    return Expected(
        metric=metric,
        reached=float(value["reached"]),
        tolerance=float(value["tolerance"]),
        higher_is_better=better[metric],
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise EvaluationError(message)


def _options(command: str, where: str) -> argparse.Namespace:
    """Read the options of a promised command; it is run in this process, by the same code."""
    words = shlex.split(command)
    if words[:3] != ["verse", "eval", "run"]:
        raise EvaluationError(f"{where}: the command has to begin with `verse eval run`, not {command!r}")
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=0)
    try:
        return parser.parse_args(words[3:])
    except EvaluationError as error:
        raise EvaluationError(f"{where}: {command!r}: {error}") from None


def findings(promise: Promise, scores: Scores) -> list[Finding]:
    """Hold a run's scores against a promise."""
    counts = scores.counts
    kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.failures.items()))
    found = [
        Finding(
            promise=promise.name,
            metric="failed",
            kept=counts.failed == 0 and counts.questions > 0,
            words=f"{counts.failed} of {counts.questions} questions failed"
            + (f" ({kinds})" if kinds else ""),
        )
    ]
    for expected in promise.scores:
        estimate = scores.metrics.get(expected.metric)
        sign = 1.0 if expected.higher_is_better else -1.0
        worst = expected.reached - sign * expected.tolerance
        if estimate is None or estimate.value is None:
            kept, words = False, f"{expected.metric} is not defined by this run"
        else:
            # Compared as they are printed: a gate that fails at equal figures helps nobody.
            kept = sign * round(estimate.value, 4) >= sign * round(worst, 4)
            relation = "at least" if expected.higher_is_better else "at most"
            words = f"{expected.metric} {estimate.value:.4f}, promised {relation} {worst:.4f}"
            if sign * (estimate.value - expected.reached) > expected.tolerance:
                words += f" (reached was {expected.reached:.4f}: promise more)"
        found.append(Finding(promise=promise.name, metric=expected.metric, kept=kept, words=words))
    return found
