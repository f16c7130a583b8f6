"""Firing: a message of a drill goes out at its time, once, or never; and how a drill ends.

Every decision is taken under the lock of the occurrence, so that any number of relays
may look. What goes out was armed by a person; whatever is not as it must be ends the
drill instead.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import audit, issue, store
from alertd.db import reading, writing
from alertd.dispatch import MOVES, Move, Person, Role, State
from alertd.drill import CHECKS, LATEST, WATCHED_FROM, Ending, Stage, stage
from alertd.drill.guard import step_problems
from alertd.drill.hindrance import hindrance
from alertd.drill.prepare import alarm_of
from alertd.drill.scenario import Part
from alertd.errors import MoveRefused, NotFound
from alertd.site import Site
from alertd.store import drills
from alertd.tables import DispatchRow, DrillRow, DrillStepRow, OccurrenceRow

log = logging.getLogger(__name__)

#: nothing before this is looked at: no message goes out earlier before its drill
_AHEAD = timedelta(days=2)
#: an alarm of a drill that did not take place stays on for so long
_ALARM = timedelta(hours=12)
_DONE = (State.FINISHED, State.CANCELLED, State.REJECTED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with an occurrence now: messages that go out, or its end."""

    fire: Sequence[int] = ()
    ending: Ending | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """An occurrence as it is now."""

    session: Session
    site: Site
    row: OccurrenceRow
    now: datetime
    steps: Sequence[DrillStepRow] = field(default=())
    dispatches: Mapping[int, DispatchRow] = field(default_factory=dict)


def fire_due(site: Site) -> int:
    """Looks at every occurrence whose time is near; returns how many changed.

    Reads only, unless something is to be done.
    """
    now = site.clock.now()
    with reading(site.engine) as session:
        rows = drills.open_occurrences(session, now + _AHEAD)
        wanting = [row.id for row in rows if _verdict(_look(session, site, row, now)) is not None]
    for number in wanting:
        with writing(site.engine) as session:
            locked = drills.occurrence(session, number, lock=True)
            if locked is None or locked.ended_at is not None:
                continue
            look = _look(session, site, locked, site.clock.now())
            verdict = _verdict(look)
            if verdict is None:
                continue
            for step in look.steps:
                if step.id in verdict.fire:
                    _fire(look, step)
            if verdict.ending is not None:
                _end(look, verdict.ending, verdict.why, by=audit.ENGINE)
    return len(wanting)


def stop(site: Site, occurrence_id: int, person: Person, *, reason: str, series: bool = False) -> None:
    """A person stops a drill before or while it goes on; those who heard of it are told.

    With `series` a recurring drill does not take place again. Raises MoveRefused or NotFound.
    """
    if not person.roles & {Role.SEND, Role.APPROVE, Role.DRAFT}:
        raise MoveRefused(f"{person.name} may not stop drills: the role send, approve or draft is needed")
    with writing(site.engine) as session:
        row = drills.occurrence(session, occurrence_id, lock=True)
        if row is None:
            raise NotFound(f"there is no drill {occurrence_id}; `alertd drill list` shows them")
        if series:
            session.get_one(DrillRow, row.drill_id).ended_at = site.clock.now()
        if row.ended_at is None:
            _end(_look(session, site, row, site.clock.now()), Ending.CANCELLED, reason, by=person.name)
        elif not series:
            raise MoveRefused(f"the drill has ended already ({row.ending})")


def calm(site: Site) -> None:
    """Puts off the alarms of drills that ended some time ago."""
    now = site.clock.now()
    with reading(site.engine) as session:
        old = [
            row.name
            for row in store.alarms(session)
            if row.name.startswith("drill:") and row.raised_at < now - _ALARM
        ]
    for name in old:
        with writing(site.engine) as session:
            occurrence = drills.occurrence(session, int(name.partition(":")[2]))
            if occurrence is None or occurrence.ended_at is not None:
                store.clear_alarm(session, name)


# private steps ------------------------------------------------------------------------


def _look(session: Session, site: Site, row: OccurrenceRow, now: datetime) -> _Look:
    return _Look(
        session,
        site,
        row,
        now,
        drills.steps(session, row.id),
        drills.step_dispatches(session, row.id),
    )


