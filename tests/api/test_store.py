"""The database of conversations: made, migrated, checked, written by many at once, really emptied."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from api.conversations import MAX_TURNS, Begun, Conversations
from api.store.database import APPLICATION_ID, Database
from api.store.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreMismatchError,
    StoreUnavailableError,
)
from api.store.ids import is_id, new_id, shown_time
from api.store.retention import BATCH, DAY_MS, Expired, expire
from api.store.tables import metadata
from tests.api.stored import TEXT, Clock, answered

OWNER = "local"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "c.sqlite")
    yield opened
    opened.close()


def turn(conversations: Conversations, question: str, conversation_id: str | None = None) -> Begun:
    begun = conversations.begin(OWNER, question, conversation_id)
    conversations.complete(begun, answered(question))
    return begun


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = {
            tuple(row)
            for row in connection.exec_driver_sql(
                "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
            )
        }
    assert {name for kind, name in made if kind == "table"} == {*metadata.tables, "alembic_version"}
    assert ("index", "turns_started") in made  # the comparison does not see partial ones


def test_the_tables_are_such_as_postgresql_has() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.sorted_tables
        for index in table.indexes
    ]
    assert len(statements) == 8
    assert "record TEXT NOT NULL" in "".join(statements)
    assert any(index.endswith("WHERE state = 'started'") for index in indexes)


def test_the_file_is_its_owner_s_alone_and_marked_as_ours(database: Database, tmp_path: Path) -> None:
    turn(Conversations(database), "Who?")
    for path in tmp_path.glob("c.sqlite*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    with sqlite3.connect(tmp_path / "c.sqlite") as other:
        assert other.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


@pytest.mark.parametrize("name", ["a b%c#?.sqlite", "отчёт 🌊.sqlite"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new folder" / name
    for number in (1, 2):
        opened = Database(path)
        turn(Conversations(opened), "Who?")
        assert len(Conversations(opened).page(OWNER, limit=9).conversations) == number
        opened.close()
    assert path.is_file()


# What is wrong with the file


def closed_with_turns(path: Path, count: int = 40) -> None:
    opened = Database(path)
    conversations = Conversations(opened)
    for number in range(count):
        turn(conversations, f"Question {number}?")
    opened.checkpoint()
    opened.close()


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    closed_with_turns(path, 1)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreMismatchError, match=r"c\.sqlite have format 9999.*update the software"):
        Database(path)
    assert path.read_bytes() == before


def test_a_file_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreMismatchError, match=r"theirs\.sqlite is an SQLite file of some other program"):
        Database(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["theirs.sqlite"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"not a database" * 100, id="no database"),
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut in half"),
        pytest.param(lambda raw: raw[:4096] + b"\xff" * (len(raw) - 4096), id="all pages but one"),
        pytest.param(lambda raw: raw[:100] + b"\xff" * 3996 + raw[4096:], id="schema"),
        pytest.param(lambda raw: raw[:1], id="one byte"),
    ],
)
def test_a_damaged_file_is_said_with_what_to_do(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "c.sqlite"
    closed_with_turns(path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(StoreDamagedError, match=r"c\.sqlite are damaged .*restore the file from a backup"):
        Database(path)


def test_damage_that_comes_while_it_is_open_is_an_error_and_never_less(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    closed_with_turns(path)
    opened = Database(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    with pytest.raises(StoreDamagedError):
        Conversations(opened).page(OWNER, limit=9)
    opened.close()


def test_a_record_that_is_none_is_damage(database: Database) -> None:
    conversations = Conversations(database)
    begun = turn(conversations, "Who?")
    for broken in ("", "{", "[1]", "null"):
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE answers SET record = ?", (broken,))
        with pytest.raises(StoreDamagedError, match="an answer in"):
            conversations.read(OWNER, begun.conversation_id)
        with pytest.raises(StoreDamagedError, match="an answer in"):
            conversations.begin(OWNER, "And then?", begun.conversation_id)


def test_a_place_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "c.sqlite", tmp_path):
        with pytest.raises(StoreUnavailableError, match="VERSE_DATABASE_URL"):
            Database(path)


FULL = """
import resource, sys
from pathlib import Path
from api.conversations import Conversations
from api.store.database import Database
from api.store.errors import StoreUnavailableError
from tests.api.stored import answered

database = Database(Path(sys.argv[1]))
conversations = Conversations(database)
begun = conversations.begin("local", "Who?")
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    conversations.complete(begun, answered("Who?", answer="x" * 200_000))
except StoreUnavailableError as error:
    print("refused" if "free the disk" in str(error) else error)
