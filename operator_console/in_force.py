"""What is in force: the city's own orders, and beside them what the weather agency has warned of."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response

from alertd import people, standing
from alertd.copy_ready import form_4
from alertd.db import reading
from alertd.hazard import NAMES
from alertd.jma import notice as jma_notice
from alertd.orders import Order
from operator_console.page import page
from operator_console.visit import Visited


def show(visit: Visited) -> Response:
    """GET /in-force"""
    with reading(visit.site.engine) as session:
        orders = standing.orders(session, visit.now)
        notices = jma_notice.notices(session)
    tongue = 0 if visit.language == "ja" else 1
    return page(
        visit,
        "in_force.html",
        orders=orders,
        notices=notices,
        levels=_gravest(orders),
        hazards={hazard: names[tongue] for hazard, names in NAMES.items()},
    )


def spreadsheet(visit: Visited) -> Response:
    """GET /in-force.csv: every order, for the report to the prefecture (第4号様式)."""
    with reading(visit.site.engine) as session:
        spells = standing.history(session)
        households = {row.code: row.households for row in people.areas(session)}
    content = form_4(spells, households, visit.site.config.city)
    headers = {"Content-Disposition": 'attachment; filename="form-4.csv"'}
    return Response(content, headers=headers, media_type="text/csv; charset=utf-8")


def _gravest(orders: Sequence[Order]) -> dict[str, int]:
    """The highest level that is in force in each area."""
    found: dict[str, int] = {}
    for order in orders:
        if order.level is not None:
            found[order.area] = max(found.get(order.area, 0), order.level)
    return found
