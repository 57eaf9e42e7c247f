"""Rules in the catalog: they outlive what they are about, and no accident makes them wider."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.access import ANYBODY, OPERATOR, PUBLIC, AccessRule, Viewer
from index.build import update_index
from index.catalog import Catalog
from index.errors import AccessChangedError, AccessUnreadableError, CatalogDamagedError
from index.generation import Generation, open_current
from index.rules import Rules, set_access
from index.schema import MIGRATIONS
from index.settings import IndexSettings
from index.state import StateFolder
from tests.api.service import index_rows, write_jsonl
from tests.fakes import HashEmbedder

ADA = Viewer(user="ada")
ONLY_ADA = {"users": ["ada"]}
OF_ADA = AccessRule(users=frozenset({"ada"}))
NOBODYS = AccessRule()


def row(document_id: str, access: Any = None, text: str = "") -> dict[str, Any]:
    found = {"id": document_id, "text": text or f"The text of {document_id} says this and no more than this."}
    return found if access is None else {**found, "access": access}


def opened(folder: Path) -> Generation:
    return open_current(StateFolder(folder / "state"), embedder=HashEmbedder().name)


def seen(generation: Generation, viewer: Viewer) -> list[str]:
    return [head["document_id"] for head in generation.heads(generation.sight(viewer).ordinals())]


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[Generation]:
    index_rows(tmp_path, [row("a"), row("b", "public"), row("c", ONLY_ADA), row("d", {"users": []})])
    found = opened(tmp_path)
    yield found
    found.close()


def catalog_of(folder: Path) -> Path:
    return StateFolder(folder / "state").catalog


def test_each_sees_what_the_rules_let_them(generation: Generation) -> None:
    assert seen(generation, ANYBODY) == ["a", "b"]
    assert seen(generation, ADA) == ["a", "b", "c"]
    assert seen(generation, OPERATOR) == ["a", "b", "c", "d"]


def test_a_rule_holds_at_once_and_without_a_new_generation(generation: Generation, tmp_path: Path) -> None:
    before = generation.sight(ADA)
    assert set_access(catalog_of(tmp_path), "c", NOBODYS)
    assert seen(generation, ADA) == ["a", "b"]
    with pytest.raises(AccessChangedError, match="ask again"):
        before.check(["a", "c"])  # what was begun before is looked at again before it is shown
    assert set_access(catalog_of(tmp_path), "d", PUBLIC)
    assert seen(generation, ANYBODY) == ["a", "b", "d"]
    assert generation.index_version == opened(tmp_path).index_version


def test_a_rule_of_no_document_is_not_set(generation: Generation, tmp_path: Path) -> None:
    assert not set_access(catalog_of(tmp_path), "e", PUBLIC)
    assert not set_access(tmp_path / "none" / "catalog.sqlite", "a", PUBLIC)
    assert not (tmp_path / "none").exists()
    for odd in ("e", "", "\ud800", "a\x00", "a' OR 1=1 --", "x" * 100_000):
        assert Rules(catalog_of(tmp_path)).rule_of(odd) is None
        assert not set_access(catalog_of(tmp_path), odd, PUBLIC)


def test_the_same_documents_again_change_no_rule_that_was_set_since(
    generation: Generation, tmp_path: Path
) -> None:
    rows = [row("a"), row("b", "public"), row("c", ONLY_ADA), row("d", {"users": []})]
    for name in ("a", "b"):
        set_access(catalog_of(tmp_path), name, NOBODYS)
    report = index_rows(tmp_path, rows)
    assert (report.unchanged, report.access, report.published) == (4, 0, False)
    assert seen(generation, ANYBODY) == []
    rows[1]["access"] = ONLY_ADA  # now its source says something new
    report = index_rows(tmp_path, rows)
    assert (report.unchanged, report.access, report.published) == (3, 1, False)
    assert seen(generation, ADA) == ["b", "c"]


def test_a_source_that_says_nothing_any_more_makes_nothing_public(
    generation: Generation, tmp_path: Path
) -> None:
    index_rows(tmp_path, [row("c"), row("d", text="Another text of d, in which nothing is said of rights.")])
    now = opened(tmp_path)
    assert seen(now, ANYBODY) == ["a", "b"]
    assert seen(now, ADA) == ["a", "b", "c"]


def test_what_was_removed_is_nobodys_and_comes_back_with_its_rule(
    generation: Generation, tmp_path: Path
) -> None:
    index_rows(tmp_path, [row("a")], prune=True)
    rules = Rules(catalog_of(tmp_path))
    assert seen(generation, ADA) == ["a"], "though the generation that is open holds the others"
    assert rules.withheld(OPERATOR, ["a", "b", "c", "never"]) == {"b", "c"}
    assert rules.withheld(ADA, ["a", "b", "c", "never"]) == {"b", "c", "never"}
    assert not set_access(catalog_of(tmp_path), "c", PUBLIC), "a tombstone has no rule to set"
    index_rows(tmp_path, [row("a"), row("c")])
    assert seen(opened(tmp_path), ANYBODY) == ["a"]
    assert seen(opened(tmp_path), ADA) == ["a", "c"]


class _Stopped(Exception):
    pass


class _StoppingEmbedder(HashEmbedder):
    """Breaks where a new text would be embedded, as a crash might."""

    def embed_passages(self, texts: Any) -> Any:
        raise _Stopped


@pytest.mark.parametrize("by", ["replaced", "removed and added"])
def test_a_text_that_is_still_served_keeps_its_own_rule(
    by: str, generation: Generation, tmp_path: Path
) -> None:
    """A public text takes the place of a secret one; until it is published, the secret one is what is served."""
    state = StateFolder(tmp_path / "state")
    if by == "removed and added":
        with Catalog(state.catalog) as catalog:
            catalog.remove("c")
    path = write_jsonl(
        tmp_path / "rows.jsonl", [row("c", "public", "Now a text for everybody, and quite another.")]
    )
    for _ in range(2):
        with pytest.raises(_Stopped):
            update_index(state, [path], _StoppingEmbedder(), IndexSettings())
        assert seen(generation, ANYBODY) == ["a", "b"]
        assert seen(opened(tmp_path), ANYBODY) == ["a", "b"], "after a restart too"
    assert seen(generation, ADA) == ["a", "b", "c"]
    update_index(state, [path], HashEmbedder(), IndexSettings())
    assert seen(generation, ANYBODY) == ["a", "b"], "whoever has the one before still open"
    assert sorted(seen(opened(tmp_path), ANYBODY)) == ["a", "b", "c"]
    with pytest.raises(AccessChangedError):
        generation.rules.refuse_unreadable(ANYBODY, ["c"], generation.number)


def test_a_rule_that_is_widened_before_the_text_is_published_widens_the_new_text_alone(
    generation: Generation, tmp_path: Path
) -> None:
    """The secret text is replaced under the same rule, nothing is published, and then the rule is set."""
    state = StateFolder(tmp_path / "state")
    text = "Now a text for everybody, and quite another."
    path = write_jsonl(tmp_path / "rows.jsonl", [row("c", ONLY_ADA, text)])
    with pytest.raises(_Stopped):
        update_index(state, [path], _StoppingEmbedder(), IndexSettings())
    seen(generation, ANYBODY)
    assert set_access(state.catalog, "c", PUBLIC)
    assert seen(generation, ANYBODY) == ["a", "b"]
    assert seen(opened(tmp_path), ANYBODY) == ["a", "b"]
    assert seen(generation, ADA) == ["a", "b", "c"]
    update_index(state, [path], HashEmbedder(), IndexSettings())
    assert seen(opened(tmp_path), ANYBODY) == ["a", "b", "c"], "it was set, and the source says what it said"


def test_old_numbers_do_not_hide_what_is_published_after_the_generations_were_lost(
    generation: Generation, tmp_path: Path
) -> None:
    state = StateFolder(tmp_path / "state")
    index_rows(tmp_path, [row("a", text="A new text of a, so that a second generation is made.")])
    index_rows(tmp_path, [row("c", "public", "Now a text for everybody, and quite another.")])
    shutil.rmtree(state.generations)
    state.current.unlink()
    index_rows(tmp_path, [row("c", "public", "Now a text for everybody, and quite another.")])
    assert opened(tmp_path).number == 1
    assert "c" in seen(opened(tmp_path), ANYBODY)


def damaged(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access SET rule = '\"public\"', changed = 99 WHERE document_id = 'c'",
        "UPDATE access SET removed_at = NULL, rule = 'x', changed = 99 WHERE document_id = 'c'",
        "DROP TABLE access",
        "DROP TABLE access_before",
    ],
)
def test_rules_that_are_not_the_stored_ones_let_nobody_in(
    statement: str, generation: Generation, tmp_path: Path
) -> None:
    damaged(catalog_of(tmp_path), statement)
    damaged(catalog_of(tmp_path), "PRAGMA user_version = 2")
    fresh = opened(tmp_path)
    for look in (lambda: fresh.sight(ADA), lambda: fresh.rules.refuse_unreadable(ADA, ["c"], 1)):
        with pytest.raises(AccessUnreadableError):
            look()
    assert len(fresh.sight(OPERATOR).ordinals()) == 4


def test_rules_without_a_version_let_nobody_in(generation: Generation, tmp_path: Path) -> None:
    assert seen(generation, ADA) == ["a", "b", "c"]
    damaged(catalog_of(tmp_path), "DELETE FROM access_state")
    with pytest.raises(AccessUnreadableError):
        generation.sight(ADA)


def test_a_rule_that_is_gone_lets_nobody_in(generation: Generation, tmp_path: Path) -> None:
    damaged(catalog_of(tmp_path), "DELETE FROM access WHERE document_id = 'b'")
    assert seen(opened(tmp_path), ADA) == ["a", "c"]
    path = write_jsonl(tmp_path / "rows.jsonl", [row("b")])
    with pytest.raises(CatalogDamagedError, match="rule of document 'b' is missing"):
        update_index(StateFolder(tmp_path / "state"), [path], HashEmbedder(), IndexSettings())
    assert seen(opened(tmp_path), ADA) == ["a", "c"], "and it is not made public by indexing it again"


def test_a_catalog_that_is_missing_lets_nobody_in_and_one_that_is_back_is_read_anew(
    generation: Generation, tmp_path: Path
) -> None:
    path = catalog_of(tmp_path)
    assert seen(generation, ADA) == ["a", "b", "c"]
    kept = tmp_path / "kept.sqlite"
    shutil.copy(path, kept)
    path.rename(tmp_path / "moved.sqlite")
    with pytest.raises(AccessUnreadableError):
        generation.sight(ADA)
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(AccessUnreadableError):
        generation.sight(ADA)
    path.unlink()
    kept.rename(path)
    set_access(path, "a", NOBODYS)
    assert seen(generation, ADA) == ["b", "c"], "the file is another one, and it is read whole"


def test_a_catalog_that_is_put_in_the_place_of_another_is_read_whole(
    generation: Generation, tmp_path: Path
) -> None:
    path = catalog_of(tmp_path)
    restored = tmp_path / "restored.sqlite"
    shutil.copy(path, restored)
    set_access(restored, "a", NOBODYS)
    assert seen(generation, ANYBODY) == ["a", "b"]
    restored.replace(path)
    assert seen(generation, ANYBODY) == ["b"]


def test_rules_of_replaced_texts_are_kept_one_after_the_other(generation: Generation, tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    for number, name in enumerate("cd"):
        path = write_jsonl(
            tmp_path / f"{name}.jsonl", [row(name, "public", f"Another text of {name}, by far.")]
        )
        (tmp_path / "rows.jsonl").unlink(missing_ok=True)  # a file that moved takes its ids along
        with pytest.raises(_Stopped):
            update_index(state, [path], _StoppingEmbedder(), IndexSettings())
        assert seen(generation, ANYBODY) == ["a", "b"], number


def test_a_catalog_from_before_there_were_rules_is_everybodys(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as db:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA application_id = 1447383635")
        db.execute("PRAGMA user_version = 1")
        db.execute(
            "INSERT INTO documents VALUES (1,'a','T','s','r',NULL,NULL,NULL,NULL,NULL,'{}','x','x','','','t')"
        )
    db.close()
    assert Rules(path).rule_of("a") == PUBLIC
    assert Rules(path).rule_of("b") is None
    assert set_access(path, "a", OF_ADA)
    assert Rules(path).rule_of("a") == OF_ADA


def test_what_is_seen_is_named_without_a_word_of_the_rest(generation: Generation, tmp_path: Path) -> None:
    index_rows(tmp_path / "alone", [row("a"), row("b")])
    alone = opened(tmp_path / "alone")
    sight = generation.sight(ANYBODY)
    assert sight.corpus_sha256 == alone.manifest.corpus_sha256
    assert sight.corpus_sha256 != generation.manifest.corpus_sha256
    assert generation.index_version not in sight.index_version
    assert generation.sight(OPERATOR).corpus_sha256 == generation.manifest.corpus_sha256


def test_people_who_see_the_same_share_what_is_costly(generation: Generation) -> None:
    one, other = generation.sight(Viewer(user="ben")), generation.sight(Viewer(user="cleo"))
    assert one.within(None) is other.within(None)
    assert (one.viewer.user, other.viewer.user) == ("ben", "cleo")
    assert generation.sight(Viewer(user="ben")) is one
