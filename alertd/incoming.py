"""A document from outside: taken in once, kept byte for byte, and never more than a draft.

CAP of version 1.2 or 1.1, or a telegram of the Meteorological Agency. Whoever hands it
in, a person of the city submits it and another one approves it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import audit, cap, jma
from alertd.alert import Alert, MsgType, Reference, Status
from alertd.db import writing
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound, Problem, WrongAlert
from alertd.jma import notice as jma_notice
from alertd.jma.draft import draft_of
from alertd.site import Site
from alertd.tables import InboxRow

#: a document of a feed that is older is news no more
FRESH = timedelta(hours=24)
CAP, JMA = "cap", "jma"


class Taken(StrEnum):
    """What became of a document."""

    #: it waits as a draft
    DRAFT = "draft"
    #: the same sender, identifier and time were there before
    KNOWN = "known"
    #: it calls drafts off that waited
    CALLED_OFF = "called off"
    #: it is not about this city, or nothing to tell people; what it says is in the table of warnings
    NOTED = "noted"
    #: it is too old, or has ended
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a document, and the draft that it is."""

    taken: Taken
    number: int | None
    headline: str


def take(
    site: Site,
    document: bytes,
    source: str,
    *,
    senders: Collection[str] | None = None,
    fresh: bool = False,
    by: str = audit.ENGINE,
) -> Receipt:
    """Takes a document in; twice is the same as once.

    1. Read it. Raises WrongAlert.
    2. A sender that is not in `senders` is refused; None = whoever hands it in answers for it.
    3. With `fresh`, what is old or has ended is left.
    4. A newer document settles the drafts that it references; a Cancel is no draft itself.
    """
    if jma.is_telegram(document):
        return _telegram(site, document, source, fresh=fresh, by=by)
    alert = cap.parse(document)
    if senders is not None and alert.sender not in senders:
        raise WrongAlert(
            Problem(
                "sender",
                f"{alert.sender} is not among the senders that are taken in; see `senders` in [feeds]",
                f"{alert.sender}は受け入れる発信者に登録されていません。",
            )
        )
    if alert.msg_type in (MsgType.ACK, MsgType.ERROR):
        return Receipt(Taken.NOTED, None, alert.msg_type)
    now = site.clock.now()
    if fresh and _ended(alert, now):
        return Receipt(Taken.STALE, None, _headline(alert))
    with writing(site.engine) as session:
        if known := _known(session, alert.reference):
            return Receipt(Taken.KNOWN, known.id, known.headline)
        settled = _settle_referenced(session, alert.references, now)
        row = _store(session, alert, document, CAP, source, now, by)
        if alert.msg_type is MsgType.CANCEL and settled:
            row.settled_at = now
            return Receipt(Taken.CALLED_OFF, row.id, row.headline)
        return Receipt(Taken.DRAFT, row.id, row.headline)


def _telegram(site: Site, document: bytes, source: str, *, fresh: bool, by: str) -> Receipt:
    telegram = jma.parse(document)
    now = site.clock.now()
    feeds = site.config.feeds
    with writing(site.engine) as session:
        if not fresh or telegram.reported_at > now - FRESH:
            jma_notice.note(session, telegram, feeds.areas)
        alert = draft_of(telegram, feeds, site.config.city)
        if alert is None:
            return Receipt(Taken.NOTED, None, telegram.title)
        if fresh and _ended(alert, now):
            return Receipt(Taken.STALE, None, telegram.title)
        if known := _known(session, alert.reference):
            return Receipt(Taken.KNOWN, known.id, known.headline)
        _settle_earlier(session, telegram, now)
        row = _store(session, alert, document, JMA, source, now, by)
        return Receipt(Taken.DRAFT, row.id, row.headline)


def alert_in(row: InboxRow, site: Site) -> Alert:
    """The alert that a stored document makes."""
    if row.origin == CAP:
        return cap.parse(row.document)
    alert = draft_of(jma.parse(row.document), site.config.feeds, site.config.city)
    if alert is None:
        raise NotFound("the telegram is no longer about this city; see [feeds] areas")
    return alert


def waiting(session: Session) -> Sequence[InboxRow]:
    """The drafts that wait for a person, the newest first."""
    return session.scalars(
        select(InboxRow).where(InboxRow.settled_at.is_(None)).order_by(InboxRow.id.desc())
    ).all()


