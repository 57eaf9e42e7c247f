"""The planted conflict set: large enough, the same every time, and true to the seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench.disagreement_stories import HELD, STORIES
from eval.bench.disagreements import (
    VARIANTS,
    Outcome,
    articles,
    first_of,
    rules_alone,
    second_of,
    share,
    summary,
)

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
EVERY = (*STORIES, *HELD)


def test_at_least_a_hundred_of_each() -> None:
    conflicts = sum(variant.conflict for variant in VARIANTS)
    assert conflicts * len(STORIES) >= 100
    assert (len(VARIANTS) - conflicts) * len(STORIES) >= 100
    assert len({story.name for story in EVERY}) == len(EVERY)


def test_a_story_of_the_seeds_is_a_sentence_of_theirs() -> None:
    told = [story for story in EVERY if story.seed]
    assert len(told) == 8
    for story in told:
        assert first_of(story) in (SEEDS / story.seed).read_text(encoding="utf-8"), story.name


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_articles_are_the_same_every_time(variant) -> None:  # type: ignore[no-untyped-def]
    rows = articles(variant)
    assert rows == articles(variant)
    assert len(rows) == 2 * len(EVERY) - 8
    assert len({row["id"] for row in rows}) == len(rows)
    assert any("published_at" not in row for row in rows)
    texts = {row["id"]: row["text"] for row in rows}
    assert all(second_of(story, variant) in texts[f"{story.name}-1"] for story in EVERY)


def test_the_rules_alone_keep_both_promises() -> None:
    seen = {v.conflict: [rules_alone(s, w) for w in VARIANTS if w.conflict == v.conflict for s in EVERY] for v in VARIANTS}  # fmt: skip
    assert sum(seen[True]) / len(seen[True]) >= 0.9
    assert sum(seen[False]) / len(seen[False]) <= 0.05


def outcome(**more: bool) -> Outcome:
    fields = {
        "answered": True,
        "quoted": True,
        "shown": False,
        "any_shown": False,
        "rules": True,
        "conflict": True,
    } | more
    return Outcome(story="s", variant=VARIANTS[0].name, **fields)  # type: ignore[arg-type]


def test_shares_are_counted() -> None:
    found = summary([*[outcome(shown=True)] * 9, outcome(), *[outcome(conflict=False)] * 19, outcome(conflict=False, any_shown=True)])  # fmt: skip
    # Wilson's interval of 9 in 10: (0.5958, 0.9821).
    assert found["both_sides_shown"] == {"share": 0.9, "count": 9, "of": 10, "wilson_95": [0.5958, 0.9821]}
    assert (found["false_conflicts"]["count"], found["false_conflicts"]["of"]) == (1, 20)
    assert found["holds"] is True
    assert len(found["wrong"]) == 2
    assert share([outcome()], lambda o: o.shown)["share"] == 0.0
