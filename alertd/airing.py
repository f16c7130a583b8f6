"""The Airing: one use of a transmitter, its state derived from what was seen of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from alertd.channel import Outcome, Phase
from alertd.store import airings as stored
from alertd.tables import AiringRow, ReceiptRow

#: why an airing was taken off: something more urgent cut in
PREEMPTED = "preempted"
#: … an operator has stopped it
STOPPED = "stopped"
#: … it was on the air for longer than it may be
WATCHDOG = "watchdog"


class AiringState(StrEnum):
    """How far an airing is, or how it ended."""

    #: handed over, and nothing was seen of it yet
    REQUESTED = "requested"
    #: the transmitter is ours; receivers are being switched on
    SIGNALLED = "signalled"
    #: proven to be on the air
    ON_AIR = "on_air"
    #: all of it was aired; the transmitter is not proven to be given back yet
    ENDED = "ended"
    #: proven to have been aired to its end, and the transmitter to be given back
    RELEASED = "released"
    #: given back, and nobody has heard on the air what was sent there
    UNCONFIRMED = "unconfirmed"
    #: cut short by something more urgent; another airing repeats it
    PREEMPTED = "preempted"
    #: cut short
    TRUNCATED = "truncated"
    #: never was on the air
    REFUSED = "refused"
    #: nobody can tell what was aired; a person decides
    UNKNOWN = "unknown"


#: states after which nothing more comes of itself
OVER = frozenset(
    {
        AiringState.RELEASED,
        AiringState.UNCONFIRMED,
        AiringState.PREEMPTED,
        AiringState.TRUNCATED,
        AiringState.REFUSED,
        AiringState.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Airing:
    """What is known of one use of a transmitter."""

    dispatch_id: int
    delivery_id: int
    channel: str
    #: of the transmitter: the station's queue, mount or output
    address: str
    #: 0 = the first time
    repeat: int
    state: AiringState
    requested_at: datetime
    on_air_at: datetime | None
    released_at: datetime | None
    #: the transmitter is given back then at the latest
    ends_by: datetime
    #: the far end's words, for people
    detail: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self.state in OVER and self.released_at is not None


def airings(session: Session, dispatch_id: int) -> list[Airing]:
    """Every use of a transmitter for a dispatch, in their order."""
    rows = stored.of_dispatch(session, dispatch_id)
    receipts = stored.seen(session, {row.delivery_id for row in rows})
    return [
        airing(
            row, [one for one in receipts if (one.delivery_id, one.attempt) == (row.delivery_id, row.attempt)]
        )
        for row in rows
    ]


def airing(row: AiringRow, receipts: Sequence[ReceiptRow]) -> Airing:
    """What the receipts of its attempt make of an airing."""
    phases = {receipt.phase: receipt for receipt in reversed(receipts) if receipt.phase is not None}
    on_air = phases.get(Phase.ON_AIR)
    words = [receipt for receipt in receipts if receipt.phase is None or not receipt.phase.under_way]
    return Airing(
        dispatch_id=row.dispatch_id,
        delivery_id=row.delivery_id,
        channel=row.channel,
        address=row.address,
        repeat=row.repeat,
        state=_state(row, phases.keys(), words),
        requested_at=row.requested_at,
        on_air_at=on_air.received_at if on_air is not None else None,
        released_at=row.released_at,
        ends_by=row.ends_by,
        detail=receipts[-1].detail if receipts else None,
    )


def _state(row: AiringRow, seen: Collection[Phase], words: Sequence[ReceiptRow]) -> AiringState:
    outcomes = {receipt.outcome for receipt in words}
    if outcomes & {Outcome.DELIVERED, Outcome.ACKNOWLEDGED}:
        return AiringState.RELEASED if row.released_at is not None else AiringState.ENDED
    if Outcome.DEFERRED in outcomes and row.taken_off == PREEMPTED:
        return AiringState.PREEMPTED
    if Phase.TRUNCATED in seen:
        return AiringState.TRUNCATED
    if Outcome.UNKNOWN in outcomes:
        return AiringState.UNKNOWN
    if outcomes & {Outcome.FAILED, Outcome.DEFERRED, Outcome.EXPIRED, Outcome.CANCELLED}:
        return AiringState.REFUSED
    if Outcome.ACCEPTED in outcomes:
        return AiringState.UNCONFIRMED
    order = (Phase.ENDED, Phase.ON_AIR, Phase.SIGNALLED)
    return next((AiringState(phase.value) for phase in order if phase in seen), AiringState.REQUESTED)
