"""The Result: what one dispatch came to: who was reached, how soon, where, what failed and why.

Made of one dispatch alone, so that drills and real alerts never mix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import report, store
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.report import ChannelTally
from alertd.result.pace import Pace, as_json, pace
from alertd.store import figures
from alertd.store.figures import AreaFigures, Attempts
from alertd.tables import AlertRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a dispatch came to so far, channel by channel and area by area."""

    headline: str
    dispatch: int
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


def result(session: Session, dispatch_id: int, since: datetime, within: timedelta | None = None) -> Result:
    """What the dispatch came to, with times counted from `since`; `within` is a goal. Raises NotFound."""
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    told = report.report(session, dispatch_id)
    moments = figures.reached_at(session, dispatch_id)
    return Result(
        headline=session.get_one(AlertRow, row.alert_id).headline,
        dispatch=dispatch_id,
        state=row.state,
        pace=pace([at for _, at in moments], told.planned, since, within),
        by_channel={
            name: pace([at for one, at in moments if one == name], tally.planned, since, within)
            for name, tally in told.channels.items()
        },
        tallies=told.channels,
        areas=figures.by_area(session, dispatch_id),
        attempts=figures.attempts(session, dispatch_id),
    )