(turn,) = conversations.read("local", begun.conversation_id).turns
print(turn.status, turn.answer)
"""


def test_a_full_disk_leaves_the_turn_without_its_answer(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "c.sqlite")],
        env=child_environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "refused\nstarted None\n", done.stderr


# Several at once


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    # Two databases on one file stand for two processes.
    opened = [Database(tmp_path / "c.sqlite") for _ in range(2)]
    services = [Conversations(one) for one in opened]
    shared = services[0].begin(OWNER, "The first?").conversation_id

    def work(worker: int) -> list[int]:
        service = services[worker % 2]
        return [turn(service, f"{worker}-{number}?", shared).number for number in range(12)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for found in pool.map(work, range(8)) for number in found]
    assert sorted(numbers) == list(range(2, 98))
    read = services[1].read(OWNER, shared)
    assert [found.number for found in read.turns] == list(range(1, 98))
    complete = [found for found in read.turns if found.status == "complete"]
    assert len(complete) == 96
    assert all(found.answer is not None and found.answer["question"] == found.question for found in complete)
    for one in opened:
        one.close()


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    conversations = Conversations(database)
    stop = threading.Event()
    torn: list[object] = []

    def look() -> None:
        while not stop.is_set():
            for head in conversations.page(OWNER, limit=5).conversations:
                for found in conversations.read(OWNER, head.id).turns:
                    if (found.status == "complete") != (found.answer is not None):
                        torn.append(found)

    with ThreadPoolExecutor(3) as pool:
        looking = [pool.submit(look) for _ in range(2)]
        for number in range(60):
            turn(conversations, f"Question {number}?")
        stop.set()
        for future in looking:
            future.result()
    assert torn == []


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    opened = Database(tmp_path / "c.sqlite", busy_s=0.2)
    conversations = Conversations(opened)
    holding = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match=r"busy for more than 0\.2 s"):
        conversations.begin(OWNER, "Who?")
    assert conversations.page(OWNER, limit=9).conversations == []  # reading goes on
    holding.execute("ROLLBACK")
    holding.close()
    assert turn(conversations, "Who?").number == 1
    opened.close()


def test_a_thread_that_waits_too_long_for_another_says_so(tmp_path: Path) -> None:
    opened = Database(tmp_path / "c.sqlite", busy_s=0.2)
    with opened.writing(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Conversations(opened).begin, OWNER, "Who?")
        with pytest.raises(StoreBusyError):
            waiting.result(10)
    opened.close()


def test_an_error_rolls_everything_back(database: Database) -> None:
    conversations = Conversations(database)
    begun = conversations.begin(OWNER, "Who?")
    record = answered("Who?")
    conversations.keep(OWNER, record)
    with pytest.raises(Exception, match="UNIQUE") as failure:  # the same answer twice: a bug, told as one
        conversations.complete(begun, record)
    assert not isinstance(failure.value, StoreError)
    assert TEXT not in str(failure.value), "an error holds nobody's text"
    (found,) = conversations.read(OWNER, begun.conversation_id).turns
    assert (found.status, found.answer) == ("started", None)
    assert conversations.complete(begun, answered("Who?")).conversation_id == begun.conversation_id


# Who is alone


KILLED = """
import sys, time
from pathlib import Path
from api.conversations import Conversations
from api.store.database import Database

