"""Conversations as they are stored: begun, completed or interrupted, read, renamed, deleted.

A turn is written as `started` before its answer is made, and becomes `complete`, answer and all, in
one transaction. One that was cut stays `interrupted`: it has no answer and is no part of the history.
Every method asks for the owner and sees nothing of anybody else's.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from api.conversations_schemas import (
    ConversationHead,
    ConversationOut,
    ConversationsOut,
    FeedbackOut,
    Interruption,
    TurnOut,
    answer_text,
)
from api.errors import NotFoundError
from api.schemas import AnswerOut
from api.store.database import Database
from api.store.errors import ConversationFullError, StoreDamagedError, StoreError, TurnEndedError
from api.store.ids import is_id, new_id, now_ms, shown_time
from api.store.seal import unsealed
from api.store.tables import answers, conversations, feedback, turns
from api.withdrawn import Since, Withheld, lost_numbers, nothing_withheld, shown_record, without_its_words
from index.access import ANYBODY, Viewer
from index.versions import nothing_changed
from rag.answer import Ask
from rag.errors import QuestionError
from rag.types import Turn

logger = logging.getLogger(__name__)

LOCAL_OWNER = "local"
"""Who everything belongs to on a service that asks for no key: `api.access.principal.LOCAL`."""

MAX_TURNS = 200
"""Turns of one conversation, so that reading one whole stays a small thing."""

_HISTORY_TURNS = 20  # as many questions and answers as `rag.follow_up` looks back
_TITLE_CHARACTERS = 80
_CURSOR = re.compile(r"([0-9]{1,15}):(conv_[0-9A-Z]{26})")
# Ten times the longest time that a question may have in the settings.
STALE_MS = 6_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A turn that was begun. `history` are the complete turns before it, oldest first."""

    owner: str
    conversation_id: str
    turn_id: str
    number: int
    history: tuple[Turn, ...]


