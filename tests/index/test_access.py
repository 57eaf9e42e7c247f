"""Rules of who may read: how they are written, and that nothing malformed is ever taken for public."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from index.access import ANYBODY, OPERATOR, PUBLIC, AccessRule, Viewer, read_rule, rule_text, rule_value
from index.errors import AccessRuleError, SourceError
from index.formats import Problem
from index.load import load_paths
from index.types import Document

STAFF = AccessRule(groups=frozenset({"staff"}))


@pytest.mark.parametrize(
    ("viewer", "rule", "expected"),
    [
        (ANYBODY, PUBLIC, True),
        (ANYBODY, AccessRule(), False),
        (OPERATOR, AccessRule(), True),
        (Viewer(user="ada"), AccessRule(users=frozenset({"ada"})), True),
        (Viewer(user="Ada"), AccessRule(users=frozenset({"ada"})), False),
        (Viewer(user="staff"), STAFF, False),
        (Viewer(groups=frozenset({"staff", "x"})), STAFF, True),
        (Viewer(groups=frozenset({"ada"})), AccessRule(users=frozenset({"ada"})), False),
        (Viewer(user=None), AccessRule(users=frozenset({"None"})), False),
    ],
)
def test_who_may_read(viewer: Viewer, rule: AccessRule, expected: bool) -> None:
    assert viewer.may_read(rule) is expected


@pytest.mark.parametrize(
    "value",
    [
        "public",
        {"users": ["ada"]},
        {"groups": ["a", "b"]},
        {"users": ["я"], "groups": ["x y"]},
        {"users": []},
    ],
)
def test_a_rule_is_the_same_after_it_was_stored(value: Any) -> None:
    rule = read_rule(value)
    assert read_rule(json.loads(rule_text(rule))) == rule
    assert read_rule(rule_value(rule)) == rule
    assert rule.public == (value == "public")


MALFORMED = [
    None,
    True,
    0,
    "",
    "Public",
    "public ",
    "everybody",
    [],
    ["public"],
    {},
    {"public": True},
    {"user": ["ada"]},
    {"users": "ada"},
    {"users": None},
    {"users": ["ada"], "everybody": True},
    {"users": [""]},
    {"users": [" ada"]},
    {"users": [1]},
    {"users": [None]},
    {"groups": [["a"]]},
    {"groups": ["a\n"]},
    {"groups": ["\ud800"]},
    {"groups": ["x" * 257]},
    {"users": [str(n) for n in range(1001)]},
]


@pytest.mark.parametrize("value", MALFORMED, ids=lambda value: ascii(value)[:40])
def test_a_malformed_rule_is_refused(value: Any) -> None:
    with pytest.raises(AccessRuleError, match=r"^access"):
        read_rule(value)


@pytest.mark.parametrize("value", MALFORMED, ids=lambda value: ascii(value)[:40])
def test_a_line_with_a_malformed_rule_is_no_document(value: Any, tmp_path: Path) -> None:
    row = {"id": "a", "text": "Text.", "access": value}
    (tmp_path / "c.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (item,) = load_paths([tmp_path / "c.jsonl"])
    assert isinstance(item, Problem)
    assert "line 1: access" in str(item.error)


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "a", "text": "T.", "access": {"users": ["a"]}, "access": "public"}',
        '{"id": "a", "text": "T.", "access": {"users": ["a"], "users": []}}',
        '{"id": "a", "text": "T.", "Access": {"users": ["a"]}}',
        '{"id": "a", "text": "T.", " access": {"users": ["a"]}}',
    ],
)
def test_a_rule_that_is_written_twice_or_misspelt_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(line + "\n", encoding="utf-8")
    (item,) = load_paths([tmp_path / "c.jsonl"])
    assert isinstance(item, Problem)


def loaded(folder: Path) -> dict[str, AccessRule | None]:
    return {item.document_id: item.access for item in load_paths([folder]) if isinstance(item, Document)}


def test_what_says_nothing_of_a_rule_has_none(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"id": "a", "text": "T."}\n', encoding="utf-8")
    (tmp_path / "b.txt").write_text("Text.", encoding="utf-8")
    assert loaded(tmp_path) == {"a": None, "b.txt": None}


def test_rules_beside_files(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("Text.", encoding="utf-8")
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nfile = "a.txt"\naccess = { groups = ["staff"] }\n'
        '[[source]]\nfile = "b.txt"\naccess = "public"\n',
        encoding="utf-8",
    )
    assert loaded(tmp_path) == {"a.txt": STAFF, "b.txt": PUBLIC, "c.txt": None}


def test_a_folders_rule_is_that_of_all_its_files_and_of_those_below(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "open").mkdir()
    for name in ("a.txt", "b.txt", "deep/er/c.txt", "open/d.txt"):
        (tmp_path / name).write_text("Text.", encoding="utf-8")
    row = {"id": "own", "text": "T.", "access": "public"}
    (tmp_path / "rows.jsonl").write_text(
        json.dumps(row) + "\n" + '{"id": "bare", "text": "T."}\n', encoding="utf-8"
    )
    (tmp_path / "sources.toml").write_text(
        'access = { groups = ["staff"] }\n[[source]]\nfile = "b.txt"\ntitle = "B"\n', encoding="utf-8"
    )
    (tmp_path / "open" / "sources.toml").write_text('access = "public"\n', encoding="utf-8")
    found = {name.split("~")[0]: rule for name, rule in loaded(tmp_path).items()}
    assert found == {
        "a.txt": STAFF,
        "b.txt": STAFF,
        "deep-er-c.txt": STAFF,
        "open-d.txt": PUBLIC,
        "own": PUBLIC,
        "bare": STAFF,
    }
    (alone,) = load_paths([tmp_path / "a.txt"])
    assert isinstance(alone, Document)
    assert alone.access == STAFF, "also when it is indexed by its own name"


@pytest.mark.parametrize(
    "content", ["access = 1", 'access = "Public"', "access = { }", 'access = { user = ["a"] }']
)
def test_a_malformed_rule_in_sources_stops_everything(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Text.", encoding="utf-8")
    for text in (content, f'[[source]]\nfile = "a.txt"\n{content}'):
        (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match="access"):
            list(load_paths([tmp_path]))
