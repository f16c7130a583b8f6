"""The replay on screen: the board as it stood at one second, reached by steps, by a slider, or second by second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from fastapi import Response

from alertd import chronicle
from alertd.city import JST
from alertd.db import reading
from alertd.replay import Frame, frame, frames
from alertd.report import PENDING, ChannelTally
from alertd.store.replay import heard_between
from operator_console import download, labels
from operator_console.chronicle import MOST, said, what
from operator_console.page import channel_names, page
from operator_console.stored import stored
from operator_console.tally import bars
from operator_console.visit import Visit, Visited

#: steps back and forth, in seconds
STEPS = (-60, -10, -1, 1, 10, 60)
#: entries of the chronicle beside the tally
LATEST = 12
_SECOND = timedelta(seconds=1)


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/replay?at=SECONDS&play=yes: seconds after the submission.

    `clock`, an hour, minute and second of that day or the next, goes before `at`.
    """
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        happened = chronicle.entries(session, dispatch=number, limit=MOST)[::-1]
        begin = dispatch.row.submitted_at.replace(microsecond=0)
        at = begin + _asked(visit, begin) * _SECOND
        before, after, last = heard_between(session, number, at, at + _SECOND)
        ends = [last, happened[-1].at if happened else None, begin]
        length = _whole(max(moment for moment in ends if moment is not None) - begin)
        second = min(_whole(at - begin), length)
        if _whole(at - begin) > length:
            at, before, after = begin + second * _SECOND, last, None
        now = frame(session, number, at)
    moments = [one.at for one in happened]
    earlier = [moment for moment in (*moments, before) if moment is not None and moment < at]
    later = [moment for moment in (*moments, after) if moment is not None and moment >= at + _SECOND]
    so_far = [one for one in happened if one.at < at + _SECOND]
    return page(
        visit,
        "replay.html",
        dispatch=dispatch,
        at=at,
        second=second,
        length=length,
        steps=[step for step in STEPS if 0 <= second + step <= length],
        previous=_whole(max(earlier) - begin) if earlier else None,
        following=_whole(min(later) - begin) if later else None,
        play=visit.query.get("play") == "yes" and second < length,
        frame=now,
        lines=[(name, tally, bars(tally)) for name, tally in now.channels.items()],
        channels=channel_names(visit, now.channels),
        outcomes=_shown(now),
        entries=[(entry, what(visit, entry), said(visit, entry)) for entry in so_far[-LATEST:][::-1]],
    )


def spreadsheet(number: int, visit: Visited) -> Response:
    """GET /alerts/N/replay.csv: a row for each channel at each second in which something became known."""
    outcomes = [*labels.OUTCOMES]
    rows: list[Sequence[object]] = [["time", "seconds", "channel", "planned", *outcomes, "help"]]
    with reading(visit.site.engine) as session:
        begin = stored(session, visit.site, number).row.submitted_at.replace(microsecond=0)
        last: dict[str, ChannelTally] = {}
        for one in frames(session, number):
            for name, tally in one.channels.items():
                if tally == last.get(name):
                    continue
                last[name] = tally
                counts = [tally.outcomes[outcome] for outcome in outcomes]
                clock = f"{one.at.astimezone(JST):%Y-%m-%d %H:%M:%S}"
                help_wanted = tally.answers.get("help", 0)
                rows.append([clock, _whole(one.at - begin), name, tally.planned, *counts, help_wanted])
    return download.spreadsheet(f"replay-{number}", rows)


def _asked(visit: Visit, begin: datetime) -> int:
    """The second that the visitor wants, counted from the beginning; 0 when it cannot be read."""
    try:
        wanted = time.fromisoformat(visit.query.get("clock", ""))
    except ValueError:
        given = visit.query.get("at", "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0
    local = begin.astimezone(JST)
    moment = local.replace(hour=wanted.hour, minute=wanted.minute, second=wanted.second)
    return _whole((moment if moment >= local else moment + timedelta(days=1)) - begin)


def _whole(span: timedelta) -> int:
    return span // _SECOND


def _shown(now: Frame) -> list[str]:
    """Outcomes that have a column: those that always have one, and those that somebody is in."""
    always = ("acknowledged", "delivered", "accepted", PENDING, "failed")
    return [
        outcome
        for outcome in labels.OUTCOMES
        if outcome in always or any(tally.outcomes[outcome] for tally in now.channels.values())
    ]
