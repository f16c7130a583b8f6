"""The halt: one channel of a dispatch, or all of them, hands nothing over until a person lets it go on.

What waits ends at once, as not sent: that is what the board and the reports say of it
then. What is being handed over is left to its end, and telephones that ring fall silent.
The trail keeps who stopped what and when, and why it went on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import audit, papers, store
from alertd.channel import Outcome, Recalls
from alertd.db import writing
from alertd.dispatch import Move, Person, move
from alertd.errors import ChannelMisconfigured, MoveRefused, NotFound, WrongConfiguration
from alertd.site import Site
from alertd.tables import DispatchRow

#: characters of a reason that are kept
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Stop:
    """Who has stopped a channel of a dispatch, when, and why; the reason may be empty."""

    by: str
    at: datetime
    reason: str


def stops(row: DispatchRow) -> Mapping[str, Stop]:
    """The channels of a dispatch that are stopped, by name."""
    return {
        name: Stop(said["by"], datetime.fromisoformat(said["at"]), said["reason"])
        for name, said in row.stops.items()
    }


def halt(
    site: Site, dispatch_id: int, person: Person, channels: Collection[str], *, reason: str = ""
) -> Collection[str]:
    """Stops these channels of a dispatch; returns those that were not stopped before.

    Nothing more is handed over with the commit: a sender looks again in the transaction
    in which it marks a hand-over. Twice is harmless. Raises MoveRefused or NotFound.
    """
    with writing(site.engine) as session:
        now = site.clock.now()
        row, alert = papers.locked(session, dispatch_id)
        row.state = move(papers.circumstances(site, row, alert), Move.HALT, person)
        new = [name for name in row.channels if name in channels and name not in row.stops]
        unknown = sorted(set(channels) - set(row.channels))
        if unknown:
            raise NotFound(f"dispatch {dispatch_id} does not go over {unknown[0]!r}")
        if not new:
            return ()
        stop = {"by": person.name, "at": now.isoformat(), "reason": reason[:LONGEST_REASON]}
        row.stops = {**row.stops, **dict.fromkeys(new, stop)}
        ended = sum(
            store.close_open(session, row.id, Outcome.CANCELLED, store.HALTED, now, channel=name)
            for name in new
        )
        for name in new:
            if can_recall(site, name):
                store.look_at_once(session, row.id, name, now)
        _note(session, "dispatch.halted", row, person, now, channels=new, reason=reason, stopped=ended)
        return new


def go_on(site: Site, dispatch_id: int, person: Person, channels: Collection[str], *, reason: str) -> int:
    """Lets stopped channels hand over what they had not; returns to how many contacts.

    Who was reached before is not reached again. Raises MoveRefused or NotFound.
    """
    if not reason.strip():
        raise MoveRefused("write why it goes on; the reason stays in the chronicle")
    with writing(site.engine) as session:
        now = site.clock.now()
        row, alert = papers.locked(session, dispatch_id)
        state = move(papers.circumstances(site, row, alert), Move.GO_ON, person)
        if row.expires_at <= now:
            raise MoveRefused("the alert has expired; write it anew with the present facts")
        stopped = {name: stop for name, stop in stops(row).items() if name in channels}
        if not stopped:
            raise MoveRefused("none of these channels is stopped; open the board again")
        row.state, row.finished_at = state, None
        row.stops = {name: stop for name, stop in row.stops.items() if name not in stopped}
        opened = sum(
            store.reopen(session, row.id, name, (store.HALTED, store.OWN_WORD), stop.at, now)
            for name, stop in stopped.items()
        )
        _note(
            session,
            "dispatch.went_on",
            row,
            person,
            now,
            channels=sorted(stopped),
            reason=reason[:LONGEST_REASON],
            reopened=opened,
        )
        return opened


def can_recall(site: Site, name: str) -> bool:
    """Whether a channel can make what is under way fall silent."""
    try:
        return isinstance(site.channel(name), Recalls)
    except (NotFound, WrongConfiguration, ChannelMisconfigured):
        return False


def _note(
    session: Session, action: str, row: DispatchRow, person: Person, now: datetime, **detail: object
) -> None:
    audit.note(session, at=now, actor=person.name, action=action, subject=f"dispatch:{row.id}", detail=detail)
