"""Planning: an approved dispatch becomes deliveries, set-wise, in the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import audit, cap, people, store
from alertd.audience import Audience
from alertd.channel import Medium, Outcome
from alertd.db import writing
from alertd.dispatch import MOVES, Move, State
from alertd.errors import ChannelMisconfigured, NotFound, WrongConfiguration
from alertd.papers import LAPSED, OVERRIDDEN
from alertd.site import Site
from alertd.tables import AlertRow, DispatchRow

#: air first, then calls, then mail
_ORDER = (Medium.BROADCAST, Medium.OUTDOOR, Medium.CALL, Medium.TEXT)
#: what is said of an attempt that a newer alert to the same address has ended
SUPERSEDED = "superseded by a newer alert"
#: an audience that grew beyond this since approval is not what was approved
GROWTH = 2.0
#: … but so many more contacts are no surprise
SLACK = 100


def plan(site: Site, dispatch_id: int) -> int:
    """Makes the deliveries of an approved dispatch; returns how many.

    Each channel in a transaction of its own, so that the air goes first. Twice, or by
    two relays at once, is harmless: a contact has one delivery in a dispatch. A dispatch
    whose audience has grown beyond what was approved is stopped, with an alarm.
    """
    planned = 0
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
        corrects = row.corrects_id
        if corrects is None and not _as_approved(session, site, row):
            return 0
    for name in sorted(channels, key=lambda name: _rank(site, name)):
        with writing(site.engine) as session:
            row = store.dispatch(session, dispatch_id, lock=True)
            if row is None or row.state is not State.APPROVED:
                return planned
            now = site.clock.now()
            if corrects is not None:
                planned += store.plan_correction(session, row, name, now=now)
                continue
            spoken = [made.language for made in store.artefacts(session, row.id) if made.channel == name]
            if not spoken or name not in site.settings:
                # one channel that is gone or was never approved must not keep the others from going
                why = f"dispatch {row.id} does not go over {name}: nothing was approved for it, or it is gone"
                store.raise_alarm(session, f"refused:{name}", why, now)
                continue
            first = [made for made in spoken if made == "ja"] or spoken
            languages = [first[0], *(one for one in spoken if one != first[0])]
            audience = Audience.from_json(row.audience)
            planned += store.plan_audience(session, row, audience, site.line(name), languages, now=now)
            if name in row.stops:
                store.close_open(session, row.id, Outcome.CANCELLED, store.HALTED, now, channel=name)
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
    return planned


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
    lines = [site.line(name) for name in row.channels if name in site.settings]
    counts = people.count(session, Audience.from_json(row.audience), lines)
    grown = {
        name: number
        for name, number in counts.items()
        if number > GROWTH * row.counts.get(name, 0) and number > row.counts.get(name, 0) + SLACK
    }
    if not grown:
        return True
    now = site.clock.now()
    row.state, row.cancelled_at = MOVES[row.state, Move.CANCEL], now
    message = f"dispatch {row.id} was stopped: its audience has more than doubled since approval ({grown})"
    store.raise_alarm(session, f"dispatch:{row.id}", message, now)
    audit.note(
        session,
        at=now,
        actor=audit.ENGINE,
        action="dispatch.stopped",
        subject=f"dispatch:{row.id}",
        detail={"approved": row.counts, "counted": dict(counts)},
    )
    return False
