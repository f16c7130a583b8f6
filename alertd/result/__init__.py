"""The Result: what one dispatch came to: who was reached, how soon, where, what failed and why.

Made of one dispatch alone, so that drills and real alerts never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import store
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.report import ChannelTally, Report, report
from alertd.result.pace import Pace, as_json, pace
from alertd.roll_up import said_and_areas
from alertd.store import figures
from alertd.store.figures import AreaFigures, Attempts
from alertd.tables import AlertRow, DispatchRow, DrillStepRow, RolledUpRow

#: the tally, what was said, the areas
PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a dispatch came to so far, channel by channel and area by area."""

    headline: str
    dispatch: int
    report: Report
    #: from when on its times count
    since: datetime
    state: State
    pace: Pace
    by_channel: Mapping[str, Pace]
    tallies: Mapping[str, ChannelTally]
    areas: Sequence[AreaFigures]
    attempts: Sequence[Attempts]

    def figures(self) -> dict[str, object]:
        """The figures as JSON values; lengths in seconds."""
        return {
            "reach": as_json(self.pace),
            "channels": {
                name: {
                    **as_json(self.by_channel[name]),
                    "outcomes": tally.outcomes,
                    "reasons": tally.reasons,
                    "answers": tally.answers,
                }
                for name, tally in self.tallies.items()
            },
            "areas": [asdict(area) for area in self.areas],
            "attempts": [asdict(attempt) for attempt in self.attempts],
        }


def began(session: Session, row: DispatchRow) -> datetime:
    """From when on the times of a dispatch count: what let it go out last, else its submission."""
    step = session.get(DrillStepRow, row.drill_step_id) if row.drill_step_id is not None else None
    if step is not None and step.fired_at is not None:
        return step.fired_at
    decided = [moment for moment in (row.approved_at, row.hold_until) if moment is not None]
    return max(decided, default=row.submitted_at)


def result(
    session: Session,
    dispatch_id: int,
    since: datetime | None = None,
    within: timedelta | None = None,
    *,
    part_done: Callable[[], None] = lambda: None,
) -> Result:
    """What the dispatch came to, with times counted from `since`, else from when it `began`.

    `within` is a goal. `part_done` is called after each of `PARTS` of the work: a million
    deliveries take some seconds. Raises NotFound.
    """
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    told, since = report(session, dispatch_id), since or began(session, row)
    part_done()
    rolled_up = session.get(RolledUpRow, dispatch_id)
    if rolled_up is not None:
        said, areas = said_and_areas(rolled_up)
        part_done()
    else:
        said = figures.said(session, dispatch_id)
        part_done()
        areas = figures.by_area(session, dispatch_id)
    part_done()
    moments = said.reached_at
    return Result(
        headline=session.get_one(AlertRow, row.alert_id).headline,
        dispatch=dispatch_id,
        report=told,
        since=since,
        state=row.state,
        pace=pace(_together(moments), told.planned, since, within),
        by_channel={
            name: pace(
                [(at, count) for one, at, count in moments if one == name], tally.planned, since, within
            )
            for name, tally in told.channels.items()
        },
        tallies=told.channels,
        areas=areas,
        attempts=said.attempts,
    )


def _together(moments: Sequence[tuple[str, datetime, int]]) -> list[tuple[datetime, int]]:
    return [(at, count) for _, at, count in moments]
