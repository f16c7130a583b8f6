"""The report of a drill: who was reached, how soon, what failed and why; against its goal and earlier drills.

Made of the drill's own dispatches alone: nothing of it is in the figures of real alerts,
and nothing of them is in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import store
from alertd.dispatch import State
from alertd.drill import Ending
from alertd.drill.file import read
from alertd.drill.scenario import Goal, Part
from alertd.errors import NotFound
from alertd.result import Result, result
from alertd.result.pace import Pace, as_json, together
from alertd.store import drills
from alertd.tables import DispatchRow, DrillRow, DrillStepRow

#: earlier drills that it is compared with
EARLIER = 5


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
    due_at: datetime | None
    fired_at: datetime
    #: counted from `fired_at`, against the drill's goal
    result: Result
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
        return together([one.result.pace for one in self.messages if one.part is Part.STEP])

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
            "reach": as_json(self.pace),
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
    correction = store.correction_of(session, row.id)
    return MessageReport(
        position=step.position,
        part=Part(step.part),
        due_at=step.due_at,
        fired_at=step.fired_at,
        result=result(session, row.id, step.fired_at, within),
        correction=_correction(session, step.fired_at, correction, within)
        if correction is not None and correction.state is not State.DRAFT
        else None,
    )


def _correction(session: Session, fired_at: datetime, row: DispatchRow, within: timedelta) -> Correction:
    clicked = row.submitted_at
    return Correction(
        dispatch=row.id,
        clicked_after=(clicked - fired_at).total_seconds(),
        pace=result(session, row.id, clicked, within).pace,
    )


def _message_json(one: MessageReport) -> dict[str, object]:
    return {
        "position": one.position,
        "part": one.part,
        "headline": one.result.headline,
        "dispatch": one.result.dispatch,
        "state": one.result.state,
        "due_at": _iso(one.due_at),
        "fired_at": _iso(one.fired_at),
        **one.result.figures(),
        "correction": {
            "dispatch": one.correction.dispatch,
            "clicked_after": one.correction.clicked_after,
            **as_json(one.correction.pace),
        }
        if one.correction is not None
        else None,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
