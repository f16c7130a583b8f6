"""Planning: an approved dispatch becomes deliveries, set-wise, in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from alertd import audit, cap, people, store
from alertd.audience import Audience, audience_hash
from alertd.channel import Medium, Outcome
from alertd.db import writing
from alertd.dispatch import MOVES, Move, State
from alertd.errors import ChannelMisconfigured, NotFound, WrongConfiguration
from alertd.papers import LAPSED, OVERRIDDEN
from alertd.site import Site
from alertd.store import roster
from alertd.tables import AlertRow, DispatchRow

#: air first, then calls, then mail
_ORDER = (Medium.BROADCAST, Medium.OUTDOOR, Medium.CALL, Medium.TEXT)
#: what is said of an attempt that a newer alert to the same address has ended
SUPERSEDED = "superseded by a newer alert"
#: an audience that grew beyond this since approval is not what was approved
GROWTH = 2.0
#: … but so many more contacts are no surprise
SLACK = 100
#: deliveries that are made in one transaction: a quarter of a second for whoever waits for it
SLICE = 20_000
#: … and at first, so that sending begins
FIRST_SLICE = 2_000


def plan(site: Site, dispatch_id: int) -> int:
    """Makes the deliveries of an approved dispatch; returns how many.

    1. Is it still what was approved, and not too old? A dispatch whose audience is another one,
       or has grown beyond what was approved, is stopped, with an alarm.
    2. Channel by channel, the air first: whom it means is written down once, in order.
    3. Slice by slice, each in a transaction of its own, so that the first are sent while
       the last are made, and nobody who approves or stops something waits for a million.
    4. It is planned; older words to the same people end.

    Twice is harmless: a contact has one delivery in a dispatch. A death in the middle is
    made good by planning once more.
    """
    with roster.planning(site.engine, dispatch_id) as connection:
        if connection is None:
            return 0
        with writing(site.engine) as session:
            row = store.dispatch(session, dispatch_id, lock=True)
            if row is None or row.state is not State.APPROVED:
                return 0
            now = site.clock.now()
            if row.hold_until is not None and now < row.hold_until:
                return 0
            if _lapsed(session, site, row, now):
                return 0
            channels = list(row.channels)
            if row.corrects_id is None and not _as_approved(session, site, row):
                return 0
        planned = 0
        for name in sorted(channels, key=lambda name: _rank(site, name)):
            made = _plan_channel(site, connection, dispatch_id, name)
            if made is None:
                return planned
            planned += made
    with writing(site.engine) as session:
        row = store.dispatch(session, dispatch_id, lock=True)
        if row is not None and row.state is State.APPROVED:
            now = site.clock.now()
            row.state, row.planned_at = MOVES[row.state, Move.PLAN], now
            stopped = _supersede(session, row, now)
            audit.note(
                session,
                at=now,
                actor=audit.ENGINE,
                action="dispatch.planned",
                subject=f"dispatch:{row.id}",
                detail={"deliveries": planned, **({"superseded": stopped} if stopped else {})},
            )
    if planned > SLICE:
        roster.settle(site.engine)
    return planned


def _plan_channel(site: Site, connection: Connection, dispatch_id: int, name: str) -> int | None:
    """The deliveries of one channel; None = the dispatch was stopped meanwhile."""
    with roster.listing(connection) as session:
        row = store.dispatch(session, dispatch_id)
        if row is None or row.state is not State.APPROVED:
            return None
        listed = _list(session, site, row, name)
    if listed is None:
        # one channel that is gone or was never approved must not keep the others from going
        why = f"dispatch {dispatch_id} does not go over {name}: nothing was approved for it, or it is gone"
        with writing(site.engine) as session:
            store.raise_alarm(session, f"refused:{name}", why, site.clock.now())
        return 0
    planned, begin, size = 0, 1, FIRST_SLICE
    while begin <= listed:
        with roster.slicing(connection) as session:
            row = store.dispatch(session, dispatch_id, lock=True)
            if row is None or row.state is not State.APPROVED:
                return None
            now = site.clock.now()
            planned += roster.plan_slice(session, row, name, range(begin, begin + size), now=now)
            if name in row.stops and row.corrects_id is None:
                store.close_open(session, row.id, Outcome.CANCELLED, store.HALTED, now, channel=name)
        begin, size = begin + size, SLICE
    return planned


def _list(session: Session, site: Site, row: DispatchRow, name: str) -> int | None:
    """Writes the roster of one channel; how many are on it. None = the channel cannot go."""
    if row.corrects_id is not None:
        return roster.list_correction(session, row.corrects_id, name)
    spoken = [made.language for made in store.artefacts(session, row.id) if made.channel == name]
    if not spoken or name not in site.settings:
        return None
    first = [made for made in spoken if made == "ja"] or spoken
    languages = [first[0], *(one for one in spoken if one != first[0])]
    audience = Audience.from_json(row.audience)
    return roster.list_audience(session, row.follows_id, audience, site.line(name), languages)


def _supersede(session: Session, row: DispatchRow, now: datetime) -> int:
    """Old attempts stop where a newer alert calls: of what it follows up, and of what it references."""
    document = session.get_one(AlertRow, row.alert_id)
    before = {
        older.id: older
        for reference in cap.parse(document.document).references
        for older in store.dispatches_of(session, reference)
    }
    followed = store.dispatch(session, row.follows_id) if row.follows_id is not None else None
    if followed is not None:
        before[followed.id] = followed
    return sum(
        store.supersede(session, older.id, row.id, SUPERSEDED, now)
        for older in before.values()
        if older.id != row.id and older.state is State.SENDING
    )


def _rank(site: Site, name: str) -> int:
    try:
        return _ORDER.index(site.channel(name).traits.medium)
    except (NotFound, WrongConfiguration, ChannelMisconfigured):
        return len(_ORDER)


def _lapsed(session: Session, site: Site, row: DispatchRow, now: datetime) -> bool:
    """Whether the approval is too old to begin with: the facts may have changed, so it is asked for anew."""
    started = max(moment for moment in (row.approved_at, row.hold_until, row.submitted_at) if moment)
    late = now - started
    if (
        late <= timedelta(seconds=site.config.approval.lapse)
        or row.corrects_id is not None
        or store.planned(session, row.id)
    ):
        return False
    approved_by, row.approved_by, row.approved_at = row.approved_by, None, None
    row.hold_until = row.override_reason = None
    row.state = MOVES[row.state, Move.LAPSE]
    minutes = round(late.total_seconds() / 60)
    message = f"dispatch {row.id} did not go out: it could not begin within {minutes} min of its approval"
    store.clear_alarm(session, f"{OVERRIDDEN}:{row.id}")
    store.raise_alarm(session, f"{LAPSED}:{row.id}", message, now)
    audit.note(
        session,
        at=now,
        actor=audit.ENGINE,
        action="dispatch.lapsed",
        subject=f"dispatch:{row.id}",
        detail={"approved_by": approved_by, "minutes": minutes},
    )
    return True


def _as_approved(session: Session, site: Site, row: DispatchRow) -> bool:
    """Whether it goes to those who were approved, and to not many more; else it is stopped, with an alarm."""
    audience = Audience.from_json(row.audience)
    if row.audience_hash != audience_hash(audience, row.counts):
        _stop(session, site, row, f"refused:{row.id}", "its audience is not the one that was approved", {})
        return False
    lines = [site.line(name) for name in row.channels if name in site.settings]
    # a million are counted exactly only where a quicker count could mean too many
    doubtful = [line for line in lines if _grown(row, line.name, people.at_most(session, audience, line))]
    counts = people.count(session, audience, doubtful)
    grown = {name: number for name, number in counts.items() if _grown(row, name, number)}
    if grown:
        why = f"its audience has more than doubled since approval ({grown})"
        _stop(
            session, site, row, f"dispatch:{row.id}", why, {"approved": row.counts, "counted": dict(counts)}
        )
    return not grown


def _stop(
    session: Session, site: Site, row: DispatchRow, alarm: str, why: str, detail: Mapping[str, object]
) -> None:
    now = site.clock.now()
    row.state, row.cancelled_at = MOVES[row.state, Move.CANCEL], now
    store.raise_alarm(session, alarm, f"dispatch {row.id} was stopped: {why}", now)
    audit.note(
        session,
        at=now,
        actor=audit.ENGINE,
        action="dispatch.stopped",
        subject=f"dispatch:{row.id}",
        detail=dict(detail),
    )


def _grown(row: DispatchRow, name: str, number: int) -> bool:
    approved: int = row.counts.get(name, 0)
    return number > GROWTH * approved and number > approved + SLACK
