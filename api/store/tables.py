"""The tables of stored conversations and of access, as the newest migration leaves them (`tests/api/test_store.py`).

Every row that belongs to somebody has an owner or hangs on a row that has one; what hangs on a
conversation goes with it. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_once_%(column_0_N_name)s",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_of_%(referred_table_name)s",
        "pk": "%(table_name)s_key",
    }
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Of the last turn that was begun: a new title makes nothing younger.
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "owner", "updated_at", "id"),
    Index(None, "updated_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation_id", Text, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("standalone_question", Text),
    Column("answer_id", Text),
    # Why it was interrupted: a word of `api.conversations.Interruption`.
    Column("reason", Text),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    CheckConstraint("state IN ('started', 'complete', 'interrupted')", name="state"),
    CheckConstraint("(state = 'complete') = (answer_id IS NOT NULL)", name="complete_has_answer"),
    UniqueConstraint("conversation_id", "number"),
)
Index(
    "turns_started",
    turns.c.started_at,
    sqlite_where=text("state = 'started'"),
    postgresql_where=text("state = 'started'"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    # Null for an answer that was asked for outside any conversation.
    Column("conversation_id", Text, ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("record", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "conversation_id"),
    Index(None, "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("answer_id", Text, ForeignKey("answers.id", ondelete="CASCADE"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("rating", Text, nullable=False),
    Column("reason", Text),
    Column("comment", Text),
    Column("citation_number", Integer),
    Column("quote", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    CheckConstraint("rating IN ('up', 'down')", name="rating"),
    UniqueConstraint("answer_id", "owner"),
)

# Of a key, a session or a code only a digest is stored; `groups` are a JSON list, sorted.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("may_embed", Integer, nullable=False),
    Column("user", Text),
    Column("groups", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

spent_logins = Table(
    "spent_logins",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

frame_codes = Table(
    "frame_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("parent_origin", Text, nullable=False),
    Column("ttl_s", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)
