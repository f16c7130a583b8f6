"""Rolling up: an alert that is long over is kept as counts; who each delivery was for is gone.

The counts are written first, with all that its report and its result are made of. From then
on these are what is shown, so it does not matter in which step the rows go, or whether a
process dies meanwhile: the next run takes away what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Delete, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.report import report
from alertd.site import Site
from alertd.store import figures
from alertd.store.figures import AreaFigures, SaidOf
from alertd.tables import AiringRow, DeliveryRow, DispatchRow, ReceiptRow, RolledUpRow, TakingRow

#: deliveries that go in one transaction
_AT_ONCE = 2000

_SAID, _AREAS = TypeAdapter(SaidOf), TypeAdapter(list[AreaFigures])


def old_enough(session: Session, before: datetime) -> Sequence[int]:
    """Dispatches that ended before then and still have deliveries.

    Not those with the newest delivery or the newest receipt: the database numbers on from them,
    and a number is not given out twice.
    """
    newest = select(DeliveryRow.dispatch_id).where(
        or_(
            DeliveryRow.id == select(func.max(DeliveryRow.id)).scalar_subquery(),
            DeliveryRow.id
            == select(ReceiptRow.delivery_id).order_by(ReceiptRow.id.desc()).limit(1).scalar_subquery(),
        )
    )
    return session.scalars(
        select(DispatchRow.id)
        .where(
            DispatchRow.state.in_((State.FINISHED, State.CANCELLED)),
            or_(DispatchRow.finished_at <= before, DispatchRow.cancelled_at <= before),
            exists().where(DeliveryRow.dispatch_id == DispatchRow.id),
            ~exists().where(DeliveryRow.dispatch_id == DispatchRow.id, DeliveryRow.due_at.is_not(None)),
            DispatchRow.id.not_in(newest),
        )
        .order_by(DispatchRow.id)
    ).all()


def roll_up(site: Site, dispatch_id: int) -> None:
    """Keeps the counts of a dispatch that is over, and takes its deliveries away. Twice is the same as once."""
    _keep(site, dispatch_id)
    ours = select(DeliveryRow.id).where(DeliveryRow.dispatch_id == dispatch_id)
    while True:
        with writing(site.engine) as session:
            ids = session.scalars(ours.order_by(DeliveryRow.id).limit(_AT_ONCE)).all()
            for row in (ReceiptRow, TakingRow, AiringRow):
                session.execute(_without(delete(row).where(row.delivery_id.in_(ids))))
            session.execute(_without(delete(DeliveryRow).where(DeliveryRow.id.in_(ids))))
        if len(ids) < _AT_ONCE:
            return


def said_and_areas(row: RolledUpRow) -> tuple[SaidOf, list[AreaFigures]]:
    """What was said of a dispatch that is rolled up, and its areas."""
    return _SAID.validate_python(row.said), _AREAS.validate_python(row.areas)


def _keep(site: Site, dispatch_id: int) -> None:
    with reading(site.engine) as session:
        if session.get(RolledUpRow, dispatch_id) is not None:
            return
        tallies = report(session, dispatch_id).channels
        said, areas = figures.said(session, dispatch_id), figures.by_area(session, dispatch_id)
    with writing(site.engine) as session:
        session.merge(
            RolledUpRow(
                dispatch_id=dispatch_id,
                at=site.clock.now(),
                tallies={name: asdict(tally) for name, tally in tallies.items()},
                said=_SAID.dump_python(said, mode="json"),
                areas=_AREAS.dump_python(areas, mode="json"),
            )
        )


def _without(statement: Delete) -> Delete:
    return statement.execution_options(synchronize_session=False)
