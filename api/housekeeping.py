"""What is done to stored conversations at the start of the service and once an hour after it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from api.conversations import STALE_MS, Conversations
from api.store.database import Database
from api.store.errors import StoreError
from api.store.ids import now_ms
from api.store.retention import expire

logger = logging.getLogger(__name__)

EVERY_S = 3600.0


class Housekeeping:
    """Interrupts turns that nobody makes any more, deletes what is too old, empties the log of writes."""

    def __init__(
        self,
        database: Database,
        conversations: Conversations,
        *,
        retention_days: int,
        every_s: float = EVERY_S,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._days = retention_days
        self._every_s = every_s
        self._now = now
        self._stopped = threading.Event()

    def begin(self) -> None:
        """Do it once, before the first request: what a killed service left as started is interrupted.

        Raises:
            StoreError: the database cannot be written.
        """
        alone = self._database.serve()
        try:
            self._once(everything=alone)
        finally:
            self._database.share()

    async def keep(self) -> None:
        """Do it again and again."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await asyncio.to_thread(self._once, everything=False)
            except StoreError as error:
                # Nothing is lost: the next time does what this one did not.
                logger.error("conversations_not_kept_in_order error=%s", type(error).__name__)

    def stop(self) -> None:
        """End what is under way at the next step."""
        self._stopped.set()

    def _once(self, *, everything: bool) -> None:
        left = self._conversations.interrupt_leftovers(
            started_before_ms=None if everything else self._now() - STALE_MS
        )
        gone = expire(self._database, days=self._days, now_ms=self._now(), stopped=self._stopped.is_set)
        self._database.checkpoint()
        if left or gone.conversations or gone.answers:
            logger.info(
                "conversations_kept_in_order interrupted=%d expired=%d answers_expired=%d",
                left,
                gone.conversations,
                gone.answers,
            )
