"""Takes the words of documents out of stored answers for good: what `api.withdrawn` shows, it stores."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Connection, select, update

from api.conversations import record_of
from api.store.database import Database
from api.store.seal import sealed
from api.store.tables import answers, feedback, turns
from api.withdrawn import lost_numbers, shown_record, without_its_words
from index.access import OPERATOR, Viewer

_BATCH = 100


def redact_answers(database: Database, document_ids: Collection[str]) -> int:
    """Replace what stored answers quote of these documents by "Source withdrawn."; return how many were changed.

    Quotes that were judged go too, and questions that lean on an answer of the same conversation which was
    changed: what was understood by them may hold its words.

    Raises:
        StoreError: the database cannot be read or written.
    """
    gone = frozenset(document_ids)

    def withheld(_viewer: Viewer, cited: Collection[str]) -> frozenset[str]:
        return gone & frozenset(cited)

    with database.reading() as connection:
        ids = list(connection.scalars(select(answers.c.id).order_by(answers.c.id)))
    changed = 0
    for start in range(0, len(ids), _BATCH):
        leaning: set[str] = set()
        with database.writing() as connection:
            for row in connection.execute(
                select(answers).where(answers.c.id.in_(ids[start : start + _BATCH]))
            ).all():
                record = record_of(row.record, database)
                shown = shown_record(record, OPERATOR, withheld)
                if shown is record:
                    continue
                changed += 1
                _store(connection, row.id, shown)
                connection.execute(
                    update(feedback)
                    .where(
                        feedback.c.answer_id == row.id,
                        feedback.c.citation_number.in_(sorted(lost_numbers(shown))),
                    )
                    .values(quote=None)
                )
                if row.conversation_id is not None:
                    leaning.add(row.conversation_id)
            for conversation_id in sorted(leaning):
                _forget_what_was_understood(connection, database, conversation_id)
    return changed


def _forget_what_was_understood(connection: Connection, database: Database, conversation_id: str) -> None:
    for row in connection.execute(select(answers).where(answers.c.conversation_id == conversation_id)).all():
        record = record_of(row.record, database)
        if record["standalone_question"] != record["question"]:
            _store(connection, row.id, without_its_words(record))
    connection.execute(
        update(turns)
        .where(turns.c.conversation_id == conversation_id, turns.c.standalone_question.is_not(None))
        .values(standalone_question=turns.c.question)
    )


def _store(connection: Connection, answer_id: str, record: dict[str, object]) -> None:
    text = sealed(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
    connection.execute(update(answers).where(answers.c.id == answer_id).values(record=text))
