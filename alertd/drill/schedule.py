"""Scheduling: a scenario becomes a drill with its next occurrence; a rule makes one after the other."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alertd import audit
from alertd.db import reading, writing
from alertd.dispatch import Person, Role
from alertd.drill.document import WrongScenario
from alertd.drill.file import read
from alertd.drill.scenario import Part, Scenario
from alertd.errors import MoveRefused, Problem
from alertd.site import Site
from alertd.store import drills
from alertd.tables import DrillRow, DrillStepRow, OccurrenceRow


def next_start(scenario: Scenario, now: datetime) -> datetime:
    """When the scenario takes place next, by its day or rule. Raises WrongScenario."""
    if scenario.rule is not None:
        found = scenario.rule.after(now)
    else:
        found = scenario.once(scenario.day) if scenario.day is not None else None
    if found is None or found <= now:
        raise WrongScenario(
            Problem(
                "date",
                "the scenario names no time that is still to come; give --date YYYY-MM-DD, or a “rule”",
                "これから来る日時がありません。--date で日付を指定してください。",
            )
        )
    return found


def schedule(site: Site, scenario: Scenario, person: Person, *, once_at: datetime | None = None) -> int:
    """Stores the drill and its next occurrence; returns the occurrence.

    `once_at` = once, at that time, whatever the scenario's rule says. Messages whose time
    has passed already are left out. Nothing goes out before a second person has armed it.
    Raises MoveRefused or WrongScenario.
    """
    now = site.clock.now()
    if Role.DRAFT not in person.roles:
        raise MoveRefused(f"{person.name} may not schedule drills: the role draft is needed")
    start = once_at if once_at is not None else next_start(scenario, now)
    if start <= now:
        raise WrongScenario(
            Problem("date", "that time has passed; give a later one", "その日時は過ぎています。")
        )
    once = start if once_at is not None or scenario.rule is None else None
    with writing(site.engine) as session:
        row = DrillRow(
            name=scenario.name,
            title=scenario.title["ja"][:200],
            document=scenario.document,
            once_at=once,
            created_by=person.id,
            created_at=now,
        )
        session.add(row)
        session.flush()
        occurrence = _occur(session, row, scenario, start, now)
        audit.note(
            session,
            at=now,
            actor=person.name,
            action="drill.scheduled",
            subject=f"drill:{occurrence.id}",
            detail={"name": row.name, "starts_at": start.isoformat(), "recurring": once is None},
        )
        return occurrence.id


def plan_next(site: Site) -> int:
    """Makes the next occurrence of every drill whose last one has ended; returns how many.

    By two relays at once, or twice, is harmless: there is one occurrence for each time.
    """
    with reading(site.engine) as session:
        numbers = [row.id for row in drills.drills_without_occurrence(session)]
    made = 0
    for number in numbers:
        try:
            with writing(site.engine) as session:
                made += _plan_next(session, number, site.clock.now())
        except IntegrityError:
            continue  # another relay was first
    return made


def _plan_next(session: Session, number: int, now: datetime) -> int:
    row = session.get(DrillRow, number, with_for_update=True)
    if row is None or row.ended_at is not None:
        return 0
    scenario = read(row.document)
    last = drills.latest_start(session, row.id)
    start = (
        scenario.rule.after(max(now, last) if last else now)
        if scenario.rule is not None and row.once_at is None
        else None
    )
    if start is None:
        row.ended_at = now
        return 0
    _occur(session, row, scenario, start, now)
    return 1


def _occur(
    session: Session, row: DrillRow, scenario: Scenario, start: datetime, now: datetime
) -> OccurrenceRow:
    occurrence = OccurrenceRow(drill_id=row.id, starts_at=start)
    session.add(occurrence)
    session.flush()
    for position, step in enumerate(scenario.steps):
        due_at = scenario.due_at(step, start)
        if step.part is Part.ANNOUNCEMENT and due_at is not None and due_at <= now:
            continue
        session.add(
            DrillStepRow(occurrence_id=occurrence.id, position=position, part=step.part.value, due_at=due_at)
        )
    session.flush()
    return occurrence
