"""Whether planted disagreements between publishers are shown, and nothing else is taken for one.

    python -m eval.bench.disagreements [--out eval/results/disagreements.json] [--threads N]

Every story of `eval.bench.disagreement_stories` is planted once a variant: a second publisher's
article gives another value (conflict), or the same value in another form, another fact, a plan made
before, or the story over again (no conflict). All stories of a variant are indexed together, with the
seeds, by the real code; then each question is asked of the whole pipeline. The rules are also asked
alone, with both quotes given, which tells what they lose from what retrieval and reading lose.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.bench.disagreement_stories import HELD, STORIES, Story
from eval.bench.pipeline import Pipeline
from eval.bench.record import ROOT, cores, provenance, write_json
from eval.significance import wilson
from index.access import OPERATOR
from index.state import StateFolder
from rag.answer import Ask, Stages, answer_question
from rag.disagree import Told, find_disagreements
from rag.question import read_question
from rag.types import Answer

MODULE = "eval.bench.disagreements"
MIN_QUOTED = 0.9
MAX_FALSE = 0.05
_PUBLISHERS = (("Northern Courier", "2025-11-07"), ("The Weekly Ledger", "2025-11-09"))
_EVERY = (*STORIES, *HELD)
_CLOSING = {"en": "Nobody else was asked.", "ru": "Других вопросов не задавали."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What the second publisher's article says, and whether that contradicts the first's."""

    name: str
    conflict: bool
    says: Callable[[Story], str]


VARIANTS = (
    Variant(name="another value, same words", conflict=True, says=lambda s: s.first.format(v=s.others[0])),
    Variant(name="another value, other words", conflict=True, says=lambda s: s.second.format(v=s.others[0])),
    Variant(name="a third value, other words", conflict=True, says=lambda s: s.second.format(v=s.others[1])),
    Variant(name="other form, same words", conflict=False, says=lambda s: s.first.format(v=s.same[0])),
    Variant(name="other form, other words", conflict=False, says=lambda s: s.second.format(v=s.same[1])),
    Variant(name="another fact", conflict=False, says=lambda s: s.elsewhere),
    Variant(name="a plan beforehand", conflict=False, says=lambda s: s.plan),
    Variant(name="the story over again", conflict=False, says=lambda s: s.first.format(v=s.value)),
)


def first_of(story: Story) -> str:
    """Return what the first publisher says, opened by a capital."""
    return _opened(story.first.format(v=story.value))


def second_of(story: Story, variant: Variant) -> str:
    """Return what the second publisher says."""
    return _opened(variant.says(story))


def _opened(text: str) -> str:
    return text[:1].upper() + text[1:]


