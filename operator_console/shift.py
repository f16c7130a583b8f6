"""The shift: the note that waits for who is signed in, for a bar on every page."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from alertd.db import reading
from alertd.hand_over import HandOver, waiting_for
from operator_console.visit import Visit

log = logging.getLogger(__name__)


def waiting(visit: Visit) -> HandOver | None:
    """What another shift has handed over and nobody has taken yet; nothing in the drill room.

    A page is shown without it when the database does not answer.
    """
    if visit.person is None or visit.site.config.drills_only:
        return None
    try:
        with reading(visit.site.engine) as session:
            return waiting_for(session, visit.person, visit.now)
    except SQLAlchemyError as error:
        log.warning("the hand-over cannot be shown: %s", error.__class__.__name__)
        return None
