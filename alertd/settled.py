"""Settled: what of the configuration two people have looked at; real alerts go by nothing else.

Settings that nobody had compared with the old ones have sent real words in a drill. So a
program that starts with a changed section that carries real alerts hands nothing over by it
until two different people have confirmed the difference. All other sections go on, and so
do programs that run already, with what they were started with. In an emergency one person
lets it send alone, with a reason; or the old file is put back. The first sections that
carry real alerts need nobody: there is nothing yet that they could differ from.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused
from alertd.site import Site
from alertd.tables import OperatorRow, SettledRow, UnsettledRow
from alertd.watched import CHANNEL, Section, watched

log = logging.getLogger(__name__)

#: the alarm that is on while something waits to be confirmed
ALARM = "settings"
#: who confirms
CONFIRMS = frozenset({Role.ADMINISTER, Role.APPROVE})
#: after so long the first of two people must look again
AGREED_FOR = timedelta(hours=24)
#: a reason for sending alone has so many characters at least, and is kept up to so many
SHORTEST_REASON, LONGEST_REASON = 5, 300

_Row = TypeVar("_Row", SettledRow, UnsettledRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A section that waits to be confirmed, and what it was before."""

    section: str
    #: key -> what it was, what it is; None = it is not there. Only keys that differ
    keys: Mapping[str, tuple[str | None, str | None]]
    #: it carries real alerts
    live: bool
    seen_at: datetime
    #: the first who has confirmed it, …
    agreed_by: str | None
    #: … and who lets it send until then, and why
    alone_by: str | None
    alone_reason: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """All that waits."""

    differences: Sequence[Difference] = ()
    #: of all of it: who confirms has seen this and nothing else
    digest: str = ""

    @property
    def holds(self) -> list[str]:
        """The channels whose real alerts wait."""
        return [
            one.section.removeprefix(CHANNEL)
            for one in self.differences
            if one.live and one.section.startswith(CHANNEL) and one.alone_by is None
        ]


#: nothing waits
NOTHING = Pending()


def look(site: Site) -> None:
    """Called by whoever is about to send: compares what this program runs with, with what is settled.

    Fills `site.unsettled`. Safe from several processes at once, and twice.
    """
    now = site.clock.now()
    present = watched(site.config, site.secret)
    with writing(site.engine) as session:
        if not site.config.approval.confirm_settings:
            _take_as_it_is(session, present, now)
            site.unsettled.clear()
            return
        settled = {row.section: row for row in session.scalars(select(SettledRow))}
        nothing, no_live = not settled, not any(row.live for row in settled.values())
        for section in present.values():
            first = nothing or (section.live and no_live)
            if first and section.name not in settled:
                row = _insert(session, _settled(section, "", now), SettledRow, section.name)
                settled[section.name] = row
                _note(session, audit.ENGINE, "first", section.name, now)
        changed = [
            section
            for section in present.values()
            if section.name not in settled or settled[section.name].digest != section.digest
        ]
        gone = [
            Section(name=row.section, said={}, live=row.live)
            for name, row in settled.items()
            if name not in present
        ]
        _propose(session, changed, gone, now)
    known = dict(site.unsettled)
    site.unsettled.clear()
    site.unsettled |= {
        section.name.removeprefix(CHANNEL): section.digest
        for section in changed
        if section.live and section.name.startswith(CHANNEL)
    }
    if site.unsettled and site.unsettled != known:
        log.warning(
            "real alerts over %s wait: two people must confirm what changed in the configuration",
            ", ".join(site.unsettled),
        )


def look_again(site: Site) -> None:
    """While something waits: proposes it once more, in case another program with another file has put it away."""
    if site.unsettled:
        look(site)


