"""The report of a drill: who was reached, how soon, what failed and why; against its goal and earlier drills.

Made of the drill's own dispatches alone: nothing of it is in the figures of real alerts,
and nothing of them is in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import report, store
from alertd.dispatch import State
from alertd.drill import Ending
from alertd.drill.file import read
from alertd.drill.scenario import Goal, Part
from alertd.errors import NotFound
from alertd.report import ChannelTally
from alertd.store import drill_figures, drills
from alertd.store.drill_figures import AreaFigures, Attempts
from alertd.tables import AlertRow, DispatchRow, DrillRow, DrillStepRow

#: shares of all deliveries whose time is told, in percent; 0 = the first one
SHARES = (0, 50, 90, 95, 99)
#: earlier drills that it is compared with
EARLIER = 5
#: points of a curve
_POINTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How soon deliveries were reached: seconds by share of all of them; None = never."""

    planned: int
    reached: int
    #: of them within the goal's time
    in_time: int
    seconds: Mapping[int, float | None]
    #: seconds and percent, for a curve
    curve: Sequence[tuple[float, float]]

    @property
    def percent(self) -> float:
        """Of all deliveries, reached within the goal's time."""
        return 100 * self.in_time / self.planned if self.planned else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The word that called a message off: how long until somebody clicked, and how soon it was there."""

    dispatch: int
    #: from the message to the click, in seconds
    clicked_after: float
    #: from the click
    pace: Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReport:
    """One message of the drill."""

    position: int
    part: Part
    headline: str
    dispatch: int
    state: State
    due_at: datetime | None
    fired_at: datetime
    pace: Pace
    by_channel: Mapping[str, Pace]
    tallies: Mapping[str, ChannelTally]
    areas: Sequence[AreaFigures]
    attempts: Sequence[Attempts]
    correction: Correction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier drill of the same name, in one line."""

    occurrence: int
    starts_at: datetime
    percent: float
    #: until 95 % were reached
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """One occurrence of a drill."""

    occurrence: int
    name: str
    title: str
    starts_at: datetime
    ended_at: datetime | None
    ending: Ending | None
    why: str | None
    goal: Goal
    messages: Sequence[MessageReport]
    checks: Mapping[int, Sequence[str]]
    earlier: Sequence[Earlier]

    @property
    def pace(self) -> Pace:
        """Of all steps together; announcements and the last word do not count."""
        return _together([one.pace for one in self.messages if one.part is Part.STEP])

    @property
    def met(self) -> bool:
        """Whether the goal was met by all steps together."""
        return self.pace.planned > 0 and self.pace.percent >= self.goal.percent

    def as_json(self) -> dict[str, object]:
        """The report as JSON values; times are ISO 8601 in UTC, lengths in seconds."""
        return {
            "occurrence": self.occurrence,
            "name": self.name,
            "title": self.title,
            "status": "Exercise",
            "starts_at": _iso(self.starts_at),
            "ended_at": _iso(self.ended_at),
            "ending": self.ending,
            "why": self.why,
            "goal": {"percent": self.goal.percent, "within": self.goal.within.total_seconds()},
            "met": self.met,
            "reach": _pace_json(self.pace),
            "messages": [_message_json(one) for one in self.messages],
            "checks": {str(minutes): list(found) for minutes, found in self.checks.items()},
            "earlier": [
                {
                    "occurrence": one.occurrence,
                    "starts_at": _iso(one.starts_at),
                    "percent": round(one.percent, 1),
                    "seconds_to_95": one.seconds,
                }
                for one in self.earlier
            ],
        }


def drill_report(session: Session, occurrence_id: int, *, compare: bool = True) -> DrillReport:
    """The report of an occurrence as far as it is; `compare` = beside earlier ones. Raises NotFound."""
    row = drills.occurrence(session, occurrence_id)
    if row is None:
        raise NotFound(f"there is no drill {occurrence_id}; `alertd drill list` shows them")
    drill = session.get_one(DrillRow, row.drill_id)
    goal = read(drill.document).goal
    dispatches = drills.step_dispatches(session, occurrence_id)
    messages = [
        _message(session, step, dispatches[step.id], goal.within)
        for step in drills.steps(session, occurrence_id)
        if step.fired_at is not None and step.id in dispatches
    ]
    earlier = []
    for before in drills.earlier_occurrences(session, occurrence_id, limit=EARLIER) if compare else ():
        found = drill_report(session, before.id, compare=False)
        if found.pace.planned:
            earlier.append(
                Earlier(
                    occurrence=before.id,
                    starts_at=before.starts_at,
                    percent=found.pace.percent,
                    seconds=found.pace.seconds[95],
                )
            )
    return DrillReport(
        occurrence=row.id,
        name=drill.name,
        title=drill.title,
        starts_at=row.starts_at,
        ended_at=row.ended_at,
        ending=Ending(row.ending) if row.ending else None,
        why=row.why,
        goal=goal,
        messages=messages,
        checks={minutes: check.problems for minutes, check in drills.checks(session, occurrence_id).items()},
        earlier=earlier,
    )


