"""Following: an alert made the Update of the one that it follows up, with its mark and CAP's references."""

from __future__ import annotations

from sqlalchemy.orm import Session

from alertd import cap, store
from alertd.alert import Alert, MsgType, Status
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import MoveRefused, NotFound, Problem, WrongAlert
from alertd.follow_up import FollowUp, marked, referring
from alertd.site import Site
from alertd.store.published import area_names
from alertd.tables import AlertRow

#: what went out can be followed up
FOLLOWED = (State.APPROVED, State.SENDING, State.FINISHED, State.CANCELLED)


def following(site: Site, alert: Alert, number: int, how: FollowUp) -> Alert:
    """The alert as the follow-up of a dispatch. Raises NotFound, MoveRefused or WrongAlert.

    It references that one's alert as far as it speaks of all its areas; a drill is followed
    up by a drill.
    """
    with reading(site.engine) as session:
        return referring(marked(alert, how), _before(session, number, alert.status), area_names(session))


def _before(session: Session, number: int, status: Status) -> Alert:
    row = store.dispatch(session, number)
    if row is None:
        raise NotFound(f"there is no dispatch {number}")
    before = cap.parse(session.get_one(AlertRow, row.alert_id).document)
    if row.state not in FOLLOWED or before.msg_type is MsgType.CANCEL:
        raise MoveRefused("only an alert that went out can be followed up")
    if before.status is not status:
        raise WrongAlert(
            Problem(
                "status",
                f"what follows up an {before.status} is an {before.status} itself",
                "続報などの区分（本番・訓練・試験）は、もとの発令と同じにしてください。",
            )
        )
    return before