def may_send(session: Session, site: Site, name: str) -> bool:
    """Whether this program may hand over by this channel; costs nothing where nothing waits."""
    digest = site.unsettled.get(name)
    if digest is None:
        return True
    settled, waiting = session.get(SettledRow, CHANNEL + name), session.get(UnsettledRow, CHANNEL + name)
    confirmed = settled is not None and settled.digest == digest
    if confirmed:
        site.unsettled.pop(name, None)
    return confirmed or (waiting is not None and waiting.digest == digest and waiting.alone_at is not None)


def pending(session: Session, now: datetime) -> Pending:
    """What waits to be confirmed, section by section."""
    found = []
    rows = session.scalars(select(UnsettledRow).order_by(UnsettledRow.section)).all()
    for row in rows:
        before = session.get(SettledRow, row.section)
        old: Mapping[str, str] = before.said if before is not None else {}
        keys = {
            key: (old.get(key), row.said.get(key))
            for key in sorted({*old, *row.said})
            if old.get(key) != row.said.get(key)
        }
        found.append(
            Difference(
                section=row.section,
                keys=keys,
                live=row.live,
                seen_at=row.seen_at,
                agreed_by=_name(session, row.agreed_by) if _agreed(row, now) else None,
                alone_by=_name(session, row.alone_by),
                alone_reason=row.alone_reason,
            )
        )
    return Pending(tuple(found), _digest(rows))


def held(session: Session) -> list[str]:
    """The channels whose real alerts wait to be let go by people; for who may read little."""
    waiting = select(UnsettledRow.section).where(UnsettledRow.live, UnsettledRow.alone_at.is_(None))
    return [name.removeprefix(CHANNEL) for name in session.scalars(waiting.order_by(UnsettledRow.section))]


def confirm(site: Site, person: Person, *, seen: str) -> bool:
    """Says that the differences are right; True = they are settled, because another person has said so before.

    Twice by the same person counts once. Raises MoveRefused when something else waits by
    now than `seen`, or without the role.
    """
    _admit(person)
    with writing(site.engine) as session:
        now = site.clock.now()
        rows = _waiting(session, seen)
        first = {row.agreed_by for row in rows if _agreed(row, now)}
        if not all(_agreed(row, now) and row.agreed_by != person.id for row in rows):
            for row in rows:
                if not _agreed(row, now) or row.agreed_by == person.id:
                    row.agreed_by, row.agreed_at = person.id, now
                _note(session, person.name, "confirm_begun", row.section, now)
            return False
        names = [name for number in first if (name := _name(session, number)) is not None]
        by = ", ".join([*names, person.name])[:200]
        for row in rows:
            before = session.get(SettledRow, row.section)
            if before is not None:
                session.delete(before)
                session.flush()
            if row.digest:
                section = Section(name=row.section, said=row.said, live=row.live)
                session.add(_settled(section, by, now))
            session.delete(row)
            _note(
                session, person.name, "confirmed", row.section, now, digest=row.digest[:16], **{"with": names}
            )
        store.clear_alarm(session, ALARM)
        return True


def let_go_alone(site: Site, person: Person, *, seen: str, reason: str) -> None:
    """In an emergency: what waits sends until it is confirmed; the alarm stays on. Raises MoveRefused."""
    _admit(person)
    reason = reason.strip()[:LONGEST_REASON]
    if len(reason) < SHORTEST_REASON:
        raise MoveRefused(f"sending alone needs a reason of at least {SHORTEST_REASON} characters")
    with writing(site.engine) as session:
        now = site.clock.now()
        for row in _waiting(session, seen):
            row.alone_by, row.alone_at, row.alone_reason = person.id, now, reason
            _note(session, person.name, "let_go_alone", row.section, now, reason=reason)
        message = f"{person.name} lets changed settings send alone; two people must still confirm them"
        store.raise_alarm(session, ALARM, message, now)


# private steps ------------------------------------------------------------------------


