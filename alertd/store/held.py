"""What is held: where to look for the deliveries that a drain has claimed, so that no index has to be written.

Whose a delivery is, and until when, only its own row says; here is which rows to ask.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from alertd.tables import ClaimRow, DeliveryRow


class Lapsed(NamedTuple):
    """A claim whose owner has not renewed it in time."""

    number: int
    owner: str
    deliveries: list[int]

    @property
    def handing_over(self) -> tuple[ColumnElement[bool], ...]:
        """What its owner was handing over, as conditions."""
        return DeliveryRow.owner == self.owner, DeliveryRow.handed_at.is_not(None)


def among(session: Session, ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a delivery is one of these: one value on the way to the database, however many there are.

    On PostgreSQL no subquery: where it expects one row and there are a thousand, it would go
    through all of them once for each.
    """
    if session.get_bind().dialect.name == "postgresql":
        return DeliveryRow.id == any_(bindparam(None, list(ids), ARRAY(BigInteger)))
    return DeliveryRow.id.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))


def note(session: Session, channel: str, owner: str, until: datetime, ids: Sequence[int]) -> None:
    """Notes what is being claimed, in the transaction that claims it."""
    if ids:
        session.execute(
            insert(ClaimRow).values(channel=channel, owner=owner, until=until, deliveries=list(ids))
        )


def by(session: Session, *which: ColumnElement[bool]) -> list[int]:
    """The deliveries of these claims; some are held no more."""
    claims = session.scalars(select(ClaimRow.deliveries).where(*which))
    return [number for deliveries in claims for number in deliveries]


def renew(session: Session, owner: str, until: datetime) -> list[int]:
    """Carries the claims of an owner on, and drops those of which nothing is held; the deliveries that are."""
    claims = session.execute(select(ClaimRow.id, ClaimRow.deliveries).where(ClaimRow.owner == owner)).all()
    ids = [number for claim in claims for number in claim.deliveries]
    still = _with(session, ids, DeliveryRow.owner == owner)
    _drop(session, [claim.id for claim in claims if still.isdisjoint(claim.deliveries)])
    session.execute(
        update(ClaimRow)
        .where(ClaimRow.owner == owner)
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    return sorted(still)


def lapse(session: Session, owner: str, now: datetime) -> None:
    """The owner is dead, and nothing is held by it any more."""
    session.execute(
        update(ClaimRow)
        .where(ClaimRow.owner == owner)
        .values(until=now)
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, owner: str) -> None:
    """The owner is at its end; what it holds nevertheless stays to be found."""
    claims = session.execute(select(ClaimRow.id, ClaimRow.deliveries).where(ClaimRow.owner == owner)).all()
    ids = [number for claim in claims for number in claim.deliveries]
    still = _with(session, ids, DeliveryRow.owner == owner)
    _drop(session, [claim.id for claim in claims if still.isdisjoint(claim.deliveries)])


def surface(session: Session, channel: str, now: datetime) -> list[Lapsed]:
    """Of claims that have lapsed, what a stream was handing over is from now on to be looked at.

    Returns those claims; `drop_taken` drops them when they have been taken.
    """
    lapsed = [
        Lapsed(*claim)
        for claim in session.execute(
            select(ClaimRow.id, ClaimRow.owner, ClaimRow.deliveries)
            .where(ClaimRow.channel == channel, ClaimRow.until <= now)
            .order_by(ClaimRow.id)
        )
    ]
    for claim in lapsed:
        hidden = select(DeliveryRow.id).where(
            among(session, claim.deliveries),
            *claim.handing_over,
            DeliveryRow.claimed_until <= now,
            DeliveryRow.turn.is_not(None),
        )
        if session.get_bind().dialect.name == "postgresql":
            # what its owner is just writing after all is left alone
            hidden = hidden.with_for_update(skip_locked=True)
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(hidden.scalar_subquery()))
            .values(turn=None)
            .execution_options(synchronize_session=False)
        )
    return lapsed


def drop_taken(session: Session, lapsed: Sequence[Lapsed]) -> None:
    """Drops those of which nothing is left that their owner was handing over.

    The others stay: an owner that only was slow goes on with what nobody has taken.
    """
    _drop(
        session,
        [
            claim.number
            for claim in lapsed
            if not _with(session, claim.deliveries, *claim.handing_over, DeliveryRow.due_at.is_not(None))
        ],
    )


def _with(session: Session, ids: Collection[int], *which: ColumnElement[bool]) -> set[int]:
    if not ids:
        return set()
    return set(session.scalars(select(DeliveryRow.id).where(among(session, ids), *which)))


def _drop(session: Session, numbers: Sequence[int]) -> None:
    if numbers:
        session.execute(
            delete(ClaimRow).where(ClaimRow.id.in_(numbers)).execution_options(synchronize_session=False)
        )
