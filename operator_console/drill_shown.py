"""One drill as its page shows it: its messages with every word, who armed them, what the checks found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from alertd.audience import Audience
from alertd.drill import Ending, Stage, arm, armed, stage, within_arming
from alertd.drill.file import read
from alertd.drill.scenario import Part
from alertd.errors import NotFound
from alertd.people import areas as all_areas
from alertd.store import drills
from alertd.tables import (
    ArtefactRow,
    DispatchRow,
    DrillCheckRow,
    DrillRow,
    DrillStepRow,
    OccurrenceRow,
    OperatorRow,
)
from alertd.template import templates
from operator_console.drill_labels import ENDINGS, PARTS, STAGES
from operator_console.stored import to_read
from operator_console.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a drill as the page shows it."""

    step: DrillStepRow
    part: str
    title: str
    dispatch: DispatchRow | None
    artefacts: Sequence[ArtefactRow]
    audience: str
    armed: bool
    armed_by: str | None
    #: an arming now would let it go
    armable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One drill with everything that its page needs."""

    occurrence: OccurrenceRow
    drill: DrillRow
    stage: Stage
    label: str
    messages: Sequence[Message]
    checks: Mapping[int, DrillCheckRow]
    scheduled_by: str
    #: of what an arming now would let go
    seen: str

    @property
    def armable(self) -> bool:
        """Whether an arming now would let a message go at its time that is not armed yet."""
        return self.occurrence.prepared_at is not None and any(
            one.armable and not one.armed for one in self.messages
        )

    @property
    def next_due(self) -> datetime | None:
        """When the next message goes out."""
        due = (one.step.due_at for one in self.messages if one.step.fired_at is None)
        return min((moment for moment in due if moment is not None), default=None)


def label(visit: Visit, occurrence: OccurrenceRow, how: Stage) -> str:
    """How far a drill is, in words."""
    if occurrence.ending is not None:
        return visit.say(ENDINGS[Ending(occurrence.ending)])
    return visit.say(STAGES[how])


def shown_drill(session: Session, visit: Visit, number: int) -> Shown:
    """The drill of that number. Raises NotFound."""
    row = drills.occurrence(session, number)
    if row is None:
        raise NotFound(f"there is no drill {number}")
    drill = session.get_one(DrillRow, row.drill_id)
    steps, dispatches = drills.steps(session, number), drills.step_dispatches(session, number)
    how = stage(row, steps)
    scenario = read(drill.document)
    titles = templates()
    place = 0 if visit.language == "ja" else 1
    messages = []
    for step in steps:
        dispatch = dispatches.get(step.id)
        title = titles[scenario.steps[step.position].template].title
        messages.append(
            Message(
                step=step,
                part=visit.say(PARTS[Part(step.part)]),
                title=title.get(("ja", "en")[place]) or title["ja"],
                dispatch=dispatch,
                artefacts=to_read(session, dispatch.id) if dispatch is not None else (),
                audience=_audience(session, visit, dispatch),
                armed=armed(step),
                armed_by=_name(session, step.armed_by),
                armable=step.fired_at is None and within_arming(step, visit.now),
            )
        )
    return Shown(
        occurrence=row,
        drill=drill,
        stage=how,
        label=label(visit, row, how),
        messages=messages,
        checks=drills.checks(session, number),
        scheduled_by=_name(session, drill.created_by) or "",
        seen=arm.arming_hash(arm.armable(steps, visit.now), dispatches),
    )


def _audience(session: Session, visit: Visit, dispatch: DispatchRow | None) -> str:
    if dispatch is None:
        return ""
    rule = Audience.from_json(dispatch.audience)
    if rule.everybody:
        return visit.say("The whole city (everybody in the register)")
    names = {row.code: row.name for row in all_areas(session)}
    return "、".join([*(names.get(code, code) for code in rule.areas), *rule.groups])


def _name(session: Session, operator_id: int | None) -> str | None:
    operator = session.get(OperatorRow, operator_id) if operator_id is not None else None
    return operator.name if operator is not None else None
