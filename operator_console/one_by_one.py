"""One by one: everybody who was meant over one channel, by name, with what is known of each."""

from __future__ import annotations

from fastapi import Response

from alertd.channel import Outcome
from alertd.db import reading
from alertd.errors import NotFound
from alertd.report import report
from alertd.store.deliveries import deliveries_of
from operator_console import details
from operator_console.page import channel_name, page
from operator_console.stored import stored
from operator_console.visit import Visited

#: names on the page
MOST = 1000


def show(number: int, channel: str, visit: Visited) -> Response:
    """GET /alerts/N/channels/NAME?outcome=…: the missing ones first."""
    asked = visit.query.get("outcome", "")
    outcome = Outcome(asked) if asked in set(Outcome) else None
    site = visit.site
    with reading(site.engine) as session:
        dispatch = stored(session, site, number)
        tally = report(session, number).channels.get(channel)
        if tally is None:
            raise NotFound(f"dispatch {number} does not use the channel {channel!r}")
        found = deliveries_of(session, number, channel, outcome=outcome, limit=MOST)
    return page(
        visit,
        "one_by_one.html",
        dispatch=dispatch,
        label=channel_name(visit.language, channel, site.settings.get(channel)),
        channel=channel,
        tally=tally,
        chosen=outcome,
        found=found,
        most=MOST,
        detail=details.said,
    )
