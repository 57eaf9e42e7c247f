"""Conversations, their turns, answers and feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="conversations_key"),
    )
    op.create_index("conversations_by_owner_updated_at_id", "conversations", ["owner", "updated_at", "id"])
    op.create_index("conversations_by_updated_at", "conversations", ["updated_at"])
    op.create_table(
        "turns",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("standalone_question", sa.Text),
        sa.Column("answer_id", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="turns_key"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="turns_of_conversations", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("conversation_id", "number", name="turns_once_conversation_id_number"),
        sa.CheckConstraint("state IN ('started', 'complete', 'interrupted')", name=op.f("turns_state")),
        sa.CheckConstraint(
            "(state = 'complete') = (answer_id IS NOT NULL)", name=op.f("turns_complete_has_answer")
        ),
    )
    op.create_index(
        "turns_started",
        "turns",
        ["started_at"],
        sqlite_where=sa.text("state = 'started'"),
        postgresql_where=sa.text("state = 'started'"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="answers_key"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="answers_of_conversations", ondelete="CASCADE"
        ),
    )
    op.create_index("answers_by_conversation_id", "answers", ["conversation_id"])
    op.create_index("answers_by_created_at", "answers", ["created_at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("answer_id", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("rating", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("citation_number", sa.Integer),
        sa.Column("quote", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="feedback_key"),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name="feedback_of_answers", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("answer_id", "owner", name="feedback_once_answer_id_owner"),
        sa.CheckConstraint("rating IN ('up', 'down')", name=op.f("feedback_rating")),
    )