database = Database(Path(sys.argv[1]))
alone = database.serve()
database.share()
begun = Conversations(database).begin("local", "Who?")
print(alone, begun.conversation_id, flush=True)
time.sleep(60)
"""


def test_what_a_killed_server_left_is_interrupted_but_not_while_it_lives(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    path = tmp_path / "c.sqlite"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], env=child_environment, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    alone, conversation_id = child.stdout.readline().split()
    assert alone == "True"
    beside = Database(path)
    assert beside.serve() is False
    beside.close()
    child.kill()
    child.wait()
    child.stdout.close()
    after = Database(path)
    conversations = Conversations(after)
    (left,) = conversations.read(OWNER, conversation_id).turns
    assert (left.status, left.answer) == ("started", None)
    assert after.serve() is True
    assert conversations.interrupt_leftovers() == 1
    (left,) = conversations.read(OWNER, conversation_id).turns
    assert (left.status, left.interrupted_by, left.answer) == ("interrupted", "server_stopped", None)
    after.close()


def test_beside_another_server_only_what_is_very_old_is_interrupted(database: Database) -> None:
    clock = Clock()
    conversations = Conversations(database, now=clock)
    old = conversations.begin(OWNER, "Old?")
    clock.at_ms += 10_000
    conversations.begin(OWNER, "New?")
    assert conversations.interrupt_leftovers(started_before_ms=clock.at_ms) == 1
    assert conversations.read(OWNER, old.conversation_id).turns[0].status == "interrupted"
    assert conversations.interrupt_leftovers() == 1
    assert conversations.interrupt_leftovers() == 0


# Deleting


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_what_is_deleted_is_on_the_disk_no_more(database: Database, tmp_path: Path) -> None:
    conversations = Conversations(database)
    kept = turn(conversations, "Kept-5521?")
    ids = [
        turn(conversations, f"Secret-7718-{number}? " + "long " * 300).conversation_id for number in range(30)
    ]
    assert b"Secret-7718" in bytes_of(tmp_path)
    for conversation_id in ids:
        conversations.delete(OWNER, conversation_id)
    left = bytes_of(tmp_path)
    assert b"Secret-7718" not in left
    assert b"Kept-5521" in left
    assert [head.id for head in conversations.page(OWNER, limit=9).conversations] == [kept.conversation_id]


def test_a_reader_in_the_way_only_puts_the_emptying_off(tmp_path: Path) -> None:
    opened = Database(tmp_path / "c.sqlite", busy_s=0.1)
    conversations = Conversations(opened)
    begun = turn(conversations, "Secret-7718?")
    reading = sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)
    reading.execute("BEGIN")
    assert reading.execute("SELECT count(*) FROM turns").fetchone() == (1,)
    conversations.delete(OWNER, begun.conversation_id)
    assert reading.execute("SELECT count(*) FROM turns").fetchone() == (1,)
    assert opened.checkpoint() is False
    reading.execute("ROLLBACK")
    reading.close()
    assert opened.checkpoint() is True
    assert b"Secret-7718" not in bytes_of(tmp_path)
    opened.close()


def test_retention_deletes_whole_conversations_and_loose_answers(database: Database, tmp_path: Path) -> None:
    clock = Clock()
    conversations = Conversations(database, now=clock)
    old = turn(conversations, "Old-8812?")
    used = turn(conversations, "Old, but used?")
    loose = answered("Loose-8812?")
    conversations.keep(OWNER, loose)
    clock.at_ms += 9 * DAY_MS
    turn(conversations, "And today?", used.conversation_id)
    conversations.rename(OWNER, old.conversation_id, "A new title-8812 makes it no younger")
    clock.at_ms += DAY_MS
    assert expire(database, days=10, now_ms=clock.at_ms) == Expired(conversations=0, answers=0)
    assert expire(database, days=0, now_ms=clock.at_ms * 2) == Expired(conversations=0, answers=0)
    assert expire(database, days=10, now_ms=clock.at_ms + 1) == Expired(conversations=1, answers=1)
    assert [head.id for head in conversations.page(OWNER, limit=9).conversations] == [used.conversation_id]
    assert len(conversations.read(OWNER, used.conversation_id).turns) == 2
    database.checkpoint()
    assert b"8812" not in bytes_of(tmp_path)


def test_retention_goes_in_steps_that_can_be_stopped(database: Database) -> None:
    clock = Clock()
    conversations = Conversations(database, now=clock)
    for number in range(BATCH + 3):
        conversations.begin(OWNER, f"Question {number}?")
    answers = iter([False, True, True])
    late = clock.at_ms + 11 * DAY_MS
    assert expire(database, days=10, now_ms=late, stopped=lambda: next(answers)).conversations == BATCH
    assert expire(database, days=10, now_ms=late) == Expired(conversations=3, answers=0)


def test_a_conversation_is_full_one_day(database: Database) -> None:
    conversations = Conversations(database)
    begun = turn(conversations, "Question 1?")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE turns SET number = ?", (MAX_TURNS - 1,))
    assert turn(conversations, "The last?", begun.conversation_id).number == MAX_TURNS
    with pytest.raises(Exception, match=f"holds {MAX_TURNS} turns.*begin another one"):
        conversations.begin(OWNER, "One more?", begun.conversation_id)


# Ids and times


def test_ids_sort_by_time_and_nothing_else_is_one() -> None:
    ids = [new_id("conv", at) for at in (0, 1, 31, 32, 1_760_000_000_000, 2**48 - 1)]
    assert ids == sorted(ids)
    assert all(is_id(one, "conv") for one in ids)
    assert new_id("conv", 0) != new_id("conv", 0)
    for text in (
        "",
        "conv_",
        ids[0].lower(),
        ids[0] + "0",
        ids[0] + "\n",
        "turn" + ids[0][4:],
        "conv_" + "\ud800" * 26,
    ):
        assert not is_id(text, "conv"), text
    assert shown_time(0) == "1970-01-01T00:00:00.000Z"
    assert shown_time(1_760_000_000_123) == "2025-10-09T08:53:20.123Z"