class Conversations:
    """Everything that is done with stored conversations. Thread-safe; every method may block on the disk.

    `keep_answers` says whether answers outside any conversation are kept too, for feedback; `now` is the
    clock, in milliseconds since 1970. `withheld` tells which documents a viewer may not read now: of those
    nothing is shown, whoever was given the answer when they might; `since` tells which quoted texts are
    others by now (see `api.withdrawn`).
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_answers: bool = True,
        now: Callable[[], int] = now_ms,
        withheld: Withheld = nothing_withheld,
        since: Since = nothing_changed,
    ) -> None:
        self._database = database
        self._withheld = withheld
        self._since = since
        self._keep_answers = keep_answers
        self._now = now

    # While an answer is made

    def recording(
        self,
        owner: str,
        question: str,
        *,
        conversation_id: str | None = None,
        store: bool = False,
        viewer: Viewer = ANYBODY,
    ) -> Recording:
        """Return what accompanies the making of one answer, stored or not; nothing is written yet."""
        return Recording(
            self,
            owner,
            question,
            conversation_id=conversation_id,
            store=store or conversation_id is not None,
            viewer=viewer,
        )

    def begin(
        self, owner: str, question: str, conversation_id: str | None = None, viewer: Viewer = ANYBODY
    ) -> Begun:
        """Write a turn as started, in a new conversation where none is named.

        The history is what its `viewer` may still read of it.

        Raises:
            NotFoundError: the owner has no such conversation.
            ConversationFullError: it holds `MAX_TURNS` turns.
            StoreError: it cannot be written.
        """
        now = self._now()
        with self._database.writing() as connection:
            if conversation_id is None:
                conversation_id, number = new_id("conv", now), 1
                connection.execute(
                    insert(conversations).values(
                        id=conversation_id,
                        owner=owner,
                        title=title_from(question),
                        created_at=now,
                        updated_at=now,
                    )
                )
            else:
                found = _owned(connection, owner, conversation_id, lock=True)
                last = connection.scalar(
                    select(func.max(turns.c.number)).where(turns.c.conversation_id == conversation_id)
                )
                number = (last or 0) + 1
                if number > MAX_TURNS:
                    raise ConversationFullError(
                        f"the conversation holds {MAX_TURNS} turns, the most there may be; begin another one"
                    )
                connection.execute(
                    update(conversations)
                    .where(conversations.c.id == conversation_id)
                    # A clock that was set back makes nothing older than it is.
                    .values(updated_at=max(now, found.updated_at))
                )
            turn_id = new_id("turn", now)
            connection.execute(
                insert(turns).values(
                    id=turn_id,
                    conversation_id=conversation_id,
                    number=number,
                    state="started",
                    question=question,
                    started_at=now,
                )
            )
            return Begun(
                owner=owner,
                conversation_id=conversation_id,
                turn_id=turn_id,
                number=number,
                history=self._history(connection, conversation_id, viewer),
            )

    def complete(self, begun: Begun, record: AnswerOut) -> AnswerOut:
        """Store the answer and make its turn complete, in one transaction; return the record as stored.

        Raises:
            NotFoundError: the conversation was deleted meanwhile.
            TurnEndedError: the turn is complete or interrupted already.
            StoreError: it cannot be written; the turn is not complete.
        """
        stored = record.model_copy(update={"conversation_id": begun.conversation_id})
        now = self._now()
        with self._database.writing() as connection:
            done = connection.execute(
                update(turns)
                .where(turns.c.id == begun.turn_id, turns.c.state == "started")
                .values(
                    state="complete",
                    answer_id=stored.id,
                    standalone_question=stored.standalone_question,
                    ended_at=now,
                )
            )
            if done.rowcount != 1:
                state = connection.scalar(select(turns.c.state).where(turns.c.id == begun.turn_id))
                if state is None:
                    raise NotFoundError("The conversation was deleted meanwhile.")
                raise TurnEndedError(f"the turn is {state} already; ask again")
            connection.execute(
                insert(answers).values(
                    id=stored.id,
                    owner=begun.owner,
                    conversation_id=begun.conversation_id,
                    record=answer_text(stored),
                    created_at=now,
                )
            )
        return stored

    def interrupt(self, begun: Begun, reason: Interruption) -> bool:
        """Make a turn that is still started interrupted; return whether it was still started.

        Raises:
            StoreError: it cannot be written; the next start of the service interrupts it.
        """
        with self._database.writing() as connection:
            done = connection.execute(
                update(turns)
                .where(turns.c.id == begun.turn_id, turns.c.state == "started")
                .values(state="interrupted", reason=reason, ended_at=self._now())
            )
            return done.rowcount == 1

    def keep(self, owner: str, record: AnswerOut) -> None:
        """Keep an answer that belongs to no conversation, if such are kept.

        Raises:
            StoreError: it cannot be written.
        """
        if not self._keep_answers:
            return
        with self._database.writing() as connection:
            connection.execute(
                insert(answers).values(
                    id=record.id, owner=owner, record=answer_text(record), created_at=self._now()
                )
            )

    def interrupt_leftovers(self, *, started_before_ms: int | None = None) -> int:
        """Interrupt turns that nobody is making any more; return how many.

        All that are started, where no other process serves; else those older than any question gets.
        """
        statement = update(turns).where(turns.c.state == "started")
        if started_before_ms is not None:
            statement = statement.where(turns.c.started_at < started_before_ms)
        with self._database.writing() as connection:
            done = connection.execute(
                statement.values(state="interrupted", reason="server_stopped", ended_at=self._now())
            )
            return done.rowcount

    # What is stored

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> ConversationsOut:
        """Return conversations, the last used first.

        One that is used while a client turns the pages moves to the front, and is not on a later page.

        Raises:
            QuestionError: the cursor was not made by this service.
        """
        complete = (
            select(func.count())
            .select_from(turns)
            .where(turns.c.conversation_id == conversations.c.id, turns.c.state == "complete")
            .scalar_subquery()
        )
        statement = (
            select(conversations, complete.label("turns"))
            .where(conversations.c.owner == owner)
            .order_by(conversations.c.updated_at.desc(), conversations.c.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            at, last = _place_of(cursor)
            statement = statement.where(
                or_(
                    conversations.c.updated_at < at,
                    and_(conversations.c.updated_at == at, conversations.c.id < last),
                )
            )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        shown = rows[:limit]
        return ConversationsOut(
            conversations=[_head(row) for row in shown],
            next_cursor=_cursor(shown[-1].updated_at, shown[-1].id) if len(rows) > limit else None,
        )

    def head(self, owner: str, conversation_id: str) -> ConversationHead:
        """Return a conversation without its turns.

        Raises:
            NotFoundError: the owner has no such conversation.
        """
        with self._database.reading() as connection:
            return self._head(connection, owner, conversation_id)

    def read(self, owner: str, conversation_id: str, viewer: Viewer = ANYBODY) -> ConversationOut:
        """Return a conversation with all of its turns, as far as their sources may be read by `viewer`.

        Raises:
            NotFoundError: the owner has no such conversation.
        """
        with self._database.reading() as connection:
            found = _owned(connection, owner, conversation_id)
            rows = connection.execute(
                select(turns, answers.c.record)
                .outerjoin(answers, and_(answers.c.id == turns.c.answer_id, answers.c.owner == owner))
                .where(turns.c.conversation_id == conversation_id)
                .order_by(turns.c.number)
            ).all()
            given = {
                row.answer_id: row
                for row in connection.execute(
                    select(feedback)
                    .join(answers, answers.c.id == feedback.c.answer_id)
                    .where(answers.c.conversation_id == conversation_id, feedback.c.owner == owner)
                )
            }
        shown: list[TurnOut] = []
        leans = False
        for row in rows:
            turn = self._turn(row, given.get(row.answer_id), viewer, leans=leans)
            leans = leans or (turn.answer is not None and bool(lost_numbers(turn.answer)))
            shown.append(turn)
        return ConversationOut(
            id=found.id,
            title=found.title,
            created_at=shown_time(found.created_at),
            updated_at=shown_time(found.updated_at),
            turns=shown,
        )

    def rename(
        self, owner: str, conversation_id: str, title: str, recorded: Callable[[], None] = lambda: None
    ) -> ConversationHead:
        """Give a conversation another title; it does not move in the list.

        `recorded` is called when there is something to change and nothing has been; what it raises stops it.

        Raises:
            NotFoundError: the owner has no such conversation.
        """
        with self._database.writing() as connection:
            _owned(connection, owner, conversation_id, lock=True)
            recorded()
            connection.execute(
                update(conversations).where(conversations.c.id == conversation_id).values(title=title)
            )
            return self._head(connection, owner, conversation_id)

    def delete(self, owner: str, conversation_id: str, recorded: Callable[[], None] = lambda: None) -> None:
        """Delete a conversation with its turns, answers and feedback, from the disk too.

        `recorded` is called when there is something to delete and nothing has been; what it raises stops it.

        Raises:
            NotFoundError: the owner has no such conversation.
        """
        with self._database.writing() as connection:
            _owned(connection, owner, conversation_id, lock=True)
            recorded()
            connection.execute(delete(conversations).where(conversations.c.id == conversation_id))
        # Where a reader stands in the way, housekeeping does it within the hour.
        self._database.checkpoint()

    def answer(self, owner: str, answer_id: str, viewer: Viewer = ANYBODY) -> dict[str, Any]:
        """Return an answer record as it was given, as far as its sources may be read by `viewer`.

        Raises:
            NotFoundError: the owner was given no such answer, or it was not kept.
        """
        with self._database.reading() as connection:
            record = kept_answer(
                connection, owner, answer_id, self._database, viewer, self._withheld, self._since
            )
            conversation_id = record.get("conversation_id")
            if conversation_id is None or record["standalone_question"] == record["question"]:
                return record
            # Its words may be those of any answer before it.
            before = connection.execute(
                select(answers.c.record)
                .join(turns, turns.c.answer_id == answers.c.id)
                .where(
                    turns.c.conversation_id == conversation_id,
                    turns.c.number
                    < select(turns.c.number).where(turns.c.answer_id == answer_id).scalar_subquery(),
                )
            ).scalars()
            earlier = [
                shown_record(record_of(one, self._database), viewer, self._withheld, self._since)
                for one in before
            ]
        return without_its_words(record) if any(map(lost_numbers, earlier)) else record

    # Helpers

    def _history(self, connection: Connection, conversation_id: str, viewer: Viewer) -> tuple[Turn, ...]:
        rows = connection.execute(
            select(turns.c.question, answers.c.record)
            .join(answers, answers.c.id == turns.c.answer_id)
            .where(turns.c.conversation_id == conversation_id, turns.c.state == "complete")
            .order_by(turns.c.number.desc())
            .limit(_HISTORY_TURNS)
        ).all()
        found: list[Turn] = []
        for row in reversed(rows):
            record = shown_record(record_of(row.record, self._database), viewer, self._withheld, self._since)
            said = record["answer_without_citations"]
            found += [Turn(role="user", content=row.question), Turn(role="assistant", content=said)]
        return tuple(found)

    def _head(self, connection: Connection, owner: str, conversation_id: str) -> ConversationHead:
        found = _owned(connection, owner, conversation_id)
        count = connection.scalar(
            select(func.count())
            .select_from(turns)
            .where(turns.c.conversation_id == conversation_id, turns.c.state == "complete")
        )
        return ConversationHead(
            id=found.id,
            title=found.title,
            created_at=shown_time(found.created_at),
            updated_at=shown_time(found.updated_at),
            turns=count or 0,
        )

    def _turn(self, row: Row[Any], given: Row[Any] | None, viewer: Viewer, *, leans: bool) -> TurnOut:
        """Return a turn; where an answer before it `leans` on what is withdrawn, its own words alone."""
        record: dict[str, Any] | None = None
        if row.state == "complete":
            record = shown_record(record_of(row.record, self._database), viewer, self._withheld, self._since)
            record = without_its_words(record) if leans else record
        return TurnOut(
            id=row.id,
            number=row.number,
            status=row.state,
            question=row.question,
            standalone_question=row.question
            if leans and row.standalone_question
            else row.standalone_question,
            started_at=shown_time(row.started_at),
            ended_at=None if row.ended_at is None else shown_time(row.ended_at),
            interrupted_by=row.reason,
            answer=record,
            feedback=None if given is None else feedback_out(given, record),
        )


class Recording:
    """Accompanies the making of one answer, whether it is stored or not.

    Entered in the thread that makes the answer (the turn is begun then) and left there: without
    `complete`, the turn is interrupted. `abandon` may be called from any thread and blocks on nothing.
    """

    def __init__(
        self,
        conversations: Conversations,
        owner: str,
        question: str,
        *,
        conversation_id: str | None,
        store: bool,
        viewer: Viewer,
    ) -> None:
        self._viewer = viewer
        self._conversations = conversations
        self._owner = owner
        self._question = question
        self._store = store
        self._named = conversation_id
        self._begun: Begun | None = None
        self._done = False
        self._abandoned: Interruption | None = None

    def __enter__(self) -> Self:
        """Begin the turn, where there is one.

        Raises:
            NotFoundError, ConversationFullError, StoreError: see `Conversations.begin`.
        """
        if self._store:
            self._begun = self._conversations.begin(self._owner, self._question, self._named, self._viewer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Interrupt the turn if it was not completed."""
        if self._begun is None or self._done:
            return
        try:
            self._conversations.interrupt(self._begun, self._abandoned or "failed")
        except StoreError as failure:
            # Never as whole all the same: the next start finds it started, and interrupts it.
            logger.error("turn_not_interrupted error=%s", type(failure).__name__)

    @property
    def conversation_id(self) -> str | None:
        """The conversation, once the turn is begun; `None` where nothing is stored."""
        return None if self._begun is None else self._begun.conversation_id

    def asked(self, ask: Ask) -> Ask:
        """Return the request with the stored conversation as its history, where it goes on with one."""
        if self._begun is None or self._named is None:
            return ask
        return replace(ask, history=self._begun.history)

    def complete(self, record: AnswerOut) -> AnswerOut:
        """Store the whole answer; return the record that every transport sends.

        Call it before the last event of a stream: whoever has seen that event finds the turn complete.

        Raises:
            TurnEndedError: it was abandoned.
            NotFoundError, StoreError: see `Conversations.complete`.
        """
        if self._abandoned is not None:
            raise TurnEndedError(f"the turn was abandoned ({self._abandoned}); ask again")
        if self._begun is not None:
            stored = self._conversations.complete(self._begun, record)
            self._done = True
            return stored
        try:
            self._conversations.keep(self._owner, record)
        except StoreError as failure:
            # Nobody was promised that it is kept; without it, feedback on this answer is a 404.
            logger.error("answer_not_kept error=%s", type(failure).__name__)
        return record

    def abandon(self, reason: Interruption) -> None:
        """Say that nobody waits any more; what is not complete by now never will be."""
        if self._abandoned is None:
            self._abandoned = reason


