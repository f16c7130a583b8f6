"""A Drill: a scenario at a time. What it is between, and the times that hold for every drill.

```
planned → prepared → armed → running → finished
planned … running → cancelled   a person stopped it
planned … running → aborted     a real alert began or was in force
planned … running → missed      nobody was there at its time, or the clock had jumped
planned … running → withheld    something was not as it must be
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from alertd.drill.scenario import Part
from alertd.tables import DrillStepRow, OccurrenceRow

#: words and sounds are made so long before the first message
PREPARED_AHEAD = timedelta(hours=48)
#: an arming holds so long: what comes later must be armed anew
ARMED_FOR = timedelta(hours=24)
#: a step that could not go out within this goes out never
LATEST = timedelta(minutes=10)
#: looks before the start, in minutes
CHECKS = (60, 10, 1)
#: within this before the start a real alert ends the drill at once
WATCHED_FROM = timedelta(minutes=60)
#: after a real alert was let go no drill begins for so long
REAL_LASTS = timedelta(hours=2)
#: from when on every page of the console shows the countdown
SHOWN_FROM = timedelta(hours=24)


class Ending(StrEnum):
    """How an occurrence ended."""

    #: every step went out and every delivery is final
    FINISHED = "finished"
    #: a person stopped it
    CANCELLED = "cancelled"
    #: a real alert began or was in force
    ABORTED = "aborted"
    #: its time had passed by more than LATEST
    MISSED = "missed"
    #: something was not as it must be
    WITHHELD = "withheld"


class Stage(StrEnum):
    """How far an occurrence is; derived, never stored."""

    #: words and sounds are still to be made
    PLANNED = "planned"
    #: waits for a person who arms it
    PREPARED = "prepared"
    #: every message goes out at its time
    ARMED = "armed"
    #: the first step went out
    RUNNING = "running"
    #: it has ended
    ENDED = "ended"


def stage(occurrence: OccurrenceRow, steps: Sequence[DrillStepRow]) -> Stage:
    """How far the occurrence is."""
    if occurrence.ended_at is not None:
        return Stage.ENDED
    if any(step.fired_at is not None and step.part == Part.STEP for step in steps):
        return Stage.RUNNING
    if occurrence.prepared_at is None:
        return Stage.PLANNED
    return Stage.ARMED if all(armed(step) for step in steps) else Stage.PREPARED


def armed(step: DrillStepRow) -> bool:
    """Whether a step went out, or a person has let it go out at its time."""
    return step.fired_at is not None or (step.armed_at is not None and within_arming(step, step.armed_at))


def within_arming(step: DrillStepRow, at: datetime) -> bool:
    """Whether who arms at that moment arms this step; the word that breaks off is armed every time."""
    return step.due_at is None or step.due_at - at <= ARMED_FOR


def first_due(steps: Sequence[DrillStepRow]) -> datetime:
    """When the first message goes out."""
    return min(step.due_at for step in steps if step.due_at is not None)
