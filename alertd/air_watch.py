"""The watch that a sender keeps over its own airings while it hands them over."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from alertd.channel import Airs, Channel, Inquiry, Message, Receipt, Target
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.on_air import LOOK_EVERY, must_come_off, note, take_off
from alertd.site import Site
from alertd.store import Claimed, airings

log = logging.getLogger(__name__)


class Watch:
    """What a sender sees to while its own airings are under way, in a thread beside it.

    What is handed over together is on the air together: it comes off together. Nothing
    that the database does keeps the sender from watching its transmitter.
    """

    def __init__(
        self,
        site: Site,
        name: str,
        channel: Channel,
        message: Message,
        begun: Mapping[str, tuple[Claimed, Target]],
    ) -> None:
        """`begun` are the targets that are handed over together, by their keys."""
        self._site = site
        self._name = name
        self._channel = channel
        self._message = message
        self._begun = begun
        self._seen: dict[str, Receipt] = {}
        self._noted: set[tuple[str, object]] = set()
        self._looked = stopwatch()
        self._thread: ThreadPoolExecutor | None = None
        self._working: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits until what was begun is done: an airing is taken off before its end is recorded."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)

    def see(self, receipt: Receipt) -> None:
        """Notes a new phase, and takes everything off when it must come off; waits for neither."""
        self._seen[receipt.key] = receipt
        if self._working is not None and not self._working.done():
            return
        new = (receipt.key, receipt.phase) not in self._noted
        if not new and stopwatch() - self._looked < LOOK_EVERY:
            return
        self._looked = stopwatch()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, f"on-air-{self._name}")
        self._working = self._thread.submit(self._work, tuple(self._seen.values()))

    def _work(self, seen: Sequence[Receipt]) -> None:
        try:
            new = [one for one in seen if (one.key, one.phase) not in self._noted]
            if new:
                claimed = [self._begun[one.key][0] for one in new]
                note(self._site, [(c.id, c.attempt, one) for c, one in zip(claimed, new, strict=True)])
                self._noted.update((one.key, one.phase) for one in new)
            self._look()
        except SQLAlchemyError as error:
            log.warning("an airing goes on unwatched; the database does not answer: %s", type(error).__name__)
        except Exception:
            log.exception("an airing of %s goes on unwatched", self._message.identifier)

    def _look(self) -> None:
        """Takes everything off when something more urgent, an operator or its time wants it.

        Also when others have settled it meanwhile: this sender had stood still, and was
        taken for dead.
        """
        if not isinstance(self._channel, Airs):
            return
        now = self._site.clock.now()
        with reading(self._site.engine) as session:
            rows = {one.id: airings.latest(session, one.id) for one, _ in self._begun.values()}
            first = next((row for row in rows.values() if row is not None), None)
            why = must_come_off(session, first, self._channel.traits, now) if first is not None else None
        if first is None or (why is None and first.released_at is None):
            return
        inquiries = [
            Inquiry(
                target=target,
                ref=self._seen[target.key].ref if target.key in self._seen else None,
                handed_at=claimed.handed_at,
                asked_at=now,
                message=self._message,
            )
            for claimed, target in self._begun.values()
            if claimed.handed_at is not None
        ]
        if why is not None:
            others = [row.id for row in rows.values() if row is not None and row.id != first.id]
            take_off(self._site, self._name, self._channel, first.id, inquiries[0], why, together=others)
            inquiries = inquiries[1:]
        for inquiry in inquiries:
            self._channel.release(inquiry)