def title_from(question: str) -> str:
    """Return the title of a conversation that begins with this question."""
    line = " ".join(question.split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    cut = line[: _TITLE_CHARACTERS - 1]
    at_word = cut.rsplit(" ", 1)[0] if " " in cut[_TITLE_CHARACTERS // 2 :] else cut
    return at_word.rstrip() + "…"


def record_of(stored: str | None, database: Database) -> dict[str, Any]:
    """Return a stored answer record.

    Raises:
        StoreDamagedError: it is none.
    """
    try:
        record = json.loads(unsealed(stored or "") or "")
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise StoreDamagedError(
            f"an answer in {database.path} is damaged; restore the file from a backup, or delete the "
            "conversation that it is in"
        )
    return record


def kept_answer(
    connection: Connection,
    owner: str,
    answer_id: str,
    database: Database,
    viewer: Viewer,
    withheld: Withheld,
    since: Since,
) -> dict[str, Any]:
    """Return an answer record, as far as its sources may be read by `viewer`.

    Raises:
        NotFoundError: the owner was given no such answer, or it was not kept.
        StoreDamagedError: it is there, but is no record.
    """
    found: str | None = None
    if is_id(answer_id, "ans"):
        found = connection.scalar(
            select(answers.c.record).where(answers.c.id == answer_id, answers.c.owner == owner)
        )
    if found is None:
        raise NotFoundError("There is no such answer.")
    return shown_record(record_of(found, database), viewer, withheld, since)


def feedback_out(row: Row[Any], record: Mapping[str, Any] | None) -> FeedbackOut:
    """Return a row of feedback as clients see it, on a record as it is shown: without withdrawn words."""
    withdrawn = record is not None and row.citation_number in lost_numbers(record)
    return FeedbackOut(
        id=row.id,
        answer_id=row.answer_id,
        rating=row.rating,
        reason=row.reason,
        comment=row.comment,
        citation_number=row.citation_number,
        quote=None if withdrawn else row.quote,
        created_at=shown_time(row.created_at),
        updated_at=shown_time(row.updated_at),
    )


def _owned(connection: Connection, owner: str, conversation_id: str, *, lock: bool = False) -> Row[Any]:
    """Return a conversation of this owner; with `lock`, nobody changes it before the transaction ends."""
    found = None
    if is_id(conversation_id, "conv"):
        statement = select(conversations).where(
            conversations.c.id == conversation_id, conversations.c.owner == owner
        )
        # SQLite has the whole file locked by now, and knows no such clause.
        found = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if found is None:
        raise NotFoundError("There is no such conversation.")
    return found


def _head(row: Row[Any]) -> ConversationHead:
    return ConversationHead(
        id=row.id,
        title=row.title,
        created_at=shown_time(row.created_at),
        updated_at=shown_time(row.updated_at),
        turns=row.turns,
    )


def _cursor(updated_at: int, conversation_id: str) -> str:
    return base64.urlsafe_b64encode(f"{updated_at}:{conversation_id}".encode()).decode().rstrip("=")


def _place_of(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:  # not base64, not UTF-8
        content = ""
    match = _CURSOR.fullmatch(content)
    if match is None:
        raise QuestionError(
            f"cursor {cursor[:40]!r} was not made by this service; leave it out to begin anew"
        )
    return int(match.group(1)), match.group(2)
