"""Preparing: the words and sounds of every message of an occurrence are made and handed in, to be armed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError

from alertd import issue, operators, store
from alertd.db import reading, writing
from alertd.dispatch import Person
from alertd.drill import PREPARED_AHEAD, first_due
from alertd.drill.file import read
from alertd.drill.scenario import Scenario
from alertd.drill.submission import submission
from alertd.errors import AlertdError, NotFound
from alertd.site import Site
from alertd.store import drills
from alertd.tables import DrillRow, DrillStepRow, OccurrenceRow, OperatorRow


def alarm_of(occurrence_id: int) -> str:
    """The name of the alarm of an occurrence."""
    return f"drill:{occurrence_id}"


def due(site: Site, now: datetime) -> list[int]:
    """The occurrences that are to be prepared now."""
    with reading(site.engine) as session:
        return [
            row.id
            for row in drills.open_occurrences(session, now + 2 * PREPARED_AHEAD)
            if row.prepared_at is None and first_due(drills.steps(session, row.id)) - PREPARED_AHEAD <= now
        ]


def prepare(site: Site, occurrence_id: int) -> bool:
    """Hands in the dispatch of every message that has none yet, in the name of who scheduled the drill.

    Twice is harmless: a step has one dispatch. What stands in the way is kept with the
    occurrence and raises an alarm; returns whether everything is there now.
    """
    with reading(site.engine) as session:
        row = drills.occurrence(session, occurrence_id)
        if row is None:
            raise NotFound(f"there is no drill {occurrence_id}; `alertd drill list` shows them")
        if row.prepared_at is not None or row.ended_at is not None:
            return row.prepared_at is not None
        drill = session.get_one(DrillRow, row.drill_id)
        person = operators.person(session.get_one(OperatorRow, drill.created_by))
        there = drills.step_dispatches(session, occurrence_id)
        missing = [step for step in drills.steps(session, occurrence_id) if step.id not in there]
    scenario = read(drill.document)
    for step in missing:
        try:
            _hand_in(site, scenario, row, step, person)
        except (AlertdError, IntegrityError) as error:
            if _there(site, occurrence_id, step.id):
                continue  # somebody else was first
            _note(site, occurrence_id, f"the drill cannot be prepared: {error}")
            return False
    with writing(site.engine) as session:
        stored = drills.occurrence(session, occurrence_id, lock=True)
        assert stored is not None
        stored.prepared_at, stored.why = site.clock.now(), None
        store.clear_alarm(session, alarm_of(occurrence_id))
    return True


def _hand_in(site: Site, scenario: Scenario, row: OccurrenceRow, step: DrillStepRow, person: Person) -> None:
    identifier = f"{site.config.city.code}-{row.starts_at:%Y%m%dT%H%M%S}-drill{row.id}-{step.position}"
    handed_in = submission(
        site,
        scenario,
        scenario.steps[step.position],
        starts_at=row.starts_at,
        identifier=identifier,
        number=step.id,
    )
    issue.submit(site, handed_in, person)


def _there(site: Site, occurrence_id: int, step_id: int) -> bool:
    with reading(site.engine) as session:
        return step_id in drills.step_dispatches(session, occurrence_id)


def _note(site: Site, occurrence_id: int, why: str) -> None:
    with writing(site.engine) as session:
        stored = drills.occurrence(session, occurrence_id, lock=True)
        if stored is not None and stored.ended_at is None:
            stored.why = why[:500]
            store.raise_alarm(session, alarm_of(occurrence_id), why, site.clock.now())