def articles(variant: Variant) -> list[dict[str, str]]:
    """Return the planted articles of a variant; a story of the seeds has its first in the seeds."""
    rows: list[dict[str, str]] = []
    for number, story in enumerate(_EVERY):
        for place, said in enumerate((first_of(story), second_of(story, variant))):
            if place == 0 and story.seed:
                continue
            publisher, day = _PUBLISHERS[place]
            row = {
                "id": f"{story.name}-{place}",
                "title": story.scene.rstrip("."),
                "publisher": publisher,
                "language": story.language,
                "text": f"{story.scene}\n\n{said} {_CLOSING[story.language]}",
            }
            # Every third article has no date: what is unknown must not decide.
            rows.append(row if (number + place) % 3 == 0 else row | {"published_at": day})
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one planted case. `quoted`: both documents are cited; `shown`: as two sides."""

    story: str
    variant: str
    conflict: bool
    answered: bool
    quoted: bool
    shown: bool
    any_shown: bool
    rules: bool


def outcome_of(answer: Answer, story: Story, variant: Variant) -> Outcome:
    """Compare an answer with what was planted."""
    documents = {story.seed or f"{story.name}-0", f"{story.name}-1"}
    cited = {c.number: c.quote.document_id for c in answer.citations}
    shown = any(
        documents <= {cited[number] for side in _sides(item) for number in side["citations"]}
        for item in answer.disagreements
    )
    return Outcome(
        story=story.name,
        variant=variant.name,
        conflict=variant.conflict,
        answered=answer.status != "abstained",
        quoted=documents <= set(cited.values()),
        shown=shown,
        any_shown=bool(answer.disagreements),
        rules=rules_alone(story, variant),
    )


def _sides(item: Mapping[str, object]) -> Sequence[Mapping[str, Any]]:
    sides = item["sides"]
    assert isinstance(sides, list)
    return sides


def rules_alone(story: Story, variant: Variant) -> bool:
    """Tell whether the rules see a disagreement between the two sentences, given both."""
    told = [
        Told(number=n, document_id=str(n), text=text, title=story.scene, publisher=_PUBLISHERS[n][0], published_at=None)
        for n, text in enumerate((first_of(story), second_of(story, variant)))
    ]  # fmt: skip
    return bool(find_disagreements(read_question(story.question), told))


def share(outcomes: Sequence[Outcome], holds: Callable[[Outcome], bool]) -> dict[str, Any]:
    """Return a share with its count and Wilson's 95 % interval."""
    count = sum(map(holds, outcomes))
    low, high = wilson(count, len(outcomes))
    return {
        "share": round(count / len(outcomes), 4),
        "count": count,
        "of": len(outcomes),
        "wilson_95": [round(low, 4), round(high, 4)],
    }


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the two promised shares, what they lose where, and every case that went wrong."""
    planted = [o for o in outcomes if o.conflict]
    harmless = [o for o in outcomes if not o.conflict]
    quoted, false = share(planted, lambda o: o.shown), share(harmless, lambda o: o.any_shown)
    return {
        "both_sides_shown": quoted,
        "false_conflicts": false,
        "holds": quoted["share"] >= MIN_QUOTED and false["share"] <= MAX_FALSE,
        "conflicts": {
            "answered": share(planted, lambda o: o.answered),
            "both_documents_cited": share(planted, lambda o: o.quoted),
            "rules_alone": share(planted, lambda o: o.rules),
        },
        "no_conflict": {
            "answered": share(harmless, lambda o: o.answered),
            "rules_alone": share(harmless, lambda o: o.rules),
        },
        "by_variant": {
            variant.name: share(
                [o for o in outcomes if o.variant == variant.name],
                (lambda o: o.shown) if variant.conflict else (lambda o: o.any_shown),
            )
            for variant in VARIANTS
            if any(o.variant == variant.name for o in outcomes)
        },
        "wrong": [
            {"story": o.story, "variant": o.variant, "answered": o.answered, "cited": o.quoted, "rules": o.rules}
            for o in outcomes
            if (o.conflict and not o.shown) or (not o.conflict and o.any_shown)
        ],
    }  # fmt: skip


def ask_all(variant: Variant, folder: Path, stages_over: Callable[[StateFolder], Stages]) -> list[Outcome]:
    """Index one variant's articles with the seeds and ask every story's question."""
    folder.mkdir(parents=True)
    source = folder / "planted.jsonl"
    source.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in articles(variant)), encoding="utf-8"
    )
    stages = stages_over(StateFolder(folder / "state"))
    try:
        return [
            outcome_of(answer_question(Ask(question=story.question, viewer=OPERATOR), stages), story, variant)
            for story in _EVERY
        ]
    finally:
        stages.generation.close()


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Ask every case of the shipped pipeline."""
    record = provenance(MODULE, threads=options.threads)
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline = Pipeline(folder / "models", threads=options.threads)

        def stages_over(state: StateFolder) -> Stages:
            return pipeline.over(state, [ROOT / "seeds", state.path.parent / "planted.jsonl"])

        for number, variant in enumerate(VARIANTS):
            outcomes += ask_all(variant, folder / f"variant-{number}", stages_over)
    return {
        "what": "planted disagreements between publishers: both sides shown, and false conflicts",
        **record,
        "seconds": round(time.perf_counter() - started, 1),
        "stories": {"used while the rules were written": len(STORIES), "held": len(HELD)},
        "reading": (
            "The rules were corrected on the stories apart from the held ones, so those figures flatter them. At first "
            "sight the rules alone saw 80 of 108 conflicts and 8 false ones in 180 (first 36 stories), then 20 of 36 and "
            "0 in 60 (the next 12). The held stories came after the last change. All but eight are made up, each "
            "article a few sentences long, so this says little of long texts."
        ),
        **summary(outcomes),
        "held": summary([o for o in outcomes if o.story in {story.name for story in HELD}]),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and measure; exit 0 when both promises hold, else 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    options = parser.parse_args(arguments)
    found = bench(options)
    write_json(found, options.out)
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
