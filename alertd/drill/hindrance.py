"""The hindrance of a drill: a freeze, or a grave real alert that is in force or was just let go."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from alertd import cap
from alertd.alert import Alert, MsgType, Severity
from alertd.dispatch import State
from alertd.drill import REAL_LASTS
from alertd.errors import WrongAlert
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, Hazard
from alertd.store import drills
from alertd.store.freezes import ALL, open_below

#: from this level on a real alert ends every drill
LEVEL = 3
_GRAVE = (Severity.EXTREME, Severity.SEVERE)


def hindrance(session: Session, now: datetime) -> str | None:
    """Why no drill may go on now; None when nothing stands in the way.

    A real alert holds from its approval until it expires, is called off, or a newer one
    replaces it, and two hours in any case. What is not understood holds too. A message
    that a freeze has held back would be heard after its time.
    """
    if open_below(session, now) < ALL:
        return "drills are frozen or far ends are maintained; nothing goes out"
    rows = drills.real_alerts(session, now=now, since=now - REAL_LASTS)
    told = [(row, _read(alert.document)) for row, alert in rows]
    closed = {reference for _, alert in told if alert is not None for reference in alert.references}
    for row, alert in told:
        assert row.approved_at is not None
        over = row.state is State.CANCELLED or (alert is not None and alert.reference in closed)
        fresh = row.approved_at > now - REAL_LASTS
        if (fresh or not over) and (alert is None or grave(alert)):
            return f"a real alert is in force or was until a short time ago (dispatch {row.id})"
    return None


def grave(alert: Alert) -> bool:
    """Whether a real alert ends drills: level 3 and above, civil protection, or as severe as they are."""
    return alert.msg_type is not MsgType.CANCEL and any(
        info.severity in _GRAVE
        or info.event_code(HAZARD_CODE) == Hazard.CIVIL_PROTECTION
        or (info.parameter(LEVEL_PARAMETER) or "0") in {str(level) for level in range(LEVEL, 6)}
        for info in alert.infos
    )


def _read(document: bytes) -> Alert | None:
    """The stored alert; None when it cannot be read, which counts as grave."""
    try:
        return cap.parse(document)
    except WrongAlert:
        return None
