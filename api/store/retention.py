"""Deletes what is older than it may become: whole conversations, and answers outside of any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, select

from api.store.database import Database
from api.store.tables import answers, conversations

DAY_MS = 86_400_000
BATCH = 100
"""Rows of one transaction, so that nobody who asks waits for a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What was deleted."""

    conversations: int
    answers: int


def expire(
    database: Database, *, days: int, now_ms: int, stopped: Callable[[], bool] = lambda: False
) -> Expired:
    """Delete conversations whose last turn was begun more than `days` ago, and loose answers as old.

    In small transactions, the oldest first; `stopped` is asked between them, and what is left then is
    left for the next time. With 0 days nothing is ever too old.

    Raises:
        StoreError: the database cannot be written.
    """
    if days == 0:
        return Expired(conversations=0, answers=0)
    before = now_ms - days * DAY_MS
    old = select(conversations.c.id).where(conversations.c.updated_at < before)
    old = old.order_by(conversations.c.updated_at).limit(BATCH)
    loose = select(answers.c.id).where(answers.c.conversation_id.is_(None), answers.c.created_at < before)
    loose = loose.order_by(answers.c.created_at).limit(BATCH)
    gone = [0, 0]
    for place, (table, chosen) in enumerate(((conversations, old), (answers, loose))):
        while not stopped():
            with database.writing() as connection:
                done = connection.execute(delete(table).where(table.c.id.in_(chosen))).rowcount
            gone[place] += done
            if done < BATCH:
                break
    return Expired(conversations=gone[0], answers=gone[1])