def _verdict(look: _Look) -> Verdict | None:
    """What is to be done now; None = nothing."""
    now, row = look.now, look.row
    waiting = [step for step in look.steps if step.fired_at is None and step.due_at is not None]
    due = [step for step in waiting if step.due_at is not None and step.due_at <= now]
    begun = stage(row, look.steps) is Stage.RUNNING
    if begun and not waiting and _all_final(look):
        return Verdict(ending=Ending.FINISHED)
    if not (due or begun or row.starts_at - WATCHED_FROM <= now):
        return None
    if (standing := hindrance(look.session, now)) is not None:
        return Verdict(ending=Ending.ABORTED, why=standing)
    late = [
        step for step in (*due, *_unplanned(look)) if step.due_at is not None and step.due_at < now - LATEST
    ]
    if late:
        return Verdict(
            ending=Ending.MISSED,
            why=f"message {late[0].position + 1} could not go out within 10 minutes of its time",
        )
    if not due:
        return None
    if (seen := _checked(look)) is None:
        return None
    wrong = [*seen, *_wrong(look, due)]
    if wrong:
        return Verdict(ending=Ending.WITHHELD, why="; ".join(dict.fromkeys(wrong)))
    return Verdict(fire=[step.id for step in due])


def _unplanned(look: _Look) -> list[DrillStepRow]:
    """Messages that were fired and that nobody has planned since: their relay died at that moment."""
    return [
        step
        for step in look.steps
        if step.fired_at is not None
        and step.part != Part.ABORT
        and look.dispatches[step.id].state in (State.APPROVED, State.SUBMITTED)
    ]


def _checked(look: _Look) -> Sequence[str] | None:
    """What the last look before the start found; None = it was due and is not there yet."""
    passed = [minutes for minutes in CHECKS if look.row.starts_at - timedelta(minutes=minutes) <= look.now]
    if not passed:
        return ()
    check = drills.checks(look.session, look.row.id).get(min(passed))
    return check.problems if check is not None else None


def _wrong(look: _Look, due: Sequence[DrillStepRow]) -> list[str]:
    found = [] if look.row.prepared_at is not None else ["its words and sounds are not ready"]
    for step in due:
        said = step_problems(look.session, look.site, step, look.dispatches.get(step.id))
        found += [f"message {step.position + 1}: {sentence}" for sentence in said]
    return found


def _all_final(look: _Look) -> bool:
    """Whether every delivery of the drill itself is final; who still waits for its announcement need not."""
    return all(look.dispatches[step.id].state in _DONE for step in look.steps if step.part == Part.STEP)


def _fire(look: _Look, step: DrillStepRow) -> None:
    """The message is approved in the name of who armed it; the relay plans it like any other."""
    row = store.dispatch(look.session, look.dispatches[step.id].id, lock=True)
    assert row is not None and step.fired_at is None
    row.state = MOVES[row.state, Move.FIRE]
    row.approved_by, row.approved_at = step.armed_by, look.now
    step.fired_at = look.now
    audit.note(
        look.session,
        at=look.now,
        actor=audit.ENGINE,
        action="drill.fired",
        subject=f"dispatch:{row.id}",
        detail={"drill": look.row.id, "message": step.position, "content_hash": row.content_hash},
    )


def _end(look: _Look, ending: Ending, why: str, *, by: str) -> None:
    """Stops what is under way; those who heard of the drill are told that it is over before its time."""
    session, now = look.session, look.now
    look.row.ended_at, look.row.ending, look.row.why = now, ending.value, why[:500] or None
    told = False
    for step in look.steps:
        dispatch = look.dispatches.get(step.id)
        if step.part != Part.ABORT:
            told = told or step.fired_at is not None
        if dispatch is None or dispatch.state in _DONE or step.part == Part.ABORT:
            continue
        row = store.dispatch(session, dispatch.id, lock=True)
        if row is not None and row.state not in _DONE:
            issue.halt(
                session, look.site, row, now, by=by, detail={"drill": look.row.id, "ending": ending.value}
            )
    audit.note(
        session,
        at=now,
        actor=by,
        action=f"drill.{ending.value}",
        subject=f"drill:{look.row.id}",
        detail={"why": why},
    )
    for step in look.steps:
        if step.part == Part.ABORT:
            _last_word(look, step, say=told and ending is not Ending.FINISHED, by=by)
    if ending in (Ending.ABORTED, Ending.MISSED, Ending.WITHHELD):
        message = f"the drill did not take place as planned ({ending.value}): {why}"
        store.raise_alarm(session, alarm_of(look.row.id), message, now)
        log.error("drill %s ended: %s", look.row.id, ending.value)
    else:
        store.clear_alarm(session, alarm_of(look.row.id))


def _last_word(look: _Look, step: DrillStepRow, *, say: bool, by: str) -> None:
    """The word that the drill is broken off goes out, or is put away unsaid."""
    dispatch = look.dispatches.get(step.id)
    if dispatch is None or dispatch.state is not State.SUBMITTED:
        return
    if say and not list(step_problems(look.session, look.site, step, dispatch)):
        _fire(look, step)
        return
    row = store.dispatch(look.session, dispatch.id, lock=True)
    if row is not None and row.state is State.SUBMITTED:
        issue.halt(look.session, look.site, row, look.now, by=by, detail={"drill": look.row.id})
