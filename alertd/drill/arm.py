"""Arming: a second person has read every message of a drill, and lets them go out at their times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import audit, papers
from alertd.db import writing
from alertd.dispatch import Move, Person, move
from alertd.drill import within_arming
from alertd.errors import MoveRefused, NotFound
from alertd.site import Site
from alertd.store import drills
from alertd.tables import AlertRow, DispatchRow, DrillStepRow


def armable(steps: Sequence[DrillStepRow], now: datetime) -> list[DrillStepRow]:
    """The messages that an arming at this moment would let go: those of the next 24 hours."""
    return [step for step in steps if step.fired_at is None and within_arming(step, now)]


def arming_hash(steps: Sequence[DrillStepRow], dispatches: Mapping[int, DispatchRow]) -> str:
    """What an arming binds: of each message its time, its words and sounds, for whom and over what."""
    document = [
        [
            step.position,
            step.due_at.isoformat() if step.due_at is not None else None,
            dispatches[step.id].content_hash if step.id in dispatches else None,
            dispatches[step.id].audience_hash if step.id in dispatches else None,
            dispatches[step.id].channels if step.id in dispatches else None,
        ]
        for step in steps
    ]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def arm(site: Site, occurrence_id: int, person: Person, *, seen: str) -> int:
    """Lets the messages of the next 24 hours go out at their times; returns how many these are.

    `seen` is the `arming_hash` of what the person was shown. Later messages must be armed
    again when they are nearer. A look that found something wrong is taken anew. Twice is
    harmless. Raises MoveRefused or NotFound.
    """
    now = site.clock.now()
    with writing(site.engine) as session:
        row = drills.occurrence(session, occurrence_id, lock=True)
        if row is None:
            raise NotFound(f"there is no drill {occurrence_id}; `alertd drill list` shows them")
        if row.ended_at is not None:
            raise MoveRefused(f"the drill has ended ({row.ending}); schedule it anew")
        if row.prepared_at is None:
            raise MoveRefused("the drill's words and sounds are not ready yet; try again in a moment")
        steps = armable(drills.steps(session, occurrence_id), now)
        timed = [step for step in steps if step.due_at is not None]
        if not timed:
            raise MoveRefused(
                "no message is due within 24 hours; a drill is armed on the day before or later"
            )
        dispatches = drills.step_dispatches(session, occurrence_id, lock=True)
        if seen != arming_hash(steps, dispatches):
            raise MoveRefused("the drill is not what you were shown; open the drill again and read it anew")
        for step in steps:
            _arm(session, site, step, dispatches.get(step.id), person, now)
        drills.forget_checks(session, occurrence_id)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="drill.armed",
            subject=f"drill:{occurrence_id}",
            detail={"hash": seen, "messages": [step.position for step in steps]},
        )
        return len(timed)


def _arm(
    session: Session,
    site: Site,
    step: DrillStepRow,
    dispatch: DispatchRow | None,
    person: Person,
    now: datetime,
) -> None:
    if dispatch is None:
        raise MoveRefused("a message of the drill is missing; schedule it anew")
    document = session.get_one(AlertRow, dispatch.alert_id)
    move(papers.circumstances(site, dispatch, document), Move.ARM, person)
    if papers.stored_hash(session, dispatch, document) != dispatch.content_hash:
        raise MoveRefused("a message is not what was handed in; schedule the drill anew")
    step.armed_by, step.armed_at = person.id, now
    step.armed_hash = arming_hash([step], {step.id: dispatch})
