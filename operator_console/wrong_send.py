"""A wrong send: after the stop, the prepared words for exactly those who were reached, one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alertd import store
from alertd.alert import MsgType
from alertd.correction_clock import CorrectionClock, clock
from alertd.dispatch import State
from alertd.store.under_way import to_correct
from alertd.tables import ArtefactRow, DispatchRow
from operator_console.page import channel_names
from operator_console.stored import Stored, to_read
from operator_console.under_way import may_stop
from operator_console.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The prepared correction of a stopped alert."""

    words: Sequence[ArtefactRow]
    #: contacts that were reached or are being reached, by the name of the channel on screen
    reached: Mapping[str, int]
    #: what each channel of the words is called on screen
    names: Mapping[str, str]
    #: how long ago it was stopped; None = it was called off without a correction
    clock: CorrectionClock | None
    may_send: bool

    @property
    def total(self) -> int:
        """All contacts that it goes to."""
        return sum(self.reached.values())


def offered(session: Session, visit: Visit, dispatch: Stored) -> Correction | None:
    """The correction that can be sent now; None = nothing was stopped, nobody was reached, or it was sent."""
    row = dispatch.row
    running = clock(session, row)
    if running is None and row.state is not State.CANCELLED:
        return None
    if row.first_at is None or dispatch.alert.msg_type is MsgType.CANCEL:
        return None
    if running is not None and running.corrected_at is not None:
        return None
    return ready(session, visit, dispatch, running if row.state is not State.CANCELLED else None)


def ready(
    session: Session, visit: Visit, dispatch: Stored, running: CorrectionClock | None = None
) -> Correction | None:
    """The prepared correction with those to whom it would go; None = there is none, or it goes to nobody."""
    prepared = store.correction_of(session, dispatch.id)
    if prepared is None or prepared.state is not State.DRAFT:
        return None
    counted = to_correct(session, dispatch.id)
    if not counted:
        return None
    names = channel_names(visit, dispatch.row.channels)
    return Correction(
        words=to_read(session, prepared.id),
        reached={names.get(channel, channel): count for channel, count in counted.items()},
        names=names,
        clock=running,
        may_send=may_stop(visit, dispatch.alert.status),
    )


def ran(session: Session, row: DispatchRow) -> CorrectionClock | None:
    """The clock of an alert that was put right, also as seen from its correction; None = none ran."""
    wrong = store.dispatch(session, row.corrects_id) if row.corrects_id is not None else row
    found = clock(session, wrong) if wrong is not None else None
    return found if found is not None and found.taken is not None else None
