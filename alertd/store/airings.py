"""Airings: who holds which transmitter, what must go on the air first, and what was seen of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd.alert import Severity
from alertd.channel import Reason
from alertd.dispatch import State
from alertd.store.claims import TO_BE_HANDED
from alertd.tables import AiringRow, DeliveryRow, DispatchRow, ReceiptRow


def repeats(session: Session, delivery_ids: Collection[int]) -> dict[int, int]:
    """How often each of these deliveries is meant to be aired once more than it was."""
    rows = session.execute(
        select(ReceiptRow.delivery_id, func.count())
        .where(ReceiptRow.delivery_id.in_(delivery_ids), ReceiptRow.reason == Reason.PREEMPTED)
        .group_by(ReceiptRow.delivery_id)
    )
    return {number: 0 for number in delivery_ids} | {number: count for number, count in rows}


def begin(session: Session, row: AiringRow) -> bool:
    """Notes that a transmitter is about to be used; False when the same alert has had it for another delivery.

    The same delivery may begin the same airing again: only what surely never was on the
    air comes back here.
    """
    values = {
        column.key: getattr(row, column.key) for column in AiringRow.__table__.columns if column.key != "id"
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    result = session.execute(
        insert(AiringRow)
        .values(values)
        .on_conflict_do_update(
            index_elements=["dispatch_id", "channel", "address", "repeat"],
            set_={
                "attempt": row.attempt,
                "requested_at": row.requested_at,
                "ends_by": row.ends_by,
                "taken_off": None,
                "released_at": None,
            },
            where=AiringRow.delivery_id == row.delivery_id,
        ),
        execution_options={"preserve_rowcount": True},
    )
    return cast("CursorResult[Any]", result).rowcount > 0


def held(session: Session, channel: str) -> Sequence[AiringRow]:
    """The airings of a channel whose transmitter is not proven to be given back."""
    return session.scalars(
        select(AiringRow)
        .where(AiringRow.channel == channel, AiringRow.released_at.is_(None))
        .order_by(AiringRow.id)
    ).all()


def is_held(session: Session, channel: str) -> bool:
    """Whether a channel's transmitter is not proven to be given back."""
    return bool(
        session.scalar(select(exists().where(AiringRow.channel == channel, AiringRow.released_at.is_(None))))
    )


def held_too_long(session: Session, now: datetime) -> Sequence[AiringRow]:
    """Airings of all channels that must be over by now."""
    return session.scalars(
        select(AiringRow).where(AiringRow.released_at.is_(None), AiringRow.ends_by <= now)
    ).all()


def latest(session: Session, delivery_id: int) -> AiringRow | None:
    """The last use of a transmitter for a delivery."""
    return session.scalar(
        select(AiringRow)
        .where(AiringRow.delivery_id == delivery_id)
        .order_by(AiringRow.repeat.desc())
        .limit(1)
    )


def take_off(session: Session, airing_id: int, why: str) -> bool:
    """Notes why an airing is being taken off; the first word stays. False when it is over."""
    result = session.execute(
        update(AiringRow)
        .where(AiringRow.id == airing_id, AiringRow.released_at.is_(None))
        .values(taken_off=func.coalesce(AiringRow.taken_off, why))
        .execution_options(synchronize_session="fetch")
    )
    return cast("CursorResult[Any]", result).rowcount > 0


def release(session: Session, airing_id: int, now: datetime) -> None:
    """Notes that a transmitter was given back; twice is harmless."""
    session.execute(
        update(AiringRow)
        .where(AiringRow.id == airing_id, AiringRow.released_at.is_(None))
        .values(released_at=now)
        .execution_options(synchronize_session="fetch")
    )


def end_now(session: Session, airing_id: int, now: datetime) -> None:
    """The transmitter should have been given back by now."""
    session.execute(
        update(AiringRow)
        .where(AiringRow.id == airing_id, AiringRow.released_at.is_(None), AiringRow.ends_by > now)
        .values(ends_by=now)
        .execution_options(synchronize_session="fetch")
    )


def last_released(session: Session, channel: str, since: datetime) -> datetime | None:
    """When the channel's transmitter was last given back, not before `since`."""
    return session.scalar(
        select(func.max(AiringRow.released_at)).where(
            AiringRow.channel == channel, AiringRow.released_at > since
        )
    )


def stopped(session: Session, airing: AiringRow) -> bool:
    """Whether an operator has stopped what is on the air."""
    row = session.execute(
        select(DispatchRow.state, DispatchRow.stops).where(DispatchRow.id == airing.dispatch_id)
    ).one()
    return row.state is State.CANCELLED or airing.channel in row.stops


def cut_in_by(session: Session, airing: AiringRow, least: Severity, now: datetime) -> int | None:
    """The delivery that waits for this transmitter and is more urgent than what is on the air.

    Nothing less than `least` cuts in. By the order of the queue (`store.urgency`) what is
    real cuts into every drill, and no drill into what is real.
    """
    order = list(Severity)
    on_air = select(DeliveryRow.priority).where(DeliveryRow.id == airing.delivery_id).scalar_subquery()
    return session.scalar(
        select(DeliveryRow.id)
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .where(
            DeliveryRow.channel == airing.channel,
            DeliveryRow.due_at <= now,
            DeliveryRow.due_at.is_not(None),
            *TO_BE_HANDED,
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
            DeliveryRow.priority < on_air,
            DeliveryRow.priority % len(order) <= order.index(least),
            DispatchRow.state == State.SENDING,
        )
        .order_by(DeliveryRow.priority, DeliveryRow.id)
        .limit(1)
    )


def undecided(session: Session, dispatch_id: int, channel: str) -> Sequence[DeliveryRow]:
    """The deliveries of a dispatch on a channel that nobody will look at again."""
    return session.scalars(
        select(DeliveryRow)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.channel == channel,
            DeliveryRow.due_at.is_(None),
        )
        .order_by(DeliveryRow.id)
    ).all()


def of_dispatch(session: Session, dispatch_id: int) -> Sequence[AiringRow]:
    """Every use of a transmitter for a dispatch, in their order."""
    return session.scalars(
        select(AiringRow).where(AiringRow.dispatch_id == dispatch_id).order_by(AiringRow.id)
    ).all()


def seen(session: Session, delivery_ids: Collection[int]) -> Sequence[ReceiptRow]:
    """What was said of these deliveries, in the order of its coming."""
    return session.scalars(
        select(ReceiptRow).where(ReceiptRow.delivery_id.in_(delivery_ids)).order_by(ReceiptRow.id)
    ).all()


def noted(session: Session, delivery_id: int, attempt: int, phase: str) -> bool:
    """Whether this phase of an airing is known already."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    ReceiptRow.delivery_id == delivery_id,
                    ReceiptRow.attempt == attempt,
                    ReceiptRow.phase == phase,
                )
            )
        )
    )


def free_at(session: Session, channel: str, gap: timedelta, now: datetime) -> datetime:
    """When the next airing may begin: the transmitter rests for `gap` after the last one."""
    last = last_released(session, channel, now - gap) if gap else None
    return now if last is None else last + gap
