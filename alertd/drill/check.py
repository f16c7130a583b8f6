"""Checking: sixty, ten and one minutes before a drill everything is looked at, far ends too."""

from __future__ import annotations

from datetime import datetime, timedelta

from alertd import audit, store
from alertd.db import reading, writing
from alertd.drill import CHECKS, LATEST
from alertd.drill.guard import problems, unreachable
from alertd.drill.prepare import alarm_of
from alertd.site import Site
from alertd.store import drills


def due(site: Site, now: datetime) -> list[tuple[int, int]]:
    """The looks that are to be taken now: occurrence, and minutes before its start.

    A look that was missed is not taken after the next one is due.
    """
    found = []
    with reading(site.engine) as session:
        for row in drills.open_occurrences(session, now + timedelta(minutes=max(CHECKS))):
            passed = [minutes for minutes in CHECKS if row.starts_at - timedelta(minutes=minutes) <= now]
            if row.starts_at >= now - LATEST and min(passed) not in drills.checks(session, row.id):
                found.append((row.id, min(passed)))
    return found


def check(site: Site, occurrence_id: int, minutes: int) -> list[str]:
    """Looks at an occurrence, notes what is wrong and raises the alarm; returns what is wrong.

    By two relays at once is harmless: the first word on a look stands.
    """
    with reading(site.engine) as session:
        row = drills.occurrence(session, occurrence_id)
        if row is None or row.ended_at is not None:
            return []
        wrong = problems(session, site, row, site.clock.now())
    wrong += unreachable(site, occurrence_id)
    with writing(site.engine) as session:
        now = site.clock.now()
        drills.note_check(session, occurrence_id, minutes, wrong, now)
        if wrong:
            message = f"the drill will not begin as it is now: {'; '.join(wrong)}"
            store.raise_alarm(session, alarm_of(occurrence_id), message, now)
        else:
            store.clear_alarm(session, alarm_of(occurrence_id))
        audit.note(
            session,
            at=now,
            actor=audit.ENGINE,
            action="drill.checked",
            subject=f"drill:{occurrence_id}",
            detail={"minutes": minutes, "problems": len(wrong)},
        )
    return wrong
