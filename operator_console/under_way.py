"""The bar of what is under way: on every page, what is going out, with its stop, and what waits to be put right.

And what is frozen, with the way to lift it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from alertd.alert import Status
from alertd.correction_clock import GOAL, WAITED_FOR, stopped_at
from alertd.db import reading
from alertd.dispatch import Role
from alertd.freeze import LIFTS, SETS, Frozen, Scope, frozen
from alertd.settled import NOTHING, Pending, pending
from alertd.store import under_way as store
from operator_console.visit import Visit

log = logging.getLogger(__name__)

#: who may stop a dispatch; trainees only what is no real alert
STOPS = (Role.SEND, Role.APPROVE, Role.DRAFT, Role.TRAINEE)
#: of what goes out, so many are named
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A dispatch that goes out."""

    number: int
    headline: str
    status: Status
    #: some of its channels are stopped
    halted: bool
    #: to the end of the hold of an emergency override, in seconds; None = there is none, or it is over
    hold: int | None
    may_stop: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """A dispatch that was stopped as a whole after it had reached people, and nothing was put right yet."""

    number: int
    headline: str
    status: Status
    #: until the correction should be out; negative when it should be already
    seconds: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What the bar shows."""

    going: Sequence[Going] = ()
    halted: Sequence[Halted] = ()
    #: going out and not named
    more: int = 0
    #: what holds everything back; in the drill room without names and words of the real world
    frozen: Sequence[Frozen] = ()
    #: changed settings that two people must confirm; none in the drill room
    unsettled: Pending = NOTHING


def may_stop(visit: Visit, status: Status) -> bool:
    """Whether the visitor may stop an alert of this status."""
    return visit.may(*STOPS) and not (visit.may(Role.TRAINEE) and status is Status.ACTUAL)


def under_way(visit: Visit) -> UnderWay:
    """What the bar shows this visitor: nothing to who is not signed in, and drills only in the drill room.

    A page is shown without it when the database does not answer.
    """
    if visit.person is None:
        return UnderWay()
    statuses = (Status.EXERCISE, Status.TEST) if visit.site.config.drills_only else tuple(Status)
    try:
        with reading(visit.site.engine) as session:
            going = store.going_out(session, statuses)
            halted = store.halted(session, statuses, visit.now - WAITED_FOR)
            held = frozen(session, visit.now)
            unsettled = NOTHING if visit.site.config.drills_only else pending(session, visit.now)
    except SQLAlchemyError as error:
        log.warning("what is under way cannot be shown: %s", error.__class__.__name__)
        return UnderWay()
    whole = {row.id: at for row, _, _ in halted if (at := stopped_at(row)) is not None}
    named = [one for one in going if one[0].id not in whole]
    return UnderWay(
        going=[
            Going(
                number=row.id,
                headline=headline,
                status=status,
                halted=bool(row.stops),
                hold=_seconds(visit, row.hold_until) if row.hold_until and row.first_at is None else None,
                may_stop=may_stop(visit, status),
            )
            for row, status, headline in named[:NAMED]
        ],
        halted=[
            Halted(
                number=row.id,
                headline=headline,
                status=status,
                seconds=_seconds(visit, whole[row.id] + GOAL),
            )
            for row, status, headline in halted
            if row.id in whole
        ],
        more=max(0, len(named) - NAMED),
        frozen=[as_seen(visit, one) for one in held],
        unsettled=unsettled,
    )


def as_seen(visit: Visit, held: Frozen) -> Frozen:
    """A freeze as this visitor may read of it: the drill room knows no name and no word of the real world."""
    if not visit.site.config.drills_only or held.scope is Scope.DRILLS:
        return held
    return replace(held, by="", reason="", lifted_by=None)


def liftable(visit: Visit, held: Sequence[Frozen]) -> list[Scope]:
    """Which of these the visitor may lift: drills only in the drill room."""
    room = visit.site.config.drills_only
    return [one.scope for one in held if visit.may(*LIFTS) and (one.scope is Scope.DRILLS or not room)]


def may_freeze(visit: Visit) -> Sequence[Scope]:
    """What the visitor may freeze: drills only in the drill room."""
    scopes = (Scope.DRILLS,) if visit.site.config.drills_only else (Scope.EVERYTHING, Scope.DRILLS)
    return [scope for scope in scopes if visit.may(*SETS[scope])]


def _seconds(visit: Visit, until: datetime) -> int:
    return round((until - visit.now).total_seconds())