def _propose(session: Session, changed: Sequence[Section], gone: Sequence[Section], now: datetime) -> None:
    """What waits is this and nothing else; what has changed since somebody agreed is to be looked at again."""
    wanted = {section.name: (section, section.digest) for section in changed}
    wanted |= {section.name: (section, "") for section in gone}
    rows = {row.section: row for row in session.scalars(select(UnsettledRow).with_for_update())}
    fresh = False
    for name, (section, digest) in wanted.items():
        row = rows.get(name)
        if row is not None and row.digest == digest:
            continue
        if row is not None:
            session.delete(row)
            session.flush()
        new = UnsettledRow(
            section=name, digest=digest, said=dict(section.said), live=section.live, seen_at=now
        )
        _insert(session, new, UnsettledRow, name)
        _note(session, audit.ENGINE, "changed", name, now)
        fresh = True
    for name in rows.keys() - wanted.keys():
        session.delete(rows[name])
        _note(session, audit.ENGINE, "put_back", name, now)
        fresh = True
    if fresh:  # who agreed has seen something else
        session.flush()
        for row in session.scalars(select(UnsettledRow)):
            row.agreed_by = row.agreed_at = None
    if wanted:
        store.raise_alarm(session, ALARM, f"changed and not confirmed: {', '.join(sorted(wanted))}", now)
    else:
        store.clear_alarm(session, ALARM)


def _take_as_it_is(session: Session, present: Mapping[str, Section], now: datetime) -> None:
    """Nobody confirms here: what is there is settled, so that confirming can begin with it one day."""
    settled = {row.section: row for row in session.scalars(select(SettledRow))}
    if {name: one.digest for name, one in present.items()} != {
        name: one.digest for name, one in settled.items()
    }:
        for row in settled.values():
            session.delete(row)
        session.flush()
        for section in present.values():
            _insert(session, _settled(section, "", now), SettledRow, section.name)
        _note(session, audit.ENGINE, "unconfirmed", "all", now)
    for waiting in session.scalars(select(UnsettledRow)):
        session.delete(waiting)
    store.clear_alarm(session, ALARM)


def _settled(section: Section, by: str, now: datetime) -> SettledRow:
    return SettledRow(
        section=section.name, digest=section.digest, said=dict(section.said), live=section.live, by=by, at=now
    )


def _insert(session: Session, row: _Row, table: type[_Row], name: str) -> _Row:
    """The row of that name: this one, unless another program was faster."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {
        column.key: getattr(row, column.key)
        for column in table.__table__.columns
        if getattr(row, column.key) is not None
    }
    session.execute(make(table).values(values).on_conflict_do_nothing())
    return session.get_one(table, name, populate_existing=True)


def _waiting(session: Session, seen: str) -> Sequence[UnsettledRow]:
    rows = session.scalars(select(UnsettledRow).order_by(UnsettledRow.section).with_for_update()).all()
    if not rows:
        raise MoveRefused("no settings wait to be confirmed any more")
    if seen != _digest(rows):
        raise MoveRefused("the settings are not those that you were shown; look at them again")
    return rows


def _digest(rows: Sequence[UnsettledRow]) -> str:
    said = "\n".join(f"{row.section} {row.digest}" for row in rows)
    return hashlib.sha256(said.encode()).hexdigest() if rows else ""


def _agreed(row: UnsettledRow, now: datetime) -> bool:
    """Whether the word of a first person still counts."""
    return row.agreed_at is not None and now - row.agreed_at < AGREED_FOR


def _name(session: Session, number: int | None) -> str | None:
    return session.get_one(OperatorRow, number).name if number is not None else None


def _admit(person: Person) -> None:
    if not CONFIRMS & person.roles:
        raise MoveRefused(f"{person.name} may not confirm settings: the role administer or approve is needed")


def _note(session: Session, actor: str, deed: str, section: str, now: datetime, **detail: object) -> None:
    audit.note(
        session, at=now, actor=actor, action=f"settings.{deed}", subject=f"settings:{section}", detail=detail
    )
