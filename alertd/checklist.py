"""The checklist: what staff does by hand after an alert, who has done it and when, and what is late.

A tick is a row of the audit trail, so that it stands in the chronicle and cannot vanish;
what is done is the last word on each item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import audit
from alertd.alert import Alert, ResponseType
from alertd.check_item import CheckItem
from alertd.dispatch import Person, Role
from alertd.errors import MoveRefused, NotFound
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, LEVELS, hazard_of
from alertd.tables import AuditRow, DispatchRow

#: the actions of ticks in the audit trail
DONE, UNDONE = "checklist.done", "checklist.undone"
#: who may tick
TICKS = frozenset({Role.DRAFT, Role.APPROVE, Role.SEND})
#: what lifts an order is entered like an order of this level
_LIFTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One item for one dispatch."""

    id: str
    label: str
    label_en: str
    due_at: datetime
    #: None = it is still to be done
    done_by: str | None = None
    done_at: datetime | None = None
    #: its time is over, and nobody has done it
    overdue: bool = False


def checklist(
    session: Session, items: Mapping[str, CheckItem], row: DispatchRow, alert: Alert, now: datetime
) -> tuple[Task, ...]:
    """What is to be done for a dispatch since its approval, in the order of the configuration."""
    if row.approved_at is None:
        return ()
    wanted = {name: item for name, item in items.items() if applies(item, alert)}
    if not wanted:
        return ()
    ticked = _ticked(session, row.id)
    found = []
    for name, item in wanted.items():
        due_at = row.approved_at + timedelta(minutes=item.within)
        done = ticked.get(name)
        found.append(
            Task(
                id=name,
                label=item.label,
                label_en=item.label_en or item.label,
                due_at=due_at,
                done_by=done[0] if done else None,
                done_at=done[1] if done else None,
                overdue=done is None and now > due_at,
            )
        )
    return tuple(found)


def applies(item: CheckItem, alert: Alert) -> bool:
    """Whether the item belongs to an alert of this level and hazard; what lifts an order counts too."""
    info = alert.infos[0]
    hazard = hazard_of(info.event_code(HAZARD_CODE))
    if item.hazards and hazard not in item.hazards:
        return False
    given = info.parameter(LEVEL_PARAMETER)
    level = int(given) if given in {"1", "2", "3", "4", "5"} else 0
    if ResponseType.ALL_CLEAR in info.response_types and hazard in LEVELS:
        level = max(level, _LIFTED)
    return level >= item.level


def tick(
    session: Session,
    items: Mapping[str, CheckItem],
    dispatch_id: int,
    item: str,
    person: Person,
    now: datetime,
    *,
    done: bool,
) -> None:
    """Says that an item is done, or not done after all; twice is harmless. Raises MoveRefused or NotFound."""
    if not person.roles & TICKS:
        raise MoveRefused(f"{person.name} may not tick the checklist: another role is needed")
    if item not in items or session.get(DispatchRow, dispatch_id) is None:
        raise NotFound(f"dispatch {dispatch_id} has no item {item!r}")
    if (item in _ticked(session, dispatch_id)) is done:
        return
    audit.note(
        session,
        at=now,
        actor=person.name,
        action=DONE if done else UNDONE,
        subject=f"dispatch:{dispatch_id}",
        detail={"item": item, "text": items[item].label},
    )


def _ticked(session: Session, dispatch_id: int) -> Mapping[str, tuple[str, datetime]]:
    """Who has done each item and when, for those that are done."""
    rows = session.scalars(
        select(AuditRow)
        .where(AuditRow.subject == f"dispatch:{dispatch_id}", AuditRow.action.in_((DONE, UNDONE)))
        .order_by(AuditRow.id)
    )
    found: dict[str, tuple[str, datetime]] = {}
    for row in rows:
        if row.action == DONE:
            found[row.detail["item"]] = (row.actor, row.at)
        else:
            found.pop(row.detail["item"], None)
    return found
