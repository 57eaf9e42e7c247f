"""`POST /v1/feedback`: what people make of answers, and its rows for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import insert, select, update

from api.access.principal import ThePrincipal
from api.audit import begin_change
from api.conversations import feedback_out, kept_answer, record_of
from api.conversations_schemas import FeedbackIn, FeedbackOut
from api.schemas import problem_responses
from api.store.database import Database
from api.store.errors import FeedbackError
from api.store.ids import new_id, now_ms
from api.store.tables import answers, feedback, turns
from api.withdrawn import Since, Withheld, nothing_withheld, shown_record
from index.access import ANYBODY, OPERATOR, Viewer
from index.versions import nothing_changed

router = APIRouter(tags=["answers"])

_MOST_HISTORY = 10  # questions and answers, the contract's 20 turns


class Feedback:
    """Feedback on kept answers: one an answer and owner. Thread-safe; every method may block on the disk."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], int] = now_ms,
        withheld: Withheld = nothing_withheld,
        since: Since = nothing_changed,
    ) -> None:
        self._database = database
        self._withheld = withheld
        self._since = since
        self._now = now

    def give(
        self,
        owner: str,
        given: FeedbackIn,
        viewer: Viewer = ANYBODY,
        *,
        recorded: Callable[[], None] = lambda: None,
    ) -> FeedbackOut:
        """Store feedback, in the place of this owner's earlier one on the same answer.

        `recorded` is called when it is known to fit and nothing is stored yet; what it raises stops it.

        Raises:
            NotFoundError: the owner was given no such answer, or it was not kept.
            FeedbackError: it names a citation or a quote that the answer does not hold.
            StoreError: it cannot be written.
        """
        now = self._now()
        with self._database.writing() as connection:
            record = kept_answer(
                connection, owner, given.answer_id, self._database, viewer, self._withheld, self._since
            )
            values = {
                "rating": given.rating,
                "reason": given.reason,
                "comment": given.comment,
                "citation_number": _cited(record, given),
                "quote": given.quote,
                "updated_at": now,
            }
            recorded()
            mine = (feedback.c.answer_id == given.answer_id, feedback.c.owner == owner)
            done = connection.execute(update(feedback).where(*mine).values(**values))
            if done.rowcount == 0:
                connection.execute(
                    insert(feedback).values(
                        id=new_id("fb", now),
                        answer_id=given.answer_id,
                        owner=owner,
                        created_at=now,
                        **values,
                    )
                )
            return feedback_out(connection.execute(select(feedback).where(*mine)).one(), record)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield everybody's feedback in the order in which it was first given, each with its answer.

        `history` holds the complete turns before the answer's own, as a request would send them.
        This is the operator's view: only the command line has it. Of documents that were deleted it shows
        nothing either.

        Raises:
            StoreError: it cannot be read.
        """
        last = ""
        while True:
            with self._database.reading() as connection:
                row = connection.execute(
                    select(feedback, answers.c.record, answers.c.conversation_id)
                    .join(answers, answers.c.id == feedback.c.answer_id)
                    .where(feedback.c.id > last)
                    .order_by(feedback.c.id)
                    .limit(1)
                ).one_or_none()
                if row is None:
                    return
                before = connection.execute(
                    select(turns.c.question, answers.c.record)
                    .join(answers, answers.c.id == turns.c.answer_id)
                    .where(
                        turns.c.conversation_id == row.conversation_id,
                        turns.c.state == "complete",
                        turns.c.number
                        < select(turns.c.number).where(turns.c.answer_id == row.answer_id).scalar_subquery(),
                    )
                    .order_by(turns.c.number.desc())
                    .limit(_MOST_HISTORY)
                ).all()
            last = row.id
            record = self._shown(row.record)
            history: list[dict[str, str]] = []
            for turn in reversed(before):
                said = self._shown(turn.record)["answer_without_citations"]
                history.append({"role": "user", "content": turn.question})
                history.append({"role": "assistant", "content": said})
            yield {
                **feedback_out(row, record).model_dump(mode="json"),
                "record": record,
                "history": history,
            }

    def _shown(self, stored: str) -> dict[str, Any]:
        return shown_record(record_of(stored, self._database), OPERATOR, self._withheld, self._since)


def _cited(record: dict[str, Any], given: FeedbackIn) -> int | None:
    """Return the number of the citation that feedback means; a quote alone finds its own."""
    citations = {citation["number"]: citation["cited_text"] for citation in record["citations"]}
    number, quote = given.citation_number, given.quote
    if number is not None and number not in citations:
        known = ", ".join(map(str, citations)) or "none"
        raise FeedbackError(f"citation_number is {number}; the answer's citations are: {known}")
    if quote is None:
        return number
    wanted = citations if number is None else {number: citations[number]}
    holding = [at for at, text in wanted.items() if quote in text]
    if not holding:
        raise FeedbackError(
            "quote stands in no cited_text of the answer; send it exactly as a citation has it, or leave it out"
        )
    return holding[0]


@router.post(
    "/v1/feedback",
    responses=problem_responses(
        {
            400: "The body is not UTF-8 JSON.",
            403: "The host or the origin is not allowed.",
            404: "No such answer, or it was not kept.",
            413: "The body is too large.",
            415: "The body is not application/json.",
            422: "A field is wrong or unknown, or names what the answer does not hold.",
            503: "The conversations cannot be written.",
        }
    ),
)
def give_feedback(body: FeedbackIn, request: Request, principal: ThePrincipal) -> FeedbackOut:
    """Say whether an answer is good, and which quote is wrong. A second one replaces the first."""
    service: Feedback = request.app.state.feedback
    stored = service.give(
        principal.subject, body, principal.viewer, recorded=lambda: begin_change(request.scope)
    )
    request.scope["log"] = {"answer_id": stored.answer_id, "rating": stored.rating, "reason": stored.reason}
    return stored