def _message(session: Session, step: DrillStepRow, row: DispatchRow, within: timedelta) -> MessageReport:
    assert step.fired_at is not None
    told = report.report(session, row.id)
    moments = drill_figures.reached_at(session, row.id)
    correction = store.correction_of(session, row.id)
    return MessageReport(
        position=step.position,
        part=Part(step.part),
        headline=session.get_one(AlertRow, row.alert_id).headline,
        dispatch=row.id,
        state=row.state,
        due_at=step.due_at,
        fired_at=step.fired_at,
        pace=_pace([at for _, at in moments], told.planned, step.fired_at, within),
        by_channel={
            name: _pace([at for one, at in moments if one == name], tally.planned, step.fired_at, within)
            for name, tally in told.channels.items()
        },
        tallies=told.channels,
        areas=drill_figures.by_area(session, row.id),
        attempts=drill_figures.attempts(session, row.id),
        correction=_correction(session, step.fired_at, correction, within)
        if correction is not None and correction.state is not State.DRAFT
        else None,
    )


def _correction(session: Session, fired_at: datetime, row: DispatchRow, within: timedelta) -> Correction:
    clicked = row.submitted_at
    planned = report.report(session, row.id).planned
    moments = [at for _, at in drill_figures.reached_at(session, row.id)]
    return Correction(
        dispatch=row.id,
        clicked_after=(clicked - fired_at).total_seconds(),
        pace=_pace(moments, planned, clicked, within),
    )


def _pace(moments: Sequence[datetime], planned: int, since: datetime, within: timedelta) -> Pace:
    """`moments` in their order."""
    after = [max(0.0, (at - since).total_seconds()) for at in moments]
    return _of_seconds(after, planned, sum(1 for one in after if one <= within.total_seconds()))


def _of_seconds(after: Sequence[float], planned: int, in_time: int) -> Pace:
    def share(percent: int) -> float | None:
        needed = max(1, -(-planned * percent // 100))
        return round(after[needed - 1], 1) if len(after) >= needed else None

    curve = [(0.0, 0.0)]
    for number, second in enumerate(after, start=1):
        if number == len(after) or number % max(1, len(after) // _POINTS) == 0:
            curve += [(second, curve[-1][1]), (second, 100 * number / max(planned, 1))]
    return Pace(
        planned=planned,
        reached=len(after),
        in_time=in_time,
        seconds={percent: share(percent) for percent in SHARES},
        curve=curve,
    )


def _together(paces: Sequence[Pace]) -> Pace:
    """Several messages as one; the time of a share is that of the slowest message."""
    shares: dict[int, float | None] = {}
    for percent in SHARES:
        found = [pace.seconds[percent] for pace in paces]
        known = [second for second in found if second is not None]
        shares[percent] = max(known) if known and len(known) == len(found) else None
    if len(paces) == 1:
        return paces[0]
    return Pace(
        planned=sum(pace.planned for pace in paces),
        reached=sum(pace.reached for pace in paces),
        in_time=sum(pace.in_time for pace in paces),
        seconds=shares,
        curve=(),
    )


def _message_json(one: MessageReport) -> dict[str, object]:
    return {
        "position": one.position,
        "part": one.part,
        "headline": one.headline,
        "dispatch": one.dispatch,
        "state": one.state,
        "due_at": _iso(one.due_at),
        "fired_at": _iso(one.fired_at),
        "reach": _pace_json(one.pace),
        "channels": {
            name: {
                **_pace_json(one.by_channel[name]),
                "outcomes": tally.outcomes,
                "reasons": tally.reasons,
                "answers": tally.answers,
            }
            for name, tally in one.tallies.items()
        },
        "areas": [asdict(area) for area in one.areas],
        "attempts": [asdict(attempt) for attempt in one.attempts],
        "correction": {
            "dispatch": one.correction.dispatch,
            "clicked_after": one.correction.clicked_after,
            **_pace_json(one.correction.pace),
        }
        if one.correction is not None
        else None,
    }


def _pace_json(pace: Pace) -> dict[str, object]:
    return {
        "planned": pace.planned,
        "reached": pace.reached,
        "in_time": pace.in_time,
        "percent_in_time": round(pace.percent, 1),
        "seconds": {("first" if share == 0 else str(share)): at for share, at in pace.seconds.items()},
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
