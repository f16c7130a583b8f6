"""What the parts, stages and endings of a drill are called on screen."""

from __future__ import annotations

from alertd.drill import Ending, Stage
from alertd.drill.scenario import Part
from operator_console.catalogue import mark

STAGES = {
    Stage.PLANNED: mark("Planned"),
    Stage.PREPARED: mark("Waits to be armed"),
    Stage.ARMED: mark("Armed"),
    Stage.RUNNING: mark("Going on"),
}
ENDINGS = {
    Ending.FINISHED: mark("Held as planned"),
    Ending.CANCELLED: mark("Stopped by a person"),
    Ending.ABORTED: mark("Broken off by a real alert"),
    Ending.MISSED: mark("Not held: its time had passed"),
    Ending.WITHHELD: mark("Not held: something was not right"),
}
PARTS = {
    Part.ANNOUNCEMENT: mark("Announcement"),
    Part.STEP: mark("Drill message"),
    Part.ABORT: mark("Only if the drill is broken off"),
}
