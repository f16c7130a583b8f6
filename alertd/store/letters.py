"""Letters: asked for, leased to the postman, counted for the limits, found by their link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from alertd.letter import Fate, LetterKind, mailbox
from alertd.tables import LetterRow

#: the advisory lock under which letters are counted and taken on PostgreSQL; SQLite has one writer
_LOCK = 0x6C657474


def claim_letters(session: Session, *, limit: int, now: datetime, until: datetime) -> Sequence[LetterRow]:
    """Leases letters that are due, the oldest first. Nobody else counts or takes any until the commit."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    due = session.scalars(
        select(LetterRow)
        .where(
            LetterRow.due_at <= now,
            LetterRow.due_at.is_not(None),
            or_(LetterRow.claimed_until.is_(None), LetterRow.claimed_until <= now),
        )
        .order_by(LetterRow.due_at, LetterRow.id)
        .limit(limit)
    ).all()
    for row in due:
        row.claimed_until = until
    return due


def due(session: Session, now: datetime) -> bool:
    """Whether a letter is to be sent that nobody has taken."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    LetterRow.due_at <= now,
                    LetterRow.due_at.is_not(None),
                    or_(LetterRow.claimed_until.is_(None), LetterRow.claimed_until <= now),
                )
            )
        )
    )


def unanswered(session: Session, address: str, since: datetime) -> int:
    """Letters to an address, with any `+tag`, that went out since then and whose link nobody has used."""
    return _count(session, LetterRow.mailbox_key == mailbox(address), since)


def unanswered_at(session: Session, domain: str, since: datetime) -> int:
    """The same for all addresses of a mail domain."""
    return _count(session, LetterRow.domain == domain, since)


def _count(session: Session, whose: object, since: datetime) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(LetterRow)
            .where(
                whose,  # type: ignore[arg-type]
                LetterRow.kind == LetterKind.INVITATION,
                LetterRow.sent_at >= since,
                LetterRow.used_at.is_(None),
            )
        )
        or 0
    )


def asked_for(session: Session, since: datetime, *, network: str | None = None) -> int:
    """How many letters were asked for since then, in all or from one network."""
    query = select(func.count()).select_from(LetterRow)
    query = query.where(LetterRow.created_at >= since, LetterRow.kind == LetterKind.INVITATION)
    if network is not None:
        query = query.where(LetterRow.network == network)
    return session.scalar(query) or 0


def letter_by_hash(session: Session, token_hash: str, *, lock: bool = False) -> LetterRow | None:
    """The letter whose link has this hash."""
    query = select(LetterRow).where(LetterRow.token_hash == token_hash)
    return session.scalar(query.with_for_update() if lock else query)


def oldest_due(session: Session) -> datetime | None:
    """When the letter that has waited longest was asked for."""
    return session.scalar(select(func.min(LetterRow.created_at)).where(LetterRow.due_at.is_not(None)))


def drop_links(session: Session, address: str, now: datetime) -> None:
    """No link that was sent to an address works any more."""
    session.execute(
        update(LetterRow)
        .where(LetterRow.address_key == address, LetterRow.used_at.is_(None))
        .values(link_until=now)
        .execution_options(synchronize_session=False)
    )


def forget_letters(session: Session, before: datetime) -> None:
    """Deletes what was asked for before then and is settled: an address that nobody confirmed is not kept."""
    session.execute(
        delete(LetterRow)
        .where(LetterRow.created_at < before, LetterRow.due_at.is_(None))
        .execution_options(synchronize_session=False)
    )


def last_canaries(session: Session) -> Sequence[tuple[str, datetime | None, datetime | None]]:
    """Of each canary mailbox: when the latest mail was sent that arrived, and when the latest was sent."""
    rows = session.execute(
        select(
            func.max(LetterRow.id),
            func.max(LetterRow.used_at),
            func.max(LetterRow.sent_at),
        )
        .where(LetterRow.kind == LetterKind.CANARY, LetterRow.fate == Fate.SENT)
        .group_by(LetterRow.address_key)
    ).all()
    newest = [number for number, _, _ in rows]
    written = select(LetterRow.id, LetterRow.address).where(LetterRow.id.in_(newest))
    address = {number: text for number, text in session.execute(written)}
    return sorted((address[number], arrived, sent) for number, arrived, sent in rows)
