"""The bar of drills: on every page, how long until a drill begins, and a button that stops it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from alertd.db import reading
from alertd.drill import SHOWN_FROM, Stage, stage
from alertd.store import drills
from alertd.tables import DrillRow
from operator_console.visit import Visit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A drill that begins within a day, or goes on."""

    number: int
    title: str
    starts_at: datetime
    stage: Stage
    #: to the start; negative when it has begun
    seconds: int


def coming(visit: Visit) -> Sequence[Coming]:
    """The drills that everybody should see now; none for who is not signed in.

    A page is shown without them when the database does not answer.
    """
    if visit.person is None:
        return ()
    try:
        with reading(visit.site.engine) as session:
            rows = drills.open_occurrences(session, visit.now + SHOWN_FROM)
            return [
                Coming(
                    number=row.id,
                    title=session.get_one(DrillRow, row.drill_id).title,
                    starts_at=row.starts_at,
                    stage=stage(row, drills.steps(session, row.id)),
                    seconds=round((row.starts_at - visit.now).total_seconds()),
                )
                for row in rows
            ]
    except SQLAlchemyError as error:
        log.warning("the drills cannot be shown: %s", error.__class__.__name__)
        return ()
