"""The correction clock: from the stop of a whole alert to the word that it was wrong, ten minutes at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import store
from alertd.dispatch import State
from alertd.halt import stops
from alertd.store.under_way import correction_written
from alertd.tables import DispatchRow

#: within which those who were reached should know better
GOAL = timedelta(minutes=10)
#: an alert that was stopped longer ago is no longer waited for
WAITED_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CorrectionClock:
    """When the last of an alert's channels was stopped, and when its correction was let go (None = not yet)."""

    stopped_at: datetime
    corrected_at: datetime | None

    @property
    def due_at(self) -> datetime:
        """When the correction should be out."""
        return self.stopped_at + GOAL

    @property
    def taken(self) -> timedelta | None:
        """From the stop to the correction; None = it is not out yet."""
        return None if self.corrected_at is None else self.corrected_at - self.stopped_at

    @property
    def in_time(self) -> bool:
        """Whether the correction was out within the goal."""
        return self.taken is not None and self.taken <= GOAL


def stopped_at(row: DispatchRow) -> datetime | None:
    """When the last channel was stopped; None = at least one was not, or goes on again."""
    found = stops(row)
    if not found or set(row.channels) - set(found):
        return None
    return max(stop.at for stop in found.values())


def clock(session: Session, row: DispatchRow) -> CorrectionClock | None:
    """The clock of a dispatch; None = none runs or ran, because it was not stopped as a whole."""
    began = stopped_at(row)
    if began is None:
        return None
    prepared, written = store.correction_of(session, row.id), correction_written(session, row.id)
    sent = [
        prepared.approved_at if prepared is not None and prepared.state is not State.DRAFT else None,
        written.approved_at if written is not None else None,
    ]
    return CorrectionClock(began, min((at for at in sent if at is not None), default=None))