def settled(session: Session, *, limit: int = 30) -> Sequence[InboxRow]:
    """The documents that nobody needs to look at any more, the newest first."""
    return session.scalars(
        select(InboxRow).where(InboxRow.settled_at.is_not(None)).order_by(InboxRow.id.desc()).limit(limit)
    ).all()


def draft(session: Session, number: int, *, lock: bool = False) -> InboxRow:
    """The document of that number. Raises NotFound."""
    row = session.get(InboxRow, number, with_for_update=lock, populate_existing=lock)
    if row is None:
        raise NotFound(f"there is no draft {number}; `alertd draft list` shows them")
    return row


def dismiss(site: Site, number: int, person: Person) -> None:
    """Puts a draft aside: nothing goes out. Twice is harmless. Raises NotFound or MoveRefused."""
    if not person.roles & {Role.DRAFT, Role.APPROVE}:
        raise MoveRefused("the role draft or approve is needed")
    now = site.clock.now()
    with writing(site.engine) as session:
        row = draft(session, number, lock=True)
        if row.settled_at is None:
            row.settled_at, row.settled_by = now, person.id
            audit.note(
                session, at=now, actor=person.name, action="draft.dismissed", subject=f"inbox:{row.id}"
            )


def submitted(site: Site, number: int, dispatch_id: int, person: Person) -> None:
    """Notes as what a draft was submitted."""
    now = site.clock.now()
    with writing(site.engine) as session:
        row = draft(session, number, lock=True)
        row.settled_at, row.settled_by, row.dispatch_id = now, person.id, dispatch_id
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="draft.submitted",
            subject=f"inbox:{row.id}",
            detail={"dispatch": dispatch_id},
        )


def called_off(session: Session, row: InboxRow) -> Sequence[int]:
    """The dispatches that were made of what a Cancel or Update from outside references."""
    alert = cap.parse(row.document) if row.origin == CAP else None
    if alert is None:
        return ()
    found = [_known(session, reference) for reference in alert.references]
    return [one.dispatch_id for one in found if one is not None and one.dispatch_id is not None]


def _store(
    session: Session, alert: Alert, document: bytes, origin: str, source: str, now: datetime, by: str
) -> InboxRow:
    row = InboxRow(
        origin=origin,
        source=source[:500],
        identifier=alert.identifier[:300],
        sender=alert.sender[:200],
        sent=alert.sent,
        status=alert.status,
        headline=_headline(alert)[:300],
        document=document,
        received_at=now,
    )
    session.add(row)
    session.flush()
    audit.note(
        session,
        at=now,
        actor=by,
        action="draft.received",
        subject=f"inbox:{row.id}",
        detail={"sender": row.sender, "identifier": row.identifier, "source": row.source},
    )
    return row


def _known(session: Session, reference: Reference) -> InboxRow | None:
    return session.scalar(
        select(InboxRow).where(
            InboxRow.sender == reference.sender,
            InboxRow.identifier == reference.identifier[:300],
            InboxRow.sent == reference.sent,
        )
    )


def _settle_referenced(session: Session, references: Sequence[Reference], now: datetime) -> int:
    """Drafts that a newer document speaks for wait no longer; says how many did."""
    rows = [row for reference in references if (row := _known(session, reference)) is not None]
    waited = [row for row in rows if row.settled_at is None]
    for row in waited:
        row.settled_at = now
    return len(waited)


def _settle_earlier(session: Session, telegram: jma.Telegram, now: datetime) -> None:
    """A telegram speaks for every earlier one of its title and event."""
    for row in session.scalars(
        select(InboxRow).where(
            InboxRow.origin == JMA, InboxRow.settled_at.is_(None), InboxRow.sent <= telegram.reported_at
        )
    ):
        earlier = jma.parse(row.document)
        if (earlier.title, earlier.event) == (telegram.title, telegram.event):
            row.settled_at = now


def _ended(alert: Alert, now: datetime) -> bool:
    return alert.sent < now - FRESH if alert.expires is None else alert.expires <= now


def _headline(alert: Alert) -> str:
    if not alert.infos:
        return alert.msg_type
    return " ".join((alert.infos[0].headline or alert.infos[0].event).split())


def may_be_real(row: InboxRow) -> bool:
    """Whether an Actual alert may be made of it: only what was Actual where it came from."""
    return row.status is Status.ACTUAL
