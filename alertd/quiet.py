"""The quiet hours: the part of the night in which people are left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from alertd.city import JST


def quiet_until(hours: Sequence[time], now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` lies in; None when it is no such time.

    `hours` are the beginning and the end in Japan time, usually over midnight; the end
    itself is not quiet any more. No hours, or none between, are never quiet.
    """
    if len(hours) != 2:
        return None
    begin, end = hours
    local = now.astimezone(JST)
    for days in (-1, 0):
        day = local.date() + timedelta(days=days)
        begins = datetime.combine(day, begin, JST)
        ends = datetime.combine(day + timedelta(days=end < begin), end, JST)
        if begins <= local < ends:
            return ends.astimezone(now.tzinfo)
    return None
