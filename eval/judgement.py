"""What a judge said of a run: as data, as the files that record it, and in words.

judge.json    which model at which host, by which prompt, and what came of it
judge.jsonl   every reply, in the order of the questions, then of the repeats
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.datatypes import Estimate
from eval.errors import EvaluationError, RunFolderError
from eval.run_folder import write_rows

JUDGEMENT, REPLIES = "judge.json", "judge.jsonl"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one asking of the judge gave: a verdict, or the kind of failure in `failure`."""

    question_id: str
    repeat: int
    supported: bool | None
    answers_question: bool | None
    reason: str | None
    failure: str | None
    detail: str
    """The reply as it came, cut after 4,000 characters; for a failed request, what failed."""
    model: str | None
    """The model that the server says has replied."""

    @property
    def good(self) -> bool | None:
        """Both at once; `None` where there is no verdict."""
        if self.supported is None or self.answers_question is None:
            return None
        return self.supported and self.answers_question


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judged run. The three scores are shares of the answers of which every repeat gave a verdict.

    An answer counts as supported (answering, good) when every repeat says so. `good` is both at
    once. `disagreed` are the answers on which the repeats say different things of either.
    """

    run: str
    host: str
    model: str
    models_reported: tuple[str, ...]
    prompt_sha256: str
    temperature: float
    seed: int
    repeats: int
    answers: int
    """Answers of the run: answered or in part. No others are judged."""
    asked: int
    """How many of them were judged: the first `limit`, or all."""
    judged: int
    disagreed: int
    good: Estimate
    supported: Estimate
    answers_question: Estimate
    failures: Mapping[str, int]
    """Replies without a verdict, by kind."""
    replies: tuple[Reply, ...] = ()


def write_judgement(folder: Path, judgement: Judgement) -> None:
    """Write `judge.jsonl`, then `judge.json`.

    Raises:
        EvaluationError: one of them cannot be written.
    """
    try:
        write_rows(folder / REPLIES, (asdict(reply) for reply in judgement.replies))
        aside = folder / f"{JUDGEMENT}.new"
        text = json.dumps(judgement_json(judgement), indent=1, ensure_ascii=False, sort_keys=True)
        aside.write_text(text + "\n", encoding="utf-8")
        aside.replace(folder / JUDGEMENT)
    except OSError as error:
        raise EvaluationError(f"{folder}: the judgement cannot be written: {error.strerror}") from error


def read_judgement(folder: Path) -> Judgement | None:
    """Return the recorded judgement, without its replies; `None` where the run was not judged.

    Raises:
        RunFolderError: `judge.json` is damaged or of another format.
    """
    path = folder / JUDGEMENT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from error
    found = content.get("format") if isinstance(content, dict) else type(content).__name__
    if not isinstance(content, dict) or found != FORMAT:
        raise RunFolderError(f"{path}: format {found!r}; this version reads format {FORMAT}")
    try:
        fields = {name: content[name] for name in Judgement.__dataclass_fields__ if name != "replies"}
        for name in ("good", "supported", "answers_question"):
            fields[name] = Estimate(**fields[name])
        fields["models_reported"] = tuple(fields["models_reported"])
        return Judgement(**fields)
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{path}: {error!r}; judge the run again with `verse eval judge`") from error


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON, without its replies: those are in `judge.jsonl`."""
    row = asdict(judgement)
    del row["replies"]
    return {"format": FORMAT, "in_gate": False, **row, "models_reported": list(judgement.models_reported)}


def judgement_text(judgement: Judgement) -> str:
    """Return a judgement in a few lines: the score, and beside it how far it moves."""
    lines = [
        f"judged by {judgement.model} at {judgement.host}; not part of the gate",
        f"good (supported and answering): {_in_words(judgement.good)}; "
        f"the {judgement.repeats} repeats disagree on {judgement.disagreed} of {judgement.judged} answers",
        f"supported by the quotes:        {_in_words(judgement.supported)}",
        f"answers the question:           {_in_words(judgement.answers_question)}",
    ]
    if judgement.asked < judgement.answers:
        lines.append(f"judged the first {judgement.asked} of {judgement.answers} answers")
    if judgement.failures:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(judgement.failures.items()))
        left = judgement.asked - judgement.judged
        lines.append(f"replies without a verdict: {kinds}; {left} answers left out of the scores for it")
    return "\n".join(lines)


def _in_words(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}], n = {estimate.n}"
