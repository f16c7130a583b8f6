"""The copy page: the texts of one alert for the systems that a person types into."""

from __future__ import annotations

from fastapi import Response

from alertd import people
from alertd.copy_ready import copies
from alertd.db import reading
from operator_console.page import page
from operator_console.stored import stored
from operator_console.visit import Visited


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/copy"""
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        households = {row.name: row.households for row in people.areas(session)}
    found = copies(dispatch.alert, households, visit.site.config.city)
    return page(visit, "copy.html", dispatch=dispatch, copies=found)
