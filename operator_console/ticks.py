"""Ticks on the board: what staff has done by hand, with name and time."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import checklist
from alertd.db import writing
from operator_console.visit import Visited


def tick(number: int, visit: Visited) -> Response:
    """POST /alerts/N/checklist: an item is done, or not done after all."""
    with writing(visit.site.engine) as session:
        checklist.tick(
            session,
            visit.site.config.checklist,
            number,
            visit.field("item"),
            visit.operator,
            visit.now,
            done=visit.field("done") == "yes",
        )
    return RedirectResponse(f"/alerts/{number}#checklist", 303)
